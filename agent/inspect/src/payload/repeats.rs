//! Strings that were shown before: the records of an array repeat many of their values.

use crate::byte_set::ByteSet;

/// In a shorter text, in bytes, too little repeats.
const SHORTEST_TEXT: usize = 1024;

/// Shorter values, in bytes, are remembered from message to message.
const SHORTEST: usize = 33;

/// How many values are remembered. Each that comes takes the place of another.
const SLOTS: usize = 64;

/// The values of one text that have no escapes, each with the name that it belongs to.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<(Range, Range)>);

/// Where something begins and ends in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Range {
    start: u32,
    end: u32,
}

impl Range {
    fn of((start, end): (usize, usize)) -> Option<Self> {
        Some(Self { start: start.try_into().ok()?, end: end.try_into().ok()? })
    }

    fn part(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Repeats {
    /// Approximate memory in bytes.
    pub(super) const fn buffered_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(Range, Range)>()
    }

    /// Begins with another text.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a value, made of these kinds of bytes, is known to have been shown under the same name. If not, it is
    /// from here on.
    #[inline]
    pub(super) fn knows(
        &mut self,
        text: &[u8],
        name: (usize, usize),
        at: (usize, usize),
        bytes: ByteSet,
    ) -> bool {
        text.len() >= SHORTEST_TEXT && at.1 - at.0 >= SHORTEST && self.knew(text, name, at, bytes)
    }

    #[inline(never)]
    fn knew(&mut self, text: &[u8], name: (usize, usize), at: (usize, usize), bytes: ByteSet) -> bool {
        if self.0.is_empty() {
            self.0.resize(SLOTS, Default::default());
        }
        let Some(range) = Range::of(at) else { return false };
        // An element of an array without a name has none.
        let name = Range::of(name).unwrap_or_default();
        let value = range.part(text);
        let Some(known) = self.0.get_mut(slot(value, bytes)) else { return false };
        let same = known.1.part(text) == value && known.0.part(text) == name.part(text);
        *known = (name, range);
        same
    }
}

/// Where to look for a string of these kinds of bytes.
fn slot(string: &[u8], bytes: ByteSet) -> usize {
    let end = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(*byte));
    let mixed = bytes.digest() ^ string.len() << 3 ^ end(string.first()) << 8 ^ end(string.last());
    mixed.wrapping_mul(0x9e37_79b1) >> 16 & (SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for a value in the text where it stands, with the name that stands there.
    fn known(repeats: &mut Repeats, text: &str, name: usize, at: usize) -> bool {
        let word = |start: usize| {
            let len = text[start..].find(' ').expect("a blank behind it");
            (start, start + len)
        };
        let bytes = ByteSet::of(&text.as_bytes()[at..word(at).1]);
        repeats.knows(text.as_bytes(), word(name), word(at), bytes)
    }

    #[test]
    fn knows_what_was_shown_under_the_same_name() {
        let value = "x".repeat(SHORTEST);
        let text = format!("to url {value} {value} short {}", " ".repeat(SHORTEST_TEXT));
        let (to, url, first) = (0, 3, 7);
        let (second, short) = (first + SHORTEST + 1, first + 2 * SHORTEST + 2);
        let mut repeats = Repeats::default();
        assert!(!known(&mut repeats, &text, to, first));
        assert!(known(&mut repeats, &text, to, second));
        assert!(!known(&mut repeats, &text, url, first), "under another name");
        assert!(known(&mut repeats, &text, url, second));
        repeats.clear();
        assert!(!known(&mut repeats, &text, url, first));
        assert!(!known(&mut repeats, &text, to, short) && !known(&mut repeats, &text, to, short));
    }

    #[test]
    fn a_short_text_needs_no_memory() {
        let text = format!("a {0} {0} ", "x".repeat(SHORTEST));
        let mut repeats = Repeats::default();
        assert!(!known(&mut repeats, &text, 0, 2) && !known(&mut repeats, &text, 0, 3 + SHORTEST));
        assert_eq!(repeats.buffered_bytes(), 0);
    }
}
