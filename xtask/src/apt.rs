//! Debian packages.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Whether this machine has apt at all.
pub(crate) fn is_available() -> bool {
    process::find_program("apt-get").is_some() && process::find_program("dpkg-query").is_some()
}

/// The version that would be installed, as far as the package lists know. Before the first `apt-get update` of a
/// machine there are no lists.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let policy = process::output(apt("apt-cache").args(["policy", package])).ok()?;
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// Whether a package is installed.
pub(crate) fn is_installed(package: &str) -> bool {
    let mut query = apt("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    process::output(&mut query).is_ok_and(|status| status == "installed")
}

/// Fetches the package lists. One unreachable source among several is no reason to stop: the installation that
/// follows will tell.
pub(crate) fn update() {
    println!("  apt-get update");
    if let Err(error) = process::output(apt("apt-get").args(["update", "--quiet"])) {
        println!("  {error:#}");
    }
}

/// Installs packages, fetching the package lists first where they do not know them or are out of date. Removes none.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let absent: Vec<_> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let list = absent.join(" ");
    if !is_available() {
        bail!("this is no Debian system: install what Debian calls `{list}` by hand");
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("root is needed to install Debian packages; run: apt-get install {list}");
    }
    let known = absent.iter().all(|package| candidate(package).is_some());
    if known && install_now(&absent).is_ok() {
        return Ok(());
    }
    update();
    install_now(&absent).with_context(|| format!("apt-get install {list}"))
}

/// Fetches the .deb file of a package into the current directory of the command.
pub(crate) fn download(package: &str, into: &std::path::Path) -> Result<()> {
    let fetch = || {
        let mut command = apt("apt-get");
        // apt's own unprivileged user cannot write into our directory, and would only warn about it.
        command
            .args(["download", "--quiet", "--option", "APT::Sandbox::User=root", package])
            .current_dir(into);
        process::output(&mut command)
    };
    if candidate(package).is_some() && fetch().is_ok() {
        return Ok(());
    }
    update();
    fetch().map(drop)
}

fn install_now(packages: &[&str]) -> Result<()> {
    println!("  apt-get install {}", packages.join(" "));
    let mut command = apt("apt-get");
    command.args(["install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"]);
    command.args(["--option", "DPkg::Lock::Timeout=300"]).args(packages);
    process::output(&mut command).map(drop)
}

fn apt(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C")
        .env("PATH", process::search_path(None));
    command
}
