//! Texts that questions wait for, all of a group found in one pass.

use std::collections::BTreeMap;

use aho_corasick::{
    Anchored, BuildError, StartKind,
    automaton::Automaton,
    dfa::{self, DFA},
    nfa::contiguous::{self, NFA},
};

use super::{Asked, Bit, answers::Answers, beginnings::Beginnings};
use crate::rules::{item::Item, test::Literal};

/// What is asked when a literal is seen.
#[derive(Debug, Default)]
struct Waiting {
    /// Whether a value contains this: answered where it stands, so that no value is searched twice. `None` in any case.
    contained: Vec<(Option<Box<[u8]>>, Bit)>,
    /// What is asked once.
    others: Vec<(Asked, Bit)>,
    /// How it must be written; of no use if it may be in any case.
    written: Vec<Box<[u8]>>,
    in_any_case: bool,
}

impl Waiting {
    /// Asks what waits for this literal, as it is written in the value.
    fn ask(&self, seen: &[u8], first: bool, item: &Item<'_>, answers: &mut Answers) {
        for (text, bit) in &self.contained {
            if text.as_deref().is_none_or(|text| text == seen) {
                answers.set(*bit);
            }
        }
        if !first {
            return;
        }
        for (asked, bit) in &self.others {
            if !answers.is_set(*bit) && asked.holds(item) {
                answers.set(*bit);
            }
        }
    }
}

/// Collects the literals of a group, by their text in lower case.
#[derive(Debug, Default)]
pub(super) struct LiteralsBuilder(BTreeMap<Vec<u8>, Waiting>);

impl LiteralsBuilder {
    /// A question that is answered with yes wherever the literal stands.
    pub(super) fn contained(&mut self, literal: &Literal, bit: Bit) {
        let text = (!literal.fold).then(|| literal.text.clone());
        self.waiting(literal).contained.push((text, bit));
    }

    /// A question to be asked if the literal was seen.
    pub(super) fn wait(&mut self, literal: &Literal, asked: Asked, bit: Bit) {
        self.waiting(literal).others.push((asked, bit));
    }

    /// All of them, in lower case.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.keys().map(Vec::as_slice)
    }

    /// Whether one of them may stand in any case.
    pub(super) fn folds(&self) -> bool {
        self.0.values().any(|waiting| waiting.in_any_case)
    }

    /// All of them, in lower case or, if none of them may stand in any case, as they are written.
    pub(super) fn written(&self, lower: bool) -> impl Iterator<Item = &[u8]> {
        let as_written = self.0.values().flat_map(|waiting| waiting.written.iter().map(|text| &**text));
        self.texts().filter(move |_| lower).chain(as_written.filter(move |_| !lower))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn waiting(&mut self, literal: &Literal) -> &mut Waiting {
        let waiting = self.0.entry(literal.text.to_ascii_lowercase()).or_default();
        waiting.in_any_case |= literal.fold;
        if !literal.fold {
            waiting.written.push(literal.text.clone());
        }
        waiting
    }

    /// Counts the literals on in `count`; `None` if there are none.
    pub(super) fn build(self, count: &mut usize) -> Result<Option<Literals>, String> {
        let (texts, waiting): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        let Some(shortest) = texts.iter().map(Vec::len).min() else { return Ok(None) };
        let beginnings = Beginnings::new(texts.iter().zip(&waiting).map(|(text, waiting)| {
            let written = waiting.written.iter().map(|text| &**text).collect();
            (&**text, if waiting.in_any_case { None } else { Some(written) })
        }));
        let automaton =
            Machine::new(&texts).map_err(|error| format!("the rules have too many literals: {error}"))?;
        let base = *count;
        *count += waiting.len();
        Ok(Some(Literals { automaton, beginnings, shortest, waiting, base }))
    }
}

/// The literals that a group waits for.
#[derive(Debug)]
pub(super) struct Literals {
    automaton: Machine,
    /// Where a literal may begin.
    beginnings: Option<Beginnings>,
    /// The length of the shortest, in bytes.
    pub(super) shortest: usize,
    /// By pattern of the automaton; the first one has the number `base` among those of all groups.
    waiting: Vec<Waiting>,
    base: usize,
}

/// Finds all literals in any case.
#[derive(Debug)]
enum Machine {
    /// For few: fast, and large for many.
    Dense(DFA),
    Compact(NFA),
}

impl Machine {
    /// Most bytes of literals for which the fast one is built: about 1 MiB of it.
    const DENSE: usize = 4096;

    fn new(literals: &[Vec<u8>]) -> Result<Self, BuildError> {
        if literals.iter().map(Vec::len).sum::<usize>() <= Self::DENSE {
            let builder = &mut dfa::Builder::new();
            let builder = builder.start_kind(StartKind::Unanchored);
            builder.ascii_case_insensitive(true).prefilter(false).build(literals).map(Self::Dense)
        } else {
            let builder = &mut contiguous::Builder::new();
            builder.ascii_case_insensitive(true).prefilter(false).build(literals).map(Self::Compact)
        }
    }
}

impl Literals {
    /// Asks what waits for the literals in a text, which is a part of the item.
    pub(super) fn search(&self, text: &[u8], item: &Item<'_>, answers: &mut Answers) {
        if text.len() < self.shortest {
            return;
        }
        match &self.automaton {
            Machine::Dense(automaton) => self.search_with(automaton, text, item, answers),
            Machine::Compact(automaton) => self.search_with(automaton, text, item, answers),
        }
    }

    fn search_with(&self, automaton: &impl Automaton, text: &[u8], item: &Item<'_>, answers: &mut Answers) {
        let Some(beginnings) = self.beginnings.as_ref().filter(|it| it.can_search(text)) else {
            self.follow(automaton, text, 0, false, item, answers);
            return;
        };
        let mut at = 0;
        let mut patience = beginnings.patience(text);
        while let Some(begin) = beginnings.find(text, at) {
            // What has many beginnings is faster read byte by byte.
            patience = patience.saturating_sub(1);
            at = self.follow(automaton, text, begin, patience > 0, item, answers);
        }
    }

    /// Reads on from `at`, where no literal has begun, to the end, or if it `may_stop` to where again none has. Returns
    /// where that is.
    fn follow(
        &self,
        automaton: &impl Automaton,
        text: &[u8],
        at: usize,
        may_stop: bool,
        item: &Item<'_>,
        answers: &mut Answers,
    ) -> usize {
        let Ok(start) = automaton.start_state(Anchored::No) else { return text.len() };
        let mut state = start;
        for (at, &byte) in text.iter().enumerate().skip(at) {
            state = automaton.next_state(Anchored::No, state, byte);
            if may_stop && state == start {
                return at + 1;
            }
            if automaton.is_special(state) && automaton.is_match(state) {
                self.seen(automaton, state, text.get(..=at).unwrap_or_default(), item, answers);
            }
        }
        text.len()
    }

    /// Asks what waits for the literals that end where `text` ends.
    #[inline(never)]
    fn seen<A: Automaton>(
        &self,
        automaton: &A,
        state: aho_corasick::automaton::StateID,
        text: &[u8],
        item: &Item<'_>,
        answers: &mut Answers,
    ) {
        for nth in 0..automaton.match_len(state) {
            let pattern = automaton.match_pattern(state, nth);
            let Some(waiting) = self.waiting.get(pattern.as_usize()) else { continue };
            let first = answers.first_seen(self.base + pattern.as_usize());
            if first || !waiting.contained.is_empty() {
                let start = text.len() - automaton.pattern_len(pattern);
                waiting.ask(text.get(start..).unwrap_or_default(), first, item, answers);
            }
        }
    }
}
