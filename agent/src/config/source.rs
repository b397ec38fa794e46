//! The text that errors point into.

use std::{
    fmt,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::ConfigError;

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

/// The file that an error points into.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn in_range<T: TryFrom<i64>>(
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

    pub(super) fn optional<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: Option<&Spanned<i64>>,
        allowed: RangeInclusive<i64>,
    ) -> Result<Option<T>, ConfigError> {
        value.map(|value| self.in_range(key, value, allowed)).transpose()
    }

    pub(super) fn complaint(&self, span: Range<usize>, message: String) -> ConfigError {
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
