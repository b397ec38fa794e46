//! Puts the leaves of a message before the detectors.

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    decode::Layers,
    detect::{Evidence, Found, Gate, Kind, Origin, Signal, SignalKind, Value},
    direction::Direction,
    payload::{Coverage, Leaf, Place, Scratch, leaves},
    settings::{Mode, Settings},
    verdict::{Finding, FindingAction, Observation, Opcode, Unit, redact::excerpt},
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
}

/// Judges the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Examiner {
    scratch: Scratch,
}

impl Examiner {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.scratch.buffered_bytes()
    }

    /// Looks for attacks; at most one finding a signal. Allocates only where something was found.
    pub(crate) fn examine(&mut self, subject: Subject<'_>, settings: &Settings) -> (Vec<Finding>, Coverage) {
        let unit = Unit::Message { opcode: subject.opcode, index: subject.index };
        let mut court = Court::new(unit, subject.direction, settings);
        let coverage = leaves(
            subject.payload,
            subject.opcode == Opcode::Text,
            subject.whole,
            settings.limits.max_json_depth,
            &mut self.scratch,
            &mut |leaf| court.hear(leaf),
        );
        self.scratch.shrink();
        (court.close(), coverage)
    }
}

/// What was found so far in one message or handshake.
pub(super) struct Court<'a> {
    unit: Unit,
    direction: Direction,
    settings: &'a Settings,
    cases: Vec<Case>,
    findings: Vec<Finding>,
    looked_at: u32,
}

/// What speaks for one signal, over all values of the message.
struct Case {
    signal: Signal,
    found: Found,
    observations: Vec<Observation>,
    /// The strongest value: its score, and how it is shown.
    best: u32,
    location: String,
    excerpt: String,
    evidence: Evidence,
    layers: Layers,
}

impl<'a> Court<'a> {
    pub(super) fn new(unit: Unit, direction: Direction, settings: &'a Settings) -> Self {
        Self { unit, direction, settings, cases: Vec::new(), findings: Vec::new(), looked_at: 0 }
    }

    fn hear(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        let value = Value {
            bytes: leaf.value,
            kind: Kind::Text,
            origin: Origin::Message,
            name: b"",
            layers: Layers::default(),
            nested: false,
        };
        self.hear_value(&value, leaf.place)
    }

    /// Judges one value.
    pub(super) fn hear_value(&mut self, value: &Value<'_>, place: Place<'_>) -> ControlFlow<()> {
        let Some(gate) = Gate::of(value.bytes, ByteSet::of(value.bytes)) else {
            return ControlFlow::Continue(());
        };
        self.looked_at += 1;
        if self.looked_at > self.settings.limits.max_leaves {
            self.anomaly(Signal::WsUninspected, b"", Place::Whole);
            return ControlFlow::Break(());
        }
        self.ask(value, gate, place)
    }

    fn ask(&mut self, value: &Value<'_>, gate: Gate, place: Place<'_>) -> ControlFlow<()> {
        for (_, detector) in gate.detectors() {
            let mut found = Found::default();
            detector.examine(value, &mut found);
            if !found.is_empty() {
                self.note(detector.signal(), &found, value, place)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn note(
        &mut self,
        signal: Signal,
        found: &Found,
        value: &Value<'_>,
        place: Place<'_>,
    ) -> ControlFlow<()> {
        let Some(evidence) = found.iter().max_by_key(|evidence| evidence.strength) else {
            return ControlFlow::Continue(());
        };
        let score = found.score();
        let index = match self.cases.iter().position(|case| case.signal == signal) {
            Some(index) => index,
            None => {
                self.cases.push(Case {
                    signal,
                    found: Found::default(),
                    observations: Vec::new(),
                    best: 0,
                    location: String::new(),
                    excerpt: String::new(),
                    evidence: evidence.clone(),
                    layers: value.layers,
                });
                self.cases.len() - 1
            }
        };
        let Some(case) = self.cases.get_mut(index) else { return ControlFlow::Continue(()) };
        for Evidence { what, strength, at } in found.iter() {
            let known = case.found.len();
            case.found.push(what, *strength, at.clone());
            if case.found.len() > known {
                case.observations.push(Observation {
                    what,
                    strength: *strength as u32,
                    location: place.location(),
                    at: at.clone(),
                    layers: value.layers.iter().collect(),
                });
            }
        }
        if score > case.best {
            case.best = score;
            case.location = place.location();
            case.excerpt = excerpt(value.bytes);
            case.evidence = evidence.clone();
            case.layers = value.layers;
        }
        // In mode block the first attack decides; in mode log there may be a finding of each signal.
        let decided = signal.kind() == SignalKind::Attack
            && case.found.score() >= self.settings.profile.block_score()
            && self.settings.mode == Mode::Block;
        if decided { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) fn close(mut self) -> Vec<Finding> {
        for case in std::mem::take(&mut self.cases) {
            let score = case.found.score();
            if score < self.settings.profile.tag_score() {
                continue;
            }
            let blocks =
                case.signal.kind() == SignalKind::Attack && score >= self.settings.profile.block_score();
            self.findings.push(Finding {
                signal: case.signal,
                direction: self.direction,
                action: match (blocks, self.settings.mode) {
                    (true, Mode::Block) => FindingAction::Block,
                    (true, Mode::Log) => FindingAction::Log,
                    (false, _) => FindingAction::Tag,
                },
                score,
                location: case.location,
                excerpt: case.excerpt,
                evidence: case.evidence.what,
                at: case.evidence.at,
                layers: case.layers.iter().collect(),
                observations: case.observations,
                unit: self.unit,
            });
        }
        // What blocks first, then the highest score.
        self.findings.sort_by_key(|finding| (finding.action, std::cmp::Reverse(finding.score)));
        self.findings
    }

    /// Something unusual about the message that is no matter of degree.
    pub(super) fn anomaly(&mut self, signal: Signal, value: &[u8], place: Place<'_>) {
        if self.findings.iter().any(|known| known.signal == signal) {
            return;
        }
        let blocks = signal == Signal::WsUninspected;
        self.findings.push(Finding {
            signal,
            direction: self.direction,
            action: match (blocks, self.settings.mode) {
                (true, Mode::Block) => FindingAction::Block,
                (true, Mode::Log) => FindingAction::Log,
                (false, _) => FindingAction::Tag,
            },
            score: 0,
            location: place.location(),
            excerpt: excerpt(value),
            evidence: "",
            at: 0..0,
            layers: Vec::new(),
            observations: Vec::new(),
            unit: self.unit,
        });
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
}

impl Inspector {
    /// Judges one message. A text message that is not UTF-8, which a session refuses, is read as binary.
    ///
    /// Returns at most one finding a signal: what blocks first, then by falling score.
    pub fn inspect(&mut self, settings: &Settings, opcode: Opcode, payload: &[u8]) -> Vec<Finding> {
        let text = opcode == Opcode::Text && simdutf8::basic::from_utf8(payload).is_ok();
        let opcode = if text { Opcode::Text } else { Opcode::Binary };
        let subject = Subject { payload, opcode, direction: Direction::ToServer, index: 1, whole: true };
        self.examiner.examine(subject, settings).0
    }
}
