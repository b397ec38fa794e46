//! Which format binary is in.

use std::ops::ControlFlow;

use crate::lanes::Lanes;
use crate::payload::{
    Coverage, Subprotocol, cbor,
    leaf::{Anomaly, Place},
    mqtt, msgpack, printable, protobuf, stomp, text,
    tree::End,
    walk::{Space, Walk},
    wide,
};

/// Shows the leaves of a binary message.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    data: &[u8],
    subprotocol: Subprotocol,
    place: &Place<'_>,
) -> ControlFlow<(), Coverage> {
    let as_agreed = match subprotocol {
        Subprotocol::Unknown => return content(walk, data, place),
        Subprotocol::Mqtt => mqtt::walk(walk, data, place)?,
        Subprotocol::MessagePack | Subprotocol::Cbor => {
            let is_cbor = subprotocol == Subprotocol::Cbor;
            let end =
                if is_cbor { cbor::walk(walk, data, place)? } else { msgpack::walk(walk, data, place)? };
            if end == End::TooDeep {
                walk.anomaly(Anomaly::Uninspected, data, *place);
                return content(walk, data, place);
            }
            end == End::Sound
        }
        Subprotocol::Json | Subprotocol::Stomp | Subprotocol::Xml => {
            if is_text(data) || stomp::is_frame(data) {
                text::walk(walk, data, subprotocol, place)?;
                return ControlFlow::Continue(Coverage::Full);
            }
            false
        }
    };
    if as_agreed {
        return ControlFlow::Continue(Coverage::Full);
    }
    if walk.whole {
        walk.anomaly(Anomaly::Malformed, data, *place);
    }
    content(walk, data, place)
}

/// Shows the leaves of binary that another structure contains under this name.
pub(super) fn inside(walk: &mut Walk<'_>, data: &[u8], name: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    match walk.enter(|walk| content(walk, data, place)) {
        Some(result) => result.map_continue(|_| ()),
        None => walk.text(data, name, *place),
    }
}

/// Shows the leaves of content whose form nobody has told.
pub(super) fn content(walk: &mut Walk<'_>, data: &[u8], place: &Place<'_>) -> ControlFlow<(), Coverage> {
    const FULL: ControlFlow<(), Coverage> = ControlFlow::Continue(Coverage::Full);
    if is_text(data) {
        if data.first() == Some(&b'\n') && protobuf::is_valid(data) {
            protobuf::walk(walk, data, place)?;
        }
        text::message(walk, data, place)?;
        return FULL;
    }
    if stomp::is_frame(data) {
        stomp::walk(walk, data, place)?;
        return FULL;
    }
    let mut space = walk.space();
    let Space { decoded, .. } = &mut space;
    if wide::decode(data, decoded) {
        text::message(walk, decoded, place)?;
        walk.give_back(space);
        return FULL;
    }
    walk.give_back(space);
    if is_compressed(data) {
        walk.anomaly(Anomaly::Compressed, data, *place);
        return printable::runs(walk, data, place);
    }
    // Nobody has said which format it is, so that all that fit are looked at.
    let mut known = false;
    if mqtt::is_valid(data) {
        mqtt::walk(walk, data, place)?;
        known = true;
    }
    if msgpack::is_valid(walk, data) {
        msgpack::walk(walk, data, place)?;
        known = true;
    }
    if cbor::is_valid(walk, data) {
        cbor::walk(walk, data, place)?;
        known = true;
    }
    if known {
        return FULL;
    }
    // Much fits by chance, so it comes last.
    for data in [Some(data), protobuf::without_prefix(data)].into_iter().flatten() {
        if protobuf::is_valid(data) {
            protobuf::walk(walk, data, place)?;
            return FULL;
        }
    }
    if controls(data) * 20 < data.len() && simdutf8::basic::from_utf8(data).is_ok() {
        text::message(walk, data, place)?;
        return FULL;
    }
    printable::runs(walk, data, place)
}

/// Whether it is text, without control characters that text does not have.
fn is_text(data: &[u8]) -> bool {
    controls(data) == 0 && simdutf8::basic::from_utf8(data).is_ok()
        || matches!(data, [b'{' | b'[', next, ..] if *next != 0) && std::str::from_utf8(data).is_ok()
}

/// How many control characters there are that text does not have. SignalR and Engine.IO end messages with 0x1e.
fn controls(data: &[u8]) -> usize {
    let (chunks, rest) = data.as_chunks();
    let of_text = |lanes: Lanes| {
        [b'\t', b'\n', 0x0c, b'\r', 0x1e].into_iter().fold(0, |mask, byte| mask | lanes.are(byte))
    };
    let in_chunks = chunks.iter().map(Lanes::of).map(|lanes| {
        let controls = lanes.below(b' ') | lanes.are(0x7f);
        if controls == 0 { 0 } else { (controls & !of_text(lanes)).count_ones() as usize }
    });
    let is_control = |byte: &&u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1d | 0x1f | 0x7f);
    in_chunks.sum::<usize>() + rest.iter().filter(is_control).count()
}

/// Whether it begins like data that was compressed: gzip, zstd, lz4, xz, bzip2, zip, 7-Zip, zlib (RFC 1950), Snappy.
fn is_compressed(data: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 12] = [
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"\xfd7zXZ\0",
        b"BZh",
        b"PK\x03\x04",
        b"7z\xbc\xaf\x27\x1c",
        b"\x78\x01",
        b"\x78\x5e",
        b"\x78\x9c",
        b"\x78\xda",
        b"\xff\x06\0\0sNaPpY",
    ];
    BEGINNINGS.iter().any(|beginning| data.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_what_text_does_not_have() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(controls(&all), 33 - 5);
        for at in 0..all.len() {
            let (one, many) = (&all[at..=at], [all[at]; 16]);
            assert_eq!(controls(&many), 16 * controls(one), "{at}");
        }
        assert_eq!(controls(b"text\twith\r\nlines\x0c and \x1e"), 0);
    }
}
