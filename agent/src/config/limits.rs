//! `[limits]` and `[port.limits]`.

use std::{num::NonZeroU32, time::Duration};

use framewall_inspect::{Limits, OversizePolicy};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, source::Source};

/// Limits as they were written; what is absent is inherited.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    max_head_bytes: Option<Spanned<i64>>,
    max_message_bytes: Option<Spanned<i64>>,
    max_message_fragments: Option<Spanned<i64>>,
    max_pipelined_requests: Option<Spanned<i64>>,
    max_json_depth: Option<Spanned<i64>>,
    max_leaves: Option<Spanned<i64>>,
    close_grace_ms: Option<Spanned<i64>>,
    max_frame_bytes: Option<Spanned<i64>>,
    max_inflate_ratio: Option<Spanned<i64>>,
    oversize: Option<RawOversize>,
    message_timeout_ms: Option<Spanned<i64>>,
    handshake_timeout_ms: Option<Spanned<i64>>,
    idle_timeout_ms: Option<Spanned<i64>>,
    max_lifetime_ms: Option<Spanned<i64>>,
    max_control_frames_per_second: Option<Spanned<i64>>,
    max_messages_per_second: Option<Spanned<i64>>,
    max_bytes_per_second: Option<Spanned<i64>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawOversize {
    Close,
    Pass,
}

/// Longest time that may be written: a year.
const MAX_MS: i64 = 365 * 24 * 60 * 60 * 1000;
const MAX_RATE: i64 = u32::MAX as i64;

impl RawLimits {
    /// These limits, and those of `inherited` where nothing was written. `table` is how errors name the table.
    pub(super) fn over(
        &self,
        inherited: &Limits,
        table: &str,
        source: &Source<'_>,
    ) -> Result<Limits, ConfigError> {
        let mut limits = inherited.clone();
        let at = Table { name: table, source };
        at.set("max_head_bytes", &self.max_head_bytes, 1024..=1 << 20, &mut limits.max_head_bytes)?;
        at.set("max_message_bytes", &self.max_message_bytes, 1..=256 << 20, &mut limits.max_message_bytes)?;
        at.set(
            "max_message_fragments",
            &self.max_message_fragments,
            1..=1 << 20,
            &mut limits.max_message_fragments,
        )?;
        at.set(
            "max_pipelined_requests",
            &self.max_pipelined_requests,
            1..=4096,
            &mut limits.max_pipelined_requests,
        )?;
        at.set("max_json_depth", &self.max_json_depth, 1..=1024, &mut limits.max_json_depth)?;
        at.set("max_leaves", &self.max_leaves, 1..=1 << 20, &mut limits.max_leaves)?;
        if let Some(ms) = at.number("close_grace_ms", &self.close_grace_ms, 0..=60_000)? {
            limits.close_grace = Duration::from_millis(ms);
        }
        if let Some(bytes) = at.number("max_frame_bytes", &self.max_frame_bytes, 1..=1 << 40)? {
            limits.max_frame_bytes = Some(bytes);
        }
        at.set("max_inflate_ratio", &self.max_inflate_ratio, 1..=1 << 20, &mut limits.max_inflate_ratio)?;
        limits.oversize = match self.oversize {
            None => limits.oversize,
            Some(RawOversize::Close) => OversizePolicy::Close,
            Some(RawOversize::Pass) => OversizePolicy::Pass,
        };
        at.time("message_timeout_ms", &self.message_timeout_ms, &mut limits.message_timeout)?;
        at.time("handshake_timeout_ms", &self.handshake_timeout_ms, &mut limits.handshake_timeout)?;
        at.time("idle_timeout_ms", &self.idle_timeout_ms, &mut limits.idle_timeout)?;
        at.time("max_lifetime_ms", &self.max_lifetime_ms, &mut limits.max_lifetime)?;
        at.rate(
            "max_control_frames_per_second",
            &self.max_control_frames_per_second,
            &mut limits.max_control_frames_per_second,
        )?;
        at.rate(
            "max_messages_per_second",
            &self.max_messages_per_second,
            &mut limits.max_messages_per_second,
        )?;
        at.rate("max_bytes_per_second", &self.max_bytes_per_second, &mut limits.max_bytes_per_second)?;
        Ok(limits)
    }
}

/// A table of the file.
struct Table<'a> {
    name: &'a str,
    source: &'a Source<'a>,
}

impl Table<'_> {
    fn number<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: &Option<Spanned<i64>>,
        allowed: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<T>, ConfigError> {
        self.source.optional(&format!("{}.{key}", self.name), value.as_ref(), allowed)
    }

    /// 0 is no limit.
    fn time(
        &self,
        key: &str,
        value: &Option<Spanned<i64>>,
        limit: &mut Option<Duration>,
    ) -> Result<(), ConfigError> {
        if let Some(ms) = self.number(key, value, 0..=MAX_MS)? {
            *limit = (ms > 0).then(|| Duration::from_millis(ms));
        }
        Ok(())
    }

    /// 0 is no limit.
    fn rate(
        &self,
        key: &str,
        value: &Option<Spanned<i64>>,
        limit: &mut Option<NonZeroU32>,
    ) -> Result<(), ConfigError> {
        if let Some(rate) = self.number(key, value, 0..=MAX_RATE)? {
            *limit = NonZeroU32::new(rate);
        }
        Ok(())
    }

    fn set<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: &Option<Spanned<i64>>,
        allowed: std::ops::RangeInclusive<i64>,
        limit: &mut T,
    ) -> Result<(), ConfigError> {
        if let Some(number) = self.number(key, value, allowed)? {
            *limit = number;
        }
        Ok(())
    }
}
