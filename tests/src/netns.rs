//! Network namespaces without names: a descriptor holds one, so nothing is left behind however a test ends.
#![expect(unsafe_code, reason = "setns and the like must run between fork and exec")]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::env;

/// A network namespace of this process.
#[derive(Debug, Clone)]
pub struct Namespace {
    file: Arc<File>,
}

impl Namespace {
    /// Makes a new namespace, with loopback down and nothing else in it.
    ///
    /// # Panics
    ///
    /// Without `CAP_SYS_ADMIN`.
    #[must_use]
    pub fn new() -> Self {
        let file = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("a new network namespace (the tests need root)");
            File::open("/proc/thread-self/ns/net").expect("this thread's network namespace")
        })
        .join()
        .expect("the namespace thread");
        Self { file: Arc::new(file) }
    }

    /// The descriptor that holds the namespace, as `ip` may open it: `/proc/PID/fd/N`.
    #[must_use]
    pub fn path(&self) -> String {
        let fd: RawFd = self.file.as_raw_fd();
        format!("/proc/{}/fd/{fd}", std::process::id())
    }

    /// Runs `work` on a thread of its own inside the namespace. Sockets it makes stay in the namespace for ever.
    ///
    /// Do not start processes in it: they would be killed when the thread ends. Use [`Self::command`].
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&*self.file, CloneFlags::CLONE_NEWNET).expect("enter the network namespace");
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Connects from the namespace, with time limits set on the socket.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::connect_timeout`].
    pub fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let stream = self.enter(|| TcpStream::connect_timeout(&to, env::patience()))?;
        prepare(&stream)?;
        Ok(stream)
    }

    /// Listens in the namespace. An address of `[::]` takes IPv4 clients as well.
    ///
    /// # Panics
    ///
    /// If the address is taken.
    #[must_use]
    pub fn listen(&self, on: SocketAddr) -> TcpListener {
        self.enter(|| TcpListener::bind(on)).unwrap_or_else(|error| panic!("listen on {on}: {error}"))
    }

    /// A command that will run in the namespace and be killed when the calling thread ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let file = Arc::clone(&self.file);
        prepared(program, move || setns(&*file, CloneFlags::CLONE_NEWNET))
    }

    /// Like [`Self::command`], without any privilege: user and group 65534, no supplementary group.
    pub fn command_as_nobody(&self, program: impl AsRef<OsStr>) -> Command {
        const NOBODY: u32 = 65534;
        let file = Arc::clone(&self.file);
        prepared(program, move || {
            setns(&*file, CloneFlags::CLONE_NEWNET)?;
            let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
            setgroups(&[])?;
            setresgid(group, group, group)?;
            setresuid(user, user, user)
        })
    }

    /// Like [`Self::command`], in a mount namespace from which every cgroup2 mount has been removed.
    ///
    /// # Panics
    ///
    /// If `/proc/self/mountinfo` cannot be read.
    pub fn command_without_cgroup2(&self, program: impl AsRef<OsStr>) -> Command {
        let file = Arc::clone(&self.file);
        let mount_points: Vec<CString> = cgroup2_mounts();
        prepared(program, move || {
            setns(&*file, CloneFlags::CLONE_NEWNET)?;
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none: Option<&str> = None;
            mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            for point in &mount_points {
                umount2(point.as_c_str(), MntFlags::MNT_DETACH)?;
            }
            Ok(())
        })
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

/// Sets the limits every socket of a test should have: no read or write blocks for ever, small writes go out at once.
///
/// # Errors
///
/// If the socket is gone.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(env::patience()))?;
    stream.set_write_timeout(Some(env::patience()))?;
    stream.set_nodelay(true)
}

/// Accepts a connection and [`prepare`]s it.
///
/// # Panics
///
/// If none comes in time.
#[must_use]
pub fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("an open socket");
    let stream = env::wait_for("a connection to the app", env::patience(), || match listener.accept() {
        Ok((stream, _)) => Some(stream),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) => panic!("accept: {error}"),
    });
    stream.set_nonblocking(false).expect("an open socket");
    prepare(&stream).expect("an open socket");
    stream
}

fn prepared(
    program: impl AsRef<OsStr>,
    in_child: impl Fn() -> nix::Result<()> + Send + Sync + 'static,
) -> Command {
    let mut command = Command::new(program);
    // SAFETY: the closures given here make plain system calls on memory that exists since before the fork; they
    // allocate nothing and take no lock.
    unsafe {
        command.pre_exec(move || {
            in_child()?;
            set_pdeathsig(Signal::SIGKILL)?;
            Ok(())
        });
    }
    command
}

fn cgroup2_mounts() -> Vec<CString> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").expect("/proc/self/mountinfo");
    table
        .lines()
        .filter_map(|line| {
            let (mount, source) = line.split_once(" - ")?;
            let point = mount.split(' ').nth(4)?;
            source.starts_with("cgroup2 ").then(|| CString::new(point).expect("no NUL in a mount point"))
        })
        .collect()
}
