//! Response splitting: headers smuggled behind a line end.

use crate::{
    byte_set::ByteSet,
    decode::Step,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// Header injection (CWE-113, CWE-93): a line end, then a header or a status line of HTTP, or a header of mail, for a value that a
/// program copies into a header of its own.
///
/// Messages have lines, and people paste headers; what tells is that the value is one word or URL until the line end.
/// A line end that was written as `%0d%0a` says more than one that is there: any header of a program's own (`X-...`) or a page
/// behind it will do. U+560A and U+560D become a line feed and a carriage return where a program keeps the low byte of a
/// character only.
pub(super) struct ResponseSplit;

impl Detector for ResponseSplit {
    fn signal(&self) -> Signal {
        Signal::ResponseSplit
    }

    fn summary(&self) -> &'static str {
        "a line end, then a header of HTTP or mail"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "en\r\nSet-Cookie: admin=1",
                "/page\r\nLocation: http://evil.example/",
                "foo\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html",
                "ann@example.org\nBcc: everybody@example.org",
                "x\nGET / HTTP/1.1\r\nHost: internal",
                "en\u{560a}\u{560d}Set-Cookie: admin=1",
            ],
            passed: &[
                "Hi Ann,\nNote: we meet at five.\nLocation: the usual place",
                "Hello\n\nSubject: lunch",
                "one\ntwo\nthree",
                "To: ann\nFrom: ben",
                "What I sent:\nContent-Type: text/html\nand what I got",
                "name: x\nhost: db\nport: 5432",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "set-cookie",
            "location:",
            "content-",
            "http/",
            "transfer-encoding",
            "bcc:",
            "cc:",
            "subject:",
            "to:",
            "host:",
            "x-",
            "refresh:",
            "access-control",
            "referer:",
            "from:",
            "remote-addr",
            "link:",
            "next=",
            "cookie:",
            "\r\n\r\n<",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.bytes.has_any(ByteSet::BREAK.and(ByteSet::HIGH)) && gate.has_literal()
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let bytes = value.bytes;
        narrowed(bytes, found);
        let Some(first) = memchr::memchr2(b'\r', b'\n', bytes) else { return };
        let head = bytes.get(..first).unwrap_or_default();
        let hidden = value.layers.contains(Step::Percent) || value.layers.contains(Step::PercentU);
        // One word or URL: what a header would be given.
        let is_frame = bytes.ends_with(b"\0") && FRAMES.contains(&head.trim_ascii_end());
        let is_word = (hidden || !head.is_empty()) && !head.contains(&b' ') && !head.ends_with(b":");
        let single = first <= 512 && is_word && !is_frame;
        let crlf = bytes.get(first..first + 2) == Some(b"\r\n");
        if hidden && single && bytes.get(first..).is_some_and(|rest| rest.starts_with(b"\r\n\r\n<")) {
            found.push("end of headers, then a page", Strength::Strong, first..bytes.len().min(first + 40));
            return;
        }
        let is_blank = |at: &usize| bytes.get(at + 1).is_none_or(|byte| matches!(byte, b'\r' | b'\n'));
        for line_end in memchr::memchr2_iter(b'\r', b'\n', bytes).filter(|at| !is_blank(at)).take(64) {
            let at = line_end + 1;
            let line = bytes.get(at..bytes.len().min(at + 512)).unwrap_or_default();
            let strength = match header(line) {
                Some(Header::Status) if single || hidden => Strength::Certain,
                Some(Header::Request | Header::Http) if single && (hidden || crlf) => Strength::Certain,
                Some(Header::Request | Header::Http) if single => Strength::Strong,
                Some(Header::Http) if hidden => Strength::Strong,
                Some(Header::Own) if single && hidden && crlf => Strength::Strong,
                Some(Header::Mail) if single && (hidden || crlf || head.contains(&b'@')) => Strength::Strong,
                Some(Header::Mail) if single && head.contains(&b'@') => Strength::Strong,
                Some(Header::Status | Header::Request) => Strength::Tag,
                Some(Header::Http | Header::Own | Header::Mail) | None => continue,
            };
            found.push("line end, then a header", strength, line_end..at + line.len().min(40));
            return;
        }
    }
}

/// Line ends that come to be when characters are cut to a byte, then a header.
fn narrowed(bytes: &[u8], found: &mut Found) {
    const LINE_ENDS: [&[u8]; 2] = ["\u{560d}\u{560a}".as_bytes(), "\u{560a}\u{560d}".as_bytes()];
    for line_end in LINE_ENDS {
        let Some(at) = memchr::memmem::find(bytes, line_end) else { continue };
        let end = bytes.len().min(at + 64);
        if header(bytes.get(at + line_end.len()..end).unwrap_or_default()).is_some() {
            found.push("characters that become a line end, then a header", Strength::Certain, at..end);
        }
    }
}

/// What a line is.
enum Header {
    /// `HTTP/1.1 200 OK`
    Status,
    /// `GET / HTTP/1.1`
    Request,
    /// `Set-Cookie:`
    Http,
    /// `X-Anything:`
    Own,
    /// `Bcc:`
    Mail,
}

/// The first lines of frames that clients send (STOMP 1.2), which are lines of a header before a text, and NUL.
const FRAMES: [&[u8]; 4] = [b"CONNECT", b"STOMP", b"SEND", b"MESSAGE"];

/// Headers with which something is gained, in lower case.
const HTTP: [&str; 16] = [
    "set-cookie",
    "set-cookie2",
    "location",
    "content-type",
    "content-length",
    "contentlength",
    "contenttype",
    "transfer-encoding",
    "content-security-policy",
    "access-control-allow-origin",
    "refresh",
    "x-xss-protection",
    "x-forwarded-for",
    "x-forwarded-host",
    "content-encoding",
    "host",
];

const MAIL: [&str; 7] = ["bcc", "cc", "to", "subject", "reply-to", "from", "content-transfer-encoding"];

fn header(line: &[u8]) -> Option<Header> {
    let line = line.trim_ascii_start();
    let name_len = line.iter().take(40).position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-')?;
    let (name, rest) = line.split_at_checked(name_len)?;
    let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    if name.eq_ignore_ascii_case(b"http")
        && rest.starts_with(b"/")
        && rest.get(1).is_some_and(u8::is_ascii_digit)
    {
        return Some(Header::Status);
    }
    if is_one_of(&["get", "post", "head", "put", "delete", "options", "trace", "connect"]) {
        let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(line.len());
        let target = line.get(..end).unwrap_or_default();
        return memchr::memmem::find(target, b" HTTP/").map(|_| Header::Request);
    }
    if !rest.starts_with(b":") {
        return None;
    }
    if is_one_of(&HTTP) {
        Some(Header::Http)
    } else if is_one_of(&MAIL) {
        Some(Header::Mail)
    } else if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-")) && name.len() > 2 {
        Some(Header::Own)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Layers;

    #[test]
    fn a_line_end_that_was_hidden_says_more() {
        let mut layers = Layers::default();
        layers.push(Step::Percent);
        for (text, score) in [
            (b"\r\nSet-Cookie:x=1".as_slice(), 8),
            (b"\r\nX-Injected: yes", 5),
            (b"en\r\n\r\n<html>", 5),
            (b"two words\r\nX-Injected: yes", 0),
        ] {
            let mut found = Found::default();
            ResponseSplit.examine(&Value::text(text), &mut found);
            assert_eq!(found.score(), 0, "{text:?}");
            ResponseSplit.examine(&Value { layers, ..Value::text(text) }, &mut found);
            assert_eq!(found.score(), score, "{text:?}");
        }
    }
}
