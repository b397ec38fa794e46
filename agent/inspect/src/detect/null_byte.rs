//! NUL where text is expected.

use crate::{
    byte_set::ByteSet,
    decode::Step,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// A NUL byte inside text, or its encoding: C code ends the text there, other code does not (CWE-158), so that
/// `report.php%00.png` is a picture to one and a script to the other.
///
/// The NUL that ends a value is part of several formats and says nothing.
pub(super) struct NullByte;

impl Detector for NullByte {
    fn signal(&self) -> Signal {
        Signal::NullByte
    }

    fn summary(&self) -> &'static str {
        "a NUL byte in text, or its encoding"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &["report.php%00.png", "a\0b", "..%00/", "pi\\u0000ng", "x&#0;y", "pi\\x00ng"],
            passed: &["100%", "ended\0", "%20%0a", "\\0", "0x00"],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["%00", "%u0000", "\\u0000", "\\x00", "&#0;", "&#x0;", "&#00"]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal() || gate.bytes.has_any(ByteSet::NUL) || gate.decoded
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let end = value.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if let Some(at) = value.bytes.get(..end).and_then(|inside| memchr::memchr(0, inside)) {
            found.push("nul in text", Strength::Tag, at..at + 1);
        } else if value.layers.contains(Step::Nul) {
            found.push("nul in text", Strength::Tag, 0..value.bytes.len());
        } else if value.layers.is_empty() {
            let spellings: [&[u8]; 6] = [b"%00", b"%u0000", b"\\u0000", b"\\x00", b"&#0;", b"&#x0;"];
            let spelled =
                spellings.iter().find_map(|nul| Some((memchr::memmem::find(value.bytes, nul)?, nul.len())));
            if let Some((at, len)) = spelled {
                found.push("encoded nul", Strength::Tag, at..at + len);
            }
        }
    }
}
