//! `cargo xtask demo`: the main job of Framewall, to be watched.

mod client;
mod messages;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use self::client::{Client, Received};
use self::messages::{MESSAGES, Message};
use crate::actor::Actor;
use crate::network::{self, Network};
use crate::workspace::Workspace;
use crate::{apt, artifacts, interrupt, process, setup};

pub(crate) const HELP: &str = "\
Shows Framewall at work, on this machine, in two network namespaces

Usage: cargo xtask demo [--keep]

Options:
  --keep  Leave everything running afterwards, say how to connect by hand, and show what happens until Ctrl-C

In one namespace runs a WebSocket echo server that knows nothing of Framewall, and the daemon on its port; from the
other a client sends benign and malicious messages. Everything that is shown was said by the client, the app or the
daemon itself. Needs root; everything is gone afterwards.
";

/// Where the app and Framewall run.
const HOST: &str = "framewall-demo-host";
/// Where the client runs.
const CLIENT: &str = "framewall-demo-client";
const PORT: u16 = 8080;

/// The running demo. Fields are dropped in this order: the programs go before their network.
#[derive(Debug)]
struct Stage {
    daemon: Actor,
    app: Actor,
    _network: Network,
}

/// What became of one message, as the three of them told it.
#[derive(Debug)]
struct Outcome {
    /// The client's own address.
    client: SocketAddr,
    /// The client's address as the app reported it.
    seen_address: String,
    /// The message as the app reported it, if it saw one.
    seen_text: Option<String>,
    /// The client's answer, or how its connection was closed.
    received: Received,
    /// The daemon's event, if it reported one.
    finding: Option<Value>,
    /// The status code with which the app's connection was closed, if it was.
    app_closed: Option<Value>,
}

/// Shows everything; whether every message was treated as it should be.
pub(crate) fn run(workspace: &Workspace, keep: bool) -> Result<bool> {
    process::require_root("demo")?;
    setup::run(workspace)?;
    if process::find_program("ip").is_none() {
        apt::install(&["iproute2"])?;
    }
    println!("demo: building the daemon and an app");
    let daemon = artifacts::daemon(workspace)?;
    let peers = artifacts::peers(workspace)?;
    let peer = |name: &str| {
        let found = peers.iter().find(|(found, _)| found == name);
        found.map(|(_, path)| path.clone()).with_context(|| format!("cargo built no {name}"))
    };
    let (app, hand_client) = (peer("ws-app")?, peer("ws-client")?);
    let logs = workspace.target.join("demo");
    fs::create_dir_all(&logs)?;
    let log = logs.join("framewall.log");

    let server = SocketAddr::from((network::HOST_ADDRESS, PORT));
    let mut stage = Stage::set_up(&daemon, &app, &logs)?;
    println!(
        "\nAn echo server that knows nothing of Framewall listens on {server}. `framewall run --port {PORT}` runs"
    );
    println!("beside it. The client is on another host (a network namespace), with an address of its own.\n");
    let outcomes = stage.play(server)?;
    let all_well = summarise(&outcomes, &stage.app);
    if keep {
        println!(
            "\nEverything keeps running until Ctrl-C. To send messages by hand, from another terminal, as root:\n"
        );
        let namespace = network::path(CLIENT);
        println!("  nsenter --net={} {} ws://{server}/chat\n", namespace.display(), hand_client.display());
        println!("One message a line. What the app and Framewall say about it:\n");
        stage.show_events()?;
    }
    let status = stage.end()?;
    println!("Framewall was told to stop: {status}. Its log: {}", log.display());
    Ok(all_well && status.success())
}

impl Stage {
    fn set_up(daemon: &Path, app: &Path, logs: &Path) -> Result<Self> {
        let network = Network::new([HOST, CLIENT])?;
        let mut command = network::command_in(HOST, app);
        command.args(["--listen", &format!("0.0.0.0:{PORT}")]);
        let mut app = Actor::start("the app", &mut command, &logs.join("app.log"))?;
        app.wait(0, "that it listens", |event| event["event"] == "listening")?;
        let mut command = network::command_in(HOST, daemon);
        command.args(["run", "--port", &PORT.to_string()]);
        let log = logs.join("framewall.log");
        let mut daemon = Actor::start("framewall", &mut command, &log)?;
        daemon
            .wait(0, "that it has started", |event| event["event"] == "daemon_started")
            .with_context(|| format!("the daemon does not start{}", tail(&log)))?;
        Ok(Self { daemon, app, _network: network })
    }

    /// Sends every message, and prints what becomes of each.
    fn play(&mut self, server: SocketAddr) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let mut open: Option<(Client, String)> = None;
        for (index, message) in MESSAGES.iter().enumerate() {
            interrupt::check()?;
            let (mut client, seen_address) = match open.take() {
                Some(connection) => connection,
                None => self.connect(server)?,
            };
            let outcome = self.deliver(message, &mut client, &seen_address)?;
            print_outcome(index + 1, message, &outcome);
            if matches!(outcome.received, Received::Text(_)) {
                open = Some((client, seen_address));
            }
            outcomes.push(outcome);
        }
        if let Some((client, _)) = open {
            client.close()?;
        }
        Ok(outcomes)
    }

    /// Opens a connection; the client's address is the one that the app reports for it.
    fn connect(&mut self, server: SocketAddr) -> Result<(Client, String)> {
        let from = self.app.events.len();
        let client = Client::open(server)?;
        let accepted = self.app.wait(from, "a connection", |event| event["event"] == "accepted")?;
        let seen_address = accepted["peer"].as_str().context("the app reports no address")?;
        Ok((client, seen_address.to_owned()))
    }

    fn deliver(&mut self, message: &Message, client: &mut Client, seen_address: &str) -> Result<Outcome> {
        let (app_from, daemon_from) = (self.app.events.len(), self.daemon.events.len());
        client.send(message.parts)?;
        let received = client.receive()?;
        let is_message = |event: &Value| event["event"] == "message" && event["peer"] == seen_address;
        let is_closed = |event: &Value| event["event"] == "closed" && event["peer"] == seen_address;
        let address = client.address.to_string();
        let is_finding =
            |event: &Value| event["event"] == "message_blocked" && event["client"] == address.as_str();
        let (mut finding, mut app_closed) = (None, None);
        match received {
            Received::Text(_) => drop(self.app.wait(app_from, "the message", is_message)?),
            Received::Close(_) => {
                finding = Some(self.daemon.wait(daemon_from, "why it closed the connection", is_finding)?);
                app_closed =
                    Some(self.app.wait(app_from, "the end of the connection", is_closed)?["code"].clone());
            }
        }
        let mut seen =
            self.app.events.get(app_from..).unwrap_or_default().iter().filter(|event| is_message(event));
        let seen_text = seen.next().and_then(|event| event["text"].as_str()).map(str::to_owned);
        let seen_address = seen_address.to_owned();
        Ok(Outcome { client: client.address, seen_address, seen_text, received, finding, app_closed })
    }

    /// Prints what the app and the daemon say until somebody presses Ctrl-C.
    fn show_events(&mut self) -> Result<()> {
        while !interrupt::happened() {
            for (name, actor) in [("app", &mut self.app), ("framewall", &mut self.daemon)] {
                match actor.hear(Duration::from_millis(50)) {
                    Ok(events) => events.iter().for_each(|event| println!("  {name:<9} {event}")),
                    Err(_) if interrupt::happened() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        println!();
        Ok(())
    }

    fn end(self) -> Result<std::process::ExitStatus> {
        self.daemon.stop()
    }
}

fn print_outcome(number: usize, message: &Message, outcome: &Outcome) {
    println!("{number}  client sent   {}", message.parts.concat());
    if message.parts.len() > 1 {
        println!("   in {} frames   {}", message.parts.len(), message.parts.join(" | "));
    }
    let seen = outcome.seen_text.as_deref().unwrap_or("nothing");
    let closed = outcome.app_closed.as_ref().map(|code| format!(", then Close {code}")).unwrap_or_default();
    println!("   app saw       {seen}{closed}");
    println!("   from          {}", outcome.seen_address);
    let got = match &outcome.received {
        Received::Text(text) if *text == message.parts.concat() => "the app's echo".to_owned(),
        Received::Text(text) => format!("another text: {text}"),
        Received::Close(None) => "Close".to_owned(),
        Received::Close(Some((code, reason))) => format!("Close {code} \"{reason}\""),
    };
    let verdict = match &outcome.finding {
        None => "passed".to_owned(),
        Some(finding) => {
            format!("blocked, {} at {}", text_of(finding, "signal"), text_of(finding, "location"))
        }
    };
    println!("   verdict       {verdict}; the client got {got}\n");
}

/// Prints what it comes to; whether every message was treated as it should be.
fn summarise(outcomes: &[Outcome], app: &Actor) -> bool {
    let pairs = || MESSAGES.iter().zip(outcomes);
    let passed = |message: &Message, outcome: &Outcome| {
        let sent = message.parts.concat();
        outcome.finding.is_none()
            && outcome.seen_text.as_ref() == Some(&sent)
            && outcome.received == Received::Text(sent)
    };
    let benign = pairs().filter(|(message, _)| message.benign).count();
    let unharmed = pairs().filter(|(message, outcome)| message.benign && passed(message, outcome)).count();
    let malicious = pairs().filter(|(message, _)| !message.benign).count();
    let blocked = pairs()
        .filter(|(message, outcome)| {
            !message.benign && outcome.finding.is_some() && outcome.seen_text.is_none()
        })
        .count();
    let true_addresses =
        outcomes.iter().filter(|outcome| outcome.seen_address == outcome.client.to_string()).count();
    let app_messages = app.events.iter().filter(|event| event["event"] == "message").count();
    println!("{unharmed} of {benign} benign messages reached the app and were echoed byte for byte.");
    println!(
        "{blocked} of {malicious} malicious messages were blocked; the app saw {app_messages} messages in all."
    );
    println!("The app saw the client's true address for {true_addresses} of {} messages.", outcomes.len());
    unharmed == benign && blocked == malicious && true_addresses == outcomes.len() && app_messages == benign
}

fn text_of<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or("?")
}

/// The last lines of a log, to go with an error.
fn tail(log: &Path) -> String {
    const LINES: usize = 5;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(LINES))
        .map(|line| format!("\n  framewall: {line}"))
        .collect()
}
