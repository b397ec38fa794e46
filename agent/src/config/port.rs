//! One steered port: `[[port]]`.

use framewall_inspect::{Limits, OpaquePolicy, Settings};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, limits::RawLimits, source::Source};
use crate::cli::RunMode;

/// How the connections of one port are handled.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    /// The TCP port.
    pub(crate) number: u16,
    /// What to do with its traffic.
    pub(crate) mode: RunMode,
    /// What happens to connections that cannot be inspected.
    pub(crate) opaque: OpaquePolicy,
    /// Limits of the inspection.
    pub(crate) limits: Limits,
}

impl Port {
    /// What the sessions of this port are told; `None` if they are relayed only.
    pub(crate) fn inspection(&self) -> Option<Settings> {
        let mode = self.mode.inspection()?;
        Some(Settings { mode, opaque: self.opaque, limits: self.limits.clone() })
    }
}

/// A `[[port]]` table as it was written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPort {
    port: Spanned<i64>,
    mode: Option<RunMode>,
    #[serde(default)]
    opaque: RawOpaque,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawOpaque {
    #[default]
    Pass,
    Close,
}

impl RawPort {
    /// The port that was meant. `others` are those of the tables before this one, `inherited` is what is not written.
    pub(super) fn check(
        &self,
        others: &[Port],
        inherited: &Port,
        source: &Source<'_>,
    ) -> Result<Port, ConfigError> {
        let number = source.in_range("port", &self.port, 1..=65535)?;
        if others.iter().any(|other| other.number == number) {
            let message = format!("there is a `[[port]]` table for port {number} already");
            return Err(source.complaint(self.port.span(), message));
        }
        Ok(Port {
            number,
            mode: self.mode.unwrap_or(inherited.mode),
            opaque: match self.opaque {
                RawOpaque::Pass => OpaquePolicy::Pass,
                RawOpaque::Close => OpaquePolicy::Close,
            },
            limits: self.limits.over(&inherited.limits, "port.limits", source)?,
        })
    }
}
