//! Proves on a loopback port of its own that steering works here, before any real port is steered.
//!
//! What it catches: another `sk_lookup` program that overrules ours, a process outside the cgroup2 tree that the
//! hooks are attached to, a loopback interface that is down.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd as _, AsRawFd},
    time::{Duration, Instant},
};

use framewall_common::map;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{SockaddrStorage, connect},
};

use super::{Listeners, SteerError, Steering};
use crate::conn::upstream;

/// Why steering does not work here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelfTestError {
    #[error("self-test: loopback does not work; is the interface lo up?")]
    Loopback(#[from] io::Error),
    #[error(
        "self-test: a connection to a steered port was not handed to the daemon; does another sk_lookup program rule this network namespace (`bpftool net`, `bpftool link`)?"
    )]
    NotSteered,
    #[error("self-test: the daemon's own connection to the application did not arrive there")]
    NotPassed,
    #[error(
        "self-test: the application would see {seen} instead of its client's address; is this process outside the mounted cgroup2 tree?"
    )]
    WrongPeer { seen: SocketAddr },
}

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A client that cannot exist (RFC 5737).
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 4242);

pub(super) fn run(steering: &mut Steering, listeners: &Listeners) -> Result<(), SteerError> {
    let application = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(SelfTestError::from)?;
    application.set_nonblocking(true).map_err(SelfTestError::from)?;
    let address = application.local_addr().map_err(SelfTestError::from)?;
    steering.add_port(address.port())?;
    let result = check(steering, listeners, &application, address);
    steering.remove_port(address.port())?;
    result
}

fn check(
    steering: &Steering,
    listeners: &Listeners,
    application: &TcpListener,
    address: SocketAddr,
) -> Result<(), SteerError> {
    let client = TcpStream::connect_timeout(&address, PATIENCE).map_err(SelfTestError::from)?;
    let ours = listeners.iter().collect::<Vec<_>>();
    accept(&ours).map_err(SelfTestError::from)?.ok_or(SelfTestError::NotSteered)?;
    drop(client);

    let socket = upstream::open(address).map_err(SelfTestError::from)?;
    upstream::claim(&mut steering.upstreams()?, &socket, CLIENT, None)
        .map_err(|source| SteerError::Map { name: map::UPSTREAMS, source: Box::new(source) })?;
    start_connect(&socket, address).map_err(SelfTestError::from)?;
    let (_, seen) = accept(&[application]).map_err(SelfTestError::from)?.ok_or(SelfTestError::NotPassed)?;
    if seen == CLIENT { Ok(()) } else { Err(SelfTestError::WrongPeer { seen }.into()) }
}

/// Sends the SYN of a non-blocking socket; the listener tells whether it arrives.
fn start_connect(socket: &impl AsRawFd, address: SocketAddr) -> io::Result<()> {
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Accepts one connection on any of the non-blocking `listeners`; `None` if there is none in time.
fn accept(listeners: &[&TcpListener]) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for listener in listeners {
            match listener.accept() {
                Ok(accepted) => return Ok(Some(accepted)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let mut polled: Vec<_> =
            listeners.iter().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))?;
    }
}
