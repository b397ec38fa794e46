//! A plain HTTP/1.1 client that keeps its connection (RFC 9112).

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use crate::netns::Namespace;
use crate::wire::read_or_end;

/// A response, its body decoded.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Field lines, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first field of that name (lower case).
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A kept connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects from `host`.
    ///
    /// # Panics
    ///
    /// If nobody accepts.
    #[must_use]
    pub fn open(host: &Namespace, to: SocketAddr) -> Self {
        let stream = host.connect(to).unwrap_or_else(|error| panic!("connect to {to}: {error}"));
        Self { stream, read: Vec::new() }
    }

    /// The client's address.
    ///
    /// # Panics
    ///
    /// If the socket has none.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket")
    }

    /// Writes bytes of one or several requests.
    ///
    /// # Panics
    ///
    /// If the server does not take them.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes the request");
    }

    /// Writes a request and reads its response.
    ///
    /// # Panics
    ///
    /// As [`Self::response`].
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> Response {
        self.write(request);
        self.response(true)
    }

    /// Reads one response; `has_body` is false for the response to a HEAD request.
    ///
    /// # Panics
    ///
    /// If the bytes are no HTTP/1.1 response, or the connection ends within it.
    pub fn response(&mut self, has_body: bool) -> Response {
        let head = self.take_until(b"\r\n\r\n");
        let head = String::from_utf8(head).expect("an ASCII head");
        let mut lines = head.split("\r\n");
        let status_line = lines.next().expect("a first line");
        assert!(status_line.starts_with("HTTP/1.1 "), "{head}");
        let status = status_line[9..12].parse().expect("a status code");
        let fields: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Response { status, fields, body: Vec::new() };
        if !has_body {
            return response;
        }
        if response.field("transfer-encoding") == Some("chunked") {
            response.body = self.chunks();
        } else {
            let length = response.field("content-length").expect("a length").parse().expect("a number");
            response.body = self.take(length);
        }
        response
    }

    /// Gives the socket back, for an upgrade.
    ///
    /// # Panics
    ///
    /// If the server sent more than was asked for.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        assert!(self.read.is_empty(), "{:?} follow the last response", self.read);
        self.stream
    }

    /// Reads to the end of the stream, which must follow the last response.
    ///
    /// # Panics
    ///
    /// If more bytes come, or a RST.
    pub fn expect_eof(&mut self) {
        assert!(self.read.is_empty(), "{:?} follow the last response", self.read);
        let mut buffer = [0; 1024];
        let end = read_or_end(&mut self.stream, &mut buffer).expect_err("nothing follows the last response");
        assert_eq!(end, crate::wire::End::Eof);
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.take_until(b"\r\n")).expect("ASCII");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk size");
            body.extend(self.take(size));
            assert_eq!(self.take(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    fn take_until(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(mark.len()).position(|window| window == mark) {
                return self.read.drain(..at + mark.len()).collect();
            }
            self.fill();
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            self.fill();
        }
        self.read.drain(..length).collect()
    }

    fn fill(&mut self) {
        let mut buffer = [0; 16_384];
        let length = read_or_end(&mut self.stream, &mut buffer)
            .unwrap_or_else(|end| panic!("{end:?} within a response, after {:?}", self.read));
        self.read.extend_from_slice(&buffer[..length]);
    }
}
