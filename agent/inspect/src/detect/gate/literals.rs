//! Finds the literals of all detectors in one pass over a value.

use std::sync::LazyLock;

use aho_corasick::{
    Anchored, MatchKind,
    automaton::Automaton,
    nfa::contiguous::{self, NFA},
};

use super::bits;
use crate::detect::{DETECTORS, Signal, prose::is_within_prose};

/// Those that have words for literals which prose has, too.
const SPOKEN: [Signal; 2] = [Signal::Sqli, Signal::Xss];

/// In shorter values, in bytes, words are no prose.
const SENTENCES: usize = 24;

/// The detectors, as bits, whose literals are in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub(super) firm: u32,
    /// Of those that are only words within prose.
    pub(super) words: u32,
}

/// The literals of all detectors.
///
/// A literal begins hardly anywhere, which a bit for the next three bytes tells; an automaton over all of a value
/// would wait for memory instead, because it is large.
pub(super) struct Literals {
    /// A bit for each [`slot`] of the first three bytes of a literal.
    begins: Box<Slots>,
    /// The same for the first four, to look at only where two letters or digits begin one.
    goes_on: Box<Slots>,
    nfa: NFA,
    /// For each literal the detector that asked for it, as a bit, and its length.
    detectors: Vec<(u32, usize)>,
    /// [`SPOKEN`] as bits.
    spoken: u32,
}

pub(super) static LITERALS: LazyLock<Literals> = LazyLock::new(Literals::new);

const SLOTS: usize = 1 << 16;

/// A bit for each slot.
type Slots = [u64; SLOTS / 64];

/// Makes a capital letter of ASCII a small one; mixes up some other bytes.
const FOLD: u8 = 0x20;

/// Where the bit for some bytes is, the first of them in the lowest byte of `window`.
const fn slot(window: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// The first bytes of a literal or of what may be one.
const fn window(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | u32::from_le_bytes([FOLD; 4])
}

/// The same for the first three.
const fn short_window([a, b, c]: [u8; 3]) -> u32 {
    window([a, b, c, 0]) & 0xff_ffff
}

fn set(slots: &mut Slots, window: u32) {
    slots[slot(window) / 64] |= 1 << (slot(window) % 64);
}

fn is_set(slots: &Slots, window: u32) -> bool {
    slots[slot(window) / 64] >> (slot(window) % 64) & 1 != 0
}

impl Literals {
    fn new() -> Self {
        let of_each = DETECTORS.iter().map(|detector| detector.literals());
        let (literals, detectors): (Vec<&str>, Vec<_>) = of_each
            .enumerate()
            .flat_map(|(index, literals)| {
                literals.iter().map(move |literal| (*literal, (1_u32 << index, literal.len())))
            })
            .unzip();
        let nfa = contiguous::Builder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(&literals)
            .expect("the literals are few, and tests build the automaton");
        let mut begins = Box::new([0; SLOTS / 64]);
        let mut goes_on = Box::new([0; SLOTS / 64]);
        for literal in &literals {
            match *literal.as_bytes() {
                [a, b, c, ..] => set(&mut begins, short_window([a, b, c])),
                [a, b] => (0..=u8::MAX).for_each(|c| set(&mut begins, short_window([a, b, c]))),
                [_] | [] => {}
            }
            match *literal.as_bytes() {
                [a, b, c, d, ..] => set(&mut goes_on, window([a, b, c, d])),
                [a, b, c] => (0..=u8::MAX).for_each(|d| set(&mut goes_on, window([a, b, c, d]))),
                _ => {}
            }
        }
        Self { begins, goes_on, nfa, detectors, spoken: bits(&SPOKEN) }
    }

    /// Whose literals are in `value`.
    pub(super) fn of(&self, value: &[u8]) -> Hits {
        let mut found = Hits::default();
        for (start, four) in value.array_windows::<4>().enumerate() {
            if self.may_begin(window(*four)) {
                self.beginning(value, start, &mut found);
            }
        }
        // Those of three bytes and of two at the end.
        if let Some([a, b, c]) = value.last_chunk()
            && self.may_begin(window([*a, *b, *c, 0]))
        {
            self.beginning(value, value.len() - 3, &mut found);
        }
        if let Some([a, b]) = value.last_chunk()
            && self.may_begin(window([*a, *b, 0, 0]))
        {
            self.beginning(value, value.len() - 2, &mut found);
        }
        found
    }

    /// Whether a literal may begin with the four bytes of a window.
    fn may_begin(&self, window: u32) -> bool {
        let [a, b, ..] = window.to_le_bytes();
        is_set(&self.begins, window & 0xff_ffff)
            && !(a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() && !is_set(&self.goes_on, window))
    }

    /// Adds the detectors whose literals stand at `start`, and maybe some for those behind it.
    fn beginning(&self, value: &[u8], start: usize, found: &mut Hits) {
        let Ok(mut state) = self.nfa.start_state(Anchored::Yes) else { return };
        for (at, &byte) in value.iter().enumerate().skip(start) {
            state = self.nfa.next_state(Anchored::Yes, state, byte);
            if !self.nfa.is_special(state) {
                continue;
            }
            if self.nfa.is_dead(state) {
                break;
            }
            if self.nfa.is_match(state) {
                for nth in 0..self.nfa.match_len(state) {
                    let literal = self.nfa.match_pattern(state, nth).as_usize();
                    let (bit, len) = self.detectors.get(literal).copied().unwrap_or_default();
                    let known = found.firm & bit != 0;
                    let is_spoken = bit & self.spoken != 0 && value.len() >= SENTENCES;
                    if !known && is_spoken && is_within_prose(value, at + 1 - len..at + 1) {
                        found.words |= bit;
                    } else {
                        found.firm |= bit;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_lower_case_and_not_empty() {
        assert!(DETECTORS.len() <= 32);
        // Two letters would be found only at the end of a value.
        let is_word =
            |literal: &str| literal.len() < 3 && literal.bytes().all(|byte| byte.is_ascii_alphanumeric());
        for detector in DETECTORS {
            for literal in detector.literals() {
                assert!(
                    literal.len() > 1
                        && !is_word(literal)
                        && !literal.bytes().any(|byte| byte.is_ascii_uppercase()),
                    "{}: {literal}",
                    detector.signal()
                );
            }
        }
    }

    #[test]
    fn literals_are_found_wherever_they_stand_and_in_any_case() {
        for (index, detector) in DETECTORS.iter().enumerate() {
            for literal in detector.literals() {
                for value in
                    [(*literal).to_owned(), format!("..{literal}"), format!("x{}y", literal.to_uppercase())]
                {
                    assert!(
                        LITERALS.of(value.as_bytes()).firm & 1 << index != 0,
                        "{}: {value}",
                        detector.signal()
                    );
                }
            }
        }
        assert_eq!(LITERALS.of("plain old words, no more".as_bytes()), Hits::default());
    }
}
