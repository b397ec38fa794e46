//! Framewall's build tasks. `cargo xtask --help` lists them.

mod actor;
mod apt;
mod artifacts;
mod bench;
mod demo;
mod eval;
mod fuzz;
mod instructions;
mod interrupt;
mod libtest;
mod lint;
mod network;
mod peers;
mod process;
mod release;
mod setup;
mod test;
#[expect(dead_code, reason = "some of it is for the daemon's build script, which includes the same file")]
mod toolchain;
mod vm;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::workspace::Workspace;

const HELP: &str = "\
Framewall's build tasks

Usage: cargo xtask COMMAND

Commands:
  setup  Install what the build of the kernel programs misses
  demo   Show Framewall at work, on this machine, in two network namespaces
  lint   Check formatting, lints and documentation
  test   Run every test, as root
  vm     Run the integration tests on another kernel, in a virtual machine
  fuzz   Feed hostile bytes to the inspection core
  eval   Measure the detectors on a corpus of attacks and honest text
  bench  Measure what Framewall costs, beside nginx and HAProxy
  release
         Build the daemon with what its compiler learns from traffic
  instructions
         Count the instructions that a message costs, against what they were

`cargo xtask COMMAND --help` says more.
";

/// What the command line asks for.
#[derive(Debug)]
enum Task {
    Help(&'static str),
    Setup,
    Demo { keep: bool },
    Lint,
    Test(test::Options),
    Vm(vm::Options),
    Fuzz(fuzz::Options),
    Eval(Vec<OsString>),
    Bench(bench::Options),
    Instructions { bless: bool },
    Release,
}

fn main() -> ExitCode {
    if vm::guest::is_here() {
        vm::guest::main();
    }
    let task = match task(Parser::from_env()) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("xtask: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let workspace = Workspace::find();
    let outcome = interrupt::catch().and_then(|()| match task {
        Task::Help(text) => {
            print!("{text}");
            Ok(true)
        }
        Task::Setup => setup::run(&workspace).map(|()| true),
        Task::Demo { keep } => demo::run(&workspace, keep),
        Task::Lint => lint::run(&workspace).map(|()| true),
        Task::Test(options) => Ok(test::run(&workspace, &options)),
        Task::Vm(options) => vm::run(&workspace, &options),
        Task::Fuzz(options) => fuzz::run(&workspace, &options).map(|()| true),
        Task::Eval(options) => eval::run(&workspace, &options).map(|()| true),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Instructions { bless } => instructions::run(&workspace, bless),
        Task::Release => release::run(&workspace).map(|()| true),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task(mut arguments: Parser) -> Result<Task, lexopt::Error> {
    let command = match arguments.next()? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Task::Help(HELP)),
        Some(Arg::Value(name)) => name.string()?,
        Some(other @ (Arg::Short(_) | Arg::Long(_))) => return Err(other.unexpected()),
    };
    let (mut task, help) = match command.as_str() {
        "setup" => (Task::Setup, setup::HELP),
        "demo" => (Task::Demo { keep: false }, demo::HELP),
        "lint" => (Task::Lint, lint::HELP),
        "test" => (Task::Test(test::Options::default()), test::HELP),
        "vm" => (Task::Vm(vm::Options::default()), vm::HELP),
        // The program that measures has its own options and help.
        "eval" => return Ok(Task::Eval(arguments.raw_args()?.collect())),
        "bench" => (Task::Bench(bench::Options::default()), bench::HELP),
        "instructions" => (Task::Instructions { bless: false }, instructions::HELP),
        "release" => (Task::Release, release::HELP),
        "fuzz" => (Task::Fuzz(fuzz::Options::default()), fuzz::HELP),
        other => return Err(format!("there is no command `{other}`").into()),
    };
    while let Some(argument) = arguments.next()? {
        match (&mut task, argument) {
            (_, Arg::Short('h') | Arg::Long("help")) => return Ok(Task::Help(help)),
            (Task::Demo { keep }, Arg::Long("keep")) => *keep = true,
            (Task::Instructions { bless }, Arg::Long("bless")) => *bless = true,
            (Task::Test(options), Arg::Long("no-vm")) => options.no_vm = true,
            (
                Task::Test(test::Options { filter, .. }) | Task::Vm(vm::Options { filter, .. }),
                Arg::Value(value),
            ) if filter.is_none() => {
                *filter = Some(value.string()?);
            }
            (Task::Vm(options), Arg::Long("kernel")) => options.kernels.push(arguments.value()?.string()?),
            (Task::Vm(options), Arg::Long("test")) => options.tests.push(arguments.value()?.string()?),
            (Task::Vm(options), Arg::Long("limit-s")) => {
                options.limit = Duration::from_secs(arguments.value()?.parse()?);
            }
            (Task::Fuzz(options), Arg::Long("seconds")) => options.seconds = arguments.value()?.parse()?,
            (Task::Fuzz(options), Arg::Long("target")) => options.target = Some(arguments.value()?.string()?),
            (Task::Bench(options), Arg::Long("quick")) => options.quick = true,
            (Task::Bench(options), Arg::Long("only")) => options.only = Some(arguments.value()?.string()?),
            (Task::Bench(options), Arg::Long("rounds")) => options.rounds = Some(arguments.value()?.parse()?),
            (Task::Bench(options), Arg::Long("json")) => options.json = Some(arguments.value()?.into()),
            (Task::Bench(options), Arg::Long("plot")) => options.plot = Some(arguments.value()?.into()),
            (Task::Bench(options), Arg::Long("daemon")) => options.daemon = Some(arguments.value()?.into()),
            (Task::Bench(options), Arg::Long("check")) => options.check = true,
            (_, argument) => return Err(argument.unexpected()),
        }
    }
    Ok(task)
}
