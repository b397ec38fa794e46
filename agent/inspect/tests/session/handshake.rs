//! What may be opened as a WebSocket, and what is told about it.

use framewall_inspect::{
    CloseReason, Direction, FindingAction, HandshakePolicy, Mode, Report, Settings, Signal, Unit,
};

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
    let found: Vec<_> = relay.findings().iter().map(|finding| finding.signal).collect();
    assert!(found.contains(&Signal::Sqli), "{found:?}");
    assert_eq!(relay.outcome.closed, None);
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

/// Places in a request where an attack can stand, and what they are called.
fn attacked(attack: &str) -> [(String, String); 4] {
    let encoded: String = attack.bytes().map(|byte| format!("%{byte:02x}")).collect();
    [
        (request("").replace("room=1", &format!("room={encoded}")), "query.room".to_owned()),
        (request("").replace("room=1", &format!("{encoded}=1")), format!("query[\"{attack}\"]")),
        (request(&format!("Cookie: a=1; b={attack}\r\n")), "cookie.b".to_owned()),
        (request(&format!("X-Room: {attack}\r\n")), "header[\"X-Room\"]".to_owned()),
    ]
}

#[test]
fn an_attack_in_a_handshake_is_answered_for_the_application() {
    for (request, location) in attacked("' OR '1'='1") {
        let mut relay = Relay::new();
        relay.feed(ToServer, request.as_bytes());
        assert_forbidden(&relay, CloseReason::Attack(Signal::Sqli));
        let findings = relay.findings();
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.unit, finding.action), (Unit::Handshake, FindingAction::Block));
        assert_eq!(finding.location, location);
    }
}

#[test]
fn an_attack_in_a_handshake_is_only_reported_in_mode_log() {
    for (request, _) in attacked("' OR '1'='1") {
        let mut relay = Relay::with(settings(Mode::Log));
        relay.feed(ToServer, request.as_bytes());
        relay.feed(ToClient, upgrade_response("").as_bytes());
        assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
        assert_eq!(relay.findings()[0].action, FindingAction::Log);
    }
}

#[test]
fn what_is_odd_about_a_handshake_is_tagged() {
    let nobody = request("").replace("User-Agent: test\r\n", "");
    let twice = request("User-Agent: other\r\n");
    let path = request("").replace("/chat", "/a//b/../chat");
    let cases = [(nobody, Signal::NoUa), (twice, Signal::DuplicateHeaders), (path, Signal::AbnormalPath)];
    for (request, signal) in cases {
        let mut relay = Relay::new();
        relay.feed(ToServer, request.as_bytes());
        relay.feed(ToClient, upgrade_response("").as_bytes());
        let tags: Vec<_> = relay.findings().iter().map(|finding| (finding.signal, finding.action)).collect();
        assert!(tags.contains(&(signal, FindingAction::Tag)), "{tags:?}");
        assert_eq!(relay.outcome.closed, None);
    }
}

#[test]
fn what_browsers_and_libraries_send_is_nothing_odd() {
    let browser = "Pragma: no-cache\r\nCache-Control: no-cache\r\nOrigin: http://localhost:3000\r\n\
                   Referer: http://127.0.0.1:3000/app?x=1#top\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
                   Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7\r\nAccept: */*\r\n\
                   Sec-CH-UA: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
                   X-Forwarded-For: 10.0.0.7, 192.168.1.1\r\nForwarded: for=\"[2001:db8::1]:4711\";proto=https\r\n\
                   Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl\r\n\
                   Cookie: _ga=GA1.2.345.678; sid=s%3Aabc.def%2Fghi; prefs={\"theme\":\"dark\"}\r\n";
    for agent in [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0",
        "Python/3.12 websockets/15.0",
        "okhttp/4.12.0",
        "Go-http-client/1.1",
    ] {
        let mut relay = Relay::new();
        relay.feed(
            ToServer,
            request(browser).replace("User-Agent: test", &format!("User-Agent: {agent}")).as_bytes(),
        );
        assert_eq!(relay.findings(), Vec::<&framewall_inspect::Finding>::new(), "{agent}");
    }
}
