//! The handshake that turns a connection into a WebSocket (RFC 6455 §4).

use tungstenite::handshake::derive_accept_key;

use crate::{
    http::{
        Handshake,
        head::{HeadError, has_token, list, single, values},
    },
    ws::{DeflateParams, ExtensionError, extension_offers, negotiated},
};

/// Why a handshake is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpgradeError {
    /// A 101 response to a request that asked for no upgrade.
    NotRequested,
    /// The request asks for WebSocket with a method other than GET.
    Method,
    /// The request or the response is not HTTP/1.1.
    HttpVersion,
    /// The Upgrade field of the request is missing or does not hold the token `websocket`.
    Upgrade,
    /// The Connection field of the request does not hold the token `upgrade`.
    Connection,
    /// Sec-WebSocket-Key is missing, repeated, or not 16 bytes in base64.
    Key,
    /// Sec-WebSocket-Version is not 13.
    Version,
    /// The request has a body, which some servers would read as frames.
    Body,
    /// The 101 response has the wrong Upgrade field.
    ResponseUpgrade,
    /// The Connection field of the 101 response does not hold the token `upgrade`.
    ResponseConnection,
    /// Sec-WebSocket-Accept is missing or wrong.
    Accept,
    /// The server chose a sub-protocol that was not offered.
    Subprotocol,
    /// The server accepted an extension that was not offered.
    Extension,
}

impl UpgradeError {
    /// A label for events, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotRequested => "not-requested",
            Self::Method => "method",
            Self::HttpVersion => "http-version",
            Self::Upgrade => "upgrade",
            Self::Connection => "connection",
            Self::Key => "key",
            Self::Version => "version",
            Self::Body => "body",
            Self::ResponseUpgrade => "response-upgrade",
            Self::ResponseConnection => "response-connection",
            Self::Accept => "accept",
            Self::Subprotocol => "subprotocol",
            Self::Extension => "extension",
        }
    }
}

/// A request that a server may answer with 101.
#[derive(Debug)]
pub(crate) enum Offer {
    /// A valid request for WebSocket.
    WebSocket(Box<WebSocketOffer>),
    /// It asks for WebSocket, but not in the way it must.
    Invalid(UpgradeError),
    /// It asks for another protocol.
    Other,
}

#[derive(Debug)]
pub(crate) struct WebSocketOffer {
    accept_key: String,
    handshake: Handshake,
}

/// A confirmed handshake.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) handshake: Handshake,
    pub(crate) deflate: Option<DeflateParams>,
}

/// What a 101 response switches to.
#[derive(Debug)]
pub(crate) enum Switch {
    WebSocket(Box<Accepted>),
    Other,
}

impl Offer {
    /// Reads the upgrade that a request asks for, if any; `head` is the whole request head.
    pub(crate) fn read(
        head: &[u8],
        method: &str,
        minor_version: u8,
        fields: &[httparse::Header<'_>],
    ) -> Option<Self> {
        let upgrade = values(fields, "upgrade").next().is_some();
        if !asks_for_websocket(fields) {
            return upgrade.then_some(Self::Other);
        }
        Some(match WebSocketOffer::read(head, method, minor_version, fields) {
            Ok(offer) => Self::WebSocket(Box::new(offer)),
            Err(error) => Self::Invalid(error),
        })
    }

    pub(crate) const fn asks_for_websocket(&self) -> bool {
        match self {
            Self::WebSocket(_) | Self::Invalid(_) => true,
            Self::Other => false,
        }
    }

    /// Reads the 101 response to this request.
    ///
    /// # Errors
    ///
    /// [`HeadError::Upgrade`] or [`HeadError::Extension`] if the connection would become a WebSocket, or
    /// something like it, that cannot be read.
    pub(crate) fn accept(
        &self,
        minor_version: u8,
        fields: &[httparse::Header<'_>],
    ) -> Result<Switch, HeadError> {
        let to_websocket = values(fields, "upgrade").any(names_websocket);
        match self {
            Self::Other if to_websocket => Err(UpgradeError::ResponseUpgrade.into()),
            Self::Other => Ok(Switch::Other),
            Self::Invalid(error) => Err((*error).into()),
            Self::WebSocket(offer) => {
                offer.accept(minor_version, fields).map(|accepted| Switch::WebSocket(Box::new(accepted)))
            }
        }
    }
}

impl WebSocketOffer {
    /// What the request says.
    pub(crate) const fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    fn read(
        head: &[u8],
        method: &str,
        minor_version: u8,
        fields: &[httparse::Header<'_>],
    ) -> Result<Self, UpgradeError> {
        if method != "GET" {
            return Err(UpgradeError::Method);
        }
        if minor_version != 1 {
            return Err(UpgradeError::HttpVersion);
        }
        if !has_token(fields, "upgrade", "websocket") {
            return Err(UpgradeError::Upgrade);
        }
        if !has_token(fields, "connection", "upgrade") {
            return Err(UpgradeError::Connection);
        }
        let key = match single(fields, "sec-websocket-key") {
            Ok(Some(key)) if is_key(key) => key,
            Ok(_) | Err(()) => return Err(UpgradeError::Key),
        };
        if single(fields, "sec-websocket-version") != Ok(Some(b"13")) {
            return Err(UpgradeError::Version);
        }
        Ok(Self { accept_key: derive_accept_key(key), handshake: Handshake::new(head.into()) })
    }

    fn accept(&self, minor_version: u8, fields: &[httparse::Header<'_>]) -> Result<Accepted, HeadError> {
        if minor_version != 1 {
            return Err(UpgradeError::HttpVersion.into());
        }
        let upgrade = single(fields, "upgrade").ok().flatten();
        if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(UpgradeError::ResponseUpgrade.into());
        }
        if !has_token(fields, "connection", "upgrade") {
            return Err(UpgradeError::ResponseConnection.into());
        }
        if single(fields, "sec-websocket-accept") != Ok(Some(self.accept_key.as_bytes())) {
            return Err(UpgradeError::Accept.into());
        }
        let subprotocol = match single(fields, "sec-websocket-protocol") {
            Ok(None) => None,
            Ok(Some(chosen)) => {
                let mut offered = self.handshake.values("sec-websocket-protocol").flat_map(list);
                if !offered.any(|offered| offered == chosen) {
                    return Err(UpgradeError::Subprotocol.into());
                }
                Some(lossy(chosen))
            }
            Err(()) => return Err(UpgradeError::Subprotocol.into()),
        };
        let accepted = values(fields, "sec-websocket-extensions").collect::<Vec<_>>().join(&b","[..]);
        let offered: Vec<_> =
            self.handshake.values("sec-websocket-extensions").flat_map(extension_offers).collect();
        let deflate = negotiated(&accepted, &offered).map_err(|error| match error {
            ExtensionError::NotOffered => HeadError::Upgrade(UpgradeError::Extension),
            ExtensionError::Unsupported => HeadError::Extension,
        })?;
        let handshake = self.handshake.clone().chosen(subprotocol, deflate.is_some());
        Ok(Accepted { handshake, deflate })
    }
}

/// Whether a request asks for WebSocket in any way: a server may overlook how the wish is written, so anything that
/// looks like it counts as one.
pub(crate) fn asks_for_websocket(fields: &[httparse::Header<'_>]) -> bool {
    values(fields, "upgrade").any(names_websocket)
        || values(fields, "sec-websocket-key").next().is_some()
        || values(fields, "sec-websocket-version").next().is_some()
}

fn names_websocket(value: &[u8]) -> bool {
    value.windows(b"websocket".len()).any(|window| window.eq_ignore_ascii_case(b"websocket"))
}

/// Whether this is the base64 form of 16 bytes.
fn is_key(key: &[u8]) -> bool {
    let Some(digits) = key.strip_suffix(b"==") else { return false };
    digits.len() == 22
        && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [(&str, &str); 7] = [
        ("Host", "server.example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", "http://example.com"),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
        ("Sec-WebSocket-Version", "13"),
    ];
    const RESPONSE: [(&str, &str); 4] = [
        ("Upgrade", "WebSocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("Sec-WebSocket-Protocol", "chat"),
    ];

    fn headers<'a>(fields: &'a [(&'a str, &'a str)]) -> Vec<httparse::Header<'a>> {
        fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect()
    }

    fn offer(fields: &[(&str, &str)]) -> Option<Offer> {
        Offer::read(&head(fields), "GET", 1, &headers(fields))
    }

    fn head(fields: &[(&str, &str)]) -> Vec<u8> {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("GET /chat?token=1 HTTP/1.1\r\n{fields}\r\n").into_bytes()
    }

    fn with<'a>(fields: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut fields: Vec<_> = fields.iter().filter(|field| field.0 != name).copied().collect();
        if !value.is_empty() {
            fields.push((name, value));
        }
        fields
    }

    fn request_error(name: &str, value: &str) -> UpgradeError {
        match offer(&with(&REQUEST, name, value)) {
            Some(Offer::Invalid(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn response_error(name: &str, value: &str) -> HeadError {
        let offer = offer(&REQUEST).unwrap();
        offer.accept(1, &headers(&with(&RESPONSE, name, value))).unwrap_err()
    }

    #[test]
    fn accepts_the_example_of_rfc_6455() {
        let offer = offer(&REQUEST).unwrap();
        let Switch::WebSocket(accepted) = offer.accept(1, &headers(&RESPONSE)).unwrap() else { panic!() };
        let handshake = accepted.handshake;
        assert_eq!((handshake.path(), handshake.query()), ("/chat", Some("token=1")));
        assert_eq!(handshake.origin().as_deref(), Some("http://example.com"));
        assert_eq!(handshake.subprotocol(), Some("chat"));
        assert!(!handshake.deflate());
    }

    #[test]
    fn a_wish_for_websocket_must_be_complete() {
        assert_eq!(request_error("Upgrade", "websocketx"), UpgradeError::Upgrade);
        assert_eq!(request_error("Upgrade", ""), UpgradeError::Upgrade);
        assert_eq!(request_error("Connection", "close"), UpgradeError::Connection);
        assert_eq!(request_error("Sec-WebSocket-Key", ""), UpgradeError::Key);
        assert_eq!(request_error("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="), UpgradeError::Key);
        assert_eq!(request_error("Sec-WebSocket-Version", "12"), UpgradeError::Version);
        let fields = headers(&REQUEST);
        let invalid = |method, version| match Offer::read(b"", method, version, &fields) {
            Some(Offer::Invalid(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(invalid("POST", 1), UpgradeError::Method);
        assert_eq!(invalid("GET", 0), UpgradeError::HttpVersion);
        let double = [&REQUEST[..], &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]].concat();
        assert!(matches!(offer(&double), Some(Offer::Invalid(UpgradeError::Key))));
    }

    #[test]
    fn other_upgrades_and_none_are_told_apart() {
        assert!(matches!(offer(&[("Upgrade", "h2c")]), Some(Offer::Other)));
        assert!(offer(&[("Host", "a"), ("Upgrade-Insecure-Requests", "1")]).is_none());
        let other = Offer::Other;
        assert!(matches!(other.accept(1, &headers(&[("Upgrade", "h2c")])), Ok(Switch::Other)));
        let error = HeadError::Upgrade(UpgradeError::ResponseUpgrade);
        assert_eq!(other.accept(1, &headers(&RESPONSE)).unwrap_err(), error);
    }

    #[test]
    fn a_response_must_answer_the_request() {
        use UpgradeError::{Accept, Extension, ResponseConnection, ResponseUpgrade, Subprotocol};
        for (name, value, error) in [
            ("Upgrade", "", ResponseUpgrade),
            ("Upgrade", "h2c", ResponseUpgrade),
            ("Connection", "close", ResponseConnection),
            ("Sec-WebSocket-Accept", "", Accept),
            ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOA=", Accept),
            ("Sec-WebSocket-Protocol", "mqtt", Subprotocol),
            ("Sec-WebSocket-Protocol", "chat, superchat", Subprotocol),
            ("Sec-WebSocket-Extensions", "permessage-deflate", Extension),
        ] {
            assert_eq!(response_error(name, value), HeadError::Upgrade(error), "{name}: {value}");
        }
    }

    #[test]
    fn negotiates_compression_and_refuses_unknown_extensions() {
        let request =
            with(&REQUEST, "Sec-WebSocket-Extensions", "x-odd, permessage-deflate; client_max_window_bits");
        let offer = offer(&request).unwrap();
        let accept = |value| offer.accept(1, &headers(&with(&RESPONSE, "Sec-WebSocket-Extensions", value)));
        let Ok(Switch::WebSocket(accepted)) = accept("permessage-deflate; client_no_context_takeover") else {
            panic!()
        };
        assert!(accepted.handshake.deflate());
        assert!(accepted.deflate.is_some_and(|params| params.client_no_context_takeover));
        assert_eq!(accept("x-odd").unwrap_err(), HeadError::Extension);
        assert_eq!(accept("permessage-deflate, permessage-deflate").unwrap_err(), HeadError::Extension);
    }
}
