//! SQL injection, by libinjection's token fingerprints.

use std::borrow::Cow;

use libinjectionrs::{SqliFlags, SqliState};

use crate::detect::{Detector, Examples, Found, Gate, Signal, Strength, Value};

/// Longest run of bytes without a separator that is handed to libinjection; what is longer is cut out of the middle.
///
/// libinjection looks up every part of a word that ends in a dot, which takes time in the square of the word's
/// length. No SQL word is that long.
const LONGEST_WORD: usize = 128;

/// SQL injection: a value that breaks out of the literal or the number it should be.
///
/// A value is read as it stands, and as the inside of a string in single or double quotes, in ANSI and in MySQL
/// syntax. A value that is a whole statement from its first word on (`SELECT a FROM b`) is something people paste
/// into chats and editors; it breaks out of nothing and is not reported.
pub(super) struct Sqli;

impl Detector for Sqli {
    fn signal(&self) -> Signal {
        Signal::Sqli
    }

    fn summary(&self) -> &'static str {
        "SQL injection: a value that breaks out of the literal or the number it should be"
    }

    fn examples(&self) -> Examples {
        Examples { found: &["' OR 1=1--"], passed: &["SELECT * FROM users WHERE id = 1"] }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[]
    }

    fn applies(&self, _: &Gate) -> bool {
        true
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let len = value.bytes.len();
        let value = &*shorten_words(value.bytes);
        let ansi = SqliFlags::FLAG_SQL_ANSI;
        let mysql = SqliFlags::FLAG_SQL_MYSQL;
        let single = SqliFlags::FLAG_QUOTE_SINGLE;
        if matches_either(value, SqliFlags::FLAG_QUOTE_NONE | ansi, SqliFlags::FLAG_QUOTE_NONE | mysql)
            || memchr::memchr(b'\'', value).is_some() && matches_either(value, single | ansi, single | mysql)
            || memchr::memchr(b'"', value).is_some() && matches(value, SqliFlags::FLAG_QUOTE_DOUBLE | mysql).0
        {
            found.push("fingerprint", Strength::Strong, 0..len);
        }
    }
}

/// Reads in ANSI syntax, and in MySQL syntax if there are comments that the two see differently.
fn matches_either(value: &[u8], ansi: SqliFlags, mysql: SqliFlags) -> bool {
    let (found, differs) = matches(value, ansi);
    found || differs && matches(value, mysql).0
}

fn matches(value: &[u8], flags: SqliFlags) -> (bool, bool) {
    let mut state = SqliState::new(value, flags);
    // A fingerprint that begins with E is an expression keyword: a whole statement.
    let found = state.is_sqli() && state.fingerprint.first() != Some(&b'E');
    (found, state.stats_comment_ddx != 0 || state.stats_comment_hash != 0)
}

/// Cuts the middle out of words longer than [`LONGEST_WORD`].
fn shorten_words(value: &[u8]) -> Cow<'_, [u8]> {
    let mut shortened: Option<Vec<u8>> = None;
    let mut word_start = 0;
    let mut copied = 0;
    for at in 0..=value.len() {
        if value.get(at).is_some_and(|&byte| !is_separator(byte)) {
            continue;
        }
        if at - word_start > LONGEST_WORD {
            let out = shortened.get_or_insert_default();
            let keep_until = word_start + LONGEST_WORD / 2;
            out.extend_from_slice(value.get(copied..keep_until).unwrap_or_default());
            copied = at - LONGEST_WORD / 2;
        }
        word_start = at + 1;
    }
    match shortened {
        Some(mut out) => {
            out.extend_from_slice(value.get(copied..).unwrap_or_default());
            Cow::Owned(out)
        }
        None => Cow::Borrowed(value),
    }
}

/// The bytes that end a word for libinjection.
const fn is_separator(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'['
            | b']'
            | b'{'
            | b'}'
            | b'<'
            | b'>'
            | b':'
            | b'\\'
            | b'?'
            | b'='
            | b'@'
            | b'!'
            | b'#'
            | b'~'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'&'
            | b'|'
            | b'^'
            | b'%'
            | b'('
            | b')'
            | b','
            | b'\''
            | b';'
            | b'"'
            | b'\t'..=b'\r' | 0xa0 | 0
    )
}
