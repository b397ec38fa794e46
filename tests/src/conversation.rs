//! Generated conversations: harmless messages of every kind, in every framing the protocol allows.

use serde_json::json;

use crate::attacks::TEXTBOOK;
use crate::deflate::Deflater;
use crate::payload::{self, Random};
use crate::wire::{BINARY, CONTINUATION, PING, PONG, RSV1, TEXT, encode};

/// What is sent in one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Text or binary.
    pub is_text: bool,
    /// UTF-8 if it is text.
    pub bytes: Vec<u8>,
}

impl Content {
    /// A harmless message of at most `longest` bytes: short ones, long ones and empty ones, text with characters of
    /// several bytes, JSON, and bytes of every value.
    #[must_use]
    pub fn harmless(random: &mut Random, longest: usize) -> Self {
        let length = match random.below(20) {
            0 => 0,
            1..11 => random.below(126),
            11..18 => random.below(2_000),
            _ => random.below(65_537),
        };
        let (seed, length) = (random.draw(), length.min(longest));
        match random.below(4) {
            0 => Self { is_text: false, bytes: payload::bytes(seed, length) },
            1 => Self { is_text: false, bytes: payload::text(seed, length).into_bytes() },
            2 => {
                let message = payload::chat(random.below(1000), random.below(1000));
                Self { is_text: true, bytes: message.into_bytes() }
            }
            _ => Self { is_text: true, bytes: payload::text(seed, length).into_bytes() },
        }
    }

    /// A message with a textbook attack somewhere in it, as text or binary.
    #[must_use]
    pub fn attack(random: &mut Random) -> Self {
        let mut pad = || payload::text(random.draw(), random.below(3) * random.below(2_000));
        let (before, after) = (pad(), pad());
        let attack = TEXTBOOK[random.below(TEXTBOOK.len())].text;
        let message = json!({"before": before, "user": {"name": attack}, "then": [after]});
        Self { is_text: random.below(2) == 0, bytes: message.to_string().into_bytes() }
    }

    /// The frames of this message as a client may send them: compressed or not if there is a `deflater`, in one
    /// frame or in fragments of any size with pings and pongs between them, each frame with a key of its own.
    pub fn frames(&self, random: &mut Random, deflater: Option<&mut Deflater>) -> Vec<u8> {
        let opcode = if self.is_text { TEXT } else { BINARY };
        match deflater {
            Some(deflater) if random.below(8) > 0 => {
                let compressed = deflater.message_in_blocks(&self.bytes, random);
                fragments(random, opcode | RSV1, &compressed)
            }
            Some(_) | None => fragments(random, opcode, &self.bytes),
        }
    }
}

fn fragments(random: &mut Random, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let count = if random.below(2) == 0 { 1 } else { 1 + random.below(8) };
    let mut bytes = Vec::with_capacity(payload.len() + 16);
    let mut rest = payload;
    for index in 0..count {
        let last = index + 1 == count;
        let opcode = if index == 0 { opcode } else { CONTINUATION };
        let (piece, after) = rest.split_at(if last { rest.len() } else { random.below(rest.len() + 1) });
        bytes.extend(encode(last, opcode, Some(key(random)), piece));
        rest = after;
        if random.below(4) == 0 {
            let control = if random.below(2) == 0 { PING } else { PONG };
            let content = payload::bytes(random.draw(), random.below(126));
            bytes.extend(encode(true, control, Some(key(random)), &content));
        }
    }
    bytes
}

/// A masking key, now and then the one that changes nothing.
fn key(random: &mut Random) -> [u8; 4] {
    let [a, b, c, d, ..] = random.draw().to_be_bytes();
    if random.below(10) == 0 { [0; 4] } else { [a, b, c, d] }
}
