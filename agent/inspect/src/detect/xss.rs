//! Cross-site scripting: HTML that runs script, and what breaks out of the place where a page puts a value.

mod css;
mod fragment;
mod handler;
mod markup;
mod script;
mod small;
mod tag;
mod url;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value, any_case::starts},
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
            "function`",
            "document[",
            "+adw-",
            "expression(",
            "onerror",
            "onload",
            "atob(",
            "top[",
            "self[",
            "window.",
            "window[",
            "window)",
            "window,",
            "window;",
            "window=",
            "window/",
            "window\\",
            "window?",
            "parent[",
            "this[",
            "getscript",
            "construct(",
            ".cookie",
            "(cookie",
            "[].filter",
            "=~[]",
            "print(",
            "import`",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        const QUOTES: ByteSet = ByteSet::QUOTE.and(ByteSet::DOUBLE_QUOTE).and(ByteSet::BACKTICK);
        const BRACKETS: ByteSet = ByteSet::BRACKET.and(ByteSet::PAREN).and(ByteSet::PLUS).and(ByteSet::MARK);
        gate.bytes.has_any(ByteSet::LESS)
            || gate.has_literal()
            || gate.bytes.has_any(ByteSet::EQUALS) && gate.bytes.has_any(QUOTES)
            || gate.bytes.has_all(BRACKETS)
            || gate.len <= 8 && gate.bytes.has_any(ByteSet::GREATER) && gate.bytes.has_any(QUOTES)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let text = value.bytes;
        let markup = markup::read(text, found);
        if found.is_certain() {
            return;
        }
        let call = script::read(text, found);
        if let Some(call) = call.clone()
            && (markup.active || found.score() >= Strength::Strong as u32)
        {
            found.push("script that calls", Strength::Medium, call);
        }
        if markup.any
            && let Some(call) = call.clone()
            && found.score() < Strength::Strong as u32
            && !markup::has_lines(text)
            && script::is_attack_argument(text.get(call.end..).unwrap_or_default())
        {
            found.push("tag and a call", Strength::Strong, call);
        }
        if call.is_some()
            && let Some(at) = memchr::memmem::find(text, b"{{")
            && memchr::memmem::find(text, b"constructor").is_some()
        {
            found.push("expression of a client-side template", Strength::Strong, at..at + 2);
        }
        if call.is_some()
            && !markup::has_lines(text)
            && let Some(at) = memchr::memmem::find(text, b"document.cookie")
            && memchr::memmem::find(text, b"//").is_some()
            && memchr::memchr(b'+', text).is_some()
        {
            found.push("cookies that are sent elsewhere", Strength::Strong, at..at + 15);
        }
        if call.is_some() && starts(text, b"data:,") {
            found.push("value that is a document in a URL", Strength::Strong, 0..text.len());
        }
        // A colon may be written as a character reference.
        if value.kinds.has_any(ByteSet::COLON.and(ByteSet::AMPERSAND)) {
            whole_url(text, found);
        }
        if found.score() < Strength::Strong as u32 {
            fragment::judge(text, found);
        }
        guessed(value, found);
        encoded(value, found);
    }
}

/// Script in the letters of aaencode (`ﾟωﾟ`) and jjencode (`$=~[];$={___:++$`).
fn encoded(value: &Value<'_>, found: &mut Found) {
    let text = value.bytes;
    let signs = [("ﾟωﾟ".as_bytes(), ByteSet::HIGH), (b"=~[];", ByteSet::MARK.and(ByteSet::BRACKET))];
    for (sign, kinds) in signs {
        if value.kinds.has_all(kinds)
            && let Some(at) = memchr::memmem::find(text, sign)
        {
            found.push("script in disguise", Strength::Strong, at..at + sign.len());
        }
    }
}

/// A value that is a URL which runs script.
fn whole_url(text: &[u8], found: &mut Found) {
    match url::scheme(text) {
        url::Scheme::Script => {
            let code = memchr::memchr(b':', text).and_then(|colon| text.get(colon + 1..)).unwrap_or_default();
            let runs = code.iter().any(|byte| matches!(byte, b'(' | b'`' | b'=' | b'['));
            let prose = code.first() == Some(&b' ') && !found.is_certain();
            if runs && !prose && !url::is_idle(code) {
                found.push("value that is a URL which runs script", Strength::Strong, 0..text.len());
            }
        }
        url::Scheme::ActiveData if !text.starts_with(b"data:image/") => {
            found.push("value that is a document in a URL", Strength::Strong, 0..text.len());
        }
        url::Scheme::ActiveData | url::Scheme::Remote | url::Scheme::Other => {}
    }
}

/// `<` in an encoding that old browsers guessed: ISO 8859-1 with the high bit for US-ASCII (`¼script¾`), UTF-7 (RFC 2152).
fn guessed(value: &Value<'_>, found: &mut Found) {
    let text = value.bytes;
    let at = memchr::memchr_iter(b'+', text)
        .find(|at| text.get(*at..*at + 5).is_some_and(|word| word.eq_ignore_ascii_case(b"+adw-")));
    const HIGH: &[u8] = "¼script".as_bytes();
    if value.kinds.has_any(ByteSet::HIGH)
        && let Some(at) = memchr::memmem::find(text, HIGH)
    {
        found.push("tag with the high bit set", Strength::Strong, at..at + HIGH.len());
    }
    if let Some(at) = at {
        found.push("tag in UTF-7", Strength::Strong, at..at + 5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::{is_linear, score_of};

    fn score(text: &str) -> u32 {
        score_of(&Xss, text)
    }

    #[test]
    fn the_obvious_blocks_in_every_profile() {
        for text in [
            "<script>alert(1)</script>",
            "<script src=//evil.example/x.js></script>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert`1`>",
            "<a href=javascript:alert(1)>x</a>",
            "\" autofocus onfocus=alert(1) x=\"",
            "';alert(1)//",
            "javascript:alert(1)",
        ] {
            assert!(score(text) >= 8, "{text}: {}", score(text));
        }
    }

    #[test]
    fn quotes_and_comments_hide_no_tag() {
        for text in [
            "<p title='<img src=x onerror=alert(1)>'>",
            "<!-- <script>alert(1)</script> -->",
            "<a title=\">\" onclick=alert(1)>",
            "<img \"\"\"><script>alert(1)</script>\">",
            "<svg><![CDATA[<script>alert(1)</script>]]>",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn what_people_write_passes() {
        for text in [
            "Hello <b>world</b>, see <a href=\"https://example.org/a?b=c\" title=\"x\">this</a>",
            "<img src=\"data:image/png;base64,iVBORw0KGgo=\" alt=\"a cat\">",
            "<p style=\"color:red; scroll-behavior: smooth\">text</p>",
            "<iframe width=560 src=\"https://www.youtube.com/embed/abc\"></iframe>",
            "<svg viewBox=\"0 0 9 9\"><path d=\"M0 0h9v9z\"/></svg>",
            "<a href=\"javascript:void(0)\">menu</a>",
            "<input type=\"text\" name=\"q\"><button type=\"submit\">Go</button>",
            "<Button onPress={save} /> <input onChange={e => setName(e.target.value)} />",
            "use alert() or console.log() to see it; eval('x') is slow",
            "fetch('/api/items').then(r => r.json()).then(show)",
            "setTimeout(() => setOpen(false), 300);",
            "The <script> tag goes into the <head>, or use `<script>` here",
            "import('./module.js').then(m => m.default)",
            "if (!confirm(\"Delete it?\")) return;",
            "let name = prompt(\"What's your name?\");",
            "button.onclick = save; window.onload = init;",
            "from os import listdir\npath = \"/tmp\"\nonlyfiles = [f for f in listdir(path)]",
            "JavaScript: how do I parse JSON()?",
            "template<typename T> class X : public Base<T> { vector<vector<int>> v; };",
            "if a <b and c> d: print('x')",
            "rock'n'roll; open (the) door, \"confirm\" (or deny) it - 'alert' them",
            "你好<b>世界</b>,\"引号\"和'单引号' (括号)",
            "<3 <o/ >_< <- -> <ann@example.org> <https://example.org>",
            "dodge the [brackets](https://example.org/a_(b)) ![pic](x.png)",
        ] {
            assert!(score(text) < 5, "{text}: {}", score(text));
        }
    }

    #[test]
    fn no_sign_of_script_is_passed_over() {
        // Each by a search that only some kinds of bytes are worth.
        for text in [
            "javascript:alert(1)",
            "data&colon;text/html,x",
            "data&#58;text/html,x",
            "data:text/html,<b",
            "+ADw-script+AD4-",
            "¼script¾alert(1)¼/script¾",
            "ﾟωﾟﾉ= /｀ｍ´）ﾉ ~┻━┻",
            "$=~[];$={___:++$}",
        ] {
            assert!(score(text) >= 5, "{text}: {}", score(text));
        }
    }

    #[test]
    fn pieces_of_pages_with_harmless_script_are_no_block() {
        let page =
            "<script>\nlet total = 0;\nfor (const item of items) {\n  total += item.price;\n}\n</script>";
        assert!((2..5).contains(&score(page)));
    }

    #[test]
    fn takes_linear_time_whatever_is_repeated() {
        for part in Xss
            .literals()
            .iter()
            .copied()
            .chain(["alert(", "open(", "<svg ", "<a href=", "\"onx=", "top[", "</script", "style=", "<"])
        {
            assert!(is_linear(&Xss, part), "{part:?}");
        }
    }
}
