//! `[limits]` and `[port.limits]`.

use std::time::Duration;

use framewall_inspect::Limits;
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
    close_grace_ms: Option<Spanned<i64>>,
}

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
        if let Some(ms) = at.number("close_grace_ms", &self.close_grace_ms, 0..=60_000)? {
            limits.close_grace = Duration::from_millis(ms);
        }
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
