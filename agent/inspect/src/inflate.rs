//! Undoes permessage-deflate (RFC 7692 §6.2, §7.2.2), piece by piece and never beyond a limit.

mod states;
mod window;

use zlib_rs::{Inflate, InflateFlush, Status};

use states::Stand;
use window::Window;

/// What the sender cut off the end of each message: the rest of an empty stored block (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The same, and what nobody has sent: another empty stored block, and a byte of the next.
const TAIL_AND_BEYOND: [u8; 10] = [0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0];
const BEYOND: usize = TAIL_AND_BEYOND.len() - TAIL.len();

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
///
/// Between messages it is only that window, a third smaller than the state of zlib, which [`states`] has many connections
/// share. That is sound because the end of a message is proven to be an end of a block, with no bit left over: all that
/// the next message may depend on is then what it can refer back to.
pub(crate) struct Inflater {
    /// While a message is read.
    state: Option<Inflate>,
    takeover: bool,
    /// A final block ended the stream within this message.
    ended: bool,
    /// The one byte that may follow a final block has come (RFC 7692 §7.2.3.4).
    padded: bool,
    /// Whether anything of this message has come.
    begun: bool,
    /// A message had nothing in it, not even the beginning of an empty block, so that the state stands within one.
    pinned: bool,
    /// Output of this message so far.
    made: u64,
    /// Of the state between messages that refer to each other, and what the next of them may refer to.
    stand: Stand,
    window: Window,
}

impl Inflater {
    /// The farthest that a deflate stream refers back, in bytes.
    pub(crate) const WINDOW: usize = 32 * 1024;

    /// What the state of zlib takes, in bytes.
    const STATE: usize = 48 * 1024;

    /// An inflater for messages of which none was read. `takeover`: they refer back to earlier ones (RFC 7692 §7.1.1).
    pub(crate) fn new(takeover: bool) -> Self {
        let stand = if takeover { Stand::new() } else { Stand::NOTHING };
        Self {
            state: None,
            takeover,
            ended: false,
            padded: false,
            begun: false,
            pinned: false,
            made: 0,
            stand,
            window: Window::default(),
        }
    }

    /// Approximate memory in bytes.
    pub(crate) const fn buffered_bytes(&self) -> usize {
        self.window.buffered_bytes() + if self.state.is_some() { Self::STATE } else { 0 }
    }

    /// How many bytes this message has inflated to so far.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    /// The state to read on with.
    fn state(&mut self) -> Result<&mut Inflate, InflateError> {
        if self.state.is_none() {
            let (mut state, stand) = states::lend(self.stand);
            if stand != self.stand {
                for part in self.window.parts().into_iter().filter(|part| !part.is_empty()) {
                    state.set_dictionary(part).map_err(|_| InflateError::Corrupt)?;
                }
            }
            self.state = Some(state);
        }
        self.state.as_mut().ok_or(InflateError::Corrupt)
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
        self.begun |= !input.is_empty();
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
            let space = out.get_mut(len..).unwrap_or_default();
            let (status, made) = step(self.state()?, input, space, InflateFlush::NoFlush);
            out.truncate(len + made);
            self.made += made as u64;
            match status.ok_or(InflateError::Corrupt)? {
                Status::StreamEnd => self.ended = true,
                Status::Ok | Status::BufError if made < room => {
                    // Room was left, so all input was used and nothing waits for output.
                    return if input.is_empty() { Ok(()) } else { Err(InflateError::Corrupt) };
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }

    /// Ends a message: what it inflates to is complete in `out`.
    ///
    /// # Errors
    ///
    /// As [`Inflater::push`].
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), InflateError> {
        // Some senders make nothing of nothing. Whatever comes next is then read as they have made it.
        self.pinned |= !self.begun;
        if !self.ended && self.takeover && !self.pinned {
            self.end_block()?;
        } else if !self.ended {
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
        let Some(mut state) = self.state.take() else { return Err(InflateError::Corrupt) };
        if self.ended || !self.takeover {
            state.reset(false);
            states::give_back(Stand::NOTHING, state);
        } else if self.pinned {
            self.state = Some(state);
        } else {
            self.stand = self.stand.next();
            states::give_back(self.stand, state);
        }
        if self.ended && self.takeover {
            // A final block does not empty the window (RFC 7692 §7.2.3.5). Only this message is remembered: a
            // reference to an earlier one is then an error rather than a different text.
            self.window.clear();
            self.pinned = false;
            self.stand = self.stand.next();
        }
        if self.takeover {
            self.window.extend(out);
        }
        self.ended = false;
        self.padded = false;
        self.begun = false;
        self.made = 0;
        Ok(())
    }

    /// Reads the tail of a message to which others refer back, and on: the stream has to stand between two blocks where
    /// the tail ends, and again behind another empty one. Bits of the tail that were left over would be read as the
    /// beginning of that one: they are ones, so that it would be a last block or none.
    fn end_block(&mut self) -> Result<(), InflateError> {
        let mut rest = &TAIL_AND_BEYOND[..];
        let mut has_ended = false;
        loop {
            let before = rest.len();
            let state = self.state()?;
            // With this flag zlib stops where a block ends; else it reads all there is.
            let (status, made) = step(state, &mut rest, &mut [0; 16], InflateFlush::Block);
            match (rest.len(), status) {
                // As within any block: the tail became content.
                _ if made > 0 => return Err(InflateError::Corrupt),
                (BEYOND, Some(Status::StreamEnd)) => {
                    self.ended = true;
                    return Ok(());
                }
                (BEYOND, Some(Status::Ok)) => has_ended = true,
                (1, Some(Status::Ok)) if has_ended => return Ok(()),
                (len, Some(Status::Ok)) if len < before && len > 1 => {}
                _ => return Err(InflateError::Corrupt),
            }
        }
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

/// Reads on, and returns how many bytes came out; without a status it is no deflate stream.
fn step(
    state: &mut Inflate,
    input: &mut &[u8],
    space: &mut [u8],
    flush: InflateFlush,
) -> (Option<Status>, usize) {
    let (before_in, before_out) = (state.total_in(), state.total_out());
    let status = state.decompress(input, space, flush);
    let used = usize::try_from(state.total_in() - before_in).unwrap_or(input.len());
    let made = usize::try_from(state.total_out() - before_out).unwrap_or(space.len());
    *input = input.get(used..).unwrap_or_default();
    (status.ok(), made)
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("takeover", &self.takeover).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
    use proptest::{prelude::*, sample::select};

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
    fn a_state_of_another_connection_remembers_nothing() {
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        for first in [false, true] {
            assert_eq!(message(&mut Inflater::new(first), &one, 9, 5).unwrap(), b"Hello");
            let refers_back = message(&mut Inflater::new(true), &[0xf2, 0x00, 0x11, 0x00, 0x00], 9, 5);
            assert_eq!(refers_back, Err(InflateError::Corrupt));
        }
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

    /// What zlib makes of a message with its tail, and then of the next: the state as it is, kept for ever.
    fn by_zlib(state: &mut Decompress, message: &[u8]) -> Option<Vec<u8>> {
        let input = [message, &TAIL].concat();
        let (mut out, mut rest) = (Vec::new(), &*input);
        loop {
            let mut space = [0; 4096];
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state.decompress(rest, &mut space, FlushDecompress::None).ok()?;
            rest = &rest[(state.total_in() - before_in) as usize..];
            out.extend_from_slice(&space[..(state.total_out() - before_out) as usize]);
            if status == flate2::Status::StreamEnd {
                return None;
            }
            if state.total_out() - before_out < 4096 {
                return Some(out);
            }
        }
    }

    /// More connections than a thread keeps states for, in turn: each is read as by a state of its own.
    #[test]
    fn connections_share_states_without_knowing() {
        let count = states::MOST * 2 + 3;
        let mut peers: Vec<_> = (0..count)
            .map(|n| {
                let level = Compression::new(n as u32 % 10);
                (Compress::new(level, false), Inflater::new(true), Decompress::new(false))
            })
            .collect();
        let mut noise = 1_u32;
        for turn in 0..900 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Some come often, so that they find their state again.
            let at = if noise >> 31 == 0 { noise as usize % 7 } else { (noise >> 8) as usize % count };
            let (deflater, inflater, reference) = &mut peers[at];
            let len = [0, 1, 30, 300, 5000, 33_000, 100_000][(noise >> 20) as usize % 7];
            let text: String = (0..len / 10).map(|n| format!("{:>9} ", (n * turn) % 1009 * at)).collect();
            let bytes = deflate(deflater, text.as_bytes());
            let step = [1, 13, 1000, 200_000][turn % 4].max(bytes.len() / 200);
            let read = message(inflater, &bytes, step, usize::MAX - 1).unwrap();
            assert!(read == text.as_bytes(), "{turn}: {} bytes of connection {at}", text.len());
            assert!(by_zlib(reference, &bytes).unwrap() == read);
            assert!(inflater.buffered_bytes() <= Inflater::WINDOW);
        }
        assert_eq!(states::kept(), states::MOST);
    }

    #[test]
    fn a_message_has_to_end_between_blocks_if_others_refer_to_it() {
        // Each with the tail is the whole of a stream so far, for zlib.
        let beyond_tail: [&[u8]; 6] = [
            // An empty block with fixed codes, and nothing behind it: the tail begins a stored block of 65,280 bytes.
            &[0x02, 0x00, 0x00, 0x00, 0xff, 0xff],
            // The beginning of a header of dynamic codes.
            &[0x04],
            &[0x05, 0xc0],
            // A block that was not closed, in which the tail is not a whole symbol yet.
            &[0x4a, 0x4c, 0x04],
            // The tail itself, not cut off.
            &[0x00, 0x00, 0x00, 0xff, 0xff],
            // Half a header.
            &[0x00, 0x00],
        ];
        for bytes in beyond_tail {
            assert_eq!(inflate(bytes), Err(InflateError::Corrupt), "{bytes:x?}");
        }
    }

    /// Whatever the last bytes of a message are: if they are accepted, a state that knows only the window reads on as
    /// one does that has read them.
    #[test]
    fn any_end_that_is_accepted_leaves_nothing_but_the_window() {
        // Stored, fixed codes, the end of a block, a distance to what is there.
        const NEXT: [&[u8]; 4] = [
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            &[0x00],
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
        ];
        // Behind nothing, and within a block with fixed codes.
        for begin in [&[][..], &[0xf2, 0x48, 0xcd, 0xc9]] {
            let mut accepted = 0;
            for end in 0..=u16::MAX {
                let bytes = [begin, &end.to_le_bytes()].concat();
                let mut inflater = Inflater::new(true);
                let Ok(read) = message(&mut inflater, &bytes, 9, 1000) else { continue };
                let mut reference = Decompress::new(false);
                // After a final block zlib has to begin anew.
                let Some(expected) = by_zlib(&mut reference, &bytes) else { continue };
                assert_eq!(read, expected, "{bytes:x?}");
                accepted += 1;
                inflater.stand = inflater.stand.next();
                for next in NEXT {
                    let expected = by_zlib(&mut reference, next);
                    let read = message(&mut inflater, next, 9, 1000).ok();
                    inflater.stand = inflater.stand.next();
                    assert_eq!(read, expected, "{bytes:x?}, then {next:x?}");
                    if read.is_none() {
                        break;
                    }
                }
            }
            assert!(accepted > 5, "{accepted}");
        }
    }

    #[test]
    fn nothing_at_all_is_an_empty_message() {
        let mut inflater = Inflater::new(true);
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(message(&mut inflater, &one, 9, 5).unwrap(), b"Hello");
        assert_eq!(message(&mut inflater, &[], 9, 5).unwrap(), b"");
        assert!(inflater.buffered_bytes() > Inflater::WINDOW);
        // As zlib reads on: the tail has begun a stored block.
        assert_eq!(message(&mut inflater, &one, 9, 5), Err(InflateError::Corrupt));
    }

    proptest! {
        /// Whatever a message and the next are: what is accepted is what zlib makes of them in one stream.
        #[test]
        fn reads_what_zlib_reads(
            pieces in proptest::collection::vec(proptest::collection::vec(piece(), 0..5), 1..5),
            step in 1..20_usize,
        ) {
            let (mut inflater, mut reference) = (Inflater::new(true), Decompress::new(false));
            for pieces in pieces {
                let bytes = pieces.concat();
                let Ok(read) = message(&mut inflater, &bytes, step, 100_000) else { break };
                // Final blocks are read otherwise than by zlib alone.
                let Some(expected) = by_zlib(&mut reference, &bytes) else { break };
                prop_assert_eq!(read, expected);
                if step % 3 == 0 {
                    // Its state is not found again.
                    inflater.stand = inflater.stand.next();
                }
            }
        }
    }

    /// Blocks and parts of them.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        const KNOWN: [&[u8]; 9] = [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            &[0x00],
            &[0x02, 0x00],
            &[0x00, 0x00, 0x00, 0xff, 0xff],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
            &[0xff],
            &[0x00, 0x00],
            &[0x4a, 0x4c, 0x04],
        ];
        prop_oneof![
            4 => select(&KNOWN[..]).prop_map(<[u8]>::to_vec),
            1 => proptest::collection::vec(any::<u8>(), 1..6),
            2 => ("[a-c]{0,80}", 0..10_u32).prop_map(|(text, level)| {
                deflate(&mut Compress::new(Compression::new(level), false), text.as_bytes())
            }),
        ]
    }
}
