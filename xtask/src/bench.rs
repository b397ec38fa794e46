//! `cargo xtask bench`: what Framewall costs, beside what others cost.

mod cpu;
mod environment;
mod idle;
mod inspection;
mod load;
mod measure;
mod plot;
mod report;
mod results;
mod rows;
mod site;
mod table;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use self::load::{GROUPS, Load, Times};
use self::results::{Metric, Results, Summary};
use self::rows::Row;
use self::site::Site;
use crate::workspace::Workspace;
use crate::{interrupt, process};

pub(crate) const HELP: &str = "\
Measures what Framewall costs, beside nginx, HAProxy and no hop at all, on this machine, in two network namespaces

Usage: cargo xtask bench [--quick] [--only LOAD] [--rounds N] [--json FILE] [--plot FILE]
                         [--daemon FILE] [--check]

Options:
  --quick      One short round, of fewer loads: shows that everything works, and is no measurement
  --only LOAD  One of: echo, paced, stream, opening, idle, scale
  --rounds N   How often everything is measured; the medians count (default 5)
  --json FILE  Where the results go (default target/bench/TIME.json)
  --plot FILE  Draws the echoes as an SVG picture
  --daemon FILE
               What to measure, such as what `cargo xtask release` built (default: what `cargo build --release` builds)
  --check      Fail if a target is missed

Needs root. Installs nginx and HAProxy where there are none and apt is. Takes about an hour, in which the machine should
have nothing else to do: the column `others` says what part of it other programs had.
docs/performance.md says what is measured.
";

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) only: Option<String>,
    pub(crate) rounds: Option<usize>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) daemon: Option<PathBuf>,
    pub(crate) check: bool,
}

/// Measures and prints. Whether all is well, which with `check` includes the targets.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    process::require_root("bench")?;
    let groups = match &options.only {
        None => GROUPS.to_vec(),
        Some(name) => match GROUPS.into_iter().find(|group| group == name) {
            Some(group) => vec![group],
            None => bail!("there is no load `{name}`; there are {}", GROUPS.join(", ")),
        },
    };
    let bench = Bench {
        site: Site::set_up(workspace, options.daemon.as_deref())?,
        times: if options.quick {
            Times { warm_up: Duration::from_millis(50), measure: Duration::from_millis(200) }
        } else {
            Times { warm_up: Duration::from_millis(300), measure: Duration::from_secs(2) }
        },
        rounds: options.rounds.unwrap_or(if options.quick { 1 } else { 5 }),
        quick: options.quick,
    };
    let environment = environment::describe(workspace, &bench.site)?;
    println!();
    environment.iter().for_each(|(name, value)| println!("{name}: {value}"));
    let mut results = Results::default();
    let measured = groups.into_iter().try_for_each(|group| bench.measure_group(group, &mut results));
    // What has been measured is kept, whatever came after it.
    let targets = targets::evaluate(&results);
    println!("\n{}", report::of_targets(&targets));
    let json = options.json.clone().map_or_else(|| bench.default_file(), Ok)?;
    fs::write(&json, format!("{:#}\n", report::json(&results, &targets, &environment)))
        .with_context(|| json.display().to_string())?;
    println!("Results: {}", json.display());
    measured?;
    println!(
        "Every answer was what had been sent. Framewall found the attacks that were sent before and after each of"
    );
    println!("its measurements, and nothing else.");
    if let Some(file) = &options.plot {
        plot::draw(&results, file)?;
        println!("Picture: {}", file.display());
    }
    Ok(!options.check || targets.iter().all(|target| target.met() != Some(false)))
}

/// Sends through a daemon of every kind of traffic that is measured a little: what a compiler should know of it.
pub(crate) fn exercise(workspace: &Workspace, daemon: &Path) -> Result<()> {
    let bench = Bench {
        site: Site::set_up(workspace, Some(daemon))?,
        times: Times { warm_up: Duration::from_millis(50), measure: Duration::from_secs(1) },
        rounds: 1,
        quick: true,
    };
    for group in ["echo", "stream", "opening"] {
        for load in Load::of_group(group, false, 0.0) {
            for row in load.rows().into_iter().filter(|row| row.inspects_by_default()) {
                bench.measure(load, row).with_context(|| format!("{}, {}", load.name(), row.name()))?;
            }
        }
    }
    Ok(())
}

/// How to measure.
#[derive(Debug)]
struct Bench {
    site: Site,
    times: Times,
    rounds: usize,
    quick: bool,
}

impl Bench {
    /// Measures loads that belong together, and prints each.
    fn measure_group(&self, group: &str, results: &mut Results) -> Result<()> {
        let most = if group == "paced" { self.most(results)? } else { 0.0 };
        for load in Load::of_group(group, self.quick, most) {
            for _ in 0..self.rounds.min(load.most_rounds()) {
                for row in load.rows() {
                    let values = self
                        .measure(load, row)
                        .with_context(|| format!("{}, {}", load.name(), row.name()))?;
                    results.add(load, row, values);
                }
            }
            println!("\n{}", table::of_load(results, load).trim_end());
        }
        Ok(())
    }

    fn measure(&self, load: Load, row: Row) -> Result<results::Values> {
        interrupt::check()?;
        let hop = row.start(&self.site)?;
        let inspects = row.mode().is_some();
        if inspects {
            inspection::attack(&self.site, row)?;
        }
        let values = measure::run(&self.site, load, row, &hop, self.times)?;
        if inspects {
            inspection::attack(&self.site, row)?;
            inspection::check(row, &hop, 2)?;
        }
        hop.stop()?;
        Ok(values)
    }

    /// Small messages a second without a hop.
    fn most(&self, results: &Results) -> Result<f64> {
        let load = Load::Echo { bytes: 128, connections: 32 };
        let known = results.summary(load, Row::Direct, Metric::Rate).map(|summary: Summary| summary.median);
        match known {
            Some(rate) => Ok(rate),
            None => Ok(self.measure(load, Row::Direct)?.get(&Metric::Rate).copied().unwrap_or_default()),
        }
    }

    fn default_file(&self) -> Result<PathBuf> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        Ok(self.site.logs.join(format!("{now}.json")))
    }
}
