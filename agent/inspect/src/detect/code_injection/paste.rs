//! Tells what people paste and discuss from what is aimed at an interpreter.

/// Whether a value is something that people paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paste {
    /// It is short and has neither lines nor sentences.
    No,
    /// It has lines, or words of a sentence around code.
    Code,
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
        let words = words(value);
        if words >= TEXT_WORDS {
            Self::Text
        } else if words >= SENTENCE_WORDS || lines(value) >= BLOCK_LINES {
            Self::Code
        } else {
            Self::No
        }
    }
}

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
            b'/' if after.first() == Some(&b'*') => {
                memchr::memmem::find(after, b"*/").and_then(|end| after.get(end + 2..)).unwrap_or_default()
            }
            _ => after,
        };
        previous = byte;
    }
    words
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
        for pasted in [
            "you could use os.system('ls') for that",
            "import os\n\nos.system('clear')\nprint('done')",
            "可以用 os.system('ls') 来执行这个命令,不过不推荐这样做",
            "можно написать os.system('ls') вместо этого",
        ] {
            assert_eq!(Paste::of(pasted.as_bytes()), Paste::Code, "{pasted}");
        }
        let text = "A long story about what happened when we called eval. ".repeat(8);
        assert_eq!(Paste::of(text.as_bytes()), Paste::Text);
    }
}
