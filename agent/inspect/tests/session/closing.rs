use std::time::Duration;

use framewall_inspect::{CloseReason, Mode, ProtocolViolation, Signal};

use crate::{
    peer::{BINARY, CLOSE, FIN, TEXT, client_frame, server_frame, text, upgrade_request},
    relay::{Relay, ToClient, ToServer, settings},
};

const ATTACK: &str = "<script>alert(1)</script>";

fn relay() -> Relay {
    Relay::websocket("", settings(Mode::Block))
}

/// The Close frames for a blocked message, for the mask key 0.
fn blocked() -> (Vec<u8>, Vec<u8>) {
    let body = b"\x03\xf0message blocked by policy";
    let masked = [&[0x88, 0x80 | 27, 0, 0, 0, 0], &body[..]].concat();
    (masked, server_frame(FIN, CLOSE, body))
}

#[test]
fn an_attack_closes_both_sides_at_once_when_nothing_is_in_flight() {
    let mut relay = relay();
    relay.feed(ToServer, &[text("hi"), text(ATTACK), text("more")].concat());
    let (to_server, to_client) = blocked();
    assert_eq!(relay.to_server(), [text("hi"), to_server].concat());
    assert_eq!(relay.to_client(), to_client);
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Xss)));
    assert_eq!(relay.outcome.finished, [true, true]);
    assert_eq!(relay.held(ToServer), 0);
}

#[test]
fn the_close_to_the_client_stands_between_two_frames() {
    let mut relay = relay();
    let frame = server_frame(FIN, BINARY, &[7; 300]);
    relay.feed(ToClient, &frame[..100]);
    relay.feed(ToServer, &text(ATTACK));
    assert_eq!(relay.outcome.finished, [true, false]);
    relay.feed(ToClient, &frame[100..200]);
    relay.feed(ToClient, &[&frame[200..], b"\x81\x01x"].concat());
    assert_eq!(relay.to_client(), [frame, blocked().1].concat());
    assert_eq!(relay.outcome.finished, [true, true]);
    assert_eq!(relay.outcome.discarded[1], 3);
}

#[test]
fn the_start_of_a_server_header_is_dropped() {
    let mut relay = relay();
    relay.feed(ToClient, b"\x82\x7e\x01");
    relay.feed(ToServer, &text(ATTACK));
    assert_eq!(relay.to_client(), blocked().1);
    relay.feed(ToClient, b"\x00rest");
    assert_eq!((relay.outcome.discarded[1], relay.held(ToClient)), (8, 0));
}

#[test]
fn no_second_close_frame_is_sent() {
    let mut relay = relay();
    relay.feed(ToClient, &server_frame(FIN, CLOSE, b"\x03\xe8"));
    relay.feed(ToServer, &text(ATTACK));
    assert_eq!(relay.to_client(), server_frame(FIN, CLOSE, b"\x03\xe8"));
    assert_eq!(relay.to_server(), blocked().0);
    let mut relay = self::relay();
    let close = client_frame(FIN, CLOSE, b"\x03\xe8");
    relay.feed(ToServer, &close);
    relay.feed(ToServer, &text("late"));
    assert_eq!(relay.to_server(), close);
    assert_eq!(relay.outcome.finished, [true, true]);
}

#[test]
fn sides_that_do_not_close_are_reset_after_the_grace_time() {
    let mut relay = relay();
    assert_eq!(relay.session.poll_timeout(), None);
    relay.feed(ToServer, &text(ATTACK));
    assert_eq!(relay.session.poll_timeout(), Some(relay.now + Duration::from_secs(2)));
    relay.wait(Duration::from_millis(1999));
    assert!(!relay.outcome.aborted);
    relay.wait(Duration::from_millis(1));
    assert!(relay.outcome.aborted);
    assert_eq!(relay.session.poll_timeout(), None);
}

#[test]
fn nothing_is_waited_for_once_both_sides_closed() {
    let mut relay = relay();
    relay.feed(ToServer, &text(ATTACK));
    relay.eof(ToClient);
    assert!(relay.session.poll_timeout().is_some());
    relay.feed(ToServer, b"ignored");
    relay.eof(ToServer);
    assert_eq!(relay.session.poll_timeout(), None);
    assert!(!relay.outcome.aborted);
}

#[test]
fn a_server_that_ends_within_a_frame_is_finished_there() {
    let mut relay = relay();
    relay.feed(ToClient, &server_frame(FIN, BINARY, &[7; 50])[..10]);
    relay.feed(ToServer, &text(ATTACK));
    relay.eof(ToClient);
    assert_eq!(relay.to_client().len(), 10);
    assert_eq!(relay.outcome.finished, [true, true]);
}

#[test]
fn a_violation_of_the_server_closes_too() {
    let mut relay = relay();
    let good = server_frame(FIN, TEXT, b"ok");
    relay.feed(ToClient, &[&good[..], b"\x81\x81aaaaa"].concat());
    let violation = ProtocolViolation::MaskedServerFrame;
    assert_eq!(relay.outcome.closed, Some(CloseReason::ProtocolError(violation)));
    assert!(relay.to_client().starts_with(&[&good[..], b"\x88\x10\x03\xea"].concat()));
    assert_eq!(relay.outcome.finished, [true, true]);
}

#[test]
fn shutdown_closes_a_websocket_and_resets_http() {
    let mut relay = relay();
    relay.feed(ToServer, &client_frame(0, TEXT, b"unfinished"));
    relay.shutdown();
    relay.shutdown();
    assert_eq!(relay.outcome.closed, Some(CloseReason::Shutdown));
    assert_eq!(relay.to_client(), server_frame(FIN, CLOSE, b"\x03\xe9going away"));
    assert_eq!(relay.outcome.finished, [true, true]);
    let mut relay = Relay::new();
    relay.feed(ToServer, upgrade_request("").as_bytes());
    relay.shutdown();
    assert_eq!(relay.outcome.closed, Some(CloseReason::Shutdown));
    assert!(relay.outcome.aborted);
}
