//! `cargo xtask fuzz`: hostile bytes for the inspection core.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{interrupt, process};

pub(crate) const HELP: &str = "\
Fuzzes the inspection core

Usage: cargo xtask fuzz [--seconds N] [--target NAME]

Options:
  --seconds N    Time for each target (default 60)
  --target NAME  Only this one of: http, frames, inflate, session, text, rules, slowest

With libFuzzer and AddressSanitizer where there are rustup's nightly, cargo-fuzz (`cargo install cargo-fuzz`) and a C++
compiler; otherwise with a driver that needs stable Rust only and sees no coverage. Inputs that fail are in
agent/inspect/fuzz/artifacts, the ones that libFuzzer found worth keeping in agent/inspect/fuzz/corpus.

The target slowest is always run by the driver: it hunts for the message with the slowest bytes, by the clock.
";

/// The targets, and the driver for stable Rust.
pub(crate) const PACKAGE: &str = "framewall-inspect-fuzz";

/// In the order in which the driver has them.
const TARGETS: [&str; 7] = ["http", "frames", "inflate", "session", "text", "rules", SLOWEST];

/// Where coverage helps nobody, and a sanitizer falsifies the times.
pub(crate) const SLOWEST: &str = "slowest";

/// For one input. The longest take some milliseconds.
const INPUT_LIMIT_S: u64 = 10;

/// What the command line says.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// For each target.
    pub(crate) seconds: u64,
    pub(crate) target: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: 60, target: None }
    }
}

/// Fuzzes until the time is over or a target fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let targets = match &options.target {
        None => TARGETS.to_vec(),
        Some(name) => match TARGETS.into_iter().find(|target| target == name) {
            Some(target) => vec![target],
            None => bail!("there is no target `{name}`; there are {}", TARGETS.join(", ")),
        },
    };
    match cargo_fuzz() {
        Ok(rustup) => {
            println!("fuzz: with libFuzzer");
            targets.iter().try_for_each(|target| match *target {
                SLOWEST => with_driver(workspace, target, options.seconds),
                _ => with_libfuzzer(workspace, &rustup, target, options.seconds),
            })
        }
        Err(missing) => {
            println!("fuzz: without coverage, by the driver for stable Rust, for {missing:#}");
            targets.iter().try_for_each(|target| with_driver(workspace, target, options.seconds))
        }
    }
}

/// Rustup, if it can run cargo-fuzz with a nightly.
fn cargo_fuzz() -> Result<PathBuf> {
    let rustup = process::find_program("rustup").context("there is no rustup")?;
    if process::find_program("c++").is_none() {
        bail!("there is no C++ compiler");
    }
    let ask = |words: &[&str]| process::output(nightly(&rustup).args(words));
    ask(&["rustc", "--version"]).map_err(|_| anyhow::anyhow!("there is no nightly Rust"))?;
    ask(&["cargo", "fuzz", "--version"]).map_err(|_| anyhow::anyhow!("there is no cargo-fuzz"))?;
    Ok(rustup)
}

fn nightly(rustup: &Path) -> Command {
    let mut command = Command::new(rustup);
    // Cargo set these for its own toolchain when it started us.
    command.args(["run", "nightly"]).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC");
    command
}

fn with_libfuzzer(workspace: &Workspace, rustup: &Path, target: &str, seconds: u64) -> Result<()> {
    let folder = workspace.root.join("agent/inspect/fuzz");
    let inside = |kind: &str| folder.join(kind).join(target);
    let (corpus, artifacts) = (inside("corpus"), inside("artifacts"));
    for folder in [&corpus, &artifacts] {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut command = nightly(rustup);
    command.current_dir(&workspace.root).args(["cargo", "fuzz", "run", "--fuzz-dir"]);
    command.arg(folder.join("libfuzzer")).arg("--target-dir").arg(workspace.target.join("libfuzzer"));
    command.arg(target).arg(corpus).arg(inside("seeds")).arg("--");
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args([format!("-max_total_time={seconds}"), format!("-timeout={INPUT_LIMIT_S}")]);
    command.args(["-max_len=8192", "-print_final_stats=1"]);
    fuzz(&mut command, target)
}

fn with_driver(workspace: &Workspace, target: &str, seconds: u64) -> Result<()> {
    let mut command = workspace.cargo();
    // What is checked on top of the work of release would be measured, too.
    let profile = if target == SLOWEST { "release" } else { "fuzz" };
    command.args(["run", "--quiet", "--profile", profile, "--package", PACKAGE, "--", "--target", target]);
    command.args(["--seconds", &seconds.to_string()]);
    fuzz(&mut command, target)
}

fn fuzz(command: &mut Command, target: &str) -> Result<()> {
    println!("fuzz: {target}");
    let outcome = process::run(command).with_context(|| format!("the target {target}"));
    interrupt::check()?;
    outcome
}
