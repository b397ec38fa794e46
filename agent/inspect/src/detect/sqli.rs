//! SQL injection: a value that breaks out of the literal or the number it should be.

mod quotes;
mod reader;
mod short;
#[cfg(test)]
mod tests;
mod token;
mod whole;
mod word;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

use quotes::plain_quotes;
use reader::Reader;
use token::{Kind, Lexer};
use word::Word;

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
            "select",
            "union",
            "having",
            "waitfor",
            "sleep",
            "benchmark",
            "order by",
            "group by",
            "outfile",
            "dumpfile",
            "information_schema",
            "xp_",
            "sp_",
            "procedure",
            "extractvalue",
            "updatexml",
            "drop ",
            "exec",
            "/*!",
            "declare",
            "insert",
            "dbms_",
            "utl_",
            "load_file",
            "sysobjects",
            "'or",
            "' or",
            "'and",
            "' and",
            "\"or",
            "\" or",
            "\"and",
            "\" and",
            "or true",
            "and true",
            "or not",
            "and not",
            "rlike",
            "regexp",
            "or 1",
            "and 1",
            "or 2",
            "and 2",
            "or 3",
            "and 3",
            "or 4",
            "and 4",
            "or 5",
            "and 5",
            "or 6",
            "and 6",
            "or 7",
            "and 7",
            "or 8",
            "and 8",
            "or 9",
            "and 9",
            "sounds like",
            "between",
            "@@",
            "char(",
            "chr(",
            "concat",
            "' like",
            "xor",
            "or false",
            "and false",
            "or null",
            "is null",
            "not null",
            "' '",
            "\" \"",
            "or !",
            "or ~",
            "or!",
            "or~",
            ")--",
            "isnull",
            "make_set",
            "elt(",
            "iif(",
            "version()",
            "ctxsys",
            "gtid_",
            "randomblob",
            "convert(",
            "cast(",
            "current_",
            "_user",
            "mysql.",
            "boolean mode",
            "bulk ",
            "grant ",
            "revoke ",
            "create table",
            "create user",
            "create function",
            "create procedure",
            "create or replace",
            "create view",
            "create login",
            "create database",
            "create trigger",
            "create temp",
            "create alias",
            "create role",
            "create extension",
            "create server",
            "create schema",
            "create index",
            "create global",
            "truncate ",
            "alter ",
            "delete from",
            "copy (",
            "to program",
            "from program",
            "copy cmd",
            "backup ",
            "load data",
            "attach ",
            "shutdown",
            "div ",
            "limit ",
            "where 1",
            "where '",
            "where \"",
            "where true",
            "where exists",
            "where not",
            "where(",
            "rownum",
            "database()",
            "user()",
            "substring(",
            "substr(",
            "ascii(",
            "or x",
            "' limit",
            "' union",
            "’ or",
            "’or",
            "’ and",
            "” or",
            "” and",
            "‘ or",
            "’=’",
            "”=”",
            "1 like",
            "in (",
            "or 0",
            "and 0",
            "-false",
            "-true",
            "into @",
            "sqlvuln",
            "sqlattempt",
            "exists",
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
        const PROBES: ByteSet = ByteSet::MINUS.and(ByteSet::SLASH).and(ByteSet::PIPE).and(ByteSet::AMPERSAND);
        gate.has_literal()
            || gate.bytes.has_any(QUOTES) && gate.bytes.has_any(OPERATORS)
            || gate.bytes.has_any(ByteSet::EQUALS.and(ByteSet::NUL))
            || gate.bytes.has_any(ByteSet::LESS.and(ByteSet::GREATER)) && gate.bytes.has_any(ByteSet::DIGIT)
            || gate.bytes.has_all(ByteSet::SEMICOLON.and(ByteSet::DIGIT)) && gate.len < SENTENCES
            || gate.bytes.has_all(ByteSet::SLASH.and(ByteSet::STAR))
            || gate.len < 8 && gate.bytes.has_any(ByteSet::DIGIT) && gate.bytes.has_any(PROBES)
            || gate.bytes.has_all(ByteSet::SEMICOLON.and(ByteSet::MINUS)) && gate.len < 16
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let value = value.bytes;
        if is_statement(value) {
            let mut inner = Found::default();
            // A string that an application opens around the value makes its first words the content of that string:
            // `select' or 1=1 --`. Only a statement that is whole as it stands is none.
            let is_whole = whole::is_whole(value);
            if !(is_whole && whole::is_sound(value)) {
                read_behind_quotes(value, false, found);
                if found.score() >= Strength::Strong as u32 {
                    return;
                }
                found.clear();
            }
            read(value, &mut inner);
            if let Some(evidence) = inner.iter().next() {
                found.push("a whole SQL statement", Strength::Tag, evidence.at.clone());
            } else if is_whole {
                found.push("a whole SQL statement", Strength::Tag, 0..value.len());
            }
            short::read(value, found);
            for evidence in inner.iter().filter(|evidence| ONLY_ATTACKS.contains(&evidence.what)) {
                found.push(evidence.what, evidence.strength, evidence.at.clone());
            }
            return;
        }
        read(value, found);
        if found.score() < Strength::Strong as u32 {
            short::read(value, found);
        }
        if found.is_empty()
            && let Some(plain) = plain_quotes(value)
        {
            read(&plain, found);
            short::read(&plain, found);
        }
    }
}

/// Whether a word means something in SQL.
pub(super) fn is_word(word: &[u8]) -> bool {
    meaning(word).is_some()
}

/// Whether a statement may begin with a word.
pub(super) fn begins_statement(word: &[u8]) -> bool {
    meaning(word).is_some_and(Word::begins_statement)
}

fn meaning(word: &[u8]) -> Option<Word> {
    Word::of(word.iter().fold(word::EMPTY, |hash, byte| word::hash(hash, *byte)))
}

/// In a value of so many bytes a semicolon is a mark of sentences, unless a literal is there, too.
const SENTENCES: usize = 256;

/// What not even a whole statement has unless somebody attacks.
const ONLY_ATTACKS: [&str; 11] = [
    "writes into the server's own tables",
    "makes an account",
    "loads a file",
    "asks the server about itself",
    "statement that breaks off",
    "a script hidden in a number",
    "keyword in mixed case",
    "comment in place of a blank",
    "runs a command of the server",
    "runs what is hidden in a number",
    "rest commented out",
];

fn read(value: &[u8], found: &mut Found) {
    let plus_is_blank = is_form(value);
    for plus_is_blank in [false, true].into_iter().take(1 + usize::from(plus_is_blank)) {
        read_behind_quotes(value, plus_is_blank, found);
        if !found.is_certain() {
            Reader::plain(value, found).read(0, plus_is_blank);
        }
    }
}

/// Reads the value as the inside of a string or of a quoted name, until one is certain.
fn read_behind_quotes(value: &[u8], plus_is_blank: bool, found: &mut Found) {
    for quote in [b'\'', b'"'] {
        if found.is_certain() {
            return;
        }
        if let Some(at) = memchr::memchr(quote, value)
            && may_close(value, quote)
        {
            Reader::behind_quote(value, found).read(at + 1, plus_is_blank);
        }
    }
    for bracket in [b'`', b']'] {
        if let Some(at) = memchr::memchr(bracket, value.get(..LONGEST_NAME).unwrap_or(value))
            && value.iter().take(at).all(u8::is_ascii_alphanumeric)
            && may_close(value, bracket)
            && !found.is_certain()
        {
            Reader::behind_quote(value, found).read(at + 1, plus_is_blank);
        }
    }
}

/// Longest name or number that is read before a bracket that ends the name of a column.
const LONGEST_NAME: usize = 32;

/// Whether one of the quotes that may close the string around the value goes on as SQL would: most apostrophes do
/// not, and the value need not be read as the inside of a string.
fn may_close(value: &[u8], quote: u8) -> bool {
    const LONGEST: usize = 12;
    // A value with more quotes is read, not asked.
    const ENOUGH: usize = 64;
    let goes_on = |at: usize| {
        let rest = value.get(at + 1..).unwrap_or_default();
        let blanks =
            rest.iter().take(LONGEST).take_while(|byte| matches!(**byte, b' ' | b'\t'..=b'\r')).count();
        let rest = rest.get(blanks..).unwrap_or_default();
        match rest.first() {
            None => false,
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let len = rest.iter().take(LONGEST).take_while(|byte| byte.is_ascii_alphabetic()).count();
                len == LONGEST
                    || Word::of(rest.iter().take(len).fold(word::EMPTY, |hash, byte| word::hash(hash, *byte)))
                        .is_some()
            }
            Some(b'.' | b'?' | b':') => false,
            Some(byte) => !byte.is_ascii_digit(),
        }
    };
    value.len() < 16
        || value.contains(&0)
        || memchr::memchr_iter(quote, value).step_by(2).take(ENOUGH).any(goes_on)
        || memchr::memchr_iter(quote, value).nth(2 * ENOUGH).is_some()
}

/// Whether `+` may stand for blanks: it touches what stands beside it.
fn is_form(value: &[u8]) -> bool {
    const LONG: usize = 256;
    const LONGEST: usize = 4096;
    let has_blanks = || memchr::memchr(b' ', value.get(..LONG).unwrap_or(value)).is_some();
    if value.len() > LONGEST || value.len() > LONG && has_blanks() {
        return false;
    }
    memchr::memchr_iter(b'+', value).take(32).any(|at| {
        value.get(at + 1).is_some_and(u8::is_ascii_alphabetic) && value.get(at.wrapping_sub(1)) != Some(&b' ')
    })
}

/// Whether the first word begins a statement.
fn is_statement(value: &[u8]) -> bool {
    let Some(first) = Lexer::new(value, 0, false).next() else { return false };
    matches!(first.kind, Kind::Word(word) if word.is_verb())
}
