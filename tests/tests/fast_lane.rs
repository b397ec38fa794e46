//! Bytes between the daemon and the application past the TCP stack: exact, in order, bounded, and none lost at any end.
//!
//! Every test sees to it that bytes did take the lane. That the whole behaviour of the daemon stays as it is, is for the
//! other tests, which run a second time with the lane.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use framewall_tests::app::ALL;
use framewall_tests::netns::accept;
use framewall_tests::payload::{self, Random};
use framewall_tests::wire::reset_on_close;
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, kernel, lab};
use serde_json::Value;

const PORT: u16 = 8080;
const MIB: usize = 1 << 20;
/// What may wait for a reader on the lane.
const WINDOW: usize = 256 * 1024;

#[test]
fn messages_take_the_lane_to_every_app_and_back() {
    // nginx asks how much there is to read, which not every kernel knows: it is for the tests with any lane.
    for kind in ALL.into_iter().filter(|kind| *kind != Kind::Nginx && kind.is_here()) {
        let lab = Lab::new();
        let app = App::start(&lab, kind, PORT);
        let daemon = with_lane(&lab, &[]);
        // IPv4 and IPv6, to apps that listen on a dual-stack socket, and on one a family.
        for to in [lab::v4(PORT), lab::v6(PORT)] {
            let mut client = WsClient::connect(&lab.client, to);
            for message in 0..50 {
                client.echo(&payload::chat(1, message));
            }
            let address = client.address;
            client.close();
            assert_eq!(app.wait_closed(address), Some(1000), "{kind:?}");
            let closed = daemon.wait_address("connection_closed", "client", address);
            let lane = &closed["fast_lane"];
            assert_eq!(lane["state"], "open", "{kind:?}: {closed}");
            assert_eq!(lane["bytes_to_server"], closed["bytes_to_server"], "{kind:?}: all of it");
            assert_eq!(lane["bytes_to_client"], closed["bytes_to_client"], "{kind:?}: all of it");
        }
    }
}

#[test]
fn an_attack_is_kept_from_the_app_by_the_lane_too() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = with_lane(&lab, &[]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("hello");
    client.socket.send("' OR '1'='1".into()).expect("open");
    client.wait_blocked();
    assert_eq!(daemon.wait_closed(client.address), "attack-sqli");
    assert_eq!(app.messages(client.address).len(), 1);
}

#[test]
fn nothing_else_on_the_host_is_let_into_the_map() {
    let lab = Lab::new();
    let plain = lab.server.listen(lab::any(PORT + 1));
    let listener = lab.server.listen(lab::any(PORT));
    let config = format!(
        "mode = \"off\"\n[[port]]\nport = {PORT}\nfast_lane = \"despite-fionread\"\n[[port]]\nport = {}\nfast_lane = false\n",
        PORT + 1
    );
    let daemon = Daemon::with_config(&lab, &config, &[]);
    let objects = daemon.bpf_objects();
    let members = || kernel::map_entries(&objects, "framewall_lsock");
    let lanes = || kernel::map_entries(&objects, "framewall_lanes");
    let _beside = (lab.server.connect(lab::v4(PORT + 1)).expect("steered"), accept(&plain));
    assert_eq!((members(), lanes()), (0, 0));
    let (mut client, mut app) = connect(&lab, &listener);
    exchange(&mut client, &mut app);
    assert_eq!((members(), lanes()), (2, 1), "both ends of the one connection that has a lane");
    let address = client.local_addr().expect("connected");
    drop((client, app));
    daemon.wait_closed(address);
    env::wait_for("the map to be empty", env::patience(), || (members() + lanes() == 0).then_some(()));
}

#[test]
fn without_the_setting_no_lane_program_is_loaded() {
    let lab = Lab::new();
    let mut command = lab.server.command(env::daemon_binary());
    command.args(["run", "--port", "8080"]);
    let daemon = framewall_tests::Process::spawn("framewall", command);
    let started = daemon.wait_event("daemon_started", |_| true);
    assert_eq!(started.get("fast_lane_ports"), None);
    let objects = kernel::BpfObjects::of_process(daemon.pid());
    // sk_lookup, sock_ops and two getpeername hooks.
    assert_eq!(objects.programs.len(), 4, "{objects:?}");
}

#[test]
fn a_kernel_that_fails_the_self_test_runs_plain_tcp_or_not_at_all() {
    let lab = Lab::new();
    let listener = lab.server.listen(lab::any(PORT));
    let run = |lane: &str| {
        let mut command = lab.server.command(env::daemon_binary());
        command.args(["run", "--port", "8080", "--mode", "off", lane]);
        framewall_tests::Process::spawn("framewall", command)
    };
    let daemon = run("--fast-lane");
    let started = daemon.wait_event("daemon_started", |_| true);
    let has_lane = started.get("fast_lane_ports").is_some();
    let (mut client, mut app) = connect(&lab, &listener);
    exchange(&mut client, &mut app);
    if !has_lane {
        let event = daemon.wait_event("fast_lane_unavailable", |_| true);
        assert_eq!(event["ports"], serde_json::json!([PORT]));
        assert!(
            event["reason"].as_str().is_some_and(|text| text.starts_with("the check FIONREAD failed")),
            "{event}"
        );
    }
    drop(daemon);
    let mut required = run("--fast-lane=required");
    if has_lane {
        let started = required.wait_event("daemon_started", |_| true);
        assert_eq!(started["fast_lane_ports"], serde_json::json!([PORT]));
    } else {
        let status = required.wait_exit(env::limit(10.0));
        assert_eq!(status.code(), Some(1));
        let text = required.stderr();
        assert!(
            text.contains("required") && text.contains("FIONREAD") && text.contains("docs/fast-lane.md"),
            "{text}"
        );
    }
    println!("this kernel passes the self-test for applications that use FIONREAD: {has_lane}");
}

#[test]
fn an_app_that_stops_reading_is_waited_for() {
    let total = env::volume("MiB to a reader that stops", 256, 24) * MIB;
    for blocks in [true, false] {
        let (lab, listener, daemon) = raw();
        let (client, app) = connect(&lab, &listener);
        let address = client.local_addr().expect("connected");
        let stopped = || {
            // Nothing but bytes of the lane waits, and not all that could come.
            let queued = waiting(&lab, End::App);
            assert!((WINDOW / 2..=WINDOW).contains(&queued), "{queued} bytes wait for the app");
        };
        one_way((client, app), total, blocks, stopped);
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_ne!(closed["fast_lane"]["bytes_to_server"], 0, "{closed}");
    }
}

#[test]
fn a_client_that_stops_reading_is_waited_for() {
    let total = env::volume("MiB to a reader that stops", 256, 24) * MIB;
    for blocks in [true, false] {
        let (lab, listener, daemon) = raw();
        let (client, app) = connect(&lab, &listener);
        let address = client.local_addr().expect("connected");
        let stopped = || {
            // Bytes of the lane, then those of TCP, up to the buffer of the socket.
            let queued = waiting(&lab, End::Daemon);
            assert!(queued <= WINDOW + 2 * MIB, "{queued} bytes wait for the daemon");
        };
        one_way((app, client), total, blocks, stopped);
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_ne!(closed["fast_lane"]["bytes_to_client"], 0, "{closed}");
    }
}

#[test]
fn what_an_app_sends_in_bulk_leaves_the_lane_and_what_it_sends_in_messages_does_not() {
    for (piece, count, state) in [(256 * 1024, 64, "left"), (8 * 1024, 2048, "open")] {
        let (lab, listener, daemon) = raw();
        let (mut client, mut app) = connect(&lab, &listener);
        let address = client.local_addr().expect("connected");
        let block = payload::bytes(9, piece);
        let mut received = vec![0; piece];
        for nth in 0..count {
            std::thread::scope(|scope| {
                let (app, block) = (&mut app, &block);
                scope.spawn(move || app.write_all(block).expect("open"));
                client.read_exact(&mut received).expect("open");
            });
            assert!(received == block, "piece {nth} of {piece} bytes");
            // The other direction goes on, by the lane or by TCP.
            if nth % 16 == 0 {
                exchange(&mut client, &mut app);
            }
        }
        drop((client, app));
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_eq!(closed["fast_lane"]["state"], state, "{closed}");
        assert_ne!(closed["fast_lane"]["bytes_to_client"], 0, "{closed}");
    }
}

#[test]
fn what_waits_for_an_app_is_not_lost_when_it_has_sent_in_bulk() {
    // Of such a length that the daemon has both FINs when it reads the 32nd long piece, as the queues on the way go.
    for pieces in [35, 36, 37, 38, 39, 40] {
        let (lab, listener, _daemon) = raw();
        let (client, app) = connect(&lab, &listener);
        let up = payload::bytes(11, 16 * 1024);
        let down = payload::bytes(12, pieces * 64 * 1024);
        (&client).write_all(&up).expect("open");
        client.shutdown(Shutdown::Write).expect("open");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (&app).write_all(&down).expect("open");
                app.shutdown(Shutdown::Write).expect("open");
            });
            std::thread::sleep(env::limit(0.3));
            let mut received = Vec::new();
            read_until_end(&client, &mut received).expect("the end");
            assert!(received == down, "down: {} bytes", received.len());
        });
        // Only now does the app read what has waited all the time.
        let mut received = Vec::new();
        read_until_end(&app, &mut received).expect("the end");
        assert!(received == up, "up: {} of {} bytes", received.len(), up.len());
    }
}

#[test]
fn flows_of_all_kinds_arrive_whole_and_in_order() {
    const THREADS: usize = 16;
    let seed = env::seed();
    let flows = env::volume("flows", 10_000, 400);
    let (lab, listener, daemon) = raw();
    let by_lane = AtomicU64::new(0);
    let to_accept = std::sync::Mutex::new(());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (lab, listener, to_accept, by_lane, daemon) =
                (&lab, &listener, &to_accept, &by_lane, &daemon);
            scope.spawn(move || {
                for flow in (thread..flows).step_by(THREADS) {
                    let mut random = Random::new(seed.wrapping_add(flow as u64));
                    let (client, app) = {
                        // Which accepted socket is whose is told by the order.
                        let _guard = to_accept.lock().expect("no panic under the lock");
                        connect(lab, listener)
                    };
                    let address = client.local_addr().expect("connected");
                    play(client, app, &mut random, &format!("seed {seed}, flow {flow}"));
                    if flow % 64 == 0 {
                        let closed = daemon.wait_address("connection_closed", "client", address);
                        by_lane.fetch_add(lane_bytes(&closed), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_ne!(by_lane.into_inner(), 0, "bytes took the lane");
}

#[test]
fn the_death_of_the_daemon_leaves_no_hole() {
    for bulk in [false, true] {
        for round in 0..env::volume("rounds", 10, 3) {
            let (lab, listener, mut daemon) = raw();
            let (client, mut app) = connect(&lab, &listener);
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let stop = &stop;
                scope.spawn(move || count_up(client, bulk, stop));
                // The app is behind, with bytes queued on the lane and, for bulk, in the daemon and at the client.
                let mut received = vec![0; 64 * 1024];
                app.read_exact(&mut received).expect("the connection is open");
                std::thread::sleep(Duration::from_millis(20 + round as u64));
                daemon.kill();
                let end = read_until_end(&app, &mut received);
                stop.store(true, Ordering::Relaxed);
                assert_counts_up(&received);
                println!("bulk {bulk}: {} bytes, then {end:?}", received.len());
            });
        }
    }
}

/// A daemon whose ports all have a lane.
fn with_lane(lab: &Lab, arguments: &[&str]) -> Daemon {
    let arguments = [&["--port", "8080", "--fast-lane=despite-fionread"], arguments].concat();
    let daemon = Daemon::start(lab, &arguments);
    let started = daemon.wait_event("daemon_started", |_| true);
    assert_eq!(started["fast_lane_ports"], started["ports"], "{}", daemon.stderr());
    daemon
}

/// Behind the port the test itself listens, and nothing is inspected.
fn raw() -> (Lab, TcpListener, Daemon) {
    let lab = Lab::new();
    lab.cap_socket_buffers(MIB);
    let listener = lab.server.listen(lab::any(PORT));
    let daemon = with_lane(&lab, &["--mode", "off"]);
    (lab, listener, daemon)
}

fn connect(lab: &Lab, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = lab.client.connect(lab::v4(PORT)).expect("the port is steered");
    let app = accept(listener);
    (client, app)
}

fn exchange(client: &mut TcpStream, app: &mut TcpStream) {
    let hello = |from: &mut TcpStream, to: &mut TcpStream| {
        from.write_all(b"hello").expect("open");
        let mut bytes = [0; 5];
        to.read_exact(&mut bytes).expect("open");
        assert_eq!(&bytes, b"hello");
    };
    hello(client, app);
    hello(app, client);
}

fn lane_bytes(closed: &Value) -> u64 {
    let lane = &closed["fast_lane"];
    ["bytes_to_server", "bytes_to_client"].iter().filter_map(|name| lane[name].as_u64()).sum()
}

/// Payload that waits in the queue of an end of the daemon's connection to the app, in bytes, from sock_diag.
fn waiting(lab: &Lab, end: End) -> usize {
    let mut command = lab.server.command("ss");
    let output = command.arg("-tmnOH").output().expect("ss runs");
    let text = String::from_utf8_lossy(&output.stdout);
    // The daemon connects from this range; its clients come from elsewhere.
    let is_it = |column: &str| column.contains("127.70.87.");
    let mut lines = text.lines().filter(|line| line.starts_with("ESTAB")).filter(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(if end == End::App { 4 } else { 3 }).is_some_and(|column| is_it(column))
    });
    let line = lines.next().unwrap_or_else(|| panic!("no connection to the app among:\n{text}"));
    let (_, memory) = line.split_once("skmem:(r").unwrap_or_else(|| panic!("no memory in {line}"));
    memory.split(',').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// An end of the daemon's connection to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Daemon,
    App,
}

/// Sends `total` bytes one way. The reader begins when the sender has been stopped and `stopped` has looked.
fn one_way((sender, mut reader): (TcpStream, TcpStream), total: usize, blocks: bool, stopped: impl FnOnce()) {
    let block = payload::bytes(7, MIB);
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (sent, block) = (&sent, &block);
        scope.spawn(move || send_blocks(sender, block, total / MIB, blocks, sent));
        let mut last = (0, Instant::now());
        let held = env::wait_for("the sender to be stopped", env::limit(30.0), || {
            let now = sent.load(Ordering::Relaxed);
            if now != last.0 || now == 0 {
                last = (now, Instant::now());
            }
            (last.1.elapsed() >= env::limit(0.5)).then_some(now)
        });
        // Four sockets with buffers of 1 MiB, which count more than the payload, what the daemon holds, and the window.
        assert!(held < 16 * MIB as u64, "{held} bytes are on their way to a reader that has stopped");
        stopped();
        let (mut buffer, mut at) = (vec![0; MIB / 4], 0);
        loop {
            let len = read_some(&mut reader, &mut buffer).expect("no reset");
            if len == 0 {
                break;
            }
            let mut rest = &buffer[..len];
            while !rest.is_empty() {
                let expected = &block[at % MIB..];
                let part = rest.len().min(expected.len());
                assert!(rest[..part] == expected[..part], "other bytes from {at} on");
                (rest, at) = (&rest[part..], at + part);
            }
        }
        assert_eq!(at, total, "everything, then the end");
        drop(reader);
    });
}

fn send_blocks(mut sender: TcpStream, block: &[u8], count: usize, blocks: bool, sent: &AtomicU64) {
    sender.set_nonblocking(!blocks).expect("open");
    sender.set_write_timeout(Some(env::limit(60.0))).expect("open");
    for nth in 0..count {
        let mut rest = block;
        while !rest.is_empty() {
            // What does not fit into the window as a whole goes by TCP: the first write fits.
            let write = if nth == 0 && rest.len() == block.len() { &rest[..WINDOW / 4] } else { rest };
            match sender.write(write) {
                Ok(len) => {
                    sent.fetch_add(len as u64, Ordering::Relaxed);
                    rest = &rest[len..];
                }
                Err(error) if !blocks && error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_micros(200));
                }
                Err(error) => panic!("write: {error}"),
            }
        }
    }
    sender.set_nonblocking(false).expect("open");
    sender.shutdown(Shutdown::Write).expect("open");
    // The other side closes when it has read everything.
    let _ = read_some(&mut sender, &mut [0; 16]);
}

/// As `read`, for sockets that block. One with a lane may stop waiting for other news than data (docs/fast-lane.md).
fn read_some(mut stream: impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    let started = Instant::now();
    loop {
        match stream.read(buffer) {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && started.elapsed() < env::limit(30.0) => {}
            other => return other,
        }
    }
}

/// What one side of a flow sends, and how the other reads it.
struct Course {
    bytes: Vec<u8>,
    /// Lengths of writes, each with a pause before it.
    writes: Vec<(usize, Duration)>,
    /// Length of reads, and how many of them go without a pause.
    read: usize,
    pause_each: usize,
}

impl Course {
    fn draw(random: &mut Random) -> Self {
        let pause = |random: &mut Random| match random.below(8) {
            0 => Duration::from_micros(random.below(2000) as u64),
            _ => Duration::ZERO,
        };
        let writes: Vec<_> = (0..=random.below(12))
            .map(|_| {
                let len = match random.below(16) {
                    0..=9 => 1 + random.below(400),
                    10..=14 => 1 + random.below(40_000),
                    // More than the window: the lane is not for that.
                    _ => 1 + random.below(3 * WINDOW),
                };
                (len, pause(random))
            })
            .collect();
        let total = writes.iter().map(|(len, _)| len).sum();
        let read = [1 + random.below(100), 4096, 65_536][random.below(3)].max(total / 500 + 1);
        Self { bytes: payload::bytes(random.draw(), total), writes, read, pause_each: 1 + random.below(50) }
    }

    /// Writes everything, or until the receiver has gone.
    fn send(&self, mut to: &TcpStream) -> io::Result<()> {
        let mut at = 0;
        for (len, pause) in &self.writes {
            std::thread::sleep(*pause);
            to.write_all(&self.bytes[at..at + len])?;
            at += len;
        }
        Ok(())
    }

    /// Reads up to the end, and says how many bytes came.
    fn receive(&self, from: &TcpStream, what: &str) -> usize {
        let mut buffer = vec![0; self.read];
        let mut at = 0;
        for nth in 1.. {
            let len = match read_some(from, &mut buffer) {
                Ok(len @ 1..) => len,
                end if at < self.bytes.len() => {
                    println!("{what}: {at} of {} bytes, then {end:?}", self.bytes.len());
                    break;
                }
                _ => break,
            };
            assert!(at + len <= self.bytes.len(), "{what}: more than was sent");
            assert!(buffer[..len] == self.bytes[at..at + len], "{what}: other bytes from {at} on");
            at += len;
            if nth % self.pause_each == 0 {
                std::thread::sleep(Duration::from_micros(300));
            }
        }
        at
    }
}

/// One flow, from its first byte to one of its ends.
fn play(client: TcpStream, app: TcpStream, random: &mut Random, what: &str) {
    let up = Course::draw(random);
    let down = Course::draw(random);
    let kind = random.below(6);
    let what = &format!("{what}, end {kind}");
    match kind {
        // A reset throws away what is on its way: what comes is the beginning of what was sent.
        0 => reset_after(&up, client, &app, what),
        1 => reset_after(&down, app, &client, what),
        // One side says everything first, the other answers into a connection that is half closed.
        2 => half_closed((&up, &client), (&down, &app), what),
        3 => half_closed((&down, &app), (&up, &client), what),
        _ => std::thread::scope(|scope| {
            for (course, from) in [(&up, &client), (&down, &app)] {
                scope.spawn(move || {
                    course.send(from).expect(what);
                    from.shutdown(Shutdown::Write).expect(what);
                });
            }
            let (received, app) = (scope.spawn(|| down.receive(&client, what)), &app);
            assert_eq!(up.receive(app, what), up.bytes.len(), "{what}: up");
            assert_eq!(received.join().expect(what), down.bytes.len(), "{what}: down");
        }),
    }
}

fn reset_after(course: &Course, from: TcpStream, to: &TcpStream, what: &str) {
    std::thread::scope(|scope| {
        scope.spawn(|| course.receive(to, what));
        course.send(&from).expect(what);
        reset_on_close(&from);
        drop(from);
    });
}

fn half_closed(first: (&Course, &TcpStream), second: (&Course, &TcpStream), what: &str) {
    for ((course, from), (_, to)) in [(first, second), (second, first)] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                course.send(from).expect(what);
                from.shutdown(Shutdown::Write).expect(what);
            });
            assert_eq!(course.receive(to, what), course.bytes.len(), "{what}");
        });
    }
}

/// Sends numbers that count up, until the connection breaks.
fn count_up(mut client: TcpStream, bulk: bool, stop: &AtomicBool) {
    let mut next = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let count = if bulk { 32 * 1024 } else { 16 };
        let block: Vec<u8> = (next..next + count).flat_map(u64::to_be_bytes).collect();
        next += count;
        if client.write_all(&block).is_err() {
            return;
        }
    }
}

fn read_until_end(from: &TcpStream, received: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match read_some(from, &mut buffer) {
            Ok(len @ 1..) => received.extend_from_slice(&buffer[..len]),
            end => return end,
        }
    }
}

fn assert_counts_up(received: &[u8]) {
    for (nth, number) in received.as_chunks::<8>().0.iter().enumerate() {
        assert_eq!(u64::from_be_bytes(*number), nth as u64, "a hole at byte {}", 8 * nth);
    }
}
