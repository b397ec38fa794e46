//! Puts a value before the detectors in all its forms: as it stands, what it decodes to, and what these hold.

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    decode::{self, Buffers, Layers},
    detect::{Gate, Kind, Origin, Value},
    payload::{Anomaly, Format, Leaf, Place, Scratch, Visitor, nested, nested_leaves},
    verdict::court::Court,
};

/// How deep structures within strings are followed.
const MAX_NESTED: usize = 3;

/// Memory for the leaves of the message, for those of structures within their strings, and so on: none until one is
/// encoded or holds a structure.
#[derive(Debug, Default)]
pub(in crate::verdict) struct Levels(Vec<Level>);

#[derive(Debug, Default)]
struct Level {
    /// For the rounds of decoding of a leaf.
    buffers: Buffers,
    /// For the leaves in it.
    scratch: Scratch,
}

/// Longer values are decoded in pieces of this length, in bytes, so that memory is bounded.
pub(in crate::verdict) const PIECE: usize = 64 * 1024;

/// What neighbouring pieces share: an attack that spans more is found in its parts, or in the value as it stands.
const OVERLAP: usize = 1024;

/// The rounds of all values of a message together, and the structures in them, may be this many times as long as the
/// message, and so many bytes more.
const MAX_DECODED_RATIO: usize = 5;
const MAX_DECODED_BYTES_MORE: usize = 2 * 1024;

/// Beyond this many bytes of a message the rounds between the first and the last of a value are not judged.
pub(super) const MAX_BETWEEN_BYTES: usize = 64 * 1024;

/// How many bytes may be decoded of a message of this length.
pub(super) const fn decodable(len: usize) -> usize {
    len.saturating_mul(MAX_DECODED_RATIO).saturating_add(MAX_DECODED_BYTES_MORE)
}

impl Levels {
    /// Approximate memory in bytes.
    pub(in crate::verdict) fn buffered_bytes(&self) -> usize {
        self.0.iter().map(Level::buffered_bytes).sum()
    }

    /// Gives back what a long message needed.
    pub(in crate::verdict) fn shrink(&mut self) {
        self.0.iter_mut().for_each(Level::shrink);
    }

    /// What a value in so many strings is decoded with.
    fn at(&mut self, nested: usize) -> &mut Level {
        if self.0.len() <= nested {
            self.0.resize_with(nested + 1, Level::default);
        }
        &mut self.0[nested]
    }
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

/// What a first look at a value says.
#[derive(Clone, Copy, Debug)]
struct First {
    gate: Option<Gate>,
    /// Whether it may be encoded.
    encoded: bool,
}

impl First {
    /// `None` if there is nothing to judge.
    fn look(value: &[u8], bytes: ByteSet) -> Option<Self> {
        let gate = Gate::of(value, bytes);
        let encoded = decode::may_change(value, bytes);
        (gate.is_some() || encoded).then_some(Self { gate, encoded })
    }
}

/// How a leaf was reached.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::verdict) struct Reached {
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
        self.court.hear(&leaf, self.reached)
    }

    // Any string may look a little like JSON or XML.
    fn anomaly(&mut self, _: Anomaly, _: &[u8], _: Place<'_>) {}
}

impl Court<'_> {
    pub(super) fn hear(&mut self, leaf: &Leaf<'_>, reached: Reached) -> ControlFlow<()> {
        if leaf.repeated && self.found == 0 {
            return ControlFlow::Continue(());
        }
        let (bytes, kinds) = match decode::without_noise(leaf.value, leaf.bytes) {
            Some(head) => (head, ByteSet::of(head)),
            None => (leaf.value, leaf.bytes),
        };
        match First::look(bytes, kinds) {
            Some(first) => self.hear_leaf(leaf, bytes, kinds, first, reached),
            None => ControlFlow::Continue(()),
        }
    }

    /// Judges a leaf of which there is something to judge.
    #[inline(never)]
    fn hear_leaf(
        &mut self,
        leaf: &Leaf<'_>,
        bytes: &[u8],
        kinds: ByteSet,
        first: First,
        reached: Reached,
    ) -> ControlFlow<()> {
        let is_operator = leaf.kind == Kind::Key && bytes.first() == Some(&b'$');
        let value = Value {
            bytes,
            kinds,
            is_plain_url: false,
            kind: leaf.kind,
            origin: Origin::Message,
            name: leaf.name,
            layers: reached.layers,
            nested: leaf.nested,
            parent: if is_operator { leaf.place.parent() } else { None },
        };
        self.hear_looked_at(&value, first, kinds, leaf.place, reached)
    }

    /// Judges one value, whose kinds of bytes are `bytes`, as it stands and decoded.
    pub(in crate::verdict) fn hear_value(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let Some(first) = First::look(value.bytes, bytes) else { return ControlFlow::Continue(()) };
        self.hear_looked_at(value, first, bytes, place, reached)
    }

    /// Counts a value that is looked at, and returns whether it may be.
    pub(super) fn count(&mut self) -> ControlFlow<(), bool> {
        self.looked_at += 1;
        self.leaf = self.looked_at;
        if self.looked_at <= self.settings.limits.max_leaves {
            return ControlFlow::Continue(true);
        }
        self.too_much(Place::ROOT);
        // Rules may still ask about the values.
        if self.trial.is_some() { ControlFlow::Continue(false) } else { ControlFlow::Break(()) }
    }

    fn hear_looked_at(
        &mut self,
        value: &Value<'_>,
        first: First,
        bytes: ByteSet,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let First { gate, encoded } = first;
        if reached.nested == 0 && !self.count()? {
            return ControlFlow::Continue(());
        }
        self.open = 0;
        // The walk through the message has looked into what is not a string in it.
        let format = nested(value.bytes, bytes).filter(|_| value.kind != Kind::Whole);
        if let Some(gate) = gate
            && self.judge_with(value, gate, format, place, reached)?
        {
            return ControlFlow::Continue(());
        }
        if encoded { self.decode(value, bytes, format, place, reached) } else { ControlFlow::Continue(()) }
    }

    /// Judges a value and the leaves of the structure that it holds, if it holds one; returns whether nothing is in it
    /// but these.
    fn judge_with(
        &mut self,
        value: &Value<'_>,
        gate: Gate,
        format: Option<Format>,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<(), bool> {
        let encoded = format.filter(|format| format.is_encoded(value.bytes));
        if let Some(format) = encoded
            && self.look_inside(value, format, place, reached)?
        {
            return ControlFlow::Continue(true);
        }
        self.ask(value, gate, place)?;
        if let Some(format) = format.filter(|_| encoded.is_none()) {
            self.look_inside(value, format, place, reached)?;
        }
        ControlFlow::Continue(false)
    }

    /// Judges the leaves of the structure that a value holds; returns whether they are all that it holds.
    fn look_inside(
        &mut self,
        value: &Value<'_>,
        format: Format,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<(), bool> {
        if reached.nested == MAX_NESTED {
            self.layer_left_out(place);
            return ControlFlow::Continue(false);
        }
        let Some(decodable) = self.decodable.checked_sub(value.bytes.len()) else {
            self.too_much(place);
            return ControlFlow::Continue(false);
        };
        let mut scratch = std::mem::take(&mut self.levels.at(reached.nested).scratch);
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
        self.levels.at(reached.nested).scratch = scratch;
        decided
    }

    /// Judges what the rounds of decoding make of a value in which the leaves of a structure were judged.
    fn decode(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        seen: Option<Format>,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let mut buffers = std::mem::take(&mut self.levels.at(reached.nested).buffers);
        let mut rest = value.bytes;
        let decided = loop {
            let piece = rest.get(..PIECE).unwrap_or(rest);
            let piece_of = Value { bytes: piece, ..*value };
            let decided = self.rounds(&piece_of, bytes, seen, place, reached, &mut buffers);
            if decided.is_break() || piece.len() == rest.len() {
                break decided;
            }
            rest = rest.get(PIECE - OVERLAP..).unwrap_or_default();
        };
        self.levels.at(reached.nested).buffers = buffers;
        decided
    }

    /// Judges each round of a piece.
    fn rounds(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        seen: Option<Format>,
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
                self.too_much(place);
                break;
            };
            self.decodable = decodable;
            if due {
                self.layer_left_out(place);
            }
            std::mem::swap(newest, other);
            changed = true;
            reached.rounds += 1;
            kinds = ByteSet::of(newest);
            let between = self.between.checked_sub(newest.len());
            due = between.is_none();
            if let Some(between) = between {
                self.between = between;
                self.judge(&Value { bytes: newest, layers, ..*value }, kinds, seen, place, reached)?;
            }
        }
        let Buffers { newest, other } = buffers;
        let decoded = if changed { newest.as_slice() } else { value.bytes };
        if due {
            self.judge(&Value { bytes: decoded, layers, ..*value }, kinds, seen, place, reached)?;
        }
        if decode::may_be_form(bytes) {
            other.clear();
            other.extend_from_slice(decoded);
            decode::plus_to_blank(other, &mut layers);
            let kinds = ByteSet::of(other);
            self.judge(&Value { bytes: other, layers, ..*value }, kinds, seen, place, reached)?;
        }
        ControlFlow::Continue(())
    }

    fn judge(
        &mut self,
        value: &Value<'_>,
        bytes: ByteSet,
        seen: Option<Format>,
        place: Place<'_>,
        reached: Reached,
    ) -> ControlFlow<()> {
        let Some(gate) = Gate::of_decoded(value.bytes, bytes) else { return ControlFlow::Continue(()) };
        // What is encoded in a structure that was seen was decoded in its leaves.
        let format = nested(value.bytes, bytes).filter(|format| Some(*format) != seen);
        let reached = Reached { layers: value.layers, ..reached };
        self.judge_with(value, gate, format, place, reached).map_continue(|_| ())
    }
}
