//! Addresses and networks (RFC 4632, RFC 4291).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: all addresses that begin with the same bits.
///
/// An IPv4 address and its IPv6-mapped form (RFC 4291 §2.5.5.2) are one, so all are kept as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Net {
    first: u128,
    last: u128,
}

impl Net {
    /// Reads `10.2.0.0/16`, `2001:db8::/32` or a single address.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(format!(
                "{text:?} is not an address or network, such as \"10.2.0.0/16\" or \"2001:db8::1\""
            ));
        };
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        let len = match len {
            None => bits,
            Some(len) => {
                let digits = !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit());
                let len = len.parse::<u32>().ok().filter(|len| digits && *len <= bits);
                len.ok_or_else(|| format!("the prefix of {text:?} must be 0 to {bits} bits long"))?
            }
        };
        // A length in an IPv4 network counts from the 96 bits before it.
        let host = bits - len;
        let mask = 1_u128.checked_shl(host).map_or(u128::MAX, |beyond| beyond - 1);
        let number = number(address);
        if number & mask != 0 {
            let first = from_number(number & !mask);
            return Err(format!("{text:?} has bits set behind its prefix; the network is \"{first}/{len}\""));
        }
        Ok(Self { first: number, last: number | mask })
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&number(address))
    }
}

/// Networks that are searched as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NetSet {
    /// Sorted, and none touches another.
    ranges: Vec<(u128, u128)>,
}

impl NetSet {
    pub(super) fn new(nets: impl IntoIterator<Item = Net>) -> Self {
        let mut sorted: Vec<_> = nets.into_iter().map(|net| (net.first, net.last)).collect();
        sorted.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for (first, last) in sorted {
            match ranges.last_mut() {
                Some(before) if before.1.checked_add(1).is_none_or(|next| first <= next) => {
                    before.1 = before.1.max(last);
                }
                Some(_) | None => ranges.push((first, last)),
            }
        }
        Self { ranges }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = number(address);
        let after = self.ranges.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, last)| address <= *last)
    }
}

/// The address by which a client is counted: the whole of an IPv4 address, and of an IPv6 address the network of 64
/// bits that a single customer is given at least (RFC 6177 §2).
pub(super) fn counted(address: IpAddr) -> u128 {
    let number = number(address);
    if from_number(number).is_ipv4() { number } else { number & !u128::from(u64::MAX) }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn from_number(number: u128) -> IpAddr {
    let v6 = Ipv6Addr::from_bits(number);
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), |v4: Ipv4Addr| IpAddr::V4(v4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        Net::parse(text).expect(text)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn a_network_holds_what_begins_like_it() {
        for (text, inside, outside) in [
            ("10.2.0.0/16", "10.2.255.255", "10.3.0.0"),
            ("10.2.0.0/16", "::ffff:10.2.0.1", "::10.2.0.1"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "1.2.3.4", ""),
            ("2001:db8:7::/48", "2001:db8:7:ffff::", "2001:db8:8::"),
            ("::1", "::1", "::2"),
            ("1.2.3.4", "1.2.3.4", "1.2.3.5"),
        ] {
            assert!(net(text).contains(ip(inside)), "{text} {inside}");
            assert!(outside.is_empty() || !net(text).contains(ip(outside)), "{text} {outside}");
        }
    }

    #[test]
    fn refuses_what_is_no_network() {
        for text in [
            "",
            "/",
            "10.2.0.0/33",
            "10.2.0.0/-1",
            "10.2.0.0/+8",
            "10.2.0.1/16",
            "::/129",
            "x",
            "1.2.3",
            "1.2.3.4/",
        ] {
            assert!(Net::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Net::parse("10.2.9.1/16").unwrap_err(),
            "\"10.2.9.1/16\" has bits set behind its prefix; the network is \"10.2.0.0/16\""
        );
    }

    #[test]
    fn a_set_answers_like_its_networks() {
        let nets =
            ["10.0.0.0/8", "10.2.0.0/16", "11.0.0.0/8", "192.0.2.1", "2001:db8::/32", "ffff::/16"].map(net);
        let set = NetSet::new(nets);
        assert_eq!(set.ranges.len(), 4);
        for address in [
            "9.255.255.255",
            "10.0.0.0",
            "11.255.255.255",
            "12.0.0.0",
            "192.0.2.1",
            "192.0.2.2",
            "2001:db9::",
            "ffff:ffff::",
        ] {
            assert_eq!(
                set.contains(ip(address)),
                nets.iter().any(|net| net.contains(ip(address))),
                "{address}"
            );
        }
        assert!(!NetSet::default().contains(ip("::")));
    }

    #[test]
    fn a_client_cannot_count_anew_by_another_address_of_its_network() {
        assert_eq!(counted(ip("2001:db8::1")), counted(ip("2001:db8::ffff:1")));
        assert_ne!(counted(ip("2001:db8:0:1::1")), counted(ip("2001:db8::1")));
        assert_ne!(counted(ip("192.0.2.1")), counted(ip("192.0.2.2")));
        assert_eq!(counted(ip("192.0.2.1")), counted(ip("::ffff:192.0.2.1")));
    }
}
