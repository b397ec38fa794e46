//! A stream of messages to the client.

use std::io::{ErrorKind, Result, Write};
use std::net::TcpStream;

use super::connection::Turn;
use crate::frame;
use crate::messages::messages;

/// Distinct messages of a stream.
const DISTINCT: usize = 4;
/// Bytes that are sent before others have their turn.
const BUDGET: usize = 1 << 20;

/// What a client asked for and has not got yet.
#[derive(Debug)]
pub(super) struct Source {
    frames: Vec<Vec<u8>>,
    /// Messages.
    pub(super) owed: usize,
    /// Whole messages so far.
    sent: usize,
    /// Bytes of the message that is being sent.
    written: usize,
}

impl Source {
    /// Messages of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let frame = |text: &String| frame::frame(frame::TEXT, None, text.as_bytes());
        Self { frames: messages(DISTINCT, bytes).iter().map(frame).collect(), owed: 0, sent: 0, written: 0 }
    }

    /// Sends until nothing is owed, or it would block (`Wait`), or the budget is spent (`Again`).
    pub(super) fn send(&mut self, stream: &mut TcpStream) -> Result<Turn> {
        let mut budget = BUDGET;
        while self.owed > 0 {
            let frame = &self.frames[self.sent % DISTINCT];
            match stream.write(&frame[self.written..]) {
                Ok(count) => {
                    self.written += count;
                    budget = budget.saturating_sub(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Turn::Wait),
                Err(error) => return Err(error),
            }
            if self.written == frame.len() {
                self.written = 0;
                self.owed -= 1;
                self.sent += 1;
            }
            if budget == 0 {
                return Ok(Turn::Again);
            }
        }
        Ok(Turn::Wait)
    }
}
