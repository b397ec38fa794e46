//! WebSocket bytes by hand, for tests that must choose every byte and every pause (RFC 6455 §4, §5.2).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use crate::env;
use crate::netns::{Namespace, accept};

/// Opcodes (RFC 6455 §11.8).
pub const CONTINUATION: u8 = 0x0;
/// See [`CONTINUATION`].
pub const TEXT: u8 = 0x1;
/// See [`CONTINUATION`].
pub const BINARY: u8 = 0x2;
/// See [`CONTINUATION`].
pub const CLOSE: u8 = 0x8;
/// See [`CONTINUATION`].
pub const PING: u8 = 0x9;
/// See [`CONTINUATION`].
pub const PONG: u8 = 0xA;

/// The reserved bits of the first byte, to be put onto an opcode (RFC 6455 §5.2). With permessage-deflate, RSV1 marks
/// a compressed message (RFC 7692 §6).
pub const RSV1: u8 = 0x40;
/// See [`RSV1`].
pub const RSV2: u8 = 0x20;
/// See [`RSV1`].
pub const RSV3: u8 = 0x10;

/// The masking key the tests use.
pub const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A frame as read from the wire, unmasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The FIN bit.
    pub fin: bool,
    /// RSV1 to RSV3 as the upper bits of the first byte (0x40, 0x20, 0x10).
    pub reserved: u8,
    /// The opcode.
    pub opcode: u8,
    /// Whether it was masked.
    pub masked: bool,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The status code of a Close frame.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk()?;
        (self.opcode == CLOSE).then(|| u16::from_be_bytes(*code))
    }
}

/// How a byte stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// FIN.
    Eof,
    /// RST.
    Reset,
}

/// Encodes one frame; with `mask` as a client does, without as a server does. `opcode` may carry reserved bits.
#[must_use]
pub fn encode(fin: bool, opcode: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![if fin { 0x80 } else { 0 } | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => bytes.push(mask_bit | length),
        (_, Ok(length)) => {
            bytes.push(mask_bit | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(mask_bit | 127);
            bytes.extend_from_slice(&u64::try_from(payload.len()).expect("64-bit lengths").to_be_bytes());
        }
    }
    if let Some(key) = mask {
        bytes.extend_from_slice(&key);
        bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// One final masked text frame.
#[must_use]
pub fn client_text(text: &str) -> Vec<u8> {
    encode(true, TEXT, Some(MASK), text.as_bytes())
}

/// The upgrade request the tests write by hand.
#[must_use]
pub fn upgrade_request(path: &str) -> String {
    upgrade_request_with(path, "")
}

/// The same with more field lines, each ended by CRLF.
#[must_use]
pub fn upgrade_request_with(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// The 101 response to an upgrade request, with more field lines, each ended by CRLF.
///
/// # Panics
///
/// If the request has no key.
#[must_use]
pub fn upgrade_response(request: &str, fields: &str) -> String {
    let key = field(request, "sec-websocket-key").unwrap_or_else(|| panic!("no upgrade request: {request}"));
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{fields}\r\n"
    )
}

/// The value of the first field of that name (lower case) in a head.
#[must_use]
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// A TCP stream that is read frame by frame.
#[derive(Debug)]
pub struct Wire {
    /// The socket, for writing and for its options.
    pub stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    /// Connects from `host` and upgrades.
    ///
    /// # Panics
    ///
    /// If the server does not answer 101.
    #[must_use]
    pub fn connect(host: &Namespace, to: SocketAddr) -> Self {
        Self::connect_offering(host, to, "").0
    }

    /// The same with an offer of WebSocket extensions, if it is not empty; gives the head of the answer as well.
    ///
    /// # Panics
    ///
    /// If the server does not answer 101.
    #[must_use]
    pub fn connect_offering(host: &Namespace, to: SocketAddr, extensions: &str) -> (Self, String) {
        let mut wire = Self::open(host, to);
        let fields = match extensions {
            "" => String::new(),
            offer => format!("Sec-WebSocket-Extensions: {offer}\r\n"),
        };
        wire.write(upgrade_request_with("/", &fields).as_bytes());
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (wire, head)
    }

    /// Connects from `host` and says nothing yet.
    ///
    /// # Panics
    ///
    /// If nobody accepts.
    #[must_use]
    pub fn open(host: &Namespace, to: SocketAddr) -> Self {
        Self::over(host.connect(to).unwrap_or_else(|error| panic!("connect to {to}: {error}")))
    }

    /// Takes over a connection from which nothing has been read ahead.
    #[must_use]
    pub const fn over(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Connects a client from `host` to `to` and plays the app on `listener`; gives both ends.
    ///
    /// # Panics
    ///
    /// If the handshake does not pass.
    #[must_use]
    pub fn pair(host: &Namespace, to: SocketAddr, listener: &TcpListener) -> (Self, Self) {
        std::thread::scope(|scope| {
            let app = scope.spawn(|| Self::accept(accept(listener)));
            let client = Self::connect(host, to);
            (client, app.join().expect("the handshake of the app"))
        })
    }

    /// Plays the server on an accepted connection: reads the upgrade request and answers it.
    ///
    /// # Panics
    ///
    /// If the client sends no upgrade request.
    #[must_use]
    pub fn accept(stream: TcpStream) -> Self {
        let mut wire = Self::over(stream);
        let request = wire.head();
        wire.write(upgrade_response(&request, "").as_bytes());
        wire
    }

    /// The address of this end.
    ///
    /// # Panics
    ///
    /// If the socket has none.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket")
    }

    /// Writes bytes.
    ///
    /// # Panics
    ///
    /// If the peer does not take them.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the peer takes the bytes");
    }

    /// Waits until the first byte of something has arrived, without reading it.
    ///
    /// # Panics
    ///
    /// If the stream ends or nothing comes in time.
    pub fn wait_bytes(&self) {
        if self.read.is_empty() {
            assert_eq!(self.stream.peek(&mut [0]).expect("something arrives"), 1, "the stream has ended");
        }
    }

    /// Reads the next frame, or how the stream ended at a frame boundary.
    ///
    /// # Errors
    ///
    /// [`End`], when no frame follows.
    ///
    /// # Panics
    ///
    /// If the stream ends within a frame, or nothing comes in time.
    pub fn frame(&mut self) -> Result<Frame, End> {
        loop {
            if let Some((frame, length)) = decode(&self.read) {
                self.read.drain(..length);
                return Ok(frame);
            }
            if let Err(end) = self.fill() {
                assert!(self.read.is_empty(), "{end:?} within a frame: {:?} bytes of it", self.read.len());
                return Err(end);
            }
        }
    }

    /// Reads exactly `length` bytes.
    ///
    /// # Panics
    ///
    /// If the stream ends before.
    pub fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            self.fill().expect("more bytes");
        }
        self.read.drain(..length).collect()
    }

    /// Reads until the stream ends and tells how; whatever comes is dropped.
    ///
    /// # Panics
    ///
    /// If it does not end in time.
    pub fn end(&mut self) -> End {
        loop {
            if let Err(end) = self.fill() {
                return end;
            }
        }
    }

    /// What the app gets before its Close frame with 1008, which must come and end the stream.
    ///
    /// # Panics
    ///
    /// If the stream ends in another way.
    pub fn frames_up_to_close(&mut self) -> Vec<Frame> {
        let mut seen = Vec::new();
        loop {
            let frame = self.frame().expect("a Close frame at the end");
            assert!(frame.masked, "frames to a server are masked: {frame:?}");
            if frame.opcode == CLOSE {
                assert_eq!(frame.close_code(), Some(1008), "{frame:?}");
                assert_eq!(self.frame(), Err(End::Eof));
                return seen;
            }
            seen.push(frame);
        }
    }

    /// The next frame that is no Pong, or how the stream ended.
    ///
    /// # Errors
    ///
    /// As [`Self::frame`].
    ///
    /// # Panics
    ///
    /// As [`Self::frame`].
    pub fn next_but_pongs(&mut self) -> Result<Frame, End> {
        loop {
            match self.frame() {
                Ok(frame) if frame.opcode == PONG => {}
                other => return other,
            }
        }
    }

    /// Reads everything up to the end of the stream, however it comes.
    ///
    /// # Panics
    ///
    /// If it does not end in time.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let (rest, end) = read_to_end(&mut self.stream);
        self.read.extend(rest);
        (std::mem::take(&mut self.read), end)
    }

    /// Reads the head of an HTTP message, up to and with its empty line.
    ///
    /// # Panics
    ///
    /// If the connection ends before, or the head is not text.
    pub fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect::<Vec<_>>();
                return String::from_utf8(head).expect("ASCII");
            }
            self.fill().expect("the connection stays open during the handshake");
        }
    }

    fn fill(&mut self) -> Result<(), End> {
        let mut buffer = [0; 65_536];
        match read_or_end(&mut self.stream, &mut buffer) {
            Ok(length) => {
                self.read.extend_from_slice(&buffer[..length]);
                Ok(())
            }
            Err(end) => Err(end),
        }
    }
}

/// Reads at least one byte or tells how the stream ended.
///
/// # Errors
///
/// [`End`], when nothing follows.
///
/// # Panics
///
/// If nothing comes in time, or on errors that are no end of a TCP stream.
pub fn read_or_end(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize, End> {
    let started = Instant::now();
    loop {
        return match stream.read(buffer) {
            Ok(0) => Err(End::Eof),
            Ok(length) => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(End::Reset),
            // What a fast lane does to sockets that block (docs/fast-lane.md): the kernel ends the waiting for news that
            // are no data, too.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && env::with_fast_lane()
                    && started.elapsed() < env::patience() =>
            {
                continue;
            }
            Err(error) => panic!("read from {:?}: {error}", stream.peer_addr()),
        };
    }
}

/// Reads everything up to the end.
///
/// # Panics
///
/// As [`read_or_end`].
pub fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, End) {
    let mut all = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        match read_or_end(stream, &mut buffer) {
            Ok(length) => all.extend_from_slice(&buffer[..length]),
            Err(end) => return (all, end),
        }
    }
}

/// Makes the coming close of the socket a RST.
///
/// # Panics
///
/// If the option is refused.
pub fn reset_on_close(stream: &TcpStream) {
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::Linger, &at_once).expect("SO_LINGER");
}

fn decode(bytes: &[u8]) -> Option<(Frame, usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (length, rest) = match second & 0x7F {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).expect("64-bit lengths"), rest)
        }
        short => (usize::from(short), rest),
    };
    let masked = second & 0x80 != 0;
    let (key, rest) = if masked {
        let (key, rest) = rest.split_first_chunk::<4>()?;
        (*key, rest)
    } else {
        ([0; 4], rest)
    };
    let payload = rest.get(..length)?;
    let frame = Frame {
        fin: first & 0x80 != 0,
        reserved: first & 0x70,
        opcode: first & 0x0F,
        masked,
        payload: match key {
            [0, 0, 0, 0] => payload.to_vec(),
            key => payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect(),
        },
    };
    Some((frame, bytes.len() - rest.len() + length))
}
