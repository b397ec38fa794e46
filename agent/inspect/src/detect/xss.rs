//! Cross-site scripting: HTML that runs script, and what breaks out of the place where a page puts a value.

mod css;
mod markup;
mod script;
mod small;
mod tag;
mod url;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// Cross-site scripting (CWE-79): tags and attributes that run script, in text or breaking out of an attribute
/// value; calls that follow the end of a JavaScript string; values that are a URL or a call that runs script.
///
/// Contexts and vectors: OWASP XSS Prevention and Filter Evasion Cheat Sheets, WHATWG HTML §13.2.5.
pub(super) struct Xss;

impl Detector for Xss {
    fn signal(&self) -> Signal {
        Signal::Xss
    }

    fn summary(&self) -> &'static str {
        "cross-site scripting: HTML or a URL that runs script"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "<script>alert(1)</script>",
                "<img src=x onerror=alert(1)>",
                "<svg/onload=alert`1`>",
                "\" autofocus onfocus=\"alert(1)",
                "';alert(document.domain)//",
                "<a href=\"java&Tab;script&colon;alert(1)\">x</a>",
                "[click](javascript:alert(1))",
                "javascript:alert(document.cookie)",
                "{{constructor.constructor('alert(1)')()}}",
            ],
            passed: &[
                "a <b>bold</b> move",
                "if a < b && c > d then alert the others",
                "<a href=\"https://example.org\">a link</a>",
                "<button onClick={() => save(item)}>Save</button>",
                "JavaScript: The Good Parts",
                "List<Object> all = new ArrayList<Object>();",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "alert",
            "prompt",
            "confirm",
            "eval",
            "constructor",
            "document.",
            "javascript",
            "vbscript",
            "data:",
            "settimeout",
            "setinterval",
            "location",
            "fromcharcode",
            "import(",
            "fetch(",
            "function(",
            "+adw-",
            "expression(",
            "onerror",
            "onload",
            "atob(",
            "top[",
            "self[",
            "window",
            "parent[",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        const QUOTES: ByteSet = ByteSet::QUOTE.and(ByteSet::DOUBLE_QUOTE).and(ByteSet::BACKTICK);
        const BRACKETS: ByteSet = ByteSet::BRACKET.and(ByteSet::PAREN).and(ByteSet::PLUS).and(ByteSet::MARK);
        gate.bytes.has_any(ByteSet::LESS)
            || gate.has_literal()
            || gate.bytes.has_any(ByteSet::EQUALS) && gate.bytes.has_any(QUOTES)
            || gate.bytes.has_all(BRACKETS)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let text = value.bytes;
        let markup = markup::read(text, found);
        if found.is_certain() {
            return;
        }
        let call = script::read(text, found);
        if let Some(call) = call
            && (markup.active || found.score() >= Strength::Strong as u32)
        {
            found.push("script that calls", Strength::Medium, call);
        }
        whole_url(text, found);
        utf7(text, found);
    }
}

/// A value that is a URL which runs script.
fn whole_url(text: &[u8], found: &mut Found) {
    match url::scheme(text) {
        url::Scheme::Script => {
            let code = memchr::memchr(b':', text).and_then(|colon| text.get(colon + 1..)).unwrap_or_default();
            let runs = code.iter().any(|byte| matches!(byte, b'(' | b'`' | b'=' | b'['));
            let prose = code.first() == Some(&b' ') && !found.is_certain();
            if runs && !prose && !script::is_idle(code) {
                found.push("value that is a URL which runs script", Strength::Strong, 0..text.len());
            }
        }
        url::Scheme::ActiveData if !text.starts_with(b"data:image/") => {
            found.push("value that is a document in a URL", Strength::Strong, 0..text.len());
        }
        url::Scheme::ActiveData | url::Scheme::Remote | url::Scheme::Other => {}
    }
}

/// `<` in UTF-7 (RFC 2152), which old browsers guessed.
fn utf7(text: &[u8], found: &mut Found) {
    let at = memchr::memchr_iter(b'+', text)
        .find(|at| text.get(*at..*at + 5).is_some_and(|word| word.eq_ignore_ascii_case(b"+adw-")));
    if let Some(at) = at {
        found.push("tag in UTF-7", Strength::Strong, at..at + 5);
    }
}
