//! What clients and applications send.

use flate2::{Compress, Compression, FlushCompress};

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) fn upgrade_request(extensions: &str) -> String {
    let extensions = match extensions {
        "" => String::new(),
        value => format!("Sec-WebSocket-Extensions: {value}\r\n"),
    };
    format!(
        "GET /chat?room=1 HTTP/1.1\r\nHost: app.example\r\nUser-Agent: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
    )
}

pub(crate) fn upgrade_response(extensions: &str) -> String {
    let extensions = match extensions {
        "" => String::new(),
        value => format!("Sec-WebSocket-Extensions: {value}\r\n"),
    };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extensions}\r\n"
    )
}

/// A masked frame; `flags` are the first byte without the opcode.
pub(crate) fn client_frame(flags: u8, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(flags | opcode, payload.len(), 0x80);
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

pub(crate) fn server_frame(flags: u8, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(flags | opcode, payload.len(), 0);
    frame.extend(payload);
    frame
}

pub(crate) fn text(payload: &str) -> Vec<u8> {
    client_frame(FIN, TEXT, payload.as_bytes())
}

fn header(first: u8, len: usize, mask: u8) -> Vec<u8> {
    match len {
        0..=125 => vec![first, mask | len as u8],
        126..=0xffff => [&[first, mask | 126], &(len as u16).to_be_bytes()[..]].concat(),
        _ => [&[first, mask | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}

/// A compressor with one window for all messages.
pub(crate) struct Deflater(Compress);

impl Deflater {
    pub(crate) fn new() -> Self {
        Self(Compress::new(Compression::default(), false))
    }

    pub(crate) fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        if payload.is_empty() {
            return vec![0];
        }
        let mut out = Vec::with_capacity(payload.len() + 1000);
        self.0.compress_vec(payload, &mut out, FlushCompress::Sync).expect("there is room for the output");
        out.truncate(out.len() - 4);
        out
    }

    pub(crate) fn frame(&mut self, opcode: u8, payload: &[u8]) -> Vec<u8> {
        client_frame(FIN | RSV1, opcode, &self.message(payload))
    }
}
