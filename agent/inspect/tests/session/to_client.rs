//! Messages of the application, where rules or detectors ask for them.

use std::{sync::Arc, time::Instant};

use framewall_inspect::{
    CloseReason, Direction, FindingAction, Limits, Link, Mode, OversizePolicy, Settings, Signal, Unit,
    rules::{LiveRules, RuleSet},
};

use crate::{
    peer::{
        BINARY, CLOSE, CONTINUATION, Deflater, FIN, PING, RSV1, TEXT, client_frame, server_frame, text,
        upgrade_request, upgrade_response,
    },
    relay::{Relay, ToClient, ToServer},
};

/// No card numbers leave the application.
const CARDS: &str = "[[rule]]\nid = \"cards\"\nwhen = { all = [{ field = \"direction\", equals = \"to_client\" }, \
                     { param = \"card\", matches = \"[0-9]{16}\" }] }\naction = \"block\"\nclose_code = 4011\n\
                     reason = \"withheld\"\n";
const CARD: &str = r#"{"user":{"card":"4111111111111111"}}"#;
const SQLI: &str = r#"{"q":"' OR '1'='1"}"#;

fn rules(text: &str) -> Arc<RuleSet> {
    let nothing = |file: &str, _: &str| Err(format!("{file} is not here"));
    RuleSet::load(&[("rules.toml", text)], &nothing, 0).unwrap_or_else(|errors| panic!("{}", errors[0])).0
}

fn settings(text: &str) -> Settings {
    Settings { rules: Arc::new(LiveRules::new(rules(text))), ..Settings::default() }
}

fn says(message: &str) -> Vec<u8> {
    server_frame(FIN, TEXT, message.as_bytes())
}

/// Whether a message of the application goes on as it is, and then the connection, too.
fn passes(relay: &mut Relay, frames: &[u8]) -> bool {
    let before = relay.to_client().len();
    relay.feed(ToClient, frames);
    relay.outcome.closed.is_none() && &relay.to_client()[before..] == frames
}

/// Nothing of the last message has reached the client, and both sides are told so.
fn assert_withheld(relay: &Relay, before: &[u8]) {
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
    let close = [0x0f_u8, 0xab].into_iter().chain(*b"withheld").collect::<Vec<_>>();
    assert_eq!(relay.to_client(), [before, &server_frame(FIN, CLOSE, &close)].concat());
    // Masked with the key of the harness, which is zero.
    let masked = [&[0x88, 0x8a, 0, 0, 0, 0][..], &close].concat();
    assert!(relay.to_server().ends_with(&masked), "{:x?}", relay.to_server());
    assert_eq!(relay.outcome.finished, [true, true]);
}

#[test]
fn a_withheld_message_never_reaches_the_client_in_any_wrapping_or_split() {
    let hello = says(r#"{"user":{"card":"none"}}"#);
    let (first, rest) = CARD.as_bytes().split_at(20);
    let mut deflater = Deflater::new();
    let mut deflate = |text: &[u8]| deflater.message(text);
    let (opening, packed) = (deflate(b"later messages refer to this 4111111"), deflate(CARD.as_bytes()));
    let (packed_first, packed_rest) = packed.split_at(packed.len() / 2);
    let fragmented = [
        server_frame(0, TEXT, first),
        server_frame(FIN, PING, b"in between"),
        server_frame(FIN, CONTINUATION, rest),
    ];
    let wrappings = [
        (hello.clone(), says(CARD)),
        (hello.clone(), fragmented.concat()),
        (hello, server_frame(FIN, BINARY, CARD.as_bytes())),
        (server_frame(FIN | RSV1, TEXT, &opening), server_frame(FIN | RSV1, TEXT, &packed)),
        (
            server_frame(FIN | RSV1, TEXT, &opening),
            [server_frame(RSV1, TEXT, packed_first), server_frame(FIN, CONTINUATION, packed_rest)].concat(),
        ),
    ];
    for (passing, withheld) in wrappings {
        for step in [1, 2, 7, withheld.len()] {
            let mut relay = Relay::websocket("permessage-deflate", settings(CARDS));
            assert!(passes(&mut relay, &passing));
            relay.feed(ToServer, &text(CARD));
            assert_eq!(relay.to_server(), text(CARD), "clients may say it");
            for piece in withheld.chunks(step) {
                relay.feed(ToClient, piece);
            }
            assert_withheld(&relay, &passing);
            let [matched] = relay.matches()[..] else { panic!("{:?}", relay.matches()) };
            assert_eq!((&*matched.rule, matched.direction), ("cards", Direction::ToClient));
            assert!(matches!(matched.unit, Unit::Message { index: 2, .. }));
            relay.feed(ToClient, &says("more"));
            relay.feed(ToServer, &client_frame(FIN, CLOSE, b"\x0f\xab"));
            assert_withheld(&relay, &passing);
        }
    }
}

#[test]
fn without_takeover_each_message_is_inflated_by_itself() {
    let mut relay = Relay::websocket("permessage-deflate; server_no_context_takeover", settings(CARDS));
    for _ in 0..3 {
        let frame =
            server_frame(FIN | RSV1, TEXT, &Deflater::new().message(b"{\"card\":\"a word and a word\"}"));
        assert!(passes(&mut relay, &frame));
        assert!(relay.session.buffered_bytes() < 4096, "no window is kept");
    }
    relay.feed(ToClient, &server_frame(FIN | RSV1, TEXT, &Deflater::new().message(CARD.as_bytes())));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
}

#[test]
fn where_nobody_asks_nothing_is_held_or_kept() {
    for text in [
        "",
        "[[rule]]\nid = \"a\"\nwhen = { param = \"card\", exists = true }\naction = \"block\"\n",
        "[[rule]]\nid = \"b\"\nwhen = { field = \"direction\", equals = \"to_server\" }\naction = \"block\"\n",
        "[[rule]]\nid = \"c\"\nwhen = { all = [{ field = \"direction\", not_equals = \"to_server\" }, \
         { field = \"path\", equals = \"/other\" }] }\naction = \"block\"\n",
        "[[rule]]\nid = \"d\"\nports = [1]\nwhen = { field = \"direction\", equals = \"to_client\" }\naction = \"block\"\n",
        "[[exclude]]\nid = \"e\"\nsignals = [\"SQLI\"]\nwhen = { field = \"direction\", equals = \"to_client\" }\n",
        "[[rate_limit]]\nid = \"f\"\nkey = [\"client.ip\"]\nthreshold = 1\nwindow_s = 1\nduration_s = 1\naction = \"block\"\n\
         applies_to = \"all\"\n",
        "[attack_threshold]\nper_1_min = 1\nblock = \"all\"\n",
    ] {
        let mut relay = Relay::websocket("permessage-deflate", settings(text));
        let card = says(CARD);
        let (begun, rest) = card.split_at(10);
        assert!(passes(&mut relay, begun) && passes(&mut relay, rest), "{text}");
        assert!(passes(&mut relay, &server_frame(FIN | RSV1, TEXT, b"not deflated")), "{text}");
        assert!(passes(&mut relay, &server_frame(FIN, TEXT, b"\xff")), "{text}");
        assert!(passes(&mut relay, &says(SQLI)), "{text}");
        assert_eq!(relay.session.counters().to_client.messages, 4);
        assert!(relay.session.buffered_bytes() < 4096 && relay.matches().is_empty(), "{text}");
    }
}

#[test]
fn a_rule_that_names_both_directions_is_asked_about_both() {
    let both = "[[rule]]\nid = \"both\"\nwhen = { all = [{ param = \"card\", exists = true }, { any = [\
                { field = \"direction\", equals = \"to_client\" }, { field = \"direction\", equals = \"to_server\" }] \
                }] }\naction = \"block\"\n";
    let mut relay = Relay::websocket("", settings(both));
    assert!(passes(&mut relay, &says("{}")));
    relay.feed(ToClient, &says(CARD));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
    let mut relay = Relay::websocket("", settings(both));
    relay.feed(ToServer, &text(CARD));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
}

#[test]
fn every_fact_of_a_message_is_that_of_the_applications() {
    let facts = [
        "field = \"opcode\", equals = \"text\"",
        "field = \"wire_bytes\", lt = 60",
        "field = \"bytes\", gt = 900",
        "field = \"fragments\", equals = 2",
        "field = \"index\", equals = 1",
        "field = \"compressed\", equals = true",
        "field = \"text\", contains = \"aaa\"",
        "param = \"a\", starts_with = \"aa\"",
        "field = \"path\", equals = \"/chat\"",
    ];
    let rules: String = facts
        .iter()
        .enumerate()
        .map(|(n, fact)| {
            format!(
                "[[rule]]\nid = \"r{n}\"\nwhen = {{ all = [{{ field = \"direction\", equals = \"to_client\" }}, \
                 {{ {fact} }}] }}\naction = \"tag\"\ntag = \"T{n}\"\n"
            )
        })
        .collect();
    let mut relay = Relay::websocket("permessage-deflate", settings(&rules));
    relay.feed(ToServer, &text("an index of its own"));
    let packed = Deflater::new().message(format!("{{\"a\":\"{}\"}}", "a".repeat(1000)).as_bytes());
    let (first, rest) = packed.split_at(5);
    let frames = [server_frame(RSV1, TEXT, first), server_frame(FIN, CONTINUATION, rest)].concat();
    assert!(passes(&mut relay, &frames));
    let matched: Vec<_> = relay.matches().iter().map(|matched| matched.rule.to_string()).collect();
    assert_eq!(matched, (0..facts.len()).map(|n| format!("r{n}")).collect::<Vec<_>>());
}

#[test]
fn limits_count_what_the_application_says_and_tags_reach_them() {
    let limit = "[[rule]]\nid = \"card\"\nwhen = { all = [{ field = \"direction\", equals = \"to_client\" }, \
                 { param = \"card\", exists = true }] }\naction = \"tag\"\ntag = \"CARD\"\n\
                 [[rate_limit]]\nid = \"cards\"\nkey = [\"client.ip\", \"param:card\"]\nthreshold = 3\nwindow_s = 60\n\
                 duration_s = 60\naction = \"block\"\nwhen = { all = [{ signal = \"CARD\" }, \
                 { field = \"direction\", equals = \"to_client\" }] }\n";
    let mut relay = Relay::websocket("", settings(limit));
    for n in [1, 1, 2] {
        assert!(passes(&mut relay, &says(&format!("{{\"card\":{n}}}"))));
        relay.feed(ToServer, &text("{\"card\":1}"));
    }
    assert!(!passes(&mut relay, &says("{\"card\":1}")));
    assert_eq!(relay.outcome.closed, Some(CloseReason::RateLimit));
}

#[test]
fn in_mode_log_everything_passes_at_once_and_is_told() {
    let mut relay = Relay::websocket("", Settings { mode: Mode::Log, ..settings(CARDS) });
    let card = says(CARD);
    let (begun, rest) = card.split_at(12);
    assert!(passes(&mut relay, begun) && passes(&mut relay, rest) && passes(&mut relay, &says(CARD)[..5]));
    let [matched] = relay.matches()[..] else { panic!("{:?}", relay.matches()) };
    assert!(!matched.done);
    relay.shutdown();
    // The frame in flight ends before ours.
    relay.feed(ToClient, &[&says(CARD)[5..], &says("more")].concat());
    let written = [says(CARD), says(CARD), server_frame(FIN, CLOSE, b"\x03\xe9going away")].concat();
    assert_eq!(relay.to_client(), written);
}

#[test]
fn detectors_look_at_the_applications_messages_only_where_they_are_told_to() {
    let rule = "[[rule]]\nid = \"sqli\"\nwhen = { all = [{ field = \"direction\", equals = \"to_client\" }, \
                { signal = \"SQLI\" }] }\naction = \"log\"\n";
    for text in ["", rule, CARDS] {
        let mut relay = Relay::websocket("", settings(text));
        assert!(passes(&mut relay, &says(SQLI)) && passes(&mut relay, &says("{\"q\":")), "{text}");
        assert!(relay.findings().is_empty() && relay.matches().is_empty(), "{text}");
        let mut relay = Relay::websocket("", Settings { detect_to_client: true, ..settings(text) });
        assert!(passes(&mut relay, &says("{\"q\":")), "{text}");
        assert!(!passes(&mut relay, &says(SQLI)), "{text}");
        assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)), "{text}");
        let found = relay.findings();
        let [tagged, blocked] = found[..] else { panic!("{found:?}") };
        assert_eq!((tagged.signal, tagged.action), (Signal::JsonError, FindingAction::Tag));
        assert_eq!((blocked.signal, blocked.direction), (Signal::Sqli, Direction::ToClient));
        assert_eq!(relay.matches().len(), usize::from(text == rule));
    }
    // What the application says does not make its client an attacker.
    let threshold = "[attack_threshold]\nper_1_min = 1\nblock = \"all\"\n[signals]\nSQLI = \"tag\"\n";
    let mut relay = Relay::websocket("", Settings { detect_to_client: true, ..settings(threshold) });
    assert!(passes(&mut relay, &says(SQLI)) && passes(&mut relay, &says(SQLI)));
    relay.feed(ToServer, &text("hello"));
    assert_eq!(relay.outcome.closed, None);
}

#[test]
fn long_messages_are_dealt_with_as_the_clients_are() {
    let limits = Limits { max_message_bytes: 100, ..Limits::default() };
    let with = |limits: Limits| Settings { limits, ..settings(CARDS) };
    let long = says(&"x".repeat(300));
    let mut relay = Relay::websocket("", with(limits.clone()));
    relay.feed(ToClient, &long[..10]);
    assert_eq!(relay.outcome.closed, Some(CloseReason::MessageTooBig));
    assert_eq!(relay.offences()[0].direction, Direction::ToClient);
    assert_eq!(relay.to_client()[..2], [0x88, 17], "nothing of it, and a Close");

    let limits = Limits { oversize: OversizePolicy::Pass, ..limits };
    let mut relay = Relay::websocket("permessage-deflate", with(limits.clone()));
    assert!(passes(&mut relay, &long[..200]) && passes(&mut relay, &long[200..]));
    let mut deflater = Deflater::new();
    let mut packed = |text: &str| server_frame(FIN | RSV1, TEXT, &deflater.message(text.as_bytes()));
    assert!(passes(&mut relay, &packed(&"a word and another ".repeat(1000))));
    assert_eq!(relay.session.counters().uninspected_messages, 2);
    assert!(relay.offences().iter().all(|offence| offence.uninspected && offence.direction == ToClient));
    let before = relay.to_client().to_vec();
    relay.feed(ToClient, &packed(CARD));
    assert_withheld(&relay, &before);

    // What begins with what a rule blocks does not begin to pass.
    let mut relay = Relay::websocket("", with(limits.clone()));
    relay.feed(ToClient, &says(&format!("{}{}", CARD.trim_end_matches('}'), "},".repeat(200)))[..200]);
    assert_withheld(&relay, b"");

    // A message that passes is let through to the end of its frame when the connection is ended.
    let mut relay = Relay::websocket("", with(limits));
    assert!(passes(&mut relay, &long[..200]));
    relay.feed(ToServer, &text(SQLI));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
    assert_eq!(relay.to_client(), &long[..200]);
    relay.feed(ToClient, &[&long[200..], &long[..]].concat());
    assert!(relay.to_client().starts_with(&[&long[..], b"\x88"].concat()));
    assert!(relay.to_client().len() < long.len() + 30 && relay.outcome.finished[1]);
}

#[test]
fn a_passing_frame_whose_compression_breaks_is_let_through_to_its_end() {
    let limits = Limits { max_message_bytes: 100, oversize: OversizePolicy::Pass, ..Limits::default() };
    let mut relay = Relay::websocket("permessage-deflate", Settings { limits, ..settings(CARDS) });
    let sound = Deflater::new().message("word ".repeat(1000).as_bytes());
    let broken = server_frame(FIN | RSV1, TEXT, &[&sound[..], &[0xff; 50]].concat());
    let at = broken.len() - 30;
    relay.feed(ToClient, &broken[..at - 20]);
    relay.feed(ToClient, &broken[at - 20..at]);
    relay.feed(ToClient, &broken[at..]);
    assert_eq!(relay.outcome.closed, Some(CloseReason::DeflateError));
    assert!(relay.to_client().starts_with(&broken), "no frame of ours within one of the application");
    assert_eq!(relay.to_client()[broken.len()], 0x88);
}

#[test]
fn an_unfinished_message_of_an_application_that_ends_is_dropped() {
    let mut relay = Relay::websocket("", settings(CARDS));
    let hello = says("hello");
    relay.feed(ToClient, &[&hello[..], &says(CARD)[..20]].concat());
    relay.eof(ToClient);
    assert_eq!(relay.to_client(), hello);
    assert!(relay.outcome.finished[1] && relay.outcome.closed.is_none());
}

#[test]
fn a_close_within_a_message_goes_on_without_the_message() {
    let mut relay = Relay::websocket("", settings(CARDS));
    let close = server_frame(FIN, CLOSE, b"\x0f\xff");
    relay.feed(ToClient, &[server_frame(0, TEXT, CARD.as_bytes()), close.clone()].concat());
    assert_eq!((relay.to_client(), relay.outcome.closed), (&close[..], None));
    // The client may judge what the application closes with.
    let mut relay = Relay::websocket("", settings(CARDS));
    assert!(passes(&mut relay, &server_frame(FIN, CLOSE, b"\x03\xed odd code \xff")));
}

#[test]
fn a_message_that_no_client_may_read_ends_the_connection() {
    for (frame, reason) in [
        (server_frame(FIN, TEXT, b"\xff"), CloseReason::InvalidUtf8),
        (server_frame(FIN | RSV1, TEXT, b"\xff\xff"), CloseReason::DeflateError),
        (
            client_frame(FIN, TEXT, b"masked"),
            CloseReason::ProtocolError(framewall_inspect::ProtocolViolation::MaskedServerFrame),
        ),
    ] {
        let mut relay = Relay::websocket("permessage-deflate", settings(CARDS));
        relay.feed(ToClient, &frame);
        assert_eq!(relay.outcome.closed, Some(reason));
        assert_eq!(relay.offences()[0].direction, Direction::ToClient);
        assert_eq!(relay.to_client()[0], 0x88);
    }
}

#[test]
fn held_messages_of_the_application_are_in_the_budget() {
    for mode in [Mode::Block, Mode::Log] {
        let budget = Arc::new(framewall_inspect::Budget::new(16 * 1024));
        let settings = Settings { mode, budget: Arc::clone(&budget), ..settings(CARDS) };
        let mut relay = Relay::websocket("", settings);
        let frame = server_frame(FIN, BINARY, &[7; 60_000]);
        relay.feed(ToClient, &frame[..5_000]);
        assert!(budget.used() >= 5_000 + relay.held(ToClient));
        relay.feed(ToClient, &frame[5_000..50_000]);
        match mode {
            Mode::Block => assert_eq!(relay.outcome.closed, Some(CloseReason::MemoryBudget)),
            Mode::Log => {
                relay.feed(ToClient, &frame[50_000..]);
                assert_eq!(relay.to_client(), frame);
            }
        }
        assert_eq!(relay.offences()[0].direction, Direction::ToClient, "{mode}");
        drop(relay);
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn rules_that_are_loaded_later_reach_open_connections_from_the_next_message_on() {
    let settings = settings("");
    let live = Arc::clone(&settings.rules);
    let mut relay = Relay::websocket("", settings);
    let card = says(CARD);
    let (begun, rest) = card.split_at(12);
    assert!(passes(&mut relay, begun));
    live.replace(rules(CARDS));
    assert!(passes(&mut relay, rest), "it had begun to pass");
    // The end of one message and the next in one read, too.
    assert!(passes(&mut relay, &says("{}")));
    live.replace(rules(""));
    assert!(passes(&mut relay, &says(CARD)) && passes(&mut relay, &says(CARD)[..9]));
    live.replace(rules(CARDS));
    relay.feed(ToClient, &[&says(CARD)[9..], &says(CARD)].concat());
    let before = [says(CARD), says("{}"), says(CARD), says(CARD)].concat();
    assert_withheld(&relay, &before);
}

#[test]
fn what_refers_to_messages_that_were_not_read_passes_and_is_counted() {
    for (extension, withheld) in
        [("permessage-deflate", false), ("permessage-deflate; server_no_context_takeover", true)]
    {
        let settings = settings("");
        let live = Arc::clone(&settings.rules);
        let mut relay = Relay::websocket(extension, settings);
        let frame = |text: &str| server_frame(FIN | RSV1, TEXT, &Deflater::new().message(text.as_bytes()));
        assert!(passes(&mut relay, &frame("{}")));
        live.replace(rules(CARDS));
        assert_eq!(passes(&mut relay, &frame(CARD)), !withheld, "{extension}");
        assert_eq!(relay.session.counters().uninspected_messages, u64::from(!withheld));
    }
}

#[test]
fn the_first_message_may_come_with_the_answer() {
    let mut relay = Relay::between(Link::default(), settings(CARDS), Instant::now());
    relay.feed(ToServer, upgrade_request("").as_bytes());
    let answer = upgrade_response("");
    relay.feed(ToClient, &[answer.as_bytes(), &says(CARD)].concat());
    assert_withheld(&relay, answer.as_bytes());
}
