//! Whether a text may have a step out of a folder at all, at the price of a look at its dots.

/// Whether there may be a step out of a folder in any spelling. Errs towards yes; ellipses and the dots at the end of
/// sentences are none.
pub(super) fn may_leave(text: &[u8]) -> bool {
    is_spelled_oddly(text) || has_step(text)
}

/// Whether a dot or a slash may be written as `%2e`, `0x2f` or in bytes that are no UTF-8.
fn is_spelled_oddly(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).any(|at| text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric))
        || memchr::memchr2(0xc0, 0xc1, text).is_some()
        || memchr::memchr2_iter(b'x', b'X', text).any(|at| {
            matches!(text.get(at + 1), Some(b'2' | b'5'))
                && at.checked_sub(1).is_some_and(|at| text.get(at) == Some(&b'0'))
        })
}

/// Whether two dots, or what stands for them, are a segment of a path.
fn has_step(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b'.', b'?', text.get(from..).unwrap_or_default()) {
        let start = from + found;
        let rest = text.get(start..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| matches!(byte, b'.' | b'?' | b';' | b'%' | 0 | 1)).count();
        from = start + len.max(1);
        let run = rest.get(..len).unwrap_or_default();
        if run.iter().filter(|byte| matches!(byte, b'.' | b'?')).nth(1).is_none() {
            continue;
        }
        let before = start.checked_sub(1).and_then(|at| text.get(at));
        // `name..` goes on as a name, and `name?..` does not.
        let in_name = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
        let is_step = match before {
            _ if in_name && run.iter().all(|byte| *byte == b'.') => false,
            Some(b'/' | b'\\' | b'%') => true,
            // Slashes, also as the `0x2f`, `2f` and `5c` that a broken encoding leaves, and an overlong `o`.
            _ => matches!(rest.get(len), Some(b'/' | b'\\' | b'0' | b'2' | b'5' | b'o')),
        };
        if is_step {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_leave_no_folder() {
        for text in [
            "Wait... what?! Well.. and so on.",
            "see https://example.org/docs?page=2&lang=en and a/b/c.d",
            "20% of ./configure && make ...",
            "is it this one?? or (...) that",
            "",
        ] {
            assert!(!may_leave(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn steps_in_any_spelling_leave_it() {
        for text in [
            "cat ../x",
            "a ..\\b",
            "x /..",
            "..;/x",
            "page?../x",
            "a %2e%2e/",
            "..%5cfile",
            "0x2e0x2e/",
            "..0x2f..0x2f",
            "??/??/x",
            "....//",
            "..2f",
        ] {
            assert!(may_leave(text.as_bytes()), "{text}");
        }
        assert!(may_leave(b"a \xc0^\xc0^/x") && may_leave(b"..\0/x"));
    }
}
