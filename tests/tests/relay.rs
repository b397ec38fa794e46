//! What is no attack passes through the daemon exactly as it was sent.

use framewall_tests::app::{ALL, address_of, python_client};
use framewall_tests::http::Connection;
use framewall_tests::process::address_in;
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, lab, payload};
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::Data;

const PORT: u16 = 8080;

#[test]
fn node_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::Node);
}

#[test]
fn node_with_deflate_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::NodeDeflate);
}

#[test]
fn python_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::Python);
}

#[test]
fn tungstenite_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::Tungstenite);
}

#[test]
fn go_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::Go);
}

#[test]
fn tomcat_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::Tomcat);
}

#[test]
fn nginx_gets_every_message_byte_exact() {
    gets_every_message_byte_exact(Kind::Nginx);
}

#[test]
fn the_python_client_gets_every_echo_byte_exact_from_every_app() {
    let lab = Lab::new();
    // nginx will be one of them.
    lab.expect_fionread();
    let ports: Vec<u16> = (PORT..).step_by(10).take(ALL.len()).collect();
    let arguments: Vec<String> = ports.iter().map(|port| format!("--port={port}")).collect();
    let daemon = Daemon::start(&lab, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    for (kind, port) in ALL.into_iter().zip(ports).filter(|(kind, _)| kind.is_here()) {
        println!("{kind:?}");
        let app = App::start(&lab, kind, port);
        let mut client = python_client(&lab, lab::v4(port));
        let address = address_of(&client);
        let deflate = kind.compresses();
        assert_eq!(client.wait_event("open", |_| true)["deflate"], deflate);
        let opened = daemon.wait_address("websocket_opened", "client", address);
        assert_eq!(opened["deflate"], deflate, "{opened}");

        client.write_line(&json!({"text": "hello, naïve 世界"}).to_string());
        client.wait_event("received", |event| event["text"] == "hello, naïve 世界");
        client.write_line(&json!({"binary": "00ff80"}).to_string());
        client.wait_event("received", |event| event["opcode"] == "binary");
        client.write_line(&json!({"fragments": ["one ", "two ", "", "three"]}).to_string());
        client.wait_event("received", |event| event["text"] == "one two three");
        let large = payload::text(5, payload::LARGE);
        for (order, value) in [("text", large.clone()), ("binary", payload::hex(large.as_bytes()))] {
            client.write_line(&json!({order: value}).to_string());
            let digest = payload::sha256(large.as_bytes());
            client.wait_event("received", |event| {
                event["sha256"] == digest.as_str()
                    && event["bytes"] == payload::LARGE
                    && event["opcode"] == order
            });
        }
        app.wait_message(address, large.as_bytes());
        client.write_line(&json!({"close": 4321}).to_string());
        assert_eq!(app.wait_closed(address), Some(4321), "application codes pass");
        client.wait_event("closed", |_| true);
        assert_eq!(app.wait_messages(address, 5).len(), 5, "{kind:?}");
    }
    assert_nothing_found(&daemon);
}

/// Deflate makes random bytes a little longer. The message is as long as it may be all the same.
#[test]
fn an_incompressible_message_of_the_greatest_length_passes_compressed() {
    let lab = Lab::new();
    for (kind, port) in [(Kind::Python, PORT), (Kind::NodeDeflate, PORT + 1)] {
        let app = App::start(&lab, kind, port);
        let daemon = Daemon::start(&lab, &["--port", &port.to_string()]);
        let mut client = python_client(&lab, lab::v4(port));
        let address = address_of(&client);
        let large = payload::bytes(6, payload::LARGE);
        client.write_line(&json!({"binary": payload::hex(&large)}).to_string());
        client.wait_event("received", |event| event["sha256"] == payload::sha256(&large).as_str());
        app.wait_message(address, &large);
        client.write_line(&json!({"close": 1000}).to_string());
        daemon.wait_closed(address);
    }
}

#[test]
fn plain_http_of_every_form_passes_on_a_kept_connection_which_then_upgrades() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Node, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut connection = Connection::open(&lab.client, lab::v4(PORT));
    let address = connection.address();

    let answer = connection.exchange("GET /health HTTP/1.1\r\nHost: app\r\n\r\n");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok\n".as_slice()));

    let body = payload::bytes(7, 300_000);
    let head = format!("POST /echo HTTP/1.1\r\nHost: app\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = connection.exchange([head.as_bytes(), &body].concat());
    assert_eq!(answer.field("content-length"), Some("300000"));
    assert!(answer.body == body, "the body of Content-Length came back unchanged");

    connection.write("POST /echo HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(70_001) {
        connection.write(format!("{:x};part=yes\r\n", chunk.len()));
        connection.write(chunk);
        connection.write("\r\n");
    }
    let answer = connection.exchange("0\r\nTrailer-Field: 1\r\n\r\n");
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    assert!(answer.body == body, "the chunked body came back unchanged");

    connection.write("HEAD /health HTTP/1.1\r\nHost: app\r\n\r\n");
    let answer = connection.response(false);
    assert_eq!((answer.status, answer.field("content-length")), (200, Some("3")));

    connection.write(
        "GET /health HTTP/1.1\r\nHost: app\r\n\r\nHEAD /health HTTP/1.1\r\nHost: app\r\n\r\n\
         POST /echo HTTP/1.1\r\nHost: app\r\nContent-Length: 9\r\n\r\npipelinedGET /missing HTTP/1.1\r\nHost: app\r\n\r\n",
    );
    assert_eq!(connection.response(true).body, b"ok\n");
    assert_eq!(connection.response(false).status, 200);
    assert_eq!(connection.response(true).body, b"pipelined");
    assert_eq!(connection.response(true).status, 404);

    let mut client = WsClient::upgrade(connection.into_stream(), lab::v4(PORT)).expect("a handshake");
    assert_eq!(client.address, address);
    client.echo("the eighth request upgrades");
    app.wait_opened(address);
    daemon.wait_address("websocket_opened", "client", address);
    client.close();
    let paths: Vec<_> = app
        .process
        .events_of("request")
        .iter()
        .map(|event| event["path"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(paths.len(), 8, "{paths:?}");
    assert_nothing_found(&daemon);
}

#[test]
fn an_upgrade_as_nth_request_is_inspected() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Nginx, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut connection = Connection::open(&lab.client, lab::v4(PORT));
    for _ in 0..3 {
        assert_eq!(connection.exchange("GET /health HTTP/1.1\r\nHost: app\r\n\r\n").body, b"ok\n");
    }
    let mut client = WsClient::upgrade(connection.into_stream(), lab::v4(PORT)).expect("a handshake");
    client.echo("hello");
    client.send_text("<script>alert(1)</script>");
    client.wait_blocked();
    assert_eq!(daemon.wait_closed(client.address), "attack-xss");
    assert_eq!(app.wait_closed(client.address), Some(1008));
    assert!(!app.process.has_said("<script>"));
}

#[test]
fn a_server_that_closes_after_a_plain_response_is_followed() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Python, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut connection = Connection::open(&lab.client, lab::v6(PORT));
    let answer = connection.exchange("GET /health HTTP/1.1\r\nHost: app\r\n\r\n");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok\n".as_slice()));
    connection.expect_eof();
    // Its line may come later than its answer.
    app.accepting_process().wait_address("accepted", "peer", connection.address());
    let address = connection.address();
    drop(connection);
    daemon.wait_closed(address);
}

/// Echo of small, large and fragmented messages in text and binary, with pings between the fragments.
fn gets_every_message_byte_exact(kind: Kind) {
    if !kind.is_here() {
        return;
    }
    let lab = Lab::new();
    let app = App::start(&lab, kind, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let large_text = payload::text(1, payload::LARGE);
    let large_bytes = payload::bytes(2, payload::LARGE);
    for to in [lab::v4(PORT), lab::v6(PORT)] {
        let mut client = WsClient::connect(&lab.client, to);
        let address = client.address;
        let mut sent: Vec<Message> = ["", "x", "hello, naïve 世界 👍", r#"{"user":{"name":"O'Brien"}}"#]
            .map(Message::text)
            .into_iter()
            .collect();
        // Around the borders of the three forms of the length (RFC 6455 §5.2).
        for length in [125, 126, 127, 65_535, 65_536] {
            sent.push(Message::text(payload::text(3, length)));
            sent.push(Message::binary(payload::bytes(4, length)));
        }
        sent.push(Message::text(large_text.as_str()));
        sent.push(Message::binary(large_bytes.clone()));
        for message in &sent {
            client.send(message.clone());
            let answer = client.receive();
            assert!(answer == *message, "a message of {} bytes came back changed", message.len());
            app.wait_message(address, &message.clone().into_data());
        }

        client.send_fragments(Data::Text, &[b"", b"one ", b"", b"two ", b"three", b""]);
        assert_eq!(client.receive(), Message::text("one two three"));
        app.wait_message(address, b"one two three");
        let pieces: Vec<&[u8]> = large_bytes.chunks(30_011).collect();
        client.send_fragments(Data::Binary, &pieces);
        assert!(
            client.receive() == Message::binary(large_bytes.clone()),
            "the fragmented message came back changed"
        );
        app.wait_message(address, &large_bytes);

        assert_eq!(app.wait_messages(address, sent.len() + 2).len(), sent.len() + 2);
        client.close();
        assert_eq!(app.wait_closed(address), Some(1000));
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_eq!(closed["messages_to_server"], sent.len() + 2, "{closed}");
        assert!(closed["bytes_to_server"].as_u64().is_some_and(|bytes| bytes > 3 << 20), "{closed}");
    }
    assert_nothing_found(&daemon);
}

fn assert_nothing_found(daemon: &Daemon) {
    for event in ["message_blocked", "message_flagged"] {
        assert_eq!(daemon.events_of(event), Vec::<serde_json::Value>::new());
    }
    for closed in daemon.events_of("connection_closed") {
        let reason = closed["reason"].as_str().expect("a reason");
        assert!(!reason.starts_with("attack"), "{reason} for {:?}", address_in(&closed, "client"));
    }
}
