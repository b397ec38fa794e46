//! What a connection adds up for its closing record.

/// Numbers of one connection, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What the client sent.
    pub to_server: StreamCounters,
    /// What the application sent.
    pub to_client: StreamCounters,
    /// HTTP requests whose head was read.
    pub requests: u64,
    /// Messages that were to be inspected and whose content could not be read, as a whole: binary without text in it, longer than
    /// the limits, or referring to messages that nobody has read (RFC 7692 §7.1.1). They were released.
    pub uninspected_messages: u64,
    /// Bytes that passed after the connection had turned out to be nothing that is inspected.
    pub opaque_bytes: u64,
    /// Findings reported.
    pub findings: u64,
    /// Offences reported: broken rules and reached limits.
    pub offences: u64,
}

/// Numbers of one direction of the WebSocket part of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounters {
    /// Data messages that were complete. The one that a connection was closed for is included.
    pub messages: u64,
    /// Data frames whose header was read. Equal to `messages` while nobody fragments.
    pub fragments: u64,
    /// Ping, pong and close frames whose header was read.
    pub control_frames: u64,
    /// Whether this side's peer sent a Close frame of its own.
    pub close_sent: bool,
}
