//! An offending message never reaches the app, and both sides learn of it in the way of their protocol.

use std::net::TcpListener;
use std::time::Instant;

use framewall_tests::app::{address_of, python_client};
use framewall_tests::attacks::{Attack, TEXTBOOK, in_json};
use framewall_tests::wire::{
    BINARY, CLOSE, CONTINUATION, End, MASK, PING, TEXT, Wire, client_text, encode, reset_on_close,
};
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, lab, payload};
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::Data;

const PORT: u16 = 8080;
const SQLI: &str = r#"{"user":{"name":"' OR '1'='1"}}"#;

#[test]
fn textbook_attacks_never_reach_node() {
    textbook_attacks_never_reach(Kind::Node);
}

#[test]
fn textbook_attacks_never_reach_python() {
    textbook_attacks_never_reach(Kind::Python);
}

#[test]
fn textbook_attacks_never_reach_tungstenite() {
    textbook_attacks_never_reach(Kind::Tungstenite);
}

#[test]
fn textbook_attacks_never_reach_go() {
    textbook_attacks_never_reach(Kind::Go);
}

#[test]
fn textbook_attacks_never_reach_tomcat() {
    textbook_attacks_never_reach(Kind::Tomcat);
}

#[test]
fn textbook_attacks_never_reach_an_app_behind_nginx() {
    textbook_attacks_never_reach(Kind::Nginx);
}

#[test]
fn harmless_messages_that_look_alike_pass() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    for text in [
        r#"{"user":{"name":"O'Brien"}}"#,
        r#"{"body":"it's five o'clock, select a table or drop me a line"}"#,
        r#"{"body":"version 2.10 <-> 2.11 makes no difference"}"#,
        r#"{"body":"I <3 scripts -- really"}"#,
        r#"{"where":"union square","or":"1","note":"20% (of 50)"}"#,
        "Robert's table; order by phone",
        "a = b and c = d",
    ] {
        client.echo(text);
    }
    client.close();
    assert_eq!(daemon.events_of("message_blocked"), Vec::<serde_json::Value>::new());
}

#[test]
fn both_sides_get_a_close_frame_and_a_fin() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    client.write(&client_text("harmless"));
    assert_eq!(app.frame().expect("a message").payload, b"harmless");
    client.write(&client_text(SQLI));

    let close = client.frame().expect("a Close frame");
    assert_eq!((close.opcode, close.fin, close.masked, close.reserved), (CLOSE, true, false, 0));
    assert_eq!(close.close_code(), Some(1008));
    assert!((3..=125).contains(&close.payload.len()), "code and a short reason: {close:?}");
    let close = app.frame().expect("a Close frame");
    assert_eq!((close.opcode, close.fin, close.masked, close.reserved), (CLOSE, true, true, 0));
    assert_eq!(close.close_code(), Some(1008));

    let answer = encode(true, CLOSE, None, &1008_u16.to_be_bytes());
    app.write(&answer);
    assert_eq!(app.frame(), Err(End::Eof));
    client.write(&encode(true, CLOSE, Some(MASK), &1008_u16.to_be_bytes()));
    assert_eq!(client.frame(), Err(End::Eof));
    let address = client.address();
    drop((client, app));
    assert_eq!(daemon.wait_closed(address), "attack-sqli");
}

#[test]
fn an_attack_in_fragments_with_pings_between_leaves_no_fragment() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    let parts: Vec<&[u8]> = SQLI.as_bytes().chunks(3).collect();
    for (index, part) in parts.iter().enumerate() {
        let opcode = if index == 0 { TEXT } else { CONTINUATION };
        let last = index + 1 == parts.len();
        client.write(&encode(last, opcode, Some(MASK), part));
        if !last {
            client.write(&encode(true, PING, Some(MASK), b"between"));
        }
    }
    assert_eq!(client.next_but_pongs().expect("a Close frame").close_code(), Some(1008));
    let seen = app.frames_up_to_close();
    assert!(seen.iter().all(|frame| frame.opcode == PING), "{seen:?}");
    assert_eq!(daemon.wait_message_event("message_blocked", client.address())["location"], "$.user.name");
}

#[test]
fn a_fragmented_attack_is_blocked_with_every_app() {
    let lab = Lab::new();
    for (kind, port) in [(Kind::Node, 8080), (Kind::Python, 8090), (Kind::Nginx, 8100)] {
        let app = App::start(&lab, kind, port);
        let daemon = Daemon::start(&lab, &["--port", &port.to_string()]);
        let mut client = WsClient::connect(&lab.client, lab::v4(port));
        client.echo("harmless");
        client.send_fragments(Data::Text, &[b"{\"a\":\"<scr", b"ipt>aler", b"t(1)</script>\"}"]);
        client.wait_blocked();
        assert_eq!(app.wait_closed(client.address), Some(1008), "{kind:?}");
        assert_eq!(daemon.wait_closed(client.address), "attack-xss", "{kind:?}");
        assert_eq!(app.wait_messages(client.address, 1).len(), 1, "{kind:?}");
    }
}

#[test]
fn an_attack_sent_byte_by_byte_is_blocked() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    for byte in [client_text("harmless"), client_text(SQLI)].concat() {
        client.write(&[byte]);
    }
    assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
    let seen = app.frames_up_to_close();
    assert_eq!(seen.iter().map(|frame| frame.payload.as_slice()).collect::<Vec<_>>(), [b"harmless"]);
    daemon.wait_message_event("message_blocked", client.address());
}

#[test]
fn the_message_before_an_attack_arrives_and_the_one_after_it_does_not() {
    let (lab, listener, _daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    client.write(&[client_text("before"), client_text(SQLI), client_text("after")].concat());
    let seen = app.frames_up_to_close();
    assert_eq!(seen.iter().map(|frame| frame.payload.as_slice()).collect::<Vec<_>>(), [b"before"]);
    assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
}

#[test]
fn an_attack_in_a_binary_message_is_blocked() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let packed = [&b"\x82\xa4name\xbb"[..], b"<script>alert(1)</script>", b"\xa2id\x07"].concat();
    for (content, reason) in [(SQLI.as_bytes().to_vec(), "attack-sqli"), (packed, "attack-xss")] {
        let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
        client.send(Message::binary(payload::bytes(1, 100)));
        client.receive();
        client.send(Message::binary(content));
        client.wait_blocked();
        let event = daemon.wait_message_event("message_blocked", client.address);
        assert_eq!((&event["opcode"], &event["message"]), (&json!("binary"), &json!(2)), "{event}");
        assert_eq!(daemon.wait_closed(client.address), reason);
        assert_eq!(app.wait_messages(client.address, 1).len(), 1);
    }
}

#[test]
fn a_compressed_attack_is_blocked() {
    let lab = Lab::new();
    for (kind, port) in [(Kind::Python, PORT), (Kind::NodeDeflate, PORT + 1)] {
        let app = App::start(&lab, kind, port);
        let daemon = Daemon::start(&lab, &["--port", &port.to_string()]);
        let mut client = python_client(&lab, lab::v4(port));
        let address = address_of(&client);
        assert_eq!(app.wait_opened(address)["deflate"], true);
        // With context takeover the attack refers back to earlier messages (RFC 7692 §7.2.3.2).
        for text in ["hello", r#"{"user":{"name":"' O"}}"#, r#"{"user":{"name":"R '1"}}"#] {
            client.write_line(&json!({"text": text}).to_string());
            client.wait_event("received", |event| event["text"] == text);
        }
        client.write_line(&json!({"text": SQLI}).to_string());
        let closed = client.wait_event("closed", |_| true);
        assert_eq!(closed["code"], 1008, "{closed}");
        assert_eq!(app.wait_closed(address), Some(1008), "{kind:?}");
        let event = daemon.wait_message_event("message_blocked", address);
        assert_eq!(event["location"], "$.user.name");
        assert_eq!(app.wait_messages(address, 3).len(), 3, "{kind:?}");
        assert!(!app.process.has_said("' OR"), "{kind:?}");
    }
}

#[test]
fn json_escapes_do_not_hide_an_attack() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    for (text, reason) in [
        (r#"{"user":{"name":"\u0027 OR \u00271\u0027=\u00271"}}"#, "attack-sqli"),
        (r#"{"user":{"name":"\u003cscript\u003ealert(1)\u003c\/script\u003e"}}"#, "attack-xss"),
        (r#"{"user":{"name":"\u0027\u0020\u004f\u0052 1=1 --"}}"#, "attack-sqli"),
        // Keys are decoded and judged like values.
        (r#"{"\u003cscript\u003ealert(1)\u003c\/script\u003e":1}"#, "attack-xss"),
    ] {
        let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
        client.send_text(text);
        client.wait_blocked();
        assert_eq!(daemon.wait_closed(client.address), reason, "{text}");
        let event = daemon.wait_message_event("message_blocked", client.address);
        if text.contains("user") {
            assert_eq!(event["location"], "$.user.name");
        }
        assert!(app.messages(client.address).is_empty());
    }
}

#[test]
fn an_attack_at_the_end_of_a_large_message_is_blocked() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let room = payload::LARGE - r#"{"pad":"","user":{"name":"' OR '1'='1"}}"#.len();
    let padding = "harmless ".repeat(room / 9 + 1);
    let text = json!({"pad": padding[..room], "user": {"name": "' OR '1'='1"}}).to_string();
    assert_eq!(text.len(), payload::LARGE, "the largest message by default");
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.send_text(&text);
    client.wait_blocked();
    assert_eq!(daemon.wait_message_event("message_blocked", client.address)["location"], "$.user.name");
    assert_eq!(daemon.wait_closed(client.address), "attack-sqli");
    assert!(app.messages(client.address).is_empty());
}

#[test]
fn a_message_beyond_the_limit_is_refused_before_it_is_read() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    // The header alone: 1 MiB and one byte are to follow, and need not.
    let header = [&[0x82, 0xFF][..], &1_048_577_u64.to_be_bytes(), &MASK].concat();
    client.write(&header);
    assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1009));
    assert_eq!(app.frame().expect("a Close frame").close_code(), Some(1009));
    let address = client.address();
    drop((client, app));
    assert_eq!(daemon.wait_closed(address), "message-too-big");
}

#[test]
fn the_close_frame_waits_for_the_end_of_a_frame_the_server_is_sending() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    let large = payload::bytes(2, 4 << 20);
    let bytes = encode(true, BINARY, None, &large);
    let (first, rest) = bytes.split_at(bytes.len() / 2 + 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            app.write(first);
            daemon.wait_event("message_blocked", |_| true);
            app.write(rest);
            // What the app sends from here on nobody needs.
            let seen = app.frames_up_to_close();
            assert!(seen.is_empty(), "{seen:?}");
        });
        client.wait_bytes();
        client.write(&client_text(SQLI));
        let frame = client.frame().expect("the large frame");
        assert!(frame.opcode == BINARY && frame.payload == large, "the frame arrives whole");
        assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
        assert_eq!(client.frame(), Err(End::Eof));
    });
}

#[test]
fn a_server_frame_that_never_ends_does_not_keep_a_blocked_client_connected() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    let bytes = encode(true, BINARY, None, &payload::bytes(2, 10_000));
    app.write(&bytes[..5_000]);
    client.wait_bytes();
    client.write(&client_text(SQLI));
    let started = Instant::now();
    assert_eq!(client.end(), End::Reset);
    assert!(started.elapsed() < env::limit(4.0), "after {:?}", started.elapsed());
    assert_eq!(daemon.wait_closed(client.address()), "attack-sqli");
}

#[test]
fn peers_that_ignore_the_close_frame_are_reset_after_the_grace_time() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    client.write(&client_text(SQLI));
    let started = Instant::now();
    assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
    assert_eq!(client.frame(), Err(End::Eof));
    assert_eq!(app.frame().expect("a Close frame").close_code(), Some(1008));
    // Neither side closes. A RST after the FIN shows as an error of the socket.
    for (name, stream) in [("client", &client.stream), ("app", &app.stream)] {
        env::wait_for(&format!("the RST to the {name}"), env::limit(4.0), || {
            stream.take_error().expect("an open socket")
        });
    }
    let elapsed = started.elapsed();
    assert!(elapsed.as_millis() >= 500, "peers get time to answer: {elapsed:?}");
    assert!(elapsed < env::limit(4.0), "after {elapsed:?}");
    assert_eq!(daemon.wait_closed(client.address()), "attack-sqli");
}

#[test]
fn a_client_that_goes_on_sending_after_the_attack_is_not_heard() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    client.write(&client_text(SQLI));
    assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
    client.write(&client_text("harmless"));
    client.write(&client_text(SQLI));
    assert_eq!(client.frame(), Err(End::Eof));
    let seen = app.frames_up_to_close();
    assert!(seen.is_empty(), "{seen:?}");
    let address = client.address();
    drop((client, app));
    assert_eq!(daemon.wait_closed(address), "attack-sqli");
    assert_eq!(daemon.events_of("message_blocked").len(), 1);
}

#[test]
fn neither_events_nor_log_repeat_what_may_be_a_secret() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.send_text(r#"{"card":"' OR card='4111111111111111' OR 'b'='b","token":"eyJhbGciOiJIUzI1NiJ9"}"#);
    client.wait_blocked();
    assert_eq!(daemon.wait_message_event("message_blocked", client.address)["location"], "$.card");
    daemon.stop();
    for secret in ["4111111111111111", "eyJhbGciOiJIUzI1NiJ9"] {
        assert!(!daemon.has_said(secret), "{secret} is in the events");
        assert!(!daemon.stderr().contains(secret), "{secret} is in the log");
    }
}

/// Both peers go at the moment of the block, so that the reset of one can show at any step of the daemon's own end.
/// Every one of many such connections must come to its end: one that did not would keep a worker busy for ever.
#[test]
fn peers_that_vanish_while_they_are_closed_leave_nothing_running() {
    let (lab, listener, daemon) = set_up();
    for round in 0..env::volume("connections whose peers vanish", 400, 60) {
        let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
        let address = client.address();
        client.write(&client_text(SQLI));
        assert!(app.frames_up_to_close().is_empty());
        if round % 2 == 0 {
            reset_on_close(&app.stream);
        }
        drop((client, app));
        assert_eq!(daemon.wait_closed(address), "attack-sqli");
    }
}

#[test]
fn other_connections_go_on_while_one_is_blocked() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let _daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut bystander = WsClient::connect(&lab.client, lab::v4(PORT));
    bystander.echo("before");
    let mut attacker = WsClient::connect(&lab.client, lab::v4(PORT));
    attacker.send_text(SQLI);
    attacker.wait_blocked();
    bystander.echo("after");
    bystander.close();
}

#[test]
fn mode_log_reports_and_lets_everything_pass() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080", "--mode", "log"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    let address = client.address;
    for (index, (attack, (json, location))) in attacks_in_json().enumerate() {
        let text = json.to_string();
        client.echo(&text);
        app.wait_message(address, text.as_bytes());
        let event = daemon.wait_event("message_flagged", |event| event["message"] == index + 1);
        assert_eq!(
            (&event["signal"], &event["location"]),
            (&json!(attack.signal), &json!(location)),
            "{event}"
        );
    }
    client.close();
    assert_eq!(app.wait_closed(address), Some(1000));
    let reason = daemon.wait_closed(address);
    assert!(!reason.starts_with("attack"), "{reason}");
    assert_eq!(daemon.events_of("message_blocked"), Vec::<serde_json::Value>::new());
}

#[test]
fn mode_off_lets_everything_pass_and_reports_no_message() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080", "--mode", "off"]);
    assert_eq!(daemon.wait_event("daemon_started", |_| true)["mode"], "off");
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    let address = client.address;
    for (_, (json, _)) in attacks_in_json() {
        client.echo(&json.to_string());
    }
    app.wait_opened(address);
    client.close();
    daemon.wait_closed(address);
    for event in ["message_blocked", "message_flagged"] {
        assert_eq!(daemon.events_of(event), Vec::<serde_json::Value>::new());
    }
}

/// Each attack in JSON and as plain text, each on a connection of its own, after a harmless message.
fn textbook_attacks_never_reach(kind: Kind) {
    if !kind.is_here() {
        return;
    }
    let lab = Lab::new();
    let app = App::start(&lab, kind, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let in_json = attacks_in_json().map(|(attack, (json, location))| (attack, json.to_string(), location));
    let plain = TEXTBOOK.into_iter().map(|attack| (attack, attack.text.to_owned(), "$"));
    for (attack, message, location) in in_json.chain(plain) {
        println!("{message}");
        let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
        let address = client.address;
        client.echo("harmless");
        client.send_text(&message);
        client.wait_blocked();
        let event = daemon.wait_message_event("message_blocked", address);
        assert_eq!(event["direction"], "to_server", "{event}");
        assert_eq!(event["signal"], attack.signal, "{event}");
        // A plain message may be markup, which has places inside.
        let found_at = event["location"].as_str().expect("a location");
        assert!(found_at == location || location == "$" && found_at.starts_with("$."), "{event}");
        assert_eq!(event["opcode"], "text", "{event}");
        assert_eq!(event["message"], 2, "{event}");
        let excerpt = event["excerpt"].as_str().expect("an excerpt").chars().count();
        assert!((1..=64).contains(&excerpt), "{event}");
        assert_eq!(daemon.wait_closed(address), attack.reason());
        assert_eq!(app.wait_closed(address), Some(1008), "the app got the Close frame");
        let seen = app.messages(address);
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["text"], "harmless");
    }
    for attack in TEXTBOOK {
        assert!(!app.process.has_said(attack.text), "the app has seen {:?}", attack.text);
    }
    assert_eq!(daemon.events_of("message_blocked").len(), 2 * TEXTBOOK.len());
}

/// Each attack in one JSON message, the shapes taking turns.
fn attacks_in_json() -> impl Iterator<Item = (Attack, (serde_json::Value, &'static str))> {
    TEXTBOOK.into_iter().enumerate().map(|(index, attack)| {
        let mut shapes = in_json(attack.text);
        let shape = shapes.swap_remove(index % shapes.len());
        (attack, shape)
    })
}

/// A steered port behind which the test itself plays the app.
fn set_up() -> (Lab, TcpListener, Daemon) {
    let lab = Lab::new();
    let listener = lab.server.listen(lab::any(PORT));
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    (lab, listener, daemon)
}
