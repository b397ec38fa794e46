//! What a session does for a message takes no memory from the allocator once its buffers have grown, and what a long one
//! needed is given back.

use std::{sync::Arc, time::Instant};

use allocation_counter::measure;
use framewall_inspect::{
    Direction, Link, Session, Settings,
    rules::{LiveRules, RuleSet},
};

const RULES: &str = r#"
[[rule]]
id = "path-of-a-parameter"
when = { some = "param", where = { field = "path", contains = "__proto__" } }
action = "block"

[[rule]]
id = "literal"
when = { param = "text", contains = "forbidden" }
action = "block"

[[rule]]
id = "regex"
when = { param = "text", matches = "^card [0-9]{16}$" }
action = "block"

[[rule]]
id = "number"
when = { param = "id", gt = 1000000 }
action = "log"

[[rule]]
id = "whole"
when = { field = "text", contains = "canary", ignore_case = true }
action = "log"
"#;

const MESSAGES: [&str; 3] = [
    r#"{"type":"chat","id":17,"from":"Ada O'Brien","text":"It's fine; see https://example.org/?a=1&b=2"}"#,
    r#"{"type":"chat","id":18,"from":"Zoë","text":"a \"quoted\" word, 20% off, and 李雷 said hi"}"#,
    "plain text, which is not JSON at all",
];

fn feed(session: &mut Session, direction: Direction, bytes: &[u8], now: Instant) -> usize {
    session.handle_input(direction, bytes, now);
    std::iter::from_fn(|| session.poll_action()).count()
}

fn websocket(settings: Settings, now: Instant) -> Session {
    let mut session = Session::new(Arc::new(settings), Link::default(), [0; 4], now);
    feed(
        &mut session,
        Direction::ToServer,
        b"GET /chat HTTP/1.1\r\nHost: app.example\r\nUser-Agent: test\r\nUpgrade: websocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        now,
    );
    feed(
        &mut session,
        Direction::ToClient,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        now,
    );
    session
}

/// A text frame with the masking key 0.
fn frame(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).expect("a short text");
    let [high, low] = len.to_be_bytes();
    let header = if len < 126 { vec![0x81, 0x80 | low] } else { vec![0x81, 0xfe, high, low] };
    [&header, &[0; 4][..], text.as_bytes()].concat()
}

fn allocations(settings: Settings) -> u64 {
    let now = Instant::now();
    let mut session = websocket(settings, now);
    let frames = MESSAGES.map(frame);
    for frame in &frames {
        feed(&mut session, Direction::ToServer, frame, now);
    }
    let counted = measure(|| {
        for frame in frames.iter().cycle().take(30) {
            feed(&mut session, Direction::ToServer, frame, now);
        }
    });
    let counters = session.counters();
    assert_eq!((counters.to_server.messages, counters.findings, counters.offences), (33, 0, 0));
    counted.count_total
}

#[test]
fn messages_that_pass_allocate_nothing() {
    assert_eq!(allocations(Settings::default()), 0);
}

#[test]
fn rules_that_do_not_match_allocate_nothing() {
    let set = RuleSet::load(&[("rules.toml", RULES)], &|_, _| Err(String::new()), 0);
    let (set, _) = set.unwrap_or_else(|complaints| panic!("{}", complaints[0]));
    let rules = Arc::new(LiveRules::new(set));
    assert_eq!(allocations(Settings { rules, ..Settings::default() }), 0);
}

#[test]
fn an_idle_session_keeps_little_of_a_long_message() {
    let now = Instant::now();
    let mut session = websocket(Settings::default(), now);
    let record = r#"{"id":1,"name":"a name with \"quotes\"","more":"%41 percent","list":["a","b","c"]}"#;
    let text = format!("[{}]", [record; 190].join(","));
    assert!(text.len() > 15 * 1024);
    feed(&mut session, Direction::ToServer, &frame(&text), now);
    assert_eq!(session.counters().to_server.messages, 1);
    assert!(session.buffered_bytes() <= 4096, "{}", session.buffered_bytes());
}
