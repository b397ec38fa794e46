//! Random changes to inputs, without a library and the same for the same seed.

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0; a little uneven, which does not matter here.
    pub(crate) const fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number of at most so many bits, as likely short as long.
    const fn length(&mut self, bits: usize) -> usize {
        let bits = 1 + self.below(bits);
        self.below(1 << bits)
    }
}

/// Inputs do not grow beyond this length by mutation.
pub(crate) const MAX_LEN: usize = 16 * 1024;

/// Values at which something changes: lengths of frames, opcodes, flags, small limits.
const BYTES: [u8; 24] = [
    0, 1, 2, 4, 8, 0x0a, 0x0d, 0x20, 0x40, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x88, 0x89, 0xc1, 0xc2, 0xd8,
    0xed, 0xf4, 0xfe, 0xff,
];

const LENGTHS: [u16; 12] = [0, 1, 2, 125, 126, 127, 150, 200, 201, 400, 4096, 65535];

const TOKENS: [&[u8]; 40] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\x1e",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"GET / HTTP/1.1\r\n",
    b"HEAD / HTTP/1.1\r\n\r\n",
    b"POST ",
    b"CONNECT a:1 HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 X\r\n",
    b"HTTP/1.1 304 X\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"0\r\n\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"Upgrade: h2c\r\n",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
    b"Sec-WebSocket-Protocol: v1.chat\r\n",
    b"Origin: https://a.example.org\r\n",
    b"\x81\x80\0\0\0\0",
    b"\x01\x80\0\0\0\0",
    b"\x80\x80\0\0\0\0",
    b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0",
    b"\x89\x80\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\x88\0",
    b"\x82\x7e",
    b"\x82\xff\0\0\0\0",
    b"\0\0\xff\xff",
    b"\xe2\x82\xac",
    b"\"\\u0027 or 1=1--\"",
    b"<script>",
    b"' OR '1'='1",
    b"{\"a\":[",
];

/// Changes `input` in one to six places; `other` is something to take pieces from.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    for _ in 0..=rng.below(6) {
        change(input, other, rng);
    }
    input.truncate(MAX_LEN);
}

fn change(input: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let place = rng.below(input.len() + 1);
    let until = (place + 1 + rng.length(8)).min(input.len());
    match rng.below(11) {
        0 => flip(input, place, 1 << rng.below(8)),
        1 => set(input, place, &[BYTES[rng.below(BYTES.len())]]),
        2 => set(input, place, &[rng.next().to_le_bytes()[0]]),
        3 => {
            let length = LENGTHS[rng.below(LENGTHS.len())];
            set(input, place, &length.to_be_bytes());
        }
        4 => {
            input.drain(place.min(until)..until);
        }
        5 => {
            let copy = input.get(place..until).unwrap_or_default().to_vec();
            let at = rng.below(input.len() + 1);
            insert(input, at, &copy);
        }
        6 => {
            let copy = input.get(place..until).unwrap_or_default().to_vec();
            let at = rng.below(input.len() + 1);
            set(input, at, &copy);
        }
        7 => insert(input, place, TOKENS[rng.below(TOKENS.len())]),
        8 => {
            let from = rng.below(other.len() + 1);
            let to = (from + rng.length(11)).min(other.len());
            insert(input, place, other.get(from..to).unwrap_or_default());
        }
        // The first bytes choose settings and split.
        9 => {
            let at = rng.below(5);
            set(input, at, &[rng.next().to_le_bytes()[0]]);
        }
        _ => {
            // A length that is a little wrong.
            if let Some(byte) = input.get_mut(place) {
                *byte = byte.wrapping_add([1, 255, 2, 254][rng.below(4)]);
            }
        }
    }
}

fn flip(input: &mut [u8], place: usize, bit: u8) {
    if let Some(byte) = input.get_mut(place) {
        *byte ^= bit;
    }
}

fn set(input: &mut [u8], place: usize, bytes: &[u8]) {
    for (slot, byte) in input.iter_mut().skip(place).zip(bytes) {
        *slot = *byte;
    }
}

fn insert(input: &mut Vec<u8>, place: usize, bytes: &[u8]) {
    if input.len() + bytes.len() <= MAX_LEN && place <= input.len() {
        input.splice(place..place, bytes.iter().copied());
    }
}
