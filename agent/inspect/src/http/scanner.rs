//! Finds the end of an HTTP head without looking at any byte twice.

use crate::{action::OpaqueKind, http::HttpAmbiguity};

/// What a head should begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstLine {
    /// `METHOD target HTTP/1.x`
    Request,
    /// `HTTP/1.x status reason`
    Response,
}

/// What a scan came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// All bytes belong to the head, and it goes on.
    More,
    /// The head ends after that many of the bytes.
    Complete(usize),
    /// This cannot be the head of an HTTP/1.x message.
    NotHttp(OpaqueKind),
    /// It is HTTP, but two readers may see different heads.
    Ambiguous(HttpAmbiguity),
    /// The head is longer than the limit.
    TooBig,
}

/// Follows one head through any split of its bytes.
///
/// Requests must end every line with CRLF; a response may use bare LF, which every client accepts and no attacker
/// gains from. Empty lines before the first are skipped (RFC 9112 §2.2).
#[derive(Debug)]
pub(crate) struct HeadScanner {
    expected: FirstLine,
    limit: usize,
    total: usize,
    in_first_line: bool,
    line_len: usize,
    after_cr: bool,
    /// The first line held a carriage return or ended without one: wrong only if it is HTTP.
    bare_cr: bool,
    bare_lf: bool,
    /// The first line names a version of HTTP somewhere, in any case.
    names_http: bool,
    /// The last 16 bytes of the first line, the newest in the lowest byte.
    tail: u128,
}

impl HeadScanner {
    pub(crate) const fn new(expected: FirstLine, limit: usize) -> Self {
        Self {
            expected,
            limit,
            total: 0,
            in_first_line: true,
            line_len: 0,
            after_cr: false,
            bare_cr: false,
            bare_lf: false,
            names_http: false,
            tail: 0,
        }
    }

    /// How many bytes of the head have come.
    pub(crate) const fn len(&self) -> usize {
        self.total
    }

    /// Whether no byte has come yet.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.total == 0
    }

    /// Whether more than empty lines has come.
    pub(crate) const fn has_begun(&self) -> bool {
        self.line_len > 0 || !self.in_first_line
    }

    /// Reads on in `bytes`. After any answer but [`Scan::More`] the scanner is used up.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut next = 0;
        while let Some(&byte) = bytes.get(next) {
            if self.total == self.limit {
                return Scan::TooBig;
            }
            if !self.in_first_line && !self.after_cr && self.line_len > 0 && !matches!(byte, b'\r' | b'\n') {
                // Within a field: only the end of its line can matter.
                let rest = bytes.get(next..).unwrap_or_default();
                let len = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                let len = len.min(self.limit - self.total);
                self.total += len;
                self.line_len += len;
                next += len;
                continue;
            }
            let at = next;
            next += 1;
            self.total += 1;
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            let step = match (self.in_first_line, byte) {
                (true, b'\n') => self.end_first_line(after_cr),
                (true, _) => self.first_line_byte(byte, after_cr),
                (false, b'\n') => {
                    if !after_cr && self.expected == FirstLine::Request {
                        Some(Scan::Ambiguous(HttpAmbiguity::BareLf))
                    } else if self.line_len == 0 {
                        Some(Scan::Complete(at + 1))
                    } else {
                        self.line_len = 0;
                        None
                    }
                }
                (false, _) if after_cr => Some(Scan::Ambiguous(HttpAmbiguity::BareCr)),
                (false, b' ' | b'\t') if self.line_len == 0 => Some(Scan::Ambiguous(HttpAmbiguity::ObsFold)),
                (false, b'\r') => None,
                (false, _) => {
                    self.line_len += 1;
                    None
                }
            };
            if let Some(end) = step {
                return end;
            }
        }
        Scan::More
    }

    fn first_line_byte(&mut self, byte: u8, after_cr: bool) -> Option<Scan> {
        self.bare_cr |= after_cr;
        if byte == b'\r' {
            return None;
        }
        let place = self.line_len;
        self.line_len += 1;
        self.tail = self.tail << 8 | u128::from(byte);
        match self.expected {
            FirstLine::Response => {
                let differs = b"HTTP/".get(place).is_some_and(|&wanted| wanted != byte);
                differs.then_some(Scan::NotHttp(OpaqueKind::NotHttpResponse))
            }
            FirstLine::Request => {
                self.names_http |= self.tail & 0xff_ffff_ffff | 0x20_2020_2000 == 0x68_7474_702f;
                let not_http = match byte {
                    // ContentType handshake of a TLS record (RFC 8446 §5.1).
                    0x16 if place == 0 => Some(OpaqueKind::TlsClientHello),
                    b'\t' => None,
                    0..=0x1f | 0x7f => Some(OpaqueKind::NotHttp),
                    // A blank is no token, but lenient servers skip it.
                    b' ' => None,
                    _ if place == 0 && !is_token(byte) => Some(OpaqueKind::NotHttp),
                    _ => None,
                };
                not_http.map(Scan::NotHttp)
            }
        }
    }

    fn end_first_line(&mut self, after_cr: bool) -> Option<Scan> {
        self.bare_lf |= !after_cr;
        if self.line_len == 0 {
            return None;
        }
        let line_len = std::mem::replace(&mut self.line_len, 0);
        self.in_first_line = false;
        if self.expected == FirstLine::Response {
            return self.bare_cr.then_some(Scan::Ambiguous(HttpAmbiguity::BareCr));
        }
        if line_len == 14 && self.tail & low_bytes(14) == text(b"PRI * HTTP/2.0") {
            return Some(Scan::NotHttp(OpaqueKind::Http2Preface));
        }
        let version = self.tail & low_bytes(9);
        if version != text(b" HTTP/1.1") && version != text(b" HTTP/1.0") {
            // `HTTP/1.2`, `http/1.1` or a blank at the end are taken for HTTP/1.1 by some servers, so such a line
            // must not switch inspection off.
            return Some(if self.names_http {
                Scan::Ambiguous(HttpAmbiguity::StartLine)
            } else {
                Scan::NotHttp(OpaqueKind::NotHttp)
            });
        }
        if self.bare_cr {
            return Some(Scan::Ambiguous(HttpAmbiguity::BareCr));
        }
        self.bare_lf.then_some(Scan::Ambiguous(HttpAmbiguity::BareLf))
    }
}

const fn low_bytes(count: u32) -> u128 {
    (1 << (8 * count)) - 1
}

const fn text(bytes: &[u8]) -> u128 {
    let mut value = 0;
    let mut at = 0;
    while at < bytes.len() {
        value = value << 8 | bytes[at] as u128;
        at += 1;
    }
    value
}

/// `tchar` of RFC 9110 §5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_split(expected: FirstLine, bytes: &[u8], split: usize) -> Scan {
        let mut scanner = HeadScanner::new(expected, 1000);
        let (first, second) = bytes.split_at(split);
        let scan = scanner.scan(first);
        if scan != Scan::More {
            return scan;
        }
        let scan = scanner.scan(second);
        if let Scan::Complete(len) = scan { Scan::Complete(split + len) } else { scan }
    }

    fn scan(expected: FirstLine, bytes: &[u8]) -> Scan {
        let whole = HeadScanner::new(expected, 1000).scan(bytes);
        for split in 0..=bytes.len() {
            assert_eq!(scan_split(expected, bytes, split), whole, "split at {split}");
        }
        whole
    }

    #[test]
    fn finds_the_end_of_a_head_in_every_split() {
        assert_eq!(scan(FirstLine::Request, b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), Scan::Complete(27));
        assert_eq!(scan(FirstLine::Request, b"\r\n\r\nGET / HTTP/1.0\r\n\r\n"), Scan::Complete(22));
        assert_eq!(scan(FirstLine::Request, b"GET / HTTP/1.1\r\nHost: a\r\n\r"), Scan::More);
        assert_eq!(scan(FirstLine::Response, b"HTTP/1.1 200 OK\nA: b\n\nrest"), Scan::Complete(22));
    }

    #[test]
    fn names_what_is_not_http() {
        let not_http = |bytes| {
            let scan = scan(FirstLine::Request, bytes);
            let Scan::NotHttp(kind) = scan else { panic!("{scan:?}") };
            kind
        };
        assert_eq!(not_http(b"\x16\x03\x01\x02\x00\x01"), OpaqueKind::TlsClientHello);
        assert_eq!(not_http(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), OpaqueKind::Http2Preface);
        assert_eq!(not_http(b"PING\r\n"), OpaqueKind::NotHttp);
        assert_eq!(not_http(b"HELO me\n"), OpaqueKind::NotHttp);
        assert_eq!(not_http(b"OPTIONS * RTSP/1.0\r\n"), OpaqueKind::NotHttp);
        assert_eq!(not_http(b"\0\0\0\x08"), OpaqueKind::NotHttp);
        assert_eq!(not_http(b"(lisp"), OpaqueKind::NotHttp);
        assert_eq!(scan(FirstLine::Response, b"ICY 200 OK"), Scan::NotHttp(OpaqueKind::NotHttpResponse));
    }

    #[test]
    fn refuses_what_a_lenient_server_may_take_for_http() {
        for line in
            ["GET / HTTP/1.2\r\n", "GET / http/1.1\r\n", "GET / HTTP/1.1 \r\n", " GET / HTTP/1.1x\r\n"]
        {
            assert_eq!(
                scan(FirstLine::Request, line.as_bytes()),
                Scan::Ambiguous(HttpAmbiguity::StartLine),
                "{line}"
            );
        }
    }

    #[test]
    fn refuses_bare_line_ends_and_folds() {
        let kind = |bytes| scan(FirstLine::Request, bytes);
        assert_eq!(kind(b"GET / HTTP/1.1\nHost: a\r\n\r\n"), Scan::Ambiguous(HttpAmbiguity::BareLf));
        assert_eq!(kind(b"GET / HTTP/1.1\r\nHost: a\n\r\n"), Scan::Ambiguous(HttpAmbiguity::BareLf));
        assert_eq!(kind(b"GET / HTTP/1.1\r\nHost: a\rb\r\n"), Scan::Ambiguous(HttpAmbiguity::BareCr));
        assert_eq!(kind(b"GET /\r HTTP/1.1\r\n"), Scan::Ambiguous(HttpAmbiguity::BareCr));
        assert_eq!(kind(b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"), Scan::Ambiguous(HttpAmbiguity::ObsFold));
    }

    #[test]
    fn the_limit_is_inclusive() {
        let head = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(HeadScanner::new(FirstLine::Request, 18).scan(head), Scan::Complete(18));
        assert_eq!(HeadScanner::new(FirstLine::Request, 17).scan(head), Scan::TooBig);
    }
}
