//! How long a message takes.

use std::{
    fmt,
    hint::black_box,
    time::{Duration, Instant},
};

use framewall_inspect::{Inspector, Mode, Opcode, Profile, Settings};
use libinjectionrs::{detect_sqli, detect_xss};
use serde::Serialize;

use crate::{corpus::Row, engine::message, mark, target, values::ENGINES};

/// Messages of a group that are measured; of more, every so many-th.
const SAMPLE: usize = 3000;

/// Each message is judged so often, or for so long, between two looks at the clock. The shortest of some such batches
/// counts, for this machine has other things to do, too.
const BATCH: u32 = 8;
const LONGEST_BATCH: Duration = Duration::from_micros(200);
const BATCHES: u32 = 5;

/// Below this length nanoseconds per byte say little.
const LONG: usize = 64;

/// Time per message, by group of rows.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Timings {
    pub(crate) groups: Vec<Timing>,
}

/// Time per message of one group and engine.
#[derive(Debug, Serialize)]
pub(crate) struct Timing {
    pub(crate) group: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) messages: usize,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) max_ns: u64,
    /// Over all messages.
    pub(crate) ns_per_byte: f64,
    /// Of the worst message that is not short.
    pub(crate) worst_ns_per_byte: f64,
}

impl Timings {
    pub(crate) fn of(rows: &[Row], profile: Profile) -> Self {
        let core = |row: &Row| !row.attack && target::hard(&row.category).is_none();
        let mut timings = Self::default();
        for (group, member) in [
            ("core benign", &core as &dyn Fn(&Row) -> bool),
            ("other benign", &|row: &Row| !row.attack && !core(row)),
            ("attacks", &|row: &Row| row.attack),
        ] {
            let all: Vec<&Row> = rows.iter().filter(|row| member(row)).collect();
            let sample: Vec<&Row> = all.iter().step_by(all.len() / SAMPLE + 1).copied().collect();
            if sample.is_empty() {
                continue;
            }
            let settings = Settings { mode: Mode::Block, profile, ..Settings::default() };
            let mut inspector = Inspector::default();
            let messages: Vec<(Opcode, Vec<u8>)> = sample.iter().map(|row| message(row)).collect();
            let times = messages.iter().map(|(opcode, text)| {
                (
                    text.len(),
                    shortest(|| drop(black_box(inspector.inspect(&settings, *opcode, black_box(text))))),
                )
            });
            timings.groups.push(Timing::of(group, ENGINES[0], times.collect()));
            let times = sample.iter().map(|row| {
                let judge = || {
                    let value = black_box(row.payload.as_slice());
                    black_box(detect_sqli(value).is_injection() || detect_xss(value).is_injection());
                };
                (row.payload.len(), shortest(judge))
            });
            timings.groups.push(Timing::of(group, ENGINES[1], times.collect()));
        }
        timings
    }

    pub(crate) fn missed(&self) -> Vec<String> {
        let slow = self.groups.iter().filter(|timing| timing.misses());
        slow.map(|timing| format!("{}: {:.1} ns a byte", timing.group, timing.worst_ns_per_byte)).collect()
    }
}

/// The shortest time of `judge`, in nanoseconds.
fn shortest(mut judge: impl FnMut()) -> f64 {
    judge();
    let mut best = f64::INFINITY;
    for _ in 0..BATCHES {
        let start = Instant::now();
        let mut done = 0;
        while done < BATCH && start.elapsed() < LONGEST_BATCH {
            // Two looks at the clock are as long as a short message.
            for _ in 0..4 {
                judge();
            }
            done += 4;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(done));
    }
    best
}

impl Timing {
    /// From lengths in bytes and times in nanoseconds.
    fn of(group: &'static str, engine: &'static str, mut times: Vec<(usize, f64)>) -> Self {
        let bytes: usize = times.iter().map(|(len, _)| len).sum();
        let total: f64 = times.iter().map(|(_, time)| time).sum();
        let long = times.iter().filter(|(len, _)| *len >= LONG);
        let worst = long.map(|(len, time)| time / *len as f64).fold(0.0, f64::max);
        times.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let at = |share: f64| {
            let index = (share * times.len().saturating_sub(1) as f64).round() as usize;
            times.get(index).map_or(0, |(_, time)| time.round() as u64)
        };
        Self {
            group,
            engine,
            messages: times.len(),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            max_ns: at(1.0),
            ns_per_byte: total / bytes.max(1) as f64,
            worst_ns_per_byte: worst,
        }
    }

    fn misses(&self) -> bool {
        self.engine == ENGINES[0] && self.worst_ns_per_byte > target::NANOSECONDS_PER_BYTE
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Time per message, ns            n      p50      p99       max   ns/B  worst ns/B (>= {LONG} B)"
        )?;
        for timing in &self.groups {
            writeln!(
                f,
                "{} {:12} {:12} {:6} {:8} {:8} {:9} {:6.2}  {:6.2}",
                mark(timing.misses()),
                timing.group,
                timing.engine,
                timing.messages,
                timing.p50_ns,
                timing.p99_ns,
                timing.max_ns,
                timing.ns_per_byte,
                timing.worst_ns_per_byte,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_times_and_weighs_bytes() {
        let times = (1..=101).map(|nth| (100, f64::from(nth) * 10.0)).collect();
        let timing = Timing::of("core benign", ENGINES[0], times);
        assert_eq!((timing.p50_ns, timing.p99_ns, timing.max_ns), (510, 1000, 1010));
        assert!((timing.ns_per_byte - 5.1).abs() < 1e-9 && (timing.worst_ns_per_byte - 10.1).abs() < 1e-9);
        assert!(!timing.misses());
        assert!(Timing::of("attacks", ENGINES[0], vec![(100, 2100.0), (10, 900.0)]).misses());
    }
}
