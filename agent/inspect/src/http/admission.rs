//! Which WebSockets may be opened at all.

use crate::http::{
    OriginPattern, PathPattern,
    head::{single, values},
    path::is_unambiguous,
};

/// What a handshake must be like. An empty list allows everything.
///
/// It concerns requests for WebSocket only, valid or not; other HTTP is the application's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakePolicy {
    /// Origins that may connect. A request without an Origin field does not come from a browser, which a page of
    /// another site could misuse, and passes unless [`origin_required`](Self::origin_required) is set.
    pub origins: Vec<OriginPattern>,
    /// Whether a request must have an Origin field.
    pub origin_required: bool,
    /// Paths that may be opened. The path of the request is compared as it was sent; one that an application could
    /// take for another path is refused.
    pub paths: Vec<PathPattern>,
    /// Sub-protocols that the server may choose, compared exactly. It may also choose none.
    pub subprotocols: Vec<String>,
}

/// What a handshake was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Origin,
    Path,
}

impl HandshakePolicy {
    /// Judges a request for WebSocket.
    pub(crate) fn check(&self, target: &str, fields: &[httparse::Header<'_>]) -> Result<(), Refusal> {
        if !self.allows_path(target) {
            return Err(Refusal::Path);
        }
        if self.allows_origin(fields) { Ok(()) } else { Err(Refusal::Origin) }
    }

    fn allows_path(&self, target: &str) -> bool {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        self.paths.is_empty()
            || is_unambiguous(path) && self.paths.iter().any(|pattern| pattern.matches(path))
    }

    fn allows_origin(&self, fields: &[httparse::Header<'_>]) -> bool {
        if values(fields, "origin").next().is_none() {
            return !self.origin_required;
        }
        // Two fields are two readings.
        let origin =
            single(fields, "origin").ok().flatten().and_then(|value| std::str::from_utf8(value).ok());
        self.origins.is_empty()
            || origin.is_some_and(|origin| self.origins.iter().any(|pattern| pattern.matches(origin)))
    }

    /// Judges the server's choice.
    pub(crate) fn allows_subprotocol(&self, chosen: Option<&str>) -> bool {
        self.subprotocols.is_empty()
            || chosen.is_none_or(|chosen| self.subprotocols.iter().any(|allowed| allowed == chosen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &HandshakePolicy, target: &str, origins: &[&str]) -> Result<(), Refusal> {
        let fields: Vec<_> = origins
            .iter()
            .map(|value| httparse::Header { name: "ORIGIN", value: value.as_bytes() })
            .collect();
        policy.check(target, &fields)
    }

    #[test]
    fn an_empty_policy_allows_everything() {
        assert_eq!(check(&HandshakePolicy::default(), "/%2e%2e?x", &["https://evil.example", "b"]), Ok(()));
        assert!(HandshakePolicy::default().allows_subprotocol(Some("x")));
    }

    #[test]
    fn an_origin_must_be_listed_if_there_is_one() {
        let origins = vec!["https://a.example".parse().expect("a pattern")];
        let mut policy = HandshakePolicy { origins, ..HandshakePolicy::default() };
        assert_eq!(check(&policy, "/", &["https://a.example"]), Ok(()));
        assert_eq!(check(&policy, "/", &[]), Ok(()));
        for origins in [&["https://b.example"][..], &["null"], &[""], &["https://a.example"; 2]] {
            assert_eq!(check(&policy, "/", origins), Err(Refusal::Origin), "{origins:?}");
        }
        policy.origin_required = true;
        assert_eq!(check(&policy, "/", &[]), Err(Refusal::Origin));
        policy.origins.clear();
        assert_eq!(check(&policy, "/", &["https://b.example"]), Ok(()));
        assert_eq!(check(&policy, "/", &[]), Err(Refusal::Origin));
    }

    #[test]
    fn a_path_is_compared_without_its_query() {
        let paths = vec!["/chat/*".parse().expect("a pattern")];
        let policy = HandshakePolicy { paths, ..HandshakePolicy::default() };
        assert_eq!(check(&policy, "/chat/a?b=/../c", &[]), Ok(()));
        for target in ["/admin", "/chat/../admin", "http://h/chat/a", "/?/chat/a"] {
            assert_eq!(check(&policy, target, &[]), Err(Refusal::Path), "{target}");
        }
    }

    #[test]
    fn a_chosen_subprotocol_must_be_listed() {
        let policy = HandshakePolicy { subprotocols: vec!["chat".to_owned()], ..HandshakePolicy::default() };
        assert!(policy.allows_subprotocol(Some("chat")) && policy.allows_subprotocol(None));
        assert!(!policy.allows_subprotocol(Some("Chat")));
    }
}
