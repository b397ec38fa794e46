//! A rule that was broken or a limit that was reached, as events show it.

use crate::{
    detect::Signal,
    direction::Direction,
    verdict::{CloseReason, FindingAction},
};

/// Something about a connection, rather than about the content of a message, that is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The stream that it is found in: the sender of this direction is who did it.
    pub direction: Direction,
    /// What it is: the reason for which a connection is ended over it.
    pub reason: CloseReason,
    /// Whether the connection was ended over it.
    pub action: FindingAction,
    /// Whether a message passed over it without being looked at as a whole.
    pub uninspected: bool,
}

impl Offence {
    /// The signal that it raises, if it has one.
    pub const fn signal(self) -> Option<Signal> {
        if self.uninspected { Some(Signal::WsUninspected) } else { self.reason.signal() }
    }
}

/// What kind of rule an offence is against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffenceClass {
    /// A standard: RFC 9112, RFC 6455 or RFC 7692.
    Protocol,
    /// One of the [`Limits`](crate::Limits).
    Limit,
    /// What the configuration allows.
    Policy,
}

/// An offence before it is decided what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) direction: Direction,
    pub(crate) reason: CloseReason,
}

impl Breach {
    pub(crate) const fn new(direction: Direction, reason: CloseReason) -> Self {
        Self { direction, reason }
    }

    /// As an offence that led to `action`. Attacks have their own findings, and our own end is nobody's offence.
    pub(crate) const fn offence(self, action: FindingAction) -> Option<Offence> {
        match self.reason.class() {
            Some(_) => {
                let Self { direction, reason } = self;
                Some(Offence { direction, reason, action, uninspected: false })
            }
            None => None,
        }
    }
}
