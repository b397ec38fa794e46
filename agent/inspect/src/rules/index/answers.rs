//! Which questions were answered with yes.

use super::Bit;
use crate::rules::text_map::TextMap;

/// Questions, answered or not.
#[derive(Debug, Default)]
pub(in crate::rules) struct Answers {
    bits: Vec<u64>,
    /// Those that are set.
    yes: Vec<Bit>,
    /// Literals seen in the current value are those with the current stamp.
    stamps: Vec<u32>,
    stamp: u32,
    lower: Vec<u8>,
}

impl Answers {
    /// Forgets everything; there are so many questions and literals.
    pub(in crate::rules) fn reset(&mut self, bits: usize, literals: usize) {
        let words = bits.div_ceil(64);
        if self.bits.len() != words || self.stamps.len() != literals {
            self.bits = vec![0; words];
            self.stamps = vec![0; literals];
            self.stamp = 0;
            self.yes.clear();
        }
        for bit in self.yes.drain(..) {
            if let Some(word) = self.bits.get_mut(bit as usize / 64) {
                *word = 0;
            }
        }
    }

    pub(in crate::rules) fn set(&mut self, bit: Bit) {
        if let Some(word) = self.bits.get_mut(bit as usize / 64) {
            let mask = 1 << (bit % 64);
            if *word & mask == 0 {
                *word |= mask;
                self.yes.push(bit);
            }
        }
    }

    /// Sets those of the key that a text is in lower case.
    pub(super) fn look_up(&mut self, folded: &TextMap<Vec<Bit>>, text: &[u8]) {
        let mut lower = std::mem::take(&mut self.lower);
        for bit in folded.get_folded(text, &mut lower).into_iter().flatten() {
            self.set(*bit);
        }
        self.lower = lower;
    }

    pub(in crate::rules) fn is_set(&self, bit: Bit) -> bool {
        self.bits.get(bit as usize / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// The questions that were answered with yes, in the order of the answers.
    pub(in crate::rules) fn yes(&self) -> &[Bit] {
        &self.yes
    }

    pub(in crate::rules) fn into_bits(self) -> Box<[u64]> {
        self.bits.into()
    }

    /// Memory for text in lower case.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.lower
    }

    pub(super) fn next_value(&mut self) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.stamp = 1;
        }
    }

    /// Whether the literal was not seen in this value before.
    pub(super) fn first_seen(&mut self, literal: usize) -> bool {
        let Some(stamp) = self.stamps.get_mut(literal) else { return false };
        let first = *stamp != self.stamp;
        *stamp = self.stamp;
        first
    }
}
