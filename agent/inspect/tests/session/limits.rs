//! What happens at each limit, by policy and by mode.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use framewall_inspect::{
    Budget, CloseReason, FindingAction, Limits, Mode, OversizePolicy, Report, Settings, Signal,
};

use crate::{
    peer::{
        BINARY, CLOSE, CONTINUATION, Deflater, FIN, PING, RSV1, TEXT, client_frame, server_frame, text,
        upgrade_request,
    },
    relay::{Relay, ToClient, ToServer, settings},
};

const SECOND: Duration = Duration::from_secs(1);

fn with(limits: Limits) -> Settings {
    Settings { limits, ..settings(Mode::Block) }
}

fn websocket(settings: Settings) -> Relay {
    Relay::websocket("permessage-deflate", settings)
}

/// Small limits, beyond which messages pass.
fn passing() -> Settings {
    with(Limits {
        max_message_bytes: 1000,
        max_message_fragments: 3,
        max_frame_bytes: Some(5000),
        oversize: OversizePolicy::Pass,
        ..Limits::default()
    })
}

fn rate(per_second: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(per_second)
}

/// Bytes that do not compress and are not text.
fn noise(len: u32) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect()
}

fn assert_passed(relay: &Relay, sent: &[u8], reason: CloseReason) {
    assert_eq!(relay.outcome.closed, None);
    assert_eq!(relay.to_server(), sent);
    assert_eq!(relay.held(ToServer), 0);
    let offence = relay.offences()[0];
    assert_eq!((offence.reason, offence.action), (reason, FindingAction::Log));
    assert_eq!(offence.signal(), Some(Signal::WsUninspected));
    assert_eq!(relay.session.counters().uninspected_messages, 1);
}

fn assert_next_is_inspected(relay: &mut Relay, attack: &[u8]) {
    relay.feed(ToServer, attack);
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
}

#[test]
fn a_frame_may_be_limited_by_itself() {
    let settings = with(Limits { max_frame_bytes: Some(10), ..Limits::default() });
    let mut relay = websocket(settings.clone());
    relay.feed(ToServer, &client_frame(0, TEXT, &[b'a'; 10]));
    relay.feed(ToServer, &client_frame(FIN, CONTINUATION, &[b'a'; 10]));
    assert_eq!(relay.outcome.closed, None);
    relay.feed(ToServer, &client_frame(FIN, TEXT, &[b'a'; 11])[..6]);
    assert_eq!(relay.outcome.closed, Some(CloseReason::FrameTooBig));
    assert!(relay.to_client().starts_with(b"\x88\x11\x03\xf1"), "Close 1009");
}

#[test]
fn a_message_beyond_the_limits_may_pass_and_the_next_is_inspected() {
    let long = "a b ".repeat(1000);
    let frames = |count: usize| {
        let mut frames = client_frame(0, TEXT, b"a");
        frames.extend(client_frame(0, CONTINUATION, b"b").repeat(count));
        [frames, client_frame(FIN, CONTINUATION, b"c")].concat()
    };
    for (message, reason) in [
        (text(&long), CloseReason::MessageTooBig),
        (client_frame(FIN, BINARY, &noise(1001)), CloseReason::MessageTooBig),
        (client_frame(FIN, TEXT, &[b'a'; 5001]), CloseReason::FrameTooBig),
        (frames(2), CloseReason::TooManyFragments),
        (Deflater::new().frame(TEXT, long.as_bytes()), CloseReason::MessageTooBig),
        (Deflater::new().frame(TEXT, &[b'a'; 1001]), CloseReason::MessageTooBig),
        (Deflater::new().frame(BINARY, &noise(1001)), CloseReason::MessageTooBig),
        // Nothing but empty stored blocks, which inflate to nothing.
        (
            client_frame(FIN | RSV1, BINARY, &[&b"\0\0\0\xff\xff".repeat(300)[..], b"\0"].concat()),
            CloseReason::MessageTooBig,
        ),
    ] {
        for step in [1, 100, message.len()] {
            let mut relay = websocket(passing());
            for piece in message.chunks(step) {
                relay.feed(ToServer, piece);
            }
            assert_passed(&relay, &message, reason);
            assert_eq!(relay.session.counters().to_server.messages, 1);
            assert_next_is_inspected(&mut relay, &text("' OR '1'='1"));
        }
    }
}

#[test]
fn a_message_that_passes_is_not_held() {
    let mut relay = websocket(passing());
    let payload = noise(200_000);
    for (i, piece) in payload.chunks(4000).enumerate() {
        relay.feed(ToServer, &client_frame(0, if i == 0 { BINARY } else { CONTINUATION }, piece));
        assert!(relay.held(ToServer) <= 1100 && relay.session.buffered_bytes() < 64 * 1024);
    }
}

#[test]
fn what_was_read_of_it_is_inspected_first() {
    let attack = r#"{"a":"' OR '1'='1","pad":""#;
    for frame in [
        text(&format!("{attack}{}\"}}", "x".repeat(2000))),
        Deflater::new().frame(TEXT, format!("{attack}{}\"}}", "x".repeat(2000)).as_bytes()),
    ] {
        for step in [1, frame.len()] {
            let mut relay = websocket(passing());
            for piece in frame.chunks(step) {
                relay.feed(ToServer, piece);
            }
            assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
            assert_eq!(relay.findings()[0].location, "$.a");
            assert!(!relay.to_server().starts_with(&frame[..6]));
        }
    }
}

#[test]
fn later_messages_refer_to_one_that_passed() {
    for repeats in [100, 20_000] {
        let mut relay = websocket(passing());
        let mut deflater = Deflater::new();
        let long = deflater.frame(BINARY, "never gonna give ".repeat(repeats).as_bytes());
        for piece in long.chunks(7) {
            relay.feed(ToServer, piece);
        }
        let benign = deflater.frame(TEXT, b"never gonna give it up");
        relay.feed(ToServer, &benign);
        assert_passed(&relay, &[long, benign].concat(), CloseReason::MessageTooBig);
        let attack = deflater.frame(TEXT, b"never gonna give ' OR '1'='1");
        assert_next_is_inspected(&mut relay, &attack);
    }
}

#[test]
fn a_final_block_in_a_message_that_passes_keeps_the_window() {
    use flate2::{Compress, Compression, FlushCompress};
    let mut bytes = Vec::with_capacity(10_000);
    let long = noise(3000);
    Compress::new(Compression::best(), false).compress_vec(&long, &mut bytes, FlushCompress::Finish).unwrap();
    let mut relay = websocket(passing());
    let frame = client_frame(FIN | RSV1, BINARY, &bytes);
    relay.feed(ToServer, &frame);
    assert_passed(&relay, &frame, CloseReason::MessageTooBig);
    let mut next = Compress::new(Compression::best(), false);
    next.set_dictionary(&long).unwrap();
    let mut bytes = Vec::with_capacity(10_000);
    next.compress_vec(&long[2000..2900], &mut bytes, FlushCompress::Sync).unwrap();
    bytes.truncate(bytes.len() - 4);
    assert!(bytes.len() < 100);
    relay.feed(ToServer, &client_frame(FIN | RSV1, BINARY, &bytes));
    assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
}

#[test]
fn frames_of_a_message_that_passes_are_still_checked() {
    let start = client_frame(0, TEXT, &[b'a'; 1001]);
    for (bad, sound) in [
        (server_frame(FIN, CONTINUATION, b"a"), 0),
        (client_frame(FIN, TEXT, b"a"), 0),
        (client_frame(FIN | 0x20, CONTINUATION, b"a"), 0),
        (client_frame(FIN, CLOSE, b"a"), 0),
        ([client_frame(FIN, PING, b"hi"), client_frame(FIN, 3, b"")].concat(), 8),
    ] {
        for step in [1, bad.len()] {
            let mut relay = websocket(passing());
            relay.feed(ToServer, &start);
            for piece in bad.chunks(step) {
                relay.feed(ToServer, piece);
            }
            assert!(matches!(relay.outcome.closed, Some(CloseReason::ProtocolError(_))), "{bad:x?}");
            assert_eq!(relay.to_server()[..start.len()], start);
            assert_eq!(relay.outcome.discarded[0], bad.len() - sound);
        }
    }
}

#[test]
fn our_close_never_stands_within_a_frame_that_passes() {
    let long = client_frame(0, TEXT, &[b'a'; 3000]);
    for (sent, close) in [(2999, false), (long.len(), true), (long.len() + 3, true)] {
        let mut relay = websocket(passing());
        relay.feed(ToServer, &[&long[..], &client_frame(FIN, CONTINUATION, b"b")].concat()[..sent]);
        assert_eq!(relay.held(ToServer), sent.saturating_sub(long.len()));
        relay.shutdown();
        assert_eq!(relay.to_server().len() > sent.min(long.len()), close, "{sent}");
        assert!(relay.outcome.finished[0]);
    }
}

#[test]
fn mode_log_passes_the_message_and_goes_on() {
    let limits = Limits { max_message_bytes: 1000, ..Limits::default() };
    let mut relay = websocket(Settings { limits, ..settings(Mode::Log) });
    let message = text(&"a b ".repeat(1000));
    relay.feed(ToServer, &message);
    assert_passed(&relay, &message, CloseReason::MessageTooBig);
    relay.feed(ToServer, &text("' OR '1'='1"));
    assert_eq!((relay.findings().len(), relay.outcome.closed), (1, None));
}

#[test]
fn a_ratio_is_looked_at_above_its_floor_only() {
    let limits = Limits { max_message_bytes: 8 << 20, ..Limits::default() };
    let zeros = |len: usize| format!("[{}0]", "0,".repeat(len / 2)).into_bytes();
    let small = Deflater::new().frame(TEXT, &zeros(1_000_000));
    let large = Deflater::new().frame(TEXT, &zeros(6_000_000));
    let mut relay = websocket(with(limits.clone()));
    relay.feed(ToServer, &small);
    assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
    for step in [1, 5000, large.len()] {
        let mut relay = websocket(with(limits.clone()));
        for piece in large.chunks(step) {
            relay.feed(ToServer, piece);
        }
        assert_eq!(relay.outcome.closed, Some(CloseReason::InflateRatio));
    }
    let mut relay = websocket(with(Limits { max_inflate_ratio: 2000, ..limits.clone() }));
    relay.feed(ToServer, &large);
    assert_eq!(relay.outcome.closed, None);
    let mut relay = websocket(Settings { limits, ..settings(Mode::Log) });
    relay.feed(ToServer, &large);
    assert_passed(&relay, &large, CloseReason::InflateRatio);
}

#[test]
fn rates_are_what_one_second_brings() {
    let messages = Limits { max_messages_per_second: rate(3), ..Limits::default() };
    let controls = Limits { max_control_frames_per_second: rate(3), ..Limits::default() };
    let bytes = Limits { max_bytes_per_second: rate(3 * text("hi").len() as u32), ..Limits::default() };
    for (limits, frame, reason) in [
        (messages, text("hi"), CloseReason::MessageRate),
        (controls, client_frame(FIN, PING, b"hi"), CloseReason::ControlFrameRate),
        (bytes, text("hi"), CloseReason::ByteRate),
    ] {
        let mut relay = websocket(with(limits.clone()));
        relay.feed(ToServer, &frame.repeat(3));
        relay.wait(SECOND);
        relay.feed(ToServer, &frame.repeat(2));
        relay.wait(SECOND / 3 + Duration::from_millis(1));
        relay.feed(ToServer, &frame.repeat(2));
        assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
        relay.feed(ToServer, &frame);
        assert_eq!(relay.outcome.closed, Some(reason));
        assert!(relay.to_server().starts_with(&frame.repeat(7)));
        assert_eq!(relay.outcome.discarded[0], frame.len());

        let mut relay = websocket(Settings { limits, ..settings(Mode::Log) });
        relay.feed(ToServer, &frame.repeat(9));
        assert_eq!(relay.to_server(), frame.repeat(9));
        assert_eq!(relay.offences().len(), 1, "reported once");
        relay.feed(ToServer, &text("' OR '1'='1"));
        assert_eq!(relay.findings().len(), 1);
    }
}

#[test]
fn a_message_has_its_time() {
    let mut relay = websocket(settings(Mode::Block));
    relay.feed(ToServer, &text("hi"));
    assert_eq!(relay.session.poll_timeout(), None);
    relay.feed(ToServer, &text("hello")[..1]);
    let due = relay.now + Duration::from_secs(120);
    assert_eq!(relay.session.poll_timeout(), Some(due));
    relay.wait(SECOND);
    relay.feed(ToServer, &text("hello")[1..8]);
    assert_eq!(relay.session.poll_timeout(), Some(due), "no new time for more bytes");
    relay.feed(ToServer, &text("hello")[8..]);
    assert_eq!(relay.session.poll_timeout(), None);
    relay.feed(ToServer, &client_frame(0, TEXT, b"a"));
    relay.wait(100 * SECOND);
    relay.feed(ToServer, &client_frame(FIN, PING, b""));
    relay.wait(19 * SECOND);
    assert_eq!(relay.outcome.closed, None);
    relay.wait(SECOND);
    assert_eq!(relay.outcome.closed, Some(CloseReason::MessageTimeout));
    assert_eq!(relay.session.poll_timeout(), Some(relay.now + 2 * SECOND));
}

#[test]
fn a_slow_application_is_not_the_clients_fault() {
    let mut relay = websocket(settings(Mode::Block));
    relay.session.handle_stall(SECOND);
    relay.feed(ToServer, &client_frame(0, TEXT, b"a"));
    relay.session.handle_stall(60 * SECOND);
    assert_eq!(relay.session.poll_timeout(), Some(relay.now + 180 * SECOND));
    relay.wait(179 * SECOND);
    assert_eq!(relay.outcome.closed, None);
    relay.wait(SECOND);
    assert_eq!(relay.outcome.closed, Some(CloseReason::MessageTimeout));
}

#[test]
fn a_request_head_has_its_time_and_its_answer_has_not() {
    let mut relay = Relay::new();
    relay.feed(ToServer, b"\r\n");
    assert_eq!(relay.session.poll_timeout(), None);
    let request = upgrade_request("");
    let (most, last) = request.as_bytes().split_at(request.len() - 1);
    relay.feed(ToServer, most);
    assert_eq!(relay.session.poll_timeout(), Some(relay.now + 30 * SECOND));
    relay.wait(29 * SECOND);
    relay.feed(ToServer, last);
    assert_eq!(relay.session.poll_timeout(), None);
    let mut relay = Relay::new();
    relay.feed(ToServer, b"GET / HT");
    relay.wait(30 * SECOND);
    assert_eq!(relay.outcome.closed, Some(CloseReason::HandshakeTimeout));
    assert!(relay.outcome.aborted);
}

#[test]
fn mode_log_reports_a_timeout_once_and_goes_on_inspecting() {
    let mut relay = websocket(settings(Mode::Log));
    relay.feed(ToServer, &client_frame(0, TEXT, b"' OR "));
    relay.wait(121 * SECOND);
    assert_eq!((relay.offences().len(), relay.session.poll_timeout()), (1, None));
    relay.feed(ToServer, &client_frame(FIN, CONTINUATION, b"'1'='1"));
    assert_eq!((relay.offences().len(), relay.findings().len()), (1, 1));
}

#[test]
fn an_idle_connection_ends() {
    let limits = Limits { idle_timeout: Some(10 * SECOND), ..Limits::default() };
    let mut relay = websocket(with(limits.clone()));
    relay.wait(9 * SECOND);
    relay.feed(ToClient, &server_frame(FIN, TEXT, b"hi"));
    relay.wait(9 * SECOND);
    assert_eq!(relay.outcome.closed, None);
    relay.wait(SECOND);
    assert_eq!(relay.outcome.closed, Some(CloseReason::IdleTimeout));
    assert!(relay.to_client().ends_with(b"\x88\x06\x03\xe9idle"));
    // Not even one byte, and no HTTP at all.
    let mut relay = Relay::with(with(limits.clone()));
    assert_eq!(relay.session.poll_timeout(), Some(relay.now + 10 * SECOND));
    relay.feed(ToServer, b"\x16\x03\x01");
    relay.wait(10 * SECOND);
    assert!(relay.outcome.aborted);
    let mut relay = websocket(Settings { limits, ..settings(Mode::Log) });
    relay.wait(100 * SECOND);
    assert_eq!((relay.outcome.closed, relay.session.poll_timeout()), (None, None));
}

#[test]
fn a_connection_has_its_lifetime() {
    let limits = Limits { max_lifetime: Some(10 * SECOND), ..Limits::default() };
    let mut relay = websocket(with(limits));
    for _ in 0..9 {
        relay.wait(SECOND);
        relay.feed(ToServer, &text("hi"));
    }
    assert_eq!(relay.outcome.closed, None);
    relay.wait(SECOND);
    assert_eq!(relay.outcome.closed, Some(CloseReason::LifetimeReached));
}

#[test]
fn unfinished_messages_share_a_budget() {
    let budget = Arc::new(Budget::new(100_000));
    let shared = |mode| Settings { budget: Arc::clone(&budget), ..settings(mode) };
    let half = client_frame(0, TEXT, &[b'a'; 40_000]);
    let mut first = Relay::websocket("", shared(Mode::Block));
    let mut second = Relay::websocket("", shared(Mode::Block));
    let mut third = Relay::websocket("", shared(Mode::Log));
    assert_eq!(budget.used(), 0);
    first.feed(ToServer, &half);
    assert!(budget.used() >= first.held(ToServer) + 40_000);
    second.feed(ToServer, &half);
    assert_eq!(second.outcome.closed, Some(CloseReason::MemoryBudget));
    assert!(second.to_client().starts_with(b"\x88\x11\x03\xf5"), "Close 1013");
    third.feed(ToServer, &half);
    assert_passed(&third, &half, CloseReason::MemoryBudget);
    first.feed(ToServer, &client_frame(FIN, CONTINUATION, b"a"));
    assert_eq!((first.outcome.closed, budget.used()), (None, 0));
    first.feed(ToServer, &half);
    drop(first);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_connection_that_is_being_closed_holds_nothing() {
    let mut relay = websocket(settings(Mode::Block));
    relay.feed(ToClient, &server_frame(FIN, BINARY, b"half")[..3]);
    relay.feed(ToServer, &client_frame(0, BINARY, &noise(500_000)));
    assert!(relay.session.buffered_bytes() >= 500_000);
    relay.feed(ToServer, &client_frame(FIN, 3, b""));
    assert!(relay.outcome.closed.is_some() && !relay.outcome.finished[1]);
    assert_eq!((relay.session.buffered_bytes(), relay.held(ToServer)), (0, 0));
}

#[test]
fn whole_messages_do_not_touch_the_budget() {
    let budget = Arc::new(Budget::new(0));
    let mut relay = Relay::websocket("", Settings { budget, ..settings(Mode::Block) });
    relay.feed(ToServer, &text(&"a".repeat(50_000)).repeat(3));
    assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
}

#[test]
fn many_small_fragments_hold_little_more_than_themselves() {
    let mut relay = websocket(settings(Mode::Block));
    for i in 0..4000 {
        relay.feed(ToServer, &client_frame(0, if i == 0 { TEXT } else { CONTINUATION }, b"a"));
    }
    assert_eq!(relay.outcome.closed, None);
    assert_eq!(relay.held(ToServer), 4000 * 7);
    assert!(relay.session.buffered_bytes() <= 2 * 4096);
    assert!(relay.outcome.reports.iter().all(|report| matches!(report, Report::WebSocketOpened(_))));
}
