//! Attack tools that say who they are.

use std::{ops::Range, sync::LazyLock};

use crate::detect::{Detector, Examples, Found, Origin, Signal, Strength, Value, literal_set::LiteralSet};

/// The user agent of an attack tool (CRS 913100, ModSecurity's scanner list): in the header of that name, or as a
/// whole value that begins with the tool's product token (RFC 9110 §10.1.5), as in messages that carry one.
pub(super) struct UserAgent;

/// Product names in lower case, of tools that look for weaknesses.
const TOOLS: [&str; 62] = [
    "sqlmap",
    "nikto",
    "acunetix",
    "nuclei",
    "netsparker",
    "invicti",
    "appscan",
    "arachni",
    "dirbuster",
    "gobuster",
    "feroxbuster",
    "wfuzz",
    "ffuf",
    "fuzz faster u fool",
    "wpscan",
    "zaproxy",
    "owasp zap",
    "havij",
    "masscan",
    "openvas",
    "nessus",
    "qualys",
    "w3af",
    "skipfish",
    "jaeles",
    "dalfox",
    "xsstrike",
    "commix",
    "joomscan",
    "droopescan",
    "cmsmap",
    "whatweb",
    "nmap scripting engine",
    "nmap nse",
    "zgrab",
    "zmeu",
    "muieblackcat",
    "morfeus fucking scanner",
    "jorgee",
    "sqlninja",
    "sqlsus",
    "bsqlbf",
    "absinthe",
    "pangolin",
    "webinspect",
    "paros",
    "vega/",
    "wapiti",
    "brutus",
    "hydra",
    "patator",
    "dirsearch",
    "dotdotpwn",
    "fimap",
    "grabber",
    "metis",
    "n-stealth",
    "whisker",
    "burp",
    "log4j-scan",
    "tplmap",
    "nosqlmap",
];

impl Detector for UserAgent {
    fn signal(&self) -> Signal {
        Signal::UserAgent
    }

    fn summary(&self) -> &'static str {
        "the user agent of an attack tool"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "sqlmap/1.8.2#stable (https://sqlmap.org)",
                "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)",
                "gobuster/3.6",
                "Wfuzz/3.1.0",
                "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
            ],
            passed: &[
                "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
                "sqlmap/1.8 is out, have you seen it?",
                "curl/8.5.0",
                "python-requests/2.31.0",
                "nikto: nothing found",
                "(hydra is a monster)",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &TOOLS
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let text = value.bytes.get(..value.bytes.len().min(512)).unwrap_or_default();
        let is_header = value.origin == Origin::Header && value.name.eq_ignore_ascii_case(b"user-agent");
        let is_browser = text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"mozilla/"));
        for at in tools(text) {
            let before = text.get(..at.start).unwrap_or_default().trim_ascii_end();
            let is_agent = is_header
                || is_browser && matches!(before.last(), Some(b'(' | b';'))
                || before.is_empty() && is_agent(text.get(at.end..).unwrap_or_default());
            if is_agent {
                found.push("user agent of an attack tool", Strength::Certain, at);
                return;
            }
        }
    }
}

static NAMES: LazyLock<LiteralSet> = LazyLock::new(|| LiteralSet::new(TOOLS));

/// Where tools are named, each as a word of its own.
fn tools(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    NAMES.find(text).map(|(_, at)| at).filter(|at| {
        let before = at.start.checked_sub(1).and_then(|at| text.get(at));
        let last = at.end.checked_sub(1).and_then(|at| text.get(at));
        let behind = text.get(at.end);
        !before.is_some_and(u8::is_ascii_alphanumeric)
            && (last == Some(&b'/') || !behind.is_some_and(u8::is_ascii_alphabetic))
    })
}

/// Whether what follows a product's name is a version, and then nothing or a comment: `/1.8 (https://...)`.
fn is_agent(behind: &[u8]) -> bool {
    let Some(version) = behind.strip_prefix(b"/") else { return false };
    let len = version.iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'(').count();
    let comment = version.get(len..).unwrap_or_default().trim_ascii_start();
    version.first().is_some_and(u8::is_ascii_alphanumeric)
        && (comment.is_empty() || comment.starts_with(b"("))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score_of_header(text: &str) -> u32 {
        let mut found = Found::default();
        let value = Value { origin: Origin::Header, name: b"User-Agent", ..Value::text(text.as_bytes()) };
        UserAgent.examine(&value, &mut found);
        found.score()
    }

    #[test]
    fn knows_a_tool_anywhere_in_the_header() {
        for agent in [
            "sqlmap",
            "Mozilla/4.0 (Hydra)",
            "Nuclei - Open-source project",
            "WPScan v3.8",
            "Fuzz Faster U Fool v2",
        ] {
            assert_eq!(score_of_header(agent), 8, "{agent}");
        }
        for agent in ["Mozilla/5.0 (Windows NT 10.0) Chrome/120", "curl/8.5.0", "", "okhttp/4.9"] {
            assert_eq!(score_of_header(agent), 0, "{agent}");
        }
    }
}
