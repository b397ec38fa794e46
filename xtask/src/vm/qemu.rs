//! The virtual machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::plan;
use crate::interrupt;
use crate::libtest::Tally;
use crate::process::{self, KillOnDrop};

const PROGRAM: &str = "qemu-system-x86_64";
const CPUS: &str = "2";
/// The guest's files are in its memory.
const MEMORY: &str = "4096";
/// The kernel's command line. A panic ends the machine instead of hanging it. Defences against other tenants of the
/// processor are off: they cost much under emulation, and there are none.
const KERNEL_ARGUMENTS: &str =
    "console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/init mitigations=off random.trust_cpu=on";

/// What to boot.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) kernel: PathBuf,
    pub(super) initramfs: PathBuf,
    pub(super) limit: Duration,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What the tests said.
    pub(super) tally: Tally,
    /// Why the run counts as failed; `None` for success.
    pub(super) failure: Option<String>,
}

/// Reads the console. The decision is the guest's one line, whatever else happens.
#[derive(Debug, Default)]
struct Console {
    tally: Tally,
    decision: Option<Result<(), String>>,
}

impl Machine {
    /// Boots the machine, shows its console, and waits for its end.
    pub(super) fn run(&self) -> Result<Outcome> {
        let mut command = self.command();
        let started = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context(PROGRAM)?;
        let mut child = KillOnDrop(child);
        let lines = process::lines(child.0.stdout.take().expect("standard output is piped"));
        let mut console = Console::default();
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    println!("  | {line}");
                    console.line(&line);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            interrupt::check()?;
            if started.elapsed() > self.limit {
                let failure = format!("no end within {} s", self.limit.as_secs());
                return Ok(Outcome { tally: console.tally, failure: Some(failure) });
            }
        }
        let status = child.0.wait()?;
        let failure = match console.decision {
            Some(Ok(())) => None,
            Some(Err(reason)) => Some(reason),
            None => Some(format!("the machine ended without a decision ({PROGRAM}: {status})")),
        };
        Ok(Outcome { tally: console.tally, failure })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env("PATH", process::search_path(None)).args([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
        ]);
        command.args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        match std::env::var("FRAMEWALL_VM_ACCEL").as_deref() {
            Ok("kvm") => command.args(["-accel", "kvm", "-cpu", "host"]),
            Ok(_) | Err(_) => command.args(["-accel", "tcg,thread=multi", "-cpu", "max"]),
        };
        command.args(["-machine", "q35", "-smp", CPUS, "-m", MEMORY]);
        command.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs);
        command.args(["-append", KERNEL_ARGUMENTS]);
        command
    }
}

impl Console {
    fn line(&mut self, line: &str) {
        if let Some(tally) = Tally::of_line(line) {
            self.tally += tally;
        }
        if self.decision.is_some() {
            return;
        }
        if line == plan::SUCCESS {
            self.decision = Some(Ok(()));
        } else if let Some(reason) = line.strip_prefix(plan::FAILURE) {
            self.decision = Some(Err(reason.trim().to_owned()));
        }
    }
}

/// Stops unless this machine can emulate the guest.
pub(super) fn check() -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("`cargo xtask vm` knows x86_64 only: the guest runs this machine's programs");
    }
    Ok(())
}

/// Whether QEMU is installed.
pub(super) fn program() -> Option<PathBuf> {
    process::find_program(Path::new(PROGRAM).to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(lines: &[&str]) -> Console {
        let mut console = Console::default();
        lines.iter().for_each(|line| console.line(line));
        console
    }

    #[test]
    fn counts_tests_and_takes_the_first_decision() {
        let result =
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let console = decided(&["noise", result, result, plan::SUCCESS, "framewall-vm: failure late"]);
        assert_eq!((console.tally.passed, console.decision), (4, Some(Ok(()))));
    }

    #[test]
    fn success_is_the_whole_line_and_failure_has_a_reason() {
        assert_eq!(decided(&["x framewall-vm: success", "framewall-vm: success?"]).decision, None);
        let failed = decided(&["framewall-vm: failure of a, b", plan::SUCCESS]).decision;
        assert_eq!(failed, Some(Err("of a, b".to_owned())));
    }
}
