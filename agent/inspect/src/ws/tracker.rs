//! The application's side where nobody asks for its messages: where its frames begin and end. Payloads are not kept.
//!
//! Frames are checked as far as they carry the state: a stream that breaks these rules has lost its frame
//! boundaries, or another reader finds them elsewhere. What is inside is the client's to judge: neither the UTF-8 of
//! texts, nor compressed data, nor the status code of a Close frame is checked here.

use crate::{
    stats::StreamCounters,
    ws::{
        ProtocolViolation,
        frame::{FrameKind, Header, HeaderReader},
    },
};

/// Follows the frames of the server so that one of ours can be written between two of them.
#[derive(Debug)]
pub(crate) struct Tracker {
    header: HeaderReader,
    /// Payload of the frame in flight that is still to come.
    left: u64,
    /// RSV1 has a meaning: permessage-deflate was negotiated (RFC 7692 §6).
    deflate: bool,
    /// A message has begun and its last fragment has not.
    in_message: bool,
    counters: StreamCounters,
}

impl Tracker {
    pub(crate) const fn new(deflate: bool) -> Self {
        let counters = StreamCounters { messages: 0, fragments: 0, control_frames: 0, close_sent: false };
        Self { header: HeaderReader::new(), left: 0, deflate, in_message: false, counters }
    }

    /// Goes on within a frame of which `left` bytes of payload are still to come, and, if `in_message`, within a message.
    pub(crate) const fn resume(
        header: HeaderReader,
        left: u64,
        deflate: bool,
        in_message: bool,
        counters: StreamCounters,
    ) -> Self {
        Self { header, left, deflate, in_message, counters }
    }

    /// Whether the bytes passed on so far end between two messages, and nothing is kept back.
    pub(crate) const fn is_between_messages(&self) -> bool {
        self.left == 0 && !self.in_message && self.header.pending() == 0
    }

    pub(crate) const fn counters(&self) -> StreamCounters {
        self.counters
    }

    /// Whether the bytes passed on so far end between two frames.
    pub(crate) const fn at_boundary(&self) -> bool {
        self.left == 0
    }

    /// Whether the first bytes of a header are being kept back until it is complete.
    pub(crate) const fn holds_header(&self) -> bool {
        self.header.pending() > 0
    }

    /// Reads all of `input` and returns how many bytes may go on, those of a header kept back before included.
    ///
    /// # Errors
    ///
    /// The violation, with the number of sound bytes before the offending header.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<usize, (usize, ProtocolViolation)> {
        self.read::<false>(input).map(|(passed, _)| passed)
    }

    /// The same, but only up to where no message is unfinished; returns also how many bytes of `input` were read.
    ///
    /// # Errors
    ///
    /// As [`Self::advance`].
    pub(crate) fn advance_message(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, usize), (usize, ProtocolViolation)> {
        self.read::<true>(input)
    }

    fn read<const ONE: bool>(&mut self, input: &[u8]) -> Result<(usize, usize), (usize, ProtocolViolation)> {
        let mut passed = 0;
        let mut rest = input;
        loop {
            let take = self.finish_frame(rest.len());
            passed += take;
            rest = rest.get(take..).unwrap_or_default();
            if rest.is_empty() || ONE && self.is_between_messages() {
                return Ok((passed, input.len() - rest.len()));
            }
            let (used, done) = self.header.read(rest).map_err(|violation| (passed, violation))?;
            rest = rest.get(used..).unwrap_or_default();
            let Some((header, header_len)) = done else { return Ok((passed, input.len())) };
            self.check(header).map_err(|violation| (passed, violation))?;
            if header.kind.is_control() {
                self.counters.control_frames += 1;
                self.counters.close_sent |= header.kind == FrameKind::Close;
            } else {
                self.in_message = !header.fin;
                self.counters.fragments += 1;
                self.counters.messages += u64::from(header.fin);
            }
            passed += header_len;
            self.left = header.len;
        }
    }

    /// The rules of RFC 6455 §5 that need the direction or the frames before.
    const fn check(&self, header: Header) -> Result<(), ProtocolViolation> {
        if self.counters.close_sent {
            return Err(ProtocolViolation::DataAfterClose);
        }
        if header.mask.is_some() {
            return Err(ProtocolViolation::MaskedServerFrame);
        }
        let starts_message = matches!(header.kind, FrameKind::Text | FrameKind::Binary);
        if header.rsv23 || header.rsv1 && !(starts_message && self.deflate) {
            return Err(ProtocolViolation::ReservedBit);
        }
        if header.kind.is_control() {
            if header.len > 125 {
                return Err(ProtocolViolation::LongControlFrame);
            }
            if matches!(header.kind, FrameKind::Close) && header.len == 1 {
                return Err(ProtocolViolation::CloseBody);
            }
            if !header.fin {
                return Err(ProtocolViolation::FragmentedControlFrame);
            }
            return Ok(());
        }
        match (self.in_message, starts_message) {
            (true, true) => Err(ProtocolViolation::InterleavedMessage),
            (false, false) => Err(ProtocolViolation::UnexpectedContinuation),
            (true, false) | (false, true) => Ok(()),
        }
    }

    /// Takes no more than the rest of the frame in flight, and returns how many of the next `len` bytes that is.
    pub(crate) fn finish_frame(&mut self, len: usize) -> usize {
        let take = usize::try_from(self.left).map_or(len, |left| left.min(len));
        self.left -= take as u64;
        take
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_everything_but_incomplete_headers() {
        let stream = [&[0x82, 0x7e, 0x01, 0x00][..], &[7; 256], b"\x81\x05Hello", &[0x88, 0]].concat();
        for step in 1..stream.len() {
            let mut tracker = Tracker::new(false);
            let mut passed = 0;
            for piece in stream.chunks(step) {
                passed += tracker.advance(piece).unwrap();
            }
            assert_eq!(passed, stream.len());
            assert!(tracker.at_boundary() && !tracker.holds_header());
            let counters = tracker.counters();
            assert_eq!((counters.messages, counters.control_frames, counters.close_sent), (2, 1, true));
        }
        let mut tracker = Tracker::new(false);
        assert_eq!(tracker.advance(b"\x81\x05Hello\x82\x7e\x01"), Ok(7));
        assert!(tracker.at_boundary() && tracker.holds_header());
    }

    #[test]
    fn refuses_what_would_lose_the_boundary() {
        let advance = |bytes: &[u8]| Tracker::new(false).advance(bytes);
        assert_eq!(advance(b"\x81\x01a\x81\x81abcd"), Err((3, ProtocolViolation::MaskedServerFrame)));
        assert_eq!(advance(b"\x83\x00"), Err((0, ProtocolViolation::ReservedOpcode)));
        assert_eq!(advance(b"\x81\x7e\x00\x01a"), Err((0, ProtocolViolation::FrameLength)));
        assert_eq!(advance(b"\x89\x7e\x01\x00"), Err((0, ProtocolViolation::LongControlFrame)));
    }

    #[test]
    fn refuses_what_makes_messages_ambiguous() {
        use ProtocolViolation as V;
        let advance = |deflate, bytes: &[u8]| Tracker::new(deflate).advance(bytes);
        for deflate in [false, true] {
            for (bytes, sound, violation) in [
                (&b"\xa1\x00"[..], 0, V::ReservedBit),
                (b"\x91\x00", 0, V::ReservedBit),
                (b"\xc9\x00", 0, V::ReservedBit),
                (b"\x01\x00\xc0\x00", 2, V::ReservedBit),
                (b"\x09\x00", 0, V::FragmentedControlFrame),
                (b"\x80\x00", 0, V::UnexpectedContinuation),
                (b"\x01\x01a\x89\x00\x82\x00", 5, V::InterleavedMessage),
                (b"\x88\x01a", 0, V::CloseBody),
                (b"\x88\x00\x89\x00", 2, V::DataAfterClose),
            ] {
                assert_eq!(advance(deflate, bytes), Err((sound, violation)), "{bytes:x?}");
            }
        }
        assert_eq!(advance(true, b"\x41\x01a\x89\x00\x80\x00\xc2\x00\x81\x00"), Ok(11));
        assert_eq!(advance(false, b"\xc1\x00"), Err((0, V::ReservedBit)));
    }
}
