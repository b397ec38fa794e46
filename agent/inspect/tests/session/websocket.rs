use framewall_inspect::{CloseReason, Limits, Mode, Opcode, ProtocolViolation, Settings, Signal, Unit};

use crate::{
    peer::{BINARY, CLOSE, CONTINUATION, Deflater, FIN, PING, RSV1, TEXT, client_frame, server_frame, text},
    relay::{Relay, ToClient, ToServer, settings},
};

fn relay() -> Relay {
    Relay::websocket("", settings(Mode::Block))
}

fn deflating() -> Relay {
    Relay::websocket("permessage-deflate", settings(Mode::Block))
}

fn small(limits: Limits) -> Relay {
    Relay::websocket("permessage-deflate", Settings { limits, ..settings(Mode::Block) })
}

#[test]
fn benign_messages_pass_byte_for_byte() {
    let mut relay = relay();
    let mut sent = Vec::new();
    for payload in ["", "hello", r#"{"text":"it's fine"}"#, &"x".repeat(1024 * 1024), "again"] {
        sent.extend(text(payload));
        relay.feed(ToServer, &text(payload));
    }
    assert_eq!(relay.to_server(), sent);
    assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
    assert_eq!(relay.session.counters().to_server.messages, 5);
    assert!(relay.session.buffered_bytes() < 64 * 1024);
}

#[test]
fn the_example_of_rfc_6455_is_read() {
    // §5.7: a single-frame masked text message, a fragmented one, a ping.
    let mut relay = relay();
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(hello[..], text("Hello"));
    relay.feed(ToServer, &hello);
    assert_eq!(relay.to_server(), hello);
    relay.feed(ToClient, &[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]);
    relay.feed(ToClient, &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    assert_eq!(relay.to_client().len(), 16);
    let counters = relay.session.counters();
    assert_eq!((counters.to_client.messages, counters.to_client.fragments), (1, 2));
}

#[test]
fn nothing_of_a_message_goes_on_before_it_is_judged() {
    let mut relay = relay();
    let first = client_frame(0, TEXT, b"1' OR ");
    let ping = client_frame(FIN, PING, b"are you there");
    relay.feed(ToServer, &first);
    relay.feed(ToServer, &ping);
    assert_eq!(relay.to_server(), b"");
    relay.feed(ToServer, &client_frame(FIN, CONTINUATION, b"'1'='1"));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
    assert_eq!(relay.to_server()[..2], [0x88, 0x80 | 27], "only our own Close");
    let finding = relay.findings()[0];
    let unit = Unit::Message { opcode: Opcode::Text, index: 1 };
    assert_eq!((finding.unit, finding.location.as_str()), (unit, "$"));
}

#[test]
fn a_benign_fragmented_message_keeps_its_pings_in_place() {
    let mut relay = relay();
    let stream = [
        client_frame(0, TEXT, "schöne ".as_bytes()),
        client_frame(FIN, PING, b"1"),
        client_frame(0, CONTINUATION, &[0xc3]),
        client_frame(FIN, PING, b""),
        client_frame(FIN, CONTINUATION, &[0xa4, b'!']),
    ]
    .concat();
    relay.feed(ToServer, &stream);
    assert_eq!(relay.to_server(), stream);
    let counters = relay.session.counters().to_server;
    assert_eq!((counters.messages, counters.fragments, counters.control_frames), (1, 3, 2));
}

#[test]
fn attacks_are_found_in_every_wrapping() {
    let attack = "' OR '1'='1";
    let json = r#"{"user":{"name":"' OR '1'='1"}}"#;
    let escaped = r#"{"a":["x","\u0027 OR \u00271\u0027=\u00271"]}"#;
    for (payload, opcode, location) in [
        (attack.to_owned(), TEXT, "$"),
        (json.to_owned(), TEXT, "$.user.name"),
        (json.to_owned(), BINARY, "$.user.name"),
        (escaped.to_owned(), TEXT, "$.a[1]"),
        (format!("42[\"chat\",{json}]"), TEXT, "$[1].user.name"),
        (format!("{{\"{attack}\":1}}"), TEXT, r#"$["' OR '1'='1"]"#),
        (format!("{{\"pad\":\"{}\",\"x\":\"{attack}\"}}", "a".repeat(100_000)), TEXT, "$.x"),
    ] {
        for compressed in [false, true] {
            let mut relay = deflating();
            let frame = if compressed {
                Deflater::new().frame(opcode, payload.as_bytes())
            } else {
                client_frame(FIN, opcode, payload.as_bytes())
            };
            relay.feed(ToServer, &frame);
            assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)), "{payload}");
            assert_eq!(relay.findings()[0].location, location);
            assert_eq!(relay.outcome.discarded[0], frame.len());
        }
    }
}

#[test]
fn compression_with_and_without_context_takeover() {
    for extension in ["permessage-deflate", "permessage-deflate; client_no_context_takeover"] {
        let mut relay = Relay::websocket(extension, settings(Mode::Block));
        let mut deflater = Deflater::new();
        let mut sent = Vec::new();
        for i in 0..50 {
            if extension.contains("client_no") {
                deflater = Deflater::new();
            }
            let frame = deflater.frame(TEXT, format!("{{\"n\":{i},\"text\":\"the same again\"}}").as_bytes());
            sent.extend_from_slice(&frame);
            relay.feed(ToServer, &frame);
        }
        assert_eq!(relay.to_server(), sent);
        if extension.contains("client_no") {
            deflater = Deflater::new();
        }
        relay.feed(ToServer, &deflater.frame(TEXT, br#"{"n":1,"text":"<script>alert(1)</script>"}"#));
        assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Xss)));
    }
}

#[test]
fn a_compressed_message_may_be_fragmented() {
    let mut relay = deflating();
    let bytes = Deflater::new().message("' OR '1'='1".as_bytes());
    let (first, second) = bytes.split_at(3);
    relay.feed(ToServer, &client_frame(RSV1, TEXT, first));
    relay.feed(ToServer, &client_frame(FIN, PING, b""));
    relay.feed(ToServer, &client_frame(FIN, CONTINUATION, second));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
}

#[test]
fn violations_of_the_client_end_the_connection() {
    use ProtocolViolation as V;
    let text_frame = |flags| client_frame(flags, TEXT, b"a");
    for (bytes, violation) in [
        (server_frame(FIN, TEXT, b"a"), V::UnmaskedClientFrame),
        (text_frame(FIN | 0x40), V::ReservedBit),
        (text_frame(FIN | 0x20), V::ReservedBit),
        (text_frame(FIN | 0x10), V::ReservedBit),
        (client_frame(FIN, 3, b""), V::ReservedOpcode),
        (client_frame(FIN, 11, b""), V::ReservedOpcode),
        (vec![0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'a'], V::FrameLength),
        (client_frame(FIN, PING, &[b'a'; 126]), V::LongControlFrame),
        (client_frame(0, PING, b""), V::FragmentedControlFrame),
        (client_frame(FIN, CONTINUATION, b"a"), V::UnexpectedContinuation),
        ([text_frame(0), text_frame(FIN)].concat(), V::InterleavedMessage),
        (client_frame(FIN, CLOSE, b"a"), V::CloseBody),
        (client_frame(FIN, CLOSE, &1005_u16.to_be_bytes()), V::CloseCode),
    ] {
        let mut relay = relay();
        relay.feed(ToServer, &bytes);
        assert_eq!(relay.outcome.closed, Some(CloseReason::ProtocolError(violation)));
        assert_eq!(relay.outcome.discarded[0], bytes.len());
        assert_eq!(relay.to_client()[..4], [0x88, 16, 0x03, 0xea], "Close 1002");
        let offence = relay.offences()[0];
        assert_eq!((offence.direction, offence.signal()), (ToServer, Some(Signal::WsProtocol)));
        assert_eq!(offence.reason.detail(), Some(violation.as_str()));
    }
    let mut relay = relay();
    relay.feed(ToServer, &client_frame(FIN, CLOSE, b""));
    relay.feed(ToServer, &text("late"));
    assert_eq!(relay.outcome.closed, Some(CloseReason::ProtocolError(V::DataAfterClose)));
}

#[test]
fn text_must_be_utf_8_across_fragments() {
    for (bytes, name) in [
        (client_frame(FIN, TEXT, b"\xff"), "invalid byte"),
        (client_frame(FIN, TEXT, "ä".as_bytes().split_at(1).0), "cut character"),
        (client_frame(0, TEXT, b"\xc3\x28"), "found before the message ends"),
        (client_frame(FIN, CLOSE, b"\x03\xe8\xff"), "close reason"),
        (client_frame(FIN, TEXT, b"\xed\xa0\x80"), "surrogate"),
    ] {
        let mut relay = relay();
        relay.feed(ToServer, &bytes);
        assert_eq!(relay.outcome.closed, Some(CloseReason::InvalidUtf8), "{name}");
    }
    let mut relay = deflating();
    relay.feed(ToServer, &Deflater::new().frame(TEXT, b"ok \xff"));
    assert_eq!(relay.outcome.closed, Some(CloseReason::InvalidUtf8));
}

#[test]
fn limits_are_exact() {
    let limits = Limits { max_message_bytes: 1000, max_message_fragments: 3, ..Limits::default() };
    let closed = |frames: &[Vec<u8>]| {
        let mut relay = small(limits.clone());
        for frame in frames {
            relay.feed(ToServer, frame);
        }
        relay.outcome.closed
    };
    let payload = |len| vec![b'a'; len];
    assert_eq!(closed(&[client_frame(FIN, TEXT, &payload(1000))]), None);
    // The header alone is enough.
    assert_eq!(
        closed(&[client_frame(FIN, TEXT, &payload(1001))[..8].to_vec()]),
        Some(CloseReason::MessageTooBig)
    );
    let parts =
        |len| vec![client_frame(0, TEXT, &payload(500)), client_frame(FIN, CONTINUATION, &payload(len))];
    assert_eq!(closed(&parts(500)), None);
    assert_eq!(closed(&parts(501)), Some(CloseReason::MessageTooBig));
    let deflated = |len| vec![Deflater::new().frame(TEXT, &payload(len))];
    assert_eq!(closed(&deflated(1000)), None);
    assert_eq!(closed(&deflated(1001)), Some(CloseReason::MessageTooBig));
    // Bytes that do not compress are longer on the wire than in the message.
    let mut state = 1_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    let noise: Vec<u8> = (0..1000).map(|_| noise()).collect();
    let frame = Deflater::new().frame(BINARY, &noise);
    assert!(frame.len() > 1008, "longer than the limit and the header");
    assert_eq!(closed(&[frame]), None);
    let pings = |count| {
        let mut frames = vec![client_frame(0, TEXT, b"a")];
        frames.extend(vec![client_frame(FIN, PING, b""); count]);
        frames
    };
    assert_eq!(closed(&pings(2)), None);
    assert_eq!(closed(&pings(3)), Some(CloseReason::TooManyFragments));
}

#[test]
fn corrupt_compression_ends_the_connection() {
    let mut relay = deflating();
    relay.feed(ToServer, &client_frame(FIN | RSV1, BINARY, &[0x07, 0xff, 0xff]));
    assert_eq!(relay.outcome.closed, Some(CloseReason::DeflateError));
}

#[test]
fn close_frames_of_peers_pass_untouched() {
    let mut relay = relay();
    let close = client_frame(FIN, CLOSE, b"\x03\xe8bye");
    relay.feed(ToServer, &close);
    relay.feed(ToClient, &server_frame(FIN, CLOSE, b"\x03\xe8"));
    relay.eof(ToClient);
    relay.eof(ToServer);
    assert_eq!(relay.to_server(), close);
    assert_eq!(relay.to_client(), server_frame(FIN, CLOSE, b"\x03\xe8"));
    assert_eq!((relay.outcome.closed, relay.outcome.finished), (None, [true, true]));
    let counters = relay.session.counters();
    assert!(counters.to_server.close_sent && counters.to_client.close_sent);
}

#[test]
fn a_close_within_a_message_goes_on_without_the_message() {
    let mut relay = relay();
    let close = client_frame(FIN, CLOSE, b"");
    relay.feed(ToServer, &client_frame(0, TEXT, b"never judged"));
    relay.feed(ToServer, &close);
    assert_eq!(relay.to_server(), close);
    assert_eq!((relay.outcome.closed, relay.held(ToServer)), (None, 0));
}

#[test]
fn an_unfinished_message_ends_with_the_stream() {
    let mut relay = relay();
    relay.feed(ToServer, &text("whole"));
    relay.feed(ToServer, &client_frame(0, TEXT, b"half"));
    relay.eof(ToServer);
    assert_eq!(relay.to_server(), text("whole"));
    assert_eq!(relay.outcome.finished, [true, false]);
    relay.feed(ToClient, &server_frame(FIN, TEXT, b"still here"));
    assert_eq!(relay.to_client(), server_frame(FIN, TEXT, b"still here"));
}

#[test]
fn binary_is_read_where_it_is_text_and_counted_where_it_is_not() {
    let mut relay = relay();
    relay.feed(ToServer, &client_frame(FIN, BINARY, &[0xff, 0, 1, 2].repeat(1000)));
    assert_eq!(relay.session.counters().uninspected_messages, 1);
    relay.feed(ToServer, &client_frame(FIN, BINARY, b"\x81\xa4name\xb0' OR '1'='1' -- "));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
}

#[test]
fn too_many_values_are_not_passed_uninspected() {
    let limits = Limits { max_leaves: 100, ..Limits::default() };
    let mut relay = small(limits);
    // Words can hold no attack and are not counted, and what comes again in the message is not looked at again.
    let values = |count| {
        let values: String = (0..count).map(|nth| format!(",\"word\":\"({nth})\"")).collect();
        text(&format!("{{\"n\":0{values}{}}}", ",\"again\":\"(1)\"".repeat(1000)))
    };
    relay.feed(ToServer, &values(99));
    assert_eq!(relay.outcome.closed, None);
    relay.feed(ToServer, &values(100));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::WsUninspected)));
}

#[test]
fn a_message_in_single_bytes_costs_linear_time() {
    let mut relay = deflating();
    let payload = format!("{{\"a\":\"{}\"}}", "ä word ".repeat(100_000));
    let frames = [text(&payload), Deflater::new().frame(TEXT, payload.as_bytes())].concat();
    let started = std::time::Instant::now();
    for byte in &frames {
        relay.feed(ToServer, &[*byte]);
    }
    assert_eq!(relay.to_server(), frames);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
