//! Compression: what is negotiated, what is left out, what it costs.

use flate2::{Compress, Compression, FlushCompress};
use framewall_inspect::{CloseReason, DeflatePolicy, Mode, Report, Settings, Signal, UpgradeError};

use crate::{
    peer::{Deflater, FIN, RSV1, TEXT, client_frame, text, upgrade_request, upgrade_response},
    relay::{Relay, ToClient, ToServer, settings},
};

fn with(deflate: DeflatePolicy, mode: Mode) -> Settings {
    Settings { deflate, ..settings(mode) }
}

#[test]
fn every_window_is_read() {
    let payload = "words and more words ".repeat(10) + "' OR '1'='1";
    for bits in 8..=15_u8 {
        let extension =
            format!("permessage-deflate; client_max_window_bits={bits}; server_max_window_bits={bits}");
        let mut relay = Relay::websocket(&extension, settings(Mode::Block));
        // zlib has no window of 256 bytes; what fits into it is the same in one of 512.
        let mut deflater = Compress::new_with_window_bits(Compression::best(), false, bits.max(9));
        let mut bytes = Vec::with_capacity(1000);
        deflater.compress_vec(payload.as_bytes(), &mut bytes, FlushCompress::Sync).unwrap();
        bytes.truncate(bytes.len() - 4);
        relay.feed(ToServer, &client_frame(FIN | RSV1, TEXT, &bytes));
        assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)), "{bits}");
    }
}

#[test]
fn an_inflater_is_there_when_it_is_needed() {
    let mut relay = Relay::websocket("permessage-deflate", settings(Mode::Block));
    relay.feed(ToServer, &text("plain"));
    assert!(relay.session.buffered_bytes() < 4096);
    let mut deflater = Deflater::new();
    let frame = deflater.frame(TEXT, b"later messages refer to this");
    let (most, last) = frame.split_at(frame.len() - 1);
    relay.feed(ToServer, most);
    assert!(relay.session.buffered_bytes() > 32 * 1024);
    relay.feed(ToServer, last);
    assert!(relay.session.buffered_bytes() < 4096, "only the message is remembered");
    for n in 0..9 {
        let text: String = (0..800).map(|i| format!("{:x} ", (i * n) % 977)).collect();
        relay.feed(ToServer, &deflater.frame(TEXT, text.as_bytes()));
    }
    assert!((32 * 1024..36 * 1024).contains(&relay.session.buffered_bytes()));
    let alone = "permessage-deflate; client_no_context_takeover";
    let mut relay = Relay::websocket(alone, settings(Mode::Block));
    let frame = Deflater::new().frame(TEXT, b"no message refers to this");
    let (most, last) = frame.split_at(frame.len() - 1);
    relay.feed(ToServer, most);
    assert!(relay.session.buffered_bytes() > 32 * 1024);
    relay.feed(ToServer, last);
    assert!(relay.session.buffered_bytes() < 4096);
}

#[test]
fn connections_of_a_thread_do_not_see_each_others_windows() {
    let alone = "permessage-deflate; client_no_context_takeover";
    let mut first = Relay::websocket(alone, settings(Mode::Block));
    let mut second = Relay::websocket(alone, settings(Mode::Block));
    let mut deflater = Deflater::new();
    first.feed(ToServer, &deflater.frame(TEXT, b"a secret of the first one"));
    second.feed(ToServer, &deflater.frame(TEXT, b"a secret of the first one"));
    assert_eq!((first.outcome.closed, second.outcome.closed), (None, Some(CloseReason::DeflateError)));
}

#[test]
fn a_stripped_offer_never_reaches_the_application() {
    for (offer, left) in [
        ("permessage-deflate; client_max_window_bits", ""),
        ("x, permessage-deflate", "Sec-WebSocket-Extensions: x\r\n"),
    ] {
        let request = upgrade_request(offer);
        let line = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        for step in [1, 7, request.len()] {
            let mut relay = Relay::with(with(DeflatePolicy::Strip, Mode::Block));
            relay.feed(ToServer, b"GET / HTTP/1.1\r\n\r\n");
            relay.feed(ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            let before = relay.to_server().len();
            for piece in request.as_bytes().chunks(step) {
                relay.feed(ToServer, piece);
            }
            assert_eq!(&relay.to_server()[before..], request.replace(&line, left).as_bytes());
            assert_eq!(relay.held(ToServer), 0);
            relay.feed(ToClient, upgrade_response("").as_bytes());
            relay.feed(ToServer, &text("' OR '1'='1"));
            assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
        }
    }
}

#[test]
fn a_server_cannot_accept_what_was_stripped() {
    let mut relay = Relay::with(with(DeflatePolicy::Strip, Mode::Block));
    relay.feed(ToServer, upgrade_request("permessage-deflate").as_bytes());
    relay.feed(ToClient, upgrade_response("permessage-deflate").as_bytes());
    assert_eq!(relay.outcome.closed, Some(CloseReason::UpgradeInvalid(UpgradeError::Extension)));
}

#[test]
fn stripping_leaves_everything_else_alone() {
    let mut relay = Relay::with(with(DeflatePolicy::Strip, Mode::Block));
    let requests = "POST / HTTP/1.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\nContent-Length: 3\r\n\r\n\
                    abc\r\nGET / HTTP/1.1\r\n\r\nGET /unfinished";
    relay.feed(ToServer, requests.as_bytes());
    assert_eq!(relay.held(ToServer), "GET /unfinished".len());
    relay.eof(ToServer);
    assert_eq!(relay.to_server(), requests.as_bytes());
    assert!(relay.outcome.finished[0]);
    let mut relay = Relay::with(with(DeflatePolicy::Strip, Mode::Block));
    relay.feed(ToServer, b"PING");
    relay.feed(ToServer, b"\r\n");
    assert_eq!(relay.to_server(), b"PING\r\n");
}

#[test]
fn mode_log_changes_no_byte_and_inflates() {
    let mut relay = Relay::with(with(DeflatePolicy::Strip, Mode::Log));
    let request = upgrade_request("permessage-deflate");
    relay.feed(ToServer, request.as_bytes());
    relay.feed(ToClient, upgrade_response("permessage-deflate").as_bytes());
    assert_eq!(relay.to_server(), request.as_bytes());
    relay.feed(ToServer, &Deflater::new().frame(TEXT, b"' OR '1'='1"));
    assert_eq!(relay.findings().len(), 1);
}

#[test]
fn accepted_compression_can_be_refused() {
    let mut relay = Relay::with(with(DeflatePolicy::Refuse, Mode::Block));
    relay.feed(ToServer, upgrade_request("permessage-deflate").as_bytes());
    relay.feed(ToClient, upgrade_response("permessage-deflate").as_bytes());
    assert_eq!(relay.outcome.closed, Some(CloseReason::DeflateNotAllowed));
    assert!(relay.outcome.aborted && relay.to_client().is_empty());
    let mut relay = Relay::with(with(DeflatePolicy::Refuse, Mode::Block));
    relay.feed(ToServer, upgrade_request("permessage-deflate").as_bytes());
    relay.feed(ToClient, upgrade_response("").as_bytes());
    assert!(matches!(relay.outcome.reports.as_slice(), [Report::WebSocketOpened(_)]));
}
