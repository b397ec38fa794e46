//! One message before the rules.

use std::{sync::Arc, time::Instant};

use super::{
    condition::{Atom, Subject},
    counts::{Counts, KeyHash, Threshold},
    decision::{
        ATTACK_THRESHOLD, Block, Decider, Decision, ExplainedRule, Explanation, Matched, Outcome, SeenSignal,
        Verdict, shown_path,
    },
    field::Field,
    index::{Answers, Bit, GroupId},
    item::Item,
    number::Number,
    param_path::{Segment, name_of},
    parse::DEFAULT_CLOSE_CODE,
    program::{Expr, Facts, in_param},
    rule::{Does, Key, RateLimit, RuleAction, RuleMode, SignalPolicy},
    set::{Bound, Docket, OnlyConnection, Statement, StatementKind, is_sampled, is_set},
    signals::{self, SignalId},
    test::{TextValue, Value},
};
use crate::{
    Opcode,
    detect::{Signal, SignalKind},
    direction::Direction,
};

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

/// Memory that is used again from message to message; one for each connection, or for each thread.
#[derive(Debug, Default)]
pub struct RuleScratch {
    answers: Answers,
    groups: Vec<GroupId>,
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
    /// Approximate memory in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.answers.memory()
            + 4 * self.groups.capacity()
            + 8 * self.due.capacity()
            + size_of::<Option<KeyHash>>() * self.captures.capacity()
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
        Trial { bound: self, docket: self.plan.docket(direction), scratch, message, moment, explains: false }
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

    /// Tells a parameter: where it stands, and its value as the application reads it, with the escapes of its envelope
    /// undone. Numbers, `true`, `false` and `null` are told as they are written.
    pub fn param(&mut self, path: &[Segment<'_>], value: &[u8]) {
        if !self.docket.needs_params {
            return;
        }
        let questions = &self.bound.set.questions;
        let name = name_of(path);
        let RuleScratch { groups, answers, captures, .. } = &mut *self.scratch;
        groups.clear();
        questions.params.find(path, name, groups);
        if groups.is_empty() {
            return;
        }
        let text = TextValue::new(value);
        let item = Item::new(name, path, Value::Text(&text));
        questions.on_content.ask(&item, groups, answers);
        if questions.captured.is_empty() {
            return;
        }
        for group in groups {
            if let Some(slot) = questions.captured.get(group)
                && let Some(slot) = captures.get_mut(*slot)
            {
                // Of several the last, which is what applications use.
                *slot = Some(KeyHash::of(value));
            }
        }
    }

    /// Tells the text of the message as a whole.
    pub fn text(&mut self, payload: &[u8]) {
        let questions = &self.bound.set.questions;
        if let (true, Some(group)) = (self.docket.needs_text, questions.fields.get(&Field::Text)) {
            let text = TextValue::new(payload);
            let item = Item::new(b"", &[], Value::Text(&text));
            questions.on_content.ask(&item, &[*group], &mut self.scratch.answers);
        }
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

    /// Decides. To be called once, after the whole content was told.
    pub fn decide(&mut self, counts: &Counts) -> Decision {
        let mut decision = Decision::default();
        self.exclude();
        decision.excluded = std::mem::take(&mut self.scratch.excluded);
        self.take_signals(&mut decision);
        self.gather_due();
        for at in 0..self.scratch.due.len() {
            // Tags may wake later statements, so the word is read anew each time.
            let mut done = 0_u64;
            while let Some(left) = self.scratch.due.get(at).map(|word| word & !done)
                && left != 0
            {
                let bit = left.trailing_zeros();
                done |= u64::MAX >> (63 - bit);
                self.judge(at * 64 + bit as usize, counts, &mut decision);
                if let Verdict::Allow { .. } = decision.verdict {
                    return decision;
                }
            }
        }
        self.count_attacks(counts, &mut decision);
        self.follow_policy(&mut decision);
        decision
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

    /// Lets rules see the signals that are left.
    fn take_signals(&mut self, decision: &mut Decision) {
        let RuleScratch { seen, seen_bits, answers, .. } = &mut *self.scratch;
        for (at, bit) in seen_bits.iter() {
            if seen.get(*at).is_some_and(|seen| !seen.excluded) {
                answers.set(*bit);
            }
        }
        for seen in seen.iter_mut().filter(|seen| !seen.excluded) {
            let policy = self.bound.plan.policy.get(signals::id(seen.signal));
            let blocks = seen.firm && policy == Some(&SignalPolicy::Block);
            let path = std::mem::take(&mut seen.path);
            decision.signals.push(SeenSignal { signal: seen.signal, path, firm: seen.firm, blocks });
        }
    }

    /// Finds the statements that may hold.
    fn gather_due(&mut self) {
        let (set, docket) = (&self.bound.set, self.docket);
        let RuleScratch { due, answers, .. } = &mut *self.scratch;
        due.clear();
        due.extend_from_slice(&docket.unprompted);
        for bit in answers.yes() {
            for number in set.woken_by.get(*bit as usize).into_iter().flatten() {
                wake(due, &docket.active, *number);
            }
        }
    }

    /// Judges by one statement.
    fn judge(&mut self, number: usize, counts: &Counts, decision: &mut Decision) {
        let set = &self.bound.set;
        let Some(statement) = set.statements.get(number) else { return };
        if !self.is_asked(statement) {
            return;
        }
        match statement.kind {
            StatementKind::Exclude(_) => {}
            StatementKind::Rule(at) => {
                let Some(rule) = set.parsed.rules.get(at) else { return };
                if decision.verdict == Verdict::Pass && self.holds(&statement.expr) {
                    let by = Decider::Rule(Arc::clone(&rule.heading.id));
                    self.act(statement, &rule.does, rule.heading.mode, by, decision);
                }
            }
            StatementKind::Limit(at) => {
                let Some(limit) = set.parsed.limits.get(at) else { return };
                if self.is_over(at, limit, &statement.expr, counts, decision) {
                    let by = Decider::RateLimit(Arc::clone(&limit.heading.id));
                    self.act(statement, &limit.does, limit.heading.mode, by, decision);
                }
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

    /// Counts the message for a limit; whether the limit acts upon it.
    fn is_over(
        &self,
        at: usize,
        limit: &RateLimit,
        expr: &Expr,
        counts: &Counts,
        decision: &mut Decision,
    ) -> bool {
        let matches = self.holds(expr);
        if !matches && !limit.acts_on_all {
            return false;
        }
        let Some(key) = self.limit_key(at, limit) else { return false };
        if !matches {
            return counts.is_flagged(key, self.moment.now);
        }
        let RateLimit { threshold, window_ms, duration_ms, .. } = *limit;
        let threshold = Threshold { count: threshold, window_ms, flag_ms: duration_ms };
        let counted = counts.count(key, 1, threshold, self.moment.now);
        decision.note_loss(&limit.heading.id, counted.loss, counts);
        if counted.newly {
            decision.reached.push(Decider::RateLimit(Arc::clone(&limit.heading.id)));
        }
        counted.flagged
    }

    /// The key of this message for a limit.
    fn limit_key(&self, at: usize, limit: &RateLimit) -> Option<KeyHash> {
        let mut hash = (*self.bound.keys.get(at)?)?;
        for key in &limit.keys {
            let Key::Param(pattern) = key else { continue };
            let slot = self.bound.set.captures.iter().position(|capture| capture == pattern)?;
            hash = hash.and((*self.scratch.captures.get(slot)?)?);
        }
        Some(hash)
    }

    /// Does what a statement that matched says.
    fn act(
        &mut self,
        statement: &Statement,
        does: &Does,
        mode: RuleMode,
        by: Decider,
        decision: &mut Decision,
    ) {
        let (id, kind) = match &by {
            Decider::Rule(id) => (Arc::clone(id), "rule"),
            Decider::RateLimit(id) => (Arc::clone(id), "rate_limit"),
            Decider::AttackThreshold | Decider::Signal(_) => return,
        };
        let tag = does.tag.map(|tag| (tag, self.bound.set.parsed.signals.name(tag)));
        decision.matched.push(Matched {
            rule: Arc::clone(&id),
            kind,
            action: does.action,
            mode,
            tag: tag.as_ref().map(|(_, name)| Arc::clone(name)),
            log: is_sampled(does.log, &statement.times),
        });
        match (does.action, mode) {
            (RuleAction::Allow, RuleMode::Block) => decision.verdict = Verdict::Allow { rule: id },
            (RuleAction::Block, _) => {
                let block = Block { by, close_code: does.close_code, reason: Arc::clone(&does.reason) };
                decide_block(block, mode, decision);
            }
            (RuleAction::Tag, RuleMode::Block) => {
                if let Some((tag, name)) = tag {
                    self.tag(tag, &name);
                }
            }
            (RuleAction::Allow | RuleAction::Tag | RuleAction::Log, _) => {}
        }
    }

    /// Lets later statements see a tag.
    fn tag(&mut self, tag: SignalId, name: &str) {
        let (bound, docket) = (self.bound, self.docket);
        self.each_signal_bit(tag, name, &[], b"", |scratch, bit| {
            if scratch.answers.is_set(bit) {
                return;
            }
            scratch.answers.set(bit);
            for number in bound.set.woken_by.get(bit as usize).into_iter().flatten() {
                wake(&mut scratch.due, &docket.active, *number);
            }
        });
    }

    /// Counts the attacks of the client's address.
    fn count_attacks(&self, counts: &Counts, decision: &mut Decision) {
        let Some(threshold) = &self.bound.set.parsed.threshold else { return };
        // What the application says is no attack of its client.
        if !self.is_of_client() {
            return;
        }
        let signals = || decision.signals.iter().filter(|seen| seen.signal.kind() == SignalKind::Attack);
        let attacks = signals().count();
        let mut firm = 0_u32;
        for (at, seen) in signals().enumerate().filter(|(_, seen)| seen.firm) {
            // A signal counts once, in however many parameters it was found.
            let again = signals().take(at).any(|other| other.firm && other.signal == seen.signal);
            firm += u32::from(!again);
        }
        if threshold.mode == RuleMode::Off || attacks == 0 && !threshold.blocks_all {
            return;
        }
        let flag = KeyHash::of("attack").and(self.bound.client);
        let now = self.moment.now;
        let mut flagged = counts.is_flagged(flag, now);
        if firm > 0 && !flagged {
            for (count, window_ms) in &threshold.windows {
                let key = KeyHash::of(("attacks in", *window_ms)).and(self.bound.client);
                let per_window = Threshold { count: *count, window_ms: *window_ms, flag_ms: 0 };
                let counted = counts.count(key, firm, per_window, now);
                decision.note_loss(ATTACK_THRESHOLD, counted.loss, counts);
                flagged |= counted.newly;
            }
            if flagged {
                decision.note_loss(ATTACK_THRESHOLD, counts.flag(flag, threshold.flag_ms, now), counts);
                decision.reached.push(Decider::AttackThreshold);
            }
        }
        if flagged {
            let block = Block {
                by: Decider::AttackThreshold,
                close_code: DEFAULT_CLOSE_CODE,
                reason: Arc::default(),
            };
            decide_block(block, threshold.mode, decision);
        }
    }

    /// Blocks for a signal, if nothing has decided.
    fn follow_policy(&self, decision: &mut Decision) {
        let Some(seen) = decision.signals.iter().find(|seen| seen.blocks) else { return };
        let by = Decider::Signal(seen.signal);
        let block = Block { by, close_code: DEFAULT_CLOSE_CODE, reason: Arc::default() };
        decide_block(block, RuleMode::Block, decision);
    }

    fn holds(&self, expr: &Expr) -> bool {
        expr.decide(self) == Some(true)
    }

    /// Each rule and each of its conditions. To be called after [`decide`](Self::decide).
    ///
    /// What a rule says that comes after the one that decided is what it would have said with the tags given until then.
    pub fn explain(&self) -> Explanation {
        let set = &self.bound.set;
        let rules = set.statements.iter().filter_map(|statement| {
            let heading = set.heading(statement.kind)?;
            let (kind, when) = match statement.kind {
                StatementKind::Exclude(_) => ("exclude", &heading.when),
                StatementKind::Rule(_) => ("rule", &heading.when),
                StatementKind::Limit(_) => ("rate_limit", &heading.when),
            };
            let when = match when {
                Some(_) => self.outcome(&statement.expr),
                None => Outcome { text: "always".to_owned(), holds: true, parts: Vec::new() },
            };
            let on_port = self.bound.is_on_port(heading);
            let matched = on_port && when.holds && self.is_asked(statement);
            Some(ExplainedRule { id: Arc::clone(&heading.id), kind, matched, when })
        });
        Explanation { rules: rules.collect() }
    }

    fn outcome(&self, expr: &Expr) -> Outcome {
        let questions = &self.bound.set.questions;
        let (text, parts) = match expr {
            Expr::Always => ("always".to_owned(), Vec::new()),
            Expr::All(parts) => ("all".to_owned(), parts.iter().map(|part| self.outcome(part)).collect()),
            Expr::Any(parts) => ("any".to_owned(), parts.iter().map(|part| self.outcome(part)).collect()),
            Expr::Not(part) => ("not".to_owned(), vec![self.outcome(part)]),
            Expr::Connection(bit) => (text_of(&questions.connection, *bit), Vec::new()),
            Expr::Message(bit) => (text_of(&questions.message, *bit), Vec::new()),
            Expr::Content(bit) => (text_of(&questions.content, *bit), Vec::new()),
        };
        Outcome { text, holds: self.holds(expr), parts }
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
        let word = |word: &str| atom.test.holds(Value::Text(&TextValue::new(word.as_bytes())));
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

fn text_of(atoms: &[Arc<Atom>], bit: Bit) -> String {
    atoms.get(bit as usize).map(|atom| atom.text.clone()).unwrap_or_default()
}

fn wake(due: &mut [u64], active: &[u64], number: u32) {
    let (word, mask) = (number as usize / 64, 1 << (number % 64));
    if let (Some(due), Some(active)) = (due.get_mut(word), active.get(word)) {
        *due |= mask & active;
    }
}

/// The first that blocks is what blocks.
fn decide_block(block: Block, mode: RuleMode, decision: &mut Decision) {
    match (mode, &decision.verdict) {
        (RuleMode::Block, Verdict::Pass) => decision.verdict = Verdict::Block(block),
        (RuleMode::Block, Verdict::Allow { .. } | Verdict::Block(_)) | (RuleMode::Off, _) => {}
        (RuleMode::Log, _) => decision.would_block.push(block),
    }
}
