//! Puts the leaves of a message before the detectors.

use std::{ops::ControlFlow, time::Instant};

use crate::{
    direction::Direction,
    payload::{
        Anomaly, Coverage, Kind, Leaf, Message, Place, Scratch, Segment, Subprotocol, Visitor, leaves,
    },
    rules::{Bound, Decision, Explanation, MessageFacts, RuleScratch, Trial},
    settings::Settings,
    verdict::{
        Finding, Judgement, Opcode, Unit,
        court::{Court, Levels},
        redact::Piece,
    },
};

/// A message to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// Valid UTF-8 if the opcode is text.
    pub(crate) payload: &'a [u8],
    pub(crate) opcode: Opcode,
    pub(crate) direction: Direction,
    /// Counted from 1.
    pub(crate) index: u64,
    /// Not only the beginning of the message.
    pub(crate) whole: bool,
    /// The format that the handshake agreed on.
    pub(crate) subprotocol: Subprotocol,
}

impl<'a> Subject<'a> {
    fn message(&self, settings: &Settings) -> Message<'a> {
        Message {
            payload: self.payload,
            is_text: self.opcode == Opcode::Text,
            whole: self.whole,
            subprotocol: self.subprotocol,
            max_depth: settings.limits.max_json_depth,
        }
    }
}

/// Tells rules of parameters.
struct Params<'t, 'a>(&'t mut Trial<'a>);

impl Visitor for Params<'_, '_> {
    fn leaf(&mut self, _: Leaf<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_values(&self) -> bool {
        true
    }

    fn value(&mut self, value: &[u8], place: Place<'_>) {
        self.0.param_at(&place, value);
    }

    fn anomaly(&mut self, _: Anomaly, _: &[u8], _: Place<'_>) {}
}

/// Judges the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Examiner {
    scratch: Scratch,
    levels: Levels,
}

impl Examiner {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.scratch.buffered_bytes() + self.levels.buffered_bytes()
    }

    /// Looks for attacks; at most one finding a signal. Allocates only where something was found.
    ///
    /// With a trial, rules have their say: all of the message is looked at then, and they decide.
    pub(crate) fn examine<'a>(
        &'a mut self,
        subject: Subject<'a>,
        settings: &'a Settings,
        mut trial: Option<Trial<'a>>,
    ) -> (Judgement, Coverage) {
        let unit = Unit::Message { opcode: subject.opcode, index: subject.index };
        if let Some(trial) = &mut trial {
            trial.text(subject.payload);
        }
        let mut court =
            Court::new(unit, subject.direction, subject.payload.len(), settings, &mut self.levels, trial);
        let coverage = leaves(subject.message(settings), &mut self.scratch, &mut court);
        let judged = court.close();
        self.levels.shrink();
        self.scratch.shrink();
        (judged, coverage)
    }

    /// Lets only the rules look at a message: no detector is asked, and nothing in it is a signal.
    pub(crate) fn examine_by_rules<'a>(
        &mut self,
        subject: Subject<'a>,
        settings: &Settings,
        mut trial: Trial<'a>,
    ) -> (Judgement, Coverage) {
        trial.text(subject.payload);
        let mut coverage = Coverage::Full;
        if trial.needs_params() {
            coverage = leaves(subject.message(settings), &mut self.scratch, &mut Params(&mut trial));
            self.scratch.shrink();
        }
        if trial.is_idle() {
            return (Judgement::default(), coverage);
        }
        let decision = trial.decide(settings.rules.counts());
        let decision = decision.says_something().then(|| Box::new(decision));
        (Judgement { decision, ..Judgement::default() }, coverage)
    }
}

/// Judges one text message from a client, as a session would, without a connection.
///
/// Returns at most one finding a signal; in mode `block` those of the values up to the first offending one. Text that is not UTF-8
/// is read as a binary message.
pub fn inspect_text(settings: &Settings, text: &[u8]) -> Vec<Finding> {
    let opcode = if std::str::from_utf8(text).is_ok() { Opcode::Text } else { Opcode::Binary };
    Inspector::default().inspect(settings, opcode, text)
}

/// Judges messages from a client, as a session would, without a connection.
#[derive(Debug, Default)]
pub struct Inspector {
    examiner: Examiner,
    rules: RuleScratch,
}

impl Inspector {
    /// Judges one message. A text message that is not UTF-8, which a session refuses, is read as binary.
    ///
    /// Returns at most one finding a signal: what blocks first, then by falling score.
    pub fn inspect(&mut self, settings: &Settings, opcode: Opcode, payload: &[u8]) -> Vec<Finding> {
        let subject = subject(opcode, payload, 1);
        self.examiner.examine(subject, settings, None).0.findings
    }

    /// Judges one message, the `index`th from a client, by rules, too, and says how they came to what they say.
    pub fn inspect_by_rules(
        &mut self,
        settings: &Settings,
        rules: &Bound,
        (index, opcode, payload): (u64, Opcode, &[u8]),
        now: Instant,
    ) -> Inspection {
        let subject = subject(opcode, payload, index);
        let bytes = payload.len() as u64;
        let facts = MessageFacts {
            direction: Direction::ToServer,
            opcode: subject.opcode,
            wire_bytes: bytes,
            bytes,
            fragments: 1,
            index,
            compressed: false,
        };
        let trial = rules.begin(&mut self.rules, facts, settings.rules.moment(now)).explained();
        let Judgement { findings, decision, explanation } =
            self.examiner.examine(subject, settings, Some(trial)).0;
        let decision = decision.map(|decision| *decision).unwrap_or_default();
        Inspection {
            findings,
            decision,
            explanation: explanation.map_or_else(Explanation::default, |it| *it),
        }
    }

    /// The values of a message as detectors and rules see them: where each stands, and a piece of it without secrets.
    pub fn leaves(&mut self, settings: &Settings, opcode: Opcode, payload: &[u8]) -> Vec<(String, String)> {
        let mut list = Listed { settings, leaves: Vec::new() };
        let message = subject(opcode, payload, 1).message(settings);
        leaves(message, &mut self.examiner.scratch, &mut list);
        list.leaves
    }
}

/// What [`Inspector::inspect_by_rules`] says about a message.
#[derive(Debug)]
pub struct Inspection {
    /// What detectors have found.
    pub findings: Vec<Finding>,
    /// What rules say, and the policy for signals.
    pub decision: Decision,
    /// Each rule with its conditions.
    pub explanation: Explanation,
}

/// Writes leaves down.
struct Listed<'a> {
    settings: &'a Settings,
    leaves: Vec<(String, String)>,
}

impl Visitor for Listed<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        if leaf.kind == Kind::Whole {
            self.value(leaf.value, leaf.place);
        }
        ControlFlow::Continue(())
    }

    fn anomaly(&mut self, _: Anomaly, _: &[u8], _: Place<'_>) {}

    fn wants_values(&self) -> bool {
        true
    }

    fn value(&mut self, value: &[u8], place: Place<'_>) {
        let name = place.with_path(|path| match path.last() {
            Some(Segment::Key(name)) => name.to_vec(),
            Some(Segment::Index(_)) | None => Vec::new(),
        });
        let shown = Piece::of(&name, value).masked(self.settings.rules.current().redaction());
        self.leaves.push((place.location(), shown));
    }
}

/// A whole text message from a client; what is not UTF-8 is binary.
fn subject(opcode: Opcode, payload: &[u8], index: u64) -> Subject<'_> {
    let text = opcode == Opcode::Text && simdutf8::basic::from_utf8(payload).is_ok();
    Subject {
        payload,
        opcode: if text { Opcode::Text } else { Opcode::Binary },
        direction: Direction::ToServer,
        index,
        whole: true,
        subprotocol: Subprotocol::Unknown,
    }
}

#[cfg(test)]
mod tests;
