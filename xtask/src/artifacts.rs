//! What the workspace builds for the integration tests and the demo, all in release mode.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;
use crate::workspace::Workspace;

const TESTS: &str = "framewall-tests";

/// A test binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestBinary {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// What tells the tests to give every daemon the fast lane.
pub(crate) const FAST_LANE: (&str, &str) = ("FRAMEWALL_TEST_FAST_LANE", "1");

impl TestBinary {
    /// Whether its tests are others with the fast lane: not where nothing is relayed, nor those that ask for it themselves.
    pub(crate) fn has_traffic(&self) -> bool {
        !["cli", "harness", "fast_lane"].contains(&self.name.as_str())
    }

    /// Arguments for the run with the fast lane: the tests in which nothing is relayed are left out.
    pub(crate) fn arguments_for_traffic(&self) -> impl Iterator<Item = &'static str> {
        let left_out: &[&str] = match self.name.as_str() {
            "differential" => &["the_core_"],
            "rules" => &["check_tells_", "every_example_of_the_documentation_", "scan_shows_"],
            _ => &[],
        };
        left_out.iter().flat_map(|test| ["--skip", test])
    }
}

/// Builds the daemon with the kernel programs in it and returns its path.
pub(crate) fn daemon(workspace: &Workspace) -> Result<PathBuf> {
    let executables = build(workspace, &["build", "--package", "framewall", "--bin", "framewall"])?;
    let (_, path) = executables.into_iter().next().context("cargo built no framewall")?;
    Ok(path)
}

/// Builds the daemon in a directory of its own with flags for its compiler beside those of `RUSTFLAGS`, and returns its path.
pub(crate) fn daemon_with(workspace: &Workspace, directory: &Path, flags: &[String]) -> Result<PathBuf> {
    let workspace = Workspace { target: directory.to_owned(), ..workspace.clone() };
    let mut command = workspace.cargo();
    command.args(["build", "--package", "framewall", "--bin", "framewall"]);
    // With a target, flags are for the daemon alone, and not for what is run to build it.
    command.args(["--target", &host()?]);
    let mut all = inherited_flags();
    all.extend_from_slice(flags);
    command.env("CARGO_ENCODED_RUSTFLAGS", all.join("\x1f"));
    let (_, path) =
        executables(&mut command, false)?.into_iter().next().context("cargo built no framewall")?;
    Ok(path)
}

/// What this machine is to the compiler: `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let told = process::output(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what host it is for")?.to_owned())
}

/// The flags that whoever called us gave to all compilers, in the order in which Cargo looks for them.
fn inherited_flags() -> Vec<String> {
    let split = |name: &str, separator: char| {
        let words = std::env::var(name).ok()?;
        Some(words.split(separator).filter(|word| !word.is_empty()).map(str::to_owned).collect())
    };
    split("CARGO_ENCODED_RUSTFLAGS", '\u{1f}').or_else(|| split("RUSTFLAGS", ' ')).unwrap_or_default()
}

/// Builds a package of one program and returns its path.
pub(crate) fn program(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    let executables = build(workspace, &["build", "--package", package])?;
    let (_, path) = executables.into_iter().next().with_context(|| format!("cargo built no {package}"))?;
    Ok(path)
}

/// Builds a bench and returns its path.
pub(crate) fn bench(workspace: &Workspace, package: &str, name: &str) -> Result<PathBuf> {
    let executables = build(workspace, &["bench", "--package", package, "--bench", name, "--no-run"])?;
    let found = executables.into_iter().find(|(built, _)| built == name);
    Ok(found.with_context(|| format!("cargo built no bench {name}"))?.1)
}

/// Builds the Rust programs that play clients and apps; their names and paths.
pub(crate) fn peers(workspace: &Workspace) -> Result<Vec<(String, PathBuf)>> {
    build(workspace, &["build", "--package", TESTS, "--bins"])
}

/// Builds the integration tests.
pub(crate) fn tests(workspace: &Workspace) -> Result<Vec<TestBinary>> {
    let executables = build(workspace, &["test", "--package", TESTS, "--no-run", "--test", "*"])?;
    let mut binaries: Vec<_> =
        executables.into_iter().map(|(name, path)| TestBinary { name, path }).collect();
    binaries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(binaries)
}

/// Runs Cargo and returns the name and path of every executable that it made or found up to date.
fn build(workspace: &Workspace, arguments: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let mut command = workspace.cargo();
    command.args(arguments);
    executables(&mut command, matches!(arguments.first(), Some(&("test" | "bench"))))
}

/// The same for a command that was put together, of tests or of programs.
fn executables(command: &mut Command, tests: bool) -> Result<Vec<(String, PathBuf)>> {
    // Which is what `cargo bench` does anyway, and refuses to be told.
    if command.get_args().next().is_none_or(|subcommand| subcommand != "bench") {
        command.arg("--release");
    }
    command.args(["--quiet", "--message-format=json-render-diagnostics"]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cargo")?;
    process::succeeded(command, output.status)?;
    let messages = String::from_utf8(output.stdout)?;
    messages.lines().filter_map(|line| executable(line, tests).transpose()).collect()
}

/// The executable that a message of Cargo tells of: a test binary, or with `tests` unset a program.
fn executable(line: &str, tests: bool) -> Result<Option<(String, PathBuf)>> {
    let message: Value = serde_json::from_str(line).with_context(|| format!("a message of cargo: {line}"))?;
    let Some(path) = message["executable"].as_str() else { return Ok(None) };
    // Cargo builds a package's programs along with its tests, and reports both.
    if message["profile"]["test"] != tests {
        return Ok(None);
    }
    let name = message["target"]["name"].as_str().context("an executable without a name")?;
    Ok(Some((name.to_owned(), PathBuf::from(path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tests_from_programs_in_the_messages_of_cargo() {
        let test = r#"{"target":{"name":"echo"},"profile":{"test":true},"executable":"/t/echo-1"}"#;
        let program = r#"{"target":{"name":"app"},"profile":{"test":false},"executable":"/t/app"}"#;
        let library = r#"{"target":{"name":"lib"},"profile":{"test":false},"executable":null}"#;
        let found = |tests| [test, program, library].map(|line| executable(line, tests).unwrap());
        assert_eq!(found(true), [Some(("echo".to_owned(), "/t/echo-1".into())), None, None]);
        assert_eq!(found(false), [None, Some(("app".to_owned(), "/t/app".into())), None]);
        assert!(executable("warning: noise", true).is_err());
    }
}
