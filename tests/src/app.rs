//! The apps to be protected: unchanged servers from the registries, all echoing, all on every address of the host.

use std::net::SocketAddr;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::address_in;
use crate::{Lab, Process, env, kernel, lab};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Node.js `ws` on a dual-stack `[::]` socket, Node's default; also speaks plain HTTP.
    Node,
    /// The same with permessage-deflate switched on.
    NodeDeflate,
    /// Python `websockets` (asyncio) on `0.0.0.0` and `[::]`, with its default permessage-deflate.
    Python,
    /// tokio-tungstenite on a dual-stack `[::]` socket.
    Tungstenite,
    /// gorilla/websocket on the dual-stack `[::]` socket of Go's net/http.
    Go,
    /// Tomcat on the dual-stack `[::]` socket of Java NIO, with its default permessage-deflate.
    Tomcat,
    /// nginx in front of tokio-tungstenite: to clients and to Framewall, nginx is the app.
    Nginx,
}

/// Every kind once.
pub const ALL: [Kind; 7] =
    [Kind::Node, Kind::NodeDeflate, Kind::Python, Kind::Tungstenite, Kind::Go, Kind::Tomcat, Kind::Nginx];

impl Kind {
    /// Whether it agrees to permessage-deflate.
    #[must_use]
    pub fn compresses(self) -> bool {
        matches!(self, Self::NodeDeflate | Self::Python | Self::Tomcat)
    }

    /// Whether this machine has it. Java's virtual machine within an emulated one would take minutes to start.
    #[must_use]
    pub fn is_here(self) -> bool {
        let here = self != Self::Tomcat || env::slowdown() == 1;
        if !here {
            println!("slow machine: without {self:?}");
        }
        here
    }
}

/// A running app.
#[derive(Debug)]
pub struct App {
    /// The process that logs the messages.
    pub process: Process,
    kind: Kind,
    front: Option<(Process, TempDir)>,
}

impl App {
    /// Starts the app on the server host and waits until it listens on `port`.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[must_use]
    pub fn start(lab: &Lab, kind: Kind, port: u16) -> Self {
        let (process, front) = match kind {
            Kind::Node => (node(lab, port, &[]), None),
            Kind::NodeDeflate => (node(lab, port, &["--deflate"]), None),
            Kind::Python => (python_server(lab, port, &[]), None),
            Kind::Tungstenite => (tungstenite(lab, &[lab::any(port)]), None),
            Kind::Go => (go(lab, port), None),
            Kind::Tomcat => (tomcat(lab, port), None),
            Kind::Nginx => {
                lab.expect_fionread();
                let behind = SocketAddr::from(([127, 0, 0, 1], port + 1));
                let app = tungstenite(lab, &[behind]);
                (app, Some(nginx(lab, port, behind)))
            }
        };
        Self { process, kind, front }
    }

    /// Like [`Self::start`], but the app logs every message as its SHA-256: byte-exact, also for binary ones.
    ///
    /// # Panics
    ///
    /// As [`Self::start`], and for kinds that cannot.
    #[must_use]
    pub fn start_with_digests(lab: &Lab, kind: Kind, port: u16) -> Self {
        let process = match kind {
            Kind::Node => node(lab, port, &["--digests"]),
            Kind::NodeDeflate => node(lab, port, &["--deflate", "--digests"]),
            Kind::Python => python_server(lab, port, &["--digests"]),
            Kind::Tungstenite | Kind::Go | Kind::Tomcat | Kind::Nginx => {
                panic!("{kind:?} has no such switch")
            }
        };
        Self { process, kind, front: None }
    }

    /// Starts the tokio-tungstenite app on the server host with these addresses to listen on.
    ///
    /// # Panics
    ///
    /// If one is taken.
    #[must_use]
    pub fn tungstenite_on(lab: &Lab, addresses: &[SocketAddr]) -> Self {
        Self { process: tungstenite(lab, addresses), kind: Kind::Tungstenite, front: None }
    }

    /// The process that accepts the connections: nginx where it stands in front.
    #[must_use]
    pub fn accepting_process(&self) -> &Process {
        self.front.as_ref().map_or(&self.process, |(front, _)| front)
    }

    /// Waits until the app has opened a WebSocket with this client and gives the event. Passing means that the app
    /// saw the client's true address, the port included.
    ///
    /// # Panics
    ///
    /// If no connection from that address shows up.
    pub fn wait_opened(&self, client: SocketAddr) -> Value {
        let field = if self.kind == Kind::Nginx { "forwarded" } else { "peer" };
        self.process.wait_address("opened", field, client)
    }

    /// Waits for a message with this content from this client, however the app logged it.
    ///
    /// # Panics
    ///
    /// If it does not come.
    pub fn wait_message(&self, client: SocketAddr, content: &[u8]) {
        let peer = self.wait_opened(client)["peer"].clone();
        let text = String::from_utf8_lossy(content);
        let digest = crate::payload::sha256(content);
        self.process.wait_event("message", |event| {
            event["peer"] == peer
                && (event["text"] == text.as_ref()
                    || (event["sha256"] == digest.as_str() && event["bytes"] == content.len()))
        });
    }

    /// The messages the app saw from this client so far.
    ///
    /// # Panics
    ///
    /// If no connection from that address shows up.
    #[must_use]
    pub fn messages(&self, client: SocketAddr) -> Vec<Value> {
        let peer = self.wait_opened(client)["peer"].clone();
        self.process.events_of("message").into_iter().filter(|event| event["peer"] == peer).collect()
    }

    /// The messages the app saw from this client, once there are so many: it may say so later than it answers.
    ///
    /// # Panics
    ///
    /// If fewer come.
    #[must_use]
    pub fn wait_messages(&self, client: SocketAddr, count: usize) -> Vec<Value> {
        let peer = self.wait_opened(client)["peer"].clone();
        self.process.wait_events("message", count, |event| event["peer"] == peer)
    }

    /// Waits until the app has seen the end of its connection with this client, and gives the status code of the
    /// Close frame it got, if it got one.
    ///
    /// # Panics
    ///
    /// If the connection does not end.
    pub fn wait_closed(&self, client: SocketAddr) -> Option<u64> {
        let peer = self.wait_opened(client)["peer"].clone();
        self.process.wait_event("closed", |event| event["peer"] == peer)["code"].as_u64()
    }

    /// Whether the app has accepted a connection from this address.
    #[must_use]
    pub fn has_accepted(&self, client: SocketAddr) -> bool {
        let client = Some(lab::canonical(client));
        self.process.events_of("accepted").iter().any(|event| address_in(event, "peer") == client)
    }
}

/// The client of Python `websockets`, on the client host. It takes orders as JSON lines, see `peers/python/client.py`.
///
/// # Panics
///
/// If it does not connect.
#[must_use]
pub fn python_client(lab: &Lab, to: SocketAddr) -> Process {
    python_client_asking_for(lab, to, &[])
}

/// The same with these parameters of permessage-deflate, as in `client_max_window_bits=10`; none: its defaults.
///
/// # Panics
///
/// If it does not connect.
#[must_use]
pub fn python_client_asking_for(lab: &Lab, to: SocketAddr, parameters: &[&str]) -> Process {
    let mut command = lab.client.command("python3");
    command
        .env("PYTHONPATH", env::peers("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(env::peers("scripts/python/client.py"))
        .arg(format!("ws://{to}/chat"))
        .args(parameters);
    let process = Process::spawn("python client", command);
    process.wait_event("open", |_| true);
    process
}

/// The address from which a client process is connected.
///
/// # Panics
///
/// If it has not reported one.
#[must_use]
pub fn address_of(client: &Process) -> SocketAddr {
    let open = client.wait_event("open", |_| true);
    address_in(&open, "local").unwrap_or_else(|| panic!("no local address in {open}"))
}

fn node(lab: &Lab, port: u16, flags: &[&str]) -> Process {
    let mut command = lab.server.command("node");
    command
        .env("NODE_PATH", env::peers("node/node_modules"))
        .arg(env::peers("scripts/node/server.js"))
        .args(["--port", &port.to_string()])
        .args(flags);
    listening(Process::spawn("node app", command), 1)
}

fn python_server(lab: &Lab, port: u16, flags: &[&str]) -> Process {
    let mut command = lab.server.command("python3");
    command
        .env("PYTHONPATH", env::peers("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(env::peers("scripts/python/server.py"))
        .args(["--port", &port.to_string()])
        .args(flags);
    listening(Process::spawn("python app", command), 2)
}

fn tungstenite(lab: &Lab, addresses: &[SocketAddr]) -> Process {
    let mut command = lab.server.command(env::peers("bin/ws-app"));
    for address in addresses {
        command.arg("--listen").arg(address.to_string());
    }
    listening(Process::spawn("ws-app", command), addresses.len())
}

fn go(lab: &Lab, port: u16) -> Process {
    let mut command = lab.server.command(env::peers("bin/ws-go"));
    // Sockets of Multipath TCP, Go's default since 1.24, have no fast lane.
    command.env("GODEBUG", "multipathtcp=0").args(["-port", &port.to_string()]);
    listening(Process::spawn("go app", command), 1)
}

fn tomcat(lab: &Lab, port: u16) -> Process {
    let mut command = lab.server.command("java");
    let mut arguments = std::ffi::OsString::from("@");
    arguments.push(env::peers("java/arguments"));
    command.arg(arguments).args(["Server", &port.to_string()]);
    listening(Process::spawn("tomcat app", command), 1)
}

fn nginx(lab: &Lab, port: u16, behind: SocketAddr) -> (Process, TempDir) {
    let directory = TempDir::with_prefix("framewall-nginx-").expect("a temporary directory");
    let template = std::fs::read_to_string(env::peers("scripts/nginx/nginx.conf")).expect("nginx.conf");
    let config = template.replace("@PORT@", &port.to_string()).replace("@BEHIND@", &behind.to_string());
    std::fs::write(directory.path().join("nginx.conf"), config).expect("write nginx.conf");
    let mut command = lab.server.command("nginx");
    command.arg("-p").arg(directory.path()).args(["-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]);
    let mut process = Process::spawn("nginx", command);
    env::wait_for("nginx to listen", env::patience(), || {
        assert!(process.is_running(), "nginx has ended");
        kernel::listening_addresses(process.pid()).iter().any(|on| on.port() == port).then_some(())
    });
    (process, directory)
}

fn listening(process: Process, sockets: usize) -> Process {
    process.wait_events("listening", sockets, |_| true);
    process
}
