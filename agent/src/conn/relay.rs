//! The loop of one connection: read, inspect, write, both ways, in one task.
//!
//! The inspection decides; the relay does what its actions say, in their order. It reads into a buffer of the
//! thread and writes from there, so that a message that arrives in one read and is released at once is never
//! copied. Neither side is read while the other has no room, so that flow control passes through.

use std::{
    cell::RefCell,
    future::pending,
    io,
    time::{Duration, Instant},
};

use framewall_inspect::{Action, Direction, Session};
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
    sync::watch,
    task::yield_now,
    time::sleep_until,
};
use tracing::debug;

use super::{
    fast_lane::{FastLane, Room},
    pipe::Pipe,
    record::{EndReason, Record},
};
use crate::{drain::Phase, sys};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Reads from one side before the other gets its turn.
const READS_PER_TURN: usize = 4;
/// Without an inspection nobody else ends a connection whose peers do not answer the FIN of the daemon's end.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// How the relaying of a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Both FINs went both ways.
    Finished,
    /// Both sides get a RST, for the reason that the record has or, failing that, this one.
    Reset(Option<EndReason>),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Relay {
    client: TcpStream,
    app: TcpStream,
    session: Option<Session>,
    fast_lane: Option<Box<FastLane>>,
    to_server: Pipe,
    to_client: Pipe,
    record: Record,
    /// Since when the client is not read, because the application has no room.
    stalled: Option<Instant>,
    /// When a relay without inspection gives up waiting for the end.
    deadline: Option<Instant>,
}

impl Relay {
    /// Joins `client` and `app`; without a session everything passes.
    pub(crate) fn new(
        client: TcpStream,
        app: TcpStream,
        session: Option<Session>,
        fast_lane: Option<Box<FastLane>>,
        record: Record,
    ) -> Self {
        let mut to_server = Pipe::default();
        // With a fast lane, nothing before it has been asked.
        to_server.set_room(fast_lane.as_ref().map(|_| 0));
        Self {
            client,
            app,
            session,
            fast_lane,
            to_server,
            to_client: Pipe::default(),
            record,
            stalled: None,
            deadline: None,
        }
    }

    /// Relays until the connection is over or `phase` says that the daemon closes its connections.
    pub(crate) async fn run(&mut self, phase: &mut watch::Receiver<Phase>) {
        let end = self.relay(phase).await;
        if let Some(session) = &self.session {
            self.record.set_counters(session.counters());
        }
        if let Some(fast_lane) = &self.fast_lane {
            self.record.set_fast_lane(fast_lane.report());
        }
        if let End::Reset(reason) = end {
            if let Some(reason) = reason {
                self.record.end(reason);
            }
            for socket in [&self.client, &self.app] {
                if let Err(error) = sys::reset_on_close(socket) {
                    debug!(%error, "closed without a reset");
                }
            }
        }
    }

    async fn relay(&mut self, phase: &mut watch::Receiver<Phase>) -> End {
        let mut closing = std::pin::pin!(async {
            // An error means that the daemon is gone, which is a reason to close as well.
            let _ = phase.wait_for(|phase| *phase >= Phase::Closing).await;
        });
        let mut is_closing = false;
        loop {
            if self.to_server.is_over() && self.to_client.is_over() {
                return self.end_of_pipes();
            }
            self.note_stall();
            self.make_room();
            let timeout = self.timeout();
            let event = tokio::select! {
                biased;
                ready = self.client.ready(interest(&self.to_server, &self.to_client)) => {
                    Event::Ready(Direction::ToServer, ready)
                }
                ready = self.app.ready(interest(&self.to_client, &self.to_server)) => {
                    Event::Ready(Direction::ToClient, ready)
                }
                () = expire(timeout) => Event::Timeout,
                () = &mut closing, if !is_closing => Event::Closing,
            };
            let result = match event {
                Event::Ready(direction, Ok(ready)) => self.handle_ready(direction, ready),
                Event::Ready(direction, Err(_)) => Err(reset_by(direction)),
                Event::Timeout => self.handle_timeout().map(|()| Turn::Over),
                Event::Closing => {
                    is_closing = true;
                    self.handle_closing().map(|()| Turn::Over)
                }
            };
            match result {
                Ok(Turn::Over) => {}
                // A bulk sender is always ready: the other connections of this thread come first, and the kernel's
                // news.
                Ok(Turn::Unfinished) => yield_now().await,
                Err(end) => return end,
            }
        }
    }

    /// Handles what the sender of `direction` has to say, and the room it has for the other direction.
    fn handle_ready(&mut self, direction: Direction, ready: Ready) -> Result<Turn, End> {
        if ready.is_writable() || ready.is_write_closed() {
            let (pipe, receiver) = self.pipe(direction.opposite());
            pipe.flush(receiver);
        }
        if self.pipe(direction).0.is_readable() {
            if ready.is_error() {
                // An error can show before the end that it means for reading does, so it is a reason of its own to
                // read: what came before a reset, then the reset.
                return self.read(direction, Interest::ERROR);
            }
            if ready.is_readable() || ready.is_read_closed() {
                return self.read(direction, Interest::READABLE);
            }
        } else if ready.is_error() {
            // Nothing will be read from this side soon, but a reset need not wait for the other side's room.
            return Err(reset_by(direction));
        }
        Ok(Turn::Over)
    }

    /// Reads from the sender of `direction` until it has no more, or its turn is over. `cause` is what it is ready
    /// for.
    fn read(&mut self, direction: Direction, cause: Interest) -> Result<Turn, End> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            for turn in 0..READS_PER_TURN {
                if !self.pipe(direction).0.is_readable() {
                    return Ok(Turn::Over);
                }
                let sender = self.sender(direction);
                match sender.try_io(cause, || sys::receive(sender, buffer)) {
                    Ok(0) => return self.handle_end(direction).map(|()| Turn::Over),
                    Ok(len) => {
                        let is_last = match (&mut self.fast_lane, direction) {
                            (Some(fast_lane), Direction::ToClient) => fast_lane.note_read(len, &self.app),
                            _ => true,
                        };
                        let is_all = is_last && len < buffer.len();
                        if is_all {
                            // The kernel's queue is empty: say so without asking it again.
                            let _ = self.sender(direction).try_io(Interest::READABLE, || {
                                Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock))
                            });
                        }
                        self.handle_bytes(direction, &buffer[..len])?;
                        if is_all {
                            return Ok(Turn::Over);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        // Ready for nothing: only news from the kernel can change that, and the runtime fetches
                        // them when this task makes room.
                        return Ok(if turn == 0 { Turn::Unfinished } else { Turn::Over });
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_reset) => return Err(reset_by(direction)),
                }
            }
            Ok(Turn::Unfinished)
        })
    }

    fn handle_bytes(&mut self, direction: Direction, bytes: &[u8]) -> Result<(), End> {
        if let Some(session) = &mut self.session {
            session.handle_input(direction, bytes, Instant::now());
            return self.act(direction, bytes);
        }
        self.send(direction, bytes);
        Ok(())
    }

    fn handle_end(&mut self, direction: Direction) -> Result<(), End> {
        self.pipe(direction).0.ended = true;
        if self.pipe(direction.opposite()).0.is_broken() {
            // This side stopped taking bytes before its end came: that was a reset.
            return Err(reset_by(direction));
        }
        self.record.end(match direction {
            Direction::ToServer => EndReason::ClientClosed,
            Direction::ToClient => EndReason::AppClosed,
        });
        if let Some(session) = &mut self.session {
            session.handle_eof(direction, Instant::now());
            return self.act(direction, &[]);
        }
        let (pipe, receiver) = self.pipe(direction);
        pipe.finish(receiver);
        Ok(())
    }

    /// Asks the fast lane for room, if what waits wants it and it is time, and sends.
    fn make_room(&mut self) {
        while self.to_server.wants_room() {
            let Some(fast_lane) = &mut self.fast_lane else { return };
            let now = Instant::now();
            if fast_lane.ask_at().is_some_and(|at| at > now) {
                return;
            }
            match fast_lane.ask(&self.app, now) {
                Room::Bytes(room) => self.to_server.set_room(Some(room)),
                Room::Tcp => self.to_server.set_room(None),
                Room::None => return,
            }
            self.to_server.flush(&self.app);
        }
    }

    fn handle_timeout(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if self.fast_lane.as_deref().and_then(FastLane::ask_at).is_some_and(|at| at <= now) {
            // The loop asks before it waits again.
            return Ok(());
        }
        if self.deadline.is_some() {
            return Err(End::Reset(None));
        }
        self.note_stall();
        if let Some(session) = &mut self.session {
            session.handle_timeout(Instant::now());
        }
        self.act(Direction::ToServer, &[])
    }

    /// Keeps the inspection from blaming the client for the time in which it is not read.
    fn note_stall(&mut self) {
        if self.stalled.is_none() && !self.to_server.is_blocked() {
            return;
        }
        let now = Instant::now();
        if let (Some(since), Some(session)) = (self.stalled.take(), &mut self.session) {
            session.handle_stall(now.saturating_duration_since(since));
        }
        if self.to_server.is_blocked() {
            self.stalled = Some(now);
        }
    }

    fn handle_closing(&mut self) -> Result<(), End> {
        if let Some(session) = &mut self.session {
            session.handle_shutdown(Instant::now());
            return self.act(Direction::ToServer, &[]);
        }
        self.record.end(EndReason::DaemonStopped);
        self.deadline = Some(Instant::now() + CLOSE_GRACE);
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (pipe, receiver) = self.pipe(direction);
            pipe.finish(receiver);
        }
        Ok(())
    }

    /// Does what the session says; `fresh` are the bytes that it was just given.
    fn act(&mut self, direction: Direction, fresh: &[u8]) -> Result<(), End> {
        let mut fresh = fresh;
        while let Some(action) = self.session.as_mut().and_then(Session::poll_action) {
            match action {
                Action::Release { direction: to, len } => {
                    let mut none: &[u8] = &[];
                    let source = if to == direction { &mut fresh } else { &mut none };
                    let (pipe, receiver) = self.pipe(to);
                    let sent = pipe.release(len, source, receiver);
                    self.record.forwarded(to, sent);
                }
                Action::Discard { direction: to, len } => {
                    let mut none: &[u8] = &[];
                    let source = if to == direction { &mut fresh } else { &mut none };
                    self.pipe(to).0.discard(len, source);
                }
                Action::Inject { direction: to, injection } => self.send(to, &injection),
                Action::Finish { direction: to } => {
                    let (pipe, receiver) = self.pipe(to);
                    pipe.finish(receiver);
                }
                Action::Report(report) => self.record.report(&report),
                Action::Close(reason) => self.record.end(EndReason::Inspection(reason)),
                Action::Abort => return Err(End::Reset(None)),
            }
        }
        self.pipe(direction).0.hold(fresh);
        Ok(())
    }

    fn send(&mut self, direction: Direction, bytes: &[u8]) {
        let (pipe, receiver) = self.pipe(direction);
        let sent = pipe.send(bytes, receiver);
        self.record.forwarded(direction, sent);
    }

    fn timeout(&self) -> Option<Instant> {
        let timeout = self.deadline.or_else(|| self.session.as_ref().and_then(Session::poll_timeout));
        match self.fast_lane.as_deref().and_then(FastLane::ask_at) {
            Some(ask) => Some(timeout.map_or(ask, |timeout| timeout.min(ask))),
            None => timeout,
        }
    }

    fn end_of_pipes(&self) -> End {
        // A receiver that refused bytes reset its connection, and the sender has to know.
        if self.to_server.is_broken() || self.to_client.is_broken() {
            End::Reset(None)
        } else {
            End::Finished
        }
    }

    fn sender(&self, direction: Direction) -> &TcpStream {
        match direction {
            Direction::ToServer => &self.client,
            Direction::ToClient => &self.app,
        }
    }

    /// The pipe of `direction` and its receiver.
    fn pipe(&mut self, direction: Direction) -> (&mut Pipe, &TcpStream) {
        match direction {
            Direction::ToServer => (&mut self.to_server, &self.app),
            Direction::ToClient => (&mut self.to_client, &self.client),
        }
    }
}

/// Whether a sender had more to say than its turn allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Over,
    Unfinished,
}

/// What woke the relay.
enum Event {
    /// The sender of a direction is readable, or writable for the other direction.
    Ready(Direction, io::Result<Ready>),
    Timeout,
    Closing,
}

/// What to wait for on the socket that sends into `from` and receives from `to`.
fn interest(from: &Pipe, to: &Pipe) -> Interest {
    let mut interest = Interest::ERROR;
    if from.is_readable() {
        interest |= Interest::READABLE;
    }
    // The socket of a fast lane without room is writable all the same.
    if to.is_blocked() && !to.wants_room() {
        interest |= Interest::WRITABLE;
    }
    interest
}

async fn expire(timeout: Option<Instant>) {
    match timeout {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

fn reset_by(direction: Direction) -> End {
    End::Reset(Some(match direction {
        Direction::ToServer => EndReason::ClientReset,
        Direction::ToClient => EndReason::AppReset,
    }))
}
