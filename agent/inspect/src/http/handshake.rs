//! What a handshake said, for events and rules.

use std::{borrow::Cow, sync::Arc};

use crate::{http::head::list, ws::extension_elements};

/// A confirmed handshake.
///
/// Keeps the request head as it came in and looks things up when they are asked for: a connection that nobody asks
/// about costs one allocation. Texts are given with invalid UTF-8 replaced. The head may hold secrets (cookies,
/// tokens in the query), so the `Debug` form shows the path only.
#[derive(Clone, PartialEq, Eq)]
pub struct Handshake {
    head: Arc<[u8]>,
    subprotocol: Option<String>,
    deflate: bool,
}

impl Handshake {
    /// `head` is a complete request head that was found valid.
    pub(crate) const fn new(head: Arc<[u8]>) -> Self {
        Self { head, subprotocol: None, deflate: false }
    }

    /// Adds what the server chose.
    pub(crate) fn chosen(self, subprotocol: Option<String>, deflate: bool) -> Self {
        Self { subprotocol, deflate, ..self }
    }

    /// The length of the head in bytes.
    pub(crate) fn len(&self) -> usize {
        self.head.len()
    }

    /// The method: always `GET` (RFC 6455 §4.1).
    pub fn method(&self) -> &str {
        self.request_line().0
    }

    /// The request target without its query, as sent: neither decoded nor normalised.
    pub fn path(&self) -> &str {
        let target = self.request_line().1;
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The query of the request target, as sent, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.request_line().1.split_once('?').map(|(_, query)| query)
    }

    /// The names and values in the query, in order, decoded as a form
    /// (`application/x-www-form-urlencoded`). A part without an equals sign is a name with an empty value.
    pub fn query_parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.query().unwrap_or_default().split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (form_decoded(name), form_decoded(value))
        })
    }

    /// The fields of the request, in order: names as sent, values without surrounding blanks.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields().filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value.trim_ascii())))
    }

    /// The values of all fields of that name, in any case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.values(name).map(String::from_utf8_lossy)
    }

    /// The Host field.
    pub fn host(&self) -> Option<Cow<'_, str>> {
        self.header("host").next()
    }

    /// The Origin field.
    pub fn origin(&self) -> Option<Cow<'_, str>> {
        self.header("origin").next()
    }

    /// The User-Agent field.
    pub fn user_agent(&self) -> Option<Cow<'_, str>> {
        self.header("user-agent").next()
    }

    /// The names and values of the cookies, in order, as sent (RFC 6265 §5.4).
    pub fn cookies(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.values("cookie")
            .flat_map(|value| value.split(|&byte| byte == b';'))
            .map(<[u8]>::trim_ascii)
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
                let (name, value) = pair.split_at(equals);
                let value = value.get(1..).unwrap_or_default();
                (String::from_utf8_lossy(name.trim_ascii()), String::from_utf8_lossy(value.trim_ascii()))
            })
    }

    /// The sub-protocols that the client offered, in order of preference.
    pub fn offered_subprotocols(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.values("sec-websocket-protocol").flat_map(list).map(String::from_utf8_lossy)
    }

    /// The sub-protocol that the server chose.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The extensions that the client offered, each with its parameters.
    pub fn offered_extensions(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.values("sec-websocket-extensions").flat_map(extension_elements).map(String::from_utf8_lossy)
    }

    /// Whether messages may be compressed (RFC 7692).
    pub const fn deflate(&self) -> bool {
        self.deflate
    }

    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let is_wanted = move |field: &(&[u8], _)| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields().filter(is_wanted).map(|field| field.1.trim_ascii())
    }

    fn request_line(&self) -> (&str, &str) {
        let line = std::str::from_utf8(self.lines().next().unwrap_or_default()).unwrap_or_default();
        let (method, rest) = line.split_once(' ').unwrap_or_default();
        (method, rest.rsplit_once(' ').map_or(rest, |(target, _version)| target))
    }

    /// The fields of the request, as they stand there.
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_at(memchr::memchr(b':', line)?);
            Some((name, value.get(1..)?))
        })
    }

    /// The lines that are not empty.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.head;
        std::iter::from_fn(move || {
            loop {
                if rest.is_empty() {
                    return None;
                }
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let line = rest.get(..end).unwrap_or_default();
                rest = rest.get(end + 1..).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if !line.is_empty() {
                    return Some(line);
                }
            }
        })
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake")
            .field("path", &self.path())
            .field("subprotocol", &self.subprotocol)
            .field("deflate", &self.deflate)
            .finish_non_exhaustive()
    }
}

fn form_decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        out.push(match (byte, escaped(after)) {
            (b'%', Some(decoded)) => {
                rest = after.get(2..).unwrap_or_default();
                decoded
            }
            (b'+', _) => b' ',
            _ => byte,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The byte that two hexadecimal digits after a percent sign stand for.
pub(crate) fn escaped(digits: &[u8]) -> Option<u8> {
    let [high, low] = *digits.first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(target: &str, fields: &str) -> Handshake {
        Handshake::new(format!("\r\nGET {target} HTTP/1.1\r\n{fields}\r\n").into_bytes().into())
    }

    fn owned<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Vec<(String, String)> {
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_target_is_split_but_not_changed() {
        let it = handshake("/a%2fb/../c?x=1?&y", "");
        assert_eq!((it.method(), it.path(), it.query()), ("GET", "/a%2fb/../c", Some("x=1?&y")));
        assert_eq!(handshake("/", "").query(), None);
    }

    #[test]
    fn query_parameters_are_decoded() {
        let it = handshake("/?a=1%202+3&&b&%63=%zz%2&d==%c3%28", "");
        let expected = [("a", "1 2 3"), ("b", ""), ("c", "%zz%2"), ("d", "=\u{fffd}(")];
        assert_eq!(owned(it.query_parameters()), pairs(&expected));
    }

    #[test]
    fn fields_are_found_in_any_case_and_number() {
        let it = handshake("/", "HOST: a:1\r\nX-One:  1 \t\r\nx-one: \r\nUser-Agent: b: c\r\nEmpty:\r\n");
        assert_eq!(it.host().as_deref(), Some("a:1"));
        assert_eq!(it.user_agent().as_deref(), Some("b: c"));
        assert_eq!(it.origin(), None);
        assert_eq!(it.header("X-ONE").collect::<Vec<_>>(), ["1", ""]);
        assert_eq!(it.headers().count(), 5);
    }

    #[test]
    fn lists_are_split() {
        let it = handshake(
            "/",
            "Cookie: a=1; b = x=y;; c\r\nCookie: d=\"q\"\r\nSec-WebSocket-Protocol: chat, ,mqtt\r\n\
             Sec-WebSocket-Extensions: x; a=\"b, c\", permessage-deflate; client_max_window_bits\r\n",
        );
        let expected = [("a", "1"), ("b", "x=y"), ("c", ""), ("d", "\"q\"")];
        assert_eq!(owned(it.cookies()), pairs(&expected));
        assert_eq!(it.offered_subprotocols().collect::<Vec<_>>(), ["chat", "mqtt"]);
        let extensions: Vec<_> = it.offered_extensions().collect();
        assert_eq!(extensions, ["x; a=\"b, c\"", "permessage-deflate; client_max_window_bits"]);
    }

    #[test]
    fn secrets_stay_out_of_the_debug_form() {
        let it = handshake("/?token=secret", "Cookie: secret\r\n");
        assert!(!format!("{it:?}").contains("secret"));
    }
}
