//! Events: one JSON object a line, for machines.
//!
//! A connection never waits for whoever reads the events. They pass through a bounded queue to a thread that
//! writes them: one at once, those that follow it some milliseconds later, all together. When the queue is full an
//! event is dropped and counted, and the count is the next event that is written (`events_dropped`).

use std::{
    borrow::Cow,
    fmt,
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, SystemTime},
};

use framewall_inspect::{Finding, Handshake, Offence, RuleMatch, Unit};
use serde::Serialize;
use tracing::warn;

use super::clients::ClientName;
use crate::{cli::RunMode, conn::fast_lane::LaneReport};

/// Events that may wait to be written.
const QUEUE: usize = 16 * 1024;

/// How long the thread that writes lets events gather after it has written some. Meanwhile it need not be woken, which
/// costs more than anything else about an event.
const GATHER: Duration = Duration::from_millis(5);

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Standard output.
    StandardOutput,
    /// A file, appended to.
    File(PathBuf),
}

impl From<PathBuf> for Destination {
    fn from(path: PathBuf) -> Self {
        if path == Path::new("-") { Self::StandardOutput } else { Self::File(path) }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardOutput => f.write_str("standard output"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// New connections on `ports` come to the daemon from now on.
    DaemonStarted {
        version: &'a str,
        pid: u32,
        mode: RunMode,
        ports: &'a [u16],
        /// Those with a fast lane.
        #[serde(skip_serializing_if = "<[u16]>::is_empty")]
        fast_lane_ports: &'a [u16],
    },
    /// Ports that should have a fast lane and have plain TCP, and why.
    FastLaneUnavailable { ports: &'a [u16], reason: String },
    /// Nothing comes any more; open connections may finish.
    DaemonDraining { connections: usize },
    /// The last event.
    DaemonStopped,
    /// The kernel has no connection to give, mostly for want of file descriptors.
    AcceptFailed { error: String },
    /// A connection was reset at once.
    ConnectionRefused { client: ClientName, server: SocketAddr, reason: &'a str },
    /// A client has connected.
    ConnectionOpened { connection: u64, client: ClientName, server: SocketAddr },
    /// The connection has become a WebSocket; its messages are inspected.
    WebsocketOpened {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        handshake: Box<Upgrade<'a>>,
    },
    /// The rest of the connection passes uninspected.
    ConnectionOpaque { connection: u64, client: ClientName, server: SocketAddr, kind: &'a str },
    /// A rule, a rate limit or the attack threshold has spoken.
    RuleMatched {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        matched: Match<'a>,
    },
    /// Rate limits or the attack threshold had no room to count.
    CountsLost { rule: &'a str, max_keys: usize, uncounted: u64, replaced: u64 },
    /// Other rules are in force.
    RulesReloaded { rules: usize, warnings: usize },
    /// New rules were refused; the running ones stay.
    RulesReloadFailed { errors: Vec<&'a str> },
    /// A message was kept from its receiver and its connection closed.
    MessageBlocked {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        finding: Evidence<'a>,
    },
    /// A message was found offending and passed, in mode log.
    MessageFlagged {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        finding: Evidence<'a>,
    },
    /// Something about a message is worth knowing and no reason to block it; it passed.
    MessageTagged {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        finding: Evidence<'a>,
    },
    /// A handshake was kept from the application and its client refused.
    HandshakeBlocked {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        finding: Evidence<'a>,
    },
    /// A handshake was found offending and passed, in mode log.
    HandshakeFlagged {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        finding: Evidence<'a>,
    },
    /// Something about a handshake is worth knowing and no reason to refuse it; it passed.
    HandshakeTagged {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        finding: Evidence<'a>,
    },
    /// A peer broke a standard.
    ProtocolViolation {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        offence: Breach<'a>,
    },
    /// A connection reached one of its limits.
    LimitReached {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        offence: Breach<'a>,
    },
    /// A connection did what the configuration does not allow.
    PolicyViolation {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        #[serde(flatten)]
        offence: Breach<'a>,
    },
    /// The connection's end and its one reason.
    ConnectionClosed {
        connection: u64,
        client: ClientName,
        server: SocketAddr,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<&'a str>,
        duration_ms: u64,
        bytes_to_server: u64,
        bytes_to_client: u64,
        messages_to_server: u64,
        messages_to_client: u64,
        uninspected_messages: u64,
        opaque_bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        fast_lane: Option<LaneReport>,
    },
    /// Events that found the queue full since the last one.
    EventsDropped { count: u64 },
}

/// What the handshake agreed on.
#[derive(Debug, Serialize)]
pub(crate) struct Upgrade<'a> {
    path: &'a str,
    host: Option<Cow<'a, str>>,
    origin: Option<Cow<'a, str>>,
    subprotocol: Option<&'a str>,
    deflate: bool,
}

impl<'a> From<&'a Handshake> for Upgrade<'a> {
    fn from(handshake: &'a Handshake) -> Self {
        Self {
            path: handshake.path(),
            host: handshake.host(),
            origin: handshake.origin(),
            subprotocol: handshake.subprotocol(),
            deflate: handshake.deflate(),
        }
    }
}

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Evidence<'a> {
    direction: &'a str,
    signal: &'a str,
    score: u32,
    location: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    evidence: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<&'a str>,
    excerpt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(flatten)]
    message: Option<Message<'a>>,
}

/// Which message it was found in.
#[derive(Debug, Serialize)]
struct Message<'a> {
    opcode: &'a str,
    message: u64,
}

impl<'a> From<&'a Finding> for Evidence<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            direction: finding.direction.as_str(),
            signal: finding.signal.as_str(),
            score: finding.score,
            location: &finding.location,
            evidence: finding.evidence,
            layers: finding.layers.iter().map(|step| step.as_str()).collect(),
            excerpt: &finding.excerpt,
            rule: finding.rule.as_deref(),
            message: Message::of(finding.unit),
        }
    }
}

impl Message<'_> {
    const fn of(unit: Unit) -> Option<Self> {
        match unit {
            Unit::Handshake => None,
            Unit::Message { opcode, index } => Some(Message { opcode: opcode.as_str(), message: index }),
        }
    }
}

/// What a rule has said, and about what.
#[derive(Debug, Serialize)]
pub(crate) struct Match<'a> {
    rule: &'a str,
    kind: &'a str,
    direction: &'a str,
    action: &'a str,
    /// Whether it was done, rather than only reported.
    done: bool,
    /// A limit was reached now.
    reached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    signals: Vec<&'a str>,
    tags: Vec<&'a str>,
    #[serde(flatten)]
    message: Option<Message<'a>>,
}

impl<'a> From<&'a RuleMatch> for Match<'a> {
    fn from(matched: &'a RuleMatch) -> Self {
        Self {
            rule: &matched.rule,
            kind: matched.kind,
            direction: matched.direction.as_str(),
            action: matched.action.as_str(),
            done: matched.done,
            reached: matched.reached,
            tag: matched.tag.as_deref(),
            signals: matched.signals.iter().map(|signal| signal.as_str()).collect(),
            tags: matched.tags.iter().map(|tag| &**tag).collect(),
            message: Message::of(matched.unit),
        }
    }
}

/// What rule it was, and what was done about it.
#[derive(Debug, Serialize)]
pub(crate) struct Breach<'a> {
    direction: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    action: &'a str,
}

impl From<Offence> for Breach<'_> {
    fn from(offence: Offence) -> Self {
        Self {
            direction: offence.direction.as_str(),
            signal: offence.signal().map(|signal| signal.as_str()),
            reason: offence.reason.as_str(),
            kind: offence.reason.detail(),
            action: offence.action.as_str(),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Event<'_> {
    fn to_line(&self) -> Vec<u8> {
        let ts = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
        let mut line = serde_json::to_vec(&Line { ts, event: self })
            .expect("events have string keys and cannot refuse to serialise");
        line.push(b'\n');
        line
    }
}

/// The sending end; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    queue: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// The writing end.
#[derive(Debug)]
pub(crate) struct EventWriter {
    thread: JoinHandle<()>,
}

impl Events {
    /// Opens `destination` and starts the thread that writes to it.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or the thread not started.
    pub(crate) fn open(destination: &Destination) -> io::Result<(Self, EventWriter)> {
        let output: Box<dyn Write + Send> = match destination {
            Destination::StandardOutput => Box::new(io::stdout()),
            Destination::File(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let events = Self { queue, dropped: Arc::clone(&dropped) };
        let thread = std::thread::Builder::new()
            .name("framewall-events".to_owned())
            .spawn(move || write_lines(&lines, output, &dropped))?;
        Ok((events, EventWriter { thread }))
    }

    /// Queues an event; drops and counts it if the queue is full.
    pub(crate) fn emit(&self, event: &Event<'_>) {
        if self.queue.try_send(event.to_line()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl EventWriter {
    /// Waits until all events are written; every [`Events`] must be gone.
    pub(crate) fn finish(self) {
        if self.thread.join().is_err() {
            warn!("the thread that writes events had died");
        }
    }
}

fn write_lines(lines: &Receiver<Vec<u8>>, output: Box<dyn Write + Send>, dropped: &AtomicU64) {
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    let mut broken = false;
    while let Ok(line) = lines.recv() {
        let mut result = output.write_all(&line);
        while let Ok(line) = lines.try_recv() {
            result = result.and_then(|()| output.write_all(&line));
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            result = result.and_then(|()| output.write_all(&Event::EventsDropped { count: lost }.to_line()));
        }
        match result.and_then(|()| output.flush()) {
            Ok(()) => broken = false,
            // Once, not for every event: whoever read them has gone, or the disk is full.
            Err(error) if !broken => {
                warn!(%error, "events cannot be written");
                broken = true;
            }
            Err(_same) => {}
        }
        sleep(GATHER);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn an_event_is_one_line_of_json_with_a_time() {
        let client = ClientName::Address("192.0.2.7:4242".parse().expect("a literal address"));
        let server = "[2001:db8::1]:8080".parse().expect("a literal address");
        let line = Event::ConnectionOpened { connection: 7, client, server }.to_line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let event: serde_json::Value = serde_json::from_slice(&line).expect("a line is JSON");
        assert_eq!(event["event"], "connection_opened");
        assert_eq!(event["client"], "192.0.2.7:4242");
        assert_eq!(event["server"], "[2001:db8::1]:8080");
        assert!(event["ts"].as_str().is_some_and(|ts| ts.ends_with('Z')));
    }

    /// Remembers each write.
    #[derive(Clone, Debug, Default)]
    struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_written_at_once_and_what_follows_it_together() {
        let (queue, lines) = sync_channel(QUEUE);
        let events = Events { queue, dropped: Arc::default() };
        let writes = Writes::default();
        let output = Box::new(writes.clone());
        let writer = std::thread::spawn(move || write_lines(&lines, output, &AtomicU64::new(0)));
        let written = || writes.0.lock().expect("no writer panics").clone();
        events.emit(&Event::DaemonStopped);
        while written().is_empty() {
            sleep(Duration::from_millis(1));
        }
        for _ in 0..100 {
            events.emit(&Event::DaemonStopped);
        }
        drop(events);
        writer.join().expect("the writer ends when nobody can send any more");
        let writes = written();
        let lines: usize =
            writes.iter().map(|write| write.iter().filter(|byte| **byte == b'\n').count()).sum();
        assert_eq!(lines, 101);
        // A busy machine may take longer over them than they gather.
        assert!(writes.len() <= 20, "{} writes", writes.len());
    }

    #[test]
    fn a_full_queue_drops_and_says_so() {
        let (queue, lines) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let events = Events { queue, dropped: Arc::clone(&dropped) };
        for _ in 0..3 {
            events.emit(&Event::DaemonStopped);
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
        drop(events);

        let file = std::env::temp_dir().join(format!("framewall-events-{}", std::process::id()));
        let output = std::fs::File::create(&file).expect("a temporary file can be made");
        write_lines(&lines, Box::new(output), &dropped);
        let text = std::fs::read_to_string(&file).expect("the file was just written");
        std::fs::remove_file(&file).expect("the file was just written");
        assert!(text.contains("\"daemon_stopped\""), "{text}");
        assert!(text.contains("\"event\":\"events_dropped\",\"count\":2"), "{text}");
    }
}
