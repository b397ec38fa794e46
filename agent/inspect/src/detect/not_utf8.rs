//! Bytes that are no UTF-8, behind an encoding.

use crate::{
    byte_set::ByteSet,
    decode::Step,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// Percent-encoding of bytes that are not UTF-8 or are overlong (RFC 3629 §3, §10): readers disagree about what they
/// are, and some take `%c0%ae` for a dot.
///
/// A message of text is UTF-8, or the connection ends; what is encoded in it need not be. Old pages encode Latin-1
/// (`M%FCller`), so letters alone are let pass.
pub(super) struct NotUtf8;

impl Detector for NotUtf8 {
    fn signal(&self) -> Signal {
        Signal::NotUtf8
    }

    fn summary(&self) -> &'static str {
        "encoded bytes that are not UTF-8, or longer than UTF-8 allows"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "..%c0%af..",
                "%c0%ae%c0%ae/",
                "%e0%80%af",
                "%f0%80%80%ae",
                "%fc%80%80%80%80%ae",
                "a%ff%fe",
                "%c1%1c",
            ],
            passed: &[
                "caf%c3%a9",
                "M%FCller",
                "na%EFve",
                "%e4%bd%a0%e5%a5%bd",
                "100%",
                "50%f0",
                "like '%ab%'",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["%c0", "%c1", "%e0%80", "%f0%80", "%f8", "%fc", "%fe", "%ff"]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal() || gate.decoded && gate.bytes.has_any(ByteSet::HIGH)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if !value.layers.is_empty() {
            if value.layers.contains(Step::Overlong) {
                found.push("overlong utf-8", Strength::Tag, 0..value.bytes.len());
            }
            return;
        }
        for at in memchr::memchr_iter(b'%', value.bytes) {
            let rest = value.bytes.get(at..).unwrap_or_default();
            let byte = |nth: usize| match rest.get(3 * nth..3 * nth + 3) {
                Some([b'%', high, low]) => {
                    let digit = |digit: u8| char::from(digit).to_digit(16);
                    Some(digit(*high)? << 4 | digit(*low)?)
                }
                _ => None,
            };
            let what = match (byte(0), byte(1)) {
                (Some(0xc0 | 0xc1), Some(_))
                | (Some(0xe0), Some(0x80..=0x9f))
                | (Some(0xf0), Some(0x80..=0x8f)) => "overlong utf-8",
                (Some(0xf8..=0xfd), Some(0x80..=0xbf)) => "overlong utf-8",
                (Some(0xfe | 0xff), Some(0x80..)) => "bytes that are never utf-8",
                _ => continue,
            };
            found.push(what, Strength::Tag, at..at + 6);
            return;
        }
    }
}
