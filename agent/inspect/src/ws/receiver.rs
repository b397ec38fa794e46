//! The client's side: frames are unmasked, inflated and joined to messages, and every rule of RFC 6455 §5 is checked.

use crate::{
    inflate::{InflateError, Inflater},
    limits::Limits,
    stats::StreamCounters,
    ws::{
        DeflateParams, ProtocolViolation, check_close_body,
        frame::{FrameKind, Header, HeaderReader},
        mask::apply_mask,
    },
};

/// The message buffer keeps this capacity between messages.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Compressed payload is unmasked in pieces of this size.
const PIECE: usize = 4096;

/// Why client bytes cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiveError {
    Protocol(ProtocolViolation),
    InvalidUtf8,
    MessageTooBig,
    TooManyFragments,
    Deflate,
}

impl From<ProtocolViolation> for ReceiveError {
    fn from(violation: ProtocolViolation) -> Self {
        Self::Protocol(violation)
    }
}

/// What [`Receiver::read`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All input was used; more is needed.
    More,
    /// A control frame is complete.
    Control {
        /// Its length in bytes, header included.
        len: usize,
        /// Whether it is a Close frame.
        close: bool,
        /// Whether it stands between the fragments of a message.
        within_message: bool,
    },
    /// A data message is complete; [`Receiver::message`] has it.
    Message,
}

/// A complete data message, unmasked and inflated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) payload: &'a [u8],
    /// Opcode 1; the payload is valid UTF-8.
    pub(crate) is_text: bool,
    /// Counted from 1.
    pub(crate) index: u64,
}

/// Reads the client's frames.
#[derive(Debug)]
pub(crate) struct Receiver {
    header: HeaderReader,
    frame: Option<Frame>,
    message: Option<Open>,
    /// Payload of the unfinished or last message.
    payload: Vec<u8>,
    is_text: bool,
    /// How much of `payload` is known to be UTF-8.
    valid: usize,
    control: Vec<u8>,
    deflate: Option<DeflateParams>,
    inflater: Option<Box<Inflater>>,
    counters: StreamCounters,
}

/// A frame whose header was read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: FrameKind,
    fin: bool,
    key: [u8; 4],
    /// Payload bytes read, and to be read.
    offset: u64,
    left: u64,
    wire_len: usize,
}

/// A message that is not finished.
#[derive(Clone, Copy, Debug)]
struct Open {
    compressed: bool,
    /// Payload announced so far, as sent.
    wire_len: u64,
    /// Frames so far, control frames between them included.
    frames: u32,
}

impl Receiver {
    pub(crate) const fn new(deflate: Option<DeflateParams>) -> Self {
        Self {
            header: HeaderReader::new(),
            frame: None,
            message: None,
            payload: Vec::new(),
            is_text: false,
            valid: 0,
            control: Vec::new(),
            deflate,
            inflater: None,
            counters: StreamCounters { messages: 0, fragments: 0, control_frames: 0, close_sent: false },
        }
    }

    pub(crate) const fn counters(&self) -> StreamCounters {
        self.counters
    }

    /// Whether the bytes read so far end between two frames.
    pub(crate) const fn at_boundary(&self) -> bool {
        self.frame.is_none() && self.header.pending() == 0
    }

    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        let inflater = if self.inflater.is_some() { Inflater::APPROXIMATE_SIZE } else { 0 };
        self.payload.capacity() + self.control.capacity() + inflater
    }

    /// The message that was just completed.
    pub(crate) fn message(&self) -> Message<'_> {
        Message { payload: &self.payload, is_text: self.is_text, index: self.counters.messages }
    }

    /// Reads on in `input` until something is complete, and returns how many bytes were used.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] as soon as the bytes so far cannot be part of an acceptable stream.
    pub(crate) fn read(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Step), ReceiveError> {
        let mut at = 0;
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let (used, done) = self.header.read(input.get(at..).unwrap_or_default())?;
                    at += used;
                    let Some((header, header_len)) = done else { return Ok((at, Step::More)) };
                    self.begin(header, header_len, limits)?
                }
            };
            let rest = input.get(at..).unwrap_or_default();
            let take = usize::try_from(frame.left).map_or(rest.len(), |left| left.min(rest.len()));
            let piece = rest.get(..take).unwrap_or_default();
            at += take;
            self.append(&frame, piece, limits)?;
            frame.offset += take as u64;
            frame.left -= take as u64;
            frame.wire_len = frame.wire_len.saturating_add(take);
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok((at, Step::More));
            }
            if frame.kind.is_control() {
                return Ok((at, self.end_control(frame)?));
            }
            if frame.fin {
                self.end_message(limits)?;
                return Ok((at, Step::Message));
            }
        }
    }

    /// Checks a header against the state and opens its message.
    fn begin(&mut self, header: Header, header_len: usize, limits: &Limits) -> Result<Frame, ReceiveError> {
        if self.counters.close_sent {
            return Err(ProtocolViolation::DataAfterClose.into());
        }
        let Some(key) = header.mask else { return Err(ProtocolViolation::UnmaskedClientFrame.into()) };
        let starts_message = matches!(header.kind, FrameKind::Text | FrameKind::Binary);
        if header.rsv23 || header.rsv1 && !(starts_message && self.deflate.is_some()) {
            return Err(ProtocolViolation::ReservedBit.into());
        }
        if header.kind.is_control() {
            if header.len > 125 {
                return Err(ProtocolViolation::LongControlFrame.into());
            }
            if !header.fin {
                return Err(ProtocolViolation::FragmentedControlFrame.into());
            }
            self.counters.control_frames += 1;
            self.control.clear();
        } else {
            match (&self.message, starts_message) {
                (Some(_), true) => return Err(ProtocolViolation::InterleavedMessage.into()),
                (None, false) => return Err(ProtocolViolation::UnexpectedContinuation.into()),
                (Some(_), false) => {}
                (None, true) => {
                    self.is_text = header.kind == FrameKind::Text;
                    self.valid = 0;
                    self.payload.clear();
                    self.message = Some(Open { compressed: header.rsv1, wire_len: 0, frames: 0 });
                }
            }
            self.counters.fragments += 1;
        }
        if let Some(message) = &mut self.message {
            message.frames += 1;
            if message.frames > limits.max_message_fragments {
                return Err(ReceiveError::TooManyFragments);
            }
            if !header.kind.is_control() {
                message.wire_len = message.wire_len.saturating_add(header.len);
                if message.wire_len > wire_limit(message.compressed, limits) {
                    return Err(ReceiveError::MessageTooBig);
                }
            }
        }
        let Header { kind, fin, len, .. } = header;
        Ok(Frame { kind, fin, key, offset: 0, left: len, wire_len: header_len })
    }

    fn append(&mut self, frame: &Frame, piece: &[u8], limits: &Limits) -> Result<(), ReceiveError> {
        if frame.kind.is_control() {
            unmask_onto(&mut self.control, frame, piece);
            return Ok(());
        }
        if !self.message.as_ref().is_some_and(|message| message.compressed) {
            unmask_onto(&mut self.payload, frame, piece);
            return self.check_text();
        }
        let mut offset = frame.offset;
        for piece in piece.chunks(PIECE) {
            let mut plain = [0; PIECE];
            let Some(plain) = plain.get_mut(..piece.len()) else { continue };
            plain.copy_from_slice(piece);
            apply_mask(plain, frame.key, offset);
            offset += piece.len() as u64;
            self.inflate(|inflater, payload, limit| inflater.push(plain, payload, limit), limits)?;
        }
        Ok(())
    }

    fn inflate(
        &mut self,
        work: impl FnOnce(&mut Inflater, &mut Vec<u8>, usize) -> Result<(), InflateError>,
        limits: &Limits,
    ) -> Result<(), ReceiveError> {
        let takeover = !self.deflate.is_some_and(|params| params.client_no_context_takeover);
        let inflater = self.inflater.get_or_insert_with(|| Box::new(Inflater::new(takeover)));
        let result = work(inflater, &mut self.payload, limits.max_message_bytes);
        // First what came out, so that the error does not depend on how the input was split.
        self.check_text()?;
        result.map_err(|error| match error {
            InflateError::Corrupt => ReceiveError::Deflate,
            InflateError::TooBig => ReceiveError::MessageTooBig,
        })
    }

    /// Checks the new part of a text; a character at its end may be incomplete.
    fn check_text(&mut self) -> Result<(), ReceiveError> {
        if !self.is_text {
            return Ok(());
        }
        match std::str::from_utf8(self.payload.get(self.valid..).unwrap_or_default()) {
            Ok(_) => self.valid = self.payload.len(),
            Err(error) if error.error_len().is_some() => return Err(ReceiveError::InvalidUtf8),
            Err(error) => self.valid += error.valid_up_to(),
        }
        Ok(())
    }

    fn end_control(&mut self, frame: Frame) -> Result<Step, ReceiveError> {
        let close = frame.kind == FrameKind::Close;
        if close {
            check_close_body(&self.control)?;
            self.counters.close_sent = true;
        }
        self.control.clear();
        Ok(Step::Control { len: frame.wire_len, close, within_message: self.message.is_some() })
    }

    fn end_message(&mut self, limits: &Limits) -> Result<(), ReceiveError> {
        if self.message.take().is_some_and(|message| message.compressed) {
            self.inflate(Inflater::finish, limits)?;
        }
        if self.is_text && self.valid < self.payload.len() {
            return Err(ReceiveError::InvalidUtf8);
        }
        self.counters.messages += 1;
        Ok(())
    }

    /// Gives back the memory of a long message once it has been judged.
    pub(crate) fn release_message(&mut self) {
        self.payload.clear();
        self.payload.shrink_to(KEPT_CAPACITY);
    }
}

/// Most payload that a message may announce. Bytes that do not compress grow when they are deflated, by up to an
/// eighth with fixed Huffman codes (RFC 1951 §3.2.6); what they inflate to is limited as well.
const fn wire_limit(compressed: bool, limits: &Limits) -> u64 {
    let limit = limits.max_message_bytes as u64;
    if compressed { limit.saturating_add(limit / 8 + 64) } else { limit }
}

fn unmask_onto(buffer: &mut Vec<u8>, frame: &Frame, piece: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(piece);
    apply_mask(buffer.get_mut(start..).unwrap_or_default(), frame.key, frame.offset);
}
