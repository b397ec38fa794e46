//! The names of what can be found.

/// A class of findings. The names are those of Fastly's Next-Gen WAF where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Signal {
    /// SQL injection.
    Sqli,
    /// Cross-site scripting: HTML or a URL that runs script.
    Xss,
    /// A message that was not looked at, or not as a whole: too long, or with too many values.
    WsUninspected,
    /// A breach of RFC 6455 or RFC 7692.
    WsProtocol,
    /// HTTP that two readers may understand differently.
    HttpAmbiguous,
}

impl Signal {
    /// The name used in events and on the command line, such as `SQLI`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqli => "SQLI",
            Self::Xss => "XSS",
            Self::WsUninspected => "WS-UNINSPECTED",
            Self::WsProtocol => "WS-PROTOCOL",
            Self::HttpAmbiguous => "HTTP-AMBIGUOUS",
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
