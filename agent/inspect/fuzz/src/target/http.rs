//! HTTP heads and bodies: plain text, in which the byte 0x1e hands the word to the other side.

use framewall_inspect::Direction;

use crate::{
    compare::{play_in_splits, shape},
    input::{Plan, Reader, Turn},
};

pub(super) fn run(input: &[u8]) -> u64 {
    let mut reader = Reader::new(input);
    let plan = Plan::read(&mut reader);
    let mut direction = Direction::ToServer;
    let mut turns = Vec::new();
    for bytes in reader.rest().split(|byte| *byte == 0x1e) {
        turns.push(Turn::Bytes(direction, bytes.to_vec()));
        direction = direction.opposite();
    }
    shape(&plan, &play_in_splits(&plan, &turns))
}
