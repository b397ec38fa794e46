//! The command line: help, errors that name what is wrong and what is allowed, `scan`, event files.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use framewall_tests::attacks::TEXTBOOK;
use framewall_tests::daemon::{config_file, run_command};
use framewall_tests::{App, Daemon, Kind, Lab, Process, WsClient, env, lab};
use serde_json::{Value, json};
use tempfile::TempDir;

const PORT: u16 = 8080;

#[test]
fn help_and_version_of_every_command_go_to_standard_output() {
    for (arguments, words) in [
        (&["--help"][..], &["run", "check", "scan", "signals", "--version"][..]),
        (&["help"], &["run", "scan"]),
        (&["run", "--help"], &["--port", "--mode", "block", "log", "off", "--config", "--events", "SIGTERM"]),
        (&["help", "run"], &["--port", "--mode", "--config", "--rules", "--events", "SIGHUP"]),
        (&["check", "--help"], &["FILE", "rule", "warnings"]),
        (
            &["scan", "--help"],
            &["allow", "block", "tab", "-", "--jsonl", "payload_b64", "--explain", "--profile"],
        ),
        (&["help", "scan"], &["allow", "block"]),
        (&["--version"], &["framewall", env!("CARGO_PKG_VERSION")]),
    ] {
        let done = run(framewall(arguments), "");
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        for word in words {
            assert!(
                done.stdout.contains(word),
                "{word:?} is missing in the output of {arguments:?}:\n{}",
                done.stdout
            );
        }
    }
}

#[test]
fn a_bad_command_line_names_the_option_and_what_is_allowed() {
    for (arguments, words) in [
        (&["run", "--port", "0"][..], &["--port", "'0'", "65535"][..]),
        (&["run", "--port", "65536"], &["--port", "'65536'", "65535"]),
        (&["run", "--port=-1"], &["--port", "'-1'", "65535"]),
        (&["run", "--port", "http"], &["--port", "'http'", "65535"]),
        (&["run", "--port", "8080", "--mode", "blok"], &["--mode", "'blok'", "block", "log", "off"]),
        (&["run", "--pord", "8080"], &["--pord", "--port"]),
        (&["scan", "--profile", "harsh"], &["--profile", "'harsh'", "balanced", "strict", "lenient"]),
        (&["walk"], &["walk"]),
    ] {
        let done = run(framewall(arguments), "");
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.stderr);
        assert_eq!(done.stdout, "");
        for word in words {
            assert!(
                done.stderr.contains(word),
                "{word:?} is missing in the error of {arguments:?}:\n{}",
                done.stderr
            );
        }
    }
}

#[test]
fn a_bad_configuration_names_file_line_key_and_what_is_allowed() {
    for (text, line, words) in [
        ("ports = [8080]\nmodus = \"log\"\n", 2, &["modus", "mode", "ports"][..]),
        ("ports = [8080]\n\nmode = \"blok\"\n", 3, &["blok", "block", "log", "off"]),
        ("ports = [8080, 70000]\n", 1, &["ports", "70000", "65535"]),
        ("ports = [0]\n", 1, &["ports", "65535"]),
        ("ports = [8080]\n[limits]\nmax_head_bytes = 12\n", 3, &["max_head_bytes", "12", "1024"]),
        ("ports = [8080]\n[limits]\nmax_message_bytes = 0\n", 3, &["max_message_bytes", "allowed"]),
        ("ports = [8080]\n[limits]\nmax_mesage_bytes = 1\n", 3, &["max_mesage_bytes", "max_message_bytes"]),
        ("ports = [8080]\ndrain_timeout_ms = -1\n", 2, &["drain_timeout_ms", "-1", "allowed"]),
        ("ports = [8080\nmode = \"log\"\n", 0, &[]),
    ] {
        let file = config_file(text);
        let path = file.path().to_str().expect("a path in ASCII");
        let done = run(framewall(&["run", "--config", path]), "");
        assert_eq!(done.code, Some(1), "{text}: {}", done.stderr);
        let place = if line == 0 { format!("{path}:") } else { format!("{path}:{line}:") };
        assert!(done.stderr.contains(&place), "{place} is missing in:\n{}", done.stderr);
        for word in words {
            assert!(done.stderr.contains(word), "{word:?} is missing in:\n{}", done.stderr);
        }
    }
}

#[test]
fn a_missing_configuration_or_no_port_at_all_is_one_clear_error() {
    let done = run(framewall(&["run", "--config", "/nonexistent/framewall.toml"]), "");
    assert_one_line(&done, &["/nonexistent/framewall.toml"]);
    let done = run(framewall(&["run"]), "");
    assert!(matches!(done.code, Some(1 | 2)), "{:?}", done.code);
    assert!(done.stderr.contains("--port"), "{}", done.stderr);
}

#[test]
fn the_command_line_overrules_the_configuration() {
    let lab = Lab::new();
    let config = "ports = [9999]\nmode = \"log\"\n[limits]\nmax_message_bytes = 100\n";
    let daemon = Daemon::with_config(&lab, config, &[]);
    let started = daemon.wait_event("daemon_started", |_| true);
    assert_eq!((&started["ports"], &started["mode"]), (&json!([9999]), &json!("log")));
    drop(daemon);

    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let daemon = Daemon::with_config(&lab, config, &["--port", "8080", "--mode", "block"]);
    let started = daemon.wait_event("daemon_started", |_| true);
    assert_eq!((&started["ports"], &started["mode"]), (&json!([8080]), &json!("block")));
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.echo(&"x".repeat(100));
    client.send_text(&"x".repeat(101));
    let frame = client.wait_close().expect("a Close frame with a status code");
    assert_eq!(u16::from(frame.code), 1009, "the limit of the file holds");
    assert_eq!(daemon.wait_closed(client.address), "message-too-big");
    assert_eq!(app.wait_messages(client.address, 1).len(), 1);
}

#[test]
fn without_privileges_the_daemon_says_so_in_one_line() {
    let lab = Lab::new();
    // The binary may stand where nobody may go.
    let directory = TempDir::with_prefix("framewall-nobody-").expect("a temporary directory");
    let program = directory.path().join("framewall");
    std::fs::copy(env::daemon_binary(), &program).expect("copy the daemon");
    for path in [directory.path(), &program] {
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, everybody).expect("chmod");
    }
    let mut command = lab.server.command_as_nobody(&program);
    command.args(["run", "--port", "8080"]);
    assert_one_line(&run(command, ""), &["root", "CAP_"]);
}

#[test]
fn without_a_cgroup2_mount_the_daemon_says_so_in_one_line() {
    let lab = Lab::new();
    let mut command = lab.server.command_without_cgroup2(env::daemon_binary());
    command.args(["run", "--port", "8080"]);
    assert_one_line(&run(command, ""), &["cgroup2"]);
}

#[test]
fn an_event_file_that_cannot_be_written_is_named() {
    let lab = Lab::new();
    let mut command = run_command(&lab);
    command.args(["--port", "8080", "--events", "/nonexistent/events.json"]);
    assert_one_line(&run(command, ""), &["/nonexistent/events.json"]);
}

#[test]
fn events_go_to_a_file_by_appending() {
    let lab = Lab::new();
    let app = App::start(&lab, Kind::Tungstenite, PORT);
    let directory = TempDir::with_prefix("framewall-events-").expect("a temporary directory");
    let path = directory.path().join("events.json");
    std::fs::write(&path, "{\"event\":\"from before\"}\n").expect("write");
    let mut command = run_command(&lab);
    command.args(["--port", "8080", "--events"]).arg(&path);
    let mut daemon = Process::spawn("framewall", command);
    wait_file_event(&path, "daemon_started");
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.send_text("<script>alert(1)</script>");
    client.wait_blocked();
    app.wait_closed(client.address);
    wait_file_event(&path, "message_blocked");
    wait_file_event(&path, "connection_closed");
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(daemon.wait_exit(env::patience()).success());
    assert_eq!(daemon.events(), Vec::<Value>::new(), "nothing on standard output");
    let names: Vec<String> =
        file_events(&path).iter().map(|event| event["event"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(names[0], "from before");
    assert_eq!(names[1], "daemon_started");
    assert_eq!(names.last().expect("events"), "daemon_stopped");
}

#[test]
fn every_event_says_when() {
    let lab = Lab::new();
    let _app = App::start(&lab, Kind::Tungstenite, PORT);
    let mut daemon = Daemon::start(&lab, &["--port", "8080", "--events", "-"]);
    let mut client = WsClient::connect(&lab.client, lab::v4(PORT));
    client.send_text("<script>alert(1)</script>");
    client.wait_blocked();
    daemon.wait_closed(client.address);
    daemon.stop();
    let events = daemon.events();
    for event in &events {
        let time = event["ts"].as_str().unwrap_or_else(|| panic!("no time in {event}"));
        assert!(time.len() >= 20 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{event}");
    }
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(
        names,
        [
            "daemon_started",
            "connection_opened",
            "handshake_tagged",
            "websocket_opened",
            "message_blocked",
            "connection_closed",
            "daemon_draining",
            "daemon_stopped"
        ]
    );
}

#[test]
fn scan_prints_one_verdict_a_line() {
    let input = "hello\n{\"user\":{\"name\":\"' OR '1'='1\"}}\n\n<script>alert(1)</script>\nO'Brien";
    let expected = "1\tallow\t-\n2\tblock\tSQLI\n3\tallow\t-\n4\tblock\tXSS\n5\tallow\t-\n";
    for arguments in [&["scan"][..], &["scan", "-"]] {
        let done = run(framewall(arguments), input);
        assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), expected, ""));
    }
    let file = config_file(input);
    let done = run(framewall(&["scan", file.path().to_str().expect("ASCII")]), "");
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), expected, ""));
}

#[test]
fn scan_of_json_lines_names_messages_by_their_id() {
    let input = concat!(
        r#"{"id":"a","payload":"hello","opcode":"text"}"#,
        "\n",
        r#"{"id":"b","payload":"{\"q\":\"' OR '1'='1\"}","opcode":"text"}"#,
        "\n",
        r#"{"id":"c","payload_b64":"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==","opcode":"binary"}"#,
        "\n",
    );
    let expected = "a\tallow\t-\nb\tblock\tSQLI\nc\tblock\tXSS\n";
    let file = config_file(input);
    for source in ["-", file.path().to_str().expect("ASCII")] {
        let done = run(framewall(&["scan", "--jsonl", source]), input);
        assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), expected, ""));
    }
    let done = run(framewall(&["scan", "--jsonl"]), &format!("{input}{{\"id\":\"d\",\"payload\":7}}\n"));
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), expected), "what was judged is printed");
    assert!(done.stderr.contains("standard input:4:21: invalid type: integer `7`"), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
}

#[test]
fn scan_explains_what_it_finds() {
    let done = run(framewall(&["scan", "--explain"]), "hello\n{\"user\":{\"name\":\"' OR '1'='1\"}}\n");
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert!(done.stdout.starts_with("2\tblock\tSQLI\n"), "{}", done.stdout);
    for word in ["$.user.name", "' OR '1'='1", "blocks from 5", "balanced", "bytes "] {
        assert!(done.stdout.contains(word), "{word:?} is missing in:\n{}", done.stdout);
    }
}

#[test]
fn signals_lists_what_can_be_found() {
    let done = run(framewall(&["signals"]), "");
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    for word in ["SQLI", "XSS", "attack", "WS-UNINSPECTED", "anomaly"] {
        assert!(done.stdout.contains(word), "{word:?} is missing in:\n{}", done.stdout);
    }
}

#[test]
fn scan_blocks_every_textbook_attack() {
    let input: String = TEXTBOOK.iter().map(|attack| format!("{}\n", attack.text)).collect();
    let expected: String = TEXTBOOK
        .iter()
        .enumerate()
        .map(|(index, attack)| format!("{}\tblock\t{}\n", index + 1, attack.signal))
        .collect();
    let done = run(framewall(&["scan"]), &input);
    assert_eq!(done.stdout, expected);
}

#[test]
fn scan_of_a_file_that_cannot_be_read_is_one_clear_error() {
    let done = run(framewall(&["scan", "/nonexistent/messages"]), "");
    assert_one_line(&done, &["/nonexistent/messages"]);
    let directory = TempDir::with_prefix("framewall-scan-").expect("a temporary directory");
    let path = directory.path().to_str().expect("ASCII");
    assert_one_line(&run(framewall(&["scan", path]), ""), &[path]);
}

/// A command that has ended.
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn framewall(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::daemon_binary());
    command.args(arguments);
    command
}

/// Runs a command to its end; one that does not end in time is killed and fails the test.
fn run(mut command: Command, input: &str) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the daemon starts");
    // A command that reads no input may be gone already.
    drop(child.stdin.take().expect("piped").write_all(input.as_bytes()));
    let read = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("UTF-8");
            text
        })
    };
    let stdout = read(Box::new(child.stdout.take().expect("piped")));
    let stderr = read(Box::new(child.stderr.take().expect("piped")));
    let deadline = std::time::Instant::now() + env::patience();
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait for the command") {
            break status;
        }
        if std::time::Instant::now() > deadline {
            child.kill().expect("kill the command");
            child.wait().expect("wait for the command");
            let said = stderr.join().expect("read");
            panic!("{command:?} does not end\n{}\n{said}", stdout.join().expect("read"));
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    Done { code: status.code(), stdout: stdout.join().expect("read"), stderr: stderr.join().expect("read") }
}

fn assert_one_line(done: &Done, words: &[&str]) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "one line: {:?}", done.stderr);
    for word in words {
        assert!(done.stderr.contains(word), "{word:?} is missing in {:?}", done.stderr);
    }
}

fn file_events(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the event file");
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

fn wait_file_event(path: &Path, name: &str) {
    env::wait_for(&format!("{name} in the event file"), env::patience(), || {
        file_events(path).iter().any(|event| event["event"] == name).then_some(())
    });
}
