//! Tells an apostrophe from a quotation mark.

/// A value with more of them is not looked at.
const MOST: usize = 64;

/// What English writes behind an apostrophe.
const CONTRACTIONS: [&[u8]; 7] = [b"s", b"t", b"d", b"m", b"ll", b"re", b"ve"];

/// Shortest rest of a word behind an elision or in a name: `l'heure`, `O'Brien`.
const SHORTEST_REST: usize = 3;

/// Whether every `'` stands within a word of prose, so that none of them can begin or end a string: `it's`, `l'heure`,
/// `O'Brien`. A word that an operator or a bracket follows is none of prose.
pub(super) fn are_all_apostrophes(value: &[u8]) -> bool {
    memchr::memchr_iter(b'\'', value).enumerate().all(|(count, at)| count < MOST && is_apostrophe(value, at))
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
            &"it's ".repeat(65),
        ] {
            assert!(!are_all_apostrophes(strings.as_bytes()), "{strings}");
        }
    }
}
