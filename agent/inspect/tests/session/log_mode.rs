use framewall_inspect::{CloseReason, FindingAction, Mode, Report, Signal};

use crate::{
    peer::{FIN, TEXT, client_frame, server_frame, text, upgrade_request, upgrade_response},
    relay::{Relay, ToClient, ToServer, settings},
};

#[test]
fn every_byte_passes_at_once() {
    let mut relay = Relay::with(settings(Mode::Log));
    let mut sent = Vec::new();
    for piece in [upgrade_request("").as_bytes(), &text("early"), &client_frame(0, TEXT, b"half")] {
        sent.extend_from_slice(piece);
        relay.feed(ToServer, piece);
        assert_eq!(relay.to_server(), sent);
    }
    relay.feed(ToClient, upgrade_response("").as_bytes());
    relay.feed(ToClient, b"\x81");
    assert!(relay.to_client().ends_with(b"\x81"));
}

#[test]
fn findings_are_reported_one_a_signal() {
    let mut relay = Relay::websocket("", settings(Mode::Log));
    let message = text(r#"{"a":"' OR '1'='1","b":"<script>alert(1)</script>","c":"' OR '2'='2"}"#);
    relay.feed(ToServer, &message);
    let mut found: Vec<_> =
        relay.findings().iter().map(|f| (f.signal, f.action, f.location.clone())).collect();
    found.sort_by_key(|(.., location)| location.clone());
    assert_eq!(
        found,
        [
            (Signal::Sqli, FindingAction::Log, "$.a".to_owned()),
            (Signal::Xss, FindingAction::Log, "$.b".to_owned()),
        ]
    );
    assert_eq!((relay.to_server(), relay.outcome.closed), (&message[..], None));
    relay.feed(ToServer, &text("<script>alert(1)</script>"));
    assert_eq!(relay.session.counters().findings, 3);
}

#[test]
fn violations_are_reported_and_end_the_inspection() {
    let mut relay = Relay::websocket("", settings(Mode::Log));
    relay.feed(ToServer, &client_frame(FIN, TEXT, b"\xff"));
    let given_up = Report::GivenUp(CloseReason::InvalidUtf8);
    assert!(relay.outcome.reports.contains(&given_up));
    let offence = relay.offences()[0];
    assert_eq!((offence.reason, offence.action), (CloseReason::InvalidUtf8, FindingAction::Log));
    assert_eq!(relay.session.counters().offences, 1);
    relay.feed(ToServer, b"anything at all");
    relay.feed(ToClient, b"anything at all");
    assert!(relay.to_server().ends_with(b"anything at all"));
    relay.eof(ToServer);
    assert_eq!((relay.outcome.finished, relay.outcome.closed), ([true, false], None));
}

#[test]
fn shutdown_writes_only_between_frames() {
    let mut relay = Relay::websocket("", settings(Mode::Log));
    let half = &text("hello")[..8];
    relay.feed(ToServer, half);
    relay.feed(ToClient, &server_frame(FIN, TEXT, b"hello")[..4]);
    relay.shutdown();
    relay.feed(ToClient, b"llo\x81\x01x");
    assert_eq!(relay.to_server(), half);
    assert_eq!(relay.to_client(), b"\x81\x05hello\x88\x0c\x03\xe9going away");
    assert_eq!(relay.outcome.discarded, [0, 3]);
    assert_eq!(relay.outcome.finished, [true, true]);
}
