//! One measurement: the clients' program is told what to do, and the clocks are read before and after.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::cpu::{self, Machine};
use super::idle::Memory;
use super::load::{Load, Times};
use super::results::{Metric, Values};
use super::rows::{Hop, Row};
use super::site::{self, Site};
use crate::actor::Actor;

/// For the clients beyond the time that they measure: they connect, and wait for the last answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a load through a hop.
pub(super) fn run(site: &Site, load: Load, row: Row, hop: &Hop, times: Times) -> Result<Values> {
    let mut command = site.client();
    command.args(load.arguments()).arg(format!("--to={}", row.address()));
    command.arg(format!("--threads={}", site::threads()));
    command.arg(format!("--warm-up-ms={}", times.warm_up.as_millis()));
    command.arg(format!("--measure-ms={}", times.measure.as_millis()));
    if row.deflates() {
        command.arg("--deflate");
    }
    let mut clients = Actor::start("the clients", &mut command, &site.logs.join("clients.log"))?;
    let values = match load {
        Load::Idle(_) => memory(&mut clients, hop),
        Load::Echo { .. } | Load::Paced { .. } | Load::Stream { .. } | Load::Opening | Load::Scale { .. } => {
            work(&mut clients, site, load, hop, times)
        }
    };
    values.with_context(|| format!("the log of the clients is {}", site.logs.join("clients.log").display()))
}

fn work(clients: &mut Actor, site: &Site, load: Load, hop: &Hop, times: Times) -> Result<Values> {
    clients.wait_within(PATIENCE, 0, "that they are ready", |event| event["event"] == "ready")?;
    let (hop, app) = (hop.processes()?, cpu::family(site.app.id())?);
    let everybody = [&hop[..], &app, &[clients.id()]].concat();
    cpu::confine(&everybody, load.cores())?;
    let machine = Machine::now()?;
    let (hop_before, app_before) = (cpu::time(&hop)?, cpu::time(&app)?);
    clients.say("go")?;
    let limit = times.measure + PATIENCE;
    let result = clients.wait_within(limit, 0, "a result", |event| event["event"] == "result")?;
    let (hop_time, app_time) = (cpu::time(&hop)? - hop_before, cpu::time(&app)? - app_before);
    let client_time = Duration::from_secs_f64(number(&result, "cpu_seconds")?);
    let others = Machine::now()?.others_since(machine, hop_time + app_time + client_time);

    let messages = number(&result, "messages")?;
    if messages < 1.0 {
        bail!("not one message came back");
    }
    let rate = messages / number(&result, "seconds")?;
    let each = |time: Duration| 1e6 * time.as_secs_f64() / messages;
    let mut values = Values::from([
        (Metric::HopCpu, each(hop_time)),
        (Metric::AppCpu, each(app_time)),
        (Metric::ClientCpu, each(client_time)),
        (Metric::Others, others),
    ]);
    if let Load::Stream { bytes, .. } = load {
        values.insert(Metric::MegabytesPerSecond, rate * bytes as f64 / 1e6);
        return Ok(values);
    }
    values.insert(Metric::Rate, rate);
    for (metric, key) in [(Metric::P50, "p50_us"), (Metric::P99, "p99_us"), (Metric::P999, "p999_us")] {
        values.insert(metric, number(&result, key)?);
    }
    Ok(values)
}

fn memory(clients: &mut Actor, hop: &Hop) -> Result<Values> {
    let is_ready = |event: &Value| event["event"] == "ready";
    clients.wait_within(PATIENCE, 0, "the first connections", is_ready)?;
    let first = Memory::now(&hop.processes()?)?;
    let from = clients.events.len();
    clients.say("go")?;
    clients.wait_within(PATIENCE, from, "all connections", is_ready)?;
    let cost = Memory::now(&hop.processes()?)?.cost_since(first);
    clients.say("go")?;
    Ok(Values::from([(Metric::Resident, cost.resident), (Metric::Kernel, cost.kernel)]))
}

fn number(result: &Value, key: &str) -> Result<f64> {
    result[key].as_f64().with_context(|| format!("the clients report no {key}: {result}"))
}
