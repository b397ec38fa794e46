//! What disguises leave of the detection.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use serde::Serialize;

use crate::{
    corpus::Row,
    mark,
    rate::Rate,
    target,
    values::{ENGINES, Verdicts},
};

/// Columns: classes that are disguised alike.
const FAMILIES: [(&str, &[&str]); 9] = [
    ("sqli", &["sqli"]),
    ("xss", &["xss"]),
    ("cmdexe", &["cmdexe"]),
    ("path", &["traversal", "lfi", "rfi"]),
    ("log4j", &["log4j"]),
    ("ssti", &["ssti"]),
    ("nosqli", &["nosqli"]),
    ("ssrf", &["ssrf"]),
    ("xxe", &["xxe"]),
];

/// Beyond them: classes without a target. They do not count in `all`.
const OTHER: &str = "other";

/// The detection of disguised attacks, by disguise and family of classes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Evasions {
    pub(crate) disguises: BTreeMap<String, BTreeMap<&'static str, Survival>>,
    /// Rows whose base is not in the set.
    pub(crate) orphans: u32,
}

/// Detection of the same attacks with and without a disguise.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Survival {
    pub(crate) plain: [Rate; ENGINES.len()],
    pub(crate) disguised: [Rate; ENGINES.len()],
}

impl Survival {
    /// In percent; `None` where nothing is found without the disguise.
    pub(crate) fn percent(&self, engine: usize) -> Option<f64> {
        let (plain, disguised) = (self.plain.get(engine)?, self.disguised.get(engine)?);
        (plain.hits > 0).then(|| 100.0 * f64::from(disguised.hits) / f64::from(plain.hits))
    }

    fn misses(&self, disguise: &str) -> bool {
        self.percent(0).is_some_and(|kept| kept < target::survival(disguise))
    }
}

impl Evasions {
    /// Joins disguised rows with the rows they were made from.
    pub(crate) fn of(rows: &[Row], verdicts: &[Verdicts], values: &[Row], of_values: &[Verdicts]) -> Self {
        let bases: HashMap<(&str, &str), &Verdicts> = values
            .iter()
            .zip(of_values)
            .map(|(row, verdicts)| ((row.class.as_str(), row.id.as_str()), verdicts))
            .collect();
        let mut evasions = Self::default();
        for (row, verdicts) in rows.iter().zip(verdicts) {
            let Some(base) = bases.get(&(row.class.as_str(), row.base.as_str())) else {
                evasions.orphans += 1;
                continue;
            };
            let disguise = evasions.disguises.entry(row.evasion.clone()).or_default();
            let family = family(&row.class);
            let columns = if family == OTHER { vec![OTHER] } else { vec![family, "all"] };
            for column in columns {
                let survival = disguise.entry(column).or_default();
                for (engine, verdict) in verdicts.iter().enumerate() {
                    if let Some(rate) = survival.disguised.get_mut(engine) {
                        rate.count(verdict.blocked);
                    }
                }
                for (rate, verdict) in survival.plain.iter_mut().zip(*base) {
                    rate.count(verdict.blocked);
                }
            }
        }
        evasions
    }

    /// The disguises that leave too little.
    pub(crate) fn missed(&self) -> Vec<String> {
        let totals = self.disguises.iter().filter_map(|(name, columns)| Some((name, columns.get("all")?)));
        totals
            .filter(|(name, all)| all.misses(name))
            .map(|(name, all)| format!("{name} keeps {:.1} %", all.percent(0).unwrap_or_default()))
            .collect()
    }
}

fn family(class: &str) -> &'static str {
    FAMILIES.iter().find(|(_, classes)| classes.contains(&class)).map_or(OTHER, |(name, _)| name)
}

impl fmt::Display for Evasions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> =
            std::iter::once("all").chain(FAMILIES.iter().map(|(name, _)| *name)).chain([OTHER]).collect();
        write!(f, "Disguised attacks still blocked, % of undisguised\n  {:16}      n", "")?;
        for column in &columns {
            write!(f, " {column:>8}")?;
        }
        writeln!(f, "  target | libinjection: all")?;
        for (name, cells) in &self.disguises {
            let all = cells.get("all").copied().unwrap_or_default();
            let rows: u32 =
                cells.iter().filter(|(column, _)| **column != "all").map(|(_, c)| c.plain[0].all).sum();
            write!(f, "{} {name:16} {rows:6}", mark(all.misses(name)))?;
            let seen: BTreeSet<&str> = cells.keys().copied().collect();
            for column in &columns {
                let cell = cells.get(column).filter(|_| seen.contains(column));
                match cell.and_then(|cell| Some((cell.percent(0)?, cell.misses(name)))) {
                    Some((kept, missed)) => write!(f, " {}{kept:6.1}", if missed { "!" } else { " " })?,
                    None => write!(f, " {:>7}", if cell.is_some() { "-" } else { "" })?,
                }
                write!(f, " ")?;
            }
            let libinjection = all.percent(1).map_or("-".to_owned(), |kept| format!("{kept:.1}"));
            writeln!(f, " {:6} | {libinjection:>6}", target::survival(name))?;
        }
        if self.orphans > 0 {
            writeln!(f, "  {} rows were made from attacks that are not in this set", self.orphans)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{corpus::tests::made_up, engine::Verdict};

    fn said(blocked: bool) -> Verdicts {
        [Verdict { blocked, found: blocked }; ENGINES.len()]
    }

    #[test]
    fn a_disguise_is_measured_on_the_rows_it_was_made_from() {
        let values = [
            made_up("sqli", "own", "a", "x"),
            made_up("sqli", "own", "b", "x"),
            made_up("sqli", "own", "never disguised", "x"),
            made_up("java", "own", "a", "x"),
        ];
        let plain = [said(true), said(false), said(true), said(true)];
        let disguised = |class: &str, base: &str| Row {
            evasion: "base64".to_owned(),
            base: base.to_owned(),
            ..made_up(class, "own", "", "y")
        };
        let rows = [
            disguised("sqli", "a"),
            disguised("sqli", "b"),
            disguised("java", "a"),
            disguised("sqli", "unknown"),
        ];
        let evasions =
            Evasions::of(&rows, &[said(false), said(false), said(true), said(true)], &values, &plain);
        let base64 = &evasions.disguises["base64"];
        assert_eq!(base64["sqli"].plain[0], Rate { hits: 1, all: 2 });
        assert_eq!(base64["sqli"].percent(0), Some(0.0));
        assert_eq!(base64["other"].percent(0), Some(100.0));
        assert_eq!(base64["all"].plain[0].all, 2);
        assert_eq!((evasions.orphans, evasions.missed()), (1, vec!["base64 keeps 0.0 %".to_owned()]));
        assert!(evasions.to_string().contains("✗ base64"), "{evasions}");
    }
}
