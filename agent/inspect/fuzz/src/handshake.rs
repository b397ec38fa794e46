//! How a WebSocket is opened, with the key of RFC 6455 §1.3.

use framewall_inspect::Direction;

use crate::input::Turn;

/// The two turns of an opening handshake; with `extensions`, they are offered and accepted as they are.
pub(crate) fn opening(extensions: &str) -> [Turn; 2] {
    let (request, response) = heads(extensions);
    [
        Turn::Bytes(Direction::ToServer, request.into_bytes()),
        Turn::Bytes(Direction::ToClient, response.into_bytes()),
    ]
}

/// Request and response.
pub(crate) fn heads(extensions: &str) -> (String, String) {
    let extensions = match extensions {
        "" => String::new(),
        value => format!("Sec-WebSocket-Extensions: {value}\r\n"),
    };
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
    );
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extensions}\r\n"
    );
    (request, response)
}

/// What is negotiated, by a byte of the input.
pub(crate) fn extensions(choice: u8) -> &'static str {
    match choice % 3 {
        0 => "",
        1 => "permessage-deflate",
        _ => "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    }
}

/// A masked frame; `first` is its first byte.
pub(crate) fn client_frame(first: u8, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, 0x80, payload.len());
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame as servers send it.
pub(crate) fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, 0, payload.len());
    frame.extend(payload);
    frame
}

fn header(first: u8, mask: u8, len: usize) -> Vec<u8> {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ 0..=125), _) => vec![first, mask | short],
        (_, Ok(medium)) => [&[first, mask | 126], &medium.to_be_bytes()[..]].concat(),
        (_, Err(_)) => [&[first, mask | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}
