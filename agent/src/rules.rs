//! Rule files: read from disk at the start, on SIGHUP, by `check` and by `scan`.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use framewall_inspect::rules::{RuleSet, Warning};

use crate::config::ConfigError;

/// Longest rule file or file of a list that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// All that is wrong with rule files, in order.
#[derive(Debug, thiserror::Error)]
pub(crate) struct RulesError(Vec<String>);

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl From<ConfigError> for RulesError {
    fn from(error: ConfigError) -> Self {
        Self(vec![error.to_string()])
    }
}

impl RulesError {
    /// Each mistake in one line, without the piece of the file.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.0.iter().filter_map(|complaint| complaint.lines().next()).collect()
    }
}

/// Reads rule files as one set, all or nothing.
///
/// # Errors
///
/// What is wrong with them.
pub(crate) fn load(files: &[PathBuf]) -> Result<(Arc<RuleSet>, Vec<Warning>), RulesError> {
    if files.is_empty() {
        return Ok((RuleSet::empty(), Vec::new()));
    }
    let mut texts = Vec::new();
    let mut unreadable = Vec::new();
    for file in files {
        match read(file) {
            Ok(text) => texts.push((file.display().to_string(), text)),
            Err(error) => unreadable.push(format!("cannot read {}: {error}", file.display())),
        }
    }
    if !unreadable.is_empty() {
        return Err(RulesError(unreadable));
    }
    let texts: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    // Files of lists stand beside the rule file that names them.
    let loader = |file: &str, from: &str| {
        read(&beside(Path::new(from), Path::new(file))).map_err(|error| error.to_string())
    };
    RuleSet::load(&texts, &loader, unix_s())
        .map_err(|complaints| RulesError(complaints.iter().map(ToString::to_string).collect()))
}

/// A path that was written in a file: relative to where that stands.
pub(crate) fn beside(from: &Path, file: &Path) -> PathBuf {
    from.parent().unwrap_or(Path::new("")).join(file)
}

/// The time of day, in seconds since 1970.
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let len = std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if len as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it is longer than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
