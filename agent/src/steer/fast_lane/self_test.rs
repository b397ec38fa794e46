//! Proves on a loopback pair of its own that lanes work on this kernel, before any connection has one.
//!
//! Kernels have had many faults here, and distributions carry fixes back: what is tried is worth more than a version.

use std::{
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd as _},
    time::Duration,
};

use framewall_common::{LANE_AGENT, LANE_APP, LANE_OPEN, LANE_WINDOW, Lane};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, Shutdown, SockaddrStorage, connect, recv, send, shutdown},
};
use tokio::net::TcpSocket;

use super::{Ability, Lack, Lanes, Steering, Ticket};
use crate::{conn::upstream, steer::Upstreams, sys};

/// A client that cannot exist (RFC 5737).
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 4242);
/// How long one step may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// Sent at once.
const PIECE: usize = 500;

pub(super) fn run(steering: &Steering) -> Ability {
    let mut ability = Ability::default();
    if let Err(lack) = check(steering, &mut ability.fionread) {
        ability.lack = Some(lack);
    }
    ability
}

fn check(steering: &Steering, fionread: &mut Option<Lack>) -> Result<(), Lack> {
    let mut lanes = Lanes::of(&steering.object)?;
    let mut upstreams = steering.upstreams()?;
    let mut pair = Pair::open(&mut upstreams)?;
    pair.joins(&lanes)?;
    pair.carries(&lanes, fionread)?;
    pair.is_counted(&lanes)?;
    pair.keeps_order(&lanes)?;
    pair.leaves(&mut lanes)?;
    let number = pair.ticket.number();
    lanes.remove(number);
    // That one has left: the end of one that has not.
    let mut pair = Pair::open(&mut upstreams)?;
    pair.joins(&lanes)?;
    let outcome = pair.ends_in_order();
    lanes.remove(pair.ticket.number());
    outcome
}

/// A connection with a lane: the daemon's socket and the application's.
struct Pair {
    ticket: Ticket,
    agent: TcpSocket,
    app: TcpStream,
}

impl Pair {
    fn open(upstreams: &mut Upstreams) -> Result<Self, Lack> {
        let open = || -> io::Result<(TcpListener, SocketAddr, TcpSocket)> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            Ok((listener, address, upstream::open(address)?))
        };
        let (listener, address, agent) = open().map_err(failed("connect"))?;
        let ticket = Ticket::take().ok_or_else(|| lack("connect", "there is no lane left"))?;
        upstream::claim(upstreams, &agent, CLIENT, Some(&ticket)).map_err(|error| lack("connect", error))?;
        match connect(agent.as_raw_fd(), &SockaddrStorage::from(address)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(lack("connect", errno)),
        }
        wait(&listener, PollFlags::POLLIN, "connect")?;
        let (app, _) = listener.accept().map_err(failed("connect"))?;
        app.set_read_timeout(Some(PATIENCE)).map_err(failed("connect"))?;
        Ok(Self { ticket, agent, app })
    }

    fn lane(&self, lanes: &Lanes, check: &'static str) -> Result<Lane, Lack> {
        lanes.get(self.ticket.number()).ok_or_else(|| lack(check, "the lane is not in the table"))
    }

    /// Both sockets can be members.
    fn joins(&self, lanes: &Lanes) -> Result<(), Lack> {
        let lane = self.lane(lanes, "join")?;
        match lane.sockets {
            [_, 0] => Err(lack("join", "the application's socket is not let into the map")),
            _ if lane.state != LANE_OPEN => Err(lack("join", format!("the lane has state {}", lane.state))),
            _ => Ok(()),
        }
    }

    /// Bytes take the lane both ways, wake the reader and arrive.
    fn carries(&mut self, lanes: &Lanes, fionread: &mut Option<Lack>) -> Result<(), Lack> {
        self.send_to_app(&[7; PIECE], "carry")?;
        wait(&self.app, PollFlags::POLLIN, "poll")?;
        let there = sys::readable_bytes(&self.app).map_err(failed("FIONREAD"))?;
        if there != PIECE {
            *fionread =
                Some(lack("FIONREAD", format!("{there} bytes can be read, says the kernel of {PIECE}")));
        }
        self.app_reads(&[7; PIECE], "carry")?;
        self.app_sends(&[8; PIECE], "carry")?;
        self.agent_reads(&[8; PIECE], "carry")?;
        let sent = self.lane(lanes, "carry")?.sent;
        if sent != [PIECE as u64; 2] {
            return Err(lack("carry", format!("{sent:?} of {PIECE} bytes took the lane")));
        }
        self.is_told(lanes, PIECE)
    }

    /// The daemon is told how many bytes the application has sent, whichever way they came.
    fn is_told(&self, lanes: &Lanes, sent: usize) -> Result<(), Lack> {
        match lanes.app_bytes().told(self.ticket.number()) {
            Some(told) if told as usize == sent => Ok(()),
            told => Err(lack("tell", format!("{told:?} bytes are told of {sent}"))),
        }
    }

    /// What waits for the application is counted where the program looks.
    fn is_counted(&mut self, lanes: &Lanes) -> Result<(), Lack> {
        let waits = |pair: &Self, expected: usize| match lanes.count(pair.ticket.number(), &pair.agent) {
            Some(lane) if lane.waiting as usize == expected => Ok(()),
            Some(lane) => {
                Err(lack("count", format!("{} bytes of {expected} wait for the application", lane.waiting)))
            }
            None => Err(lack("count", "the lane is not in the table")),
        };
        waits(self, 0)?;
        for nth in 1..=4 {
            self.send_to_app(&[9; 16 * PIECE], "count")?;
            waits(self, nth * 16 * PIECE)?;
        }
        self.app_reads(&[9; 32 * PIECE], "count")?;
        waits(self, 32 * PIECE)?;
        self.app_reads(&[9; 32 * PIECE], "count")?;
        waits(self, 0)
    }

    /// What the application sends by TCP is not overtaken by what would take the lane.
    fn keeps_order(&mut self, lanes: &Lanes) -> Result<(), Lack> {
        let before = self.lane(lanes, "order")?.sent[LANE_APP as usize];
        let mut expected = Vec::new();
        for byte in 0..=u8::MAX {
            // More than the window holds, in blocks that are told apart.
            let block = vec![byte; LANE_WINDOW as usize / 64];
            match send(self.app.as_raw_fd(), &block, MsgFlags::MSG_DONTWAIT) {
                Ok(len) => expected.extend_from_slice(&block[..len]),
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(lack("order", errno)),
            }
            if expected.len() > 2 * LANE_WINDOW as usize {
                break;
            }
        }
        let by_lane = self.lane(lanes, "order")?.sent[LANE_APP as usize] - before;
        if by_lane > LANE_WINDOW.into() {
            return Err(lack("order", format!("{by_lane} bytes took the lane, {LANE_WINDOW} may wait")));
        }
        self.agent_reads(&expected, "order")?;
        // The lane is open again.
        self.app_sends(&[1; PIECE], "order")?;
        self.agent_reads(&[1; PIECE], "order")?;
        self.is_told(lanes, PIECE + expected.len() + PIECE)?;
        let again = self.lane(lanes, "order")?.sent[LANE_APP as usize] - before - by_lane;
        if again == PIECE as u64 { Ok(()) } else { Err(lack("order", "the lane does not open again")) }
    }

    /// A lane can be left, and the socket of the application is then as any other.
    fn leaves(&mut self, lanes: &mut Lanes) -> Result<(), Lack> {
        let number = self.ticket.number();
        let lane = self.lane(lanes, "leave")?;
        lanes.leave(number, lane).map_err(|error| lack("leave", error))?;
        self.send_to_app(&[2; PIECE], "leave")?;
        wait(&self.app, PollFlags::POLLIN, "leave")?;
        let there = sys::readable_bytes(&self.app).map_err(failed("leave"))?;
        self.app_reads(&[2; PIECE], "leave")?;
        self.app_sends(&[3; PIECE], "leave")?;
        self.agent_reads(&[3; PIECE], "leave")?;
        let sent = self.lane(lanes, "leave")?.sent[LANE_AGENT as usize];
        if there == PIECE && sent == lane.sent[LANE_AGENT as usize] {
            Ok(())
        } else {
            Err(lack("leave", format!("{there} of {PIECE} bytes can be read afterwards")))
        }
    }

    /// The end comes after what was sent.
    fn ends_in_order(&mut self) -> Result<(), Lack> {
        self.send_to_app(&[4; PIECE], "end")?;
        shutdown(self.agent.as_raw_fd(), Shutdown::Write).map_err(|errno| lack("end", errno))?;
        self.app_reads(&[4; PIECE], "end")?;
        match self.app.read(&mut [0]).map_err(failed("end"))? {
            0 => Ok(()),
            _ => Err(lack("end", "there is more than was sent")),
        }
    }

    fn send_to_app(&self, bytes: &[u8], check: &'static str) -> Result<(), Lack> {
        wait(&self.agent, PollFlags::POLLOUT, check)?;
        match send(self.agent.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT) {
            Ok(len) if len == bytes.len() => Ok(()),
            other => Err(lack(check, format!("sending {} bytes: {other:?}", bytes.len()))),
        }
    }

    fn app_sends(&self, bytes: &[u8], check: &'static str) -> Result<(), Lack> {
        match send(self.app.as_raw_fd(), bytes, MsgFlags::empty()) {
            Ok(len) if len == bytes.len() => Ok(()),
            other => Err(lack(check, format!("sending {} bytes: {other:?}", bytes.len()))),
        }
    }

    fn app_reads(&mut self, expected: &[u8], check: &'static str) -> Result<(), Lack> {
        let mut bytes = vec![0; expected.len()];
        self.app.read_exact(&mut bytes).map_err(failed(check))?;
        same(&bytes, expected, check)
    }

    fn agent_reads(&self, expected: &[u8], check: &'static str) -> Result<(), Lack> {
        let mut bytes = vec![0; expected.len()];
        let mut len = 0;
        while len < bytes.len() {
            wait(&self.agent, PollFlags::POLLIN, check)?;
            match recv(self.agent.as_raw_fd(), &mut bytes[len..], MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return Err(lack(check, "the application's socket has ended")),
                Ok(more) => len += more,
                Err(Errno::EAGAIN) => return Err(lack("poll", "readable, and nothing to read")),
                Err(errno) => return Err(lack(check, errno)),
            }
        }
        same(&bytes, expected, check)
    }
}

fn same(bytes: &[u8], expected: &[u8], check: &'static str) -> Result<(), Lack> {
    match bytes.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => Err(lack(check, format!("byte {at} of {} is another", expected.len()))),
    }
}

fn wait(socket: &impl AsFd, what: PollFlags, check: &'static str) -> Result<(), Lack> {
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(socket.as_fd(), what)], timeout) {
        Ok(1..) => Ok(()),
        Ok(_) => Err(lack(check, format!("poll has waited in vain for {what:?}"))),
        Err(errno) => Err(lack(check, errno)),
    }
}

fn lack(check: &'static str, found: impl ToString) -> Lack {
    Lack::Check { check, found: found.to_string() }
}

fn failed(check: &'static str) -> impl Fn(io::Error) -> Lack {
    move |error| lack(check, error)
}
