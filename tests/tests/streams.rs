//! Both legs behave as one TCP connection: half-close, RST, backpressure, and bytes that are no HTTP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use framewall_tests::netns::accept;
use framewall_tests::wire::{BINARY, End, MASK, Wire, encode, read_or_end, read_to_end, reset_on_close};
use framewall_tests::{Daemon, Lab, env, kernel, lab, payload};

const PORT: u16 = 8080;
const MIB: usize = 1 << 20;

#[test]
fn protocols_where_the_client_speaks_first_pass_untouched() {
    let (lab, listener, daemon) = set_up();
    for (start, kind) in [
        (&b"\x16\x03\x01\x00\xa5\x01\x00\x00"[..], "tls-client-hello"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2-preface"),
        (b"\x81\x85GET / HTTP/1.1\r\n\r\n", "not-http"),
        (b"<script>alert(1)</script>' OR '1'='1\r\n", "not-http"),
    ] {
        let (mut client, mut app) = connect(&lab, &listener, &daemon);
        for request in [start, &payload::bytes(1, 70_000), b"GET / HTTP/1.1\r\nHost: app\r\n\r\n"] {
            client.write_all(request).expect("open");
            assert!(read_exactly(&mut app, request.len()) == request, "the app gets what the client sent");
            let answer = payload::bytes(2, 50_000);
            app.write_all(&answer).expect("open");
            assert!(read_exactly(&mut client, answer.len()) == answer, "the client gets what the app sent");
        }
        let address = client.local_addr().expect("connected");
        assert_eq!(daemon.wait_address("connection_opaque", "client", address)["kind"], kind);
    }
}

#[test]
fn a_protocol_where_the_server_speaks_first_passes_untouched() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = connect(&lab, &listener, &daemon);
    app.write_all(b"220 mail.example ready\r\n").expect("open");
    assert_eq!(read_exactly(&mut client, 24), b"220 mail.example ready\r\n");
    for line in ["EHLO client\r\n", "GET / HTTP/1.1\r\n", "<script>alert(1)</script>' OR '1'='1\r\n"] {
        client.write_all(line.as_bytes()).expect("open");
        assert_eq!(read_exactly(&mut app, line.len()), line.as_bytes());
        app.write_all(b"250 ok\r\n").expect("open");
        assert_eq!(read_exactly(&mut client, 8), b"250 ok\r\n");
    }
    let address = client.local_addr().expect("connected");
    assert_eq!(daemon.wait_address("connection_opaque", "client", address)["kind"], "server-first");
}

#[test]
fn a_request_line_sent_byte_by_byte_arrives_whole() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = connect(&lab, &listener, &daemon);
    let request = b"POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: 3\r\n\r\nabc";
    for byte in request {
        client.write_all(&[*byte]).expect("open");
    }
    assert_eq!(read_exactly(&mut app, request.len()), request);
}

#[test]
fn after_the_clients_half_close_the_app_still_answers() {
    let (lab, listener, daemon) = set_up();
    for upload in
        [payload::bytes(3, 300_000), b"GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n".to_vec()]
    {
        let (mut client, mut app) = connect(&lab, &listener, &daemon);
        let address = client.local_addr().expect("connected");
        client.write_all(&upload).expect("open");
        client.shutdown(Shutdown::Write).expect("open");
        let (received, end) = read_to_end(&mut app);
        assert_eq!((received == upload, end), (true, End::Eof), "everything, then FIN");
        let answer = payload::bytes(4, 3 * MIB);
        let (writer, expected) = (answer.clone(), answer);
        let sender = std::thread::spawn(move || {
            app.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").expect("open");
            app.write_all(&writer).expect("open");
        });
        let (received, end) = read_to_end(&mut client);
        sender.join().expect("the app writes");
        assert_eq!(end, End::Eof);
        assert!(received.ends_with(&expected), "the whole answer, {} bytes came", received.len());
        daemon.wait_closed(address);
    }
}

#[test]
fn after_the_apps_half_close_the_client_can_still_send() {
    let (lab, listener, daemon) = set_up();
    let (mut client, mut app) = connect(&lab, &listener, &daemon);
    let address = client.local_addr().expect("connected");
    app.write_all(b"bye for now\n").expect("open");
    app.shutdown(Shutdown::Write).expect("open");
    let (received, end) = read_to_end(&mut client);
    assert_eq!((received.as_slice(), end), (b"bye for now\n".as_slice(), End::Eof));
    let upload = payload::bytes(5, 3 * MIB);
    let writer = upload.clone();
    let sender = std::thread::spawn(move || {
        client.write_all(&writer).expect("open");
        // The closing of the whole socket ends the other direction.
    });
    let (received, end) = read_to_end(&mut app);
    sender.join().expect("the client writes");
    assert_eq!((received == upload, end), (true, End::Eof));
    drop(app);
    daemon.wait_closed(address);
}

#[test]
fn a_websocket_half_close_keeps_the_other_direction_open() {
    let (lab, listener, daemon) = set_up();
    let (client, mut app) = connect_websocket(&lab, &listener, &daemon);
    client.stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(app.frame(), Err(End::Eof));
    let large = payload::bytes(6, 2 * MIB);
    let bytes = encode(true, BINARY, None, &large);
    let mut client = client;
    std::thread::scope(|scope| {
        scope.spawn(|| app.write(&bytes));
        assert!(client.frame().expect("a frame").payload == large);
    });
    drop(app);
    assert_eq!(client.frame(), Err(End::Eof));
}

#[test]
fn the_clients_rst_reaches_the_app_as_rst() {
    let (lab, listener, daemon) = set_up();
    let (client, mut app) = connect(&lab, &listener, &daemon);
    let address = client.local_addr().expect("connected");
    reset_on_close(&client);
    drop(client);
    assert_eq!(read_or_end(&mut app, &mut [0; 64]), Err(End::Reset));
    assert_eq!(daemon.wait_closed(address), "client-reset");

    let (client, mut app) = connect_websocket(&lab, &listener, &daemon);
    let address = client.address();
    reset_on_close(&client.stream);
    drop(client);
    assert_eq!(app.end(), End::Reset);
    assert_eq!(daemon.wait_closed(address), "client-reset");
}

#[test]
fn the_apps_rst_reaches_the_client_as_rst() {
    let (lab, listener, daemon) = set_up();
    let (mut client, app) = connect(&lab, &listener, &daemon);
    let address = client.local_addr().expect("connected");
    reset_on_close(&app);
    drop(app);
    assert_eq!(read_or_end(&mut client, &mut [0; 64]), Err(End::Reset));
    assert_eq!(daemon.wait_closed(address), "app-reset");

    let (mut client, app) = connect_websocket(&lab, &listener, &daemon);
    let address = client.address();
    reset_on_close(&app.stream);
    drop(app);
    assert_eq!(client.end(), End::Reset);
    assert_eq!(daemon.wait_closed(address), "app-reset");
}

#[test]
fn a_slow_app_stops_the_client_and_gets_every_byte() {
    let (lab, listener, daemon) = set_up();
    let (client, app) = connect(&lab, &listener, &daemon);
    slow_reader(&daemon, client, app, Framing::None);
}

#[test]
fn a_slow_client_stops_the_app_and_gets_every_byte() {
    let (lab, listener, daemon) = set_up();
    let (client, app) = connect(&lab, &listener, &daemon);
    slow_reader(&daemon, app, client, Framing::None);
}

#[test]
fn a_slow_app_stops_the_client_of_a_websocket_and_gets_every_byte() {
    let (lab, listener, daemon) = set_up();
    let (client, app) = connect_websocket(&lab, &listener, &daemon);
    slow_reader(&daemon, client.stream, app.stream, Framing::Client);
}

#[test]
fn a_slow_client_stops_the_app_of_a_websocket_and_gets_every_byte() {
    let (lab, listener, daemon) = set_up();
    let (client, app) = connect_websocket(&lab, &listener, &daemon);
    slow_reader(&daemon, app.stream, client.stream, Framing::Server);
}

/// What the transferred bytes look like.
#[derive(Debug, Clone, Copy)]
enum Framing {
    /// No WebSocket at all.
    None,
    /// Masked binary messages.
    Client,
    /// Unmasked binary messages.
    Server,
}

impl Framing {
    /// A block of about 64 KiB: one message, or plain bytes.
    fn block(self) -> Vec<u8> {
        let content = payload::bytes(8, 65_536);
        match self {
            Self::None => content,
            Self::Client => encode(true, BINARY, Some(MASK), &content),
            Self::Server => encode(true, BINARY, None, &content),
        }
    }
}

/// Sends 64 MiB to a reader that stands still at first and then reads slowly.
fn slow_reader(daemon: &Daemon, sender: TcpStream, reader: TcpStream, framing: Framing) {
    /// How much the daemon may grow beyond what it had before; its limit for one message is 1 MiB.
    const GROWTH: u64 = 16 << 20;
    let block = framing.block();
    let blocks = env::volume("transfer, in blocks of 64 KiB", 1024, 256);
    let total = block.len() * blocks;
    let baseline = kernel::resident_bytes(daemon.pid());
    let done = AtomicBool::new(false);
    let peak = AtomicU64::new(baseline);
    let sent = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(kernel::resident_bytes(daemon.pid()), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        // Closed when an assertion fails, so that the writer ends too.
        let mut reader = reader;
        let finish = Finish(&done);
        let writer = scope.spawn({
            let (sent, block) = (Arc::clone(&sent), block.clone());
            move || write_counted(sender, &block, blocks, &sent)
        });

        let stopped_at = wait_until_stopped(&sent);
        assert!(stopped_at < total / 2, "{stopped_at} of {total} bytes were taken with nobody reading");
        assert!(!writer.is_finished(), "the sender is held back");

        let mut received = 0;
        let mut buffer = vec![0; 200_000];
        let repeated = block.repeat(1 + buffer.len().div_ceil(block.len()));
        let mut pauses = 0;
        loop {
            match read_or_end(&mut reader, &mut buffer) {
                Ok(length) => {
                    let expected = &repeated[received % block.len()..][..length];
                    assert!(
                        buffer[..length] == *expected,
                        "wrong bytes from {received} to {length} after it"
                    );
                    received += length;
                    // Slow: a pause after every 2 MiB.
                    if received / (2 * MIB) > pauses {
                        pauses += 1;
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
                Err(end) => {
                    assert_eq!((received, end), (total, End::Eof));
                    break;
                }
            }
        }
        drop(reader);
        writer.join().expect("the sender gets everything off");
        drop(finish);
    });
    let growth = peak.load(Ordering::Relaxed) - baseline;
    println!("resident memory: {} KiB, grew by {} KiB", baseline / 1024, growth / 1024);
    assert!(growth < GROWTH, "the daemon grew by {growth} bytes");
}

/// Ends the sampling also when an assertion fails: the scope waits for the thread.
struct Finish<'a>(&'a AtomicBool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn write_counted(mut stream: TcpStream, block: &[u8], blocks: usize, sent: &AtomicUsize) {
    // Held back on purpose, for as long as the reader takes.
    stream.set_write_timeout(Some(env::limit(60.0))).expect("open");
    for _ in 0..blocks {
        let mut rest = block;
        while !rest.is_empty() {
            let length = stream.write(rest).expect("the connection stays open");
            sent.fetch_add(length, Ordering::Relaxed);
            rest = &rest[length..];
        }
    }
    stream.shutdown(Shutdown::Write).expect("open");
    // Reset by nobody: the other side closes when it has read everything.
    drop(stream.set_read_timeout(Some(env::limit(60.0))));
    drop(stream.read(&mut [0; 16]));
}

/// Waits until a counter has not moved for a while, and gives its value.
fn wait_until_stopped(counter: &AtomicUsize) -> usize {
    let still = env::limit(0.5);
    let mut last = (counter.load(Ordering::Relaxed), Instant::now());
    env::wait_for("the sender to be stopped", env::limit(30.0), || {
        let now = counter.load(Ordering::Relaxed);
        if now != last.0 || now == 0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() >= still).then_some(now)
    })
}

/// A steered port behind which the test itself listens. Socket buffers end at 1 MiB, so that all of them together
/// hold a small part of a transfer.
fn set_up() -> (Lab, TcpListener, Daemon) {
    let lab = Lab::new();
    lab.cap_socket_buffers(MIB);
    let listener = lab.server.listen(lab::any(PORT));
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    (lab, listener, daemon)
}

fn connect(lab: &Lab, listener: &TcpListener, daemon: &Daemon) -> (TcpStream, TcpStream) {
    let client = lab.client.connect(lab::v4(PORT)).expect("the daemon accepts");
    let app = accept(listener);
    daemon.wait_address("connection_opened", "client", client.local_addr().expect("connected"));
    (client, app)
}

fn connect_websocket(lab: &Lab, listener: &TcpListener, daemon: &Daemon) -> (Wire, Wire) {
    let (client, app) = Wire::pair(&lab.client, lab::v4(PORT), listener);
    daemon.wait_address("websocket_opened", "client", client.address());
    (client, app)
}

fn read_exactly(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("the bytes arrive");
    bytes
}
