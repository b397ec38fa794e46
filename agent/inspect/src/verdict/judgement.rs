//! What becomes of a message or a handshake.

use std::sync::Arc;

use crate::{
    detect::Signal,
    direction::Direction,
    rules::{ATTACK_THRESHOLD, Decider, Decision, Explanation, Matched, RuleAction, RuleMode, Verdict},
    verdict::{Finding, Unit},
};

/// All that is said about a message or a handshake.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// What detectors have found, and what was done about it.
    pub(crate) findings: Vec<Finding>,
    /// What rules say, if they were asked and have something to say.
    pub(crate) decision: Option<Box<Decision>>,
    /// How they came to it, if that was asked for.
    pub(crate) explanation: Option<Box<Explanation>>,
}

/// A rule, a rate limit or the attack threshold that has spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMatch {
    /// Its id; `attack_threshold` for that.
    pub rule: Arc<str>,
    /// `rule`, `rate_limit` or `attack_threshold`.
    pub kind: &'static str,
    /// What it says.
    pub action: RuleAction,
    /// Whether it was done, rather than only reported.
    pub done: bool,
    /// A limit or threshold was reached with this message.
    pub reached: bool,
    /// The tag that it gives.
    pub tag: Option<Arc<str>>,
    /// The signals of the message or handshake.
    pub signals: Vec<Signal>,
    /// The tags that the message or handshake has from all rules.
    pub tags: Vec<Arc<str>>,
    /// Whether an event is due: rules may say how often.
    pub log: bool,
    /// What it has spoken about.
    pub unit: Unit,
    /// Which way that went.
    pub direction: Direction,
}

impl Decider {
    /// The id of what decided, if it is not a detector.
    pub(crate) fn rule(&self) -> Option<Arc<str>> {
        match self {
            Self::Rule(id) | Self::RateLimit(id) => Some(Arc::clone(id)),
            Self::AttackThreshold => Some(ATTACK_THRESHOLD.into()),
            Self::Signal(_) => None,
        }
    }
}

impl Decision {
    /// The id of the rule or limit that decided.
    pub(crate) fn rule(&self) -> Option<Arc<str>> {
        match &self.verdict {
            Verdict::Pass => None,
            Verdict::Allow { rule } => Some(Arc::clone(rule)),
            Verdict::Block(block) => block.by.rule(),
        }
    }

    /// What is to be reported. `blocks`: the mode of the port.
    pub(crate) fn matches(&self, unit: Unit, direction: Direction, blocks: bool) -> Vec<RuleMatch> {
        let threshold = self.threshold(blocks);
        // Who asks why a connection has ended is told, whether or not there is an event for the match.
        let blocker = match &self.verdict {
            Verdict::Block(block) => block.by.rule(),
            Verdict::Pass | Verdict::Allow { .. } => None,
        };
        let is_told = |matched: &&Matched| matched.log || Some(&matched.rule) == blocker.as_ref();
        if threshold.is_none() && !self.matched.iter().any(|matched| is_told(&matched)) {
            return Vec::new();
        }
        let mut signals: Vec<Signal> = self.signals.iter().map(|seen| seen.signal).collect();
        signals.sort_unstable();
        signals.dedup();
        let tags: Vec<Arc<str>> = self
            .matched
            .iter()
            .filter(|matched| matched.mode == RuleMode::Block)
            .filter_map(|matched| matched.tag.clone())
            .collect();
        let whole =
            |matched: RuleMatch| RuleMatch { signals: signals.clone(), tags: tags.clone(), ..matched };
        let matched = self.matched.iter().filter(is_told).map(|matched| RuleMatch {
            rule: Arc::clone(&matched.rule),
            kind: matched.kind,
            action: matched.action,
            done: matched.mode == RuleMode::Block && blocks,
            reached: self.reached.contains(&Decider::RateLimit(Arc::clone(&matched.rule))),
            tag: matched.tag.clone(),
            signals: Vec::new(),
            tags: Vec::new(),
            log: matched.log,
            unit,
            direction,
        });
        matched.chain(threshold.map(|threshold| RuleMatch { unit, ..threshold })).map(whole).collect()
    }

    fn threshold(&self, blocks: bool) -> Option<RuleMatch> {
        let by = &Decider::AttackThreshold;
        let decides = matches!(&self.verdict, Verdict::Block(block) if block.by == *by);
        let reached = self.reached.contains(by);
        let speaks = decides || reached || self.would_block.iter().any(|block| block.by == *by);
        speaks.then(|| RuleMatch {
            rule: ATTACK_THRESHOLD.into(),
            kind: ATTACK_THRESHOLD,
            action: RuleAction::Block,
            done: decides && blocks,
            reached,
            tag: None,
            signals: Vec::new(),
            tags: Vec::new(),
            log: true,
            unit: Unit::Handshake,
            direction: Direction::ToServer,
        })
    }
}
