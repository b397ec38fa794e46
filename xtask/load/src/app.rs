//! The application: as little work for a message as an application can have.

mod connection;
mod incoming;
mod source;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{self, Backlog, SockaddrStorage, setsockopt, sockopt};

use self::connection::{Connection, Turn};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// Bytes that one read takes at most.
const READ: usize = 256 * 1024;
/// Longest header of a frame that begins in one read and ends in another.
const HEADROOM: usize = 16;
const EVENTS: usize = 256;

/// Serves on `listen` until the process ends; `threads` share the work.
pub(crate) fn run(listen: SocketAddr, threads: usize) -> Result<()> {
    let workers: Vec<_> = (0..threads).map(|_| Worker::new(listen)).collect::<Result<_>>()?;
    println!("{}", serde_json::json!({ "event": "listening" }));
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers.into_iter().map(|worker| scope.spawn(|| worker.run())).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a worker never panics"))
    })
}

/// A thread with a listener of its own (`SO_REUSEPORT`) and the connections that the kernel gave to it.
#[derive(Debug)]
struct Worker {
    listener: TcpListener,
    epoll: Epoll,
    /// By file descriptor.
    connections: Vec<Option<Connection>>,
    /// What may go on without waiting for the kernel.
    runnable: Vec<usize>,
    buffer: Vec<u8>,
}

impl Worker {
    fn new(listen: SocketAddr) -> Result<Self> {
        let listener = bind(listen).with_context(|| format!("listen on {listen}"))?;
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, token(&listener)))?;
        let buffer = vec![0; HEADROOM + READ];
        Ok(Self { listener, epoll, connections: Vec::new(), runnable: Vec::new(), buffer })
    }

    fn run(mut self) -> Result<()> {
        let listener = token(&self.listener);
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let timeout = if self.runnable.is_empty() { EpollTimeout::NONE } else { EpollTimeout::ZERO };
            let count = match self.epoll.wait(&mut events, timeout) {
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error).context("epoll"),
            };
            let runnable = std::mem::take(&mut self.runnable);
            for event in events.iter().take(count) {
                if event.data() == listener {
                    self.accept()?;
                } else {
                    self.turn(usize::try_from(event.data())?);
                }
            }
            runnable.into_iter().for_each(|token| self.turn(token));
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client was faster to go.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error).context("accept"),
            };
            stream.set_nonblocking(true)?;
            // A reset connection cannot be set.
            let _ = stream.set_nodelay(true);
            let token = token(&stream);
            // Edge-triggered, so that nothing has to be registered again; therefore a turn goes on until it would block.
            let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
            self.epoll.add(&stream, EpollEvent::new(flags, token))?;
            let slot = usize::try_from(token)?;
            if self.connections.len() <= slot {
                self.connections.resize_with(slot + 1, || None);
            }
            self.connections[slot] = Some(Connection::new(stream));
        }
    }

    /// Lets one connection go on. That it has ended is no news to anybody here.
    fn turn(&mut self, token: usize) {
        let Some(slot) = self.connections.get_mut(token) else { return };
        let Some(connection) = slot else { return };
        match connection.turn(&mut self.buffer) {
            Ok(Turn::Wait) => {}
            Ok(Turn::Again) => self.runnable.push(token),
            Ok(Turn::Ended) | Err(_) => *slot = None,
        }
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    let family = if address.is_ipv4() { socket::AddressFamily::Inet } else { socket::AddressFamily::Inet6 };
    let socket = socket::socket(family, socket::SockType::Stream, socket::SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    setsockopt(&socket, sockopt::ReusePort, &true)?;
    socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    socket::listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(socket.into())
}

fn token(socket: &impl AsRawFd) -> u64 {
    u64::try_from(socket.as_raw_fd()).expect("an open descriptor is not negative")
}
