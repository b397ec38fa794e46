//! What Framewall's kernel programs and its daemon share: map keys and values, names, sizes.
//!
//! Addresses keep the byte order of the wire. An IPv4 address is written as the IPv4-mapped IPv6 address
//! `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), so that a flow has one key whether the application listens on
//! `0.0.0.0` or on a dual-stack `[::]`.
#![no_std]

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Listener slot of IPv4 in [`map::LISTENERS`].
pub const LISTENER_V4: u32 = 0;
/// Listener slot of IPv6 in [`map::LISTENERS`].
pub const LISTENER_V6: u32 = 1;
/// Slots in [`map::LISTENERS`].
pub const MAX_LISTENERS: usize = 2;
/// Ports that can be steered at once, entries in [`map::PORTS`].
pub const MAX_PORTS: usize = 1024;
/// Upstream handshakes in flight at once, entries in [`map::FLOWS`].
///
/// The daemon keeps below it: an upstream connection without an entry would be steered back to the daemon.
pub const MAX_FLOWS: usize = 16 * 1024;

/// Connections with a fast lane at once, entries in [`map::LANES`]; those beyond it have plain TCP.
pub const MAX_LANES: usize = 64 * 1024;
/// Bytes that may wait for their reader in one direction of a fast lane.
pub const LANE_WINDOW: u32 = 256 * 1024;
/// The end of a fast lane that the daemon holds.
pub const LANE_AGENT: u32 = 0;
/// The end of a fast lane that the application holds.
pub const LANE_APP: u32 = 1;

/// In [`map::LANE_BYTES`] of a lane whose application has sent nothing.
pub const NOT_TOLD: u64 = u64::MAX;

/// Key in [`map::LANE_SOCKETS`] of one end of a lane.
#[inline(always)]
pub const fn lane_key(lane: u64, end: u32) -> u64 {
    lane << 1 | end as u64
}

/// Index in [`map::LANE_BYTES`] of a lane: of all lanes that are open at once, each has another.
#[inline(always)]
pub const fn lane_slot(lane: u64) -> u32 {
    (lane % MAX_LANES as u64) as u32
}

/// Names of the maps, as the kernel shows them (at most 15 bytes).
pub mod map {
    /// `u16` port in host byte order → `u8` 1: the ports that are steered.
    pub const PORTS: &str = "framewall_ports";
    /// Slot → listening socket of the daemon.
    pub const LISTENERS: &str = "framewall_lstn";
    /// [`FlowKey`](crate::FlowKey) → [`Upstream`](crate::Upstream): the daemon's upstream handshakes in
    /// flight and the client each is for.
    pub const FLOWS: &str = "framewall_flows";
    /// The daemon's upstream socket → [`Upstream`](crate::Upstream): its client. Only the daemon writes it.
    pub const UPSTREAMS: &str = "framewall_up";
    /// The application's accepted socket → [`Endpoint`](crate::Endpoint) of the client it serves.
    pub const CLIENTS: &str = "framewall_peers";
    /// Number of a lane → [`Lane`](crate::Lane).
    pub const LANES: &str = "framewall_lanes";
    /// [`lane_key`](crate::lane_key) → socket, of both ends of every lane.
    pub const LANE_SOCKETS: &str = "framewall_lsock";
    /// Socket of an end → [`LaneEnd`](crate::LaneEnd).
    pub const LANE_ENDS: &str = "framewall_lends";
    /// [`lane_slot`](crate::lane_slot) → `u64`, how many bytes the application has sent, by the lane and by TCP, told before
    /// the last of them can be read, modulo 2³²; [`NOT_TOLD`](crate::NOT_TOLD) before. The daemon maps it into its memory.
    pub const LANE_BYTES: &str = "framewall_lbyte";
}

/// Names of the programs, as the kernel shows them (at most 15 bytes).
pub mod program {
    /// `sk_lookup`: hands new connections on steered ports to the daemon.
    pub const STEER: &str = "framewall_steer";
    /// `sock_ops`: carries the client's address from the upstream socket to the application's socket.
    pub const FLOW: &str = "framewall_flow";
    /// `cgroup/getpeername4`: reports the client's address to the application.
    pub const PEER4: &str = "framewall_peer4";
    /// `cgroup/getpeername6`: the same for `AF_INET6` sockets.
    pub const PEER6: &str = "framewall_peer6";
    /// `sk_msg`: carries bytes from one end of a fast lane to the other.
    pub const LANE: &str = "framewall_lane";
}

/// Name of the global that holds the cookie of the steered network namespace (`SO_NETNS_COOKIE`).
///
/// The cgroup hooks see every namespace of the host; only this one is theirs.
pub const NETNS_COOKIE: &str = "NETNS_COOKIE";

/// Names of the globals that hold where the kernel keeps what the fast lane asks of a socket, in bytes from the socket's
/// beginning. They differ from kernel to kernel; its BTF tells.
pub mod offset {
    /// `tcp_sock.write_seq`: the sequence number behind the last byte that was written (`u32`).
    pub const WRITE_SEQ: &str = "WRITE_SEQ";
    /// `tcp_sock.copied_seq`: the sequence number behind the last byte that was read (`u32`).
    pub const COPIED_SEQ: &str = "COPIED_SEQ";
    /// `sock.sk_backlog.rmem_alloc`: bytes that wait for the reader (`u32`).
    pub const RMEM_ALLOC: &str = "RMEM_ALLOC";
}

/// An IP address and a TCP port, both in the byte order of the wire.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// IPv6 address, or IPv4-mapped; four words as the kernel's contexts hold them.
    pub ip: [u32; 4],
    /// Port.
    pub port: u16,
    /// Zero: map keys are compared byte by byte.
    pub padding: u16,
}

/// The third word of every IPv4-mapped address, `00 00 ff ff` on the wire.
pub const MAPPED_PREFIX: u32 = 0xffff_u32.to_be();

impl Endpoint {
    /// An IPv4 endpoint from an address and a port in the byte order of the wire.
    #[inline(always)]
    pub const fn v4(ip: u32, port: u16) -> Self {
        Self { ip: [0, 0, MAPPED_PREFIX, ip], port, padding: 0 }
    }

    /// An IPv6 endpoint from address words and a port in the byte order of the wire.
    #[inline(always)]
    pub const fn v6(ip: [u32; 4], port: u16) -> Self {
        Self { ip, port, padding: 0 }
    }

    /// The IPv4 address in the byte order of the wire, if this is an IPv4-mapped address.
    #[inline(always)]
    pub const fn ip4(&self) -> Option<u32> {
        match self.ip {
            [0, 0, MAPPED_PREFIX, ip] => Some(ip),
            _ => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(ip.octets().as_chunks::<4>().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        Self::v6(words, address.port().to_be())
    }
}

impl From<Endpoint> for SocketAddr {
    fn from(endpoint: Endpoint) -> Self {
        let mut octets = [0; 16];
        for (bytes, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(endpoint.ip) {
            *bytes = word.to_ne_bytes();
        }
        Self::new(Ipv6Addr::from(octets).to_canonical(), u16::from_be(endpoint.port))
    }
}

/// The two ends of a connection as the accepting side sees them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Who connects.
    pub source: Endpoint,
    /// Who accepts.
    pub destination: Endpoint,
}

/// What the daemon's upstream socket is for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The client.
    pub client: Endpoint,
    /// Zero.
    pub padding: u32,
    /// The number of its fast lane, never used again; 0 for none. See [`lane_slot`].
    pub lane: u64,
}

/// A fast lane: what its two ends know of each other.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Kernel addresses of the sockets, by end; 0 for one that has not joined. They are read from and nothing else.
    pub sockets: [u64; 2],
    /// Bytes that the sockets have sent by the lane, by end.
    pub sent: [u64; 2],
    /// Bytes that waited for the application when the daemon last asked (`getpeername` on its own socket).
    pub waiting: u32,
    /// [`LANE_OPEN`] or [`LANE_LEFT`].
    pub state: u32,
    /// Where the application's sequence space begins (`write_seq` when it has accepted).
    pub app_begins: u32,
    /// Zero.
    pub padding: u32,
}

/// The daemon's bytes travel by the lane.
pub const LANE_OPEN: u32 = 0;
/// The daemon's bytes travel by TCP, for good.
pub const LANE_LEFT: u32 = 1;

/// Which end of which lane a socket is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneEnd {
    /// The number of the lane.
    pub lane: u64,
    /// [`LANE_AGENT`] or [`LANE_APP`].
    pub end: u32,
    /// Zero.
    pub padding: u32,
}

#[cfg(feature = "user")]
#[expect(unsafe_code, reason = "aya's marker trait is unsafe to implement")]
mod pod {
    // SAFETY: repr(C), no padding (20 bytes, asserted below), every bit pattern is valid.
    unsafe impl aya::Pod for super::Endpoint {}
    // SAFETY: repr(C), padding is a field (32 bytes, asserted below), every bit pattern is valid.
    unsafe impl aya::Pod for super::Upstream {}
    // SAFETY: repr(C), padding is a field (48 bytes, asserted below), every bit pattern is valid.
    unsafe impl aya::Pod for super::Lane {}
}

const _: () = assert!(size_of::<Endpoint>() == 20);
const _: () = assert!(size_of::<FlowKey>() == 40);
const _: () = assert!(size_of::<Upstream>() == 32);
const _: () = assert!(size_of::<Lane>() == 48);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_keeps_its_address() {
        for text in ["192.0.2.7:4242", "[2001:db8::7]:80", "[::1]:65535"] {
            let address: SocketAddr = text.parse().expect("a literal address");
            assert_eq!(SocketAddr::from(Endpoint::from(address)), address);
        }
    }

    #[test]
    fn ipv4_is_the_mapped_address() {
        let v4: SocketAddr = "192.0.2.7:4242".parse().expect("a literal address");
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:4242".parse().expect("a literal address");
        assert_eq!(Endpoint::from(v4), Endpoint::from(mapped));
        assert_eq!(Endpoint::from(v4), Endpoint::v4(u32::from_ne_bytes([192, 0, 2, 7]), 4242_u16.to_be()));
        assert_eq!(Endpoint::from(v4).ip4(), Some(u32::from_ne_bytes([192, 0, 2, 7])));
    }

    #[test]
    fn an_ipv6_address_is_not_ipv4() {
        let v6: SocketAddr = "[2001:db8::7]:80".parse().expect("a literal address");
        assert_eq!(Endpoint::from(v6).ip4(), None);
    }

    #[test]
    fn names_fit_the_kernel() {
        for name in [map::PORTS, map::LISTENERS, map::FLOWS, map::UPSTREAMS, map::CLIENTS] {
            assert!(name.len() <= 15, "{name}");
        }
        for name in [program::STEER, program::FLOW, program::PEER4, program::PEER6] {
            assert!(name.len() <= 15, "{name}");
        }
    }
}
