//! Strings that were shown before: the records of an array repeat their names, and many of their values.

use crate::byte_set::ByteSet;

/// In a shorter text, in bytes, too little repeats.
const SHORTEST: usize = 1024;

/// How many names are remembered, and how many values. Each that comes takes the place of another.
const SLOTS: usize = 64;

/// The names and values of one text that have no escapes.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    names: Vec<Range>,
    /// Each with the name that it belongs to.
    values: Vec<(Range, Range)>,
}

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
        self.names.capacity() * size_of::<Range>() + self.values.capacity() * size_of::<(Range, Range)>()
    }

    /// Begins with another text.
    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.values.clear();
    }

    /// Whether a name, made of these kinds of bytes, is known to have been shown. If not, it is from here on.
    #[inline]
    pub(super) fn knows_name(&mut self, text: &[u8], at: (usize, usize), bytes: ByteSet) -> bool {
        // What a name like `$gt` means depends on the name around it.
        text.len() >= SHORTEST && !bytes.has_any(ByteSet::DOLLAR) && self.knew_name(text, at, bytes)
    }

    /// The same for a value, which is known only if it was shown under the same name.
    #[inline]
    pub(super) fn knows_value(
        &mut self,
        text: &[u8],
        name: (usize, usize),
        at: (usize, usize),
        bytes: ByteSet,
    ) -> bool {
        text.len() >= SHORTEST && self.knew_value(text, name, at, bytes)
    }

    #[inline(never)]
    fn knew_name(&mut self, text: &[u8], at: (usize, usize), bytes: ByteSet) -> bool {
        if self.names.is_empty() {
            self.names.resize(SLOTS, Range::default());
        }
        let Some(range) = Range::of(at) else { return false };
        let name = range.part(text);
        let Some(known) = self.names.get_mut(slot(name, bytes)) else { return false };
        let same = known.part(text) == name;
        *known = range;
        same
    }

    #[inline(never)]
    fn knew_value(&mut self, text: &[u8], name: (usize, usize), at: (usize, usize), bytes: ByteSet) -> bool {
        if self.values.is_empty() {
            self.values.resize(SLOTS, Default::default());
        }
        let Some(range) = Range::of(at) else { return false };
        // An element of an array without a name has none.
        let name = Range::of(name).unwrap_or_default();
        let value = range.part(text);
        let Some(known) = self.values.get_mut(slot(value, bytes)) else { return false };
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

    /// Looks for a name or value (with a name in front of it) in the text where it stands first and last.
    fn known(repeats: &mut Repeats, text: &str, name: Option<&str>, shown: &str, at: usize) -> bool {
        assert_eq!(&text[at..at + shown.len()], shown);
        let (bytes, at) = (ByteSet::of(shown.as_bytes()), (at, at + shown.len()));
        match name {
            None => repeats.knows_name(text.as_bytes(), at, bytes),
            Some(name) => {
                let start = text.find(name).unwrap();
                repeats.knows_value(text.as_bytes(), (start, start + name.len()), at, bytes)
            }
        }
    }

    #[test]
    fn knows_what_was_shown_and_in_which_part() {
        let text = format!("url to url $gt $gt{}", " ".repeat(SHORTEST));
        let mut repeats = Repeats::default();
        assert!(!known(&mut repeats, &text, None, "url", 0));
        assert!(known(&mut repeats, &text, None, "url", 7));
        assert!(!known(&mut repeats, &text, None, "to", 4));
        assert!(!known(&mut repeats, &text, Some("to"), "url", 7), "it was a name");
        assert!(known(&mut repeats, &text, Some("to"), "url", 0));
        assert!(!known(&mut repeats, &text, Some("url"), "url", 7), "under another name");
        assert!(!known(&mut repeats, &text, None, "$gt", 11) && !known(&mut repeats, &text, None, "$gt", 15));
        repeats.clear();
        assert!(!known(&mut repeats, &text, None, "url", 0));
    }

    #[test]
    fn a_short_text_needs_no_memory() {
        let mut repeats = Repeats::default();
        assert!(!known(&mut repeats, "a a", None, "a", 0) && !known(&mut repeats, "a a", None, "a", 2));
        assert_eq!(repeats.buffered_bytes(), 0);
    }
}
