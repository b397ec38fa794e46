//! What rules cost a message: many rules of mixed kinds, and a JSON message of 200 bytes that none of them matches (or
//! one does). Finding the leaves is not measured here: `session` does.

use std::{
    fmt::Write,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput};
use framewall_inspect::{
    Action, Direction, Handshake, Link, Opcode, Report, Session, Settings,
    rules::{Bound, ConnectionFacts, Counts, Decision, MessageFacts, Moment, RuleScratch, RuleSet, Segment},
};

/// 200 bytes; `leaves` are its values.
const MESSAGE: &str = r#"{"type":"msg","action":"send","room":"general","data":{"text":"it's five o'clock, who is coming to lunch? I like soup","amount":12},"user":{"id":48213,"name":"Ann O'Neill","roles":["guest","author"]}}"#;

const FACTS: MessageFacts = MessageFacts {
    direction: Direction::ToServer,
    opcode: Opcode::Text,
    wire_bytes: 200,
    bytes: 200,
    fragments: 1,
    index: 7,
    compressed: false,
};

fn main() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    message(&mut criterion);
    hostile(&mut criterion);
    bind(&mut criterion);
    load(&mut criterion);
    criterion.final_summary();
}

fn message(criterion: &mut Criterion) {
    assert_eq!(MESSAGE.len(), 200);
    let mut group = criterion.benchmark_group("message");
    for count in [0, 1000, 10_000] {
        let bound = bound(&ruleset(count));
        let counts = Counts::new(None);
        let mut scratch = RuleScratch::default();
        let moment = Moment { now: Instant::now(), unix_s: 0 };
        assert!(judge(&bound, &mut scratch, moment, &counts, "send").matched.is_empty());
        group.bench_function(BenchmarkId::new("none matches", count), |bencher| {
            bencher.iter(|| judge(&bound, &mut scratch, moment, &counts, black_box("send")));
        });
        if count > 0 {
            assert_eq!(judge(&bound, &mut scratch, moment, &counts, "op3").matched.len(), 1);
            group.bench_function(BenchmarkId::new("one matches", count), |bencher| {
                bencher.iter(|| judge(&bound, &mut scratch, moment, &counts, black_box("op3")));
            });
        }
    }
    group.finish();
}

/// Messages that are meant to be costly.
fn hostile(criterion: &mut Criterion) {
    const LEN: usize = 100_000;
    let bound = bound(&ruleset(10_000));
    let counts = Counts::new(None);
    let mut scratch = RuleScratch::default();
    let moment = Moment { now: Instant::now(), unix_s: 0 };
    let mut group = criterion.benchmark_group("hostile");
    group.throughput(Throughput::Bytes(LEN as u64));
    let mut near_hits = String::new();
    for n in 0.. {
        let _ = write!(near_hits, "evil{} bad{n}- xx{n}y needle", n * 12 + 1);
        if near_hits.len() >= LEN {
            break;
        }
    }
    let texts = [("one byte", "a".repeat(LEN)), ("near hits", near_hits)];
    for (name, text) in &texts {
        group.bench_function(BenchmarkId::new("text of", name), |bencher| {
            bencher.iter(|| {
                let mut trial = bound.begin(&mut scratch, FACTS, moment);
                trial.param(&[Segment::Key(b"data"), Segment::Key(b"text")], text.as_bytes());
                trial.decide(&counts)
            });
        });
    }
    group.bench_function("10,000 parameters", |bencher| {
        bencher.iter(|| {
            let mut trial = bound.begin(&mut scratch, FACTS, moment);
            for n in 0..LEN / 10 {
                trial.param(&[Segment::Key(b"data"), Segment::Index(n), Segment::Key(b"action")], b"op3");
            }
            trial.decide(&counts)
        });
    });
    group.finish();
}

fn bind(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bind");
    let handshake = handshake();
    for count in [1000, 10_000] {
        let set = ruleset(count);
        let kept = set.bind(&facts(&handshake));
        group.bench_function(BenchmarkId::new("like another", count), |bencher| {
            bencher.iter(|| set.bind(&facts(&handshake)));
        });
        drop(kept);
        group.bench_function(BenchmarkId::new("unlike others", count), |bencher| {
            bencher.iter(|| set.bind(&facts(&handshake)));
        });
    }
    group.finish();
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    for count in [1000, 10_000] {
        let text = rules(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| RuleSet::load(&[("rules.toml", &text)], &|_, _| Err(String::new()), 0));
        });
    }
    group.finish();
}

fn judge(
    bound: &Bound,
    scratch: &mut RuleScratch,
    moment: Moment,
    counts: &Counts,
    action: &str,
) -> Decision {
    use Segment::{Index, Key};
    let mut trial = bound.begin(scratch, FACTS, moment);
    trial.param(&[Key(b"type")], b"msg");
    trial.param(&[Key(b"action")], action.as_bytes());
    trial.param(&[Key(b"room")], b"general");
    trial.param(&[Key(b"data"), Key(b"text")], b"it's five o'clock, who is coming to lunch? I like soup");
    trial.param(&[Key(b"data"), Key(b"amount")], b"12");
    trial.param(&[Key(b"user"), Key(b"id")], b"48213");
    trial.param(&[Key(b"user"), Key(b"name")], b"Ann O'Neill");
    trial.param(&[Key(b"user"), Key(b"roles"), Index(0)], b"guest");
    trial.param(&[Key(b"user"), Key(b"roles"), Index(1)], b"author");
    if bound.needs_text() {
        trial.text(MESSAGE.as_bytes());
    }
    trial.decide(counts)
}

fn ruleset(count: usize) -> Arc<RuleSet> {
    let text = rules(count);
    match RuleSet::load(&[("rules.toml", &text)], &|_, _| Err(String::new()), 0) {
        Ok((set, _)) => set,
        Err(complaints) => panic!("{}", complaints[0]),
    }
}

/// Rules of twelve kinds in turn.
fn rules(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let when = match n % 12 {
            0 => format!(
                r#"{{ all = [{{ field = "path", like = "/app{n}/*" }}, {{ param = "action", equals = "send" }}] }}"#
            ),
            1 => format!(r#"{{ param = "field{n}", contains = "needle{n}" }}"#),
            2 => format!(r#"{{ param = "data.text", contains = "evil{n}", ignore_case = true }}"#),
            3 => format!(r#"{{ param = "action", equals = "op{n}" }}"#),
            4 => format!(r#"{{ param = "text", matches = "bad{n}-[0-9]+" }}"#),
            5 => format!(r#"{{ field = "text", contains = "xx{n}yy" }}"#),
            6 => format!(
                r#"{{ all = [{{ field = "client.ip", in_net = "10.{}.{}.0/24" }}, {{ signal = "SQLI" }}] }}"#,
                n / 256 % 256,
                n % 256
            ),
            7 => format!(
                r#"{{ all = [{{ field = "bytes", gt = {} }}, {{ param = "room", starts_with = "r{n}" }}] }}"#,
                1000 + n
            ),
            8 => format!(
                r#"{{ all = [{{ param = "amount", ge = {} }}, {{ param = "action", equals = "pay{n}" }}] }}"#,
                1_000_000 + n
            ),
            9 => format!(
                r#"{{ all = [{{ header = "x-api-key", equals = "key{n}" }}, {{ param = "user.roles.*", not_equals = "admin{n}" }}] }}"#
            ),
            10 => format!(
                r#"{{ some = "param", where = {{ all = [{{ field = "name", equals = "key{n}" }}, {{ field = "value", contains = "<" }}] }} }}"#
            ),
            _ => format!(
                r#"{{ any = [{{ param = "id", equals = "u{n}" }}, {{ all = [{{ field = "direction", equals = "to_server" }}, {{ param = "name", like = "*Mallory{n}*" }}] }}] }}"#
            ),
        };
        let _ = write!(text, "[[rule]]\nid = \"r{n}\"\nwhen = {when}\naction = \"block\"\n");
    }
    text
}

fn bound(set: &Arc<RuleSet>) -> Bound {
    set.bind(&facts(&handshake()))
}

fn facts(handshake: &Handshake) -> ConnectionFacts<'_> {
    ConnectionFacts {
        client: [192, 0, 2, 1].into(),
        port: 8080,
        scheme: "http",
        handshake: Some(handshake),
        response_code: 101,
        opened: Instant::now(),
        connection: 1,
    }
}

/// The handshake of a session.
fn handshake() -> Handshake {
    let now = Instant::now();
    let mut session = Session::new(Arc::new(Settings::default()), Link::default(), [0; 4], now);
    let request = "GET /chat?room=general HTTP/1.1\r\nHost: chat.example.org\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
                   Accept-Language: en\r\nOrigin: https://chat.example.org\r\nCookie: theme=dark; sid=12345\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    session.handle_input(Direction::ToServer, request.as_bytes(), now);
    session.handle_input(Direction::ToClient, response.as_bytes(), now);
    loop {
        match session.poll_action() {
            Some(Action::Report(Report::WebSocketOpened(handshake))) => return *handshake,
            Some(_) => {}
            None => panic!("no WebSocket was opened"),
        }
    }
}
