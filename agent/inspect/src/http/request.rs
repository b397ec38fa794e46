//! Request heads.

use std::{mem::MaybeUninit, ops::Range};

use crate::{
    http::{
        Body, HandshakePolicy, HttpAmbiguity, Refusal, UpgradeError,
        head::{Framing, HeadError, MAX_FIELDS, framing},
        strip::{deflate_offers, without},
        upgrade::{Offer, asks_for_websocket},
    },
    limits::Limits,
};

/// What a request makes of the rest of the connection.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) kind: RequestKind,
    pub(crate) body: Body,
    /// Why this request for WebSocket is not to be answered.
    pub(crate) refusal: Option<Refusal>,
    /// Bytes of the head that the application does not get.
    pub(crate) cuts: Vec<Range<usize>>,
}

/// As much of a request as its response must be read with.
#[derive(Debug)]
pub(crate) enum RequestKind {
    /// Nothing special.
    Plain,
    /// The response has no body.
    Head,
    /// A 2xx response opens a tunnel.
    Connect,
    /// A 101 response changes the protocol.
    Upgrade(Offer),
}

impl RequestKind {
    /// Whether client bytes after this request may be of another protocol.
    pub(crate) const fn may_switch(&self) -> bool {
        match self {
            Self::Connect | Self::Upgrade(_) => true,
            Self::Plain | Self::Head => false,
        }
    }
}

/// Reads a complete request head, empty lines before it included. With `strip`, what the application gets does not
/// offer permessage-deflate.
///
/// # Errors
///
/// [`HeadError`] if the head, its framing or its upgrade cannot be trusted.
pub(crate) fn parse_request(
    head: &[u8],
    policy: &HandshakePolicy,
    strip: bool,
    limits: &Limits,
) -> Result<Request, HeadError> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let status = request.parse_with_uninit_headers(head, &mut fields)?;
    let (httparse::Status::Complete(_), Some(method), Some(target), Some(minor_version)) =
        (status, request.method, request.path, request.version)
    else {
        return Err(HttpAmbiguity::StartLine.into());
    };
    let framing = framing(request.headers, minor_version)?;
    if framing == Framing::OtherCoding {
        // A request without a length that ends with the connection does not exist (RFC 9112 §6.3).
        return Err(HttpAmbiguity::TransferEncoding.into());
    }
    let body = framing.body(Body::NONE, limits.max_head_bytes);
    let mut refusal = None;
    let websocket = asks_for_websocket(request.headers);
    let cuts = if strip && websocket { deflate_offers(head) } else { Vec::new() };
    let stripped = (!cuts.is_empty()).then(|| without(head, &cuts));
    let head = stripped.as_deref().unwrap_or(head);
    let kind = match (Offer::read(head, method, minor_version, request.headers), method) {
        (Some(offer), _) => {
            // Servers disagree whether a body comes first or is already the new protocol.
            if offer.asks_for_websocket() && !body.is_done() {
                return Err(UpgradeError::Body.into());
            }
            if offer.asks_for_websocket() {
                refusal = policy.check(target, request.headers).err();
            }
            RequestKind::Upgrade(offer)
        }
        (None, "CONNECT") => RequestKind::Connect,
        (None, "HEAD") => RequestKind::Head,
        (None, _) => RequestKind::Plain,
    };
    Ok(Request { kind, body, refusal, cuts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Request, HeadError> {
        parse_request(head.as_bytes(), &HandshakePolicy::default(), false, &Limits::default())
    }

    #[test]
    fn tells_requests_apart() {
        assert!(matches!(parse("GET / HTTP/1.1\r\n\r\n").unwrap().kind, RequestKind::Plain));
        assert!(matches!(parse("HEAD / HTTP/1.1\r\n\r\n").unwrap().kind, RequestKind::Head));
        assert!(matches!(parse("CONNECT a:1 HTTP/1.1\r\n\r\n").unwrap().kind, RequestKind::Connect));
        let upgrade = parse("GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").unwrap();
        assert!(matches!(upgrade.kind, RequestKind::Upgrade(_)));
        let post = parse("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n").unwrap();
        assert_eq!(post.body, Body::Length(3));
    }

    #[test]
    fn refuses_a_body_on_a_websocket_upgrade() {
        let head = "POST / HTTP/1.1\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(parse(head).unwrap_err(), HeadError::Upgrade(UpgradeError::Body));
    }

    #[test]
    fn refuses_malformed_fields() {
        let error = |head| parse(head).unwrap_err();
        assert_eq!(error("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), HttpAmbiguity::FieldName.into());
        assert_eq!(error("GET / HTTP/1.1\r\nA: \x01\r\n\r\n"), HttpAmbiguity::FieldValue.into());
        assert_eq!(
            error("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
            HttpAmbiguity::TransferEncoding.into()
        );
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(257));
        assert_eq!(error(&many), HeadError::TooManyFields);
    }
}
