//! Each target plays its seeds and, for some seconds, mutations of them.
//!
//! `FRAMEWALL_FUZZ_SECONDS` says how many (2), `FRAMEWALL_FUZZ_SEED` where the random numbers begin (1: a test repeats,
//! `cargo xtask fuzz` is for what is new). Meant to be built with `--profile fuzz`.

use std::time::Duration;

use framewall_inspect_fuzz::{driver, find};

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

fn fuzz(name: &str) {
    let target = find(name).expect("a target");
    let seconds = variable("FRAMEWALL_FUZZ_SECONDS").unwrap_or(2);
    let seed = variable("FRAMEWALL_FUZZ_SEED").unwrap_or(1);
    let campaign = driver::campaign(target, Duration::from_secs(seconds), seed).expect("seeds");
    println!("{name}, FRAMEWALL_FUZZ_SEED={seed}: {campaign}");
    assert!(campaign.failure.is_none());
}

#[test]
fn http_survives_its_seeds_and_mutations() {
    fuzz("http");
}

#[test]
fn frames_survive_their_seeds_and_mutations() {
    fuzz("frames");
}

#[test]
fn inflate_survives_its_seeds_and_mutations() {
    fuzz("inflate");
}

#[test]
fn sessions_survive_their_seeds_and_mutations() {
    fuzz("session");
}

#[test]
fn texts_survive_their_seeds_and_mutations() {
    fuzz("text");
}

#[test]
fn rules_survive_their_seeds_and_mutations() {
    fuzz("rules");
}

#[test]
fn repeated_pieces_survive_their_seeds_and_mutations() {
    fuzz("slowest");
}
