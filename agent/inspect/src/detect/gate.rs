//! Decides in one pass over a value which detectors are asked about it.

mod literals;

use std::sync::LazyLock;

use crate::{
    byte_set::ByteSet,
    detect::{DETECTORS, Detector, Signal, prose::without_prose},
};
use literals::{Hits, Literals};

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

/// Dots say nothing among the words of a sentence, in bytes up to which nobody counts what stands before a path.
const SENTENCE: usize = 1024;

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
        let literals = Literals::within(value, bytes);
        let is_sentence = bytes.has_any(ByteSet::SPACE) && value.len() <= SENTENCE;
        let quiet = if is_sentence { QUIET.and(ByteSet::DOT) } else { QUIET };
        Self::new(value, without_padding(value, bytes), literals, quiet)
    }

    /// The same for a value that does not stand so in the message.
    pub(crate) fn of_decoded(value: &[u8], bytes: ByteSet) -> Option<Self> {
        let literals = Literals::within(value, bytes);
        Some(Self { decoded: true, ..Self::new(value, bytes, literals, WORDS.without(ByteSet::HIGH))? })
    }

    fn new(value: &[u8], bytes: ByteSet, Hits { firm, words }: Hits, quiet: ByteSet) -> Option<Self> {
        if value.len() < SHORTEST {
            return None;
        }
        if firm | words == 0 && !bytes.has_any(quiet.others()) {
            return None;
        }
        let bytes = without_prose(value, bytes);
        let literals = if bytes.has_any(REACHING) { firm | words } else { firm };
        if literals == 0 && !bytes.has_any(quiet.others()) {
            return None;
        }
        Some(Self { bytes, len: value.len(), decoded: false, literals, asked: 0 })
    }

    /// Whether a literal of the detector that is asked is in the value.
    pub(crate) const fn has_literal(&self) -> bool {
        self.literals & self.asked != 0
    }

    /// The detectors to ask.
    pub(crate) fn detectors(mut self) -> impl Iterator<Item = (usize, &'static dyn Detector)> {
        let mut rest = self.literals | *ANYWAY_BITS;
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

/// In a value with one of these words are literals wherever they stand: strings and comments reach far.
const REACHING: ByteSet = ByteSet::QUOTE
    .and(ByteSet::DOUBLE_QUOTE)
    .and(ByteSet::BACKTICK)
    .and(ByteSet::EQUALS)
    .and(ByteSet::LESS)
    .and(ByteSet::STAR)
    .and(ByteSet::BACKSLASH)
    .and(ByteSet::NUL)
    .and(ByteSet::CONTROL);

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

static ANYWAY_BITS: LazyLock<u32> = LazyLock::new(|| bits(&ANYWAY));

/// A bit for each detector that has one of these signals.
fn bits(signals: &[Signal]) -> u32 {
    let of_them = DETECTORS.iter().enumerate().filter(|(_, it)| signals.contains(&it.signal()));
    of_them.fold(0, |bits, (index, _)| bits | 1 << index)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn nobody_is_asked_about_quiet_bytes() {
        let without_blank = QUIET.without(ByteSet::SPACE);
        let of_any_length =
            [QUIET, without_blank].into_iter().flat_map(|bytes| [8, 64, 5000].map(|len| (bytes, len)));
        let of_sentences = [8, 64, SENTENCE].map(|len| (QUIET.and(ByteSet::DOT), len));
        for (bytes, len) in of_any_length.chain(of_sentences) {
            let gate = Gate { bytes, len, decoded: false, literals: 0, asked: 0 };
            assert!(!DETECTORS.iter().any(|detector| detector.applies(&gate)), "{len}");
        }
        for quiet in [
            "2026-11-22T10:15:30Z",
            "ann@a-b",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "MDEwOlJlcG8=",
            "It's late. Please select a table, we'll follow.",
            "Not sure; they said it's fine.",
        ] {
            assert!(Gate::of(quiet.as_bytes(), ByteSet::of(quiet.as_bytes())).is_none(), "{quiet}");
        }
    }
}
