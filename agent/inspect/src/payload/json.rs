//! Finds the strings and keys of JSON text in one pass, without a tree and without recursion.

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    lanes::{LANES, Lanes},
    payload::{
        graphql,
        leaf::{Kind, Level, NO_NAME, Place},
        repeats::Repeats,
        stomp, text,
        walk::{Space, Walk},
    },
};

/// What a text turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) shape: Shape,
    /// The bytes that were read: all, or those before a record separator.
    pub(super) read: usize,
}

/// Whether readers agree about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It is JSON, or a sequence of JSON values.
    Regular,
    /// It is malformed, or nested deeper than the limit. All quoted strings were visited nevertheless.
    Odd,
    /// It is something else that begins with a bracket or a quote: `[ann] hi`, `{{name}} joined`. All quoted strings
    /// were visited.
    Prose,
}

/// Between messages of SignalR and packets of Engine.IO.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Strings of an array that are shorter are also looked at as one, joined by nothing: an attack may be split among
/// them.
const SHORT: usize = 64;

/// A part of an attack has something else than these.
const WORDS: ByteSet = ByteSet::LETTER
    .and(ByteSet::DIGIT)
    .and(ByteSet::SPACE)
    .and(ByteSet::PLAIN)
    .and(ByteSet::HIGH)
    .and(ByteSet::DOT)
    .and(ByteSet::MINUS)
    .and(ByteSet::COLON);

/// Most bytes of strings that are joined.
const MAX_JOINED: usize = 1024;

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

/// Whether a text that begins with a bracket goes on like JSON.
pub(super) fn is_likely(text: &[u8]) -> bool {
    let mut rest = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    match rest.next() {
        Some(b'{') => matches!(rest.next(), Some(b'"' | b'}')),
        Some(b'[') => {
            matches!(rest.next(), Some(b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'))
        }
        _ => false,
    }
}

/// Whether a text that begins with a quote is a string of JSON, and nothing behind it.
pub(super) fn is_string(text: &[u8]) -> bool {
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found + 1;
        if text.get(at - 1) == Some(&b'"') {
            return text.get(at..).unwrap_or_default().trim_ascii().is_empty();
        }
        at += 1;
    }
    false
}

/// Shows every string and every key of `text`, unescaped.
///
/// Never gives up: where the text is not JSON, or deeper than is followed, the quoted strings after that place are
/// shown too, without a path, and the shape is not [`Shape::Regular`].
pub(super) fn walk(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<(), Outcome> {
    let mut space = walk.space();
    let Space { decoded, joined, joins, levels, repeats, .. } = &mut space;
    let scan = Scan {
        text,
        at: 0,
        expect: Expect::Value,
        shape: Shape::Regular,
        proven: false,
        has_value: false,
        enveloped: 0,
        escapes: false,
        levels,
        joined,
        joins,
        repeats,
    };
    let outcome = scan.run(walk, decoded, place);
    walk.give_back(space);
    outcome
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    expect: Expect,
    shape: Shape,
    /// Something was read that prose does not have: a key and a colon, or a string and a comma in an array.
    proven: bool,
    /// A value was read.
    has_value: bool,
    /// How many strings at the beginning of the outermost array held an envelope.
    enveloped: usize,
    /// A name with an escape in it was read.
    escapes: bool,
    levels: &'a mut Vec<Level>,
    joined: &'a mut Vec<u8>,
    joins: &'a mut Vec<Join>,
    repeats: &'a mut Repeats,
}

/// What is known of the short strings of an array.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Join {
    /// Where they begin among those of all open arrays.
    start: usize,
    /// How many are more than words.
    odd: usize,
    bytes: ByteSet,
}

/// A string as it stands in the text.
#[derive(Clone, Copy, Debug)]
struct Quoted {
    start: usize,
    end: usize,
    bytes: ByteSet,
}

impl Scan<'_> {
    fn run(
        mut self,
        walk: &mut Walk<'_>,
        decoded: &mut Vec<u8>,
        place: &Place<'_>,
    ) -> ControlFlow<(), Outcome> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'"' => {
                    if !self.pass_known(walk, place)? {
                        self.string(walk, decoded, place)?;
                    }
                }
                _ if self.shape != Shape::Regular => self.skip_to_string(),
                b'{' => self.open(Level::Object { key: NO_NAME }, Expect::KeyOrEnd, walk.max_depth),
                b'[' => {
                    let level = Level::Array { index: 0, name: self.name() };
                    self.open(level, Expect::ValueOrEnd, walk.max_depth);
                }
                b'}' | b']' => self.close(byte, walk, place)?,
                b':' if self.expect == Expect::Colon => self.colon(),
                b',' if self.expect == Expect::CommaOrEnd => self.comma(),
                RECORD_SEPARATOR if self.levels.is_empty() => break,
                _ => self.literal(walk, place),
            }
        }
        if !self.levels.is_empty() {
            self.odd();
        }
        let shape = if self.shape == Shape::Odd && !self.is_like_json() { Shape::Prose } else { self.shape };
        ControlFlow::Continue(Outcome { shape, read: self.at })
    }

    /// Whether it was meant to be JSON, although it is not.
    fn is_like_json(&self) -> bool {
        let mut rest = self.text.iter().filter(|byte| !byte.is_ascii_whitespace());
        self.proven || matches!((rest.next(), rest.next()), (Some(b'{' | b'['), Some(b'"')))
    }

    /// From here on only quoted strings are looked for.
    fn odd(&mut self) {
        self.shape = Shape::Odd;
        self.levels.clear();
        self.joins.clear();
        self.joined.clear();
    }

    fn step(&mut self, expect: Expect) {
        self.at += 1;
        self.expect = expect;
    }

    /// Where what is read now stands.
    fn here<'p>(&'p self, place: &'p Place<'p>) -> Place<'p> {
        Place::json_in(place, self.text, self.levels, self.escapes)
    }

    /// Where the name of the innermost member stands.
    fn name(&self) -> (usize, usize) {
        match self.levels.last() {
            Some(Level::Object { key }) => *key,
            Some(Level::Array { name, .. }) => *name,
            Some(Level::Number(_) | Level::Element { .. } | Level::Attribute { .. }) | None => NO_NAME,
        }
    }

    /// Passes over a short name or a short value that need not be shown; returns whether it was one.
    fn pass_known(&mut self, walk: &mut Walk<'_>, place: &Place<'_>) -> ControlFlow<(), bool> {
        let Some(level) = self.levels.last() else { return ControlFlow::Continue(false) };
        let (kind, name) = match (*level, self.expect) {
            // That of a name is the name itself.
            (Level::Object { .. }, Expect::Key | Expect::KeyOrEnd) => (Kind::Key, NO_NAME),
            (Level::Object { key }, Expect::Value) => (Kind::Text, key),
            // Those of the outermost array may be envelopes.
            (Level::Array { name, .. }, Expect::Value | Expect::ValueOrEnd) if self.levels.len() > 1 => {
                (Kind::Text, name)
            }
            _ => return ControlFlow::Continue(false),
        };
        let start = self.at + 1;
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(value) = short_string(rest) else { return ControlFlow::Continue(false) };
        let name =
            if kind == Kind::Key { &b""[..] } else { self.text.get(name.0..name.1).unwrap_or_default() };
        if !walk.passes(value, kind, name)? {
            return ControlFlow::Continue(false);
        }
        let end = start + value.len();
        self.at = end + 1;
        if kind == Kind::Key {
            if let Some(Level::Object { key }) = self.levels.last_mut() {
                *key = (start, end);
            }
            self.expect = Expect::Colon;
            self.colon();
            return ControlFlow::Continue(true);
        }
        if let Some(Level::Array { .. }) = self.levels.last() {
            self.join(value, ByteSet::of(value));
        }
        if walk.listens() {
            walk.tell(value, self.here(place));
        }
        self.end_value();
        ControlFlow::Continue(true)
    }

    /// Shows the string that begins here.
    fn string(&mut self, walk: &mut Walk<'_>, decoded: &mut Vec<u8>, place: &Place<'_>) -> ControlFlow<()> {
        let quoted = self.pass_string();
        let is_key = matches!(self.expect, Expect::Key | Expect::KeyOrEnd);
        match self.expect {
            Expect::Key | Expect::KeyOrEnd => {
                if let Some(Level::Object { key }) = self.levels.last_mut() {
                    *key = (quoted.start, quoted.end);
                }
                self.escapes |= quoted.bytes.has_any(ByteSet::BACKSLASH);
            }
            // A string behind another value at the top would be prose with quotes in it.
            Expect::Value if self.levels.is_empty() && self.has_value => self.odd(),
            Expect::Value | Expect::ValueOrEnd => {}
            Expect::Colon | Expect::CommaOrEnd => self.odd(),
        }
        let raw = self.text.get(quoted.start..quoted.end).unwrap_or_default();
        let (value, bytes) = if quoted.bytes.has_any(ByteSet::BACKSLASH) {
            if !unescape(raw, decoded) {
                self.odd();
            }
            (decoded.as_slice(), ByteSet::of(decoded))
        } else {
            (raw, quoted.bytes)
        };
        if self.shape != Shape::Regular {
            walk.show(value, bytes, Kind::Text, b"", *place)
        } else if is_key {
            walk.show(value, bytes, Kind::Key, raw, self.here(place))?;
            self.expect = Expect::Colon;
            self.colon();
            ControlFlow::Continue(())
        } else {
            self.value(walk, value, bytes, quoted, place)
        }
    }

    /// Shows a string that is a value, its escapes undone.
    fn value(
        &mut self,
        walk: &mut Walk<'_>,
        value: &[u8],
        bytes: ByteSet,
        quoted: Quoted,
        place: &Place<'_>,
    ) -> ControlFlow<()> {
        let text = self.text;
        let (start, end) = self.name();
        let name = text.get(start..end).unwrap_or_default();
        if self.is_enveloped(value, walk) {
            self.enveloped += 1;
            let inside = self.here(place);
            if let Some(result) = walk.enter(|walk| text::message(walk, value, &inside)) {
                self.end_value();
                return result;
            }
        }
        if walk.listens() {
            walk.tell(value, self.here(place));
        }
        if bytes.has_all(ByteSet::BRACE.and(ByteSet::DOUBLE_QUOTE)) && graphql::is_document(name, value) {
            graphql::walk(walk, value, name, &self.here(place))?;
        } else {
            let escaped = quoted.bytes.has_any(ByteSet::BACKSLASH);
            let at = (quoted.start, quoted.end);
            let repeated = !escaped && self.repeats.knows(text, (start, end), at, bytes);
            let here = self.here(place);
            walk.leaf(value, bytes, Kind::Text, name, here, repeated)?;
        }
        if let Some(Level::Array { .. }) = self.levels.last() {
            self.join(value, bytes);
        }
        self.end_value();
        ControlFlow::Continue(())
    }

    /// Keeps a short string of an array, to be looked at with the others.
    fn join(&mut self, value: &[u8], bytes: ByteSet) {
        if value.len() < SHORT
            && let Some(join) = self.joins.last_mut()
            && self.joined.len() - join.start + value.len() <= MAX_JOINED
        {
            join.odd += usize::from(bytes.has_any(WORDS.others()));
            join.bytes = join.bytes.and(bytes);
            self.joined.extend_from_slice(value);
        }
    }

    /// Whether a string is a message of SockJS: alone in an array or with others like it, JSON or STOMP.
    fn is_enveloped(&self, value: &[u8], walk: &Walk<'_>) -> bool {
        match *self.levels.as_slice() {
            [Level::Array { index, .. }] if index == self.enveloped && !walk.is_nested() => {
                is_likely(value) || stomp::is_frame(value)
            }
            _ => false,
        }
    }

    /// Passes over the string that begins here. One that is not closed goes to the end of the text.
    fn pass_string(&mut self) -> Quoted {
        let start = self.at + 1;
        let mut at = start;
        let mut bytes = ByteSet::default();
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let (kinds, passed) = pass_plain(rest);
            bytes = bytes.and(kinds);
            match rest.get(passed) {
                None => {
                    self.odd();
                    self.at = self.text.len();
                    return Quoted { start: start.min(self.at), end: self.at, bytes };
                }
                Some(b'"') => {
                    self.at = at + passed + 1;
                    return Quoted { start, end: at + passed, bytes };
                }
                Some(_) => {
                    bytes = bytes.and(ByteSet::BACKSLASH);
                    at += passed + 2;
                }
            }
        }
    }

    fn end_value(&mut self) {
        // Values may follow one another at the top: newline-delimited and concatenated JSON.
        self.has_value = true;
        self.expect = if self.levels.is_empty() { Expect::Value } else { Expect::CommaOrEnd };
    }

    fn open(&mut self, level: Level, expect: Expect, max_depth: usize) {
        let allowed = matches!(self.expect, Expect::Value | Expect::ValueOrEnd);
        if !allowed || self.levels.len() >= max_depth {
            // Prose does not nest.
            self.proven |= self.levels.len() > 2;
            self.odd();
        } else {
            if matches!(level, Level::Array { .. }) {
                self.joins.push(Join { start: self.joined.len(), ..Join::default() });
            }
            self.levels.push(level);
        }
        self.step(expect);
    }

    fn close(&mut self, byte: u8, walk: &mut Walk<'_>, place: &Place<'_>) -> ControlFlow<()> {
        let matching = match self.levels.last() {
            Some(Level::Array { .. }) => {
                byte == b']' && matches!(self.expect, Expect::ValueOrEnd | Expect::CommaOrEnd)
            }
            Some(Level::Object { .. }) => {
                byte == b'}' && matches!(self.expect, Expect::KeyOrEnd | Expect::CommaOrEnd)
            }
            Some(Level::Number(_) | Level::Element { .. } | Level::Attribute { .. }) | None => false,
        };
        self.at += 1;
        if !matching {
            self.odd();
            return ControlFlow::Continue(());
        }
        if byte == b']' {
            self.show_joined(walk, place)?;
        }
        self.levels.pop();
        self.end_value();
        ControlFlow::Continue(())
    }

    /// Shows the short strings of the array that ends here as one, if several are more than words.
    fn show_joined(&mut self, walk: &mut Walk<'_>, place: &Place<'_>) -> ControlFlow<()> {
        let Some(join) = self.joins.pop() else { return ControlFlow::Continue(()) };
        if join.odd > 1 {
            let (start, end) = self.name();
            let name = self.text.get(start..end).unwrap_or_default();
            let value = self.joined.get(join.start..).unwrap_or_default();
            let outside = self.levels.split_last().map_or(&[][..], |(_, outside)| outside);
            let here = Place::json_in(place, self.text, outside, self.escapes);
            walk.show(value, join.bytes, Kind::Text, name, here)?;
        }
        self.joined.truncate(join.start);
        ControlFlow::Continue(())
    }

    /// Passes over the colon behind a key, if it stands here.
    fn colon(&mut self) {
        if self.text.get(self.at) == Some(&b':') {
            self.proven = true;
            self.step(Expect::Value);
        }
    }

    fn comma(&mut self) {
        self.at += 1;
        match self.levels.last_mut() {
            Some(Level::Array { index, .. }) => {
                self.proven |= self.text.get(self.at.saturating_sub(2)) == Some(&b'"');
                *index += 1;
                self.expect = Expect::Value;
            }
            Some(Level::Object { key }) => {
                *key = NO_NAME;
                self.expect = Expect::Key;
            }
            Some(Level::Number(_) | Level::Element { .. } | Level::Attribute { .. }) | None => self.odd(),
        }
    }

    /// Passes over a number or a name.
    fn literal(&mut self, walk: &mut Walk<'_>, place: &Place<'_>) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (len, known) = short_literal(rest).map_or_else(|| any_literal(rest), |len| (len, true));
        let word = rest.get(..len).unwrap_or_default();
        self.at += len.max(1);
        if known && matches!(self.expect, Expect::Value | Expect::ValueOrEnd) {
            if walk.listens() {
                walk.tell(word, self.here(place));
            }
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

/// The length of the number, `true`, `false` or `null` that a text begins with, if it is a short one and something that
/// ends it stands behind it.
fn short_literal(text: &[u8]) -> Option<usize> {
    let len = match text {
        [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => 4,
        [b'f', b'a', b'l', b's', b'e', ..] => 5,
        _ => {
            let lanes = Lanes::of(text.first_chunk()?);
            (!(lanes.digits() | lanes.are(b'.') | lanes.are(b'-'))).trailing_zeros() as usize
        }
    };
    (len > 0 && matches!(text.get(len)?, b',' | b'}' | b']')).then_some(len)
}

/// The length of the number or name that a text begins with, and whether it is one that JSON has.
fn any_literal(text: &[u8]) -> (usize, bool) {
    let is_of_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let digits = text.iter().take_while(is_of_number).count();
    let letters = text.get(digits..).unwrap_or_default();
    let len = digits
        + letters
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            .count();
    let word = text.get(..len).unwrap_or_default();
    (len, len > 0 && (len == digits || matches!(word, b"true" | b"false" | b"null")))
}

/// The string of which these are the bytes behind the quote, if it has at most 32 of them, no escape, and
/// others behind it.
fn short_string(text: &[u8]) -> Option<&[u8]> {
    let (first, rest) = text.split_first_chunk()?;
    let stops = |chunk: &[u8; LANES]| {
        let lanes = Lanes::of(chunk);
        lanes.are(b'"') | lanes.are(b'\\')
    };
    let stop = match stops(first) {
        0 => stops(rest.first_chunk()?) << LANES,
        stop => stop,
    };
    let len = stop.trailing_zeros() as usize;
    (text.get(len) == Some(&b'"')).then(|| text.get(..len)).flatten()
}

/// Passes over all that is no quote and no backslash: its kinds of bytes, and its length.
fn pass_plain(text: &[u8]) -> (ByteSet, usize) {
    const STOP: ByteSet = ByteSet::DOUBLE_QUOTE.and(ByteSet::BACKSLASH);
    let mut bytes = ByteSet::default();
    let mut passed = 0;
    let (chunks, rest) = text.as_chunks();
    for chunk in chunks {
        let lanes = Lanes::of(chunk);
        let stop = lanes.are(b'"') | lanes.are(b'\\');
        bytes = bytes.and(ByteSet::of_lanes(chunk, !stop & stop.wrapping_sub(1)));
        if stop != 0 {
            return (bytes, passed + stop.trailing_zeros() as usize);
        }
        passed += LANES;
    }
    for &byte in rest {
        let kind = ByteSet::of_byte(byte);
        if kind.has_any(STOP) {
            break;
        }
        bytes = bytes.and(kind);
        passed += 1;
    }
    (bytes, passed)
}

/// Undoes the escapes of RFC 8259 §7 into `out`; returns false if one is malformed, which then stands as it is.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
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
    use std::ops::ControlFlow;

    use super::LANES;
    use crate::payload::{
        Anomaly, Kind, Leaf, Message, Place, Scratch, Subprotocol, Visitor, leaves,
        tests::{odd, regular, walk_message},
    };

    fn broken(text: &str) -> Vec<String> {
        let mut leaves = odd(text, Anomaly::Json);
        assert_eq!(leaves.pop(), Some(format!("$ = {text}")), "the whole comes last");
        leaves
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
        assert_eq!(regular(r#"{"a":"1","a":"2"}"#), ["$.a = a", "$.a = 1", "$.a = a", "$.a = 2"]);
    }

    #[test]
    fn says_what_a_leaf_is_and_what_it_belongs_to() {
        let seen = walk_message(br#"{"to":["ann","bob"],"x":1}"#, Subprotocol::Unknown, 64);
        let kinds: Vec<_> = seen.kinds.iter().map(|(kind, name, _)| (*kind, name.as_str())).collect();
        assert_eq!(kinds, [(Kind::Key, "to"), (Kind::Text, "to"), (Kind::Text, "to"), (Kind::Key, "x")]);
    }

    /// Lets a visitor pass over all that it is asked about, or over nothing.
    struct Passing {
        passes: bool,
        shown: Vec<String>,
        told: Vec<String>,
    }

    impl Visitor for Passing {
        fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
            self.shown.push(format!("{}: {}", leaf.place.location(), String::from_utf8_lossy(leaf.value)));
            ControlFlow::Continue(())
        }

        fn passes(&mut self, _: &[u8], _: Kind, _: &[u8]) -> ControlFlow<(), bool> {
            ControlFlow::Continue(self.passes)
        }

        fn wants_values(&self) -> bool {
            true
        }

        fn value(&mut self, value: &[u8], place: Place<'_>) {
            self.told.push(format!("{}: {}", place.location(), String::from_utf8_lossy(value)));
        }

        fn anomaly(&mut self, anomaly: Anomaly, _: &[u8], _: Place<'_>) {
            panic!("{anomaly:?}");
        }
    }

    #[test]
    fn what_need_not_be_shown_is_told_nevertheless() {
        let longest = "x".repeat(2 * LANES);
        let text = format!(
            r#"{{"a":"1","{longest}":"{longest}","b":{{"c":"\u0041","d":"{longest}y"}},"e":["z"],"f":[{{"g":"h","n":1}}],"":"","i":["'y","'z"]}}{}"#,
            " ".repeat(2 * LANES)
        );
        let [all, passing] = [false, true].map(|passes| {
            let mut visitor = Passing { passes, shown: Vec::new(), told: Vec::new() };
            let message = Message {
                payload: text.as_bytes(),
                is_text: true,
                whole: true,
                subprotocol: Subprotocol::Unknown,
                max_depth: 64,
            };
            leaves(message, &mut Scratch::default(), &mut visitor);
            visitor
        });
        assert_eq!(all.told, passing.told);
        assert_eq!((all.told.len(), all.shown.len()), (10, 21));
        // An attack may still be split among the elements of an array.
        assert_eq!(
            passing.shown,
            ["$.b.c: A".to_owned(), format!("$.b.d: {longest}y"), "$.i: 'y'z".to_owned()]
        );
    }

    #[test]
    fn undoes_escapes() {
        assert_eq!(
            regular(r#"["\u0027 OR \"1\"=\"1", 1, [["\ud83d\ude00\n\/"], "\ud83d!"]]"#),
            ["$[0] = ' OR \"1\"=\"1", "$[2][0][0] = 😀\n/", "$[2][1] = \u{fffd}!",]
        );
        assert_eq!(regular(r#"{"\u0061b":"x"}"#), [r#"$["\u0061b"] = ab"#, r#"$["\u0061b"] = x"#]);
        assert_eq!(broken(r#"["\x27", "\u00zz"]"#), ["$ = \\x27", "$ = \\u00zz"]);
    }

    #[test]
    fn malformed_text_loses_no_string() {
        assert_eq!(broken(r#"{"a":"1" "b":"2"}"#), ["$.a = a", "$.a = 1", "$ = b", "$ = 2"]);
        assert_eq!(broken(r#"{"a":"1""#), ["$.a = a", "$.a = 1"]);
        assert_eq!(broken(r#"["never closed"#), ["$ = never closed"]);
        assert_eq!(broken(r#"["x"}"#), ["$[0] = x"]);
        assert_eq!(broken(r#"["\"#), [r"$ = \"]);
        assert_eq!(broken(r#"{"a":1} trailing"#), ["$.a = a"]);
    }

    #[test]
    fn prose_in_brackets_is_no_malformed_json() {
        for text in [
            "[ann] hi",
            "{{name}} joined",
            "[1] see below",
            "[,\"x\"]",
            "{'a':\"x\"}",
            "\"yes\" he said",
            "{}!",
            "[] ok",
        ] {
            assert_eq!(regular(text).last().unwrap(), &format!("$ = {text}"));
        }
        assert_eq!(regular(r#"{'a':"x"}"#), ["$ = x", r#"$ = {'a':"x"}"#]);
    }

    #[test]
    fn depth_costs_the_path_but_not_the_strings() {
        let deep = format!("{}\"x\"{}", "[".repeat(65), "]".repeat(65));
        let seen = walk_message(deep.as_bytes(), Subprotocol::Unknown, 64);
        assert_eq!(seen.leaves, ["$ = x".to_owned(), format!("$ = {deep}")]);
        assert_eq!(seen.anomalies, [Anomaly::Json]);
        assert_eq!(walk_message(deep.as_bytes(), Subprotocol::Unknown, 65).anomalies, []);
    }

    #[test]
    fn short_strings_of_an_array_are_also_read_as_one() {
        assert_eq!(
            regular(r#"{"q":["<scr",["a","<b"],"ipt>"]}"#),
            [
                "$.q = q",
                "$.q[0] = <scr",
                "$.q[1][0] = a",
                "$.q[1][1] = <b",
                "$.q[2] = ipt>",
                "$.q = <script>",
            ]
        );
        for text in [r#""a" = "b""#, r#""a""b""c""#, r#""open"#] {
            assert_eq!(regular(text), [format!("$ = {text}")], "prose with quotes");
        }
        assert_eq!(regular(r#"["hello","world"]"#), ["$[0] = hello", "$[1] = world"]);
    }
}
