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
        let mut checks = FREE_CHECKS + value.len() / BYTES_A_CHECK;
        for (at, &byte) in value.iter().enumerate() {
            state = self.dfa.next_state(Anchored::No, state, byte);
            if !self.dfa.is_special(state) || !self.dfa.is_match(state) {
                continue;
            }
            for nth in 0..self.dfa.match_len(state) {
                let pattern = self.dfa.match_pattern(state, nth).as_usize();
                let Some(mark) = self.marks.get(pattern) else { continue };
                if found.iter().any(|evidence| evidence.what == mark.what) {
                    continue;
                }
                let Some(left) = checks.checked_sub(1) else {
                    found.push("nothing but beginnings of code", Strength::Strong, 0..at + 1);
                    return;
                };
                checks = left;
                let end = at + 1;
                let site = Site { value, at: end.saturating_sub(mark.literal.len())..end };
                if (mark.holds)(&site) {
                    found.push(mark.what, mark.strength, site.at);
                }
            }
        }
    }
}

/// How many literals of a value are looked at, besides one every [`BYTES_A_CHECK`] bytes: hostile text is full of
/// them, and no other text is.
const FREE_CHECKS: usize = 64;
const BYTES_A_CHECK: usize = 32;

/// Where a literal stands.
pub(crate) struct Site<'a> {
    pub(crate) value: &'a [u8],
    pub(crate) at: Range<usize>,
}

/// How far blanks and comments are followed, and what leads to a literal.
const REACH: usize = 40;
const LEAD: usize = 32;

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

/// Whether the literal is called with something: a string, a variable, a word and no words of a sentence.
pub(crate) fn is_called(site: &Site<'_>) -> bool {
    let Some(arguments) = site.arguments() else { return false };
    let word = arguments.iter().take_while(|byte| is_word(**byte)).count();
    match arguments.get(word..).unwrap_or_default() {
        [b'\'' | b'"' | b'`' | b'$' | b'@' | b'(' | b'[' | b'<' | b'\\', ..] if word == 0 => true,
        [b' ', next, ..] if word > 1 => !is_word(*next),
        [b' ', ..] => false,
        [] => word > 0,
        _ => word > 1,
    }
}

/// Whether code leads up to the literal, not a sentence or an ordinary statement: it is at the front of the
/// value or of a PHP tag but for punctuation, digits and words that print or return, or a string was closed before
/// it in its line.
pub(crate) fn is_aimed(site: &Site<'_>) -> bool {
    let before = site.before();
    let before = before.get(before.len().saturating_sub(LEAD)..).unwrap_or_default();
    let reaches_front = before.len() == site.at.start;
    let mut rest = before;
    let mut next = 0;
    loop {
        match rest.split_last() {
            None => return reaches_front,
            Some((b'\'' | b'"' | b'`', _))
                if matches!(next, b';' | b'.' | b'+' | b')' | b'}' | b'|' | b'&') =>
            {
                return reaches_front
                    || !before.get(rest.len()..).is_some_and(|joint| joint.contains(&b'\n'));
            }
            Some((&byte, shorter)) if !is_word(byte) && byte < 0x80 => {
                if byte == b'?' && shorter.ends_with(b"<") {
                    return true;
                }
                if !byte.is_ascii_whitespace() {
                    next = byte;
                }
                rest = shorter;
            }
            Some((byte, shorter)) => match before_leading_word(rest) {
                Some(shorter) => rest = shorter,
                None if byte.is_ascii_digit() => rest = shorter,
                None => return false,
            },
        }
    }
}

/// [`stands_alone`] and [`is_aimed`].
pub(crate) fn is_aimed_word(site: &Site<'_>) -> bool {
    stands_alone(site) && is_aimed(site)
}

/// What stands before the last word of `text`, if the word is one that prints, returns or runs what comes after it.
fn before_leading_word(text: &[u8]) -> Option<&[u8]> {
    let mut word = [0; 10];
    let len = text.iter().rev().take_while(|byte| is_word(**byte)).count();
    let (rest, last) = text.split_at_checked(text.len() - len)?;
    word.get_mut(..len)?.copy_from_slice(last);
    let word = word.get_mut(..len)?;
    word.make_ascii_lowercase();
    let leads = matches!(
        &*word,
        b"echo"
            | b"print"
            | b"print_r"
            | b"var_dump"
            | b"return"
            | b"die"
            | b"exit"
            | b"eval"
            | b"assert"
            | b"str"
            | b"await"
            | b"res"
            | b"response"
            | b"end"
            | b"send"
            | b"write"
            | b"new"
            | b"or"
            | b"and"
            | b"import"
            | b"os"
            | b"subprocess"
            | b"t"
            | b"string"
            | b"php"
            | b"md5"
    );
    leads.then_some(rest)
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
            [b'/', b'*', rest @ ..] => rest.windows(2).position(|end| end == b"*/").map(|at| at + 4),
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
