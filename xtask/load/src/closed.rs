//! Closed loop: each connection sends the next message when it has got the last one back, byte for byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::Options;
use crate::handshake::{self, Service};
use crate::pool::Pool;
use crate::stage::{self, Tally};

const EVENTS: usize = 256;
/// Bytes that one read takes at most.
const READ: usize = 64 * 1024;
/// For an answer.
const PATIENCE_MS: u16 = 20_000;

/// Connects, warms up, measures, prints.
pub(crate) fn run(to: SocketAddr, options: &Options) -> Result<()> {
    let pool = Pool::new(options.bytes, options.deflate);
    let mut groups: Vec<_> = (0..options.threads).map(|_| Group::new(&pool)).collect::<Result<_>>()?;
    for number in 0..options.connections {
        let stream = handshake::open(to, Service::Echo, options.deflate)?;
        groups[number % options.threads].add(stream, pool.begin(number))?;
    }
    stage::perform(&mut groups, options.times, Group::run)
}

/// The connections of one thread.
#[derive(Debug)]
struct Group<'a> {
    pool: &'a Pool,
    epoll: Epoll,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// The number of the message that is under way.
    message: usize,
    /// Whether it is.
    busy: bool,
    /// Bytes of it that were sent, and of the answer that came.
    written: usize,
    received: usize,
    sent_at: Instant,
}

impl<'a> Group<'a> {
    fn new(pool: &'a Pool) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { pool, epoll, connections: Vec::new(), buffer: vec![0; READ] })
    }

    fn add(&mut self, stream: TcpStream, message: usize) -> Result<()> {
        stream.set_nonblocking(true)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        self.epoll.add(&stream, EpollEvent::new(flags, self.connections.len() as u64))?;
        self.connections.push(Connection {
            stream,
            message,
            busy: false,
            written: 0,
            received: 0,
            sent_at: Instant::now(),
        });
        Ok(())
    }

    /// Keeps every connection busy for this time, and then waits for the answers under way.
    fn run(&mut self, time: Duration) -> Result<Tally> {
        let start = Instant::now();
        let mut tally = Tally::new();
        let mut busy = self.connections.len();
        for connection in &mut self.connections {
            connection.send(self.pool)?;
        }
        let mut events = [EpollEvent::empty(); EVENTS];
        while busy > 0 {
            let count = match self.epoll.wait(&mut events, EpollTimeout::from(PATIENCE_MS)) {
                Ok(0) => bail!("no answer within {PATIENCE_MS} ms"),
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error).context("epoll"),
            };
            for event in events.iter().take(count) {
                let connection = &mut self.connections[usize::try_from(event.data())?];
                if connection.go_on(self.pool, &mut self.buffer)? {
                    let now = Instant::now();
                    tally.count(now - connection.sent_at);
                    connection.message += 1;
                    if now - start < time {
                        connection.send(self.pool)?;
                    } else {
                        busy -= 1;
                    }
                }
            }
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

impl Connection {
    /// Begins the next message.
    fn send(&mut self, pool: &Pool) -> Result<()> {
        (self.busy, self.written, self.received) = (true, 0, 0);
        self.sent_at = Instant::now();
        self.write(&pool.get(self.message).request)
    }

    /// Writes and reads what can be; whether the answer is complete.
    fn go_on(&mut self, pool: &Pool, buffer: &mut [u8]) -> Result<bool> {
        if !self.busy {
            return Ok(false);
        }
        let exchange = pool.get(self.message);
        self.write(&exchange.request)?;
        while self.received < exchange.answer.len() {
            let count = match self.stream.read(buffer) {
                Ok(0) => bail!("the connection was closed"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("read"),
            };
            if exchange.answer.get(self.received..self.received + count) != buffer.get(..count) {
                bail!("the answer is not what was sent");
            }
            self.received += count;
        }
        self.busy = false;
        Ok(true)
    }

    fn write(&mut self, request: &[u8]) -> Result<()> {
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("write"),
            }
        }
        Ok(())
    }
}
