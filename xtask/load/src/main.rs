//! The application and the clients of `cargo xtask bench`. `framewall-load --help` says how they are told what to do.

mod app;
mod attack;
mod closed;
mod frame;
mod handshake;
mod idle;
mod messages;
mod opening;
mod paced;
mod pool;
mod stage;
mod stream;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::{Arg, Parser, ValueExt};

const HELP: &str = "\
The application and the clients of `cargo xtask bench`

Usage: framewall-load app --listen ADDRESS [--threads N]
       framewall-load COMMAND --to ADDRESS [OPTIONS]

  app     A WebSocket server. /echo sends every message back, /sink answers it with a short one, and /source/BYTES
          sends as many messages of so many bytes as each message says
  echo    Each connection sends the next message when it has got the last one back
  paced   --rate messages a second are sent, whatever has become of those before
  up      Messages go to the application as fast as it takes them
  down    Messages come from the application as fast as they are taken
  open    Connections are opened, used for one message and closed, --connections at a time
  idle    Connections exchange --messages messages and stay open
  attack  One connection sends an attack and prints the code with which it is closed

Options: --connections N (1), --bytes N (128), of a message; --deflate: messages are compressed; --threads N (1);
         --rate N (1000), --messages N (1), --warm-up-ms N (300), --measure-ms N (2000)

Clients connect, warm up, print a JSON line with the event `ready`, and wait for a line on standard input. Then they do
what is to be measured and print a line with the event `result`.
";

/// What the command line says.
#[derive(Debug, Clone)]
struct Options {
    address: Option<SocketAddr>,
    threads: usize,
    bytes: usize,
    connections: usize,
    /// Messages a second, of all connections together.
    rate: NonZeroU32,
    /// Messages of each connection.
    messages: usize,
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
        rate: const { NonZeroU32::new(1000).expect("it is more than none") },
        messages: 1,
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
            Arg::Long("rate") => options.rate = arguments.value()?.parse()?,
            Arg::Long("messages") => options.messages = arguments.value()?.parse()?,
            Arg::Long("deflate") => options.deflate = true,
            argument @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => {
                return Err(argument.unexpected().into());
            }
        }
    }
    if options.bytes < messages::SHORTEST {
        bail!("a message has at least {} bytes", messages::SHORTEST);
    }
    let address = options.address.context("--listen or --to is missing")?;
    match command.string()?.as_str() {
        "app" => app::run(address, options.threads),
        "attack" => attack::run(address, &options),
        "down" => stream::down(address, &options),
        "echo" => closed::run(address, &options),
        "idle" => idle::run(address, &options),
        "open" => opening::run(address, &options),
        "paced" => paced::run(address, &options),
        "up" => stream::up(address, &options),
        other => bail!("there is no command `{other}`"),
    }
}

fn milliseconds(arguments: &mut Parser) -> Result<Duration> {
    Ok(Duration::from_millis(arguments.value()?.parse()?))
}
