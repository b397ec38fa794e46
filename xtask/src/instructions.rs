//! `cargo xtask instructions`: the work of a message in instructions, held against figures that are kept with the code.
//!
//! Callgrind counts what runs, so that a busy machine changes nothing. Each load runs with few and with many messages; the
//! difference leaves out what is done once.

mod growth;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{apt, artifacts, process};

pub(crate) const HELP: &str = "\
Count the instructions that a message costs the inspection core

Usage: cargo xtask instructions [--bless]

  --bless  Keep the counts as what to hold against from now on

Runs the loads of agent/inspect/benches/instructions.rs under callgrind and compares with instructions.tsv beside it. Fails
if a load takes 10 % more than it says. Less is no failure: bless it, so that it stays.
Then plays what the fuzz target `slowest` knows as messages of two lengths, and fails if one four times as long takes more
than five times as many instructions, or if a byte takes more than 18,000.
Installs valgrind if it is missing.
";

/// How much more than what is kept is let pass, in per cent: another compiler makes other code.
const MARGIN: u64 = 10;
const FEW: u64 = 16;
/// What is done once differs by some 100,000 instructions between two runs, because maps of rules hash with a seed of
/// each run's own: so many messages that it does not show.
const MANY: u64 = 1040;
/// Of messages that cost a million and more.
const MANY_LONG: u64 = 144;

/// Counts, prints, and returns whether no load takes more than is kept; with `bless` keeps the counts.
///
/// # Errors
///
/// The bench does not build or run, or valgrind cannot be installed.
pub(crate) fn run(workspace: &Workspace, bless: bool) -> Result<bool> {
    apt::install(&["valgrind"])?;
    let program = artifacts::bench(workspace, "framewall-inspect", "instructions")?;
    let file = workspace.root.join("agent/inspect/benches/instructions.tsv");
    let kept = if bless { Vec::new() } else { read(&std::fs::read_to_string(&file)?)? };
    let loads = process::output(&mut Command::new(&program)).context("the names of the loads")?;
    let mut counts = Vec::new();
    let mut is_well = true;
    println!("{:<20} {:>12} {:>12} {:>8}", "load", "instructions", "kept", "change");
    for load in loads.lines() {
        let once = |messages| callgrind(&program, load, messages);
        let many = if load.contains("-16k") { MANY_LONG } else { MANY };
        let count = (once(many)? - once(FEW)?) / (many - FEW);
        let before = kept.iter().find(|(name, _)| name == load).map(|(_, count)| *count);
        let exceeds = before.is_some_and(|before| count * 100 > before * (100 + MARGIN));
        // A load that nothing is kept of holds against nothing.
        is_well &= bless || before.is_some() && !exceeds;
        let change = before.map_or_else(
            || "new".to_owned(),
            |before| format!("{:+.1} %", 100.0 * (count as f64 / before as f64 - 1.0)),
        );
        let kept = before.map_or_else(String::new, |before| before.to_string());
        println!("{load:<20} {count:>12} {kept:>12} {change:>8}{}", if exceeds { "  MORE" } else { "" });
        counts.push((load.to_owned(), count));
    }
    if bless {
        let lines: String = counts.iter().map(|(load, count)| format!("{load}\t{count}\n")).collect();
        std::fs::write(&file, lines).with_context(|| file.display().to_string())?;
    }
    Ok(growth::is_linear(workspace)? && is_well)
}

/// The instructions of the whole program with so many messages.
fn callgrind(program: &Path, load: &str, messages: u64) -> Result<u64> {
    count(&[], Command::new(program).arg(load).arg(messages.to_string()))
}

/// The instructions that callgrind collects of a command, with options for callgrind.
fn count(options: &[&str], command: &Command) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).args(options);
    valgrind.arg(command.get_program()).args(command.get_args());
    let output = valgrind.stdin(Stdio::null()).output().context("valgrind")?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{command:?} fails under callgrind:\n{log}");
    }
    collected(&log).with_context(|| format!("callgrind does not say what it has collected:\n{log}"))
}

/// What `==1== Collected : 123` says.
fn collected(log: &str) -> Option<u64> {
    let (_, count) = log.lines().find(|line| line.contains("Collected"))?.rsplit_once(' ')?;
    count.parse().ok()
}

/// Lines of a load and its instructions.
fn read(text: &str) -> Result<Vec<(String, u64)>> {
    text.lines()
        .map(|line| {
            let (load, count) = line.split_once('\t').with_context(|| format!("no tab in `{line}`"))?;
            Ok((load.to_owned(), count.parse().with_context(|| format!("`{line}`"))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_callgrind_says_and_what_is_kept() {
        let log = "==7== Events    : Ir\n==7== Collected : 19104\n==7==\n";
        assert_eq!(collected(log), Some(19104));
        assert_eq!(collected("==7== Events : Ir"), None);
        assert_eq!(
            read("chat\t12\nattack\t7\n").unwrap(),
            [("chat".to_owned(), 12), ("attack".to_owned(), 7)]
        );
        assert!(read("chat 12").is_err() && read("chat\tx").is_err());
    }
}
