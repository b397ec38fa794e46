//! What the rules decide about a message, once its content was told.

use std::sync::Arc;

use super::{RuleScratch, Trial};
use crate::{
    detect::SignalKind,
    rules::{
        counts::{Counts, KeyHash, Threshold},
        decision::{ATTACK_THRESHOLD, Block, Decider, Decision, Matched, SeenSignal, Verdict},
        parse::DEFAULT_CLOSE_CODE,
        program::Expr,
        rule::{Does, Key, RateLimit, RuleAction, RuleMode, SignalPolicy},
        set::{Statement, StatementKind, is_sampled},
        signals::{self, SignalId},
    },
};

impl Trial<'_> {
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

    /// Whether what [`decide`](Self::decide) would say is nothing, and nothing is to be counted: so it is with most
    /// messages. To be asked after the whole content was told.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.exclude();
        let RuleScratch { seen, excluded, .. } = &*self.scratch;
        if !(seen.is_empty() && excluded.is_empty()) || self.bound.set.parsed.threshold.is_some() {
            return false;
        }
        self.gather_due();
        let mut words = self.scratch.due.iter().enumerate().filter(|(_, word)| **word != 0);
        words.all(|(at, word)| {
            let mut left = *word;
            while left != 0 {
                if self.may_act(at * 64 + left.trailing_zeros() as usize) {
                    return false;
                }
                left &= left - 1;
            }
            true
        })
    }

    /// Whether a statement has something to say or to count.
    fn may_act(&self, number: usize) -> bool {
        let set = &self.bound.set;
        let Some(statement) = set.statements.get(number) else { return false };
        let anyway = match statement.kind {
            StatementKind::Exclude(_) => return false,
            StatementKind::Rule(_) => false,
            StatementKind::Limit(at) => set.parsed.limits.get(at).is_some_and(|limit| limit.acts_on_all),
        };
        (anyway || self.holds(&statement.expr)) && self.is_asked(statement)
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
