//! Finds the questions that a value answers with yes, without asking all of them.
//!
//! Questions are grouped by what they are about: a value is put to the groups that it belongs to. Within a group texts
//! that a value must be equal to are looked up; where a text must be part of the value, all those texts of all groups
//! are searched in one pass, and a question is asked only if its text was seen. What remains is asked one by one.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use aho_corasick::AhoCorasick;

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
    /// Whether some questions wait for a literal.
    has_literals: bool,
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

/// A question that waits for a literal.
#[derive(Debug)]
struct Waiting<T> {
    group: GroupId,
    bit: Bit,
    asked: T,
}

impl<T> Waiting<T> {
    /// Those of a group, in a list that is sorted by group.
    fn of(waiting: &[Self], group: GroupId) -> impl Iterator<Item = &Self> {
        let first = waiting.partition_point(|waiting| waiting.group < group);
        waiting.get(first..).unwrap_or_default().iter().take_while(move |waiting| waiting.group == group)
    }
}

/// What a literal that is seen says.
#[derive(Debug, Default)]
struct Literal {
    /// Whether a value contains this: answered where it stands, so that no value is searched twice. `None` in any case.
    contained: Vec<Waiting<Option<Box<[u8]>>>>,
    /// What is asked once.
    others: Vec<Waiting<Asked>>,
}

/// Groups of questions, and the literals of all of them.
#[derive(Debug, Default)]
pub(super) struct Index {
    groups: Vec<Group>,
    waiting: Vec<Literal>,
    literals: Option<AhoCorasick>,
    shortest_literal: usize,
}

impl Index {
    /// How many literals there are.
    pub(super) fn literals(&self) -> usize {
        self.waiting.len()
    }

    /// Puts a value to its groups.
    pub(super) fn ask(&self, item: &Item<'_>, groups: &[GroupId], answers: &mut Answers) {
        let mut has_literals = false;
        for group in groups.iter().filter_map(|id| self.groups.get(*id as usize)) {
            has_literals |= group.has_literals;
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
        }
        if let (true, Value::Text(text), Some(literals)) = (has_literals, item.value, &self.literals)
            && text.bytes.len() >= self.shortest_literal
        {
            answers.next_value();
            for found in literals.find_overlapping_iter(text.bytes) {
                let Some(literal) = self.waiting.get(found.pattern().as_usize()) else { continue };
                let first = answers.first_seen(found.pattern().as_usize());
                if first || !literal.contained.is_empty() {
                    let seen = text.bytes.get(found.range()).unwrap_or_default();
                    literal.ask(seen, first, item, groups, answers);
                }
            }
        }
    }
}

impl Literal {
    /// Asks what waits for this literal, as it is written in the value.
    fn ask(&self, seen: &[u8], first: bool, item: &Item<'_>, groups: &[GroupId], answers: &mut Answers) {
        for group in groups {
            for waiting in Waiting::of(&self.contained, *group) {
                if waiting.asked.as_deref().is_none_or(|text| text == seen) {
                    answers.set(waiting.bit);
                }
            }
            if !first {
                continue;
            }
            for waiting in Waiting::of(&self.others, *group) {
                if !answers.is_set(waiting.bit) && waiting.asked.holds(item) {
                    answers.set(waiting.bit);
                }
            }
        }
    }
}

/// Collects questions.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    groups: Vec<Group>,
    waiting: Vec<Literal>,
    literals: HashMap<Vec<u8>, usize>,
    texts: Vec<Vec<u8>>,
}

impl IndexBuilder {
    /// A new group.
    pub(super) fn group(&mut self) -> GroupId {
        self.groups.push(Group::default());
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
                slot.has_literals = true;
                let asked = (!fold).then(|| text.clone());
                if let Some(literal) = self.literal(text.to_ascii_lowercase()) {
                    literal.contained.push(Waiting { group, bit, asked });
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
        slot.has_literals = true;
        for literal in literals {
            if let Some(literal) = self.literal(literal) {
                literal.others.push(Waiting { group, bit, asked: asked.clone() });
            }
        }
    }

    fn literal(&mut self, literal: Vec<u8>) -> Option<&mut Literal> {
        let id = *self.literals.entry(literal).or_insert_with_key(|literal| {
            self.texts.push(literal.clone());
            self.waiting.push(Literal::default());
            self.waiting.len() - 1
        });
        self.waiting.get_mut(id)
    }

    pub(super) fn build(mut self) -> Result<Index, String> {
        for literal in &mut self.waiting {
            literal.contained.sort_by_key(|waiting| waiting.group);
            literal.others.sort_by_key(|waiting| waiting.group);
        }
        self.groups.iter_mut().for_each(Group::sort);
        let literals = match self.texts.as_slice() {
            [] => None,
            texts => {
                let built = AhoCorasick::builder().ascii_case_insensitive(true).prefilter(false).build(texts);
                Some(built.map_err(|error| format!("the rules have too many literals: {error}"))?)
            }
        };
        Ok(Index {
            shortest_literal: self.texts.iter().map(Vec::len).min().unwrap_or_default(),
            groups: self.groups,
            waiting: self.waiting,
            literals,
        })
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
