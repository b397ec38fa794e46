//! What inspection costs, measured through `Session` as the daemon uses it.
//!
//! `unmask` and `utf8` feed all but the last byte of a message, so that nothing is judged yet; `memcpy` beside them is
//! what the memory of this machine allows. `message` feeds whole messages on one connection.

mod support;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use flate2::{Compress, Compression, FlushCompress};
use framewall_inspect::{Direction, Limits, Session, Settings};
use support::{client_frame, feed, websocket};

/// What the daemon reads at once.
const READ: usize = 64 * 1024;

fn main() {
    // First, while no memory was given back that would be used again.
    idle();
    let mut criterion = Criterion::default()
        .configure_from_args()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    handshake(&mut criterion);
    header(&mut criterion);
    unmask(&mut criterion);
    utf8(&mut criterion);
    message(&mut criterion);
    criterion.final_summary();
}

/// A connection from its first byte to the switch of protocols.
fn handshake(criterion: &mut Criterion) {
    let now = Instant::now();
    let settings = Arc::new(Settings::default());
    criterion.bench_function("handshake", |bencher| bencher.iter(|| websocket("", &settings, now)));
}

/// Headers of empty frames, one after another.
fn header(criterion: &mut Criterion) {
    const COUNT: u64 = 1000;
    let frames = [0x82, 0].repeat(COUNT as usize);
    let now = Instant::now();
    let mut session = websocket("", &Arc::default(), now);
    let mut group = criterion.benchmark_group("header");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| feed(&mut session, Direction::ToClient, &frames, now));
    });
    group.finish();
}

fn unmask(criterion: &mut Criterion) {
    const LEN: usize = 1024 * 1024;
    let frame = client_frame(0x82, &vec![0x80; LEN]);
    let settings = Arc::new(roomy());
    let mut group = criterion.benchmark_group("unmask");
    group.throughput(Throughput::Bytes(LEN as u64));
    group.bench_function("1 MiB", |bencher| unfinished(bencher, &frame, &settings));
    group.bench_function("memcpy 1 MiB", |bencher| {
        bencher.iter_batched(
            Vec::new,
            |mut copy: Vec<u8>| {
                for piece in frame.chunks(READ) {
                    copy.extend_from_slice(black_box(piece));
                }
                copy
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Text that is unmasked and checked. What binary of that length takes is unmasking and the rest.
fn utf8(criterion: &mut Criterion) {
    let settings = Arc::new(roomy());
    let mut group = criterion.benchmark_group("utf8");
    for len in [128, 1024, 16 * 1024, 64 * 1024] {
        let mixed = "Grüße, 世界! Ça va? ".repeat(len / 20);
        let cases = [
            ("binary", client_frame(0x82, &vec![b'a'; len])),
            ("ascii", client_frame(0x81, &vec![b'a'; len])),
            ("mixed", client_frame(0x81, mixed.as_bytes())),
        ];
        for (name, frame) in cases {
            group.throughput(Throughput::Bytes(frame.len() as u64));
            group.bench_with_input(BenchmarkId::new(name, len), &frame, |bencher, frame| {
                unfinished(bencher, frame, &settings);
            });
        }
    }
    group.finish();
}

/// All of a connection's work for one message: JSON of about so many bytes.
fn message(criterion: &mut Criterion) {
    let now = Instant::now();
    let json = |len: usize| {
        let record = r#"{"id":48213,"user":{"name":"Ada Lovelace","mail":"ada@example.org"},"text":"it's about ten o'clock, isn't it?","tags":["a","b"]},"#;
        format!("[{}{{}}]", record.repeat((len / record.len()).max(1)))
    };
    let plain = [("json 128 B", 128), ("json 1 KiB", 1024), ("json 16 KiB", 16 * 1024)];
    let mut cases: Vec<(&str, &str, Vec<u8>, usize)> =
        plain.map(|(name, len)| (name, "", client_frame(0x81, json(len).as_bytes()), len)).to_vec();
    let binary: Vec<u8> = (0..1024 * 1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    cases.push(("binary 1 MiB", "", client_frame(0x82, &binary), binary.len()));
    for (name, extension) in [
        ("json 1 KiB, deflate", "permessage-deflate"),
        ("json 1 KiB, deflate without takeover", "permessage-deflate; client_no_context_takeover"),
    ] {
        // Refers to no message before, so that it can be sent over and over.
        cases.push((name, extension, client_frame(0xc1, &deflated(json(1024).as_bytes())), 1024));
    }
    cases.push((
        "json 16 KiB, deflate",
        "permessage-deflate",
        client_frame(0xc1, &deflated(json(16 * 1024).as_bytes())),
        16 * 1024,
    ));
    let mut group = criterion.benchmark_group("message");
    for (name, extension, frame, len) in cases {
        let mut session = websocket(extension, &Arc::default(), now);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| feed(&mut session, Direction::ToServer, &frame, now));
        });
        assert_eq!(session.counters().offences + session.counters().findings, 0, "{name}");
    }
    group.finish();
}

/// Memory of connections that have done something and now wait. Not for criterion: it is a number of bytes.
fn idle() {
    const CONNECTIONS: usize = 10_000;
    let now = Instant::now();
    let settings = Arc::new(Settings::default());
    println!("idle: {} bytes in Session itself", size_of::<Session>());
    // Kept to the end, for the same reason.
    let mut all: Vec<Vec<Session>> = Vec::new();
    for (name, extension, first) in [
        ("plain", "", 0x81),
        ("deflate without takeover", "permessage-deflate; client_no_context_takeover", 0xc1),
        ("deflate", "permessage-deflate", 0xc1),
    ] {
        let text = br#"{"text":"a message of some 50 bytes, as many are"}"#;
        let payload = if first == 0xc1 { deflated(text) } else { text.to_vec() };
        let frame = client_frame(first, &payload);
        let count = if extension == "permessage-deflate" { CONNECTIONS / 10 } else { CONNECTIONS };
        let before = resident_bytes();
        let sessions: Vec<Session> = (0..count)
            .map(|_| {
                let mut session = websocket(extension, &settings, now);
                feed(&mut session, Direction::ToServer, &frame, now);
                session
            })
            .collect();
        let each = resident_bytes().map(|after| after.saturating_sub(before.unwrap_or(after)) / count);
        let copies = sessions.first().map_or(0, Session::buffered_bytes);
        let resident = each.map_or("unknown".to_owned(), |bytes| bytes.to_string());
        println!(
            "idle, {name}: {copies} bytes in buffers, {resident} bytes of resident memory for a connection"
        );
        all.push(sessions);
    }
}

/// Linux only.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

/// Feeds a frame but for its last byte to a new connection, in reads.
fn unfinished(bencher: &mut criterion::Bencher<'_>, frame: &[u8], settings: &Arc<Settings>) {
    let now = Instant::now();
    let frame = frame.split_last().expect("a frame").1;
    bencher.iter_batched(
        || websocket("", settings, now),
        |mut session| {
            for piece in frame.chunks(READ) {
                feed(&mut session, Direction::ToServer, black_box(piece), now);
            }
            session
        },
        if frame.len() > READ { BatchSize::PerIteration } else { BatchSize::SmallInput },
    );
}

fn roomy() -> Settings {
    let limits = Limits { max_message_bytes: 4 * 1024 * 1024, ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

/// A message as RFC 7692 has it, with an empty window before it.
fn deflated(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1000);
    let mut deflater = Compress::new(Compression::default(), false);
    deflater.compress_vec(text, &mut out, FlushCompress::Sync).expect("there is room");
    out.truncate(out.len() - 4);
    out
}
