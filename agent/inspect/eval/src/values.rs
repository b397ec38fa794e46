//! Detection per class of attack, and false alarms per category of honest text.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{corpus::Row, engine::Verdict, mark, rate::Rate, target};

/// The engines in the order of their verdicts.
pub(crate) const ENGINES: [&str; 2] = ["framewall", "libinjection"];

/// What each engine says about a row.
pub(crate) type Verdicts = [Verdict; ENGINES.len()];

/// The figures of one set, by class and by category.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Values {
    pub(crate) classes: BTreeMap<String, Class>,
    pub(crate) categories: BTreeMap<String, Category>,
    /// All categories without a target of their own.
    pub(crate) core: Category,
}

/// How many attacks of a class are blocked.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Class {
    pub(crate) sources: BTreeMap<String, [Rate; ENGINES.len()]>,
}

/// How much honest text of a category is blocked, and in how much something is found.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Category {
    pub(crate) blocked: [Rate; ENGINES.len()],
    pub(crate) found: Rate,
}

impl Class {
    /// Over all rows.
    pub(crate) fn pooled(&self, engine: usize) -> Rate {
        let mut all = Rate::default();
        for rates in self.sources.values() {
            all.add(rates.get(engine).copied().unwrap_or_default());
        }
        all
    }

    /// The mean of the sources that are large enough; of the pooled rate if none is.
    pub(crate) fn average(&self, engine: usize) -> f64 {
        let rates: Vec<f64> = self
            .sources
            .values()
            .filter_map(|rates| rates.get(engine))
            .filter(|rate| rate.all >= target::SMALLEST_SOURCE)
            .map(|rate| rate.percent())
            .collect();
        if rates.is_empty() {
            self.pooled(engine).percent()
        } else {
            rates.iter().sum::<f64>() / rates.len() as f64
        }
    }

    /// Whether Framewall finds less than it should.
    fn misses(&self, name: &str) -> bool {
        // What is printed counts: 95.996 is no 96.
        target::detection(name).is_some_and(|least| self.average(0) < least)
    }
}

impl Category {
    fn count(&mut self, verdicts: &Verdicts) {
        for (rate, verdict) in self.blocked.iter_mut().zip(verdicts) {
            rate.count(verdict.blocked);
        }
        self.found.count(verdicts.first().is_some_and(|verdict| verdict.found));
    }

    fn rate(&self) -> Rate {
        self.blocked.first().copied().unwrap_or_default()
    }
}

impl Values {
    pub(crate) fn of(rows: &[Row], verdicts: &[Verdicts]) -> Self {
        let mut values = Self::default();
        for (row, verdicts) in rows.iter().zip(verdicts) {
            if row.attack {
                let class = values.classes.entry(row.class.clone()).or_default();
                let rates = class.sources.entry(row.source.clone()).or_default();
                for (rate, verdict) in rates.iter_mut().zip(verdicts) {
                    rate.count(verdict.blocked);
                }
                continue;
            }
            values.categories.entry(row.category.clone()).or_default().count(verdicts);
            if target::hard(&row.category).is_none() {
                values.core.count(verdicts);
            }
        }
        values
    }

    /// Prints the figures; of attacks also by source, if that is asked for.
    pub(crate) fn print(&self, sources: bool) {
        println!("{}", Table { values: self, sources });
    }

    /// The targets that are missed.
    pub(crate) fn missed(&self) -> Vec<String> {
        let classes = self.classes.iter().filter(|(name, class)| class.misses(name));
        let mut missed: Vec<_> =
            classes.map(|(name, class)| format!("{name} {:.2} %", class.average(0))).collect();
        for (name, category) in &self.categories {
            if target::hard(name).is_some_and(|most| category.rate().percent() > most) {
                missed.push(format!("{name} {:.2} % blocked", category.rate().percent()));
            }
        }
        if self.core.rate().percent() > target::CORE_BLOCKED {
            missed.push(format!("core benign {:.3} % blocked", self.core.rate().percent()));
        }
        missed
    }
}

/// How the figures are printed.
struct Table<'a> {
    values: &'a Values,
    sources: bool,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Attacks blocked, %        n  pooled   95 % interval   macro  target | libinjection: pooled  macro"
        )?;
        for (name, class) in &self.values.classes {
            let (low, high) = class.pooled(0).interval();
            let target = target::detection(name).map_or(String::new(), |least| format!("{least:.0}"));
            writeln!(
                f,
                "{} {name:18} {:6}  {}  {low:6.2}-{high:6.2}  {:6.2}  {target:>6} | {:>20}  {:6.2}",
                mark(class.misses(name)),
                class.pooled(0).all,
                class.pooled(0),
                class.average(0),
                class.pooled(1),
                class.average(1),
            )?;
            if self.sources && class.sources.len() > 1 {
                for (source, [framewall, libinjection]) in &class.sources {
                    let source: String = source.chars().take(45).collect();
                    writeln!(
                        f,
                        "      {source:45} {:5}/{:<5} {framewall} | {libinjection}",
                        framewall.hits, framewall.all
                    )?;
                }
            }
        }
        writeln!(
            f,
            "\nHonest text, %            n  blocked           95 % interval   any signal  target | libinjection"
        )?;
        let core = [("CORE TOTAL", &self.values.core)].into_iter();
        let all = self.values.categories.iter().map(|(name, category)| (name.as_str(), category));
        for (name, category) in all.chain(core) {
            let (low, high) = category.rate().interval();
            let most = if name == "CORE TOTAL" { Some(target::CORE_BLOCKED) } else { target::hard(name) };
            let missed = most.is_some_and(|most| category.rate().percent() > most);
            writeln!(
                f,
                "{} {name:18} {:6}  {:7.3} ({:4})   {low:6.3}-{high:6.3}       {}  {:>6} | {}",
                mark(missed),
                category.rate().all,
                category.rate().percent(),
                category.rate().hits,
                category.found,
                most.map_or(String::new(), |most| most.to_string()),
                category.blocked.get(1).copied().unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::tests::made_up;

    fn verdicts(framewall: bool, libinjection: bool) -> Verdicts {
        [framewall, libinjection].map(|blocked| Verdict { blocked, found: blocked })
    }

    #[test]
    fn a_source_counts_once_in_the_average_and_by_its_rows_in_the_pool() {
        let mut rows = Vec::new();
        let mut said = Vec::new();
        for (source, count, hits) in [("large", 20, 20), ("small", 5, 0), ("tiny", 4, 0)] {
            for nth in 0..count {
                rows.push(made_up("sqli", source, "", "x"));
                said.push(verdicts(nth < hits, false));
            }
        }
        let values = Values::of(&rows, &said);
        let class = &values.classes["sqli"];
        assert_eq!(class.pooled(0), Rate { hits: 20, all: 29 });
        assert!((class.average(0) - 50.0).abs() < 1e-9, "{}", class.average(0));
        assert_eq!(values.missed(), ["sqli 50.00 %"]);
    }

    #[test]
    fn what_is_hard_has_its_own_target_and_is_not_core() {
        let rows = [
            made_up("benign", "chat", "", "x"),
            made_up("benign", "code-snippet", "", "x"),
            made_up("benign", "json-message", "", "x"),
        ];
        let tagged = [Verdict { blocked: false, found: true }, Verdict::default()];
        let values = Values::of(&rows, &[tagged, verdicts(true, false), verdicts(false, true)]);
        assert_eq!(values.core.rate(), Rate { hits: 0, all: 1 });
        assert_eq!(values.core.found, Rate { hits: 1, all: 1 });
        assert_eq!(values.missed(), ["code-snippet 100.00 % blocked"]);
        let printed = Table { values: &values, sources: true }.to_string();
        assert!(printed.contains("✗ code-snippet") && printed.contains("  json-message"), "{printed}");
    }
}
