//! What rules say about a message.

use std::sync::Arc;

use super::{
    counts::{Counts, Loss},
    param_path::{Segment, write_path},
    rule::{RuleAction, RuleMode},
};
use crate::detect::Signal;

/// How the attack threshold is named.
pub(crate) const ATTACK_THRESHOLD: &str = "attack_threshold";

/// What becomes of a message or a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    #[default]
    Pass,
    /// A rule lets it pass, whatever else would have been said.
    Allow {
        /// The rule's id.
        rule: Arc<str>,
    },
    /// It is dropped, and the connection ended.
    Block(Block),
}

/// Why a message is blocked, and how its connection is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What decided.
    pub by: Decider,
    /// The code of the Close frame (RFC 6455 §7.4).
    pub close_code: u16,
    /// The reason in the Close frame; may be empty.
    pub reason: Arc<str>,
}

/// What can block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The rule with this id.
    Rule(Arc<str>),
    /// The rate limit with this id.
    RateLimit(Arc<str>),
    /// The client's address is flagged for its attacks.
    AttackThreshold,
    /// The policy for this signal.
    Signal(Signal),
}

/// A rule or limit that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Its id.
    pub rule: Arc<str>,
    /// `rule` or `rate_limit`.
    pub kind: &'static str,
    /// Its action.
    pub action: RuleAction,
    /// [`RuleMode::Log`]: the action was not taken.
    pub mode: RuleMode,
    /// The tag that it gives.
    pub tag: Option<Arc<str>>,
    /// Whether an event is due ([`LogPolicy`](super::LogPolicy)).
    pub log: bool,
}

/// A signal that was found and not excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSignal {
    /// Which.
    pub signal: Signal,
    /// The path of the parameter.
    pub path: String,
    /// Whether enough speaks for it to block.
    pub firm: bool,
    /// Whether it blocks by the policy for signals.
    pub blocks: bool,
}

/// All that rules say about a message or handshake.
///
/// Nothing is allocated where nothing matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What would have blocked if its mode were not `log`, in order.
    pub would_block: Vec<Block>,
    /// The rules and limits that matched, in order.
    pub matched: Vec<Matched>,
    /// The signals that count.
    pub signals: Vec<SeenSignal>,
    /// The rate limits, by id, that this message reached, and the attack threshold if it is among them.
    pub reached: Vec<Decider>,
    /// The exclusions that took signals away, by id.
    pub excluded: Vec<(Arc<str>, Signal)>,
    /// What could not be counted, if it is time to tell.
    pub lost: Option<LostCounts>,
}

impl Decision {
    /// Whether there is more to it than that the message passes.
    pub(crate) fn says_something(&self) -> bool {
        *self != Self::default()
    }
}

/// The memory of the limits has no room: told when it is first so, and then at most once a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostCounts {
    /// The limit that found no room now, by id, or `attack_threshold`. What was lost before may be of others.
    pub rule: Arc<str>,
    /// For how many keys there is room.
    pub max_keys: usize,
    /// What was lost since it was last told.
    pub loss: Loss,
}

impl Decision {
    /// Notes what is to be told of a loss while counting for `rule`.
    pub(super) fn note_loss(&mut self, rule: &str, loss: Option<Loss>, counts: &Counts) {
        if let Some(loss) = loss {
            self.lost = Some(LostCounts { rule: rule.into(), max_keys: counts.max_keys(), loss });
        }
    }

    /// The tags that rules gave.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.matched
            .iter()
            .filter(|matched| matched.mode == RuleMode::Block)
            .filter_map(|matched| matched.tag.as_deref())
    }
}

/// How a message came to its verdict, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Every rule that takes part on this connection, in order: exclusions, rules, limits.
    pub rules: Vec<ExplainedRule>,
}

/// A rule and what became of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedRule {
    /// Its id.
    pub id: Arc<str>,
    /// `exclude`, `rule` or `rate_limit`.
    pub kind: &'static str,
    /// Whether it matched.
    pub matched: bool,
    /// Its conditions.
    pub when: Outcome,
}

/// A condition and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The condition in words; `all`, `any` or `not` for a group.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// The parts of a group.
    pub parts: Vec<Outcome>,
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for rule in &self.rules {
            let state = if rule.matched { "matches" } else { "does not match" };
            writeln!(f, "{} {} {state}", rule.kind, rule.id)?;
            write_outcome(&rule.when, 1, f)?;
        }
        Ok(())
    }
}

fn write_outcome(outcome: &Outcome, depth: usize, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let mark = if outcome.holds { '+' } else { '-' };
    writeln!(f, "{}{mark} {}", "  ".repeat(depth), outcome.text)?;
    outcome.parts.iter().try_for_each(|part| write_outcome(part, depth + 1, f))
}

/// The path as events show it.
pub(super) fn shown_path(path: &[Segment<'_>]) -> String {
    let mut text = Vec::new();
    write_path(path, &mut text);
    String::from_utf8_lossy(&text).chars().filter(|letter| !letter.is_control()).take(256).collect()
}
