//! Messages as JSON Lines: `{"id": …, "payload": …, "opcode": …}`.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::BufRead,
};

use anyhow::anyhow;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use framewall_inspect::Opcode;
use serde::Deserialize;

use super::lines::Lines;

/// What a byte of a message can be at most in a string of JSON: `\u0000`.
const LONGEST_ESCAPE: usize = 6;

/// What a record may have beside its payload, in bytes.
const REST: usize = 64 * 1024;

/// Payloads up to this multiple of the longest message are read, to be refused by name.
const SPARE: usize = 2;

/// Reads records.
pub(super) struct Records<'a, R> {
    name: &'a str,
    lines: Lines<'a, R>,
    /// A payload that was Base64.
    decoded: Vec<u8>,
}

/// A message to be judged.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) id: Id<'a>,
    pub(super) opcode: Opcode,
    pub(super) payload: Cow<'a, [u8]>,
}

/// What names a message in the output.
#[derive(Debug)]
pub(super) enum Id<'a> {
    Text(Cow<'a, str>),
    /// The record has a number, or none and is the nth line.
    Number(u64),
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) if !text.contains(char::is_control) => f.write_str(text),
            // The line of the output stays one line of three columns.
            Self::Text(text) => text.chars().try_for_each(|letter| match letter {
                _ if letter.is_control() => letter.escape_default().try_for_each(|c| f.write_char(c)),
                _ => f.write_char(letter),
            }),
        }
    }
}

/// A line as it stands. Whatever else is in it is nobody's business here.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    id: Option<RawId<'a>>,
    #[serde(borrow, default)]
    payload: Option<Text<'a>>,
    #[serde(borrow, default)]
    payload_b64: Option<Text<'a>>,
    #[serde(default)]
    opcode: RawOpcode,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an id is a string or a number from 0")]
enum RawId<'a> {
    Number(u64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

/// Serde borrows a `Cow` only where it stands by itself.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawOpcode {
    #[default]
    Text,
    Binary,
}

impl<'a, R: BufRead> Records<'a, R> {
    /// Reads messages of about `longest` bytes at most.
    pub(super) fn new(name: &'a str, input: R, longest: usize) -> Self {
        let longest = longest.saturating_mul(SPARE).saturating_mul(LONGEST_ESCAPE).saturating_add(REST);
        Self { name, lines: Lines::new(name, input, longest), decoded: Vec::new() }
    }

    /// The next message.
    ///
    /// # Errors
    ///
    /// What is wrong with a line, with the file, the line and the column before it.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Record<'_>>> {
        let Some((number, line)) = self.lines.next()? else { return Ok(None) };
        let complaint = |column: usize, text: &str| anyhow!("{}:{number}:{column}: {text}", self.name);
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            // The line that it names is the first, for it sees only one.
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            complaint(error.column().max(1), text)
        })?;
        let payload = match (line.payload, line.payload_b64) {
            (Some(Text(Cow::Borrowed(text))), None) => Cow::Borrowed(text.as_bytes()),
            (Some(Text(Cow::Owned(text))), None) => Cow::Owned(text.into_bytes()),
            (None, Some(Text(text))) => {
                self.decoded.clear();
                BASE64_STANDARD
                    .decode_vec(text.as_bytes(), &mut self.decoded)
                    .map_err(|error| complaint(1, &format!("payload_b64: {error}")))?;
                Cow::Borrowed(self.decoded.as_slice())
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(complaint(1, "there should be one of `payload` and `payload_b64`"));
            }
        };
        let id = match line.id {
            None => Id::Number(number),
            Some(RawId::Number(number)) => Id::Number(number),
            Some(RawId::Text(text)) => Id::Text(text),
        };
        let opcode = match line.opcode {
            RawOpcode::Text => Opcode::Text,
            RawOpcode::Binary => Opcode::Binary,
        };
        Ok(Some(Record { id, opcode, payload }))
    }
}
