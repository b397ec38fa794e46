//! One piece of evidence, as events show it.

use std::{ops::Range, sync::Arc};

use crate::{decode::Step, detect::Signal, direction::Direction};

/// What a detector found in a message or a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The class of attack.
    pub signal: Signal,
    /// The direction of the message.
    pub direction: Direction,
    /// What was done about it.
    pub action: FindingAction,
    /// The sum of the strengths of what speaks for it in the message.
    pub score: u32,
    /// Where in the message: `$.user.name`, `$.items[3].x`, `$["odd key"]` in JSON; `$` for the whole text;
    /// `$@17` for text at a byte offset in binary; `$.headers.id`, `$.body`, `$.payload` for parts of an envelope;
    /// `$.text -> $.user` for what a string holds. A key that is itself the evidence is the last part of its path.
    pub location: String,
    /// A piece of the value: at most 64 characters, all printable, with digits and long words masked.
    pub excerpt: String,
    /// The strongest piece of evidence, in a few words.
    pub evidence: &'static str,
    /// Where the evidence stands in the value after the layers were undone, in bytes.
    pub at: Range<usize>,
    /// The encodings that were undone to see it, outermost first.
    pub layers: Vec<Step>,
    /// All that speaks for it, in the order in which it was seen; empty where nothing had to be weighed.
    pub observations: Vec<Observation>,
    /// The rule or limit that decided what became of the message, if one did.
    pub rule: Option<Arc<str>>,
    /// What it was found in.
    pub unit: Unit,
}

/// One thing that speaks for a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What was seen, in a few words.
    pub what: &'static str,
    /// What it adds to the score.
    pub strength: u32,
    /// Where in the message, as in [`Finding::location`].
    pub location: String,
    /// Where it stands in the value after the layers were undone, in bytes.
    pub at: Range<usize>,
    /// The encodings that were undone to see it, outermost first.
    pub layers: Vec<Step>,
}

/// What is judged as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// The request that opens a WebSocket (RFC 6455 §4.1).
    Handshake,
    /// A data message.
    Message {
        /// The type of the message.
        opcode: Opcode,
        /// Which data message of its direction it is, counted from 1.
        index: u64,
    },
}

/// What a finding led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingAction {
    /// The message was dropped and the connection ended.
    Block,
    /// The message passed although mode `block` would have dropped it.
    Log,
    /// The message passed: what was found is worth knowing and no reason to block.
    Tag,
}

impl FindingAction {
    /// The name used in events: `block`, `log` or `tag`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Log => "log",
            Self::Tag => "tag",
        }
    }
}

/// The type of a data message (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// UTF-8 text.
    Text,
    /// Anything else.
    Binary,
}

impl Opcode {
    /// The name used in events: `text` or `binary`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}
