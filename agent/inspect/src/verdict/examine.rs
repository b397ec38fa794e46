//! Puts the leaves of a message before the detectors.

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    decode::{self, Buffers, Layers},
    detect::{Evidence, Found, Gate, Kind, Origin, Signal, SignalKind, Strength, Value},
    direction::Direction,
    payload::{
        Anomaly, Coverage, Format, Leaf, Message, Place, Scratch, Subprotocol, Visitor, leaves, nested,
        nested_leaves,
    },
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
    /// The format that the handshake agreed on.
    pub(crate) subprotocol: Subprotocol,
}

/// Judges the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Examiner {
    scratch: Scratch,
    levels: Levels,
}

/// How deep structures within strings are followed.
const MAX_NESTED: usize = 3;

/// Memory for the leaves of the message, for those of structures within their strings, and so on: none until one is
/// encoded or holds a structure.
pub(super) type Levels = Vec<Level>;

#[derive(Debug, Default)]
pub(super) struct Level {
    /// For the rounds of decoding of a leaf.
    buffers: Buffers,
    /// For the leaves in it.
    scratch: Scratch,
}

/// Longer values are decoded in pieces of this length, in bytes, so that memory is bounded.
const PIECE: usize = 64 * 1024;

/// What neighbouring pieces share: an attack that spans more is found in its parts, or in the value as it stands.
const OVERLAP: usize = 1024;

/// The rounds of all values of a message together, and the structures in them, may be this many times as long as the
/// message, for the part of a message beyond [`LONG`] this many times, and for a short one so many bytes.
const MAX_DECODED_RATIO: usize = 4;
const MAX_DECODED_RATIO_BEYOND: usize = 2;
const LONG: usize = 64 * 1024;
const MIN_DECODED_BYTES: usize = 16 * 1024;

/// Beyond this many bytes of a message the rounds between the first and the last of a value are not judged.
const MAX_BETWEEN_BYTES: usize = 64 * 1024;

impl Examiner {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.scratch.buffered_bytes() + self.levels.iter().map(Level::buffered_bytes).sum::<usize>()
    }

    /// Looks for attacks; at most one finding a signal. Allocates only where something was found.
    pub(crate) fn examine(&mut self, subject: Subject<'_>, settings: &Settings) -> (Vec<Finding>, Coverage) {
        let unit = Unit::Message { opcode: subject.opcode, index: subject.index };
        let mut court =
            Court::new(unit, subject.direction, subject.payload.len(), settings, &mut self.levels);
        let message = Message {
            payload: subject.payload,
            is_text: subject.opcode == Opcode::Text,
            whole: subject.whole,
            subprotocol: subject.subprotocol,
            max_depth: settings.limits.max_json_depth,
        };
        let coverage = leaves(message, &mut self.scratch, &mut court);
        let judged = court.close();
        self.levels.iter_mut().for_each(Level::shrink);
        self.scratch.shrink();
        (judged, coverage)
    }
}

/// How many bytes may be decoded of a message of this length.
fn decodable(len: usize) -> usize {
    let first = len.min(LONG);
    let beyond = (len - first).saturating_mul(MAX_DECODED_RATIO_BEYOND);
    first.saturating_mul(MAX_DECODED_RATIO).saturating_add(beyond).max(MIN_DECODED_BYTES)
}

impl Level {
    fn buffered_bytes(&self) -> usize {
        self.buffers.buffered_bytes() + self.scratch.buffered_bytes()
    }

    fn shrink(&mut self) {
        self.buffers.shrink();
        self.scratch.shrink();
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
    levels: &'a mut Levels,
    /// How many bytes may still be decoded.
    decodable: usize,
    /// How many bytes of rounds that are not the last may still be judged.
    between: usize,
    /// The detectors, by index, that found something in the leaf as it stands: what they find in it is not hidden.
    open: u32,
}

impl Visitor for Court<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        self.hear(leaf, Reached::default())
    }

    fn anomaly(&mut self, anomaly: Anomaly, value: &[u8], place: Place<'_>) {
        let signal = match anomaly {
            Anomaly::Json => Signal::JsonError,
            Anomaly::Xml => Signal::XmlError,
            Anomaly::Malformed => Signal::MalformedData,
            Anomaly::Compressed => Signal::Compressed,
            Anomaly::Uninspected => Signal::WsUninspected,
        };
        self.unusual(signal, value, place);
    }
}

/// How a leaf was reached.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    /// In how many strings it is.
    nested: usize,
    /// How many rounds of decoding were undone to see it.
    rounds: usize,
    layers: Layers,
}

/// Hears the leaves of a structure within a string.
struct Inside<'c, 'a> {
    court: &'c mut Court<'a>,
    reached: Reached,
}

impl Visitor for Inside<'_, '_> {
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        self.court.hear(leaf, self.reached)
    }

    // Any string may look a little like JSON or XML.
    fn anomaly(&mut self, _: Anomaly, _: &[u8], _: Place<'_>) {}
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
    /// Begins with a message or handshake of `len` bytes.
    pub(super) fn new(
        unit: Unit,
        direction: Direction,
        len: usize,
        settings: &'a Settings,
        levels: &'a mut Levels,
    ) -> Self {
        Self {
            unit,
            direction,
            settings,
            cases: Vec::new(),
            findings: Vec::new(),
            looked_at: 0,
            levels,
            decodable: decodable(len),
            between: MAX_BETWEEN_BYTES,
            open: 0,
        }
    }

    fn hear(&mut self, leaf: Leaf<'_>, reached: Reached) -> ControlFlow<()> {
        let value = Value {
            bytes: leaf.value,
            kind: leaf.kind,
            origin: Origin::Message,
            name: leaf.name,
            layers: reached.layers,
            nested: leaf.nested,
            parent: if leaf.kind == Kind::Key && leaf.value.first() == Some(&b'$') {
                leaf.place.parent()
            } else {
                None
            },
        };
        self.hear_value(&value, leaf.bytes, leaf.place, reached)
    }

    /// Judges one value, whose kinds of bytes are `bytes`, as it stands and decoded.
    pub(super) fn hear_value(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let gate = Gate::of(value.bytes, bytes);
        let encoded = decode::may_change(value.bytes, bytes);
        if gate.is_none() && !encoded {
            return ControlFlow::Continue(());
        }
        if reached.nested == 0 {
            self.looked_at += 1;
            if self.looked_at > self.settings.limits.max_leaves {
                self.unusual(Signal::WsUninspected, b"", Place::ROOT);
                return ControlFlow::Break(());
            }
        }
        self.open = 0;
        if let Some(gate) = gate {
            self.ask(value, gate, place)?;
            // The walk through the message has looked into what is not a string in it.
            if value.kind != Kind::Whole {
                self.look_inside(value, bytes, place, reached)?;
            }
        }
        if encoded { self.decode(value, bytes, place, reached) } else { ControlFlow::Continue(()) }
    }

    /// Judges the leaves of the structure that a value holds, if it holds one.
    fn look_inside(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let Some(format) = nested(value.bytes, bytes) else { return ControlFlow::Continue(()) };
        let affordable =
            self.decodable.checked_sub(value.bytes.len()).filter(|_| reached.nested < MAX_NESTED);
        let (Some(decodable), Some(level)) = (affordable, self.level(reached.nested)) else {
            self.left_out(place);
            return ControlFlow::Continue(());
        };
        let mut scratch = std::mem::take(&mut level.scratch);
        self.decodable = decodable;
        let mut layers = value.layers;
        layers.push(match format {
            Format::Json => decode::Step::Json,
            Format::Form => decode::Step::Form,
            Format::Xml => decode::Step::Xml,
        });
        let max_depth = self.settings.limits.max_json_depth;
        let open = self.open;
        let mut inside =
            Inside { court: self, reached: Reached { nested: reached.nested + 1, layers, ..reached } };
        let decided = nested_leaves(format, value.bytes, place, max_depth, &mut scratch, &mut inside);
        self.open = open;
        if let Some(level) = self.levels.get_mut(reached.nested) {
            level.scratch = scratch;
        }
        decided
    }

    fn level(&mut self, nested: usize) -> Option<&mut Level> {
        if self.levels.len() <= nested {
            self.levels.resize_with(nested + 1, Level::default);
        }
        self.levels.get_mut(nested)
    }

    /// Judges what the rounds of decoding make of a value.
    fn decode(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let Some(level) = self.level(reached.nested) else { return ControlFlow::Continue(()) };
        let mut buffers = std::mem::take(&mut level.buffers);
        let mut rest = value.bytes;
        let decided = loop {
            let piece = rest.get(..PIECE).unwrap_or(rest);
            let decided = self.rounds(&Value { bytes: piece, ..*value }, bytes, place, reached, &mut buffers);
            if decided.is_break() || piece.len() == rest.len() {
                break decided;
            }
            rest = rest.get(PIECE - OVERLAP..).unwrap_or_default();
        };
        if let Some(level) = self.levels.get_mut(reached.nested) {
            level.buffers = buffers;
        }
        decided
    }

    /// Judges each round of a piece.
    fn rounds(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        place: Place<'_>,
        mut reached: Reached,
        buffers: &mut Buffers,
    ) -> ControlFlow<()> {
        let mut layers = value.layers;
        let mut kinds = bytes;
        let mut due = false;
        let mut changed = false;
        while reached.rounds < decode::MAX_ROUNDS {
            let Buffers { newest, other } = &mut *buffers;
            let input = if changed { newest.as_slice() } else { value.bytes };
            if !decode::may_change(input, kinds) {
                break;
            }
            if !decode::round(input, kinds, other, &mut layers) {
                break;
            }
            let Some(decodable) = self.decodable.checked_sub(other.len()) else {
                self.left_out(place);
                break;
            };
            self.decodable = decodable;
            if due {
                self.left_out(place);
            }
            std::mem::swap(newest, other);
            changed = true;
            reached.rounds += 1;
            kinds = ByteSet::of(newest);
            let between = self.between.checked_sub(newest.len());
            due = between.is_none();
            if let Some(between) = between {
                self.between = between;
                self.judge(&Value { bytes: newest, layers, ..*value }, kinds, place, reached)?;
            }
        }
        let Buffers { newest, other } = buffers;
        let decoded = if changed { newest.as_slice() } else { value.bytes };
        if due {
            self.judge(&Value { bytes: decoded, layers, ..*value }, kinds, place, reached)?;
        }
        if decode::may_be_form(bytes) {
            other.clear();
            other.extend_from_slice(decoded);
            decode::plus_to_blank(other, &mut layers);
            let kinds = ByteSet::of(other);
            self.judge(&Value { bytes: other, layers, ..*value }, kinds, place, reached)?;
        }
        ControlFlow::Continue(())
    }

    fn judge(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let Some(gate) = Gate::of(value.bytes, bytes) else { return ControlFlow::Continue(()) };
        self.ask(value, gate.decoded(), place)?;
        self.look_inside(value, bytes, place, Reached { layers: value.layers, ..reached })
    }

    fn ask(&mut self, value: &Value<'_>, gate: Gate, place: Place<'_>) -> ControlFlow<()> {
        for (index, detector) in gate.detectors() {
            let mut found = Found::default();
            detector.examine(value, &mut found);
            if found.is_empty() {
                continue;
            }
            let bit = 1_u32 << index;
            if value.layers.is_empty() {
                self.open |= bit;
            }
            // What is there only once an encoding is undone that nobody uses honestly says more than in the open.
            if value.layers.is_hiding()
                && self.open & bit == 0
                && detector.signal().kind() == SignalKind::Attack
            {
                found.push("hidden by its encoding", Strength::Medium, 0..value.bytes.len());
            }
            self.note(detector.signal(), &found, value, place)?;
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

    /// A layer was not looked at, because there are so many.
    fn left_out(&mut self, place: Place<'_>) {
        self.report(Signal::WsUninspected, b"", place, false);
    }

    /// Something unusual about the message that is no matter of degree.
    pub(super) fn unusual(&mut self, signal: Signal, value: &[u8], place: Place<'_>) {
        self.report(signal, value, place, signal == Signal::WsUninspected);
    }

    fn report(&mut self, signal: Signal, value: &[u8], place: Place<'_>, blocks: bool) {
        if self.findings.iter().any(|known| known.signal == signal) {
            return;
        }
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
        let subject = Subject {
            payload,
            opcode,
            direction: Direction::ToServer,
            index: 1,
            whole: true,
            subprotocol: Subprotocol::Unknown,
        };
        self.examiner.examine(subject, settings).0
    }
}

#[cfg(test)]
mod tests;
