//! Text inside binary of an unknown format.

use std::ops::ControlFlow;

use crate::payload::{Coverage, leaf::Place, walk::Walk};

/// Shorter runs are chance, or hold nothing.
const SHORTEST: usize = 6;

/// Shows the runs of printable characters in binary.
pub(super) fn runs(walk: &mut Walk<'_>, payload: &[u8], place: &Place<'_>) -> ControlFlow<(), Coverage> {
    let shortest = if is_noise(payload) { shortest_in_noise(payload.len()) } else { SHORTEST };
    let mut coverage = Coverage::None;
    for (offset, value) in split(payload, shortest) {
        coverage = Coverage::Full;
        walk.text(value, b"", Place::offset_in(place, offset))?;
    }
    ControlFlow::Continue(coverage)
}

/// Whether there is not much text in it.
fn is_noise(payload: &[u8]) -> bool {
    let text: usize = split(payload, SHORTEST).map(|(_, run)| run.len()).sum();
    text < payload.len() / 4
}

/// The length that hardly any run reaches by chance: of 64 messages of random bytes one has such a run.
///
/// A run of n bytes begins at a random place with a probability of about (98/256)^n, so each doubling of the message
/// takes three quarters of a byte. Images, sound and ciphertext would otherwise look like attacks now and then.
fn shortest_in_noise(len: usize) -> usize {
    let bits = 6 + usize::BITS - len.leading_zeros();
    usize::try_from(bits * 3 / 4).map_or(SHORTEST, |shortest| shortest.max(SHORTEST))
}

/// The runs of `shortest` bytes and more with their offsets. They are of ASCII: other characters look like noise.
///
/// Such a run is seen by who looks at every byte of that number only.
fn split(payload: &[u8], shortest: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    // Here begins what was not looked at; the byte before is in no run.
    let mut start = 0;
    std::iter::from_fn(move || {
        while let Some(front) = payload.get(start..)?.get(..shortest) {
            match front.iter().rposition(|byte| !is_printable(byte)) {
                Some(odd) => start += odd + 1,
                None => {
                    let rest = payload.get(start..)?;
                    let run =
                        rest.get(..rest.iter().position(|byte| !is_printable(byte)).unwrap_or(rest.len()))?;
                    let offset = start;
                    start += run.len() + 1;
                    return Some((offset, run));
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{Subprotocol, tests::binary};

    /// Bytes without any text in them, as ciphertext has.
    fn noise(len: usize, mut seed: u64) -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed.to_be_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn chance_is_not_text() {
        for (len, messages) in [(200, 2000), (4000, 200), (65_536, 64)] {
            let looked_at = (0..messages)
                .filter(|seed| !binary(&noise(len, *seed), Subprotocol::Unknown).leaves.is_empty())
                .count();
            assert!(looked_at * 20 < messages as usize, "{looked_at} of {messages} messages of {len} bytes");
        }
    }

    #[test]
    fn text_in_noise_is_found() {
        let attack = b"1' UNION SELECT password FROM users -- ";
        let message = [&noise(20_000, 1)[..], attack, &noise(20_000, 2)].concat();
        let seen = binary(&message, Subprotocol::Unknown).leaves;
        assert!(seen.iter().any(|leaf| leaf.contains("UNION SELECT password")), "{seen:?}");
    }

    #[test]
    fn every_run_that_is_long_enough_is_seen() {
        for (seed, shortest) in (0..200).flat_map(|seed| [1, 2, 6, 15].map(|shortest| (seed, shortest))) {
            // Long runs and short ones.
            let data: Vec<u8> =
                noise(500, seed).iter().map(|byte| if seed % 2 == 0 { byte & 0x7f } else { *byte }).collect();
            let runs = data.split(|byte| !matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
            let runs: Vec<_> = runs.filter(|run| run.len() >= shortest).collect();
            assert_eq!(split(&data, shortest).map(|(_, run)| run).collect::<Vec<_>>(), runs);
            assert!(split(&data, shortest).all(|(offset, run)| data[offset..].starts_with(run)));
        }
    }
}
