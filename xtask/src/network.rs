//! Two hosts joined by a cable: network namespaces that exist as long as the guard.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};

use crate::process;

/// The first host's address: one for documentation (RFC 5737), so nobody's real network is hidden by it.
pub(crate) const HOST_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The second host's.
const CLIENT_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The namespaces made so far; dropping it removes them, and with them the cable.
#[derive(Debug, Default)]
pub(crate) struct Network {
    namespaces: Vec<&'static str>,
}

impl Network {
    /// Makes two hosts of these names and joins them.
    pub(crate) fn new([host, client]: [&'static str; 2]) -> Result<Self> {
        let mut network = Self::default();
        for name in [host, client] {
            remove_remains(name)?;
            ip(&["netns", "add", name])?;
            network.namespaces.push(name);
        }
        ip(&["-n", host, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", client])?;
        for (name, address) in [(host, HOST_ADDRESS), (client, CLIENT_ADDRESS)] {
            ip(&["-n", name, "address", "add", &format!("{address}/24"), "dev", "veth0"])?;
            ip(&["-n", name, "link", "set", "veth0", "up"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        Ok(network)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.namespaces {
            if let Err(error) = ip(&["netns", "delete", name]) {
                eprintln!("xtask: {error:#}");
            }
        }
    }
}

/// Removes what a killed run left behind; a running one is left alone.
fn remove_remains(name: &str) -> Result<()> {
    if !path(name).exists() {
        return Ok(());
    }
    let mut command = Command::new("ip");
    command.args(["netns", "pids", name]).env("PATH", process::search_path(None));
    if !process::output(&mut command)?.trim().is_empty() {
        bail!("another run goes on: there are processes in the network namespace {name}");
    }
    println!("xtask: removing the network namespace {name}, which an earlier run left behind");
    ip(&["netns", "delete", name])
}

/// A command that will run on one of the hosts. Unlike `ip netns exec` it leaves the mounts alone: the daemon needs
/// the cgroup mount.
pub(crate) fn command_in(name: &str, program: &Path) -> Command {
    let mut command = process::tied("nsenter");
    command.arg(format!("--net={}", path(name).display())).arg(program);
    command
}

/// Connects from one of the hosts. The socket stays there, whoever uses it.
pub(crate) fn connect_from(name: &str, to: SocketAddr) -> Result<TcpStream> {
    inside(name, move || {
        TcpStream::connect_timeout(&to, CONNECT_LIMIT).with_context(|| format!("connect to {to}"))
    })
}

/// Sets a variable of one of the hosts: a path below `/proc/sys`.
pub(crate) fn set(name: &str, variable: &str, value: &'static str) -> Result<()> {
    let file = Path::new("/proc/sys").join(variable);
    inside(name, move || std::fs::write(&file, value).with_context(|| file.display().to_string()))
}

/// Does something on one of the hosts.
fn inside<T: Send + 'static>(name: &str, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let namespace = path(name);
    let enter_and_work = move || {
        let namespace = std::fs::File::open(&namespace).with_context(|| namespace.display().to_string())?;
        setns(namespace, CloneFlags::CLONE_NEWNET).context("enter the network namespace")?;
        work()
    };
    // The thread enters the namespace for good, so it must not be ours.
    std::thread::spawn(enter_and_work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The file by which others enter a namespace.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

fn ip(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(arguments).env("PATH", process::search_path(None));
    process::output(&mut command).map(drop)
}
