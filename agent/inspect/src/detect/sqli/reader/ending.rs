//! Where the value, or what counts of it, ends.

use crate::detect::Strength;

use super::super::{
    token::{Kind, Token},
    word::Word,
};
use super::{Anchor, Condition, Link, Reader};

impl Reader<'_, '_> {
    /// A comment hides the rest.
    pub(super) fn comment(&mut self, token: Token) {
        let at = token.start..token.end;
        let level = *self.level();
        let blank = self.count == 0 || self.only_closes();
        let rest = self.value.get(token.end..).unwrap_or_default().trim_ascii();
        let hash = self.value.get(token.start) == Some(&b'#');
        let short = rest.len() <= 24
            && !(hash
                && !self.leading_wait
                && rest.first().is_some_and(|byte| *byte == b'#' || byte.is_ascii_digit()));
        let whole = level.condition == Condition::Whole;
        self.finish_condition(true, &token);
        let strength = if self.wordy { Strength::Medium } else { Strength::Strong };
        if self.commented || !short {
        } else if self.in_quote && level.anchor == Anchor::Quote {
            if blank {
                if !hash || rest.len() <= 4 {
                    self.note("string closed, rest commented out", strength, at);
                }
            } else if self.glued && matches!(level.link, Link::Compare | Link::Arithmetic) {
                self.note("string closed, then an operator", strength, at);
            } else if rest.len() <= 1
                && !self.wordy
                && self.count <= 3
                && matches!(
                    self.first,
                    Some(Kind::Word(Word::Limit | Word::Direction | Word::As | Word::Sort | Word::Having))
                )
            {
                self.note("string closed, the statement goes on, rest commented out", Strength::Strong, at);
            } else if !self.found.is_empty() {
                self.note("rest commented out", Strength::Medium, at);
            }
        } else if rest.is_empty()
            && !hash
            && self.unmatched
            && self.count <= 6
            && self.last[0] == Some(Kind::Close)
        {
            self.note("number closed, rest commented out", Strength::Strong, at);
        } else if rest.is_empty()
            && !hash
            && !self.in_quote
            && self.first == Some(Kind::Word(Word::Constant))
            && (self.count == 1 || self.count <= 15 && self.last[1] == Some(Kind::Comma))
        {
            self.note("a constant, rest commented out", Strength::Strong, at);
        } else if self.leading_wait {
            self.note("function that waits, rest commented out", Strength::Strong, at);
        } else if self.sql && !self.prose && self.depth == 0 && self.count > 4 && rest.is_empty() && !hash {
            self.note("an expression, rest commented out", Strength::Strong, at);
        } else if !self.found.is_empty() && (whole || level.anchor >= Anchor::FirstLiteral || rest.is_empty())
        {
            self.note("rest commented out", Strength::Medium, at);
        }
        self.commented = true;
        self.forget();
        self.level().anchor = Anchor::None;
    }

    fn only_closes(&self) -> bool {
        self.last[0] == Some(Kind::Close) && self.last[1].is_none_or(|kind| kind == Kind::Close)
    }

    pub(super) fn end(&mut self) {
        let len = self.value.len();
        if !self.in_quote
            && self.count == 3
            && matches!(self.first, Some(Kind::Word(Word::Info | Word::Object)))
            && self.last == [Some(Kind::Close), Some(Kind::Open), self.first]
        {
            self.note("nothing but a question to the server", Strength::Strong, 0..len);
        }
        let token = Token { kind: Kind::Other, start: len, end: len, hash: 0, after_comment: false };
        if let Some((anchor, start)) = self.selects.take() {
            let strength = if anchor > Anchor::FirstWord { Strength::Strong } else { Strength::Tag };
            self.note("UNION SELECT", strength, start..len);
        }
        if let Some((anchor, start, true)) = self.union.take()
            && anchor == Anchor::Quote
        {
            self.note("string closed, then UNION ALL", Strength::Strong, start..len);
        }
        if (self.quote.is_some() || self.commented) && self.only_marks() {
            self.note("nothing but quotes and ends", Strength::Strong, 0..len);
        }
        if self.first == Some(Kind::Word(Word::Select))
            && self.last[0] == Some(Kind::Word(Word::Where))
            && !self.in_quote
        {
            self.note("statement that breaks off", Strength::Medium, 0..len);
        }
        if self.quote.is_some() && self.only_blank() {
            self.note("nothing but a blank in quotes", Strength::Strong, 0..len);
        }
        if self.closed_again && self.is_short_break_out() {
            self.note("string closed, an operator, string opened again", Strength::Strong, 0..len);
        }
        if !self.commented {
            self.finish_condition(false, &token);
        }
    }

    /// `';`, `'=--`.
    fn only_marks(&self) -> bool {
        let value = self.value.trim_ascii();
        value.len() <= 6
            && value.iter().all(|byte| b"'\"=;- ".contains(byte))
            && value.iter().any(|byte| b"=;".contains(byte))
    }

    /// `' '`: two strings are one in MySQL, wherever they meet.
    fn only_blank(&self) -> bool {
        matches!(self.value.trim_ascii(), b"' '" | b"\" \"")
    }

    /// `x' + 'y`: nothing but a word before and behind.
    fn is_short_break_out(&self) -> bool {
        let word = |part: &[u8]| {
            part.len() <= 32
                && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_@.%-=+".contains(byte))
        };
        // The pattern behind `like` and its kind has wildcards.
        let pattern = |part: &[u8]| {
            part.len() <= 32
                && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_@.%-=+*^$?".contains(byte))
        };
        let quote = |byte: &u8| matches!(byte, b'\'' | b'"');
        let head = self.value.iter().position(quote).unwrap_or(0);
        let tail = self.value.iter().rposition(quote).unwrap_or(0);
        if self.value == b"\"*\"" {
            return false;
        }
        word(self.value.get(..head).unwrap_or_default())
            && (word(self.value.get(tail + 1..).unwrap_or_default())
                || self.last[1] == Some(Kind::Word(Word::Compare))
                    && pattern(self.value.get(tail + 1..).unwrap_or_default()))
    }
}
