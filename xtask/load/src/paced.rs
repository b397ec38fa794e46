//! Open loop: messages are sent at their times, whatever has become of those before. A latency begins when the message
//! was to be sent, so that waiting for its turn counts too (no coordinated omission).

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::Options;
use crate::handshake::{self, Service};
use crate::pool::Pool;
use crate::stage::{self, Tally};

const EVENTS: usize = 256;
const READ: usize = 64 * 1024;
/// For the answers that are missing when all is sent.
const PATIENCE: Duration = Duration::from_secs(20);
/// The timer among the connections.
const TIMER: u64 = u64::MAX;

/// Connects, warms up, measures, prints.
pub(crate) fn run(to: SocketAddr, options: &Options) -> Result<()> {
    let pool = Pool::new(options.bytes, options.deflate);
    let threads = u32::try_from(options.threads)?;
    let interval = Duration::from_secs(1) * threads / options.rate.get();
    let mut groups: Vec<_> = (0..threads).map(|_| Group::new(&pool, interval)).collect::<Result<_>>()?;
    for number in 0..options.connections {
        let stream = handshake::open(to, Service::Echo, options.deflate)?;
        groups[number % options.threads].add(stream, pool.begin(number))?;
    }
    stage::perform(&mut groups, options.times, Group::run)
}

/// The connections of one thread, which have their turns one after the other.
#[derive(Debug)]
struct Group<'a> {
    pool: &'a Pool,
    /// Between two messages.
    interval: Duration,
    epoll: Epoll,
    timer: TimerFd,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// When the messages that are not answered yet were to be sent.
    due: VecDeque<Instant>,
    /// The number of the message that is written next, or is being written, and its bytes that were.
    next: usize,
    written: usize,
    /// How many of `due` are not written as a whole.
    unwritten: usize,
    /// The number of the message whose answer comes, and its bytes that came.
    answer: usize,
    received: usize,
}

impl<'a> Group<'a> {
    fn new(pool: &'a Pool, interval: Duration) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, TIMER))?;
        Ok(Self { pool, interval, epoll, timer, connections: Vec::new(), buffer: vec![0; READ] })
    }

    fn add(&mut self, stream: TcpStream, message: usize) -> Result<()> {
        stream.set_nonblocking(true)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        self.epoll.add(&stream, EpollEvent::new(flags, self.connections.len() as u64))?;
        self.connections.push(Connection {
            stream,
            due: VecDeque::new(),
            next: message,
            written: 0,
            unwritten: 0,
            answer: message,
            received: 0,
        });
        Ok(())
    }

    /// Sends for this time, and waits for the answers.
    fn run(&mut self, time: Duration) -> Result<Tally> {
        let start = Instant::now();
        let mut tally = Tally::new();
        let mut due = start;
        let (mut sent, mut missing) = (0, 0);
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let mut now = Instant::now();
            while due <= now && due - start < time {
                let turn = sent % self.connections.len();
                let connection = &mut self.connections[turn];
                connection.due.push_back(due);
                connection.unwritten += 1;
                connection.write(self.pool)?;
                (sent, missing) = (sent + 1, missing + 1);
                due += self.interval;
                now = Instant::now();
            }
            if due - start < time {
                let wait = TimeSpec::from_duration(due - now);
                self.timer.set(Expiration::OneShot(wait), TimerSetTimeFlags::empty())?;
            } else if missing == 0 {
                break;
            } else if now - start > time + PATIENCE {
                bail!("{missing} answers are missing");
            }
            let count = match self.epoll.wait(&mut events, EpollTimeout::from(1000_u16)) {
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error).context("epoll"),
            };
            for event in events.iter().take(count).filter(|event| event.data() != TIMER) {
                let connection = &mut self.connections[usize::try_from(event.data())?];
                connection.write(self.pool)?;
                missing -= connection.read(self.pool, &mut self.buffer, &mut tally)?;
            }
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }
}

impl Connection {
    /// Writes what is due until it would block.
    fn write(&mut self, pool: &Pool) -> Result<()> {
        while self.unwritten > 0 {
            let request = &pool.get(self.next).request;
            match self.stream.write(&request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("write"),
            }
            if self.written == request.len() {
                (self.next, self.written) = (self.next + 1, 0);
                self.unwritten -= 1;
            }
        }
        Ok(())
    }

    /// Reads what has come and counts the answers; how many they were.
    fn read(&mut self, pool: &Pool, buffer: &mut [u8], tally: &mut Tally) -> Result<u64> {
        let before = tally.messages;
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => bail!("the connection was closed"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("read"),
            };
            let now = Instant::now();
            let mut bytes = &buffer[..count];
            while !bytes.is_empty() {
                let answer = &pool.get(self.answer).answer[self.received..];
                let (part, rest) = bytes.split_at(answer.len().min(bytes.len()));
                if !answer.starts_with(part) {
                    bail!("the answer is not what was sent");
                }
                bytes = rest;
                self.received += part.len();
                if part.len() == answer.len() {
                    let due = self.due.pop_front().context("more answers than messages")?;
                    tally.count(now - due);
                    (self.answer, self.received) = (self.answer + 1, 0);
                }
            }
            // Less than fits: the socket is empty, and more would be a new event.
            if count < buffer.len() {
                break;
            }
        }
        Ok(tally.messages - before)
    }
}
