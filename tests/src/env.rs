//! What the tests expect around them.
//!
//! | variable | meaning |
//! |---|---|
//! | `FRAMEWALL_BIN` | path of the daemon under test |
//! | `FRAMEWALL_PEERS` | directory with `node/node_modules`, `python` (site-packages), `bin` (the Rust peers), `scripts` (this crate's `peers`) |
//! | `FRAMEWALL_TEST_SLOWDOWN` | factor for every time limit, default 1; above 1 the bulk transfers shrink as well |
//! | `FRAMEWALL_TEST_SEED` | seed of generated conversations, a whole number; printed, so that a failure can be repeated |
//!
//! On `PATH`: `ip` (iproute2 6.0 or newer), `bpftool`, `node`, `python3`, `nginx`. Files are written only below
//! [`std::env::temp_dir`]. The tests need root.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The daemon under test.
///
/// # Panics
///
/// If `FRAMEWALL_BIN` is not set or names no file.
#[must_use]
pub fn daemon_binary() -> PathBuf {
    existing("FRAMEWALL_BIN", &variable("FRAMEWALL_BIN"))
}

/// A file or directory below `FRAMEWALL_PEERS`.
///
/// # Panics
///
/// If the variable is not set or the file is missing.
#[must_use]
pub fn peers(path: &str) -> PathBuf {
    existing("FRAMEWALL_PEERS", &variable("FRAMEWALL_PEERS").join(path))
}

/// The factor for time limits; 1 on ordinary machines, more under emulation.
///
/// # Panics
///
/// If `FRAMEWALL_TEST_SLOWDOWN` is not a whole number from 1 to 1000.
#[must_use]
pub fn slowdown() -> u32 {
    match std::env::var("FRAMEWALL_TEST_SLOWDOWN") {
        Err(_) => 1,
        Ok(text) => text.parse().ok().filter(|factor| (1..=1000).contains(factor)).unwrap_or_else(|| {
            panic!("FRAMEWALL_TEST_SLOWDOWN={text:?} is not a whole number from 1 to 1000")
        }),
    }
}

/// Whether all daemons of the tests have a fast lane on all ports (`FRAMEWALL_TEST_FAST_LANE=1`).
#[must_use]
pub fn with_fast_lane() -> bool {
    std::env::var_os("FRAMEWALL_TEST_FAST_LANE").is_some_and(|value| value == "1")
}

/// A time limit that grows with [`slowdown`].
#[must_use]
pub fn limit(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds) * slowdown()
}

/// How long to wait for something that happens at once when all is well.
#[must_use]
pub fn patience() -> Duration {
    limit(10.0)
}

/// A volume: `normal`, or `slow` when the machine is slowed down, which is then printed.
#[must_use]
pub fn volume(what: &str, normal: usize, slow: usize) -> usize {
    if slowdown() == 1 {
        return normal;
    }
    println!("slow machine: {what} reduced from {normal} to {slow}");
    slow
}

/// The seed of what a test generates: the same in every run unless it is set. It is printed.
///
/// # Panics
///
/// If `FRAMEWALL_TEST_SEED` is not a whole number.
#[must_use]
pub fn seed() -> u64 {
    const USUAL: u64 = 6455;
    let seed = match std::env::var("FRAMEWALL_TEST_SEED") {
        Err(_) => USUAL,
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("FRAMEWALL_TEST_SEED={text:?} is no whole number"))
        }
    };
    println!("FRAMEWALL_TEST_SEED={seed}");
    seed
}

/// Polls `condition` until it gives a value.
///
/// # Panics
///
/// If it gives none within `limit`; `what` says what was awaited.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn variable(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) if !value.is_empty() => PathBuf::from(value),
        _ => panic!("{name} is not set: run the integration tests with `cargo xtask test`"),
    }
}

fn existing(variable: &str, path: &Path) -> PathBuf {
    assert!(
        path.exists(),
        "{} does not exist ({variable}): `cargo xtask test` builds and installs it",
        path.display()
    );
    path.to_owned()
}
