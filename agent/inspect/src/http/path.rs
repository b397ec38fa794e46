//! Which paths may be opened as a WebSocket.

use std::str::FromStr;

use crate::http::handshake::escaped;

/// An allowed path: exactly this one, or everything below it if it ends in `/*`. `/chat/*` allows `/chat/` and
/// `/chat/room/1`, not `/chat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    path: String,
    below: bool,
}

/// A text that is not a pattern for paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathPatternError;

impl std::fmt::Display for PathPatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "not a path: expected `/path` or `/path/*`, without a query, dot segments or needless percent encoding",
        )
    }
}

impl std::error::Error for PathPatternError {}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, below) = match text.strip_suffix('*') {
            Some(path) if path.ends_with('/') => (path, true),
            Some(_) => return Err(PathPatternError),
            None => (text, false),
        };
        let printable = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*' && byte != b'?');
        if !printable || !is_unambiguous(path) {
            return Err(PathPatternError);
        }
        Ok(Self { path: path.to_owned(), below })
    }
}

impl PathPattern {
    /// Whether this path, which must be [unambiguous](is_unambiguous), is allowed.
    pub(crate) fn matches(&self, path: &str) -> bool {
        if self.below { path.starts_with(&self.path) } else { path == self.path }
    }
}

/// Whether every application takes this for the same path, so that it may be compared as it was sent.
///
/// It must begin with a slash (a target with a scheme and a host may be routed by either), and must hold no dot
/// segments, with or without parameters (`..;x`), no backslash, no fragment, and no percent sign but in the encoding
/// of a byte that has to be encoded: `%2e%2e`, `%2f`, `%5c`, `%25` and `%61` hide another path.
pub(crate) fn is_unambiguous(path: &str) -> bool {
    let is_dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    let mut after_percent = path.split('%').skip(1);
    path.starts_with('/')
        && !path.bytes().any(|byte| matches!(byte, b'\\' | b'#' | 0..=b' ' | 0x7f))
        && !path.split('/').any(is_dots)
        && after_percent.all(|digits| escaped(digits.as_bytes()).is_some_and(must_be_encoded))
}

/// Neither unreserved (RFC 3986 §2.3), nor a character that separates paths somewhere, nor a control character.
fn must_be_encoded(byte: u8) -> bool {
    !matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'\\' | b'%' | b';' | b'?' | b'#' | 0..=0x1f | 0x7f)
        && !byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, path: &str) -> bool {
        pattern.parse::<PathPattern>().expect("a pattern").matches(path) && is_unambiguous(path)
    }

    #[test]
    fn an_exact_path_is_that_one_only() {
        assert!(allows("/chat", "/chat"));
        for path in ["/chat/", "/Chat", "/chat/x", "/chatx", "/", "//chat", "/x/chat", "/chat%20", "chat"] {
            assert!(!allows("/chat", path), "{path}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        for path in ["/chat/", "/chat/room/1", "/chat/%20%c3%a4", "/chat/a.b/...", "/chat/a;v=1"] {
            assert!(allows("/chat/*", path), "{path}");
        }
        for path in ["/chat", "/chatter/x", "/CHAT/x", "/"] {
            assert!(!allows("/chat/*", path), "{path}");
        }
        assert!(allows("/*", "/anything"));
    }

    #[test]
    fn what_hides_another_path_matches_nothing() {
        for path in [
            "/chat/../admin",
            "/chat/./x",
            "/chat/..",
            "/chat/..;/admin",
            "/chat/.;x/a",
            "/chat/%2e%2e/admin",
            "/chat/.%2E/admin",
            "/chat/a%2fb",
            "/chat/a%5cb",
            "/chat\\..\\admin",
            "/chat/%252e",
            "/chat/%61",
            "/chat/%",
            "/chat/%2",
            "/chat/%zz",
            "/chat/%00",
            "/chat/%0a",
            "/chat/a#b",
            "/chat/%3b",
            "/chat/%3f",
            "http://host/chat/x",
            "*",
            "",
        ] {
            assert!(!allows("/*", path) && !allows("/chat/*", path), "{path}");
        }
    }

    #[test]
    fn refuses_patterns_that_can_match_nothing() {
        for text in ["", "chat", "*", "/chat*", "/a/*/b", "/a?b", "/a/../b", "/%61", "/a b", "/ä"] {
            assert_eq!(text.parse::<PathPattern>(), Err(PathPatternError), "{text}");
        }
    }
}
