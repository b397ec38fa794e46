//! The fast lane: the `sk_msg` program, where it finds what it asks of sockets, and a worker's view of the lanes.
//!
//! How it works and what is safe about it is in `agent-ebpf/src/lane.rs`; docs/fast-lane.md is for who has to decide.

mod app_bytes;
mod self_test;

use std::{
    fmt,
    os::fd::{AsFd, AsRawFd as _},
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) use app_bytes::AppBytes;
use aya::{
    Ebpf,
    maps::{HashMap, Map, MapData, MapError, SockHash},
    programs::SkMsg,
};
use framewall_common::{LANE_APP, LANE_LEFT, Lane, MAX_LANES, lane_key, map, program};
use nix::sys::socket::{SockaddrStorage, getpeername};

use super::{
    SteerError, Steering,
    btf::{Btf, BtfError},
    program_mut, refused,
};

/// Where the program finds what it asks of sockets, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offsets {
    pub(super) write_seq: u32,
    pub(super) copied_seq: u32,
    pub(super) rmem_alloc: u32,
}

impl Offsets {
    /// Those of the running kernel.
    pub(super) fn of_kernel() -> Result<Self, BtfError> {
        let btf = Btf::of_kernel()?;
        Ok(Self {
            write_seq: btf.offset("tcp_sock", "write_seq")?,
            copied_seq: btf.offset("tcp_sock", "copied_seq")?,
            rmem_alloc: btf.offset("sock", "sk_backlog.rmem_alloc")?,
        })
    }
}

/// Why a port has no fast lane.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lack {
    #[error(transparent)]
    Btf(#[from] BtfError),
    #[error(transparent)]
    Steer(#[from] SteerError),
    #[error("the check {check} failed on this kernel ({release}): {found}", release = super::probe::release())]
    Check { check: &'static str, found: String },
}

/// What the self-test says of the fast lane here.
#[derive(Debug, Default)]
pub(crate) struct Ability {
    /// Why there is none.
    pub(crate) lack: Option<Lack>,
    /// Why there is none for applications that ask how much there is to read (`FIONREAD`).
    pub(crate) fionread: Option<Lack>,
}

/// Loads the program and lets it see what members of the map send. Before that nothing is a member.
pub(super) fn attach(object: &mut Ebpf) -> Result<(), SteerError> {
    let name = program::LANE;
    let sockets: SockHash<&MapData, u64> = object
        .map(map::LANE_SOCKETS)
        .ok_or(MapError::ElementNotFound)
        .and_then(SockHash::try_from)
        .map_err(|source| map_error(map::LANE_SOCKETS, source))?;
    let map = sockets
        .fd()
        .try_clone()
        .map_err(|source| SteerError::Open { path: map::LANE_SOCKETS.into(), source })?;
    let fail = |source| refused(name, "sk_msg with socket storage (Linux 5.15)", source);
    let lane: &mut SkMsg = program_mut(object, name).map_err(fail)?;
    lane.load().map_err(fail)?;
    lane.attach(&map).map_err(fail)?;
    Ok(())
}

/// Proves on loopback that lanes work here.
pub(super) fn test(steering: &Steering) -> Ability {
    self_test::run(steering)
}

static SLOTS: Mutex<Slots> = Mutex::new(Slots { rounds: 0, used: 0, free: Vec::new() });

/// The slots of open lanes ([`lane_slot`](framewall_common::lane_slot)).
struct Slots {
    /// How many tickets there were.
    rounds: u64,
    /// Slots from this one on were never used.
    used: u64,
    /// Used before, and free again: at most [`MAX_LANES`].
    free: Vec<u64>,
}

/// The number of a lane, for as long as a connection has it.
#[derive(Debug)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// A new one; `None` if there are [`MAX_LANES`].
    ///
    /// Numbers are never used again: whoever still holds one reaches nobody else's connection with it.
    pub(crate) fn take() -> Option<Self> {
        const MAX: u64 = MAX_LANES as u64;
        let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match slots.free.pop() {
            Some(slot) => slot,
            None if slots.used < MAX => {
                slots.used += 1;
                slots.used - 1
            }
            None => return None,
        };
        slots.rounds += 1;
        Some(Self(slots.rounds * MAX + slot))
    }

    /// The number.
    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
        slots.free.push(self.0 % MAX_LANES as u64);
    }
}

/// A worker's view of the lanes.
pub(crate) struct Lanes {
    lanes: HashMap<MapData, u64, Lane>,
    sockets: SockHash<MapData, u64>,
    app_bytes: Arc<AppBytes>,
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

impl Lanes {
    /// A view with descriptors of its own.
    pub(super) fn of(object: &Ebpf) -> Result<Self, SteerError> {
        let copy = |name: &'static str| match object.map(name) {
            Some(Map::HashMap(data) | Map::SockHash(data)) => {
                let descriptor = data.fd().as_fd().try_clone_to_owned();
                descriptor
                    .map_err(|io_error| MapError::from(aya::sys::SyscallError { call: "dup", io_error }))
                    .and_then(MapData::from_fd)
                    .map_err(|source| map_error(name, source))
            }
            _ => Err(map_error(name, MapError::ElementNotFound)),
        };
        let lanes = Map::HashMap(copy(map::LANES)?).try_into();
        let sockets = Map::SockHash(copy(map::LANE_SOCKETS)?).try_into();
        Ok(Self {
            lanes: lanes.map_err(|source| map_error(map::LANES, source))?,
            sockets: sockets.map_err(|source| map_error(map::LANE_SOCKETS, source))?,
            app_bytes: Arc::new(AppBytes::of(object)?),
        })
    }

    /// A lane; `None` if it was never opened, as when the table is full.
    pub(crate) fn get(&self, number: u64) -> Option<Lane> {
        self.lanes.get(&number, 0).ok()
    }

    /// How many bytes applications have sent.
    pub(crate) fn app_bytes(&self) -> Arc<AppBytes> {
        Arc::clone(&self.app_bytes)
    }

    /// Forgets a lane, if there was one.
    pub(crate) fn remove(&mut self, number: u64) {
        let _ = self.lanes.remove(&number);
    }

    /// A lane, with what waits for the application now; `None` if there is none, or if `socket`, the daemon's end, has had
    /// both FINs or a reset: nothing more can be sent by it, and the kernel does not count any more.
    pub(crate) fn count(&self, number: u64, socket: &impl AsFd) -> Option<Lane> {
        // Nobody wants the name: the question makes the kernel program count.
        getpeername::<SockaddrStorage>(socket.as_fd().as_raw_fd()).ok()?;
        self.get(number)
    }

    /// Takes the application's socket out, in which nothing may be waiting. What is sent afterwards goes by TCP.
    pub(crate) fn leave(&mut self, number: u64, lane: Lane) -> Result<(), MapError> {
        // In this order: an application's socket that joins late looks at the state after it has.
        self.lanes.insert(number, Lane { state: LANE_LEFT, ..lane }, 0)?;
        // Not there if it has closed, or has never joined.
        let _ = self.sockets.remove(&lane_key(number, LANE_APP));
        Ok(())
    }
}

fn map_error(name: &'static str, source: MapError) -> SteerError {
    SteerError::Map { name, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use framewall_common::lane_slot;

    use super::*;

    #[test]
    fn there_are_so_many_lanes_and_no_number_comes_twice() {
        let first = Ticket::take().expect("there are some");
        let number = first.number();
        drop(first);
        assert!(Ticket::take().is_some_and(|ticket| ticket.number() > number));
        let all: Vec<_> = (0..MAX_LANES).map_while(|_| Ticket::take()).collect();
        assert!(all.len() > MAX_LANES / 2 && Ticket::take().is_none());
        let slots: HashSet<_> = all.iter().map(|ticket| lane_slot(ticket.number())).collect();
        assert_eq!(slots.len(), all.len(), "open lanes share no slot");
        let numbers: HashSet<_> = all.iter().map(Ticket::number).collect();
        drop(all);
        assert!(Ticket::take().is_some_and(|ticket| !numbers.contains(&ticket.number())));
    }
}
