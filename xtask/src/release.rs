//! `cargo xtask release`: the daemon, built with what its compiler learns from traffic (profile-guided optimisation).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{artifacts, bench, process, setup};

pub(crate) const HELP: &str = "\
Builds the daemon with what its compiler learns from traffic (profile-guided optimisation)

Usage: cargo xtask release

Builds a daemon that counts what it does, sends through it what `cargo xtask bench` sends, and builds the daemon again with
these counts. Takes some minutes; the result is target/pgo/framewall. Flags for the compiler are taken from RUSTFLAGS, such
as `-C target-cpu=native` for a daemon that runs on machines like this one only.

Needs root, and llvm-profdata for the compiler's LLVM: of Debian's package llvm-N, or of rustup's component llvm-tools.
";

/// Builds, measures, builds again.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    process::require_root("release")?;
    setup::run(workspace)?;
    let merger = Merger::find()?;
    let directory = workspace.target.join("pgo");
    let counts = directory.join("counts");
    // Counts of another state would be mixed with these.
    if counts.exists() {
        fs::remove_dir_all(&counts).with_context(|| counts.display().to_string())?;
    }
    println!("release: building a daemon that counts what it does");
    let flags = [format!("-Cprofile-generate={}", counts.display())];
    let counting = artifacts::daemon_with(workspace, &directory.join("counting"), &flags)?;
    println!("release: sending traffic through it");
    bench::exercise(workspace, &counting)?;
    let profile = directory.join("profile.profdata");
    merger.merge(&counts, &profile)?;
    println!("release: building the daemon with these counts");
    let flags = [format!("-Cprofile-use={}", profile.display())];
    let built = artifacts::daemon_with(workspace, &directory.join("build"), &flags)?;
    let daemon = directory.join("framewall");
    fs::copy(&built, &daemon).with_context(|| daemon.display().to_string())?;
    println!("release: {}", daemon.display());
    Ok(())
}

/// The program of LLVM that makes one profile of many counts.
#[derive(Debug)]
struct Merger(PathBuf);

impl Merger {
    /// One that reads what this compiler's programs write: of the same LLVM, or a newer one.
    fn find() -> Result<Self> {
        let about = process::output(Command::new("rustc").arg("-vV"))?;
        let least = llvm_version(&about).context("rustc does not say which LLVM it has")?;
        let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let component = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin/llvm-profdata");
        let debian = (least..least + 3)
            .map(|version| PathBuf::from(format!("/usr/lib/llvm-{version}/bin/llvm-profdata")));
        let found = std::iter::once(component)
            .chain(debian)
            .chain(process::find_program("llvm-profdata"))
            .filter(|program| program.is_file())
            .find(|program| {
                let version = process::output(Command::new(program).arg("--version"));
                version.ok().and_then(|text| llvm_version(&text)).is_some_and(|version| version >= least)
            });
        match found {
            Some(program) => Ok(Self(program)),
            None => bail!(
                "there is no llvm-profdata of LLVM {least} or newer; install Debian's package llvm-{least}, or run \
                 `rustup component add llvm-tools`"
            ),
        }
    }

    fn merge(&self, counts: &Path, profile: &Path) -> Result<()> {
        let mut command = Command::new(&self.0);
        command.args(["merge", "--output"]).arg(profile).arg(counts);
        process::run(&mut command).context("the counts of the daemon")
    }
}

/// The major version in what rustc or a program of LLVM says of itself.
fn llvm_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("LLVM version")?;
    rest.trim_start_matches([':', ' ']).split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_llvm() {
        let rustc = "rustc 1.95.0 (abc 2026-04-14)\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        let tool = "LLVM (http://llvm.org/):\n  LLVM version 21.1.8\n  Optimized build.\n";
        assert_eq!(llvm_version(rustc), Some(22));
        assert_eq!(llvm_version(tool), Some(21));
        assert_eq!(llvm_version("Debian LLVM"), None);
    }
}
