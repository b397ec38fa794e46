//! Puts the leaves of a message before the detectors.

use crate::{
    direction::Direction,
    payload::{Coverage, Message, Scratch, Subprotocol, leaves},
    settings::Settings,
    verdict::{
        Finding, Opcode, Unit,
        court::{Court, Levels},
    },
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
    /// The format that the handshake agreed on.
    pub(crate) subprotocol: Subprotocol,
}

/// Judges the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Examiner {
    scratch: Scratch,
    levels: Levels,
}

impl Examiner {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.scratch.buffered_bytes() + self.levels.buffered_bytes()
    }

    /// Looks for attacks; at most one finding a signal. Allocates only where something was found.
    pub(crate) fn examine(&mut self, subject: Subject<'_>, settings: &Settings) -> (Vec<Finding>, Coverage) {
        let unit = Unit::Message { opcode: subject.opcode, index: subject.index };
        let mut court =
            Court::new(unit, subject.direction, subject.payload.len(), settings, &mut self.levels);
        let message = Message {
            payload: subject.payload,
            is_text: subject.opcode == Opcode::Text,
            whole: subject.whole,
            subprotocol: subject.subprotocol,
            max_depth: settings.limits.max_json_depth,
        };
        let coverage = leaves(message, &mut self.scratch, &mut court);
        let judged = court.close();
        self.levels.shrink();
        self.scratch.shrink();
        (judged, coverage)
    }
}

/// Judges one text message from a client, as a session would, without a connection.
///
/// Returns at most one finding a signal; in mode `block` those of the values up to the first offending one. Text that is not UTF-8
/// is read as a binary message.
pub fn inspect_text(settings: &Settings, text: &[u8]) -> Vec<Finding> {
    let opcode = if std::str::from_utf8(text).is_ok() { Opcode::Text } else { Opcode::Binary };
    Inspector::default().inspect(settings, opcode, text)
}

/// Judges messages from a client, as a session would, without a connection.
#[derive(Debug, Default)]
pub struct Inspector {
    examiner: Examiner,
}

impl Inspector {
    /// Judges one message. A text message that is not UTF-8, which a session refuses, is read as binary.
    ///
    /// Returns at most one finding a signal: what blocks first, then by falling score.
    pub fn inspect(&mut self, settings: &Settings, opcode: Opcode, payload: &[u8]) -> Vec<Finding> {
        let text = opcode == Opcode::Text && simdutf8::basic::from_utf8(payload).is_ok();
        let opcode = if text { Opcode::Text } else { Opcode::Binary };
        let subject = Subject {
            payload,
            opcode,
            direction: Direction::ToServer,
            index: 1,
            whole: true,
            subprotocol: Subprotocol::Unknown,
        };
        self.examiner.examine(subject, settings).0
    }
}

#[cfg(test)]
mod tests;
