//! How long processes have run on a CPU.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// A process and all that it has started, as process ids.
pub(super) fn family(process: u32) -> Result<Vec<u32>> {
    let mut family = vec![process];
    let mut next = 0;
    while let Some(member) = family.get(next) {
        for thread in threads(*member)? {
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        next += 1;
    }
    Ok(family)
}

/// For which all threads of these processes have run, in the kernel and outside. The scheduler counts it exactly; what
/// `/proc/PID/stat` has is made of ticks.
pub(super) fn time(processes: &[u32]) -> Result<Duration> {
    let mut nanoseconds = 0;
    for process in processes {
        for thread in threads(*process)? {
            // A thread may end meanwhile.
            let Ok(text) = fs::read_to_string(thread.join("schedstat")) else { continue };
            nanoseconds += run_time(&text).with_context(|| format!("schedstat of {process}: {text}"))?;
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Lets all threads of these processes run on the first `cores` cores only.
pub(super) fn confine(processes: &[u32], cores: usize) -> Result<()> {
    let mut set = CpuSet::new();
    (0..cores).try_for_each(|core| set.set(core))?;
    for thread in processes.iter().map(|process| threads(*process)).collect::<Result<Vec<_>>>()?.concat() {
        let id = thread.file_name().and_then(|name| name.to_str()).context("the id of a thread")?;
        sched_setaffinity(Pid::from_raw(id.parse()?), &set).context("set the affinity")?;
    }
    Ok(())
}

/// The first number is the time on a CPU (Documentation/scheduler/sched-stats.rst).
fn run_time(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn threads(process: u32) -> Result<Vec<PathBuf>> {
    let tasks = Path::new("/proc").join(process.to_string()).join("task");
    let entries = fs::read_dir(&tasks).with_context(|| tasks.display().to_string())?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Ticks of all CPUs since the start of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Machine {
    busy: u64,
    all: u64,
}

impl Machine {
    pub(super) fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        Self::parse(&text).context("/proc/stat has no line for all CPUs")
    }

    /// `user nice system idle iowait irq softirq steal`, of which guests are part (proc_stat(5)).
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> =
            line.split_whitespace().take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
        let all = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Some(Self { busy: all - idle, all })
    }

    /// The part of the CPU time since `earlier` that others than those who ran for `ours` had: 0 to 1.
    pub(super) fn others_since(self, earlier: Self, ours: Duration) -> f64 {
        /// In a second; fixed in the kernel's interface on all machines that we run on.
        const TICKS: f64 = 100.0;
        let busy = (self.busy - earlier.busy) as f64 / TICKS;
        let all = ((self.all - earlier.all) as f64 / TICKS).max(1.0 / TICKS);
        ((busy - ours.as_secs_f64()) / all).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;
    use crate::process::KillOnDrop;

    #[test]
    fn a_busy_process_runs_on() {
        let mut shell = Command::new("sh");
        let shell = KillOnDrop(shell.args(["-c", "while :; do :; done"]).spawn().unwrap());
        let family = family(shell.0.id()).unwrap();
        let (before, started) = (time(&family).unwrap(), Instant::now());
        while time(&family).unwrap() - before < Duration::from_millis(20) {
            assert!(started.elapsed() < Duration::from_secs(30));
        }
    }

    #[test]
    fn a_family_has_children_and_their_children() {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "echo; sh -c 'echo; read line'; exit"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut shell = KillOnDrop(shell.spawn().unwrap());
        let lines = crate::process::lines(shell.0.stdout.take().unwrap());
        lines.recv().unwrap();
        lines.recv().unwrap();
        assert_eq!(family(shell.0.id()).unwrap().len(), 2);
    }

    #[test]
    fn what_we_did_not_do_was_done_by_others() {
        let before = Machine::parse("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3").unwrap();
        let after = Machine::parse("cpu  150 10 130 900 10 0 0 0 0 0").unwrap();
        // 0.9 s busy of 2 s, of which we had 0.5 s.
        assert!((after.others_since(before, Duration::from_millis(500)) - 0.2).abs() < 1e-9);
        assert_eq!(Machine::parse("cpu0 1 2"), None);
    }
}
