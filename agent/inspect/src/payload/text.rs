//! Which envelope a text is in, by its first bytes.

use std::ops::ControlFlow;

use crate::payload::{
    Subprotocol, form, json,
    json::{Outcome, Shape},
    leaf::{Anomaly, Place},
    packet, stomp,
    walk::Walk,
    xml,
};

/// Shows the leaves of a text message.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    text: &[u8],
    subprotocol: Subprotocol,
    place: &Place<'_>,
) -> ControlFlow<()> {
    let begun = skip_blanks(text);
    let as_agreed = match subprotocol {
        Subprotocol::Unknown => true,
        Subprotocol::Json => json::is_likely(begun),
        Subprotocol::Stomp => begun.is_empty() || stomp::is_frame(begun),
        Subprotocol::Xml => begun.is_empty() || begun.first() == Some(&b'<'),
        // Their messages are binary.
        Subprotocol::Mqtt | Subprotocol::MessagePack | Subprotocol::Cbor => false,
    };
    if !as_agreed {
        walk.anomaly(Anomaly::Malformed, text, *place);
    }
    message(walk, text, place)
}

/// Shows the leaves of a text that may be any envelope.
pub(super) fn message(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let mut rest = text;
    while !rest.is_empty() {
        let read = record(walk, rest, place)?;
        rest = rest.get(read..).unwrap_or_default();
    }
    ControlFlow::Continue(())
}

/// Shows one record of several that stand behind one another, and returns its length.
fn record(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<(), usize> {
    let begun = skip_blanks(text);
    let blanks = text.len() - begun.len();
    match begun {
        [] => return ControlFlow::Continue(text.len()),
        [b'{' | b'[', ..] => return json(walk, text, blanks, place),
        [b'"', ..] if json::is_string(begun) => return json(walk, text, blanks, place),
        // SockJS, from the server: messages, one message, the reason of a close.
        [b'a' | b'c', b'[', b'"' | b'0'..=b'9', ..] | [b'm', b'"', ..] => {
            return json(walk, text, blanks + 1, place);
        }
        [b'0'..=b'9', ..] => {
            if let Some(len) = packet::walk(walk, begun, place)? {
                return ControlFlow::Continue(blanks + len);
            }
        }
        [b'<', ..] if xml::is_likely(begun) => return xml(walk, text, begun, place),
        _ if stomp::is_frame(begun) => {
            stomp::walk(walk, begun, place)?;
            return ControlFlow::Continue(text.len());
        }
        _ => {}
    }
    plain(walk, text, place)?;
    ControlFlow::Continue(text.len())
}

/// Shows the JSON that begins at `start`, and returns the length of the record.
pub(super) fn json(
    walk: &mut Walk<'_>,
    text: &[u8],
    start: usize,
    place: &Place<'_>,
) -> ControlFlow<(), usize> {
    let Outcome { shape, read } = json::walk(walk, text.get(start..).unwrap_or_default(), place)?;
    match shape {
        Shape::Regular => {}
        // Different readers may see different strings in it. If the end is missing, that explains it.
        Shape::Odd if walk.whole => {
            walk.anomaly(Anomaly::Json, text, *place);
            walk.whole(text, *place)?;
        }
        Shape::Odd => {}
        Shape::Prose => walk.whole(text, *place)?,
    }
    // A separator follows, or nothing.
    ControlFlow::Continue(start + read + 1)
}

fn xml(walk: &mut Walk<'_>, text: &[u8], begun: &[u8], place: &Place<'_>) -> ControlFlow<(), usize> {
    let well_formed = xml::walk(walk, begun, place)?;
    if !well_formed && walk.whole && xml::is_meant(begun) {
        walk.anomaly(Anomaly::Xml, text, *place);
    }
    ControlFlow::Continue(text.len())
}

fn plain(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let is_form = form::is_likely(text);
    if !(is_form && form::is_encoded(text)) {
        walk.whole(text, *place)?;
    }
    if is_form { form::walk(walk, text, place) } else { ControlFlow::Continue(()) }
}

/// Without the byte order mark and the blanks at the beginning.
fn skip_blanks(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.trim_ascii_start()
}
