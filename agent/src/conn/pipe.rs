//! One direction of a connection: what was received, what may go on, what waits for the receiver.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::net::TcpStream;

use crate::sys;

/// The bytes of one direction, from its sender to its receiver.
///
/// Two queues hold what cannot be written at once. `held` has what the inspection has not released: at most one
/// message, by the limits of the inspection. `out` has what it has released and the receiver has no room for:
/// at most one read and what it released. While `out` has bytes the sender is not read, so that the kernel's
/// flow control reaches it.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    held: BytesMut,
    out: BytesMut,
    /// The sender has sent its FIN.
    pub(crate) ended: bool,
    /// A FIN goes to the receiver after `out`.
    finishing: bool,
    /// The FIN has gone.
    finished: bool,
    /// The receiver does not take bytes any more.
    broken: bool,
    /// Bytes that may be written before the receiver's fast lane is asked again; `None` if it has none.
    room: Option<usize>,
}

impl Pipe {
    /// Says how many bytes may be written before the receiver's fast lane is asked again; `None` for any number.
    pub(crate) fn set_room(&mut self, room: Option<usize>) {
        self.room = room;
    }

    /// Whether the receiver's fast lane has to be asked before what waits can be written: it will not say when there is
    /// room.
    pub(crate) fn wants_room(&self) -> bool {
        self.room == Some(0) && self.is_blocked()
    }

    /// Whether released bytes wait for the receiver.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.out.is_empty()
    }

    /// Whether the sender may be read.
    pub(crate) fn is_readable(&self) -> bool {
        !self.ended && !self.is_blocked()
    }

    /// Whether both FINs of this direction have been seen: the sender's and ours.
    pub(crate) fn is_over(&self) -> bool {
        self.ended && (self.finished || self.broken)
    }

    /// Whether the receiver refused bytes.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Keeps bytes that are neither released nor discarded.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.held.extend_from_slice(bytes);
        }
    }

    /// Sends the next `len` bytes on: first what is held, then the front of `fresh`. Returns how many went.
    pub(crate) fn release(&mut self, len: usize, fresh: &mut &[u8], receiver: &TcpStream) -> usize {
        let held = self.take_held(len);
        let from_fresh = take_front(fresh, len - held.len());
        let mut sent = 0;
        if !held.is_empty() {
            sent += self.send_owned(held, receiver);
        }
        sent + self.send(from_fresh, receiver)
    }

    /// Drops the next `len` bytes.
    pub(crate) fn discard(&mut self, len: usize, fresh: &mut &[u8]) {
        let held = self.take_held(len).len();
        take_front(fresh, len - held);
    }

    /// Writes `bytes` after everything released before; what does not fit waits. Returns how many were taken.
    pub(crate) fn send(&mut self, bytes: &[u8], receiver: &TcpStream) -> usize {
        if self.broken {
            return 0;
        }
        let written = if self.out.is_empty() { self.write(bytes, receiver) } else { 0 };
        if !self.broken {
            self.out.extend_from_slice(&bytes[written..]);
        }
        bytes.len()
    }

    /// Writes what waits, then the FIN if one is due.
    pub(crate) fn flush(&mut self, receiver: &TcpStream) {
        self.write_out(receiver);
        if self.finishing && !self.finished && self.out.is_empty() {
            self.finished = true;
            self.broken |= !self.broken && sys::finish(receiver).is_err();
        }
    }

    /// Asks for a FIN after what waits.
    pub(crate) fn finish(&mut self, receiver: &TcpStream) {
        self.finishing = true;
        self.flush(receiver);
    }

    /// As `send`, without a copy of what does not fit.
    fn send_owned(&mut self, bytes: BytesMut, receiver: &TcpStream) -> usize {
        if self.broken || self.is_blocked() {
            return self.send(&bytes, receiver);
        }
        let len = bytes.len();
        self.out = bytes;
        self.write_out(receiver);
        len
    }

    fn write_out(&mut self, receiver: &TcpStream) {
        // A queue that drains gives its memory back: most connections never need it again.
        let mut out = std::mem::take(&mut self.out);
        let written = self.write(&out, receiver);
        out.advance(written);
        if !self.broken && !out.is_empty() {
            self.out = out;
        }
    }

    fn take_held(&mut self, len: usize) -> BytesMut {
        if len >= self.held.len() { std::mem::take(&mut self.held) } else { self.held.split_to(len) }
    }

    /// Writes as much as fits and returns how much that was.
    fn write(&mut self, bytes: &[u8], receiver: &TcpStream) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            let mut rest = &bytes[written..];
            if let Some(room) = self.room {
                rest = &rest[..rest.len().min(room)];
                if rest.is_empty() {
                    break;
                }
            }
            match receiver.try_write(rest) {
                Ok(more @ 1..) => {
                    written += more;
                    self.room = self.room.map(|room| room - more);
                }
                // A fast lane has no buffer to fill, and the kernel's memory an end.
                Err(error) if self.room.is_some() && error.kind() == io::ErrorKind::OutOfMemory => {
                    self.room = Some(0);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    // What the receiver sent before it went may still be readable: reading tells how it ended.
                    self.broken = true;
                    break;
                }
            }
        }
        written
    }
}

fn take_front<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(len.min(bytes.len()));
    *bytes = rest;
    front
}
