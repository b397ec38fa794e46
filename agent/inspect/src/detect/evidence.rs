//! What speaks for an attack, and how much.

use std::ops::Range;

/// How much one observation says.
///
/// The strengths of different observations add up over a message. What sum a signal needs depends on the
/// [`Profile`](crate::Profile); with the default one 5 blocks and 2 tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// Honest text has it now and then (1). Several of it are worth a tag.
    Weak = 1,
    /// Executable syntax that people paste, too: a whole SQL statement, a block of code (2). A tag, never alone a block.
    Tag = 2,
    /// Honest text rarely has it (3). Two of it block.
    Medium = 3,
    /// Honest text does not have it (5).
    Strong = 5,
    /// Nothing but an attack, or a tool that tries one, has it (8).
    Certain = 8,
}

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// What was seen, in a few words: `string closed, then OR`. The same words are the same observation.
    pub(crate) what: &'static str,
    pub(crate) strength: Strength,
    /// Where in the value it stands, in bytes.
    pub(crate) at: Range<usize>,
}

/// What a detector found in one value: at most [`Found::MAX`] different observations.
#[derive(Debug)]
pub(crate) struct Found {
    /// Beyond `len` they mean nothing.
    items: [Evidence; Self::MAX],
    len: usize,
}

impl Default for Found {
    fn default() -> Self {
        const NOTHING: Evidence = Evidence { what: "", strength: Strength::Weak, at: 0..0 };
        Self { items: [NOTHING; Self::MAX], len: 0 }
    }
}

impl Found {
    /// More say nothing that these do not.
    pub(crate) const MAX: usize = 8;

    /// Adds an observation, unless the same was made in this value before.
    pub(crate) fn push(&mut self, what: &'static str, strength: Strength, at: Range<usize>) {
        if self.iter().any(|known| known.what == what) {
            return;
        }
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = Evidence { what, strength, at };
            self.len += 1;
        }
    }

    /// The sum of the strengths.
    pub(crate) fn score(&self) -> u32 {
        self.iter().map(|evidence| evidence.strength as u32).sum()
    }

    /// Whether looking on can change nothing: the value blocks in every profile.
    pub(crate) fn is_certain(&self) -> bool {
        self.score() >= Strength::Certain as u32
    }

    /// How many observations there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Evidence> {
        self.items.iter().take(self.len)
    }

    /// Forgets everything.
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }
}
