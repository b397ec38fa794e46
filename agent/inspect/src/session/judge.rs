//! What the messages of a connection are judged with.

use std::time::Instant;

use crate::{
    direction::Direction,
    payload::{Coverage, Subprotocol},
    rules::{MessageFacts, RuleScratch},
    session::{
        binding::Binding,
        outbox::Outbox,
        rates::{Counted, Rates},
    },
    settings::{Mode, Settings},
    verdict::{Breach, CloseReason, Examiner, Judgement, Opcode, Subject, Unit},
    ws::Message,
};

/// Of one connection, for as long as something is read.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) examiner: &'a mut Examiner,
    pub(super) binding: &'a mut Binding,
    /// Those of the client; `None` for the application.
    pub(super) rates: Option<&'a mut Rates>,
    pub(super) subprotocol: Subprotocol,
    pub(super) settings: &'a Settings,
    pub(super) now: Instant,
    /// To be added to.
    pub(super) uninspected_messages: &'a mut u64,
}

impl Judge<'_> {
    /// Whether whatever is read passes.
    pub(super) fn is_lenient(&self) -> bool {
        self.settings.mode == Mode::Log
    }

    /// Judges a message, or what was read of it if it is not `whole`.
    ///
    /// # Errors
    ///
    /// The reason to end the connection.
    pub(super) fn judge(
        &mut self,
        direction: Direction,
        message: Message<'_>,
        whole: bool,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        let opcode = if message.is_text { Opcode::Text } else { Opcode::Binary };
        let Message { payload, index, sent, .. } = message;
        let facts = MessageFacts {
            direction,
            opcode,
            wire_bytes: sent.wire_bytes,
            bytes: payload.len() as u64,
            fragments: sent.fragments as u64,
            index,
            compressed: sent.compressed,
        };
        let settings = self.settings;
        let rules = self.binding.bound();
        let mut scratch = rules.map(|_| RuleScratch::lend());
        let trial = rules
            .zip(scratch.as_deref_mut())
            .map(|(rules, scratch)| rules.begin(scratch, facts, settings.rules.moment(self.now)));
        let subject = Subject { payload, opcode, direction, index, whole, subprotocol: self.subprotocol };
        let (judgement, coverage) = if settings.detects(direction) {
            self.examiner.examine(subject, settings, trial)
        } else if let Some(trial) = trial {
            self.examiner.examine_by_rules(subject, settings, trial)
        } else {
            (Judgement::default(), Coverage::Full)
        };
        if let Some(scratch) = scratch {
            scratch.give_back();
        }
        if whole && coverage == Coverage::None {
            *self.uninspected_messages += 1;
        }
        out.judgement(judgement, Unit::Message { opcode, index }, direction)
    }

    /// Counts one thing that the client did.
    ///
    /// # Errors
    ///
    /// The reason to end the connection, if it did it too often.
    pub(super) fn count(&mut self, counted: Counted, out: &mut Outbox) -> Result<(), CloseReason> {
        if self.take(counted, 1) == 1 { Ok(()) } else { self.exceed(counted, out) }
    }

    /// How many of `wanted` may happen now.
    pub(super) fn take(&mut self, counted: Counted, wanted: usize) -> usize {
        self.rates.as_mut().map_or(wanted, |rates| rates.take(counted, wanted, self.now))
    }

    /// In mode `log` it is reported once a connection, and not counted any more.
    ///
    /// # Errors
    ///
    /// The reason to end the connection.
    pub(super) fn exceed(&mut self, counted: Counted, out: &mut Outbox) -> Result<(), CloseReason> {
        if let Some(rates) = &mut self.rates {
            rates.forget(counted);
        }
        out.object(Breach::new(Direction::ToServer, counted.reason())).map_err(|breach| breach.reason)
    }
}
