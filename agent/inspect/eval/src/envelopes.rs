//! Whether a value gets the same verdict whatever it is wrapped in.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{corpus::Row, mark, rate::Rate, target};

/// The verdicts about values that each stand in every envelope.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Envelopes {
    pub(crate) same: Rate,
    pub(crate) same_attacks: Rate,
    pub(crate) same_honest: Rate,
    /// In how many of its values an envelope differs from what most envelopes say.
    pub(crate) differ: BTreeMap<String, Difference>,
}

/// What an envelope changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) values: u32,
    /// Most envelopes say that it is to be blocked.
    pub(crate) missed: u32,
    /// Most envelopes say that it may pass.
    pub(crate) alarms: u32,
}

impl Envelopes {
    pub(crate) fn of(rows: &[Row], blocked: &[bool]) -> Self {
        let mut envelopes = Self::default();
        for verdicts in by_value(rows, blocked).into_values() {
            let majority = majority(&verdicts);
            let same = verdicts.iter().all(|(_, blocked)| *blocked == majority);
            envelopes.same.count(same);
            let attack = verdicts.first().is_some_and(|(row, _)| row.attack);
            if attack { &mut envelopes.same_attacks } else { &mut envelopes.same_honest }.count(same);
            for (row, blocked) in verdicts {
                let difference = envelopes.differ.entry(row.envelope.clone()).or_default();
                difference.values += 1;
                difference.missed += u32::from(majority && !blocked);
                difference.alarms += u32::from(!majority && blocked);
            }
        }
        envelopes
    }

    fn misses(&self) -> bool {
        self.same.percent() < target::INVARIANCE
    }

    pub(crate) fn missed(&self) -> Option<String> {
        self.misses().then(|| format!("envelope invariance {:.2} %", self.same.percent()))
    }
}

/// Rows in which most envelopes of their value say something else.
pub(crate) fn dissenters<'a>(rows: &'a [Row], blocked: &[bool]) -> Vec<(&'a Row, bool)> {
    let mut out = Vec::new();
    for verdicts in by_value(rows, blocked).into_values() {
        let majority = majority(&verdicts);
        out.extend(verdicts.into_iter().filter(|(_, blocked)| *blocked != majority));
    }
    out
}

/// A class and an id, or a category and an id, for the same text may stand in several.
type Key<'a> = (&'a str, &'a str, &'a str);

fn by_value<'a>(rows: &'a [Row], blocked: &[bool]) -> BTreeMap<Key<'a>, Vec<(&'a Row, bool)>> {
    let mut values: BTreeMap<Key<'a>, Vec<(&Row, bool)>> = BTreeMap::new();
    for (row, blocked) in rows.iter().zip(blocked) {
        values.entry((&row.class, &row.category, &row.id)).or_default().push((row, *blocked));
    }
    values
}

fn majority(verdicts: &[(&Row, bool)]) -> bool {
    2 * verdicts.iter().filter(|(_, blocked)| *blocked).count() > verdicts.len()
}

impl fmt::Display for Envelopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Same verdict in all {} envelopes\n{} {} % of {} values (attacks {} %, honest text {} %), target {}",
            self.differ.len(),
            mark(self.misses()),
            self.same,
            self.same.all,
            self.same_attacks,
            self.same_honest,
            target::INVARIANCE,
        )?;
        let mut differ: Vec<_> = self.differ.iter().collect();
        differ.sort_by_key(|(_, difference)| std::cmp::Reverse(difference.missed + difference.alarms));
        for (name, Difference { missed, alarms, .. }) in differ {
            if missed + alarms > 0 {
                writeln!(
                    f,
                    "      {name:18} passes {missed:4} that most block, blocks {alarms:4} that most let pass"
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::tests::made_up;

    fn wrapped(envelope: &str, class: &str, id: &str) -> Row {
        Row { envelope: envelope.to_owned(), ..made_up(class, "own", id, "x") }
    }

    #[test]
    fn one_envelope_that_differs_is_named_and_spoils_the_value() {
        let mut rows = Vec::new();
        let mut blocked = Vec::new();
        for envelope in ["json", "cbor", "plain"] {
            rows.push(wrapped(envelope, "sqli", "a"));
            blocked.push(envelope != "cbor");
            rows.push(wrapped(envelope, "benign", "a"));
            blocked.push(false);
        }
        let envelopes = Envelopes::of(&rows, &blocked);
        assert_eq!(envelopes.same, Rate { hits: 1, all: 2 });
        assert_eq!((envelopes.same_attacks.hits, envelopes.same_honest.hits), (0, 1));
        assert_eq!(envelopes.differ["cbor"], Difference { values: 2, missed: 1, alarms: 0 });
        assert_eq!(envelopes.differ["json"], Difference { values: 2, missed: 0, alarms: 0 });
        let odd = dissenters(&rows, &blocked);
        assert_eq!(odd.iter().map(|(row, _)| row.envelope.as_str()).collect::<Vec<_>>(), ["cbor"]);
        assert!(envelopes.to_string().contains("cbor") && !envelopes.to_string().contains("plain"));
    }
}
