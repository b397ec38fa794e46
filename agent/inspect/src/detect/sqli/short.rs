//! Values so short that all of them is one piece of SQL: nobody writes `1 limit 1,1` to say something else.

#![expect(clippy::wildcard_enum_match_arm, reason = "of some forty kinds of words each match is about a few")]

mod behind_quote;
mod fragment;

use crate::detect::{Found, Strength};

use super::{
    token::{Kind, Lexer, Token},
    word::Word,
};

/// Longest value that is read so, in bytes.
const LONGEST: usize = 96;

/// Most tokens that are looked at.
const TOKENS: usize = 24;

/// Notes if the value as a whole is a fragment or a statement that only attacks consist of.
pub(super) fn read(value: &[u8], found: &mut Found) {
    let trimmed = value.trim_ascii();
    if trimmed.len() > LONGEST || trimmed.is_empty() {
        return;
    }
    let nothing = Token { kind: Kind::Other, start: 0, end: 0, hash: 0, after_comment: false };
    let mut tokens = [nothing; TOKENS];
    let mut count = 0;
    for (slot, token) in tokens.iter_mut().zip(Lexer::new(trimmed, 0, false)) {
        *slot = token;
        count += 1;
    }
    let tokens = tokens.get(..count).unwrap_or_default();
    let short = Short { value: trimmed, tokens };
    if let Some(what) = short.fragment().or_else(|| short.behind_quote()).or_else(|| split_keyword(trimmed)) {
        found.push(what, Strength::Strong, 0..value.len());
    }
}

struct Short<'v> {
    value: &'v [u8],
    tokens: &'v [Token],
}

impl Short<'_> {
    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens
            .get(at)
            .and_then(|token| self.value.get(token.start..token.end))
            .is_some_and(|found| found.eq_ignore_ascii_case(text.as_bytes()))
    }

    fn starts(&self, at: usize, text: &str) -> bool {
        self.tokens
            .get(at)
            .and_then(|token| self.value.get(token.start..token.start + text.len()))
            .is_some_and(|found| found.eq_ignore_ascii_case(text.as_bytes()))
    }

    fn same(&self, left: usize, right: usize) -> bool {
        self.tokens.get(left).map(|token| token.hash) == self.tokens.get(right).map(|token| token.hash)
    }
}

/// `sel/**/ect`: where comments are removed, the keyword remains.
fn split_keyword(value: &[u8]) -> Option<&'static str> {
    const WORD: usize = 8;
    memchr::memmem::find_iter(value, b"/**/")
        .take(WORD)
        .any(|at| {
            let head = value.get(..at).unwrap_or_default();
            let tail = value.get(at + 4..).unwrap_or_default();
            let before = head.iter().rev().take(WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
            let after = tail.iter().take(WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
            let word = head.iter().skip(head.len() - before).chain(tail.iter().take(after));
            before > 0
                && after > 0
                && matches!(
                    Word::of(word.fold(super::word::EMPTY, |hash, byte| super::word::hash(hash, *byte))),
                    Some(Word::Union | Word::Select | Word::Having | Word::Where | Word::Insert)
                )
        })
        .then_some("a keyword split by a comment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_by;

    fn score(value: &str) -> u32 {
        score_by(read, value)
    }

    #[test]
    fn short_values_that_are_one_piece_of_sql_are_found() {
        for attack in [
            "7 or 7",
            "7 div 7",
            "3 is not null",
            "3 limit 1,1",
            "limit 3,1",
            "3')",
            "ann' or",
            "' +3",
            "' limit 3#",
            "where 3=3",
            "user()='ann'",
            "grant connect to ann",
            "drop table t;",
            "declare @a varchar(9)",
            "copy t from '/tmp/a'",
            "select * from t--",
            "select a from t where b=3 or 7=7",
            "(select a from b limit 1)",
            "se/**/lect a",
            "AND 1",
        ] {
            assert!(score(attack) >= 5, "{attack}");
        }
    }

    #[test]
    fn short_sentences_are_none() {
        for honest in [
            "1 or 2",
            "or maybe",
            "limit 5",
            "7 mod 3",
            "drop table for two",
            "grant me a wish to go",
            "select one from the list, please",
            "(select one)",
            "Ann's or Bob's",
            "5' 10\"",
            "2-1",
            "true or false",
            "copy it from here",
            "exec summary",
            "where is it = here",
        ] {
            assert_eq!(score(honest), 0, "{honest}");
        }
    }
}
