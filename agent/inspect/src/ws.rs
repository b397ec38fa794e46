//! WebSocket (RFC 6455): frames, messages, extensions, Close frames.

mod close;
mod control_frame;
mod extension;
mod frame;
mod mask;
mod receiver;
mod tracker;
mod violation;

pub(crate) use close::{check_close_body, close_frame};
pub use control_frame::ControlFrame;
pub(crate) use extension::{
    DeflateParams, ExtensionError, extension_elements, extension_offers, is_deflate, negotiated,
};
pub(crate) use receiver::{Bounds, Message, ReceiveError, Receiver, Step};
pub(crate) use tracker::Tracker;
pub use violation::ProtocolViolation;
