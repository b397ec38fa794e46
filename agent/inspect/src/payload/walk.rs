//! What all formats share while a message is walked through.

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    payload::{
        json::Join,
        leaf::{Anomaly, Kind, Leaf, Level, Place, Visitor},
        repeats::Repeats,
        tree::Open,
    },
};

/// Envelopes within envelopes that are followed (SockJS with STOMP with JSON are three).
const MAX_ENVELOPES: u8 = 4;

/// Memory that is used again from message to message.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    spaces: Vec<Space>,
}

/// What the walk through one structure writes to.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// The value of the leaf that is shown, unless it stands in the message as it is.
    pub(super) decoded: Vec<u8>,
    /// The short strings of the arrays that are open.
    pub(super) joined: Vec<u8>,
    pub(super) joins: Vec<Join>,
    pub(super) levels: Vec<Level>,
    /// The maps and arrays around a leaf.
    pub(super) opens: Vec<Open>,
    /// The strings that were shown.
    pub(super) repeats: Repeats,
}

impl Scratch {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.spaces.iter().map(Space::buffered_bytes).sum()
    }

    /// Gives back what a long message needed.
    pub(crate) fn shrink(&mut self) {
        for space in &mut self.spaces {
            if space.buffered_bytes() > KEPT {
                *space = Space::default();
            }
        }
    }
}

/// Memory that is kept for a structure between messages, in bytes.
const KEPT: usize = 1024;

impl Space {
    fn buffered_bytes(&self) -> usize {
        self.decoded.capacity()
            + self.joined.capacity()
            + self.joins.capacity() * size_of::<Join>()
            + self.levels.capacity() * size_of::<Level>()
            + self.opens.capacity() * size_of::<Open>()
            + self.repeats.buffered_bytes()
    }

    fn clear(&mut self) {
        self.decoded.clear();
        self.joined.clear();
        self.joins.clear();
        self.levels.clear();
        self.opens.clear();
        self.repeats.clear();
    }
}

/// A walk through one message.
pub(super) struct Walk<'w> {
    scratch: &'w mut Scratch,
    visitor: &'w mut dyn Visitor,
    /// How deep structures are followed.
    pub(super) max_depth: usize,
    /// Not only the beginning of the message, so that an end that is missing means something.
    pub(super) whole: bool,
    nested: bool,
    envelopes: u8,
    /// Whether the visitor wants to hear of values.
    tells: bool,
}

impl<'w> Walk<'w> {
    pub(super) fn new(
        scratch: &'w mut Scratch,
        visitor: &'w mut dyn Visitor,
        max_depth: usize,
        whole: bool,
    ) -> Self {
        let tells = visitor.wants_values();
        Self { scratch, visitor, max_depth, whole, nested: false, envelopes: MAX_ENVELOPES, tells }
    }

    /// From here on it is about what a string of the message holds.
    pub(super) fn nested(self) -> Self {
        Self { nested: true, ..self }
    }

    /// Whether this is about what a string of the message holds.
    pub(super) const fn is_nested(&self) -> bool {
        self.nested
    }

    /// Lends memory, which is empty; the caller hands it back with [`give_back`](Self::give_back).
    pub(super) fn space(&mut self) -> Space {
        let mut space = self.scratch.spaces.pop().unwrap_or_default();
        space.clear();
        space
    }

    pub(super) fn give_back(&mut self, space: Space) {
        self.scratch.spaces.push(space);
    }

    /// Follows an envelope within this one, unless there were too many.
    pub(super) fn enter<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.envelopes = self.envelopes.checked_sub(1)?;
        let result = inside(self);
        self.envelopes += 1;
        Some(result)
    }

    /// Shows a leaf whose kinds of bytes are known.
    pub(super) fn show(
        &mut self,
        value: &[u8],
        bytes: ByteSet,
        kind: Kind,
        name: &[u8],
        place: Place<'_>,
    ) -> ControlFlow<()> {
        self.leaf(value, bytes, kind, name, place, false)
    }

    /// The same for one that may have been shown before.
    pub(super) fn leaf(
        &mut self,
        value: &[u8],
        bytes: ByteSet,
        kind: Kind,
        name: &[u8],
        place: Place<'_>,
        repeated: bool,
    ) -> ControlFlow<()> {
        self.visitor.leaf(Leaf { value, bytes, kind, name, nested: self.nested, repeated, place })
    }

    /// Whether a value or a name need not be shown.
    pub(super) fn passes(&mut self, value: &[u8], kind: Kind, name: &[u8]) -> ControlFlow<(), bool> {
        if self.nested { ControlFlow::Continue(false) } else { self.visitor.passes(value, kind, name) }
    }

    /// Whether anybody hears what is [told](Self::tell).
    pub(super) const fn listens(&self) -> bool {
        self.tells && !self.nested
    }

    /// Tells a value that is shown in another form, or not at all.
    #[inline]
    pub(super) fn tell(&mut self, value: &[u8], place: Place<'_>) {
        if self.listens() {
            self.visitor.value(value, place);
        }
    }

    /// Shows a value.
    pub(super) fn text(&mut self, value: &[u8], name: &[u8], place: Place<'_>) -> ControlFlow<()> {
        self.tell(value, place);
        self.show(value, ByteSet::of(value), Kind::Text, name, place)
    }

    /// Shows a name.
    pub(super) fn key(&mut self, name: &[u8], place: Place<'_>) -> ControlFlow<()> {
        self.show(name, ByteSet::of(name), Kind::Key, name, place)
    }

    /// Shows what has no structure, or one that is broken, as it stands.
    pub(super) fn whole(&mut self, value: &[u8], place: Place<'_>) -> ControlFlow<()> {
        self.show(value, ByteSet::of(value), Kind::Whole, b"", place)
    }

    /// Reports something unusual, unless it is about a string, of which nobody says what it should be.
    pub(super) fn anomaly(&mut self, anomaly: Anomaly, value: &[u8], place: Place<'_>) {
        if !self.nested {
            self.visitor.anomaly(anomaly, value, place);
        }
    }
}
