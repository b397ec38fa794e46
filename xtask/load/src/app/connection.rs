//! One connection of the application.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use anyhow::{Result, bail};

use super::HEADROOM;
use super::incoming::Incoming;
use super::source::Source;
use crate::handshake::{self, Service};

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It would block.
    Wait,
    /// There is more to do.
    Again,
    Ended,
}

/// A connection that does not block, and how far it is.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    state: State,
    /// What could not be written yet. Nothing is read meanwhile.
    unsent: Vec<u8>,
    /// A Close frame has come; once the answer is written this ends.
    closing: bool,
}

#[derive(Debug)]
enum State {
    /// The request so far.
    Request(Vec<u8>),
    Open {
        incoming: Incoming,
        source: Option<Source>,
    },
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, state: State::Request(Vec::new()), unsent: Vec::new(), closing: false }
    }

    /// Goes on until it would block, or others should have their turn. The buffer is anybody's.
    pub(super) fn turn(&mut self, buffer: &mut [u8]) -> Result<Turn> {
        if !self.flush()? {
            return Ok(Turn::Wait);
        }
        if self.closing {
            return Ok(Turn::Ended);
        }
        if let State::Open { source: Some(source), .. } = &mut self.state
            && source.send(&mut self.stream)? == Turn::Again
        {
            return Ok(Turn::Again);
        }
        let count = match self.stream.read(&mut buffer[HEADROOM..]) {
            Ok(0) => return Ok(Turn::Ended),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Turn::Wait),
            Err(error) => return Err(error.into()),
        };
        // A read that does not fill the buffer has emptied the socket, and more would be a new event.
        let mut more = HEADROOM + count == buffer.len();
        let answer = match &mut self.state {
            State::Request(request) => {
                request.extend(&buffer[HEADROOM..HEADROOM + count]);
                let Some((service, response, length)) = handshake::answer(request)? else {
                    return Ok(Turn::Again);
                };
                if length != request.len() {
                    bail!("a client that does not wait for the answer");
                }
                let source =
                    if let Service::Source(bytes) = service { Some(Source::new(bytes)) } else { None };
                self.state = State::Open { incoming: Incoming::new(service), source };
                buffer[..response.len()].copy_from_slice(response.as_bytes());
                response.len()
            }
            State::Open { incoming, source } => {
                let taken = incoming.take(buffer, count);
                self.closing = taken.close;
                if let Some(source) = source {
                    source.owed += taken.asked_for;
                    more = true;
                }
                taken.answer
            }
        };
        self.write(&buffer[..answer])?;
        match (self.unsent.is_empty(), self.closing) {
            (true, true) => Ok(Turn::Ended),
            (true, false) if more => Ok(Turn::Again),
            (true | false, _) => Ok(Turn::Wait),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.unsent.clear();
        if bytes.is_empty() {
            return Ok(());
        }
        match self.stream.write(bytes) {
            Ok(count) => self.unsent.extend(&bytes[count..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.extend(bytes),
            Err(error) => return Err(error.into()),
        }
        if !self.unsent.is_empty() {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left; whether nothing is left then.
    fn flush(&mut self) -> Result<bool> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}
