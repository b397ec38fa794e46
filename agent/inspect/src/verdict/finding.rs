//! One piece of evidence, as events show it.

use crate::{detect::Signal, direction::Direction};

/// What a detector found in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The class of attack.
    pub signal: Signal,
    /// The direction of the message.
    pub direction: Direction,
    /// What was done about it.
    pub action: FindingAction,
    /// Where in the message: `$.user.name`, `$.items[3].x`, `$["odd key"]` in JSON; `$` for the whole text;
    /// `$@17` for text at a byte offset in binary. A key that is itself the evidence is the last part of its path.
    pub location: String,
    /// A piece of the value: at most 64 characters, all printable, with digits and long words masked.
    pub excerpt: String,
    /// The type of the message.
    pub opcode: Opcode,
    /// Which data message of its direction it is, counted from 1.
    pub message: u64,
}

/// What a finding led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingAction {
    /// The message was dropped and the connection ended.
    Block,
    /// The message passed; the finding is only reported.
    Log,
}

impl FindingAction {
    /// The name used in events: `block` or `log`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Log => "log",
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
