//! The `framewall` daemon and its offline tools.

mod app;
mod check;
mod cli;
mod config;
mod conn;
mod drain;
mod processor;
mod rules;
mod scan;
mod signals;
mod steer;
mod sys;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let result = processor::check().and_then(|()| match cli::Cli::parse().command {
        cli::Command::Run(args) => app::run(args),
        cli::Command::Check(args) => check::run(&args),
        cli::Command::Scan(args) => scan::run(&args),
        cli::Command::Signals => signals::run(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error and not the log: this is for whoever started the command, whatever the log filter.
            #[expect(clippy::print_stderr, reason = "the one place where errors reach the user")]
            {
                eprintln!("framewall: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
