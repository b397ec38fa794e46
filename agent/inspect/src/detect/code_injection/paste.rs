//! Tells what people paste and discuss from what is aimed at an interpreter.

use std::ops::Range;

use crate::detect::mark::is_word;

/// Whether a value is something that people paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paste {
    /// It is short and has neither lines nor sentences.
    No,
    /// It has lines and no sentences.
    Lines,
    /// It has words of a sentence around code.
    Sentence,
    /// It is a text about code: so many words that no interpreter would come to the code.
    Text,
}

/// Lines with something in them that make a block of code.
const BLOCK_LINES: usize = 3;
/// Words that make a sentence.
const SENTENCE_WORDS: usize = 3;
/// Words that make a text.
const TEXT_WORDS: usize = 16;

impl Paste {
    /// Reads the value once, up to where it is decided.
    pub(super) fn of(value: &[u8]) -> Self {
        match words(value) {
            TEXT_WORDS.. => Self::Text,
            SENTENCE_WORDS.. => Self::Sentence,
            _ if lines(value) >= BLOCK_LINES => Self::Lines,
            _ => Self::No,
        }
    }
}

/// Whether what stands at `at` follows what begins code within text: a tag of PHP, ASP, JSP or ERB, an expression of OGNL,
/// Perl or Ruby.
pub(super) fn is_embedded(value: &[u8], at: &Range<usize>) -> bool {
    let before = value.get(..at.end).unwrap_or_default();
    let before = before.get(before.len().saturating_sub(LINE)..).unwrap_or_default();
    memchr::memchr3_iter(b'?', b'%', b'{', before).any(|end| {
        let opener = end.checked_sub(1).and_then(|start| before.get(start..=end));
        matches!(opener, Some(b"<?" | b"<%" | b"%{" | b"#{" | b"@{"))
    })
}

/// Whether what stands at `at` comes right after the end of a string that does not begin in its line of the value:
/// `';system(`, `'.system(`. Pasted code has both ends of its strings.
pub(super) fn breaks_out(value: &[u8], at: &Range<usize>) -> bool {
    let before = value.get(..at.start).unwrap_or_default();
    let before = before.get(before.len().saturating_sub(LINE)..).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).and_then(|end| before.get(end + 1..)).unwrap_or(before);
    let joins = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(byte, b';' | b'.' | b'+' | b')' | b'}' | b'|' | b'&' | b'@' | b'`')
    };
    let joint = line.iter().rev().take_while(|byte| joins(byte)).count();
    let Some((&quote @ (b'\'' | b'"'), string)) = line.get(..line.len() - joint).and_then(<[u8]>::split_last)
    else {
        return false;
    };
    // An apostrophe within a word is no quote.
    let is_quote = |at: usize| {
        let is_inner =
            |at: Option<usize>| at.and_then(|at| string.get(at)).is_some_and(|byte| is_word(*byte));
        !(is_inner(at.checked_sub(1)) && is_inner(at.checked_add(1)))
    };
    joint > 0 && memchr::memchr_iter(quote, string).filter(|at| is_quote(*at)).count() % 2 == 0
}

/// How far back a line is read.
const LINE: usize = 256;

fn lines(value: &[u8]) -> usize {
    value.split(|&byte| byte == b'\n').filter(|line| line.trim_ascii().len() > 2).take(BLOCK_LINES).count()
}

/// Words as in a sentence: of letters only, between blanks and marks of punctuation, outside of strings and
/// comments, and no keywords. Scripts that set no blanks count a word every six bytes. The strings of JSON are data, so
/// their words count.
fn words(value: &[u8]) -> usize {
    let is_json = matches!(value.trim_ascii_start(), [b'{' | b'[', next @ ..] if matches!(next.trim_ascii_start(), [b'"' | b'{', ..]));
    let mut words = 0;
    let mut previous = b' ';
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        if words >= TEXT_WORDS {
            break;
        }
        if byte.is_ascii_alphabetic() || byte >= 0x80 {
            let is_inside =
                |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b'_' | b'\'');
            let len = rest.iter().take_while(|byte| is_inside(byte)).count();
            let (word, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            let ends = match after {
                [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => true,
                [b',' | b'.' | b'!' | b'?' | b':', next, ..] => next.is_ascii_whitespace() || *next >= 0x80,
                [b',' | b'.' | b'!' | b'?' | b':'] => true,
                _ => false,
            };
            if (previous.is_ascii_whitespace() || previous >= 0x80) && ends && is_sentence_word(word) {
                words += 1 + word.iter().filter(|byte| **byte >= 0x80).count() / 6;
            }
            previous = word.last().copied().unwrap_or(b'a');
            rest = after;
            continue;
        }
        rest = match byte {
            b'"' if is_json => {
                previous = b' ';
                rest = after;
                continue;
            }
            b'"' | b'\'' | b'`' => skip_string(byte, after),
            b'/' if after.first() == Some(&b'/') && previous != b':' => skip_line(after),
            b'#' if previous.is_ascii_whitespace() => skip_line(after),
            b'/' if after.first() == Some(&b'*') => {
                memchr::memmem::find(after, b"*/").and_then(|end| after.get(end + 2..)).unwrap_or_default()
            }
            _ => after,
        };
        previous = byte;
    }
    words
}

/// What follows a comment up to the end of its line.
fn skip_line(after: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', after).and_then(|end| after.get(end..)).unwrap_or_default()
}

/// What follows a string, which ends in its line. (An apostrophe within a word opens none.)
fn skip_string(quote: u8, after: &[u8]) -> &[u8] {
    match memchr::memchr2(quote, b'\n', after) {
        Some(end) if after.get(end) == Some(&quote) => after.get(end + 1..).unwrap_or_default(),
        Some(end) => after.get(end..).unwrap_or_default(),
        None => &[],
    }
}

fn is_sentence_word(word: &[u8]) -> bool {
    let plain = word.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80 || *byte == b'\'');
    plain
        && (word.len() > 1 || matches!(word, b"a" | b"I"))
        && !KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// Words of code, which also stand in injected code.
const KEYWORDS: [&[u8]; 40] = [
    b"echo",
    b"print",
    b"return",
    b"new",
    b"import",
    b"from",
    b"if",
    b"else",
    b"var",
    b"let",
    b"const",
    b"function",
    b"and",
    b"or",
    b"not",
    b"in",
    b"for",
    b"while",
    b"lambda",
    b"exec",
    b"system",
    b"eval",
    b"do",
    b"my",
    b"use",
    b"require",
    b"include",
    b"open",
    b"id",
    b"as",
    b"is",
    b"true",
    b"false",
    b"null",
    b"this",
    b"await",
    b"async",
    b"typeof",
    b"select",
    b"where",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_paste_from_an_injection() {
        for injected in [
            "';system('cat /etc/passwd | grep root | wc');//",
            "require('child_process').exec('echo now you see me')",
            "__import__('os').system('id')\n",
            "<?php echo shell_exec($_GET['c']); ?>",
        ] {
            assert_eq!(Paste::of(injected.as_bytes()), Paste::No, "{injected}");
        }
        for (pasted, paste) in [
            ("you could use os.system('ls') for that", Paste::Sentence),
            ("import os\n\nos.system('clear')\nprint('done')", Paste::Lines),
            ("可以用 os.system('ls') 来执行这个命令,不过不推荐这样做", Paste::Sentence),
            ("можно написать os.system('ls') вместо этого", Paste::Sentence),
            (&"A long story about what happened when we called eval. ".repeat(8), Paste::Text),
        ] {
            assert_eq!(Paste::of(pasted.as_bytes()), paste, "{pasted}");
        }
    }

    #[test]
    fn sees_what_comes_out_of_a_string_of_somebody_else() {
        for (value, breaks) in [
            ("my friends don't mind ';system('id');//", true),
            ("a b c '.system('id').'", true),
            ("one\ntwo\n\"; system(\"id\")", true),
            ("$a = 'x'; system('id');", false),
            ("echo 'done'.system('id')", false),
            ("we call system('id')", false),
        ] {
            let at = value.find("system").expect("each has it");
            assert_eq!(breaks_out(value.as_bytes(), &(at..at + 6)), breaks, "{value}");
        }
    }
}
