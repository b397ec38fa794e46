//! One steered port: `[[port]]`.

use std::{fmt::Display, str::FromStr, sync::Arc};

use framewall_inspect::{
    Budget, DeflatePolicy, HandshakePolicy, Limits, OpaquePolicy, Profile, Settings, rules::LiveRules,
};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, FastLaneMode, limits::RawLimits, source::Source};
use crate::cli::RunMode;

/// How the connections of one port are handled.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    /// The TCP port.
    pub(crate) number: u16,
    /// What to do with its traffic.
    pub(crate) mode: RunMode,
    /// How much must speak for an attack before it blocks.
    pub(crate) profile: Profile,
    /// What happens to connections that cannot be inspected.
    pub(crate) opaque: OpaquePolicy,
    /// Which WebSockets may be opened.
    pub(crate) handshake: HandshakePolicy,
    /// Whether messages may be compressed.
    pub(crate) deflate: DeflatePolicy,
    /// Whose messages detectors look at.
    pub(crate) detect: Detect,
    /// Whether they have a fast lane to the application.
    pub(crate) fast_lane: FastLaneMode,
    /// Limits of the inspection.
    pub(crate) limits: Limits,
}

/// Whose messages detectors look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Detect {
    /// Those of clients.
    #[default]
    ToServer,
    /// Those of the application, too.
    Both,
}

impl Port {
    /// What the sessions of this port are told; `None` if they are relayed only.
    pub(crate) fn inspection(&self, budget: &Arc<Budget>, rules: &Arc<LiveRules>) -> Option<Settings> {
        let mode = self.mode.inspection()?;
        let Self { profile, opaque, handshake, deflate, detect, limits, .. } = self.clone();
        let (budget, rules) = (Arc::clone(budget), Arc::clone(rules));
        let detect_to_client = detect == Detect::Both;
        Some(Settings { mode, profile, opaque, handshake, deflate, detect_to_client, limits, budget, rules })
    }
}

/// A `[[port]]` table as it was written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPort {
    port: Spanned<i64>,
    mode: Option<RunMode>,
    profile: Option<RawProfile>,
    #[serde(default)]
    opaque: RawOpaque,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    #[serde(default)]
    origin_required: bool,
    #[serde(default)]
    paths: Vec<Spanned<String>>,
    #[serde(default)]
    subprotocols: Vec<Spanned<String>>,
    #[serde(default)]
    deflate: RawDeflate,
    detect: Option<Detect>,
    fast_lane: Option<FastLaneMode>,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawProfile {
    Balanced,
    Strict,
    Lenient,
}

impl From<RawProfile> for Profile {
    fn from(raw: RawProfile) -> Self {
        match raw {
            RawProfile::Balanced => Self::Balanced,
            RawProfile::Strict => Self::Strict,
            RawProfile::Lenient => Self::Lenient,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawOpaque {
    #[default]
    Pass,
    Close,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawDeflate {
    #[default]
    Inspect,
    Strip,
    Refuse,
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
            profile: self.profile.map_or(inherited.profile, Profile::from),
            opaque: match self.opaque {
                RawOpaque::Pass => OpaquePolicy::Pass,
                RawOpaque::Close => OpaquePolicy::Close,
            },
            handshake: HandshakePolicy {
                origins: patterns("port.origins", &self.origins, source)?,
                origin_required: self.origin_required,
                paths: patterns("port.paths", &self.paths, source)?,
                subprotocols: self
                    .subprotocols
                    .iter()
                    .map(|name| subprotocol(name, source))
                    .collect::<Result<_, _>>()?,
            },
            deflate: match self.deflate {
                RawDeflate::Inspect => DeflatePolicy::Inspect,
                RawDeflate::Strip => DeflatePolicy::Strip,
                RawDeflate::Refuse => DeflatePolicy::Refuse,
            },
            detect: self.detect.unwrap_or(inherited.detect),
            fast_lane: self.fast_lane.unwrap_or(inherited.fast_lane),
            limits: self.limits.over(&inherited.limits, "port.limits", source)?,
        })
    }
}

fn patterns<T: FromStr<Err: Display>>(
    key: &str,
    texts: &[Spanned<String>],
    source: &Source<'_>,
) -> Result<Vec<T>, ConfigError> {
    let pattern = |text: &Spanned<String>| {
        text.get_ref().parse().map_err(|error| source.complaint(text.span(), format!("`{key}`: {error}")))
    };
    texts.iter().map(pattern).collect()
}

/// A token of RFC 9110 §5.6.2, as RFC 6455 §4.1 wants it.
fn subprotocol(name: &Spanned<String>, source: &Source<'_>) -> Result<String, ConfigError> {
    let text = name.get_ref();
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        let message = "`port.subprotocols`: not a sub-protocol name".to_owned();
        return Err(source.complaint(name.span(), message));
    }
    Ok(text.clone())
}
