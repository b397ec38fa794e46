//! What a session asks its caller to do.

use crate::{
    direction::Direction,
    http::Handshake,
    rules::LostCounts,
    verdict::{CloseReason, Finding, Offence, RuleMatch},
    ws::ControlFrame,
};

/// One thing to do. Actions of a direction are carried out in the order in which they are polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next `len` held bytes of this direction go on to the receiver, exactly as they came in.
    Release {
        /// The stream concerned.
        direction: Direction,
        /// Number of bytes, never 0.
        len: usize,
    },
    /// The next `len` held bytes of this direction are dropped.
    Discard {
        /// The stream concerned.
        direction: Direction,
        /// Number of bytes, never 0.
        len: usize,
    },
    /// Write something of our own, after everything released before. It stands between two frames, or between two
    /// responses.
    Inject {
        /// The stream concerned.
        direction: Direction,
        /// What to write; dereferences to its bytes.
        injection: Injection,
    },
    /// Half-close towards the receiver of this direction, after everything above. At most once a direction.
    Finish {
        /// The stream concerned.
        direction: Direction,
    },
    /// Something to record. Asks nothing of the streams.
    Report(Report),
    /// The reason why this connection is ended by us. At most once, before the actions that carry it out. Input
    /// is still to be fed and actions polled afterwards: the session says what becomes of the rest.
    Close(CloseReason),
    /// Reset both sides now. The last action of a session.
    Abort,
}

/// Something complete that we write ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injection {
    /// A frame, header included.
    Frame(Box<ControlFrame>),
    /// An HTTP response.
    Response(&'static str),
}

impl std::ops::Deref for Injection {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Frame(frame) => frame,
            Self::Response(response) => response.as_bytes(),
        }
    }
}

/// Something to record about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The connection became a WebSocket.
    WebSocketOpened(Box<Handshake>),
    /// The connection is something that is not inspected, and passes from here on.
    Opaque(OpaqueKind),
    /// Mode `log` only: the rest of the connection passes uninspected, for what would have ended it in mode `block`.
    GivenUp(CloseReason),
    /// A detector found something in a message.
    Finding(Box<Finding>),
    /// A rule or a limit of the operator has spoken. Comes before what is done about it.
    Rule(Box<RuleMatch>),
    /// Limits of the operator could not count all that they should have. Concerns the process rather than the connection.
    CountsLost(Box<LostCounts>),
    /// A peer broke a rule or reached a limit. Comes before what is done about it.
    Offence(Offence),
}

/// What a connection is that is not inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpaqueKind {
    /// The first bytes of the client cannot be an HTTP/1.x request.
    NotHttp,
    /// The client began with the HTTP/2 preface (RFC 9113 §3.4).
    Http2Preface,
    /// The client began with a TLS handshake record.
    TlsClientHello,
    /// The server spoke before it had a request.
    ServerFirst,
    /// The first response does not begin with `HTTP/`.
    NotHttpResponse,
    /// A CONNECT request was answered with 2xx (RFC 9110 §9.3.6).
    Connect,
    /// The connection was upgraded to a protocol other than WebSocket, such as h2c.
    Upgrade,
}

impl OpaqueKind {
    /// A label for events and metrics, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotHttp => "not-http",
            Self::Http2Preface => "http2-preface",
            Self::TlsClientHello => "tls-client-hello",
            Self::ServerFirst => "server-first",
            Self::NotHttpResponse => "not-http-response",
            Self::Connect => "connect",
            Self::Upgrade => "upgrade",
        }
    }
}

impl std::fmt::Display for OpaqueKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
