//! `cargo xtask setup`: what the build of the kernel programs needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::toolchain::{self, LinkerFault, Missing};
use crate::workspace::Workspace;
use crate::{apt, process};

pub(crate) const HELP: &str = "\
Installs what the build of the kernel programs misses

Usage: cargo xtask setup

A nightly Rust toolchain with rust-src and a bpf-linker are used where they are there. Otherwise, on Debian, this
installs the packages rustc-web, libstd-rust-web-dev-bpf and llvm-N-dev (as root) and builds bpf-linker by
`cargo install`; elsewhere it asks rustup for a nightly. It says what it does, and does nothing where nothing is
missing. `demo`, `lint`, `test` and `vm` call it by themselves.
";

/// The release that the recipe was tested with.
const BPF_LINKER: &str = "0.13.0";
/// The versions of LLVM that it can be built for.
const BPF_LINKER_LLVM: std::ops::RangeInclusive<u32> = 21..=23;
const COMPILER_PACKAGES: [&str; 2] = ["rustc-web", "libstd-rust-web-dev-bpf"];

/// Installs what is missing and says what is there.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let missing = match toolchain::find() {
        Ok(found) => {
            println!("setup: nothing to do, the kernel programs are built by {found}");
            return Ok(());
        }
        Err(missing) => missing,
    };
    println!("setup: {}", in_words(&missing));
    if missing.compiler.is_some() {
        install_compiler()?;
    }
    if let Err(Missing { compiler: None, linker: Some(fault) }) = toolchain::find() {
        install_linker(workspace, &fault)?;
    }
    let found = toolchain::find().context("setup did all it can, and still")?;
    println!("setup: done, the kernel programs are built by {found}");
    Ok(())
}

/// What is missing, without the advice to run what is running.
fn in_words(missing: &Missing) -> String {
    let text = missing.to_string();
    text.strip_suffix("; run `cargo xtask setup`").map(str::to_owned).unwrap_or(text)
}

fn install_compiler() -> Result<()> {
    let refused = match debian_compiler() {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    println!("  Debian's compiler is no way here: {refused:#}");
    let Some(rustup) = process::find_program("rustup") else {
        bail!(
            "install rustup (https://rustup.rs) and run `cargo xtask setup` again; Debian's way: {refused:#}"
        );
    };
    let mut command = Command::new(&rustup);
    command.env_remove("RUSTUP_TOOLCHAIN");
    if has_nightly(&rustup) {
        // An installation would also update it, which nobody asked for.
        command.args(["component", "add", "rust-src", "--toolchain", "nightly"]);
    } else {
        command.args(["toolchain", "install", "nightly", "--profile", "minimal", "--component", "rust-src"]);
        command.arg("--no-self-update");
    }
    println!("  {}", process::described(&command));
    process::run(&mut command).with_context(|| format!("Debian's way: {refused:#}; rustup's way"))
}

fn has_nightly(rustup: &Path) -> bool {
    let mut command = Command::new(rustup);
    command.args(["run", "nightly", "rustc", "--version"]).env_remove("RUSTUP_TOOLCHAIN");
    process::output(&mut command).is_ok()
}

fn debian_compiler() -> Result<()> {
    let [compiler, _] = COMPILER_PACKAGES;
    if !apt::is_available() {
        bail!("this is no Debian system");
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("root is needed for: apt-get install {}", COMPILER_PACKAGES.join(" "));
    }
    if !apt::candidate(compiler).is_some_and(|version| is_recent(&version)) {
        apt::update();
    }
    match apt::candidate(compiler) {
        Some(version) if is_recent(&version) => apt::install(&COMPILER_PACKAGES),
        Some(version) => {
            bail!("apt offers {compiler} {version}, older than {}", env!("CARGO_PKG_RUST_VERSION"))
        }
        None => bail!("apt has no package {compiler}"),
    }
}

/// Whether a package version such as `1.96.0+dfsg1-1` is new enough for the workspace.
fn is_recent(version: &str) -> bool {
    let release = |text: &str| {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    release(version) >= release(env!("CARGO_PKG_RUST_VERSION"))
}

fn install_linker(workspace: &Workspace, fault: &LinkerFault) -> Result<()> {
    let compilers = toolchain::compilers().map_err(anyhow::Error::msg)?;
    let llvm = compilers.first().context("no compiler")?.llvm();
    let (version, prefix) = llvm_for(llvm)?;
    println!("  cargo install bpf-linker {BPF_LINKER} for LLVM {version} (takes some minutes)");
    let mut command = workspace.cargo();
    command.args(["install", "bpf-linker", "--quiet", "--locked", "--no-default-features"]);
    command.args(["--version", &format!("={BPF_LINKER}"), "--features", &format!("llvm-{version}")]);
    command.arg("--root").arg(cargo_home()?);
    if *fault != LinkerFault::Absent {
        command.arg("--force");
    }
    // Neither the workspace's settings nor its target directory are the linker's.
    command.current_dir("/").env_remove("CARGO_TARGET_DIR").env("LLVM_PREFIX", prefix);
    process::run(&mut command)
}

/// An installed LLVM with its headers and libraries, not older than `least`: its version and prefix.
fn llvm_for(least: u32) -> Result<(u32, PathBuf)> {
    let usable = || BPF_LINKER_LLVM.filter(move |version| *version >= least);
    if usable().next().is_none() {
        bail!(
            "the compiler has LLVM {least}, for which bpf-linker {BPF_LINKER} cannot be built; put a newer one on PATH"
        );
    }
    let installed = || usable().find_map(|version| Some((version, llvm_prefix(version)?)));
    if let Some(found) = installed() {
        return Ok(found);
    }
    let offered =
        || usable().map(|version| format!("llvm-{version}-dev")).find(|name| apt::candidate(name).is_some());
    let mut package = offered();
    if package.is_none() && apt::is_available() && nix::unistd::geteuid().is_root() {
        apt::update();
        package = offered();
    }
    let advice =
        || format!("bpf-linker needs the development files of LLVM {least} or newer (llvm-config on PATH)");
    apt::install(&[package.with_context(advice)?.as_str()])?;
    installed().with_context(advice)
}

fn llvm_prefix(version: u32) -> Option<PathBuf> {
    let debian = PathBuf::from(format!("/usr/lib/llvm-{version}"));
    if debian.join("lib/libLLVM.so").exists() {
        return Some(debian);
    }
    let names = [format!("llvm-config-{version}"), "llvm-config".to_owned()];
    names.iter().filter_map(|name| process::find_program(name)).find_map(|config| {
        let ask = |option: &str| process::output(Command::new(&config).arg(option)).ok();
        let found = ask("--version")?;
        let prefix = PathBuf::from(ask("--prefix")?.trim());
        let fits = found.split('.').next()?.parse() == Ok(version) && prefix.join("lib/libLLVM.so").exists();
        fits.then_some(prefix)
    })
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_recent_packages_from_old_ones() {
        assert!(is_recent("1.96.0+dfsg1-1~deb12u2"));
        assert!(!is_recent("1.85.0+dfsg3-1~deb12u3"));
        assert!(is_recent("2.0"));
    }
}
