//! Many messages on many connections, and the death of the daemon in the middle of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, lab, payload};
use tungstenite::Message;

const PORT: u16 = 8080;
const CONNECTIONS: usize = 32;

#[test]
fn ten_thousand_messages_on_32_connections_pass_byte_exact() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let total = env::volume("messages", 10_000, 2_000);
    let opened = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                // 10,000 is no multiple of 32: the first connections take one more.
                let messages = total / CONNECTIONS + usize::from(connection < total % CONNECTIONS);
                let lab = &lab;
                scope.spawn(move || {
                    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
                    for message in 0..messages {
                        client.echo(&payload::chat(connection, message));
                    }
                    let address = client.address;
                    client.close();
                    (connection, address, messages)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("every echo is right")).collect::<Vec<_>>()
    });
    let mut seen = 0;
    for (connection, address, messages) in opened {
        assert_eq!(app.wait_closed(address), Some(1000));
        let log = app.messages(address);
        assert_eq!(log.len(), messages);
        for (message, event) in log.iter().enumerate() {
            assert_eq!(event["text"], payload::chat(connection, message).as_str(), "in order, unchanged");
        }
        seen += log.len();
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_eq!(closed["messages_to_server"], messages, "{closed}");
        assert_eq!(closed["messages_to_client"], messages, "{closed}");
    }
    assert_eq!(seen, total);
    assert_eq!(daemon.events_of("message_blocked"), Vec::<serde_json::Value>::new());
}

#[test]
fn killing_the_daemon_under_load_lets_new_connections_work_at_once() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut daemon = Daemon::start(&lab, &["--port", "8080"]);
    let objects = daemon.bpf_objects();
    assert!(!objects.links.is_empty(), "the daemon has links in the kernel: {objects:?}");
    let stop = AtomicBool::new(false);
    let echoes = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // Under every way out of here the load has to end.
        let guard = Stop(&stop);
        for connection in 0..CONNECTIONS {
            let (lab, stop, echoes) = (&lab, &stop, &echoes);
            scope.spawn(move || load(lab, connection, stop, echoes));
        }
        env::wait_for("load on every connection", env::patience(), || {
            (echoes.load(Ordering::Relaxed) >= 10 * CONNECTIONS).then_some(())
        });

        daemon.kill();
        let died = Instant::now();
        let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
        client.echo("new connection");
        let took = died.elapsed();
        assert!(took < env::limit(1.0), "the first echo without the daemon took {took:?}");
        app.wait_opened(client.address);
        let mut local = WsClient::connect(&lab.server, lab::v6(PORT));
        local.echo("new connection");
        app.wait_opened(local.address);

        // The load goes on too, over new connections.
        let at_death = echoes.load(Ordering::Relaxed);
        env::wait_for("the load to go on", env::patience(), || {
            (echoes.load(Ordering::Relaxed) >= at_death + 10 * CONNECTIONS).then_some(())
        });
        drop(guard);
    });
    objects.wait_gone();
}

/// Echoes until told to stop; connects anew when the connection breaks.
fn load(lab: &Lab, connection: usize, stop: &AtomicBool, echoes: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        // At the moment of the death a handshake may break.
        let Ok(mut client) = WsClient::try_connect(&lab.client, lab::v4(PORT)) else { continue };
        for message in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let text = payload::chat(connection, message);
            if client.socket.send(Message::text(&text)).is_err() {
                break;
            }
            match client.socket.read() {
                Ok(answer) => assert_eq!(answer, Message::text(text), "never a hole in the stream"),
                Err(_) => break,
            }
            echoes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
