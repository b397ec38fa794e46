//! What bounds the work and the memory of one connection, and what happens when a bound is reached.

mod budget;
mod rate;

use std::{num::NonZeroU32, time::Duration};

pub use budget::Budget;
pub(crate) use budget::Reservation;
pub(crate) use rate::TokenBucket;

/// Bounds of one connection.
///
/// Those on frames, messages, fragments and inflating are about the messages that are inspected: the client's, and the application's
/// where [`detect_to_client`](crate::Settings::detect_to_client) or a rule asks for them. Times and rates are the client's.
///
/// In mode `block`, reaching a bound ends the connection with the [`CloseReason`](crate::CloseReason) named at the
/// field; for the size of a message [`oversize`](Self::oversize) may say otherwise. In mode `log` the offence is
/// reported; the message concerned passes uninspected and the next one is inspected again, and only where that is
/// not possible the connection goes on uninspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest HTTP request or response head, and longest trailer section, in bytes (default 64 KiB). Also the
    /// most client bytes that may wait for the answer to an upgrade request. More is `http-head-too-big`, or
    /// `early-data-too-big` for waiting bytes.
    pub max_head_bytes: usize,
    /// Longest payload of one frame in bytes, as sent, inclusive (default none: only the message is bounded).
    /// More is `frame-too-big`, noticed at the header.
    pub max_frame_bytes: Option<u64>,
    /// Longest message in bytes of payload, inclusive (default 1 MiB). More is `message-too-big`, noticed as
    /// soon as a frame header announces it or inflating passes it. A compressed message may be an eighth longer on
    /// the wire: bytes that do not compress grow a little.
    pub max_message_bytes: usize,
    /// Most bytes of a message for each byte that it was sent as (default 200), once it inflates to more than
    /// [`INFLATE_RATIO_FLOOR`](Self::INFLATE_RATIO_FLOOR). More is `inflate-ratio`.
    pub max_inflate_ratio: u32,
    /// Most frames that one unfinished message may consist of, control frames between the fragments
    /// included (default 4096). More is `too-many-fragments`. A held message costs at most
    /// `1.125 * max_message_bytes + 139 * max_message_fragments` bytes of the caller's memory.
    pub max_message_fragments: u32,
    /// What becomes of a message beyond the three limits on frame bytes, message bytes and fragments (default:
    /// the connection is closed).
    pub oversize: OversizePolicy,
    /// Time from the first byte of a client message, or of a control frame, to its last (default 2 minutes; `None`
    /// is unlimited). More is `message-timeout`.
    pub message_timeout: Option<Duration>,
    /// Time from the first byte of a request head to its last (default 30 s; `None` is unlimited). More is
    /// `handshake-timeout`. How long the application takes to answer is its own business.
    pub handshake_timeout: Option<Duration>,
    /// Time in which no byte comes from either side (default `None`: unlimited). More is `idle-timeout`. Only in mode
    /// `block`.
    pub idle_timeout: Option<Duration>,
    /// Age of a connection (default `None`: unlimited). More is `lifetime-reached`. Only in mode `block`.
    pub max_lifetime: Option<Duration>,
    /// Ping, pong and close frames from the client per second, and at once (default `None`: unlimited). More is
    /// `control-frame-rate`.
    pub max_control_frames_per_second: Option<NonZeroU32>,
    /// Data messages from the client per second, and at once (default `None`: unlimited). More is `message-rate`.
    pub max_messages_per_second: Option<NonZeroU32>,
    /// Bytes from the client per second, headers included, and at once (default `None`: unlimited). More is
    /// `byte-rate`. Counted from the upgrade on.
    pub max_bytes_per_second: Option<NonZeroU32>,
    /// Most requests that may wait for their response on one connection (default 64). More is
    /// `too-many-requests`.
    pub max_pipelined_requests: usize,
    /// Deepest nesting of JSON, XML, MessagePack and CBOR that is followed with paths (default 64). Deeper JSON is not
    /// refused: all its strings and keys are still decoded and inspected, with the location `$`, and its text as a
    /// whole too. It gets the finding `JSON-ERROR`; what a sub-protocol says is MessagePack or CBOR, `WS-UNINSPECTED`.
    pub max_json_depth: usize,
    /// Most values (JSON strings and keys, printable runs) of one message that detectors look at (default 16384);
    /// values that can hold no attack, such as plain words and numbers, are not counted, nor is what comes again in the
    /// message. A message with more gets the finding `WS-UNINSPECTED`, which mode `block` acts upon.
    pub max_leaves: u32,
    /// Time from the decision to end a connection until both sides are reset, if they have not closed by then
    /// (default 2 s).
    pub close_grace: Duration,
}

/// What becomes of a message that is longer than the limits allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OversizePolicy {
    /// The connection is closed.
    #[default]
    Close,
    /// What was read of the message is inspected; then it and the rest pass, without being held, and are reported
    /// with the signal `WS-UNINSPECTED`. The next message is inspected again.
    Pass,
}

impl Limits {
    /// Bytes up to which a message may inflate at any ratio: 1 MiB.
    ///
    /// Deflate reaches 1032:1, and honest data comes near it: a JSON array of zeros, a repeated record. So a ratio says
    /// nothing about a message that is small after all; it stops the ones that are meant to be costly where
    /// [`max_message_bytes`](Self::max_message_bytes) was raised for large ones.
    pub const INFLATE_RATIO_FLOOR: usize = 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head_bytes: 64 * 1024,
            max_frame_bytes: None,
            max_message_bytes: 1024 * 1024,
            max_inflate_ratio: 200,
            max_message_fragments: 4096,
            oversize: OversizePolicy::Close,
            message_timeout: Some(Duration::from_secs(120)),
            handshake_timeout: Some(Duration::from_secs(30)),
            idle_timeout: None,
            max_lifetime: None,
            max_control_frames_per_second: None,
            max_messages_per_second: None,
            max_bytes_per_second: None,
            max_pipelined_requests: 64,
            max_json_depth: 64,
            max_leaves: 16 * 1024,
            close_grace: Duration::from_secs(2),
        }
    }
}
