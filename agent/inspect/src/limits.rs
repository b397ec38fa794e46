//! What bounds the work and the memory of one connection, and what happens when a bound is reached.

use std::time::Duration;

/// Bounds of one connection.
///
/// In mode `block`, reaching a bound ends the connection with the [`CloseReason`](crate::CloseReason) named at the
/// field. In mode `log` the reason is reported and the connection goes on uninspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest HTTP request or response head, and longest trailer section, in bytes (default 64 KiB). Also the
    /// most client bytes that may wait for the answer to an upgrade request. More is `http-head-too-big`, or
    /// `early-data-too-big` for waiting bytes.
    pub max_head_bytes: usize,
    /// Longest client message in bytes of payload, inclusive (default 1 MiB). More is `message-too-big`, noticed as
    /// soon as a frame header announces it or inflating passes it. A compressed message may be an eighth longer on
    /// the wire: bytes that do not compress grow a little.
    pub max_message_bytes: usize,
    /// Most frames that one unfinished client message may consist of, control frames between the fragments
    /// included (default 4096). More is `too-many-fragments`. A held message costs at most
    /// `1.125 * max_message_bytes + 139 * max_message_fragments` bytes of the caller's memory.
    pub max_message_fragments: u32,
    /// Most requests that may wait for their response on one connection (default 64). More is
    /// `too-many-requests`.
    pub max_pipelined_requests: usize,
    /// Deepest nesting of JSON that is followed with paths (default 64). A deeper message is not refused: all
    /// its strings and keys are still decoded and inspected, with the location `$`, and its text as a whole too.
    pub max_json_depth: usize,
    /// Most values (JSON strings and keys, printable runs) of one message that detectors look at (default 16384);
    /// values that can hold no attack, such as plain words and numbers, are not counted. A message with more
    /// gets the finding `WS-UNINSPECTED`, which mode `block` acts upon.
    pub max_leaves: u32,
    /// Time from the decision to end a connection until both sides are reset, if they have not closed by then
    /// (default 2 s).
    pub close_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head_bytes: 64 * 1024,
            max_message_bytes: 1024 * 1024,
            max_message_fragments: 4096,
            max_pipelined_requests: 64,
            max_json_depth: 64,
            max_leaves: 16 * 1024,
            close_grace: Duration::from_secs(2),
        }
    }
}
