//! What the clients do: the columns of the table.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::cpu::{self, Machine};
use super::results::{Metric, Values};
use super::rows::{Hop, Row};
use super::site::{Site, threads};
use crate::actor::Actor;

/// For clients beyond the time that they measure: they connect, and wait for the last answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// One kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    /// Each connection sends the next message when it has got the last one back.
    Echo { bytes: usize, connections: usize },
}

/// How long loads last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) warm_up: Duration,
    pub(super) measure: Duration,
}

impl Load {
    /// As it stands in tables and in JSON.
    pub(super) fn name(self) -> String {
        match self {
            Self::Echo { bytes, connections } => format!("echo {} × {connections}", size(bytes)),
        }
    }

    /// Which of the selections of `--only` it belongs to.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Echo { .. } => "echo",
        }
    }

    /// On how many cores everything runs. With one connection nothing happens at the same time; all there would be to
    /// see of a second core is what it costs to wake it, which in a virtual machine is more than all the rest.
    fn cores(self) -> usize {
        match self {
            Self::Echo { connections: 1, .. } => 1,
            Self::Echo { .. } => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    fn arguments(self) -> Vec<String> {
        let words = match self {
            Self::Echo { bytes, connections } => {
                vec!["echo".to_owned(), format!("--bytes={bytes}"), format!("--connections={connections}")]
            }
        };
        words
    }

    /// Runs it through a hop.
    pub(super) fn run(self, site: &Site, row: Row, hop: &Hop, times: Times) -> Result<Values> {
        let mut command = site.client();
        command.args(self.arguments()).arg(format!("--to={}", row.address()));
        command.arg(format!("--threads={}", threads()));
        command.arg(format!("--warm-up-ms={}", times.warm_up.as_millis()));
        command.arg(format!("--measure-ms={}", times.measure.as_millis()));
        if row.deflates() {
            command.arg("--deflate");
        }
        let mut client = Actor::start("the clients", &mut command, &site.logs.join("client.log"))?;
        client.wait_within(times.warm_up + PATIENCE, 0, "that they are ready", |event| {
            event["event"] == "ready"
        })?;
        let (hop, app) = (hop.processes()?, cpu::family(site.app.id())?);
        let everybody = [&hop[..], &app, &[client.id()]].concat();
        cpu::confine(&everybody, self.cores())?;
        let parties = [(Metric::HopCpu, hop), (Metric::AppCpu, app)];
        let machine = Machine::now()?;
        let clocks = parties.iter().map(|(_, party)| cpu::nanoseconds(party)).collect::<Result<Vec<_>>>()?;
        client.say("go")?;
        let limit = times.measure + PATIENCE;
        let result = client.wait_within(limit, 0, "a result", |event| event["event"] == "result")?;
        let messages = number(&result, "messages")?;
        let mut values = Values::new();
        values.insert(Metric::MessagesPerSecond, messages / number(&result, "seconds")?);
        for (metric, key) in [(Metric::P50, "p50_us"), (Metric::P99, "p99_us"), (Metric::P999, "p999_us")] {
            values.insert(metric, number(&result, key)?);
        }
        let clients = number(&result, "cpu_seconds")?;
        values.insert(Metric::ClientCpu, 1e6 * clients / messages);
        let mut ours = Duration::from_secs_f64(clients);
        for ((metric, party), before) in parties.iter().zip(clocks) {
            let spent = cpu::nanoseconds(party)? - before;
            ours += Duration::from_nanos(spent);
            values.insert(*metric, spent as f64 / 1000.0 / messages);
        }
        values.insert(Metric::Others, Machine::now()?.others_since(machine, ours));
        Ok(values)
    }
}

fn number(result: &Value, key: &str) -> Result<f64> {
    result[key].as_f64().with_context(|| format!("the clients report no {key}: {result}"))
}

/// Bytes for people.
fn size(bytes: usize) -> String {
    match bytes {
        small @ 0..1024 => format!("{small} B"),
        medium @ 1024..1_048_576 => format!("{} KiB", medium / 1024),
        large => format!("{} MiB", large / 1_048_576),
    }
}
