//! Texts of rules, among which those of messages are looked up.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map whose keys come from rules, and in which peers only look things up.
#[derive(Clone, Debug)]
pub(super) struct TextMap<V> {
    map: HashMap<Box<[u8]>, V, BuildHasherDefault<Short>>,
    lengths: Lengths,
}

impl<V> Default for TextMap<V> {
    fn default() -> Self {
        Self { map: HashMap::default(), lengths: Lengths::default() }
    }
}

impl<V> TextMap<V> {
    pub(super) fn get(&self, text: &[u8]) -> Option<&V> {
        // Most texts are of another length than all keys: they are not even read.
        if self.lengths.contain(text.len()) { self.map.get(text) } else { None }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.map.iter().map(|(key, value)| (&**key, value))
    }

    /// As [`get`](Self::get), where the keys are in lower case and that of the text does not matter.
    pub(super) fn get_folded(&self, text: &[u8], buffer: &mut Vec<u8>) -> Option<&V> {
        if !self.lengths.contain(text.len()) {
            return None;
        }
        buffer.clear();
        buffer.extend(text.iter().map(u8::to_ascii_lowercase));
        self.map.get(buffer.as_slice())
    }

    /// Those of the keys.
    pub(super) const fn lengths(&self) -> Lengths {
        self.lengths
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

impl<V: Default> TextMap<V> {
    /// The value of a key, which there is from now on.
    pub(super) fn slot(&mut self, key: &[u8]) -> &mut V {
        self.lengths = self.lengths.or(Lengths::of(key.len()));
        self.map.entry(key.into()).or_default()
    }
}

impl<'a> FromIterator<&'a [u8]> for TextMap<()> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(keys: I) -> Self {
        let mut map = Self::default();
        for key in keys {
            map.slot(key);
        }
        map
    }
}

/// A set of lengths, in which all beyond 62 are as one, up to the longest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lengths {
    bits: u64,
    longest: usize,
}

impl Lengths {
    pub(super) const ALL: Self = Self { bits: u64::MAX, longest: usize::MAX };

    /// From this one on.
    pub(super) const fn from(len: usize) -> Self {
        Self { bits: u64::MAX << if len < 63 { len } else { 63 }, longest: usize::MAX }
    }

    pub(super) fn of(len: usize) -> Self {
        Self { bits: 1 << len.min(63), longest: len }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, longest: self.longest.max(other.longest) }
    }

    pub(super) const fn are_none(self) -> bool {
        self.bits == 0
    }

    #[inline]
    pub(super) fn contain(self, len: usize) -> bool {
        self.bits & (1 << len.min(63)) != 0 && len <= self.longest
    }
}

/// Quick for short keys: eight bytes at once, folded products. What peers send is never inserted, so it cannot make a map
/// slow.
#[derive(Clone, Copy, Debug, Default)]
struct Short(u64);

impl Short {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Short {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        // The length is told apart by `write_usize`, so that bytes may be read twice.
        match (rest, rest.first_chunk(), rest.last_chunk()) {
            (_, Some(first), Some(last)) => {
                self.mix(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
            }
            ([first, .., last], ..) => {
                let middle = rest.get(rest.len() / 2).copied().unwrap_or_default();
                self.mix(u64::from(*first) << 16 | u64::from(middle) << 8 | u64::from(*last));
            }
            ([only], ..) => self.mix(u64::from(*only)),
            ([], ..) => {}
        }
    }

    /// Before the text, which ends where the key ends.
    fn write_usize(&mut self, len: usize) {
        self.0 ^= len as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let long = [b'x'; 70];
        let map: TextMap<()> = [b"a".as_slice(), b"room", &long].into_iter().collect();
        let mut buffer = Vec::new();
        for text in [b"a".as_slice(), b"room", &long] {
            assert!(map.get(text).is_some());
            assert!(map.get_folded(&text.to_ascii_uppercase(), &mut buffer).is_some());
        }
        for text in [b"".as_slice(), b"b", b"moor", b"rooms", &long[..63], &[b'x'; 71], &[b'y'; 70]] {
            assert!(map.get(text).is_none() && map.get_folded(text, &mut buffer).is_none());
        }
    }
}
