//! Protocol Buffers without their schema: fields that can be text are, and fields that can be messages are.

use std::ops::ControlFlow;

use crate::payload::{
    binary,
    leaf::{Level, Place},
    walk::Walk,
};

/// Messages within messages that are followed.
const MAX_DEPTH: usize = 12;

/// How many of them may look like text at the same time: both are shown.
const MAX_PRINTABLE_DEPTH: usize = 2;

/// Schemas rarely have more fields; larger numbers are a sign of other data.
const MAX_FIELD: u64 = 4096;

/// Whether data can be a message, with text or another message in it.
pub(super) fn is_valid(data: &[u8]) -> bool {
    let mut strings = 0;
    let sound = fields(data, &mut |_, _| {
        strings += 1;
        ControlFlow::Continue(())
    });
    sound == ControlFlow::Continue(true) && strings > 0
}

/// Shows what can be text in data that [can be](is_valid) a message.
pub(super) fn walk(walk: &mut Walk<'_>, data: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let mut space = walk.space();
    let result = message(walk, data, place, &mut space.levels);
    walk.give_back(space);
    result
}

/// The message behind the prefix of gRPC-Web: whether it is compressed or trailers, and its length.
pub(super) fn without_prefix(data: &[u8]) -> Option<&[u8]> {
    let (&[flags, a, b, c, d], rest) = data.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    (matches!(flags, 0 | 0x80) && len == rest.len()).then_some(rest)
}

fn message(walk: &mut Walk<'_>, data: &[u8], place: &Place<'_>, levels: &mut Vec<Level>) -> ControlFlow<()> {
    let sound = fields(data, &mut |number, value| {
        levels.push(Level::Number(number));
        let is_text = simdutf8::basic::from_utf8(value).is_ok();
        let is_message = levels.len() < MAX_DEPTH && is_valid(value);
        let is_printable = is_text && !value.iter().any(|byte| *byte < b' ' && !byte.is_ascii_whitespace());
        if is_text && (is_printable || !is_message) {
            walk.text(value, b"", Place::levels_in(place, data, levels))?;
        } else if !is_message {
            binary::inside(walk, value, b"", &Place::levels_in(place, data, levels))?;
        }
        // A message of one long string is printable: a line feed, a length, the string.
        let long_string =
            levels.len() <= MAX_PRINTABLE_DEPTH && value.first().is_some_and(|byte| *byte < b' ');
        if is_message && (!is_printable || long_string) {
            message(walk, value, place, levels)?;
        }
        levels.pop();
        ControlFlow::Continue(())
    });
    sound.map_continue(|_| ())
}

/// Calls `each` with the number and the bytes of each length-delimited field. Whether all of `data` is fields.
fn fields(data: &[u8], each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>) -> ControlFlow<(), bool> {
    const BAD: ControlFlow<(), bool> = ControlFlow::Continue(false);
    let mut rest = data;
    while !rest.is_empty() {
        let Some((tag, behind)) = varint(rest) else { return BAD };
        let number = tag >> 3;
        if number == 0 || number > MAX_FIELD {
            return BAD;
        }
        let fixed = match tag & 7 {
            0 => {
                let Some((_, behind)) = varint(behind) else { return BAD };
                rest = behind;
                continue;
            }
            1 => 8,
            5 => 4,
            2 => {
                let Some((len, behind)) = varint(behind) else { return BAD };
                let Some((value, behind)) =
                    usize::try_from(len).ok().and_then(|len| behind.split_at_checked(len))
                else {
                    return BAD;
                };
                each(number, value)?;
                rest = behind;
                continue;
            }
            _ => return BAD,
        };
        let Some(behind) = behind.get(fixed..) else { return BAD };
        rest = behind;
    }
    ControlFlow::Continue(true)
}

fn varint(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, &byte) in data.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, data.get(at + 1..)?));
        }
    }
    None
}
