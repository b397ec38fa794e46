//! Finds the questions that a value answers with yes, without asking all of them.
//!
//! Questions are grouped by what they are about: a value is put to the groups that it belongs to. Within a group texts
//! that a value must be equal to are looked up; where a text must be part of the value, all those texts of the group
//! are searched in one pass, and a question is asked only if its text was seen. What remains is asked one by one.

mod answers;
mod beginnings;
mod literals;
mod reach;
mod survey;

use std::sync::Arc;

use super::{
    condition::{Atom, ItemCondition, Subject},
    field::Part,
    item::Item,
    number::Number,
    param_path::spans_segments,
    test::{Compare, Literal, Test, Value},
    text_map::{Lengths, TextMap},
};
pub(super) use answers::Answers;
use literals::{Literals, LiteralsBuilder};
use reach::Reach;
pub(super) use reach::{Interest, Size};
use survey::Survey;
pub(super) use survey::{Surveyed, WORTH_IT};

/// The number of a group of questions.
pub(super) type GroupId = u32;

/// The number of a question: its bit.
pub(super) type Bit = u32;

/// What is asked of a value.
#[derive(Clone, Debug)]
enum Asked {
    /// The test of this question.
    Atom(Arc<Atom>),
    /// One of the tests of a list.
    Test(Arc<[Test]>, usize),
}

impl Asked {
    /// Those of the values for which it may hold, if it is a list of texts.
    fn lengths(&self) -> Option<Lengths> {
        match self {
            Self::Atom(atom) => match (&atom.subject, &atom.test) {
                (Subject::Some { .. }, _) => None,
                (_, Test::Strings { list, .. }) => Some(list.lengths()),
                _ => None,
            },
            Self::Test(..) => None,
        }
    }

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
    /// Whether its values matter whatever is asked.
    wants_all: bool,
    exists: Vec<Bit>,
    equals: TextMap<Vec<Bit>>,
    /// In lower case.
    folded: TextMap<Vec<Bit>>,
    /// Comparisons with numbers, in order, so that those that hold come first.
    at_least: Vec<(Number, Compare, Bit)>,
    at_most: Vec<(Number, Compare, Bit)>,
    same_number: Vec<(Number, Bit)>,
    /// Questions for which nothing can be looked up.
    others: Vec<(Asked, Bit)>,
    in_value: Option<Literals>,
    in_name: Option<Literals>,
    in_path: Option<Literals>,
    /// Of the literals in paths the shortest that must be within one segment, and the shortest of the others.
    in_segment: usize,
    across_segments: usize,
    /// For the literals in a value and those in the message at once.
    survey: Option<Box<Survey>>,
}

/// Where a literal must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haystack {
    Value,
    Name,
    Path,
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

    fn reach(&self) -> Reach {
        let shortest = |literals: &Option<Literals>| literals.as_ref().map_or(usize::MAX, |it| it.shortest);
        let mut lengths = self.equals.lengths().or(self.folded.lengths());
        let mut any = self.wants_all || !self.exists.is_empty();
        for (asked, _) in &self.others {
            match asked.lengths() {
                Some(of_list) => lengths = lengths.or(of_list),
                None => any = true,
            }
        }
        Reach {
            any,
            numbers: self.compares(),
            lengths,
            value: shortest(&self.in_value),
            name: shortest(&self.in_name),
            segment: self.in_segment,
            path: self.across_segments,
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

/// Groups of questions.
#[derive(Debug, Default)]
pub(super) struct Index {
    groups: Vec<Group>,
    /// Of each group.
    reaches: Vec<Reach>,
    literals: usize,
}

impl Index {
    /// How many literals all groups have.
    pub(super) fn literals(&self) -> usize {
        self.literals
    }

    /// Whether there may be a question in a group that a text of this size answers with yes.
    #[inline]
    pub(super) fn interest(&self, group: GroupId, size: Size) -> Interest {
        self.reaches.get(group as usize).map_or(Interest::No, |reach| reach.interest(size))
    }

    /// The length from which on a name may be an answer to a question of a group; 0 if a value may be one.
    pub(super) fn any_from(&self, group: GroupId) -> usize {
        self.reaches.get(group as usize).map_or(0, Reach::any_from)
    }

    /// The lengths of the values about which a group may have a question.
    pub(super) fn lengths(&self, group: GroupId) -> Lengths {
        self.reaches.get(group as usize).map_or(Lengths::default(), Reach::lengths)
    }

    /// Looks at a message as a whole: which literals may stand in it, of this group and of the one that is asked about
    /// messages.
    #[inline(never)]
    pub(super) fn survey(&self, group: GroupId, message: &[u8], answers: &mut Answers) -> Option<Surveyed> {
        let survey = self.groups.get(group as usize)?.survey.as_ref()?;
        Some(survey.look(message, answers.buffer()))
    }

    /// Puts a value to its groups.
    pub(super) fn ask(&self, item: &Item<'_>, groups: &[GroupId], answers: &mut Answers) {
        answers.next_value();
        for group in groups.iter().filter_map(|id| self.groups.get(*id as usize)) {
            for bit in &group.exists {
                answers.set(*bit);
            }
            if let Value::Text(text) = item.value {
                let same = group.equals.get(text.bytes).into_iter().flatten();
                same.for_each(|bit| answers.set(*bit));
                answers.look_up(&group.folded, text.bytes);
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
            if let (Some(literals), Value::Text(text)) = (&group.in_value, item.value) {
                literals.search(text.bytes, item, answers);
            }
            if let Some(literals) = &group.in_name {
                literals.search(item.name, item, answers);
            }
            if let Some(literals) = &group.in_path {
                literals.search(item.path_text(), item, answers);
            }
        }
    }
}

/// Collects questions.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    groups: Vec<Group>,
    /// The literals of each group.
    literals: Vec<[LiteralsBuilder; 3]>,
}

impl IndexBuilder {
    /// A new group.
    pub(super) fn group(&mut self) -> GroupId {
        self.groups.push(Group::default());
        self.literals.push(Default::default());
        u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
    }

    /// Makes each value of a group one that [may be answered](Index::may_answer).
    pub(super) fn want_all(&mut self, group: GroupId) {
        if let Some(group) = self.groups.get_mut(group as usize) {
            group.wants_all = true;
        }
    }

    /// Adds a question to a group. If all items of the group have the same name, literals in it say nothing.
    pub(super) fn add(&mut self, group: GroupId, atom: &Arc<Atom>, bit: Bit, same_name: bool) {
        let Some(slot) = self.groups.get_mut(group as usize) else { return };
        let asked = Asked::Atom(Arc::clone(atom));
        if let Subject::Some { matching, .. } = &atom.subject {
            let literals = literals_of(matching, same_name);
            return self.wait(group, literals, asked, bit);
        }
        match &atom.test {
            Test::Exists => slot.exists.push(bit),
            Test::Equals { text, fold: false } => slot.equals.slot(text).push(bit),
            Test::Equals { text, fold: true } => slot.folded.slot(text).push(bit),
            Test::OneOf(tests) => {
                for (at, test) in tests.iter().enumerate() {
                    let asked = Asked::Test(Arc::clone(tests), at);
                    self.wait(group, in_value(test), asked, bit);
                }
            }
            Test::Contains { .. } => {
                for literal in atom.test.literals() {
                    if let Some(literals) = self.literals(group, Haystack::Value) {
                        literals.contained(&literal, bit);
                    }
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
            | Test::Matches(_)) => self.wait(group, in_value(test), asked, bit),
            Test::Strings { .. } | Test::Numbers(_) | Test::Net(_) | Test::Nets(_) | Test::Flag(_) => {
                slot.others.push((asked, bit))
            }
        }
    }

    fn wait(&mut self, group: GroupId, literals: Vec<(Haystack, Literal)>, asked: Asked, bit: Bit) {
        let Some(slot) = self.groups.get_mut(group as usize) else { return };
        if literals.is_empty() || literals.iter().any(|(_, literal)| literal.text.is_empty()) {
            slot.others.push((asked, bit));
            return;
        }
        for (haystack, literal) in literals {
            if let Some(literals) = self.literals(group, haystack) {
                literals.wait(&literal, asked.clone(), bit);
            }
        }
    }

    fn literals(&mut self, group: GroupId, haystack: Haystack) -> Option<&mut LiteralsBuilder> {
        let [value, name, path] = self.literals.get_mut(group as usize)?;
        Some(match haystack {
            Haystack::Value => value,
            Haystack::Name => name,
            Haystack::Path => path,
        })
    }

    /// `text`: the group that is asked about messages as a whole, so that they are searched anyway.
    pub(super) fn build(mut self, text: Option<GroupId>) -> Result<Index, String> {
        self.add_surveys(text);
        let mut count = 0;
        for (group, [value, name, path]) in self.groups.iter_mut().zip(self.literals) {
            group.sort();
            let shortest = |across: bool| {
                let texts = path.texts().filter(move |text| spans_segments(text) == across);
                texts.map(<[u8]>::len).min().unwrap_or(usize::MAX)
            };
            (group.in_segment, group.across_segments) = (shortest(false), shortest(true));
            group.in_value = value.build(&mut count)?;
            group.in_name = name.build(&mut count)?;
            group.in_path = path.build(&mut count)?;
        }
        let reaches = self.groups.iter().map(Group::reach).collect();
        Ok(Index { groups: self.groups, reaches, literals: count })
    }

    fn add_surveys(&mut self, text: Option<GroupId>) {
        /// They take some KiB each.
        const MOST: usize = 64;
        let Some([text, ..]) = text.and_then(|text| self.literals.get(text as usize)) else { return };
        let mut left = MOST;
        for (group, [value, ..]) in self.groups.iter_mut().zip(&self.literals) {
            if left > 0 && !value.is_empty() {
                group.survey = Survey::new(text, value).map(Box::new);
                left -= usize::from(group.survey.is_some());
            }
        }
    }
}

fn in_value(test: &Test) -> Vec<(Haystack, Literal)> {
    test.literals().into_iter().map(|literal| (Haystack::Value, literal)).collect()
}

/// Texts of which one stands in every item for which this holds; none if there are no such texts.
fn literals_of(condition: &ItemCondition, same_name: bool) -> Vec<(Haystack, Literal)> {
    match condition {
        ItemCondition::Is { part, test } => {
            let haystack = match part {
                Part::Value | Part::ParamValue => Haystack::Value,
                Part::Name if !same_name => Haystack::Name,
                Part::Path | Part::ParamPath => Haystack::Path,
                Part::Name | Part::ParamName | Part::Kind => return Vec::new(),
            };
            test.literals().into_iter().map(|literal| (haystack, literal)).collect()
        }
        ItemCondition::All(parts) => {
            let rank = |literals: &Vec<(Haystack, Literal)>| {
                // Names are shorter than values, and seldom hold what is asked for.
                let in_value = literals.iter().any(|(haystack, _)| *haystack == Haystack::Value);
                let shortest = literals.iter().map(|(_, literal)| literal.text.len()).min();
                (shortest.is_some_and(|len| len > 0), !in_value, shortest)
            };
            parts.iter().map(|part| literals_of(part, same_name)).max_by_key(rank).unwrap_or_default()
        }
        ItemCondition::Any(parts) => {
            let each: Vec<_> = parts.iter().map(|part| literals_of(part, same_name)).collect();
            if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() }
        }
        ItemCondition::Not(_) => Vec::new(),
    }
}
