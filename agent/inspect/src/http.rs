//! HTTP/1.1 as far as it decides where messages begin and end, and whether a connection becomes a WebSocket
//! (RFC 9112, RFC 6455 §4).

mod admission;
mod ambiguity;
mod body;
mod handshake;
mod head;
mod origin;
mod path;
mod request;
mod response;
mod scanner;
mod strip;
mod upgrade;

pub use admission::HandshakePolicy;
pub(crate) use admission::Refusal;
pub use ambiguity::HttpAmbiguity;
pub(crate) use body::{Body, BodyError};
pub use handshake::Handshake;
pub(crate) use handshake::escaped;
pub(crate) use head::HeadError;
pub use origin::{OriginPattern, OriginPatternError};
pub(crate) use path::is_unambiguous;
pub use path::{PathPattern, PathPatternError};
pub(crate) use request::{RequestKind, parse_request};
pub(crate) use response::{Response, parse_response};
pub(crate) use scanner::{FirstLine, HeadScanner, Scan};
pub use upgrade::UpgradeError;
pub(crate) use upgrade::{Accepted, Offer};
