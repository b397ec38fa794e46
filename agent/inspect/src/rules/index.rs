//! Finds the questions that a value answers with yes, without asking all of them.
//!
//! Questions are grouped by what they are about: a value is put to the groups that it belongs to. Within a group texts
//! that a value must be equal to are looked up; where a text must be part of the value, all those texts of the group
//! are searched in one pass, and a question is asked only if its text was seen. What remains is asked one by one.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use aho_corasick::{
    Anchored, BuildError, StartKind,
    automaton::Automaton,
    dfa::{self, DFA},
    nfa::contiguous::{self, NFA},
};

use super::{
    condition::{Atom, ItemCondition, Subject},
    item::Item,
    number::Number,
    test::{Compare, Test, Value},
};

/// The number of a group of questions.
pub(super) type GroupId = u32;

/// The number of a question: its bit.
pub(super) type Bit = u32;

/// A map whose keys come from rules, and in which peers only look things up.
pub(super) type RuleMap<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<Fnv>>;

/// FNV-1a: short and quick for short keys. What peers send is never inserted, so it cannot make a map slow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        // The high bits of the product are the better ones.
        self.0 ^ (self.0 >> 29)
    }
}

/// Questions, answered or not.
#[derive(Debug, Default)]
pub(super) struct Answers {
    bits: Vec<u64>,
    /// Those that are set.
    yes: Vec<Bit>,
    /// Literals seen in the current value are those with the current stamp.
    stamps: Vec<u32>,
    stamp: u32,
    lower: Vec<u8>,
}

impl Answers {
    /// Forgets everything; there are so many questions and literals.
    pub(super) fn reset(&mut self, bits: usize, literals: usize) {
        let words = bits.div_ceil(64);
        if self.bits.len() != words || self.stamps.len() != literals {
            self.bits = vec![0; words];
            self.stamps = vec![0; literals];
            self.stamp = 0;
            self.yes.clear();
        }
        for bit in self.yes.drain(..) {
            if let Some(word) = self.bits.get_mut(bit as usize / 64) {
                *word = 0;
            }
        }
    }

    pub(super) fn set(&mut self, bit: Bit) {
        if let Some(word) = self.bits.get_mut(bit as usize / 64) {
            let mask = 1 << (bit % 64);
            if *word & mask == 0 {
                *word |= mask;
                self.yes.push(bit);
            }
        }
    }

    pub(super) fn is_set(&self, bit: Bit) -> bool {
        self.bits.get(bit as usize / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// The questions that were answered with yes, in the order of the answers.
    pub(super) fn yes(&self) -> &[Bit] {
        &self.yes
    }

    pub(super) fn into_bits(self) -> Box<[u64]> {
        self.bits.into()
    }

    /// Approximate memory in bytes.
    pub(super) fn memory(&self) -> usize {
        8 * self.bits.capacity() + 4 * (self.yes.capacity() + self.stamps.capacity()) + self.lower.capacity()
    }

    fn next_value(&mut self) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.stamp = 1;
        }
    }

    /// Whether the literal was not seen in this value before.
    fn first_seen(&mut self, literal: usize) -> bool {
        let Some(stamp) = self.stamps.get_mut(literal) else { return false };
        let first = *stamp != self.stamp;
        *stamp = self.stamp;
        first
    }
}

/// What is asked of a value.
#[derive(Clone, Debug)]
enum Asked {
    /// The test of this question.
    Atom(Arc<Atom>),
    /// One of the tests of a list.
    Test(Arc<[Test]>, usize),
}

impl Asked {
    fn holds(&self, item: &Item<'_>) -> bool {
        match self {
            Self::Atom(atom) => match &atom.subject {
                Subject::Some { matching, .. } => matching.holds(item),
                Subject::Field(_)
                | Subject::Header(_)
                | Subject::Query(_)
                | Subject::Cookie(_)
                | Subject::Param(_)
                | Subject::Signal { .. } => atom.test.holds(item.value),
            },
            Self::Test(tests, at) => tests.get(*at).is_some_and(|test| test.holds(item.value)),
        }
    }
}

/// Questions about the same value.
#[derive(Debug, Default)]
struct Group {
    exists: Vec<Bit>,
    equals: RuleMap<Vec<Bit>>,
    /// In lower case.
    folded: RuleMap<Vec<Bit>>,
    /// The longest key of the two.
    longest: usize,
    /// Comparisons with numbers, in order, so that those that hold come first.
    at_least: Vec<(Number, Compare, Bit)>,
    at_most: Vec<(Number, Compare, Bit)>,
    same_number: Vec<(Number, Bit)>,
    /// Questions for which nothing can be looked up.
    others: Vec<(Asked, Bit)>,
    literals: Option<Literals>,
}

impl Group {
    /// Answers the comparisons that hold.
    fn compare(&self, number: Number, answers: &mut Answers) {
        let low = self.at_least.iter().take_while(|(bound, ..)| Compare::Le.holds(*bound, number));
        let high = self.at_most.iter().take_while(|(bound, ..)| Compare::Ge.holds(*bound, number));
        for (bound, compare, bit) in low.chain(high) {
            if compare.holds(number, *bound) {
                answers.set(*bit);
            }
        }
        let first = self.same_number.partition_point(|(other, _)| Compare::Lt.holds(*other, number));
        let same = self.same_number.get(first..).unwrap_or_default();
        for (_, bit) in same.iter().take_while(|(other, _)| Compare::Equals.holds(*other, number)) {
            answers.set(*bit);
        }
    }

    fn compares(&self) -> bool {
        !(self.at_least.is_empty() && self.at_most.is_empty() && self.same_number.is_empty())
    }

    fn sort(&mut self) {
        self.at_least.sort_by(|(a, ..), (b, ..)| a.compare(*b));
        self.at_most.sort_by(|(a, ..), (b, ..)| b.compare(*a));
        self.same_number.sort_by(|(a, _), (b, _)| a.compare(*b));
    }
}

/// What a literal that is seen says.
#[derive(Debug, Default)]
struct Literal {
    /// Whether a value contains this: answered where it stands, so that no value is searched twice. `None` in any case.
    contained: Vec<(Option<Box<[u8]>>, Bit)>,
    /// What is asked once.
    others: Vec<(Asked, Bit)>,
}

impl Literal {
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

/// The literals that a group waits for.
#[derive(Debug)]
struct Literals {
    automaton: Machine,
    shortest: usize,
    /// By pattern of the automaton; the first one has the number `base` among those of all groups.
    waiting: Vec<Literal>,
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
    fn search(&self, text: &[u8], item: &Item<'_>, answers: &mut Answers) {
        if text.len() < self.shortest {
            return;
        }
        match &self.automaton {
            Machine::Dense(automaton) => self.search_with(automaton, text, item, answers),
            Machine::Compact(automaton) => self.search_with(automaton, text, item, answers),
        }
    }

    fn search_with(&self, automaton: &impl Automaton, text: &[u8], item: &Item<'_>, answers: &mut Answers) {
        let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
        for (at, &byte) in text.iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            for nth in 0..automaton.match_len(state) {
                let pattern = automaton.match_pattern(state, nth);
                let Some(literal) = self.waiting.get(pattern.as_usize()) else { continue };
                let first = answers.first_seen(self.base + pattern.as_usize());
                if first || !literal.contained.is_empty() {
                    let start = at + 1 - automaton.pattern_len(pattern);
                    literal.ask(text.get(start..=at).unwrap_or_default(), first, item, answers);
                }
            }
        }
    }
}

/// Groups of questions.
#[derive(Debug, Default)]
pub(super) struct Index {
    groups: Vec<Group>,
    literals: usize,
}

impl Index {
    /// How many literals all groups have.
    pub(super) fn literals(&self) -> usize {
        self.literals
    }

    /// Puts a value to its groups.
    pub(super) fn ask(&self, item: &Item<'_>, groups: &[GroupId], answers: &mut Answers) {
        answers.next_value();
        for group in groups.iter().filter_map(|id| self.groups.get(*id as usize)) {
            for bit in &group.exists {
                answers.set(*bit);
            }
            if let Value::Text(text) = item.value
                && text.bytes.len() <= group.longest
            {
                for bit in group.equals.get(text.bytes).into_iter().flatten() {
                    answers.set(*bit);
                }
                if !group.folded.is_empty() {
                    answers.lower.clear();
                    answers.lower.extend(text.bytes.iter().map(u8::to_ascii_lowercase));
                    let found = group.folded.get(answers.lower.as_slice());
                    for bit in found.into_iter().flatten() {
                        answers.set(*bit);
                    }
                }
            }
            if group.compares() {
                let number = match item.value {
                    Value::Text(text) => text.number(),
                    Value::Number(number) => Some(number),
                    Value::Ip(_) | Value::Flag(_) => None,
                };
                if let Some(number) = number {
                    group.compare(number, answers);
                }
            }
            for (asked, bit) in &group.others {
                if !answers.is_set(*bit) && asked.holds(item) {
                    answers.set(*bit);
                }
            }
            if let (Some(literals), Value::Text(text)) = (&group.literals, item.value) {
                literals.search(text.bytes, item, answers);
            }
        }
    }
}

/// Collects questions.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    groups: Vec<Group>,
    /// The literals of each group.
    literals: Vec<HashMap<Vec<u8>, Literal>>,
}

impl IndexBuilder {
    /// A new group.
    pub(super) fn group(&mut self) -> GroupId {
        self.groups.push(Group::default());
        self.literals.push(HashMap::new());
        u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds a question to a group.
    pub(super) fn add(&mut self, group: GroupId, atom: &Arc<Atom>, bit: Bit) {
        let Some(slot) = self.groups.get_mut(group as usize) else { return };
        let asked = Asked::Atom(Arc::clone(atom));
        if let Subject::Some { matching, .. } = &atom.subject {
            let literals = literals_of(matching);
            return self.wait(group, literals, asked, bit);
        }
        match &atom.test {
            Test::Exists => slot.exists.push(bit),
            Test::Equals { text, fold } => {
                let map = if *fold { &mut slot.folded } else { &mut slot.equals };
                map.entry(text.clone()).or_default().push(bit);
                slot.longest = slot.longest.max(text.len());
            }
            Test::OneOf(tests) => {
                for (at, test) in tests.iter().enumerate() {
                    let asked = Asked::Test(Arc::clone(tests), at);
                    self.wait(group, test.literals(), asked, bit);
                }
            }
            Test::Contains { text, fold } => {
                let text_as_is = (!fold).then(|| text.clone());
                if let Some(literal) = self.literal(group, text.to_ascii_lowercase()) {
                    literal.contained.push((text_as_is, bit));
                }
            }
            Test::Number(Compare::Equals, number) => slot.same_number.push((*number, bit)),
            Test::Number(compare @ (Compare::Ge | Compare::Gt), number) => {
                slot.at_least.push((*number, *compare, bit));
            }
            Test::Number(compare, number) => slot.at_most.push((*number, *compare, bit)),
            test @ (Test::StartsWith { .. }
            | Test::EndsWith { .. }
            | Test::Like { .. }
            | Test::Matches(_)) => self.wait(group, test.literals(), asked, bit),
            Test::Strings { .. } | Test::Numbers(_) | Test::Net(_) | Test::Nets(_) | Test::Flag(_) => {
                slot.others.push((asked, bit))
            }
        }
    }

    fn wait(&mut self, group: GroupId, literals: Vec<Vec<u8>>, asked: Asked, bit: Bit) {
        let Some(slot) = self.groups.get_mut(group as usize) else { return };
        if literals.is_empty() || literals.iter().any(Vec::is_empty) {
            slot.others.push((asked, bit));
            return;
        }
        for literal in literals {
            if let Some(literal) = self.literal(group, literal) {
                literal.others.push((asked.clone(), bit));
            }
        }
    }

    fn literal(&mut self, group: GroupId, literal: Vec<u8>) -> Option<&mut Literal> {
        Some(self.literals.get_mut(group as usize)?.entry(literal).or_default())
    }

    pub(super) fn build(mut self) -> Result<Index, String> {
        let mut count = 0;
        for (group, literals) in self.groups.iter_mut().zip(self.literals) {
            group.sort();
            let (texts, waiting): (Vec<_>, Vec<_>) = literals.into_iter().unzip();
            let Some(shortest) = texts.iter().map(Vec::len).min() else { continue };
            let automaton =
                Machine::new(&texts).map_err(|error| format!("the rules have too many literals: {error}"))?;
            let base = count;
            count += waiting.len();
            group.literals = Some(Literals { automaton, shortest, waiting, base });
        }
        Ok(Index { groups: self.groups, literals: count })
    }
}

/// Texts of which one stands in the value of every item for which this holds.
fn literals_of(condition: &ItemCondition) -> Vec<Vec<u8>> {
    use super::field::Part;
    match condition {
        ItemCondition::Is { part: Part::Value | Part::ParamValue, test } => {
            if let Test::Equals { text, .. } = test
                && !text.is_empty()
            {
                return vec![text.to_ascii_lowercase()];
            }
            test.literals()
        }
        ItemCondition::All(parts) => parts
            .iter()
            .map(literals_of)
            .max_by_key(|literals| literals.iter().map(Vec::len).min().unwrap_or_default())
            .unwrap_or_default(),
        ItemCondition::Any(parts) => {
            let each: Vec<_> = parts.iter().map(literals_of).collect();
            if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() }
        }
        ItemCondition::Is { .. } | ItemCondition::Not(_) => Vec::new(),
    }
}
