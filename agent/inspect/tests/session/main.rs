//! Whole connections, as the daemon would run them.

mod closing;
mod deflate;
mod handshake;
mod http;
mod limits;
mod log_mode;
mod peer;
mod relay;
mod rules;
mod splits;
mod to_client;
mod websocket;
