//! Plays a message of a length for callgrind, which counts what it takes: `cargo xtask instructions` compares lengths.

use std::hint::black_box;

use framewall_inspect::{Inspector, Opcode};

use crate::target::slowest::{Piece, judge};

/// Plays an input of the target `slowest` as a message of about `len` bytes.
///
/// It is judged twice, so that what is made once has been made, and the second time by `weighed`.
pub fn play(input: &[u8], len: usize) {
    let message = Piece::read(input).message(len);
    let mut inspector = Inspector::default();
    judge(&mut inspector, &message);
    black_box(weighed(&mut inspector, &message));
}

/// Callgrind knows the function by this name.
#[inline(never)]
fn weighed(inspector: &mut Inspector, message: &(Opcode, Vec<u8>)) -> u64 {
    judge(black_box(inspector), black_box(message))
}
