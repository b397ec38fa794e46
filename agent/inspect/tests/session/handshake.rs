//! What may be opened as a WebSocket, and what is told about it.

use framewall_inspect::{CloseReason, Direction, HandshakePolicy, Mode, Report, Settings, Signal};

use crate::{
    peer::{text, upgrade_request, upgrade_response},
    relay::{Relay, ToClient, ToServer, settings},
};

const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn policy(mode: Mode) -> Settings {
    let handshake = HandshakePolicy {
        origins: vec!["https://*.example.org".parse().expect("a pattern")],
        origin_required: false,
        paths: vec!["/chat".parse().expect("a pattern")],
        subprotocols: vec!["chat".to_owned()],
    };
    Settings { handshake, ..settings(mode) }
}

/// The request with more fields.
fn request(fields: &str) -> String {
    upgrade_request("").replace("Host:", &format!("{fields}Host:"))
}

fn response(fields: &str) -> String {
    upgrade_response("").replace("Upgrade:", &format!("{fields}Upgrade:"))
}

fn assert_forbidden(relay: &Relay, reason: CloseReason) {
    assert_eq!(relay.outcome.closed, Some(reason));
    assert_eq!(relay.to_client(), FORBIDDEN);
    assert!(!relay.to_server().ends_with(b"\r\n\r\n"));
    assert_eq!((relay.outcome.finished, relay.outcome.aborted), ([true, true], false));
    assert_eq!((relay.held(ToServer), relay.held(ToClient)), (0, 0));
}

#[test]
fn a_foreign_origin_is_answered_for_the_application() {
    for split in [0, 1, 50] {
        let mut relay = Relay::with(policy(Mode::Block));
        let request = request("Origin: https://evil.example\r\n");
        relay.feed(ToServer, &request.as_bytes()[..split]);
        relay.feed(ToServer, &request.as_bytes()[split..]);
        assert_forbidden(&relay, CloseReason::OriginNotAllowed);
        relay.feed(ToServer, b"ignored");
        relay.feed(ToClient, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        assert_forbidden(&relay, CloseReason::OriginNotAllowed);
        relay.wait(std::time::Duration::from_secs(2));
        assert!(relay.outcome.aborted);
    }
}

#[test]
fn a_foreign_path_is_answered_for_the_application() {
    for path in ["/admin", "/chat/../admin", "/chat%2f", "http://app.example/chat"] {
        let mut relay = Relay::with(policy(Mode::Block));
        relay.feed(ToServer, request("").replace("/chat", path).as_bytes());
        assert_forbidden(&relay, CloseReason::PathNotAllowed);
    }
}

#[test]
fn a_malformed_wish_for_websocket_is_judged_too() {
    let mut relay = Relay::with(policy(Mode::Block));
    relay.feed(ToServer, request("").replace("/chat", "/x").replace("Version: 13", "Version: 8").as_bytes());
    assert_forbidden(&relay, CloseReason::PathNotAllowed);
}

#[test]
fn plain_http_is_the_applications_business() {
    let mut relay = Relay::with(policy(Mode::Block));
    relay.feed(ToServer, b"GET /admin HTTP/1.1\r\nOrigin: https://evil.example\r\n\r\n");
    assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
}

#[test]
fn a_response_in_flight_is_not_mixed_with_ours() {
    let bad = request("Origin: https://evil.example\r\n");
    let mut relay = Relay::with(policy(Mode::Block));
    relay.feed(ToServer, b"GET / HTTP/1.1\r\n\r\n");
    relay.feed(ToServer, bad.as_bytes());
    assert!(relay.outcome.aborted && relay.to_client().is_empty());
    let mut relay = Relay::with(policy(Mode::Block));
    relay.feed(ToServer, b"GET / HTTP/1.1\r\n\r\n");
    relay.feed(ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    relay.feed(ToServer, bad.as_bytes());
    assert!(relay.outcome.aborted && relay.to_client().ends_with(b"hel"));
    let mut relay = Relay::with(policy(Mode::Block));
    relay.feed(ToServer, b"GET / HTTP/1.1\r\n\r\n");
    relay.feed(ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    relay.feed(ToServer, bad.as_bytes());
    assert!(relay.to_client().ends_with(FORBIDDEN));
}

#[test]
fn a_server_must_choose_an_allowed_subprotocol() {
    let offer = request("Sec-WebSocket-Protocol: mqtt, chat\r\nOrigin: https://a.example.org\r\n");
    for (chosen, allowed) in
        [("Sec-WebSocket-Protocol: chat\r\n", true), ("", true), ("Sec-WebSocket-Protocol: mqtt\r\n", false)]
    {
        let mut relay = Relay::with(policy(Mode::Block));
        relay.feed(ToServer, offer.as_bytes());
        relay.feed(ToClient, response(chosen).as_bytes());
        if allowed {
            assert_eq!(relay.outcome.closed, None, "{chosen}");
        } else {
            assert_eq!(relay.outcome.closed, Some(CloseReason::SubprotocolNotAllowed));
            assert_eq!(relay.offences()[0].direction, Direction::ToClient);
            assert!(relay.outcome.aborted && relay.to_client().is_empty());
        }
    }
}

#[test]
fn mode_log_reports_and_goes_on_inspecting() {
    let mut relay = Relay::with(policy(Mode::Log));
    let offer = request("Sec-WebSocket-Protocol: mqtt\r\nOrigin: https://evil.example\r\n");
    relay.feed(ToServer, offer.as_bytes());
    relay.feed(ToClient, response("Sec-WebSocket-Protocol: mqtt\r\n").as_bytes());
    relay.feed(ToServer, &text("' OR '1'='1"));
    let reasons: Vec<_> = relay.offences().iter().map(|offence| offence.reason).collect();
    assert_eq!(reasons, [CloseReason::OriginNotAllowed, CloseReason::SubprotocolNotAllowed]);
    // MQTT is binary.
    let signals: Vec<_> = relay.findings().iter().map(|finding| finding.signal).collect();
    assert_eq!((relay.outcome.closed, signals), (None, vec![Signal::Sqli, Signal::MalformedData]));
}

#[test]
fn a_handshake_tells_what_both_sides_said() {
    let mut relay = Relay::new();
    let fields =
        "Origin: https://a.example\r\nCookie: sid=1; theme=dark\r\nSec-WebSocket-Protocol: chat, mqtt\r\n";
    relay.feed(ToServer, request(fields).as_bytes());
    relay.feed(ToClient, response("Sec-WebSocket-Protocol: chat\r\n").as_bytes());
    let Some(Report::WebSocketOpened(handshake)) = relay.outcome.reports.first() else { panic!() };
    assert_eq!((handshake.method(), handshake.path(), handshake.query()), ("GET", "/chat", Some("room=1")));
    assert_eq!(handshake.origin().as_deref(), Some("https://a.example"));
    assert_eq!(handshake.cookies().count(), 2);
    assert_eq!(handshake.offered_subprotocols().count(), 2);
    assert_eq!(handshake.subprotocol(), Some("chat"));
}
