//! SQL injection: a value that breaks out of the literal or the number it should be.

mod reader;
mod token;
mod word;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

use reader::Reader;
use token::{Kind, Lexer};

/// SQL injection (OWASP A03, CWE-89).
///
/// A value is split into the tokens of all common dialects and read in three ways: as it stands, and as the inside
/// of a string in single and in double quotes. What counts is that something is closed (the string around the
/// value, or the number that it begins with) and what then goes on: a condition that is always true, `UNION
/// SELECT`, another statement, a subquery, a function that waits or that tells by its error message.
///
/// A value that is a whole statement from its first word on (`SELECT a FROM b`) is something people paste into chats
/// and editors. It breaks out of nothing and is a tag.
pub(super) struct Sqli;

impl Detector for Sqli {
    fn signal(&self) -> Signal {
        Signal::Sqli
    }

    fn summary(&self) -> &'static str {
        "SQL injection: a value that breaks out of the literal or the number it should be"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "' OR 1=1--",
                "1 OR 1=1",
                "admin'--",
                "-1 UNION SELECT 1,2,3",
                "1'; DROP TABLE users--",
                "1 AND SLEEP(5)",
                "x'||(SELECT password FROM users LIMIT 1)||'",
                "1) ORDER BY 3#",
            ],
            passed: &[
                "SELECT * FROM users WHERE id = 1",
                "it's 5 o'clock and 1=1 is trivial",
                "O'Brien and D'Angelo",
                "1 < 2 and 3 > 2",
                "select all n between @min and @max",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "select", "union", "having", "waitfor", "sleep", "benchmark", "order by", "group by", "outfile", "dumpfile",
            "information_schema", "xp_", "sp_", "procedure", "extractvalue", "updatexml", "drop ", "exec", "/*!", "declare",
            "insert", "dbms_", "utl_", "load_file", "sysobjects", "'or", "' or", "'and", "' and", "\"or", "\" or", "\"and",
            "\" and", "or true", "and true", "or not", "and not", "rlike", "regexp", "or 1", "and 1", "sounds", "between",
            "@@", "char(", "chr(", "concat", "' like", "xor", "or false", "and false", "or null", "is null", "not null",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        const QUOTES: ByteSet = ByteSet::QUOTE.and(ByteSet::DOUBLE_QUOTE);
        const OPERATORS: ByteSet = ByteSet::EQUALS
            .and(ByteSet::LESS)
            .and(ByteSet::GREATER)
            .and(ByteSet::MINUS)
            .and(ByteSet::HASH)
            .and(ByteSet::SLASH)
            .and(ByteSet::SEMICOLON)
            .and(ByteSet::PIPE)
            .and(ByteSet::AMPERSAND)
            .and(ByteSet::PAREN)
            .and(ByteSet::STAR)
            .and(ByteSet::PLUS)
            .and(ByteSet::MARK)
            .and(ByteSet::PERCENT)
            .and(ByteSet::DIGIT);
        const COMPARES: ByteSet = ByteSet::EQUALS.and(ByteSet::LESS).and(ByteSet::GREATER);
        gate.has_literal()
            || gate.bytes.has_any(QUOTES) && gate.bytes.has_any(OPERATORS)
            || gate.bytes.has_any(COMPARES) && gate.bytes.has_any(ByteSet::DIGIT)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let value = value.bytes;
        if is_statement(value) {
            let mut inner = Found::default();
            read(value, &mut inner);
            if let Some(evidence) = inner.iter().next() {
                found.push("a whole SQL statement", Strength::Tag, evidence.at.clone());
            }
            return;
        }
        read(value, found);
    }
}

fn read(value: &[u8], found: &mut Found) {
    let plus_is_blank = is_form(value);
    for plus_is_blank in [false, true].into_iter().take(1 + usize::from(plus_is_blank)) {
        for quote in [b'\'', b'"'] {
            if found.is_certain() {
                return;
            }
            if let Some(at) = memchr::memchr(quote, value) {
                Reader::behind_quote(value, found).read(at + 1, plus_is_blank);
            }
        }
        if !found.is_certain() {
            Reader::plain(value, found).read(0, plus_is_blank);
        }
    }
}

/// Whether `+` may stand for blanks: there are no others.
fn is_form(value: &[u8]) -> bool {
    value.contains(&b'+') && !value.contains(&b' ')
}

/// Whether the first word begins a statement.
fn is_statement(value: &[u8]) -> bool {
    let Some(first) = Lexer::new(value, 0, false).next() else { return false };
    matches!(first.kind, Kind::Word(word) if word.is_verb())
}
