//! Where a literal may begin, found many bytes at a time.

use std::collections::BTreeSet;

use aho_corasick::packed::{Config, MatchKind, Searcher};

/// Finds the first bytes of literals, with false alarms and without misses.
#[derive(Debug)]
pub(super) struct Beginnings(Searcher);

/// A literal in lower case, and the ways to write it; `None` if it may be in any case.
pub(super) type Written<'a> = (&'a [u8], Option<Vec<&'a [u8]>>);

/// Most bytes of a beginning: more of them are fewer false alarms, and more ways to write them.
const LONGEST: usize = 8;

/// Most beginnings: as many as fill the lanes of a vector, and the most that a search with vectors takes.
const FEW: usize = 16;
const MANY: usize = 64;

impl Beginnings {
    /// `None` where looking for them would not pay.
    pub(super) fn new<'a>(literals: impl Iterator<Item = Written<'a>>) -> Option<Self> {
        let literals: Vec<_> = literals.collect();
        let shortest = literals.iter().map(|(text, _)| text.len()).min()?;
        let of_len = |len: usize, most: usize| {
            let mut all = BTreeSet::new();
            for literal in &literals {
                add(literal, len, most, &mut all);
                if all.len() > most {
                    return None;
                }
            }
            Some(all)
        };
        let longest = shortest.min(LONGEST);
        let few = (3..=longest).rev().find_map(|len| of_len(len, FEW));
        let many = || (2..=longest.min(3)).rev().find_map(|len| of_len(len, MANY));
        let all = few.or_else(many).or_else(|| of_len(1, FEW))?;
        let searcher = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(all).build()?;
        Some(Self(searcher))
    }

    /// Whether the text is long enough for it to be worth while.
    pub(super) fn can_search(&self, text: &[u8]) -> bool {
        const SHORT: usize = 32;
        text.len() >= self.0.minimum_len().max(SHORT)
    }

    /// After how many beginnings in a text there are too many.
    pub(super) fn patience(&self, text: &[u8]) -> usize {
        4 + text.len() / 64
    }

    /// The first place from `at` on where a literal may begin.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<usize> {
        if at >= text.len() {
            return None;
        }
        self.0.find_in(text, (at..text.len()).into()).map(|found| found.start())
    }
}

/// Adds the ways to write the first `len` bytes of a literal; it may end early if there are more than `most`.
fn add(literal: &Written<'_>, len: usize, most: usize, all: &mut BTreeSet<Vec<u8>>) {
    let (lower, written) = literal;
    if let Some(written) = written {
        all.extend(written.iter().map(|text| text.get(..len).unwrap_or(text).to_vec()));
        return;
    }
    let mut ways = vec![Vec::new()];
    for &byte in lower.iter().take(len) {
        let mut upper = Vec::new();
        if byte.is_ascii_lowercase() {
            upper.clone_from(&ways);
        }
        ways.iter_mut().for_each(|way| way.push(byte));
        upper.iter_mut().for_each(|way| way.push(byte.to_ascii_uppercase()));
        ways.append(&mut upper);
        if ways.len() > most {
            break;
        }
    }
    all.extend(ways);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_way_to_write_a_literal() {
        let exact =
            Beginnings::new([(b"begin rsa".as_slice(), Some(vec![b"BEGIN RSA".as_slice()]))].into_iter());
        let exact = exact.expect("a short list");
        let text = b"some text before it, begin rsa, and then BEGIN RSA with more text behind it";
        assert!(exact.can_search(text));
        assert_eq!(exact.find(text, 0), Some(41));
        assert_eq!(exact.find(text, 42), None);
        let any = Beginnings::new([(b"free b".as_slice(), None), (b"a1".as_slice(), None)].into_iter());
        let any = any.expect("a short list");
        for (text, at) in [("FrEe B", 0), ("xxfree", 2), ("xA1", 1), ("xxa1", 2)] {
            let text = format!("{text}{}", "-".repeat(64));
            assert_eq!(any.find(text.as_bytes(), 0), Some(at), "{text}");
        }
    }

    #[test]
    fn gives_up_where_there_are_too_many() {
        let letters = || "abcdefghijklmnopqrstuvwxyz".chars();
        let words: Vec<String> = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}"))).collect();
        assert!(Beginnings::new(words.iter().map(|word| (word.as_bytes(), None))).is_none());
        assert!(Beginnings::new([].into_iter()).is_none());
    }
}
