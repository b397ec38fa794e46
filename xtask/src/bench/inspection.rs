//! Whether the daemon does in a measurement what it is there for: an attack before it and one after it are found, and
//! nothing else is.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::rows::{Hop, Row};
use super::site::Site;
use crate::actor::Actor;
use crate::interrupt;

/// Policy violation (RFC 6455 §7.4.1), which is how Framewall closes.
const BLOCKED: u64 = 1008;
/// For the daemon to write its events.
const LIMIT: Duration = Duration::from_secs(5);

/// What the daemon reports of offending messages, and what must not happen at all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    blocked: usize,
    flagged: usize,
    /// The first event of another kind that is no matter of course.
    unexpected: Option<String>,
}

/// Sends an attack through the hop. In mode `block` it must be answered with a Close frame, else come back.
pub(super) fn attack(site: &Site, row: Row) -> Result<()> {
    let mut command = site.client();
    command.args(["attack", &format!("--to={}", row.address())]);
    if row.deflates() {
        command.arg("--deflate");
    }
    let mut client = Actor::start("the attacker", &mut command, &site.logs.join("attacker.log"))?;
    let result = client.wait(0, "what became of the attack", |event| event["event"] == "result")?;
    let expected = if row.mode() == Some("block") { Value::from(BLOCKED) } else { Value::Null };
    if result["closed"] != expected {
        bail!("an attack was answered with {}, not {expected}", result["closed"]);
    }
    Ok(())
}

/// Sees to it that of all messages since the start of the hop these attacks are the only ones that were found.
pub(super) fn check(row: Row, hop: &Hop, attacks: usize) -> Result<()> {
    let (Some(mode), Some(events)) = (row.mode(), &hop.events) else { return Ok(()) };
    let expected = Report {
        blocked: if mode == "block" { attacks } else { 0 },
        flagged: if mode == "log" { attacks } else { 0 },
        unexpected: None,
    };
    let started = Instant::now();
    loop {
        interrupt::check()?;
        let report = read(events)?;
        if report == expected {
            return Ok(());
        }
        if report.unexpected.is_some() || started.elapsed() > LIMIT {
            bail!("{} was expected to find {attacks} attacks, and found {report:?}", row.name());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read(events: &Path) -> Result<Report> {
    let file = File::open(events).with_context(|| events.display().to_string())?;
    let mut report = Report::default();
    for line in BufReader::new(file).lines() {
        report.count(&line?);
    }
    Ok(report)
}

impl Report {
    /// Counts an event; of thousands of connections there are thousands of lines, so they are not parsed.
    fn count(&mut self, line: &str) {
        const ORDINARY: [&str; 4] =
            ["daemon_started", "connection_opened", "websocket_opened", "connection_closed"];
        let is = |name: &str| line.contains(&format!(r#""event":"{name}""#));
        if is("message_blocked") {
            self.blocked += 1;
        } else if is("message_flagged") {
            self.flagged += 1;
        } else if !ORDINARY.into_iter().any(is) && self.unexpected.is_none() {
            self.unexpected = Some(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_findings_and_keeps_what_nobody_expects() {
        let mut report = Report::default();
        for event in
            ["daemon_started", "connection_opened", "message_blocked", "message_flagged", "message_blocked"]
        {
            report.count(&format!(r#"{{"time":"now","event":"{event}","connection":1}}"#));
        }
        assert_eq!(report, Report { blocked: 2, flagged: 1, unexpected: None });
        let dropped = r#"{"event":"events_dropped","count":3}"#;
        report.count(dropped);
        report.count(r#"{"event":"accept_failed"}"#);
        assert_eq!(report.unexpected.as_deref(), Some(dropped));
    }
}
