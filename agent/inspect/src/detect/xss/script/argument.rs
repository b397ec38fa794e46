//! What a call is handed.

use super::is_word;
use crate::detect::xss::small::Small;

/// What somebody passes who wants to see that script runs: a number, his mark, the cookie; or hidden code.
pub(in crate::detect::xss) fn is_attack_argument(rest: &[u8]) -> bool {
    let skip = rest
        .iter()
        .take(16)
        .take_while(|byte| {
            **byte <= b' '
                || matches!(
                    byte,
                    b'(' | b'"'
                        | b'\''
                        | b'`'
                        | b'\\'
                        | b'='
                        | b'['
                        | b'.'
                        | b'?'
                        | b'*'
                        | b'/'
                        | b'$'
                        | b'{'
                )
        })
        .count();
    let (skipped, rest) = rest.split_at_checked(skip).unwrap_or_default();
    let len = rest.iter().take(24).take_while(|byte| is_word(**byte)).count();
    let word = Small::lower(rest.get(..len).unwrap_or_default());
    match word.as_bytes() {
        b"" => true,
        b"null"
        | b"document"
        | b"string"
        | b"location"
        | b"window"
        | b"self"
        | b"name"
        | b"top"
        | b"this"
        | b"atob"
        | b"unescape"
        | b"decodeuri"
        | b"decodeuricomponent"
        | b"url"
        | b"hash"
        | b"origin"
        | b"domain"
        | b"hacked"
        | b"pwned"
        | b"poc"
        | b"alert"
        | b"prompt"
        | b"confirm"
        | b"eval"
        | b"javascript"
        | b"http"
        | b"https"
        | b"return"
        | b"cookie"
        | b"substring"
        | b"al" => true,
        word => {
            word.iter().all(u8::is_ascii_digit)
                || word.starts_with(b"xss")
                || word.ends_with(b"xss")
                || skipped.contains(&b'/')
        }
    }
}
