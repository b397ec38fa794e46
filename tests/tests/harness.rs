//! The harness and its peers work by themselves, without the daemon: what the other tests blame on Framewall is
//! Framewall's.

use std::io::Write;

use framewall_tests::app::{ALL, address_of, python_client};
use framewall_tests::http::Connection;
use framewall_tests::wire::{CLOSE, End, TEXT, Wire, client_text, encode};
use framewall_tests::{App, Kind, Lab, Process, WsClient, env, kernel, lab, payload};
use tungstenite::protocol::frame::coding::Data;

const PORT: u16 = 8080;

#[test]
fn every_app_echoes_and_reports_its_clients_without_the_daemon() {
    let lab = Lab::new();
    for (index, kind) in ALL.into_iter().enumerate().filter(|(_, kind)| kind.is_here()) {
        let port = PORT + 10 * u16::try_from(index).expect("a handful of kinds");
        let app = App::start(&lab, kind, port);
        for to in [lab::v4(port), lab::v6(port)] {
            let mut client = WsClient::connect(&lab.client, to);
            let address = client.address;
            assert_eq!(app.wait_opened(address)["path"], "/chat", "{kind:?}");
            client.echo("hello");
            app.wait_message(address, b"hello");
            client.send_fragments(Data::Text, &[b"one ", b"two ", b"three"]);
            assert_eq!(client.receive().to_text().expect("text"), "one two three");
            let large = payload::text(1, payload::LARGE);
            client.echo(&large);
            app.wait_message(address, large.as_bytes());
            assert_eq!(app.wait_messages(address, 3).len(), 3, "{kind:?}");
            client.close();
            assert_eq!(app.wait_closed(address), Some(1000), "{kind:?}");
        }
        assert!(app.process.has_said("one two three"), "{kind:?}");
        assert!(!app.process.has_said("one three"), "{kind:?}");
    }
}

#[test]
fn the_python_client_talks_compressed_to_a_server_that_can() {
    let lab = Lab::new();
    for (kind, port) in [(Kind::Python, PORT), (Kind::NodeDeflate, PORT + 1)] {
        let app = App::start(&lab, kind, port);
        let mut client = python_client(&lab, lab::v4(port));
        let address = address_of(&client);
        assert_eq!(client.wait_event("open", |_| true)["deflate"], true, "{kind:?}");
        assert_eq!(app.wait_opened(address)["deflate"], true, "{kind:?}");
        client.write_line(r#"{"fragments": ["one ", "two"]}"#);
        client.write_line(r#"{"binary": "00ff"}"#);
        client.wait_event("received", |event| event["text"] == "one two");
        client.wait_event("received", |event| event["opcode"] == "binary");
        client.write_line(r#"{"close": 1000}"#);
        assert_eq!(client.wait_event("closed", |_| true)["code"], 1000);
        assert_eq!(app.wait_closed(address), Some(1000));
    }
}

#[test]
fn the_command_line_client_sends_its_input_line_by_line() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut command = lab.client.command(env::peers("bin/ws-client"));
    command.arg(format!("ws://{}/chat", lab::v6(PORT))).args(["--delay-ms", "20"]);
    let mut client = Process::spawn("ws-client", command);
    let address = address_of(&client);
    for text in ["first", "second"] {
        client.write_line(text);
        client.wait_event("sent", |event| event["text"] == text);
        client.wait_event("received", |event| event["text"] == text);
    }
    client.close_stdin();
    assert_eq!(client.wait_event("closed", |_| true)["code"], 1000);
    assert!(client.wait_exit(env::patience()).success());
    assert_eq!(app.wait_closed(address), Some(1000));
}

#[test]
fn plain_http_and_frames_by_hand_reach_the_app() {
    let lab = Lab::new();
    let _node = App::start(&lab, Kind::Node, PORT);
    let mut connection = Connection::open(&lab.client, lab::v4(PORT));
    let answer = connection.exchange("GET /health HTTP/1.1\r\nHost: app\r\n\r\n");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok\n".as_slice()));
    let answer = connection.exchange(
        "POST /echo HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.body, b"hello");

    let mut wire = Wire::connect(&lab.client, lab::v4(PORT));
    wire.write(&client_text("by hand"));
    let frame = wire.frame().expect("an echo");
    assert_eq!((frame.opcode, frame.fin, frame.masked), (TEXT, true, false));
    assert_eq!(frame.payload, b"by hand");
    wire.write(&encode(true, CLOSE, Some([1, 2, 3, 4]), &1000_u16.to_be_bytes()));
    assert_eq!(wire.frame().expect("a Close frame").close_code(), Some(1000));
    assert_eq!(wire.frame(), Err(End::Eof));
}

#[test]
fn listening_sockets_are_found_by_process() {
    let lab = Lab::new();
    let app = App::tungstenite_on(&lab, &[lab::v4(PORT), lab::v6(PORT + 1)]);
    let mut addresses = kernel::listening_addresses(app.process.pid());
    addresses.sort_unstable();
    assert_eq!(addresses, [lab::v4(PORT), lab::v6(PORT + 1)]);
    assert!(kernel::resident_bytes(app.process.pid()) > 100_000);
}

#[test]
fn hosts_are_apart_and_sockets_stay_where_they_were_made() {
    let lab = Lab::new();
    let listener = lab.server.listen(lab::any(PORT));
    assert!(lab.client.connect(std::net::SocketAddr::from(([127, 0, 0, 1], PORT))).is_err());
    let mut client = lab.client.connect(lab::v4(PORT)).expect("the server listens");
    let (server, peer) = listener.accept().expect("a client");
    assert_eq!(lab::canonical(peer), client.local_addr().expect("connected"));
    client.write_all(b"x").expect("connected");
    drop(server);
}
