//! Cross-site scripting, by libinjection's HTML tokens.

use libinjectionrs::XssDetector;

use crate::detect::{Detector, Examples, Found, Gate, Signal, Strength, Value};

/// Cross-site scripting: tags and attributes that run script, in text or breaking out of an attribute value, and
/// whole values that are a `javascript:` URL with a call.
pub(super) struct Xss;

impl Detector for Xss {
    fn signal(&self) -> Signal {
        Signal::Xss
    }

    fn summary(&self) -> &'static str {
        "cross-site scripting: HTML or a URL that runs script"
    }

    fn examples(&self) -> Examples {
        Examples { found: &["<script>alert(1)</script>"], passed: &["a <b>bold</b> move"] }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["javascript"]
    }

    fn applies(&self, _: &Gate) -> bool {
        true
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let len = value.bytes.len();
        // Every finding of libinjection needs a tag or the value of an attribute.
        if memchr::memchr2(b'<', b'=', value.bytes).is_some()
            && XssDetector::new().detect(value.bytes).is_injection()
            || is_script_url(value.bytes)
        {
            found.push("html that runs script", Strength::Strong, 0..len);
        }
    }
}

/// Whether the whole value is a URL that runs script. Browsers skip blanks and control characters before the
/// scheme, and tabs and line ends inside it (URL standard, basic URL parser).
fn is_script_url(value: &[u8]) -> bool {
    let mut rest =
        value.iter().skip_while(|byte| **byte <= b' ').filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'));
    let scheme =
        b"javascript:".iter().all(|wanted| rest.next().is_some_and(|byte| byte.eq_ignore_ascii_case(wanted)));
    scheme && rest.any(|byte| matches!(byte, b'(' | b'`' | b'='))
}
