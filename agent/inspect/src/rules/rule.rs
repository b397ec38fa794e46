//! What a rule file consists of.

use std::sync::Arc;

use super::{condition::Condition, param_path::ParamPattern, read::Place, signals::SignalId};

/// What rules, limits and exclusions have in common.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) id: Arc<str>,
    /// `None`: always.
    pub(super) when: Option<Condition>,
    pub(super) enabled: bool,
    pub(super) mode: RuleMode,
    /// Seconds since 1970.
    pub(super) expires: Option<u64>,
    /// `None`: all.
    pub(super) ports: Option<Vec<u16>>,
    /// Which file, and where in it.
    pub(super) file: usize,
    pub(super) at: Place,
}

impl Heading {
    /// Whether it takes part at all.
    pub(super) fn is_on(&self) -> bool {
        self.enabled && self.mode != RuleMode::Off
    }

    pub(super) fn is_on_port(&self, port: u16) -> bool {
        self.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    pub(super) fn is_expired(&self, unix_s: u64) -> bool {
        self.expires.is_some_and(|end| end <= unix_s)
    }
}

/// What becomes of what a rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleMode {
    /// It is done.
    #[default]
    Block,
    /// It is reported, and nothing else.
    Log,
    /// The rule is not asked.
    Off,
}

/// How often a rule that matches is worth an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogPolicy {
    /// Each time.
    #[default]
    All,
    /// The first time, and then every hundredth.
    Sampled,
    /// Never.
    None,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// The message passes: nothing that comes later is asked.
    Allow,
    /// The message is dropped and the connection ended.
    Block,
    /// The message gets a signal.
    Tag,
    /// It is reported.
    Log,
}

impl RuleAction {
    /// The name used in rule files and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Tag => "tag",
            Self::Log => "log",
        }
    }
}

/// `[[rule]]`
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) heading: Heading,
    pub(super) does: Does,
}

/// An action with all that belongs to it.
#[derive(Debug)]
pub(super) struct Does {
    pub(super) action: RuleAction,
    pub(super) tag: Option<SignalId>,
    pub(super) close_code: u16,
    pub(super) reason: Arc<str>,
    pub(super) log: LogPolicy,
}

/// `[[exclude]]`
#[derive(Debug)]
pub(super) struct Exclude {
    pub(super) heading: Heading,
    pub(super) signals: Vec<SignalId>,
    /// Empty: all.
    pub(super) params: Vec<ParamPattern>,
}

/// `[[rate_limit]]`
#[derive(Debug)]
pub(super) struct RateLimit {
    pub(super) heading: Heading,
    pub(super) does: Does,
    pub(super) keys: Vec<Key>,
    pub(super) threshold: u32,
    pub(super) window_ms: u64,
    pub(super) duration_ms: u64,
    /// Whether it acts upon all messages with the key, or those that match.
    pub(super) acts_on_all: bool,
}

/// By what messages are counted.
#[derive(Debug, PartialEq)]
pub(super) enum Key {
    ClientIp,
    Connection,
    /// In lower case.
    Header(String),
    Cookie(String),
    Param(ParamPattern),
}

/// `[attack_threshold]`
#[derive(Clone, Debug)]
pub(super) struct AttackThreshold {
    /// How many attack signals in how many milliseconds.
    pub(super) windows: Vec<(u32, u64)>,
    pub(super) flag_ms: u64,
    /// Whether all messages of a flagged address are blocked, or those with an attack signal.
    pub(super) blocks_all: bool,
    pub(super) mode: RuleMode,
}

/// What a signal of a detector does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalPolicy {
    /// The message is blocked; for an attack, once enough speaks for it.
    Block,
    /// The signal is reported, and rules see it.
    Tag,
    /// It is as if the signal was not there.
    Ignore,
}
