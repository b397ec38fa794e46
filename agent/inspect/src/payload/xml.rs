//! XML: SOAP, XMPP (RFC 7395) and the like. Not a validating reader; it stops where the text is not well-formed.

use std::ops::ControlFlow;

use memchr::memmem;

use crate::{
    byte_set::ByteSet,
    payload::{
        leaf::{Kind, Level, Place},
        walk::{Space, Walk},
    },
};

/// Whether a text that begins with `<` goes on like XML or HTML.
pub(super) fn is_likely(text: &[u8]) -> bool {
    text.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'?' | b'!'))
}

/// Whether nothing but XML begins like this: HTML has neither a declaration nor, usually, a namespace.
pub(super) fn is_meant(text: &[u8]) -> bool {
    let head = text.get(..512).unwrap_or(text);
    let tag = head.split(|byte| *byte == b'>').next().unwrap_or_default();
    text.starts_with(b"<?xml") || memmem::find(tag, b" xmlns").is_some()
}

/// Shows names, attribute values and texts, with references undone. Whether all of it is well-formed.
///
/// Unless a string holds it, the tags are shown on their own, too: it may be HTML just as well, and what its tags mean is
/// for detectors to say. Where tags and texts cannot be told apart for sure, that is all of it, as it stands.
pub(super) fn walk(walk: &mut Walk<'_>, text: &[u8], place: &Place<'_>) -> ControlFlow<(), bool> {
    let mut space = walk.space();
    let mut outline = walk.space();
    let Space { decoded, joined, levels, .. } = &mut space;
    let mut scan = Scan {
        text,
        at: 0,
        place,
        levels,
        decoded,
        pending: joined,
        has_text: false,
        outline: &mut outline.decoded,
        is_declared: false,
    };
    let well_formed = scan.run(walk)?;
    let is_clear = well_formed && !scan.is_declared;
    if !walk.is_nested() {
        walk.whole(if is_clear { &outline.decoded } else { text }, *place)?;
    }
    walk.give_back(outline);
    walk.give_back(space);
    ControlFlow::Continue(well_formed)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    place: &'a Place<'a>,
    levels: &'a mut Vec<Level>,
    decoded: &'a mut Vec<u8>,
    /// The text since the last tag: comments and sections do not end it.
    pending: &'a mut Vec<u8>,
    has_text: bool,
    /// The text without what stands between its tags.
    outline: &'a mut Vec<u8>,
    /// There are declarations, which may change what other parts mean.
    is_declared: bool,
}

/// What a step of the scan comes to.
type Sound = ControlFlow<(), bool>;

const BROKEN: Sound = ControlFlow::Continue(false);

impl<'a> Scan<'a> {
    fn run(&mut self, walk: &mut Walk<'_>) -> Sound {
        loop {
            let start = self.at;
            let rest = self.rest();
            let sound = match rest {
                [] => {
                    self.show_text(walk)?;
                    return ControlFlow::Continue(self.levels.is_empty());
                }
                [b'<', b'?', ..] => self.pass(b"?>", 2).is_some(),
                [b'<', b'!', b'-', b'-', ..] => match self.pass(b"-->", 4) {
                    Some(comment) => {
                        let comment = comment.trim_ascii();
                        walk.show(comment, ByteSet::of(comment), Kind::Text, b"", self.here())?;
                        true
                    }
                    None => false,
                },
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => match self.pass(b"]]>", 9) {
                    Some(section) => {
                        self.pending.extend_from_slice(section);
                        self.has_text = true;
                        true
                    }
                    None => false,
                },
                [b'<', b'!', ..] => {
                    self.is_declared = true;
                    self.pass_declaration()
                }
                [b'<', b'/', ..] => {
                    self.show_text(walk)?;
                    self.end_tag()
                }
                [b'<', ..] => {
                    self.show_text(walk)?;
                    self.start_tag(walk)? == ControlFlow::Continue(())
                }
                _ => self.characters(),
            };
            if !sound {
                self.show_text(walk)?;
                return BROKEN;
            }
            let is_text = !matches!(rest, [b'<', next, ..] if *next != b'!') && !rest.starts_with(b"<!--");
            let is_code =
                |name: &[u8]| name.eq_ignore_ascii_case(b"script") || name.eq_ignore_ascii_case(b"style");
            if !is_text || is_code(self.name()) {
                self.outline.extend_from_slice(self.text.get(start..self.at).unwrap_or_default());
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn here(&self) -> Place<'_> {
        Place::levels_in(self.place, self.text, self.levels)
    }

    /// The name of the innermost element.
    fn name(&self) -> &'a [u8] {
        match self.levels.last() {
            Some(Level::Element { name: (start, end) }) => self.text.get(*start..*end).unwrap_or_default(),
            _ => b"",
        }
    }

    /// Passes over what ends with `end` and returns its inside, which begins behind `skip` bytes.
    fn pass(&mut self, end: &[u8], skip: usize) -> Option<&'a [u8]> {
        let inside = self.rest().get(skip..)?;
        let found = memmem::find(inside, end)?;
        self.at += skip + found + end.len();
        inside.get(..found)
    }

    /// Passes over `<!DOCTYPE …>`, with declarations in brackets.
    fn pass_declaration(&mut self) -> bool {
        let mut quote = None;
        let mut open = 0_usize;
        for (at, &byte) in self.rest().iter().enumerate() {
            match (quote, byte) {
                (Some(end), _) if byte == end => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'<') => open += 1,
                (None, b'>') => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        self.at += at + 1;
                        return true;
                    }
                }
                (None, _) => {}
            }
        }
        false
    }

    /// Keeps text up to the next tag.
    fn characters(&mut self) -> bool {
        let rest = self.rest();
        let len = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        let text = rest.get(..len).unwrap_or_default();
        self.at += len;
        if self.levels.is_empty() && !text.trim_ascii().is_empty() {
            return false;
        }
        undo_references(text, self.pending);
        self.has_text = true;
        true
    }

    fn show_text(&mut self, walk: &mut Walk<'_>) -> ControlFlow<()> {
        if std::mem::take(&mut self.has_text) && !self.pending.trim_ascii().is_empty() {
            let (value, bytes) = (self.pending.as_slice(), ByteSet::of(self.pending));
            walk.tell(value, self.here());
            walk.show(value, bytes, Kind::Text, self.name(), self.here())?;
        }
        self.pending.clear();
        ControlFlow::Continue(())
    }

    fn end_tag(&mut self) -> bool {
        let inside = self.rest().get(2..).unwrap_or_default();
        let len = name_len(inside);
        let name = inside.get(..len).unwrap_or_default();
        if self.name() != name || self.levels.pop().is_none() {
            return false;
        }
        let behind = inside.get(len..).unwrap_or_default();
        let blanks = behind.len() - behind.trim_ascii_start().len();
        self.at += 2 + len + blanks + 1;
        behind.get(blanks) == Some(&b'>')
    }

    /// Reads a tag and shows its attributes. The inner break says that it is not well-formed.
    fn start_tag(&mut self, walk: &mut Walk<'_>) -> ControlFlow<(), ControlFlow<()>> {
        const BAD: ControlFlow<(), ControlFlow<()>> = ControlFlow::Continue(ControlFlow::Break(()));
        let start = self.at + 1;
        let len = name_len(self.text.get(start..).unwrap_or_default());
        if len == 0 || self.levels.len() >= walk.max_depth {
            return BAD;
        }
        self.levels.push(Level::Element { name: (start, start + len) });
        walk.key(self.name(), self.here())?;
        self.at = start + len;
        loop {
            let rest = self.rest();
            let begun = rest.trim_ascii_start();
            self.at += rest.len() - begun.len();
            match begun {
                [b'>', ..] => {
                    self.at += 1;
                    break;
                }
                [b'/', b'>', ..] => {
                    self.at += 2;
                    self.levels.pop();
                    break;
                }
                _ => {}
            }
            let len = name_len(begun);
            let name = begun.get(..len).unwrap_or_default();
            let begun = begun.get(len..).unwrap_or_default().trim_ascii_start();
            let Some(begun) = begun.strip_prefix(b"=") else { return BAD };
            let begun = begun.trim_ascii_start();
            let Some((&quote @ (b'"' | b'\''), begun)) = begun.split_first() else { return BAD };
            let Some(end) = memchr::memchr(quote, begun) else { return BAD };
            if len == 0 {
                return BAD;
            }
            let range = (self.at, self.at + len);
            self.at = self.text.len() - begun.len() + end + 1;
            self.decoded.clear();
            undo_references(begun.get(..end).unwrap_or_default(), self.decoded);
            self.levels.push(Level::Attribute { name: range });
            let bytes = ByteSet::of(self.decoded);
            walk.key(name, self.here())?;
            walk.tell(self.decoded, self.here());
            walk.show(self.decoded, bytes, Kind::Text, name, self.here())?;
            self.levels.pop();
        }
        ControlFlow::Continue(ControlFlow::Continue(()))
    }
}

fn name_len(text: &[u8]) -> usize {
    let of_name =
        |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | 0x80..);
    text.iter().take_while(of_name).count()
}

/// Appends `text` with the references that XML itself defines, and numeric ones, undone (XML 1.0 §4.6).
fn undo_references(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(found) = memchr::memchr(b'&', rest) {
        let (plain, reference) = rest.split_at(found);
        out.extend_from_slice(plain);
        let (letter, used) = referred(reference).unwrap_or(('&', 1));
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        rest = reference.get(used..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// What a reference stands for, and its length.
fn referred(reference: &[u8]) -> Option<(char, usize)> {
    let inside = reference.get(1..)?;
    let end = inside.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(inside.get(..end)?).ok()?;
    let letter = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((letter, end + 2))
}
