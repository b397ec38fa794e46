//! A program that says what it sees as JSON lines on standard output.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::interrupt;
use crate::process::{self, KillOnDrop};

/// For what happens at once when all is well.
const LIMIT: Duration = Duration::from_secs(10);
/// More than the daemon takes to let its connections end.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A running program and what it has said so far.
#[derive(Debug)]
pub(crate) struct Actor {
    name: &'static str,
    child: KillOnDrop,
    lines: Receiver<String>,
    /// Everything it has said, in order.
    pub(crate) events: Vec<Value>,
}

impl Actor {
    /// Starts a program; what it writes to standard error goes to a file.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let errors = File::create(log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        // Ctrl-C is for us, who then stop its programs in the right order.
        let child = command.process_group(0).spawn().with_context(|| process::described(command))?;
        let mut child = KillOnDrop(child);
        let lines = process::lines(child.0.stdout.take().expect("standard output is piped"));
        Ok(Self { name, child, lines, events: Vec::new() })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Writes a line to its standard input.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        let stdin = self.child.0.stdin.as_mut().expect("standard input is piped");
        writeln!(stdin, "{line}").with_context(|| format!("tell {} to {line}", self.name))
    }

    /// Waits for an event among those from number `from` on; returns it.
    pub(crate) fn wait(&mut self, from: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.wait_within(LIMIT, from, what, wanted)
    }

    /// The same, for what takes its time.
    pub(crate) fn wait_within(
        &mut self,
        limit: Duration,
        from: usize,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let started = Instant::now();
        let mut next = from;
        loop {
            while let Some(event) = self.events.get(next) {
                if wanted(event) {
                    return Ok(event.clone());
                }
                next += 1;
            }
            if started.elapsed() > limit {
                bail!("{} did not report within {} s: {what}", self.name, limit.as_secs());
            }
            self.hear(Duration::from_millis(50))?;
        }
    }

    /// Takes in what it says within `time`; the new events.
    pub(crate) fn hear(&mut self, time: Duration) -> Result<&[Value]> {
        let known = self.events.len();
        let until = Instant::now() + time;
        loop {
            interrupt::check()?;
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let event =
                        serde_json::from_str(&line).with_context(|| format!("{} said: {line}", self.name))?;
                    self.events.push(event);
                    if self.events.len() > known {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{} has ended ({})", self.name, self.child.0.wait()?)
                }
            }
        }
        Ok(self.events.get(known..).unwrap_or_default())
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        let pid = i32::try_from(self.child.0.id()).context("process id")?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).with_context(|| format!("stop {}", self.name))?;
        let started = Instant::now();
        while started.elapsed() < STOP_LIMIT {
            if let Some(status) = self.child.0.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("{} did not end within {} s", self.name, STOP_LIMIT.as_secs());
    }
}
