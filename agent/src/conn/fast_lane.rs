//! The daemon's end of a connection's fast lane: how much may be sent, and when to leave it.
//!
//! The kernel does not bound what waits for the application there, so the connection does. It counts what it sends, and asks
//! when a window's worth has gone. If the application has not made room it asks again after a while, for no news comes
//! when it has. Where that happens often, bulk is being sent: the lane is left as soon as the application has read
//! everything, and TCP's own flow control takes over.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use framewall_common::{LANE_AGENT, LANE_APP, LANE_LEFT, LANE_WINDOW};
use tokio::net::TcpStream;
use tracing::debug;

use crate::steer::fast_lane::{Lanes, Ticket};

/// Room that is worth to go on with, in bytes.
const LEAST_ROOM: usize = 64 * 1024;
/// How long to wait before asking again; each further time it is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(128);
/// How long the application's socket may take to join.
const JOIN_PATIENCE: Duration = Duration::from_millis(50);
/// So many times out of room within a second is bulk.
const BULK: usize = 4;
const BULK_WITHIN: Duration = Duration::from_secs(1);

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
    /// When it was asked first.
    since: Option<Instant>,
    ask_at: Option<Instant>,
    wait: Duration,
    /// When the application began to have no room, the last few times, newest first.
    shortages: [Option<Instant>; BULK],
    is_leaving: bool,
}

impl FastLane {
    pub(super) fn new(ticket: Ticket, lanes: Arc<Mutex<Lanes>>) -> Self {
        Self {
            ticket,
            lanes,
            since: None,
            ask_at: None,
            wait: FIRST_WAIT,
            shortages: [None; BULK],
            is_leaving: false,
        }
    }

    /// What the socket that connects is marked with.
    pub(super) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// When there may be room again, if there is none now.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Asks at `now` how much may be sent by `socket`, the daemon's end.
    pub(super) fn ask(&mut self, socket: &TcpStream, now: Instant) -> Room {
        let lanes = Arc::clone(&self.lanes);
        let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.ticket.number();
        let Some(lane) = lanes.count(number, socket) else { return Room::Tcp };
        if lane.state == LANE_LEFT {
            return self.go_on(Room::Tcp);
        }
        let has_joined = lane.sockets[LANE_APP as usize] != 0;
        let room = LANE_WINDOW.saturating_sub(lane.waiting) as usize;
        let is_late = now.saturating_duration_since(*self.since.get_or_insert(now)) >= JOIN_PATIENCE;
        if !has_joined && is_late || self.is_leaving && lane.waiting == 0 {
            match lanes.leave(number, lane) {
                Ok(()) => {
                    debug!(lane = number, has_joined, "fast lane left");
                    return self.go_on(Room::Tcp);
                }
                // Nothing is lost: what waits goes on waiting.
                Err(error) => debug!(lane = number, %error, "fast lane not left"),
            }
        } else if has_joined && !self.is_leaving && room >= LEAST_ROOM {
            return self.go_on(Room::Bytes(room));
        } else if has_joined && self.ask_at.is_none() {
            self.note_shortage(now);
        }
        self.ask_at = Some(now + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        Room::None
    }

    fn note_shortage(&mut self, now: Instant) {
        self.shortages.rotate_right(1);
        self.shortages[0] = Some(now);
        let first = self.shortages[BULK - 1];
        self.is_leaving |= first.is_some_and(|at| now.saturating_duration_since(at) <= BULK_WITHIN);
    }

    fn go_on(&mut self, room: Room) -> Room {
        self.ask_at = None;
        self.wait = FIRST_WAIT;
        room
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
