//! Packets of Engine.IO (protocol 3 and 4) and Socket.IO (protocol 4 and 5): digits, then JSON or text.

use std::ops::ControlFlow;

use crate::payload::{leaf::Place, stomp, text, walk::Walk, xml};

/// Between packets of Engine.IO 4.
const SEPARATOR: u8 = 0x1e;

/// What stands before the JSON of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    /// Between these bytes; empty if there is none.
    namespace: (usize, usize),
    len: usize,
}

/// Shows the packet at the beginning of a text that begins with a digit, or the packets that each have their length
/// before them, and returns how much that is; `None` if it is something else.
pub(super) fn walk(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<(), Option<usize>> {
    let separator = memchr::memchr(SEPARATOR, text);
    let packet = text.get(..separator.unwrap_or(text.len())).unwrap_or_default();
    if let Some(prefix) = Prefix::read(packet) {
        let (start, end) = prefix.namespace;
        if let Some(namespace @ [_, ..]) = packet.get(start..end) {
            walk.text(namespace, b"namespace", Place::part_of(place, b"namespace"))?;
        }
        return text::json(walk, text, prefix.len, place).map_continue(Some);
    }
    if let Some([first, rest @ ..]) = measured(packet).as_deref() {
        for packet in std::iter::once(first).chain(rest) {
            show(walk, packet, place)?;
        }
    } else if separator.is_some() || is_wrapped(packet) {
        show(walk, packet, place)?;
    } else {
        return ControlFlow::Continue(None);
    }
    ControlFlow::Continue(Some(packet.len() + 1))
}

/// Shows one packet.
fn show(walk: &mut Walk<'_>, packet: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    if Prefix::read(packet).is_some() || is_wrapped(packet) {
        let content = if is_wrapped(packet) { packet.get(1..).unwrap_or_default() } else { packet };
        if let Some(result) = walk.enter(|walk| text::message(walk, content, place)) {
            return result;
        }
    }
    walk.whole(packet, *place)
}

/// Whether a message of Engine.IO holds another envelope than Socket.IO's.
fn is_wrapped(packet: &[u8]) -> bool {
    packet.strip_prefix(b"4").is_some_and(|content| {
        stomp::is_frame(content) || content.first() == Some(&b'<') && xml::is_likely(content)
    })
}

impl Prefix {
    /// The packet types, the count of attachments, the namespace and the number of the acknowledgement:
    /// `42["event",{}]`, `42/room,7["event"]`, `451-["event",{"_placeholder":true,"num":0}]`, `0{"sid":"x"}`.
    fn read(text: &[u8]) -> Option<Self> {
        let count = |at: usize, wanted: fn(&u8) -> bool| {
            text.get(at..).unwrap_or_default().iter().take_while(|byte| wanted(byte)).count()
        };
        let mut len = count(0, |byte| byte.is_ascii_digit() || *byte == b'-');
        let mut namespace = (0, 0);
        if text.get(len) == Some(&b'/') {
            // Servers read up to the comma, whatever it is.
            let end = len + memchr::memchr(b',', text.get(len..)?)?;
            namespace = (len, end);
            len = end + 1;
            len += count(len, u8::is_ascii_digit);
        }
        matches!(text.get(len)?, b'{' | b'[').then_some(Self { namespace, len })
    }
}

/// The packets of Engine.IO 3 as they were sent over polling, `6:4hello2:40`: each with its length in UTF-16 units.
/// `None` if the lengths do not fit.
fn measured(text: &[u8]) -> Option<Vec<&[u8]>> {
    if !text.iter().take(8).any(|byte| *byte == b':') {
        return None;
    }
    let mut rest = std::str::from_utf8(text).ok()?;
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let (digits, behind) = rest.split_once(':')?;
        let plain = (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let units: usize = if plain { digits.parse().ok()? } else { return None };
        let mut counted = 0;
        let end = behind.char_indices().find_map(|(at, letter)| {
            if counted >= units {
                return Some(at);
            }
            counted += letter.len_utf16();
            None
        });
        if counted != units || units == 0 {
            return None;
        }
        let (packet, behind) = behind.split_at(end.unwrap_or(behind.len()));
        packets.push(packet.as_bytes());
        rest = behind;
    }
    Some(packets)
}
