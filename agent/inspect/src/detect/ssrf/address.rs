//! Addresses of the host itself, its network and its cloud, however they are written.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Anybody's.
    Public,
    /// A private network's (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// The host itself, or its link (RFC 1122 §3.2.1.3, RFC 3927).
    Own,
    /// The service that hands a cloud machine its credentials.
    Metadata,
}

/// An address and whether it is written as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) reach: Reach,
    /// Octal, hexadecimal, fewer parts than four, or parts too large for an octet.
    pub(super) odd: bool,
}

impl Address {
    /// Reads an IPv4 address as `inet_aton` and browsers do (WHATWG URL, IPv4 parser): one to four parts, each decimal,
    /// octal or hexadecimal, the last of which fills what is left; and, as some resolvers do, cuts off what is too large.
    pub(super) fn v4(text: &[u8]) -> Option<Self> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if !text.first()?.is_ascii_digit() || text.len() > 64 {
            return None;
        }
        let mut odd = false;
        let mut parts = [0_u64; 4];
        let mut len = 0;
        for part in text.split(|byte| *byte == b'.') {
            let (value, plain) = number(part)?;
            *parts.get_mut(len)? = value;
            len += 1;
            odd |= !plain;
        }
        let (last, leading) = parts.get(..len)?.split_last()?;
        odd |= len < 4 || parts.iter().any(|part| *part > 255);
        let high = leading.iter().fold(0_u64, |address, part| address << 8 | part & 0xff);
        let width = 8 * (4 - leading.len());
        let address = high.checked_shl(u32::try_from(width).ok()?)? | last & ((1 << width) - 1);
        Some(Self { reach: reach_v4(Ipv4Addr::from_bits(u32::try_from(address & 0xffff_ffff).ok()?)), odd })
    }

    /// Reads an IPv6 address, with or without a zone, and the IPv4 address that is embedded in it (RFC 4291 §2.5.5, RFC 6052).
    pub(super) fn v6(text: &[u8]) -> Option<Self> {
        let without_zone = text.split(|byte| *byte == b'%').next()?;
        let address: Ipv6Addr = std::str::from_utf8(without_zone).ok()?.parse().ok()?;
        let [a, b, c, d, e, f, ..] = address.segments();
        let embedded = matches!(
            [a, b, c, d, e, f],
            [0, 0, 0, 0, 0, 0 | 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0]
        );
        let low = Ipv4Addr::from_bits(u32::try_from(address.to_bits() & 0xffff_ffff).ok()?);
        let reach = match address {
            Ipv6Addr::LOCALHOST | Ipv6Addr::UNSPECIFIED => Reach::Own,
            _ if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) => Reach::Metadata,
            _ if embedded => reach_v4(low),
            _ if a & 0xffc0 == 0xfe80 => Reach::Own,
            _ if a & 0xfe00 == 0xfc00 => Reach::Private,
            _ => Reach::Public,
        };
        Some(Self { reach, odd: embedded && address.to_bits() > 1 })
    }
}

/// A number and whether it is plain decimal.
fn number(part: &[u8]) -> Option<(u64, bool)> {
    let (digits, radix) = match part {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', b'o' | b'O', digits @ ..] if !digits.is_empty() => (digits, 8),
        [b'0', digits @ ..] if !digits.is_empty() => (digits, 8),
        _ => (part, 10),
    };
    if digits.is_empty() && radix == 10 || digits.len() > 24 {
        return None;
    }
    let mut value = 0_u64;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix)?;
        // What does not fit is cut off at the top.
        value = value.wrapping_mul(u64::from(radix)).wrapping_add(u64::from(digit));
    }
    Some((value, radix == 10))
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // AWS, Azure, Google and most others; AWS ECS; Alibaba; Oracle.
        [169, 254, 169, 254] | [169, 254, 170, 2] | [100, 100, 100, 200] | [192, 0, 0, 192] => {
            Reach::Metadata
        }
        [0 | 127, ..] | [169, 254, ..] => Reach::Own,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_notation_of_the_loopback() {
        for text in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0x7f.0.0.01",
            "127.0.0.1.",
            "383.256.256.257",
        ] {
            assert_eq!(Address::v4(text.as_bytes()).map(|address| address.reach), Some(Reach::Own), "{text}");
        }
        assert_eq!(Address::v4(b"0xA9FEA9FE"), Some(Address { reach: Reach::Metadata, odd: true }));
        assert_eq!(Address::v4(b"127.0.0.1"), Some(Address { reach: Reach::Own, odd: false }));
        assert_eq!(Address::v4(b"192.0.2.1"), Some(Address { reach: Reach::Public, odd: false }));
        for other in ["", "1.2.3.4.5", "example", "1.2.x", "1..2", "08.1"] {
            assert_eq!(Address::v4(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn reads_addresses_embedded_in_ipv6() {
        for text in [
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "64:ff9b::127.0.0.1",
            "::127.0.0.1",
            "fe80::1%eth0",
        ] {
            assert_eq!(Address::v6(text.as_bytes()).map(|address| address.reach), Some(Reach::Own), "{text}");
        }
        assert_eq!(Address::v6(b"2001:db8::1"), Some(Address { reach: Reach::Public, odd: false }));
        assert_eq!(Address::v6(b"fd00:ec2::254").map(|address| address.reach), Some(Reach::Metadata));
    }
}
