//! A child process that reports by JSON lines on standard output.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::env;

/// A running peer or daemon. Dropping it kills it; in a failing test it then shows what it had said.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    said: Mutex<Said>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    events: Vec<Value>,
    stderr: Vec<String>,
    open_pipes: usize,
}

impl Process {
    /// Starts `command` and begins to read what it says.
    ///
    /// # Panics
    ///
    /// If the program cannot be started.
    #[must_use]
    pub fn spawn(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{name}: {:?} does not start ({error}); see `cargo xtask test`", command.get_program())
        });
        let log = Arc::new(Log::default());
        log.lock().open_pipes = 2;
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        follow(stdout, Arc::clone(&log), |said, line| {
            let event = serde_json::from_str(&line)
                .unwrap_or_else(|_| serde_json::json!({"event": "not-json", "line": line}));
            said.events.push(event);
        });
        follow(stderr, Arc::clone(&log), |said, line| said.stderr.push(line));
        let stdin = child.stdin.take();
        Self { name: name.to_owned(), child, stdin, log }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.log.lock().events.clone()
    }

    /// The events so far of one type.
    #[must_use]
    pub fn events_of(&self, event: &str) -> Vec<Value> {
        self.log.lock().events.iter().filter(|value| value["event"] == event).cloned().collect()
    }

    /// Standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.log.lock().stderr.join("\n")
    }

    /// Waits for the first event of type `event` that `matches`, past ones included.
    ///
    /// # Panics
    ///
    /// If none comes within [`env::patience`], or the process ends first.
    pub fn wait_event(&self, event: &str, mut matches: impl FnMut(&Value) -> bool) -> Value {
        self.wait_events(event, 1, &mut matches).remove(0)
    }

    /// Waits for `count` events of type `event` that match.
    ///
    /// # Panics
    ///
    /// As [`Self::wait_event`].
    pub fn wait_events(
        &self,
        event: &str,
        count: usize,
        mut matches: impl FnMut(&Value) -> bool,
    ) -> Vec<Value> {
        let deadline = Instant::now() + env::patience();
        let mut said = self.log.lock();
        let mut seen = 0;
        let mut found = Vec::new();
        loop {
            for value in &said.events[seen..] {
                if value["event"] == event && matches(value) {
                    found.push(value.clone());
                }
            }
            seen = said.events.len();
            if found.len() >= count {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || said.open_pipes == 0 {
                let why = if left.is_zero() { "in time" } else { "before it ended" };
                drop(said);
                panic!("{}: only {} of {count} matching {event:?} events {why}", self.name, found.len());
            }
            said = self.log.changed.wait_timeout(said, left).expect("no panic under the lock").0;
        }
    }

    /// Waits for the event of type `event` whose `field` is the address `address`, whatever form IPv4 has in it.
    ///
    /// # Panics
    ///
    /// As [`Self::wait_event`].
    pub fn wait_address(&self, event: &str, field: &str, address: SocketAddr) -> Value {
        self.wait_event(event, |value| address_in(value, field) == Some(crate::lab::canonical(address)))
    }

    /// Whether `text` occurs anywhere in what the process has said on standard output.
    #[must_use]
    pub fn has_said(&self, text: &str) -> bool {
        self.log.lock().events.iter().any(|value| contains(value, text))
    }

    /// Writes one line to the process.
    ///
    /// # Panics
    ///
    /// If the process does not read it.
    pub fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the process reads its input");
        stdin.flush().expect("the process reads its input");
    }

    /// Closes the process's standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal.
    ///
    /// # Panics
    ///
    /// If the process has been waited for.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a process id"));
        kill(pid, signal).unwrap_or_else(|error| panic!("{signal} to {}: {error}", self.name));
    }

    /// Kills the process at once and waits until the kernel has taken it down.
    ///
    /// # Panics
    ///
    /// If it cannot be waited for.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("wait for the killed process");
    }

    /// Waits until the process has ended and everything it said has been read.
    ///
    /// # Panics
    ///
    /// If that takes longer than `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            let ended = self.child.try_wait().expect("wait for the process");
            if let (Some(status), 0) = (ended, self.log.lock().open_pipes) {
                return status;
            }
            assert!(Instant::now() < deadline, "{} has not ended within {limit:?}", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the process still runs.
    ///
    /// # Panics
    ///
    /// If it cannot be asked.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("ask for the process").is_none()
    }

    /// What the process said, cut to what fits a failure message.
    #[must_use]
    pub fn report(&self) -> String {
        const SHOWN: usize = 40;
        let said = self.log.lock();
        let last = |lines: Vec<String>| {
            let skipped = lines.len().saturating_sub(SHOWN);
            let cut = |line: &String| line.chars().take(400).collect::<String>();
            lines[skipped..].iter().map(cut).collect::<Vec<_>>().join("\n  ")
        };
        format!(
            "--- {} said on standard output:\n  {}\n--- on standard error:\n  {}",
            self.name,
            last(said.events.iter().map(Value::to_string).collect()),
            last(said.stderr.clone())
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.report());
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            // A stopped process (SIGSTOP) is killed just as well.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The address in `field` of an event, in canonical form.
#[must_use]
pub fn address_in(event: &Value, field: &str) -> Option<SocketAddr> {
    event[field].as_str()?.parse().ok().map(crate::lab::canonical)
}

fn contains(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(items) => items.iter().any(|item| contains(item, text)),
        Value::Object(fields) => fields.iter().any(|(key, item)| key.contains(text) || contains(item, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().expect("no panic under the lock")
    }
}

fn follow(
    pipe: impl Read + Send + 'static,
    log: Arc<Log>,
    mut store: impl FnMut(&mut Said, String) + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if !text.is_empty() {
                store(&mut log.lock(), text);
                log.changed.notify_all();
            }
        }
        log.lock().open_pipes -= 1;
        log.changed.notify_all();
    });
}
