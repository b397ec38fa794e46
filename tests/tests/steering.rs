//! New connections on a configured port go through the daemon, and the app cannot tell.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use framewall_tests::netns::Namespace;
use framewall_tests::process::address_in;
use framewall_tests::wire::{End, read_or_end, read_to_end, upgrade_request};
use framewall_tests::{App, Daemon, Kind, Lab, WsClient, env, kernel, lab};
use nix::sys::signal::Signal;

const PORT: u16 = 8080;

#[test]
fn node_sees_the_true_address_of_every_client() {
    sees_the_true_address_of_every_client(Kind::Node);
}

#[test]
fn python_sees_the_true_address_of_every_client() {
    sees_the_true_address_of_every_client(Kind::Python);
}

#[test]
fn tungstenite_sees_the_true_address_of_every_client() {
    sees_the_true_address_of_every_client(Kind::Tungstenite);
}

#[test]
fn go_sees_the_true_address_of_every_client() {
    sees_the_true_address_of_every_client(Kind::Go);
}

#[test]
fn tomcat_sees_the_true_address_of_every_client() {
    sees_the_true_address_of_every_client(Kind::Tomcat);
}

#[test]
fn nginx_sees_the_true_address_of_every_client() {
    sees_the_true_address_of_every_client(Kind::Nginx);
}

/// An app on `[::]` must get IPv4 clients in mapped form, one on an IPv4 socket in plain form, from accept() and
/// from getpeername() alike.
#[test]
fn accept_and_getpeername_give_the_address_in_the_form_of_the_socket() {
    let lab = Lab::new();
    let any_v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT + 1);
    let app = App::tungstenite_on(&lab, &[lab::any(PORT), any_v4, lab::v6(PORT + 1)]);
    let daemon = Daemon::start(&lab, &["--port", "8080", "--port", "8081"]);
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(IpAddr::V6(v4.to_ipv6_mapped()), address.port()).to_string(),
        IpAddr::V6(_) => address.to_string(),
    };
    for host in [&lab.client, &lab.server] {
        for (to, dual_stack) in [
            (lab::v4(PORT), true),
            (lab::v6(PORT), true),
            (lab::v4(PORT + 1), false),
            (lab::v6(PORT + 1), false),
        ] {
            let mut client = WsClient::connect(host, to);
            client.echo("hello");
            daemon.wait_address("connection_opened", "client", client.address);
            let expected = if dual_stack { mapped(client.address) } else { client.address.to_string() };
            let accepted = app.process.wait_address("accepted", "peer", client.address);
            assert_eq!(accepted["peer"], expected.as_str(), "accept() on {to}");
            assert_eq!(accepted["getpeername"], expected.as_str(), "getpeername() on {to}");
        }
    }
}

/// The same through system calls of the test itself, with a plain blocking socket.
#[test]
fn a_blocking_app_sees_the_true_address() {
    let lab = Lab::new();
    let listener = lab.server.listen(lab::any(PORT));
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    for to in [lab::v4(PORT), lab::v6(PORT)] {
        let client = lab.client.connect(to).expect("the daemon accepts");
        let expected = client.local_addr().expect("connected");
        daemon.wait_address("connection_opened", "client", expected);
        let (app, peer) = listener.accept().expect("the app gets the connection");
        assert_eq!(lab::canonical(peer), expected, "accept()");
        assert_eq!(lab::canonical(app.peer_addr().expect("connected")), expected, "getpeername()");
        assert_eq!(lab::canonical(app.local_addr().expect("connected")), to, "getsockname()");
    }
}

#[test]
fn several_ports_are_steered_at_once_and_another_one_is_left_alone() {
    let lab = Lab::new();
    let app = App::tungstenite_on(&lab, &[lab::any(8080), lab::any(8081), lab::any(8082), lab::any(65535)]);
    let daemon = Daemon::start(&lab, &["--port", "8080", "--port", "8082", "--port", "65535"]);
    let started = daemon.wait_event("daemon_started", |_| true);
    assert_eq!(started["ports"], serde_json::json!([8080, 8082, 65535]));
    assert_eq!(started["mode"], "block");
    assert_eq!(started["pid"], daemon.pid());

    let mut direct = WsClient::connect(&lab.client, lab::v4(8081));
    direct.echo("not steered");
    app.wait_opened(direct.address);
    for port in [8080, 8082, 65535] {
        let mut client = WsClient::connect(&lab.client, lab::v4(port));
        client.echo("steered");
        app.wait_opened(client.address);
        let opened = daemon.wait_address("connection_opened", "client", client.address);
        assert_eq!(address_in(&opened, "server"), Some(lab::v4(port)));
    }
    assert_not_steered(&daemon, direct.address);
}

#[test]
fn connections_from_before_the_start_are_left_alone() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut before: Vec<_> =
        [lab::v4(PORT), lab::v6(PORT)].map(|to| WsClient::connect(&lab.client, to)).into_iter().collect();
    before.push(WsClient::connect(&lab.server, local_v4()));
    let mut daemon = Daemon::start(&lab, &["--port", "8080"]);
    let mut after = WsClient::connect(&lab.client, lab::v4(PORT));
    after.echo("steered");
    daemon.wait_address("connection_opened", "client", after.address);
    for client in &mut before {
        // Nothing inspects these: what would be blocked passes.
        client.echo("<script>alert(1)</script>");
        assert_not_steered(&daemon, client.address);
    }
    after.close();
    daemon.stop();
    for mut client in before {
        client.echo("still here");
        let address = client.address;
        client.close();
        assert_eq!(app.wait_closed(address), Some(1000));
    }
}

#[test]
fn the_daemons_own_port_takes_no_direct_connection() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let listeners = kernel::listening_addresses(daemon.pid());
    assert!(!listeners.is_empty(), "the daemon listens somewhere");
    for listener in listeners {
        let mut targets = vec![(&lab.server, listener)];
        if listener.ip().is_unspecified() {
            let port = listener.port();
            targets = vec![
                (&lab.client, lab::v4(port)),
                (&lab.client, lab::v6(port)),
                (&lab.server, SocketAddr::from(([127, 0, 0, 1], port))),
                (&lab.server, SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)),
            ];
        }
        for (host, to) in targets {
            // Refused at once is as good as accepted and reset.
            let Ok(mut stream) = host.connect(to) else { continue };
            let address = stream.local_addr().expect("a bound socket");
            drop(stream.write_all(upgrade_request("/").as_bytes()));
            let (answer, _) = read_to_end(&mut stream);
            assert_eq!(String::from_utf8_lossy(&answer), "", "an answer on {to}");
            assert!(!app.has_accepted(address), "{to} leads to the app");
        }
    }
    WsClient::connect(&lab.client, lab::v4(PORT)).echo("the daemon still works");
}

#[test]
fn a_connection_to_an_absent_app_is_reset() {
    let lab = Lab::new();
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let destinations =
        [(&lab.client, lab::v4(PORT)), (&lab.client, lab::v6(PORT)), (&lab.server, local_v4())];
    for (host, to) in destinations {
        match host.connect(to) {
            Ok(mut stream) => assert_eq!(read_or_end(&mut stream, &mut [0; 64]), Err(End::Reset), "{to}"),
            // The RST may be there before connect() returns. "Refused" would mean that nobody steers.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{to}"),
        }
    }
    let closed = daemon.wait_events("connection_closed", destinations.len(), |_| true);
    assert!(closed.iter().all(|event| event["reason"] == "app-unreachable"), "{closed:?}");
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("now it is there");
    app.wait_opened(client.address);
}

#[test]
fn sigterm_drains_live_connections_and_lets_new_ones_through_to_the_app() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let limit = format!("drain_timeout_ms = {}\n", env::limit(10.0).as_millis());
    let mut daemon = Daemon::with_config(&lab, &limit, &["--port", "8080"]);
    let objects = daemon.bpf_objects();
    let mut live = WsClient::connect(&lab.client, lab::v4(PORT));
    live.echo("before");

    daemon.signal(Signal::SIGTERM);
    // Steering has stopped then.
    daemon.wait_event("daemon_draining", |_| true);
    let mut direct = WsClient::connect(&lab.client, lab::v4(PORT));
    direct.echo("hello");
    app.wait_opened(direct.address);
    live.echo("while draining");
    assert!(daemon.is_running(), "the daemon waits for its live connection");
    let address = live.address;
    live.close();
    assert_eq!(app.wait_closed(address), Some(1000));
    daemon.wait_stopped();
    let steered = daemon.events_of("connection_opened");
    assert_eq!(steered.len(), 1, "{steered:?}");
    direct.echo("after");
    objects.wait_gone();
}

#[test]
fn a_connection_that_outlives_the_drain_time_is_closed_with_1001() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut daemon = Daemon::with_config(&lab, "drain_timeout_ms = 200\n", &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("before");
    daemon.signal(Signal::SIGTERM);
    let frame = client.wait_close().expect("a Close frame with a status code");
    assert_eq!(u16::from(frame.code), 1001);
    assert_eq!(app.wait_closed(client.address), Some(1001));
    daemon.wait_stopped();
    assert_eq!(daemon.wait_closed(client.address), "shutdown");
}

#[test]
fn sigint_ends_an_idle_daemon_and_leaves_nothing() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut daemon = Daemon::start(&lab, &["--port", "8080"]);
    let objects = daemon.bpf_objects();
    assert!(!objects.programs.is_empty(), "the daemon has programs in the kernel: {objects:?}");
    assert!(!objects.maps.is_empty(), "the daemon has maps in the kernel: {objects:?}");
    assert!(!objects.links.is_empty(), "the daemon has links in the kernel: {objects:?}");
    assert_eq!(objects.still_there(), objects, "bpftool shows them");
    daemon.signal(Signal::SIGINT);
    daemon.wait_stopped();
    objects.wait_gone();
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("direct");
    app.wait_opened(client.address);
}

#[test]
fn after_sigkill_the_next_connection_reaches_the_app_and_nothing_is_left() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut daemon = Daemon::start(&lab, &["--port", "8080"]);
    let objects = daemon.bpf_objects();
    assert!(!objects.links.is_empty(), "the daemon has links in the kernel: {objects:?}");
    let mut live = WsClient::connect(&lab.client, lab::v4(PORT));
    live.echo("before");
    daemon.kill();
    for to in [lab::v4(PORT), lab::v6(PORT)] {
        let mut client = WsClient::connect(&lab.client, to);
        client.echo("direct");
        app.wait_opened(client.address);
    }
    live.wait_end();
    app.wait_closed(live.address);
    objects.wait_gone();
}

#[test]
fn the_kernel_programs_lines_are_in_the_log_where_the_filter_lets_them() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::with_log(&lab, "info,framewall_ebpf=debug", &["--port", "8080"]);
    WsClient::connect(&lab.client, lab::v4(PORT)).echo("hello");
    let lines = [
        "port 8080: connection goes to the daemon",
        "port 8080: upstream connection passes to the application",
        "application socket of port 8080 has its client's address",
    ];
    for line in lines {
        env::wait_for(line, env::patience(), || daemon.stderr().contains(line).then_some(()));
    }
    let quiet = Daemon::start(&lab, &["--port", "8081"]);
    drop(lab.client.connect(lab::v4(8081)));
    quiet.wait_event("connection_closed", |_| true);
    assert!(!quiet.stderr().contains("goes to the daemon"), "{}", quiet.stderr());
}

/// A handshake that succeeds and one that fails must both take their entry out of the map of flows: an entry that
/// stays is one that another connection could use to get past the daemon.
#[test]
fn no_handshake_leaves_a_flow_behind() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080", "--port", "8081"]);
    let objects = daemon.bpf_objects();
    let mut live = WsClient::connect(&lab.client, lab::v4(PORT));
    live.echo("hello");
    for to in [lab::v4(8081), lab::v6(8081)] {
        drop(lab.client.connect(to));
    }
    let closed = daemon.wait_events("connection_closed", 2, |_| true);
    assert!(closed.iter().all(|event| event["reason"] == "app-unreachable"), "{closed:?}");
    assert_eq!(kernel::map_entries(&objects, "framewall_flows"), 0);
    assert_eq!(kernel::map_entries(&objects, "framewall_ports"), 2, "the self-test's port has gone too");
    live.echo("still here");
}

#[test]
fn more_connections_than_allowed_are_reset_and_reported() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::with_config(&lab, "max_connections = 2\n", &["--port", "8080"]);
    let mut first = WsClient::connect(&lab.client, lab::v4(PORT));
    let second = WsClient::connect(&lab.client, lab::v4(PORT));
    let refused = match lab.client.connect(lab::v4(PORT)) {
        Ok(mut stream) => read_or_end(&mut stream, &mut [0; 64]),
        Err(_reset_before_connect_returned) => Err(End::Reset),
    };
    assert_eq!(refused, Err(End::Reset));
    let event = daemon.wait_event("connection_refused", |_| true);
    assert_eq!(event["reason"], "too-many-connections");
    assert_eq!(address_in(&event, "server"), Some(lab::v4(PORT)));
    first.echo("not disturbed");

    let address = second.address;
    second.close();
    daemon.wait_closed(address);
    // The place is free a moment after the event.
    env::wait_for("a free place", env::patience(), || {
        let mut stream = lab.client.connect(lab::v4(PORT)).ok()?;
        stream.write_all(upgrade_request("/").as_bytes()).ok()?;
        read_or_end(&mut stream, &mut [0; 64]).ok()
    });
}

#[test]
fn a_second_daemon_can_take_over_from_the_first() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut first = Daemon::start(&lab, &["--port", "8080"]);
    WsClient::connect(&lab.client, lab::v4(PORT)).close();
    first.stop();
    let second = Daemon::start(&lab, &["--port", "8080"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo("hello");
    app.wait_opened(client.address);
    second.wait_address("connection_opened", "client", client.address);
}

/// Every kind of client address, each checked at the app, in the daemon's events, and by an echo.
fn sees_the_true_address_of_every_client(kind: Kind) {
    if !kind.is_here() {
        return;
    }
    let lab = Lab::new();
    let app = App::start(&lab, kind, PORT);
    let daemon = Daemon::start(&lab, &["--port", "8080"]);
    let destinations: [(&str, &Namespace, SocketAddr); 6] = [
        ("IPv4, another host", &lab.client, lab::v4(PORT)),
        ("IPv6, another host", &lab.client, lab::v6(PORT)),
        ("IPv4, loopback", &lab.server, local_v4()),
        ("IPv6, loopback", &lab.server, SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), PORT)),
        ("IPv4, the host's own address", &lab.server, lab::v4(PORT)),
        ("IPv6, the host's own address", &lab.server, lab::v6(PORT)),
    ];
    for (name, host, to) in destinations {
        println!("{kind:?}: {name}");
        let mut client = WsClient::connect(host, to);
        let address = client.address;
        client.echo(name);
        app.wait_opened(address);
        app.wait_message(address, name.as_bytes());
        let opened = daemon.wait_address("connection_opened", "client", address);
        assert_eq!(address_in(&opened, "server"), Some(to), "{opened}");
        let websocket = daemon.wait_address("websocket_opened", "client", address);
        assert_eq!(websocket["path"], "/chat");
        assert_eq!(websocket["connection"], opened["connection"]);
        client.close();
        assert_eq!(app.wait_closed(address), Some(1000));
        let closed = daemon.wait_address("connection_closed", "client", address);
        assert_eq!(closed["connection"], opened["connection"]);
        assert_eq!(closed["messages_to_server"], 1, "{closed}");
        assert_eq!(closed["messages_to_client"], 1, "{closed}");
    }
}

/// The app's address on loopback.
fn local_v4() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT)
}

/// Checks that the daemon has not seen this client; call it after a later connection has shown up in the events.
fn assert_not_steered(daemon: &Daemon, client: SocketAddr) {
    let seen = daemon.events_of("connection_opened");
    assert!(!seen.iter().any(|event| address_in(event, "client") == Some(client)), "{client} was steered");
}
