//! The connection on to the application.
//!
//! It goes to the address that the client asked for, from a loopback source, and is marked with the client's
//! address before its SYN leaves; see `agent-ebpf/src/flow.rs` for what becomes of the mark.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use aya::maps::MapError;
use framewall_common::{Endpoint, MAX_FLOWS, Upstream};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
    time::timeout,
};

use super::record::EndReason;
use crate::{
    steer::{Upstreams, fast_lane::Ticket},
    sys,
};

/// How long the application may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Source addresses tried before giving up; each has about 28,000 ports for every destination.
const SOURCES_TRIED: usize = 8;
/// IPv4 sources are 127.70.87.1 to 127.70.87.254. Nothing is decided by this range: any process may use it.
const SOURCE_NET: [u8; 3] = [127, 70, 87];

/// Handshakes in flight, kept below what the kernel map holds.
static HANDSHAKES: Semaphore = Semaphore::const_new(MAX_FLOWS / 2);
static NEXT_SOURCE: AtomicU8 = AtomicU8::new(0);

/// Why the application was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error("the client's address cannot be attached: {0}")]
    Claim(#[from] MapError),
}

impl UpstreamError {
    /// What this means for the connection.
    pub(crate) fn end_reason(&self) -> EndReason {
        match self {
            // It accepted, and had changed its mind before we looked.
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => EndReason::AppReset,
            Self::Io(_) | Self::Timeout | Self::Claim(_) => EndReason::AppUnreachable,
        }
    }
}

/// Connects to `destination` for `client`, with a fast lane if there is a ticket for one.
///
/// # Errors
///
/// [`UpstreamError::Io`] with `ConnectionRefused` if the application does not listen.
pub(crate) async fn connect(
    upstreams: &Mutex<Upstreams>,
    destination: SocketAddr,
    client: SocketAddr,
    lane: Option<&Ticket>,
) -> Result<TcpStream, UpstreamError> {
    // Never closed, so never an error.
    let _handshake = HANDSHAKES.acquire().await;
    let mut tries = 1..=SOURCES_TRIED;
    loop {
        let socket = open(destination)?;
        claim(&mut upstreams.lock().unwrap_or_else(PoisonError::into_inner), &socket, client, lane)?;
        match timeout(CONNECT_TIMEOUT, socket.connect(destination)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::AddrNotAvailable && tries.next().is_some() => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_elapsed) => return Err(UpstreamError::Timeout),
        }
    }
}

/// Opens a socket that will connect to `destination`, bound to its source.
pub(crate) fn open(destination: SocketAddr) -> io::Result<TcpSocket> {
    let source = match destination {
        SocketAddr::V4(_) => SocketAddr::new(next_source(), 0),
        // IPv6 has one loopback address, but every local address can talk to itself.
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), 0, 0, v6.scope_id()).into(),
    };
    let socket = if destination.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    sys::bind_without_port(&socket)?;
    socket.bind(source)?;
    Ok(socket)
}

/// Marks `socket` as a connection for `client`.
pub(crate) fn claim(
    upstreams: &mut Upstreams,
    socket: &TcpSocket,
    client: SocketAddr,
    lane: Option<&Ticket>,
) -> Result<(), MapError> {
    let lane = lane.map_or(0, Ticket::number);
    upstreams.insert(socket, Upstream { client: Endpoint::from(client), padding: 0, lane }, 0)
}

fn next_source() -> IpAddr {
    let [a, b, c] = SOURCE_NET;
    let host = NEXT_SOURCE.fetch_add(1, Ordering::Relaxed) % 254 + 1;
    Ipv4Addr::new(a, b, c, host).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_that_resets_at_once_was_there() {
        let error = |kind: io::ErrorKind| UpstreamError::Io(kind.into()).end_reason();
        assert_eq!(error(io::ErrorKind::ConnectionReset), EndReason::AppReset);
        assert_eq!(error(io::ErrorKind::ConnectionRefused), EndReason::AppUnreachable);
    }

    #[test]
    fn sources_rotate_within_their_range() {
        for _ in 0..600 {
            let IpAddr::V4(source) = next_source() else { panic!("an IPv4 source") };
            let [a, b, c, host] = source.octets();
            assert_eq!([a, b, c], SOURCE_NET);
            assert!((1..=254).contains(&host));
        }
        assert_ne!(next_source(), next_source());
    }
}
