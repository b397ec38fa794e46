//! Puts the leaves of a message before the detectors.

use std::ops::ControlFlow;

use crate::{
    detect::{Classes, DETECTORS, Signal},
    direction::Direction,
    payload::{Coverage, Leaf, Place, Scratch, leaves},
    settings::{Mode, Settings},
    verdict::{Finding, FindingAction, Opcode, redact::excerpt},
};

/// A message to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// Valid UTF-8 if the opcode is text.
    pub(crate) payload: &'a [u8],
    pub(crate) opcode: Opcode,
    pub(crate) direction: Direction,
    /// Counted from 1.
    pub(crate) index: u64,
    /// Not only the beginning of the message.
    pub(crate) whole: bool,
}

/// Judges the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Examiner {
    scratch: Scratch,
}

impl Examiner {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.scratch.buffered_bytes()
    }

    /// Looks for attacks; at most one finding a signal. Allocates only for findings.
    pub(crate) fn examine(&mut self, subject: Subject<'_>, settings: &Settings) -> (Vec<Finding>, Coverage) {
        let mut hits = Hits { subject, settings, findings: Vec::new(), looked_at: 0 };
        let coverage = leaves(
            subject.payload,
            subject.opcode == Opcode::Text,
            subject.whole,
            settings.limits.max_json_depth,
            &mut self.scratch,
            &mut |leaf| hits.judge(leaf),
        );
        self.scratch.shrink();
        (hits.findings, coverage)
    }
}

struct Hits<'a> {
    subject: Subject<'a>,
    settings: &'a Settings,
    findings: Vec<Finding>,
    looked_at: u32,
}

impl Hits<'_> {
    fn judge(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        let classes = Classes::of(leaf.value);
        let mut counted = false;
        for detector in DETECTORS {
            let signal = detector.signal();
            if !detector.applies(classes) || self.findings.iter().any(|finding| finding.signal == signal) {
                continue;
            }
            if !counted {
                counted = true;
                self.looked_at += 1;
                if self.looked_at > self.settings.limits.max_leaves {
                    self.add(Signal::WsUninspected, Leaf { value: b"", place: Place::Whole });
                    return ControlFlow::Break(());
                }
            }
            if detector.detect(leaf.value) {
                self.add(signal, leaf);
            }
        }
        // In mode block the first finding decides; in mode log there may be one of each signal.
        let enough = match self.settings.mode {
            Mode::Block => 1,
            Mode::Log => DETECTORS.len(),
        };
        if self.findings.len() >= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn add(&mut self, signal: Signal, leaf: Leaf<'_>) {
        self.findings.push(Finding {
            signal,
            direction: self.subject.direction,
            action: match self.settings.mode {
                Mode::Block => FindingAction::Block,
                Mode::Log => FindingAction::Log,
            },
            location: leaf.place.location(),
            excerpt: excerpt(leaf.value),
            opcode: self.subject.opcode,
            message: self.subject.index,
        });
    }
}

/// Judges one text message from a client, as a session would, without a connection.
///
/// Returns at most one finding a signal; in mode `block` those of the first offending value. Text that is not UTF-8
/// is read as a binary message.
pub fn inspect_text(settings: &Settings, text: &[u8]) -> Vec<Finding> {
    let opcode = if std::str::from_utf8(text).is_ok() { Opcode::Text } else { Opcode::Binary };
    let subject = Subject { payload: text, opcode, direction: Direction::ToServer, index: 1, whole: true };
    Examiner::default().examine(subject, settings).0
}
