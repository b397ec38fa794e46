//! Hosts that tell who asked for them.

use std::sync::LazyLock;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value, literal_set::LiteralSet},
};

/// Out-of-band interaction: the domain of a service that records every look-up and request, with which a blind injection
/// shows that it worked. Services that developers use to look at their own web hooks are a tag.
pub(super) struct OobDomain;

/// A domain, and what it says.
struct Domain {
    name: &'static str,
    strength: Strength,
}

const fn tool(name: &'static str) -> Domain {
    Domain { name, strength: Strength::Certain }
}

const fn shared(name: &'static str) -> Domain {
    Domain { name, strength: Strength::Tag }
}

static DOMAINS: [Domain; 52] = [
    // ProjectDiscovery interactsh
    tool("oast.pro"),
    tool("oast.live"),
    tool("oast.site"),
    tool("oast.online"),
    tool("oast.fun"),
    tool("oast.me"),
    tool("interact.sh"),
    tool("interactsh.com"),
    // Burp Collaborator
    tool("burpcollaborator.net"),
    tool("oastify.com"),
    // Services for blind SSRF, XXE and XSS
    tool("dnslog.cn"),
    tool("dnslog.link"),
    tool("dnslog.pw"),
    tool("log.dnslog.store"),
    tool("dnslog.store"),
    tool("ceye.io"),
    tool("dns.toys.eyes.sh"),
    tool("eyes.sh"),
    tool("dnsbin.zhack.ca"),
    tool("d.zhack.ca"),
    tool("dns.requestbin.buuoj.cn"),
    tool("bxss.me"),
    tool("bxss.in"),
    tool("xss.ht"),
    tool("xss.report"),
    tool("xsshunter.com"),
    tool("xsshunter.trufflesecurity.com"),
    tool("r87.me"),
    tool("r87.com"),
    tool("1u.ms"),
    tool("rbndr.us"),
    tool("tp86.net"),
    tool("dig.pm"),
    tool("callback.red"),
    tool("ipv6.1433.eu.org"),
    tool("1433.eu.org"),
    tool("yunzhanghu.co"),
    tool("instances.httpworkbench.com"),
    tool("vps.cx"),
    tool("awvsscan119.autoverify.cn"),
    tool("autoverify.cn"),
    tool("vulnweb.oob.li"),
    // Developers use these, too.
    shared("canarytokens.com"),
    shared("canarytokens.org"),
    shared("webhook.site"),
    shared("requestbin.net"),
    shared("requestbin.com"),
    shared("m.pipedream.net"),
    shared("requestcatcher.com"),
    shared("beeceptor.com"),
    shared("hookbin.com"),
    shared("ngrok.io"),
];

const LITERALS: [&str; DOMAINS.len()] = {
    let mut names = [""; DOMAINS.len()];
    let mut nth = 0;
    while nth < names.len() {
        names[nth] = DOMAINS[nth].name;
        nth += 1;
    }
    names
};

static NAMES: LazyLock<LiteralSet> = LazyLock::new(|| LiteralSet::new(LITERALS));

impl Detector for OobDomain {
    fn signal(&self) -> Signal {
        Signal::OobDomain
    }

    fn summary(&self) -> &'static str {
        "the domain of a service that reports who asked for it"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "http://c0ffee.oast.fun/",
                "abc123.burpcollaborator.net",
                "nslookup x.oastify.com.",
                "//q1w2e3.interact.sh/x",
                "a@abc.dnslog.cn",
            ],
            passed: &[
                "https://webhook.site/00000000-0000",
                "https://portswigger.net/burp/documentation/collaborator",
                "have a look at interact.shop",
                "toast.me",
                "we use interactsh for this",
                "see https://oast.pro for the list",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &LITERALS
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.bytes.has_any(ByteSet::DOT) && gate.has_literal()
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        for (nth, at) in NAMES.find(value.bytes) {
            let Some(Domain { strength, .. }) = DOMAINS.get(nth) else { continue };
            let mut before = value.bytes.get(..at.start).unwrap_or_default().iter().rev();
            // The services hand out a label each: the domain itself is something people talk about.
            let has_label =
                before.next() == Some(&b'.') && before.next().is_some_and(u8::is_ascii_alphanumeric);
            let behind = value.bytes.get(at.end);
            let ends = behind.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
            if !has_label || !ends {
                continue;
            }
            match strength {
                Strength::Certain => found.push("domain that records who asks for it", *strength, at),
                Strength::Weak | Strength::Tag | Strength::Medium | Strength::Strong => {
                    found.push("domain of a service that records requests", *strength, at);
                }
            }
            if found.is_certain() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_stand_once() {
        for (nth, name) in LITERALS.iter().enumerate() {
            assert!(!LITERALS.iter().skip(nth + 1).any(|other| other == name), "{name}");
        }
    }

    #[test]
    fn a_service_of_developers_is_a_tag() {
        let mut found = Found::default();
        OobDomain.examine(&Value::text(b"https://a1.ngrok.io/hook"), &mut found);
        assert_eq!(found.score(), 2);
    }
}
