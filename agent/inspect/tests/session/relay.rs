//! A daemon without sockets: applies each action to the bytes it holds and keeps what came out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use framewall_inspect::{
    Action, CloseReason, Direction, Finding, FindingAction, Link, Mode, Offence, OpaqueKind, Report,
    RuleMatch, Session, Settings, rules::LostCounts,
};

pub(crate) use framewall_inspect::Direction::{ToClient, ToServer};

/// What came of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Everything written to the application and to the client, frames of our own included.
    pub(crate) written: [Vec<u8>; 2],
    pub(crate) discarded: [usize; 2],
    pub(crate) finished: [bool; 2],
    pub(crate) reports: Vec<Report>,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) aborted: bool,
}

pub(crate) struct Relay {
    pub(crate) session: Session,
    pub(crate) outcome: Outcome,
    pub(crate) now: Instant,
    held: [Vec<u8>; 2],
    fed: [usize; 2],
    accounted: [usize; 2],
}

pub(crate) fn index(direction: Direction) -> usize {
    usize::from(direction == ToClient)
}

pub(crate) fn settings(mode: Mode) -> Settings {
    Settings { mode, ..Settings::default() }
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self::with(settings(Mode::Block))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::between(Link::default(), settings, Instant::now())
    }

    /// A connection from somewhere in particular, at a time.
    pub(crate) fn between(link: Link, settings: Settings, now: Instant) -> Self {
        Self {
            session: Session::new(Arc::new(settings), link, [0; 4], now),
            outcome: Outcome::default(),
            now,
            held: Default::default(),
            fed: [0; 2],
            accounted: [0; 2],
        }
    }

    /// A connection that has become a WebSocket; what was written until then is forgotten.
    pub(crate) fn websocket(extensions: &str, settings: Settings) -> Self {
        let mut relay = Self::with(settings);
        relay.feed(ToServer, crate::peer::upgrade_request(extensions).as_bytes());
        relay.feed(ToClient, crate::peer::upgrade_response(extensions).as_bytes());
        assert!(matches!(relay.outcome.reports.as_slice(), [Report::WebSocketOpened(_)]));
        relay.outcome = Outcome::default();
        relay
    }

    pub(crate) fn feed(&mut self, direction: Direction, bytes: &[u8]) {
        self.held[index(direction)].extend_from_slice(bytes);
        self.fed[index(direction)] += bytes.len();
        self.session.handle_input(direction, bytes, self.now);
        self.poll();
    }

    pub(crate) fn eof(&mut self, direction: Direction) {
        self.session.handle_eof(direction, self.now);
        self.poll();
    }

    pub(crate) fn shutdown(&mut self) {
        self.session.handle_shutdown(self.now);
        self.poll();
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
        self.poll();
    }

    fn poll(&mut self) {
        while let Some(action) = self.session.poll_action() {
            self.apply(action);
        }
        for direction in [ToServer, ToClient] {
            assert!(self.accounted[index(direction)] <= self.fed[index(direction)]);
        }
    }

    fn apply(&mut self, action: Action) {
        assert!(!self.outcome.aborted, "after Abort: {action:?}");
        let out = &mut self.outcome;
        match action {
            Action::Release { direction, len } => {
                assert!(len > 0 && !out.finished[index(direction)]);
                self.accounted[index(direction)] += len;
                out.written[index(direction)].extend(self.held[index(direction)].drain(..len));
            }
            Action::Discard { direction, len } => {
                assert!(len > 0);
                self.accounted[index(direction)] += len;
                self.held[index(direction)].drain(..len);
                out.discarded[index(direction)] += len;
            }
            Action::Inject { direction, injection } => {
                assert!(out.closed.is_some() && !out.finished[index(direction)]);
                out.written[index(direction)].extend_from_slice(&injection);
            }
            Action::Finish { direction } => {
                assert!(!out.finished[index(direction)], "finished twice");
                out.finished[index(direction)] = true;
            }
            Action::Report(report) => out.reports.push(report),
            Action::Close(reason) => {
                assert_eq!(out.closed.replace(reason), None, "closed twice");
                // Each end by us is explained before it comes.
                let explained =
                    |offence: &Offence| offence.reason == reason && offence.action == FindingAction::Block;
                assert!(reason.class().is_none() || self.offences().iter().any(explained));
            }
            Action::Abort => out.aborted = true,
        }
    }

    pub(crate) fn held(&self, direction: Direction) -> usize {
        self.held[index(direction)].len()
    }

    pub(crate) fn to_server(&self) -> &[u8] {
        &self.outcome.written[0]
    }

    pub(crate) fn to_client(&self) -> &[u8] {
        &self.outcome.written[1]
    }

    pub(crate) fn opaque(&self) -> Option<OpaqueKind> {
        self.outcome.reports.iter().find_map(|report| match report {
            Report::Opaque(kind) => Some(*kind),
            Report::WebSocketOpened(_)
            | Report::GivenUp(_)
            | Report::Finding(_)
            | Report::Offence(_)
            | Report::Rule(_)
            | Report::CountsLost(_) => None,
        })
    }

    pub(crate) fn findings(&self) -> Vec<&Finding> {
        self.outcome
            .reports
            .iter()
            .filter_map(|report| match report {
                Report::Finding(finding) => Some(finding.as_ref()),
                Report::WebSocketOpened(_)
                | Report::Opaque(_)
                | Report::GivenUp(_)
                | Report::Offence(_)
                | Report::Rule(_)
                | Report::CountsLost(_) => None,
            })
            .collect()
    }

    pub(crate) fn offences(&self) -> Vec<Offence> {
        self.outcome
            .reports
            .iter()
            .filter_map(|report| match report {
                Report::Offence(offence) => Some(*offence),
                Report::WebSocketOpened(_)
                | Report::Opaque(_)
                | Report::GivenUp(_)
                | Report::Finding(_)
                | Report::Rule(_)
                | Report::CountsLost(_) => None,
            })
            .collect()
    }

    pub(crate) fn matches(&self) -> Vec<&RuleMatch> {
        self.outcome
            .reports
            .iter()
            .filter_map(|report| match report {
                Report::Rule(matched) => Some(matched.as_ref()),
                Report::WebSocketOpened(_)
                | Report::Opaque(_)
                | Report::GivenUp(_)
                | Report::Finding(_)
                | Report::Offence(_)
                | Report::CountsLost(_) => None,
            })
            .collect()
    }

    pub(crate) fn lost_counts(&self) -> Vec<&LostCounts> {
        self.outcome
            .reports
            .iter()
            .filter_map(|report| match report {
                Report::CountsLost(lost) => Some(lost.as_ref()),
                Report::WebSocketOpened(_)
                | Report::Opaque(_)
                | Report::GivenUp(_)
                | Report::Finding(_)
                | Report::Offence(_)
                | Report::Rule(_) => None,
            })
            .collect()
    }
}
