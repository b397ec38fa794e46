//! Decides in one pass over a value which detectors are asked about it.

use std::sync::LazyLock;

use aho_corasick::{
    Anchored, MatchKind, StartKind,
    automaton::Automaton,
    dfa::{self, DFA},
};

use crate::{
    byte_set::ByteSet,
    detect::{DETECTORS, Detector},
};

/// Shorter values cannot hold an attack.
const SHORTEST: usize = 3;

/// About values of nothing but these only those are asked whose literals are in them.
const WORDS: ByteSet =
    ByteSet::LETTER.and(ByteSet::PLAIN).and(ByteSet::HIGH).and(ByteSet::SPACE).and(ByteSet::DIGIT);

/// What is known about a value before a detector looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    /// The kinds of bytes in it.
    pub(crate) bytes: ByteSet,
    /// Its length in bytes.
    pub(crate) len: usize,
    /// Whether encodings were undone to reach it.
    pub(crate) decoded: bool,
    /// Bit `n` is set if a literal of detector `n` is in it.
    literals: u32,
    asked: u32,
}

impl Gate {
    /// Looks at a value whose kinds of bytes are known; `None` if nobody is to be asked about it.
    pub(crate) fn of(value: &[u8], bytes: ByteSet) -> Option<Self> {
        if value.len() < SHORTEST {
            return None;
        }
        let literals = LITERALS.of(value);
        if literals == 0 && !bytes.has_any(WORDS.others()) {
            return None;
        }
        Some(Self { bytes, len: value.len(), decoded: false, literals, asked: 0 })
    }

    /// The same for a value that does not stand so in the message.
    pub(crate) const fn decoded(self) -> Self {
        Self { decoded: true, ..self }
    }

    /// Whether a literal of the detector that is asked is in the value.
    pub(crate) const fn has_literal(&self) -> bool {
        self.literals & self.asked != 0
    }

    /// The detectors to ask.
    pub(crate) fn detectors(mut self) -> impl Iterator<Item = (usize, &'static dyn Detector)> {
        DETECTORS.iter().enumerate().filter_map(move |(index, detector)| {
            self.asked = 1 << index;
            detector.applies(&self).then_some((index, *detector))
        })
    }
}

/// The literals of all detectors.
struct Literals {
    dfa: DFA,
    /// For each literal the detectors that asked for it.
    detectors: Vec<u32>,
}

static LITERALS: LazyLock<Literals> = LazyLock::new(Literals::new);

impl Literals {
    fn new() -> Self {
        let of_each = DETECTORS.iter().map(|detector| detector.literals());
        let (literals, detectors): (Vec<_>, Vec<_>) = of_each
            .enumerate()
            .flat_map(|(index, literals)| literals.iter().map(move |literal| (*literal, 1_u32 << index)))
            .unzip();
        let dfa = dfa::Builder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .prefilter(false)
            .build(&literals)
            .expect("the literals are few, and tests build the automaton");
        Self { dfa, detectors }
    }

    fn of(&self, value: &[u8]) -> u32 {
        let mut found = 0;
        let Ok(mut state) = self.dfa.start_state(Anchored::No) else { return u32::MAX };
        for &byte in value {
            state = self.dfa.next_state(Anchored::No, state, byte);
            if self.dfa.is_special(state) && self.dfa.is_match(state) {
                for nth in 0..self.dfa.match_len(state) {
                    let literal = self.dfa.match_pattern(state, nth).as_usize();
                    found |= self.detectors.get(literal).copied().unwrap_or_default();
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_lower_case_and_not_empty() {
        assert!(DETECTORS.len() <= 32);
        for detector in DETECTORS {
            for literal in detector.literals() {
                assert!(
                    !literal.is_empty() && !literal.bytes().any(|byte| byte.is_ascii_uppercase()),
                    "{}: {literal}",
                    detector.signal()
                );
            }
        }
    }
}
