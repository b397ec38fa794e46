//! What is known of a connection before its first byte.

use std::net::{IpAddr, Ipv4Addr};

/// Between whom a connection is, for rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The address of the client.
    pub client: IpAddr,
    /// The port that it connected to.
    pub port: u16,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// A number that no other open connection has.
    pub connection: u64,
}

impl Default for Link {
    /// Nobody in particular.
    fn default() -> Self {
        Self { client: Ipv4Addr::UNSPECIFIED.into(), port: 0, scheme: "http", connection: 0 }
    }
}
