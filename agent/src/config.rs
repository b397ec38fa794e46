//! The configuration: what was written (`Raw…`) and what is true ([`Config`]).
//!
//! The command line wins over the file. Every error names the file, the line, the column, the key and what is
//! allowed; nothing is half-applied.

use std::{
    fmt, fs, io,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    time::Duration,
};

use framewall_common::MAX_PORTS;
use framewall_inspect::Limits;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    cli::{RunArgs, RunMode},
    telemetry::events::Destination,
};

/// What the daemon runs with.
#[derive(Debug)]
pub(crate) struct Config {
    /// Steered ports, sorted, at least one.
    pub(crate) ports: Vec<u16>,
    /// What to do with traffic.
    pub(crate) mode: RunMode,
    /// Where events go.
    pub(crate) events: Destination,
    /// How long open connections may go on after SIGTERM.
    pub(crate) drain_timeout: Duration,
    /// Worker threads; `None` for one a core.
    pub(crate) workers: Option<usize>,
    /// Connections at once; `None` for what the limit of open files allows.
    pub(crate) max_connections: Option<usize>,
    /// Limits of the inspection.
    pub(crate) limits: Limits,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Invalid(Box<Complaint>),
    #[error("no port to steer: give --port, or `ports` in the configuration file")]
    NoPorts,
    #[error("{count} ports to steer, at most {MAX_PORTS} are possible")]
    TooManyPorts { count: usize },
}

/// An error at a place of the file, shown with the line and a caret below the culprit.
#[derive(Debug)]
pub(crate) struct Complaint {
    path: PathBuf,
    line: usize,
    column: usize,
    text: String,
    width: usize,
    message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{}:{}:{}: {}", self.path.display(), self.line, self.column, self.message)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.text)?;
        write!(f, "{margin} | {}{}", " ".repeat(self.column - 1), "^".repeat(self.width))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConfig {
    ports: Vec<Spanned<i64>>,
    mode: Option<RunMode>,
    events: Option<PathBuf>,
    drain_timeout_ms: Option<Spanned<i64>>,
    workers: Option<Spanned<i64>>,
    max_connections: Option<Spanned<i64>>,
    limits: RawLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    max_head_bytes: Option<Spanned<i64>>,
    max_message_bytes: Option<Spanned<i64>>,
    max_message_fragments: Option<Spanned<i64>>,
    max_pipelined_requests: Option<Spanned<i64>>,
    close_grace_ms: Option<Spanned<i64>>,
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

impl Config {
    /// Reads the file that `args` names, if any, and lets `args` overrule it.
    pub(crate) fn load(args: &RunArgs) -> Result<Self, ConfigError> {
        let mut config = match &args.config {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
                Self::parse(path, &text)?
            }
            None => Self::parse(Path::new(""), "")?,
        };
        if !args.ports.is_empty() {
            config.ports.clone_from(&args.ports);
        }
        if let Some(mode) = args.mode {
            config.mode = mode;
        }
        if let Some(path) = &args.events {
            config.events = Destination::from(path.clone());
        }
        config.ports.sort_unstable();
        config.ports.dedup();
        match config.ports.len() {
            0 => Err(ConfigError::NoPorts),
            count if count > MAX_PORTS => Err(ConfigError::TooManyPorts { count }),
            _ => Ok(config),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = Source { path, text };
        let raw: RawConfig = toml::from_str(text)
            .map_err(|error| source.complaint(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        let defaults = Limits::default();
        let limits = &raw.limits;
        Ok(Self {
            ports: raw
                .ports
                .iter()
                .map(|port| source.in_range("ports", port, 1..=65535))
                .collect::<Result<_, _>>()?,
            mode: raw.mode.unwrap_or(RunMode::Block),
            events: raw.events.map_or(Destination::StandardOutput, Destination::from),
            drain_timeout: source
                .optional("drain_timeout_ms", raw.drain_timeout_ms.as_ref(), 0..=600_000)?
                .map_or(DRAIN_TIMEOUT, Duration::from_millis),
            workers: source.optional("workers", raw.workers.as_ref(), 1..=256)?,
            max_connections: source.optional(
                "max_connections",
                raw.max_connections.as_ref(),
                1..=10_000_000,
            )?,
            limits: Limits {
                max_head_bytes: source
                    .optional("limits.max_head_bytes", limits.max_head_bytes.as_ref(), 1024..=1 << 20)?
                    .unwrap_or(defaults.max_head_bytes),
                max_message_bytes: source
                    .optional("limits.max_message_bytes", limits.max_message_bytes.as_ref(), 1..=256 << 20)?
                    .unwrap_or(defaults.max_message_bytes),
                max_message_fragments: source
                    .optional(
                        "limits.max_message_fragments",
                        limits.max_message_fragments.as_ref(),
                        1..=1 << 20,
                    )?
                    .unwrap_or(defaults.max_message_fragments),
                max_pipelined_requests: source
                    .optional(
                        "limits.max_pipelined_requests",
                        limits.max_pipelined_requests.as_ref(),
                        1..=4096,
                    )?
                    .unwrap_or(defaults.max_pipelined_requests),
                close_grace: source
                    .optional("limits.close_grace_ms", limits.close_grace_ms.as_ref(), 0..=60_000)?
                    .map_or(defaults.close_grace, Duration::from_millis),
                ..defaults
            },
        })
    }
}

/// The file that an error points into.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn in_range<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: &Spanned<i64>,
        allowed: RangeInclusive<i64>,
    ) -> Result<T, ConfigError> {
        let number = *value.get_ref();
        allowed.contains(&number).then(|| T::try_from(number).ok()).flatten().ok_or_else(|| {
            let message =
                format!("`{key}` is {number}, allowed are {} to {}", allowed.start(), allowed.end());
            self.complaint(value.span(), message)
        })
    }

    fn optional<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: Option<&Spanned<i64>>,
        allowed: RangeInclusive<i64>,
    ) -> Result<Option<T>, ConfigError> {
        value.map(|value| self.in_range(key, value, allowed)).transpose()
    }

    fn complaint(&self, span: Range<usize>, message: String) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let text = self.text[line_start..].lines().next().unwrap_or_default();
        let column = before[line_start..].chars().count() + 1;
        let rest = text.chars().count().saturating_sub(column - 1);
        let culprit = self.text.get(span).map_or(1, |text| text.chars().count());
        ConfigError::Invalid(Box::new(Complaint {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            text: text.to_owned(),
            width: culprit.clamp(1, rest.max(1)),
            message,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(Path::new("f.toml"), text).expect_err("the text is wrong").to_string()
    }

    #[test]
    fn defaults_are_the_cores() {
        let config = Config::parse(Path::new(""), "").expect("an empty file is a configuration");
        assert_eq!(config.limits.max_message_bytes, Limits::default().max_message_bytes);
        assert_eq!(config.mode, RunMode::Block);
    }

    #[test]
    fn reads_every_key() {
        let text = "ports = [8080, 1]\nmode = \"log\"\nevents = \"/tmp/e\"\ndrain_timeout_ms = 1\nworkers = 2\n\
                    max_connections = 3\n[limits]\nmax_head_bytes = 2048\nmax_message_bytes = 4\n\
                    max_message_fragments = 5\nmax_pipelined_requests = 6\nclose_grace_ms = 7\n";
        let config = Config::parse(Path::new(""), text).expect("every key is known");
        assert_eq!(config.ports, [8080, 1]);
        assert_eq!(config.mode, RunMode::Log);
        assert_eq!(config.events, Destination::File("/tmp/e".into()));
        assert_eq!(config.drain_timeout, Duration::from_millis(1));
        assert_eq!((config.workers, config.max_connections), (Some(2), Some(3)));
        assert_eq!((config.limits.max_head_bytes, config.limits.max_message_bytes), (2048, 4));
        assert_eq!((config.limits.max_message_fragments, config.limits.max_pipelined_requests), (5, 6));
        assert_eq!(config.limits.close_grace, Duration::from_millis(7));
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
