//! The daemon's end of a connection's fast lane: how much may be sent, and when to leave it.
//!
//! The kernel does not bound what waits for the application there, so the connection does. It counts what it sends, and asks
//! when a window's worth has gone. If the application has not made room it asks again after a while, for no news comes
//! when it has. Where that happens often, bulk is being sent: the lane is left as soon as the application has read
//! everything, and TCP's own flow control takes over. The same where the application sends bulk: TCP carries long pieces for
//! less than the lane does.

mod pace;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use framewall_common::{LANE_AGENT, LANE_APP, LANE_LEFT};
use pace::{Pace, Step};
use tokio::net::TcpStream;
use tracing::debug;

use crate::steer::fast_lane::{AppBytes, Lanes, Ticket};

/// How much may be sent to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// So many bytes, then ask again.
    Bytes(usize),
    /// As much as TCP takes: there is no lane, or not any more.
    Tcp,
    /// Nothing until [`FastLane::ask_at`].
    None,
}

/// What a lane has carried, for the connection's last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct LaneReport {
    /// `open`, `left` for TCP, or `none` if there could not be one.
    state: &'static str,
    bytes_to_server: u64,
    bytes_to_client: u64,
}

/// The daemon's end of a lane.
#[derive(Debug)]
pub(crate) struct FastLane {
    ticket: Ticket,
    /// Only this thread takes the lock.
    lanes: Arc<Mutex<Lanes>>,
    pace: Pace,
    app_bytes: Arc<AppBytes>,
    /// Bytes that were read of the application, modulo 2³².
    read: u32,
    /// How many reads, one after the other, were [`LONG`].
    long_reads: usize,
    /// The kernel program does not tell any more what the application sends.
    left: bool,
}

/// A read of so many bytes is one of a long piece of what the application sends, or of much that has gathered.
const LONG: usize = 32 * 1024;
/// So many of them, and nothing shorter in between, are bulk.
const BULK: usize = 32;

impl FastLane {
    pub(super) fn new(ticket: Ticket, lanes: Arc<Mutex<Lanes>>) -> Self {
        let app_bytes = lanes.lock().unwrap_or_else(PoisonError::into_inner).app_bytes();
        Self { ticket, lanes, pace: Pace::new(), app_bytes, read: 0, long_reads: 0, left: false }
    }

    /// Notes that a read by `socket`, the daemon's end, had so many bytes. Returns whether that was all that had come.
    ///
    /// If it was not, or if that cannot be told, there may be more, for a read ends where bytes that came by TCP begin.
    pub(super) fn note_read(&mut self, len: usize, socket: &TcpStream) -> bool {
        self.read = self.read.wrapping_add(len as u32);
        let is_all = !self.left && self.app_bytes.told(self.ticket.number()) == Some(self.read);
        self.long_reads = if len < LONG { 0 } else { self.long_reads + 1 };
        if self.long_reads >= BULK {
            self.leave_to_app(socket);
        }
        is_all
    }

    /// Leaves the lane because the application sends bulk, if nothing waits for it there.
    fn leave_to_app(&mut self, socket: &TcpStream) {
        // If it cannot be left now, it is tried again after as many.
        self.long_reads = 0;
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.ticket.number();
        let idle = lanes.count(number, socket).filter(|lane| {
            lane.state != LANE_LEFT && lane.sockets[LANE_APP as usize] != 0 && lane.waiting == 0
        });
        if let Some(lane) = idle {
            match lanes.leave(number, lane) {
                Ok(()) => {
                    self.left = true;
                    debug!(lane = number, "fast lane left: the application sends bulk");
                }
                Err(error) => debug!(lane = number, %error, "fast lane not left"),
            }
        }
    }

    /// What the socket that connects is marked with.
    pub(super) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// When there may be room again, if there is none now.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        self.pace.ask_at()
    }

    /// Asks at `now` how much may be sent by `socket`, the daemon's end.
    pub(super) fn ask(&mut self, socket: &TcpStream, now: Instant) -> Room {
        let lanes = Arc::clone(&self.lanes);
        let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.ticket.number();
        let Some(lane) = lanes.count(number, socket) else { return Room::Tcp };
        let has_joined = lane.sockets[LANE_APP as usize] != 0;
        let step = match lane.state {
            LANE_LEFT => None,
            _ => Some(self.pace.step(has_joined, lane.waiting, now)),
        };
        match step {
            Some(Step::Send(room)) => return Room::Bytes(room),
            Some(Step::Wait) => return Room::None,
            Some(Step::Leave) => {
                if let Err(error) = lanes.leave(number, lane) {
                    // Nothing is lost: what waits goes on waiting.
                    debug!(lane = number, %error, "fast lane not left");
                    self.pace.wait(now);
                    return Room::None;
                }
                self.left = true;
                debug!(lane = number, has_joined, "fast lane left");
            }
            None => {}
        }
        self.pace.go_on();
        Room::Tcp
    }

    /// What became of the lane so far.
    pub(super) fn report(&self) -> LaneReport {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.get(self.ticket.number()).map_or_else(LaneReport::none, |lane| LaneReport {
            state: if lane.state == LANE_LEFT { "left" } else { "open" },
            bytes_to_server: lane.sent[LANE_AGENT as usize],
            bytes_to_client: lane.sent[LANE_APP as usize],
        })
    }
}

impl Drop for FastLane {
    fn drop(&mut self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).remove(self.ticket.number());
    }
}

impl LaneReport {
    /// Of a connection that should have a lane and has none.
    pub(super) fn none() -> Self {
        Self { state: "none", ..Self::default() }
    }
}
