//! Properties: how bytes are split changes nothing; nothing panics; memory stays within the limits.

use std::{num::NonZeroU32, sync::Arc};

use framewall_inspect::{
    CloseReason, DeflatePolicy, Direction, Limits, Mode, OpaquePolicy, OversizePolicy, Settings,
    rules::{LiveRules, RuleSet},
};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    peer::{
        BINARY, CLOSE, CONTINUATION, Deflater, FIN, PING, TEXT, client_frame, server_frame, upgrade_request,
        upgrade_response,
    },
    relay::{Outcome, Relay, ToClient, ToServer},
};

type Turn = (Direction, Vec<u8>);

/// Cuts every turn at the given places and runs the connection.
fn run(turns: &[Turn], cuts: &[Index], settings: &Settings) -> Outcome {
    let mut relay = Relay::with(settings.clone());
    for (direction, bytes) in turns {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        places.push(bytes.len());
        let mut start = 0;
        for place in places {
            relay.feed(*direction, &bytes[start..place]);
            start = place;
        }
    }
    relay.eof(ToServer);
    relay.eof(ToClient);
    relay.outcome
}

fn run_bytewise(turns: &[Turn], settings: &Settings) -> Outcome {
    let mut relay = Relay::with(settings.clone());
    for (direction, bytes) in turns {
        for byte in bytes {
            relay.feed(*direction, &[*byte]);
        }
    }
    relay.eof(ToServer);
    relay.eof(ToClient);
    relay.outcome
}

/// How much of a head that is refused goes on before it is complete depends on the split.
fn but_for_refused_heads(mut outcome: Outcome) -> Outcome {
    if matches!(outcome.closed, Some(CloseReason::OriginNotAllowed | CloseReason::PathNotAllowed)) {
        outcome.written[0].clear();
        outcome.discarded[0] = 0;
    }
    outcome
}

/// Requests with their responses.
fn exchange() -> impl Strategy<Value = Vec<Turn>> {
    let pairs: [(&str, &str); 6] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA;x=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        ),
        ("HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (
            "GET /a HTTP/1.1\r\nUpgrade: websocket\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 304 Not Modified\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 0\n\nHTTP/1.1 304 x\r\n\r\n",
        ),
    ];
    (0..pairs.len()).prop_map(move |i| {
        vec![(ToServer, pairs[i].0.as_bytes().to_vec()), (ToClient, pairs[i].1.as_bytes().to_vec())]
    })
}

#[derive(Clone, Debug)]
enum Event {
    Message { payload: Vec<u8>, opcode: u8, compressed: bool, fragments: Vec<Index>, pings: bool },
    Ping(Vec<u8>),
    Server(Vec<u8>),
    App { payload: Vec<u8>, compressed: bool, fragments: Vec<Index>, pings: bool },
    Close,
    Raw(Vec<u8>),
    RawServer(Vec<u8>),
}

fn benign_payload() -> impl Strategy<Value = (Vec<u8>, u8)> {
    prop_oneof![
        "[a-zä€ 😀]{0,300}".prop_map(|text| (text.into_bytes(), TEXT)),
        "[a-z ]{0,40}"
            .prop_map(|text| (format!("{{\"user\":{{\"text\":\"{text}\\n\"}}}}").into_bytes(), TEXT)),
        vec(any::<u8>().prop_map(|byte| byte | 0x80), 0..300).prop_map(|bytes| (bytes, BINARY)),
    ]
}

fn any_payload() -> impl Strategy<Value = (Vec<u8>, u8)> {
    prop_oneof![
        8 => benign_payload(),
        1 => Just((b"{\"a\":\"' OR '1'='1\"}".to_vec(), TEXT)),
        1 => Just((b"<script>alert(1)</script>".to_vec(), BINARY)),
        1 => Just((b"bad \xff\xfe".to_vec(), TEXT)),
        1 => Just((vec![b'a'; 3000], TEXT)),
    ]
}

fn message(payload: impl Strategy<Value = (Vec<u8>, u8)>) -> impl Strategy<Value = Event> {
    (payload, any::<bool>(), vec(any::<Index>(), 0..4), any::<bool>()).prop_map(
        |((payload, opcode), compressed, fragments, pings)| Event::Message {
            payload,
            opcode,
            compressed,
            fragments,
            pings,
        },
    )
}

/// What the application says; the rules of [`withholding`] keep some of it from the client.
fn app_message() -> impl Strategy<Value = Event> {
    let payload = prop_oneof![
        2 => benign_payload().prop_map(|(payload, _)| payload),
        2 => "[a-z ]{0,40}secre?t[a-z ]{0,40}".prop_map(String::into_bytes),
        1 => "[ ]{0,3}\\{\"x\":[0-9]{1,2}\\}".prop_map(String::into_bytes),
    ];
    (payload, any::<bool>(), vec(any::<Index>(), 0..4), any::<bool>()).prop_map(
        |(payload, compressed, fragments, pings)| Event::App { payload, compressed, fragments, pings },
    )
}

fn is_withheld(payload: &[u8]) -> bool {
    let text = String::from_utf8_lossy(payload);
    let number = text.trim().strip_prefix("{\"x\":").and_then(|rest| rest.strip_suffix('}'));
    text.contains("secret") || number.is_some_and(|number| number.len() == 2 && !number.starts_with('0'))
}

fn withholding(settings: Settings) -> Settings {
    let rules = "[[rule]]\nid = \"withheld\"\naction = \"block\"\nwhen = { all = [{ field = \"direction\", equals = \
                 \"to_client\" }, { any = [{ field = \"text\", contains = \"secret\" }, { param = \"x\", gt = 9 }] }] }\n";
    let nothing = |file: &str, _: &str| Err(format!("{file} is not here"));
    let (set, _) = RuleSet::load(&[("rules.toml", rules)], &nothing, 0).expect("the rule is sound");
    Settings { rules: Arc::new(LiveRules::new(set)), ..settings }
}

fn benign_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => message(benign_payload()),
        1 => vec(any::<u8>(), 0..126).prop_map(Event::Ping),
        2 => vec(any::<u8>(), 0..400).prop_map(Event::Server),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => message(any_payload()),
        1 => vec(any::<u8>(), 0..130).prop_map(Event::Ping),
        2 => vec(any::<u8>(), 0..400).prop_map(Event::Server),
        3 => app_message(),
        1 => Just(Event::Close),
        1 => vec(any::<u8>(), 0..40).prop_map(Event::Raw),
        1 => vec(any::<u8>(), 0..40).prop_map(Event::RawServer),
    ]
}

fn conversation(requests: &[Vec<Turn>], events: &[Event]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = requests.iter().flatten().cloned().collect();
    turns.push((ToServer, upgrade_request("permessage-deflate").into_bytes()));
    turns.push((ToClient, upgrade_response("permessage-deflate").into_bytes()));
    let (mut deflater, mut of_app) = (Deflater::new(), Deflater::new());
    for event in events {
        let turn = match event {
            Event::App { payload, compressed, fragments, pings } => {
                let opcode = if std::str::from_utf8(payload).is_ok() { TEXT } else { BINARY };
                let (payload, rsv) = match compressed {
                    true => (of_app.message(payload), crate::peer::RSV1),
                    false => (payload.clone(), 0),
                };
                (ToClient, fragmented(&payload, opcode, rsv, fragments, *pings, server_frame))
            }
            Event::Message { payload, opcode, compressed, fragments, pings } => {
                let (payload, rsv) = match compressed {
                    true => (deflater.message(payload), crate::peer::RSV1),
                    false => (payload.clone(), 0),
                };
                (ToServer, fragmented(&payload, *opcode, rsv, fragments, *pings, client_frame))
            }
            Event::Ping(body) => (ToServer, client_frame(FIN, PING, body)),
            Event::Server(body) => (ToClient, server_frame(FIN, BINARY, body)),
            Event::Close => (ToServer, client_frame(FIN, CLOSE, b"\x03\xe8bye")),
            Event::Raw(bytes) => (ToServer, bytes.clone()),
            Event::RawServer(bytes) => (ToClient, bytes.clone()),
        };
        turns.push(turn);
    }
    turns
}

fn fragmented(
    payload: &[u8],
    opcode: u8,
    rsv: u8,
    cuts: &[Index],
    pings: bool,
    frame: fn(u8, u8, &[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    places.sort_unstable();
    let mut out = Vec::new();
    let mut start = 0;
    for (i, place) in places.iter().chain([&payload.len()]).enumerate() {
        let fin = if i == places.len() { FIN } else { 0 };
        let (opcode, rsv) = if i == 0 { (opcode, rsv) } else { (CONTINUATION, 0) };
        out.extend(frame(fin | rsv, opcode, &payload[start..*place]));
        if pings && fin == 0 {
            out.extend(frame(FIN, PING, b"in between"));
        }
        start = *place;
    }
    out
}

fn small(mode: Mode) -> Settings {
    let limits = Limits { max_message_bytes: 2000, max_head_bytes: 2000, ..Limits::default() };
    Settings { mode, limits, ..Settings::default() }
}

/// Settings of which short conversations reach every limit that does not depend on time.
fn any_settings() -> impl Strategy<Value = Settings> {
    let rate = || prop_oneof![2 => Just(None), 1 => (1..2500_u32).prop_map(NonZeroU32::new)];
    let few = || prop_oneof![2 => Just(None), 1 => (1..4_u32).prop_map(NonZeroU32::new)];
    (any::<[bool; 6]>(), rate(), few(), few(), prop_oneof![Just(2000), 1..300_usize], 1..8_u32).prop_map(
        |([log, pass, frames, strict, asks, detects], bytes, messages, controls, longest, fragments)| {
            let mut settings = small(if log { Mode::Log } else { Mode::Block });
            settings.limits.oversize = if pass { OversizePolicy::Pass } else { OversizePolicy::Close };
            settings.limits.max_frame_bytes = frames.then_some(200);
            settings.limits.max_bytes_per_second = bytes;
            settings.limits.max_messages_per_second = messages;
            settings.limits.max_control_frames_per_second = controls;
            settings.limits.max_message_bytes = longest;
            settings.limits.max_message_fragments = fragments;
            if strict {
                settings.opaque = OpaquePolicy::Close;
                settings.deflate = DeflatePolicy::Strip;
                settings.handshake.origin_required = longest % 2 == 0;
                settings.handshake.paths = vec!["/chat".parse().expect("a pattern")];
            }
            settings.detect_to_client = detects;
            if asks { withholding(settings) } else { settings }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_split_changes_nothing(
        requests in vec(exchange(), 0..3),
        events in vec(any_event(), 0..6),
        cuts in vec(any::<Index>(), 0..6),
        settings in any_settings(),
    ) {
        let mut turns = conversation(&requests, &events);
        if settings.deflate == DeflatePolicy::Strip && settings.mode == Mode::Block {
            let answered = |turn: &&mut Turn| turn.1 == upgrade_response("permessage-deflate").as_bytes();
            turns.iter_mut().filter(answered).for_each(|turn| turn.1 = upgrade_response("").into_bytes());
        }
        let whole = but_for_refused_heads(run(&turns, &[], &settings));
        prop_assert_eq!(&but_for_refused_heads(run(&turns, &cuts, &settings)), &whole);
        prop_assert_eq!(&but_for_refused_heads(run_bytewise(&turns, &settings)), &whole);
    }

    #[test]
    fn benign_traffic_passes_byte_for_byte(
        requests in vec(exchange(), 0..3),
        events in vec(benign_event(), 0..8),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let turns = conversation(&requests, &events);
        let outcome = run(&turns, &cuts, &small(Mode::Block));
        for (place, direction) in [ToServer, ToClient].into_iter().enumerate() {
            let sent: Vec<u8> =
                turns.iter().filter(|turn| turn.0 == direction).flat_map(|turn| turn.1.clone()).collect();
            prop_assert_eq!(&outcome.written[place], &sent);
        }
        prop_assert_eq!(outcome.closed, None);
        prop_assert_eq!(outcome.finished, [true, true]);
    }

    #[test]
    fn what_a_rule_withholds_never_reaches_the_client(
        events in vec(prop_oneof![4 => app_message(), 1 => benign_event()], 0..8),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        // What is no JSON and no text is for other tests.
        let is_ours = |event: &Event| !matches!(event, Event::Server(body) if body.windows(6).any(|six| six == b"secret"));
        prop_assume!(events.iter().all(is_ours));
        let turns = conversation(&[], &events);
        let withheld = |event: &Event| matches!(event, Event::App { payload, .. } if is_withheld(payload));
        let first = events.iter().position(withheld);
        // The two turns of the handshake come before.
        let passing = first.map_or(turns.len(), |first| first + 2);
        let outcome = run(&turns, &cuts, &withholding(small(Mode::Block)));
        for (place, direction) in [ToServer, ToClient].into_iter().enumerate() {
            let mut sent: Vec<u8> =
                turns[..passing].iter().filter(|turn| turn.0 == direction).flat_map(|turn| turn.1.clone()).collect();
            if first.is_some() {
                let close = b"\x03\xf0message blocked by policy";
                sent.extend(if direction == ToClient {
                    server_frame(FIN, CLOSE, close)
                } else {
                    [&[0x88, 0x80 | close.len() as u8, 0, 0, 0, 0][..], close].concat()
                });
            }
            prop_assert_eq!(&outcome.written[place], &sent);
        }
        prop_assert_eq!(outcome.closed, first.map(|_| CloseReason::Rule));
    }

    #[test]
    fn log_mode_passes_everything(
        turns in vec((any::<bool>(), vec(any::<u8>(), 0..60)), 0..10),
        upgraded in any::<bool>(),
    ) {
        let mut all = if upgraded { conversation(&[], &[]) } else { Vec::new() };
        all.extend(turns.into_iter().map(|(to_server, bytes)| (if to_server { ToServer } else { ToClient }, bytes)));
        let outcome = run(&all, &[], &small(Mode::Log));
        for (place, direction) in [ToServer, ToClient].into_iter().enumerate() {
            let sent: Vec<u8> = all.iter().filter(|turn| turn.0 == direction).flat_map(|turn| turn.1.clone()).collect();
            prop_assert_eq!(&outcome.written[place], &sent);
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        turns in vec((any::<bool>(), vec(any::<u8>(), 0..200)), 0..12),
        start in 0..3_u8,
    ) {
        let mut relay = Relay::with(small(Mode::Block));
        let opening = match start {
            0 => Vec::new(),
            1 => conversation(&[], &[]),
            _ => vec![(ToServer, upgrade_request("").into_bytes())],
        };
        for (direction, bytes) in opening {
            relay.feed(direction, &bytes);
        }
        for (to_server, bytes) in turns {
            relay.feed(if to_server { ToServer } else { ToClient }, &bytes);
        }
        relay.shutdown();
        relay.wait(std::time::Duration::from_secs(3));
    }

    #[test]
    fn hostile_heads_do_no_harm(
        request in "(GET|POST|HEAD|CONNECT) /[a-z]{0,3} HTTP/1.[01]\r\n([A-Z][a-z:, ]{0,9}: ?[!-~ ]{0,9}\r\n|Upgrade: websocket\r\n|Content-Length: [0-9]{1,3}\r\n|Transfer-Encoding: chunked\r\n){0,4}\r\n[0-9a-f\r\n]{0,30}",
        response in "HTTP/1.[01] (101|200|204|304|100) O\r\n([A-Z][a-z:, ]{0,9}: ?[!-~ ]{0,9}\r\n|Upgrade: websocket\r\n|Content-Length: [0-9]{1,3}\r\n|Transfer-Encoding: chunked\r\n){0,4}\r\n[0-9a-f\r\n]{0,30}",
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let turns = [(ToServer, request.into_bytes()), (ToClient, response.into_bytes())];
        let whole = run(&turns, &[], &small(Mode::Block));
        let split = run(&turns, &cuts, &small(Mode::Block));
        prop_assert_eq!(whole.closed, split.closed);
        prop_assert_eq!(whole.reports, split.reports);
    }

    #[test]
    fn memory_stays_within_the_limits(
        events in vec(any_event(), 0..10),
        pass in any::<bool>(),
        asks in any::<bool>(),
    ) {
        let mut settings = small(Mode::Block);
        if pass {
            settings.limits.oversize = OversizePolicy::Pass;
        }
        if asks {
            settings = withholding(settings);
        }
        let budget = std::sync::Arc::clone(&settings.budget);
        let mut relay = Relay::with(settings);
        for (direction, bytes) in conversation(&[], &events) {
            for piece in bytes.chunks(100) {
                relay.feed(direction, piece);
                // Buffers may have twice the capacity that they need; zlib has its window.
                let sides = 1 + usize::from(asks);
                prop_assert!(relay.session.buffered_bytes() <= sides * 64 * 1024 + 16 * 1024);
                // Payload, and 14 bytes of header and 125 of ping for each of the few frames.
                prop_assert!(relay.held(ToServer) <= 2000 + 10 * 139);
                let most = if asks { 2000 + 10 * 139 } else { 13 };
                prop_assert!(relay.held(ToClient) <= most);
                prop_assert!(budget.used() >= relay.held(ToServer));
                prop_assert!(!asks || budget.used() >= relay.held(ToServer) + relay.held(ToClient));
            }
        }
    }

    #[test]
    fn detectors_take_anything(
        text in prop_oneof![
            "[ '\"<>=/a-zA-Z0-9;()#*`!\\-\\[\\]{}%&$@:,.\\\\\0\n]{0,200}",
            "(<|>|!|-|--|\\[CDATA\\[|\\]|/|script|svg|on[a-z]{3}|=|'|\"|`|\\?|%| |\0|a){0,60}",
            "('|\"|union|select|/\\*|\\*/|!|or|and|[0-9]|x'|q'\\[|n'|\\$\\$|\\$a\\$|@@|\\.|`|\\\\|--|#| |;|\\(|\\)|,){0,60}",
        ],
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let settings = small(Mode::Log);
        framewall_inspect::inspect_text(&settings, text.as_bytes());
        framewall_inspect::inspect_text(&settings, format!("[{text}").as_bytes());
        framewall_inspect::inspect_text(&settings, &bytes);
    }
}
