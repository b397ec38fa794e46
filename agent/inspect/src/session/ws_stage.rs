//! A connection once it is a WebSocket.

use crate::{
    action::Report,
    direction::Direction,
    payload::Coverage,
    session::outbox::Outbox,
    settings::Settings,
    stats::Counters,
    verdict::{CloseReason, Examiner, FindingAction, Opcode, Subject},
    ws::{DeflateParams, Message, Receiver, Step, Tracker},
};

/// Both sides of a WebSocket.
#[derive(Debug)]
pub(super) struct WsStage {
    receiver: Receiver,
    tracker: Tracker,
    examiner: Examiner,
    /// Client bytes read and not yet released: the unfinished message and the control frames in it.
    pending: usize,
    uninspected_messages: u64,
    findings: u64,
}

impl WsStage {
    pub(super) fn new(deflate: Option<DeflateParams>) -> Self {
        Self {
            receiver: Receiver::new(deflate),
            tracker: Tracker::new(deflate.is_some()),
            examiner: Examiner::default(),
            pending: 0,
            uninspected_messages: 0,
            findings: 0,
        }
    }

    pub(super) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    pub(super) const fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    pub(super) const fn add_to(&self, counters: &mut Counters) {
        counters.to_server = self.receiver.counters();
        counters.to_client = self.tracker.counters();
        counters.uninspected_messages = self.uninspected_messages;
        counters.findings = self.findings;
    }

    /// Approximate memory in bytes.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.receiver.buffered_bytes() + self.examiner.buffered_bytes()
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
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        match direction {
            Direction::ToServer => self.client(bytes, settings, out),
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

    fn client(&mut self, bytes: &[u8], settings: &Settings, out: &mut Outbox) -> Result<(), CloseReason> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, step) = self.receiver.read(rest, &settings.limits)?;
            rest = rest.get(used..).unwrap_or_default();
            self.pending = self.pending.saturating_add(used);
            match step {
                Step::More => return Ok(()),
                // Held in its place among the fragments.
                Step::Control { close: false, within_message: true, .. } => continue,
                Step::Control { close: true, within_message: true, len } => {
                    // The message will never be finished, so it cannot be judged; only the Close goes on.
                    out.discard(Direction::ToServer, self.pending.saturating_sub(len));
                    self.pending = len;
                }
                Step::Control { within_message: false, .. } => {}
                Step::Message => self.judge(settings, out)?,
            }
            out.release(Direction::ToServer, self.pending);
            self.pending = 0;
        }
        Ok(())
    }

    fn judge(&mut self, settings: &Settings, out: &mut Outbox) -> Result<(), CloseReason> {
        let Message { payload, is_text, index } = self.receiver.message();
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        let subject = Subject { payload, opcode, direction: Direction::ToServer, index };
        let (findings, coverage) = self.examiner.examine(subject, settings);
        self.receiver.release_message();
        if coverage == Coverage::None {
            self.uninspected_messages += 1;
        }
        let mut reason = None;
        for finding in findings {
            self.findings += 1;
            if finding.action == FindingAction::Block {
                reason = reason.or(Some(CloseReason::Attack(finding.signal)));
            }
            out.report(Report::Finding(finding));
        }
        reason.map_or(Ok(()), Err)
    }

    /// Goes on with the server's stream only until the frame in flight ends; returns how many bytes that is.
    pub(super) fn finish_server_frame(&mut self, bytes: &[u8]) -> usize {
        self.tracker.finish_frame(bytes)
    }
}
