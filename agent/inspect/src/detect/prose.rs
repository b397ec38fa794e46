//! Signs that prose has and that mean nothing there: apostrophes in words, semicolons between them, and `=` and `&` of
//! links.

use std::ops::Range;

use crate::{
    byte_set::ByteSet,
    detect::{cmdexe, sqli},
};

/// A value with more of one of them is not looked at, but for one in so many bytes.
const MOST: usize = 64;
const BYTES_EACH: usize = 32;

/// How many of one of them are looked at in a value of this length.
const fn most(len: usize) -> usize {
    MOST + len / BYTES_EACH
}

/// The kinds of bytes without quotes if all are apostrophes, without `;` if all divide sentences, and without `=` and
/// `&` if all are in the queries of links.
pub(super) fn without_prose(value: &[u8], mut bytes: ByteSet) -> ByteSet {
    if bytes.has_any(ByteSet::QUOTE) && are_all_apostrophes(value) {
        bytes = bytes.without(ByteSet::QUOTE);
    }
    if bytes.has_all(ByteSet::SEMICOLON.and(ByteSet::SPACE)) && do_all_divide_sentences(value) {
        bytes = bytes.without(ByteSet::SEMICOLON);
    }
    const LINK: ByteSet = ByteSet::EQUALS.and(ByteSet::COLON).and(ByteSet::SLASH).and(ByteSet::PLAIN);
    if bytes.has_all(LINK) && are_all_of_links(value) {
        bytes = bytes.without(ByteSet::EQUALS);
        if bytes.has_any(ByteSet::AMPERSAND) && do_all_join_parameters(value) {
            bytes = bytes.without(ByteSet::AMPERSAND);
        }
    }
    bytes
}

/// What English writes behind an apostrophe.
const CONTRACTIONS: [&[u8]; 7] = [b"s", b"t", b"d", b"m", b"ll", b"re", b"ve"];

/// Shortest rest of a word behind an elision or in a name: `l'heure`, `O'Brien`.
const SHORTEST_REST: usize = 3;

/// Whether every `'` stands within a word of prose, so that none of them can begin or end a string: `it's`, `l'heure`,
/// `O'Brien`. A word that an operator or a bracket follows is none of prose.
fn are_all_apostrophes(value: &[u8]) -> bool {
    memchr::memchr_iter(b'\'', value)
        .enumerate()
        .all(|(count, at)| count < most(value.len()) && is_apostrophe(value, at))
}

/// Whether every `=` follows the name of a parameter in the query of a link: `https://a.example/?page=2&lang=en`.
fn are_all_of_links(value: &[u8]) -> bool {
    memchr::memchr_iter(b'=', value)
        .enumerate()
        .all(|(count, at)| count < most(value.len()) && is_of_link(value, at))
}

/// Whether every `&` stands before a parameter of a query, in a value whose `=` are all of links: `&lang=en`. No shell
/// takes that for a command, whatever its name.
fn do_all_join_parameters(value: &[u8]) -> bool {
    /// Longest parameter.
    const LONGEST: usize = 64;
    let joins = |at: usize| {
        let rest = value.get(at + 1..).unwrap_or_default();
        let parameter = rest.get(..LONGEST).unwrap_or(rest);
        let is_plain =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-' | b'.' | b'=');
        let len = parameter.iter().take_while(is_plain).count();
        let (parameter, behind) = parameter.split_at_checked(len).unwrap_or_default();
        let ends = behind.first().map_or(len < LONGEST, |byte| matches!(byte, b' ' | b'\n' | b'&'));
        ends && parameter.contains(&b'=')
    };
    memchr::memchr_iter(b'&', value).enumerate().all(|(count, at)| count < most(value.len()) && joins(at))
}

/// Whether every `;` ends a part of a sentence, and the word behind it begins neither a statement of SQL nor a command
/// of a shell: `not sure; where is it`.
fn do_all_divide_sentences(value: &[u8]) -> bool {
    memchr::memchr_iter(b';', value)
        .enumerate()
        .all(|(count, at)| count < most(value.len()) && divides_sentence(value, at))
}

fn divides_sentence(value: &[u8], at: usize) -> bool {
    let (before, rest) = value.split_at_checked(at).unwrap_or_default();
    let Some(rest) = rest.strip_prefix(b"; ") else { return false };
    let Some((word, behind)) = first_word(rest) else { return false };
    let goes_on = match behind {
        [b' ', next, ..] => is_letter(*next),
        [b',', b' ', next, ..] => is_letter(*next),
        _ => false,
    };
    goes_on
        && before.last().is_some_and(|last| is_letter(*last))
        && !sqli::begins_statement(word)
        && !cmdexe::is_command(word)
}

/// Longest word of prose, in bytes.
const LONGEST_WORD: usize = 24;

/// The word of letters that text begins with, and what stands behind it.
fn first_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = text.iter().take(LONGEST_WORD + 1).take_while(|byte| is_letter(**byte)).count();
    (1..=LONGEST_WORD).contains(&len).then(|| text.split_at_checked(len))?
}

/// The word of letters that text ends with, and what stands before it.
fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = text.iter().rev().take(LONGEST_WORD + 1).take_while(|byte| is_letter(**byte)).count();
    (1..=LONGEST_WORD).contains(&len).then(|| text.split_at_checked(text.len() - len))?
}

fn is_of_link(value: &[u8], at: usize) -> bool {
    /// Longest link up to the sign.
    const LONGEST: usize = 256;
    let before = value.get(at.saturating_sub(LONGEST)..at).unwrap_or_default();
    let name = before
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        .count();
    let (link, name) = before.split_at_checked(before.len() - name).unwrap_or_default();
    let opens = match link {
        [.., b'?'] => true,
        [.., last, b'&'] => last.is_ascii_alphanumeric(),
        _ => false,
    };
    let start = memchr::memrchr2(b' ', b'\n', link).map_or(0, |blank| blank + 1);
    let link = link.get(start..).unwrap_or_default();
    let is_link = link.starts_with(b"https://") || link.starts_with(b"http://");
    let is_plain = || {
        link.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b':' | b'/' | b'.' | b'-' | b'_' | b'?' | b'&' | b'=' | b'%' | b'~' | b'+')
        })
    };
    opens && is_link && name.first().is_some_and(u8::is_ascii_alphabetic) && is_plain()
}

fn is_apostrophe(value: &[u8], at: usize) -> bool {
    let (before, rest) = value.split_at_checked(at).unwrap_or_default();
    let after = rest.get(1..).unwrap_or_default();
    let len = after.iter().take(24).take_while(|byte| is_letter(**byte)).count();
    let (word, behind) = after.split_at_checked(len).unwrap_or_default();
    let ends = match behind {
        [] | [b' ' | b'\n' | b'\r', ..] => true,
        [b'.' | b',' | b'!' | b'?' | b':', next, ..] => matches!(next, b' ' | b'\n' | b'\r'),
        [b'.' | b',' | b'!' | b'?'] => true,
        _ => false,
    };
    if !ends {
        return false;
    }
    match before {
        [start @ .., letter] if len >= SHORTEST_REST && letter.is_ascii_alphabetic() => {
            matches!(start.last(), None | Some(b' ' | b'\n'))
                || CONTRACTIONS.iter().any(|rest| word.eq_ignore_ascii_case(rest))
        }
        [.., letter] if is_letter(*letter) => CONTRACTIONS.iter().any(|rest| word.eq_ignore_ascii_case(rest)),
        _ => false,
    }
}

/// Whether a literal of a language, at `word`, is only a word of prose there.
pub(super) fn is_within_prose(value: &[u8], word: Range<usize>) -> bool {
    is_between_words(value, word.clone()) || is_in_sentences(value, word)
}

/// Whether a word stands between two words that mean nothing in SQL, with nothing but a blank and the mark of a
/// sentence between them: `please select a table`. Neither SQL nor script has anything to say there.
fn is_between_words(value: &[u8], word: Range<usize>) -> bool {
    let (Some(head), Some(literal), Some(tail)) =
        (value.get(..word.start), value.get(word.clone()), value.get(word.end..))
    else {
        return false;
    };
    let literal = literal.strip_suffix(b".").unwrap_or(literal).trim_ascii();
    if !literal.iter().all(|byte| byte.is_ascii_alphabetic()) {
        return false;
    }
    // What the literal is only a part of.
    let begins = value.get(word.start) != Some(&b' ');
    let part = if begins {
        head.iter().rev().take(LONGEST_WORD).take_while(|byte| is_letter(**byte)).count()
    } else {
        0
    };
    let head = head.get(..head.len() - part).unwrap_or_default();
    let ends = value.get(word.end - 1).is_some_and(u8::is_ascii_alphabetic);
    let part =
        if ends { tail.iter().take(LONGEST_WORD).take_while(|byte| is_letter(**byte)).count() } else { 0 };
    let tail = tail.get(part..).unwrap_or_default();
    let head = if begins { head.strip_suffix(b" ") } else { Some(head) };
    let tail = match tail {
        tail if value.get(word.end - 1) == Some(&b' ') => Some(tail),
        [b' ', tail @ ..] => Some(tail),
        [b',' | b'.' | b'?' | b'!', b' ', tail @ ..] => Some(tail),
        _ => None,
    };
    let (Some(head), Some(tail)) = (head, tail) else { return false };
    let head = match head {
        [head @ .., b',' | b'.' | b'?' | b'!'] => head,
        head => head,
    };
    let (Some((front, before)), Some((behind, rest))) = (last_word(head), first_word(tail)) else {
        return false;
    };
    let ends =
        matches!(rest, [] | [b' ', ..] | [b',' | b'.' | b'?' | b'!'] | [b',' | b'.' | b'?' | b'!', b' ', ..]);
    ends && matches!(front.last(), None | Some(b' ')) && !sqli::is_word(before) && !sqli::is_word(behind)
}

/// How far prose is looked for on both sides of a word, in bytes.
const AROUND: usize = 32;

/// Whether so many bytes on both sides of a word, and the word with its end, are those of sentences: words with a blank
/// between them, apostrophes and hyphens in them, and the marks behind them. The front of a value is none.
fn is_in_sentences(value: &[u8], word: Range<usize>) -> bool {
    let Some(start) = word.start.checked_sub(AROUND) else { return false };
    let around = value.get(start..value.len().min(word.end + AROUND)).unwrap_or_default();
    let mut last = 0;
    for (at, &byte) in around.iter().enumerate() {
        let fits = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => true,
            b' ' => last != b' ',
            b'\'' | b'-' => is_letter(last) && around.get(at + 1).is_none_or(|next| is_letter(*next)),
            b'.' | b',' | b'?' | b'!' | b':' => {
                is_letter(last) && around.get(at + 1).is_none_or(|next| *next == b' ')
            }
            _ => false,
        };
        if !fits && at > 0 {
            return false;
        }
        last = byte;
    }
    true
}

/// Letters of ASCII, and bytes of characters beyond.
const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_words_from_strings() {
        for words in [
            "It's fine, don't worry.",
            "I'd rather, they'll, we've, you're, I'm",
            "ask O'Brien or D'Angelo",
            "à l'heure, c'est bon",
            "Zoë's café",
            "no quotes at all",
        ] {
            assert!(are_all_apostrophes(words.as_bytes()), "{words}");
        }
        for strings in [
            "' or 1=1",
            "admin'--",
            "x'or'y",
            "it's 'quoted'",
            "x'onfocus=alert(1)",
            "1's",
            "x'in(1)",
            "a'b",
            "c'a't /etc/passwd",
            "dogs' tails",
            "it's'",
            "x's=1",
            &"it's".repeat(100),
        ] {
            assert!(!are_all_apostrophes(strings.as_bytes()), "{strings}");
        }
    }

    #[test]
    fn words_among_words_are_prose() {
        let within = |text: &str| {
            let at = text.find("select").expect("the word");
            is_in_sentences(text.as_bytes(), at..at + 6)
        };
        assert!(within(
            "It's fine, don't worry about it. Please select a table near the window: it's well-kept."
        ));
        assert!(within("Please tell everybody, although naïvely, to select"));
        for other in [
            "select a table near the window, and tell them why it is so nice there",
            "the price of it is lower than before, 1 union select a from b where it is said to be",
            "the price of it is lower than before; select a from b where it is said to be",
            "the price of it is lower than before  select a from b where it is said to be",
            "the price of it is lower than before select(a) from b where it is said to be",
            "the price of it is lower than before select a.b from b where it is said to be",
        ] {
            assert!(!within(other), "{other}");
        }
    }

    #[test]
    fn tells_links_from_comparisons() {
        for links in ["see https://a.example/docs?page=2&lang=en for more", "http://a.example?x=", "none: /?"]
        {
            assert!(are_all_of_links(links.as_bytes()), "{links}");
        }
        for others in [
            "1=1",
            "https://a.example/?id=1 or a=a",
            "https://a.example/?id=1'or'1'='1",
            "https://a.example/?id=1&&a=a",
            "https://a.example/?id=1&1=1",
            "/?a=1",
            "x?a=1",
            "https://a.example/?a=<b c=d",
        ] {
            assert!(!are_all_of_links(others.as_bytes()), "{others}");
        }
    }

    #[test]
    fn a_word_between_two_words_of_prose_is_prose() {
        let between = |text: &str, word: &str| {
            let at = text.find(word).expect("the word");
            is_within_prose(text.as_bytes(), at..at + word.len())
        };
        for (text, word) in [
            ("Please select a table, 7", "select"),
            ("20% of them: please select one.", "select"),
            ("the preselected one, 7", "select"),
            ("look at the window. The door", "window."),
            ("Please, drop me a line", "drop "),
            ("stay alert, boys!", "alert"),
        ] {
            assert!(between(text, word), "{text}");
        }
        for (text, word) in [
            ("select a table, 7", "select"),
            ("x union select a from b", "union"),
            ("x union select a from b", "select"),
            ("x union select a from b", "union select"),
            ("1 select a", "select"),
            ("(select a", "select"),
            ("x select 1", "select"),
            ("x select(a)", "select"),
            ("x select", "select"),
            ("x;select a", "select"),
            ("x /select/ a", "select"),
            ("x' select a", "select"),
            ("x select a=", "select"),
            ("x select a'", "select"),
            ("x select all", "select"),
            ("one or 1", "or 1"),
            ("the alert(1) here", "alert"),
            ("the alert.call here", "alert"),
            ("look at window.name here", "window."),
            ("look at document.x", "document."),
            ("the javascript: alert", "javascript"),
            ("we drop 1 now", "drop "),
            ("a -false b", "-false"),
        ] {
            assert!(!between(text, word), "{text}");
        }
    }

    #[test]
    fn tells_semicolons_of_sentences_from_separators() {
        for sentences in [
            "Not sure; where did you put the keys?",
            "it rains; however, we go",
            "on va; où donc",
            "one two; three four; five six",
            "none",
        ] {
            assert!(do_all_divide_sentences(sentences.as_bytes()), "{sentences}");
        }
        for separators in [
            "1; where is it",
            "a;where is it",
            "a;  where is it",
            "a; id here",
            "a; Cat notes",
            "a; shutdown now",
            "a; drop table",
            "a; waitfor delay",
            "a; where(1) or",
            "a; where",
            "a; where 1",
            "a; where = b",
            "a; x's",
            "a; whe're it",
            "a'; where is it",
            "one two; three four; id now",
            &"a; where is it".repeat(200),
        ] {
            assert!(!do_all_divide_sentences(separators.as_bytes()), "{separators}");
        }
    }

    #[test]
    fn tells_parameters_from_commands() {
        for links in
            ["https://a.example/?x=1&lang=en for more", "https://a.example/?x=1&a=b&c=d.e-f_g", "none"]
        {
            assert!(do_all_join_parameters(links.as_bytes()), "{links}");
        }
        for commands in [
            "https://a.example/?x=1&id",
            "https://a.example/?x=1&id;y=2",
            "https://a.example/?x=1&a=/bin/cat",
            "https://a.example/?x=1&a=b&&id=1",
            "https://a.example/?x=1& id=1",
            "https://a.example/?x=1&a=$(id)",
            "https://a.example/?x=1&a=`id`",
            "https://a.example/?x=1&a=b+c",
        ] {
            assert!(!do_all_join_parameters(commands.as_bytes()), "{commands}");
        }
    }
}
