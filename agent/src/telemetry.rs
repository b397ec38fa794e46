//! What the daemon tells: a log for people, events for machines.

pub(crate) mod clients;
pub(crate) mod events;
pub(crate) mod log;
