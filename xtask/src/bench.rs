//! `cargo xtask bench`: what Framewall costs, beside what others cost.

mod cpu;
mod load;
mod results;
mod rows;
mod site;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use self::load::{Load, Times};
use self::results::Results;
use self::rows::Row;
use self::site::Site;
use crate::workspace::Workspace;
use crate::{interrupt, process};

pub(crate) const HELP: &str = "\
Measures what Framewall costs, beside nginx and HAProxy, in two network namespaces

Usage: cargo xtask bench [--quick] [--only LOAD] [--rounds N]
";

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) only: Option<String>,
    pub(crate) rounds: Option<usize>,
    pub(crate) json: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    process::require_root("bench")?;
    let times = if options.quick {
        Times { warm_up: Duration::from_millis(100), measure: Duration::from_millis(250) }
    } else {
        Times { warm_up: Duration::from_millis(300), measure: Duration::from_secs(2) }
    };
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { 5 });
    let rows = [Row::Direct, Row::Nginx, Row::Haproxy, Row::Off, Row::Block, Row::Rules, Row::Deflate];
    let site = Site::set_up(workspace)?;
    let mut results = Results::default();
    for connections in [32, 1] {
        for bytes in [128, 1024] {
            let load = Load::Echo { bytes, connections };
            for _ in 0..rounds {
                for row in rows {
                    interrupt::check()?;
                    let hop = row.start(&site)?;
                    results.add(load, row, load.run(&site, row, &hop, times)?);
                    hop.stop()?;
                }
            }
            table::print(&results, load, &rows);
        }
    }
    Ok(true)
}
