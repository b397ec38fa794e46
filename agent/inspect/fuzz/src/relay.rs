//! A daemon without sockets that checks what the session tells it to do.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use framewall_inspect::{
    Action, Budget, CloseReason, Counters, DeflatePolicy, Direction, FindingAction, Injection, Limits, Link,
    Mode, OversizePolicy, Report, Session, Settings,
};

use crate::input::{Plan, Split, Turn};

/// What came of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// What went on of each direction, [`index`]ed.
    pub(crate) released: [Vec<u8>; 2],
    pub(crate) discarded: [usize; 2],
    pub(crate) injected: [Vec<u8>; 2],
    pub(crate) finished: [bool; 2],
    pub(crate) reports: Vec<Report>,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) aborted: bool,
    /// How much had gone on when the connection became a WebSocket.
    pub(crate) opened: Option<[usize; 2]>,
    pub(crate) counters: Counters,
}

struct Relay {
    session: Session,
    settings: Arc<Settings>,
    now: Instant,
    outcome: Outcome,
    /// Everything that came in, how much of it is accounted for, and whether no more comes.
    fed: [Vec<u8>; 2],
    accounted: [usize; 2],
    ended: [bool; 2],
}

/// The place of a direction in the arrays.
pub(crate) const fn index(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

/// Plays a connection to its end.
///
/// # Panics
///
/// If the session breaks a promise.
pub(crate) fn play(plan: &Plan, turns: &[Turn], split: Split) -> Outcome {
    let budget = Arc::new(Budget::new(plan.budget));
    let settings = Settings { budget: Arc::clone(&budget), ..plan.settings.clone() };
    let mut relay = Relay::new(settings);
    for turn in turns {
        relay.turn(turn, split);
    }
    relay.turn(&Turn::Eof(Direction::ToServer), split);
    relay.turn(&Turn::Eof(Direction::ToClient), split);
    let outcome = relay.finish();
    assert_eq!(budget.used(), 0, "what a connection had of the budget is given back");
    outcome
}

impl Relay {
    fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let now = Instant::now();
        Self {
            session: Session::new(Arc::clone(&settings), Link::default(), [1, 2, 3, 4], now),
            settings,
            now,
            outcome: Outcome::default(),
            fed: Default::default(),
            accounted: [0; 2],
            ended: [false; 2],
        }
    }

    fn turn(&mut self, turn: &Turn, split: Split) {
        match turn {
            Turn::Bytes(direction, _) if self.ended[index(*direction)] => {}
            Turn::Bytes(direction, bytes) => {
                for piece in split.pieces(bytes) {
                    self.feed(*direction, piece);
                }
            }
            Turn::Wait(time) => self.wait(*time),
            Turn::Stall(time) => self.session.handle_stall(*time),
            Turn::Eof(direction) => {
                if !std::mem::replace(&mut self.ended[index(*direction)], true) {
                    self.session.handle_eof(*direction, self.now);
                    self.poll();
                }
            }
            Turn::Shutdown => {
                self.session.handle_shutdown(self.now);
                self.poll();
            }
        }
    }

    fn feed(&mut self, direction: Direction, piece: &[u8]) {
        if self.outcome.aborted {
            return;
        }
        self.fed[index(direction)].extend_from_slice(piece);
        self.session.handle_input(direction, piece, self.now);
        self.poll();
    }

    /// Wakes the session at each time that it asks for.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            assert!(self.session.poll_timeout().is_none_or(|next| next > self.now), "a timer fires for ever");
            self.poll();
        }
        self.now = until;
        self.session.handle_timeout(self.now);
        self.poll();
    }

    fn poll(&mut self) {
        while let Some(action) = self.session.poll_action() {
            self.apply(action);
        }
        self.check_memory();
    }

    fn apply(&mut self, action: Action) {
        assert!(!self.outcome.aborted, "after Abort: {action:?}");
        match action {
            Action::Release { direction, len } => {
                assert!(!self.outcome.finished[index(direction)], "released after Finish");
                let bytes = self.account(direction, len);
                if direction == Direction::ToClient && self.releases_whole_frames() {
                    assert!(ends_between_frames(&bytes), "a part of what may have to be withheld");
                }
                self.outcome.released[index(direction)].extend(bytes);
            }
            Action::Discard { direction, len } => {
                assert!(self.may_discard(direction), "{direction} bytes dropped without a reason");
                self.account(direction, len);
                self.outcome.discarded[index(direction)] += len;
            }
            Action::Inject { direction, injection } => self.inject(direction, &injection),
            Action::Finish { direction } => {
                let finished = &mut self.outcome.finished[index(direction)];
                assert!(!std::mem::replace(finished, true), "finished twice");
            }
            Action::Report(report) => {
                if matches!(report, Report::WebSocketOpened(_)) {
                    let opened = [self.outcome.released[0].len(), self.outcome.released[1].len()];
                    assert!(self.outcome.opened.replace(opened).is_none(), "opened twice");
                }
                self.outcome.reports.push(report);
            }
            Action::Close(reason) => {
                assert!(self.outcome.closed.replace(reason).is_none(), "closed twice");
                assert!(self.explains(reason), "closed for {reason} without a report");
            }
            Action::Abort => self.outcome.aborted = true,
        }
    }

    /// The next `len` bytes of a direction.
    fn account(&mut self, direction: Direction, len: usize) -> Vec<u8> {
        assert!(len > 0);
        let accounted = &mut self.accounted[index(direction)];
        let bytes = self.fed[index(direction)].get(*accounted..*accounted + len);
        *accounted += len;
        bytes.expect("no more is accounted for than came in").to_vec()
    }

    /// Bytes are only dropped when a connection ends, when the client leaves a message unfinished, and where the offer
    /// of compression stood.
    fn may_discard(&self, direction: Direction) -> bool {
        let strips = self.settings.deflate == DeflatePolicy::Strip && self.settings.mode == Mode::Block;
        let counters = self.session.counters();
        let unfinished = match direction {
            Direction::ToServer => self.ended[0] || counters.to_server.close_sent,
            Direction::ToClient => self.reads_app() && (self.ended[1] || counters.to_client.close_sent),
        };
        self.outcome.closed.is_some() || direction == Direction::ToServer && strips || unfinished
    }

    /// Whether the application's messages are held, and none of them passes for its length.
    fn releases_whole_frames(&self) -> bool {
        let Settings { mode, limits, .. } = &*self.settings;
        let holds = *mode == Mode::Block && limits.oversize == OversizePolicy::Close && self.reads_app();
        // The answer to the handshake goes on in whatever parts.
        holds && self.outcome.opened.is_some_and(|[_, to_client]| self.outcome.released[1].len() > to_client)
    }

    /// Whether the application's messages are held until they are judged.
    fn reads_app(&self) -> bool {
        self.settings.detect_to_client || !self.settings.rules.current().is_empty()
    }

    fn inject(&mut self, direction: Direction, injection: &Injection) {
        let out = &mut self.outcome;
        assert!(out.closed.is_some() && !out.finished[index(direction)], "words of our own");
        assert!(out.injected[index(direction)].is_empty(), "more than one of them");
        out.injected[index(direction)].extend_from_slice(injection);
        match (injection, out.opened, self.settings.mode) {
            (Injection::Frame(_), Some(opened), Mode::Block) => {
                let frames = out.released[index(direction)].get(opened[index(direction)]..);
                assert!(
                    ends_between_frames(frames.unwrap_or_default()),
                    "a frame within a frame to {direction}"
                );
            }
            // What had gone before the connection was a WebSocket is not known where everything goes at once.
            (Injection::Frame(_), Some(_), Mode::Log) => {}
            (Injection::Frame(_), None, _) => panic!("a frame on a connection that is no WebSocket"),
            (Injection::Response(_), opened, _) => {
                assert!(opened.is_none() && direction == Direction::ToClient, "an answer to nothing");
            }
        }
    }

    fn explains(&self, reason: CloseReason) -> bool {
        let signal = if let CloseReason::Attack(signal) = reason { Some(signal) } else { None };
        if signal.is_none() && reason.class().is_none() {
            return true;
        }
        self.outcome.reports.iter().any(|report| match report {
            Report::Offence(offence) => {
                offence.reason == reason && offence.action == FindingAction::Block && signal.is_none()
            }
            Report::Finding(finding) => {
                Some(finding.signal) == signal && finding.action == FindingAction::Block
            }
            Report::WebSocketOpened(_)
            | Report::Opaque(_)
            | Report::GivenUp(_)
            | Report::Rule(_)
            | Report::CountsLost(_) => false,
        })
    }

    fn check_memory(&self) {
        let limits = &self.settings.limits;
        let copies = self.session.buffered_bytes();
        assert!(copies <= most_copies(limits, self.reads_app()), "{copies} bytes of copies");
        let held = |direction| self.fed[index(direction)].len() - self.accounted[index(direction)];
        let frames = limits.max_message_fragments as usize + 1;
        let message = limits.max_message_bytes + limits.max_message_bytes / 8 + 64 + 139 * frames;
        assert!(
            self.outcome.aborted || held(Direction::ToServer) <= message.max(limits.max_head_bytes),
            "{} bytes of the client are held",
            held(Direction::ToServer)
        );
        let most = match (self.reads_app(), self.outcome.opened) {
            (true, Some(_)) => message,
            (true, None) | (false, _) => 13,
        };
        assert!(
            self.outcome.aborted || held(Direction::ToClient) <= most,
            "{} bytes of the application are held",
            held(Direction::ToClient)
        );
        let reserved = self.settings.budget.used();
        let counted =
            |direction| if direction == Direction::ToServer || most > 13 { held(direction) } else { 0 };
        assert!(
            self.outcome.aborted || reserved >= counted(Direction::ToServer) + counted(Direction::ToClient),
            "held and not in the budget"
        );
    }

    fn finish(mut self) -> Outcome {
        let out = &mut self.outcome;
        for direction in 0..2 {
            assert!(out.aborted || out.finished[direction], "both sides ended, but this was not passed on");
            assert_eq!(self.accounted[direction], self.fed[direction].len(), "some bytes are lost");
            if self.settings.mode == Mode::Log && out.closed.is_none() {
                assert_eq!(out.discarded[direction], 0, "mode log drops nothing");
            }
        }
        out.counters = self.session.counters();
        self.outcome
    }
}

/// What the copies in a session may take. A `Vec` that grows may have twice the capacity that it needs.
const fn most_copies(limits: &Limits, reads_app: bool) -> usize {
    const INFLATER: usize = 48 * 1024;
    // Of a message that passes, the window of the compression is kept and as much again.
    const WINDOWS: usize = 64 * 1024;
    const SMALL: usize = 16 * 1024;
    let message = if limits.max_message_bytes > WINDOWS { limits.max_message_bytes } else { WINDOWS };
    // With the request that opened it.
    let side = 2 * (message + 1) + INFLATER;
    let websocket = if reads_app { 2 * side } else { side } + SMALL + limits.max_head_bytes;
    let http = 4 * limits.max_head_bytes + SMALL;
    if websocket > http { websocket } else { http }
}

/// Whether bytes that begin with a frame end with one.
fn ends_between_frames(frames: &[u8]) -> bool {
    let mut at = 0_u64;
    let end = frames.len() as u64;
    while at < end {
        let byte = |offset: u64| {
            let place = usize::try_from(at + offset).expect("a place in a slice");
            frames.get(place).copied().unwrap_or_default()
        };
        let mask = if byte(1) & 0x80 != 0 { 4 } else { 0 };
        let (header, len) = match byte(1) & 0x7f {
            126 => (4, u64::from(byte(2)) << 8 | u64::from(byte(3))),
            127 => (10, (2..10).fold(0, |len, i| len << 8 | u64::from(byte(i)))),
            len => (2, len.into()),
        };
        at = at.saturating_add(header + mask).saturating_add(len);
    }
    at == end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_whole_frames_from_torn_ones() {
        assert!(ends_between_frames(b""));
        assert!(ends_between_frames(b"\x81\x02hi\x89\x80\0\0\0\0"));
        assert!(!ends_between_frames(b"\x81\x02h"));
        assert!(!ends_between_frames(b"\x81\x7e\x01"));
        assert!(!ends_between_frames(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    }
}
