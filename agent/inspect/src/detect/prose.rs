//! Signs that prose has and that mean nothing there: apostrophes in words, and the `=` of links.

use std::ops::Range;

use crate::byte_set::ByteSet;

/// A value with more of one of them is not looked at, but for one in so many bytes.
const MOST: usize = 64;
const BYTES_EACH: usize = 32;

/// How many of one of them are looked at in a value of this length.
const fn most(len: usize) -> usize {
    MOST + len / BYTES_EACH
}

/// The kinds of bytes without quotes if all are apostrophes, and without `=` if all are in the queries of links.
pub(super) fn without_prose(value: &[u8], mut bytes: ByteSet) -> ByteSet {
    if bytes.has_any(ByteSet::QUOTE) && are_all_apostrophes(value) {
        bytes = bytes.without(ByteSet::QUOTE);
    }
    const LINK: ByteSet = ByteSet::EQUALS.and(ByteSet::COLON).and(ByteSet::SLASH).and(ByteSet::PLAIN);
    if bytes.has_all(LINK) && are_all_of_links(value) {
        bytes = bytes.without(ByteSet::EQUALS);
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

/// How far prose is looked for on both sides of a word, in bytes.
const AROUND: usize = 32;

/// Whether so many bytes on both sides of a word, and the word with its end, are those of sentences: words with a blank
/// between them, apostrophes and hyphens in them, and the marks behind them. The front of a value is none.
pub(super) fn is_within_prose(value: &[u8], word: Range<usize>) -> bool {
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
            is_within_prose(text.as_bytes(), at..at + 6)
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
}
