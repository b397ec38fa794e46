//! What the heads of requests and responses have in common: fields, and the length of the body (RFC 9112 §6.3).

use crate::http::{Body, HttpAmbiguity, UpgradeError};

/// Most fields of one head.
pub(crate) const MAX_FIELDS: usize = 256;

/// Why a complete head is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadError {
    Ambiguous(HttpAmbiguity),
    /// More than [`MAX_FIELDS`] fields.
    TooManyFields,
    Upgrade(UpgradeError),
    /// A WebSocket extension was accepted that is not known here.
    Extension,
}

impl From<HttpAmbiguity> for HeadError {
    fn from(ambiguity: HttpAmbiguity) -> Self {
        Self::Ambiguous(ambiguity)
    }
}

impl From<UpgradeError> for HeadError {
    fn from(error: UpgradeError) -> Self {
        Self::Upgrade(error)
    }
}

impl From<httparse::Error> for HeadError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::HeaderName => HttpAmbiguity::FieldName.into(),
            httparse::Error::HeaderValue => HttpAmbiguity::FieldValue.into(),
            httparse::Error::NewLine => HttpAmbiguity::BareLf.into(),
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => {
                HttpAmbiguity::StartLine.into()
            }
        }
    }
}

/// What a head says about the length of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Nothing.
    Absent,
    Length(u64),
    /// `chunked` is the last transfer coding.
    Chunked,
    /// There are transfer codings, but `chunked` is not the last.
    OtherCoding,
}

/// Reads Content-Length and Transfer-Encoding together.
///
/// # Errors
///
/// [`HttpAmbiguity`] if two readers may find different ends of the body.
pub(crate) fn framing(fields: &[httparse::Header<'_>], minor_version: u8) -> Result<Framing, HttpAmbiguity> {
    let mut length = None;
    for value in values(fields, "content-length") {
        let value = parse_length(value).ok_or(HttpAmbiguity::ContentLength)?;
        if length.replace(value).is_some() {
            return Err(HttpAmbiguity::ContentLength);
        }
    }
    let mut codings = false;
    let mut chunked = false;
    for coding in values(fields, "transfer-encoding").flat_map(list) {
        // Nothing may follow `chunked`, itself included.
        if chunked {
            return Err(HttpAmbiguity::TransferEncoding);
        }
        let name = coding.split(|&byte| byte == b';').next().unwrap_or_default();
        if name.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            if name.len() != coding.len() {
                return Err(HttpAmbiguity::TransferEncoding);
            }
            chunked = true;
        }
        codings = true;
    }
    // An empty Transfer-Encoding is one for some readers and none for others.
    if !codings && values(fields, "transfer-encoding").next().is_some() {
        return Err(HttpAmbiguity::TransferEncoding);
    }
    match (length, codings) {
        (Some(_), true) => Err(HttpAmbiguity::LengthAndChunked),
        (_, true) if minor_version == 0 => Err(HttpAmbiguity::TransferEncoding),
        (_, true) => Ok(if chunked { Framing::Chunked } else { Framing::OtherCoding }),
        (Some(length), false) => Ok(Framing::Length(length)),
        (None, false) => Ok(Framing::Absent),
    }
}

impl Framing {
    /// The body of a message whose absence of framing means `absent`.
    pub(crate) const fn body(self, absent: Body, limit: usize) -> Body {
        match self {
            Self::Absent => absent,
            Self::Length(length) => Body::Length(length),
            Self::Chunked => Body::chunked(limit),
            Self::OtherCoding => Body::UntilClose,
        }
    }
}

/// The values of all fields of that name, without surrounding blanks.
pub(crate) fn values<'a>(
    fields: &'a [httparse::Header<'a>],
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value.trim_ascii())
}

/// The only value of that name; `Err` if there are several.
pub(crate) fn single<'a>(fields: &'a [httparse::Header<'a>], name: &'a str) -> Result<Option<&'a [u8]>, ()> {
    let mut values = values(fields, name);
    let first = values.next();
    if values.next().is_some() { Err(()) } else { Ok(first) }
}

/// The elements of a comma-separated value, empty ones left out (RFC 9110 §5.6.1).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Whether a list-valued field has that element, in any case.
pub(crate) fn has_token(fields: &[httparse::Header<'_>], name: &str, token: &str) -> bool {
    values(fields, name).flat_map(list).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&'static str, &'static str)]) -> Result<Framing, HttpAmbiguity> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
        framing(&fields, 1)
    }

    #[test]
    fn one_length_or_final_chunked() {
        assert_eq!(of(&[]), Ok(Framing::Absent));
        assert_eq!(of(&[("content-length", "007")]), Ok(Framing::Length(7)));
        assert_eq!(of(&[("Transfer-Encoding", "gzip, Chunked")]), Ok(Framing::Chunked));
        assert_eq!(
            of(&[("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]),
            Ok(Framing::Chunked)
        );
        assert_eq!(of(&[("Transfer-Encoding", "gzip")]), Ok(Framing::OtherCoding));
    }

    #[test]
    fn refuses_what_readers_disagree_about() {
        use HttpAmbiguity::{ContentLength, LengthAndChunked, TransferEncoding};
        for (fields, expected) in [
            (&[("Content-Length", "5"), ("Content-Length", "6")][..], ContentLength),
            (&[("Content-Length", "5"), ("Content-Length", "5")], ContentLength),
            (&[("Content-Length", "5, 5")], ContentLength),
            (&[("Content-Length", "+5")], ContentLength),
            (&[("Content-Length", "")], ContentLength),
            (&[("Content-Length", "99999999999999999999")], ContentLength),
            (&[("Content-Length", "5"), ("Transfer-Encoding", "chunked")], LengthAndChunked),
            (&[("Transfer-Encoding", "chunked, gzip")], TransferEncoding),
            (&[("Transfer-Encoding", "chunked, chunked")], TransferEncoding),
            (&[("Transfer-Encoding", "chunked;q=1")], TransferEncoding),
            (&[("Transfer-Encoding", "")], TransferEncoding),
        ] {
            assert_eq!(of(fields), Err(expected), "{fields:?}");
        }
        let chunked = [httparse::Header { name: "Transfer-Encoding", value: b"chunked" }];
        assert_eq!(framing(&chunked, 0), Err(TransferEncoding));
    }
}
