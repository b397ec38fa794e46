//! Whether two runs of one connection came to the same.

use framewall_inspect::{CloseReason, Counters, OversizePolicy, Report};

use crate::{
    input::{Plan, Split, Turn},
    relay::{Outcome, play},
};

/// Plays a connection in three splits, compares the outcomes, and returns one.
///
/// # Panics
///
/// If a promise is broken.
pub(crate) fn play_in_splits(plan: &Plan, turns: &[Turn]) -> Outcome {
    let whole = play(plan, turns, Split::Whole);
    for split in [Split::Single, Split::By(plan.split)] {
        let other = play(plan, turns, split);
        if !plan.is_scarce() {
            compare(plan, &whole, &other, split);
        }
    }
    whole
}

fn compare(plan: &Plan, whole: &Outcome, other: &Outcome, split: Split) {
    assert_eq!(whole.closed, other.closed, "{split:?}");
    assert_eq!(whole.reports, other.reports, "{split:?}");
    assert_eq!(whole.aborted, other.aborted, "{split:?}");
    assert_eq!(whole.finished, other.finished, "{split:?}");
    let exact = !depends_on_split(plan, whole);
    for direction in 0..2 {
        let (a, b) = (&whole.released[direction], &other.released[direction]);
        if exact {
            assert!(a == b, "{split:?}: {} and {} bytes went on; {:?}", a.len(), b.len(), whole.closed);
            assert_eq!(whole.discarded, other.discarded, "{split:?}");
            assert_eq!(whole.injected, other.injected, "{split:?}");
        } else {
            assert!(a.starts_with(b) || b.starts_with(a), "{split:?}: different bytes went on");
        }
    }
    assert_eq!(countable(whole.counters), countable(other.counters), "{split:?}");
}

/// The exceptions that `Session` names: how much of an HTTP head goes on that turns out to be refused, and of a frame
/// that passes and whose compression is broken or too good.
fn depends_on_split(plan: &Plan, outcome: &Outcome) -> bool {
    match outcome.closed {
        None => false,
        Some(CloseReason::DeflateError | CloseReason::InflateRatio) => {
            plan.settings.limits.oversize == OversizePolicy::Pass
        }
        Some(_) => outcome.opened.is_none(),
    }
}

/// Without what is only counted from the end of a read on.
fn countable(counters: Counters) -> Counters {
    Counters { opaque_bytes: 0, ..counters }
}

/// A number for what happened: inputs with different ones are worth keeping.
pub(crate) fn shape(plan: &Plan, outcome: &Outcome) -> u64 {
    let mut hash = Fnv::new();
    hash.text(plan.settings.mode.as_str());
    hash.text(outcome.closed.map_or("", CloseReason::as_str));
    hash.text(outcome.closed.and_then(CloseReason::detail).unwrap_or_default());
    for report in outcome.reports.iter().take(6) {
        match report {
            Report::WebSocketOpened(_) => hash.text("open"),
            Report::Opaque(kind) => hash.text(kind.as_str()),
            Report::GivenUp(reason) => hash.text(reason.as_str()),
            Report::Rule(matched) => hash.text(&matched.rule),
            Report::CountsLost(lost) => hash.text(&lost.rule),
            Report::Finding(finding) => {
                hash.text(finding.signal.as_str());
                hash.number(finding.location.len().min(4) as u64);
            }
            Report::Offence(offence) => {
                hash.text(offence.reason.as_str());
                hash.text(offence.reason.detail().unwrap_or_default());
                hash.number(offence.uninspected.into());
            }
        }
    }
    let counters = outcome.counters;
    for stream in [counters.to_server, counters.to_client] {
        for count in [stream.messages, stream.fragments, stream.control_frames, stream.close_sent.into()] {
            hash.magnitude(count);
        }
    }
    hash.magnitude(counters.requests);
    hash.magnitude(counters.uninspected_messages);
    hash.number(outcome.aborted.into());
    for direction in 0..2 {
        hash.number((outcome.discarded[direction] > 0).into());
        hash.number((!outcome.injected[direction].is_empty()).into());
        hash.magnitude(outcome.released[direction].len() as u64 / 64);
    }
    hash.0
}

/// FNV-1a.
pub(crate) struct Fnv(pub(crate) u64);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// So many bits does it take.
    fn magnitude(&mut self, number: u64) {
        self.number((u64::BITS - number.leading_zeros()).into());
    }
}
