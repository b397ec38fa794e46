//! Undoes permessage-deflate (RFC 7692 §6.2, §7.2.2), piece by piece and never beyond a limit.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

/// What the sender cut off the end of each message: the rest of an empty stored block (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

thread_local! {
    /// Without context takeover an inflater is only needed while a message is read, so that one serves all connections
    /// of a thread, mostly. It is always reset.
    static SPARE: RefCell<Option<Box<Inflater>>> = const { RefCell::new(None) };
}

/// Why a message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// Not a deflate stream.
    Corrupt,
    /// More output than the limit. The output holds one byte more than it, and the input that was not read is left.
    TooBig,
}

/// Inflates the messages of one direction, in order.
///
/// Always reads with a window of 32 KiB, whatever was negotiated: what a smaller window can read, this one reads
/// with the same result.
pub(crate) struct Inflater {
    state: Decompress,
    takeover: bool,
    /// A final block ended the stream within this message.
    ended: bool,
    /// The one byte that may follow a final block has come (RFC 7692 §7.2.3.4).
    padded: bool,
    /// Output of this message so far.
    made: u64,
}

impl Inflater {
    /// The farthest that a deflate stream refers back, in bytes.
    pub(crate) const WINDOW: usize = 32 * 1024;

    /// What the state of zlib takes, in bytes.
    pub(crate) const APPROXIMATE_SIZE: usize = 48 * 1024;

    /// An inflater for the next message, which refers to none before. `takeover`: messages refer back to earlier ones
    /// (RFC 7692 §7.1.1).
    pub(crate) fn lend(takeover: bool) -> Box<Self> {
        let mut inflater = SPARE.take().unwrap_or_else(|| Box::new(Self::new(takeover)));
        inflater.takeover = takeover;
        inflater
    }

    /// Takes an inflater back between two messages that do not refer to each other.
    pub(crate) fn give_back(self: Box<Self>) {
        SPARE.set(Some(self));
    }

    /// Whether later messages refer to this one.
    pub(crate) const fn takes_over(&self) -> bool {
        self.takeover
    }

    fn new(takeover: bool) -> Self {
        Self { state: Decompress::new(false), takeover, ended: false, padded: false, made: 0 }
    }

    /// How many bytes this message has inflated to so far.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    /// Appends what `input` inflates to onto `out`, which holds the message so far or at least its last
    /// [`WINDOW`](Self::WINDOW) bytes, and moves `input` on.
    ///
    /// # Errors
    ///
    /// [`InflateError`]; what came out before the error is in `out`.
    pub(crate) fn push(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), InflateError> {
        loop {
            if self.ended {
                return self.after_end(input);
            }
            let len = out.len();
            if len > limit {
                return Err(InflateError::TooBig);
            }
            // In proportion to the input, so that input in single bytes does not clear large buffers over and over.
            let room = (limit - len).saturating_add(1).min((8 * input.len()).clamp(256, 64 * 1024));
            out.resize(len + room, 0);
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let space = out.get_mut(len..).unwrap_or_default();
            let status = self.state.decompress(input, space, FlushDecompress::None);
            let used = usize::try_from(self.state.total_in() - before_in).unwrap_or(input.len());
            let made = usize::try_from(self.state.total_out() - before_out).unwrap_or(room);
            out.truncate(len + made);
            self.made += made as u64;
            *input = input.get(used..).unwrap_or_default();
            match status {
                Err(_) => return Err(InflateError::Corrupt),
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(Status::Ok | Status::BufError) if made < room => {
                    // Room was left, so all input was used and nothing waits for output.
                    return if input.is_empty() { Ok(()) } else { Err(InflateError::Corrupt) };
                }
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
    }

    /// Ends a message: what it inflates to is complete in `out`.
    ///
    /// # Errors
    ///
    /// As [`Inflater::push`].
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), InflateError> {
        if !self.ended {
            let len = out.len();
            let pushed = self.push(&mut &TAIL[..], out, limit);
            // The message ended within a block, and the tail became part of its content: a reader that takes the end
            // of a message for the end of its data reads something else (RFC 7692 §7.2.1 ends it with a block). Said
            // before the limit, after which a caller makes room and comes again with the same tail.
            if out.len() > len {
                return Err(InflateError::Corrupt);
            }
            pushed?;
        }
        if out.len() > limit {
            return Err(InflateError::TooBig);
        }
        if self.ended || !self.takeover {
            self.state.reset(false);
        }
        if self.ended && self.takeover {
            // A final block does not empty the window (RFC 7692 §7.2.3.5). Only this message is remembered: a
            // reference to an earlier one is then an error rather than a different text.
            let start = out.len().saturating_sub(Self::WINDOW);
            let window = out.get(start..).unwrap_or_default();
            self.state.set_dictionary(window).map_err(|_| InflateError::Corrupt)?;
        }
        self.ended = false;
        self.padded = false;
        self.made = 0;
        Ok(())
    }

    /// Readers disagree about what follows a final block, so nothing may but the byte that the RFC's example has.
    fn after_end(&mut self, input: &[u8]) -> Result<(), InflateError> {
        match input {
            [] => Ok(()),
            [0] if !self.padded => {
                self.padded = true;
                Ok(())
            }
            _ => Err(InflateError::Corrupt),
        }
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("takeover", &self.takeover).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn deflate(state: &mut Compress, text: &[u8]) -> Vec<u8> {
        // zlib writes nothing for nothing; RFC 7692 §7.2.3.6 wants an empty stored block.
        if text.is_empty() {
            return vec![0];
        }
        let mut out = Vec::with_capacity(text.len() + 1000);
        state.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - 4);
        out
    }

    fn message(
        inflater: &mut Inflater,
        bytes: &[u8],
        step: usize,
        limit: usize,
    ) -> Result<Vec<u8>, InflateError> {
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            let mut piece = piece;
            inflater.push(&mut piece, &mut out, limit)?;
        }
        inflater.finish(&mut out, limit)?;
        Ok(out)
    }

    fn inflate(bytes: &[u8]) -> Result<Vec<u8>, InflateError> {
        let whole = message(&mut Inflater::new(true), bytes, bytes.len().max(1), 1000);
        for step in 1..bytes.len() {
            assert_eq!(message(&mut Inflater::new(true), bytes, step, 1000), whole, "in pieces of {step}");
        }
        whole
    }

    #[test]
    fn reads_the_examples_of_rfc_7692() {
        // §7.2.3.1 one block, §7.2.3.3 stored, §7.2.3.4 final block, §7.2.3.5 two blocks.
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        for example in [&one[..], &stored, &last, &two] {
            assert_eq!(inflate(example).unwrap(), b"Hello");
        }
        // §7.2.3.2: the second message refers to the first.
        let mut inflater = Inflater::new(true);
        assert_eq!(message(&mut inflater, &one, 1, 5).unwrap(), b"Hello");
        assert_eq!(message(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00], 1, 5).unwrap(), b"Hello");
        assert_eq!(message(&mut inflater, &[0x00], 1, 0).unwrap(), b"");
    }

    #[test]
    fn a_message_that_ends_within_a_block_is_refused() {
        // A stored block of 100 bytes, of which 10 come; the tail would be four more.
        let stored = [&[0x00, 100, 0x00, 0x9b, 0xff][..], b"0123456789"].concat();
        assert_eq!(inflate(&stored), Err(InflateError::Corrupt));
        // Also where the tail would be what passes the limit.
        assert_eq!(message(&mut Inflater::new(true), &stored, 99, 10), Err(InflateError::Corrupt));
        // The example of §7.2.3.1 without its end-of-block symbol.
        assert_eq!(inflate(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9]), Err(InflateError::Corrupt));
    }

    #[test]
    fn without_takeover_each_message_stands_alone() {
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut inflater = Inflater::new(false);
        assert_eq!(message(&mut inflater, &one, 9, 5).unwrap(), b"Hello");
        let second = message(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00], 9, 5);
        assert_eq!(second, Err(InflateError::Corrupt));
    }

    #[test]
    fn a_lent_inflater_remembers_nothing() {
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut first = Inflater::lend(false);
        assert_eq!(message(&mut first, &one, 9, 5).unwrap(), b"Hello");
        let state = std::ptr::from_ref(&*first);
        first.give_back();
        let mut second = Inflater::lend(true);
        assert_eq!(std::ptr::from_ref(&*second), state);
        let refers_back = message(&mut second, &[0xf2, 0x00, 0x11, 0x00, 0x00], 9, 5);
        assert_eq!(refers_back, Err(InflateError::Corrupt));
    }

    #[test]
    fn a_final_block_keeps_the_window_and_allows_nothing_after_it() {
        let mut inflater = Inflater::new(true);
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(message(&mut inflater, &last, 9, 5).unwrap(), b"Hello");
        assert_eq!(message(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00], 9, 5).unwrap(), b"Hello");
        for tail in [&[1][..], &[0, 0], &[0xf2, 0x48]] {
            assert_eq!(inflate(&[&last[..7], tail].concat()), Err(InflateError::Corrupt));
        }
        assert_eq!(inflate(&last[..7]).unwrap(), b"Hello");
    }

    #[test]
    fn the_limit_is_exact() {
        for len in [0, 1, 1023, 1024, 1025, 5000, 70_000] {
            let bytes = deflate(&mut Compress::new(Compression::best(), false), &vec![b'a'; len]);
            for step in [1, 7, bytes.len()] {
                let inflate =
                    |limit| message(&mut Inflater::new(true), &bytes, step, limit).map(|out| out.len());
                assert_eq!(inflate(len), Ok(len));
                if len > 0 {
                    assert_eq!(inflate(len - 1), Err(InflateError::TooBig), "{len} in pieces of {step}");
                }
            }
        }
    }

    #[test]
    fn a_bomb_stops_one_byte_past_the_limit() {
        let bytes = deflate(&mut Compress::new(Compression::best(), false), &vec![0; 10_000_000]);
        let mut out = Vec::new();
        let result = Inflater::new(true).push(&mut &bytes[..], &mut out, 100_000);
        assert_eq!(result, Err(InflateError::TooBig));
        assert_eq!(out.len(), 100_001);
    }

    #[test]
    fn follows_a_long_conversation() {
        let mut deflater = Compress::new(Compression::default(), false);
        let mut inflater = Inflater::new(true);
        for i in 0..300 {
            let text = format!("{{\"n\":{i},\"text\":\"message {} of many\"}}", i * 7919).repeat(i % 9);
            let bytes = deflate(&mut deflater, text.as_bytes());
            assert_eq!(message(&mut inflater, &bytes, 1 + i % 50, 10_000).unwrap(), text.as_bytes());
        }
    }
}
