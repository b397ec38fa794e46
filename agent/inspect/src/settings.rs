//! What a session is told when it starts.

use std::sync::Arc;

use crate::{
    direction::Direction,
    http::HandshakePolicy,
    limits::{Budget, Limits},
    rules::LiveRules,
};

/// What a finding, a violation or a reached limit leads to.
///
/// A connection that is not to be inspected needs no session, so there is no `off` here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Hold each inspected message until it is judged, and end the connection on an offence.
    #[default]
    Block,
    /// Report only: every byte is released at once.
    Log,
}

impl Mode {
    /// The name used on the command line and in events: `block` or `log`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Log => "log",
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a connection that is found to be something that is not inspected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OpaquePolicy {
    /// It passes, and is reported.
    #[default]
    Pass,
    /// It is ended with the reason `opaque-not-allowed`.
    Close,
}

/// What becomes of compressed WebSockets (RFC 7692).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeflatePolicy {
    /// Messages are inflated to be inspected.
    #[default]
    Inspect,
    /// The client's offer of permessage-deflate is left out of its request, so that the server cannot accept it. Request
    /// heads are held until they are complete. Mode `log`, which changes nothing, inflates instead.
    Strip,
    /// A connection whose server accepts permessage-deflate is ended with the reason `deflate-not-allowed`.
    Refuse,
}

/// How much must speak for an attack before it blocks: the price of a false alarm against that of a miss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Blocks what honest text does not contain, whatever people write about (score 5).
    #[default]
    Balanced,
    /// Blocks what honest text rarely contains (score 3): for messages in which nobody writes code, markup or SQL.
    Strict,
    /// Blocks only what is nothing but an attack (score 8).
    Lenient,
}

impl Profile {
    /// The name used in the configuration: `balanced`, `strict` or `lenient`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Strict => "strict",
            Self::Lenient => "lenient",
        }
    }

    /// The score from which on an attack blocks.
    pub const fn block_score(self) -> u32 {
        match self {
            Self::Balanced => 5,
            Self::Strict => 3,
            Self::Lenient => 8,
        }
    }

    /// The score from which on a signal is reported.
    pub const fn tag_score(self) -> u32 {
        2
    }
}

/// How sessions behave; shared by all connections of a port.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether offences end the connection.
    pub mode: Mode,
    /// How much must speak for an attack before it blocks.
    pub profile: Profile,
    /// Whether connections that are not inspected may pass.
    pub opaque: OpaquePolicy,
    /// Which WebSockets may be opened.
    pub handshake: HandshakePolicy,
    /// Whether messages may be compressed.
    pub deflate: DeflatePolicy,
    /// Whether detectors look at messages of the application, too: those speak of attacks, and hold code and markup,
    /// for honest reasons. Rules can ask about them in any case.
    pub detect_to_client: bool,
    /// Bounds on work and memory.
    pub limits: Limits,
    /// The memory for unfinished messages, to be shared by the settings of all ports.
    pub budget: Arc<Budget>,
    /// The rules of the operator, to be shared by the settings of all ports.
    pub rules: Arc<LiveRules>,
}

impl Settings {
    /// Whether detectors look at messages of this direction.
    pub(crate) const fn detects(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => true,
            Direction::ToClient => self.detect_to_client,
        }
    }

    /// Whether offers of permessage-deflate are left out.
    pub(crate) const fn strips_deflate(&self) -> bool {
        matches!((self.deflate, self.mode), (DeflatePolicy::Strip, Mode::Block))
    }
}
