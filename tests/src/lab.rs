//! Two hosts joined by a cable.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::netns::Namespace;

/// The server's addresses on the veth pair.
pub const SERVER_V4: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// See [`SERVER_V4`].
pub const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x99, 0, 0, 0, 0, 0, 1);
/// The client's addresses on the veth pair.
pub const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
/// See [`CLIENT_V4`].
pub const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x99, 0, 0, 0, 0, 0, 2);

/// A server host and a client host, each a network namespace with loopback up, joined by a veth pair.
#[derive(Debug)]
pub struct Lab {
    /// Where the app and the daemon run.
    pub server: Namespace,
    /// Where clients from "another host" run.
    pub client: Namespace,
    /// Whether an app asks how much there is to read (FIONREAD), as nginx does.
    fionread: AtomicBool,
}

impl Lab {
    /// Builds the two hosts.
    ///
    /// # Panics
    ///
    /// Without root or `ip`.
    #[must_use]
    pub fn new() -> Self {
        let lab =
            Self { server: Namespace::new(), client: Namespace::new(), fionread: AtomicBool::new(false) };
        let peer = lab.client.path();
        ip(
            &lab.server,
            &format!(
                "link set lo up\n\
                 link add veth0 type veth peer name veth0 netns {peer}\n\
                 addr add {SERVER_V4}/24 dev veth0\n\
                 addr add {SERVER_V6}/64 dev veth0 nodad\n\
                 link set veth0 up\n"
            ),
        );
        ip(
            &lab.client,
            &format!(
                "link set lo up\n\
                 addr add {CLIENT_V4}/24 dev veth0\n\
                 addr add {CLIENT_V6}/64 dev veth0 nodad\n\
                 link set veth0 up\n"
            ),
        );
        lab
    }

    /// Says that an app will ask how much there is to read: a fast lane is only for kernels that know.
    pub fn expect_fionread(&self) {
        self.fionread.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::expect_fionread`] was called.
    #[must_use]
    pub fn expects_fionread(&self) -> bool {
        self.fionread.load(Ordering::Relaxed)
    }

    /// Caps every socket buffer of both hosts at `bytes`, so that a stalled transfer stops early.
    ///
    /// # Panics
    ///
    /// If /proc/sys is not writable.
    pub fn cap_socket_buffers(&self, bytes: usize) {
        for host in [&self.server, &self.client] {
            host.enter(|| {
                for name in ["tcp_rmem", "tcp_wmem"] {
                    let path = format!("/proc/sys/net/ipv4/{name}");
                    std::fs::write(&path, format!("4096 65536 {bytes}"))
                        .unwrap_or_else(|error| panic!("{path}: {error}"));
                }
            });
        }
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

/// The server's IPv4 address on the veth pair with a port.
#[must_use]
pub fn v4(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(SERVER_V4), port)
}

/// The server's IPv6 address on the veth pair with a port.
#[must_use]
pub fn v6(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(SERVER_V6), port)
}

/// `[::]:port`, which takes IPv4 clients as well.
#[must_use]
pub fn any(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}

/// An address without its IPv4-mapped form, to compare what different programs report.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn ip(host: &Namespace, batch: &str) {
    let mut child = host
        .command("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("ip (iproute2): {error}"));
    child.stdin.take().expect("piped").write_all(batch.as_bytes()).expect("ip reads its batch");
    let output = child.wait_with_output().expect("ip runs");
    assert!(output.status.success(), "ip: {}\n{batch}", String::from_utf8_lossy(&output.stderr));
}
