//! Tokens that ask not to be checked.

use crate::{
    decode::sextet,
    detect::{Detector, Examples, Found, Signal, Strength, Value},
};

/// A JSON Web Token whose header says `"alg":"none"` (RFC 7519 §6; CWE-347): whoever accepts it accepts anything.
///
/// Looked for in every value, as tokens stand in cookies, headers, parameters and messages. The header is decoded in
/// place; `none` in any case, and with blanks around, as libraries have compared it.
pub(super) struct InsecureAuth;

/// Longest header that is looked into, in characters of base64url. Those of honest tokens are a tenth of it.
const MAX_HEADER: usize = 1024;
/// `{"alg":""}` in base64url.
const MIN_HEADER: usize = 14;

impl Detector for InsecureAuth {
    fn signal(&self) -> Signal {
        Signal::InsecureAuth
    }

    fn summary(&self) -> &'static str {
        "a token without a signature: a JWT with the algorithm none"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
                "Bearer eyJhbGciOiJOb05lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.",
                "eyAiYWxnIiA6ICJub25lIiB9.eyJzdWIiOiIxIn0.c2ln",
            ],
            passed: &[
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
                "{\"alg\":\"none\"}",
            ],
        }
    }

    /// What an object begins with in base64: `{"`, `{ "`, `{  `, a line end or a tab after the brace, a blank before it.
    fn literals(&self) -> &'static [&'static str] {
        &["eyj", "eyai", "eyag", "ewog", "ewoj", "ewoi", "ew0k", "ewki", "ihsi", "cnsi"]
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let mut rest = value.bytes;
        while let Some(dot) = memchr::memchr(b'.', rest) {
            let (part, after) = rest.split_at_checked(dot).unwrap_or((rest, &[]));
            let at = value.bytes.len() - rest.len();
            rest = after.get(1..).unwrap_or_default();
            let tail = part.get(part.len().saturating_sub(MAX_HEADER)..).unwrap_or_default();
            let padding = tail.iter().rev().take_while(|byte| **byte == b'=').count();
            let digits = tail.iter().rev().skip(padding).take_while(|byte| sextet(**byte).is_some()).count();
            let len = digits + padding;
            let header = part.get(part.len() - len..).unwrap_or_default();
            if header.len() < MIN_HEADER || !is_object(header) || !names_no_algorithm(header) {
                continue;
            }
            found.push("JWT with algorithm none", Strength::Strong, at + part.len() - len..at + part.len());
            let payload = rest.iter().take_while(|byte| sextet(**byte).is_some() || **byte == b'=').count();
            let is_signed = |rest: &[u8]| rest.first().is_some_and(|byte| sextet(*byte).is_some());
            if matches!(rest.get(payload..), Some([b'.', signature @ ..]) if !is_signed(signature)) {
                found.push("JWT without signature", Strength::Medium, at..at + part.len());
            }
            return;
        }
    }
}

/// Whether base64 begins like that of an object; the literals, as they are written.
fn is_object(header: &[u8]) -> bool {
    [&b"eyJ"[..], b"eyAi", b"eyAg", b"ewog", b"ewoJ", b"ewoi", b"ew0K", b"ewki", b"IHsi", b"Cnsi"]
        .iter()
        .any(|start| header.starts_with(start))
}

/// Whether the object has a member `alg` with the value `none`. Reads the base64 as it goes, in one pass.
fn names_no_algorithm(header: &[u8]) -> bool {
    let mut json = [0; MAX_HEADER / 4 * 3];
    let mut len = 0;
    for four in header.chunks(4) {
        let mut bits = 0_u32;
        let mut digits = 0;
        for digit in four.iter().map_while(|byte| sextet(*byte)) {
            bits = bits << 6 | u32::from(digit);
            digits += 1;
        }
        let bytes = (bits << (6 * (4 - digits))).to_be_bytes();
        for byte in bytes.into_iter().skip(1).take(digits * 3 / 4) {
            if let Some(slot) = json.get_mut(len) {
                *slot = byte;
                len += 1;
            }
        }
    }
    let json = json.get(..len).unwrap_or_default();
    memchr::memmem::find_iter(json, b"\"alg\"").any(|at| {
        let rest = json.get(at + 5..).unwrap_or_default().trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b":") else { return false };
        let Some(rest) = rest.trim_ascii_start().strip_prefix(b"\"") else { return false };
        let Some(end) = memchr::memchr(b'"', rest) else { return false };
        let algorithm = rest.get(..end).unwrap_or_default().trim_ascii();
        algorithm.is_empty() || algorithm.eq_ignore_ascii_case(b"none")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_of;

    fn score(value: &str) -> u32 {
        score_of(&InsecureAuth, value)
    }

    #[test]
    fn finds_the_token_anywhere_in_a_value() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJOT05FIn0.eyJ1IjoiYSJ9.";
        for value in [
            token.to_owned(),
            format!("Bearer {token}"),
            format!("{token} "),
            format!("session={token}; theme=dark"),
            format!("v1.2 of it: {token}"),
        ] {
            assert!(score(&value) >= 5, "{value}");
        }
    }

    #[test]
    fn stays_linear_and_calm_on_what_is_no_token() {
        for unit in ["eyJ", "eyJ.", ".", "eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25l.", "="] {
            assert_eq!(score(&unit.repeat(20_000)), 0, "{unit}");
        }
    }
}
