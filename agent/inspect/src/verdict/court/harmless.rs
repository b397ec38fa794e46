//! Names and short values in which nothing was found before: messages of a connection, and connections of an application,
//! use the same ones again and again.

use std::cell::Cell;

use crate::payload::{Kind, Leaf};

/// Most bytes of a value that is remembered.
const LONGEST: usize = 32;

/// Most bytes of the name that it belongs to.
const LONGEST_NAME: usize = 16;

/// How many are remembered. Each that comes takes the place of another, whatever was there before this message: so
/// which of a message's values are new in it does not depend on messages before.
const SLOTS: usize = 1024;

thread_local! {
    /// Of whoever is judging on this thread.
    static SPARE: Cell<(Box<[Slot]>, u32)> = Cell::default();
}

/// What was judged on this thread, and is nothing to any detector: 64 KiB, lent to one message after the other.
#[derive(Debug)]
pub(super) struct Harmless {
    slots: Box<[Slot]>,
    /// The number of this message.
    message: u32,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Slot {
    entry: Entry,
    /// The last message that it was in.
    message: u32,
    counts: bool,
}

/// What is known about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Not,
    /// Nothing is in it, but it counts among the values that were looked at.
    Counts,
    /// Nothing is in it.
    Harmless,
}

/// A name, or a value and its name: all of their bytes, so that nothing else is taken for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    value: [u64; 4],
    name: [u64; 2],
    /// The lengths of both, and whether it is a name; 0 of an entry that is none.
    shape: u32,
}

impl Entry {
    /// `None` if a leaf is too long, or means something else elsewhere in a message.
    pub(super) fn of(leaf: &Leaf<'_>) -> Option<Self> {
        if leaf.nested { None } else { Self::new(leaf.value, leaf.kind, leaf.name) }
    }

    /// The same for a value of the message itself.
    #[inline]
    pub(super) fn new(value: &[u8], kind: Kind, name: &[u8]) -> Option<Self> {
        // A name like `$gt` is judged by the name around it.
        if value.is_empty() || value.len() > LONGEST || value[0] == b'$' {
            return None;
        }
        // That of a name is the name itself.
        let name = if kind == Kind::Key { b"" } else { name };
        if name.len() > LONGEST_NAME || kind == Kind::Whole {
            return None;
        }
        let shape = value.len() | name.len() << 8 | usize::from(kind == Kind::Key) << 16;
        let value = match value.split_at_checked(16) {
            Some((front, _)) => {
                let [a, b] = words(front);
                let [c, d] = words(value.last_chunk::<16>().map_or(value, |back| back));
                [a, b, c, d]
            }
            None => {
                let [a, b] = words(value);
                [a, b, 0, 0]
            }
        };
        Some(Self { value, name: words(name), shape: shape as u32 })
    }

    fn slot(&self) -> usize {
        let [a, b, c, d] = self.value;
        let mixed = a ^ b.rotate_left(17) ^ c.rotate_left(31) ^ d.rotate_left(47) ^ u64::from(self.shape);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SLOTS
    }

    /// Whether they are the same, in fewer steps than to compare one field after the other.
    fn is(&self, other: &Self) -> bool {
        let numbers = |entry: &Self| {
            let ([a, b, c, d], [e, f]) = (entry.value, entry.name);
            [a, b, c, d, e, f, entry.shape.into()]
        };
        let (own, others) = (numbers(self), numbers(other));
        own.iter().zip(others).fold(0, |differs, (own, other)| differs | own ^ other) == 0
    }
}

/// At most 16 bytes as two numbers, which with the length tell all of them.
fn words(bytes: &[u8]) -> [u64; 2] {
    if let (Some(front), Some(back)) = (bytes.first_chunk(), bytes.last_chunk()) {
        [u64::from_le_bytes(*front), u64::from_le_bytes(*back)]
    } else if let (Some(front), Some(back)) = (bytes.first_chunk(), bytes.last_chunk()) {
        [u32::from_le_bytes(*front).into(), u32::from_le_bytes(*back).into()]
    } else {
        [bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0]
    }
}

impl Harmless {
    /// What this thread knows, until it is dropped.
    pub(super) fn lend() -> Self {
        let (mut slots, message) = SPARE.take();
        if slots.is_empty() {
            slots = vec![Slot::default(); SLOTS].into();
        }
        Self { slots, message: message.wrapping_add(1) }
    }

    /// A value that was counted in this message does not count again.
    pub(super) fn knows(&mut self, entry: &Entry) -> Known {
        match self.slots.get_mut(entry.slot()) {
            Some(slot) if slot.entry.is(entry) => {
                let is_new = std::mem::replace(&mut slot.message, self.message) != self.message;
                if is_new && slot.counts { Known::Counts } else { Known::Harmless }
            }
            _ => Known::Not,
        }
    }

    /// Remembers a value, and whether it counted.
    pub(super) fn remember(&mut self, entry: Entry, counts: bool) {
        if let Some(slot) = self.slots.get_mut(entry.slot()) {
            *slot = Slot { entry, message: self.message, counts };
        }
    }
}

impl Drop for Harmless {
    fn drop(&mut self) {
        SPARE.set((std::mem::take(&mut self.slots), self.message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{byte_set::ByteSet, payload::Place};

    fn leaf<'a>(kind: Kind, name: &'a str, value: &'a str) -> Leaf<'a> {
        Leaf {
            value: value.as_bytes(),
            bytes: ByteSet::of(value.as_bytes()),
            kind,
            name: name.as_bytes(),
            nested: false,
            repeated: false,
            place: Place::ROOT,
        }
    }

    #[test]
    fn no_two_are_the_same() {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789";
        let mut seen = Vec::new();
        for len in 1..=LONGEST {
            let value = &letters[..len];
            for at in 0..len {
                let mut other = value.to_owned();
                other.replace_range(at..=at, "#");
                seen.push(Entry::of(&leaf(Kind::Text, "name", &other)).unwrap());
            }
            seen.push(Entry::of(&leaf(Kind::Text, "name", value)).unwrap());
            seen.push(Entry::of(&leaf(Kind::Key, value, value)).unwrap());
            seen.push(Entry::of(&leaf(Kind::Text, &value[..len.min(LONGEST_NAME)], value)).unwrap());
            seen.push(Entry::of(&leaf(Kind::Text, "", value)).unwrap());
        }
        for (at, entry) in seen.iter().enumerate() {
            assert!(!seen[..at].contains(entry) && *entry != Entry::default(), "{at}");
        }
    }

    #[test]
    fn what_is_long_or_means_another_thing_elsewhere_is_not_remembered() {
        let long = "x".repeat(LONGEST + 1);
        let of = |kind, name, value| Entry::of(&leaf(kind, name, value));
        assert!(of(Kind::Text, "", &long).is_none() && of(Kind::Text, &long[..17], "x").is_none());
        assert!(of(Kind::Key, "$gt", "$gt").is_none() && of(Kind::Whole, "", "x").is_none());
        assert!(of(Kind::Text, "", "").is_none());
        assert!(Entry::of(&Leaf { nested: true, ..leaf(Kind::Text, "a", "x") }).is_none());
    }

    #[test]
    fn remembers_until_another_takes_the_place() {
        let entries: Vec<_> =
            (0..4 * SLOTS).map(|nth| Entry::of(&leaf(Kind::Text, "id", &nth.to_string())).unwrap()).collect();
        let mut harmless = Harmless::lend();
        for entry in &entries {
            assert_eq!(harmless.knows(entry), Known::Not);
            harmless.remember(*entry, true);
            assert_eq!(harmless.knows(entry), Known::Harmless, "counted in this message");
        }
        let known = entries.iter().filter(|entry| harmless.knows(entry) != Known::Not).count();
        assert!((SLOTS / 2..=SLOTS).contains(&known), "{known}");
    }

    #[test]
    fn a_value_counts_once_in_each_message() {
        let entry = |value| Entry::of(&leaf(Kind::Text, "", value)).unwrap();
        let mut first = Harmless::lend();
        first.remember(entry("(1)"), true);
        first.remember(entry("word"), false);
        drop(first);
        let mut second = Harmless::lend();
        assert_eq!(
            [(); 3].map(|()| second.knows(&entry("(1)"))),
            [Known::Counts, Known::Harmless, Known::Harmless]
        );
        assert_eq!(second.knows(&entry("word")), Known::Harmless);
    }
}
