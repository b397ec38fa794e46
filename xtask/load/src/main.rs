//! The application and the clients of `cargo xtask bench`. `framewall-load --help` says how they are told what to do.

mod app;
mod closed;
mod frame;
mod handshake;
mod messages;
mod pool;
mod stage;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use lexopt::{Arg, Parser, ValueExt};

const HELP: &str = "\
The application and the clients of `cargo xtask bench`

Usage: framewall-load app --listen ADDRESS [--threads N]
       framewall-load echo --to ADDRESS --bytes N --connections N [--deflate] [TIMES]

  app   A WebSocket server. /echo sends every message back, /sink answers it with a short one, and /source/BYTES sends
        as many messages of so many bytes as each message says
  echo  Each connection sends the next message when it has got the last one back

Times: --warm-up-ms N, --measure-ms N. Clients connect, warm up, print a JSON line with the event `ready`, and wait for
a line on standard input. Then they do what is to be measured and print a line with the event `result`.
";

/// What the command line says.
#[derive(Debug, Clone)]
struct Options {
    address: Option<SocketAddr>,
    threads: usize,
    bytes: usize,
    connections: usize,
    deflate: bool,
    times: stage::Times,
}

fn main() -> ExitCode {
    match run(Parser::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("framewall-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Parser) -> Result<()> {
    let Some(Arg::Value(command)) = arguments.next()? else {
        print!("{HELP}");
        return Ok(());
    };
    let mut options = Options {
        address: None,
        threads: 1,
        bytes: 128,
        connections: 1,
        deflate: false,
        times: stage::Times { warm_up: Duration::from_millis(300), measure: Duration::from_secs(2) },
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("warm-up-ms") => options.times.warm_up = milliseconds(&mut arguments)?,
            Arg::Long("measure-ms") => options.times.measure = milliseconds(&mut arguments)?,
            Arg::Long("listen" | "to") => options.address = Some(arguments.value()?.parse()?),
            Arg::Long("threads") => options.threads = arguments.value()?.parse()?,
            Arg::Long("bytes") => options.bytes = arguments.value()?.parse()?,
            Arg::Long("connections") => options.connections = arguments.value()?.parse()?,
            Arg::Long("deflate") => options.deflate = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let address = options.address.context("--listen or --to is missing")?;
    match command.string()?.as_str() {
        "app" => app::run(address, options.threads),
        "echo" => closed::run(address, &options),
        other => anyhow::bail!("there is no command `{other}`"),
    }
}

fn milliseconds(arguments: &mut Parser) -> Result<Duration> {
    Ok(Duration::from_millis(arguments.value()?.parse()?))
}
