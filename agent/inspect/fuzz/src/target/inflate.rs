//! Compressed messages: a byte that chooses takeover, opcode and direction, then for each message two bytes of length and so many
//! of deflate data. What comes out is compared with what another implementation makes of them.

use framewall_inspect::{
    CloseReason, DeflatePolicy, Direction, Inspector, Limits, Mode, OpaquePolicy, Opcode, Report, Settings,
    Unit,
};
use miniz_oxide::{
    DataFormat, MZError, MZFlush,
    inflate::stream::{InflateState, inflate},
};

use crate::{
    compare::{play_in_splits, shape},
    handshake::{client_frame, extensions, opening, server_frame},
    input::{Plan, Reader, Split, Turn},
    relay::play,
};

/// Messages that inflate to more are not compared.
const LONGEST: usize = 256 * 1024;

pub(super) fn run(input: &[u8]) -> u64 {
    let mut reader = Reader::new(input);
    let mut plan = Plan::read(&mut reader);
    plan.settings.limits.max_head_bytes = 64 * 1024;
    plan.settings.handshake = Default::default();
    if plan.settings.deflate == DeflatePolicy::Strip {
        plan.settings.deflate = DeflatePolicy::Inspect;
    }
    let options = reader.byte();
    let takeover = options & 1 == 0;
    let text = options & 2 == 0;
    let direction = if options & 4 == 0 { Direction::ToServer } else { Direction::ToClient };
    let mut messages = Vec::new();
    while !reader.is_empty() {
        let len = reader.short();
        messages.push(reader.take(len.into()));
    }
    let mut turns = opening(extensions(if takeover { 1 } else { 2 })).to_vec();
    for message in &messages {
        turns.push(Turn::Bytes(direction, frames(message, text, plan.split, direction)));
    }
    let outcome = play_in_splits(&plan, &turns);
    compare_with_reference(&messages, &turns, takeover, text, direction);
    shape(&plan, &outcome)
}

/// A message in one frame or, by the split, in several.
fn frames(message: &[u8], text: bool, split: u16, direction: Direction) -> Vec<u8> {
    let key = [0, split.to_be_bytes()[0], 0, split.to_be_bytes()[1]];
    let frame = |first: u8, payload: &[u8]| match direction {
        Direction::ToServer => client_frame(first, key, payload),
        Direction::ToClient => server_frame(first, payload),
    };
    let opcode = if text { 1 } else { 2 };
    let middle = message.len() * usize::from(split % 16) / 15;
    if split.is_multiple_of(3) || middle > message.len() {
        return frame(0xc0 | opcode, message);
    }
    let (front, back) = message.split_at(middle);
    [frame(0x40 | opcode, front), frame(0x80, back)].concat()
}

/// In mode log, where everything is found: as far as both understand the messages, they understand the same.
fn compare_with_reference(
    messages: &[&[u8]],
    turns: &[Turn],
    takeover: bool,
    text: bool,
    direction: Direction,
) {
    let limits = Limits { max_inflate_ratio: u32::MAX, max_message_bytes: LONGEST, ..Limits::default() };
    let settings = Settings {
        mode: Mode::Log,
        opaque: OpaquePolicy::Pass,
        limits,
        detect_to_client: true,
        ..Settings::default()
    };
    let plan = Plan { settings, split: 0, budget: usize::MAX };
    let outcome = play(&plan, turns, Split::Whole);
    let mut found = outcome.reports.iter().filter_map(|report| match report {
        Report::Finding(finding) if finding.unit != Unit::Handshake => Some(finding),
        Report::WebSocketOpened(_)
        | Report::Opaque(_)
        | Report::GivenUp(_)
        | Report::Finding(_)
        | Report::Offence(_)
        | Report::Rule(_)
        | Report::CountsLost(_) => None,
    });
    let given_up = outcome.reports.iter().find_map(|report| match report {
        Report::GivenUp(reason) => Some(*reason),
        Report::WebSocketOpened(_)
        | Report::Opaque(_)
        | Report::Finding(_)
        | Report::Offence(_)
        | Report::Rule(_)
        | Report::CountsLost(_) => None,
    });
    let complete = match direction {
        Direction::ToServer => outcome.counters.to_server.messages,
        Direction::ToClient => outcome.counters.to_client.messages,
    };
    let mut reference = Reference::new(takeover);
    for (index, message) in (1..).zip(messages) {
        let Some(plain) = reference.message(message) else { return };
        let is_utf8 = std::str::from_utf8(&plain).is_ok();
        if index > complete {
            assert!(
                given_up != Some(CloseReason::InvalidUtf8) || !is_utf8,
                "message {index} is UTF-8 after all"
            );
            return;
        }
        assert!(is_utf8 || !text, "message {index} is not UTF-8 and was taken");
        let opcode = if text { Opcode::Text } else { Opcode::Binary };
        let unit = Unit::Message { opcode, index };
        for expected in Inspector::default().inspect(&plan.settings, opcode, &plain) {
            let finding = found.next().expect("everything that is in the message is found");
            assert_eq!(
                (finding.unit, finding.signal, &finding.location, &finding.excerpt),
                (unit, expected.signal, &expected.location, &expected.excerpt)
            );
        }
    }
    assert!(found.next().is_none(), "more is found than is there");
}

/// Inflates with other code.
struct Reference {
    state: Box<InflateState>,
    takeover: bool,
}

impl Reference {
    fn new(takeover: bool) -> Self {
        Self { state: InflateState::new_boxed(DataFormat::Raw), takeover }
    }

    /// `None` for what it cannot read, for what is too long, and after a final block: then the window would have to be
    /// set, which it does not offer.
    fn message(&mut self, compressed: &[u8]) -> Option<Vec<u8>> {
        if !self.takeover {
            self.state = InflateState::new_boxed(DataFormat::Raw);
        }
        let mut plain = Vec::new();
        for mut input in [compressed, &[0, 0, 0xff, 0xff]] {
            loop {
                let mut space = [0; 4096];
                let result = inflate(&mut self.state, input, &mut space, MZFlush::None);
                input = input.get(result.bytes_consumed..)?;
                plain.extend_from_slice(space.get(..result.bytes_written)?);
                match result.status {
                    Ok(miniz_oxide::MZStatus::Ok) | Err(MZError::Buf) if plain.len() <= LONGEST => {}
                    Ok(_) | Err(_) => return None,
                }
                if input.is_empty() && result.bytes_written < space.len() {
                    break;
                }
                if (result.bytes_consumed, result.bytes_written) == (0, 0) {
                    return None;
                }
            }
        }
        Some(plain)
    }
}
