//! A value as detectors see it.

#[cfg(test)]
use crate::detect::is_plain_url;
use crate::{byte_set::ByteSet, decode::Layers, detect::Kind};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A WebSocket message.
    Message,
    /// The path of the handshake's request target.
    Path,
    /// A query parameter of the handshake.
    Query,
    /// A cookie of the handshake.
    Cookie,
    /// Another header of the handshake.
    Header,
}

/// A value to be judged, as it stands or decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) bytes: &'a [u8],
    /// The kinds of bytes in it; when detectors see it, without those that mean nothing in prose, as in
    /// [`Gate`](crate::detect::Gate).
    pub(crate) kinds: ByteSet,
    /// Whether it is the address of a page and nothing else, in which only the host may say something; known when
    /// detectors see it.
    pub(crate) is_plain_url: bool,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    /// The name of the innermost member, parameter or header that it belongs to; empty if it has none. Of a key: itself.
    pub(crate) name: &'a [u8],
    /// How it was decoded.
    pub(crate) layers: Layers,
    /// Whether it is inside JSON (or another structure) that a string of the message contains: `"{\"$gt\":1}"`.
    pub(crate) nested: bool,
    /// Of a key with a `$` in front: the name of the member around it, empty if none is; where that is known.
    pub(crate) parent: Option<&'a [u8]>,
}

#[cfg(test)]
impl<'a> Value<'a> {
    /// A string of a message.
    pub(crate) fn text(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            kinds: ByteSet::of(bytes),
            is_plain_url: is_plain_url(bytes, ByteSet::of(bytes)),
            kind: Kind::Text,
            origin: Origin::Message,
            name: b"text",
            layers: Layers::default(),
            nested: false,
            parent: None,
        }
    }
}
