//! An encoding within an encoding.

use crate::detect::{Detector, Examples, Found, Gate, Signal, Strength, Value};

/// Characters that are encoded twice (CWE-174): who decodes once sees nothing, who decodes twice sees them.
///
/// Addresses within addresses are honest: what is reserved in the inner one (blanks, `/`, `:`, `?`, `=`, `&`, `%` and
/// what is not ASCII) is encoded again in the outer one. It is the other characters that tell.
pub(super) struct DoubleEncoding;

impl Detector for DoubleEncoding {
    fn signal(&self) -> Signal {
        Signal::DoubleEncoding
    }

    fn summary(&self) -> &'static str {
        "characters that are encoded twice"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &["%252e%252e%252f", "%2527 or 1", "%253Cscript%253E", "%25%32%37"],
            passed: &[
                "https://example.org/?next=https%253A%252F%252Fexample.org%252Fa%2520b",
                "100%25",
                "%2520",
                "%25",
                "a%25b",
                "%25E4%25BD%25A0",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["%25"]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal() || gate.decoded
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if !value.layers.is_empty() {
            if value.layers.is_double() && value.layers.is_hiding() {
                found.push("encoded more than once", Strength::Tag, 0..value.bytes.len());
            }
            return;
        }
        for at in memchr::memmem::find_iter(value.bytes, b"%25") {
            let rest = value.bytes.get(at + 3..).unwrap_or_default();
            let honest = match rest {
                [b'%', ..] => !is_digits(rest.get(1..)),
                [high, low, ..] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => is_reserved(high << 4 | low),
                    _ => true,
                },
                _ => true,
            };
            if !honest {
                found.push("encoded twice", Strength::Tag, at..at + 5);
                return;
            }
        }
    }
}

fn is_digits(rest: Option<&[u8]>) -> bool {
    matches!(rest, Some([high, low, ..]) if digit(*high).is_some() && digit(*low).is_some())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What honest encoders encode.
const fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'!'
            | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b'/'
            | b':'
            | b';'
            | b'='
            | b'?'
            | b'@'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'\r'
            | b'\n'
            | 0x80..
    )
}
