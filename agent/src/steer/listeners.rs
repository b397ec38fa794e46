//! The daemon's listening sockets: one `SO_REUSEPORT` group a family, one socket of it a worker.
//!
//! They listen on loopback ports of the kernel's choice. Only the kernel program sends connections there; a
//! connection made to such a port directly is refused by the worker that accepts it.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::fd::{AsFd as _, AsRawFd as _},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
        sockopt,
    },
};

use crate::sys;

/// Connections that may wait for a worker, a socket; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// The listening sockets of one worker.
#[derive(Debug)]
pub(crate) struct WorkerListeners {
    /// IPv4.
    pub(crate) v4: TcpListener,
    /// IPv6, where the host has it.
    pub(crate) v6: Option<TcpListener>,
}

/// The listening sockets of all workers, at least one.
#[derive(Debug)]
pub(crate) struct Listeners {
    workers: Vec<WorkerListeners>,
}

impl Listeners {
    /// Opens the sockets for `workers` workers, on ports other than `steered`.
    ///
    /// # Errors
    ///
    /// If loopback cannot be listened on; only IPv6 may be missing.
    pub(crate) fn open(workers: usize, steered: &[u16]) -> io::Result<Self> {
        let v4 = group(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), workers, steered)?;
        let v6 = match group(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), workers, steered) {
            Ok(group) => group.into_iter().map(Some).collect(),
            Err(error) if is_without_ipv6(&error) => {
                tracing::info!("no IPv6 on this host, IPv4 only");
                (0..workers).map(|_| None).collect::<Vec<_>>()
            }
            Err(error) => return Err(error),
        };
        Ok(Self { workers: v4.into_iter().zip(v6).map(|(v4, v6)| WorkerListeners { v4, v6 }).collect() })
    }

    /// An IPv4 socket.
    pub(crate) fn v4(&self) -> &TcpListener {
        &self.workers[0].v4
    }

    /// An IPv6 socket, where the host has IPv6.
    pub(crate) fn v6(&self) -> Option<&TcpListener> {
        self.workers[0].v6.as_ref()
    }

    /// All sockets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TcpListener> {
        self.workers.iter().flat_map(|worker| [Some(&worker.v4), worker.v6.as_ref()]).flatten()
    }

    /// The sockets, worker by worker.
    pub(crate) fn into_workers(self) -> Vec<WorkerListeners> {
        self.workers
    }
}

fn is_without_ipv6(error: &io::Error) -> bool {
    [Errno::EADDRNOTAVAIL, Errno::EAFNOSUPPORT]
        .map(|errno| Some(errno as i32))
        .contains(&error.raw_os_error())
}

fn group(address: SocketAddr, sockets: usize, steered: &[u16]) -> io::Result<Vec<TcpListener>> {
    let first = open_beside(address, steered)?;
    let address = first.local_addr()?;
    let rest = (1..sockets).map(|_| open(address));
    std::iter::once(Ok(first)).chain(rest).collect()
}

/// Lets the kernel choose a port that is not steered: a connection to such a listener would come back to it.
fn open_beside(address: SocketAddr, steered: &[u16]) -> io::Result<TcpListener> {
    // Kept open, so that the kernel does not offer them again.
    let mut refused = Vec::new();
    loop {
        let listener = open(address)?;
        if !steered.contains(&listener.local_addr()?.port()) {
            return Ok(listener);
        }
        refused.push(listener);
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&socket.as_fd(), sockopt::ReusePort, &true)?;
    // What is accepted inherits these, which saves as many system calls for each connection.
    setsockopt(&socket.as_fd(), sockopt::TcpNoDelay, &true)?;
    sys::keep_alive(&socket)?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[test]
    fn a_group_listens_on_one_port_a_family() {
        let listeners = Listeners::open(3, &[]).expect("loopback can be listened on");
        let ports = listeners.iter().filter_map(|listener| listener.local_addr().ok());
        let v4: Vec<_> = ports.filter(SocketAddr::is_ipv4).map(|address| address.port()).collect();
        assert_eq!(v4.len(), 3);
        assert!(v4.iter().all(|port| *port == v4[0]));
    }

    #[test]
    fn what_is_accepted_sends_at_once_and_notices_vanished_clients() {
        let listeners = Listeners::open(1, &[]).expect("loopback can be listened on");
        let address = listeners.v4().local_addr().expect("it is bound");
        let _client = std::net::TcpStream::connect(address).expect("it listens");
        let (accepted, _) = listeners.v4().accept().expect("loopback connects at once");
        assert!(getsockopt(&accepted, sockopt::TcpNoDelay).expect("TCP has it"));
        assert!(getsockopt(&accepted, sockopt::KeepAlive).expect("TCP has it"));
        assert_eq!(getsockopt(&accepted, sockopt::TcpKeepIdle).expect("TCP has it"), 60);
    }

    #[test]
    fn never_listens_on_a_steered_port() {
        // Half of the odd and half of the even ports (the kernel prefers one kind): without the check one of
        // twenty tries would fail with near certainty.
        let steered: Vec<u16> = (1..=u16::MAX).filter(|port| port & 2 == 0).collect();
        for _ in 0..20 {
            let listeners = Listeners::open(1, &steered).expect("loopback can be listened on");
            let port = listeners.v4().local_addr().expect("it is bound").port();
            assert!(!steered.contains(&port), "{port}");
        }
    }
}
