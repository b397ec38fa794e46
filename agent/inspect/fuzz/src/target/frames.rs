//! Frames after a handshake: a byte that chooses the extension, two of length, so many bytes of the client, and the rest
//! from the server.

use framewall_inspect::Direction;

use crate::{
    compare::{play_in_splits, shape},
    handshake::{extensions, opening},
    input::{Plan, Reader, Turn},
};

pub(super) fn run(input: &[u8]) -> u64 {
    let mut reader = Reader::new(input);
    let mut plan = Plan::read(&mut reader);
    // Heads are not what this is about.
    plan.settings.limits.max_head_bytes = 64 * 1024;
    let mut turns = opening(extensions(reader.byte())).to_vec();
    let len = reader.short();
    turns.push(Turn::Bytes(Direction::ToServer, reader.take(len.into()).to_vec()));
    turns.push(Turn::Bytes(Direction::ToClient, reader.rest().to_vec()));
    shape(&plan, &play_in_splits(&plan, &turns))
}
