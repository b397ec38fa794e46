//! What may stand behind a quote in a value that is nothing else.

use super::Short;
use crate::detect::sqli::{
    token::{Kind, Lexer},
    word::Word,
};

impl Short<'_> {
    /// What stands behind a quote which the value, or its first word, ends with.
    pub(super) fn behind_quote(&self) -> Option<&'static str> {
        const HEAD: usize = 12;
        let at = self.value.iter().take(HEAD).position(|byte| matches!(byte, b'\'' | b'"'))?;
        let head = self.value.get(..at)?;
        let quote = self.value.get(at..=at)?;
        let plain = head.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.%\\".contains(byte));
        let rest = self.value.get(at + 1..)?;
        if !plain {
            return None;
        }
        let bare = head.is_empty() || head == b"\\";
        let number = !head.is_empty() && head.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        let mut kinds = [Kind::Other; 6];
        let mut ends = [0; 6];
        let mut count = 0;
        let mut tokens = Lexer::new(rest, 0, false);
        for ((slot, end), token) in kinds.iter_mut().zip(&mut ends).zip(&mut tokens) {
            *slot = token.kind;
            *end = token.end;
            count += 1;
        }
        let whole = tokens.next().is_none();
        let short = self.value.len() <= 40;
        match kinds.get(..count).unwrap_or_default() {
            [Kind::Close] | [Kind::Close, Kind::Close] if bare || number => {
                Some("string and parenthesis closed")
            }
            [Kind::Word(Word::Conjunction)] if quote == b"'" || bare => Some("string closed, then AND or OR"),
            [Kind::Word(Word::Conjunction), Kind::Name] if bare && rest.len() <= 8 => {
                Some("string closed, then AND or OR")
            }
            [Kind::Word(Word::Conjunction), Kind::Text { .. }] if bare => {
                Some("string closed, then AND or OR")
            }
            [Kind::Word(Word::Union)] => Some("string closed, then UNION"),
            [Kind::Operator | Kind::Compare, Kind::Number] if (bare || number) && !rest.starts_with(b">") => {
                Some("string closed, then an operator")
            }
            [Kind::Word(Word::Compare), Kind::Word(Word::Constant)] => {
                Some("string closed, then an operator")
            }
            [Kind::Word(Word::Compare), Kind::Text { .. }] if bare && rest.contains(&b'%') => {
                Some("string closed, then an operator")
            }
            [Kind::Word(Word::Limit), Kind::Number, ..] if short => Some("string closed, then LIMIT"),
            [Kind::Word(Word::Sort), Kind::Word(Word::By), Kind::Name | Kind::Word(_), ..]
                if short && whole =>
            {
                Some("string closed, then ORDER BY a name")
            }
            [Kind::Word(Word::Declare), Kind::Variable, ..] => Some("string closed, then a statement"),
            [Kind::Word(Word::Select), .., Kind::Word(Word::From), _]
            | [Kind::Word(Word::Select), .., Kind::Word(Word::From), _, _]
                if bare =>
            {
                Some("string closed, then a statement")
            }
            [Kind::Word(Word::Insert), Kind::Word(Word::Into), ..] if bare => {
                Some("string closed, then a statement")
            }
            [Kind::Word(Word::Sleep | Word::Wait), Kind::Open, ..] if bare => {
                Some("string closed, then a function that waits")
            }
            [Kind::Semicolon, Kind::Word(Word::Direction | Word::Begin | Word::OtherVerb), ..]
                if rest.trim_ascii_end().ends_with(b"--") || rest.trim_ascii_end().ends_with(b"#") =>
            {
                Some("string closed, then a statement")
            }
            [Kind::Semicolon] if !head.is_empty() && quote == b"'" && short => {
                Some("string and statement closed")
            }
            _ => None,
        }
    }
}
