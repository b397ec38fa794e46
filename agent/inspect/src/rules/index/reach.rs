//! What a value must be for a group of questions to say anything about it, known before anything is read.

use crate::rules::{number::Number, param_path::MAX_DIGITS, text_map::Lengths};

/// Upper bounds of what a value is, which rule out most questions before anything is read.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct Size {
    /// Of the value, the name, the longest name in the path, and the path as text, in bytes.
    value: usize,
    name: usize,
    segment: usize,
    path: usize,
    /// The first byte of the value.
    first: Option<u8>,
}

impl Size {
    /// For a value with these names in its path, from the last outwards; `None` for an index.
    #[inline]
    pub(in crate::rules) fn of<'a>(value: &[u8], names: impl Iterator<Item = Option<&'a [u8]>>) -> Self {
        let (mut name, mut segment, mut path) = (None, 0, 0_usize);
        for step in names {
            let len = step.map(<[u8]>::len);
            name = name.or(len);
            segment = segment.max(len.unwrap_or_default());
            path = path.saturating_add(len.unwrap_or(MAX_DIGITS)).saturating_add(1);
        }
        let name = name.unwrap_or_default();
        Self { value: value.len(), name, segment, path, first: value.first().copied() }
    }
}

/// Whether there may be a question in a group that is answered with yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Interest {
    No,
    /// If a literal is in the value.
    Literals,
    Yes,
}

/// What a value must be for a group to say anything about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Any value will do.
    pub(super) any: bool,
    /// A number.
    pub(super) numbers: bool,
    pub(super) lengths: Lengths,
    /// So long that a literal has room.
    pub(super) value: usize,
    pub(super) name: usize,
    pub(super) segment: usize,
    /// The same for those that may be more than one segment of a path.
    pub(super) path: usize,
}

impl Reach {
    /// The length from which on a name matters; 0 if other things may, too.
    pub(super) fn any_from(&self) -> usize {
        let values = self.any || self.numbers || !self.lengths.are_none() || self.value != usize::MAX;
        if values || self.path != usize::MAX { 0 } else { self.name.min(self.segment) }
    }

    /// Of values that matter.
    pub(super) fn lengths(&self) -> Lengths {
        let names = self.name.min(self.segment).min(self.path);
        if self.any || self.numbers || names != usize::MAX {
            return Lengths::ALL;
        }
        match self.value {
            usize::MAX => self.lengths,
            len => self.lengths.or(Lengths::from(len)),
        }
    }

    #[inline]
    pub(super) fn interest(&self, size: Size) -> Interest {
        if self.any
            || self.lengths.contain(size.value)
            || size.name >= self.name
            || size.segment >= self.segment
            || size.path >= self.path
            || self.numbers && size.first.is_some_and(Number::may_begin)
        {
            return Interest::Yes;
        }
        if size.value >= self.value { Interest::Literals } else { Interest::No }
    }
}
