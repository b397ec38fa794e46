//! Takes the offer of permessage-deflate out of a request head, so that the server cannot accept it.

use std::ops::Range;

use crate::ws::is_deflate;

/// The bytes to leave out of a complete request head, in order: whole Sec-WebSocket-Extensions lines if they offer
/// nothing else, or single elements with a comma.
pub(crate) fn deflate_offers(head: &[u8]) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let mut at = 0;
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        if let Some(colon) = line.iter().position(|&byte| byte == b':')
            && line.get(..colon).is_some_and(|name| name.eq_ignore_ascii_case(b"sec-websocket-extensions"))
        {
            cut_line(line, at, colon + 1, &mut cuts);
        }
        at += line.len();
    }
    cuts
}

/// The head without those bytes.
pub(crate) fn without(head: &[u8], cuts: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    let mut at = 0;
    for cut in cuts {
        out.extend_from_slice(head.get(at..cut.start).unwrap_or_default());
        at = cut.end;
    }
    out.extend_from_slice(head.get(at..).unwrap_or_default());
    out
}

/// `line` stands at `at` in the head, and its value at `value` in the line.
fn cut_line(line: &[u8], at: usize, value: usize, cuts: &mut Vec<Range<usize>>) {
    let elements = elements(line, value);
    let element = |range: &Range<usize>| line.get(range.clone()).unwrap_or_default().trim_ascii();
    if !elements.iter().any(|range| is_deflate(element(range))) {
        return;
    }
    let kept = |range: &Range<usize>| !element(range).is_empty() && !is_deflate(element(range));
    let Some(last_kept) = elements.iter().rposition(kept) else {
        cuts.push(at..at + line.len());
        return;
    };
    for (place, range) in elements.iter().enumerate() {
        if is_deflate(element(range)) {
            // With the comma that follows, or before, where nothing is kept behind it.
            cuts.push(if place < last_kept {
                at + range.start..at + range.end + 1
            } else {
                at + range.start - 1..at + range.end
            });
        }
    }
}

/// Where the elements of the list stand, between commas outside quoted strings, blanks included.
fn elements(line: &[u8], value: usize) -> Vec<Range<usize>> {
    let end = line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut ranges = Vec::new();
    let mut start = value.min(end);
    let mut quoted = false;
    for (place, &byte) in line.iter().enumerate().take(end).skip(value) {
        quoted ^= byte == b'"';
        if byte == b',' && !quoted {
            ranges.push(start..place);
            start = place + 1;
        }
    }
    ranges.push(start..end);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(fields: &str) -> String {
        let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        let out = without(head.as_bytes(), &deflate_offers(head.as_bytes()));
        let out = String::from_utf8(out).expect("parts of a text between ASCII characters");
        out.strip_prefix("GET / HTTP/1.1\r\n")
            .and_then(|out| out.strip_suffix("\r\n"))
            .expect("a head")
            .to_owned()
    }

    #[test]
    fn a_line_of_nothing_else_goes() {
        for line in [
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "sec-websocket-EXTENSIONS:Permessage-Deflate; client_max_window_bits\r\n",
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, permessage-deflate\r\n",
            "Sec-WebSocket-Extensions: ,permessage-deflate ,, \r\n",
        ] {
            assert_eq!(
                stripped(&format!("Host: a\r\n{line}X: permessage-deflate\r\n")),
                "Host: a\r\nX: permessage-deflate\r\n"
            );
        }
    }

    #[test]
    fn other_extensions_stay_in_a_sound_list() {
        for (before, after) in [
            ("permessage-deflate, x", "x"),
            ("x, permessage-deflate", "x"),
            ("x, permessage-deflate; a=b, y;z=1", "x, y;z=1"),
            ("permessage-deflate, permessage-deflate, x, permessage-deflate,permessage-deflate", "x"),
            ("x; a=\"1, permessage-deflate\", y", "x; a=\"1, permessage-deflate\", y"),
            ("x-permessage-deflate, permessage-deflate2", "x-permessage-deflate, permessage-deflate2"),
            ("x, , permessage-deflate", "x, "),
            ("", ""),
        ] {
            let line = |value| format!("Sec-WebSocket-Extensions: {value}\r\n");
            assert_eq!(stripped(&line(before)), line(after), "{before}");
        }
    }

    #[test]
    fn every_line_is_searched() {
        let line = |value| format!("Sec-WebSocket-Extensions: {value}\r\n");
        let fields = [line("permessage-deflate"), line("x, permessage-deflate"), line("y")].concat();
        assert_eq!(stripped(&fields), [line("x"), line("y")].concat());
    }
}
