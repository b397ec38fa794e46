//! Whether a value is a whole statement, as people paste them: `SELECT a FROM b WHERE c = 1`.

#![expect(clippy::wildcard_enum_match_arm, reason = "of some forty kinds of words each match is about a few")]

use super::{
    token::{Kind, Lexer, Token},
    word::Word,
};

/// More tokens say nothing that these do not.
const ENOUGH: usize = 192;

/// More names in a row than a column and its alias, or a table and its: prose.
const NAMES_IN_A_ROW: usize = 2;

/// Words between the tables of a query.
const JOINS: [&[u8]; 7] = [b"join", b"on", b"inner", b"outer", b"cross", b"full", b"using"];

/// Whether the value is a statement by its grammar, not only by its first word: `select one from the list, please`
/// is none.
pub(super) fn is_whole(value: &[u8]) -> bool {
    let mut tokens = Lexer::new(value, 0, false).take(ENOUGH);
    let Some(first) = tokens.next() else { return false };
    let Kind::Word(word) = first.kind else { return false };
    let loud = value.get(first.start..first.end).is_some_and(|word| !word.iter().any(u8::is_ascii_lowercase));
    let statement = Statement { value, tokens, loud };
    match word {
        Word::Select => statement.select(),
        Word::Insert => statement.insert(),
        Word::Update => statement.update(),
        Word::Delete => statement.delete(),
        Word::Define => statement.definition(),
        Word::Preface => statement.prefaced(),
        Word::Declare => statement.declaration(),
        _ => false,
    }
}

/// Whether the strings and brackets of a statement fit together as it stands: each ends, and no literal stands right
/// beside another.
pub(super) fn is_sound(value: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut last = Kind::Other;
    for token in Lexer::new(value, 0, false) {
        let beside = matches!(
            (last, token.kind),
            (Kind::Text { .. }, Kind::Text { .. } | Kind::Number) | (Kind::Number, Kind::Text { .. })
        );
        depth = match token.kind {
            Kind::Text { open: true } => return false,
            Kind::Open => depth + 1,
            Kind::Close if depth == 0 => return false,
            Kind::Close => depth - 1,
            _ => depth,
        };
        if beside {
            return false;
        }
        last = token.kind;
    }
    depth == 0
}

/// The statement behind its first word.
struct Statement<'v, T> {
    value: &'v [u8],
    tokens: T,
    /// The first word is in capitals.
    loud: bool,
}

impl<T: Iterator<Item = Token>> Statement<'_, T> {
    fn next(&mut self) -> Option<Kind> {
        self.tokens.next().map(|token| token.kind)
    }

    /// Reads `a`, `a.b` or `a.b.c`; what follows.
    fn name(&mut self) -> Option<Option<Kind>> {
        loop {
            is_name(self.next()?).then_some(())?;
            match self.next() {
                Some(Kind::Dot) => {}
                behind => return Some(behind),
            }
        }
    }

    fn select(mut self) -> bool {
        let mut depth = 0_usize;
        let mut names = 0;
        // Something that people do not write into a sentence that begins with `select`.
        let mut telling = false;
        let mut from = false;
        let mut where_ = false;
        let mut sort = false;
        let mut last = Kind::Word(Word::Select);
        for token in self.tokens.by_ref() {
            let text = self.value.get(token.start..token.end).unwrap_or_default();
            match token.kind {
                Kind::Open => {
                    depth += 1;
                    telling |= matches!(last, Kind::Word(Word::Text | Word::Info | Word::As));
                }
                Kind::Close => depth = depth.saturating_sub(1),
                Kind::Operator => telling |= last == Kind::Word(Word::Select) && text == b"*",
                Kind::Compare | Kind::Word(Word::Compare) => telling |= where_,
                Kind::Dot | Kind::Comma => telling |= !from && depth == 0,
                Kind::Variable => telling = true,
                Kind::Word(Word::From) if depth == 0 => from = true,
                Kind::Word(Word::Where | Word::Having) => where_ = from,
                Kind::Word(Word::Sort) => sort = from,
                Kind::Word(Word::By) => telling |= sort && matches!(last, Kind::Word(Word::Sort)),
                Kind::Word(Word::Select) if last == Kind::Open => telling = true,
                Kind::Semicolon => {
                    let ends = token.end == self.value.trim_ascii_end().len();
                    return if ends { from || telling } else { from && (telling || self.loud) };
                }
                Kind::Other if !matches!(text, b"?" | b"{" | b"}" | b":" | b"$" | b"[" | b"]") => {
                    return false;
                }
                _ => {}
            }
            names = match token.kind {
                Kind::Name if JOINS.iter().any(|word| text.eq_ignore_ascii_case(word)) => 0,
                Kind::Name => names + 1,
                _ => 0,
            };
            if names > NAMES_IN_A_ROW && depth == 0 {
                return false;
            }
            last = token.kind;
        }
        from && (telling || self.loud) && last != Kind::Word(Word::From)
    }

    fn insert(mut self) -> bool {
        let mut kind = self.next();
        while matches!(kind, Some(Kind::Word(Word::Conjunction | Word::OtherVerb | Word::Other))) {
            kind = self.next();
        }
        kind == Some(Kind::Word(Word::Into))
            && matches!(
                self.name(),
                Some(Some(Kind::Open | Kind::Word(Word::Other | Word::Select | Word::Set)))
            )
    }

    fn update(mut self) -> bool {
        self.name() == Some(Some(Kind::Word(Word::Set))) && self.name() == Some(Some(Kind::Compare))
    }

    fn delete(mut self) -> bool {
        if self.next() != Some(Kind::Word(Word::From)) {
            return false;
        }
        match self.name() {
            Some(None) => self.loud,
            Some(Some(Kind::Semicolon)) => true,
            Some(Some(Kind::Word(Word::Where))) => self
                .tokens
                .take(8)
                .any(|token| matches!(token.kind, Kind::Compare | Kind::Word(Word::Compare))),
            _ => false,
        }
    }

    fn definition(mut self) -> bool {
        const ADJECTIVES: usize = 3;
        let Some(object) = self
            .tokens
            .by_ref()
            .take(ADJECTIVES + 1)
            .position(|token| matches!(token.kind, Kind::Word(Word::Object | Word::Procedure)))
        else {
            return false;
        };
        let mut names = 0;
        for token in self.tokens {
            match token.kind {
                Kind::Open | Kind::Word(Word::As | Word::Set) => return names > 0,
                Kind::Semicolon => return names > 0 && names <= 1 + object,
                Kind::Word(Word::Define) => return names == 1,
                Kind::Word(Word::If | Word::Prefix | Word::Object) | Kind::Dot | Kind::Comma => {}
                kind if is_name(kind) => names += 1,
                _ => return false,
            }
            if names > 3 && !self.loud {
                return false;
            }
        }
        names > 0 && self.loud
    }

    /// `WITH a AS (SELECT ...`, `EXPLAIN SELECT ...`.
    fn prefaced(mut self) -> bool {
        match self.next() {
            Some(Kind::Word(Word::Select)) => self.select(),
            Some(Kind::Name) => {
                self.next() == Some(Kind::Word(Word::As))
                    && self.next() == Some(Kind::Open)
                    && self.next() == Some(Kind::Word(Word::Select))
            }
            _ => false,
        }
    }

    /// `DECLARE @a INT`.
    fn declaration(mut self) -> bool {
        self.next() == Some(Kind::Variable) && matches!(self.next(), Some(Kind::Name | Kind::Word(_)))
    }
}

const fn is_name(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Name
            | Kind::Variable
            | Kind::Word(
                Word::Object
                    | Word::Other
                    | Word::Text
                    | Word::Info
                    | Word::Catalogue
                    | Word::System
                    | Word::Mode
            )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_statements_are_known_by_their_grammar() {
        for statement in [
            "SELECT name, age FROM people WHERE age > 30 ORDER BY age",
            "SELECT * FROM t",
            "select count(id) from t",
            "select a from b where c = 1",
            "SELECT a FROM b",
            "SELECT a.x, b.y FROM a JOIN b ON a.id = b.id",
            "INSERT INTO t (a,b) VALUES (1,'x');",
            "insert into shop.t values (1)",
            "UPDATE t SET a = 1 WHERE id = 5",
            "DELETE FROM t WHERE a = 1",
            "delete from t;",
            "CREATE TABLE t (a INT PRIMARY KEY)",
            "create or replace view v as select 1",
            "ALTER TABLE t ADD COLUMN c INT",
            "DROP TABLE IF EXISTS t;",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "EXPLAIN SELECT * FROM t",
            "DECLARE @a INT = 1",
        ] {
            assert!(is_whole(statement.as_bytes()), "{statement}");
        }
    }

    #[test]
    fn sentences_are_none() {
        for sentence in [
            "select one from the list, please",
            "Select a colour from the palette",
            "insert into the slot",
            "update the page and set it aside",
            "delete from your phone what you do not need",
            "create a table for four people",
            "drop table reservations for friday",
            "with you as my witness",
            "select * is not what I mean",
            "declare independence",
        ] {
            assert!(!is_whole(sentence.as_bytes()), "{sentence}");
        }
    }
}
