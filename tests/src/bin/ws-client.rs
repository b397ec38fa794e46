//! A small WebSocket client: `ws-client URL [--delay-ms N]`.
//!
//! It sends each line of standard input as a text message, waits N ms between two, closes with 1000 when its input
//! ends, and prints what happens as JSON lines: `open`, `sent`, `received`, `closed`.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut url = None;
    let mut delay = Duration::ZERO;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--delay-ms" {
            let value = arguments.next().context("--delay-ms wants a number")?;
            delay = Duration::from_millis(value.parse().context("--delay-ms wants a number")?);
        } else if url.replace(argument).is_some() {
            bail!("usage: ws-client URL [--delay-ms N]");
        }
    }
    let url = url.context("usage: ws-client URL [--delay-ms N]")?;
    let request = url.as_str().into_client_request().context("the URL")?;
    let authority = request.uri().authority().context("the URL names no host")?.clone();
    let host = authority.host().trim_matches(['[', ']']);
    let port = authority.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host, port)).await.with_context(|| format!("connect to {authority}"))?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let (socket, _) =
        tokio_tungstenite::client_async(request, stream).await.context("WebSocket handshake")?;
    say(&json!({"event": "open", "local": local.to_string()}));

    let (mut sink, mut source) = socket.split();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut input_open = true;
    let mut next_send = tokio::time::Instant::now();
    let (code, reason) = loop {
        tokio::select! {
            // The pause comes before the line is taken, so that no line is lost when a message arrives meanwhile.
            line = async { tokio::time::sleep_until(next_send).await; lines.next_line().await }, if input_open => {
                let result = if let Some(text) = line.context("standard input")? {
                    next_send = tokio::time::Instant::now() + delay;
                    let result = sink.send(Message::text(&text)).await;
                    if result.is_ok() {
                        say(&json!({"event": "sent", "text": text}));
                    }
                    result
                } else {
                    input_open = false;
                    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                    sink.send(Message::Close(Some(frame))).await
                };
                // The reading half knows more: a Close frame may be waiting there.
                if result.is_err() {
                    input_open = false;
                }
            }
            message = source.next() => match message {
                Some(Ok(Message::Text(text))) => say(&json!({"event": "received", "text": text.as_str()})),
                Some(Ok(Message::Close(Some(frame)))) => break (Some(u16::from(frame.code)), frame.reason.to_string()),
                Some(Ok(Message::Close(None))) => break (None, String::new()),
                Some(Ok(_)) => {}
                Some(Err(error)) => break (None, error.to_string()),
                None => break (None, "end of stream without a Close frame".to_owned()),
            },
        }
    };
    say(&json!({"event": "closed", "code": code, "reason": reason}));
    // Answers the Close frame; the connection may be gone by now.
    drop(sink.close().await);
    Ok(())
}

fn say(event: &Value) {
    println!("{event}");
}
