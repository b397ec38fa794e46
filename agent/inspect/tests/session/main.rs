//! Whole connections, as the daemon would run them.

mod closing;
mod http;
mod log_mode;
mod peer;
mod relay;
mod splits;
mod websocket;
