//! Text inside binary messages.

use std::ops::ControlFlow;

use crate::payload::{Coverage, Leaf, Place};

/// Shorter runs are taken for chance.
const COUNTED_RUN: usize = 4;

/// Shorter runs are not worth a look.
const VISITED_RUN: usize = 8;

/// Visits the runs of printable ASCII in binary that consists of them for at least 60 %, as MessagePack, CBOR and
/// protobuf with texts do. Compressed data, images and sound do not, and what looks like text in them is chance.
pub(super) fn runs(payload: &[u8], visit: &mut dyn FnMut(Leaf<'_>) -> ControlFlow<()>) -> Coverage {
    let printable: usize = split(payload).map(|(_, run)| run.len()).filter(|len| *len >= COUNTED_RUN).sum();
    if printable.saturating_mul(10) < payload.len().saturating_mul(6) {
        return Coverage::None;
    }
    for (offset, value) in split(payload) {
        if value.len() >= VISITED_RUN && visit(Leaf { value, place: Place::Offset(offset) }).is_break() {
            break;
        }
    }
    Coverage::Full
}

fn split(payload: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    payload.split(|byte| !matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')).map(move |run| {
        let start = offset;
        offset += run.len() + 1;
        (start, run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visited(payload: &[u8]) -> (Coverage, Vec<(String, Vec<u8>)>) {
        let mut found = Vec::new();
        let coverage = runs(payload, &mut |leaf| {
            found.push((leaf.place.location(), leaf.value.to_vec()));
            ControlFlow::Continue(())
        });
        (coverage, found)
    }

    #[test]
    fn finds_texts_in_messagepack() {
        let (coverage, found) = visited(b"\x81\xa4text\xaf' OR '1'='1' -- ");
        assert_eq!(coverage, Coverage::Full);
        assert_eq!(found, [("$@7".to_owned(), b"' OR '1'='1' -- ".to_vec())]);
    }

    #[test]
    fn leaves_other_binary_alone() {
        let noise: Vec<u8> = (0..2000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(visited(&noise), (Coverage::None, Vec::new()));
    }
}
