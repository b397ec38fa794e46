//! Frames (RFC 6455 §5.2), as this program writes and reads them: whole messages, no continuations.

/// The first byte of a text message in one frame.
pub(crate) const TEXT: u8 = 0x81;
/// The same, compressed (RFC 7692 §6).
pub(crate) const COMPRESSED_TEXT: u8 = 0xc1;
/// The first byte of a Close frame.
pub(crate) const CLOSE: u8 = 0x88;

const MASKED: u8 = 0x80;
/// Bytes of the longest header.
pub(crate) const LONGEST_HEADER: usize = 14;

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// FIN, reserved bits and opcode.
    pub(crate) first: u8,
    /// Bytes of payload.
    pub(crate) length: u64,
    /// The masking key: what clients send has one.
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of the header itself.
    pub(crate) size: usize,
}

/// Reads a header from the front of `bytes`; `None` while they are too few.
pub(crate) fn decode(bytes: &[u8]) -> Option<Header> {
    let ([first, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match second & !MASKED {
        126 => {
            rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?
        }
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (u64::from(short), rest),
    };
    let (mask, rest) = if second & MASKED == 0 {
        (None, rest)
    } else {
        rest.split_first_chunk().map(|(key, rest)| (Some(*key), rest))?
    };
    Some(Header { first: *first, length, mask, size: bytes.len() - rest.len() })
}

/// Writes a header to the front of `out` and returns its size.
pub(crate) fn encode(out: &mut [u8; LONGEST_HEADER], first: u8, length: u64, mask: Option<[u8; 4]>) -> usize {
    let flag = if mask.is_some() { MASKED } else { 0 };
    let mut header = [0; LONGEST_HEADER];
    let mut size = 2;
    header[0] = first;
    if let Ok(short @ 0..126) = u8::try_from(length) {
        header[1] = flag | short;
    } else if let Ok(medium) = u16::try_from(length) {
        header[1] = flag | 126;
        header[2..4].copy_from_slice(&medium.to_be_bytes());
        size = 4;
    } else {
        header[1] = flag | 127;
        header[2..10].copy_from_slice(&length.to_be_bytes());
        size = 10;
    }
    if let Some(key) = mask {
        header[size..size + 4].copy_from_slice(&key);
        size += 4;
    }
    *out = header;
    size
}

/// A whole frame; with a key it is a client's.
pub(crate) fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; LONGEST_HEADER];
    let size = encode(&mut header, first, payload.len() as u64, mask);
    let mut frame = header[..size].to_vec();
    frame.extend(payload);
    if let Some(key) = mask {
        apply_mask(&mut frame[size..], key);
    }
    frame
}

/// Masks or unmasks (RFC 6455 §5.3) bytes, of which the first belongs to the first byte of the key.
pub(crate) fn apply_mask(bytes: &mut [u8], key: [u8; 4]) {
    let wide = u64::from_ne_bytes([key, key].concat().try_into().unwrap_or_default());
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let masked = u64::from_ne_bytes(word.try_into().unwrap_or_default()) ^ wide;
        word.copy_from_slice(&masked.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_example_of_the_standard() {
        // RFC 6455 §5.7: a single-frame masked text message, "Hello".
        let expected = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(frame(TEXT, Some([0x37, 0xfa, 0x21, 0x3d]), b"Hello"), expected);
    }

    #[test]
    fn reads_what_it_writes_and_waits_for_the_last_byte_of_a_header() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let mut header = [0; LONGEST_HEADER];
                let size = encode(&mut header, TEXT, length, mask);
                assert_eq!(decode(&header[..size]), Some(Header { first: TEXT, length, mask, size }));
                for short in 0..size {
                    assert_eq!(decode(&header[..short]), None, "{short} bytes of {size}");
                }
            }
        }
    }

    #[test]
    fn masks_any_length_and_back() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..40 {
            let plain: Vec<u8> = (0..length).collect();
            let mut masked = plain.clone();
            apply_mask(&mut masked, key);
            let by_the_book = |(at, byte): (usize, &u8)| byte ^ key[at % 4];
            assert_eq!(masked, plain.iter().enumerate().map(by_the_book).collect::<Vec<_>>());
            apply_mask(&mut masked, key);
            assert_eq!(masked, plain);
        }
    }
}
