//! Finds the strings and keys of JSON text in one pass, without a tree and without recursion.

use std::ops::ControlFlow;

use crate::payload::{Leaf, Place};

/// One level of nesting around a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The array element with this index.
    Array { index: usize },
    /// The member whose key stands, still escaped, between these bytes of the text.
    Object { key: Option<(usize, usize)> },
}

/// Whether readers agree about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It is JSON, or a sequence of JSON values.
    Regular,
    /// It is malformed, or nested deeper than the limit. All quoted strings were visited nevertheless.
    Odd,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// Where JSON begins in a text, if it looks like JSON: after blanks, a byte order mark, or the packet type,
/// namespace and acknowledgement number of Engine.IO and Socket.IO (`42["event",{}]`, `42/room,7["event"]`).
pub(super) fn start(text: &[u8]) -> Option<usize> {
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    at += count(text, at, |byte| byte.is_ascii_whitespace());
    match text.get(at)? {
        b'{' | b'[' | b'"' => return Some(at),
        b'0'..=b'9' => {}
        _ => return None,
    }
    at += count(text, at, |byte| byte.is_ascii_digit() || byte == b'-');
    if text.get(at) == Some(&b'/') {
        at += count(text, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-'));
        if text.get(at) != Some(&b',') {
            return None;
        }
        at += 1;
        at += count(text, at, |byte| byte.is_ascii_digit());
    }
    matches!(text.get(at)?, b'{' | b'[').then_some(at)
}

fn count(text: &[u8], at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| wanted(**byte)).count()
}

/// Visits every string and every key of `text`, unescaped.
///
/// Never gives up: where the text is not JSON, or deeper than `max_depth`, the quoted strings after that place are
/// visited too, without a path, and the answer is [`Shape::Odd`].
pub(super) fn scan(
    text: &[u8],
    max_depth: usize,
    decoded: &mut Vec<u8>,
    levels: &mut Vec<Level>,
    visit: &mut dyn FnMut(Leaf<'_>) -> ControlFlow<()>,
) -> ControlFlow<(), Shape> {
    levels.clear();
    let mut scan = Scan { text, at: 0, levels, expect: Expect::Value, shape: Shape::Regular };
    while let Some(&byte) = text.get(scan.at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => scan.at += 1,
            b'"' => {
                let (start, end) = scan.string();
                let is_key = matches!(scan.expect, Expect::Key | Expect::KeyOrEnd);
                scan.begin_string(start, end);
                let raw = text.get(start..end).unwrap_or_default();
                let value = if memchr::memchr(b'\\', raw).is_some() {
                    if !unescape(raw, decoded) {
                        scan.odd();
                    }
                    decoded.as_slice()
                } else {
                    raw
                };
                let place = match scan.shape {
                    Shape::Regular => Place::Json { text, levels: scan.levels },
                    Shape::Odd => Place::Whole,
                };
                visit(Leaf { value, place })?;
                scan.end_string(is_key);
            }
            _ if scan.shape == Shape::Odd => scan.skip_to_string(),
            b'{' => scan.open(Level::Object { key: None }, Expect::KeyOrEnd, max_depth),
            b'[' => scan.open(Level::Array { index: 0 }, Expect::ValueOrEnd, max_depth),
            b'}' | b']' => scan.close(byte),
            b':' if scan.expect == Expect::Colon => scan.step(Expect::Value),
            b',' if scan.expect == Expect::CommaOrEnd => scan.comma(),
            _ => scan.literal(),
        }
    }
    if !scan.levels.is_empty() {
        scan.odd();
    }
    ControlFlow::Continue(scan.shape)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    levels: &'a mut Vec<Level>,
    expect: Expect,
    shape: Shape,
}

impl Scan<'_> {
    /// From here on only quoted strings are looked for.
    fn odd(&mut self) {
        self.shape = Shape::Odd;
        self.levels.clear();
    }

    fn step(&mut self, expect: Expect) {
        self.at += 1;
        self.expect = expect;
    }

    /// Passes over the string that begins here and returns where its inside begins and ends. A string that is not
    /// closed goes to the end of the text.
    fn string(&mut self) -> (usize, usize) {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                None => {
                    self.odd();
                    self.at = self.text.len();
                    return (start.min(self.at), self.at);
                }
                Some(found) if rest.get(found) == Some(&b'"') => {
                    self.at = at + found + 1;
                    return (start, at + found);
                }
                Some(found) => at += found + 2,
            }
        }
    }

    fn begin_string(&mut self, start: usize, end: usize) {
        match self.expect {
            Expect::Key | Expect::KeyOrEnd => {
                if let Some(Level::Object { key }) = self.levels.last_mut() {
                    *key = Some((start, end));
                }
            }
            Expect::Value | Expect::ValueOrEnd => {}
            Expect::Colon | Expect::CommaOrEnd => self.odd(),
        }
    }

    fn end_string(&mut self, is_key: bool) {
        if is_key {
            self.expect = Expect::Colon;
        } else {
            self.end_value();
        }
    }

    fn end_value(&mut self) {
        // Values may follow one another at the top: newline-delimited and concatenated JSON.
        self.expect = if self.levels.is_empty() { Expect::Value } else { Expect::CommaOrEnd };
    }

    fn open(&mut self, level: Level, expect: Expect, max_depth: usize) {
        let allowed = matches!(self.expect, Expect::Value | Expect::ValueOrEnd);
        if !allowed || self.levels.len() >= max_depth {
            self.odd();
        } else {
            self.levels.push(level);
        }
        self.step(expect);
    }

    fn close(&mut self, byte: u8) {
        let matching = match self.levels.last() {
            Some(Level::Array { .. }) => {
                byte == b']' && matches!(self.expect, Expect::ValueOrEnd | Expect::CommaOrEnd)
            }
            Some(Level::Object { .. }) => {
                byte == b'}' && matches!(self.expect, Expect::KeyOrEnd | Expect::CommaOrEnd)
            }
            None => false,
        };
        self.at += 1;
        if matching {
            self.levels.pop();
            self.end_value();
        } else {
            self.odd();
        }
    }

    fn comma(&mut self) {
        self.at += 1;
        match self.levels.last_mut() {
            Some(Level::Array { index }) => {
                *index += 1;
                self.expect = Expect::Value;
            }
            Some(Level::Object { key }) => {
                *key = None;
                self.expect = Expect::Key;
            }
            None => self.odd(),
        }
    }

    /// Passes over a number or a name.
    fn literal(&mut self) {
        let len = count(self.text, self.at, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
        });
        let word = self.text.get(self.at..self.at + len).unwrap_or_default();
        self.at += len.max(1);
        let number = word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let known = len > 0 && (number || matches!(word, b"true" | b"false" | b"null"));
        if known && matches!(self.expect, Expect::Value | Expect::ValueOrEnd) {
            self.end_value();
        } else {
            self.odd();
        }
    }

    fn skip_to_string(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at = memchr::memchr(b'"', rest).map_or(self.text.len(), |found| self.at + found);
    }
}

/// Undoes the escapes of RFC 8259 §7 into `out`; returns false if one is malformed, which then stands as it is.
fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut sound = true;
    let mut rest = raw;
    while let Some(found) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(found);
        out.extend_from_slice(plain);
        let (used, letter) = match escape {
            [_, b'"', ..] => (2, '"'),
            [_, b'\\', ..] => (2, '\\'),
            [_, b'/', ..] => (2, '/'),
            [_, b'b', ..] => (2, '\u{8}'),
            [_, b'f', ..] => (2, '\u{c}'),
            [_, b'n', ..] => (2, '\n'),
            [_, b'r', ..] => (2, '\r'),
            [_, b't', ..] => (2, '\t'),
            [_, b'u', ..] => unicode(escape),
            _ => (0, '\\'),
        };
        if used == 0 {
            sound = false;
        }
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(used.max(1)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    sound
}

/// Reads `\uXXXX`, or two of them that are a surrogate pair. Half a pair becomes U+FFFD; (0, `\`) if malformed.
fn unicode(escape: &[u8]) -> (usize, char) {
    let Some(first) = unit(escape) else { return (0, '\\') };
    if let Some(letter) = char::from_u32(first) {
        return (6, letter);
    }
    let second = escape.get(6..).and_then(unit);
    match (first, second) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (12, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        }
        _ => (6, char::REPLACEMENT_CHARACTER),
    }
}

fn unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_all(text: &str, max_depth: usize) -> (Vec<String>, Shape) {
        let mut found = Vec::new();
        let shape = scan(text.as_bytes(), max_depth, &mut Vec::new(), &mut Vec::new(), &mut |leaf| {
            found.push(format!("{} = {}", leaf.place.location(), String::from_utf8_lossy(leaf.value)));
            ControlFlow::Continue(())
        });
        match shape {
            ControlFlow::Continue(shape) => (found, shape),
            ControlFlow::Break(()) => panic!("nobody breaks"),
        }
    }

    fn regular(text: &str) -> Vec<String> {
        let (found, shape) = scan_all(text, 64);
        assert_eq!(shape, Shape::Regular, "{text}");
        found
    }

    fn odd(text: &str) -> Vec<String> {
        let (found, shape) = scan_all(text, 64);
        assert_eq!(shape, Shape::Odd, "{text}");
        found
    }

    #[test]
    fn visits_keys_and_strings_with_their_paths() {
        assert_eq!(
            regular(r#" {"user":{"name":"Ann","tags":["a",1,null,"b"]},"odd key":[{"x":"y"}],"n":-1.5e3} "#),
            [
                "$.user = user",
                "$.user.name = name",
                "$.user.name = Ann",
                "$.user.tags = tags",
                "$.user.tags[0] = a",
                "$.user.tags[3] = b",
                r#"$["odd key"] = odd key"#,
                r#"$["odd key"][0].x = x"#,
                r#"$["odd key"][0].x = y"#,
                "$.n = n",
            ]
        );
        assert_eq!(regular(r#""text""#), ["$ = text"]);
        assert_eq!(regular("[]"), [""; 0]);
        assert_eq!(regular("{\"a\":\"1\"}\n{\"a\":\"2\"}"), ["$.a = a", "$.a = 1", "$.a = a", "$.a = 2"]);
    }

    #[test]
    fn undoes_escapes() {
        assert_eq!(
            regular(r#"["\u0027 OR \"1\"=\"1", "\ud83d\ude00\n\/", "\ud83d!"]"#),
            ["$[0] = ' OR \"1\"=\"1", "$[1] = 😀\n/", "$[2] = \u{fffd}!",]
        );
        assert_eq!(regular(r#"{"\u0061b":"x"}"#), [r#"$["\u0061b"] = ab"#, r#"$["\u0061b"] = x"#]);
        assert_eq!(odd(r#"["\x27", "\u00zz"]"#), ["$ = \\x27", "$ = \\u00zz"]);
    }

    #[test]
    fn malformed_text_loses_no_string() {
        assert_eq!(odd(r#"{"a":"1" "b":"2"}"#), ["$.a = a", "$.a = 1", "$ = b", "$ = 2"]);
        assert_eq!(odd(r#"{"a":"1""#), ["$.a = a", "$.a = 1"]);
        assert_eq!(odd(r#"["never closed"#), ["$ = never closed"]);
        assert_eq!(odd(r#"[what, "x"]"#), ["$ = x"]);
        assert_eq!(odd(r#"["x"}"#), ["$[0] = x"]);
        assert_eq!(odd(r#"{'a':"x"}"#), ["$ = x"]);
        assert_eq!(odd(r#"["\"#), [r"$ = \"]);
        assert_eq!(odd("[,\"x\"]"), ["$ = x"]);
    }

    #[test]
    fn depth_costs_the_path_but_not_the_strings() {
        let deep = format!("{}\"x\"{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(scan_all(&deep, 64), (vec!["$ = x".to_owned()], Shape::Odd));
        assert_eq!(scan_all(&deep, 65).1, Shape::Regular);
    }

    #[test]
    fn finds_the_start_behind_a_packet_prefix() {
        assert_eq!(start(b" \n{"), Some(2));
        assert_eq!(start(b"42[\"a\"]"), Some(2));
        assert_eq!(start(b"451-[\"a\"]"), Some(4));
        assert_eq!(start(b"42/room,7[\"a\"]"), Some(9));
        assert_eq!(start(b"\xef\xbb\xbf{"), Some(3));
        for plain in ["", " ", "hello", "42", "42 [", "4/x[", "true"] {
            assert_eq!(start(plain.as_bytes()), None, "{plain}");
        }
    }
}
