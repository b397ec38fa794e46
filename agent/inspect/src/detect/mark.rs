//! Literals that an attack cannot do without, and what must stand around them.

use std::ops::Range;

use aho_corasick::{
    Anchored, MatchKind, StartKind,
    automaton::Automaton,
    dfa::{self, DFA},
};

use crate::detect::{Found, Strength};

/// A literal, and what it says where the condition holds.
pub(crate) struct Mark {
    /// In lower case; found in any case.
    pub(crate) literal: &'static str,
    pub(crate) what: &'static str,
    pub(crate) strength: Strength,
    /// Looks at a bounded number of bytes before and after the literal.
    pub(crate) holds: fn(&Site<'_>) -> bool,
}

/// A line of a table of marks.
pub(crate) const fn mark(
    literal: &'static str,
    what: &'static str,
    strength: Strength,
    holds: fn(&Site<'_>) -> bool,
) -> Mark {
    Mark { literal, what, strength, holds }
}

/// All marks of all languages, found in one pass.
pub(crate) struct Marks {
    dfa: DFA,
    marks: Vec<&'static Mark>,
}

impl Marks {
    pub(crate) fn new(tables: &[&'static [Mark]]) -> Self {
        let marks: Vec<_> = tables.iter().copied().flatten().collect();
        let dfa = dfa::Builder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .prefilter(false)
            .build(marks.iter().map(|mark| mark.literal))
            .expect("the literals are few, and tests build the automaton");
        Self { dfa, marks }
    }

    /// Reports the marks in `value`.
    pub(crate) fn examine(&self, value: &[u8], found: &mut Found) {
        let Ok(mut state) = self.dfa.start_state(Anchored::No) else { return };
        for (at, &byte) in value.iter().enumerate() {
            state = self.dfa.next_state(Anchored::No, state, byte);
            if !self.dfa.is_special(state) || !self.dfa.is_match(state) {
                continue;
            }
            for nth in 0..self.dfa.match_len(state) {
                let pattern = self.dfa.match_pattern(state, nth).as_usize();
                let Some(mark) = self.marks.get(pattern) else { continue };
                let end = at + 1;
                let site = Site { value, at: end.saturating_sub(mark.literal.len())..end };
                if (mark.holds)(&site) {
                    found.push(mark.what, mark.strength, site.at);
                }
            }
        }
    }
}

/// Where a literal stands.
pub(crate) struct Site<'a> {
    pub(crate) value: &'a [u8],
    pub(crate) at: Range<usize>,
}

/// How far blanks, comments and what leads to a literal are followed.
const REACH: usize = 40;

impl<'a> Site<'a> {
    /// The literal as it is written.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.value.get(self.at.clone()).unwrap_or_default()
    }

    /// At most [`REACH`] bytes before the literal.
    pub(crate) fn before(&self) -> &'a [u8] {
        self.value.get(self.at.start.saturating_sub(REACH)..self.at.start).unwrap_or_default()
    }

    /// At most [`REACH`] bytes after the literal.
    pub(crate) fn after(&self) -> &'a [u8] {
        let rest = self.value.get(self.at.end..).unwrap_or_default();
        rest.get(..REACH).unwrap_or(rest)
    }

    /// What stands in the parentheses of a call of the literal; `None` if it is not called. Blanks and comments may stand
    /// before the parenthesis.
    pub(crate) fn arguments(&self) -> Option<&'a [u8]> {
        let after = skip_comments(self.after());
        Some(skip_comments(after.strip_prefix(b"(")?))
    }
}

/// Whether no name goes on into the literal.
pub(crate) fn starts_word(site: &Site<'_>) -> bool {
    !site.before().last().is_some_and(|&byte| is_word(byte))
}

/// Whether the literal is a name of its own: no letter, digit or `_` before and after it.
pub(crate) fn stands_alone(site: &Site<'_>) -> bool {
    starts_word(site) && !site.after().first().is_some_and(|&byte| is_word(byte))
}

/// Whether the literal is all there is but for blanks, quotes and a semicolon.
pub(crate) fn is_whole(site: &Site<'_>) -> bool {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b';');
    site.at.start < REACH
        && site.value.len() - site.at.end < REACH
        && site.before().iter().all(is_blank)
        && site.after().iter().all(is_blank)
}

/// Whether the literal is called with something: a string, a variable, a word.
pub(crate) fn is_called(site: &Site<'_>) -> bool {
    site.arguments().is_some_and(|arguments| match arguments.first() {
        Some(b'\'' | b'"' | b'`' | b'$' | b'@' | b'(' | b'[' | b'<' | b'\\') => true,
        Some(byte) => byte.is_ascii_alphanumeric() && arguments.get(1).is_some_and(|&byte| byte != b')'),
        None => false,
    })
}

/// Whether code leads up to the literal, not a sentence or an ordinary statement: it is at the front of the
/// value but for punctuation, digits and words that print or return, or a string was closed before it.
pub(crate) fn is_aimed(site: &Site<'_>) -> bool {
    let before = site.before();
    let reaches_front = before.len() == site.at.start;
    let mut rest = before;
    let mut next = 0;
    loop {
        match rest.split_last() {
            None => return reaches_front,
            Some((b'\'' | b'"' | b'`', _))
                if matches!(next, b';' | b'.' | b'+' | b')' | b'}' | b'|' | b'&') =>
            {
                return true;
            }
            Some((&byte, shorter)) if !is_word(byte) && byte < 0x80 => {
                if !byte.is_ascii_whitespace() {
                    next = byte;
                }
                rest = shorter;
            }
            Some((byte, shorter)) if byte.is_ascii_digit() => rest = shorter,
            Some(_) => match LEADING.iter().find_map(|word| strip_word(rest, word)) {
                Some(shorter) => rest = shorter,
                None => return false,
            },
        }
    }
}

/// [`is_word`](Self::is_word) and [`is_aimed`](Self::is_aimed).
pub(crate) fn is_aimed_word(site: &Site<'_>) -> bool {
    stands_alone(site) && is_aimed(site)
}

/// What may stand before injected code and print, return or run what it gives.
const LEADING: [&[u8]; 23] = [
    b"echo",
    b"print",
    b"print_r",
    b"var_dump",
    b"return",
    b"die",
    b"exit",
    b"eval",
    b"assert",
    b"str",
    b"await",
    b"res.end",
    b"res.send",
    b"res.write",
    b"response.end",
    b"new",
    b"or",
    b"and",
    b"import os",
    b"import subprocess",
    b"T",
    b"string",
    b"php",
];

fn strip_word<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    (last.eq_ignore_ascii_case(word) && !rest.last().is_some_and(|&byte| is_word(byte))).then_some(rest)
}

/// Letters, digits, `_`, and bytes of characters beyond ASCII.
pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Leaves out blanks and comments (`/* */`, `//`, `#`) at the front.
pub(crate) fn skip_comments(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii_start();
        let end = match text {
            [b'/', b'*', rest @ ..] => memchr::memmem::find(rest, b"*/").map(|at| at + 4),
            [b'/', b'/', ..] | [b'#', ..] => memchr::memchr2(b'\n', b'\r', text).map(|at| at + 1),
            [0x0b, ..] => Some(1),
            _ => return text,
        };
        match end.and_then(|end| text.get(end..)) {
            Some(rest) => text = rest,
            None => return text,
        }
    }
}

/// Always.
pub(crate) fn anywhere(_: &Site<'_>) -> bool {
    true
}
