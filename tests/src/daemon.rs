//! The daemon under test.

use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::kernel::BpfObjects;
use crate::{Lab, Process, env};

/// A fast lane for apps that ask how much there is to read.
const ASKING: &str = "--fast-lane=on";

/// A running `framewall run`, with its events on standard output.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    _config: Option<NamedTempFile>,
}

impl Daemon {
    /// Starts `framewall run` with `arguments` on the server host and waits until steering is in force.
    ///
    /// # Panics
    ///
    /// If it does not report `daemon_started`.
    #[must_use]
    pub fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let mut command = run_command(lab);
        command.args(arguments);
        Self::started(command, None)
    }

    /// Like [`Self::start`], with a configuration file of this text as well.
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    #[must_use]
    pub fn with_config(lab: &Lab, config: &str, arguments: &[&str]) -> Self {
        let file = config_file(config);
        let mut command = run_command(lab);
        command.arg("--config").arg(file.path()).args(arguments);
        Self::started(command, Some(file))
    }

    /// Like [`Self::start`], with this filter for the log (`FRAMEWALL_LOG`).
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    #[must_use]
    pub fn with_log(lab: &Lab, filter: &str, arguments: &[&str]) -> Self {
        let mut command = run_command(lab);
        command.args(arguments).env("FRAMEWALL_LOG", filter);
        Self::started(command, None)
    }

    fn started(command: Command, config: Option<NamedTempFile>) -> Self {
        let asks = command.get_args().any(|argument| argument == ASKING);
        let process = Process::spawn("framewall", command);
        let started = process.wait_event("daemon_started", |_| true);
        if env::with_fast_lane() && asks && started.get("fast_lane_ports").is_none() {
            let event = process.wait_event("fast_lane_unavailable", |_| true);
            assert!(event["reason"].as_str().is_some_and(|text| text.contains("FIONREAD")), "{event}");
        } else if env::with_fast_lane() {
            assert_eq!(started["fast_lane_ports"], started["ports"], "{}", process.stderr());
        }
        Self { process, _config: config }
    }

    /// The kernel objects that belong to the daemon now.
    #[must_use]
    pub fn bpf_objects(&self) -> BpfObjects {
        BpfObjects::of_process(self.process.pid())
    }

    /// Waits for `message_blocked` (or `message_flagged`, given as `event`) of the connection of `client`.
    ///
    /// # Panics
    ///
    /// If it does not come.
    pub fn wait_message_event(&self, event: &str, client: std::net::SocketAddr) -> Value {
        self.process.wait_address(event, "client", client)
    }

    /// Waits for the end of the connection of `client` and gives its reason.
    ///
    /// # Panics
    ///
    /// If the event does not come or has no reason.
    pub fn wait_closed(&self, client: std::net::SocketAddr) -> String {
        let closed = self.process.wait_address("connection_closed", "client", client);
        closed["reason"].as_str().unwrap_or_else(|| panic!("no reason in {closed}")).to_owned()
    }

    /// Asks the daemon to end (SIGTERM) and checks that it says so and leaves with code 0.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn stop(&mut self) {
        self.process.signal(Signal::SIGTERM);
        self.wait_stopped();
    }

    /// Waits for the regular end of a daemon that has been asked to stop.
    ///
    /// # Panics
    ///
    /// If it does not end, or with another code than 0, or without `daemon_stopped` as its last event.
    pub fn wait_stopped(&mut self) {
        let status = self.process.wait_exit(env::limit(20.0));
        assert!(status.success(), "{status}");
        let events = self.process.events();
        assert_eq!(events.last().expect("events")["event"], "daemon_stopped");
    }
}

impl Deref for Daemon {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Daemon {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// `framewall run` on the server host, without further arguments but that for a fast lane, if the tests run with it.
#[must_use]
pub fn run_command(lab: &Lab) -> Command {
    let mut command = lab.server.command(env::daemon_binary());
    command.arg("run");
    if env::with_fast_lane() {
        // Where the app asks, a kernel that does not know gets plain TCP.
        command.arg(if lab.expects_fionread() { ASKING } else { "--fast-lane=despite-fionread" });
    }
    command
}

/// A temporary configuration file.
///
/// # Panics
///
/// If it cannot be written.
#[must_use]
pub fn config_file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".toml").expect("a temporary file");
    file.write_all(text.as_bytes()).expect("write the configuration");
    file
}
