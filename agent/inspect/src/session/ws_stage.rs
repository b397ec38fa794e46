//! A connection once it is a WebSocket.

use std::time::Instant;

use crate::{
    direction::Direction,
    payload::{Coverage, Subprotocol},
    rules::MessageFacts,
    session::{
        binding::Binding,
        clock::Unfinished,
        outbox::Outbox,
        rates::{Counted, Rates},
    },
    settings::{Mode, Settings},
    stats::Counters,
    verdict::{Breach, CloseReason, Examiner, Opcode, Subject, Unit},
    ws::{Bounds, DeflateParams, Message, Receiver, Step, Tracker},
};

/// Both sides of a WebSocket.
#[derive(Debug)]
pub(super) struct WsStage {
    receiver: Receiver,
    tracker: Tracker,
    examiner: Examiner,
    subprotocol: Subprotocol,
    /// `None` once the client is not read any more.
    binding: Option<Box<Binding>>,
    rates: Option<Box<Rates>>,
    /// Client bytes read and not yet released: the unfinished message and the control frames in it.
    pending: usize,
    /// What was released last ends within a frame.
    torn: bool,
    uninspected_messages: u64,
}

impl WsStage {
    pub(super) fn new(
        deflate: Option<DeflateParams>,
        binding: Binding,
        settings: &Settings,
        now: Instant,
    ) -> Self {
        Self {
            subprotocol: Subprotocol::parse(binding.subprotocol()),
            binding: Some(Box::new(binding)),
            receiver: Receiver::new(deflate),
            tracker: Tracker::new(deflate.is_some()),
            examiner: Examiner::default(),
            rates: Rates::new(&settings.limits, now),
            pending: 0,
            torn: false,
            uninspected_messages: 0,
        }
    }

    pub(super) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Whether a frame of ours may be written after what was released to the server.
    pub(super) const fn is_server_between_frames(&self, mode: Mode) -> bool {
        match mode {
            Mode::Block => !self.torn,
            // The bytes of an unfinished frame have gone.
            Mode::Log => self.receiver.at_boundary(),
        }
    }

    pub(super) const fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    pub(super) const fn add_to(&self, counters: &mut Counters) {
        counters.to_server = self.receiver.counters();
        counters.to_client = self.tracker.counters();
        counters.uninspected_messages = self.uninspected_messages;
    }

    /// Approximate memory in bytes.
    pub(super) fn buffered_bytes(&self) -> usize {
        let bound = self.binding.as_ref().map_or(0, |binding| binding.buffered_bytes());
        self.receiver.buffered_bytes() + self.examiner.buffered_bytes() + bound
    }

    /// Bytes that are kept of the unfinished client message.
    pub(super) fn unfinished_bytes(&self) -> usize {
        self.receiver.unfinished_bytes()
    }

    /// What the client has begun and not finished; a message that passes may take its time.
    pub(super) fn unfinished(&self) -> Option<Unfinished> {
        let counters = self.receiver.counters();
        let idle = self.receiver.is_idle() || self.receiver.is_passing();
        // Control frames within a message do not give it more time.
        let controls = if self.receiver.has_message() { 0 } else { counters.control_frames };
        (!idle).then(|| Unfinished::Message(counters.messages + controls))
    }

    /// Reads what one side sent.
    ///
    /// # Errors
    ///
    /// The reason to end the connection.
    pub(super) fn input(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        now: Instant,
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        match direction {
            Direction::ToServer => {
                if let Some(binding) = &mut self.binding {
                    binding.refresh(&settings.rules);
                }
                let allowed = self.take(Counted::Bytes, bytes.len(), now);
                let (bytes, excess) = bytes.split_at(allowed.min(bytes.len()));
                self.client(bytes, now, settings, out)?;
                if excess.is_empty() {
                    return Ok(());
                }
                self.exceed(Counted::Bytes, out)?;
                self.client(excess, now, settings, out)
            }
            Direction::ToClient => match self.tracker.advance(bytes) {
                Ok(len) => {
                    out.release(Direction::ToClient, len);
                    Ok(())
                }
                Err((sound, violation)) => {
                    out.release(Direction::ToClient, sound);
                    Err(CloseReason::ProtocolError(violation))
                }
            },
        }
    }

    fn client(
        &mut self,
        bytes: &[u8],
        now: Instant,
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        let bounds = Bounds { limits: &settings.limits, lenient: settings.mode == Mode::Log };
        let mut rest = bytes;
        loop {
            let (used, step) = self.receiver.read(rest, bounds)?;
            rest = rest.get(used..).unwrap_or_default();
            self.pending = self.pending.saturating_add(used);
            let passing = self.receiver.is_passing();
            match step {
                Step::More => {
                    if passing {
                        self.release_judged(out);
                    }
                    return Ok(());
                }
                Step::Control { close, within_message, len } => {
                    self.count(Counted::ControlFrames, now, out)?;
                    if within_message && !passing {
                        if !close {
                            // Held in its place among the fragments.
                            continue;
                        }
                        // The message will never be finished, so it cannot be judged; only the Close goes on.
                        out.discard(Direction::ToServer, self.pending.saturating_sub(len));
                        self.pending = len;
                    }
                }
                Step::Message => {
                    self.judge(now, settings, out)?;
                    self.count(Counted::Messages, now, out)?;
                }
                Step::Oversize(limit) => {
                    self.judge_prefix(now, settings, out)?;
                    // Later there would be nothing left to hold back.
                    self.count(Counted::Messages, now, out)?;
                    self.pass_message(limit.into(), out);
                    continue;
                }
                Step::Passing => {
                    self.release_judged(out);
                    continue;
                }
                Step::Passed => self.receiver.release_message(),
            }
            out.release(Direction::ToServer, self.pending);
            self.pending = 0;
            self.torn = false;
        }
    }

    /// Lets the unfinished message pass for this reason.
    pub(super) fn pass_message(&mut self, reason: CloseReason, out: &mut Outbox) {
        self.receiver.pass_message();
        self.uninspected_messages += 1;
        out.pass_uninspected(Breach::new(Direction::ToServer, reason));
        self.release_judged(out);
    }

    fn release_judged(&mut self, out: &mut Outbox) {
        let judged = self.pending.saturating_sub(self.receiver.unjudged());
        out.release(Direction::ToServer, judged);
        self.pending -= judged;
        self.torn = self.receiver.is_within_data();
    }

    fn judge(&mut self, now: Instant, settings: &Settings, out: &mut Outbox) -> Result<(), CloseReason> {
        let message = self.receiver.message();
        let unit = Unit::Message { opcode: opcode(message), index: message.index };
        let binding = self.binding.as_deref_mut();
        let trial = binding.and_then(|binding| binding.trial(facts(message), &settings.rules, now));
        let subject = subject(message, true, self.subprotocol);
        let (judgement, coverage) = self.examiner.examine(subject, settings, trial);
        self.receiver.release_message();
        if coverage == Coverage::None {
            self.uninspected_messages += 1;
        }
        out.judgement(judgement, unit)
    }

    fn judge_prefix(
        &mut self,
        now: Instant,
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        let message = self.receiver.prefix();
        let unit = Unit::Message { opcode: opcode(message), index: message.index };
        let binding = self.binding.as_deref_mut();
        let trial = binding.and_then(|binding| binding.trial(facts(message), &settings.rules, now));
        let (judgement, _) =
            self.examiner.examine(subject(message, false, self.subprotocol), settings, trial);
        out.judgement(judgement, unit)
    }

    fn count(&mut self, counted: Counted, now: Instant, out: &mut Outbox) -> Result<(), CloseReason> {
        if self.take(counted, 1, now) == 1 { Ok(()) } else { self.exceed(counted, out) }
    }

    fn take(&mut self, counted: Counted, wanted: usize, now: Instant) -> usize {
        self.rates.as_mut().map_or(wanted, |rates| rates.take(counted, wanted, now))
    }

    /// In mode `log` it is reported once a connection, and not counted any more.
    fn exceed(&mut self, counted: Counted, out: &mut Outbox) -> Result<(), CloseReason> {
        if let Some(rates) = &mut self.rates {
            rates.forget(counted);
        }
        out.object(Breach::new(Direction::ToServer, counted.reason())).map_err(|breach| breach.reason)
    }

    /// Stops reading the client, for good.
    pub(super) fn stop_client(&mut self) {
        self.receiver.release_all();
        self.examiner = Examiner::default();
        self.binding = None;
    }

    /// Goes on with the server's stream only until the frame in flight ends; returns how many bytes that is.
    pub(super) fn finish_server_frame(&mut self, bytes: &[u8]) -> usize {
        self.tracker.finish_frame(bytes)
    }
}

const fn subject(message: Message<'_>, whole: bool, subprotocol: Subprotocol) -> Subject<'_> {
    let Message { payload, index, .. } = message;
    Subject { payload, opcode: opcode(message), direction: Direction::ToServer, index, whole, subprotocol }
}

const fn opcode(message: Message<'_>) -> Opcode {
    if message.is_text { Opcode::Text } else { Opcode::Binary }
}

/// What rules are told of a message.
const fn facts(message: Message<'_>) -> MessageFacts {
    let Message { payload, index, sent, .. } = message;
    MessageFacts {
        direction: Direction::ToServer,
        opcode: opcode(message),
        wire_bytes: sent.wire_bytes,
        bytes: payload.len() as u64,
        fragments: sent.fragments as u64,
        index,
        compressed: sent.compressed,
    }
}
