//! A side whose messages are read: frames are unmasked, inflated and joined to messages, and every rule of RFC 6455 §5 is
//! checked.

use crate::{
    direction::Direction,
    inflate::{InflateError, Inflater},
    limits::{Limits, OversizePolicy},
    stats::StreamCounters,
    ws::{
        DeflateParams, ProtocolViolation, Tracker, check_close_body,
        frame::{FrameKind, Header, HeaderReader},
        mask::apply_mask,
    },
};

/// A message buffer of this capacity, in bytes, is kept between messages: most are no longer, and most connections are idle.
const KEPT_CAPACITY: usize = 1024;

/// Compressed payload is unmasked and inflated in pieces that end at multiples of this size in the message, and there
/// the ratio is looked at: always at the same places, however the input is split.
const PIECE: usize = 4096;

/// What is kept of a compressed message that passes: the window, and room for as much again.
const PASSING_BYTES: usize = 2 * Inflater::WINDOW;

/// Why bytes of a peer cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiveError {
    Protocol(ProtocolViolation),
    InvalidUtf8,
    MessageTooBig,
    FrameTooBig,
    TooManyFragments,
    InflateRatio,
    Deflate,
}

/// The limits, and what is made of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a Limits,
    /// Whatever it is, it passes: mode `log`.
    pub(crate) lenient: bool,
}

impl Bounds<'_> {
    /// Whether a message that reaches this limit passes.
    const fn pass(self, limit: ReceiveError) -> bool {
        match limit {
            ReceiveError::MessageTooBig | ReceiveError::FrameTooBig | ReceiveError::TooManyFragments => {
                self.lenient || matches!(self.limits.oversize, OversizePolicy::Pass)
            }
            ReceiveError::InflateRatio => self.lenient,
            ReceiveError::Protocol(_) | ReceiveError::InvalidUtf8 | ReceiveError::Deflate => false,
        }
    }
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
    /// A message has reached a limit and will pass; [`Receiver::prefix`] has what was read of it. To be followed by
    /// [`Receiver::pass_message`].
    Oversize(ReceiveError),
    /// The end of a header or of a frame in a message that passes: up to here all is judged, whatever comes next.
    Passing,
    /// The end of a message that passes.
    Passed,
}

/// A complete data message, unmasked and inflated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) payload: &'a [u8],
    /// Opcode 1; the payload is valid UTF-8.
    pub(crate) is_text: bool,
    /// Counted from 1.
    pub(crate) index: u64,
    /// How it was sent.
    pub(crate) sent: Sent,
}

/// How a message, or what was read of it, was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Its payload in bytes.
    pub(crate) wire_bytes: u64,
    /// Its data frames.
    pub(crate) fragments: u32,
    pub(crate) compressed: bool,
}

/// Reads the frames of one direction.
#[derive(Debug)]
pub(crate) struct Receiver {
    direction: Direction,
    header: HeaderReader,
    frame: Option<Frame>,
    message: Option<Open>,
    /// Payload of the unfinished or last message.
    payload: Vec<u8>,
    is_text: bool,
    /// How the last message was sent.
    sent: Sent,
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
    /// Payload read so far, as sent.
    read: u64,
    /// Frames so far, control frames between them included.
    frames: u32,
    /// Data frames so far.
    fragments: u32,
    /// It reached a limit and passes: nothing is kept of it but what later messages refer to.
    passing: bool,
    /// All of it is inflated.
    inflated: bool,
}

impl Receiver {
    /// Reads on after what was counted, between two messages; one that refers back must not have been compressed before.
    pub(crate) const fn new(
        direction: Direction,
        deflate: Option<DeflateParams>,
        counters: StreamCounters,
    ) -> Self {
        Self {
            direction,
            header: HeaderReader::new(),
            frame: None,
            message: None,
            payload: Vec::new(),
            is_text: false,
            sent: Sent { wire_bytes: 0, fragments: 0, compressed: false },
            valid: 0,
            control: Vec::new(),
            deflate,
            inflater: None,
            counters,
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
        let inflater = self.inflater.as_ref().map_or(0, |inflater| inflater.buffered_bytes());
        self.payload.capacity() + self.control.capacity() + inflater
    }

    /// Whether nothing is unfinished.
    pub(crate) const fn is_idle(&self) -> bool {
        self.at_boundary() && self.message.is_none()
    }

    /// Whether a message has begun and not ended.
    pub(crate) const fn has_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether the unfinished message passes without being looked at.
    pub(crate) fn is_passing(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.passing)
    }

    /// How much is still to come of the data frame that the bytes read so far end within.
    pub(crate) fn data_left(&self) -> u64 {
        self.frame.as_ref().filter(|frame| !frame.kind.is_control()).map_or(0, |frame| frame.left)
    }

    /// How many of the last bytes read are a header or a control frame that is not complete, and so not judged yet.
    pub(crate) fn unjudged(&self) -> usize {
        match &self.frame {
            Some(frame) if frame.kind.is_control() => frame.wire_len,
            Some(_) => 0,
            None => self.header.pending(),
        }
    }

    /// Bytes that are kept of the unfinished message.
    pub(crate) fn unfinished_bytes(&self) -> usize {
        let kept = self.message.is_some() && !self.is_passing();
        if kept { self.payload.len() } else { 0 }
    }

    /// What was read of the unfinished message; as far as it is known to be UTF-8, if it is text.
    pub(crate) fn prefix(&self) -> Message<'_> {
        let len = if self.is_text { self.valid } else { self.payload.len() };
        let payload = self.payload.get(..len).unwrap_or_default();
        let sent = self.message.as_ref().map(Open::sent).unwrap_or_default();
        Message { payload, is_text: self.is_text, index: self.counters.messages + 1, sent }
    }

    /// Lets the rest of the unfinished message pass. What is compressed is still inflated: later messages refer to it.
    pub(crate) fn pass_message(&mut self) {
        let Some(message) = &mut self.message else { return };
        message.passing = true;
        if message.compressed {
            keep_window(&mut self.payload);
        } else {
            self.payload.clear();
        }
        self.payload.shrink_to(KEPT_CAPACITY);
    }

    /// The message that was just completed.
    pub(crate) fn message(&self) -> Message<'_> {
        let Self { payload, is_text, counters, sent, .. } = self;
        Message { payload, is_text: *is_text, index: counters.messages, sent: *sent }
    }

    /// Reads on in `input` until something is complete, and returns how many bytes were used.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] as soon as the bytes so far cannot be part of an acceptable stream.
    pub(crate) fn read(&mut self, input: &[u8], bounds: Bounds<'_>) -> Result<(usize, Step), ReceiveError> {
        let mut at = 0;
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let (used, done) = self.header.read(input.get(at..).unwrap_or_default())?;
                    at += used;
                    let Some((header, header_len)) = done else { return Ok((at, Step::More)) };
                    let (frame, oversize) = self.begin(header, header_len, bounds)?;
                    if let Some(reason) = oversize {
                        self.frame = Some(frame);
                        return Ok((at, Step::Oversize(reason)));
                    }
                    if self.is_passing() && !frame.kind.is_control() {
                        self.frame = Some(frame);
                        return Ok((at, Step::Passing));
                    }
                    frame
                }
            };
            let rest = input.get(at..).unwrap_or_default();
            let take = usize::try_from(frame.left).map_or(rest.len(), |left| left.min(rest.len()));
            let piece = rest.get(..take).unwrap_or_default();
            let (take, oversize) = self.append(&frame, piece, bounds)?;
            at += take;
            frame.offset += take as u64;
            frame.left -= take as u64;
            frame.wire_len = frame.wire_len.saturating_add(take);
            if let Some(reason) = oversize {
                self.frame = Some(frame);
                return Ok((at, Step::Oversize(reason)));
            }
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok((at, Step::More));
            }
            if frame.kind.is_control() {
                return Ok((at, self.end_control(frame)?));
            }
            if frame.fin {
                let step = self.end_message(bounds)?;
                if matches!(step, Step::Oversize(_)) {
                    self.frame = Some(frame);
                }
                return Ok((at, step));
            }
            if self.is_passing() {
                return Ok((at, Step::Passing));
            }
        }
    }

    /// Checks a header against the state and opens its message.
    fn begin(
        &mut self,
        header: Header,
        header_len: usize,
        bounds: Bounds<'_>,
    ) -> Result<(Frame, Option<ReceiveError>), ReceiveError> {
        if self.counters.close_sent {
            return Err(ProtocolViolation::DataAfterClose.into());
        }
        let key = match (self.direction, header.mask) {
            (Direction::ToServer, Some(key)) => key,
            (Direction::ToServer, None) => return Err(ProtocolViolation::UnmaskedClientFrame.into()),
            (Direction::ToClient, None) => [0; 4],
            (Direction::ToClient, Some(_)) => return Err(ProtocolViolation::MaskedServerFrame.into()),
        };
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
                    self.message = Some(Open {
                        compressed: header.rsv1,
                        wire_len: 0,
                        read: 0,
                        frames: 0,
                        fragments: 0,
                        passing: false,
                        inflated: false,
                    });
                }
            }
            self.counters.fragments += 1;
        }
        let mut oversize = None;
        if let Some(message) = &mut self.message {
            message.frames = message.frames.saturating_add(1);
            if !header.kind.is_control() {
                message.wire_len = message.wire_len.saturating_add(header.len);
                message.fragments = message.fragments.saturating_add(1);
            }
            if !message.passing
                && let Some(reason) = message.beyond(header, bounds.limits)
            {
                if !bounds.pass(reason) {
                    return Err(reason);
                }
                // What is too long as a whole is inspected up to the limit; see `append`.
                oversize = (reason != ReceiveError::MessageTooBig).then_some(reason);
            }
        }
        let Header { kind, fin, len, .. } = header;
        Ok((Frame { kind, fin, key, offset: 0, left: len, wire_len: header_len }, oversize))
    }

    /// Takes payload, and returns how many bytes it has taken and the limit, if any, for which the message passes from
    /// here on.
    fn append(
        &mut self,
        frame: &Frame,
        piece: &[u8],
        bounds: Bounds<'_>,
    ) -> Result<(usize, Option<ReceiveError>), ReceiveError> {
        if frame.kind.is_control() {
            unmask_onto(&mut self.control, frame.key, frame.offset, piece);
            return Ok((piece.len(), None));
        }
        let Some(message) = &mut self.message else { return Ok((piece.len(), None)) };
        let Open { compressed, passing, read, .. } = *message;
        let room = wire_limit(compressed, bounds.limits).saturating_sub(read);
        let room = if passing { piece.len() } else { usize::try_from(room).unwrap_or(usize::MAX) };
        let too_big = piece.len() > room;
        let piece = piece.get(..room).unwrap_or(piece);
        if !compressed {
            message.read += piece.len() as u64;
            if !passing {
                unmask_onto(&mut self.payload, frame.key, frame.offset, piece);
                self.check_text()?;
            }
            return Ok((piece.len(), too_big.then_some(ReceiveError::MessageTooBig)));
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let read = self.message.as_ref().map_or(0, |message| message.read);
            let len = rest.len().min(PIECE - (read % PIECE as u64) as usize);
            let (part, _) = rest.split_at(len);
            let mut plain = [0; PIECE];
            let Some(plain) = plain.get_mut(..len) else { break };
            plain.copy_from_slice(part);
            apply_mask(plain, frame.key, frame.offset + (piece.len() - rest.len()) as u64);
            let mut left = &*plain;
            let oversize =
                self.inflate(bounds, |inflater, payload, limit| inflater.push(&mut left, payload, limit))?;
            let used = len - left.len();
            rest = rest.get(used..).unwrap_or_default();
            if let Some(message) = &mut self.message {
                message.read += used as u64;
            }
            let oversize = match oversize {
                None => self.check_ratio(bounds)?,
                Some(_) => oversize,
            };
            if oversize.is_some() {
                return Ok((piece.len() - rest.len(), oversize));
            }
        }
        Ok((piece.len(), too_big.then_some(ReceiveError::MessageTooBig)))
    }

    /// Inflates; in a message that passes, for the window only. Returns the limit, if any, for which it passes.
    fn inflate(
        &mut self,
        bounds: Bounds<'_>,
        mut work: impl FnMut(&mut Inflater, &mut Vec<u8>, usize) -> Result<(), InflateError>,
    ) -> Result<Option<ReceiveError>, ReceiveError> {
        let takeover = self.deflate.is_some_and(|params| params.takes_over(self.direction));
        let inflater = self.inflater.get_or_insert_with(|| Box::new(Inflater::new(takeover)));
        if self.message.as_ref().is_some_and(|message| message.passing) {
            loop {
                match work(inflater, &mut self.payload, PASSING_BYTES) {
                    Ok(()) => return Ok(None),
                    Err(InflateError::TooBig) => keep_window(&mut self.payload),
                    Err(InflateError::Corrupt) => return Err(ReceiveError::Deflate),
                }
            }
        }
        let result = work(inflater, &mut self.payload, bounds.limits.max_message_bytes);
        // First what came out, so that the error does not depend on how the input was split.
        self.check_text()?;
        match result {
            Ok(()) => Ok(None),
            Err(InflateError::TooBig) if bounds.pass(ReceiveError::MessageTooBig) => {
                Ok(Some(ReceiveError::MessageTooBig))
            }
            Err(InflateError::TooBig) => Err(ReceiveError::MessageTooBig),
            Err(InflateError::Corrupt) => Err(ReceiveError::Deflate),
        }
    }

    /// At the end of each whole piece: whether the message inflates to too much for what it was sent as.
    fn check_ratio(&self, bounds: Bounds<'_>) -> Result<Option<ReceiveError>, ReceiveError> {
        let (Some(message), Some(inflater)) = (&self.message, &self.inflater) else { return Ok(None) };
        let made = inflater.made();
        if !message.read.is_multiple_of(PIECE as u64)
            || made <= Limits::INFLATE_RATIO_FLOOR as u64
            || made <= message.read.saturating_mul(u64::from(bounds.limits.max_inflate_ratio))
        {
            return Ok(None);
        }
        match (bounds.pass(ReceiveError::InflateRatio), message.passing) {
            (false, _) => Err(ReceiveError::InflateRatio),
            (true, false) => Ok(Some(ReceiveError::InflateRatio)),
            (true, true) => Ok(None),
        }
    }

    /// Checks the new part of a text; a character at its end may be incomplete.
    fn check_text(&mut self) -> Result<(), ReceiveError> {
        if !self.is_text {
            return Ok(());
        }
        match simdutf8::compat::from_utf8(self.payload.get(self.valid..).unwrap_or_default()) {
            Ok(_) => self.valid = self.payload.len(),
            Err(error) if error.error_len().is_some() => return Err(ReceiveError::InvalidUtf8),
            Err(error) => self.valid += error.valid_up_to(),
        }
        Ok(())
    }

    fn end_control(&mut self, frame: Frame) -> Result<Step, ReceiveError> {
        let close = frame.kind == FrameKind::Close;
        if close {
            match self.direction {
                Direction::ToServer => check_close_body(&self.control)?,
                // What it says is the client's to judge.
                Direction::ToClient if self.control.len() == 1 => {
                    return Err(ProtocolViolation::CloseBody.into());
                }
                Direction::ToClient => {}
            }
            self.counters.close_sent = true;
        }
        self.control.clear();
        Ok(Step::Control { len: frame.wire_len, close, within_message: self.message.is_some() })
    }

    fn end_message(&mut self, bounds: Bounds<'_>) -> Result<Step, ReceiveError> {
        let Some(message) = self.message else { return Ok(Step::More) };
        if message.compressed && !message.inflated {
            if let Some(message) = &mut self.message {
                message.inflated = true;
            }
            // The tail brings out no more than the last few symbols; it must be read as a whole to read on after it.
            let whole = message.passing || bounds.pass(ReceiveError::MessageTooBig);
            let oversize = self.inflate(bounds, |inflater, payload, limit| {
                inflater.finish(payload, if whole { usize::MAX } else { limit })
            })?;
            if oversize.is_some() || !message.passing && self.payload.len() > bounds.limits.max_message_bytes
            {
                return Ok(Step::Oversize(ReceiveError::MessageTooBig));
            }
        }
        if !message.passing && self.is_text && self.valid < self.payload.len() {
            return Err(ReceiveError::InvalidUtf8);
        }
        self.sent = message.sent();
        self.message = None;
        self.counters.messages += 1;
        Ok(if message.passing { Step::Passed } else { Step::Message })
    }

    /// Only follows the frames from here on. `in_flight`: how much is still to come of the frame that went on last; `None`
    /// if every byte that was read has gone on.
    pub(crate) fn into_tracker(self, in_flight: Option<u64>) -> Tracker {
        let left = in_flight.unwrap_or_else(|| self.frame.map_or(0, |frame| frame.left));
        Tracker::resume(self.header, left, self.deflate.is_some(), self.message.is_some(), self.counters)
    }

    /// Gives back the memory of a long message once it has been judged.
    pub(crate) fn release_message(&mut self) {
        self.payload.clear();
        // A connection that is idle now needs none; one that is not pays for it with a long message only.
        if self.payload.capacity() > KEPT_CAPACITY {
            self.payload = Vec::new();
        }
    }
}

impl Open {
    const fn sent(&self) -> Sent {
        Sent { wire_bytes: self.read, fragments: self.fragments, compressed: self.compressed }
    }

    /// The limit that this header takes the message beyond.
    const fn beyond(&self, header: Header, limits: &Limits) -> Option<ReceiveError> {
        if self.frames > limits.max_message_fragments {
            return Some(ReceiveError::TooManyFragments);
        }
        if header.kind.is_control() {
            return None;
        }
        if let Some(limit) = limits.max_frame_bytes
            && header.len > limit
        {
            return Some(ReceiveError::FrameTooBig);
        }
        if self.wire_len > wire_limit(self.compressed, limits) {
            return Some(ReceiveError::MessageTooBig);
        }
        None
    }
}

/// Most payload that a message may announce. Bytes that do not compress grow when they are deflated, by up to an
/// eighth with fixed Huffman codes (RFC 1951 §3.2.6); what they inflate to is limited as well.
const fn wire_limit(compressed: bool, limits: &Limits) -> u64 {
    let limit = limits.max_message_bytes as u64;
    if compressed { limit.saturating_add(limit / 8 + 64) } else { limit }
}

fn unmask_onto(buffer: &mut Vec<u8>, key: [u8; 4], offset: u64, piece: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(piece);
    apply_mask(buffer.get_mut(start..).unwrap_or_default(), key, offset);
}

/// Drops all but what a compressed message can refer back to.
fn keep_window(payload: &mut Vec<u8>) {
    payload.drain(..payload.len().saturating_sub(Inflater::WINDOW));
}
