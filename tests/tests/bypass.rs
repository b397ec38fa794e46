//! Ways around inspection that work against other products, each tried against Framewall in front of a real server.
//!
//! The numbers E1 to E20 are those of the project's collection of weaknesses in rival code. Four of them concern no
//! protocol and have no test here: E4 (Framewall decides before it forwards, so there is no time limit that could let
//! a message through), E12 (changed rules on open connections) and E13 (the order of messages in a sub-protocol)
//! belong to the rules, and of E14 the decoding of strings within strings belongs to the detectors.

use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::time::Instant;

use framewall_tests::app::ALL;
use framewall_tests::deflate::Deflater;
use framewall_tests::netns::accept;
use framewall_tests::wire::{
    BINARY, CLOSE, CONTINUATION, End, MASK, PING, RSV1, RSV2, RSV3, TEXT, Wire, client_text, encode,
    read_to_end, upgrade_request, upgrade_request_with, upgrade_response,
};
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, kernel, lab, payload};
use nix::sys::signal::Signal;
use serde_json::json;

const PORT: u16 = 8080;
const SQLI: &str = r#"{"user":{"name":"' OR '1'='1"}}"#;
const DEFLATE: &str = "permessage-deflate; client_max_window_bits";

/// E1: the offer of compression, which every browser makes, switches nothing off, whether the server takes it or not.
#[test]
fn an_offer_of_compression_does_not_switch_inspection_off() {
    for kind in ALL.into_iter().filter(|kind| kind.is_here()) {
        let taken = kind.compresses();
        let (lab, app, daemon) = protected(kind);
        for compressed in [false, true] {
            let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), DEFLATE);
            let mut deflater = Deflater::negotiated(&head, 6);
            assert_eq!(deflater.is_some(), taken, "{kind:?}: {head}");
            let opened = daemon.wait_address("websocket_opened", "client", client.address());
            assert_eq!(opened["deflate"], taken, "{kind:?}");
            client.write(&client_text("harmless"));
            client.write(&match (compressed, &mut deflater) {
                (true, Some(deflater)) => deflated(deflater, SQLI),
                (_, _) => client_text(SQLI),
            });
            assert_blocked(&mut client, &app, &daemon, 1);
        }
    }
}

/// E2: a frame that cannot be read ends the connection, and neither it nor what follows is forwarded.
#[test]
fn an_undecodable_frame_is_never_forwarded() {
    let (lab, app, daemon) = protected(Kind::Node);
    let masked = |first: u8| encode(true, first & 0x0F, Some(MASK), b"x").split_off(1);
    let mut offences: Vec<(String, Vec<u8>, u16)> = Vec::new();
    for reserved in [RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3] {
        let frame = encode(true, TEXT | reserved, Some(MASK), SQLI.as_bytes());
        offences.push((format!("reserved bits {reserved:#x}"), frame, 1002));
    }
    for opcode in (3..8).chain(11..16) {
        let frame = [vec![0x80 | opcode], masked(TEXT)].concat();
        offences.push((format!("opcode {opcode}"), frame, 1002));
    }
    let fragment = encode(false, TEXT, Some(MASK), b"' OR '1'");
    offences.extend([
        ("a length of 1 in 16 bits".into(), [&[0x81, 0xFE, 0, 1][..], &MASK, b"x"].concat(), 1002),
        ("a length of 1 in 64 bits".into(), long_header(1), 1002),
        ("a length of 2^63".into(), long_header(1 << 63), 1002),
        ("a length of 2^63 - 1".into(), long_header((1 << 63) - 1), 1009),
        ("no mask".into(), encode(true, TEXT, None, SQLI.as_bytes()), 1002),
        ("a ping in fragments".into(), encode(false, PING, Some(MASK), b"x"), 1002),
        ("a ping of 126 bytes".into(), encode(true, PING, Some(MASK), &[b'x'; 126]), 1002),
        ("nothing to continue".into(), encode(true, CONTINUATION, Some(MASK), SQLI.as_bytes()), 1002),
        ("a message in a message".into(), [fragment, client_text("='1")].concat(), 1002),
        ("a Close body of 1 byte".into(), encode(true, CLOSE, Some(MASK), &[3]), 1002),
        ("a forbidden Close code".into(), encode(true, CLOSE, Some(MASK), &1005_u16.to_be_bytes()), 1002),
        ("text that is no UTF-8".into(), encode(true, TEXT, Some(MASK), b"\xE2\x28\xA1"), 1007),
    ]);
    for (what, bytes, code) in offences {
        let mut client = Wire::connect(&lab.client, lab::v4(PORT));
        let address = client.address();
        client.write(&client_text("harmless"));
        assert_eq!(client.frame().expect("an echo").payload, b"harmless", "{what}");
        client.write(&[bytes, client_text(SQLI), client_text("after")].concat());
        let close = client.next_but_pongs().expect("a Close frame");
        assert_eq!(close.close_code(), Some(code), "{what}: {close:?}");
        drop(client);
        assert_eq!(app.wait_closed(address), Some(u64::from(code)), "{what}");
        assert_eq!(app.wait_messages(address, 1).len(), 1, "{what}");
        assert!(!daemon.wait_closed(address).starts_with("attack"), "{what}");
    }
    // The app complains about frames that it cannot read; it got none.
    assert_eq!(app.process.events_of("error"), Vec::<serde_json::Value>::new());
}

/// E2: the client's Close frame is the last thing that the app gets from it (RFC 6455 §5.5.1).
#[test]
fn nothing_after_the_clients_close_frame_is_forwarded() {
    let (lab, listener, daemon) = playing_the_app();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    let close = encode(true, CLOSE, Some(MASK), &1000_u16.to_be_bytes());
    client.write(&[close.clone(), client_text(SQLI), client_text("after")].concat());
    assert_eq!(app.rest(), (close, End::Eof));
    let address = client.address();
    drop((client, app));
    assert_eq!(daemon.wait_closed(address), "protocol-error");
}

/// E3, E5: the length of a frame or message, compressed or not, hides nothing that comes late in it.
#[test]
fn an_attack_after_the_first_64_kib_is_blocked() {
    let (lab, app, daemon) = protected(Kind::NodeDeflate);
    for padding in [65_536 - 8, 65_536, 70_000, 900_000] {
        let text = json!({"pad": payload::text(1, padding), "user": {"name": "' OR '1'='1"}}).to_string();
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(30_000).collect();
        for form in ["one frame", "fragments", "compressed"] {
            let (mut client, mut deflater) = compressing(&lab, 1);
            client.write(&match form {
                "one frame" => client_text(&text),
                "fragments" => fragments(TEXT, &pieces, b""),
                _ => deflated(&mut deflater, &text),
            });
            assert_blocked(&mut client, &app, &daemon, 0);
        }
    }
}

/// E5: what is long is still inflated to its end, so later messages that refer back to it decode right.
#[test]
fn messages_after_a_long_compressed_one_still_decode() {
    for kind in [Kind::NodeDeflate, Kind::Python] {
        let (lab, app, daemon) = protected(kind);
        let (mut client, mut deflater) = compressing(&lab, 6);
        // The parts of the attack are in the window, each harmless, at the far end of a long message.
        let long = format!("{} {{\"user\":{{\"name\":\"' O R '1' = '1\"}}}}", payload::text(2, 300_000));
        client.write(&deflated(&mut deflater, &long));
        client.write(&deflated(&mut deflater, "harmless"));
        app.wait_message(client.address(), long.as_bytes());
        client.write(&deflated(&mut deflater, SQLI));
        assert_blocked(&mut client, &app, &daemon, 2);
    }
}

/// E6: control frames between fragments are no part of the message, whatever they hold.
#[test]
fn pings_between_fragments_neither_hide_nor_make_an_attack() {
    for kind in [Kind::Node, Kind::Python, Kind::Tungstenite] {
        let (lab, app, daemon) = protected(kind);
        let mut client = Wire::connect(&lab.client, lab::v4(PORT));
        client.write(&fragments(TEXT, &[b"it's ", b"fine", b" by me"], b"' OR '1'='1"));
        app.wait_message(client.address(), b"it's fine by me");
        let pieces: Vec<&[u8]> = SQLI.as_bytes().chunks(2).collect();
        client.write(&fragments(TEXT, &pieces, b"\"}},harmless"));
        assert_blocked(&mut client, &app, &daemon, 1);
    }
}

/// E6: the window lives as long as was negotiated: for one message, or for all.
#[test]
fn the_compression_context_lives_as_long_as_negotiated() {
    for kind in [Kind::NodeDeflate, Kind::Python] {
        for offer in [DEFLATE, "permessage-deflate; client_no_context_takeover"] {
            let (lab, app, daemon) = protected(kind);
            let (mut client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), offer);
            assert_eq!(head.contains("client_no_context_takeover"), offer.contains("takeover"), "{head}");
            let mut deflater = Deflater::negotiated(&head, 9).expect("compression");
            for round in 0..20 {
                let text = payload::chat(round, 1);
                client.write(&deflated(&mut deflater, &text));
                app.wait_message(client.address(), text.as_bytes());
            }
            client.write(&deflated(&mut deflater, SQLI));
            assert_blocked(&mut client, &app, &daemon, 20);
        }
    }
}

/// E7: the opcode says nothing about what is inside.
#[test]
fn the_binary_opcode_hides_nothing() {
    for kind in [Kind::Node, Kind::Python, Kind::Nginx] {
        let (lab, app, daemon) = protected(kind);
        for prefix in [&b""[..], b"\x00\x01\xFF\xFE", b"\xEF\xBB\xBF"] {
            let mut client = Wire::connect(&lab.client, lab::v4(PORT));
            client.write(&encode(true, BINARY, Some(MASK), &payload::bytes(3, 500)));
            let attack = [prefix, SQLI.as_bytes()].concat();
            client.write(&encode(true, BINARY, Some(MASK), &attack));
            assert_blocked(&mut client, &app, &daemon, 1);
        }
    }
}

/// E8: after a refused upgrade the connection is HTTP as before: no tunnel opens, and a later upgrade is inspected.
#[test]
fn a_refused_upgrade_opens_no_tunnel() {
    let (lab, listener, daemon) = playing_the_app();
    let request = upgrade_request("/chat").replace("Version: 13", "Version: 1337");
    let refusal = "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n";
    // Sent before the refusal as well as after it.
    for early in [true, false] {
        let mut client = Wire::open(&lab.client, lab::v4(PORT));
        let mut app = Wire::over(accept(&listener));
        client.write(request.as_bytes());
        if early {
            client.write(&client_text("<script>alert(1)</script>"));
        }
        assert_eq!(app.head(), request);
        app.write(refusal.as_bytes());
        assert_eq!(client.head(), refusal);
        if !early {
            client.write(&client_text("<script>alert(1)</script>"));
        }
        assert_eq!(app.rest(), (Vec::new(), End::Reset), "early: {early}");
        assert_eq!(daemon.wait_closed(client.address()), "http-ambiguous");
    }

    let mut client = Wire::open(&lab.client, lab::v4(PORT));
    let mut app = Wire::over(accept(&listener));
    client.write(request.as_bytes());
    assert_eq!(app.head(), request);
    app.write(refusal.as_bytes());
    assert_eq!(client.head(), refusal);
    client.write(upgrade_request("/chat").as_bytes());
    let response = upgrade_response(&app.head(), "");
    app.write(response.as_bytes());
    assert_eq!(client.head(), response);
    client.write(&client_text(SQLI));
    assert!(app.frames_up_to_close().is_empty());
    let address = client.address();
    drop((client, app));
    assert_eq!(daemon.wait_closed(address), "attack-sqli");
}

/// E8: a 101 alone makes no WebSocket, as one fetched from elsewhere: it must answer this very request.
#[test]
fn a_101_without_a_valid_handshake_opens_no_tunnel() {
    let (lab, listener, daemon) = playing_the_app();
    let upgrade = upgrade_request("/");
    let plain = "GET /fetch?url=http://evil.example/ HTTP/1.1\r\nHost: app.example\r\n\r\n".to_owned();
    let good = upgrade_response(&upgrade, "");
    let wrong = good.replace("Sec-WebSocket-Accept: s", "Sec-WebSocket-Accept: t");
    assert_ne!(good, wrong);
    let extension = upgrade_response(&upgrade, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    for (request, response) in [
        (&plain, &good),
        (&upgrade, &wrong),
        (&upgrade, &good.replace("Sec-WebSocket-Accept", "X-Accept")),
        (&upgrade, &good.replace("Upgrade: websocket", "Upgrade: h2c")),
        (&upgrade, &good.replace("Connection: Upgrade", "Connection: close")),
        (&upgrade, &extension),
        (&upgrade.replace("Version: 13", "Version: 12"), &good),
        (&upgrade.replace("GET", "POST"), &good),
    ] {
        let mut client = Wire::open(&lab.client, lab::v4(PORT));
        let mut app = Wire::over(accept(&listener));
        client.write(request.as_bytes());
        assert_eq!(app.head(), *request);
        app.write(response.as_bytes());
        let (received, end) = client.rest();
        assert_eq!((String::from_utf8_lossy(&received).as_ref(), end), ("", End::Reset), "{response}");
        assert_eq!(app.rest(), (Vec::new(), End::Reset), "{response}");
        assert_eq!(daemon.wait_closed(client.address()), "upgrade-invalid", "{request}{response}");
    }
}

/// E8: what the client sends before the server has answered is read as what the answer makes of it.
#[test]
fn frames_sent_ahead_of_the_answer_are_inspected() {
    let (lab, app, daemon) = protected(Kind::Node);
    let mut client = Wire::open(&lab.client, lab::v4(PORT));
    let ahead = [client_text("harmless"), client_text(SQLI)].concat();
    client.write(&[upgrade_request("/").as_bytes(), &ahead].concat());
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    assert_blocked(&mut client, &app, &daemon, 1);
}

/// E9: an Upgrade field on a request that upgrades nothing does not end inspection of the connection.
#[test]
fn a_bogus_upgrade_field_does_not_switch_inspection_off() {
    let (lab, app, daemon) = protected(Kind::Nginx);
    for fields in [
        "Upgrade: bogus\r\n",
        "Upgrade: bogus\r\nConnection: Upgrade\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Upgrade: websocket\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ] {
        let mut client = Wire::open(&lab.client, lab::v4(PORT));
        client.write(format!("GET /health HTTP/1.1\r\nHost: app\r\n{fields}\r\n").as_bytes());
        assert!(client.head().starts_with("HTTP/1.1 200 "), "{fields}");
        client.read_exactly(3);
        client.write(upgrade_request("/chat").as_bytes());
        assert!(client.head().starts_with("HTTP/1.1 101 "), "{fields}");
        client.write(&client_text("harmless"));
        client.write(&client_text(SQLI));
        assert_blocked(&mut client, &app, &daemon, 1);
    }
}

/// E10: an unfinished message of one-byte fragments costs memory in proportion to its bytes, and ends at a limit.
#[test]
fn many_one_byte_fragments_pin_little_memory() {
    const CONNECTIONS: usize = 50;
    let (lab, _app, daemon) = protected(Kind::Tungstenite);
    let bytes = one_byte_fragments(4096);
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| Wire::connect(&lab.client, lab::v4(PORT))).collect();
    let before = start_measuring(&daemon);
    for client in &mut clients {
        client.write(&bytes);
    }
    // Nothing answers an unfinished message; this is ample for reading what was sent.
    std::thread::sleep(env::limit(0.5));
    for mut client in clients {
        let address = client.address();
        client.write(&encode(false, CONTINUATION, Some(MASK), b"a"));
        assert_eq!(client.frame().expect("a Close frame").close_code(), Some(1008));
        drop(client);
        assert_eq!(daemon.wait_closed(address), "too-many-fragments");
    }
    assert_small(&daemon, before, bytes.len() * CONNECTIONS);
}

/// E10: the same where the limit on fragments was raised out of the way.
#[test]
fn a_message_of_very_many_one_byte_fragments_pins_little_memory() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let config = "[limits]\nmax_message_fragments = 1000000\n";
    let daemon = Daemon::with_config(&lab, config, &["--port", "8080"]);
    let count = env::volume("fragments", 870_000, 100_000);
    let mut client = Wire::connect(&lab.client, lab::v4(PORT));
    let bytes = one_byte_fragments(count);
    let before = start_measuring(&daemon);
    client.write(&bytes);
    client.write(&encode(true, CONTINUATION, Some(MASK), b"a"));
    app.wait_message(client.address(), &vec![b'a'; count + 1]);
    assert_small(&daemon, before, bytes.len());
}

/// E11: the limit is exact. A message that just fits is inspected and forwarded to its last byte, compressed too.
#[test]
fn a_compressed_message_of_exactly_the_limit_passes_whole() {
    for kind in [Kind::NodeDeflate, Kind::Python] {
        let (lab, app, daemon) = protected(kind);
        for (level, content) in [
            (1, payload::text(4, payload::LARGE).into_bytes()),
            (1, payload::bytes(5, payload::LARGE)),
            (0, payload::bytes(6, payload::LARGE)),
        ] {
            let (mut client, mut deflater) = compressing(&lab, level);
            let frame = encode(true, BINARY | RSV1, Some(MASK), &deflater.message(&content));
            client.write(&frame);
            app.wait_message(client.address(), &content);
        }
        for (level, message, code) in [
            (1, payload::text(7, payload::LARGE + 1), 1009),
            (1, payload::text(7, payload::LARGE + 2), 1009),
            (1, format!("{}{}", payload::text(8, payload::LARGE - 25), "<script>alert(1)</script>"), 1008),
        ] {
            let (mut client, mut deflater) = compressing(&lab, level);
            client.write(&deflated(&mut deflater, &message));
            assert_eq!(client.frame().expect("a Close frame").close_code(), Some(code), "{}", message.len());
            let address = client.address();
            drop(client);
            assert_eq!(app.wait_closed(address), Some(u64::from(code)));
            assert!(app.messages(address).is_empty());
            let reason = if code == 1009 { "message-too-big" } else { "attack-xss" };
            assert_eq!(daemon.wait_closed(address), reason);
        }
    }
}

/// E14: a message is read as what it is: escapes are undone, and Socket.IO's prefix is no disguise.
#[test]
fn escapes_and_envelopes_hide_nothing() {
    let (lab, app, daemon) = protected(Kind::Python);
    for text in [
        r#"{"user":{"name":"\u0027 \u004f\u0052 \u00271\u0027=\u00271"}}"#,
        r#"{"\u0075ser":["\u003Cscript\u003Ealert(1)\u003C\/script\u003E"]}"#,
        r#"42["chat",{"text":"' OR '1'='1"}]"#,
        r#"42["chat",{"text":"\u0027 OR \u00271\u0027=\u00271"}]"#,
        r#"42/admin,17["chat","\u003cscript\u003ealert(1)\u003c/script\u003e"]"#,
        r#"451-["up",{"file":{"_placeholder":true,"num":0},"name":"<script>alert(1)</script>"}]"#,
    ] {
        println!("{text}");
        let mut client = Wire::connect(&lab.client, lab::v4(PORT));
        client.write(&client_text(text));
        assert_blocked(&mut client, &app, &daemon, 0);
    }
}

/// E15: reading a message changes no byte of it, under any masking key, the zero key included.
#[test]
fn what_the_app_receives_is_what_was_sent_under_any_masking_key() {
    let (lab, listener, _daemon) = playing_the_app();
    let (mut client, mut app) = Wire::pair(&lab.client, lab::v4(PORT), &listener);
    let mut random = payload::Random::new(15);
    let keys = [[0; 4], [0xFF; 4], [0x20; 4], [0, 0, 0, 1], [1, 0, 0, 0], [0x80, 0x81, 0x82, 0x83]];
    let mut sent = Vec::new();
    for round in 0..200 {
        let [a, b, c, d, ..] = random.draw().to_be_bytes();
        let key = if round % 4 == 0 { keys[round / 4 % keys.len()] } else { [a, b, c, d] };
        let text = payload::text(random.draw(), random.below(3000));
        let (first, second) = text.as_bytes().split_at(random.below(text.len() + 1));
        sent.extend(encode(false, TEXT, Some(key), first));
        sent.extend(encode(true, PING, Some(key), b"ping"));
        sent.extend(encode(true, CONTINUATION, Some([!key[0], key[1], key[2], key[3]]), second));
    }
    let pieces: Vec<usize> = (0..500).map(|_| 1 + random.below(4000)).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rest = sent.as_slice();
            for length in pieces.iter().cycle() {
                let (piece, after) = rest.split_at((*length).min(rest.len()));
                client.write(piece);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            client.stream.shutdown(Shutdown::Write).expect("open");
        });
        let (received, end) = app.rest();
        assert_eq!(end, End::Eof);
        assert!(received == sent, "{} bytes arrived of {}, or not the same", received.len(), sent.len());
    });
}

/// E16: the switch of protocols goes through at once, and what comes with it, however the server writes its answer.
#[test]
fn an_answer_of_101_passes_at_once_however_it_is_built() {
    let (lab, listener, daemon) = playing_the_app();
    let large: String = (0..200).map(|n| format!("X-Field-{n}: {}\r\n", "v".repeat(200))).collect();
    for (interim, fields) in [
        ("", ""),
        ("HTTP/1.1 100 Continue\r\n\r\n", ""),
        ("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", "Server: x\r\n"),
        ("", "Content-Length: 0\r\n"),
        ("", large.as_str()),
    ] {
        let mut client = Wire::open(&lab.client, lab::v4(PORT));
        let mut app = Wire::over(accept(&listener));
        client.write(upgrade_request_with("/", "Expect: 100-continue\r\n").as_bytes());
        let answer = upgrade_response(&app.head(), fields);
        let started = Instant::now();
        // The server's first message comes in the same segment.
        app.write(&[interim.as_bytes(), answer.as_bytes(), &encode(true, TEXT, None, b"welcome")].concat());
        let mut heads = String::new();
        while !heads.ends_with(&answer) {
            heads.push_str(&client.head());
        }
        assert_eq!(heads, format!("{interim}{answer}"));
        assert_eq!(client.frame().expect("a message").payload, b"welcome");
        assert!(started.elapsed() < env::limit(2.0), "after {:?}", started.elapsed());
        client.write(&client_text("harmless"));
        assert_eq!(app.frame().expect("a message").payload, b"harmless");
        client.write(&client_text(SQLI));
        assert!(app.frames_up_to_close().is_empty());
        let address = client.address();
        drop((client, app));
        assert_eq!(daemon.wait_closed(address), "attack-sqli");
    }
}

/// E17: inspection never ends, however much has gone over a connection.
#[test]
fn an_attack_after_any_amount_of_harmless_messages_is_blocked() {
    let (lab, app, daemon) = protected(Kind::Tungstenite);
    let most = env::volume("messages of 64 KiB before the attack", 1025, 257);
    for count in [17, most] {
        let block = client_text(&payload::text(9, 65_536));
        let mut client = Wire::connect(&lab.client, lab::v4(PORT));
        let address = client.address();
        let mut writer = client.stream.try_clone().expect("an open socket");
        let (received, end) = std::thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..count {
                    writer.write_all(&block).expect("the daemon takes it");
                }
                writer.write_all(&client_text(SQLI)).expect("the daemon takes it");
            });
            read_to_end(&mut client.stream)
        });
        assert_eq!(end, End::Eof);
        assert_eq!(received.last_chunk(), Some(b"message blocked by policy"));
        drop(client);
        let event = daemon.wait_message_event("message_blocked", address);
        assert_eq!(event["message"], count + 1, "{event}");
        assert_eq!(app.wait_closed(address), Some(1008));
        assert_eq!(app.wait_messages(address, count).len(), count);
    }
}

/// E18: 100 kB before the words, and the words in escapes, change nothing.
#[test]
fn padding_before_the_words_hides_nothing() {
    let (lab, app, daemon) = protected(Kind::NodeDeflate);
    for words in
        ["' OR '1'='1", r"\u0027 OR \u00271\u0027=\u00271", r"\u003cscript\u003ealert(1)\u003c/script\u003e"]
    {
        for (pad, name) in [
            (payload::text(10, 100_000), words.to_owned()),
            (String::new(), format!("{}{words}", " ".repeat(100_000))),
        ] {
            let text = format!(r#"{{"pad":{},"name":"{name}"}}"#, json!(pad));
            for compressed in [false, true] {
                let (mut client, mut deflater) = compressing(&lab, 6);
                client.write(&if compressed { deflated(&mut deflater, &text) } else { client_text(&text) });
                assert_blocked(&mut client, &app, &daemon, 0);
            }
        }
    }
}

/// E19: what a blocked client gets is one Close frame and the end of the stream: not a byte of HTTP.
#[test]
fn a_block_is_a_close_frame_and_nothing_else() {
    for kind in [Kind::Node, Kind::Python, Kind::Go, Kind::Nginx] {
        let (lab, app, daemon) = protected(kind);
        let mut client = Wire::connect(&lab.client, lab::v4(PORT));
        let address = client.address();
        client.write(&client_text("harmless"));
        assert_eq!(client.frame().expect("an echo").payload, b"harmless");
        client.write(&client_text(SQLI));
        let (received, end) = client.rest();
        let text = b"message blocked by policy";
        let length = u8::try_from(2 + text.len()).expect("a short text");
        let expected = [&[0x88, length][..], &1008_u16.to_be_bytes(), text].concat();
        assert_eq!((received, end), (expected, End::Eof), "{kind:?}");
        drop(client);
        assert_eq!(app.wait_closed(address), Some(1008));
        assert_eq!(daemon.wait_closed(address), "attack-sqli");
    }
}

/// E20: a daemon that stops ends open connections in the way of their protocol; one that is killed ends them at once.
#[test]
fn a_stop_leaves_no_connection_in_a_black_hole() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Node, PORT);
    let mut daemon = Daemon::with_config(&lab, "drain_timeout_ms = 500\n", &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("before");
    daemon.signal(Signal::SIGTERM);
    daemon.wait_event("daemon_draining", |_| true);
    client.echo("while the daemon drains");
    assert_eq!(u16::from(client.wait_close().expect("a Close frame").code), 1001);
    assert_eq!(app.wait_closed(client.address), Some(1001));
    daemon.wait_stopped();

    let mut daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("before");
    daemon.kill();
    let started = Instant::now();
    client.wait_end();
    assert!(started.elapsed() < env::limit(2.0), "after {:?}", started.elapsed());
    app.wait_closed(client.address);
    WsClient::connect(&lab.client, lab::v4(PORT)).echo("straight to the app");
}

/// Gives the daemon's memory now and has the kernel note its peak from now on: at its start it needs more.
fn start_measuring(daemon: &Daemon) -> u64 {
    kernel::reset_peak(daemon.pid());
    kernel::resident_bytes(daemon.pid())
}

/// The daemon has never had more than three times what it held for the clients, beyond what it had at first.
fn assert_small(daemon: &Daemon, before: u64, held: usize) {
    let growth = kernel::peak_resident_bytes(daemon.pid()).saturating_sub(before);
    println!("{held} bytes in one-byte fragments: the daemon grew by up to {growth}");
    assert!(growth < 3 * u64::try_from(held).expect("64-bit lengths"), "{held} bytes pin {growth}");
}

/// An unfinished text message of `count` fragments.
fn one_byte_fragments(count: usize) -> Vec<u8> {
    let mut bytes = encode(false, TEXT, Some(MASK), b"a");
    bytes.extend(encode(false, CONTINUATION, Some(MASK), b"a").repeat(count - 1));
    bytes
}

/// The client gets Close 1008, and the app has seen `messages` messages and then Close 1008.
fn assert_blocked(client: &mut Wire, app: &App, daemon: &Daemon, messages: usize) {
    let address = client.address();
    let close = loop {
        let frame = client.frame().expect("a Close frame");
        if frame.opcode == CLOSE {
            break frame;
        }
    };
    assert_eq!(close.close_code(), Some(1008), "{close:?}");
    assert_eq!(client.end(), End::Eof);
    client.stream.shutdown(Shutdown::Both).expect("an open socket");
    let event = daemon.wait_message_event("message_blocked", address);
    assert_eq!(event["message"], messages + 1, "{event}");
    assert_eq!(app.wait_closed(address), Some(1008));
    let seen = app.messages(address);
    assert_eq!(seen.len(), messages, "{seen:?}");
    assert!(daemon.wait_closed(address).starts_with("attack-"));
}

/// A client with which the app has agreed on compression.
fn compressing(lab: &Lab, level: u32) -> (Wire, Deflater) {
    let (client, head) = Wire::connect_offering(&lab.client, lab::v4(PORT), DEFLATE);
    (client, Deflater::negotiated(&head, level).expect("compression"))
}

/// A compressed text message in one frame.
fn deflated(deflater: &mut Deflater, text: &str) -> Vec<u8> {
    encode(true, TEXT | RSV1, Some(MASK), &deflater.message(text.as_bytes()))
}

/// One message in fragments, with a ping after each but the last if `ping` is not empty.
fn fragments(opcode: u8, pieces: &[&[u8]], ping: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        let opcode = if index == 0 { opcode } else { CONTINUATION };
        bytes.extend(encode(last, opcode, Some(MASK), piece));
        if !last && !ping.is_empty() {
            bytes.extend(encode(true, PING, Some(MASK), ping));
        }
    }
    bytes
}

/// The header of a masked text frame with its length in 64 bits, and one byte of payload.
fn long_header(length: u64) -> Vec<u8> {
    [&[0x81, 0xFF][..], &length.to_be_bytes(), &MASK, b"x"].concat()
}

/// An app behind the daemon.
fn protected(kind: Kind) -> (Lab, App, Daemon) {
    let lab = Lab::new();
    let app = App::start(&lab, kind, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    (lab, app, daemon)
}

/// A port behind the daemon on which the test itself plays the app, for answers that no real server gives.
fn playing_the_app() -> (Lab, TcpListener, Daemon) {
    let lab = Lab::new();
    let listener = lab.server.listen(lab::any(PORT));
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    (lab, listener, daemon)
}
