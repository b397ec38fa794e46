//! What the benches share.

use std::{hint::black_box, sync::Arc, time::Instant};

use framewall_inspect::{Direction, Link, Session, Settings};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Feeds bytes and takes all actions.
pub(crate) fn feed(session: &mut Session, direction: Direction, bytes: &[u8], now: Instant) {
    session.handle_input(direction, bytes, now);
    while let Some(action) = session.poll_action() {
        black_box(action);
    }
}

/// A session whose handshake is done; `extension` is what both sides agree on.
pub(crate) fn websocket(extension: &str, settings: &Arc<Settings>, now: Instant) -> Session {
    let extensions = match extension {
        "" => String::new(),
        value => format!("Sec-WebSocket-Extensions: {value}\r\n"),
    };
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: app.example\r\nUser-Agent: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
    );
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extensions}\r\n"
    );
    let mut session = Session::new(Arc::clone(settings), Link::default(), [0; 4], now);
    feed(&mut session, Direction::ToServer, request.as_bytes(), now);
    feed(&mut session, Direction::ToClient, response.as_bytes(), now);
    session
}

/// A masked frame with this first byte.
pub(crate) fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = match payload.len() {
        len @ 0..=125 => vec![first, 0x80 | len as u8],
        len @ 126..=0xffff => [&[first, 0x80 | 126], &(len as u16).to_be_bytes()[..]].concat(),
        len => [&[first, 0x80 | 127], &(len as u64).to_be_bytes()[..]].concat(),
    };
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
