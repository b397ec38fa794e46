//! The marks that scanners leave in what they send.

use std::sync::LazyLock;

use crate::detect::{Detector, Examples, Found, Signal, Strength, Value, literal_set::LiteralSet};

/// Marks that vulnerability scanners put into the values they try, to find them again in answers and logs.
///
/// The name of a tool in a sentence is no mark: people talk about sqlmap.
pub(super) struct Scanner;

/// Marks in lower case, each of one tool, that nothing else writes.
const MARKS: [&str; 24] = [
    "acunetix_wvs_security_test",
    "acunetix-wvs-test-for-some-inexistent-file",
    "acunetix_test",
    "acux1",
    "by_wvs",
    "http://www.acunetix.com/",
    "netsparker(0x",
    "ns:netsparker056650=vuln",
    "'ns='netsparker",
    "w00tw00t.at.",
    "<!--nessus",
    "nessus_is_probing",
    "appscan_fingerprint",
    "appscanheader",
    "../appscan",
    "arachni_xss_in_",
    "arachni_name",
    "arachni_text",
    "this_is_arachni",
    "openvas-xss-test",
    "qualysguard",
    "%{(#nike='multipart/form-data')",
    "{{nuclei",
    "wapiti3_",
];

static MARKED: LazyLock<LiteralSet> = LazyLock::new(|| LiteralSet::new(MARKS));

impl Detector for Scanner {
    fn signal(&self) -> Signal {
        Signal::Scanner
    }

    fn summary(&self) -> &'static str {
        "the mark of a vulnerability scanner"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "set|set&set acunetix_wvs_security_test",
                "'\"><netsparker(0x00BEEF)>",
                "/w00tw00t.at.ISC.SANS.DFind:)",
                "../appscan_fingerprint/mac_address",
            ],
            passed: &[
                "we found it with Acunetix last year",
                "is sqlmap any good? nikto found nothing",
                "the Nessus scan is done (see OpenVAS, too)",
                "arachnids have eight legs: spiders",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &MARKS
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if let Some((_, at)) = MARKED.find(value.bytes).next() {
            found.push("mark of a scanner", Strength::Certain, at);
        }
    }
}
