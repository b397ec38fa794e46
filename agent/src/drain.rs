//! The end of the daemon, in steps that the workers follow.

/// How far the daemon is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Steering and serving.
    Running,
    /// No new connections; open ones go on until they end by themselves.
    Draining,
    /// Open connections are being closed with Close 1001 (RFC 6455 §7.4.1).
    Closing,
    /// Whatever is still open is dropped.
    Stopped,
}
