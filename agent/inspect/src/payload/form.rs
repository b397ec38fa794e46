//! URL-encoded parameters: `name=value&name=value` (WHATWG URL §5.1).

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    payload::{
        leaf::{Kind, Place},
        walk::{Space, Walk},
    },
};

/// Longest name of a parameter, in bytes; what is longer before `=` is text.
const MAX_NAME: usize = 64;

/// Whether a text looks like parameters: each part has a name of plain characters and a value.
pub(super) fn is_likely(text: &[u8]) -> bool {
    let mut valued = false;
    let mut rest = text;
    loop {
        let len = rest.iter().take(MAX_NAME + 1).take_while(|byte| is_of_name(**byte)).count();
        if len == 0 || len > MAX_NAME {
            return false;
        }
        let (_, behind) = rest.split_at_checked(len).unwrap_or_default();
        let part = match behind.first() {
            None | Some(b'&') => 0,
            Some(b'=') => memchr::memchr(b'&', behind).unwrap_or(behind.len()),
            Some(_) => return false,
        };
        let is_last = part == behind.len();
        if part > 0 {
            // Padding of base64 is not the beginning of a value.
            if is_last && !valued && matches!(behind, b"=" | b"==") {
                return false;
            }
            valued = true;
        }
        if is_last {
            return valued;
        }
        rest = behind.get(part + 1..).unwrap_or_default();
    }
}

/// Whether an encoder wrote it: nothing in it would have been encoded. Then it can hardly be anything else.
pub(super) fn is_encoded(text: &[u8]) -> bool {
    let clean = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'*' | b'+' | b'%' | b'&' | b'=' | b'[' | b']')
    };
    memchr::memchr(b'&', text).is_some() && text.iter().all(clean)
}

/// Shows the names and values of a text that [looks like](is_likely) parameters, decoded once.
pub(super) fn walk(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let mut space = walk.space();
    let Space { decoded, .. } = &mut space;
    for part in text.split(|byte| *byte == b'&') {
        let equals = memchr::memchr(b'=', part).unwrap_or(part.len());
        let (name, value) = part.split_at(equals);
        let at = Place::part_of(place, name);
        let (shown, bytes) = decode(name, decoded);
        walk.show(shown, bytes, Kind::Key, shown, at)?;
        if let Some((_, value)) = value.split_first() {
            let (shown, bytes) = decode(value, decoded);
            if memchr::memchr2(b'%', b'+', name).is_none() {
                walk.tell(shown, at);
            } else {
                let mut undone = Vec::new();
                let (name, _) = decode(name, &mut undone);
                walk.tell(shown, Place::part_of(place, name));
            }
            walk.show(shown, bytes, Kind::Text, name, at)?;
        }
    }
    walk.give_back(space);
    ControlFlow::Continue(())
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'$' | b'+')
}

/// Undoes `+` and `%27`; an escape that is malformed stands as it is.
fn decode<'a>(text: &'a [u8], out: &'a mut Vec<u8>) -> (&'a [u8], ByteSet) {
    let bytes = ByteSet::of(text);
    if !bytes.has_any(ByteSet::PERCENT.and(ByteSet::PLUS)) {
        return (text, bytes);
    }
    out.clear();
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        out.push(match (byte, behind) {
            (b'+', _) => b' ',
            (b'%', [high, low, ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = behind.get(2..).unwrap_or_default();
                    high << 4 | low
                }
                _ => byte,
            },
            _ => byte,
        });
    }
    (out, ByteSet::of(out))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_names_and_one_a_value() {
        for form in ["a=b", "a=b&c", "a&b=c", "a=&b=", "a==b", "a=b=c", "a=b&c=", "a=1&b==", "a[0]=x y"] {
            assert!(is_likely(form.as_bytes()), "{form}");
        }
        for other in [
            "",
            "a",
            "a=",
            "a&b",
            "=b",
            "a==",
            "a=b&",
            "&a=b",
            "a=b&&c=d",
            "a=b&=c",
            "a b=c",
            "a=b&c d=e",
            "a b&c=d",
        ] {
            assert!(!is_likely(other.as_bytes()), "{other}");
        }
        let long = "a".repeat(MAX_NAME);
        assert!(is_likely(format!("{long}=b").as_bytes()));
        assert!(!is_likely(format!("{long}a=b").as_bytes()));
    }
}
