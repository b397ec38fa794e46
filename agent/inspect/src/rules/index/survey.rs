//! One look at a whole message instead of two: for what is asked about the message, and for what is asked about a value
//! that makes up much of it.

use std::collections::BTreeMap;

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::literals::LiteralsBuilder;

/// Finds out whether literals of two groups stand in a message: with false alarms, and without misses.
#[derive(Debug)]
pub(super) struct Survey {
    searcher: Searcher,
    /// The beginnings of literals, and for which of the groups they are looked for.
    pieces: Vec<(Vec<u8>, Surveyed)>,
    /// Whether they are in lower case, because some may stand there in any.
    folds: bool,
}

/// Of which groups a literal may stand in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::rules) struct Surveyed {
    /// Of the one that is asked about the message.
    pub(in crate::rules) text: bool,
    /// Of the one that is asked about a value.
    pub(in crate::rules) value: bool,
}

impl Surveyed {
    const ALL: Self = Self { text: true, value: true };

    const fn or(self, other: Self) -> Self {
        Self { text: self.text || other.text, value: self.value || other.value }
    }
}

/// Bytes of a literal that are looked for: with fewer there are too many false alarms, with more not much fewer.
const LONGEST: usize = 8;
const SHORTEST: usize = 4;

/// Most pieces: two in each lane of a vector.
const MAX_PIECES: usize = 16;

/// Bytes of a message that are looked at together.
const CHUNK: usize = 2048;

/// Shorter messages are not worth it, and neither are shorter values, in bytes.
pub(in crate::rules) const WORTH_IT: usize = 32;

impl Survey {
    /// `None` where it would not pay.
    pub(super) fn new(text: &LiteralsBuilder, value: &LiteralsBuilder) -> Option<Self> {
        let folds = text.folds() || value.folds();
        let mut pieces: BTreeMap<Vec<u8>, Surveyed> = BTreeMap::new();
        let of_text = Surveyed { text: true, ..Surveyed::default() };
        let of_value = Surveyed { value: true, ..Surveyed::default() };
        for (literals, seen) in [(text, of_text), (value, of_value)] {
            for literal in literals.written(folds) {
                if literal.len() < SHORTEST {
                    return None;
                }
                let piece = pieces.entry(literal.get(..LONGEST).unwrap_or(literal).to_vec()).or_default();
                *piece = piece.or(seen);
            }
            if pieces.len() > MAX_PIECES {
                return None;
            }
        }
        let config =
            Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(pieces.keys()).build();
        Some(Self { searcher: config?, pieces: pieces.into_iter().collect(), folds })
    }

    /// What may stand in a message.
    pub(super) fn look(&self, message: &[u8], buffer: &mut Vec<u8>) -> Surveyed {
        if message.len() < WORTH_IT {
            return Surveyed::ALL;
        }
        let mut seen = Surveyed::default();
        if !self.folds {
            self.look_at(message, &mut seen);
            return seen;
        }
        let mut rest = message;
        while seen != Surveyed::ALL {
            let is_last = rest.len() < CHUNK + WORTH_IT;
            let chunk = if is_last { rest } else { rest.get(..CHUNK).unwrap_or(rest) };
            buffer.clear();
            buffer.extend(chunk.iter().map(u8::to_ascii_lowercase));
            self.look_at(buffer, &mut seen);
            if is_last {
                break;
            }
            rest = rest.get(CHUNK - (LONGEST - 1)..).unwrap_or_default();
        }
        seen
    }

    fn look_at(&self, text: &[u8], seen: &mut Surveyed) {
        let mut at = 0;
        while let Some(found) = self.searcher.find_in(text, (at..text.len()).into()) {
            at = found.start() + 1;
            // Of several that begin here the search tells only one.
            let here = text.get(found.start()..).unwrap_or_default();
            let all = self.pieces.iter().filter(|(piece, _)| here.starts_with(piece));
            *seen = all.fold(*seen, |seen, (_, of)| seen.or(*of));
            if *seen == Surveyed::ALL {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::test::Literal;

    fn literals(literals: &[&str], fold: bool) -> LiteralsBuilder {
        let mut builder = LiteralsBuilder::default();
        for literal in literals {
            builder.contained(&Literal { text: literal.as_bytes().into(), fold }, 0);
        }
        builder
    }

    fn survey(text: &[&str], value: &[&str], fold: bool) -> Option<Survey> {
        Survey::new(&literals(text, false), &literals(value, fold))
    }

    /// Whether there is one for the message, and one for the value.
    fn seen(survey: &Survey, message: &str) -> [bool; 2] {
        let Surveyed { text, value } = survey.look(message.as_bytes(), &mut Vec::new());
        [text, value]
    }

    fn among(found: &str) -> String {
        format!("{}{found}{}", "some text ".repeat(20), ", and more of it".repeat(9))
    }

    #[test]
    fn tells_who_waits_in_vain() {
        let survey = survey(&["AKIA", "BEGIN RSA PRIVATE KEY"], &["free bitcoin", "e bit"], true).unwrap();
        assert_eq!(seen(&survey, &among("")), [false, false]);
        assert_eq!(seen(&survey, &among("BEGIN RSA")), [true, false]);
        assert_eq!(seen(&survey, &among("FreE Bitcoin")), [false, true]);
        assert_eq!(seen(&survey, &among("nicE BIT")), [false, true], "one that begins within another");
        assert_eq!(seen(&survey, &among("AKIA free bitcoin")), [true, true]);
        assert_eq!(seen(&survey, "too short"), [true, true]);
    }

    #[test]
    fn case_matters_if_it_does_to_all() {
        let survey = survey(&["AKIA"], &["secret"], false).unwrap();
        assert_eq!(seen(&survey, &among("akia Secret")), [false, false]);
        assert_eq!(seen(&survey, &among("AKIA secret")), [true, true]);
    }

    #[test]
    fn loses_nothing_between_chunks() {
        let survey = survey(&["BEGIN RSA"], &["free bitcoin"], true).unwrap();
        for at in CHUNK - 40..CHUNK + 140 {
            let text = format!("{}BEGIN RSA{}", "-".repeat(at), "-".repeat(2 * CHUNK));
            for len in [text.len(), at + 9, at + 30] {
                assert_eq!(seen(&survey, &text[..len]), [true, false], "{at} of {len}");
            }
        }
    }

    #[test]
    fn there_is_none_for_what_is_short_or_much() {
        assert!(
            survey(&["AKIA"], &["//"], false).is_none() && survey(&["KP"], &["localhost"], false).is_none()
        );
        let many: Vec<String> = (0..40).map(|n| format!("{n:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(survey(&["AKIA"], &many, false).is_none());
        assert!(survey(&["AKIA"], &many[..15], false).is_some());
    }
}
