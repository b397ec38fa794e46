//! The configuration: what was written (`Raw…`) and what is true ([`Config`]).
//!
//! The command line wins over the file. Every error names the file, the line, the column, the key and what is
//! allowed; nothing is half-applied.

mod anonymise;
mod fast_lane;
mod limits;
mod port;
mod source;

use std::{
    fs, io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use framewall_common::MAX_PORTS;
use framewall_inspect::{Budget, DeflatePolicy, HandshakePolicy, Limits, OpaquePolicy, Profile};
use serde::Deserialize;
use toml::Spanned;

use self::{
    anonymise::RawAnonymise,
    limits::RawLimits,
    port::{Detect, RawPort, RawProfile},
    source::{Complaint, Source},
};
pub(crate) use self::{fast_lane::FastLaneMode, port::Port};
use crate::{
    cli::{RunArgs, RunMode},
    rules::beside,
    telemetry::{clients::Anonymise, events::Destination},
};

/// What the daemon runs with.
#[derive(Debug)]
pub(crate) struct Config {
    /// Steered ports, sorted by number, at least one.
    pub(crate) ports: Vec<Port>,
    /// What to do with traffic, where a port does not say otherwise.
    pub(crate) mode: RunMode,
    /// Where events go.
    pub(crate) events: Destination,
    /// Whether events and the log name clients by pseudonyms.
    pub(crate) anonymise_clients: Anonymise,
    /// How long open connections may go on after SIGTERM.
    pub(crate) drain_timeout: Duration,
    /// Worker threads; `None` for one a core.
    pub(crate) workers: Option<usize>,
    /// Connections at once; `None` for what the limit of open files allows.
    pub(crate) max_connections: Option<usize>,
    /// Connections at once from one address; `None` for no limit.
    pub(crate) max_connections_per_client: Option<NonZeroU32>,
    /// Bytes that the unfinished messages of all connections may hold.
    pub(crate) max_held_bytes: usize,
    /// The files of rules, in order.
    pub(crate) rules: Vec<PathBuf>,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Invalid(Box<Complaint>),
    #[error("no port to steer: give --port, or `ports` or `[[port]]` in the configuration file")]
    NoPorts,
    #[error("{count} ports to steer, at most {MAX_PORTS} are possible")]
    TooManyPorts { count: usize },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConfig {
    ports: Vec<Spanned<i64>>,
    mode: Option<RunMode>,
    profile: Option<RawProfile>,
    detect: Detect,
    fast_lane: FastLaneMode,
    events: Option<PathBuf>,
    anonymise_clients: RawAnonymise,
    drain_timeout_ms: Option<Spanned<i64>>,
    workers: Option<Spanned<i64>>,
    max_connections: Option<Spanned<i64>>,
    max_connections_per_client: Option<Spanned<i64>>,
    max_held_bytes: Option<Spanned<i64>>,
    rules: Vec<PathBuf>,
    limits: RawLimits,
    port: Vec<RawPort>,
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

impl Config {
    /// Reads the file that `args` names, if any, and lets `args` overrule it.
    pub(crate) fn load(args: &RunArgs) -> Result<Self, ConfigError> {
        let config = match &args.config {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
                Self::parse(path, &text, args)?
            }
            None => Self::parse(Path::new(""), "", args)?,
        };
        match config.ports.len() {
            0 => Err(ConfigError::NoPorts),
            count if count > MAX_PORTS => Err(ConfigError::TooManyPorts { count }),
            _ => Ok(config),
        }
    }

    /// Reads a file by itself, which may leave the ports to the command line.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text, &RunArgs::default())
    }

    /// The numbers of the steered ports, sorted.
    pub(crate) fn port_numbers(&self) -> Vec<u16> {
        self.ports.iter().map(|port| port.number).collect()
    }

    fn parse(path: &Path, text: &str, args: &RunArgs) -> Result<Self, ConfigError> {
        let source = Source { path, text };
        let raw: RawConfig = toml::from_str(text)
            .map_err(|error| source.complaint(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        let mode = args.mode.or(raw.mode).unwrap_or(RunMode::Block);
        let limits = raw.limits.over(&Limits::default(), "limits", &source)?;
        let plain = |number| Port {
            number,
            mode,
            profile: raw.profile.map(Profile::from).unwrap_or_default(),
            opaque: OpaquePolicy::default(),
            handshake: HandshakePolicy::default(),
            deflate: DeflatePolicy::default(),
            detect: raw.detect,
            fast_lane: args.fast_lane.unwrap_or(raw.fast_lane),
            limits: limits.clone(),
        };
        let mut tables: Vec<Port> = Vec::new();
        for table in &raw.port {
            let mut port = table.check(&tables, &plain(0), &source)?;
            port.mode = args.mode.unwrap_or(port.mode);
            port.fast_lane = args.fast_lane.unwrap_or(port.fast_lane);
            tables.push(port);
        }
        let mut numbers = raw
            .ports
            .iter()
            .map(|port| source.in_range("ports", port, 1..=65535))
            .collect::<Result<Vec<u16>, _>>()?;
        numbers.extend(tables.iter().map(|port| port.number));
        if !args.ports.is_empty() {
            numbers.clone_from(&args.ports);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let table = |number| tables.iter().find(|port| port.number == number).cloned();
        Ok(Self {
            ports: numbers.into_iter().map(|number| table(number).unwrap_or_else(|| plain(number))).collect(),
            mode,
            events: args.events.clone().or(raw.events).map_or(Destination::StandardOutput, Destination::from),
            anonymise_clients: raw.anonymise_clients.beside(path),
            drain_timeout: source
                .optional("drain_timeout_ms", raw.drain_timeout_ms.as_ref(), 0..=600_000)?
                .map_or(DRAIN_TIMEOUT, Duration::from_millis),
            workers: source.optional("workers", raw.workers.as_ref(), 1..=256)?,
            max_connections: source.optional(
                "max_connections",
                raw.max_connections.as_ref(),
                1..=10_000_000,
            )?,
            max_connections_per_client: source
                .optional(
                    "max_connections_per_client",
                    raw.max_connections_per_client.as_ref(),
                    1..=10_000_000,
                )?
                .and_then(NonZeroU32::new),
            max_held_bytes: source
                .optional("max_held_bytes", raw.max_held_bytes.as_ref(), 1 << 20..=1 << 40)?
                .unwrap_or(Budget::DEFAULT_LIMIT),
            rules: if args.rules.is_empty() {
                raw.rules.iter().map(|file| beside(path, file)).collect()
            } else {
                args.rules.clone()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use framewall_inspect::OversizePolicy;

    use super::*;

    fn args() -> RunArgs {
        RunArgs::default()
    }

    fn config(text: &str) -> Config {
        Config::parse(Path::new("f.toml"), text, &args()).expect("the text is a configuration")
    }

    fn error(text: &str) -> String {
        Config::parse(Path::new("f.toml"), text, &args()).expect_err("the text is wrong").to_string()
    }

    #[test]
    fn defaults_are_the_cores() {
        let config = config("ports = [1]");
        assert_eq!(config.ports[0].limits, Limits::default());
        assert_eq!(config.mode, RunMode::Block);
    }

    #[test]
    fn reads_every_key() {
        let text = "ports = [8080, 1]\nmode = \"log\"\nevents = \"/tmp/e\"\ndrain_timeout_ms = 1\nworkers = 2\n\
                    max_connections = 3\nmax_connections_per_client = 8\nmax_held_bytes = 1048576\n[limits]\n\
                    max_head_bytes = 2048\nmax_message_bytes = 4\nmax_message_fragments = 5\n\
                    max_pipelined_requests = 6\nclose_grace_ms = 7\nmax_frame_bytes = 8\n\
                    max_inflate_ratio = 9\noversize = \"pass\"\nmessage_timeout_ms = 10\n\
                    handshake_timeout_ms = 0\nidle_timeout_ms = 12\nmax_lifetime_ms = 13\n\
                    max_control_frames_per_second = 14\nmax_messages_per_second = 15\n\
                    max_bytes_per_second = 16\nmax_json_depth = 17\nmax_leaves = 18\n";
        let config = config(text);
        assert_eq!(config.port_numbers(), [1, 8080]);
        assert_eq!(config.mode, RunMode::Log);
        assert_eq!(config.events, Destination::File("/tmp/e".into()));
        assert_eq!(config.drain_timeout, Duration::from_millis(1));
        assert_eq!((config.workers, config.max_connections), (Some(2), Some(3)));
        assert_eq!(config.max_connections_per_client, NonZeroU32::new(8));
        assert_eq!(config.max_held_bytes, 1_048_576);
        let ms = |ms| Some(Duration::from_millis(ms));
        let expected = Limits {
            max_head_bytes: 2048,
            max_message_bytes: 4,
            max_message_fragments: 5,
            max_pipelined_requests: 6,
            close_grace: Duration::from_millis(7),
            max_frame_bytes: Some(8),
            max_inflate_ratio: 9,
            oversize: OversizePolicy::Pass,
            message_timeout: ms(10),
            handshake_timeout: None,
            idle_timeout: ms(12),
            max_lifetime: ms(13),
            max_control_frames_per_second: NonZeroU32::new(14),
            max_messages_per_second: NonZeroU32::new(15),
            max_bytes_per_second: NonZeroU32::new(16),
            max_json_depth: 17,
            max_leaves: 18,
        };
        assert_eq!(config.ports[0].limits, expected);
    }

    #[test]
    fn a_profile_is_inherited_unless_a_port_has_its_own() {
        let text = "ports = [1]\nprofile = \"strict\"\n[[port]]\nport = 2\nprofile = \"lenient\"\n";
        let profiles: Vec<_> = config(text).ports.iter().map(|port| port.profile).collect();
        assert_eq!(profiles, [Profile::Strict, Profile::Lenient]);
        assert_eq!(config("ports = [1]").ports[0].profile, Profile::Balanced);
        assert!(error("profile = \"loose\"").starts_with("f.toml:1:11: unknown variant `loose`"));
    }

    #[test]
    fn whose_messages_detectors_look_at_is_inherited_too() {
        let text = "ports = [1]\ndetect = \"both\"\n[[port]]\nport = 2\ndetect = \"to_server\"\n[[port]]\nport = 3\n";
        let detect: Vec<_> = config(text).ports.iter().map(|port| port.detect).collect();
        assert_eq!(detect, [Detect::Both, Detect::ToServer, Detect::Both]);
        let settings = |text| config(text).ports[0].inspection(&Arc::default(), &Arc::default());
        assert!(settings(text).is_some_and(|settings| settings.detect_to_client));
        assert!(settings("ports = [1]").is_some_and(|settings| !settings.detect_to_client));
        assert!(error("detect = \"to_client\"").starts_with("f.toml:1:10: unknown variant `to_client`"));
    }

    #[test]
    fn a_fast_lane_is_asked_for_by_a_word_or_by_none() {
        let text = "ports = [1]\nfast_lane = true\n[[port]]\nport = 2\nfast_lane = \"required\"\n[[port]]\nport = 3\n\
                    fast_lane = false\n[[port]]\nport = 4\nfast_lane = \"despite-fionread\"\n";
        let modes = |config: Config| config.ports.iter().map(|port| port.fast_lane).collect::<Vec<_>>();
        let as_written =
            [FastLaneMode::On, FastLaneMode::Required, FastLaneMode::Off, FastLaneMode::DespiteFionread];
        assert_eq!(modes(config(text)), as_written);
        assert_eq!(modes(config("ports = [1]")), [FastLaneMode::Off]);
        let args = RunArgs { fast_lane: Some(FastLaneMode::On), ..args() };
        let overruled = Config::parse(Path::new("f.toml"), text, &args).expect("sound");
        assert_eq!(modes(overruled), [FastLaneMode::On; 4]);
        let wrong = error("ports = [1]\nfast_lane = \"on\"");
        assert!(
            wrong.starts_with(
                "f.toml:2:13: invalid value: string \"on\", expected true, false, \"required\" or"
            ),
            "{wrong}"
        );
    }

    const PORTS: &str = "ports = [80, 90]\nmode = \"log\"\n[limits]\nmax_head_bytes = 2048\n\
                         max_message_bytes = 100\n[[port]]\nport = 90\nmode = \"off\"\n[[port]]\nport = 70\n\
                         opaque = \"close\"\n[port.limits]\nmax_message_bytes = 200\n";

    #[test]
    fn a_port_overrides_what_it_names_and_inherits_the_rest() {
        let config = config(PORTS);
        assert_eq!(config.port_numbers(), [70, 80, 90]);
        let [first, second, third] = config.ports.as_slice() else { panic!("three ports") };
        assert_eq!((first.mode, first.opaque), (RunMode::Log, OpaquePolicy::Close));
        assert_eq!((first.limits.max_message_bytes, first.limits.max_head_bytes), (200, 2048));
        assert_eq!((second.mode, second.opaque), (RunMode::Log, OpaquePolicy::Pass));
        assert_eq!(second.limits.max_message_bytes, 100);
        assert_eq!(third.mode, RunMode::Off);
        assert!(third.inspection(&Arc::default(), &Arc::default()).is_none());
    }

    #[test]
    fn reads_what_a_handshake_must_be_like() {
        let config = config(
            "[[port]]\nport = 1\norigins = [\"https://*.example.org\", \"null\"]\norigin_required = true\n\
             paths = [\"/chat\", \"/rooms/*\"]\nsubprotocols = [\"graphql-transport-ws\"]\ndeflate = \"strip\"\n",
        );
        let policy = &config.ports[0].handshake;
        assert_eq!((policy.origins.len(), policy.paths.len(), policy.subprotocols.len()), (2, 2, 1));
        assert_eq!(config.ports[0].deflate, DeflatePolicy::Strip);
        assert!(policy.origin_required && policy.origins[0].matches("https://a.example.org"));
        let origin = error("[[port]]\nport = 1\norigins = [\"null\", \"example.org\"]\n");
        assert!(origin.starts_with("f.toml:3:20: `port.origins`: not an origin"), "{origin}");
        let path = error("[[port]]\nport = 1\npaths = [\"chat\"]\n");
        assert!(path.starts_with("f.toml:3:10: `port.paths`: not a path"), "{path}");
        assert!(error("[[port]]\nport = 1\nsubprotocols = [\"a b\"]\n").starts_with("f.toml:3:17: "));
    }

    #[test]
    fn the_command_line_chooses_ports_and_mode_and_keeps_the_tables() {
        let args = RunArgs { ports: vec![70, 60], mode: Some(RunMode::Block), ..args() };
        let config = Config::parse(Path::new(""), PORTS, &args).expect("the text is a configuration");
        assert_eq!(config.port_numbers(), [60, 70]);
        assert!(config.ports.iter().all(|port| port.mode == RunMode::Block));
        assert_eq!(config.ports[1].limits.max_message_bytes, 200);
    }

    #[test]
    fn mistakes_in_a_port_are_shown_where_they_stand() {
        let twice = error("[[port]]\nport = 1\n[[port]]\nport = 1\n");
        assert!(twice.starts_with("f.toml:4:8: there is a `[[port]]` table for port 1 already"), "{twice}");
        let range = error("[[port]]\nport = 1\nlimits.max_head_bytes = 1\n");
        assert!(range.starts_with("f.toml:3:25: `port.limits.max_head_bytes` is 1, allowed"), "{range}");
        assert!(error("[[port]]\nmode = \"log\"\n").contains("missing field `port`"));
        assert!(error("[[port]]\nport = 1\nopaque = \"open\"\n").starts_with("f.toml:3:10: unknown variant"));
        assert!(error("[[port]]\nport = 1\norigin = 1\n").starts_with("f.toml:3:1: unknown field `origin`"));
    }

    #[test]
    fn rule_files_stand_beside_the_configuration() {
        let parse = |args: &RunArgs| {
            Config::parse(Path::new("/etc/f/f.toml"), "rules = [\"a.toml\", \"/b.toml\"]", args)
                .expect("sound")
        };
        assert_eq!(parse(&args()).rules, [PathBuf::from("/etc/f/a.toml"), PathBuf::from("/b.toml")]);
        let given = RunArgs { rules: vec!["c.toml".into()], ..args() };
        assert_eq!(parse(&given).rules, [PathBuf::from("c.toml")]);
    }

    #[test]
    fn clients_are_anonymised_with_a_random_key_or_that_of_a_file() {
        let parse = |text| Config::parse(Path::new("/etc/f/f.toml"), text, &args()).expect("sound");
        let wanted = |text| parse(text).anonymise_clients;
        assert_eq!(wanted(""), Anonymise::No);
        assert_eq!(wanted("anonymise_clients = false"), Anonymise::No);
        assert_eq!(wanted("anonymise_clients = true"), Anonymise::RandomKey);
        let file = wanted("anonymise_clients = { key_file = \"key\" }");
        assert_eq!(file, Anonymise::KeyFile("/etc/f/key".into()));
        let wrong = error("anonymise_clients = \"yes\"");
        assert!(
            wrong.starts_with("f.toml:1:21: invalid type: string \"yes\", expected true, false or"),
            "{wrong}"
        );
        let unknown = error("[anonymise_clients]\nkey = \"k\"");
        assert!(unknown.starts_with("f.toml:2:1: unknown field `key`, expected `key_file`"), "{unknown}");
        assert!(error("anonymise_clients = {}").starts_with("f.toml:1:21: missing field `key_file`"));
    }

    #[test]
    fn an_unknown_key_is_shown_where_it_stands() {
        let error = error("mode = \"block\"\nprot = 8080\n");
        assert!(error.starts_with("f.toml:2:1: unknown field `prot`, expected one of `ports`"), "{error}");
        assert!(error.ends_with("  |\n2 | prot = 8080\n  | ^^^^"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_shown_with_what_is_allowed() {
        let error = error("[limits]\n  max_head_bytes = 12\n");
        assert!(
            error.starts_with("f.toml:2:20: `limits.max_head_bytes` is 12, allowed are 1024 to 1048576"),
            "{error}"
        );
        assert!(error.ends_with("2 |   max_head_bytes = 12\n  |                    ^^"), "{error}");
    }

    #[test]
    fn a_port_out_of_range_is_shown() {
        assert!(error("ports = [80, 70000]").starts_with("f.toml:1:14: `ports` is 70000"));
    }

    #[test]
    fn a_wrong_type_and_broken_syntax_are_shown() {
        assert!(error("mode = \"blok\"").starts_with("f.toml:1:8: unknown variant `blok`"));
        assert!(error("ports = [").starts_with("f.toml:1:"));
    }
}
