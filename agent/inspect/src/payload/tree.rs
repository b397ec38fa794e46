//! Walks through MessagePack and CBOR: self-describing binary trees, read token by token without recursion.

use std::ops::{ControlFlow, Range};

use crate::payload::{
    binary,
    leaf::{Level, NO_NAME, Place},
    walk::{Space, Walk},
};

/// One item, or the head of one that contains others. Lengths that are not known end with [`Token::Break`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Map(Option<u64>),
    Array(Option<u64>),
    Text(Range<usize>),
    Bytes(Range<usize>),
    /// A string in pieces.
    Pieces {
        is_text: bool,
    },
    Number(u64),
    /// A number, a moment, nothing: no text.
    Other,
    /// Says something about the item behind it.
    Tag,
    Break,
}

/// Reads the token at an offset, and the offset behind it; `None` if there is none.
pub(super) type Read = fn(&[u8], usize) -> Option<(Token, usize)>;

/// A map or an array that is not finished.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Items still to come; those of a map are keys and values.
    left: Option<u64>,
    is_map: bool,
    seen: u64,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All data was read.
    Sound,
    /// It is not, or not whole.
    Malformed,
    /// It is nested deeper than is followed.
    TooDeep,
}

/// Whether all of `data` is one tree, or several behind one another, with a map or an array on the outside.
pub(super) fn is_valid(walk: &mut Walk<'_>, read: Read, data: &[u8]) -> bool {
    let mut space = walk.space();
    let Space { opens, levels, .. } = &mut space;
    let mut tree = Tree { read, data, at: 0, opens, levels, max_depth: walk.max_depth };
    let mut items = 0_u64;
    let sound = tree.run(&mut |item| {
        items += u64::from(!item.is_bare);
        match item.string {
            Some(Content::Text(text)) if simdutf8::basic::from_utf8(text).is_err() => ControlFlow::Break(()),
            _ if item.is_bare => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    walk.give_back(space);
    sound == ControlFlow::Continue(End::Sound) && items > 0
}

/// Shows all strings and keys.
pub(super) fn walk(walk: &mut Walk<'_>, read: Read, data: &[u8], place: &Place<'_>) -> ControlFlow<(), End> {
    let mut space = walk.space();
    let Space { levels, opens, .. } = &mut space;
    let mut tree = Tree { read, data, at: 0, opens, levels, max_depth: walk.max_depth };
    let sound = tree.run(&mut |item| {
        let at = Place::levels_in(place, data, item.levels);
        match item.string {
            Some(Content::Text(text) | Content::Bytes(text)) if item.is_key => walk.key(text, at),
            Some(Content::Text(text)) => walk.text(text, item.name, at),
            Some(Content::Bytes(bytes)) => binary::inside(walk, bytes, item.name, &at),
            None => ControlFlow::Continue(()),
        }
    });
    walk.give_back(space);
    sound
}

/// What the walk comes by.
struct Item<'a> {
    string: Option<Content<'a>>,
    is_key: bool,
    /// It stands in no map and no array, and is none.
    is_bare: bool,
    name: &'a [u8],
    levels: &'a [Level],
}

#[derive(Clone, Copy)]
enum Content<'a> {
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

struct Tree<'a> {
    read: Read,
    data: &'a [u8],
    at: usize,
    opens: &'a mut Vec<Open>,
    /// One for each that is open.
    levels: &'a mut Vec<Level>,
    max_depth: usize,
}

impl Tree<'_> {
    fn run(&mut self, each: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>) -> ControlFlow<(), End> {
        const MALFORMED: ControlFlow<(), End> = ControlFlow::Continue(End::Malformed);
        while self.close_full() && self.at < self.data.len() {
            let Some(token) = self.next() else { return MALFORMED };
            match token {
                Token::Tag => continue,
                Token::Break => {
                    let ends = self.opens.pop().is_some_and(|open| {
                        open.left.is_none() && (!open.is_map || open.seen.is_multiple_of(2))
                    });
                    self.levels.pop();
                    if !ends {
                        return MALFORMED;
                    }
                    continue;
                }
                Token::Map(_)
                | Token::Array(_)
                | Token::Text(_)
                | Token::Bytes(_)
                | Token::Pieces { .. }
                | Token::Number(_)
                | Token::Other => {}
            }
            let is_key = self.count(&token);
            let is_bare = self.opens.is_empty();
            match token {
                Token::Map(len) => {
                    let left = match len.map(|len| len.checked_mul(2)) {
                        Some(None) => return MALFORMED,
                        Some(left) => left,
                        None => None,
                    };
                    if !self.open(left, true) {
                        return ControlFlow::Continue(End::TooDeep);
                    }
                    each(self.item(None, false, false))?;
                }
                Token::Array(left) => {
                    if !self.open(left, false) {
                        return ControlFlow::Continue(End::TooDeep);
                    }
                    each(self.item(None, false, false))?;
                }
                Token::Text(range) => {
                    let text = self.data.get(range).unwrap_or_default();
                    each(self.item(Some(Content::Text(text)), is_key, is_bare))?;
                }
                Token::Bytes(range) => {
                    let bytes = self.data.get(range).unwrap_or_default();
                    each(self.item(Some(Content::Bytes(bytes)), is_key, is_bare))?;
                }
                Token::Pieces { is_text } => {
                    let Some(whole) = self.pieces() else { return MALFORMED };
                    let whole = if is_text { Content::Text(&whole) } else { Content::Bytes(&whole) };
                    each(self.item(Some(whole), is_key, is_bare))?;
                }
                Token::Number(_) | Token::Other => each(self.item(None, is_key, is_bare))?,
                Token::Tag | Token::Break => {}
            }
        }
        if self.opens.is_empty() { ControlFlow::Continue(End::Sound) } else { MALFORMED }
    }

    fn next(&mut self) -> Option<Token> {
        let (token, at) = (self.read)(self.data, self.at)?;
        self.at = at;
        Some(token)
    }

    /// Leaves what has all its items.
    fn close_full(&mut self) -> bool {
        while self.opens.last().is_some_and(|open| open.left == Some(0)) {
            self.opens.pop();
            self.levels.pop();
        }
        true
    }

    /// Counts an item of what is open, and says whether it is a key.
    fn count(&mut self, token: &Token) -> bool {
        let Some(open) = self.opens.last_mut() else { return false };
        let is_key = open.is_map && open.seen.is_multiple_of(2);
        if let Some(level) = self.levels.last_mut() {
            match (token, level) {
                (_, Level::Array { index, .. }) => *index = usize::try_from(open.seen).unwrap_or(usize::MAX),
                (Token::Text(range) | Token::Bytes(range), level) if is_key => {
                    *level = Level::Object { key: (range.start, range.end) };
                }
                (Token::Number(number), level) if is_key => *level = Level::Number(*number),
                (_, level) if is_key => *level = Level::Object { key: NO_NAME },
                _ => {}
            }
        }
        open.seen += 1;
        open.left = open.left.map(|left| left.saturating_sub(1));
        is_key
    }

    fn open(&mut self, left: Option<u64>, is_map: bool) -> bool {
        if self.opens.len() >= self.max_depth {
            return false;
        }
        let level = if is_map {
            Level::Object { key: NO_NAME }
        } else {
            Level::Array { index: 0, name: self.name() }
        };
        self.opens.push(Open { left, is_map, seen: 0 });
        self.levels.push(level);
        true
    }

    fn name(&self) -> (usize, usize) {
        match self.levels.last() {
            Some(Level::Object { key }) => *key,
            Some(Level::Array { name, .. }) => *name,
            Some(Level::Number(_) | Level::Element { .. } | Level::Attribute { .. }) | None => NO_NAME,
        }
    }

    fn item<'b>(&'b self, string: Option<Content<'b>>, is_key: bool, is_bare: bool) -> Item<'b> {
        let (start, end) = self.name();
        let name = self.data.get(start..end).unwrap_or_default();
        Item { string, is_key, is_bare, name, levels: self.levels }
    }

    /// Puts the pieces of a string together.
    fn pieces(&mut self) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            match self.next()? {
                Token::Text(range) | Token::Bytes(range) => whole.extend_from_slice(self.data.get(range)?),
                Token::Break => return Some(whole),
                Token::Map(_)
                | Token::Array(_)
                | Token::Pieces { .. }
                | Token::Number(_)
                | Token::Other
                | Token::Tag => return None,
            }
        }
    }
}

/// Reads a big-endian number of up to 8 bytes, and returns it with the offset behind it.
pub(super) fn number(data: &[u8], at: usize, len: usize) -> Option<(u64, usize)> {
    let end = at.checked_add(len)?;
    let value = data.get(at..end)?.iter().fold(0, |value: u64, &byte| value << 8 | u64::from(byte));
    Some((value, end))
}

/// The range of `len` bytes from an offset, if they are there.
pub(super) fn range(data: &[u8], at: usize, len: u64) -> Option<Range<usize>> {
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    (end <= data.len()).then_some(at..end)
}
