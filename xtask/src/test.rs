//! `cargo xtask test`: everything, from unit tests to the tests on another kernel.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::libtest::Tally;
use crate::peers;
use crate::vm::{self, Load};
use crate::workspace::Workspace;
use crate::{artifacts, fuzz, interrupt, process, setup};

pub(crate) const HELP: &str = "\
Runs every test: unit and property tests, integration tests on this kernel, integration tests on Debian's in a VM

Usage: cargo xtask test [--no-vm] [FILTER]

Options:
  --no-vm  Leave out the virtual machine
  FILTER   Only tests whose names contain this

Integration tests that send traffic through the daemon run twice, the second time with the fast lane.

Needs root. Installs what it needs and says so: Debian packages (iproute2, bpftool, nginx, qemu-system-x86,
golang-github-gorilla-websocket-dev, libtomcat10-java; Node.js, Python, Go and Java where there are none) and, below
target/peers, the pinned packages of tests/peers from npm and PyPI.
The last line says how many tests passed and failed.
";

/// For each program that runs tests on this kernel. A hanging test must not hang CI.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) no_vm: bool,
    pub(crate) filter: Option<String>,
}

/// A part of the run.
#[derive(Debug)]
struct Stage {
    name: String,
    tally: Tally,
    /// What went wrong, apart from tests that failed.
    error: Option<String>,
}

/// Runs everything and prints the summary; whether all is well.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> bool {
    let mut stages = Vec::new();
    if let Err(error) = run_stages(workspace, options, &mut stages) {
        stages.push(Stage {
            name: "set-up".to_owned(),
            tally: Tally::default(),
            error: Some(format!("{error:#}")),
        });
    }
    summarise(&stages, options.filter.is_some())
}

fn run_stages(workspace: &Workspace, options: &Options, stages: &mut Vec<Stage>) -> Result<()> {
    process::require_root("test")?;
    heading("Set-up");
    setup::run(workspace)?;
    let daemon = artifacts::daemon(workspace).context("the daemon")?;
    let peers = peers::prepare(workspace).context("the peers of the integration tests")?;
    let tests = artifacts::tests(workspace).context("the integration tests")?;
    let load = Load { daemon, peers, tests };

    heading("Unit and property tests");
    stages.push(unit(workspace, options));
    interrupt::check()?;
    let plain = load.tests.iter().map(|test| (test, false));
    let by_lane = load.tests.iter().filter(|test| test.has_traffic()).map(|test| (test, true));
    for (test, fast_lane) in plain.chain(by_lane) {
        let name = format!("{}{}", test.name, if fast_lane { ", with the fast lane" } else { "" });
        heading(&format!("Integration tests on this kernel: {name}"));
        let mut command = Command::new(&test.path);
        command.args(&options.filter).current_dir(workspace.root.join("tests"));
        command.env("FRAMEWALL_BIN", &load.daemon).envs(load.peers.variables());
        if fast_lane {
            command.args(test.arguments_for_traffic()).envs([artifacts::FAST_LANE]);
        }
        stages.push(stage(format!("integration: {name}"), &mut command));
        interrupt::check()?;
    }
    if !options.no_vm {
        heading("Integration tests on another kernel");
        let options = vm::Options { filter: options.filter.clone(), ..vm::Options::default() };
        for run in vm::run_load(workspace, &options, &load).context("the virtual machine")? {
            stages.push(Stage {
                name: format!("VM: Linux {}", run.kernel),
                tally: run.tally,
                error: run.failure,
            });
        }
    }
    Ok(())
}

/// The tests inside the crates. The harness of the integration tests may have some, too; like those it is built in
/// release mode, once. The fuzz targets play their seeds and some seconds of mutations.
fn unit(workspace: &Workspace, options: &Options) -> Stage {
    let excluded = ["framewall-tests", "framewall-ebpf", fuzz::PACKAGE].map(|name| ["--exclude", name]);
    let crates = [&["--workspace", "--no-fail-fast"], excluded.as_flattened()].concat();
    let harness = ["--release", "--package", "framewall-tests", "--lib"];
    let fuzz = ["--profile", "fuzz", "--package", fuzz::PACKAGE];
    let mut whole = Stage { name: "unit and property".to_owned(), tally: Tally::default(), error: None };
    for selection in [&crates[..], &harness, &fuzz] {
        let mut command = workspace.cargo();
        command.args(["test", "--quiet"]).args(selection).args(&options.filter);
        let part = stage(String::new(), &mut command);
        whole.tally += part.tally;
        whole.error = whole.error.or(part.error);
    }
    whole
}

fn stage(name: String, command: &mut Command) -> Stage {
    let mut tally = Tally::default();
    let ended = process::stream(command, LIMIT, |line| {
        println!("{line}");
        if let Some(more) = Tally::of_line(line) {
            tally += more;
        }
    });
    let error = match ended {
        Ok(status) if status.success() => None,
        Ok(status) => Some(status.to_string()),
        Err(error) => Some(format!("{error:#}")),
    };
    Stage { name, tally, error }
}

/// Prints the counts of every stage and, as the last line, their sums. A stage that went wrong without a failed test,
/// or in which no test ran, counts as one failure.
fn summarise(stages: &[Stage], filtered: bool) -> bool {
    heading("Summary");
    let mut total = Tally::default();
    let mut ignored = 0;
    for stage in stages {
        let mut tally = stage.tally;
        let nothing_ran = tally.executed() == 0 && !filtered;
        let error = stage.error.clone().or_else(|| nothing_ran.then(|| "no test was executed".to_owned()));
        if error.is_some() {
            tally.failed = tally.failed.max(1);
        }
        let note = error.map(|error| format!("  ({error})")).unwrap_or_default();
        println!("{:<42} {:>5} passed {:>4} failed{note}", stage.name, tally.passed, tally.failed);
        ignored += tally.ignored;
        total += tally;
    }
    if total.executed() == 0 {
        println!("no test was executed");
        total.failed = 1;
    }
    if ignored > 0 {
        println!("{ignored} tests are marked as ignored and did not run");
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    total.failed == 0
}

fn heading(text: &str) {
    println!("\n=== {text}");
}
