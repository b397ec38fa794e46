//! `cargo xtask eval`: how many attacks the detectors find, and how much honest text they take for one.

use std::ffi::OsString;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Prints the figures. The options are those of the program that measures.
pub(crate) fn run(workspace: &Workspace, options: &[OsString]) -> Result<()> {
    let mut command = workspace.cargo();
    // A corpus is named from where the caller stands.
    command.current_dir(std::env::current_dir().context("the current directory")?);
    command.args(["run", "--quiet", "--release", "--package", "framewall-inspect-eval", "--manifest-path"]);
    command.arg(workspace.root.join("Cargo.toml")).arg("--").args(options);
    process::run(&mut command)
}
