//! Small pieces of Linux that the libraries do not wrap.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    os::fd::{AsFd, AsRawFd},
};

use aya_log::EbpfLogger;
use log::Log;
use nix::{
    errno::Errno,
    libc,
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        socket::{MsgFlags, Shutdown, recv, setsockopt, shutdown, sockopt},
    },
};
use tokio::io::{Interest, unix::AsyncFd};

/// Makes the close of `socket` a reset: what is queued is thrown away and the peer gets a RST.
pub(crate) fn reset_on_close(socket: &impl AsFd) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    Ok(setsockopt(socket, sockopt::Linger, &linger)?)
}

/// Sends a FIN after what is queued.
pub(crate) fn finish(socket: &impl AsRawFd) -> io::Result<()> {
    Ok(shutdown(socket.as_raw_fd(), Shutdown::Write)?)
}

/// Receives what is there into `buffer`; 0 is the end.
pub(crate) fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(recv(socket.as_raw_fd(), buffer, MsgFlags::empty())?)
}

/// How much there is to read (`FIONREAD`), in bytes.
#[expect(unsafe_code, reason = "no library wraps this request")]
pub(crate) fn readable_bytes(socket: &impl AsRawFd) -> io::Result<usize> {
    let mut len: libc::c_int = 0;
    // SAFETY: the descriptor is open for the whole call, and the kernel writes a number to `len`.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONREAD, &raw mut len) })?;
    Ok(usize::try_from(len).unwrap_or_default())
}

/// Lets `connect` choose the port, so that it need only be unique together with the destination
/// (`IP_BIND_ADDRESS_NO_PORT`, Linux 4.2).
pub(crate) fn bind_without_port(socket: &impl AsFd) -> io::Result<()> {
    Ok(setsockopt(socket, sockopt::IpBindAddressNoPort, &true)?)
}

/// Finds clients that vanished without a word: first probe after a minute of silence, given up after two.
pub(crate) fn keep_alive(socket: &impl AsFd) -> io::Result<()> {
    setsockopt(socket, sockopt::KeepAlive, &true)?;
    setsockopt(socket, sockopt::TcpKeepIdle, &60)?;
    setsockopt(socket, sockopt::TcpKeepInterval, &15)?;
    setsockopt(socket, sockopt::TcpKeepCount, &4)?;
    Ok(())
}

/// Raises the limit of open files to what the process may have and returns it.
pub(crate) fn raise_open_files() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// The cookie of this thread's network namespace (`SO_NETNS_COOKIE`, Linux 5.14).
#[expect(unsafe_code, reason = "no library wraps this socket option")]
pub(crate) fn netns_cookie() -> io::Result<u64> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut cookie = 0_u64;
    let mut size = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the descriptor is open for the whole call, and the kernel writes at most `size` bytes to `cookie`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut size,
        )
    };
    Errno::result(result)?;
    Ok(cookie)
}

/// Registers the kernel programs' log with the runtime of the calling thread.
#[expect(unsafe_code, reason = "the runtime keeps a raw descriptor, which no type can vouch for")]
pub(crate) fn watch_programs(
    programs: EbpfLogger<&'static dyn Log>,
) -> io::Result<AsyncFd<EbpfLogger<&'static dyn Log>>> {
    // SAFETY: the logger owns its ring buffer, always returns that descriptor, and lives inside the `AsyncFd`.
    unsafe { AsyncFd::register_with_interest(programs, Interest::READABLE) }.map_err(Into::into)
}
