//! What the configuration allows, refuses and bounds, port by port, through the real daemon.

use std::collections::HashSet;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use framewall_tests::daemon::config_file;
use framewall_tests::deflate::Deflater;
use framewall_tests::netns::accept;
use framewall_tests::wire::{
    CONTINUATION, End, MASK, PING, RSV1, TEXT, Wire, client_text, encode, field, read_or_end, read_to_end,
    upgrade_request, upgrade_request_with,
};
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, lab};
use serde_json::Value;

const PORT: u16 = 8080;
const SQLI: &str = r#"{"user":{"name":"' OR '1'='1"}}"#;
const DEFLATE: &str = "permessage-deflate; client_max_window_bits";

#[test]
fn a_page_of_another_site_gets_403_and_the_app_no_request() {
    let (lab, listener, daemon) = playing_the_app(
        "[[port]]\nport = 8080\norigins = [\"https://app.example\", \"https://*.partner.example\"]\n",
    );
    for origin in ["https://evil.example", "https://badpartner.example", "http://app.example", "null"] {
        let (mut client, mut app) = connect(&lab, &listener);
        let address = client.address();
        client.write(upgrade_request_with("/", &format!("Origin: {origin}\r\n")).as_bytes());
        let answer = client.head();
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{origin}: {answer}");
        assert_eq!(field(&answer, "connection"), Some("close"), "{answer}");
        assert_eq!(client.end(), End::Eof, "{origin}");
        let (request, _) = app.rest();
        assert!(!request.ends_with(b"\r\n\r\n"), "{origin}: the app got a whole request");
        drop((client, app));
        assert_eq!(daemon.wait_closed(address), "origin-not-allowed", "{origin}");
        let event = daemon.wait_address("policy_violation", "client", address);
        assert_eq!((&event["reason"], &event["action"]), (&"origin-not-allowed".into(), &"block".into()));
    }
    for origin in ["Origin: https://app.example\r\n", "Origin: https://a.b.partner.example\r\n", ""] {
        let (mut client, app) = connect(&lab, &listener);
        client.write(upgrade_request_with("/", origin).as_bytes());
        let mut app = Wire::accept(app.stream);
        assert!(client.head().starts_with("HTTP/1.1 101 "), "{origin}");
        client.write(&client_text("hello"));
        assert_eq!(app.frame().expect("a message").payload, b"hello", "{origin}");
    }
}

#[test]
fn only_listed_paths_and_subprotocols_become_websockets() {
    let (lab, listener, daemon) = playing_the_app(
        "[[port]]\nport = 8080\npaths = [\"/chat\", \"/rooms/*\"]\nsubprotocols = [\"chat.v1\"]\n",
    );
    for path in ["/admin", "/rooms", "/rooms/../admin", "/rooms/%2e%2e/admin", "/chat%2f..%2fadmin"] {
        let (mut client, app) = connect(&lab, &listener);
        let address = client.address();
        client.write(upgrade_request(path).as_bytes());
        assert!(client.head().starts_with("HTTP/1.1 403 "), "{path}");
        drop((client, app));
        assert_eq!(daemon.wait_closed(address), "path-not-allowed", "{path}");
    }
    for (chosen, reason) in [("chat.v1", None), ("admin.v1", Some("subprotocol-not-allowed"))] {
        let (mut client, mut app) = connect(&lab, &listener);
        let address = client.address();
        client.write(
            upgrade_request_with("/rooms/7?x=/admin", "Sec-WebSocket-Protocol: chat.v1, admin.v1\r\n")
                .as_bytes(),
        );
        let request = app.head();
        let answer = framewall_tests::wire::upgrade_response(
            &request,
            &format!("Sec-WebSocket-Protocol: {chosen}\r\n"),
        );
        app.write(answer.as_bytes());
        match reason {
            None => assert_eq!(client.head(), answer),
            Some(reason) => {
                assert_eq!(client.end(), End::Reset);
                assert_eq!(daemon.wait_closed(address), reason);
            }
        }
    }
}

#[test]
fn what_cannot_be_inspected_may_be_refused() {
    let (lab, listener, daemon) =
        playing_the_app("ports = [8081]\n[[port]]\nport = 8080\nopaque = \"close\"\n");
    for (first, kind) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00"[..], "tls-client-hello"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2-preface"),
        (b"\x00\x01\x02", "not-http"),
    ] {
        let (mut client, mut app) = connect(&lab, &listener);
        let address = client.address();
        client.write(first);
        assert_eq!(client.end(), End::Reset, "{kind}");
        assert_eq!(app.rest(), (Vec::new(), End::Reset), "{kind}");
        assert_eq!(daemon.wait_closed(address), "opaque-not-allowed", "{kind}");
    }
    // The other port keeps the default: it passes, and says so.
    let other = lab.server.listen(lab::any(8081));
    let mut client = Wire::open(&lab.client, lab::v4(8081));
    let mut app = Wire::over(accept(&other));
    client.write(b"\x16\x03\x01\x02\x00\x01\x00");
    assert_eq!(app.read_exactly(7), b"\x16\x03\x01\x02\x00\x01\x00");
    let event = daemon.wait_address("connection_opaque", "client", client.address());
    assert_eq!(event["kind"], "tls-client-hello");
}

#[test]
fn each_port_has_its_own_mode() {
    let lab = Lab::new();
    let app = App::tungstenite_on(&lab, &[lab::any(8080), lab::any(8081), lab::any(8082)]);
    let config = "mode = \"block\"\nports = [8080]\n[[port]]\nport = 8081\nmode = \"log\"\n\
                  [[port]]\nport = 8082\nmode = \"off\"\n";
    let daemon = Daemon::with_config(&lab, config, &[]);
    let mut log = WsClient::connect(&lab.client, lab::v4(8081));
    log.echo(SQLI);
    let event = daemon.wait_message_event("message_flagged", log.address);
    assert_eq!(event["signal"], "SQLI");
    WsClient::connect(&lab.client, lab::v4(8082)).echo(SQLI);
    let mut block = Wire::connect(&lab.client, lab::v4(8080));
    block.write(&client_text(SQLI));
    assert_eq!(block.frame().expect("a Close frame").close_code(), Some(1008));
    assert_eq!(app.messages(block.address()), Vec::<Value>::new());
}

#[test]
fn compression_may_be_stripped_from_the_offer_or_refused() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::NodeDeflate, PORT);
    let daemon = Daemon::with_config(&lab, "[[port]]\nport = 8080\ndeflate = \"strip\"\n", &[]);
    let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), DEFLATE);
    assert_eq!(field(&head, "sec-websocket-extensions"), None, "{head}");
    let opened = daemon.wait_address("websocket_opened", "client", client.address());
    assert_eq!(opened["deflate"], false);
    client.write(&client_text("plain"));
    assert_eq!(client.frame().expect("an echo").payload, b"plain");
    client.write(&client_text(SQLI));
    assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
    assert_eq!(app.wait_closed(client.address()), Some(1008));

    drop(daemon);
    let daemon = Daemon::with_config(&lab, "[[port]]\nport = 8080\ndeflate = \"refuse\"\n", &[]);
    let mut client = Wire::open(&lab.client, lab::v4(PORT));
    let fields = format!("Sec-WebSocket-Extensions: {DEFLATE}\r\n");
    client.write(upgrade_request_with("/", &fields).as_bytes());
    let (answer, end) = read_to_end(&mut client.stream);
    assert!(!answer.ends_with(b"\r\n\r\n") && end == End::Reset, "{}", String::from_utf8_lossy(&answer));
    assert_eq!(daemon.wait_closed(client.address()), "deflate-not-allowed");
    WsClient::connect(&lab.client, lab::v4(PORT)).echo("without an offer it works");
}

/// Beyond the limit a message passes without being held, and the next one is inspected: compressed, too, where the
/// inspection has to follow what it lets pass to read what comes after it (E5).
#[test]
fn a_message_that_is_too_long_may_pass_reported_and_the_next_is_inspected() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::NodeDeflate, PORT);
    let config = "ports = [8080]\n[limits]\nmax_message_bytes = 1000\noversize = \"pass\"\n";
    let daemon = Daemon::with_config(&lab, config, &[]);
    for compressed in [false, true] {
        let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), DEFLATE);
        let address = client.address();
        let mut deflater = Deflater::negotiated(&head, 6).expect("the server compresses");
        let mut message = |text: &str| match compressed {
            true => encode(true, TEXT | RSV1, Some(MASK), &deflater.message(text.as_bytes())),
            false => client_text(text),
        };
        let long = format!("{{\"text\":\"{}\"}}", "a word and another, ".repeat(5000));
        client.write(&message(&long));
        client.write(&message("short"));
        app.wait_message(address, long.as_bytes());
        app.wait_message(address, b"short");
        let event = daemon.wait_address("limit_reached", "client", address);
        assert_eq!((&event["signal"], &event["action"]), (&"WS-UNINSPECTED".into(), &"log".into()));
        client.write(&message(SQLI));
        assert_eq!(app.wait_closed(address), Some(1008), "compressed: {compressed}");
        let blocked = daemon.wait_message_event("message_blocked", address);
        assert_eq!(blocked["message"], 3);
    }
}

#[test]
fn limits_on_time_and_rates_end_the_connection_with_their_name() {
    let grace = env::limit(0.3).as_millis();
    let limits = format!(
        "ports = [8080]\n[limits]\nmessage_timeout_ms = {grace}\nhandshake_timeout_ms = {grace}\n\
         max_messages_per_second = 5\nmax_control_frames_per_second = 3\nmax_frame_bytes = 100\n"
    );
    let (lab, listener, daemon) = playing_the_app(&limits);
    let unfinished = encode(false, TEXT, Some(MASK), b"never ends");
    let flood = client_text("x").repeat(6);
    let pings = encode(true, PING, Some(MASK), b"").repeat(4);
    let long = encode(false, TEXT, Some(MASK), &[b'x'; 101]);
    for (bytes, reason) in [
        (&unfinished, "message-timeout"),
        (&flood, "message-rate"),
        (&pings, "control-frame-rate"),
        (&long, "frame-too-big"),
    ] {
        let (mut client, app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
        let address = client.address();
        client.write(bytes);
        let close = client.next_but_pongs().expect("a Close frame");
        assert!(matches!(close.close_code(), Some(1008 | 1009)), "{reason}: {close:?}");
        drop((client, app));
        assert_eq!(daemon.wait_closed(address), reason);
        let event = daemon.wait_address("limit_reached", "client", address);
        assert_eq!(event["reason"], reason);
    }
    let (mut client, _app) = connect(&lab, &listener);
    client.write(b"GET / HTTP/1.1\r\nHost: slow");
    assert_eq!(client.end(), End::Reset);
    assert_eq!(daemon.wait_closed(client.address()), "handshake-timeout");

    // At an honest pace everything passes.
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    for _ in 0..4 {
        client.write(&encode(false, TEXT, Some(MASK), b"ab"));
        client.write(&encode(true, CONTINUATION, Some(MASK), b"cd"));
        assert_eq!(app.frame().expect("a fragment").payload, b"ab");
        assert_eq!(app.frame().expect("a fragment").payload, b"cd");
    }
}

#[test]
fn one_client_address_has_its_own_number_of_connections() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::with_config(&lab, "max_connections_per_client = 2\n", &["--port", "8080"]);
    let mut first = WsClient::connect(&lab.client, lab::v4(PORT));
    let mut second = WsClient::connect(&lab.client, lab::v4(PORT));
    let refused = match lab.client.connect(lab::v4(PORT)) {
        Ok(mut stream) => read_or_end(&mut stream, &mut [0; 64]),
        Err(_reset_before_connect_returned) => Err(End::Reset),
    };
    assert_eq!(refused, Err(End::Reset));
    let event = daemon.wait_event("connection_refused", |_| true);
    assert_eq!(event["reason"], "too-many-connections-of-client");
    WsClient::connect(&lab.server, lab::v4(PORT)).echo("another address has its own");
    first.echo("still here");
    second.echo("still here");
}

/// Findings, rules, limits, refusals and ends: nothing that the daemon tells has an address in it, and what decides still
/// sees it.
#[test]
fn anonymised_clients_are_named_by_pseudonyms_wherever_they_are_named() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let rules = config_file(&format!(
        "[[rule]]\nid = \"v4\"\naction = \"tag\"\ntag = \"V4\"\nwhen = {{ all = [{{ field = \"client.ip\", equals = \
         \"{}\" }}, {{ field = \"bytes\", ge = 0 }}] }}\n[[rate_limit]]\nid = \"limit\"\nkey = [\"client.ip\"]\nthreshold = 1\n\
         window_s = 60\nduration_s = 60\naction = \"log\"\n[attack_threshold]\nper_1_min = 1\n",
        lab::CLIENT_V4
    ));
    let key = config_file("0123456789abcdef0123456789abcdef\n");
    std::fs::set_permissions(key.path(), Permissions::from_mode(0o600)).expect("set the mode");
    let config = config_file(&format!(
        "ports = [8080]\nmax_connections_per_client = 2\nrules = [{:?}]\nanonymise_clients = {{ key_file = {:?} }}\n",
        rules.path(),
        key.path()
    ));
    let config = config.path().to_str().expect("ASCII");
    let mut names = Vec::new();
    for _start in 0..2 {
        let mut daemon = Daemon::with_log(&lab, "debug", &["--config", config]);
        for server in [lab::v4(PORT), lab::v6(PORT)] {
            let mut client = WsClient::connect(&lab.client, server);
            let mut unmasked = Wire::connect(&lab.client, server);
            client.echo("hello");
            let refused = lab.client.connect(server).map(|mut stream| read_or_end(&mut stream, &mut [0; 64]));
            assert!(!matches!(refused, Ok(Ok(_))), "{refused:?}");
            client.send_text(SQLI);
            client.wait_blocked();
            unmasked.write(&encode(true, TEXT, None, b"hello"));
            assert_eq!(unmasked.frame().expect("a Close frame").close_code(), Some(1002));
        }
        daemon.stop();
        for event in ["connection_opened", "connection_closed"] {
            assert_eq!(daemon.events_of(event).len(), 4, "{event}");
        }
        for event in ["websocket_opened", "message_blocked", "protocol_violation", "connection_refused"] {
            assert!(daemon.events_of(event).len() >= 2, "{event}");
        }
        let kinds: HashSet<_> =
            daemon.events_of("rule_matched").iter().map(|event| event["kind"].to_string()).collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
        let name = |ip: &str| {
            let of = |event: &&Value| event["server"].as_str().is_some_and(|server| server.contains(ip));
            let found: HashSet<String> = daemon
                .events()
                .iter()
                .filter(of)
                .map(|event| event["client"].as_str().expect("a name").to_owned())
                .collect();
            assert_eq!(found.len(), 1, "one name a client, whatever its port: {found:?}");
            found.into_iter().next().expect("one")
        };
        let both = [name(&lab::SERVER_V4.to_string()), name(&lab::SERVER_V6.to_string())];
        assert!(both.iter().all(|name| name.starts_with("anon-")) && both[0] != both[1], "{both:?}");
        let tagged = daemon.events_of("rule_matched").into_iter().filter(|event| event["rule"] == "v4");
        assert_eq!(tagged.filter(|event| event["client"] == both[0]).count(), 2, "rules see the address");
        let log = daemon.stderr();
        assert!(both.iter().all(|name| log.contains(name.as_str())), "{log}");
        for address in [lab::CLIENT_V4.to_string(), lab::CLIENT_V6.to_string()] {
            assert!(!daemon.has_said(&address) && !log.contains(&address), "{}", daemon.report());
        }
        names.push(both);
    }
    assert_eq!(names[0], names[1], "the key of a file outlasts the daemon");
    std::fs::set_permissions(key.path(), Permissions::from_mode(0o644)).expect("set the mode");
    let refused = Command::new(env::daemon_binary()).args(["check", config]).output().expect("check runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("(mode 0644)"), "{said}");
}

/// The test plays the app, behind a daemon with this configuration.
fn playing_the_app(config: &str) -> (Lab, TcpListener, Daemon) {
    let lab = Lab::new();
    let listener = lab.server.listen(lab::any(PORT));
    let daemon = Daemon::with_config(&lab, config, &[]);
    (lab, listener, daemon)
}

/// A connection through the daemon, before its first byte: the client's end and the app's.
fn connect(lab: &Lab, listener: &TcpListener) -> (Wire, Wire) {
    let client = Wire::open(&lab.client, lab::v4(PORT));
    (client, Wire::over(accept(listener)))
}
