//! CBOR (RFC 8949).

use std::ops::ControlFlow;

use crate::payload::{
    leaf::Place,
    tree::{self, End, Token, number, range},
    walk::Walk,
};

/// Whether data is CBOR as a whole.
pub(super) fn is_valid(walk: &mut Walk<'_>, data: &[u8]) -> bool {
    tree::is_valid(walk, token, data)
}

/// Shows all strings and keys.
pub(super) fn walk(walk: &mut Walk<'_>, data: &[u8], place: &Place<'_>) -> ControlFlow<(), End> {
    tree::walk(walk, token, data, place)
}

/// Reads one head, and the string behind it (RFC 8949 §3).
fn token(data: &[u8], at: usize) -> Option<(Token, usize)> {
    let first = *data.get(at)?;
    let at = at + 1;
    let (argument, at) = match first & 31 {
        small @ 0..=23 => (Some(u64::from(small)), at),
        size @ 24..=27 => {
            let (value, at) = number(data, at, 1 << (size - 24))?;
            (Some(value), at)
        }
        31 => (None, at),
        _ => return None,
    };
    Some(match (first >> 5, argument) {
        (0, Some(value)) => (Token::Number(value), at),
        (1, Some(_)) => (Token::Other, at),
        (2, Some(len)) => {
            let range = range(data, at, len)?;
            let end = range.end;
            (Token::Bytes(range), end)
        }
        (3, Some(len)) => {
            let range = range(data, at, len)?;
            let end = range.end;
            (Token::Text(range), end)
        }
        (major @ (2 | 3), None) => (Token::Pieces { is_text: major == 3 }, at),
        (4, len) => (Token::Array(len), at),
        (5, len) => (Token::Map(len), at),
        (6, Some(_)) => (Token::Tag, at),
        (7, None) => (Token::Break, at),
        (7, Some(_)) => (Token::Other, at),
        _ => return None,
    })
}
