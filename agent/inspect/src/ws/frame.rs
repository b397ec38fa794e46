//! Frame headers (RFC 6455 §5.2).

use std::io::Cursor;

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use crate::ws::ProtocolViolation;

/// Longest header: 2 bytes, 8 of length, 4 of mask.
const MAX_HEADER: usize = 14;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl FrameKind {
    pub(crate) const fn is_control(self) -> bool {
        match self {
            Self::Close | Self::Ping | Self::Pong => true,
            Self::Continuation | Self::Text | Self::Binary => false,
        }
    }
}

/// A decoded header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: FrameKind,
    pub(crate) fin: bool,
    pub(crate) rsv1: bool,
    /// RSV2 or RSV3, which no known extension uses.
    pub(crate) rsv23: bool,
    pub(crate) mask: Option<[u8; 4]>,
    /// Payload length in bytes.
    pub(crate) len: u64,
}

/// Decodes one header from the front of `buf` and returns it with its length in bytes (2 to 14).
///
/// Returns `Ok(None)` while `buf` is too short; call again with more bytes.
///
/// # Errors
///
/// [`ProtocolViolation`] if the header is complete and breaks RFC 6455 §5.2. Rules that depend on the direction or
/// on earlier frames are the caller's.
fn decode(buf: &[u8]) -> Result<Option<(Header, usize)>, ProtocolViolation> {
    let mut cursor = Cursor::new(buf);
    let (header, len) = match FrameHeader::parse(&mut cursor) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return Ok(None),
        // Reading from a slice cannot fail, and a reserved opcode is the only header that the parser refuses.
        Err(_) => return Err(ProtocolViolation::ReservedOpcode),
    };
    let kind = match header.opcode {
        OpCode::Data(Data::Continue) => FrameKind::Continuation,
        OpCode::Data(Data::Text) => FrameKind::Text,
        OpCode::Data(Data::Binary) => FrameKind::Binary,
        OpCode::Control(Control::Close) => FrameKind::Close,
        OpCode::Control(Control::Ping) => FrameKind::Ping,
        OpCode::Control(Control::Pong) => FrameKind::Pong,
        OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) => {
            return Err(ProtocolViolation::ReservedOpcode);
        }
    };
    // The parser takes any length form; §5.2 wants the shortest, and the top bit of 64 clear.
    let header_len = usize::try_from(cursor.position()).unwrap_or(MAX_HEADER);
    if header.len(len) != header_len || len > i64::MAX.unsigned_abs() {
        return Err(ProtocolViolation::FrameLength);
    }
    let rsv23 = header.rsv2 || header.rsv3;
    let decoded = Header { kind, fin: header.is_final, rsv1: header.rsv1, rsv23, mask: header.mask, len };
    Ok(Some((decoded, header_len)))
}

/// Collects a header that arrives in pieces.
#[derive(Debug)]
pub(crate) struct HeaderReader {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

impl HeaderReader {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX_HEADER], len: 0 }
    }

    /// How many bytes of an incomplete header have come.
    pub(crate) const fn pending(&self) -> usize {
        self.len
    }

    /// Reads on in `input`; returns how many of its bytes were used, and the header with its whole length once
    /// complete.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub(crate) fn read(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, Option<(Header, usize)>), ProtocolViolation> {
        if self.len == 0
            && let Some((header, len)) = decode(input)?
        {
            return Ok((len, Some((header, len))));
        }
        for (used, &byte) in input.iter().enumerate() {
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = byte;
                self.len += 1;
            }
            if let Some(done) = decode(self.bytes.get(..self.len).unwrap_or_default())? {
                self.len = 0;
                return Ok((used + 1, Some(done)));
            }
        }
        Ok((input.len(), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProtocolViolation> {
        let decoded = decode(bytes);
        for split in 0..bytes.len() {
            let mut reader = HeaderReader::new();
            let first = reader.read(&bytes[..split]);
            let pieces = match first {
                Ok((_, None)) => reader.read(&bytes[split..]).map(|(_, header)| header),
                other => other.map(|(_, header)| header),
            };
            assert_eq!(pieces, decoded, "split at {split}");
        }
        decoded
    }

    #[test]
    fn decodes_the_examples_of_rfc_6455() {
        let (header, len) = whole(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]).unwrap().unwrap();
        assert_eq!((header.kind, header.fin, header.len, len), (FrameKind::Text, true, 5, 6));
        assert_eq!(header.mask, Some([0x37, 0xfa, 0x21, 0x3d]));
        let (header, len) = whole(&[0x82, 0x7e, 0x01, 0x00]).unwrap().unwrap();
        assert_eq!((header.kind, header.len, len), (FrameKind::Binary, 256, 4));
        let (header, len) = whole(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]).unwrap().unwrap();
        assert_eq!((header.kind, header.len, len), (FrameKind::Binary, 65536, 10));
        let (header, _) = whole(&[0x01, 0x03]).unwrap().unwrap();
        assert!(!header.fin);
        assert_eq!(whole(&[0x89, 0x05]).unwrap().unwrap().0.kind, FrameKind::Ping);
        assert_eq!(whole(&[0x8a, 0x85, 1, 2, 3, 4]).unwrap().unwrap().0.kind, FrameKind::Pong);
    }

    #[test]
    fn a_prefix_is_not_an_error() {
        let bytes = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), Ok(None));
        }
        assert!(matches!(whole(&bytes), Ok(Some((_, 14)))));
    }

    #[test]
    fn refuses_reserved_opcodes_and_long_lengths() {
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            assert_eq!(whole(&[0x80 | opcode, 0]), Err(ProtocolViolation::ReservedOpcode));
        }
        assert_eq!(whole(&[0x81, 126, 0, 125]), Err(ProtocolViolation::FrameLength));
        assert_eq!(whole(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), Err(ProtocolViolation::FrameLength));
        assert_eq!(whole(&[0x81, 127, 0x80, 0, 0, 0, 0, 1, 0, 0]), Err(ProtocolViolation::FrameLength));
    }
}
