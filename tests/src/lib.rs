//! Harness of Framewall's integration tests: real kernels, real peers, the daemon as users start it.
//!
//! A [`Lab`] is a pair of network namespaces joined by a veth pair: the app and the daemon live in one, the clients
//! in the other. Peers are unchanged programs that print what they see as JSON lines ([`process::Process`]); where a
//! test must control every byte it plays the client or the app itself on a socket made in a namespace ([`netns`]).
//!
//! Everything here panics with an explanation instead of returning errors: a harness that cannot work is a failed
//! test. What the environment must provide is listed in [`env`](mod@env).

pub mod app;
pub mod attacks;
pub mod client;
pub mod conversation;
pub mod daemon;
pub mod deflate;
pub mod env;
pub mod http;
pub mod kernel;
pub mod lab;
pub mod netns;
pub mod payload;
pub mod process;
pub mod wire;

pub use app::{App, Kind};
pub use client::WsClient;
pub use daemon::Daemon;
pub use lab::Lab;
pub use process::Process;
