//! One message before the rules.

mod content;
mod decide;
mod explain;

use std::{cell::Cell, sync::Arc, time::Instant};

use super::{
    condition::Subject,
    counts::KeyHash,
    decision::{Explanation, shown_path},
    field::Field,
    index::{Answers, Bit, GroupId, Surveyed},
    item::Item,
    number::Number,
    param_path::Segment,
    program::{Expr, Facts, in_param},
    rule::{RuleAction, SignalPolicy},
    set::{Bound, Docket, OnlyConnection, Statement, StatementKind, is_set},
    signals::{self, SignalId},
    test::{Test, TextValue, Value},
};
use crate::{Opcode, detect::Signal, direction::Direction};

/// What is known about a message apart from its content.
#[derive(Clone, Copy, Debug)]
pub struct MessageFacts {
    /// Who sent it.
    pub direction: Direction,
    /// Its type.
    pub opcode: Opcode,
    /// Its payload in bytes, as sent.
    pub wire_bytes: u64,
    /// Its payload in bytes, inflated.
    pub bytes: u64,
    /// The frames that it came in.
    pub fragments: u64,
    /// Which data message of its direction it is, counted from 1.
    pub index: u64,
    /// Whether it was compressed.
    pub compressed: bool,
}

/// The time, which the caller knows.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For what takes a while.
    pub now: Instant,
    /// Seconds since 1970, for what ends on a day.
    pub unix_s: u64,
}

thread_local! {
    /// The memory of whoever is judging on this thread.
    static SPARE: Cell<Option<Box<RuleScratch>>> = const { Cell::new(None) };
}

/// Memory that is used again from message to message; one for each connection, or for each thread.
#[derive(Debug, Default)]
pub struct RuleScratch {
    answers: Answers,
    groups: Vec<GroupId>,
    /// The path of the parameter that is asked about, where rules ask for it.
    path_text: Vec<u8>,
    /// The statements to decide.
    due: Vec<u64>,
    captures: Vec<Option<KeyHash>>,
    seen: Vec<Seen>,
    /// Questions that a signal answers, unless it is excluded.
    seen_bits: Vec<(usize, Bit)>,
    /// Statements that exclude a signal if they hold.
    seen_excludes: Vec<(usize, usize)>,
    excluded: Vec<(Arc<str>, Signal)>,
}

#[derive(Debug)]
struct Seen {
    signal: Signal,
    firm: bool,
    path: String,
    excluded: bool,
}

impl RuleScratch {
    /// Memory for one message, to be [given back](Self::give_back) for that of another connection.
    pub(crate) fn lend() -> Box<Self> {
        SPARE.take().unwrap_or_default()
    }

    pub(crate) fn give_back(self: Box<Self>) {
        SPARE.set(Some(self));
    }
}

/// One message (or handshake) that is judged: tell its content, then [`decide`](Self::decide).
#[derive(Debug)]
pub struct Trial<'a> {
    bound: &'a Bound,
    docket: &'a Docket,
    scratch: &'a mut RuleScratch,
    /// `None`: a handshake.
    message: Option<MessageFacts>,
    moment: Moment,
    /// The text that was told, and whether it is still to be put to its group.
    text: &'a [u8],
    text_is_due: bool,
    /// What was found in the text as a whole, for the group of a value and that of the text.
    surveyed: Option<(GroupId, Surveyed)>,
    explains: bool,
}

impl Bound {
    /// Begins to judge a message.
    pub fn begin<'a>(
        &'a self,
        scratch: &'a mut RuleScratch,
        message: MessageFacts,
        moment: Moment,
    ) -> Trial<'a> {
        self.start(scratch, Some(message), moment)
    }

    /// Begins to judge the handshake itself: by the rules that ask for nothing that only messages have.
    pub fn begin_handshake<'a>(&'a self, scratch: &'a mut RuleScratch, moment: Moment) -> Trial<'a> {
        self.start(scratch, None, moment)
    }

    fn start<'a>(
        &'a self,
        scratch: &'a mut RuleScratch,
        message: Option<MessageFacts>,
        moment: Moment,
    ) -> Trial<'a> {
        let questions = &self.set.questions;
        scratch.answers.reset(questions.content.len(), questions.on_content.literals());
        scratch.captures.clear();
        scratch.captures.resize(self.set.captures.len(), None);
        scratch.seen.clear();
        scratch.seen_bits.clear();
        scratch.seen_excludes.clear();
        scratch.excluded.clear();
        let direction = message.map_or(Direction::ToServer, |message| message.direction);
        let docket = self.plan.docket(direction);
        Trial {
            bound: self,
            docket,
            scratch,
            message,
            moment,
            text: b"",
            text_is_due: false,
            surveyed: None,
            explains: false,
        }
    }

    /// Whether rules ask about parameters of the client's messages: if not, [`Trial::param`] need not be called.
    pub fn needs_params(&self) -> bool {
        self.plan.docket(Direction::ToServer).needs_params
    }

    /// Whether rules ask about the text of the client's messages as a whole: if not, [`Trial::text`] need not be called.
    pub fn needs_text(&self) -> bool {
        self.plan.docket(Direction::ToServer).needs_text
    }

    /// Whether something may overrule a signal that blocks: then the rest of the message has to be looked at, too.
    pub fn may_overrule_signals(&self) -> bool {
        let overrules = |statement: &Statement| match statement.kind {
            StatementKind::Exclude(_) => true,
            StatementKind::Rule(rule) => {
                let rule = self.set.parsed.rules.get(rule);
                rule.is_some_and(|rule| rule.does.action == RuleAction::Allow)
            }
            StatementKind::Limit(_) => false,
        };
        let active = &self.plan.docket(Direction::ToServer).active;
        let statements = self.set.statements.iter().enumerate();
        statements.filter(|(at, _)| is_set(active, *at)).any(|(_, statement)| overrules(statement))
    }
}

impl Trial<'_> {
    /// Asks for an explanation.
    pub(crate) fn explained(self) -> Self {
        Self { explains: true, ..self }
    }

    /// The explanation, if one was asked for. To be called after [`decide`](Self::decide).
    pub(crate) fn explanation(&self) -> Option<Explanation> {
        self.explains.then(|| self.explain())
    }

    /// Whether rules ask about parameters: if not, [`param`](Self::param) need not be called.
    pub(crate) fn needs_params(&self) -> bool {
        self.docket.needs_params
    }

    /// Tells a signal and the parameter in which it was found. `firm`: enough speaks for it to block; anomalies,
    /// which are no matter of degree, are always firm. Tell a signal once for each parameter.
    ///
    /// Returns whether it is excluded whatever else the message holds: what was found does not count then.
    pub fn signal(&mut self, signal: Signal, firm: bool, path: &[Segment<'_>], value: &[u8]) -> bool {
        let id = signals::id(signal);
        let (set, plan) = (&self.bound.set, &self.bound.plan);
        if plan.policy.get(id) == Some(&SignalPolicy::Ignore) {
            return true;
        }
        let at = self.scratch.seen.len();
        let pending = self.scratch.seen_excludes.len();
        let excludes = set
            .statements
            .iter()
            .enumerate()
            .take_while(|(_, statement)| matches!(statement.kind, StatementKind::Exclude(_)));
        for (number, statement) in excludes.filter(|(number, _)| is_set(&self.docket.active, *number)) {
            let StatementKind::Exclude(exclude) = statement.kind else { continue };
            let Some(exclude) = set.parsed.excludes.get(exclude) else { continue };
            let concerned = exclude.signals.contains(&id)
                && (exclude.params.is_empty() || exclude.params.iter().any(|param| param.matches(path)))
                && self.is_asked(statement);
            if !concerned {
                continue;
            }
            if statement.expr.decide(&OnlyConnection(&plan.connection)) == Some(true) {
                let excluded = (Arc::clone(&exclude.heading.id), signal);
                self.scratch.seen_excludes.truncate(pending);
                if !self.scratch.excluded.contains(&excluded) {
                    self.scratch.excluded.push(excluded);
                }
                return true;
            }
            self.scratch.seen_excludes.push((at, number));
        }
        let shown = shown_path(path);
        self.scratch.seen.push(Seen { signal, firm, path: shown, excluded: false });
        let name = signal.as_str();
        self.each_signal_bit(id, name, path, value, |scratch, bit| scratch.seen_bits.push((at, bit)));
        false
    }

    /// The questions that a signal answers with yes.
    fn each_signal_bit(
        &mut self,
        id: SignalId,
        name: &str,
        path: &[Segment<'_>],
        value: &[u8],
        mut act: impl FnMut(&mut RuleScratch, Bit),
    ) {
        let questions = &self.bound.set.questions.signals;
        for (atom, bit) in questions.by_id.get(id).into_iter().flatten() {
            let pattern = atom.as_deref().and_then(in_param);
            if pattern.is_none_or(|pattern| pattern.matches(path)) {
                act(self.scratch, *bit);
            }
        }
        if !questions.any.is_empty() {
            let text = TextValue::new(value);
            let item = Item::signal(name.as_bytes(), signals::kind(id), path, Value::Text(&text));
            for (atom, bit) in &questions.any {
                if let Subject::Some { matching, .. } = &atom.subject
                    && matching.holds(&item)
                {
                    act(self.scratch, *bit);
                }
            }
        }
    }

    /// How many signals were told, those that are ignored left out.
    pub(crate) fn signals_told(&self) -> usize {
        self.scratch.seen.len()
    }

    /// Whether the n-th signal that was told is excluded. To be asked after [`exclude`](Self::exclude).
    pub(crate) fn is_excluded(&self, at: usize) -> bool {
        self.scratch.seen.get(at).is_none_or(|seen| seen.excluded)
    }

    /// Says what a signal amounts to in the whole message: whether it counts at all, and whether it is firm.
    pub(crate) fn weigh(&mut self, signal: Signal, counts: bool, firm: bool) {
        for seen in self.scratch.seen.iter_mut().filter(|seen| seen.signal == signal) {
            seen.firm = firm;
            seen.excluded |= !counts;
        }
    }

    /// Takes away the signals that are excluded. Once the whole content was told.
    pub(crate) fn exclude(&mut self) {
        self.ask_text();
        if self.scratch.seen_excludes.is_empty() {
            return;
        }
        for (seen, number) in std::mem::take(&mut self.scratch.seen_excludes) {
            let set = &self.bound.set;
            let Some(statement) = set.statements.get(number) else { continue };
            if !self.is_asked(statement) || !self.holds(&statement.expr) {
                continue;
            }
            let Some(heading) = set.heading(statement.kind) else { continue };
            if let Some(seen) = self.scratch.seen.get_mut(seen)
                && !seen.excluded
            {
                seen.excluded = true;
                self.scratch.excluded.push((Arc::clone(&heading.id), seen.signal));
            }
        }
    }

    /// Whether the client sent it.
    fn is_of_client(&self) -> bool {
        self.message.is_none_or(|message| message.direction == Direction::ToServer)
    }

    /// Whether a statement is asked about this message or handshake, now.
    fn is_asked(&self, statement: &Statement) -> bool {
        let heading = self.bound.set.heading(statement.kind);
        (self.message.is_some() || statement.on_handshake)
            && (statement.names_direction || self.is_of_client())
            && heading.is_some_and(|heading| !heading.is_expired(self.moment.unix_s))
    }

    fn holds(&self, expr: &Expr) -> bool {
        expr.decide(self) == Some(true)
    }
}

impl Facts for Trial<'_> {
    fn connection(&self, bit: Bit) -> Option<bool> {
        Some(is_set(&self.bound.plan.connection, bit as usize))
    }

    fn message(&self, bit: Bit) -> Option<bool> {
        let atom = self.bound.set.questions.message.get(bit as usize)?;
        let Subject::Field(field) = atom.subject else { return None };
        let message = self.message.as_ref()?;
        let whole = |number: u64| Value::Number(Number::Whole(i64::try_from(number).unwrap_or(i64::MAX)));
        // The only operator that fits one of a few words.
        let word = |word: &str| matches!(&atom.test, Test::Equals { text, .. } if **text == *word.as_bytes());
        let value = match field {
            Field::Direction => return Some(word(message.direction.as_str())),
            Field::Opcode => return Some(word(message.opcode.as_str())),
            Field::WireBytes => whole(message.wire_bytes),
            Field::Bytes => whole(message.bytes),
            Field::Fragments => whole(message.fragments),
            Field::Index => whole(message.index),
            Field::Compressed => Value::Flag(message.compressed),
            Field::Age => whole(self.moment.now.saturating_duration_since(self.bound.opened).as_secs()),
            Field::ClientIp
            | Field::Port
            | Field::Scheme
            | Field::Method
            | Field::Host
            | Field::Path
            | Field::RawPath
            | Field::Origin
            | Field::UserAgent
            | Field::Subprotocol
            | Field::OfferedSubprotocol
            | Field::Extension
            | Field::ResponseCode
            | Field::Text => return None,
        };
        Some(atom.test.holds(value))
    }

    fn content(&self, bit: Bit) -> Option<bool> {
        Some(self.scratch.answers.is_set(bit))
    }
}
