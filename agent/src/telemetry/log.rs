//! The log: human-readable lines on standard error, the kernel programs' lines among them.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use aya_log::EbpfLogger;
use log::Log;
use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::sys;

/// The environment variable with the filter.
const FILTER: &str = "FRAMEWALL_LOG";
/// Libraries whose debug lines would drown ours; the filter can name them to hear them.
const QUIET: &str = "aya=warn,aya_obj=warn";

/// Starts the log. Lines of libraries that use the `log` crate, aya's among them, arrive here too.
pub(crate) fn start() -> anyhow::Result<()> {
    let wanted = match std::env::var(FILTER) {
        Ok(filter) => filter,
        Err(std::env::VarError::NotPresent) => "info".to_owned(),
        Err(error) => return Err(error).context(FILTER),
    };
    let filter =
        EnvFilter::try_new(format!("{QUIET},{wanted}")).with_context(|| format!("{FILTER}={wanted}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}

/// Carries the kernel programs' lines into the log until the daemon ends.
pub(crate) async fn follow_programs(programs: EbpfLogger<&'static dyn Log>) {
    let mut programs = match sys::watch_programs(programs) {
        Ok(programs) => programs,
        Err(error) => return warn!(%error, "the kernel programs' log lines cannot be read"),
    };
    loop {
        match programs.readable_mut().await {
            Ok(mut ready) => {
                ready.get_inner_mut().flush();
                ready.clear_ready();
            }
            Err(error) => return warn!(%error, "the kernel programs' log lines cannot be read any more"),
        }
    }
}
