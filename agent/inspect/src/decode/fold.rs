//! Folds what many readers take for ASCII to ASCII, and drops what they do not see.

use crate::{
    byte_set::ByteSet,
    decode::{
        Step, Steps,
        lookalike::{self, Reading},
    },
};

/// What becomes of a sequence of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Keep,
    Drop(Step),
    /// An ASCII character, and whether it is odd that it is written so.
    Byte(u8, Step, bool),
    Char(char, Step),
}

/// Where the first sequence stands that is worth a second look at `value`, if there is one.
///
/// Characters without width say something within or beside ASCII only: emoji and some scripts are made of them. CJK
/// punctuation says nothing where there is no ASCII letter, full-width or not: what it hides would be written with them.
pub(super) fn first(value: &[u8], bytes: ByteSet) -> Option<usize> {
    let letters = bytes.has_any(ByteSet::LETTER);
    let mut at = 0;
    while let Some(next) = next(value, at) {
        let before = next.checked_sub(1).and_then(|before| value.get(before)).copied();
        let (change, used) = read(value.get(next..).unwrap_or_default(), before);
        let after = value.get(next + used).copied();
        let graphic = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_graphic());
        let counts = match change {
            Change::Keep => false,
            Change::Drop(Step::Nul) => after.is_some(),
            // Variation selectors stand behind characters that are emoji then: `1️⃣`.
            Change::Drop(_) if value.get(next) == Some(&0xef) && value.get(next + 1) == Some(&0xb8) => {
                graphic(before) && graphic(after)
            }
            Change::Drop(_) => graphic(before) || graphic(after),
            // Punctuation of other scripts; but they have no use for dollars and braces next to each other.
            Change::Byte(byte, _, false) => {
                letters || byte.is_ascii_alphabetic() || matches!(byte, b'$' | b'{' | b'}')
            }
            Change::Byte(..) | Change::Char(..) => true,
        };
        if counts {
            return Some(next);
        }
        at = next + used;
    }
    None
}

/// Folds all of `out`; see [`fold_from`].
pub(super) fn fold(out: &mut Vec<u8>, steps: &mut Steps) {
    if let Some(first) = next(out, 0) {
        fold_from(out, first, steps);
    }
}

/// Folds `out` in place from the byte `first` on; nothing becomes longer.
pub(super) fn fold_from(out: &mut Vec<u8>, first: usize, steps: &mut Steps) {
    let (mut at, mut copied, mut written) = (first, first, first);
    while let Some(found) = next(out, at) {
        let before = if found > copied { found.checked_sub(1) } else { written.checked_sub(1) };
        let before = before.and_then(|before| out.get(before)).copied();
        let (change, used) = read(out.get(found..).unwrap_or_default(), before);
        at = found + used;
        let mut buffer = [0; 4];
        let (new, step): (&[u8], Step) = match change {
            Change::Keep => continue,
            Change::Drop(step) => (&[], step),
            Change::Byte(byte, step, _) => {
                buffer[0] = byte;
                (&buffer[..1], step)
            }
            Change::Char(char, step) => (char.encode_utf8(&mut buffer).as_bytes(), step),
        };
        let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let hides = match change {
            Change::Drop(_) => alphanumeric(before) && alphanumeric(out.get(at).copied()),
            Change::Byte(_, _, odd) => odd,
            Change::Char(..) => true,
            Change::Keep => false,
        };
        if hides {
            steps.hides();
        }
        steps.insert(step);
        out.copy_within(copied..found, written);
        written += found - copied;
        if let Some(place) = out.get_mut(written..written + new.len()) {
            place.copy_from_slice(new);
        }
        written += new.len();
        copied = at;
    }
    out.copy_within(copied.., written);
    out.truncate(written + out.len() - copied);
}

/// The next byte at or after `at` that begins something to look at.
fn next(value: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        at += plain(value.get(at..)?);
        match value.get(at)? {
            // Most scripts: passed over by whole characters.
            0xd0..=0xd9 => at += 2,
            0xe4..=0xec => at += 3,
            _ => return Some(at),
        }
    }
}

/// How many bytes at the front are ASCII and no NUL.
fn plain(text: &[u8]) -> usize {
    const AT_ONCE: usize = 16;
    // In most scripts one follows another.
    if text.first().is_some_and(|byte| *byte >= 0x80) {
        return 0;
    }
    // A NUL is the only byte that becomes high by taking one from it.
    let is_plain =
        |bytes: &&[u8; AT_ONCE]| bytes.iter().fold(0, |high, byte| high | byte | byte.wrapping_sub(1)) < 0x80;
    let chunks = text.as_chunks::<AT_ONCE>().0.iter().take_while(is_plain).count();
    let rest = text.get(chunks * AT_ONCE..).unwrap_or_default();
    let tail = rest.iter().position(|&byte| byte >= 0x80 || byte == 0).unwrap_or(rest.len());
    chunks * AT_ONCE + tail
}

/// Reads one sequence, which begins with a NUL or a byte beyond ASCII: what becomes of it, and its length.
fn read(rest: &[u8], before: Option<u8>) -> (Change, usize) {
    let (lead, more) = match rest {
        [0, ..] => return (Change::Drop(Step::Nul), 1),
        [lead, more @ ..] => (*lead, more),
        [] => return (Change::Keep, 1),
    };
    let (bits, following, least) = match lead {
        0xc0..=0xc1 => return short(lead, more),
        0xc2..=0xdf => (lead & 0x1f, 1, 0x80),
        0xe0..=0xef => (lead & 0x0f, 2, 0x800),
        0xf0..=0xf7 => (lead & 0x07, 3, 0x1_0000),
        0xf8..=0xfb => (lead & 0x03, 4, 0x20_0000),
        0xfc..=0xfd => (lead & 0x01, 5, 0x400_0000),
        _ => return (Change::Keep, 1),
    };
    let Some(following) = more.get(..following) else { return (Change::Keep, 1) };
    let mut code = u32::from(bits);
    for (read, &byte) in following.iter().enumerate() {
        if byte & 0xc0 != 0x80 {
            return (Change::Keep, 1 + read);
        }
        code = code << 6 | u32::from(byte & 0x3f);
    }
    let used = 1 + following.len();
    if code < least {
        return match char::from_u32(code) {
            Some(char) if char.is_ascii() => (Change::Byte(code as u8, Step::Overlong, true), used),
            Some(char) if char.len_utf8() < used => (Change::Char(char, Step::Overlong), used),
            _ => (Change::Keep, used),
        };
    }
    if !lookalike::may_begin(lead) {
        return (Change::Keep, used);
    }
    let change = match lookalike::reading(code) {
        Reading::Itself => Change::Keep,
        // The stop of Chinese and Japanese is one of a host name too (RFC 3490 §3.1).
        Reading::Ordinary(b'.') if matches!(code, 0x3002 | 0xff61) => {
            let within = before.is_some_and(|byte| byte.is_ascii_alphanumeric())
                && rest.get(used).is_some_and(u8::is_ascii_alphanumeric);
            if within { Change::Byte(b'.', Step::Lookalike, false) } else { Change::Keep }
        }
        Reading::Nothing => Change::Drop(Step::ZeroWidth),
        Reading::Ordinary(byte) => Change::Byte(byte, Step::Lookalike, false),
        Reading::Odd(byte) => Change::Byte(byte, Step::Lookalike, true),
    };
    (change, used)
}

/// Two bytes for an ASCII character. Readers that check nothing take the lower six bits of any second byte
/// (`C0 2E`, `C0 EE`), or skip the first one (`C0 5C`).
fn short(lead: u8, more: &[u8]) -> (Change, usize) {
    let Some(&second) = more.first() else { return (Change::Keep, 1) };
    let byte = (lead & 1) << 6 | second & 0x3f;
    if second & 0xc0 == 0x80 || matches!(byte, b'.' | b'/' | b'\\') {
        (Change::Byte(byte, Step::Overlong, true), 2)
    } else if matches!(second, b'.' | b'/' | b'\\') {
        (Change::Byte(second, Step::Overlong, true), 2)
    } else {
        (Change::Keep, 1)
    }
}
