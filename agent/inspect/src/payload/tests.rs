//! Whole messages as real clients write them, and what hostile ones can do.

use super::*;

/// What a visitor has seen: `place = value` for each leaf, and the anomalies.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) leaves: Vec<String>,
    pub(super) anomalies: Vec<Anomaly>,
    pub(super) kinds: Vec<(Kind, String, bool)>,
}

impl Visitor for Seen {
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        assert_eq!(leaf.bytes, ByteSet::of(leaf.value));
        self.leaves.push(format!("{} = {}", leaf.place.location(), String::from_utf8_lossy(leaf.value)));
        self.kinds.push((leaf.kind, String::from_utf8_lossy(leaf.name).into_owned(), leaf.nested));
        ControlFlow::Continue(())
    }

    fn anomaly(&mut self, anomaly: Anomaly, _: &[u8], _: Place<'_>) {
        self.anomalies.push(anomaly);
    }
}

/// Walks through a message.
pub(super) fn walk_message(payload: &[u8], subprotocol: Subprotocol, max_depth: usize) -> Seen {
    let mut seen = Seen::default();
    let is_text = std::str::from_utf8(payload).is_ok() && payload.first() != Some(&0);
    let message = Message { payload, is_text, whole: true, subprotocol, max_depth };
    leaves(message, &mut Scratch::default(), &mut seen);
    seen
}

/// The leaves of a message in which nothing is unusual.
pub(super) fn regular(payload: impl AsRef<[u8]>) -> Vec<String> {
    let payload = payload.as_ref();
    let seen = walk_message(payload, Subprotocol::Unknown, 64);
    assert_eq!(seen.anomalies, [], "{}", String::from_utf8_lossy(payload));
    seen.leaves
}

/// The leaves of a message with one anomaly.
pub(super) fn odd(payload: impl AsRef<[u8]>, anomaly: Anomaly) -> Vec<String> {
    let payload = payload.as_ref();
    let seen = walk_message(payload, Subprotocol::Unknown, 64);
    assert_eq!(seen.anomalies, [anomaly], "{}", String::from_utf8_lossy(payload));
    seen.leaves
}
