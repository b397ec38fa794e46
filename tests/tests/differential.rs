//! What Framewall reads is what the endpoints read.
//!
//! Through the daemon: after a generated conversation of many messages an attack stands somewhere in one. It can be
//! blocked at exactly that message, and everything before it can arrive unchanged, only if Framewall's reading was in
//! step with the server's all the way, compression included.
//!
//! In the core: the same bytes go to a session and to tungstenite, which must agree whether they are WebSocket.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use framewall_inspect::{Action, CloseReason, Direction, Link, ProtocolViolation, Session, Settings};
use framewall_tests::app::{address_of, python_client_asking_for};
use framewall_tests::conversation::Content;
use framewall_tests::deflate::Deflater;
use framewall_tests::payload::{Random, hex, sha256};
use framewall_tests::wire::{
    BINARY, CLOSE, End, RSV1, TEXT, Wire, encode, read_to_end, upgrade_request, upgrade_response,
};
use framewall_tests::{App, Daemon, Kind, Lab, env, lab};
use serde_json::json;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

const PORT: u16 = 8080;
const SQLI: &str = r#"{"user":{"name":"' OR '1'='1"}}"#;

#[test]
fn the_daemon_stays_in_step_with_node() {
    stays_in_step(Kind::NodeDeflate);
}

#[test]
fn the_daemon_stays_in_step_with_python() {
    stays_in_step(Kind::Python);
}

/// With a compressor that is not Framewall's.
#[test]
fn the_daemon_stays_in_step_with_a_python_client() {
    let mut random = Random::new(env::seed());
    let most = env::volume("messages a conversation", 100, 20);
    // An interpreter each, which takes longer than what is said.
    let clients = env::volume("clients", 4, 2);
    let mut total = 0;
    for kind in [Kind::NodeDeflate, Kind::Python] {
        let lab = Lab::new();
        let app = App::start_with_digests(&lab, kind, PORT);
        let daemon = Daemon::start(&lab, &["--port", "8080"]);
        for parameters in [
            &["client_max_window_bits=9", "server_max_window_bits=9"][..],
            &["client_max_window_bits=10", "client_no_context_takeover"],
            &["client_max_window_bits=13", "server_no_context_takeover"],
            &["client_max_window_bits=15"],
        ]
        .into_iter()
        .take(clients)
        {
            let mut client = python_client_asking_for(&lab, lab::v4(PORT), parameters);
            assert_eq!(client.wait_event("open", |_| true)["deflate"], true, "{parameters:?}");
            let contents: Vec<_> = (0..most / 2 + random.below(most / 2 + 1))
                .map(|_| Content::harmless(&mut random, 65_536))
                .collect();
            for content in contents.iter().chain(&[Content::attack(&mut random)]) {
                client.write_line(&order(content, &mut random).to_string());
            }
            assert_eq!(client.wait_event("closed", |_| true)["code"], 1008, "{parameters:?}");
            let sent: Vec<_> = contents.iter().map(digest).collect();
            assert_only_these_arrived(&app, &daemon, address_of(&client), &sent);
            total += sent.len();
        }
    }
    println!("{total} messages");
}

/// Neither broken compression nor compression that ends in an odd way lets the two read different things: whatever
/// the app made of it, it never sees the attack that follows.
#[test]
fn damaged_compression_does_not_part_the_daemon_from_the_app() {
    for kind in [Kind::NodeDeflate, Kind::Python] {
        let lab = Lab::new();
        let app = App::start(&lab, kind, PORT);
        let daemon = Daemon::start(&lab, &["--port", "8080"]);
        let mut random = Random::new(env::seed());
        let mut conversations = odd_conversations();
        for _ in 0..env::volume("damaged conversations", 300, 16) {
            conversations.push(damaged_conversation(&mut random));
        }
        let mut reasons = BTreeMap::<String, usize>::new();
        for (number, messages) in conversations.into_iter().enumerate() {
            // The compressor of these conversations uses 15; every other promises less and so refers too far back.
            let bits = if number % 2 == 0 { 15 } else { 9 };
            let offer = format!("permessage-deflate; client_max_window_bits={bits}");
            let (mut client, _) = Wire::connect_offering(&lab.client, lab::v4(PORT), &offer);
            let address = client.address();
            for (opcode, payload) in messages {
                // The connection may have ended before the last.
                drop(client.stream.write_all(&encode(true, opcode | RSV1, Some([1, 2, 3, 4]), &payload)));
            }
            drop(client.stream.shutdown(Shutdown::Write));
            client.end();
            drop(client);
            *reasons.entry(daemon.wait_closed(address)).or_default() += 1;
        }
        println!("{kind:?}: {reasons:?}");
        assert!(!app.process.has_said(SQLI), "{kind:?} has seen the attack");
        for reason in ["attack-sqli", "deflate-error"] {
            assert!(reasons.contains_key(reason), "{kind:?}: {reason} never occurs: {reasons:?}");
        }
    }
}

#[test]
fn the_core_accepts_every_conversation_that_tungstenite_accepts() {
    let mut random = Random::new(env::seed());
    let mut messages = 0;
    for _ in 0..env::volume("conversations", 40, 10) {
        let contents: Vec<_> = (0..50).map(|_| Content::harmless(&mut random, 65_536)).collect();
        let mut stream: Vec<u8> =
            contents.iter().flat_map(|content| content.frames(&mut random, None)).collect();
        stream.extend(encode(true, CLOSE, Some([1, 2, 3, 4]), b"\x03\xE8bye"));
        let ours = framewall(&stream, &mut random);
        let theirs = reference(&stream);
        assert_eq!(ours.rejected, None);
        assert!(theirs.rejected.is_none(), "{:?}", theirs.rejected);
        assert!(theirs.messages == contents, "tungstenite reads what was written");
        assert_eq!((ours.messages, ours.released), (contents.len(), stream.len()));
        messages += contents.len();
    }
    println!("{messages} messages");
}

#[test]
fn the_core_rejects_every_damaged_stream_that_tungstenite_rejects() {
    let mut random = Random::new(env::seed());
    let (mut agreed, mut rejected, mut stricter) = (0, 0, [0; 3]);
    for number in 0..env::volume("damaged streams", 40_000, 1_000) {
        let mut stream: Vec<u8> = (0..1 + random.below(6))
            .flat_map(|_| Content::harmless(&mut random, 300).frames(&mut random, None))
            .collect();
        if random.below(4) == 0 {
            stream.extend(encode(true, CLOSE, Some([1, 2, 3, 4]), b"\x03\xE8bye"));
            stream.extend(Content::harmless(&mut random, 300).frames(&mut random, None));
        }
        damage(&mut stream, &mut random);
        complete_last_frame(&mut stream);
        let ours = framewall(&stream, &mut random);
        let theirs = reference(&stream);
        let context = || format!("stream {number}: {:?}, {:?}: {stream:02x?}", ours, theirs.rejected);
        if let Some(CloseReason::Attack(_)) = ours.rejected {
            // Damage has made an attack: that is judged after both have read the message alike.
            let content = &theirs.messages[ours.messages - 1].bytes;
            println!("stream {number}: {:?} in {:?}", ours.rejected, String::from_utf8_lossy(content));
            continue;
        }
        let Some(reason) = ours.rejected else {
            assert!(theirs.rejected.is_none(), "Framewall accepts what tungstenite rejects: {}", context());
            assert_eq!(ours.messages, theirs.messages.len(), "{}", context());
            agreed += 1;
            continue;
        };
        if let Some(kind) = may_be_stricter(reason, ours.closed && theirs.closed) {
            assert!(ours.messages <= theirs.messages.len(), "{}", context());
            stricter[kind] += 1;
        } else {
            assert!(theirs.rejected.is_some(), "Framewall rejects what tungstenite accepts: {}", context());
            assert_eq!(ours.messages, theirs.messages.len(), "{}", context());
            agreed += 1;
            rejected += 1;
        }
    }
    println!("agreed on {agreed} streams, {rejected} of them rejected; stricter in {stricter:?}");
    assert!(rejected > 0 && rejected < agreed, "both verdicts occur");
    assert!(stricter.iter().all(|&count| count > 0), "every difference in the list exists: {stricter:?}");
}

/// Which of the known differences it may be that Framewall rejects a stream for `reason`. `closed`: after a Close frame
/// that both have read.
fn may_be_stricter(reason: CloseReason, closed: bool) -> Option<usize> {
    let CloseReason::ProtocolError(violation) = reason else { return None };
    if closed {
        // tungstenite stops reading at a Close frame; another server may not.
        return Some(0);
    }
    if violation == ProtocolViolation::FrameLength {
        // The shortest form is a MUST (RFC 6455 §5.2) that tungstenite does not check.
        return Some(1);
    }
    // tungstenite answers such a Close frame with 1002, but takes it for one.
    (violation == ProtocolViolation::CloseCode).then_some(2)
}

/// Compressed messages that refer to one another, one of them damaged, and then an attack.
fn damaged_conversation(random: &mut Random) -> Vec<(u8, Vec<u8>)> {
    let mut deflater = Deflater::new(15, true, 6);
    let mut messages: Vec<_> = (0..2 + random.below(3))
        .map(|_| {
            let content = Content::harmless(random, 1_000);
            let opcode = if content.is_text { TEXT } else { BINARY };
            (opcode, deflater.message_in_blocks(&content.bytes, random))
        })
        .collect();
    let damaged = random.below(messages.len());
    let payload = &mut messages[damaged].1;
    for _ in 0..1 + random.below(2) {
        // The header of the first block, or anywhere.
        let end = if random.below(2) == 0 { 1 } else { payload.len() };
        payload[random.below(end)] ^= 1 << random.below(8);
    }
    messages.push((TEXT, deflater.message(SQLI.as_bytes())));
    messages.push((TEXT, Deflater::new(15, true, 6).message(SQLI.as_bytes())));
    messages
}

/// Ends of messages that compressors do not make, each followed by an attack.
fn odd_conversations() -> Vec<Vec<(u8, Vec<u8>)>> {
    let attack = Deflater::new(15, true, 6).message(SQLI.as_bytes());
    // RFC 7692 §7.2.3.4: a final block.
    let last = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    // A stored block of 100 bytes that begins here and ends in the next message; the receiver adds 4 of the bytes.
    let stored = [&[0, 100, 0, 155, 255][..], &[b'x'; 10]].concat();
    vec![
        vec![(TEXT, last.to_vec()), (TEXT, attack.clone())],
        vec![(TEXT, [&last[..], &[0]].concat()), (TEXT, attack.clone())],
        vec![(TEXT, [&last[..], &attack].concat()), (TEXT, attack.clone())],
        vec![(TEXT, [&last[..], &[0], &attack].concat()), (TEXT, attack.clone())],
        vec![(BINARY, stored.clone()), (BINARY, [&[b'y'; 86][..], &attack].concat())],
        vec![(BINARY, stored), (TEXT, attack.clone())],
        vec![(TEXT, vec![0]), (TEXT, Vec::new()), (TEXT, attack)],
    ]
}

/// What a session made of a stream.
#[derive(Debug)]
struct Verdict {
    rejected: Option<CloseReason>,
    messages: usize,
    /// A Close frame came.
    closed: bool,
    /// Bytes that went on to the app.
    released: usize,
}

/// Feeds `stream` to a session in pieces, after a handshake.
fn framewall(stream: &[u8], random: &mut Random) -> Verdict {
    let now = Instant::now();
    let mut session = Session::new(Arc::new(Settings::default()), Link::default(), [1, 2, 3, 4], now);
    let request = upgrade_request("/");
    session.handle_input(Direction::ToServer, request.as_bytes(), now);
    session.handle_input(Direction::ToClient, upgrade_response(&request, "").as_bytes(), now);
    while session.poll_action().is_some() {}
    let mut verdict = Verdict { rejected: None, messages: 0, closed: false, released: 0 };
    let mut rest = stream;
    let longest = [1, 10, 100, 10_000, 1_000_000][random.below(5)];
    while !rest.is_empty() && verdict.rejected.is_none() {
        let (piece, after) = rest.split_at((1 + random.below(longest)).min(rest.len()));
        rest = after;
        session.handle_input(Direction::ToServer, piece, now);
        while let Some(action) = session.poll_action() {
            if let Action::Release { direction: Direction::ToServer, len } = action {
                verdict.released += len;
            } else if let Action::Close(reason) = action {
                verdict.rejected = Some(reason);
            }
        }
    }
    let counters = session.counters().to_server;
    verdict.messages = usize::try_from(counters.messages).expect("64-bit lengths");
    verdict.closed = counters.close_sent;
    verdict
}

/// What tungstenite made of a stream.
#[derive(Debug)]
struct Reading {
    rejected: Option<Error>,
    messages: Vec<Content>,
    /// A Close frame came.
    closed: bool,
}

/// Feeds `stream` to tungstenite's server side, with Framewall's limits.
fn reference(stream: &[u8]) -> Reading {
    let limit = Some(Settings::default().limits.max_message_bytes);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    let mut socket = WebSocket::from_raw_socket(Memory(stream), Role::Server, Some(config));
    let mut reading = Reading { rejected: None, messages: Vec::new(), closed: false };
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                reading.messages.push(Content { is_text: true, bytes: text.as_bytes().to_vec() });
            }
            Ok(Message::Binary(data)) => {
                reading.messages.push(Content { is_text: false, bytes: data.to_vec() });
            }
            Ok(Message::Close(_)) => reading.closed = true,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Err(Error::Io(_) | Error::ConnectionClosed) => return reading,
            Err(error) => {
                reading.rejected = Some(error);
                return reading;
            }
        }
    }
}

/// A socket from which everything has come that will ever come, and that swallows what is written.
#[derive(Debug)]
struct Memory<'a>(&'a [u8]);

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        self.0.read(buffer)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Flips bits, most often in headers, or takes bytes out or puts some in.
fn damage(stream: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.below(4) {
        let headers = header_bytes(stream);
        let at = if headers.is_empty() || random.below(4) == 0 {
            random.below(stream.len())
        } else {
            headers[random.below(headers.len())]
        };
        match random.below(10) {
            0 => drop(stream.remove(at)),
            1 => stream.insert(at, random.draw().to_be_bytes()[0]),
            _ => stream[at] ^= 1 << random.below(8),
        }
        if stream.is_empty() {
            return;
        }
    }
}

/// Where the first two bytes of each frame stand, and its extended length.
fn header_bytes(stream: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some((header, payload)) = frame_at(stream, at) {
        let key = if stream[at + 1] & 0x80 != 0 { 4 } else { 0 };
        places.extend(at..at + header - key);
        at = at.saturating_add(header).saturating_add(payload);
    }
    places
}

/// Adds zeros until the stream ends between two frames. Then it makes no difference that one reader rejects a frame
/// at its first wrong byte and another at its end. Longer frames than the limit are rejected at their header anyway.
fn complete_last_frame(stream: &mut Vec<u8>) {
    let mut at = 0;
    while at < stream.len() {
        match frame_at(stream, at) {
            None => stream.push(0),
            Some((header, payload)) => {
                at = at.saturating_add(header).saturating_add(payload);
                if at > stream.len() && payload <= 1 << 20 {
                    stream.resize(at, 0);
                }
            }
        }
    }
}

/// The lengths of header and payload of the frame at `at`, or `None` if the header is not complete.
fn frame_at(stream: &[u8], at: usize) -> Option<(usize, usize)> {
    let (&[_, second], rest) = stream.get(at..)?.split_first_chunk()?;
    let (extended, payload) = match second & 0x7F {
        126 => (2, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (8, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).expect("64-bit lengths")),
        short => (0, usize::from(short)),
    };
    let key = if second & 0x80 != 0 { 4 } else { 0 };
    (rest.len() >= extended + key).then_some((2 + extended + key, payload))
}

/// Conversations under every variant of permessage-deflate, each ended by an attack at a place left to chance.
fn stays_in_step(kind: Kind) {
    let lab = Lab::new();
    let app = App::start_with_digests(&lab, kind, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut random = Random::new(env::seed());
    let usual = env::volume("messages a conversation", 250, 12);
    let many = env::volume("messages of the long conversations", 5_000, 60);
    let mut offers: Vec<(String, usize)> = [
        "",
        "client_no_context_takeover",
        "server_no_context_takeover",
        "client_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_no_context_takeover",
    ]
    .map(|parameters| (parameters.to_owned(), usual))
    .into();
    for bits in 9..=15 {
        offers.push((format!("client_max_window_bits={bits}; server_max_window_bits={bits}"), usual));
        let one_way = "server_no_context_takeover; server_max_window_bits=9; client_max_window_bits";
        offers.push((format!("{one_way}={bits}"), usual));
    }
    offers.push(("client_max_window_bits".to_owned(), many));
    let mut total = converse(&lab, &app, &daemon, "", many / 4, &mut random);
    for (parameters, messages) in offers {
        let offer = ["permessage-deflate", &parameters].join("; ");
        let offer = offer.trim_end_matches("; ");
        total += converse(&lab, &app, &daemon, offer, messages, &mut random);
    }
    println!("{total} messages");
}

/// One conversation of up to `most` messages, then an attack and more. Gives how many came before the attack.
fn converse(lab: &Lab, app: &App, daemon: &Daemon, offer: &str, most: usize, random: &mut Random) -> usize {
    let before = most / 2 + random.below(most / 2 + 1);
    let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), offer);
    let level = u32::try_from(random.below(10)).expect("a level");
    let mut deflater = if offer.is_empty() { None } else { Deflater::negotiated(&head, level) };
    assert_eq!(deflater.is_some(), !offer.is_empty(), "{offer}: {head}");
    println!("{before} messages, level {level}, {offer:?}");
    let address = client.address();
    let mut writer = client.stream.try_clone().expect("an open socket");
    let (sent, received, end) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut digests = Vec::new();
            for _ in 0..before {
                let content = Content::harmless(random, 65_536);
                let frames = content.frames(random, deflater.as_mut());
                writer.write_all(&frames).expect("the daemon takes it");
                digests.push(digest(&content));
            }
            for content in [Content::attack(random), Content::harmless(random, 500)] {
                // The second may find the connection closed.
                drop(writer.write_all(&content.frames(random, deflater.as_mut())));
            }
            digests
        });
        let (received, end) = read_to_end(&mut client.stream);
        (sender.join().expect("the sender gets everything off"), received, end)
    });
    assert_eq!(end, End::Eof);
    assert!(
        received.ends_with(b"\x88\x1B\x03\xF0message blocked by policy"),
        "a Close frame ends the stream"
    );
    drop(client);
    assert_only_these_arrived(app, daemon, address, &sent);
    before
}

/// The app got what was sent before the attack, and nothing else; the attack was blocked as the message it was.
fn assert_only_these_arrived(app: &App, daemon: &Daemon, client: SocketAddr, sent: &[(bool, String)]) {
    assert_eq!(app.wait_closed(client), Some(1008));
    let seen: Vec<_> = app
        .messages(client)
        .iter()
        .map(|event| (event["opcode"] == "text", event["sha256"].as_str().expect("a digest").to_owned()))
        .collect();
    let first_wrong = seen.iter().zip(sent).position(|(seen, sent)| seen != sent);
    assert_eq!((first_wrong, seen.len()), (None, sent.len()), "first wrong message, number of messages");
    let event = daemon.wait_message_event("message_blocked", client);
    assert_eq!(event["message"], sent.len() + 1, "{event}");
}

/// Whether a message is text, and its SHA-256: what the apps log of it.
fn digest(content: &Content) -> (bool, String) {
    (content.is_text, sha256(&content.bytes))
}

/// The order to the Python client to send this message, whole or as some fragments.
fn order(content: &Content, random: &mut Random) -> serde_json::Value {
    match std::str::from_utf8(&content.bytes) {
        Ok(text) if content.is_text && random.below(3) == 0 => {
            let characters: Vec<char> = text.chars().collect();
            let fragments: Vec<String> =
                characters.chunks(1 + characters.len() / 3).map(|piece| piece.iter().collect()).collect();
            // No fragment at all would be no message.
            if fragments.is_empty() { json!({"text": ""}) } else { json!({"fragments": fragments}) }
        }
        Ok(text) if content.is_text => json!({"text": text}),
        Ok(_) | Err(_) => json!({"binary": hex(&content.bytes)}),
    }
}
