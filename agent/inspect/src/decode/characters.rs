//! Encoded characters: `%27`, `%u0027`, `\u0027`, `\u{27}`, `\x27`, `\47`, `&#39;`, `&quot;`.

use crate::decode::{Step, Steps, entity};

/// A character that was read.
pub(super) enum Character {
    /// A byte; several may be a character in UTF-8.
    Byte(u8),
    /// A code point, U+FFFD for one that is none.
    Char(char),
}

/// Undoes one layer of encoded characters into `out`; what is malformed stays as it is. Returns false, with `out`
/// empty, if nothing is encoded. `again` says that percent-encoding was undone before.
pub(super) fn undo(value: &[u8], again: bool, out: &mut Vec<u8>, steps: &mut Steps) -> bool {
    let mut at = 0;
    let mut copied = 0;
    let mut changed = false;
    while let Some(rest) = value.get(at..).filter(|rest| !rest.is_empty()) {
        at += memchr::memchr3(b'%', b'\\', b'&', rest).unwrap_or(rest.len());
        let rest = value.get(at..).unwrap_or_default();
        let Some((character, used, step)) = character(rest) else {
            at += 1;
            continue;
        };
        out.extend_from_slice(value.get(copied..at).unwrap_or_default());
        match character {
            Character::Byte(byte) => {
                if step == Step::Percent && no_encoder_writes(byte, again) {
                    steps.hides();
                }
                out.push(byte);
            }
            Character::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        steps.insert(step);
        changed = true;
        at += used;
        copied = at;
    }
    if changed {
        out.extend_from_slice(value.get(copied..).unwrap_or_default());
    }
    changed
}

/// Whether percent-encoding this byte is no habit of any encoder: letters and digits. Those who encode a whole URL
/// within another encode what is reserved there, twice; not quotes or dots.
const fn no_encoder_writes(byte: u8, again: bool) -> bool {
    byte.is_ascii_alphanumeric()
        || again && matches!(byte, b'.' | b'\'' | b'"' | b'<' | b'>' | b'|' | b'`' | b'\\' | b';' | b'(')
}

/// Reads the character that is encoded at the front: with the number of bytes and the encoding.
fn character(rest: &[u8]) -> Option<(Character, usize, Step)> {
    match rest {
        [b'%', b'u' | b'U', ..] => {
            unit(rest).map(|(char, used)| (Character::Char(char), used, Step::PercentU))
        }
        [b'%', high, low, ..] => Some((Character::Byte(hex(*high)? << 4 | hex(*low)?), 3, Step::Percent)),
        [b'\\', ..] => escape(rest).map(|(character, used)| (character, used, Step::Escape)),
        [b'&', ..] => entity::read(rest).map(|(char, used)| (Character::Char(char), used, Step::Entity)),
        _ => None,
    }
}

fn escape(rest: &[u8]) -> Option<(Character, usize)> {
    match rest {
        [_, b'u', b'{', digits @ ..] => {
            let mut code = 0_u32;
            let mut len = 0;
            while let Some(digit) = digits.get(len).and_then(|digit| hex(*digit)) {
                code = code.saturating_mul(16).saturating_add(u32::from(digit));
                len += 1;
            }
            let ends = len > 0 && digits.get(len) == Some(&b'}');
            let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            ends.then_some((Character::Char(char), len + 4))
        }
        [_, b'u' | b'U', ..] => unit(rest).map(|(char, used)| (Character::Char(char), used)),
        [_, b'x' | b'X', high, low, ..] => Some((Character::Byte(hex(*high)? << 4 | hex(*low)?), 4)),
        [_, high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', ..] => {
            Some((Character::Byte((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0')), 4))
        }
        // Two digits are a character only if it can be seen: `\47`, not a folder called 12.
        [_, high @ b'4'..=b'7', low @ b'0'..=b'7', after @ ..]
            if !after.first().is_some_and(u8::is_ascii_digit) =>
        {
            Some((Character::Byte((high - b'0') << 3 | (low - b'0')), 3))
        }
        _ => None,
    }
}

/// Reads `\uXXXX` or `%uXXXX`, or two of them that are a surrogate pair. Half a pair becomes U+FFFD.
fn unit(rest: &[u8]) -> Option<(char, usize)> {
    let first = four_digits(rest)?;
    if let Some(char) = char::from_u32(first) {
        return Some((char, 6));
    }
    let second = rest.get(6..).filter(|second| second.first() == rest.first()).and_then(four_digits);
    match (first, second) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 6)),
    }
}

fn four_digits(rest: &[u8]) -> Option<u32> {
    let [_, b'u' | b'U', digits @ ..] = rest else { return None };
    digits.get(..4)?.iter().try_fold(0, |code, &digit| Some(code << 4 | u32::from(hex(digit)?)))
}

/// The value of a hexadecimal digit.
pub(super) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
