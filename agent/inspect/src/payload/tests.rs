//! Whole messages as real clients write them, and what hostile ones can do.

use super::*;

/// What a visitor has seen: `place = value` for each leaf, and the anomalies.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) leaves: Vec<String>,
    pub(super) anomalies: Vec<Anomaly>,
    pub(super) kinds: Vec<(Kind, String, bool)>,
}

impl Visitor for Seen {
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        assert_eq!(leaf.bytes, ByteSet::of(leaf.value));
        self.leaves.push(format!("{} = {}", leaf.place.location(), String::from_utf8_lossy(leaf.value)));
        self.kinds.push((leaf.kind, String::from_utf8_lossy(leaf.name).into_owned(), leaf.nested));
        ControlFlow::Continue(())
    }

    fn anomaly(&mut self, anomaly: Anomaly, _: &[u8], _: Place<'_>) {
        self.anomalies.push(anomaly);
    }
}

/// Walks through a message, text if it can be.
pub(super) fn walk_message(payload: &[u8], subprotocol: Subprotocol, max_depth: usize) -> Seen {
    let is_text = std::str::from_utf8(payload).is_ok();
    see(Message { payload, is_text, whole: true, subprotocol, max_depth })
}

fn see(message: Message<'_>) -> Seen {
    let mut seen = Seen::default();
    leaves(message, &mut Scratch::default(), &mut seen);
    seen
}

/// The leaves of a text message in which nothing is unusual.
pub(super) fn regular(text: &str) -> Vec<String> {
    let seen = walk_message(text.as_bytes(), Subprotocol::Unknown, 64);
    assert_eq!(seen.anomalies, [], "{text}");
    seen.leaves
}

/// The leaves of a text message with one anomaly.
pub(super) fn odd(text: &str, anomaly: Anomaly) -> Vec<String> {
    let seen = walk_message(text.as_bytes(), Subprotocol::Unknown, 64);
    assert_eq!(seen.anomalies, [anomaly], "{text}");
    seen.leaves
}

/// What is seen of a binary message.
pub(super) fn binary(payload: &[u8], subprotocol: Subprotocol) -> Seen {
    see(Message { payload, is_text: false, whole: true, subprotocol, max_depth: 64 })
}

/// The leaves of a binary message of which nobody has said what it is, and in which nothing is unusual.
pub(super) fn sniffed(payload: &[u8]) -> Vec<String> {
    let seen = binary(payload, Subprotocol::Unknown);
    assert_eq!(seen.anomalies, []);
    seen.leaves
}

/// The leaves of what a string holds.
fn held(value: &str) -> Vec<String> {
    let mut seen = Seen::default();
    let bytes = ByteSet::of(value.as_bytes());
    if let Some(format) = nested(value.as_bytes(), bytes) {
        let place = Place::part_of(&Place::ROOT, b"text");
        let _ = nested_leaves(format, value.as_bytes(), place, 64, &mut Scratch::default(), &mut seen);
    }
    assert!(seen.kinds.iter().all(|(_, _, nested)| *nested));
    seen.leaves
}

#[test]
fn packets_of_engine_io_and_socket_io() {
    assert_eq!(regular(r#"42["chat",{"text":"hi"}]"#), ["$[0] = chat", "$[1].text = text", "$[1].text = hi"]);
    assert_eq!(
        regular(r#"42/admin?x=1,17["find","x"]"#),
        ["$.namespace = /admin?x=1", "$[0] = find", "$[1] = x"]
    );
    assert_eq!(
        regular(r#"451-["up",{"_placeholder":true,"num":0}]"#),
        ["$[0] = up", "$[1]._placeholder = _placeholder", "$[1].num = num"]
    );
    assert_eq!(regular(r#"0{"sid":"x"}"#), ["$.sid = sid", "$.sid = x"]);
    assert_eq!(regular(r#"40{"token":"x"}"#), ["$.token = token", "$.token = x"]);
    assert_eq!(regular(r#"43/n,1["ok"]"#), ["$.namespace = /n", "$[0] = ok"]);
    assert_eq!(regular("2probe"), ["$ = 2probe"]);
    assert_eq!(regular("2\u{1e}42[\"a\"]\u{1e}4hello"), ["$ = 2", "$[0] = a", "$ = 4hello"]);
    assert_eq!(regular("2:4012:42[\"a\",\"😀\"]6:4hello"), ["$ = 40", "$[0] = a", "$[1] = 😀", "$ = 4hello"]);
    for plain in ["12:30 it is", "42", "4/5, [see", "7 [what]", "1,2"] {
        assert_eq!(regular(plain), [format!("$ = {plain}")]);
    }
}

#[test]
fn messages_of_sockjs() {
    assert_eq!(regular(r#"["{\"text\":\"a\\\"b\"}"]"#), ["$[0].text = text", "$[0].text = a\"b"]);
    assert_eq!(regular(r#"a["x","y"]"#), ["$[0] = x", "$[1] = y"]);
    assert_eq!(regular(r#"c[3000,"Go away!"]"#), ["$[1] = Go away!"]);
    assert_eq!(
        regular(r#"["SEND\ndestination:/a\n\n{\"text\":\"x\"}\u0000"]"#),
        [
            "$[0].headers.destination = destination",
            "$[0].headers.destination = /a",
            "$[0].body.text = text",
            "$[0].body.text = x",
        ]
    );
    // Not the first string: just a string.
    assert_eq!(regular(r#"["msg","{}"]"#), ["$[0] = msg", "$[1] = {}"]);
}

#[test]
fn messages_of_signalr() {
    assert_eq!(
        regular("{\"protocol\":\"json\"}\u{1e}{\"target\":\"Send\",\"arguments\":[\"x\"]}\u{1e}"),
        [
            "$.protocol = protocol",
            "$.protocol = json",
            "$.target = target",
            "$.target = Send",
            "$.arguments = arguments",
            "$.arguments[0] = x",
        ]
    );
}

#[test]
fn strings_may_hold_another_structure() {
    assert_eq!(held(r#"{"$gt":""}"#), [r#"$.text -> $["$gt"] = $gt"#, r#"$.text -> $["$gt"] = "#]);
    assert_eq!(held(" [1,\"x\"]"), ["$.text -> $[1] = x"]);
    assert_eq!(
        held("a=%27&b=x+y"),
        ["$.text -> $.a = a", "$.text -> $.a = '", "$.text -> $.b = b", "$.text -> $.b = x y"]
    );
    assert_eq!(held("<a>&lt;</a>"), ["$.text -> $.a = a", "$.text -> $.a = <"]);
    for plain in ["hello", "a = b", "[see", "{{name}}", "1 < 2", "<3", "dGVzdA==", "=x", "a&b"] {
        assert_eq!(held(plain), [""; 0], "{plain}");
    }
}

#[test]
fn forms() {
    assert_eq!(
        regular("user=ann&q=%3Cb%3E+x&x%5B%24gt%5D="),
        [
            "$.user = user",
            "$.user = ann",
            "$.q = q",
            "$.q = <b> x",
            r#"$["x%5B%24gt%5D"] = x[$gt]"#,
            r#"$["x%5B%24gt%5D"] = "#,
        ]
    );
    assert_eq!(regular("id=1' or 1"), ["$ = id=1' or 1", "$.id = id", "$.id = 1' or 1"]);
    assert_eq!(
        regular("100%25=a%zz&b=1"),
        [r#"$["100%25"] = 100%"#, r#"$["100%25"] = a%zz"#, "$.b = b", "$.b = 1"]
    );
    for plain in ["a=b & c=d", "E = mc", "dGVzdA==", "x&&y", "&a=1", "https://example.org/?a=1&b=2"] {
        assert_eq!(regular(plain), [format!("$ = {plain}")]);
    }
}

#[test]
fn stomp_frames() {
    assert_eq!(
        regular("SEND\ndestination:/app/a\\cb\r\ncontent-type:text/plain\n\nit's me\0\n"),
        [
            "$.headers.destination = destination",
            "$.headers.destination = /app/a:b",
            "$.headers.content-type = content-type",
            "$.headers.content-type = text/plain",
            "$.body = it's me",
        ]
    );
    assert_eq!(regular("SEND\ncontent-length:3\n\na\0b\0").last().unwrap(), "$.body = a\0b");
    assert_eq!(
        regular("ACK\nid:1\n\n\0\nSEND\n\n{\"a\":\"b\"}\0"),
        ["$.headers.id = id", "$.headers.id = 1", "$.body.a = a", "$.body.a = b"]
    );
    assert_eq!(odd("SEND\ndestination:/a\n\nno end", Anomaly::Malformed).last().unwrap(), "$.body = no end");
    assert_eq!(odd("SEND\nid:1\n\na\0junk", Anomaly::Malformed).last().unwrap(), "$ = junk");
    assert_eq!(odd("SEND\ncontent-length:9\n\na\0", Anomaly::Malformed).last().unwrap(), "$.body = a");
    for plain in ["SEND\nmoney", "SENDING\na:b\n\n\0", "ERROR"] {
        assert_eq!(regular(plain), [format!("$ = {plain}")]);
    }
    assert_eq!(walk_message(b"hello", Subprotocol::Stomp, 64).anomalies, [Anomaly::Malformed]);
    assert_eq!(walk_message(b"\n", Subprotocol::Stomp, 64).anomalies, []);
    assert_eq!(binary(b"SEND\na:b\n\n\xff hello\0", Subprotocol::Unknown).leaves[2], "$.body@1 =  hello");
}

#[test]
fn xml_of_soap_and_xmpp() {
    let soap = "<?xml version=\"1.0\"?><soap:Envelope xmlns:soap=\"urn:x\"><soap:Body id='7'>a &lt;b&#x3e;<![CDATA[<c>]]><!-- d -->e</soap:Body></soap:Envelope>";
    assert_eq!(
        regular(soap),
        [
            "$.soap:Envelope = soap:Envelope",
            "$.soap:Envelope.@xmlns:soap = xmlns:soap",
            "$.soap:Envelope.@xmlns:soap = urn:x",
            "$.soap:Envelope.soap:Body = soap:Body",
            "$.soap:Envelope.soap:Body.@id = id",
            "$.soap:Envelope.soap:Body.@id = 7",
            "$.soap:Envelope.soap:Body = d",
            "$.soap:Envelope.soap:Body = a <b><c>e",
            "$ = <?xml version=\"1.0\"?><soap:Envelope xmlns:soap=\"urn:x\"><soap:Body id='7'><!-- d --></soap:Body></soap:Envelope>",
        ]
    );
    assert!(regular("<open xmlns='x' to='y'/>").contains(&"$.open.@to = y".to_owned()));
    for as_it_stands in [
        "<script>alert(1)</script>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'c'>]><a>&b;</a>",
        // HTML is no malformed XML.
        "<b>bold<br></b>",
        "<img src=x>",
        "<3 you",
        "<a",
        "<!-- x",
        "<p>x</p> y",
    ] {
        assert_eq!(regular(as_it_stands).last().unwrap(), &format!("$ = {as_it_stands}"));
    }
    let broken = "<message xmlns='jabber:client'><body>hi</message>";
    let leaves = odd(broken, Anomaly::Xml);
    assert!(leaves.contains(&"$.message.body = hi".to_owned()) && leaves.contains(&format!("$ = {broken}")));
    assert_eq!(walk_message(b"hello", Subprotocol::Xml, 64).anomalies, [Anomaly::Malformed]);
}

#[test]
fn mqtt_packets() {
    let connect = b"\x10\x1d\0\x04MQTT\x04\xc6\0\x3c\0\x01c\0\x01t\0\x01w\0\x01u\0\x02pw";
    let connect = [&connect[..1], &[connect.len() as u8 - 2], &connect[2..]].concat();
    for subprotocol in [Subprotocol::Mqtt, Subprotocol::Unknown] {
        let seen = binary(&connect, subprotocol);
        assert_eq!(
            seen.leaves[..5],
            ["$.client_id = c", "$.will_topic = t", "$.will = w", "$.username = u", "$.password = pw"]
        );
        assert_eq!(seen.anomalies, []);
    }
    let publish = b"\x32\x12\0\x04chat\0\x07{\"a\":\"b'\"}";
    assert_eq!(sniffed(publish), ["$.topic = chat", "$.payload.a = a", "$.payload.a = b'"]);
    // Version 5: no properties, and a user property.
    assert_eq!(sniffed(b"\x30\x08\0\x04chat\0x"), ["$.topic = chat", "$.payload = x"]);
    let user = b"\x30\x0f\0\x01t\x07\x26\0\x01k\0\x01vhello";
    let user = [&user[..1], &[user.len() as u8 - 2], &user[2..]].concat();
    assert_eq!(
        sniffed(&user)[..4],
        ["$.topic = t", "$.properties = k", "$.properties = v", "$.payload = hello"]
    );
    assert_eq!(sniffed(b"\x82\x08\0\x01\0\x03a/#\0"), ["$.topic = a/#"]);
    assert_eq!(sniffed(b"\x82\x09\0\x01\0\0\x03a/#\0"), ["$.topic = a/#"]);
    let seen = binary(b"\x30\x7f\0\x04chat hello you", Subprotocol::Mqtt);
    assert_eq!(seen.anomalies, [Anomaly::Malformed]);
    assert_eq!(seen.leaves, ["$@4 = chat hello you"]);
    assert_eq!(binary(b"\xc0\0", Subprotocol::Mqtt).anomalies, []);
}

#[test]
fn messagepack() {
    assert_eq!(
        sniffed(b"\x82\xa1t\xa3msg\xa1d\x92\xd9\x02it\x81\x07\xc4\x03it'"),
        ["$.t = t", "$.t = msg", "$.d = d", "$.d[0] = it", "$.d[1].7 = it'"]
    );
    // SignalR: with its length before it.
    assert_eq!(sniffed(b"\x06\x93\x01\x80\xa2hi"), ["$[2] = hi"]);
    assert_eq!(sniffed(b"\x81\xa4text\xb0' OR '1'='1' -- ").last().unwrap(), "$.text = ' OR '1'='1' -- ");
    let deep = [b"\x91".repeat(70), b"\xa1'".to_vec()].concat();
    assert_eq!(binary(&deep, Subprotocol::MessagePack).anomalies, [Anomaly::Uninspected]);
    let cut = b"\x81\xa4text\xafhello";
    assert_eq!(binary(cut, Subprotocol::Unknown).leaves, ["$@1 = \u{fffd}text"; 0]);
    assert_eq!(binary(cut, Subprotocol::MessagePack).anomalies, [Anomaly::Malformed]);
    assert_eq!(
        binary(b"\xc4\x0d{\"a\":\"hello\"}", Subprotocol::MessagePack).leaves,
        ["$.a = a", "$.a = hello"]
    );
}

#[test]
fn cbor() {
    assert_eq!(
        sniffed(b"\xa2atcmsgad\x82bit\xa1\x07Cit'"),
        ["$.t = t", "$.t = msg", "$.d = d", "$.d[0] = it", "$.d[1].7 = it'"]
    );
    assert_eq!(sniffed(b"\xbfaq\x7fc<scdriptcxyz\xff\xff"), ["$.q = q", "$.q = <scriptxyz"]);
    assert_eq!(binary(b"\xa1ax\x64ab", Subprotocol::Cbor).anomalies, [Anomaly::Malformed]);
}

#[test]
fn protobuf() {
    assert_eq!(sniffed(b"\x08\x07\x12\x05it's\x20"), ["$.2 = it's "]);
    assert_eq!(sniffed(b"\x1a\x0a\x08\x01\x12\x06hello!"), ["$.3.2 = hello!"]);
    assert_eq!(sniffed(b"\x00\0\0\0\x09\x08\x07\x12\x05it's!").last().unwrap(), "$.2 = it's!");
}

#[test]
fn text_in_binary() {
    assert_eq!(sniffed(b"{\"a\":\"b\"}"), ["$.a = a", "$.a = b"]);
    assert_eq!(sniffed("grüß dich".as_bytes()), ["$ = grüß dich"]);
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    assert_eq!(sniffed(&wide("{\"a\":\"ü\"}")), ["$.a = a", "$.a = ü"]);
    assert_eq!(sniffed(&wide("\u{feff}日本")), ["$ = 日本"]);
    let wider: Vec<u8> = "<b>x</b>".chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect();
    assert_eq!(sniffed(&wider)[1], "$.b = x");
    assert_eq!(sniffed(b"\xff\x01hello you\xfe\x02"), ["$@2 = hello you"]);
    let gzip = binary(b"\x1f\x8b\x08\0\0\0\0\0\0\xff", Subprotocol::Unknown);
    assert_eq!((gzip.anomalies, gzip.leaves), (vec![Anomaly::Compressed], Vec::new()));
}

#[test]
fn a_sub_protocol_says_what_is_malformed() {
    assert_eq!(walk_message(b"hello", Subprotocol::Json, 64).anomalies, [Anomaly::Malformed]);
    assert_eq!(walk_message(b"{\"a\":1}", Subprotocol::Json, 64).anomalies, []);
    assert_eq!(binary(b"{\"a\":1}", Subprotocol::Json).anomalies, []);
    assert_eq!(walk_message(b"hello", Subprotocol::Mqtt, 64).anomalies, [Anomaly::Malformed]);
}

#[test]
fn the_beginning_of_a_message_is_not_malformed() {
    for text in ["{\"a\":\"b", "SEND\na:b\n\nbody", "<?xml version=\"1.0\"?><a>b"] {
        let seen = see(Message {
            payload: text.as_bytes(),
            is_text: true,
            whole: false,
            subprotocol: Subprotocol::Unknown,
            max_depth: 64,
        });
        assert_eq!(seen.anomalies, [], "{text}");
        assert!(seen.leaves.last().unwrap().contains('b'), "{text}");
    }
    let payload = b"\x30\x7f\0\x04chat hello you";
    let seen =
        see(Message { payload, is_text: false, whole: false, subprotocol: Subprotocol::Mqtt, max_depth: 64 });
    assert_eq!((seen.anomalies, seen.leaves), (Vec::new(), vec!["$@4 = chat hello you".to_owned()]));
}

#[test]
fn strings_in_graphql_documents() {
    let seen = regular(
        r#"{"payload":{"query":"query { # \"no\"\n user(name: \"a\\u0027b\", note: \"\"\"it's\"\"\") { id } }"}}"#,
    );
    assert_eq!(
        seen[2..],
        [
            "$.payload.query.name = a'b",
            "$.payload.query.note = it's",
            "$.payload.query = query { # \"no\"\n user(name: \"\", note: \"\") { id } }",
        ]
    );
    // Not a document.
    for text in ["{a(b:\"x", "{\"a\"}", "query\" or \"a\"=\"a", "{a}}", "{ \"a\" or \"b\" }"] {
        let message = format!("{{\"query\":\"{}\"}}", text.replace('"', "\\\""));
        assert_eq!(regular(&message)[1..], [format!("$.query = {text}")]);
    }
    assert_eq!(regular(r#"{"text":"{a(b:\"x\")}"}"#).len(), 2);
}

/// A small generator, so that the same messages come every time.
fn noise(seed: u32) -> impl FnMut() -> u32 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    }
}

const SAMPLES: [&[u8]; 14] = [
    br#"42/admin,7["find",{"a":["x'","y\u0027\ud83d"],"query":"{a(b:\"c\")}"}]"#,
    b"2:4012:42[\"a\",\"\xf0\x9f\x98\x80\"]6:4hello",
    br#"["SEND\ndestination:/a\n\n{\"text\":\"x\"}\u0000"]"#,
    b"SEND\ncontent-length:3\na:\\c\n\na\0b\0\n",
    b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a b='&lt;'>&#x27;<![CDATA[x]]><!-- y --></a>",
    b"user=ann&q=%3Cb%3E+x&x%5B%24gt%5D=",
    b"\x10\x17\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x01u\0\x06secret",
    b"\x32\x12\0\x04chat\0\x07{\"a\":\"b'\"}",
    b"\x82\xa1t\xa3msg\xa1d\x92\xd9\x02it\x81\x07\xc4\x03it'",
    b"\xbfaq\x7fc<scdriptcxyz\xff\xff",
    b"\x1a\x0a\x08\x01\x12\x06hello!",
    b"{\0\"\0a\0\"\0:\0\"\0b\0\"\0}\0",
    b"\xff\xd8\xff\xe0 hello you \0\0 there are words",
    b"{\"a\":1}\x1e{\"b\":[[{\"c\":\"d\"}]]}\x1e",
];

const SUBPROTOCOLS: [Subprotocol; 7] = [
    Subprotocol::Unknown,
    Subprotocol::Json,
    Subprotocol::Mqtt,
    Subprotocol::Stomp,
    Subprotocol::Xml,
    Subprotocol::MessagePack,
    Subprotocol::Cbor,
];

fn survives(payload: &[u8]) {
    for subprotocol in SUBPROTOCOLS {
        walk_message(payload, subprotocol, 64);
        binary(payload, subprotocol);
    }
    if let Ok(text) = std::str::from_utf8(payload) {
        held(text);
    }
}

#[test]
fn every_prefix_and_many_mutations_are_walked_through() {
    let mut noise = noise(7);
    for sample in SAMPLES {
        for end in 0..=sample.len() {
            survives(&sample[..end]);
        }
        for _ in 0..300 {
            let mut mutant = sample.to_vec();
            for _ in 0..noise() % 4 + 1 {
                let at = noise() as usize % mutant.len();
                match noise() % 3 {
                    0 => mutant[at] = noise() as u8,
                    1 => mutant[at] ^= 1 << (noise() % 8),
                    _ => mutant.insert(at, noise() as u8),
                }
            }
            survives(&mutant);
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_walked_through(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        survives(&payload);
    }

    #[test]
    fn any_string_arrives_in_every_envelope(value in "[ -~\u{a0}-\u{2fff}]{1,80}") {
        let json = value.replace('\\', "\\\\").replace('"', "\\\"");
        let xml = value.replace('&', "&amp;").replace('<', "&lt;");
        let form: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let long = |head: &[u8]| [head, &(value.len() as u16).to_be_bytes(), value.as_bytes()].concat();
        let text = [
            format!("{{\"a\":\"{json}\"}}"),
            format!("42[\"x\",\"{json}\"]"),
            format!("SEND\na:b\n\n{{\"a\":\"{json}\"}}\0"),
            format!("<m><b>.{xml}.</b></m>"),
            format!("a=1&b={form}"),
        ];
        let binaries = [long(b"\x81\xa1a\xda"), long(b"\xa1aay")];
        let ends = |leaves: &[String]| {
            leaves.iter().any(|leaf| leaf.ends_with(&format!(" = {value}")) || leaf.ends_with(&format!(" = .{value}.")))
        };
        for message in text {
            let seen = walk_message(message.as_bytes(), Subprotocol::Unknown, 64);
            proptest::prop_assert!(ends(&seen.leaves), "{message}");
        }
        for message in binaries {
            proptest::prop_assert!(ends(&binary(&message, Subprotocol::Unknown).leaves), "{message:?}");
        }
    }
}

#[test]
fn hostile_messages_take_linear_time() {
    const LEN: usize = 1 << 17;
    struct Count(usize);
    impl Visitor for Count {
        fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
            self.0 += leaf.value.len();
            ControlFlow::Continue(())
        }

        fn anomaly(&mut self, _: Anomaly, _: &[u8], _: Place<'_>) {}
    }
    let mut worst = (std::time::Duration::ZERO, String::new());
    let units = [
        "[",
        "{\"a\":",
        "[\"",
        "\"",
        "\\",
        "[[\"'\",",
        "{",
        "<a>",
        "<a ",
        "<!--",
        "<![CDATA[",
        "&",
        "&lt;",
        "a=1&",
        "1:4",
        "2:40",
        "4\u{1e}",
        "1:4\u{1e}",
        "4/\u{1e}",
        "SEND\n\n\0",
        "SEND\na:b\n",
        "\n",
        "\0",
        "0\0",
        "\u{1}\u{1}",
        "\n\u{2}\n\0",
        "#",
        "a",
        " ",
        "\u{81}",
        "%",
        "[\"SEND\\n\\n",
        "<a b='",
    ];
    for start in ["", "[", "42[\"a\",\"", "{\"query\":\"{", "<a>", "SEND\n\n", "4<a>", "\u{81}"] {
        for unit in units {
            let text = format!("{start}{}", unit.repeat(LEN / unit.len()));
            for is_text in [true, false] {
                let payload = text.as_bytes();
                let message = Message {
                    payload,
                    is_text,
                    whole: true,
                    subprotocol: Subprotocol::Unknown,
                    max_depth: 64,
                };
                let started = std::time::Instant::now();
                let mut count = Count(0);
                leaves(message, &mut Scratch::default(), &mut count);
                assert!(count.0 < 8 * text.len(), "{start:?} {unit:?}: {} bytes shown", count.0);
                worst = worst.max((started.elapsed(), format!("{start:?} {unit:?} {is_text}")));
            }
        }
    }
    assert!(worst.0.as_secs() < 2, "{worst:?}");
}
