//! Response heads.

use std::mem::MaybeUninit;

use crate::{
    http::{
        Body, HttpAmbiguity, RequestKind, UpgradeError,
        head::{HeadError, MAX_FIELDS, framing},
        upgrade::{Accepted, Switch},
    },
    limits::Limits,
};

/// What a response makes of the rest of the connection.
#[derive(Debug)]
pub(crate) enum Response {
    /// 1xx: the final response is still to come.
    Interim,
    /// The answer to the oldest request, with this body.
    Final(Body),
    /// 2xx to CONNECT.
    Tunnel,
    /// 101 to a protocol other than WebSocket.
    OtherProtocol,
    /// 101 to WebSocket, in order.
    WebSocket(Box<Accepted>),
}

/// Reads a complete response head as the answer to `request`, the oldest without one.
///
/// # Errors
///
/// [`HeadError`] if the head, its framing or the upgrade cannot be trusted.
pub(crate) fn parse_response(
    head: &[u8],
    request: Option<&RequestKind>,
    limits: &Limits,
) -> Result<Response, HeadError> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        head,
        &mut fields,
    )?;
    let (httparse::Status::Complete(_), Some(code), Some(minor_version)) =
        (status, response.code, response.version)
    else {
        return Err(HttpAmbiguity::StartLine.into());
    };
    match (code, request) {
        (101, Some(RequestKind::Upgrade(offer))) => match offer.accept(minor_version, response.headers)? {
            Switch::WebSocket(accepted) => Ok(Response::WebSocket(accepted)),
            Switch::Other => Ok(Response::OtherProtocol),
        },
        (101, _) => Err(UpgradeError::NotRequested.into()),
        (100..=199, _) => Ok(Response::Interim),
        (200..=299, Some(RequestKind::Connect)) => Ok(Response::Tunnel),
        (204 | 304, _) | (_, Some(RequestKind::Head)) => {
            framing(response.headers, minor_version)?;
            Ok(Response::Final(Body::NONE))
        }
        (_, Some(RequestKind::Plain | RequestKind::Connect | RequestKind::Upgrade(_)) | None) => {
            let framing = framing(response.headers, minor_version)?;
            Ok(Response::Final(framing.body(Body::UntilClose, limits.max_head_bytes)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str, request: Option<&RequestKind>) -> Result<Response, HeadError> {
        parse_response(head.as_bytes(), request, &Limits::default())
    }

    fn body(head: &str, request: &RequestKind) -> Body {
        let response = parse(head, Some(request)).unwrap();
        let Response::Final(body) = response else { panic!("{response:?}") };
        body
    }

    #[test]
    fn frames_each_kind_of_response() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(body(length, &RequestKind::Plain), Body::Length(5));
        assert_eq!(body(length, &RequestKind::Head), Body::NONE);
        assert_eq!(
            body("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", &RequestKind::Plain),
            Body::NONE
        );
        assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n", &RequestKind::Plain), Body::NONE);
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\n", &RequestKind::Plain), Body::UntilClose);
        assert!(matches!(
            parse("HTTP/1.1 100 Continue\r\n\r\n", Some(&RequestKind::Plain)),
            Ok(Response::Interim)
        ));
        assert!(matches!(
            parse("HTTP/1.1 200 OK\r\n\r\n", Some(&RequestKind::Connect)),
            Ok(Response::Tunnel)
        ));
    }

    #[test]
    fn refuses_a_switch_that_nobody_asked_for() {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        let error = HeadError::Upgrade(UpgradeError::NotRequested);
        assert_eq!(parse(head, Some(&RequestKind::Plain)).unwrap_err(), error);
        assert_eq!(parse(head, None).unwrap_err(), error);
    }
}
