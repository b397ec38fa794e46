//! Decides in one pass over a value which detectors are asked about it.

use std::sync::LazyLock;

use aho_corasick::{
    Anchored, MatchKind,
    automaton::Automaton,
    nfa::contiguous::{self, NFA},
};

use crate::{
    byte_set::ByteSet,
    detect::{
        DETECTORS, Detector, Signal,
        prose::{is_within_prose, without_prose},
    },
};

/// Shorter values cannot hold an attack.
const SHORTEST: usize = 3;

/// About values of nothing but these only those are asked whose literals are in them.
const WORDS: ByteSet =
    ByteSet::LETTER.and(ByteSet::PLAIN).and(ByteSet::HIGH).and(ByteSet::SPACE).and(ByteSet::DIGIT);

/// In a value that stands so in the message these change nothing: times, numbers of phones, UUIDs, e-mail addresses.
const QUIET: ByteSet = WORDS
    .and(ByteSet::MINUS)
    .and(ByteSet::COLON)
    .and(ByteSet::AT)
    .and(ByteSet::PLUS)
    .and(ByteSet::HASH)
    .and(ByteSet::STAR);

/// What is known about a value before a detector looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    /// The kinds of bytes in it, but for those of [prose](without_prose).
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
        let bytes = without_padding(value, bytes);
        Self::new(value, bytes, QUIET)
    }

    /// The same for a value that does not stand so in the message.
    pub(crate) fn of_decoded(value: &[u8], bytes: ByteSet) -> Option<Self> {
        Some(Self { decoded: true, ..Self::new(value, bytes, WORDS.without(ByteSet::HIGH))? })
    }

    fn new(value: &[u8], bytes: ByteSet, quiet: ByteSet) -> Option<Self> {
        if value.len() < SHORTEST {
            return None;
        }
        let Hits { firm, words } = LITERALS.of(value);
        if firm | words == 0 && !bytes.has_any(quiet.others()) {
            return None;
        }
        let bytes = without_prose(value, bytes);
        let literals = if bytes.has_any(REACHING) || value.len() < LONG { firm | words } else { firm };
        Some(Self { bytes, len: value.len(), decoded: false, literals, asked: 0 })
    }

    /// Whether a literal of the detector that is asked is in the value.
    pub(crate) const fn has_literal(&self) -> bool {
        self.literals & self.asked != 0
    }

    /// The detectors to ask.
    pub(crate) fn detectors(mut self) -> impl Iterator<Item = (usize, &'static dyn Detector)> {
        let mut rest = self.literals | LITERALS.anyway;
        std::iter::from_fn(move || {
            while rest != 0 {
                let index = rest.trailing_zeros();
                rest &= rest - 1;
                self.asked = 1 << index;
                let index = index as usize;
                if let Some(detector) = DETECTORS.get(index)
                    && detector.applies(&self)
                {
                    return Some((index, *detector));
                }
            }
            None
        })
    }
}

/// The kinds of bytes without the `=` at the end of base64, which is no operator.
fn without_padding(value: &[u8], bytes: ByteSet) -> ByteSet {
    const BASE64: ByteSet = ByteSet::LETTER.and(ByteSet::DIGIT).and(ByteSet::EQUALS);
    if bytes.has_any(ByteSet::EQUALS)
        && !bytes.has_any(BASE64.others())
        && value.len().is_multiple_of(4)
        && let Some(first) = memchr::memchr(b'=', value)
        && value.len() - first <= 2
        && value.ends_with(b"=")
    {
        return ByteSet::LETTER.and(ByteSet::DIGIT);
    }
    bytes
}

/// Those that have words for literals which prose has, too.
const SPOKEN: [Signal; 2] = [Signal::Sqli, Signal::Xss];

/// In a value with one of these, or in a shorter one, words are literals wherever they stand: strings and comments
/// reach far.
const REACHING: ByteSet = ByteSet::QUOTE
    .and(ByteSet::DOUBLE_QUOTE)
    .and(ByteSet::BACKTICK)
    .and(ByteSet::EQUALS)
    .and(ByteSet::LESS)
    .and(ByteSet::STAR)
    .and(ByteSet::BACKSLASH)
    .and(ByteSet::NUL)
    .and(ByteSet::CONTROL);
const LONG: usize = 256;

/// The detectors, as bits, whose literals are in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hits {
    firm: u32,
    /// Of those that are only words within prose.
    words: u32,
}

/// Those whose [`applies`](Detector::applies) says yes without a literal, too: the others need not be asked.
const ANYWAY: [Signal; 11] = [
    Signal::DoubleEncoding,
    Signal::NotUtf8,
    Signal::NullByte,
    Signal::Sqli,
    Signal::Traversal,
    Signal::Xss,
    Signal::Ssti,
    Signal::CmdExe,
    Signal::CodeInjection,
    Signal::Deserialization,
    Signal::GraphqlDepth,
];

/// The literals of all detectors.
///
/// A literal begins hardly anywhere, which a bit for the next three bytes tells; an automaton over all of a value
/// would wait for memory instead, because it is large.
struct Literals {
    /// A bit for each [`slot`] of the first three bytes of a literal.
    begins: Box<Slots>,
    /// The same for the first four, to look at only where two letters or digits begin one.
    goes_on: Box<Slots>,
    nfa: NFA,
    /// For each literal the detector that asked for it, as a bit, and its length.
    detectors: Vec<(u32, usize)>,
    /// [`SPOKEN`] as bits.
    spoken: u32,
    /// [`ANYWAY`] as bits.
    anyway: u32,
}

static LITERALS: LazyLock<Literals> = LazyLock::new(Literals::new);

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
        let bits = |signals: &[Signal]| {
            let of_them = DETECTORS.iter().enumerate().filter(|(_, it)| signals.contains(&it.signal()));
            of_them.fold(0, |bits, (index, _)| bits | 1 << index)
        };
        let (anyway, spoken) = (bits(&ANYWAY), bits(&SPOKEN));
        Self { begins, goes_on, nfa, detectors, spoken, anyway }
    }

    fn of(&self, value: &[u8]) -> Hits {
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
                    if bit & self.spoken & !found.firm != 0 && is_within_prose(value, at + 1 - len..at + 1) {
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
    fn only_those_who_say_so_are_asked_without_a_literal() {
        let examples = DETECTORS.iter().flat_map(|detector| {
            let examples = detector.examples();
            examples.found.iter().chain(examples.passed)
        });
        for example in examples {
            let bytes = ByteSet::of(example.as_bytes());
            let gate = Gate { bytes, len: example.len(), decoded: false, literals: 0, asked: 0 };
            for gate in [gate, Gate { decoded: true, ..gate }] {
                for detector in DETECTORS.iter().filter(|detector| detector.applies(&gate)) {
                    assert!(ANYWAY.contains(&detector.signal()), "{}: {example}", detector.signal());
                }
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

    #[test]
    fn nobody_is_asked_about_quiet_bytes() {
        let without_blank = QUIET.others().and(ByteSet::SPACE).others();
        for (bytes, len) in
            [QUIET, without_blank].into_iter().flat_map(|bytes| [8, 64, 5000].map(|len| (bytes, len)))
        {
            let gate = Gate { bytes, len, decoded: false, literals: 0, asked: 0 };
            assert!(!DETECTORS.iter().any(|detector| detector.applies(&gate)), "{len}");
        }
        for quiet in
            ["2026-11-22T10:15:30Z", "ann@a-b", "0f8fad5b-d9cb-469f-a165-70867728950e", "MDEwOlJlcG8="]
        {
            assert!(Gate::of(quiet.as_bytes(), ByteSet::of(quiet.as_bytes())).is_none(), "{quiet}");
        }
    }
}
