//! The one reason for which we end a connection.

use crate::{
    action::OpaqueKind,
    detect::Signal,
    http::{HeadError, HttpAmbiguity, Refusal, UpgradeError},
    verdict::OffenceClass,
    ws::{ProtocolViolation, ReceiveError},
};

/// Why a connection is ended by us: at once the field of the event, the label of the metric and what tests assert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// A detector found an attack in a client message.
    Attack(Signal),
    /// A [rule](crate::rules) blocks a client message or the handshake. What its Close frame says is the rule's.
    Rule,
    /// A rate limit of the [rules](crate::rules) was reached. What its Close frame says is the limit's.
    RateLimit,
    /// The client's address has attacked too often: the attack threshold of the [rules](crate::rules).
    AttackThreshold,
    /// A peer broke the WebSocket protocol (RFC 6455 §5).
    ProtocolError(ProtocolViolation),
    /// A text message or the reason of a Close frame is not UTF-8 (RFC 6455 §8.1).
    InvalidUtf8,
    /// A client message is longer than [`Limits::max_message_bytes`](crate::Limits::max_message_bytes).
    MessageTooBig,
    /// A client message has more frames than
    /// [`Limits::max_message_fragments`](crate::Limits::max_message_fragments).
    TooManyFragments,
    /// A client frame is longer than [`Limits::max_frame_bytes`](crate::Limits::max_frame_bytes).
    FrameTooBig,
    /// A client message inflates to more than [`Limits::max_inflate_ratio`](crate::Limits::max_inflate_ratio) allows.
    InflateRatio,
    /// A client message took longer than [`Limits::message_timeout`](crate::Limits::message_timeout).
    MessageTimeout,
    /// A request head took longer than [`Limits::handshake_timeout`](crate::Limits::handshake_timeout).
    HandshakeTimeout,
    /// More control frames a second than
    /// [`Limits::max_control_frames_per_second`](crate::Limits::max_control_frames_per_second).
    ControlFrameRate,
    /// More messages a second than [`Limits::max_messages_per_second`](crate::Limits::max_messages_per_second).
    MessageRate,
    /// More bytes a second than [`Limits::max_bytes_per_second`](crate::Limits::max_bytes_per_second).
    ByteRate,
    /// The unfinished messages of all connections hold the whole [`Budget`](crate::Budget).
    MemoryBudget,
    /// Nothing came for [`Limits::idle_timeout`](crate::Limits::idle_timeout).
    IdleTimeout,
    /// The connection is older than [`Limits::max_lifetime`](crate::Limits::max_lifetime).
    LifetimeReached,
    /// An HTTP head or trailer section is longer than [`Limits::max_head_bytes`](crate::Limits::max_head_bytes),
    /// or has more than 256 fields.
    HttpHeadTooBig,
    /// HTTP that two readers may understand differently (RFC 9112 §11).
    HttpAmbiguous(HttpAmbiguity),
    /// More requests wait for a response than
    /// [`Limits::max_pipelined_requests`](crate::Limits::max_pipelined_requests).
    TooManyRequests,
    /// The client sent more than [`Limits::max_head_bytes`](crate::Limits::max_head_bytes) after an upgrade request
    /// without waiting for the answer.
    EarlyDataTooBig,
    /// A 101 response, or the request that asked for it, is not a valid WebSocket handshake (RFC 6455 §4).
    UpgradeInvalid(UpgradeError),
    /// The server accepted a WebSocket extension that cannot be read.
    ExtensionUnsupported,
    /// The connection is something that is not inspected, and such connections may not pass
    /// ([`OpaquePolicy::Close`](crate::OpaquePolicy::Close)).
    OpaqueNotAllowed(OpaqueKind),
    /// A request for WebSocket names an origin that is not allowed, or none where one is required.
    OriginNotAllowed,
    /// A request for WebSocket names a path that is not allowed.
    PathNotAllowed,
    /// The server chose a sub-protocol that is not allowed.
    SubprotocolNotAllowed,
    /// The server accepted permessage-deflate, which is not allowed
    /// ([`DeflatePolicy::Refuse`](crate::DeflatePolicy::Refuse)).
    DeflateNotAllowed,
    /// A compressed client message is corrupt (RFC 7692 §6), or does not end where a block does (§7.2.1).
    DeflateError,
    /// The daemon is going away.
    Shutdown,
}

impl CloseReason {
    /// The label, in kebab case: one of a few fixed values.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attack(signal) => signal_reason(signal),
            Self::Rule => "rule",
            Self::RateLimit => "rate-limit",
            Self::AttackThreshold => "attack-threshold",
            Self::ProtocolError(_) => "protocol-error",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::MessageTooBig => "message-too-big",
            Self::TooManyFragments => "too-many-fragments",
            Self::FrameTooBig => "frame-too-big",
            Self::InflateRatio => "inflate-ratio",
            Self::MessageTimeout => "message-timeout",
            Self::HandshakeTimeout => "handshake-timeout",
            Self::ControlFrameRate => "control-frame-rate",
            Self::MessageRate => "message-rate",
            Self::ByteRate => "byte-rate",
            Self::MemoryBudget => "memory-budget",
            Self::IdleTimeout => "idle-timeout",
            Self::LifetimeReached => "lifetime-reached",
            Self::HttpHeadTooBig => "http-head-too-big",
            Self::HttpAmbiguous(_) => "http-ambiguous",
            Self::TooManyRequests => "too-many-requests",
            Self::EarlyDataTooBig => "early-data-too-big",
            Self::UpgradeInvalid(_) => "upgrade-invalid",
            Self::ExtensionUnsupported => "extension-unsupported",
            Self::OpaqueNotAllowed(_) => "opaque-not-allowed",
            Self::OriginNotAllowed => "origin-not-allowed",
            Self::PathNotAllowed => "path-not-allowed",
            Self::SubprotocolNotAllowed => "subprotocol-not-allowed",
            Self::DeflateNotAllowed => "deflate-not-allowed",
            Self::DeflateError => "deflate-error",
            Self::Shutdown => "shutdown",
        }
    }

    /// What exactly was wrong, in kebab case, for the reasons that have kinds.
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::ProtocolError(violation) => Some(violation.as_str()),
            Self::HttpAmbiguous(ambiguity) => Some(ambiguity.as_str()),
            Self::UpgradeInvalid(error) => Some(error.as_str()),
            Self::OpaqueNotAllowed(kind) => Some(kind.as_str()),
            Self::Attack(_)
            | Self::Rule
            | Self::RateLimit
            | Self::AttackThreshold
            | Self::InvalidUtf8
            | Self::MessageTooBig
            | Self::TooManyFragments
            | Self::FrameTooBig
            | Self::InflateRatio
            | Self::MessageTimeout
            | Self::HandshakeTimeout
            | Self::ControlFrameRate
            | Self::MessageRate
            | Self::ByteRate
            | Self::MemoryBudget
            | Self::IdleTimeout
            | Self::LifetimeReached
            | Self::HttpHeadTooBig
            | Self::TooManyRequests
            | Self::EarlyDataTooBig
            | Self::ExtensionUnsupported
            | Self::OriginNotAllowed
            | Self::PathNotAllowed
            | Self::SubprotocolNotAllowed
            | Self::DeflateNotAllowed
            | Self::DeflateError
            | Self::Shutdown => None,
        }
    }

    /// What kind of rule it is about; `None` for attacks and what rules block, which other reports tell about, and for our own end.
    pub const fn class(self) -> Option<OffenceClass> {
        match self {
            Self::ProtocolError(_)
            | Self::InvalidUtf8
            | Self::DeflateError
            | Self::HttpAmbiguous(_)
            | Self::UpgradeInvalid(_) => Some(OffenceClass::Protocol),
            Self::MessageTooBig
            | Self::TooManyFragments
            | Self::FrameTooBig
            | Self::InflateRatio
            | Self::MessageTimeout
            | Self::HandshakeTimeout
            | Self::ControlFrameRate
            | Self::MessageRate
            | Self::ByteRate
            | Self::MemoryBudget
            | Self::HttpHeadTooBig
            | Self::TooManyRequests
            | Self::EarlyDataTooBig => Some(OffenceClass::Limit),
            Self::ExtensionUnsupported
            | Self::OpaqueNotAllowed(_)
            | Self::OriginNotAllowed
            | Self::PathNotAllowed
            | Self::SubprotocolNotAllowed
            | Self::DeflateNotAllowed => Some(OffenceClass::Policy),
            Self::Attack(_)
            | Self::Rule
            | Self::RateLimit
            | Self::AttackThreshold
            | Self::IdleTimeout
            | Self::LifetimeReached
            | Self::Shutdown => None,
        }
    }

    /// The signal that it raises, if any.
    pub const fn signal(self) -> Option<Signal> {
        match self {
            Self::Attack(signal) => Some(signal),
            Self::ProtocolError(_) | Self::InvalidUtf8 | Self::DeflateError | Self::UpgradeInvalid(_) => {
                Some(Signal::WsProtocol)
            }
            Self::HttpAmbiguous(_) => Some(Signal::HttpAmbiguous),
            Self::Rule
            | Self::RateLimit
            | Self::AttackThreshold
            | Self::MessageTooBig
            | Self::TooManyFragments
            | Self::FrameTooBig
            | Self::InflateRatio
            | Self::MessageTimeout
            | Self::HandshakeTimeout
            | Self::ControlFrameRate
            | Self::MessageRate
            | Self::ByteRate
            | Self::MemoryBudget
            | Self::IdleTimeout
            | Self::LifetimeReached
            | Self::HttpHeadTooBig
            | Self::TooManyRequests
            | Self::EarlyDataTooBig
            | Self::ExtensionUnsupported
            | Self::OpaqueNotAllowed(_)
            | Self::OriginNotAllowed
            | Self::PathNotAllowed
            | Self::SubprotocolNotAllowed
            | Self::DeflateNotAllowed
            | Self::Shutdown => None,
        }
    }

    /// The status code of the Close frames that we send (RFC 6455 §7.4.1).
    pub const fn close_code(self) -> u16 {
        match self {
            Self::ProtocolError(_) => 1002,
            Self::InvalidUtf8 | Self::DeflateError => 1007,
            Self::MessageTooBig | Self::FrameTooBig | Self::InflateRatio => 1009,
            // Try again later, registered with IANA.
            Self::MemoryBudget => 1013,
            Self::Shutdown | Self::IdleTimeout | Self::LifetimeReached => 1001,
            Self::Attack(_)
            | Self::Rule
            | Self::RateLimit
            | Self::AttackThreshold
            | Self::TooManyFragments
            | Self::MessageTimeout
            | Self::HandshakeTimeout
            | Self::ControlFrameRate
            | Self::MessageRate
            | Self::ByteRate
            | Self::HttpHeadTooBig
            | Self::HttpAmbiguous(_)
            | Self::TooManyRequests
            | Self::EarlyDataTooBig
            | Self::UpgradeInvalid(_)
            | Self::ExtensionUnsupported
            | Self::OpaqueNotAllowed(_)
            | Self::OriginNotAllowed
            | Self::PathNotAllowed
            | Self::SubprotocolNotAllowed
            | Self::DeflateNotAllowed => 1008,
        }
    }

    /// The text of the Close frames that we send: ASCII, at most 123 bytes, and the same for every attack so that
    /// it does not help in finding a way around a detector.
    pub const fn close_text(self) -> &'static str {
        match self {
            Self::Attack(_) | Self::Rule | Self::RateLimit | Self::AttackThreshold => {
                "message blocked by policy"
            }
            Self::ProtocolError(_) => "protocol error",
            Self::InvalidUtf8 => "invalid utf-8",
            Self::MessageTooBig | Self::FrameTooBig | Self::InflateRatio => "message too big",
            Self::MessageTimeout => "message took too long",
            Self::ControlFrameRate | Self::MessageRate | Self::ByteRate => "rate limit reached",
            Self::MemoryBudget => "try again later",
            Self::IdleTimeout => "idle",
            Self::LifetimeReached => "connection too old",
            Self::TooManyFragments => "too many fragments",
            Self::DeflateError => "invalid compressed data",
            Self::Shutdown => "going away",
            Self::HttpHeadTooBig
            | Self::HandshakeTimeout
            | Self::HttpAmbiguous(_)
            | Self::TooManyRequests
            | Self::EarlyDataTooBig
            | Self::UpgradeInvalid(_)
            | Self::ExtensionUnsupported
            | Self::OpaqueNotAllowed(_)
            | Self::OriginNotAllowed
            | Self::PathNotAllowed
            | Self::SubprotocolNotAllowed
            | Self::DeflateNotAllowed => "connection refused by policy",
        }
    }
}

impl CloseReason {
    /// What a client is told whose request is refused, if it is told anything.
    pub(crate) const fn response(self) -> Option<&'static str> {
        match self {
            Self::Attack(_)
            | Self::Rule
            | Self::RateLimit
            | Self::AttackThreshold
            | Self::OriginNotAllowed
            | Self::PathNotAllowed => {
                Some("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            Self::ProtocolError(_)
            | Self::InvalidUtf8
            | Self::MessageTooBig
            | Self::TooManyFragments
            | Self::FrameTooBig
            | Self::InflateRatio
            | Self::MessageTimeout
            | Self::HandshakeTimeout
            | Self::ControlFrameRate
            | Self::MessageRate
            | Self::ByteRate
            | Self::MemoryBudget
            | Self::IdleTimeout
            | Self::LifetimeReached
            | Self::HttpHeadTooBig
            | Self::HttpAmbiguous(_)
            | Self::TooManyRequests
            | Self::EarlyDataTooBig
            | Self::UpgradeInvalid(_)
            | Self::ExtensionUnsupported
            | Self::OpaqueNotAllowed(_)
            | Self::SubprotocolNotAllowed
            | Self::DeflateNotAllowed
            | Self::DeflateError
            | Self::Shutdown => None,
        }
    }
}

/// The reason of a connection that is ended for a signal.
const fn signal_reason(signal: Signal) -> &'static str {
    match signal {
        Signal::Sqli => "attack-sqli",
        Signal::Xss => "attack-xss",
        Signal::CmdExe => "attack-cmdexe",
        Signal::Traversal => "attack-traversal",
        Signal::Log4jJndi => "attack-log4j-jndi",
        Signal::Ssrf => "attack-ssrf",
        Signal::Xxe => "attack-xxe",
        Signal::Ssti => "attack-ssti",
        Signal::NoSqli => "attack-nosqli",
        Signal::CodeInjection => "attack-codeinjection",
        Signal::Deserialization => "attack-deserialization",
        Signal::Ldapi => "attack-ldapi",
        Signal::Ssi => "attack-ssi",
        Signal::ResponseSplit => "attack-responsesplit",
        Signal::Backdoor => "attack-backdoor",
        Signal::UserAgent => "attack-useragent",
        Signal::Scanner => "attack-scanner",
        Signal::OobDomain => "attack-oob-domain",
        Signal::NullByte => "nullbyte",
        Signal::NotUtf8 => "notutf8",
        Signal::DoubleEncoding => "doubleencoding",
        Signal::JsonError => "json-error",
        Signal::XmlError => "xml-error",
        Signal::MalformedData => "malformed-data",
        Signal::PrivateFile => "privatefile",
        Signal::AbnormalPath => "abnormalpath",
        Signal::GraphqlIntrospection => "graphql-introspection",
        Signal::GraphqlDepth => "graphql-depth",
        Signal::GraphqlIde => "graphql-ide",
        Signal::InsecureAuth => "insecure-auth",
        Signal::NoUa => "noua",
        Signal::DuplicateHeaders => "duplicate-headers",
        Signal::WsProtocol => "ws-protocol",
        Signal::WsUninspected => "ws-uninspected",
        Signal::Compressed => "compressed",
        Signal::HttpAmbiguous => "http-ambiguous",
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())?;
        match self.detail() {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl From<ReceiveError> for CloseReason {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Protocol(violation) => Self::ProtocolError(violation),
            ReceiveError::InvalidUtf8 => Self::InvalidUtf8,
            ReceiveError::MessageTooBig => Self::MessageTooBig,
            ReceiveError::FrameTooBig => Self::FrameTooBig,
            ReceiveError::InflateRatio => Self::InflateRatio,
            ReceiveError::TooManyFragments => Self::TooManyFragments,
            ReceiveError::Deflate => Self::DeflateError,
        }
    }
}

impl From<HeadError> for CloseReason {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Ambiguous(ambiguity) => Self::HttpAmbiguous(ambiguity),
            HeadError::TooManyFields => Self::HttpHeadTooBig,
            HeadError::Upgrade(error) => Self::UpgradeInvalid(error),
            HeadError::Extension => Self::ExtensionUnsupported,
        }
    }
}

impl From<Refusal> for CloseReason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Origin => Self::OriginNotAllowed,
            Refusal::Path => Self::PathNotAllowed,
        }
    }
}
