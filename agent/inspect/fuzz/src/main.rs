//! Runs the fuzz targets without coverage, on stable Rust.
#![forbid(unsafe_code)]

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use framewall_inspect_fuzz::{SLOWEST, TARGETS, Target, driver, find, growth, seeds, slowest};

const HELP: &str = "\
Plays the seeds of each fuzz target and mutations of them

Usage: framewall-inspect-fuzz [--target NAME] [--seconds N] [--seed N]
       framewall-inspect-fuzz replay NAME FILE...
       framewall-inspect-fuzz growth BYTES FILE
       framewall-inspect-fuzz write-seeds

Options:
  --target NAME  Only this one of: http, frames, inflate, session, text, rules, slowest
  --seconds N    Time for each target (default 60)
  --seed N       Where the random numbers begin (default: the time, and printed)

`slowest` hunts for the message with the slowest bytes, prints it and keeps it; that is no failure.

`replay` plays files as they are. `growth` plays an input of `slowest` as a message
of so many bytes for callgrind, see `cargo xtask instructions`. `write-seeds` writes the seeds that are made by this program; those that were found
stay as they are.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["-h" | "--help", ..] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["write-seeds"] => seeds::write().map_err(|error| error.to_string()),
        ["replay", name, files @ ..] => replay(name, files),
        ["growth", bytes, file] => grow(bytes, file),
        options => fuzz(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("framewall-inspect-fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fuzz(options: &[&str]) -> Result<(), String> {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (mut targets, mut seconds, mut seed) = (TARGETS.to_vec(), 60, clock.as_secs());
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or_else(|| format!("{option}: see --help"))?;
        let number = || value.parse().map_err(|_| format!("{option} {value}: not a number"));
        match *option {
            "--target" => targets = vec![target(value)?],
            "--seconds" => seconds = number()?,
            "--seed" => seed = number()?,
            _ => return Err(format!("{option}: see --help")),
        }
    }
    for target in targets {
        println!("{}: {seconds} s with --seed {seed}", target.name);
        if target.name == SLOWEST {
            let report = |line: &str| println!("{SLOWEST}: {line}");
            let prey = slowest::hunt(target, Duration::from_secs(seconds), seed, report)
                .map_err(|error| format!("{}: {error}", target.name))?;
            println!("{}: {prey}", target.name);
            continue;
        }
        let campaign = driver::campaign(target, Duration::from_secs(seconds), seed)
            .map_err(|error| format!("{}: {error}", target.name))?;
        println!("{}: {campaign}", target.name);
        if let Some(path) = campaign.failure {
            return Err(format!("play it again with: replay {} {}", target.name, path.display()));
        }
    }
    Ok(())
}

fn replay(name: &str, files: &[&str]) -> Result<(), String> {
    let target = target(name)?;
    for file in files {
        let input = read(file)?;
        println!("{file}: {} bytes", input.len());
        (target.run)(&input);
    }
    println!("no failure");
    Ok(())
}

fn grow(bytes: &str, file: &str) -> Result<(), String> {
    let len = bytes.parse().map_err(|_| format!("growth {bytes}: not a number"))?;
    growth::play(&read(file)?, len);
    Ok(())
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{file}: {error}"))
}

fn target(name: &str) -> Result<Target, String> {
    find(name).ok_or_else(|| format!("there is no target {name}"))
}
