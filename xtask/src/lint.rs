//! `cargo xtask lint`: what a change has to pass before anybody looks at it.

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{process, setup};

pub(crate) const HELP: &str = "\
Checks formatting, runs Clippy with the workspace's lint list, builds the documentation; warnings are errors

Usage: cargo xtask lint
";

/// Runs every check, also after one has failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    // The daemon's build script builds the kernel programs, and Clippy runs build scripts.
    setup::run(workspace)?;
    let mut failed = Vec::new();
    for (name, arguments) in CHECKS {
        println!("lint: {name}");
        let mut command = workspace.cargo();
        command.args(*arguments).env("RUSTDOCFLAGS", "-D warnings");
        if let Err(error) = process::run(&mut command) {
            println!("lint: {error:#}");
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        bail!("lint failed: {}", failed.join(", "));
    }
    println!("lint: all is well");
    Ok(())
}

/// The kernel programs have checks of their own: nobody ships a Clippy for their target, so it looks at them as if
/// they were a program for this machine. Such a program may not unwind, for it has no `std`.
const CHECKS: &[(&str, &[&str])] = &[
    ("formatting", &["fmt", "--all", "--", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--exclude",
            "framewall-ebpf",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    (
        "clippy, kernel programs",
        &[
            "clippy",
            "--quiet",
            "--package",
            "framewall-ebpf",
            "--config",
            "profile.dev.panic='abort'",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("documentation", &["doc", "--quiet", "--workspace", "--exclude", "framewall-ebpf", "--no-deps"]),
    (
        "documentation, kernel programs",
        &[
            "doc",
            "--quiet",
            "--package",
            "framewall-ebpf",
            "--no-deps",
            "--config",
            "profile.dev.panic='abort'",
        ],
    ),
];
