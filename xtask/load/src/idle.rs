//! Connections that have said what they had to say and stay open.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};

use crate::Options;
use crate::handshake::{self, Service};
use crate::pool::Pool;
use crate::stage;

/// Connections that are there when the memory is looked at for the first time, so that what the first of them cost
/// the programs once does not count.
pub(crate) const FIRST: usize = 100;

/// Opens the first connections, then all of them; each exchanges `messages` messages. Ready after both.
pub(crate) fn run(to: SocketAddr, options: &Options) -> Result<()> {
    let pool = Pool::new(options.bytes, options.deflate);
    let mut streams = Vec::new();
    for total in [FIRST, options.connections] {
        while streams.len() < total {
            streams.push(open(to, &pool, options)?);
        }
        stage::ready()?;
    }
    Ok(())
}

fn open(to: SocketAddr, pool: &Pool, options: &Options) -> Result<TcpStream> {
    let mut stream = handshake::open(to, Service::Echo, options.deflate)?;
    let mut answer = Vec::new();
    for index in 0..options.messages {
        let exchange = pool.get(index);
        stream.write_all(&exchange.request).context("send a message")?;
        answer.resize(exchange.answer.len(), 0);
        stream.read_exact(&mut answer).context("the answer to a message")?;
        if answer != exchange.answer {
            bail!("the answer is not what was sent");
        }
    }
    Ok(stream)
}
