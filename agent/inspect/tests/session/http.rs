use framewall_inspect::{
    CloseReason, HttpAmbiguity, Mode, OpaqueKind, OpaquePolicy, Report, Settings, Signal, UpgradeError,
};

use crate::{
    peer::{FIN, TEXT, server_frame, text, upgrade_request, upgrade_response},
    relay::{Relay, ToClient, ToServer, settings},
};

fn exchange(relay: &mut Relay, request: &str, response: &str) {
    let (server, client) = (relay.to_server().len(), relay.to_client().len());
    relay.feed(ToServer, request.as_bytes());
    relay.feed(ToClient, response.as_bytes());
    assert_eq!(&relay.to_server()[server..], request.as_bytes());
    assert_eq!(&relay.to_client()[client..], response.as_bytes());
    assert_eq!(relay.outcome.closed, None);
}

#[test]
fn an_upgrade_may_be_the_nth_request() {
    let mut relay = Relay::new();
    exchange(
        &mut relay,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    exchange(
        &mut relay,
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n",
    );
    exchange(&mut relay, "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    exchange(
        &mut relay,
        "GET /b HTTP/1.1\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    );
    exchange(&mut relay, &upgrade_request(""), &upgrade_response(""));
    let Some(Report::WebSocketOpened(handshake)) = relay.outcome.reports.first() else { panic!() };
    assert_eq!(handshake.path(), "/chat");
    assert_eq!(relay.session.counters().requests, 5);
    relay.feed(ToServer, &text("' OR '1'='1"));
    assert!(relay.outcome.closed.is_some());
}

#[test]
fn pipelined_requests_match_their_responses() {
    let mut relay = Relay::new();
    let requests = format!("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\n{}", upgrade_request(""));
    relay.feed(ToServer, requests.as_bytes());
    assert_eq!(relay.to_server(), requests.as_bytes());
    let responses =
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    relay.feed(ToClient, responses.as_bytes());
    relay.feed(ToClient, upgrade_response("").as_bytes());
    assert!(matches!(relay.outcome.reports.as_slice(), [Report::WebSocketOpened(_)]));
}

#[test]
fn a_body_until_close_ends_with_the_connection() {
    let mut relay = Relay::new();
    exchange(
        &mut relay,
        "GET / HTTP/1.0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 101 is only text here\r\n\r\n",
    );
    relay.eof(ToServer);
    assert_eq!(relay.outcome.finished, [true, false]);
    relay.feed(ToClient, b"more");
    relay.eof(ToClient);
    assert_eq!(relay.outcome.finished, [true, true]);
    assert!(relay.to_client().ends_with(b"more"));
}

#[test]
fn what_is_not_http_passes_untouched_and_is_named() {
    for (bytes, kind) in [
        (&b"\x16\x03\x01\x00\x05hello"[..], OpaqueKind::TlsClientHello),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", OpaqueKind::Http2Preface),
        (b"PING\r\nmore\0", OpaqueKind::NotHttp),
        (b"\0\0\0\x01", OpaqueKind::NotHttp),
    ] {
        let mut relay = Relay::new();
        relay.feed(ToServer, bytes);
        relay.feed(ToClient, b"anything");
        relay.feed(ToServer, b"GET / HTTP/1.1\n\n");
        assert_eq!(relay.opaque(), Some(kind));
        assert_eq!(relay.to_server(), [bytes, b"GET / HTTP/1.1\n\n"].concat());
        assert_eq!(relay.to_client(), b"anything");
    }
}

#[test]
fn a_server_that_speaks_first_is_not_http() {
    let mut relay = Relay::new();
    relay.feed(ToClient, b"220 mail.example ESMTP\r\n");
    assert_eq!(relay.opaque(), Some(OpaqueKind::ServerFirst));
    let mut relay = Relay::new();
    exchange(&mut relay, "GET /stream HTTP/1.0\r\n\r\n", "ICY 200 OK\r\n\r\nmusic");
    assert_eq!(relay.opaque(), Some(OpaqueKind::NotHttpResponse));
}

#[test]
fn a_timeout_response_without_a_request_passes_but_allows_no_switch() {
    let mut relay = Relay::new();
    relay.feed(ToServer, b"GET / HT");
    relay.feed(ToClient, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((relay.outcome.closed, relay.opaque()), (None, None));
    let mut relay = Relay::new();
    relay.feed(ToClient, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    relay.feed(ToServer, upgrade_request("").as_bytes());
    relay.feed(ToClient, upgrade_response("").as_bytes());
    assert_eq!(relay.outcome.closed, Some(CloseReason::HttpAmbiguous(HttpAmbiguity::UnexpectedResponse)));
}

#[test]
fn connect_and_other_upgrades_become_tunnels() {
    let mut relay = Relay::new();
    exchange(&mut relay, "CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(relay.opaque(), Some(OpaqueKind::Connect));
    let mut relay = Relay::new();
    exchange(
        &mut relay,
        "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    );
    assert_eq!(relay.opaque(), Some(OpaqueKind::Upgrade));
}

#[test]
fn what_is_not_inspected_can_be_refused() {
    let strict = |mode| Settings { opaque: OpaquePolicy::Close, ..settings(mode) };
    let mut relay = Relay::with(strict(Mode::Block));
    relay.feed(ToServer, b"\x16\x03\x01");
    let reason = CloseReason::OpaqueNotAllowed(OpaqueKind::TlsClientHello);
    assert_eq!((relay.outcome.closed, relay.opaque()), (Some(reason), None));
    assert!(relay.outcome.aborted && relay.to_server().is_empty());

    let mut relay = Relay::with(strict(Mode::Block));
    relay.feed(ToServer, b"CONNECT a:1 HTTP/1.1\r\n\r\n");
    relay.feed(ToClient, b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(relay.outcome.closed, Some(CloseReason::OpaqueNotAllowed(OpaqueKind::Connect)));
    assert_eq!(relay.to_client(), b"");

    let mut relay = Relay::with(strict(Mode::Log));
    relay.feed(ToServer, b"PING\r\n");
    relay.feed(ToClient, b"PONG\r\n");
    assert_eq!(relay.offences().len(), 1);
    assert_eq!((relay.outcome.closed, relay.opaque()), (None, Some(OpaqueKind::NotHttp)));
    assert_eq!(relay.session.counters().opaque_bytes, 6);
}

#[test]
fn a_refused_upgrade_leaves_http() {
    let mut relay = Relay::new();
    exchange(
        &mut relay,
        &upgrade_request(""),
        "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno",
    );
    exchange(&mut relay, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    exchange(&mut relay, &upgrade_request(""), &upgrade_response(""));
}

#[test]
fn client_bytes_wait_for_the_answer_to_an_upgrade() {
    let request = upgrade_request("");
    let mut relay = Relay::new();
    relay.feed(ToServer, &[request.as_bytes(), &text("hi"), &text("1' OR '1'='1")].concat());
    assert_eq!(relay.to_server(), request.as_bytes());
    relay.feed(ToClient, &[upgrade_response("").as_bytes(), &server_frame(FIN, TEXT, b"hello")].concat());
    assert!(relay.to_server().starts_with(&[request.as_bytes(), &text("hi")].concat()));
    assert_eq!(relay.outcome.closed.map(CloseReason::as_str), Some("attack-sqli"));

    // The server's answer brings it to light, but the client did it.
    let mut relay = Relay::new();
    relay.feed(ToServer, &[request.as_bytes(), &server_frame(FIN, TEXT, b"unmasked")].concat());
    relay.feed(ToClient, upgrade_response("").as_bytes());
    assert_eq!(relay.offences()[0].direction, ToServer);

    let mut relay = Relay::new();
    relay.feed(ToServer, &[request.as_bytes(), b"GET /next HTTP/1.1\r\n\r\n"].concat());
    assert_eq!(relay.to_server(), request.as_bytes());
    relay.feed(ToClient, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert!(relay.to_server().ends_with(b"GET /next HTTP/1.1\r\n\r\n"));

    let mut relay = Relay::new();
    relay.feed(ToServer, request.as_bytes());
    relay.feed(ToServer, &vec![0; 64 * 1024]);
    assert_eq!(relay.outcome.closed, None);
    relay.feed(ToServer, &[0]);
    assert_eq!(relay.outcome.closed, Some(CloseReason::EarlyDataTooBig));
    assert!(relay.outcome.aborted);
}

#[test]
fn a_half_close_waits_for_held_bytes() {
    let mut relay = Relay::new();
    relay.feed(ToServer, &[upgrade_request("").as_bytes(), &text("hi")].concat());
    relay.eof(ToServer);
    assert_eq!(relay.outcome.finished, [false, false]);
    relay.feed(ToClient, upgrade_response("").as_bytes());
    assert!(relay.to_server().ends_with(&text("hi")));
    assert_eq!(relay.outcome.finished, [true, false]);
}

#[test]
fn a_switch_that_is_not_in_order_ends_the_connection() {
    let closed = |request: &str, response: &str| {
        let mut relay = Relay::new();
        relay.feed(ToServer, request.as_bytes());
        relay.feed(ToClient, response.as_bytes());
        assert_eq!(relay.to_client(), b"", "the response must not go on");
        assert!(relay.outcome.aborted);
        relay.outcome.closed.unwrap()
    };
    let good = (upgrade_request(""), upgrade_response(""));
    let old = good.0.replace("Version: 13", "Version: 8");
    assert_eq!(closed(&old, &good.1), CloseReason::UpgradeInvalid(UpgradeError::Version));
    let wrong = good.1.replace("s3pP", "aaaa");
    assert_eq!(closed(&good.0, &wrong), CloseReason::UpgradeInvalid(UpgradeError::Accept));
    let plain = "GET / HTTP/1.1\r\n\r\n";
    assert_eq!(closed(plain, &good.1), CloseReason::UpgradeInvalid(UpgradeError::NotRequested));
    let strange = (upgrade_request("x-strange"), upgrade_response("x-strange"));
    assert_eq!(closed(&strange.0, &strange.1), CloseReason::ExtensionUnsupported);
}

#[test]
fn ambiguous_http_never_reaches_the_application() {
    for (request, ambiguity) in [
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", HttpAmbiguity::ContentLength),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            HttpAmbiguity::LengthAndChunked,
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", HttpAmbiguity::ObsFold),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", HttpAmbiguity::FieldName),
        ("GET / HTTP/1.2\r\nUpgrade: websocket\r\n\r\n", HttpAmbiguity::StartLine),
        ("GET / HTTP/1.1\nHost: a\n\n", HttpAmbiguity::BareLf),
    ] {
        let mut relay = Relay::new();
        relay.feed(ToServer, request.as_bytes());
        assert_eq!(relay.outcome.closed, Some(CloseReason::HttpAmbiguous(ambiguity)), "{request:?}");
        let offence = relay.offences()[0];
        assert_eq!((offence.direction, offence.signal()), (ToServer, Some(Signal::HttpAmbiguous)));
        assert_eq!(relay.to_server(), b"");
        assert!(relay.outcome.aborted);
        relay.feed(ToServer, b"more");
        relay.feed(ToClient, b"more");
    }
}

#[test]
fn limits_of_http_end_the_connection() {
    let mut relay = Relay::new();
    relay.feed(ToServer, format!("GET /{} HTTP/1.1\r\n", "a".repeat(64 * 1024)).as_bytes());
    assert_eq!(relay.outcome.closed, Some(CloseReason::HttpHeadTooBig));
    let mut relay = Relay::new();
    relay.feed(ToServer, "GET / HTTP/1.1\r\n\r\n".repeat(64).as_bytes());
    assert_eq!(relay.outcome.closed, None);
    relay.feed(ToServer, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(relay.outcome.closed, Some(CloseReason::TooManyRequests));
}

#[test]
fn heads_that_trickle_in_are_passed_on_and_cost_little() {
    let mut relay = Relay::with(settings(framewall_inspect::Mode::Block));
    let head = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "b".repeat(60_000));
    let started = std::time::Instant::now();
    for byte in head.as_bytes() {
        relay.feed(ToServer, &[*byte]);
    }
    assert_eq!(relay.to_server(), head.as_bytes());
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
