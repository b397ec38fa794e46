//! What a client sends, turned into the answer where it lies in the buffer.

use super::HEADROOM;
use crate::frame::{self, CLOSE, LONGEST_HEADER, TEXT};
use crate::handshake::Service;

/// The answer of the sink to a message.
const ACKNOWLEDGEMENT: &[u8] = b"ok";

/// How far the frames of a client have been read.
#[derive(Debug)]
pub(super) struct Incoming {
    service: Service,
    /// The part of a header that has come.
    head: Vec<u8>,
    /// The frame whose payload comes: its first byte, the bytes that are missing, and the key of the next one.
    payload: Option<(u8, u64, [u8; 4])>,
    /// What a source is asked for, as far as it has come.
    number: usize,
}

/// What one read amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Bytes of answer at the beginning of the buffer.
    pub(super) answer: usize,
    /// Messages that a source shall send.
    pub(super) asked_for: usize,
    /// Whether a Close frame came; the answer contains the one to send.
    pub(super) close: bool,
}

impl Incoming {
    pub(super) fn new(service: Service) -> Self {
        Self { service, head: Vec::new(), payload: None, number: 0 }
    }

    /// Takes `count` bytes at [`HEADROOM`] of the buffer. The frames of a server have no mask, so an answer never
    /// reaches what has not been read yet.
    pub(super) fn take(&mut self, buffer: &mut [u8], count: usize) -> Taken {
        let end = HEADROOM + count;
        let mut at = HEADROOM - self.head.len();
        buffer[at..HEADROOM].copy_from_slice(&self.head);
        self.head.clear();
        let mut taken = Taken { answer: 0, asked_for: 0, close: false };
        loop {
            let (first, left, key) = match self.payload.take() {
                Some(payload) => payload,
                None => {
                    let Some(header) = frame::decode(&buffer[at..end]) else {
                        self.head.extend(&buffer[at..end]);
                        return taken;
                    };
                    at += header.size;
                    if self.is_echoed(header.first) {
                        taken.answer += header_at(&mut buffer[taken.answer..], header.first, header.length);
                    }
                    (header.first, header.length, header.mask.unwrap_or_default())
                }
            };
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(end - at);
            if self.is_echoed(first) {
                frame::apply_mask(&mut buffer[at..at + length], key);
                buffer.copy_within(at..at + length, taken.answer);
                taken.answer += length;
            } else if matches!(self.service, Service::Source(_)) {
                frame::apply_mask(&mut buffer[at..at + length], key);
                let digits = buffer[at..at + length].iter().filter(|byte| byte.is_ascii_digit());
                self.number =
                    digits.fold(self.number, |number, digit| number * 10 + usize::from(digit - b'0'));
            }
            at += length;
            let left = left - length as u64;
            if left > 0 {
                let mut key = key;
                key.rotate_left(length % 4);
                self.payload = Some((first, left, key));
                return taken;
            }
            match self.service {
                _ if first == CLOSE => {
                    taken.close = true;
                    return taken;
                }
                Service::Echo => {}
                Service::Source(_) => taken.asked_for += std::mem::take(&mut self.number),
                Service::Sink => {
                    taken.answer +=
                        header_at(&mut buffer[taken.answer..], TEXT, ACKNOWLEDGEMENT.len() as u64);
                    buffer[taken.answer..][..ACKNOWLEDGEMENT.len()].copy_from_slice(ACKNOWLEDGEMENT);
                    taken.answer += ACKNOWLEDGEMENT.len();
                }
            }
        }
    }

    fn is_echoed(&self, first: u8) -> bool {
        self.service == Service::Echo || first == CLOSE
    }
}

fn header_at(out: &mut [u8], first: u8, length: u64) -> usize {
    let mut header = [0; LONGEST_HEADER];
    let size = frame::encode(&mut header, first, length, None);
    out[..size].copy_from_slice(&header[..size]);
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

    /// Takes `bytes` in parts of `size`; the answers together, and the rest of what was taken.
    fn take(service: Service, bytes: &[u8], size: usize) -> (Vec<u8>, usize, bool) {
        let mut incoming = Incoming::new(service);
        let (mut answer, mut asked_for, mut close) = (Vec::new(), 0, false);
        for part in bytes.chunks(size) {
            let mut buffer = vec![0xee; HEADROOM + part.len()];
            buffer[HEADROOM..].copy_from_slice(part);
            let taken = incoming.take(&mut buffer, part.len());
            answer.extend(&buffer[..taken.answer]);
            asked_for += taken.asked_for;
            close |= taken.close;
        }
        (answer, asked_for, close)
    }

    #[test]
    fn echoes_in_any_split() {
        let texts = [&b"Hello"[..], b"", &[b'a'; 130], &[b'b'; 70_000]];
        let sent: Vec<_> = texts.iter().flat_map(|text| frame::frame(TEXT, KEY, text)).collect();
        let expected: Vec<_> = texts.iter().flat_map(|text| frame::frame(TEXT, None, text)).collect();
        for size in [1, 2, 3, 5, 7, 100, 4096, sent.len()] {
            assert!(take(Service::Echo, &sent, size) == (expected.clone(), 0, false), "in parts of {size}");
        }
    }

    #[test]
    fn acknowledges_counts_and_closes_in_any_split() {
        let ask = frame::frame(TEXT, KEY, b"12");
        let close = frame::frame(CLOSE, KEY, &[3, 232]);
        let sent = [ask.clone(), ask, close].concat();
        let closed = frame::frame(CLOSE, None, &[3, 232]);
        let acknowledged = frame::frame(TEXT, None, b"ok").repeat(2);
        for size in 1..=sent.len() {
            assert_eq!(take(Service::Source(1), &sent, size), (closed.clone(), 24, true));
            let expected = [&acknowledged[..], &closed].concat();
            assert_eq!(take(Service::Sink, &sent, size), (expected, 0, true));
        }
    }
}
