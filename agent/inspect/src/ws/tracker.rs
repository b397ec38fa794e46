//! The application's side: where its frames begin and end. Payloads are not kept.

use crate::{
    stats::StreamCounters,
    ws::{ProtocolViolation, frame::FrameKind, frame::HeaderReader},
};

/// Follows the frames of the server so that one of ours can be written between two of them.
#[derive(Debug)]
pub(crate) struct Tracker {
    header: HeaderReader,
    /// Payload of the frame in flight that is still to come.
    left: u64,
    counters: StreamCounters,
}

impl Tracker {
    pub(crate) const fn new() -> Self {
        let counters = StreamCounters { messages: 0, fragments: 0, control_frames: 0, close_sent: false };
        Self { header: HeaderReader::new(), left: 0, counters }
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
        let mut passed = 0;
        let mut rest = input;
        loop {
            let take = self.finish_frame(rest);
            passed += take;
            rest = rest.get(take..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(passed);
            }
            let (used, done) = self.header.read(rest).map_err(|violation| (passed, violation))?;
            rest = rest.get(used..).unwrap_or_default();
            let Some((header, header_len)) = done else { return Ok(passed) };
            if header.mask.is_some() {
                return Err((passed, ProtocolViolation::MaskedServerFrame));
            }
            if header.kind.is_control() {
                if header.len > 125 {
                    return Err((passed, ProtocolViolation::LongControlFrame));
                }
                self.counters.control_frames += 1;
                self.counters.close_sent |= header.kind == FrameKind::Close;
            } else {
                self.counters.fragments += 1;
                self.counters.messages += u64::from(header.fin);
            }
            passed += header_len;
            self.left = header.len;
        }
    }

    /// Takes no more than the rest of the frame in flight, and returns how many bytes of `input` that is.
    pub(crate) fn finish_frame(&mut self, input: &[u8]) -> usize {
        let take = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
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
            let mut tracker = Tracker::new();
            let mut passed = 0;
            for piece in stream.chunks(step) {
                passed += tracker.advance(piece).unwrap();
            }
            assert_eq!(passed, stream.len());
            assert!(tracker.at_boundary() && !tracker.holds_header());
            let counters = tracker.counters();
            assert_eq!((counters.messages, counters.control_frames, counters.close_sent), (2, 1, true));
        }
        let mut tracker = Tracker::new();
        assert_eq!(tracker.advance(b"\x81\x05Hello\x82\x7e\x01"), Ok(7));
        assert!(tracker.at_boundary() && tracker.holds_header());
    }

    #[test]
    fn refuses_what_would_lose_the_boundary() {
        let advance = |bytes: &[u8]| Tracker::new().advance(bytes);
        assert_eq!(advance(b"\x81\x01a\x81\x81abcd"), Err((3, ProtocolViolation::MaskedServerFrame)));
        assert_eq!(advance(b"\x83\x00"), Err((0, ProtocolViolation::ReservedOpcode)));
        assert_eq!(advance(b"\x81\x7e\x00\x01a"), Err((0, ProtocolViolation::FrameLength)));
        assert_eq!(advance(b"\x89\x7e\x01\x00"), Err((0, ProtocolViolation::LongControlFrame)));
    }
}
