//! MessagePack, and its messages in SignalR's hub protocol, each with its length before it.

use std::ops::ControlFlow;

use crate::payload::{
    leaf::Place,
    tree::{self, End, Token, number, range},
    walk::Walk,
};

/// Whether data is MessagePack as a whole.
pub(super) fn is_valid(walk: &mut Walk<'_>, data: &[u8]) -> bool {
    tree::is_valid(walk, token, data) || measured(data).is_some_and(|rest| tree::is_valid(walk, token, rest))
}

/// Shows all strings and keys.
pub(super) fn walk(walk: &mut Walk<'_>, data: &[u8], place: &Place<'_>) -> ControlFlow<(), End> {
    let measured = measured(data).filter(|rest| tree::is_valid(walk, token, rest));
    tree::walk(walk, token, measured.unwrap_or(data), place)
}

/// The message behind a length that fits (in 7-bit groups, the lowest first).
fn measured(data: &[u8]) -> Option<&[u8]> {
    let mut length = 0_usize;
    for (at, &byte) in data.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let rest = data.get(at + 1..)?;
            return (rest.len() == length).then_some(rest);
        }
    }
    None
}

/// Reads one token (MessagePack specification, "Formats").
fn token(data: &[u8], at: usize) -> Option<(Token, usize)> {
    let first = *data.get(at)?;
    let at = at + 1;
    let text = |len: u64, at: usize| {
        let range = range(data, at, len)?;
        let end = range.end;
        Some((Token::Text(range), end))
    };
    let bytes = |len: u64, at: usize| {
        let range = range(data, at, len)?;
        let end = range.end;
        Some((Token::Bytes(range), end))
    };
    let skip = |len: usize| {
        let end = at.checked_add(len)?;
        (end <= data.len()).then_some((Token::Other, end))
    };
    match first {
        0..=0x7f => Some((Token::Number(u64::from(first)), at)),
        0x80..=0x8f => Some((Token::Map(Some(u64::from(first & 15))), at)),
        0x90..=0x9f => Some((Token::Array(Some(u64::from(first & 15))), at)),
        0xa0..=0xbf => text(u64::from(first & 31), at),
        0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Some((Token::Other, at)),
        0xc1 => None,
        0xc4..=0xc6 => {
            let (len, at) = number(data, at, 1 << (first - 0xc4))?;
            bytes(len, at)
        }
        0xc7..=0xc9 => {
            let (len, at) = number(data, at, 1 << (first - 0xc7))?;
            bytes(len, at + 1)
        }
        0xca => skip(4),
        0xcb => skip(8),
        0xcc..=0xcf => {
            let (value, at) = number(data, at, 1 << (first - 0xcc))?;
            Some((Token::Number(value), at))
        }
        0xd0..=0xd3 => skip(1 << (first - 0xd0)),
        0xd4..=0xd8 => bytes(1 << (first - 0xd4), at + 1),
        0xd9..=0xdb => {
            let (len, at) = number(data, at, 1 << (first - 0xd9))?;
            text(len, at)
        }
        0xdc | 0xdd => {
            let (len, at) = number(data, at, 2 << (first - 0xdc))?;
            Some((Token::Array(Some(len)), at))
        }
        0xde | 0xdf => {
            let (len, at) = number(data, at, 2 << (first - 0xde))?;
            Some((Token::Map(Some(len)), at))
        }
    }
}
