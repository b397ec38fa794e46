//! Whether a message four times as long takes about four times as many instructions, whatever it repeats, and what a byte
//! takes at most.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::count;
use crate::workspace::Workspace;
use crate::{artifacts, fuzz};

/// Lengths of messages, in bytes.
const SHORT: usize = 8 * 1024;
const LONG: usize = 4 * SHORT;

/// How much more the long message may take. A square would be 16.
const MOST: f64 = 5.0;

/// How many instructions a byte of the short message may take. Hunts find ever slower ones: what they find is to become a
/// seed, and the limit is to show that the work has grown, not that it is right.
const MOST_OF_BYTE: u64 = 18_000;

/// Plays the seeds of the fuzz target, and returns whether none takes more than that.
///
/// # Errors
///
/// The fuzz driver does not build or run.
pub(super) fn is_linear(workspace: &Workspace) -> Result<bool> {
    let program = artifacts::program(workspace, fuzz::PACKAGE)?;
    let seeds = seeds(&workspace.root.join("agent/inspect/fuzz/seeds").join(fuzz::SLOWEST))?;
    let mut is_well = true;
    let mut most = (0.0, String::new());
    let mut most_of_byte = (0, String::new());
    for seed in &seeds {
        let name = seed.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let weigh = |bytes: usize| {
            let mut command = Command::new(&program);
            command.arg("growth").arg(bytes.to_string()).arg(seed);
            count(&["--collect-atstart=no", "--toggle-collect=*weighed*"], &command)
        };
        let (short, long) = thread::scope(|scope| {
            let short = scope.spawn(|| weigh(SHORT));
            let long = weigh(LONG);
            (short.join().unwrap_or_else(|_| Err(anyhow!("a panic"))), long)
        });
        let (short, long) = (short.with_context(|| name.clone())?, long.with_context(|| name.clone())?);
        let factor = factor(short, long).with_context(|| format!("{name}: nothing was counted"))?;
        if factor > MOST {
            println!("growth of {name}: {SHORT} bytes take {short}, {LONG} bytes {long} instructions  MORE");
            is_well = false;
        }
        let of_byte = short / SHORT as u64;
        if of_byte > MOST_OF_BYTE {
            println!("a byte of {name} takes {of_byte} instructions, {MOST_OF_BYTE} are let pass  MORE");
            is_well = false;
        }
        if of_byte > most_of_byte.0 {
            most_of_byte = (of_byte, name.clone());
        }
        if factor > most.0 {
            most = (factor, name);
        }
    }
    println!(
        "growth: of {} messages, four times as long takes at most {:.2} times as many ({}), {MOST} are let pass; a byte takes \
         at most {} ({}), {MOST_OF_BYTE} are let pass",
        seeds.len(),
        most.0,
        most.1,
        most_of_byte.0,
        most_of_byte.1
    );
    Ok(is_well)
}

/// How many times as many; nothing if one took none, for then nothing was measured.
fn factor(short: u64, long: u64) -> Option<f64> {
    (short > 0 && long > 0).then(|| long as f64 / short as f64)
}

fn seeds(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut seeds = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    seeds.sort();
    Ok(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_counted_has_no_factor() {
        assert_eq!(factor(1000, 4000), Some(4.0));
        assert_eq!((factor(0, 4000), factor(1000, 0)), (None, None));
    }
}
