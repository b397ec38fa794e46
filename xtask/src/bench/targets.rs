//! What Framewall promises: its cost is held against that of the others in the same run.

use super::idle::Traffic;
use super::load::{Direction, Load, MANY};
use super::results::{Metric, Results};
use super::rows::Row;

/// A promise and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) what: String,
    bound: Bound,
    /// Nothing if it was not measured in this run.
    pub(super) measured: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// Whether it is kept, if it was measured.
    pub(super) fn met(&self) -> Option<bool> {
        self.measured.map(|measured| match self.bound {
            Bound::AtLeast(bound) => measured >= bound,
            Bound::AtMost(bound) => measured <= bound,
        })
    }

    /// The bound with its sign.
    pub(super) fn bound(&self) -> String {
        match self.bound {
            Bound::AtLeast(bound) => format!("≥ {bound}"),
            Bound::AtMost(bound) => format!("≤ {bound}"),
        }
    }
}

/// All of them. Framewall is in mode block with 100 rules where nothing else is said.
pub(super) fn evaluate(results: &Results) -> Vec<Target> {
    let compared =
        |metric, one, other, compare: fn(f64, f64) -> f64| results.compared(metric, one, other, compare);
    let ratio = |metric, load, row, base| compared(metric, (load, row), (load, base), |row, base| row / base);
    let echo = |bytes, connections| Load::Echo { bytes, connections };
    let resident = |traffic, row| Some(results.summary(Load::Idle(traffic), row, Metric::Resident)?.median);
    let mut targets = Vec::new();
    let mut add = |what: String, bound, measured| targets.push(Target { what, bound, measured });

    for (base, bound) in [(Row::Nginx, 0.95), (Row::Haproxy, 1.0)] {
        for bytes in [128, 1024] {
            let load = echo(bytes, 32);
            let what = format!("messages/s, {}, to those of {}", load.name(), base.name());
            add(what, Bound::AtLeast(bound), ratio(Metric::Rate, load, Row::Rules, base));
        }
    }
    let small = echo(128, 32);
    let cpu = ratio(Metric::HopCpu, small, Row::Rules, Row::Nginx);
    add(format!("CPU time of the hop, {}, to nginx's", small.name()), Bound::AtMost(1.05), cpu);
    let single = echo(128, 1);
    let later = |one, other| compared(Metric::P50, (single, one), (single, other), |one, other| one - other);
    let what = format!("p50, {}, more than nginx's in µs", single.name());
    add(what, Bound::AtMost(4.0), later(Row::Rules, Row::Nginx));
    let p99 = ratio(Metric::P99, small, Row::Rules, Row::Nginx);
    add(format!("p99, {}, to nginx's", small.name()), Bound::AtMost(1.2), p99);
    let medium = echo(1024, 32);
    let inspected = ratio(Metric::Rate, medium, Row::Block, Row::Off);
    let what = format!("messages/s, {}, without rules, to those in mode off", medium.name());
    add(what, Bound::AtLeast(0.93), inspected);
    for direction in [Direction::Up, Direction::Down] {
        let load = Load::Stream { bytes: 1 << 20, direction };
        let measured = ratio(Metric::MegabytesPerSecond, load, Row::Rules, Row::Nginx);
        add(format!("MB/s, {}, to nginx's", load.name()), Bound::AtLeast(0.8), measured);
    }
    let opening = ratio(Metric::Rate, Load::Opening, Row::Rules, Row::Nginx);
    add("connections opened and closed/s, to nginx's".to_owned(), Bound::AtLeast(0.9), opening);
    for (traffic, row, bound) in [
        (Traffic::Plain, Row::Rules, 6.0),
        (Traffic::Offered, Row::Deflate, 10.0),
        (Traffic::Compressed, Row::Deflate, 48.0),
    ] {
        let what = format!("KiB for an idle connection, {}", traffic.name());
        add(what, Bound::AtMost(bound), resident(traffic, row));
    }
    let [few, many] = [32, MANY].map(|connections| (Load::Scale { connections }, Row::Rules));
    let scale = compared(Metric::HopCpu, many, few, |many, few| many / few);
    add(format!("CPU time of the hop, {MANY} connections to 32"), Bound::AtMost(1.3), scale);
    for (base, bound) in [(Row::Rules, 1.18), (Row::Nginx, 1.15)] {
        for bytes in [128, 1024] {
            let load = echo(bytes, 32);
            let what = format!("messages/s, {}, by the fast lane to {}", load.name(), base.name());
            add(what, Bound::AtLeast(bound), ratio(Metric::Rate, load, Row::Lane, base));
        }
    }
    for direction in [Direction::Up, Direction::Down] {
        let load = Load::Stream { bytes: 1 << 20, direction };
        let what = format!("MB/s, {}, by the fast lane to {}", load.name(), Row::Rules.name());
        add(what, Bound::AtLeast(0.95), ratio(Metric::MegabytesPerSecond, load, Row::Lane, Row::Rules));
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::Values;

    #[test]
    fn a_target_is_met_missed_or_not_measured() {
        let mut results = Results::default();
        let load = Load::Echo { bytes: 128, connections: 32 };
        for (row, rate, cpu) in
            [(Row::Nginx, 100.0, 10.0), (Row::Haproxy, 97.0, 11.0), (Row::Rules, 96.0, 10.4)]
        {
            results.add(load, row, Values::from([(Metric::Rate, rate), (Metric::HopCpu, cpu)]));
        }
        let targets = evaluate(&results);
        let met = |part: &str| targets.iter().find(|target| target.what.contains(part)).unwrap().met();
        assert_eq!(met("messages/s, echo, 32 × 128 B, to those of nginx"), Some(true));
        assert_eq!(met("messages/s, echo, 32 × 128 B, to those of HAProxy"), Some(false));
        assert_eq!(met("CPU time of the hop, echo, 32 × 128 B"), Some(true));
        assert_eq!(met("idle connection"), None);
        assert_eq!(targets[0].bound(), "≥ 0.95");
    }
}
