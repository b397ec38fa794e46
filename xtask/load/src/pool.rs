//! The frames that clients send and the answers that an echo gives, made before anything is measured.

use flate2::{Compress, Compression, FlushCompress};

use crate::frame;
use crate::messages::messages;

/// Distinct messages are limited to as many bytes, so that what is measured is not the cache.
const POOL_BYTES: usize = 1 << 20;
const MOST_MESSAGES: usize = 512;
const FEWEST_MESSAGES: usize = 4;
/// The window of Deflate: nothing refers further back.
const WINDOW: usize = 32 * 1024;

/// A message as a frame.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// What the client sends: masked.
    pub(crate) request: Vec<u8>,
    /// What an echo sends back.
    pub(crate) answer: Vec<u8>,
}

/// What one connection after the other says, message by message, for as long as one likes.
#[derive(Debug)]
pub(crate) struct Pool {
    /// At first; nothing unless later messages refer back to it.
    first: Vec<Exchange>,
    /// Again and again.
    cycle: Vec<Exchange>,
}

impl Pool {
    /// Messages of so many bytes, compressed by permessage-deflate with context takeover or not.
    pub(crate) fn new(bytes: usize, deflated: bool) -> Self {
        let count = (POOL_BYTES / bytes).clamp(FEWEST_MESSAGES, MOST_MESSAGES);
        let texts = messages(count, bytes);
        let mut random = fastrand::Rng::with_seed(1);
        let mut exchange =
            |first: u8, payload: &[u8]| Exchange::new(first, random.u32(..).to_ne_bytes(), payload);
        if !deflated {
            let cycle = texts.iter().map(|text| exchange(frame::TEXT, text.as_bytes())).collect();
            return Self { first: Vec::new(), cycle };
        }
        // Once the window is full of messages, the next round refers to the same bytes as every later one.
        let rounds = WINDOW.div_ceil(count * bytes);
        let mut compress = Compress::new(Compression::new(1), false);
        let mut round = || {
            let compressed = |text: &String| exchange(frame::COMPRESSED_TEXT, &deflate(&mut compress, text));
            texts.iter().map(compressed).collect::<Vec<_>>()
        };
        let first = (0..rounds).flat_map(|_| round()).collect();
        Self { first, cycle: round() }
    }

    /// The message number `index` of a connection.
    pub(crate) fn get(&self, index: usize) -> &Exchange {
        match index.checked_sub(self.first.len()) {
            None => &self.first[index],
            Some(later) => &self.cycle[later % self.cycle.len()],
        }
    }

    /// The number with which a connection begins, so that not all say the same at the same time. Compressed messages
    /// refer to those before them and have to begin at the beginning.
    pub(crate) fn begin(&self, connection: usize) -> usize {
        const STEP: usize = 7;
        if self.first.is_empty() { connection * STEP % self.cycle.len() } else { 0 }
    }
}

/// A message that is not of the pool, the first of its connection.
pub(crate) fn exchange(text: &str, deflated: bool) -> Exchange {
    if deflated {
        let payload = deflate(&mut Compress::new(Compression::new(1), false), text);
        Exchange::new(frame::COMPRESSED_TEXT, [1, 2, 3, 4], &payload)
    } else {
        Exchange::new(frame::TEXT, [1, 2, 3, 4], text.as_bytes())
    }
}

impl Exchange {
    fn new(first: u8, mask: [u8; 4], payload: &[u8]) -> Self {
        Self { request: frame::frame(first, Some(mask), payload), answer: frame::frame(first, None, payload) }
    }
}

/// A message as permessage-deflate sends it (RFC 7692 §7.2.1).
fn deflate(compress: &mut Compress, text: &str) -> Vec<u8> {
    const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
    let mut out = Vec::with_capacity(text.len() + 64);
    let status = compress.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync);
    assert!(status.is_ok() && out.ends_with(&TAIL), "the buffer has room for what cannot be compressed");
    out.truncate(out.len() - TAIL.len());
    out
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    fn payload(exchange: &Exchange) -> &[u8] {
        let header = frame::decode(&exchange.answer).unwrap();
        &exchange.answer[header.size..]
    }

    #[test]
    fn a_request_is_its_answer_masked() {
        for exchange in &Pool::new(1024, false).cycle {
            let header = frame::decode(&exchange.request).unwrap();
            let mut unmasked = exchange.request[header.size..].to_vec();
            frame::apply_mask(&mut unmasked, header.mask.unwrap());
            assert_eq!(unmasked, payload(exchange));
        }
    }

    #[test]
    fn compressed_messages_can_be_inflated_however_many_are_sent() {
        for bytes in [128, 1024, 16 * 1024] {
            let pool = Pool::new(bytes, true);
            let texts = messages(pool.cycle.len(), bytes);
            let mut inflate = Decompress::new(false);
            for index in 0..pool.first.len() + 3 * pool.cycle.len() {
                let mut out = Vec::with_capacity(2 * bytes);
                let compressed = [payload(pool.get(index)), &[0, 0, 0xff, 0xff]].concat();
                inflate.decompress_vec(&compressed, &mut out, FlushDecompress::Sync).unwrap();
                assert_eq!(out, texts[index % texts.len()].as_bytes(), "message {index} of {bytes} bytes");
            }
        }
    }
}
