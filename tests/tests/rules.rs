//! Rules through the real daemon: every example of the documentation, every field, reload, `check` and `scan`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use framewall_tests::deflate::{Deflater, Inflater};
use framewall_tests::wire::{BINARY, CONTINUATION, End, MASK, PING, RSV1, TEXT, Wire, client_text, encode};
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, lab};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const PORT: u16 = 8080;
const DOCUMENT: &str = include_str!("../../docs/rules.md");

/// A folder with rule files.
struct Files(TempDir);

impl Files {
    fn new(rules: &str) -> Self {
        let files = Self(TempDir::with_prefix("framewall-rules-").expect("a temporary directory"));
        files.write("rules.toml", rules);
        files.write("words.txt", "# bad words\nfoo\n\n  bar  \n");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        // As careful operators do: never half a file.
        let new = self.path("new");
        std::fs::write(&new, text).expect("write");
        std::fs::rename(new, self.path(name)).expect("rename");
    }

    fn rules(&self) -> String {
        self.path("rules.toml").to_str().expect("ASCII").to_owned()
    }

    fn daemon(&self, lab: &Lab) -> Daemon {
        Daemon::start(lab, &["--port", "8080", "--port", "9000", "--rules", &self.rules()])
    }
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Passed,
    Closed(u16, String),
}

/// A client in the hands of an example.
struct Client<'a> {
    lab: &'a Lab,
    port: u16,
    target: String,
    fields: String,
    facts: String,
    wire: Option<Wire>,
}

impl<'a> Client<'a> {
    fn new(lab: &'a Lab) -> Self {
        Self {
            lab,
            port: PORT,
            target: "/".to_owned(),
            fields: String::new(),
            facts: String::new(),
            wire: None,
        }
    }

    /// Sends the request; whether it was accepted.
    fn open(&mut self) -> bool {
        let host = if self.fields.contains("Host: ") { "" } else { "Host: app.example\r\n" };
        let request = format!(
            "GET {} HTTP/1.1\r\n{host}Upgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
            self.target, self.fields
        );
        let mut wire = Wire::open(&self.lab.client, lab::v4(self.port));
        wire.write(request.as_bytes());
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 101 ") || head.starts_with("HTTP/1.1 403 "), "{head}");
        let accepted = head.starts_with("HTTP/1.1 101 ");
        self.wire = accepted.then_some(wire);
        accepted
    }

    fn says(&mut self, message: &str) -> Fate {
        let mut frames = client_text(message);
        let mut answers = 1;
        for fact in self.facts.clone().split(' ').filter(|fact| !fact.is_empty()) {
            let opcode = if fact == "opcode=binary" { BINARY } else { TEXT };
            match fact {
                "index=2" => {
                    frames = [client_text(r#"{"type":"hello"}"#), frames].concat();
                    answers = 2;
                }
                "opcode=binary" => {
                    let hello = client_text(r#"{"type":"hello"}"#);
                    frames = [hello, encode(true, opcode, Some(MASK), message.as_bytes())].concat();
                }
                "fragments=101" => {
                    let mut parts = client_text(r#"{"type":"hello"}"#);
                    parts.extend(encode(false, TEXT, Some(MASK), message.as_bytes()));
                    parts.extend(encode(false, CONTINUATION, Some(MASK), b" ").repeat(99));
                    parts.extend(encode(true, CONTINUATION, Some(MASK), b" "));
                    frames = parts;
                }
                // The app says whatever its client does.
                "direction=to_client" | "direction=to_server" => {}
                "bytes=200000" => frames = client_text(&"a long text ".repeat(20_000)),
                other => panic!("{other}"),
            }
        }
        self.facts.clear();
        let wire = self.wire.as_mut().expect("an open connection");
        wire.write(&frames);
        let mut last = Fate::Passed;
        for _ in 0..answers {
            let frame = wire.frame().expect("an echo or a Close frame");
            last = match frame.close_code() {
                Some(code) => Fate::Closed(
                    code,
                    String::from_utf8_lossy(frame.payload.get(2..).unwrap_or_default()).into_owned(),
                ),
                None => Fate::Passed,
            };
            if last != Fate::Passed {
                self.wire = None;
                return last;
            }
        }
        last
    }

    fn address(&self) -> String {
        self.wire.as_ref().expect("open").address().to_string()
    }
}

/// What detectors find for sure, or only as a tag.
fn payload(signal: &str, weakly: bool) -> &'static str {
    match (signal, weakly) {
        ("SQLI", false) => "' OR '1'='1",
        ("SQLI", true) => "SELECT name FROM evil UNION SELECT 1",
        ("XSS", false) => "<script>alert(document.cookie)</script>",
        ("XSS", true) => "expression(evil)",
        ("NOSQLI", true) => "db.users.find({a: {$gt: 1}})",
        ("DOUBLEENCODING", false) => "a%252e%252e%252fb%2527c%2522",
        other => panic!("{other:?}"),
    }
}

/// Puts what is really found into the parameter in which the example says that it is found.
fn with_attack(message: &str, found: &[(String, String)]) -> String {
    let mut message: Value = serde_json::from_str(message).expect("JSON");
    for (how, place) in found {
        let (signal, weakly) = (how.split(' ').next_back().expect("a signal"), how.contains("weakly "));
        let mut at = &mut message;
        for name in place.split('.') {
            at = &mut at[name];
        }
        *at = json!(payload(signal, weakly));
    }
    message.to_string()
}

/// What rules have said about the connection of `client` and its last message.
fn matches(daemon: &Daemon, client: &str) -> Vec<Value> {
    daemon.events_of("rule_matched").into_iter().filter(|event| event["client"] == client).collect()
}

fn wait_match(daemon: &Daemon, client: &str, line: &str, wanted: impl Fn(&Value) -> bool) {
    env::wait_for(line, env::patience(), || matches(daemon, client).iter().any(&wanted).then_some(()));
}

/// Runs an example until time would have to pass; how many checks that were.
fn run(lab: &Lab, block: &str) -> usize {
    let files = Files::new(block);
    let daemon = files.daemon(lab);
    let mut client = Client::new(lab);
    let (mut checks, mut found) = (0, Vec::new());
    let keeps = block.contains("key = [\"connection\"]");
    for line in block.lines().filter_map(|line| line.strip_prefix("# ")) {
        let Some((words, rest)) = line.split_once(": ") else { continue };
        match words {
            "client" => source(lab, rest),
            "port" => client.port = rest.parse().expect("a port"),
            "request" => client.target = rest.to_owned(),
            "header" => client.fields.push_str(&format!("{rest}\r\n")),
            "after" | "date" => break,
            "facts" => client.facts = rest.to_owned(),
            "blocks handshake" | "passes handshake" => {
                client.target = rest.to_owned();
                assert_eq!(client.open(), words == "passes handshake", "{line}");
                client.wire = None;
                checks += 1;
                continue;
            }
            _ if words.starts_with("found") => {
                let (signal, place) = rest.split_once(" in ").expect("a place");
                found.push((
                    format!("{} {signal}", words.trim_start_matches("found").trim()),
                    place.to_owned(),
                ));
            }
            _ if client.facts.contains("wire_bytes") => client.facts.clear(),
            _ => {
                if (!keeps || client.wire.is_none()) && !client.open() {
                    // Where nothing in a message can matter, the handshake decides.
                    assert_eq!(words, "blocks", "{line}");
                    checks += 1;
                    continue;
                }
                let message = if found.is_empty() { rest.to_owned() } else { with_attack(rest, &found) };
                found.clear();
                let address = client.address();
                let fate = client.says(&message);
                let blocked = matches!(fate, Fate::Closed(..));
                assert_eq!(blocked, words == "blocks", "{line}: {message}: {fate:?}\n{}", daemon.report());
                match words {
                    "blocks" | "passes" => {}
                    "allows" => wait_match(&daemon, &address, line, |event| event["action"] == "allow"),
                    "logs" => wait_match(&daemon, &address, line, |event| event["action"] == "log"),
                    "would block" => wait_match(&daemon, &address, line, |event| {
                        event["action"] == "block" && event["done"] == false
                    }),
                    _ => {
                        let tag = words.strip_prefix("tags ").unwrap_or_else(|| panic!("{line}"));
                        wait_match(&daemon, &address, line, |event| event["tag"] == tag);
                    }
                }
                checks += 1;
            }
        }
    }
    source(lab, &lab::CLIENT_V4.to_string());
    checks
}

/// From here on clients come from this address.
fn source(lab: &Lab, address: &str) {
    let ip = |host: &framewall_tests::netns::Namespace, arguments: &str, may_fail: bool| {
        let Output { status, stderr, .. } =
            host.command("ip").args(arguments.split(' ')).output().expect("ip runs");
        assert!(status.success() || may_fail, "ip {arguments}: {}", String::from_utf8_lossy(&stderr));
    };
    if address != lab::CLIENT_V4.to_string() {
        ip(&lab.client, &format!("addr add {address}/32 dev veth0"), true);
        ip(&lab.server, &format!("route replace {address}/32 dev veth0"), false);
    }
    ip(&lab.client, &format!("route replace {}/32 dev veth0 src {address}", lab::SERVER_V4), false);
}

#[test]
fn every_example_of_the_documentation_does_what_it_says() {
    let lab = Lab::new();
    let _app = App::tungstenite_on(&lab, &[lab::any(PORT), lab::any(9000)]);
    let blocks: Vec<_> =
        DOCUMENT.split("```toml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let checks: usize = blocks.iter().map(|block| run(&lab, block)).sum();
    assert!(blocks.len() >= 18 && checks >= 90, "{checks} checks in {} examples", blocks.len());
}

#[test]
fn every_field_is_known_on_a_real_connection() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::NodeDeflate, PORT);
    let fields = [
        r#"field = "client.ip", in_net = "10.99.0.0/24""#,
        r#"field = "port", equals = 8080"#,
        r#"field = "scheme", equals = "http""#,
        r#"field = "connection.age_s", lt = 60"#,
        r#"field = "method", equals = "GET""#,
        r#"field = "host", equals = "app.example""#,
        r#"field = "path", equals = "/""#,
        r#"field = "raw_path", equals = "/""#,
        r#"field = "origin", exists = false"#,
        r#"field = "user_agent", exists = false"#,
        r#"field = "subprotocol", exists = false"#,
        r#"field = "offered_subprotocol", exists = false"#,
        r#"field = "extension", starts_with = "permessage-deflate""#,
        r#"field = "response_code", equals = 101"#,
        r#"field = "direction", equals = "to_server""#,
        r#"field = "opcode", equals = "text""#,
        r#"field = "wire_bytes", lt = 200"#,
        r#"field = "bytes", gt = 5000"#,
        r#"field = "fragments", equals = 2"#,
        r#"field = "index", equals = 1"#,
        r#"field = "compressed", equals = true"#,
        r#"field = "text", starts_with = "{\"a\":\"xxx""#,
        r#"header = "sec-websocket-version", equals = 13"#,
        r#"query = "room", exists = false"#,
        r#"cookie = "sid", exists = false"#,
        r#"param = "a", starts_with = "xxx""#,
        r#"signal = "SQLI", in_param = "b""#,
    ];
    let rules: String = fields
        .iter()
        .enumerate()
        .map(|(at, when)| {
            format!("[[rule]]\nid = \"r{at}\"\nwhen = {{ {when} }}\naction = \"tag\"\ntag = \"T\"\n")
        })
        .collect();
    let files = Files::new(&format!("{rules}[signals]\nSQLI = \"tag\"\n"));
    let daemon = files.daemon(&lab);
    let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), "permessage-deflate");
    let mut deflater = Deflater::negotiated(&head, 6).expect("the server compresses");
    let message = format!(r#"{{"a":"{}","b":"' OR '1'='1"}}"#, "x".repeat(6000));
    let compressed = deflater.message(message.as_bytes());
    let (first, rest) = compressed.split_at(10);
    client.write(&encode(false, TEXT | RSV1, Some(MASK), first));
    client.write(&encode(true, CONTINUATION, Some(MASK), rest));
    app.wait_message(client.address(), message.as_bytes());
    let address = client.address().to_string();
    let of_message = |event: &&Value| event["message"] == 1;
    env::wait_for("all rules", env::patience(), || {
        let matched = matches(&daemon, &address);
        let rules: HashSet<String> =
            matched.iter().filter(of_message).map(|event| event["rule"].to_string()).collect();
        (rules.len() == fields.len()).then_some(())
    });
    let event =
        &matches(&daemon, &address).into_iter().rev().find(|event| event["message"] == 1).expect("one");
    assert_eq!(
        (&event["signals"], &event["kind"], &event["done"]),
        (&json!(["SQLI"]), &json!("rule"), &json!(true))
    );
    let tagged = daemon.wait_address("message_tagged", "client", client.address());
    assert_eq!((&tagged["signal"], &tagged["location"]), (&json!("SQLI"), &json!("$.b")));
}

#[test]
fn a_block_says_its_code_and_reason_and_names_its_rule() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let files = Files::new(
        "[[rule]]\nid = \"no-delete\"\nwhen = { param = \"action\", equals = \"delete\" }\naction = \"block\"\n\
         close_code = 4003\nreason = \"not yours\"\nlog = \"none\"\n\
         [[rate_limit]]\nid = \"slow\"\nkey = [\"client.ip\"]\nwhen = { param = \"n\", exists = true }\nthreshold = 3\n\
         window_s = 60\nduration_s = 60\naction = \"block\"\nclose_code = 4029\nreason = \"slow down\"\n",
    );
    let daemon = files.daemon(&lab);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo(r#"{"action":"list"}"#);
    client.send_text(r#"{"action":"delete"}"#);
    let frame = client.wait_close().expect("a status code");
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4003, "not yours"));
    assert_eq!(app.wait_closed(client.address), Some(4003), "the app is told the same");
    assert_eq!(app.wait_messages(client.address, 1).len(), 1);
    let closed = daemon.wait_address("connection_closed", "client", client.address);
    assert_eq!((&closed["reason"], &closed["rule"]), (&json!("rule"), &json!("no-delete")));
    assert_eq!(daemon.events_of("rule_matched"), Vec::<Value>::new(), "log = none");

    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo(r#"{"n":1}"#);
    client.echo(r#"{"n":2}"#);
    client.send_text(r#"{"n":3}"#);
    let frame = client.wait_close().expect("a status code");
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4029, "slow down"));
    assert_eq!(daemon.wait_closed(client.address), "rate-limit");
    let event = daemon.wait_event("rule_matched", |_| true);
    assert_eq!(
        (&event["rule"], &event["kind"], &event["reached"]),
        (&json!("slow"), &json!("rate_limit"), &json!(true))
    );
}

#[test]
fn what_limits_cannot_count_is_an_event_and_no_flood_of_them() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let files = Files::new(
        "[counting]\nmax_keys = 1000\n[[rate_limit]]\nid = \"users\"\nkey = [\"param:user\"]\nthreshold = 1\n\
         window_s = 60\nduration_s = 3600\naction = \"log\"\nlog = \"none\"\n",
    );
    let daemon = files.daemon(&lab);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    let count = 3000;
    for user in 0..count {
        client.echo(&format!(r#"{{"user":"u{user}"}}"#));
    }
    assert_eq!(app.wait_messages(client.address, count).len(), count, "nobody is blocked for it");
    let lost = daemon.events_of("counts_lost");
    let [event] = &lost[..] else { panic!("the first of them: {lost:?}") };
    assert_eq!((&event["rule"], &event["max_keys"]), (&json!("users"), &json!(1000)));
    assert_eq!((&event["uncounted"], &event["replaced"]), (&json!(1), &json!(0)));
    assert!(daemon.stderr().contains("raise max_keys"), "{}", daemon.report());
    client.close();
}

/// The apps echo, so that a client can make them say anything: what they must not say never arrives, compressed or not.
#[test]
fn what_the_application_must_not_say_never_reaches_the_client() {
    const TRACE: &str = "Traceback (most recent call last)";
    let rules = "[[rule]]\nid = \"card\"\nwhen = { all = [{ field = \"direction\", equals = \"to_client\" }, \
                 { param = \"card\", matches = \"([0-9] ?){16}\" }] }\naction = \"block\"\nclose_code = 4011\n\
                 reason = \"withheld\"\n[[rule]]\nid = \"trace\"\nwhen = { all = [{ field = \"direction\", equals = \
                 \"to_client\" }, { field = \"text\", contains = \"Traceback (\" }] }\naction = \"log\"\n";
    let files = Files::new(rules);
    for (kind, extensions) in [
        (Kind::Tungstenite, ""),
        (Kind::Node, ""),
        (Kind::NodeDeflate, "permessage-deflate"),
        (Kind::NodeDeflate, "permessage-deflate; server_no_context_takeover"),
        (Kind::Python, "permessage-deflate; client_max_window_bits"),
    ] {
        let lab = Lab::new();
        let app = App::start(&lab, kind, PORT);
        let daemon = files.daemon(&lab);
        let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), extensions);
        let mut deflater = Deflater::negotiated(&head, 6);
        assert_eq!(deflater.is_some(), !extensions.is_empty(), "{kind:?}: {head}");
        let mut inflater = Inflater::negotiated(&head);
        // Node compresses from a KiB on.
        let pad = " and so on".repeat(200);
        let says = |client: &mut Wire, deflater: &mut Option<Deflater>, text: &str| match deflater {
            Some(deflater) => {
                client.write(&encode(true, TEXT | RSV1, Some(MASK), &deflater.message(text.as_bytes())));
            }
            None => client.write(&client_text(text)),
        };
        for text in [format!(r#"{{"n":1,"pad":"{pad}"}}"#), "short".to_owned(), format!("{TRACE}{pad}")] {
            says(&mut client, &mut deflater, &text);
            let frame = client.frame().expect("an echo");
            let payload = match frame.reserved {
                RSV1 => inflater.message(&frame.payload),
                _ => frame.payload,
            };
            assert_eq!(String::from_utf8_lossy(&payload), text, "{kind:?}");
        }
        let secret = format!(r#"{{"user":{{"card":"4111 1111 1111 1111"}},"pad":"{pad}"}}"#);
        says(&mut client, &mut deflater, &secret);
        app.wait_message(client.address(), secret.as_bytes());
        let frame = client.frame().expect("a Close frame and nothing before it");
        assert_eq!(frame.close_code(), Some(4011), "{kind:?}: {frame:?}");
        assert_eq!(&frame.payload[2..], b"withheld");
        assert_eq!(app.wait_closed(client.address()), Some(4011), "{kind:?}: the app is told the same");
        assert_eq!(client.end(), End::Eof);
        let address = client.address();
        // Else the daemon gives it its time of grace.
        drop(client);
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_eq!((&closed["reason"], &closed["rule"]), (&json!("rule"), &json!("card")), "{kind:?}");
        assert_eq!(closed["uninspected_messages"], 0);
        let matched = matches(&daemon, &address.to_string());
        let said: Vec<_> = matched
            .iter()
            .map(|event| json!([event["rule"], event["direction"], event["message"], event["done"]]))
            .collect();
        assert_eq!(said, [json!(["trace", "to_client", 3, true]), json!(["card", "to_client", 4, true])]);
        assert!(!daemon.has_said("4111 1111"), "{}", daemon.report());
    }
}

/// Held as a whole, message by message, while the client reads when it likes: nothing is lost, changed or reordered.
#[test]
fn long_messages_of_an_inspected_application_arrive_as_they_were_sent() {
    let lab = Lab::new();
    lab.cap_socket_buffers(256 * 1024);
    let listener = lab.server.listen(lab::any(PORT));
    let files = Files::new(
        "[[rule]]\nid = \"never\"\nwhen = { all = [{ field = \"direction\", equals = \"to_client\" }, \
         { param = \"card\", exists = true }] }\naction = \"block\"\n",
    );
    let daemon = files.daemon(&lab);
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    let messages: Vec<Vec<u8>> = (1..=12_u8)
        .map(|n| {
            format!("{{\"n\":{n},\"text\":\"{}\"}}", "some words ".repeat(7000 * usize::from(n))).into_bytes()
        })
        .collect();
    let sent = messages.clone();
    let sender = std::thread::spawn(move || {
        for (n, message) in sent.iter().enumerate() {
            let (first, rest) = message.split_at(message.len() / (n + 1));
            app.write(&encode(false, TEXT, None, first));
            app.write(&encode(true, PING, None, b"between"));
            app.write(&encode(true, CONTINUATION, None, rest));
        }
        app
    });
    for message in &messages {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let first = client.frame().expect("the first fragment");
        assert_eq!(client.frame().expect("the ping").payload, b"between", "in its place");
        let rest = client.frame().expect("the other fragment");
        assert!(
            [first.payload, rest.payload].concat() == *message,
            "another message of {} bytes",
            message.len()
        );
    }
    drop(sender.join().expect("the app has sent it all"));
    assert_eq!(client.end(), End::Eof);
    let address = client.address();
    drop(client);
    let closed = daemon.wait_address("connection_closed", "client", address);
    assert_eq!((&closed["reason"], &closed["messages_to_client"]), (&json!("app-closed"), &json!(12)));
}

#[test]
fn rules_about_the_application_reach_open_connections_and_leave_when_they_are_gone() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let files = Files::new("");
    let daemon = files.daemon(&lab);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    let rule = "[[rule]]\nid = \"card\"\nwhen = { all = [{ field = \"direction\", equals = \"to_client\" }, \
                { param = \"card\", exists = true }] }\naction = \"block\"\n";
    for (text, reloads) in [(rule, 1), ("", 2), (rule, 3)] {
        client.echo("{}");
        if text == rule {
            client.echo(r#"{"card":1}"#);
        }
        files.write("rules.toml", text);
        daemon.signal(Signal::SIGHUP);
        daemon.wait_events("rules_reloaded", reloads, |_| true);
    }
    client.echo("{}");
    client.send_text(r#"{"card":1}"#);
    assert_eq!(client.wait_close().map(|frame| u16::from(frame.code)), Some(1008));
    assert_eq!(daemon.wait_closed(client.address), "rule");
}

#[test]
fn detectors_look_at_what_the_application_says_only_if_they_are_told_to() {
    const XSS: &str = r#"{"html":"<script>alert(document.cookie)</script>"}"#;
    let lab = Lab::new();
    let app = App::tungstenite_on(&lab, &[lab::any(PORT), lab::any(9000)]);
    let files = Files::new(
        "[[rule]]\nid = \"clients\"\nwhen = { field = \"direction\", equals = \"to_server\" }\naction = \"allow\"\n",
    );
    let config =
        format!("ports = [8080]\nrules = [{:?}]\n[[port]]\nport = 9000\ndetect = \"both\"\n", files.rules());
    let daemon = Daemon::with_config(&lab, &config, &[]);
    WsClient::connect(&lab.client, lab::v4(PORT)).echo(XSS);
    let mut client = WsClient::connect(&lab.client, lab::v4(9000));
    client.echo("hello");
    client.send_text(XSS);
    app.wait_message(client.address, XSS.as_bytes());
    client.wait_blocked();
    assert_eq!(daemon.wait_closed(client.address), "attack-xss");
    let event = daemon.wait_message_event("message_blocked", client.address);
    assert_eq!((&event["direction"], &event["message"]), (&json!("to_client"), &json!(2)));
}

#[test]
fn in_mode_log_rules_say_what_they_would_do() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let files =
        Files::new("[[rule]]\nid = \"r\"\nwhen = { param = \"a\", exists = true }\naction = \"block\"\n");
    let daemon = Daemon::start(&lab, &["--port", "8080", "--mode", "log", "--rules", &files.rules()]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo(r#"{"a":1}"#);
    let event = daemon.wait_address("rule_matched", "client", client.address);
    assert_eq!((&event["action"], &event["done"]), (&json!("block"), &json!(false)));
    client.close();
}

#[test]
fn reloading_under_load_drops_nothing_and_reaches_open_connections() {
    const CONNECTIONS: usize = 32;
    let reloads = env::volume("reloads", 1000, 50);
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let rule = |n: usize| {
        format!(
            "[[rule]]\nid = \"r{n}\"\nwhen = {{ param = \"n\", equals = {n} }}\naction = \"tag\"\ntag = \"T\"\n\
             [[rule]]\nid = \"x{n}\"\nwhen = {{ param = \"text\", contains = \"never said {n}\" }}\naction = \"block\"\n"
        )
    };
    let files = Files::new(&rule(0));
    let daemon = files.daemon(&lab);
    let over = AtomicBool::new(false);
    let echoed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (lab, over, echoed) = (&lab, &over, &echoed);
            scope.spawn(move || {
                let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
                for message in 0.. {
                    client.echo(&framewall_tests::payload::chat(connection, message));
                    echoed.fetch_add(1, Ordering::Relaxed);
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                client.close();
            });
        }
        // Whatever goes wrong below, the others must end.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut probe = WsClient::connect(&lab.client, lab::v4(PORT));
            let (mut good, mut failed, mut now) = (0, 0, 0);
            for n in 1..=reloads {
                let event = if n % 10 == 0 {
                    files.write("rules.toml", &format!("{}[[rule]]\nid = \"r{n}\"\n", rule(n)));
                    failed += 1;
                    ("rules_reload_failed", failed)
                } else {
                    files.write("rules.toml", &rule(n));
                    (good, now) = (good + 1, n);
                    ("rules_reloaded", good)
                };
                daemon.signal(Signal::SIGHUP);
                daemon.wait_events(event.0, event.1, |_| true);
                probe.echo(&json!({"n": now, "probe": n}).to_string());
            }
            let matched = daemon.wait_events("rule_matched", reloads, |_| true);
            let rules: HashSet<_> = matched.iter().map(|event| event["rule"].to_string()).collect();
            assert_eq!(rules.len(), good, "each good file was in force on the open connection");
            probe.close();
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
    println!("{} messages echoed", echoed.load(Ordering::Relaxed));
    let failed = daemon.events_of("rules_reload_failed");
    assert!(failed[0]["errors"][0].as_str().is_some_and(|error| error.contains("rules.toml:")), "{failed:?}");
    let closed = daemon.wait_events("connection_closed", CONNECTIONS + 1, |_| true);
    for event in closed {
        let reason = event["reason"].as_str().expect("a reason");
        assert!(["client-closed", "app-closed"].contains(&reason), "{event}");
    }
}

#[test]
fn a_configuration_may_name_its_rules_and_a_mistake_in_them_stops_the_start() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let files = Files::new(
        "[[rule]]\nid = \"r\"\nwhen = { param = \"a\", in_list = \"w\" }\naction = \"block\"\n[lists.w]\ntype = \"string\"\nfile = \"words.txt\"\n",
    );
    files.write("framewall.toml", "ports = [8080]\nrules = [\"rules.toml\"]\n");
    let config = files.path("framewall.toml");
    let daemon = Daemon::start(&lab, &["--config", config.to_str().expect("ASCII")]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo(r#"{"a":"food"}"#);
    client.send_text(r#"{"a":"foo"}"#);
    client.wait_blocked();
    drop(daemon);
    files.write("rules.toml", "[[rule]]\nid = \"r\"\naction = \"blok\"\n[[rule]]\nid = \"r\"\nwhen = {}\n");
    let done = framewall(&["run", "--config", config.to_str().expect("ASCII")]);
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stderr);
    for word in ["rules.toml:3:10", "blok", "^^^^", "rules.toml:5"] {
        assert!(said.contains(word), "{word} is missing in\n{said}");
    }
}

#[test]
fn check_tells_mistakes_and_warnings_of_configurations_and_rules() {
    let files =
        Files::new("[[rule]]\nid = \"a\"\naction = \"block\"\n[[rule]]\nid = \"b\"\naction = \"log\"\n");
    files.write("good.toml", "ports = [8080]\nrules = [\"rules.toml\"]\n");
    files.write("bad.toml", "ports = [70000]\n");
    files.write(
        "wrong.toml",
        "[[rule]]\nid = \"x\"\nwhen = { field = \"pth\", equals = \"/\" }\naction = \"block\"\n",
    );
    let check = |names: &[&str]| {
        let paths: Vec<_> =
            names.iter().map(|name| files.path(name).to_str().expect("ASCII").to_owned()).collect();
        let arguments: Vec<_> = ["check"].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let done = framewall(&arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let (code, said, errors) = check(&["rules.toml"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(
        said.contains("warning: ") && said.contains("rules.toml:4") && said.contains("2 in force, 1 warning"),
        "{said}"
    );
    assert_eq!(check(&["good.toml"]).0, Some(0));
    let (code, _, errors) = check(&["bad.toml", "wrong.toml", "rules.toml"]);
    assert_eq!(code, Some(1));
    for word in ["bad.toml:1:10", "70000", "wrong.toml:3:18", "pth", "did you mean `path`?", "^^^"] {
        assert!(errors.contains(word), "{word} is missing in\n{errors}");
    }
    assert_eq!(check(&["nothing.toml"]).0, Some(1));
    assert_eq!(framewall(&["check"]).status.code(), Some(2));
}

#[test]
fn scan_shows_the_whole_way_of_a_message() {
    let files = Files::new(
        "[[rule]]\nid = \"no-delete\"\nwhen = { all = [ { param = \"action\", equals = \"delete\" }, { field = \"bytes\", lt = 50 } ] }\n\
         action = \"block\"\nreason = \"no\"\n[[exclude]]\nid = \"console\"\nsignals = [\"SQLI\"]\nparams = [\"query\"]\n\
         [[rule]]\nid = \"t\"\nwhen = { param = \"pay\", exists = true }\naction = \"tag\"\ntag = \"PAY\"\n",
    );
    let input = "{\"action\":\"delete\"}\n{\"query\":\"' OR '1'='1\",\"pay\":12}\n{\"name\":\"%27%20OR%20%271%27=%271\"}\nhello\n";
    files.write("messages", input);
    let messages = files.path("messages");
    let messages = messages.to_str().expect("ASCII");
    let done = framewall(&["scan", "--rules", &files.rules(), messages]);
    assert_eq!(
        String::from_utf8_lossy(&done.stdout),
        "1\tblock\t-\n2\tallow\tPAY\n3\tblock\tSQLI\n4\tallow\t-\n"
    );
    let done = framewall(&["scan", "--rules", &files.rules(), "--explain", messages]);
    let said = String::from_utf8_lossy(&done.stdout);
    for words in [
        "1\tblock\t-\n    $.action = delete\n",
        "rule no-delete matches\n      + all\n        + param \"action\" equals \"delete\"\n",
        "verdict: blocked by rule no-delete, close code 1008 \"no\"",
        "SQLI is excluded by console",
        "$.pay = 12",
        "verdict: blocked by the policy for SQLI",
        "rule no-delete does not match",
        "4\tallow\t-\n    $ = hello\n",
        "verdict: it passes",
    ] {
        assert!(said.contains(words), "{words:?} is missing in\n{said}");
    }
}

fn framewall(arguments: &[&str]) -> Output {
    std::process::Command::new(env::daemon_binary())
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the daemon runs")
}
