//! Undoes encodings that hide a value from who looks at it as it stands.
//!
//! A round undoes one layer of everything that stands in a value: characters written as `%27`, `%u0027`, `\u0027` or
//! `&#39;`, then the characters that many readers take for ASCII (overlong UTF-8, full-width and look-alike ones,
//! those without width, NUL). A value that is nothing but base64 or hexadecimal digits of text is that text; padding at either end is taken away. Three
//! rounds are undone, more is not used by anybody but to tire who looks.
//!
//! Whoever reads a message may decode less than this or nothing, so the value as it stands and the result of each
//! round are judged.

mod characters;
mod entity;
mod fold;
mod layers;
mod lookalike;
mod padding;
mod quoted;
mod transfer;

pub(crate) use layers::Layers;
pub use layers::Step;
pub(crate) use transfer::{sextet, without_noise};

use crate::byte_set::ByteSet;
use layers::Steps;

/// Most rounds for one value, nested structures included.
pub(crate) const MAX_ROUNDS: usize = 3;

/// What one of these begins may be an encoded character.
const CHARACTERS: ByteSet = ByteSet::PERCENT.and(ByteSet::BACKSLASH).and(ByteSet::AMPERSAND);

/// What one of these is in may be folded to ASCII.
const FOLDED: ByteSet = ByteSet::HIGH.and(ByteSet::NUL);

/// Memory for the two newest rounds of a value, used again from value to value.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The result of the newest round.
    pub(crate) newest: Vec<u8>,
    /// What it was made from.
    pub(crate) other: Vec<u8>,
}

impl Buffers {
    /// Approximate memory in bytes.
    pub(crate) const fn buffered_bytes(&self) -> usize {
        self.newest.capacity() + self.other.capacity()
    }

    /// Gives back what a long value needed.
    pub(crate) fn shrink(&mut self) {
        for buffer in [&mut self.newest, &mut self.other] {
            buffer.clear();
            buffer.shrink_to(512);
        }
    }
}

/// Whether [`round`] may find something to undo in a value of these kinds of bytes. Errs towards yes.
pub(crate) fn may_change(value: &[u8], bytes: ByteSet) -> bool {
    bytes.has_any(CHARACTERS.and(FOLDED))
        || may_be_form(bytes)
        || transfer::may_be(value, bytes)
        || padding::may_be(value)
}

/// Whether a value of these kinds of bytes may be from a URL-encoded form, where `+` is a blank: it has no other blanks.
pub(crate) const fn may_be_form(bytes: ByteSet) -> bool {
    bytes.has_all(ByteSet::PLUS.and(ByteSet::LETTER)) && !bytes.has_any(ByteSet::SPACE)
        || bytes.has_all(ByteSet::PLUS.and(ByteSet::PERCENT)) && !bytes.has_any(ByteSet::SPACE)
}

/// Reads `+` as a blank, as in URL-encoded forms (URL standard, `application/x-www-form-urlencoded`).
pub(crate) fn plus_to_blank(value: &mut [u8], layers: &mut Layers) {
    for byte in value.iter_mut().filter(|byte| **byte == b'+') {
        *byte = b' ';
    }
    if !layers.contains(Step::Percent) {
        layers.push(Step::Percent);
    }
}

/// Undoes one layer of encodings of `value` into `out` and adds to `layers` what was undone; returns false, and leaves
/// both as they are, if there is none.
///
/// Takes time linear in the length of the value; the result is never longer than the value.
pub(crate) fn round(value: &[u8], bytes: ByteSet, out: &mut Vec<u8>, layers: &mut Layers) -> bool {
    out.clear();
    if let Some(rest) = padding::strip(value) {
        out.extend_from_slice(rest);
        layers.push(Step::Padding);
        return true;
    }
    if let Some(step) = transfer::undo(value, bytes, out) {
        layers.push(step);
        return true;
    }
    if bytes.has_all(ByteSet::BACKSLASH.and(ByteSet::DOUBLE_QUOTE)) && quoted::undo(value, out) {
        layers.push(Step::Json);
        return true;
    }
    let mut steps = Steps::default();
    let again = layers.contains(Step::Percent) || layers.contains(Step::PercentU);
    let mut changed = bytes.has_any(CHARACTERS) && characters::undo(value, again, out, &mut steps);
    if changed {
        fold::fold(out, &mut steps);
    } else if bytes.has_any(FOLDED)
        && let Some(first) = fold::first(value, bytes)
    {
        out.extend_from_slice(value);
        fold::fold_from(out, first, &mut steps);
        changed = true;
    }
    if !changed && transfer::may_be_literal(bytes) && transfer::undo_literals(value, out) {
        steps.hides();
        layers.push(Step::Hex);
        changed = true;
    }
    // Behind `base64,`, with the rest of the value: what stands beside it must not be hidden by it.
    if transfer::may_be_marked(bytes) {
        if !changed && transfer::is_marked(value) {
            out.extend_from_slice(value);
        }
        if transfer::undo_marked(out) {
            layers.push(Step::Base64);
            changed = true;
        }
    }
    if changed {
        layers.add(steps);
    } else {
        out.clear();
    }
    changed
}

#[cfg(test)]
mod tests;
