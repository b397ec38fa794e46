//! Finds the literals of all detectors in one pass over a value.

use std::{ops::Range, sync::LazyLock};

use super::bits;
use crate::{
    byte_set::ByteSet,
    detect::{DETECTORS, Signal, prose::is_within_prose},
    lanes::{LANES, Lanes, Mask},
};

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
/// One begins at a sign, at a digit, or at the first letter of a word, and hardly at any of these: a bit for the bytes
/// from there on tells. An automaton over all of a value would wait for memory instead, because it is large.
pub(super) struct Literals {
    /// A bit for each [`slot`] of the first four bytes of a literal, and of all of a shorter one.
    begins: Box<Slots>,
    /// For each first byte, folded, whether literals of two bytes ([`PAIR`]) and of three ([`THREE`]) begin with it.
    short: [u8; 256],
    /// All literals in the order of their [`bucket`]s.
    literals: Vec<Literal>,
    /// Where each bucket begins, and the end of the last.
    buckets: Vec<u16>,
    /// [`SPOKEN`] as bits.
    spoken: u32,
}

#[derive(Clone, Copy, Debug)]
struct Literal {
    /// Its first eight bytes, folded, and which of them there are.
    front: u64,
    mask: u64,
    text: &'static str,
    /// The detector that asked for it.
    detector: u32,
}

static ALL: LazyLock<Literals> = LazyLock::new(|| Literals::made_of(ByteSet::default().others()));

/// Two thirds of the literals have one of the other kinds of bytes, most values have none.
const PLAIN: ByteSet = ByteSet::PAREN
    .and(ByteSet::SLASH)
    .and(ByteSet::BRACE)
    .and(ByteSet::BRACKET)
    .and(ByteSet::DOLLAR)
    .and(ByteSet::HASH)
    .and(ByteSet::BREAK)
    .others();

static OF_PLAIN: LazyLock<Literals> = LazyLock::new(|| Literals::made_of(PLAIN));

const SLOTS: usize = 1 << 16;

/// A bit for each slot.
type Slots = [u64; SLOTS / 64];

/// Makes a capital letter of ASCII a small one; mixes up some other bytes.
const FOLD: u8 = 0x20;

/// The only byte beyond ASCII that a literal begins with: the first of typographic quotes.
const QUOTES: u8 = 0xe2;

/// Where the bit for some bytes is, the first of them in the lowest byte of `window`.
const fn slot(window: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// The first bytes of a literal or of what may be one.
const fn window(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | u32::from_le_bytes([FOLD; 4])
}

/// That a literal of two bytes, or of three, begins with a byte.
const PAIR: u8 = 1;
const THREE: u8 = 2;

/// The first of them: two or three.
const fn first(window: u32, len: usize) -> u32 {
    window & ((1 << (8 * len)) - 1)
}

/// How many buckets there are for literals.
const BUCKETS: usize = 1 << 12;

/// The bucket of literals that begin with this window; shorter ones are in that of what they are.
const fn bucket(window: u32) -> usize {
    slot(window) % BUCKETS
}

/// The first eight bytes, folded, with zeros behind the last.
fn front(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight) | u64::from_le_bytes([FOLD; 8]),
        None => bytes.iter().rev().fold(0, |front, byte| front << 8 | u64::from(byte | FOLD)),
    }
}

fn set(slots: &mut Slots, window: u32) {
    slots[slot(window) / 64] |= 1 << (slot(window) % 64);
}

fn is_set(slots: &Slots, window: u32) -> bool {
    slots[slot(window) / 64] >> (slot(window) % 64) & 1 != 0
}

/// What is looked at at once, and the bytes behind it that the last windows in it reach to.
const BLOCK: usize = LANES + 4;

/// Where literals may begin among the first bytes of a block, and whether the last of these is a letter: the next
/// begins no word then.
fn beginnings(block: &[u8; BLOCK], within_word: Mask) -> (Mask, Mask) {
    let Some(lanes) = block.first_chunk().map(Lanes::of) else { return (0, 0) };
    let letters = lanes.letters();
    let within = letters & (letters << 1 | within_word);
    let others = lanes.are(b' ') | (lanes.high() & !lanes.are(QUOTES));
    (!(within | others) & 0xffff, letters >> (LANES - 1))
}

impl Literals {
    /// Whose literals are in `value`, which is made of these kinds of bytes.
    pub(super) fn within(value: &[u8], bytes: ByteSet) -> Hits {
        let literals = if bytes.has_any(PLAIN.others()) { &ALL } else { &OF_PLAIN };
        literals.of(value)
    }

    /// The literals that have no other kinds of bytes than these.
    fn made_of(kinds: ByteSet) -> Self {
        let mut begins = Box::new([0; SLOTS / 64]);
        let mut short = [0; 256];
        let mut literals = Vec::new();
        for (index, detector) in DETECTORS.iter().enumerate() {
            for text in detector.literals() {
                if ByteSet::of(text.as_bytes()).has_any(kinds.others()) {
                    continue;
                }
                let (key, kind) = match *text.as_bytes() {
                    [a, b, c, d, ..] => (window([a, b, c, d]), 0),
                    [a, b, c] => (first(window([a, b, c, 0]), 3), THREE),
                    [a, b] => (first(window([a, b, 0, 0]), 2), PAIR),
                    [_] | [] => continue,
                };
                set(&mut begins, key);
                short[(key & 0xff) as usize] |= kind;
                let mask = u64::MAX >> (64 - 8 * text.len().min(8));
                let front = front(text.as_bytes()) & mask;
                literals.push((bucket(key), Literal { front, mask, text, detector: 1 << index }));
            }
        }
        literals.sort_by_key(|(bucket, _)| *bucket);
        let buckets = (0..=BUCKETS).map(|bucket| literals.partition_point(|(of, _)| *of < bucket) as u16);
        Self {
            begins,
            short,
            buckets: buckets.collect(),
            literals: literals.into_iter().map(|(_, literal)| literal).collect(),
            spoken: bits(&SPOKEN),
        }
    }

    /// Whose literals are in `value`.
    fn of(&self, value: &[u8]) -> Hits {
        let mut found = Hits::default();
        let mut within_word = 0;
        let mut start = 0;
        while let Some(block) = value.get(start..).and_then(|rest| rest.first_chunk()) {
            within_word = self.of_block(value, start, block, within_word, &mut found);
            start += LANES;
        }
        while let Some(rest) = value.get(start..).filter(|rest| !rest.is_empty()) {
            // Behind the end are blanks, where nothing begins.
            let mut block = [b' '; BLOCK];
            block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            within_word = self.of_block(value, start, &block, within_word, &mut found);
            start += LANES;
        }
        found
    }

    /// Looks at the block of a value that begins at `start`.
    #[inline(always)]
    fn of_block(
        &self,
        value: &[u8],
        start: usize,
        block: &[u8; BLOCK],
        within_word: Mask,
        found: &mut Hits,
    ) -> Mask {
        let (mut begins, within_word) = beginnings(block, within_word);
        while begins != 0 {
            // Never more, which the compiler cannot know.
            let at = begins.trailing_zeros() as usize % LANES;
            begins &= begins - 1;
            let window = window([block[at], block[at + 1], block[at + 2], block[at + 3]]);
            if self.may_begin(window) {
                self.beginning(value, start + at, window, found);
            }
        }
        within_word
    }

    /// Whether a literal may begin with these bytes.
    fn may_begin(&self, window: u32) -> bool {
        is_set(&self.begins, window) || self.may_begin_short(window, 3) || self.may_begin_short(window, 2)
    }

    /// Whether they may be, or begin with, a literal of two or three bytes.
    fn may_begin_short(&self, window: u32, len: usize) -> bool {
        let kind = if len == 2 { PAIR } else { THREE };
        self.short[(window & 0xff) as usize] & kind != 0 && is_set(&self.begins, first(window, len))
    }

    /// Adds the detectors whose literals stand at `start`, where these bytes are.
    #[inline(never)]
    fn beginning(&self, value: &[u8], start: usize, window: u32, found: &mut Hits) {
        let rest = value.get(start..).unwrap_or_default();
        let here = front(rest);
        let mut look = |key: u32| {
            let bucket = bucket(key);
            let (from, to) = (usize::from(self.buckets[bucket]), usize::from(self.buckets[bucket + 1]));
            for literal in self.literals.get(from..to).unwrap_or_default() {
                if (here ^ literal.front) & literal.mask == 0
                    && let Some(text) = rest.get(..literal.text.len())
                    && text.eq_ignore_ascii_case(literal.text.as_bytes())
                {
                    self.found(value, start..start + text.len(), literal.detector, found);
                }
            }
        };
        if is_set(&self.begins, window) {
            look(window);
        }
        for len in [3, 2] {
            if self.may_begin_short(window, len) {
                look(first(window, len));
            }
        }
    }

    /// Adds a detector whose literal stands there.
    fn found(&self, value: &[u8], at: Range<usize>, detector: u32, found: &mut Hits) {
        let is_known = found.firm & detector != 0;
        let is_spoken = detector & self.spoken != 0 && value.len() >= SENTENCES;
        if !is_known && is_spoken && is_within_prose(value, at) {
            found.words |= detector;
        } else {
            found.firm |= detector;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_lower_case_and_begin_where_they_are_looked_for() {
        assert!(DETECTORS.len() <= 32);
        for detector in DETECTORS {
            for literal in detector.literals() {
                let first = literal.as_bytes()[0];
                assert!(
                    literal.len() > 1
                        && first != b' '
                        && (first.is_ascii() || first == QUOTES)
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
                for before in ["", "..", "1", "a ", "16;bytes=are&over;", "(a[b{c "] {
                    let value = format!("{before}{}y", literal.to_uppercase());
                    let bytes = ByteSet::of(value.as_bytes());
                    assert!(
                        Literals::within(value.as_bytes(), bytes).firm & 1 << index != 0,
                        "{}: {value}",
                        detector.signal()
                    );
                }
            }
        }
        for literals in [&ALL, &OF_PLAIN] {
            assert_eq!(literals.of(b"plain old words, no more"), Hits::default());
        }
    }
}
