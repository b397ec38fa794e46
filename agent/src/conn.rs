//! Connections: from the listener to the last FIN.

pub(crate) mod accept;
pub(crate) mod clients;
pub(crate) mod fast_lane;
mod pipe;
mod record;
mod relay;
pub(crate) mod upstream;
