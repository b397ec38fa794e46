//! What stands before a place at which a command may begin.

use std::ops::Range;

use super::Line;
use crate::detect::cmdexe::word::{Word, is_name};

/// How often one byte is repeated that is padding.
pub(super) const PADDING: usize = 32;

/// What stands before the place that is looked at.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Words with a letter or digit, divided by blanks.
    pub(super) words: u32,
    pub(super) in_word: bool,
    /// How often the word that is passed repeats its first byte; `u32::MAX` if it has another.
    pub(super) run: u32,
    /// The value begins with a command: people share command lines.
    pub(super) command: bool,
    /// And that one downloads.
    pub(super) download: bool,
    pub(super) single_quotes: u32,
    pub(super) double_quotes: u32,
    /// The last byte that is no blank.
    pub(super) last: u8,
    /// The names of the last variables given a value as shells write it, without `$`.
    pub(super) assigned: [Range<usize>; 4],
    pub(super) assignments: usize,
    pub(super) backtick_open: bool,
    pub(super) fenced: bool,
    /// How many places within text were looked at.
    pub(super) places: u32,
}

impl Before {
    /// Whether the word that was passed is one byte repeated.
    const fn is_padding(&self) -> bool {
        self.run >= PADDING as u32 && self.run < u32::MAX
    }
}

/// How the place relates to what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The first word of the value.
    Start,
    /// Behind a separator that nothing but quotes and brackets stands before.
    Front,
    /// Behind a single value: `127.0.0.1;`.
    Value,
    /// Behind a string that is closed here: `x';`.
    Closed,
    /// Somewhere in text, or in a command line.
    Text,
}

impl Line<'_, '_> {
    /// Takes note of a byte that is part of no separator.
    pub(super) fn pass(&mut self, at: usize, byte: u8) {
        match byte {
            b' ' | b'\t'..=b'\r' => {
                // Padding is no word.
                self.before.words -= u32::from(self.before.in_word && self.before.is_padding());
                self.before.in_word = false;
                return;
            }
            b'\'' => {
                self.before.single_quotes += 1;
                self.before.run = u32::MAX;
            }
            b'"' => {
                self.before.double_quotes += 1;
                self.before.run = u32::MAX;
            }
            b'=' => {
                self.assign(at);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | 0x80.. => {
                if !self.before.in_word {
                    self.before.words += 1;
                    self.before.in_word = true;
                    self.before.run = 0;
                }
                let goes_on = self.before.run == 0 || self.before.last == byte;
                self.before.run = if goes_on { self.before.run.saturating_add(1) } else { u32::MAX };
            }
            _ => {}
        }
        self.before.last = byte;
    }

    /// Takes note of the variable that the `=` at `at` gives a value.
    pub(super) fn assign(&mut self, at: usize) {
        let name = self.value.get(..at).unwrap_or_default();
        let len = name.iter().rev().take(24).take_while(|byte| is_name(**byte)).count();
        let dollar = at.checked_sub(len + 1).and_then(|at| self.value.get(at)) == Some(&b'$');
        if len > 0 && !dollar {
            let slot = self.before.assignments % self.before.assigned.len();
            if let Some(slot) = self.before.assigned.get_mut(slot) {
                *slot = at - len..at;
            }
            self.before.assignments += 1;
        }
    }

    /// Whether the word is a variable that was given a value before: `a=id;$a`.
    pub(super) fn is_assigned(&self, word: &Word) -> bool {
        let text = self.value.get(word.start + 1..word.end).unwrap_or_default();
        let len = text.iter().take_while(|byte| is_name(**byte)).count();
        let name = text.get(..len);
        word.is_variable
            && len > 0
            && self.before.assigned.iter().any(|known| self.value.get(known.clone()) == name)
    }

    pub(super) fn place(&self) -> Place {
        let Before { words, command, single_quotes, double_quotes, last, fenced, .. } = self.before;
        let closed = match last {
            b'\'' => single_quotes % 2 == 1,
            b'"' => double_quotes % 2 == 1,
            _ => false,
        };
        let words = words - u32::from(self.before.in_word && self.before.is_padding());
        match words {
            0 => Place::Front,
            _ if fenced => Place::Text,
            1 if !command => Place::Value,
            _ if closed => Place::Closed,
            _ => Place::Text,
        }
    }
}

pub(super) fn count(text: &[u8], byte: u8) -> u32 {
    text.iter().map(|other| u32::from(*other == byte)).sum()
}
