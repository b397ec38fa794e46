//! A whole connection: a byte that says how it begins, then bytes, pauses, ends and shutdown in any order.

use crate::{
    compare::{play_in_splits, shape},
    handshake::{extensions, opening},
    input::{Plan, Reader, turns},
};

pub(super) fn run(input: &[u8]) -> u64 {
    let mut reader = Reader::new(input);
    let plan = Plan::read(&mut reader);
    let start = reader.byte();
    let mut all = Vec::new();
    if start & 3 != 0 {
        all.extend(opening(extensions(start & 3)));
    }
    all.extend(turns(&mut reader));
    shape(&plan, &play_in_splits(&plan, &all))
}
