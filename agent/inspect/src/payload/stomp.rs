//! STOMP frames (STOMP 1.0 to 1.2): a command, headers, a body, NUL.

use std::ops::ControlFlow;

use crate::payload::{
    binary,
    leaf::{Anomaly, Place},
    text,
    walk::{Space, Walk},
};

const COMMANDS: [&[u8]; 15] = [
    b"SEND",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"CONNECT",
    b"STOMP",
    b"DISCONNECT",
    b"ACK",
    b"NACK",
    b"BEGIN",
    b"COMMIT",
    b"ABORT",
    b"CONNECTED",
    b"MESSAGE",
    b"RECEIPT",
    b"ERROR",
];

/// Whether a text begins with a command on a line of its own, and a header or the end of the headers.
pub(super) fn is_frame(text: &[u8]) -> bool {
    if !text.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
    let Some((command, rest)) = line(text.get(..256).unwrap_or(text)) else { return false };
    if !COMMANDS.contains(&command) {
        return false;
    }
    let name =
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    match rest {
        [b'\n', ..] | [b'\r', b'\n', ..] => true,
        _ => {
            let len = name.count();
            len > 0 && rest.get(len) == Some(&b':')
        }
    }
}

/// Shows the headers and bodies of frames, and what is not one as a whole.
pub(super) fn walk(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let mut rest = text;
    loop {
        // Line ends between frames keep the connection alive.
        while let [b'\n' | b'\r', behind @ ..] = rest {
            rest = behind;
        }
        if rest.is_empty() {
            return ControlFlow::Continue(());
        }
        if !is_frame(rest) {
            walk.anomaly(Anomaly::Malformed, rest, *place);
            return walk.whole(rest, *place);
        }
        rest = frame(walk, rest, place)?;
    }
}

/// Shows one frame and returns what stands behind it.
fn frame<'a>(walk: &mut Walk<'_>, text: &'a [u8], place: &Place<'_>) -> ControlFlow<(), &'a [u8]> {
    let (_, mut rest) = line(text).unwrap_or((text, b""));
    let mut length: Option<usize> = None;
    let mut sound = true;
    let mut space = walk.space();
    let Space { decoded, .. } = &mut space;
    loop {
        let Some((header, behind)) = line(rest) else {
            sound = false;
            break;
        };
        rest = behind;
        if header.is_empty() {
            break;
        }
        let Some(colon) = memchr::memchr(b':', header) else {
            sound = false;
            walk.text(header, b"", *place)?;
            continue;
        };
        let (name, value) = header.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let at = Place::header_of(place, name);
        walk.key(unescape(name, decoded), at)?;
        walk.text(unescape(value, decoded), name, at)?;
        if length.is_none() && name == b"content-length" {
            length = std::str::from_utf8(value).ok().and_then(|digits| digits.trim().parse().ok());
        }
    }
    walk.give_back(space);
    let at_nul = memchr::memchr(0, rest);
    let end = match length {
        Some(length) if rest.get(length) == Some(&0) => Some(length),
        Some(_) => {
            // Readers that believe the length see another body.
            sound = false;
            at_nul
        }
        None => at_nul,
    };
    sound &= end.is_some();
    if !sound && walk.whole {
        walk.anomaly(Anomaly::Malformed, text, *place);
    }
    let body = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let inside = Place::part_of(place, b"body");
    if simdutf8::basic::from_utf8(body).is_err() {
        binary::inside(walk, body, b"body", &inside)?;
    } else {
        match walk.enter(|walk| text::message(walk, body, &inside)) {
            Some(result) => result?,
            None => walk.whole(body, inside)?,
        }
    }
    ControlFlow::Continue(rest.get(body.len() + 1..).unwrap_or_default())
}

/// Splits a line off, without its end.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    let line = text.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), text.get(end + 1..)?))
}

/// Undoes `\c`, `\n`, `\r` and `\\` (STOMP 1.2, value encoding).
fn unescape<'a>(text: &'a [u8], out: &'a mut Vec<u8>) -> &'a [u8] {
    if memchr::memchr(b'\\', text).is_none() {
        return text;
    }
    out.clear();
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let undone = match (byte, behind.first()) {
            (b'\\', Some(b'c')) => Some(b':'),
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            (b'\\', Some(b'\\')) => Some(b'\\'),
            _ => None,
        };
        out.push(undone.unwrap_or(byte));
        rest = if undone.is_some() { behind.get(1..).unwrap_or_default() } else { behind };
    }
    out
}
