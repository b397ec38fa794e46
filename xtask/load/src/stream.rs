//! One way: messages go up to the application, or come down from it, as fast as they are taken.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Options;
use crate::frame;
use crate::handshake::{self, Service};
use crate::pool::Pool;
use crate::stage::{self, Tally};

/// Bytes under way on one connection, or two messages.
const WINDOW: usize = 4 << 20;
/// What the application answers to a message that goes up.
const ACKNOWLEDGEMENT: usize = 4;
const READ: usize = 256 * 1024;

/// Sends messages up: connects, warms up, measures, prints.
pub(crate) fn up(to: SocketAddr, options: &Options) -> Result<()> {
    let pool = Pool::new(options.bytes, false);
    run(to, Service::Sink, options, |stream, time| send(stream, &pool, options.bytes, time))
}

/// The same with messages that come down.
pub(crate) fn down(to: SocketAddr, options: &Options) -> Result<()> {
    run(to, Service::Source(options.bytes), options, |stream, time| receive(stream, options.bytes, time))
}

/// A connection is a thread that blocks: there are few, and each does much at a time.
fn run(
    to: SocketAddr,
    service: Service,
    options: &Options,
    work: impl Fn(&mut TcpStream, Duration) -> Result<Tally> + Sync,
) -> Result<()> {
    let mut streams: Vec<_> =
        (0..options.connections).map(|_| handshake::open(to, service, false)).collect::<Result<_>>()?;
    stage::perform(&mut streams, options.times, work)
}

fn send(stream: &mut TcpStream, pool: &Pool, bytes: usize, time: Duration) -> Result<Tally> {
    let window = (WINDOW / bytes).max(2);
    let start = Instant::now();
    let (mut sent, mut acknowledged) = (0, 0);
    let mut answers = [0; 64 * ACKNOWLEDGEMENT];
    let mut rest = 0;
    loop {
        let sending = start.elapsed() < time;
        if sending && sent - acknowledged < window {
            stream.write_all(&pool.get(sent).request).context("send a message")?;
            sent += 1;
        } else if acknowledged < sent {
            let count = stream.read(&mut answers).context("an acknowledgement")?;
            if count == 0 {
                bail!("the connection was closed");
            }
            rest += count;
            acknowledged += rest / ACKNOWLEDGEMENT;
            rest %= ACKNOWLEDGEMENT;
        } else {
            return Ok(Tally::of_stream(acknowledged as u64, start.elapsed()));
        }
    }
}

fn receive(stream: &mut TcpStream, bytes: usize, time: Duration) -> Result<Tally> {
    let batch = (WINDOW / 2 / bytes).max(1);
    let size = frame::frame(frame::TEXT, None, &vec![0; bytes]).len();
    let ask = frame::frame(frame::TEXT, Some([1, 2, 3, 4]), batch.to_string().as_bytes());
    let mut buffer = vec![0; READ];
    let start = Instant::now();
    let (mut asked_for, mut received) = (0, 0);
    loop {
        // One batch is under way while the next is asked for.
        while start.elapsed() < time && asked_for * size < received + 2 * batch * size {
            stream.write_all(&ask).context("ask for messages")?;
            asked_for += batch;
        }
        if received == asked_for * size {
            return Ok(Tally::of_stream(asked_for as u64, start.elapsed()));
        }
        let count = stream.read(&mut buffer).context("messages")?;
        if count == 0 {
            bail!("the connection was closed");
        }
        received += count;
        if received > asked_for * size {
            bail!("more came than was asked for");
        }
    }
}
