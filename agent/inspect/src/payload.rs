//! What a message contains: its leaves, the values that an application would use.

mod binary;
mod cbor;
mod form;
mod graphql;
mod json;
mod leaf;
mod mqtt;
mod msgpack;
mod packet;
mod printable;
mod protobuf;
mod repeats;
mod stomp;
mod subprotocol;
mod text;
mod tree;
mod walk;
mod wide;
mod xml;

pub use leaf::Segment;
pub(crate) use leaf::{Anomaly, Kind, Leaf, Outline, Place, Visitor};
pub(crate) use subprotocol::Subprotocol;
pub(crate) use walk::Scratch;

use std::ops::ControlFlow;

use crate::byte_set::ByteSet;
use walk::Walk;

/// A message to be walked through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) payload: &'a [u8],
    /// It is known to be UTF-8.
    pub(crate) is_text: bool,
    /// Not only the beginning of the message.
    pub(crate) whole: bool,
    pub(crate) subprotocol: Subprotocol,
    /// How deep structures are followed.
    pub(crate) max_depth: usize,
}

/// Whether detectors could see the content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every part of it, unless the visitor stopped.
    Full,
    /// Binary of an unknown format, without text in it.
    None,
}

/// Shows each leaf of a message to the visitor until it breaks.
pub(crate) fn leaves(message: Message<'_>, scratch: &mut Scratch, visitor: &mut dyn Visitor) -> Coverage {
    let Message { payload, is_text, whole, subprotocol, max_depth } = message;
    let mut walk = Walk::new(scratch, visitor, max_depth, whole);
    let coverage = if is_text {
        text::walk(&mut walk, payload, subprotocol, &Place::ROOT).map_continue(|()| Coverage::Full)
    } else {
        binary::walk(&mut walk, payload, subprotocol, &Place::ROOT)
    };
    match coverage {
        ControlFlow::Continue(coverage) => coverage,
        ControlFlow::Break(()) => Coverage::Full,
    }
}

/// A structure that a string can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Form,
    Xml,
}

/// The structure that a string seems to hold, by its first bytes; costs next to nothing for one that holds none.
pub(crate) fn nested(value: &[u8], bytes: ByteSet) -> Option<Format> {
    let structured = ByteSet::BRACE.and(ByteSet::BRACKET).and(ByteSet::LESS).and(ByteSet::EQUALS);
    if !bytes.has_any(structured) {
        return None;
    }
    let blanks = value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let value = value.get(blanks..)?;
    match value.first()? {
        b'{' | b'[' if json::is_likely(value) => Some(Format::Json),
        b'<' if xml::is_likely(value) => Some(Format::Xml),
        _ if bytes.has_any(ByteSet::EQUALS) && form::is_likely(value) => Some(Format::Form),
        _ => None,
    }
}

impl Format {
    /// Whether only an encoder writes so: then nothing is in such a string but what its leaves have.
    pub(crate) fn is_encoded(self, value: &[u8]) -> bool {
        match self {
            Self::Json => true,
            Self::Form => form::is_encoded(value),
            Self::Xml => false,
        }
    }
}

/// Shows each leaf of the structure that the string at `place` holds, `nested` set, and returns whether all of the
/// string is such a structure. What of it is malformed is left out: the visitor is to look at the string itself, too.
pub(crate) fn nested_leaves(
    format: Format,
    value: &[u8],
    place: Place<'_>,
    max_depth: usize,
    scratch: &mut Scratch,
    visitor: &mut dyn Visitor,
) -> ControlFlow<(), bool> {
    let mut walk = Walk::new(scratch, visitor, max_depth, true).nested();
    let place = Place::nested_in(&place);
    match format {
        Format::Json => {
            let outcome = json::walk(&mut walk, value, &place);
            outcome.map_continue(|json| json.shape == json::Shape::Regular && json.read == value.len())
        }
        Format::Form => form::walk(&mut walk, value, &place).map_continue(|()| true),
        Format::Xml => xml::walk(&mut walk, value, &place).map_continue(|_| true),
    }
}

#[cfg(test)]
mod tests;
