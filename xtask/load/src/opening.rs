//! Connections that are opened, used for one message and closed.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::Options;
use crate::frame::{self, CLOSE};
use crate::handshake::{self, Service};
use crate::pool::{Exchange, Pool};
use crate::stage::{self, Tally};

/// Normal closure (RFC 6455 §7.4.1).
const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();

/// Opens as many connections at a time as it is told, warms up, measures, prints.
pub(crate) fn run(to: SocketAddr, options: &Options) -> Result<()> {
    let pool = Pool::new(options.bytes, options.deflate);
    let mut clients = vec![(); options.connections];
    stage::perform(&mut clients, options.times, |(), time| {
        let start = Instant::now();
        let mut tally = Tally::new();
        while start.elapsed() < time {
            let before = Instant::now();
            converse(to, pool.get(0), options.deflate)?;
            tally.count(before.elapsed());
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    })
}

/// A whole connection. The server ends it, as it should (RFC 6455 §7.1.1).
fn converse(to: SocketAddr, exchange: &Exchange, deflate: bool) -> Result<()> {
    let mut stream = handshake::open(to, Service::Echo, deflate)?;
    stream.write_all(&exchange.request).context("send a message")?;
    let mut answer = vec![0; exchange.answer.len()];
    stream.read_exact(&mut answer).context("the answer to a message")?;
    if answer != exchange.answer {
        bail!("the answer is not what was sent");
    }
    stream.write_all(&frame::frame(CLOSE, Some([1, 2, 3, 4]), &NORMAL)).context("send a Close frame")?;
    let mut end = Vec::new();
    stream.read_to_end(&mut end).context("the end of a connection")?;
    if end != frame::frame(CLOSE, None, &NORMAL) {
        bail!("the connection was closed with {end:?}");
    }
    Ok(())
}
