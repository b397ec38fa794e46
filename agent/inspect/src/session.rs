//! One connection, both directions.

mod binding;
mod clock;
mod http_stage;
mod judge;
mod link;
mod outbox;
mod rates;
mod reader;
mod ws_stage;

pub use link::Link;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    action::{Action, Injection, OpaqueKind, Report},
    direction::Direction,
    limits::Reservation,
    session::{
        clock::Clock,
        http_stage::{HttpStage, Next},
        outbox::Outbox,
        ws_stage::WsStage,
    },
    settings::{Mode, OpaquePolicy, Settings},
    stats::Counters,
    verdict::{Breach, CloseReason, FindingAction},
    ws::Tracker,
};

/// Follows one TCP connection between a client and an application.
///
/// The caller keeps what it received and has not been told about yet, in order, for each direction, and applies each
/// [`Action`] to it. Every byte that was fed is accounted for by exactly one `Release` or `Discard`, in order,
/// except what is held when [`Action::Abort`] comes. How the input was split makes no difference to the actions,
/// but that adjacent releases may come as one or as several, and that the first bytes of an HTTP head go on
/// before it is complete and can be judged: an application cannot act upon an incomplete head. The same holds for the
/// bytes of a frame in which the compression of a message that [passes](crate::OversizePolicy::Pass) breaks, or reaches
/// its ratio. And what finds no room in the [`Budget`](crate::Budget) depends on what other connections hold at the time.
///
/// After [`Action::Close`] the caller goes on feeding both directions: an offending stream is discarded; the other
/// goes on up to its next frame boundary, where a Close frame is written and the stream half-closed. While the
/// connection is still HTTP there is no such frame: both sides are reset at once, but for a refused handshake, whose
/// client gets a response if it waits for no other.
///
/// In mode [`Log`](Mode::Log) every byte is released at once, findings are reported, and what mode
/// [`Block`](Mode::Block) would end the connection for makes it opaque.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    mask_key: [u8; 4],
    out: Outbox,
    counters: Counters,
    stage: Stage,
    clock: Clock,
    memory: Reservation,
    /// When both sides are reset, once the connection is being ended.
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    Http(Box<HttpStage>),
    WebSocket(Box<WsStage>),
    /// Everything passes.
    Opaque,
    /// Ended by us; the frame in flight to the client, if any, is still let through.
    Closing {
        reason: CloseReason,
        app: Option<Box<Tracker>>,
    },
    /// Reset.
    Aborted,
}

impl Session {
    /// Starts at `now`, when the connection was made, with its first byte. `link` is what rules are told of it. `mask_key` masks the one frame that may be sent to the
    /// application (RFC 6455 §5.3): any value will do, best an unpredictable one.
    pub fn new(settings: Arc<Settings>, link: Link, mask_key: [u8; 4], now: Instant) -> Self {
        Self {
            out: Outbox::new(settings.mode),
            stage: Stage::Http(Box::new(HttpStage::new(&settings.limits, link, now))),
            clock: Clock::new(now),
            memory: Reservation::new(Arc::clone(&settings.budget)),
            settings,
            mask_key,
            counters: Counters::default(),
            deadline: None,
        }
    }

    /// Takes the next bytes of a direction, in any portions.
    pub fn handle_input(&mut self, direction: Direction, bytes: &[u8], now: Instant) {
        if bytes.is_empty() || matches!(self.stage, Stage::Aborted) {
            return;
        }
        self.clock.touch(now);
        self.out.received(direction, bytes.len());
        if let Err(breach) = self.read(direction, bytes, now) {
            self.offend(breach, now);
        }
        self.settle(now);
        self.out.finish_if_drained(Direction::ToServer);
        self.out.finish_if_drained(Direction::ToClient);
    }

    /// Takes note that the sender of a direction has half-closed it: nothing more will be fed for it.
    pub fn handle_eof(&mut self, direction: Direction, now: Instant) {
        if self.out.has_ended(direction) {
            return;
        }
        self.clock.touch(now);
        self.out.note_end(direction);
        self.end(direction);
        self.settle(now);
        self.out.finish_if_drained(direction);
        self.out.finish_if_drained(direction.opposite());
        self.stop_timer_when_done();
    }

    /// Ends the connection because the daemon is going away: with Close 1001 if it is a WebSocket.
    pub fn handle_shutdown(&mut self, now: Instant) {
        if !matches!(self.stage, Stage::Closing { .. } | Stage::Aborted) {
            self.close(CloseReason::Shutdown, now);
        }
    }

    /// Takes note that for so long the client could not be read, because the application had no room: that time does
    /// not count against what the client has begun.
    pub fn handle_stall(&mut self, stall: Duration) {
        self.clock.extend(stall);
    }

    /// Tells the time. Call it when [`Session::poll_timeout`] says so; earlier calls change nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        match (self.deadline, self.next_limit()) {
            (Some(deadline), _) if now >= deadline => self.abort(),
            (None, Some((at, reason))) if now >= at => self.expire(reason, now),
            (Some(_) | None, _) => {}
        }
    }

    /// When [`Session::handle_timeout`] is to be called next. Changes only in the `handle_*` calls.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.or_else(|| self.next_limit().map(|(at, _)| at))
    }

    /// The next thing to do, until there is none. To be polled empty after each `handle_*` call.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.poll()
    }

    /// What the connection has added up so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.offences = self.out.offences();
        counters.findings = self.out.findings_reported();
        match &self.stage {
            Stage::Http(http) => counters.requests = http.requests(),
            Stage::WebSocket(ws) => ws.add_to(&mut counters),
            Stage::Opaque | Stage::Closing { .. } | Stage::Aborted => {}
        }
        counters
    }

    /// Approximate memory that this session holds copies of traffic in, in bytes. Bounded by the
    /// [`Limits`](crate::Limits); what the caller holds is not included.
    pub fn buffered_bytes(&self) -> usize {
        match &self.stage {
            Stage::Http(http) => http.buffered_bytes(),
            Stage::WebSocket(ws) => ws.buffered_bytes(),
            Stage::Opaque | Stage::Closing { .. } | Stage::Aborted => 0,
        }
    }

    fn read(&mut self, direction: Direction, bytes: &[u8], now: Instant) -> Result<(), Breach> {
        match &mut self.stage {
            Stage::Http(http) => match http.input(direction, bytes, now, &self.settings, &mut self.out)? {
                Next::Http => Ok(()),
                Next::Opaque(kind) => {
                    self.find_opaque(direction, kind)?;
                    self.out.report(Report::Opaque(kind));
                    self.become_opaque();
                    Ok(())
                }
                Next::WebSocket { accepted, early, used } => {
                    let binding = http.binding(accepted.handshake.clone(), &self.settings);
                    self.counters = self.counters();
                    self.out.report(Report::WebSocketOpened(Box::new(accepted.handshake)));
                    let mut ws = Box::new(WsStage::new(accepted.deflate, binding, &self.settings, now));
                    let early_result =
                        ws.input(Direction::ToServer, &early, now, &self.settings, &mut self.out);
                    self.stage = Stage::WebSocket(ws);
                    early_result.map_err(|reason| Breach::new(Direction::ToServer, reason))?;
                    if self.out.has_ended(Direction::ToServer) {
                        self.end(Direction::ToServer);
                    }
                    match bytes.get(used..) {
                        Some(rest) if !rest.is_empty() => self.read(direction, rest, now),
                        _ => Ok(()),
                    }
                }
            },
            Stage::WebSocket(ws) => ws
                .input(direction, bytes, now, &self.settings, &mut self.out)
                .map_err(|reason| Breach::new(direction, reason)),
            Stage::Opaque => {
                self.counters.opaque_bytes += bytes.len() as u64;
                self.out.release_all(direction);
                Ok(())
            }
            Stage::Closing { .. } => {
                self.read_while_closing(direction);
                Ok(())
            }
            Stage::Aborted => Ok(()),
        }
    }

    fn end(&mut self, direction: Direction) {
        match (&mut self.stage, direction) {
            // Without another response nothing can switch protocols any more.
            (Stage::Http(_), Direction::ToClient) => self.become_opaque(),
            // It will never be complete, and so needs no judgement.
            (Stage::Http(http), Direction::ToServer) if http.is_within_head() => {
                self.out.release_all(Direction::ToServer);
            }
            (Stage::WebSocket(_), Direction::ToServer) => self.out.discard_all(Direction::ToServer),
            // It will never be complete, and so cannot be judged.
            (Stage::WebSocket(ws), Direction::ToClient) if ws.reads_app() => {
                self.out.discard_all(Direction::ToClient);
            }
            (Stage::WebSocket(_) | Stage::Opaque, Direction::ToClient) => {
                self.out.release_all(Direction::ToClient)
            }
            (Stage::Closing { .. }, Direction::ToClient) => self.out.finish(Direction::ToClient),
            (Stage::Http(_) | Stage::Opaque | Stage::Closing { .. } | Stage::Aborted, _) => {}
        }
    }

    /// Takes stock after something came: what is held, and what is unfinished.
    fn settle(&mut self, now: Instant) {
        let (unfinished, copies) = match &self.stage {
            Stage::Http(http) => (http.unfinished(), http.buffered_bytes()),
            Stage::WebSocket(ws) => {
                let unfinished = if self.out.has_ended(Direction::ToServer) { None } else { ws.unfinished() };
                let of_app = match ws.reads_app() {
                    true => ws.unfinished_bytes(Direction::ToClient) + self.out.held(Direction::ToClient),
                    false => 0,
                };
                (unfinished, ws.unfinished_bytes(Direction::ToServer) + of_app)
            }
            Stage::Opaque | Stage::Closing { .. } | Stage::Aborted => (None, 0),
        };
        self.clock.note(unfinished, now);
        if !self.memory.resize(self.out.held(Direction::ToServer) + copies) {
            self.forgo(now);
        }
    }

    /// The next limit on time, and when it is reached. Once the connection is being ended there are none.
    fn next_limit(&self) -> Option<(Instant, CloseReason)> {
        match &self.stage {
            Stage::Http(_) | Stage::WebSocket(_) | Stage::Opaque => self.clock.next(&self.settings),
            Stage::Closing { .. } | Stage::Aborted => None,
        }
    }

    fn expire(&mut self, reason: CloseReason, now: Instant) {
        if reason.class().is_none() {
            // Old or idle: nobody did anything wrong.
            self.close(reason, now);
            return;
        }
        match self.out.object(Breach::new(Direction::ToServer, reason)) {
            Ok(()) => self.clock.excuse(),
            Err(breach) => self.offend(breach, now),
        }
    }

    /// There is no memory for what is unfinished.
    fn forgo(&mut self, now: Instant) {
        match (self.settings.mode, &mut self.stage) {
            (Mode::Log, Stage::WebSocket(ws)) => ws.pass_longest(CloseReason::MemoryBudget, &mut self.out),
            (Mode::Block | Mode::Log, stage) => {
                let direction =
                    if let Stage::WebSocket(ws) = stage { ws.longest() } else { Direction::ToServer };
                self.offend(Breach::new(direction, CloseReason::MemoryBudget), now);
            }
        }
        self.memory.resize(0);
    }

    /// Acts upon an offence as the mode says.
    fn offend(&mut self, breach: Breach, now: Instant) {
        match self.settings.mode {
            Mode::Block => {
                self.out.offence(breach, FindingAction::Block);
                self.close(breach.reason, now);
            }
            Mode::Log => {
                self.out.offence(breach, FindingAction::Log);
                self.out.report(Report::GivenUp(breach.reason));
                self.become_opaque();
            }
        }
    }

    /// Whether a connection that is something else may pass.
    fn find_opaque(&mut self, direction: Direction, kind: OpaqueKind) -> Result<(), Breach> {
        match self.settings.opaque {
            OpaquePolicy::Pass => Ok(()),
            OpaquePolicy::Close => {
                self.out.object(Breach::new(direction, CloseReason::OpaqueNotAllowed(kind)))
            }
        }
    }

    fn become_opaque(&mut self) {
        self.counters = self.counters();
        self.stage = Stage::Opaque;
        self.out.release_all(Direction::ToServer);
        self.out.release_all(Direction::ToClient);
    }

    fn close(&mut self, reason: CloseReason, now: Instant) {
        self.counters = self.counters();
        self.out.close(reason);
        self.out.hold();
        let ws = match (std::mem::replace(&mut self.stage, Stage::Opaque), reason.response()) {
            (Stage::WebSocket(ws), _) => ws,
            (Stage::Http(http), Some(response)) if http.may_answer() => {
                self.refuse(reason, response, now);
                return;
            }
            (Stage::Http(_) | Stage::Opaque | Stage::Closing { .. } | Stage::Aborted, _) => {
                self.abort();
                return;
            }
        };
        self.deadline = Some(now + self.settings.limits.close_grace);
        self.out.discard_all(Direction::ToServer);
        if ws.client().is_between_frames(self.settings.mode)
            && !ws.client().receiver().counters().close_sent
            && !self.out.is_finished(Direction::ToServer)
        {
            let frame = self.out.close_frame(reason, Some(self.mask_key));
            self.out.inject(Direction::ToServer, Injection::Frame(Box::new(frame)));
        }
        self.out.finish(Direction::ToServer);
        let app = Box::new(ws.into_tracker(self.settings.mode));
        self.stage = Stage::Closing { reason, app: Some(app) };
        self.read_while_closing(Direction::ToClient);
        self.stop_timer_when_done();
    }

    /// Answers the request that the application does not get to see as a whole.
    fn refuse(&mut self, reason: CloseReason, response: &'static str, now: Instant) {
        self.deadline = Some(now + self.settings.limits.close_grace);
        self.out.discard_all(Direction::ToServer);
        self.out.discard_all(Direction::ToClient);
        self.out.inject(Direction::ToClient, Injection::Response(response));
        self.out.finish(Direction::ToClient);
        self.out.finish(Direction::ToServer);
        self.stage = Stage::Closing { reason, app: None };
        self.stop_timer_when_done();
    }

    /// Lets the frame in flight to the client end, puts our Close after it, and drops everything else.
    fn read_while_closing(&mut self, direction: Direction) {
        let Stage::Closing { reason, app } = &mut self.stage else { return };
        if direction == Direction::ToClient
            && !self.out.is_finished(Direction::ToClient)
            && let Some(app) = app
        {
            let len = app.finish_frame(self.out.held(Direction::ToClient));
            self.out.release(Direction::ToClient, len);
            if app.at_boundary() {
                self.out.discard_all(Direction::ToClient);
                let torn = self.settings.mode == Mode::Log && app.holds_header();
                if !torn && !app.counters().close_sent {
                    let frame = self.out.close_frame(*reason, None);
                    self.out.inject(Direction::ToClient, Injection::Frame(Box::new(frame)));
                }
                self.out.finish(Direction::ToClient);
            }
        } else {
            self.out.discard_all(direction);
        }
    }

    fn abort(&mut self) {
        self.counters = self.counters();
        self.deadline = None;
        self.stage = Stage::Aborted;
        self.out.discard_all(Direction::ToServer);
        self.out.discard_all(Direction::ToClient);
        self.out.abort();
    }

    /// Once both sides have half-closed there is nothing left to wait for.
    fn stop_timer_when_done(&mut self) {
        if self.out.has_ended(Direction::ToServer) && self.out.has_ended(Direction::ToClient) {
            self.deadline = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_costs_little() {
        assert!(size_of::<Session>() <= 320, "{}", size_of::<Session>());
        assert!(size_of::<Action>() <= 32, "{}", size_of::<Action>());
        assert!(size_of::<HttpStage>() <= 512, "{}", size_of::<HttpStage>());
        assert!(size_of::<WsStage>() <= 512, "{}", size_of::<WsStage>());
    }
}
