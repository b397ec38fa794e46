//! Text inside binary of an unknown format.

use std::ops::ControlFlow;

use crate::payload::{Coverage, leaf::Place, walk::Walk};

/// Shorter runs are chance, or hold nothing.
const SHORTEST: usize = 6;

/// In long binary without much text in it, chance makes longer runs, too.
const SHORTEST_IN_NOISE: usize = 8;
const LONG: usize = 4096;

/// Shows the runs of printable characters in binary.
pub(super) fn runs(walk: &mut Walk<'_>, payload: &[u8], place: &Place<'_>) -> ControlFlow<(), Coverage> {
    let shortest = if payload.len() > LONG && is_noise(payload) { SHORTEST_IN_NOISE } else { SHORTEST };
    let mut coverage = Coverage::None;
    for (offset, value) in split(payload) {
        if value.len() < shortest {
            continue;
        }
        coverage = Coverage::Full;
        walk.text(value, b"", Place::offset_in(place, offset))?;
    }
    ControlFlow::Continue(coverage)
}

/// Whether there is not much text in it.
fn is_noise(payload: &[u8]) -> bool {
    let text: usize = split(payload).map(|(_, run)| run.len()).filter(|len| *len >= SHORTEST).sum();
    text < payload.len() / 4
}

/// The runs with their offsets. They are of ASCII: other characters look like noise.
fn split(payload: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    payload.split(|byte| !matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')).map(move |run| {
        let start = offset;
        offset += run.len() + 1;
        (start, run)
    })
}
