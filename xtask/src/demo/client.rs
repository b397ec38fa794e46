//! A WebSocket client (RFC 6455) that can do what libraries hide: split a message into frames where it likes.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::CLIENT;
use crate::network;

/// The key of RFC 6455 §1.3 and the answer to it, which saves us from computing SHA-1. The key is no secret: it only
/// shows that the server understood the request.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const LONGEST_RESPONSE_HEAD: usize = 8192;
const LIMIT: Duration = Duration::from_secs(10);

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;

/// An open connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    /// The client's own address.
    pub(super) address: SocketAddr,
}

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Received {
    Text(String),
    /// A Close frame, with its status code and reason if it had them.
    Close(Option<(u16, String)>),
}

impl Client {
    /// Connects from the client's host and opens a WebSocket.
    pub(super) fn open(to: SocketAddr) -> Result<Self> {
        let mut stream = network::connect_from(CLIENT, to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let request = format!(
            "GET /chat HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == LONGEST_RESPONSE_HEAD {
                bail!("the response to the handshake does not end");
            }
            let [byte] = read(&mut stream).context("the response to the handshake")?;
            head.push(byte);
        }
        let head = String::from_utf8_lossy(&head);
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ANSWER) {
            bail!("the server does not accept the handshake: {}", head.lines().next().unwrap_or_default());
        }
        let address = stream.local_addr()?;
        Ok(Self { stream, address })
    }

    /// Sends one text message, each part in a frame of its own.
    pub(super) fn send(&mut self, parts: &[&str]) -> Result<()> {
        for (index, part) in parts.iter().enumerate() {
            let opcode = if index == 0 { TEXT } else { CONTINUATION };
            let fin = if index + 1 == parts.len() { FIN } else { 0 };
            self.frame(fin | opcode, part.as_bytes())?;
        }
        Ok(())
    }

    /// Waits for the next message or Close frame.
    pub(super) fn receive(&mut self) -> Result<Received> {
        loop {
            let [first, length] = read(&mut self.stream)?;
            let length = match length {
                126 => u64::from(u16::from_be_bytes(read(&mut self.stream)?)),
                127 => u64::from_be_bytes(read(&mut self.stream)?),
                short => u64::from(short),
            };
            let mut payload = Vec::new();
            let got = (&mut self.stream).take(length).read_to_end(&mut payload)?;
            if got as u64 != length {
                bail!("the connection ended in the middle of a frame");
            }
            if first == FIN | TEXT {
                return Ok(Received::Text(String::from_utf8(payload).context("a text message is UTF-8")?));
            }
            if first == FIN | CLOSE {
                let reason = payload.split_first_chunk().map(|(code, reason)| {
                    (u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned())
                });
                return Ok(Received::Close(reason));
            }
        }
    }

    /// Ends the connection as a client should: with a Close frame, waiting for the server's.
    pub(super) fn close(mut self) -> Result<()> {
        const NORMAL: u16 = 1000;
        self.frame(FIN | CLOSE, &NORMAL.to_be_bytes())?;
        while !matches!(self.receive()?, Received::Close(_)) {}
        Ok(())
    }

    fn frame(&mut self, first: u8, payload: &[u8]) -> Result<()> {
        let mut mask = [0; 4];
        File::open("/dev/urandom")?.read_exact(&mut mask)?;
        let frame = encode(first, mask, payload)?;
        self.stream.write_all(&frame).context("send a frame")
    }
}

/// A masked frame (RFC 6455 §5.2). The demo has no payload above 65,535 bytes.
fn encode(first: u8, mask: [u8; 4], payload: &[u8]) -> Result<Vec<u8>> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(MASKED | length),
        Ok(_) | Err(_) => {
            frame.push(MASKED | 126);
            frame.extend(u16::try_from(payload.len())?.to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    Ok(frame)
}

fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).context("the connection ended without a Close frame")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_the_example_of_the_standard() {
        // RFC 6455 §5.7: a single-frame masked text message, "Hello".
        let expected = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(encode(FIN | TEXT, [0x37, 0xfa, 0x21, 0x3d], b"Hello").unwrap(), expected);
    }

    #[test]
    fn long_payloads_have_a_long_length() {
        assert_eq!(encode(FIN | TEXT, [0; 4], &[b'a'; 126]).unwrap()[1..4], [MASKED | 126, 0, 126]);
        assert_eq!(encode(FIN | TEXT, [0; 4], &[b'a'; 125]).unwrap()[1], MASKED | 125);
        assert!(encode(FIN | TEXT, [0; 4], &vec![b'a'; 65_536]).is_err());
    }
}
