//! The clients' side of the conversation with `cargo xtask bench`: it looks at the processes' clocks while nobody has
//! anything to do, before and after what is measured.

use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::json;

/// How long a load lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
}

/// Says that everything is prepared and quiet, and waits for the word to go on.
pub(crate) fn ready() -> Result<()> {
    println!("{}", json!({ "event": "ready" }));
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).context("standard input")? == 0 {
        bail!("nobody says go");
    }
    Ok(())
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Messages, there and back.
    pub(crate) messages: u64,
    /// Until the last of them.
    pub(crate) elapsed: Duration,
    /// For which this process ran on a CPU meanwhile. Its threads have ended when others could look at their clocks.
    cpu: Duration,
    /// Of each message, in nanoseconds.
    pub(crate) latencies: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        /// Tenths of a percent.
        const DIGITS: u8 = 3;
        const LONGEST_NS: u64 = 60_000_000_000;
        let latencies = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are in order");
        Self { messages: 0, elapsed: Duration::ZERO, cpu: Duration::ZERO, latencies }
    }

    /// Messages whose latencies say nothing, because they wait for each other.
    pub(crate) fn of_stream(messages: u64, elapsed: Duration) -> Self {
        Self { messages, elapsed, ..Self::new() }
    }

    /// Counts a message and how long it took.
    pub(crate) fn count(&mut self, latency: Duration) {
        self.messages += 1;
        self.latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what another thread measured at the same time.
    pub(crate) fn merge(mut self, other: &Self) -> Result<Self> {
        self.messages += other.messages;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latencies.add(&other.latencies)?;
        Ok(self)
    }

    /// Prints the result; times in microseconds.
    pub(crate) fn print(&self) {
        let at = |percentile| self.latencies.value_at_percentile(percentile) as f64 / 1000.0;
        let result = json!({
            "event": "result",
            "messages": self.messages,
            "seconds": self.elapsed.as_secs_f64(),
            "cpu_seconds": self.cpu.as_secs_f64(),
            "p50_us": at(50.0),
            "p99_us": at(99.0),
            "p999_us": at(99.9),
        });
        println!("{result}");
    }
}

/// Warms up, waits for the word, measures and prints; each part is a thread's.
pub(crate) fn perform<P: Send>(
    parts: &mut [P],
    times: Times,
    work: impl Fn(&mut P, Duration) -> Result<Tally> + Sync,
) -> Result<()> {
    in_threads(parts, |part| work(part, times.warm_up))?;
    ready()?;
    in_threads(parts, |part| work(part, times.measure))?.print();
    Ok(())
}

/// Does what is to be measured in several threads, one for each part, and adds up what they say.
fn in_threads<P: Send>(parts: &mut [P], work: impl Fn(&mut P) -> Result<Tally> + Sync) -> Result<Tally> {
    let before = cpu_time()?;
    let mut tally = std::thread::scope(|scope| {
        let threads: Vec<_> = parts.iter_mut().map(|part| scope.spawn(|| work(part))).collect();
        threads.into_iter().try_fold(Tally::new(), |tally, thread| {
            tally.merge(&thread.join().expect("a client never panics")?)
        })
    })?;
    tally.cpu = cpu_time()? - before;
    Ok(tally)
}

/// For which this process has run on a CPU, in the kernel and outside.
fn cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("getrusage")?;
    let microseconds = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(microseconds.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_what_threads_measured() {
        let mut parts = [Tally::new(), Tally::new()];
        for microseconds in 1..=1000 {
            parts[microseconds % 2].count(Duration::from_micros(microseconds as u64));
        }
        parts[1].elapsed = Duration::from_secs(2);
        let [one, other] = parts;
        let whole = one.merge(&other).unwrap();
        assert_eq!((whole.messages, whole.elapsed), (1000, Duration::from_secs(2)));
        let p99 = whole.latencies.value_at_percentile(99.0);
        assert!((989_000..=991_000).contains(&p99), "{p99}");
    }
}
