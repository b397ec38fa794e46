//! What was measured, and its medians.

use std::collections::BTreeMap;

use super::load::Load;
use super::rows::Row;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    /// Messages a second, there and back; of [`Load::Opening`] connections.
    Rate,
    MegabytesPerSecond,
    /// Percentiles of round trips in microseconds; of [`Load::Opening`], whole connections.
    P50,
    P99,
    P999,
    /// Microseconds of CPU time for each message or connection.
    HopCpu,
    AppCpu,
    ClientCpu,
    /// KiB for each connection: of the hop, and of the kernel for all that are on the way.
    Resident,
    Kernel,
    /// The part of the machine that programs had which are not measured: 0 to 1.
    Others,
}

impl Metric {
    pub(super) const ALL: [Self; 11] = [
        Self::Rate,
        Self::MegabytesPerSecond,
        Self::P50,
        Self::P99,
        Self::P999,
        Self::HopCpu,
        Self::AppCpu,
        Self::ClientCpu,
        Self::Resident,
        Self::Kernel,
        Self::Others,
    ];

    /// In JSON, with its unit.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Rate => "per_second",
            Self::MegabytesPerSecond => "megabytes_per_second",
            Self::P50 => "p50_us",
            Self::P99 => "p99_us",
            Self::P999 => "p999_us",
            Self::HopCpu => "hop_cpu_us",
            Self::AppCpu => "app_cpu_us",
            Self::ClientCpu => "client_cpu_us",
            Self::Resident => "resident_kib",
            Self::Kernel => "kernel_kib",
            Self::Others => "others_share",
        }
    }
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

    /// The loads that were measured.
    pub(super) fn loads(&self) -> Vec<Load> {
        let mut loads: Vec<_> = self.rounds.keys().map(|(load, _)| *load).collect();
        loads.dedup();
        loads
    }

    /// What each round gave, in their order.
    pub(super) fn each(&self, load: Load, row: Row, metric: Metric) -> Vec<f64> {
        let rounds = self.rounds.get(&(load, row)).map(Vec::as_slice).unwrap_or_default();
        rounds.iter().filter_map(|values| values.get(&metric).copied()).collect()
    }

    /// What several rounds amount to, if it was measured.
    pub(super) fn summary(&self, load: Load, row: Row, metric: Metric) -> Option<Summary> {
        Summary::of(self.each(load, row, metric))
    }

    /// Compares two cells round by round, and gives the median. What happened on the machine in a round happened to
    /// both.
    pub(super) fn compared(
        &self,
        metric: Metric,
        one: (Load, Row),
        other: (Load, Row),
        compare: impl Fn(f64, f64) -> f64,
    ) -> Option<f64> {
        let [ones, others] = [one, other].map(|(load, row)| self.each(load, row, metric));
        let rounds = ones.into_iter().zip(others).map(|(one, other)| compare(one, other));
        Some(Summary::of(rounds.collect())?.median)
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
    fn rounds_are_compared_with_each_other() {
        let load = Load::Opening;
        let mut results = Results::default();
        for (nginx, block) in [(100.0, 90.0), (10.0, 11.0), (50.0, 45.0)] {
            results.add(load, Row::Nginx, Values::from([(Metric::Rate, nginx)]));
            results.add(load, Row::Block, Values::from([(Metric::Rate, block)]));
        }
        let ratio = |one, other| results.compared(Metric::Rate, (load, one), (load, other), |a, b| a / b);
        assert_eq!(ratio(Row::Block, Row::Nginx), Some(0.9));
        assert_eq!(ratio(Row::Block, Row::Direct), None);
        assert_eq!(results.loads(), [load]);
    }

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
