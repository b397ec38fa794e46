//! One attack, to see that somebody looks.

use std::io::{Read, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::Options;
use crate::frame::{self, CLOSE};
use crate::handshake::{self, Service};
use crate::pool;

const ATTACK: &str = r#"{"type":"chat","from":"Ada","text":"<script>alert(document.cookie)</script>"}"#;

/// Sends it and prints the code of the Close frame that comes, or none if the application sends it back.
pub(crate) fn run(to: SocketAddr, options: &Options) -> Result<()> {
    let mut stream = handshake::open(to, Service::Echo, options.deflate)?;
    let exchange = pool::exchange(ATTACK, options.deflate);
    stream.write_all(&exchange.request).context("send the attack")?;
    let mut answer = Vec::new();
    let mut byte = [0];
    let header = loop {
        stream.read_exact(&mut byte).context("an answer to the attack")?;
        answer.push(byte[0]);
        if let Some(header) = frame::decode(&answer) {
            break header;
        }
    };
    let mut payload = vec![0; usize::try_from(header.length)?];
    stream.read_exact(&mut payload).context("an answer to the attack")?;
    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
    answer.extend(payload);
    let closed = match header.first {
        CLOSE => code,
        _ if answer == exchange.answer => None,
        other => bail!("the attack was answered with a frame {other:#x}"),
    };
    println!("{}", json!({ "event": "result", "closed": closed }));
    Ok(())
}
