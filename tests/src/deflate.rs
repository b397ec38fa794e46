//! permessage-deflate as a client does it, with every choice in the hands of the test (RFC 7692).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::payload::Random;
use crate::wire::field;

/// The end of every flush, which the sender cuts off (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// Compresses the messages of one connection, in order.
#[derive(Debug)]
pub struct Deflater {
    state: Compress,
    takeover: bool,
}

impl Deflater {
    /// `window_bits`: 9 to 15. `takeover`: messages refer back to earlier ones (RFC 7692 §7.1.1). `level`: 0, which
    /// stores, to 9.
    ///
    /// # Panics
    ///
    /// If a number is out of range.
    #[must_use]
    pub fn new(window_bits: u8, takeover: bool, level: u32) -> Self {
        assert!(level <= 9, "level {level}");
        let state = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
        Self { state, takeover }
    }

    /// As the server has answered the offer, or `None` if it declined; `head` is its response.
    ///
    /// # Panics
    ///
    /// If the answer cannot be carried out: 8 window bits are beyond zlib.
    #[must_use]
    pub fn negotiated(head: &str, level: u32) -> Option<Self> {
        let answer = field(head, "sec-websocket-extensions")?;
        let mut window_bits = 15;
        let mut takeover = true;
        for parameter in answer.split(';').map(str::trim) {
            match parameter.split_once('=') {
                Some(("client_max_window_bits", bits)) => {
                    window_bits = bits.parse().unwrap_or_else(|_| panic!("{answer}"));
                }
                None if parameter == "client_no_context_takeover" => takeover = false,
                Some(_) | None => {}
            }
        }
        Some(Self::new(window_bits, takeover, level))
    }

    /// Compresses one message into one block.
    ///
    /// # Panics
    ///
    /// If zlib fails.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        self.compress(&[payload])
    }

    /// Compresses one message into several blocks, cut where chance has it, with empty ones among them.
    ///
    /// # Panics
    ///
    /// If zlib fails.
    pub fn message_in_blocks(&mut self, payload: &[u8], random: &mut Random) -> Vec<u8> {
        let mut rest = payload;
        let mut pieces = Vec::new();
        for _ in 0..random.below(5) {
            let (piece, after) = rest.split_at(random.below(rest.len() + 1));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        self.compress(&pieces)
    }

    fn compress(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces {
            if piece.is_empty() {
                // zlib writes nothing for nothing; an empty stored block is what RFC 7692 §7.2.3.6 wants.
                out.extend_from_slice(&[0]);
                out.extend_from_slice(&TAIL);
                continue;
            }
            // Stored blocks and the marker of a flush add a little.
            let mut block = Vec::with_capacity(piece.len() + piece.len() / 8 + 1024);
            self.state.compress_vec(piece, &mut block, FlushCompress::Sync).expect("zlib compresses");
            assert!(block.len() < block.capacity() && block.ends_with(&TAIL), "the flush is complete");
            out.extend(block);
        }
        if !self.takeover {
            self.state.reset();
        }
        out.truncate(out.len() - TAIL.len());
        out
    }
}

/// Inflates what the server compresses on one connection, in order.
#[derive(Debug)]
pub struct Inflater {
    state: Decompress,
    takeover: bool,
}

impl Inflater {
    /// As the server has answered the offer; `head` is its response.
    #[must_use]
    pub fn negotiated(head: &str) -> Self {
        let answer = field(head, "sec-websocket-extensions").unwrap_or_default();
        let takeover = !answer.contains("server_no_context_takeover");
        Self { state: Decompress::new(false), takeover }
    }

    /// Inflates the payload of one message.
    ///
    /// # Panics
    ///
    /// If it is not deflate data, or more than 64 KiB of text.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        if !self.takeover {
            self.state.reset(false);
        }
        let mut out = Vec::with_capacity(64 * 1024);
        let whole = [payload, &TAIL].concat();
        self.state.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("deflate data");
        assert!(out.len() < out.capacity(), "a short message");
        out
    }
}
