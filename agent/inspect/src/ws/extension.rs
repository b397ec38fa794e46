//! The negotiation of permessage-deflate (RFC 6455 §9.1, RFC 7692 §7.1).

use crate::direction::Direction;

/// What the server agreed to, as far as reading messages needs it.
///
/// Window sizes are checked but not kept: an inflater with the full window of 32 KiB reads smaller ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeflateParams {
    /// The client starts each message with an empty window (RFC 7692 §7.1.1.2).
    pub(crate) client_no_context_takeover: bool,
    /// The server does (RFC 7692 §7.1.1.1).
    pub(crate) server_no_context_takeover: bool,
}

impl DeflateParams {
    /// Whether the messages of a direction refer back to earlier ones.
    pub(crate) const fn takes_over(self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => !self.client_no_context_takeover,
            Direction::ToClient => !self.server_no_context_takeover,
        }
    }
}

/// Why the server's choice cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionError {
    /// The client did not offer it.
    NotOffered,
    /// Not known here, accepted twice, or with parameters that do not exist.
    Unsupported,
}

/// The names of the extensions in one element of a Sec-WebSocket-Extensions list.
pub(crate) fn extension_offers(element: &[u8]) -> Vec<String> {
    extension_elements(element).map(|element| String::from_utf8_lossy(name(element)).into_owned()).collect()
}

/// Reads the server's Sec-WebSocket-Extensions value.
///
/// # Errors
///
/// [`ExtensionError`] if messages would be changed in a way that cannot be undone here.
pub(crate) fn negotiated(
    accepted: &[u8],
    offered: &[String],
) -> Result<Option<DeflateParams>, ExtensionError> {
    let mut deflate = None;
    for element in extension_elements(accepted) {
        let name = name(element);
        if !offered.iter().any(|offer| offer.as_bytes().eq_ignore_ascii_case(name)) {
            return Err(ExtensionError::NotOffered);
        }
        if !is_deflate(element) || deflate.is_some() {
            return Err(ExtensionError::Unsupported);
        }
        deflate = Some(deflate_params(element).ok_or(ExtensionError::Unsupported)?);
    }
    Ok(deflate)
}

/// Whether an element of a Sec-WebSocket-Extensions list is permessage-deflate.
pub(crate) fn is_deflate(element: &[u8]) -> bool {
    name(element).eq_ignore_ascii_case(b"permessage-deflate")
}

fn deflate_params(element: &[u8]) -> Option<DeflateParams> {
    let mut params = DeflateParams::default();
    let mut seen = [false; 4];
    for param in element.split(|&byte| byte == b';').skip(1) {
        let mut halves = param.splitn(2, |&byte| byte == b'=');
        let name = halves.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let value = halves.next().map(unquoted);
        let place = match (name.as_slice(), value) {
            (b"server_no_context_takeover", None) => {
                params.server_no_context_takeover = true;
                0
            }
            (b"client_no_context_takeover", None) => {
                params.client_no_context_takeover = true;
                1
            }
            (b"server_max_window_bits", Some(bits)) if is_window(bits) => 2,
            (b"client_max_window_bits", Some(bits)) if is_window(bits) => 3,
            _ => return None,
        };
        if std::mem::replace(seen.get_mut(place)?, true) {
            return None;
        }
    }
    Some(params)
}

/// The elements of a Sec-WebSocket-Extensions value: split at commas outside quoted strings.
pub(crate) fn extension_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    value
        .split(move |&byte| {
            quoted ^= byte == b'"';
            byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

fn name(element: &[u8]) -> &[u8] {
    element.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

fn is_window(bits: &[u8]) -> bool {
    matches!(bits, b"8" | b"9" | b"10" | b"11" | b"12" | b"13" | b"14" | b"15")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accepted: &str) -> Result<Option<DeflateParams>, ExtensionError> {
        negotiated(accepted.as_bytes(), &["permessage-deflate".to_owned(), "x-other".to_owned()])
    }

    #[test]
    fn reads_the_four_parameters() {
        assert_eq!(negotiate(""), Ok(None));
        assert_eq!(negotiate("permessage-deflate"), Ok(Some(DeflateParams::default())));
        let all = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                   server_max_window_bits=10; client_max_window_bits=\"15\"";
        assert_eq!(
            negotiate(all),
            Ok(Some(DeflateParams { client_no_context_takeover: true, server_no_context_takeover: true }))
        );
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for accepted in [
            "x-other",
            "permessage-deflate, permessage-deflate",
            "permessage-deflate; what",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate;",
        ] {
            assert_eq!(negotiate(accepted), Err(ExtensionError::Unsupported), "{accepted}");
        }
        assert_eq!(negotiate("x-webkit-deflate-frame"), Err(ExtensionError::NotOffered));
    }

    #[test]
    fn finds_the_names_that_are_offered() {
        let offers = extension_offers(b"permessage-deflate; client_max_window_bits, x; a=\"b, c\", y");
        assert_eq!(offers, ["permessage-deflate", "x", "y"]);
    }
}
