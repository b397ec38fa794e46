//! What is there for all rows: two hosts, the application, the programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::rows;
use crate::actor::Actor;
use crate::network::{self, Network};
use crate::workspace::Workspace;
use crate::{apt, artifacts, process, setup};

/// Where the application and the hops run.
pub(super) const HOST: &str = "framewall-bench-host";
/// Where the clients run.
pub(super) const CLIENT: &str = "framewall-bench-client";

/// On all legs, whatever this machine uses otherwise: one that paces, such as BBR, would measure its own pace. Where
/// nothing is lost it is like CUBIC, and it is the one that a namespace may always choose.
pub(super) const CONGESTION_CONTROL: &str = "reno";

/// Programs that are measured or called, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 3] = [("ip", "iproute2"), ("nginx", "nginx"), ("haproxy", "haproxy")];

/// The place of the measurements. Fields are dropped in this order: the programs go before their network.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) app: Actor,
    pub(super) daemon: PathBuf,
    pub(super) load: PathBuf,
    /// Logs, and the results.
    pub(super) logs: PathBuf,
    configurations: PathBuf,
    _network: Network,
}

impl Site {
    /// Builds and installs what is missing, makes the hosts and starts the application. The daemon is built where none
    /// is given.
    pub(super) fn set_up(workspace: &Workspace, daemon: Option<&Path>) -> Result<Self> {
        setup::run(workspace)?;
        let missing = PROGRAMS.iter().filter(|(program, _)| process::find_program(program).is_none());
        apt::install(&missing.map(|(_, package)| *package).collect::<Vec<_>>())?;
        println!("bench: building the daemon, the application and the clients");
        let daemon = match daemon {
            Some(daemon) => daemon.canonicalize().with_context(|| daemon.display().to_string())?,
            None => artifacts::daemon(workspace)?,
        };
        let load = artifacts::program(workspace, "framewall-load")?;
        let logs = workspace.target.join("bench");
        fs::create_dir_all(&logs)?;
        raise_open_files()?;
        let network = Network::new([HOST, CLIENT])?;
        for host in [HOST, CLIENT] {
            network::set(host, "net/ipv4/tcp_congestion_control", CONGESTION_CONTROL)?;
        }
        // Thousands of connections follow each other within the minute for which the kernel keeps a port to itself.
        network::set(CLIENT, "net/ipv4/ip_local_port_range", "2048 65535")?;
        network::set(CLIENT, "net/ipv4/tcp_tw_reuse", "1")?;
        let mut command = network::command_in(HOST, &load);
        command.args(["app", "--listen", &rows::app_address().to_string()]);
        command.args(["--threads", &threads().to_string()]);
        let mut app = Actor::start("the application", &mut command, &logs.join("app.log"))?;
        app.wait(0, "that it listens", |event| event["event"] == "listening")?;
        let configurations = workspace.root.join("xtask/bench");
        Ok(Self { app, daemon, load, logs, configurations, _network: network })
    }

    /// A committed configuration of a program that is measured.
    pub(super) fn configuration(&self, name: &str) -> PathBuf {
        self.configurations.join(name)
    }

    /// An empty directory.
    pub(super) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let directory = self.logs.join(name);
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        Ok(directory)
    }

    /// A command for the clients.
    pub(super) fn client(&self) -> std::process::Command {
        network::command_in(CLIENT, Path::new(&self.load))
    }
}

/// Threads of the application, and of the clients: each takes half of the machine when there is no hop.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// Every connection takes two descriptors of a hop. Children inherit the limit.
fn raise_open_files() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("the limit of open files")
}
