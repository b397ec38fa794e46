//! Finds the literals of all detectors in one pass over a value.

use std::sync::LazyLock;

use super::bits;
use crate::detect::{DETECTORS, Signal, prose::is_within_prose};

/// Those that have words for literals which prose has, too.
const SPOKEN: [Signal; 2] = [Signal::Sqli, Signal::Xss];

/// In shorter values, in bytes, words are no prose.
const SENTENCES: usize = 96;

/// The detectors, as bits, whose literals are in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub(super) firm: u32,
    /// Of those that are only words within prose.
    pub(super) words: u32,
}

/// The literals of all detectors.
///
/// A literal begins hardly anywhere, which the first three bytes tell; an automaton over all of a value would wait for
/// memory instead, because it is large.
pub(super) struct Literals {
    /// For each [`slot`] of two bytes a bit for each byte (modulo 32) that comes third in a literal.
    thirds: Box<[u32; SLOTS]>,
    /// Of each four bytes that a literal of three or more may begin with a bit.
    fours: Box<[u64; FOURS / 64]>,
    /// For each slot of four bytes the number of the last literal that begins so, counted from 1; 0 is none. The same of
    /// the literals of three bytes and of two, which are few.
    last: [Box<[u16; SLOTS]>; 3],
    all: Vec<Literal>,
    /// [`SPOKEN`] as bits.
    spoken: u32,
}

struct Literal {
    text: &'static [u8],
    /// The detector that asked for it, as a bit.
    detector: u32,
    /// Its first bytes as a [`window`].
    begin: u32,
    /// The number of another literal that begins in the same slot, counted from 1; 0 is none.
    before: u16,
}

pub(super) static LITERALS: LazyLock<Literals> = LazyLock::new(Literals::new);

/// Of the table that is looked at for each byte: it stays in the nearest cache.
const SLOTS: usize = 1 << 11;

/// How many windows of three bytes are in eight bytes.
const WITHIN_EIGHT: usize = 6;

/// Makes a capital letter of ASCII a small one; mixes up some other bytes.
const FOLD: u8 = 0x20;

/// The first bytes of a literal or of what may be one.
const fn window(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | u32::from_le_bytes([FOLD; 4])
}

/// Where the bytes of a window, or some of them, are looked up.
const fn slot(window: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> 21) as usize
}

/// Eight bytes at most, the first of them lowest.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The first two bytes of a window.
const fn two(window: u32) -> u32 {
    window & 0xffff
}

/// Bits for four bytes.
const FOURS: usize = 1 << 16;

/// Where the bit for the four bytes of a window is.
const fn four(window: u32) -> (usize, u64) {
    let slot = window.wrapping_mul(0x9e37_79b1) >> 16;
    ((slot / 64) as usize, 1 << (slot % 64))
}

/// Of how many bytes the literals of each table in [`Literals::last`] are known.
const MASKS: [u32; 3] = [u32::MAX, 0xff_ffff, 0xffff];

/// The bit for the third byte of a window.
const fn third(window: u32) -> u32 {
    1 << (window >> 16 & 31)
}

impl Literals {
    fn new() -> Self {
        let mut literals = Self {
            thirds: Box::new([0; SLOTS]),
            fours: Box::new([0; FOURS / 64]),
            last: std::array::from_fn(|_| Box::new([0; SLOTS])),
            all: Vec::new(),
            spoken: bits(&SPOKEN),
        };
        for (index, detector) in DETECTORS.iter().enumerate() {
            for literal in detector.literals() {
                literals.add(literal.as_bytes(), 1 << index);
            }
        }
        literals
    }

    fn add(&mut self, text: &'static [u8], detector: u32) {
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        let begin = window(bytes);
        let table = 4_usize.saturating_sub(text.len()).min(2);
        let begin = begin & MASKS[table];
        self.thirds[slot(two(begin))] |= if text.len() > 2 { third(begin) } else { u32::MAX };
        match table {
            0 => self.add_four(begin),
            1 => {
                (0..=u8::MAX).for_each(|fourth| self.add_four(begin | window([0, 0, 0, fourth]) & !MASKS[1]))
            }
            _ => {}
        }
        let last = &mut self.last[table][slot(begin)];
        self.all.push(Literal { text, detector, begin, before: *last });
        *last = u16::try_from(self.all.len()).expect("the literals are few, and tests build this");
    }

    fn add_four(&mut self, window: u32) {
        let (index, bit) = four(window);
        self.fours[index] |= bit;
    }

    /// Whose literals are in `value`.
    pub(super) fn of(&self, value: &[u8]) -> Hits {
        let mut found = Hits::default();
        let mut start = 0;
        while let Some(eight) = value.get(start..).and_then(|rest| rest.first_chunk()) {
            self.within(u64::from_le_bytes(*eight), WITHIN_EIGHT, value, start, &mut found);
            start += WITHIN_EIGHT;
        }
        // Seven bytes at most are left: the shortest literals have two.
        let left = value.len() - start;
        let rest = match value.last_chunk() {
            Some(eight) if left > 0 => u64::from_le_bytes(*eight) >> (8 * (8 - left)),
            _ => little_endian(value.get(start..).unwrap_or_default()),
        };
        self.within(rest, left.saturating_sub(1), value, start, &mut found);
        found
    }

    /// Adds the detectors whose literals begin at one of the `count` bytes from `start` on, at most [`WITHIN_EIGHT`].
    #[inline(always)]
    fn within(&self, eight: u64, count: usize, value: &[u8], start: usize, found: &mut Hits) {
        let eight = eight | u64::from_le_bytes([FOLD; 8]);
        let mut begins = 0;
        for nth in 0..count {
            begins |= self.begins((eight >> (8 * nth)) as u32) << nth;
        }
        while begins != 0 {
            self.beginning(value, start + begins.trailing_zeros() as usize, found);
            begins &= begins - 1;
        }
    }

    /// 1 if a literal may begin with the first three bytes of a window.
    #[inline]
    fn begins(&self, window: u32) -> u32 {
        self.thirds[slot(two(window))] >> (window >> 16 & 31) & 1
    }

    /// Adds the detectors whose literals stand at `start`.
    #[inline]
    fn beginning(&self, value: &[u8], start: usize, found: &mut Hits) {
        let rest = value.get(start..).unwrap_or_default();
        let first = match rest.first_chunk() {
            Some(four) => window(*four),
            None => little_endian(rest) as u32 | window([0; 4]),
        };
        let (index, bit) = four(first);
        if self.fours[index] & bit != 0 || self.last[2][slot(two(first))] != 0 {
            self.known(first, value, start, found);
        }
    }

    /// Adds the detectors whose literals stand at `start` and begin with this window.
    #[inline(never)]
    fn known(&self, first: u32, value: &[u8], start: usize, found: &mut Hits) {
        for (last, mask) in self.last.iter().zip(MASKS) {
            let begin = first & mask;
            let mut number = last[slot(begin)];
            while let Some(literal) = usize::from(number).checked_sub(1).and_then(|at| self.all.get(at)) {
                number = literal.before;
                if literal.begin == begin && found.firm & literal.detector == 0 {
                    self.compare(literal, value, start, found);
                }
            }
        }
    }

    /// Adds the detector of a literal if it stands at `start`.
    fn compare(&self, literal: &Literal, value: &[u8], start: usize, found: &mut Hits) {
        let at = start..start + literal.text.len();
        if !value.get(at.clone()).is_some_and(|text| text.eq_ignore_ascii_case(literal.text)) {
            return;
        }
        if literal.detector & self.spoken != 0 && value.len() >= SENTENCES && is_within_prose(value, at) {
            found.words |= literal.detector;
        } else {
            found.firm |= literal.detector;
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
