//! Rules as they run: small expressions over answered questions.

use std::{collections::HashMap, sync::Arc};

use super::{
    condition::{Atom, Condition, ItemCondition, Subject},
    field::{Field, Multi, Part, Scope},
    index::{Bit, GroupId, Index, IndexBuilder},
    param_path::ParamPattern,
    params::ParamGroups,
    test::Test,
    text_map::TextMap,
};

/// A condition over questions, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Always,
    All(Box<[Expr]>),
    Any(Box<[Expr]>),
    Not(Box<Expr>),
    /// Decided with the connection.
    Connection(Bit),
    /// A comparison with a fact about the message.
    Message(Bit),
    /// Decided by the content of the message.
    Content(Bit),
}

/// What is known when an expression is decided.
pub(super) trait Facts {
    /// `None`: not yet known.
    fn connection(&self, bit: Bit) -> Option<bool>;
    fn message(&self, bit: Bit) -> Option<bool>;
    fn content(&self, bit: Bit) -> Option<bool>;
}

impl Expr {
    /// Decides it as far as possible. The depth of conditions is bounded where they are read.
    pub(super) fn decide(&self, facts: &impl Facts) -> Option<bool> {
        match self {
            Self::Always => Some(true),
            Self::All(parts) => {
                let mut all = Some(true);
                for part in parts {
                    match part.decide(facts) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => all = None,
                    }
                }
                all
            }
            Self::Any(parts) => {
                let mut any = Some(false);
                for part in parts {
                    match part.decide(facts) {
                        Some(false) => {}
                        Some(true) => return Some(true),
                        None => any = None,
                    }
                }
                any
            }
            Self::Not(part) => part.decide(facts).map(|holds| !holds),
            Self::Connection(bit) => facts.connection(*bit),
            Self::Message(bit) => facts.message(*bit),
            Self::Content(bit) => facts.content(*bit),
        }
    }

    /// Questions of which one must be answered with yes for this to hold; `None` if it can hold without. `uses` tells
    /// how many rules ask each question: what many ask is likely to be answered with yes, and would wake them all.
    pub(super) fn triggers(&self, uses: &[usize]) -> Option<Vec<Bit>> {
        let cost = |bits: &Vec<Bit>| -> usize {
            bits.iter().map(|bit| uses.get(*bit as usize).copied().unwrap_or_default()).sum()
        };
        match self {
            Self::Content(bit) => Some(vec![*bit]),
            Self::All(parts) => parts.iter().filter_map(|part| part.triggers(uses)).min_by_key(cost),
            Self::Any(parts) => {
                let each: Option<Vec<_>> = parts.iter().map(|part| part.triggers(uses)).collect();
                each.map(|each| each.concat())
            }
            Self::Always | Self::Not(_) | Self::Connection(_) | Self::Message(_) => None,
        }
    }

    /// Calls `visit` with every question.
    pub(super) fn each(&self, visit: &mut impl FnMut(&Self)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
            Self::Not(part) => part.each(visit),
            Self::Always | Self::Connection(_) | Self::Message(_) | Self::Content(_) => visit(self),
        }
    }
}

/// Where signals are asked for.
#[derive(Debug, Default)]
pub(super) struct SignalQuestions {
    /// For each signal: in which parameter, if that matters.
    pub(super) by_id: Vec<Vec<(Option<Arc<Atom>>, Bit)>>,
    /// Conditions on any signal.
    pub(super) any: Vec<(Arc<Atom>, Bit)>,
}

/// All questions of a rule set.
#[derive(Debug, Default)]
pub(super) struct Questions {
    pub(super) connection: Vec<Arc<Atom>>,
    pub(super) message: Vec<Arc<Atom>>,
    pub(super) content: Vec<Arc<Atom>>,
    pub(super) on_connection: Index,
    pub(super) on_content: Index,
    pub(super) signals: SignalQuestions,
    /// Few; without a hash, which would be asked for with each message.
    fields: Vec<(Field, GroupId)>,
    pub(super) headers: TextMap<Option<GroupId>>,
    pub(super) queries: TextMap<Option<GroupId>>,
    pub(super) cookies: TextMap<Option<GroupId>>,
    pub(super) any: HashMap<Multi, GroupId>,
    pub(super) params: ParamGroups,
    /// Groups of parameters whose values are keys of limits, and which. There are few.
    pub(super) captured: Vec<(GroupId, usize)>,
}

impl Questions {
    /// The questions about a field.
    pub(super) fn field(&self, field: Field) -> Option<GroupId> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, group)| *group)
    }

    fn field_or_new(&mut self, field: Field, index: &mut IndexBuilder) -> GroupId {
        self.field(field).unwrap_or_else(|| {
            let group = index.group();
            self.fields.push((field, group));
            group
        })
    }
}

/// Gives equal questions one number.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    questions: Questions,
    known: HashMap<String, Expr>,
    on_connection: IndexBuilder,
    on_content: IndexBuilder,
    params: HashMap<String, GroupId>,
}

impl Compiler {
    pub(super) fn new(signals: usize) -> Self {
        let mut compiler = Self::default();
        compiler.questions.signals.by_id.resize_with(signals, Vec::new);
        compiler
    }

    pub(super) fn finish(self) -> Result<Questions, String> {
        let Self { mut questions, on_connection, on_content, .. } = self;
        questions.on_connection = on_connection.build(None)?;
        questions.on_content = on_content.build(questions.field(Field::Text))?;
        questions.params.settle(&questions.on_content);
        Ok(questions)
    }

    /// Remembers the value of a parameter with each message.
    pub(super) fn capture(&mut self, pattern: &ParamPattern, slot: usize) {
        let group = self.param_group(pattern);
        self.on_content.want_all(group);
        self.questions.captured.push((group, slot));
    }

    pub(super) fn compile(&mut self, condition: &Condition) -> Expr {
        match condition {
            Condition::All(parts) => Expr::All(parts.iter().map(|part| self.compile(part)).collect()),
            Condition::Any(parts) => Expr::Any(parts.iter().map(|part| self.compile(part)).collect()),
            Condition::Not(part) => Expr::Not(Box::new(self.compile(part))),
            Condition::Is(atom) => {
                if let Some(known) = self.known.get(&atom.text) {
                    return known.clone();
                }
                let question = self.question(atom);
                self.known.insert(atom.text.clone(), question.clone());
                question
            }
        }
    }

    fn question(&mut self, atom: &Arc<Atom>) -> Expr {
        let add = |atoms: &mut Vec<Arc<Atom>>| {
            atoms.push(Arc::clone(atom));
            u32::try_from(atoms.len() - 1).unwrap_or(u32::MAX)
        };
        match atom.subject.scope() {
            Scope::Connection => {
                let bit = add(&mut self.questions.connection);
                let group = self.connection_group(&atom.subject);
                self.on_connection.add(group, atom, bit, false);
                Expr::Connection(bit)
            }
            Scope::Message => Expr::Message(add(&mut self.questions.message)),
            Scope::Content => {
                let bit = add(&mut self.questions.content);
                self.content(atom, bit);
                Expr::Content(bit)
            }
        }
    }

    fn content(&mut self, atom: &Arc<Atom>, bit: Bit) {
        let signals = &mut self.questions.signals;
        match &atom.subject {
            Subject::Signal { id, in_param } => {
                let atom = in_param.as_ref().map(|_| Arc::clone(atom));
                if let Some(questions) = signals.by_id.get_mut(*id) {
                    questions.push((atom, bit));
                }
            }
            Subject::Some { of: Multi::Signal, .. } => signals.any.push((Arc::clone(atom), bit)),
            Subject::Some { of: Multi::Param, matching } => {
                let name = named(matching);
                let group = match name {
                    Some(name) => self.param_group(&ParamPattern::named(name)),
                    None => self.questions.params.all_or_new(|| self.on_content.group()),
                };
                self.on_content.add(group, atom, bit, name.is_some());
            }
            Subject::Param(pattern) => {
                let group = self.param_group(pattern);
                self.on_content.add(group, atom, bit, true);
            }
            Subject::Field(field) => {
                let group = self.questions.field_or_new(*field, &mut self.on_content);
                self.on_content.add(group, atom, bit, true);
            }
            // Known with the connection.
            Subject::Header(_) | Subject::Query(_) | Subject::Cookie(_) => {}
            Subject::Some { of: Multi::Header | Multi::Query | Multi::Cookie, .. } => {}
        }
    }

    fn param_group(&mut self, pattern: &ParamPattern) -> GroupId {
        let key = pattern.to_string();
        *self.params.entry(key).or_insert_with(|| {
            let group = self.on_content.group();
            self.questions.params.insert(pattern, group);
            group
        })
    }

    fn connection_group(&mut self, subject: &Subject) -> GroupId {
        let index = &mut self.on_connection;
        let named = |map: &mut TextMap<Option<GroupId>>, name: &str, index: &mut IndexBuilder| {
            *map.slot(name.as_bytes()).get_or_insert_with(|| index.group())
        };
        let questions = &mut self.questions;
        match subject {
            Subject::Header(name) => named(&mut questions.headers, name, index),
            Subject::Query(name) => named(&mut questions.queries, name, index),
            Subject::Cookie(name) => named(&mut questions.cookies, name, index),
            Subject::Some { of, .. } => *questions.any.entry(*of).or_insert_with(|| index.group()),
            Subject::Field(field) => questions.field_or_new(*field, index),
            // Not known with the connection.
            Subject::Param(_) | Subject::Signal { .. } => 0,
        }
    }
}

/// The name that a parameter must have for this to hold.
fn named(condition: &ItemCondition) -> Option<&[u8]> {
    match condition {
        ItemCondition::Is { part: Part::Name, test: Test::Equals { text, fold: false } } => Some(text),
        ItemCondition::All(parts) => parts.iter().find_map(named),
        ItemCondition::Is { .. } | ItemCondition::Any(_) | ItemCondition::Not(_) => None,
    }
}

/// A signal that rules can see.
pub(super) const fn in_param(atom: &Atom) -> Option<&ParamPattern> {
    if let Subject::Signal { in_param: Some(pattern), .. } = &atom.subject { Some(pattern) } else { None }
}
