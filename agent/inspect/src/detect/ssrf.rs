//! Server-side request forgery: URLs that make the server ask itself.

mod address;
mod host;
mod service;

use std::sync::LazyLock;

use self::{
    address::Reach,
    host::{Host, Standing},
};
use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Origin, Signal, Strength, Value},
};

/// Server-side request forgery (CWE-918): a value that is a URL, and whose host is the server itself, its network or
/// its cloud's metadata service, in whatever notation; or whose scheme speaks to services that are not meant for it.
///
/// Only values that are a URL as a whole (or a parameter's) count: people mention `http://localhost:8080` in text.
pub(super) struct Ssrf;

impl Detector for Ssrf {
    fn signal(&self) -> Signal {
        Signal::Ssrf
    }

    fn summary(&self) -> &'static str {
        "a URL that makes the server ask itself, its network or its cloud's metadata service"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "http://169.254.169.254/latest/meta-data/",
                "http://metadata.google.internal/computeMetadata/v1/",
                "http://127.0.0.1:6379/",
                "http://2130706433/",
                "http://0x7f.1/",
                "http://0177.0.0.1/",
                "http://[::ffff:127.0.0.1]/",
                "http://[::]:80/",
                "http://①②⑦.⓪.⓪.①/",
                "http://localhost:22",
                "http://127.0.0.1.nip.io/",
                "http://example.org:80&@127.0.0.1:22/#@x",
                "gopher://127.0.0.1:6379/_INFO",
                "dict://127.0.0.1:11211/stats",
                "http:127.0.0.1",
                "//127.1/",
                "jar:http://example.org!/",
                "localhost/",
                "127.0.0.1/admin",
                "http://example.org:80#@example.net/",
                "/_cluster/health",
            ],
            passed: &[
                "127.0.0.1/8",
                "/cluster/health",
                "https://example.org/path?x=1#y",
                "start it and open http://localhost:8080/ in your browser",
                "192.168.0.1:8080",
                "http://192.168.1.1/",
                "ssh://git@git.example.org/repo.git",
                "ssh://git@localhost:3035/group/repo.git",
                "\\\\//",
                "https://user@example.org/",
                "ftp://ftp.example.org/pub/",
                "mailto:ann@example.org",
                "//cdn.example.org/app.js",
                "// a comment",
                "https://bücher.example/",
                "http://8.8.8.8/",
                "https://例え.jp/",
                "12:30",
                "localhost",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        static LITERALS: LazyLock<Vec<&'static str>> =
            LazyLock::new(|| URLS.iter().chain(&service::PATHS).copied().collect());
        &LITERALS
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.bytes.has_any(ByteSet::SLASH.and(ByteSet::COLON).and(ByteSet::BACKSLASH)) && gate.has_literal()
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        // Browsers name the page there that they come from, also while it is being developed.
        let is_from =
            || [&b"origin"[..], b"referer"].iter().any(|name| value.name.eq_ignore_ascii_case(name));
        if value.origin == Origin::Header && is_from() {
            return;
        }
        let text = value.bytes.trim_ascii();
        let start = value.bytes.trim_ascii_start().len();
        let offset = value.bytes.len() - start;
        if let Some(url) = Url::of(text) {
            if value.is_plain_url {
                url.judge_plain(offset, found);
                return;
            }
            url.judge(offset, found);
        }
        if service::is_path(text) {
            found.push("path of an internal service", Strength::Strong, offset..value.bytes.len());
        }
        // `?url=http://...`: the last parameter that is a URL.
        if !found.is_certain()
            && let Some(at) = inner_url(text)
            && let Some(inner) = text.get(at..).and_then(Url::of)
        {
            inner.judge(offset + at, found);
        }
    }
}

/// What begins a URL, or a host without a scheme.
const URLS: [&str; 16] = [
    "://",
    "//",
    ":\\",
    "http:",
    "https:",
    "localhost",
    "jar:",
    "netdoc:",
    "url:",
    "0.0.0.0",
    "127.0.0.1:",
    "\\\\127.",
    "\\\\localhost",
    "127.0.0.1/",
    "?redirect:http",
    "shards=http",
];

/// Longest authority that is looked at.
const LONGEST_AUTHORITY: usize = 512;

/// A value that is a URL.
struct Url<'a> {
    /// Empty if there is none: `//host/`, `localhost/`.
    scheme: &'a [u8],
    /// What follows the scheme and its slashes.
    rest: &'a [u8],
    /// Where that begins.
    at: usize,
    /// More slashes or backslashes than there should be, or none.
    slashes: &'a [u8],
}

impl<'a> Url<'a> {
    /// Splits a value that is a URL from its first byte on.
    fn of(text: &'a [u8]) -> Option<Self> {
        let scheme_len =
            text.iter().take(32).position(|byte| !is_scheme(*byte)).unwrap_or(text.len().min(32));
        // A sentence.
        if text.get(scheme_len) == Some(&b' ') {
            return None;
        }
        let mut at = 0;
        let mut scheme = &b""[..];
        let number = text.starts_with(b"0://");
        if text.get(scheme_len) == Some(&b':')
            && (number || text.first().is_some_and(u8::is_ascii_alphabetic))
        {
            scheme = text.get(..scheme_len)?;
            at = scheme_len + 1;
            // `url:file://`, `jar:http://`
            if scheme.eq_ignore_ascii_case(b"url") {
                let inner = Self::of(text.get(at..)?)?;
                return Some(Self { at: inner.at + at, ..inner });
            }
        }
        let after = text.get(at..)?;
        let slashes = after.iter().take(64).take_while(|byte| matches!(byte, b'/' | b'\\')).count();
        let slashes = after.get(..slashes)?;
        at += slashes.len();
        let rest = text.get(at..)?;
        let url = Self { scheme, rest, at, slashes };
        match (scheme.is_empty(), slashes.is_empty()) {
            // `localhost:80` has a scheme by the grammar.
            (false, true) => (url.is_web() || is_one_of(scheme, &["jar", "netdoc"]))
                .then_some(url)
                .or_else(|| Self::bare(text)),
            (true, false) => (slashes.len() > 1).then_some(url),
            (false, false) => Some(url),
            (true, true) => Self::bare(text),
        }
    }

    /// A host without a scheme, with a port or a path.
    fn bare(text: &'a [u8]) -> Option<Self> {
        let host = text.iter().take(64).position(|byte| matches!(byte, b':' | b'/'))?;
        (host > 0 && text.get(host + 1) != Some(&b'/') && !text.iter().take(256).any(u8::is_ascii_whitespace))
            .then_some(Self { scheme: b"", rest: text, at: 0, slashes: b"" })
    }

    fn is_web(&self) -> bool {
        is_one_of(self.scheme, &["http", "https", "ws", "wss", "ftp"])
    }

    fn judge(&self, offset: usize, found: &mut Found) {
        let start = offset + self.at;
        let rest = self.rest.get(..self.rest.len().min(LONGEST_AUTHORITY)).unwrap_or_default();
        let end =
            rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let is_bare = self.scheme.is_empty() && self.slashes.is_empty();
        let blank = rest.iter().position(u8::is_ascii_whitespace);
        let tail_at = rest.iter().rposition(|byte| *byte == b'@');
        // Text that begins with a URL, unless the blank is a trick to hide the host: `http://a &@b# @c/`.
        if let Some(blank) = blank {
            let trick = [&b" &@"[..], b"#@", b"# @"].iter().any(|trick| contains(rest, trick));
            if !trick || is_bare || self.scheme.is_empty() {
                return;
            }
            found.push("blank in the host of a URL", Strength::Strong, start + blank..start + rest.len());
        }
        self.judge_scheme(offset, authority, found);
        if is_one_of(self.scheme, &["file"]) && self.slashes.len() > 2 {
            return;
        }
        // The host as most readers see it, then as those that stop early or late do.
        let behind_user = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
        let host_at = start + behind_user;
        let host = authority.get(behind_user..).unwrap_or_default();
        self.judge_host(host, host_at, false, found);
        if behind_user > 0 {
            let user = authority.get(..behind_user - 1).unwrap_or_default();
            if user.contains(&b'@') {
                found.push("two users in a URL", Strength::Strong, start..host_at);
            }
            let first = user.split(|byte| matches!(byte, b'@' | b' ' | b'&')).next().unwrap_or_default();
            self.judge_host(first, start, true, found);
        }
        if let Some(at) = tail_at.filter(|at| *at >= end || blank.is_some()) {
            let behind = rest.get(at + 1..).unwrap_or_default();
            let len = behind
                .iter()
                .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\' | b' '))
                .unwrap_or(behind.len());
            let before = rest.get(end).copied().unwrap_or_default();
            if !matches!(before, b'/' | b'?') || before == b'?' && at == end + 1 || blank.is_some() {
                self.judge_host(behind.get(..len).unwrap_or_default(), start + at + 1, true, found);
            }
        }
        // Readers disagree about where such a host ends, and nobody else writes so.
        let behind = rest.get(end..).unwrap_or_default();
        if self.is_web()
            && (behind.starts_with(b"#@")
                || behind.starts_with(b"?@")
                || contains(authority, b"&@")
                || behind.starts_with(b"\\.")
                || behind.starts_with(b"\\@"))
        {
            found.push("host that ends in two places", Strength::Strong, start..start + end);
        }
        if self.scheme == b"0" && self.slashes.len() == 2 {
            found.push("scheme that is a number", Strength::Strong, offset..start);
        }
        if is_redirector(authority) {
            found.push("service that redirects into networks", Strength::Strong, start..start + end);
        }
        if !self.scheme.is_empty()
            && (self.slashes.len() > 2 && self.slashes.contains(&b'\\')
                || count(before_path(rest), b'\\') > 2)
        {
            found.push("backslashes in the host of a URL", Strength::Strong, start..start + end);
        }
        self.judge_path(start, end, found);
    }

    /// The same for what [`is_plain_url`], in which only host and path may say something.
    fn judge_plain(&self, offset: usize, found: &mut Found) {
        let start = offset + self.at;
        let end = memchr::memchr(b'/', self.rest).unwrap_or(self.rest.len());
        let host = self.rest.get(..end).unwrap_or_default();
        self.judge_host(host, start, false, found);
        if is_redirector(host) {
            found.push("service that redirects into networks", Strength::Strong, start..start + end);
        }
        self.judge_path(start, end, found);
    }

    fn judge_scheme(&self, offset: usize, authority: &[u8], found: &mut Found) {
        let at = offset..offset + self.at;
        if is_one_of(
            self.scheme,
            &["gopher", "dict", "netdoc", "jar", "local_file", "xri", "tftp", "file+http"],
        ) {
            found.push("scheme that speaks to other services", Strength::Strong, at);
        } else if is_one_of(
            self.scheme,
            &["ldap", "ldaps", "ldapi", "smb", "rtsp", "finger", "telnet", "acap"],
        ) {
            found.push("scheme that speaks to internal services", Strength::Medium, at);
        } else if is_one_of(self.scheme, &["file"]) {
            // With three slashes the path begins where a host would stand.
            let sensitive =
                ["etc", "proc", "root", "sys"].iter().any(|folder| authority == folder.as_bytes());
            let strength =
                if sensitive || self.slashes.contains(&b'\\') { Strength::Strong } else { Strength::Tag };
            found.push("URL of a local file", strength, at);
        }
    }

    fn judge_host(&self, text: &[u8], at: usize, hidden: bool, found: &mut Found) {
        let (text, port) = split_port(text);
        let at = at..at + text.len();
        // A NUL, decoded or not, ends the host for readers in C.
        let nul =
            text.iter().position(|byte| matches!(byte, b'%' | 0)).filter(|_| text.first() != Some(&b'['));
        let host = Host::new(text.get(..nul.unwrap_or(text.len())).unwrap_or_default());
        let is_bare = self.scheme.is_empty() && self.slashes.is_empty();
        let standing = host.standing();
        if host.disguised && !is_bare && (self.is_web() || standing != Standing::Name) {
            found.push("host in look-alike characters", Strength::Strong, at.clone());
        }
        let reach = match standing {
            // `12:30` is a time.
            Standing::V4(_) if is_bare && !text.contains(&b'.') && !text.starts_with(b"0x") => Reach::Public,
            Standing::V4(address) => {
                if address.odd && !hidden && (!is_bare || text.starts_with(b"0x")) {
                    found.push("address in an unusual notation", Strength::Strong, at.clone());
                }
                address.reach
            }
            Standing::V6(address) => {
                if address.odd {
                    found.push("IPv4 address within an IPv6 address", Strength::Strong, at.clone());
                } else if address.reach == Reach::Public {
                    found.push("IPv6 address as host", Strength::Medium, at.clone());
                }
                address.reach
            }
            Standing::Rebound(address) => {
                let strength = if address.reach == Reach::Public && !address.odd {
                    Strength::Medium
                } else {
                    Strength::Strong
                };
                found.push("host that resolves to the address in its name", strength, at.clone());
                address.reach
            }
            Standing::Loopback => Reach::Own,
            Standing::Metadata => Reach::Metadata,
            Standing::Internal => {
                found.push("URL of the cluster or host", Strength::Strong, at.clone());
                Reach::Private
            }
            Standing::Name => Reach::Public,
        };
        if hidden && reach != Reach::Public && !is_bare {
            found.push("internal host hidden in a URL", Strength::Medium, at.clone());
        }
        match reach {
            Reach::Metadata if !is_bare || text.contains(&b'.') => {
                found.push("cloud metadata service", Strength::Certain, at.clone());
            }
            // A network: `127.0.0.1/8`.
            Reach::Own
                if is_bare
                    && port.is_none()
                    && text.first().is_some_and(u8::is_ascii_digit)
                    && !self.rest.iter().any(u8::is_ascii_alphabetic) => {}
            Reach::Own if is_bare => {
                // `127.0.0.1:80` is an address that people write; `localhost/` is nothing that they send.
                let strength = match port {
                    None => Strength::Strong,
                    Some(port) if port.iter().any(|byte| !byte.is_ascii_digit()) || port.len() > 5 => {
                        Strength::Strong
                    }
                    Some(port) if self.rest.get(text.len() + 1 + port.len()) == Some(&b'/') => {
                        Strength::Medium
                    }
                    Some(_) => Strength::Tag,
                };
                found.push("own host", strength, at.clone());
            }
            // Repositories of development set-ups are cloned from there.
            Reach::Own if is_one_of(self.scheme, &["ssh", "git", "git+ssh", "svn+ssh"]) => {
                found.push("URL of the own host", Strength::Tag, at.clone());
            }
            Reach::Own => found.push("URL of the own host", Strength::Strong, at.clone()),
            Reach::Private if !is_bare => {
                found.push("URL of a private network", Strength::Medium, at.clone())
            }
            Reach::Metadata | Reach::Private | Reach::Public => {}
        }
        if reach != Reach::Public && port.is_some_and(is_odd_port) {
            found.push("port of an internal service", Strength::Medium, at);
        }
    }

    fn judge_path(&self, start: usize, end: usize, found: &mut Found) {
        const PATHS: [&str; 14] = [
            "/latest/meta-data",
            "/latest/user-data",
            "/latest/dynamic/instance-identity",
            "/latest/api/token",
            "/computemetadata/",
            "/metadata/instance",
            "/metadata/v1",
            "/opc/v1/",
            "/opc/v2/",
            "/openstack/latest",
            "/openstack/2012",
            "/hetzner/v1/metadata",
            "/v2/metadata",
            "/2009-04-04/meta-data",
        ];
        let path = self.rest.get(end..).unwrap_or_default();
        let begins = |letter: u8| PATHS.iter().any(|known| known.as_bytes().get(1) == Some(&letter));
        if !path.get(1).is_some_and(|letter| begins(letter.to_ascii_lowercase())) {
            return;
        }
        if PATHS.iter().any(|known| {
            path.get(..known.len()).is_some_and(|path| path.eq_ignore_ascii_case(known.as_bytes()))
        }) {
            found.push(
                "path of a cloud metadata service",
                Strength::Strong,
                start + end..start + self.rest.len(),
            );
        }
    }
}

fn is_redirector(host: &[u8]) -> bool {
    host == b"nicob.net" || host == b"r3dir.me" || host.ends_with(b".r3dir.me")
}

/// The part of a URL in which backslashes stand for dots or letters: up to the first slash.
fn before_path(rest: &[u8]) -> &[u8] {
    let end = rest
        .iter()
        .take(128)
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len().min(128));
    rest.get(..end).unwrap_or_default()
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}

fn count(text: &[u8], byte: u8) -> usize {
    text.iter().filter(|other| **other == byte).count()
}

/// Splits `host:port`.
fn split_port(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from =
        if text.first() == Some(&b'[') { text.iter().position(|byte| *byte == b']').unwrap_or(0) } else { 0 };
    let tail = text.get(from..).unwrap_or_default();
    match tail.iter().position(|byte| *byte == b':') {
        Some(colon) => (text.get(..from + colon).unwrap_or_default(), tail.get(colon + 1..)),
        None => (text, None),
    }
}

/// Services that answer whoever reaches them: SSH, mail, MySQL, PostgreSQL, Redis, Elasticsearch, memcached, Docker, Kubernetes.
fn is_odd_port(port: &[u8]) -> bool {
    const PORTS: [&str; 20] = [
        "22", "23", "25", "110", "445", "2375", "2376", "2379", "3306", "5432", "6379", "9200", "10250",
        "10255", "11211", "27017", "5984", "7001", "8500", "8983",
    ];
    PORTS.iter().any(|known| port == known.as_bytes())
}

/// Where a parameter's URL begins: behind the last `=` that a scheme follows.
fn inner_url(text: &[u8]) -> Option<usize> {
    let text = text.get(..text.len().min(4096))?;
    let scheme_end = memchr::memrchr_iter(b':', text).find(|at| text.get(at + 1..at + 3) == Some(b"//"))?;
    let before = text.get(..scheme_end)?;
    let equals = before.iter().rposition(|byte| !is_scheme(*byte))?;
    matches!(before.get(equals), Some(b'=' | b'|' | b';')).then_some(equals + 1)
}

const fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
}

fn is_one_of(scheme: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| scheme.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_within_a_value_is_its_last_behind_a_sign() {
        for (text, at) in [
            ("x?url=http://a/", Some(6)),
            ("http://a/?u=http://b/", Some(12)),
            ("a=http://b c:d", Some(2)),
            ("a=http://b http://c", None),
            ("see http://b", None),
            ("http://b", None),
            ("a=b:c", None),
            ("", None),
        ] {
            assert_eq!(inner_url(text.as_bytes()), at, "{text}");
        }
    }

    #[test]
    fn the_path_of_a_metadata_service_is_known_in_any_case() {
        for path in [
            "latest/meta-data/x",
            "Latest/Meta-Data",
            "2009-04-04/meta-data",
            "opc/v1/",
            "hetzner/v1/metadata",
        ] {
            assert!(score(&format!("https://a.example/{path}")) >= 5, "{path}");
        }
        for path in ["", "latest", "items/1", "opc/v3/"] {
            assert_eq!(score(&format!("https://a.example/{path}")), 0, "{path}");
        }
    }

    fn score(text: &str) -> u32 {
        let mut found = Found::default();
        Ssrf.examine(&Value::text(text.as_bytes()), &mut found);
        found.score()
    }

    #[test]
    fn finds_the_host_behind_what_hides_it() {
        for url in [
            "http://example.org@127.0.0.1/",
            "http://127.0.0.1#@example.org/",
            "http://192.0.2.1 &@127.0.0.1# @198.51.100.1/",
            "http:\\\\127.0.0.1/",
            "http:/127.0.0.1/",
            "http:@0/",
            "http://0/",
            "http://localhost./",
            "http://LOCALHOST:8080/admin",
            "http://foo.localhost/",
            "http://[fe80::1%25eth0]/",
            "http://425.510.425.510/",
            "http://[::ffff:a9fe:a9fe]/",
            "https://example.org/proxy?url=http://169.254.169.254/",
            "url:http://127.0.0.1/",
            "ftp://0x7f.0x0.0x0.0x1/",
            "  http://127.0.0.1/  ",
        ] {
            assert!(score(url) >= 5, "{url}");
        }
    }

    #[test]
    fn lets_urls_of_others_pass() {
        for url in [
            "https://example.org/?next=https://example.net/",
            "http://10.0.0.5:3000/",
            "https://example.org/a@b",
            "https://medium.example/@ann/post",
            "C:\\Users\\ann",
            "\\\\server\\share\\file",
            "note: this",
            "1:2:3",
            "http://1.2.3.4.example.org/",
            "https://[example]/",
            "http://",
            "://",
            "//",
            "",
        ] {
            assert!(score(url) < 5, "{url}: {}", score(url));
        }
    }
}
