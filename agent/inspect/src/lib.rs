//! Framewall's inspection core: bytes, direction and time go in, actions come out.
//!
//! A [`Session`] follows one TCP connection between a client and an application. The caller feeds it what each
//! side sent ([`Session::handle_input`], [`Session::handle_eof`]) and carries out what it answers
//! ([`Session::poll_action`]): which of the received bytes go on, which are dropped, which frames of our own are
//! written, when a side is half-closed and when the connection is reset. The core owns no socket, reads no clock,
//! starts no thread and never changes a byte of the traffic: it reads a copy and the caller forwards the original. (One
//! thing can be left out if that is configured: the offer of compression, [`DeflatePolicy::Strip`].)
//!
//! The way of the bytes through the modules:
//!
//! 1. `http` follows HTTP/1.1 requests and responses until an upgrade to WebSocket is confirmed (RFC 9112,
//!    RFC 6455 §4). What cannot be HTTP is let through and named ([`OpaqueKind`]).
//! 2. `ws` reads frames, joins client messages and checks the protocol (RFC 6455 §5 to §8); `inflate` undoes
//!    permessage-deflate (RFC 7692).
//! 3. `payload` finds the leaves of a message, whichever envelope it is in: JSON, Socket.IO, STOMP, XML, MQTT,
//!    MessagePack and others, text, printable runs of other binary.
//! 4. `detect` judges each leaf; `verdict` turns evidence into a [`Finding`] and a [`CloseReason`].
//!
//! Beside them stand the [`rules`] of an operator, which judge connections, messages and what the detectors found.
//!
//! [`inspect_text`] runs steps 3 and 4 alone, for offline use.
//!
//! ```
//! use framewall_inspect::{Settings, inspect_text};
//!
//! let settings = Settings::default();
//! assert!(inspect_text(&settings, br#"{"text":"it's five o'clock"}"#).is_empty());
//! let findings = inspect_text(&settings, br#"{"user":{"name":"' OR '1'='1"}}"#);
//! assert_eq!(findings[0].location, "$.user.name");
//! ```
#![forbid(unsafe_code)]

mod action;
mod byte_set;
mod decode;
mod detect;
mod direction;
mod http;
mod inflate;
mod lanes;
mod limits;
mod payload;
pub mod rules;
mod session;
mod settings;
mod stats;
mod verdict;
mod ws;

pub use action::{Action, Injection, OpaqueKind, Report};
pub use decode::Step;
pub use detect::{Signal, SignalEntry, SignalKind, signals};
pub use direction::Direction;
pub use http::{
    Handshake, HandshakePolicy, HttpAmbiguity, OriginPattern, OriginPatternError, PathPattern,
    PathPatternError, UpgradeError,
};
pub use limits::{Budget, Limits, OversizePolicy};
pub use session::{Link, Session};
pub use settings::{DeflatePolicy, Mode, OpaquePolicy, Profile, Settings};
pub use stats::{Counters, StreamCounters};
pub use verdict::{
    CloseReason, Finding, FindingAction, Inspection, Inspector, Observation, Offence, OffenceClass, Opcode,
    RuleMatch, Unit, inspect_text,
};
pub use ws::{ControlFrame, ProtocolViolation};
