//! Texts that are looked for together, in any case.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// The texts of one detector, found in one pass however many there are.
pub(super) struct LiteralSet(AhoCorasick);

impl LiteralSet {
    /// Prepares to look for texts of ASCII.
    pub(super) fn new(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(texts)
            .expect("the texts are few, and tests build the automaton");
        Self(automaton)
    }

    /// Which texts are in a value and where, also if they overlap.
    pub(super) fn find<'a>(&'a self, value: &'a [u8]) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
        self.0.find_overlapping_iter(value).map(|found| (found.pattern().as_usize(), found.range()))
    }
}
