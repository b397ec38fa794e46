//! On what it was measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::site::Site;
use crate::process;
use crate::workspace::Workspace;

/// What a reader has to know about the machine and the programs, in the order in which it is printed.
pub(super) fn describe(workspace: &Workspace, site: &Site) -> Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism().context("the number of cores")?;
    let processor = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = nix::sys::utsname::uname()?;
    Ok(vec![
        ("processor", format!("{cores} cores, {}", model.map_or("unknown", |(_, name)| name.trim()))),
        ("kernel", kernel.release().to_string_lossy().into_owned()),
        ("congestion control", super::site::CONGESTION_CONTROL.to_owned()),
        ("framewall", format!("{}, {}", version(&site.daemon, "--version")?, commit(workspace))),
        ("nginx", version(Path::new("nginx"), "-v")?),
        ("haproxy", version(Path::new("haproxy"), "-v")?),
        ("threads", format!("{} of the application, {0} of the clients", super::site::threads())),
    ])
}

/// The same for machines.
pub(super) fn json(environment: &[(&'static str, String)]) -> Value {
    let entries = environment.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// The first line that a program says of itself; nginx says it on standard error.
fn version(program: &Path, option: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.arg(option).env("PATH", process::search_path(None)).stdin(Stdio::null());
    let output = command.output().with_context(|| process::described(&command))?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The commit that was built, if it is known.
fn commit(workspace: &Workspace) -> String {
    let mut command = Command::new("git");
    command.args(["describe", "--always", "--dirty"]).current_dir(&workspace.root);
    process::output(&mut command)
        .map_or("no commit known".to_owned(), |name| format!("commit {}", name.trim()))
}
