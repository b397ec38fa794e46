//! What conditions can ask about: the connection, its handshake and a message.

use std::ops::RangeInclusive;

use crate::http::escaped;

/// A single fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    ClientIp,
    Port,
    Scheme,
    Age,
    Method,
    Host,
    Path,
    RawPath,
    Origin,
    UserAgent,
    Subprotocol,
    OfferedSubprotocol,
    Extension,
    ResponseCode,
    Direction,
    Opcode,
    WireBytes,
    Bytes,
    Fragments,
    Index,
    Compressed,
    Text,
}

/// What can be compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FieldType {
    Text,
    Ip,
    Number(RangeInclusive<i64>),
    Choice(&'static [&'static str]),
    Flag,
    /// The value of a parameter, header or cookie: text, which may be read as a number or an address.
    Value,
}

/// When a fact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// When the connection has become a WebSocket: conditions on it are decided once.
    Connection,
    /// With each message, at the price of a comparison.
    Message,
    /// When the content of the message was looked at.
    Content,
}

impl Field {
    pub(super) const ALL: [Self; 22] = [
        Self::ClientIp,
        Self::Port,
        Self::Scheme,
        Self::Age,
        Self::Method,
        Self::Host,
        Self::Path,
        Self::RawPath,
        Self::Origin,
        Self::UserAgent,
        Self::Subprotocol,
        Self::OfferedSubprotocol,
        Self::Extension,
        Self::ResponseCode,
        Self::Direction,
        Self::Opcode,
        Self::WireBytes,
        Self::Bytes,
        Self::Fragments,
        Self::Index,
        Self::Compressed,
        Self::Text,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ClientIp => "client.ip",
            Self::Port => "port",
            Self::Scheme => "scheme",
            Self::Age => "connection.age_s",
            Self::Method => "method",
            Self::Host => "host",
            Self::Path => "path",
            Self::RawPath => "raw_path",
            Self::Origin => "origin",
            Self::UserAgent => "user_agent",
            Self::Subprotocol => "subprotocol",
            Self::OfferedSubprotocol => "offered_subprotocol",
            Self::Extension => "extension",
            Self::ResponseCode => "response_code",
            Self::Direction => "direction",
            Self::Opcode => "opcode",
            Self::WireBytes => "wire_bytes",
            Self::Bytes => "bytes",
            Self::Fragments => "fragments",
            Self::Index => "index",
            Self::Compressed => "compressed",
            Self::Text => "text",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }

    pub(super) const fn kind(self) -> FieldType {
        match self {
            Self::ClientIp => FieldType::Ip,
            Self::Port => FieldType::Number(1..=65535),
            Self::Scheme => FieldType::Choice(&["http", "https"]),
            Self::ResponseCode => FieldType::Number(100..=999),
            Self::Age | Self::WireBytes | Self::Bytes | Self::Fragments | Self::Index => {
                FieldType::Number(0..=i64::MAX)
            }
            Self::Direction => FieldType::Choice(&["to_server", "to_client"]),
            Self::Opcode => FieldType::Choice(&["text", "binary"]),
            Self::Compressed => FieldType::Flag,
            Self::Method
            | Self::Host
            | Self::Path
            | Self::RawPath
            | Self::Origin
            | Self::UserAgent
            | Self::Subprotocol
            | Self::OfferedSubprotocol
            | Self::Extension
            | Self::Text => FieldType::Text,
        }
    }

    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::ClientIp
            | Self::Port
            | Self::Scheme
            | Self::Method
            | Self::Host
            | Self::Path
            | Self::RawPath
            | Self::Origin
            | Self::UserAgent
            | Self::Subprotocol
            | Self::OfferedSubprotocol
            | Self::Extension
            | Self::ResponseCode => Scope::Connection,
            Self::Age
            | Self::Direction
            | Self::Opcode
            | Self::WireBytes
            | Self::Bytes
            | Self::Fragments
            | Self::Index
            | Self::Compressed => Scope::Message,
            Self::Text => Scope::Content,
        }
    }

    /// Whether there is exactly one value, or none.
    pub(super) const fn is_single(self) -> bool {
        !matches!(self, Self::OfferedSubprotocol | Self::Extension)
    }
}

impl FieldType {
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Ip => "an address",
            Self::Number(_) => "a number",
            Self::Choice(_) => "one of a few words",
            Self::Flag => "true or false",
            Self::Value => "a value",
        }
    }
}

/// What has several values, each with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Multi {
    Param,
    Header,
    Query,
    Cookie,
    Signal,
}

impl Multi {
    pub(super) const ALL: [Self; 5] = [Self::Param, Self::Header, Self::Query, Self::Cookie, Self::Signal];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Param => "param",
            Self::Header => "header",
            Self::Query => "query",
            Self::Cookie => "cookie",
            Self::Signal => "signal",
        }
    }

    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Param | Self::Signal => Scope::Content,
            Self::Header | Self::Query | Self::Cookie => Scope::Connection,
        }
    }

    /// What can be asked about one of them.
    pub(super) const fn parts(self) -> &'static [Part] {
        match self {
            Self::Param => &[Part::Name, Part::Path, Part::Value],
            Self::Header | Self::Query | Self::Cookie => &[Part::Name, Part::Value],
            Self::Signal => &[Part::Name, Part::Kind, Part::ParamName, Part::ParamPath, Part::ParamValue],
        }
    }
}

/// A part of one of several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Name,
    Path,
    Value,
    Kind,
    ParamName,
    ParamPath,
    ParamValue,
}

impl Part {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Path => "path",
            Self::Value => "value",
            Self::Kind => "kind",
            Self::ParamName => "param.name",
            Self::ParamPath => "param.path",
            Self::ParamValue => "param.value",
        }
    }

    pub(super) const fn kind(self) -> FieldType {
        match self {
            Self::Name | Self::Path | Self::ParamName | Self::ParamPath => FieldType::Text,
            Self::Value | Self::ParamValue => FieldType::Value,
            Self::Kind => FieldType::Choice(&["attack", "anomaly", "tag"]),
        }
    }
}

/// The path of a request as applications understand it: percent encoding undone once, backslashes as slashes, without
/// empty and dot segments (RFC 3986 §5.2.4, §6.2.2).
pub(super) fn normal_path(path: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let byte = match (byte, escaped(after)) {
            (b'%', Some(byte)) => {
                rest = after.get(2..).unwrap_or_default();
                byte
            }
            _ => byte,
        };
        decoded.push(if byte == b'\\' { b'/' } else { byte });
    }
    let mut out: Vec<u8> = Vec::with_capacity(decoded.len());
    let mut segments = decoded.split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        // `..;x` is two dots with a parameter to some servers.
        let bare = segment.split(|&byte| byte == b';').next().unwrap_or_default();
        let is_last = segments.peek().is_none();
        match bare {
            b".." => out.truncate(out.iter().rposition(|&byte| byte == b'/').unwrap_or_default()),
            b"." => {}
            b"" if segment.is_empty() => {}
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
                continue;
            }
        }
        if is_last {
            out.push(b'/');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_fields() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.as_str()), Some(field));
        }
    }

    #[test]
    fn paths_are_read_as_applications_do() {
        for (path, normal) in [
            ("/", "/"),
            ("/admin/x", "/admin/x"),
            ("/%61dmin//x", "/admin/x"),
            ("/a/./b/../admin/", "/a/admin/"),
            ("/a/..;x/admin", "/admin"),
            ("\\admin\\x", "/admin/x"),
            ("/../..", "/"),
            ("/a/.", "/a/"),
            ("/%", "/%"),
            ("/;v=1/x", "/;v=1/x"),
            ("", "/"),
        ] {
            assert_eq!(String::from_utf8(normal_path(path)).unwrap(), normal, "{path}");
        }
    }
}
