//! The names of what can be found.

/// A class of findings. The names are those of Fastly's Next-Gen WAF where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Signal {
    /// SQL injection.
    Sqli,
    /// Cross-site scripting: HTML or a URL that runs script.
    Xss,
    /// Commands of an operating system's shell.
    CmdExe,
    /// A path that leaves its folder, a file that no client should ask for, or a wrapper that reads one.
    Traversal,
    /// A JNDI lookup as Log4j 2 resolved them (CVE-2021-44228).
    Log4jJndi,
    /// A URL that makes the server ask itself, its network or its cloud's metadata service.
    Ssrf,
    /// XML that declares external entities or includes.
    Xxe,
    /// An expression of a server-side template language.
    Ssti,
    /// Operators of a document database where a value is expected.
    NoSqli,
    /// Code of PHP, JavaScript, Java or Python, and prototype pollution.
    CodeInjection,
    /// A serialised object of a language that runs code when it is read.
    Deserialization,
    /// A filter of LDAP broken out of.
    Ldapi,
    /// A server-side include directive.
    Ssi,
    /// A header of a response (or of mail) smuggled behind a line end.
    ResponseSplit,
    /// The parameters or the password of a known web shell.
    Backdoor,
    /// The name of an attack tool as user agent.
    UserAgent,
    /// The marks that scanners leave in what they send.
    Scanner,
    /// A host that tells who asked for it: out-of-band interaction.
    OobDomain,
    /// A NUL byte, or its encoding, in text.
    NullByte,
    /// Bytes that are not UTF-8, or overlong UTF-8, behind an encoding or in text within binary.
    NotUtf8,
    /// An encoding within an encoding.
    DoubleEncoding,
    /// A message that begins like JSON and is malformed.
    JsonError,
    /// A message that begins like XML and is malformed.
    XmlError,
    /// A message that breaks the format of its sub-protocol or envelope.
    MalformedData,
    /// A file that is not meant for others: keys, backups, configuration, version control.
    PrivateFile,
    /// A path with empty, repeated or dot segments.
    AbnormalPath,
    /// A GraphQL document that asks for the schema.
    GraphqlIntrospection,
    /// A GraphQL document nested unreasonably deep.
    GraphqlDepth,
    /// A handshake from a GraphQL development tool.
    GraphqlIde,
    /// A token without a signature: a JWT with `alg` `none`.
    InsecureAuth,
    /// A handshake without a user agent.
    NoUa,
    /// A header that should stand once and stands twice.
    DuplicateHeaders,
    /// A breach of RFC 6455 or RFC 7692.
    WsProtocol,
    /// A message that was not looked at, or not as a whole: too long, too many values, too many layers.
    WsUninspected,
    /// Compressed data that is not looked into.
    Compressed,
    /// HTTP that two readers may understand differently.
    HttpAmbiguous,
}

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignalKind {
    /// Somebody tries to break in: mode `block` blocks.
    Attack,
    /// Something is unusual: it is reported, and the message passes.
    Anomaly,
}

impl Signal {
    /// The name used in events, rules and on the command line, such as `SQLI`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqli => "SQLI",
            Self::Xss => "XSS",
            Self::CmdExe => "CMDEXE",
            Self::Traversal => "TRAVERSAL",
            Self::Log4jJndi => "LOG4J-JNDI",
            Self::Ssrf => "SSRF",
            Self::Xxe => "XXE",
            Self::Ssti => "SSTI",
            Self::NoSqli => "NOSQLI",
            Self::CodeInjection => "CODEINJECTION",
            Self::Deserialization => "DESERIALIZATION",
            Self::Ldapi => "LDAPI",
            Self::Ssi => "SSI",
            Self::ResponseSplit => "RESPONSESPLIT",
            Self::Backdoor => "BACKDOOR",
            Self::UserAgent => "USERAGENT",
            Self::Scanner => "SCANNER",
            Self::OobDomain => "OOB-DOMAIN",
            Self::NullByte => "NULLBYTE",
            Self::NotUtf8 => "NOTUTF8",
            Self::DoubleEncoding => "DOUBLEENCODING",
            Self::JsonError => "JSON-ERROR",
            Self::XmlError => "XML-ERROR",
            Self::MalformedData => "MALFORMED-DATA",
            Self::PrivateFile => "PRIVATEFILE",
            Self::AbnormalPath => "ABNORMALPATH",
            Self::GraphqlIntrospection => "GRAPHQL-INTROSPECTION",
            Self::GraphqlDepth => "GRAPHQL-DEPTH",
            Self::GraphqlIde => "GRAPHQL-IDE",
            Self::InsecureAuth => "INSECURE-AUTH",
            Self::NoUa => "NOUA",
            Self::DuplicateHeaders => "DUPLICATE-HEADERS",
            Self::WsProtocol => "WS-PROTOCOL",
            Self::WsUninspected => "WS-UNINSPECTED",
            Self::Compressed => "COMPRESSED",
            Self::HttpAmbiguous => "HTTP-AMBIGUOUS",
        }
    }

    /// Whether it is an attack or an anomaly.
    pub const fn kind(self) -> SignalKind {
        match self {
            Self::Sqli
            | Self::Xss
            | Self::CmdExe
            | Self::Traversal
            | Self::Log4jJndi
            | Self::Ssrf
            | Self::Xxe
            | Self::Ssti
            | Self::NoSqli
            | Self::CodeInjection
            | Self::Deserialization
            | Self::Ldapi
            | Self::Ssi
            | Self::ResponseSplit
            | Self::Backdoor
            | Self::UserAgent
            | Self::Scanner
            | Self::OobDomain => SignalKind::Attack,
            Self::NullByte
            | Self::NotUtf8
            | Self::DoubleEncoding
            | Self::JsonError
            | Self::XmlError
            | Self::MalformedData
            | Self::PrivateFile
            | Self::AbnormalPath
            | Self::GraphqlIntrospection
            | Self::GraphqlDepth
            | Self::GraphqlIde
            | Self::InsecureAuth
            | Self::NoUa
            | Self::DuplicateHeaders
            | Self::WsProtocol
            | Self::WsUninspected
            | Self::Compressed
            | Self::HttpAmbiguous => SignalKind::Anomaly,
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
