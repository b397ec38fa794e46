//! Connections: from the listener to the last FIN.

pub(crate) mod accept;
mod lane;
mod record;
mod relay;
pub(crate) mod upstream;
