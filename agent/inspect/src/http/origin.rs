//! Which origins may open a WebSocket, against cross-site WebSocket hijacking (RFC 6455 §10.2, RFC 6454 §6).

use std::str::FromStr;

/// An allowed origin.
///
/// - `https://app.example.org`, `http://localhost:3000`: exactly this one, but for the case of ASCII letters.
/// - `https://*.example.org`: any host below `example.org`, however many labels, but not `example.org` itself.
/// - `null`: what browsers send for local files and sandboxed frames.
///
/// A default port is left out, as browsers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// In lower case.
    Exact(String),
    /// The host ends with `domain`, which begins with a dot.
    Below { scheme: String, domain: String, port: String },
}

/// A text that is not a pattern for origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginPatternError;

impl std::fmt::Display for OriginPatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "not an origin: expected `https://host`, `https://host:port`, `https://*.domain` or `null`",
        )
    }
}

impl std::error::Error for OriginPatternError {}

impl FromStr for OriginPattern {
    type Err = OriginPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.to_ascii_lowercase();
        if text == "null" {
            return Ok(Self(Kind::Exact(text)));
        }
        let (scheme, host, port) = parts(&text).ok_or(OriginPatternError)?;
        let port = match (scheme, port) {
            ("https", ":443") | ("http", ":80") => "",
            _ => port,
        };
        Ok(Self(match host.strip_prefix('*') {
            None if is_host(host) => Kind::Exact(format!("{scheme}://{host}{port}")),
            Some(domain) if domain.starts_with('.') && domain.get(1..).is_some_and(is_name) => {
                Kind::Below { scheme: scheme.to_owned(), domain: domain.to_owned(), port: port.to_owned() }
            }
            None | Some(_) => return Err(OriginPatternError),
        }))
    }
}

impl OriginPattern {
    /// Whether this is the value of an Origin field that is allowed.
    pub fn matches(&self, origin: &str) -> bool {
        match &self.0 {
            Kind::Exact(allowed) => origin.eq_ignore_ascii_case(allowed),
            Kind::Below { scheme, domain, port } => {
                let origin = origin.to_ascii_lowercase();
                // By parts, never by the end of the text: `https://evil.example/.example.org` ends well too.
                parts(&origin).is_some_and(|(its_scheme, host, its_port)| {
                    its_scheme == scheme
                        && its_port == port
                        && is_name(host)
                        && host.strip_suffix(domain.as_str()).is_some_and(|labels| !labels.is_empty())
                })
            }
        }
    }
}

/// Scheme, host, and port with its colon or nothing.
fn parts(origin: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = origin.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    // The colons of an IPv6 address stand in brackets.
    let host_end = rest.rfind(']').map_or(0, |bracket| bracket + 1);
    let (_, after) = rest.split_at(host_end);
    let (host, port) = rest.split_at(after.find(':').map_or(rest.len(), |colon| host_end + colon));
    let is_port = port.is_empty()
        || port.get(1..).is_some_and(|digits| digits.parse::<u16>().is_ok_and(|port| port > 0));
    (is_scheme && is_port).then_some((scheme, host, port))
}

fn is_host(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    is_name(host) || v6.is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok())
}

/// Labels with dots between them.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, origin: &str) -> bool {
        pattern.parse::<OriginPattern>().expect("a pattern").matches(origin)
    }

    #[test]
    fn an_exact_origin_is_that_one_only() {
        assert!(allows("https://App.example.org", "HTTPS://app.EXAMPLE.org"));
        assert!(allows("https://a.example:443", "https://a.example"));
        assert!(allows("http://[::1]:3000", "http://[::1]:3000"));
        assert!(allows("null", "null"));
        for origin in [
            "http://app.example.org",
            "https://app.example.org:8443",
            "https://app.example.org.evil.example",
            "https://evil.example/https://app.example.org",
            "https://xapp.example.org",
            "https://app.example.org/",
            "https://app.example.org https://app.example.org",
            "null",
            "",
        ] {
            assert!(!allows("https://app.example.org", origin), "{origin}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_whole_labels() {
        let pattern = "https://*.example.org";
        assert!(allows(pattern, "https://a.example.org"));
        assert!(allows(pattern, "https://A.b.Example.org"));
        assert!(allows("https://*.example.org:8443", "https://a.example.org:8443"));
        for origin in [
            "https://example.org",
            "https://.example.org",
            "https://a..example.org",
            "https://aexample.org",
            "https://evilexample.org",
            "http://a.example.org",
            "https://a.example.org:8443",
            "https://a.example.org.evil.example",
            "https://evil.example/.example.org",
            "https://evil.example?.example.org",
            "https://evil.example#.example.org",
            "https://evil.example\\.example.org",
            "https://user@a.example.org",
            "https://evil.example:80@a.example.org",
            "https://a.example.org\u{212a}",
            "null",
        ] {
            assert!(!allows(pattern, origin), "{origin}");
        }
    }

    #[test]
    fn refuses_patterns_that_would_not_mean_what_they_seem_to() {
        for text in [
            "*",
            "",
            "https://",
            "https://*",
            "https://*example.org",
            "https://a.*.org",
            "https://*.",
            "example.org",
            "https://a.example/",
            "https://a.example:0",
            "https://a.example:x",
            "https://a b",
            "https://*.*.org",
            "//a.example",
            "https://[::1",
            "https://ä.example",
        ] {
            assert_eq!(text.parse::<OriginPattern>(), Err(OriginPatternError), "{text}");
        }
    }
}
