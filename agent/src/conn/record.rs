//! One record a connection: how it began, how it ended, what passed.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use framewall_inspect::{
    CloseReason, Counters, Direction, Finding, FindingAction, Link, Offence, OffenceClass, Report, RuleMatch,
    Unit,
    rules::{Loss, LostCounts, RuleAction},
};
use tracing::{debug, info, warn};

use super::fast_lane::LaneReport;
use crate::telemetry::{
    clients::ClientName,
    events::{Event, Events},
};

/// Why a connection ended; one a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The inspection closed it.
    Inspection(CloseReason),
    /// The client sent the first FIN.
    ClientClosed,
    /// The application sent the first FIN.
    AppClosed,
    /// The client reset it or vanished.
    ClientReset,
    /// The application reset it.
    AppReset,
    /// The application did not accept it.
    AppUnreachable,
    /// The daemon stopped.
    DaemonStopped,
    /// The daemon has a bug.
    InternalError,
}

impl EndReason {
    /// The label in events.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Inspection(reason) => reason.as_str(),
            Self::ClientClosed => "client-closed",
            Self::AppClosed => "app-closed",
            Self::ClientReset => "client-reset",
            Self::AppReset => "app-reset",
            Self::AppUnreachable => "app-unreachable",
            Self::DaemonStopped => "daemon-stopped",
            Self::InternalError => "internal-error",
        }
    }

    /// What exactly was wrong, where the label names a class.
    fn detail(self) -> Option<&'static str> {
        match self {
            Self::Inspection(reason) => reason.detail(),
            Self::ClientClosed
            | Self::AppClosed
            | Self::ClientReset
            | Self::AppReset
            | Self::AppUnreachable
            | Self::DaemonStopped
            | Self::InternalError => None,
        }
    }
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
static MASK_KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Reports a connection's end when it goes, whoever forgot to.
#[derive(Debug)]
pub(crate) struct Record {
    events: Events,
    connection: u64,
    /// For the inspection only; what is told carries the name.
    address: IpAddr,
    client: ClientName,
    server: SocketAddr,
    opened: Instant,
    reason: Option<EndReason>,
    /// The rule for which it ended.
    rule: Option<Arc<str>>,
    bytes: [u64; 2],
    counters: Counters,
    fast_lane: Option<LaneReport>,
}

impl Record {
    /// Begins the record of a connection from `address`, whose client is called `client`, and reports it.
    pub(crate) fn open(events: Events, address: IpAddr, client: ClientName, server: SocketAddr) -> Self {
        let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        events.emit(&Event::ConnectionOpened { connection, client, server });
        debug!(connection, %client, %server, "connection opened");
        Self {
            events,
            connection,
            address,
            client,
            server,
            opened: Instant::now(),
            reason: None,
            rule: None,
            bytes: [0; 2],
            counters: Counters::default(),
            fast_lane: None,
        }
    }

    /// A key for the frames that the daemon masks itself, not to be guessed by the application's peer
    /// (RFC 6455 §5.3).
    pub(crate) fn mask_key(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = MASK_KEYS.hash_one(self.connection).to_ne_bytes();
        [a, b, c, d]
    }

    /// What rules are told of the connection.
    pub(crate) fn link(&self) -> Link {
        Link {
            client: self.address.to_canonical(),
            port: self.server.port(),
            // What is steered is not encrypted.
            scheme: "http",
            connection: self.connection,
        }
    }

    /// Sets the reason; the first one stays.
    pub(crate) fn end(&mut self, reason: EndReason) {
        self.reason.get_or_insert(reason);
    }

    /// Counts bytes written to the receiver of `direction`.
    pub(crate) fn forwarded(&mut self, direction: Direction, bytes: usize) {
        self.bytes[direction as usize] += bytes as u64;
    }

    /// Takes over what the inspection counted.
    pub(crate) fn set_counters(&mut self, counters: Counters) {
        self.counters = counters;
    }

    /// Takes over what became of the fast lane.
    pub(crate) fn set_fast_lane(&mut self, report: LaneReport) {
        self.fast_lane = Some(report);
    }

    /// Reports what the inspection found.
    pub(crate) fn report(&mut self, report: &Report) {
        let Self { connection, client, server, .. } = *self;
        match report {
            Report::WebSocketOpened(handshake) => {
                let handshake = Box::new(handshake.as_ref().into());
                self.events.emit(&Event::WebsocketOpened { connection, client, server, handshake });
            }
            Report::Opaque(kind) => {
                self.events.emit(&Event::ConnectionOpaque {
                    connection,
                    client,
                    server,
                    kind: kind.as_str(),
                });
            }
            Report::GivenUp(reason) => {
                self.events.emit(&Event::ConnectionOpaque {
                    connection,
                    client,
                    server,
                    kind: reason.as_str(),
                });
            }
            Report::Finding(finding) => self.report_finding(finding),
            Report::Rule(matched) => self.report_rule(matched),
            Report::CountsLost(lost) => {
                let LostCounts { rule, max_keys, loss: Loss { uncounted, replaced } } = lost.as_ref();
                warn!(%rule, max_keys, uncounted, replaced, "limits cannot count all clients, raise max_keys");
                self.events.emit(&Event::CountsLost {
                    rule,
                    max_keys: *max_keys,
                    uncounted: *uncounted,
                    replaced: *replaced,
                });
            }
            Report::Offence(offence) => self.report_offence(*offence),
        }
    }

    fn report_offence(&self, offence: Offence) {
        let Self { connection, client, server, .. } = *self;
        let Some(class) = offence.reason.class() else { return };
        let (direction, action) = (offence.direction.as_str(), offence.action.as_str());
        info!(connection, %client, %server, direction, action, reason = %offence.reason, "offence");
        let offence = offence.into();
        self.events.emit(&match class {
            OffenceClass::Protocol => Event::ProtocolViolation { connection, client, server, offence },
            OffenceClass::Limit => Event::LimitReached { connection, client, server, offence },
            OffenceClass::Policy => Event::PolicyViolation { connection, client, server, offence },
        });
    }

    fn report_rule(&mut self, matched: &RuleMatch) {
        let Self { connection, client, server, .. } = *self;
        let RuleMatch { rule, kind, action, done, direction, .. } = matched;
        if *action == RuleAction::Block && *done {
            self.rule.get_or_insert_with(|| Arc::clone(rule));
        }
        if !matched.log {
            return;
        }
        info!(connection, %client, %server, %rule, %direction, action = action.as_str(), done, "a {kind} has matched");
        self.events.emit(&Event::RuleMatched { connection, client, server, matched: matched.into() });
    }

    fn report_finding(&self, finding: &Finding) {
        let Self { connection, client, server, .. } = *self;
        let Finding { signal, direction, action, location, evidence, .. } = finding;
        let what = match finding.unit {
            Unit::Handshake => "handshake",
            Unit::Message { .. } => "message",
        };
        info!(connection, %client, %server, %signal, %direction, action = action.as_str(), location, evidence, "finding in a {what}");
        let found = finding.into();
        self.events.emit(&match (finding.unit, action) {
            (Unit::Message { .. }, FindingAction::Block) => {
                Event::MessageBlocked { connection, client, server, finding: found }
            }
            (Unit::Message { .. }, FindingAction::Log) => {
                Event::MessageFlagged { connection, client, server, finding: found }
            }
            (Unit::Message { .. }, FindingAction::Tag) => {
                Event::MessageTagged { connection, client, server, finding: found }
            }
            (Unit::Handshake, FindingAction::Block) => {
                Event::HandshakeBlocked { connection, client, server, finding: found }
            }
            (Unit::Handshake, FindingAction::Log) => {
                Event::HandshakeFlagged { connection, client, server, finding: found }
            }
            (Unit::Handshake, FindingAction::Tag) => {
                Event::HandshakeTagged { connection, client, server, finding: found }
            }
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self { connection, client, server, .. } = *self;
        // Only a panic and the end of the runtime drop a connection without a reason.
        let forgotten =
            if std::thread::panicking() { EndReason::InternalError } else { EndReason::DaemonStopped };
        let reason = self.reason.unwrap_or(forgotten);
        let (reason, detail) = (reason.as_str(), reason.detail());
        let [bytes_to_server, bytes_to_client] = self.bytes;
        let duration_ms = self.opened.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        // A line for each visit would only say what its events say.
        if matches!(self.reason, Some(EndReason::ClientClosed | EndReason::AppClosed)) {
            debug!(connection, %client, %server, reason, duration_ms, bytes_to_server, bytes_to_client, "connection closed");
        } else {
            info!(connection, %client, %server, reason, detail, duration_ms, bytes_to_server, bytes_to_client, "connection closed");
        }
        self.events.emit(&Event::ConnectionClosed {
            connection,
            client,
            server,
            reason,
            detail,
            rule: self.rule.as_deref(),
            duration_ms,
            bytes_to_server,
            bytes_to_client,
            messages_to_server: self.counters.to_server.messages,
            messages_to_client: self.counters.to_client.messages,
            uninspected_messages: self.counters.uninspected_messages,
            opaque_bytes: self.counters.opaque_bytes,
            fast_lane: self.fast_lane,
        });
    }
}
