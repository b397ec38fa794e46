//! Content for transfers, reproducible without random numbers from outside.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The size the issue tracker calls "large": 1 MiB.
pub const LARGE: usize = 1_048_576;

/// A small generator (xorshift64*), so that a failing test fails again.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator whose sequence depends on `seed` only.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("64-bit lengths");
        usize::try_from(self.draw() % bound).expect("smaller than bound")
    }

    /// One of `choices`.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// `length` bytes of every value.
#[must_use]
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.draw().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Exactly `length` bytes of harmless text, with characters of one to four bytes in UTF-8.
#[must_use]
pub fn text(seed: u64, length: usize) -> String {
    let mut random = Random::new(seed);
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        text.push_str(random.pick(SENTENCES));
        text.push(' ');
    }
    let mut end = length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.extend(std::iter::repeat_n('.', length - end));
    text
}

/// A harmless chat message in JSON, different for each pair of numbers.
#[must_use]
pub fn chat(connection: usize, message: usize) -> String {
    let mut random = Random::new(u64::try_from(connection * 1_000_003 + message).expect("64-bit lengths"));
    let mut body = String::new();
    for _ in 0..=random.below(4) {
        body.push_str(random.pick(SENTENCES));
        body.push(' ');
    }
    let value = serde_json::json!({
        "type": "chat",
        "id": format!("{connection}-{message}"),
        "user": {"name": random.pick(NAMES), "age": random.below(90), "admin": false},
        "body": body.trim_end(),
        "tags": [random.pick(SENTENCES), null, random.below(1000)],
    });
    value.to_string()
}

/// The SHA-256 of `data` in lower-case hexadecimal, as the peers print it.
#[must_use]
pub fn sha256(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

/// What people write to each other: every sentence harmless, some with the marks that attacks are made of.
const SENTENCES: &[&str] = &[
    "Hello, is anybody there?",
    "The meeting moved to Tuesday, 10:30.",
    "Thanks; see you tomorrow!",
    "It's fine, don't worry about it.",
    "Please select a table near the window.",
    "Order 4711 is ready, the price went down by 20%.",
    "Naïve question: does the café open on Sunday?",
    "Das wird größer als gedacht.",
    "Привет, как дела?",
    "你好，世界。",
    "Sounds good 👍",
    "I'd rather drop it, or move it to the next release.",
    "Who's in the R&D team now?",
    "Version 2.10 <-> 2.11 makes no difference.",
    "Mail me at ada@example.org or call +44 20 7946 0000.",
    "See https://example.org/docs?page=2&lang=en#top for more.",
    "We have 3 of them, insert coins later.",
    "\"Quoted\" as she said.",
    "Not sure; where did you update the table?",
    "I <3 this.",
];

const NAMES: &[&str] = &["Ada", "O'Brien", "Zoë", "李雷", "Jean-Luc", "Anna Maria"];
