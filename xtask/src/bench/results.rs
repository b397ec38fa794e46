//! What was measured, and its medians.

use std::collections::BTreeMap;

use super::load::Load;
use super::rows::Row;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    MessagesPerSecond,
    /// Round trips in microseconds.
    P50,
    P99,
    P999,
    /// Microseconds of CPU time for each message.
    HopCpu,
    AppCpu,
    ClientCpu,
    /// The part of the machine that programs had which are not measured: 0 to 1.
    Others,
}

/// What one measurement gave.
pub(super) type Values = BTreeMap<Metric, f64>;

/// All rounds of everything.
#[derive(Debug, Default)]
pub(super) struct Results {
    rounds: BTreeMap<(Load, Row), Vec<Values>>,
}

/// Of several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Results {
    pub(super) fn add(&mut self, load: Load, row: Row, values: Values) {
        self.rounds.entry((load, row)).or_default().push(values);
    }

    /// What several rounds amount to, if it was measured.
    pub(super) fn summary(&self, load: Load, row: Row, metric: Metric) -> Option<Summary> {
        let rounds = self.rounds.get(&(load, row))?;
        Summary::of(rounds.iter().filter_map(|values| values.get(&metric).copied()).collect())
    }
}

impl Summary {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        Some(Self { median: f64::midpoint(lower, upper), least: *values.first()?, most: *values.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_of_any_number_of_rounds() {
        let of = |values: &[f64]| Summary::of(values.to_vec()).map(|summary| summary.median);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(3.0));
        assert_eq!(of(&[9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(of(&[9.0, 1.0, 4.0, 2.0]), Some(3.0));
        let summary = Summary::of(vec![9.0, 1.0, 4.0]).unwrap();
        assert_eq!((summary.least, summary.most), (1.0, 9.0));
    }
}
