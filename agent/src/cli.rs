//! The command line.

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use framewall_inspect::{Mode, Profile};

use crate::config::FastLaneMode;

/// Inspects WebSocket messages in place, without a proxy to configure.
#[derive(Debug, Parser)]
#[command(name = "framewall", version, about, long_about = LONG_ABOUT, after_long_help = SEE_ALSO)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const LONG_ABOUT: &str = "\
Framewall inspects WebSocket messages in place. It is pointed at the ports of an application, redirects new \
connections to them through itself with eBPF, reads every message, and closes a connection before the \
application sees an offending message. The application, its clients, its addresses and its configuration stay \
as they are.";

const SEE_ALSO: &str = "\
Run `framewall help run`, `framewall help check` or `framewall help scan` for the manual of a command.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Steer the given ports through the daemon and inspect their messages
    #[command(long_about = RUN_ABOUT, after_long_help = RUN_MORE)]
    Run(RunArgs),
    /// Check configurations and rule files without running them
    #[command(long_about = CHECK_ABOUT, after_long_help = CHECK_MORE)]
    Check(CheckArgs),
    /// Inspect messages offline, one a line
    #[command(long_about = SCAN_ABOUT, after_long_help = SCAN_MORE)]
    Scan(ScanArgs),
    /// List what can be found, with what it means
    Signals,
}

const RUN_ABOUT: &str = "\
Steers new TCP connections on the given ports of this network namespace through the daemon and inspects the \
WebSocket messages in them. Connections that exist already are left alone. When the daemon ends, however it \
ends, new connections reach the application directly.

Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; Linux 5.15 or newer; a mounted cgroup2 file system.";

const RUN_MORE: &str = "\
Events:
  One JSON object a line: daemon_started, connection_opened, websocket_opened, connection_opaque,
  rule_matched, message_blocked, message_flagged, message_tagged, handshake_blocked,
  handshake_flagged, handshake_tagged, protocol_violation, limit_reached, policy_violation,
  rules_reloaded, rules_reload_failed, fast_lane_unavailable, connection_closed, connection_refused, accept_failed, events_dropped, daemon_draining,
  daemon_stopped. Each connection closes with one reason.

Log:
  Human-readable lines on standard error. FRAMEWALL_LOG sets the filter, for example
  FRAMEWALL_LOG=debug or FRAMEWALL_LOG=info,framewall_ebpf=debug (default: info).

Signals:
  SIGINT, SIGTERM  stop steering, let open connections finish until drain_timeout_ms, then close
                   them with Close code 1001 and exit 0; a second signal ends the waiting
  SIGHUP           read the rule files again; if all are sound they replace the rules, also those of
                   open connections, else the running rules stay

Exit status:
  0  ended by a signal
  1  could not start: configuration, rules, privileges, kernel, cgroup2
  2  wrong command line

Examples:
  framewall run --port 8080
  framewall run --port 8080 --port 9000 --mode log --events /var/log/framewall/events.json
  framewall run --port 8080 --rules /etc/framewall/rules.toml
  framewall run --config /etc/framewall/framewall.toml";

const CHECK_ABOUT: &str = "\
Reads configurations and rule files and says what is wrong with them, each mistake with its file, line and \
column. Warns of rules that can never match, that are off, or that never decide because an earlier one always \
does. A file in which a line begins with the name of a table of rules ([[rule]], [lists.x], [signals] and so on) \
is a rule file, others are configurations. The rule files that are given are read as one set; those that a \
configuration names are read with it.";

const CHECK_MORE: &str = "\
Exit status:
  0  all files are sound; there may be warnings
  1  there are mistakes, or a file cannot be read
  2  wrong command line

Examples:
  framewall check /etc/framewall/framewall.toml
  framewall check rules.toml more-rules.toml";

const SCAN_ABOUT: &str = "\
Inspects messages offline with the detectors of the daemon. Each line of the input is one text message, or with \
--jsonl one JSON object. For each message prints its number or id, the verdict and the signals found, separated \
by tabs. The verdict is what mode block would do: allow or block. Several signals are separated by commas, \
those included that are only worth a tag, and tags of rules; \"-\" stands for none. Rules are asked as on a \
connection of which nothing is known: conditions on the handshake do not hold.";

const SCAN_MORE: &str = "\
Objects (--jsonl):
  id           what to print before the verdict: a string or a number; else the number of the line
  payload      the message as a string, or
  payload_b64  the message in Base64
  opcode       \"text\" (default) or \"binary\"
  Other members are left alone.

Exit status:
  0  the input was read to its end, whatever the verdicts
  1  the input could not be read, or a line is no such object; what was before it is printed
  2  wrong command line

Examples:
  framewall scan messages.txt
  framewall scan --explain --profile strict messages.txt
  framewall scan --rules rules.toml --explain messages.txt
  printf '%s\\n' '{\"name\":\"1 OR 1=1 -- \"}' | framewall scan
  printf '%s\\n' '{\"id\":\"a\",\"payload\":\"hello\"}' | framewall scan --jsonl -";

/// Arguments of `framewall run`. What is given here replaces what the configuration file says.
#[derive(Debug, Default, Args)]
pub(crate) struct RunArgs {
    /// A TCP port of the application to steer, 1 to 65535; may be given several times
    #[arg(long = "port", value_name = "PORT", value_parser = parse_port)]
    pub(crate) ports: Vec<u16>,

    /// What to do with offending messages [default: block]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<RunMode>,

    /// Carry bytes to and from the application past the TCP stack, on all ports; see docs/fast-lane.md
    #[arg(long, value_name = "WHEN", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "on", overrides_with = "fast_lane")]
    pub(crate) fast_lane: Option<FastLaneMode>,

    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// A file of rules (TOML); may be given several times, and replaces `rules` of the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,

    /// Where events go: a file to append to, or - for standard output [default: -]
    #[arg(long, value_name = "FILE|-")]
    pub(crate) events: Option<PathBuf>,
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|port| *port != 0).ok_or("a port is a number from 1 to 65535")
}

/// Arguments of `framewall check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Configurations and rule files (TOML)
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Arguments of `framewall scan`.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// The messages, one a line; - is standard input
    #[arg(value_name = "FILE|-", default_value = "-")]
    pub(crate) input: PathBuf,

    /// Each line is a JSON object: {"id", "payload" or "payload_b64", "opcode"}
    #[arg(long)]
    pub(crate) jsonl: bool,

    /// Print only messages in which something was found, and for each finding why; with --rules print all, with
    /// their values and what became of each rule and its conditions
    #[arg(long)]
    pub(crate) explain: bool,

    /// A file of rules (TOML) that judge the messages, too; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,

    /// How much must speak for an attack before it blocks
    #[arg(long, value_name = "PROFILE", default_value = Profile::Balanced.as_str(), value_parser = profile())]
    pub(crate) profile: Profile,
}

fn profile() -> impl TypedValueParser<Value = Profile> {
    const ALL: [Profile; 3] = [Profile::Balanced, Profile::Strict, Profile::Lenient];
    PossibleValuesParser::new(ALL.map(Profile::as_str))
        .map(|name| ALL.into_iter().find(|profile| profile.as_str() == name).unwrap_or_default())
}

/// What the daemon does with traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunMode {
    /// Close a connection before the application sees an offending message
    Block,
    /// Find and report, let everything pass
    Log,
    /// Relay without inspecting
    Off,
}

impl RunMode {
    /// The mode of the inspection core; `None` where nothing is inspected.
    pub(crate) fn inspection(self) -> Option<Mode> {
        match self {
            Self::Block => Some(Mode::Block),
            Self::Log => Some(Mode::Log),
            Self::Off => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn ports_are_1_to_65535() {
        for port in ["0", "65536", "-1", "http"] {
            let error = Cli::try_parse_from(["framewall", "run", &format!("--port={port}")]);
            let text = error.expect_err("it is not a port").to_string();
            assert!(text.contains("--port") && text.contains("1 to 65535"), "{text}");
        }
        assert!(Cli::try_parse_from(["framewall", "run", "--port", "65535", "--port", "1"]).is_ok());
    }
}
