//! MQTT control packets (MQTT 3.1.1 and 5, §2 and §3).

use std::ops::ControlFlow;

use crate::payload::{binary, leaf::Place, printable, walk::Walk};

/// Whether data is packets from a client, and nothing else.
pub(super) fn is_valid(data: &[u8]) -> bool {
    packets(data, &mut |_, _, _| ControlFlow::Continue(())) == ControlFlow::Continue(true)
}

/// Shows the texts of all packets. Whether all of `data` is packets.
pub(super) fn walk(walk: &mut Walk<'_>, data: &[u8], place: &Place<'_>) -> ControlFlow<(), bool> {
    packets(data, &mut |name, value, form| {
        let at = Place::part_of(place, name);
        match form {
            Form::Text => walk.text(value, name, at),
            Form::Content => binary::inside(walk, value, name, &at),
            Form::Unlikely => printable::runs(walk, value, &at).map_continue(|_| ()),
        }
    })
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    /// Anything, as the application likes.
    Content,
    /// Something else, probably.
    Unlikely,
}

type Each<'e> = dyn FnMut(&'static [u8], &[u8], Form) -> ControlFlow<()> + 'e;

/// Calls `each` with the name and value of each field that can hold text.
fn packets(data: &[u8], each: &mut Each<'_>) -> ControlFlow<(), bool> {
    let mut rest = data;
    while let Some((&first, behind)) = rest.split_first() {
        let Some((len, behind)) = varint(behind) else { return ControlFlow::Continue(false) };
        let Some((body, behind)) = behind.split_at_checked(len) else { return ControlFlow::Continue(false) };
        let sound = packet(first, body, each);
        if sound != ControlFlow::Continue(Some(())) {
            return sound.map_continue(|_| false);
        }
        rest = behind;
    }
    ControlFlow::Continue(!data.is_empty())
}

/// Reads one packet; `None` if it is malformed.
fn packet(first: u8, body: &[u8], each: &mut Each<'_>) -> ControlFlow<(), Option<()>> {
    let flags = first & 15;
    match (first >> 4, flags) {
        (1, 0) => connect(body, each),
        (3, _) => publish(flags, body, each),
        // Acknowledgements of all kinds: a packet identifier, then, in version 5, a reason and properties.
        (4 | 5 | 7, 0) | (6, 2) => match body {
            [] | [_] => ControlFlow::Continue(None),
            [_, _] | [_, _, _] => ControlFlow::Continue(Some(())),
            [_, _, _, rest @ ..] => all(properties(rest, each)),
        },
        (8 | 10, 2) => subscribe(first >> 4 == 8, body, each),
        (12, 0) => ControlFlow::Continue(body.is_empty().then_some(())),
        (14 | 15, 0) => match body {
            [] | [_] => ControlFlow::Continue(Some(())),
            [_, rest @ ..] => all(properties(rest, each)),
        },
        _ => ControlFlow::Continue(None),
    }
}

/// Whether nothing stands behind.
fn all(rest: ControlFlow<(), Option<&[u8]>>) -> ControlFlow<(), Option<()>> {
    rest.map_continue(|rest| rest.is_some_and(<[u8]>::is_empty).then_some(()))
}

/// Leaves the function with `None` inside the flow if a field is not there.
macro_rules! field {
    ($field:expr) => {
        match $field {
            Some(field) => field,
            None => return ControlFlow::Continue(None),
        }
    };
}

fn connect(body: &[u8], each: &mut Each<'_>) -> ControlFlow<(), Option<()>> {
    let (protocol, rest) = field!(string(body));
    let (&[version, flags, _, _], rest) = field!(rest.split_first_chunk());
    // Old bridges set the highest bit of the version.
    let version = version & 0x7f;
    if !matches!(protocol, b"MQTT" | b"MQIsdp") || !(3..=5).contains(&version) {
        return ControlFlow::Continue(None);
    }
    let rest = if version == 5 { field!(properties(rest, each)?) } else { rest };
    let (client, mut rest) = field!(string(rest));
    each(b"client_id", client, Form::Text)?;
    if flags & 4 != 0 {
        if version == 5 {
            rest = field!(properties(rest, each)?);
        }
        let (topic, behind) = field!(string(rest));
        each(b"will_topic", topic, Form::Text)?;
        let (will, behind) = field!(string(behind));
        each(b"will", will, Form::Content)?;
        rest = behind;
    }
    for (bit, name) in [(0x80, &b"username"[..]), (0x40, b"password")] {
        if flags & bit != 0 {
            let (value, behind) = field!(string(rest));
            each(name, value, Form::Text)?;
            rest = behind;
        }
    }
    ControlFlow::Continue(rest.is_empty().then_some(()))
}

fn publish(flags: u8, body: &[u8], each: &mut Each<'_>) -> ControlFlow<(), Option<()>> {
    let quality = flags >> 1 & 3;
    let (topic, mut rest) = field!(string(body));
    let is_topic = |byte: &u8| *byte >= b' ' && !matches!(byte, b'#' | b'+');
    if quality == 3 || !topic.iter().all(is_topic) || std::str::from_utf8(topic).is_err() {
        return ControlFlow::Continue(None);
    }
    each(b"topic", topic, Form::Text)?;
    if quality > 0 {
        rest = field!(rest.get(2..));
    }
    // The version was said in another message. In version 5 properties come first, often none; no text begins so.
    let quiet: &mut Each<'_> = &mut |_, _, _| ControlFlow::Continue(());
    let ControlFlow::Continue(Some(content)) = properties(rest, quiet) else {
        each(b"payload", rest, Form::Content)?;
        return ControlFlow::Continue(Some(()));
    };
    properties(rest, each)?;
    each(b"payload", content, Form::Content)?;
    if rest.len() - content.len() > 1 {
        // It may be a payload of version 3 all the same.
        each(b"payload", rest, Form::Unlikely)?;
    }
    ControlFlow::Continue(Some(()))
}

/// SUBSCRIBE and UNSUBSCRIBE: a packet identifier, properties in version 5, topic filters (with options).
fn subscribe(with_options: bool, body: &[u8], each: &mut Each<'_>) -> ControlFlow<(), Option<()>> {
    let rest = field!(body.get(2..));
    let quiet: &mut Each<'_> = &mut |_, _, _| ControlFlow::Continue(());
    if filters(with_options, rest, quiet) == ControlFlow::Continue(Some(())) {
        return filters(with_options, rest, each);
    }
    let rest = field!(properties(rest, each)?);
    filters(with_options, rest, each)
}

fn filters(with_options: bool, filters: &[u8], each: &mut Each<'_>) -> ControlFlow<(), Option<()>> {
    let mut rest = filters;
    while !rest.is_empty() {
        let (filter, behind) = field!(string(rest));
        if filter.is_empty() || std::str::from_utf8(filter).is_err() {
            return ControlFlow::Continue(None);
        }
        each(b"topic", filter, Form::Text)?;
        rest = field!(behind.get(usize::from(with_options)..));
    }
    ControlFlow::Continue((!filters.is_empty()).then_some(()))
}

/// Passes over the properties of version 5 (MQTT 5 §2.2.2), and returns what stands behind them.
fn properties<'a>(data: &'a [u8], each: &mut Each<'_>) -> ControlFlow<(), Option<&'a [u8]>> {
    let (len, behind) = field!(varint(data));
    let (mut rest, behind) = field!(behind.split_at_checked(len));
    while let Some((&id, value)) = rest.split_first() {
        let fixed = match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => 1,
            0x13 | 0x21 | 0x22 | 0x23 => 2,
            0x02 | 0x11 | 0x18 | 0x27 => 4,
            0x0b => {
                rest = field!(varint(value)).1;
                continue;
            }
            0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => {
                let (text, behind) = field!(string(value));
                each(b"properties", text, Form::Content)?;
                rest = behind;
                continue;
            }
            0x26 => {
                let (name, behind) = field!(string(value));
                each(b"properties", name, Form::Text)?;
                let (text, behind) = field!(string(behind));
                each(b"properties", text, Form::Text)?;
                rest = behind;
                continue;
            }
            _ => return ControlFlow::Continue(None),
        };
        rest = field!(value.get(fixed..));
    }
    ControlFlow::Continue(Some(behind))
}

/// A length of two bytes, and so many bytes.
fn string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// A number of up to four bytes in 7-bit groups, the lowest first.
fn varint(data: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, &byte) in data.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, data.get(at + 1..)?));
        }
    }
    None
}
