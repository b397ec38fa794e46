//! What stands between the clients and the application: the rows of the table.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cpu;
use super::site::{HOST, Site};
use crate::process::{self, KillOnDrop};
use crate::{interrupt, network};

/// Where the application listens, and what Framewall steers.
pub(super) const APP_PORT: u16 = 9000;
/// As in nginx.conf.
const NGINX_PORT: u16 = 8081;
/// As in haproxy.cfg.
const HAPROXY_PORT: u16 = 8082;
/// For a program to start or to end.
const LIMIT: Duration = Duration::from_secs(15);

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    Direct,
    Nginx,
    Haproxy,
    /// Framewall that relays only.
    Off,
    /// Framewall that inspects and blocks nothing.
    Log,
    /// Framewall that inspects and blocks.
    Block,
    /// The same with 100 rules.
    Rules,
    /// As [`Row::Block`], with messages that are compressed by permessage-deflate.
    Deflate,
    /// As [`Row::Rules`], with the fast lane.
    Lane,
}

impl Row {
    pub(super) const ALL: [Self; 9] = [
        Self::Direct,
        Self::Nginx,
        Self::Haproxy,
        Self::Off,
        Self::Log,
        Self::Block,
        Self::Rules,
        Self::Deflate,
        Self::Lane,
    ];

    /// As it stands in tables and in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Off => "Framewall off",
            Self::Log => "Framewall log",
            Self::Block => "Framewall block",
            Self::Rules => "Framewall block, 100 rules",
            Self::Deflate => "Framewall block, deflate",
            Self::Lane => "Framewall rules, fast lane",
        }
    }

    /// Whether its clients compress.
    pub(super) fn deflates(self) -> bool {
        self == Self::Deflate
    }

    /// The mode in which the daemon runs, if it does.
    pub(super) fn mode(self) -> Option<&'static str> {
        match self {
            Self::Direct | Self::Nginx | Self::Haproxy => None,
            Self::Off => Some("off"),
            Self::Log => Some("log"),
            Self::Block | Self::Rules | Self::Deflate | Self::Lane => Some("block"),
        }
    }

    /// Whether it is what most have: the daemon that inspects and blocks.
    pub(super) fn inspects_by_default(self) -> bool {
        self.mode() == Some("block")
    }

    /// Where the clients connect to.
    pub(super) fn address(self) -> SocketAddr {
        let port = match self {
            Self::Nginx => NGINX_PORT,
            Self::Haproxy => HAPROXY_PORT,
            Self::Direct | Self::Off | Self::Log | Self::Block | Self::Rules | Self::Deflate | Self::Lane => {
                APP_PORT
            }
        };
        SocketAddr::from((network::HOST_ADDRESS, port))
    }

    /// Starts what this row needs and waits until it serves.
    pub(super) fn start(self, site: &Site) -> Result<Hop> {
        match (self, self.mode()) {
            (Self::Nginx, _) => nginx(site),
            (Self::Haproxy, _) => haproxy(site),
            (_, Some(mode)) => framewall(site, mode, self),
            (_, None) => Ok(Hop { child: None, events: None }),
        }
        .with_context(|| self.name())
    }
}

/// What runs in the middle of a row; it ends with its guard.
#[derive(Debug)]
pub(super) struct Hop {
    child: Option<KillOnDrop>,
    /// The file of the daemon's events.
    pub(super) events: Option<PathBuf>,
}

impl Hop {
    /// All processes that belong to it. nginx makes some when it serves already.
    pub(super) fn processes(&self) -> Result<Vec<u32>> {
        self.child.as_ref().map_or(Ok(Vec::new()), |child| cpu::family(child.0.id()))
    }

    /// Lets it end by itself.
    pub(super) fn stop(mut self) -> Result<()> {
        let processes = self.processes()?;
        let Some(child) = &mut self.child else { return Ok(()) };
        // The first of the family may only be there to hold the others.
        for process in processes {
            let _ = kill(Pid::from_raw(i32::try_from(process)?), Signal::SIGTERM);
        }
        let started = Instant::now();
        while child.0.try_wait()?.is_none() {
            if started.elapsed() > LIMIT {
                bail!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

fn nginx(site: &Site) -> Result<Hop> {
    let directory = site.scratch("nginx")?;
    let program = process::find_program("nginx").context("there is no nginx")?;
    // nginx that is killed leaves its workers behind; a process namespace takes them along.
    let mut command = process::tied("unshare");
    command.args(["--pid", "--fork", "--kill-child", "nsenter"]);
    command.arg(format!("--net={}", network::path(HOST).display())).arg(program);
    command.arg("-p").arg(&directory).arg("-c").arg(site.configuration("nginx.conf"));
    proxy(site, &mut command, "nginx.log", NGINX_PORT)
}

fn haproxy(site: &Site) -> Result<Hop> {
    let program = process::find_program("haproxy").context("there is no haproxy")?;
    let mut command = network::command_in(HOST, &program);
    command.args(["-db", "-f"]).arg(site.configuration("haproxy.cfg"));
    proxy(site, &mut command, "haproxy.log", HAPROXY_PORT)
}

fn proxy(site: &Site, command: &mut Command, log: &str, port: u16) -> Result<Hop> {
    let mut child = spawn(site, command, log)?;
    let address = SocketAddr::from((network::HOST_ADDRESS, port));
    wait(site, &mut child, log, || network::connect_from(HOST, address).is_ok())?;
    Ok(Hop { child: Some(child), events: None })
}

fn framewall(site: &Site, mode: &str, row: Row) -> Result<Hop> {
    let events = site.logs.join("events.json");
    if events.exists() {
        fs::remove_file(&events)?;
    }
    let mut command = network::command_in(HOST, &site.daemon);
    command.args(["run", "--port", &APP_PORT.to_string(), "--mode", mode]).arg("--events").arg(&events);
    if matches!(row, Row::Rules | Row::Lane) {
        command.arg("--rules").arg(site.configuration("rules.toml"));
    }
    if row == Row::Lane {
        // The application does not ask how much there is to read. A lane that fails for another reason is no row.
        command.arg("--fast-lane=despite-fionread");
    }
    let log = "framewall.log";
    let mut child = spawn(site, &mut command, log)?;
    let wanted = if row == Row::Lane { "\"fast_lane_ports\"" } else { "\"daemon_started\"" };
    wait(site, &mut child, log, || has_said(&events, wanted))?;
    Ok(Hop { child: Some(child), events: Some(events) })
}

fn has_said(events: &Path, what: &str) -> bool {
    let Ok(file) = File::open(events) else { return false };
    BufReader::new(file).lines().map_while(Result::ok).any(|line| line.contains(what))
}

fn spawn(site: &Site, command: &mut Command, log: &str) -> Result<KillOnDrop> {
    let log = File::create(site.logs.join(log))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // Ctrl-C is for us, who then stop everything in the right order.
    let child = command.process_group(0).spawn().with_context(|| process::described(command))?;
    Ok(KillOnDrop(child))
}

fn wait(site: &Site, child: &mut KillOnDrop, log: &str, serves: impl Fn() -> bool) -> Result<()> {
    let started = Instant::now();
    while !serves() {
        interrupt::check()?;
        let ended = child.0.try_wait()?;
        if ended.is_some() || started.elapsed() > LIMIT {
            bail!("it does not start; its log is {}", site.logs.join(log).display());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Where the application listens.
pub(super) fn app_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, APP_PORT))
}
