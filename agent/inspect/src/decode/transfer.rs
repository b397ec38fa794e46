//! Values that are text in base64 (RFC 4648 §4 and §5) or in hexadecimal digits, and base64 behind `base64,`.

use crate::{
    byte_set::ByteSet,
    decode::{Step, characters::hex},
};

/// What base64 in either alphabet, perhaps in lines, is made of.
const BASE64: ByteSet = ByteSet::LETTER
    .and(ByteSet::DIGIT)
    .and(ByteSet::PLUS)
    .and(ByteSet::SLASH)
    .and(ByteSet::EQUALS)
    .and(ByteSet::MINUS)
    .and(ByteSet::PLAIN)
    .and(ByteSet::BREAK);

/// Shorter values hide nothing: four bytes.
const SHORTEST_BASE64: usize = 6;

/// Shorter values hide nothing, either.
const SHORTEST_HEX: usize = 8;

/// What stands before base64 in URLs (RFC 2397) and in the values of some encoders.
const MARK: &[u8] = b"base64,";

/// Whether it is worth trying to [`undo`].
pub(super) fn may_be(value: &[u8], bytes: ByteSet) -> bool {
    value.len() >= SHORTEST_BASE64
        && (!bytes.has_any(BASE64.others()) && begins_like_text(value)
            || may_be_marked(bytes) && is_marked(value)
            || may_be_literal(bytes) && literal(value).is_some())
}

/// Whether dots and slashes may stand as numbers of C: `0x2e0x2e0x2f`.
pub(super) const fn may_be_literal(bytes: ByteSet) -> bool {
    bytes.has_all(ByteSet::LETTER.and(ByteSet::DIGIT)) && !bytes.has_any(ByteSet::SPACE)
}

/// Where the first `0x2e`, `0x2f` or `0x5c` stands.
fn literal(value: &[u8]) -> Option<usize> {
    let digits =
        memchr::memchr_iter(b'x', value).filter(|at| value.get(at + 1..).and_then(path_byte).is_some());
    let mut zeros = digits.filter_map(|x| x.checked_sub(1)).filter(|at| value.get(*at) == Some(&b'0'));
    zeros.next()
}

fn path_byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [b'2', b'e' | b'E', ..] => Some(b'.'),
        [b'2', b'f' | b'F', ..] => Some(b'/'),
        [b'5', b'c' | b'C', ..] => Some(b'\\'),
        _ => None,
    }
}

/// Undoes `0x2e`, `0x2f` and `0x5c`, as lists of paths have them, into `out`; leaves it empty if there are none.
pub(super) fn undo_literals(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(first) = literal(value) else { return false };
    let (start, mut rest) = value.split_at(first);
    out.extend_from_slice(start);
    while let Some((&byte, after)) = rest.split_first() {
        let path = rest.strip_prefix(b"0x").and_then(path_byte);
        out.push(path.unwrap_or(byte));
        rest = if path.is_some() { rest.get(4..).unwrap_or_default() } else { after };
    }
    true
}

/// Whether base64 may stand behind `base64,` in a value of these kinds of bytes: nearly always of a URL.
pub(super) const fn may_be_marked(bytes: ByteSet) -> bool {
    bytes.has_all(ByteSet::PLAIN.and(ByteSet::DIGIT)) && bytes.has_any(ByteSet::SEMICOLON.and(ByteSet::COLON))
        || bytes.has_any(ByteSet::PERCENT)
}

pub(super) fn is_marked(value: &[u8]) -> bool {
    marked(value).is_some()
}

/// Where the first [`MARK`] stands.
fn marked(value: &[u8]) -> Option<usize> {
    let mut ends = memchr::memchr_iter(b',', value).map(|comma| comma + 1);
    ends.find(|end| value.get(..*end).is_some_and(|start| start.ends_with(MARK))).map(|end| end - MARK.len())
}

/// The beginning of a long `data:` URL of base64 that is no text, such as a picture: the rest is noise to everybody.
pub(crate) fn without_noise(value: &[u8], bytes: ByteSet) -> Option<&[u8]> {
    const NOISE: usize = 256;
    let url = ByteSet::COLON.and(ByteSet::SEMICOLON).and(ByteSet::PLAIN);
    if value.len() < 4 * NOISE || !bytes.has_all(url) || !value.get(..5)?.eq_ignore_ascii_case(b"data:") {
        return None;
    }
    let start = marked(value.get(..NOISE)?)? + MARK.len();
    let run = value.get(start..)?;
    let digits = run.strip_suffix(b"==").or_else(|| run.strip_suffix(b"=")).unwrap_or(run);
    let is_noise = !begins_like_base64(run) && digits.iter().all(|byte| sextet(*byte).is_some());
    is_noise.then(|| value.get(..start + NOISE))?
}

/// Undoes base64 or hexadecimal digits of a value that is nothing else, if that yields text, into `out`.
pub(super) fn undo(value: &[u8], bytes: ByteSet, out: &mut Vec<u8>) -> Option<Step> {
    if bytes.has_any(BASE64.others()) || value.len() < SHORTEST_BASE64 || !begins_like_text(value) {
        return None;
    }
    for (step, decode) in [(Step::Hex, digits as fn(&[u8], &mut Vec<u8>) -> bool), (Step::Base64, base64)] {
        out.clear();
        if decode(value, out) && is_text(out) {
            return Some(step);
        }
    }
    out.clear();
    None
}

/// Replaces base64 behind `base64,` with the text that it is; returns whether there was any.
pub(super) fn undo_marked(out: &mut Vec<u8>) -> bool {
    let Some(first) = marked(out) else { return false };
    let end = out.len();
    let (mut at, mut copied, mut written) = (first, first, first);
    let mut changed = false;
    let mut text = Vec::new();
    while let Some(found) = out.get(at..end).and_then(marked) {
        let start = at + found + MARK.len();
        let run = out.get(start..end).unwrap_or_default();
        let len = run.iter().take_while(|&&byte| sextet(byte).is_some() || byte == b'=').count();
        at = start + len;
        if len < SHORTEST_BASE64 {
            continue;
        }
        text.clear();
        if !run
            .get(..len)
            .is_some_and(|run| begins_like_text(run) && base64(run, &mut text) && is_text(&text))
        {
            continue;
        }
        out.copy_within(copied..start, written);
        written += start - copied;
        if let Some(place) = out.get_mut(written..written + text.len()) {
            place.copy_from_slice(&text);
        }
        written += text.len();
        copied = at;
        changed = true;
    }
    out.copy_within(copied..end, written);
    out.truncate(written + end - copied);
    changed
}

/// A cheap answer for nearly all values that are words, numbers or random: whether the first characters can be base64
/// or hexadecimal digits of text. Errs towards yes.
fn begins_like_text(value: &[u8]) -> bool {
    begins_like_base64(value) || begins_like_hex(value)
}

fn begins_like_base64(value: &[u8]) -> bool {
    let [a, b, c, ..] = *value else { return false };
    let (Some(a), Some(b), Some(c)) = (sextet(a), sextet(b), sextet(c)) else { return false };
    let begins = match (a << 2 | b >> 4, b << 4 | c >> 2) {
        (0xc2..=0xf4, next) => next & 0xc0 == 0x80,
        (byte, next) => is_word(byte) && (is_word(next) || matches!(next, 0xc2..=0xf4)),
    };
    begins && goes_on_like_base64(value)
}

fn goes_on_like_base64(value: &[u8]) -> bool {
    let first = value.get(..8).unwrap_or(value);
    let mut bits = 0_u64;
    for &byte in first {
        match sextet(byte) {
            Some(digit) => bits = bits << 6 | u64::from(digit),
            // It ends here, or goes on in the next line.
            None => return matches!(byte, b'=' | b'\r' | b'\n'),
        }
    }
    let bytes = bits.unbounded_shl(64 - 6 * first.len() as u32).to_be_bytes();
    let bytes = bytes.get(..first.len() * 6 / 8).unwrap_or_default();
    // What `is_text` allows of all of them.
    odd(bytes, true).saturating_mul(16) <= value.len()
}

fn begins_like_hex(value: &[u8]) -> bool {
    let Some(first) = value.first_chunk::<8>().filter(|first| hex(first[0]).is_some()) else { return false };
    match first.map(hex) {
        [Some(a), Some(b), Some(c), Some(d), Some(_), Some(_), Some(_), Some(_)] => {
            let (byte, next) = (a << 4 | b, c << 4 | d);
            is_word(byte) && (is_word(next) || matches!(next, 0xc2..=0xf4))
                || matches!(byte, 0xc2..=0xf4) && next & 0xc0 == 0x80
        }
        _ => first.starts_with(b"0x"),
    }
}

fn is_word(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0 | b' '..=b'~')
}

/// How many bytes are hardly of a text, which may go on behind them.
fn odd(bytes: &[u8], goes_on: bool) -> usize {
    let odd = bytes.iter().filter(|byte| matches!(byte, 1..=8 | 14..=31 | 127)).count();
    let is_utf8 = if goes_on {
        std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
    } else {
        simdutf8::basic::from_utf8(bytes).is_ok()
    };
    if is_utf8 { odd } else { odd + bytes.iter().filter(|byte| !byte.is_ascii()).count() }
}

/// Whether this is something that people or programs read: UTF-8 with hardly a control character, or nearly all ASCII.
fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && odd(bytes, false).saturating_mul(16) <= bytes.len()
}

/// Decodes digits, of which there must be an even number, perhaps behind `0x`.
fn digits(value: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    if value.len() < SHORTEST_HEX || !digits.len().is_multiple_of(2) {
        return false;
    }
    for pair in digits.chunks_exact(2) {
        let [high, low] = *pair else { return false };
        let (Some(high), Some(low)) = (hex(high), hex(low)) else { return false };
        out.push(high << 4 | low);
    }
    true
}

/// Decodes either alphabet, with padding or without, in lines or not.
fn base64(value: &[u8], out: &mut Vec<u8>) -> bool {
    let end = value.iter().rposition(|byte| !matches!(byte, b'=' | b'\r' | b'\n')).map_or(0, |last| last + 1);
    let mut bits = 0_u32;
    let mut count = 0_u32;
    for &byte in value.get(..end).unwrap_or_default() {
        match sextet(byte) {
            Some(value) => {
                bits = bits << 6 | u32::from(value);
                count += 1;
                if count == 4 {
                    let [_, bytes @ ..] = bits.to_be_bytes();
                    out.extend_from_slice(&bytes);
                    (bits, count) = (0, 0);
                }
            }
            None if matches!(byte, b'\r' | b'\n') => {}
            None => return false,
        }
    }
    match count {
        0 => {}
        2 => out.push((bits >> 4) as u8),
        3 => out.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => return false,
    }
    true
}

/// The value of a digit of either alphabet.
pub(crate) fn sextet(byte: u8) -> Option<u8> {
    let value = SEXTETS[usize::from(byte)];
    (value != NO_DIGIT).then_some(value)
}

const NO_DIGIT: u8 = u8::MAX;

static SEXTETS: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        values[byte as usize] = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NO_DIGIT,
        };
        byte += 1;
    }
    values
};
