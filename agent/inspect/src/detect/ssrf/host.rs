//! Names of hosts as they are resolved, whatever they look like.

use super::address::{Address, Reach};

/// A host in lower case, its look-alike characters folded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    text: [u8; Self::LONGEST],
    len: usize,
    /// It had characters that only look like ASCII: `ⓔ`, `。`, `①`.
    pub(super) disguised: bool,
}

/// What a host stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// An IPv4 address, or a name that resolves to it.
    V4(Address),
    /// An IPv6 address in brackets.
    V6(Address),
    /// `localhost` and its like.
    Loopback,
    /// The name of a cloud's metadata service.
    Metadata,
    /// A name that resolves to the address it contains: `127.0.0.1.nip.io`.
    Rebound(Address),
    /// A name of this cluster or host: `kubernetes.default.svc`.
    Internal,
    /// Any other name.
    Name,
}

impl Host {
    const LONGEST: usize = 128;

    /// Folds a host as IDNA does (UTS 46): full-width and enclosed characters, ideographic full stops.
    pub(super) fn new(text: &[u8]) -> Self {
        let mut host = Self { text: [0; Self::LONGEST], len: 0, disguised: false };
        if text.is_ascii() {
            for byte in text.iter().take(Self::LONGEST) {
                host.push(byte.to_ascii_lowercase());
            }
            return host;
        }
        // A character has at most four bytes, so no more are needed to fill the buffer.
        let text = text.get(..text.len().min(4 * Self::LONGEST)).unwrap_or_default();
        for character in text.utf8_chunks().flat_map(|chunk| chunk.valid().chars()) {
            let mut number = 0;
            let folded = match u32::from(character) {
                code @ 0..=0x7f => u8::try_from(code).unwrap_or_default().to_ascii_lowercase(),
                0x3002 | 0xff0e | 0xff61 => b'.',
                code @ 0xff10..=0xff19 => digit(code - 0xff10),
                code @ 0xff21..=0xff3a => letter(code - 0xff21),
                code @ 0xff41..=0xff5a => letter(code - 0xff41),
                code @ 0x24b6..=0x24cf => letter(code - 0x24b6),
                code @ 0x24d0..=0x24e9 => letter(code - 0x24d0),
                code @ 0x1d7ce..=0x1d7ff => digit((code - 0x1d7ce) % 10),
                0x24ea => b'0',
                code @ 0x2460..=0x2473 => {
                    number = code - 0x2460 + 1;
                    digit(number % 10)
                }
                _ => b'~',
            };
            host.disguised |= !character.is_ascii() && folded != b'~';
            if number > 9 {
                host.push(digit(number / 10));
            }
            host.push(folded);
        }
        host
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.text.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// What the host stands for.
    pub(super) fn standing(&self) -> Standing {
        let text = self.text();
        if let Some(inside) = text.strip_prefix(b"[") {
            let inside = inside.split(|byte| *byte == b']').next().unwrap_or_default();
            return match Address::v6(inside) {
                Some(address) => Standing::V6(address),
                None => Standing::Name,
            };
        }
        let text = text.strip_suffix(b".").unwrap_or(text);
        if let Some(address) = Address::v4(text) {
            return Standing::V4(address);
        }
        if is_loopback(text) {
            return Standing::Loopback;
        }
        if METADATA.iter().any(|name| text == name.as_bytes()) {
            return Standing::Metadata;
        }
        if let Some(stem) = REBINDING
            .iter()
            .find(|suffix| ends(text, suffix))
            .and_then(|suffix| text.strip_suffix(suffix.as_bytes()))
        {
            let address = address_within(stem);
            // Those that only rebind, or are gone but for lists of attacks.
            let odd = [&b".xip.io"[..], b".rbndr.us", b".1u.ms", b".xip.name", b".rebind.network"]
                .iter()
                .any(|suffix| text.ends_with(suffix));
            return Standing::Rebound(Address { odd, ..address });
        }
        if INTERNAL.iter().any(|suffix| ends(text, suffix)) {
            return Standing::Internal;
        }
        Standing::Name
    }
}

/// Whether a name ends so; mostly the last letter tells that it does not.
#[inline]
fn ends(text: &[u8], suffix: &str) -> bool {
    text.last() == suffix.as_bytes().last() && text.ends_with(suffix.as_bytes())
}

fn digit(value: u32) -> u8 {
    b'0' + u8::try_from(value % 10).unwrap_or_default()
}

fn letter(index: u32) -> u8 {
    b'a' + u8::try_from(index % 26).unwrap_or_default()
}

fn is_loopback(text: &[u8]) -> bool {
    const NAMES: [&str; 21] = [
        "localhost",
        "localhost4",
        "localhost6",
        "localhost.localdomain",
        "localhost4.localdomain4",
        "localhost6.localdomain6",
        "ip6-localhost",
        "ip6-loopback",
        "ipv6-localhost",
        "loopback",
        "localdomain",
        "localtest.me",
        "lvh.me",
        "vcap.me",
        "fuf.me",
        "ulh.us",
        "127-0-0-1.org.uk",
        "localhost.pp.ua",
        "localhost.direct",
        "mail.ebc.apple.com",
        "bugbounty.dod.network",
    ];
    const PARENTS: [&str; 9] = [
        ".localhost",
        ".localtest.me",
        ".lvh.me",
        ".vcap.me",
        ".lacolhost.com",
        ".localdomain.pw",
        ".yoogle.com",
        ".localh.st",
        ".42foo.com",
    ];
    NAMES.iter().any(|name| text == name.as_bytes())
        || PARENTS.iter().any(|parent| ends(text, parent))
        || [&b"lacolhost.com"[..], b"localh.st", b"readme.localtest.me", b"localdomain.pw"].contains(&text)
        || text.starts_with(b"spoofed.") && text.ends_with(b".burpcollaborator.net")
        || text == b"spoofed.burpcollaborator.net"
}

const METADATA: [&str; 14] = [
    "metadata.google.internal",
    "metadata",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
    "rancher-metadata",
    "metadata.nicob.net",
    "metadata.azure.internal",
    "metadata.azure.com",
    "metadata.digitalocean.com",
    "metadata.oraclecloud.com",
    "metadata.goog",
];

/// Domains that answer with the address in the name.
const REBINDING: [&str; 9] = [
    ".rebind.network",
    ".nip.io",
    ".xip.io",
    ".sslip.io",
    ".xip.name",
    ".1u.ms",
    ".rbndr.us",
    ".traefik.me",
    ".local-ip.co",
];

const INTERNAL: [&str; 7] = [
    "kubernetes.default",
    "kubernetes.default.svc",
    ".svc.cluster.local",
    "host.docker.internal",
    "gateway.docker.internal",
    "docker.for.mac.localhost",
    ".ec2.internal",
];

/// The address in front of a domain that answers with it: `app.127.0.0.1`, `app-127-0-0-1`, `7f000001`.
fn address_within(stem: &[u8]) -> Address {
    let public = Address { reach: Reach::Public, odd: false };
    let mut parts = [&b""[..]; 4];
    for part in stem.rsplit(|byte| matches!(byte, b'.' | b'-')) {
        parts.rotate_right(1);
        if let Some(first) = parts.first_mut() {
            *first = part;
        }
        if let (true, Some(address)) =
            (parts.iter().all(|part| !part.is_empty()), Address::v4(&parts.join(&b'.')))
        {
            return address;
        }
    }
    let hex = parts.first().filter(|part| part.len() == 8).map(|part| [b"0x", *part].concat());
    hex.and_then(|hex| Address::v4(&hex)).unwrap_or(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_look_alikes() {
        for text in ["①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "⑫7.0.0.1"] {
            let host = Host::new(text.as_bytes());
            assert_eq!((host.text(), host.disguised), (&b"127.0.0.1"[..], true), "{text}");
        }
        let host = Host::new("ⓛⓞⒸⓐⓛｈｏｓｔ".as_bytes());
        assert_eq!(host.standing(), Standing::Loopback);
        assert!(!Host::new("bücher.example".as_bytes()).disguised);
    }

    #[test]
    fn finds_the_address_in_a_name() {
        for name in ["127.0.0.1.nip.io", "app.10-0-0-1.sslip.io", "x.192.168.0.1.xip.io", "7f000001.nip.io"] {
            let Standing::Rebound(address) = Host::new(name.as_bytes()).standing() else { panic!("{name}") };
            assert_ne!(address.reach, Reach::Public, "{name}");
        }
    }
}
