//! Fuzz targets of the inspection core, and a driver that needs nothing but stable Rust.
//!
//! Each [`Target`] is a function over bytes that plays a connection as the daemon would and panics where the core does
//! not keep what `Session` promises: every byte accounted for once and in order, own frames only between frames, one
//! reason for an end, memory within the limits, and the same outcome however the bytes were split. Every input means
//! something, so that a mutation is never wasted on a syntax error.
//!
//! Three things run them:
//!
//! - `tests/seeds.rs` replays the committed inputs below `seeds/` and mutates them for `FRAMEWALL_FUZZ_SECONDS` (2).
//!   Use `cargo test --profile fuzz`: optimised, with debug assertions and overflow checks.
//! - `cargo run --profile fuzz -p framewall-inspect-fuzz` does the same for longer. It has no coverage to go by; an input
//!   is kept for further mutation if the connection ended in a way not seen before.
//! - The package in `libfuzzer/` hands the same functions to libFuzzer through cargo-fuzz, which does see coverage and
//!   has AddressSanitizer. It wants nightly Rust and a C++ compiler, so it is a workspace of its own, as cargo-fuzz
//!   prefers: nothing else has to compile it.
//!
//! One target, `slowest`, is about work: a message four times as long must not take much more than four times as much.
//! `cargo xtask instructions` counts that ([`growth`]), and `cargo xtask fuzz` hunts for the message with the slowest
//! bytes ([`slowest::hunt`]).
//!
//! `cargo xtask fuzz` takes the last where it can and the second where it cannot. An input that fails is written to
//! `artifacts/TARGET/`; `cargo run --profile fuzz -p framewall-inspect-fuzz -- replay TARGET FILE` plays it again. One
//! that shows a bug belongs among the seeds, by a name that tells which.
#![forbid(unsafe_code)]

mod compare;
pub mod driver;
pub mod growth;
mod handshake;
mod input;
mod mutate;
mod relay;
pub mod seeds;
pub mod slowest;
mod target;

pub use target::{SLOWEST, TARGETS, Target, find};
