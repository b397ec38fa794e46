//! The opening handshake (RFC 6455 §4), of both sides.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tungstenite::handshake::derive_accept_key;

/// The key of RFC 6455 §1.3 and the answer to it. The key is no secret.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const DEFLATE: &str = "permessage-deflate";
const END: &[u8] = b"\r\n\r\n";
const LONGEST_HEAD: usize = 4096;
/// For whatever a blocking client waits for. Under load the last of many connections waits long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the application does with a connection: it stands in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Sends every message back.
    Echo,
    /// Answers every message with a short one.
    Sink,
    /// Sends as many messages of this size, in bytes, as a message asks for.
    Source(usize),
}

impl Service {
    fn path(self) -> String {
        match self {
            Self::Echo => "/echo".to_owned(),
            Self::Sink => "/sink".to_owned(),
            Self::Source(bytes) => format!("/source/{bytes}"),
        }
    }

    fn of_path(path: &str) -> Option<Self> {
        match path {
            "/echo" => Some(Self::Echo),
            "/sink" => Some(Self::Sink),
            other => other.strip_prefix("/source/")?.parse().ok().map(Self::Source),
        }
    }
}

/// Connects and opens a WebSocket; the connection blocks.
pub(crate) fn open(to: SocketAddr, service: Service, deflate: bool) -> Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).with_context(|| format!("connect to {to}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let extensions = if deflate { format!("Sec-WebSocket-Extensions: {DEFLATE}\r\n") } else { String::new() };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         User-Agent: framewall-load\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n",
        service.path()
    );
    stream.write_all(request.as_bytes()).context("send the handshake")?;
    let mut head = [0; LONGEST_HEAD];
    let mut length = 0;
    // The server says nothing more before it is asked.
    while !head[..length].ends_with(END) {
        let count = stream.read(&mut head[length..]).context("the answer to the handshake")?;
        if count == 0 {
            bail!("the connection ended in the answer to the handshake");
        }
        length += count;
    }
    let head = String::from_utf8_lossy(&head[..length]);
    if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ANSWER) {
        bail!("the handshake was refused: {}", head.lines().next().unwrap_or_default());
    }
    if deflate && !head.contains(DEFLATE) {
        bail!("compression was not accepted");
    }
    Ok(stream)
}

/// What the application does with a request: the service it asks for and the answer, with the bytes that the request
/// had; `None` while it is incomplete.
pub(crate) fn answer(bytes: &[u8]) -> Result<Option<(Service, String, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(bytes).context("a request")? else {
        return Ok(None);
    };
    let path = request.path.unwrap_or_default();
    let service = Service::of_path(path).with_context(|| format!("there is nothing at {path}"))?;
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value)
    };
    let accept = derive_accept_key(header("Sec-WebSocket-Key").context("a request without a key")?);
    let offered = header("Sec-WebSocket-Extensions").unwrap_or_default();
    let extensions = if offered.starts_with(DEFLATE.as_bytes()) {
        format!("Sec-WebSocket-Extensions: {DEFLATE}\r\n")
    } else {
        String::new()
    };
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extensions}\r\n"
    );
    Ok(Some((service, response, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET /source/65536 HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                           Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

    #[test]
    fn answers_a_whole_request() {
        let (service, response, length) = answer(REQUEST.as_bytes()).unwrap().unwrap();
        assert_eq!((service, length), (Service::Source(65_536), REQUEST.len()));
        assert!(response.contains(ANSWER) && response.contains(DEFLATE) && response.ends_with("\r\n\r\n"));
        for short in 0..REQUEST.len() {
            assert_eq!(answer(&REQUEST.as_bytes()[..short]).unwrap(), None);
        }
    }

    #[test]
    fn paths_name_services() {
        for service in [Service::Echo, Service::Sink, Service::Source(7)] {
            assert_eq!(Service::of_path(&service.path()), Some(service));
        }
        assert_eq!(Service::of_path("/other"), None);
    }
}
