//! A small WebSocket echo server that knows nothing of Framewall.
//!
//! `ws-app --listen ADDRESS:PORT [--listen ...]`. It prints what it sees as JSON lines: `listening`, `accepted` (with
//! the peer's address from `accept` and from `getpeername`), `opened`, `message`, `closed`. Messages above 4 KiB are
//! printed as SHA-256 and length.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use framewall_tests::payload::sha256;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// Above this many bytes a message is printed as its digest.
const SHOWN_BYTES: usize = 4096;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut listeners = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        match (flag.as_str(), arguments.next()) {
            ("--listen", Some(address)) => {
                let address: SocketAddr = address.parse().with_context(|| format!("--listen {address}"))?;
                listeners
                    .push(TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?);
            }
            _ => bail!("usage: ws-app --listen ADDRESS:PORT [--listen ADDRESS:PORT ...]"),
        }
    }
    let mut tasks = Vec::new();
    for listener in listeners {
        say(&json!({"event": "listening", "address": listener.local_addr()?.to_string()}));
        tasks.push(tokio::spawn(accept(listener)));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn accept(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await.context("accept")?;
        let asked = stream.peer_addr().map_or_else(|error| error.to_string(), |address| address.to_string());
        say(&json!({"event": "accepted", "peer": peer.to_string(), "getpeername": asked}));
        tokio::spawn(serve(stream, peer));
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr) {
    let peer = peer.to_string();
    let (code, error) = match echo(stream, &peer).await {
        Ok(code) => (code, None),
        Err((code, error)) => (code, Some(error)),
    };
    say(&json!({"event": "closed", "peer": peer, "code": code, "error": error}));
}

/// Echoes until the connection ends; gives the status code of the client's Close frame, if it sent one.
async fn echo(stream: TcpStream, peer: &str) -> Result<Option<u16>, (Option<u16>, String)> {
    let failed = |error: tokio_tungstenite::tungstenite::Error| (None, error.to_string());
    stream.set_nodelay(true).map_err(|error| (None, error.to_string()))?;
    let mut opened = json!({"event": "opened", "peer": peer});
    #[expect(clippy::result_large_err, reason = "the callback's type is the library's")]
    let inspect = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        opened["path"] = json!(request.uri().path());
        opened["forwarded"] = forwarded(request);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, inspect).await.map_err(failed)?;
    say(&opened);
    let mut code = None;
    while let Some(message) = socket.next().await {
        let message = message.map_err(|error| (code, error.to_string()))?;
        match &message {
            Message::Text(text) => report(peer, "text", text.as_bytes()),
            Message::Binary(data) => report(peer, "binary", data),
            Message::Close(frame) => code = frame.as_ref().map(|frame| frame.code.into()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        if message.is_text() || message.is_binary() {
            socket.send(message).await.map_err(|error| (code, error.to_string()))?;
        }
    }
    Ok(code)
}

/// The client's address as a proxy in front passed it on (X-Real-IP and X-Real-Port).
fn forwarded(request: &Request) -> Value {
    let field = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let address = field("x-real-ip").and_then(|address| address.parse().ok());
    let port = field("x-real-port").and_then(|port| port.parse().ok());
    match (address, port) {
        (Some(address), Some(port)) => json!(SocketAddr::new(address, port).to_string()),
        _ => Value::Null,
    }
}

fn report(peer: &str, opcode: &str, data: &[u8]) {
    if data.len() > SHOWN_BYTES {
        let (digest, bytes) = (sha256(data), data.len());
        say(&json!({"event": "message", "peer": peer, "opcode": opcode, "sha256": digest, "bytes": bytes}));
    } else {
        let text = String::from_utf8_lossy(data);
        say(&json!({"event": "message", "peer": peer, "opcode": opcode, "text": text}));
    }
}

fn say(event: &Value) {
    // Rust's standard output is line-buffered, also into a pipe.
    println!("{event}");
}
