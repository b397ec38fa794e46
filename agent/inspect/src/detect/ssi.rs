//! Server-side includes, and their successor at the edge.

use memchr::memmem;

use crate::detect::{Detector, Examples, Found, Signal, Strength, Value, any_case::starts};

/// A directive of server-side includes (CWE-97; Apache `mod_include`) or of Edge Side Includes (W3C note of 2001).
/// Both are comments or elements that no browser needs from a client.
pub(super) struct Ssi;

impl Detector for Ssi {
    fn signal(&self) -> Signal {
        Signal::Ssi
    }

    fn summary(&self) -> &'static str {
        "server-side include: a directive that runs a command, reads a file or a variable on the server"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "<!--#exec cmd=\"id\" -->",
                "<!--#include virtual=\"/etc/passwd\"-->",
                "<!--#echo var=\"DOCUMENT_ROOT\" -->",
                "<!--#printenv-->",
                "x<esi:include src=\"http://198.51.100.7/\"/>",
            ],
            passed: &["<!-- #1 on the list -->", "<!--# of items: 5 -->", "<!-- include the header here -->"],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["<!--#", "<!-- #", "<esi:", "<!--esi", "-#exec", "-#include"]
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        for at in memchr::memchr_iter(b'<', value.bytes) {
            let rest = value.bytes.get(at + 1..).unwrap_or_default();
            if let Some(comment) = rest.strip_prefix(b"!-") {
                directive(comment, at, found);
            } else if starts(rest, b"esi:") {
                edge(rest.get(4..).unwrap_or_default(), at, found);
            }
            if found.is_certain() {
                return;
            }
        }
    }
}

/// Judges what stands behind `<!-`.
fn directive(comment: &[u8], at: usize, found: &mut Found) {
    let dash = comment.strip_prefix(b"-").unwrap_or(comment);
    if starts(dash, b"esi") && dash.get(3).is_some_and(u8::is_ascii_whitespace) {
        found.push("comment for an edge server", Strength::Strong, at..at + 7);
        return;
    }
    let blank = dash.iter().take(4).take_while(|byte| byte.is_ascii_whitespace()).count();
    let Some((b'#', name)) = dash.get(blank..).and_then(<[u8]>::split_first) else { return };
    let len = name.iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = name.split_at_checked(len).unwrap_or_default();
    let has = |parameters: &[&[u8]]| {
        let rest = rest.get(..rest.len().min(96)).unwrap_or_default();
        let rest =
            memchr::memchr(b'<', rest).and_then(|end| rest.get(..end)).unwrap_or(rest).to_ascii_lowercase();
        parameters.iter().any(|parameter| memmem::find(&rest, parameter).is_some())
    };
    let at = at..at + 5 + blank + len;
    if starts(word, b"printenv") && len == 8 {
        found.push("directive that lists the environment", Strength::Certain, at);
    } else if starts(word, b"exec") && has(&[b"cmd", b"cgi"]) {
        found.push("directive that runs a command", Strength::Certain, at);
    } else if starts(word, b"include") && has(&[b"virtual", b"file", b"wait", b"stub"]) {
        found.push("directive that includes a file", Strength::Certain, at);
    } else if starts(word, b"echo") && has(&[b"var", b"encoding"]) {
        found.push("directive that shows a variable", Strength::Certain, at);
    } else if (starts(word, b"fsize") || starts(word, b"flastmod")) && has(&[b"file", b"virtual"])
        || starts(word, b"set") && has(&[b"var"])
        || starts(word, b"config") && has(&[b"timefmt", b"sizefmt", b"errmsg", b"echomsg"])
        || (starts(word, b"if") || starts(word, b"elif")) && has(&[b"expr"])
    {
        found.push("directive", Strength::Certain, at);
    }
}

/// Judges the name of an element of an edge server.
fn edge(name: &[u8], at: usize, found: &mut Found) {
    const NAMES: [&[u8]; 13] = [
        b"include",
        b"inline",
        b"vars",
        b"eval",
        b"debug",
        b"assign",
        b"remove",
        b"try",
        b"choose",
        b"when",
        b"comment",
        b"function",
        b"foreach",
    ];
    if let Some(known) = NAMES.iter().find(|known| starts(name, known)) {
        found.push("element for an edge server", Strength::Certain, at..at + 5 + known.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_of;

    fn score(text: &str) -> u32 {
        score_of(&Ssi, text)
    }

    #[test]
    fn finds_directives_in_any_spelling() {
        for text in [
            "<!--#EXEC CMD='ls'-->",
            "a <pre><!--#exec cgi=\"/cgi-bin/x\" --></pre>",
            "<!-- #include file='x' -->",
            "<!--#config errmsg=\"x\"-->",
            "<!--#set var=\"a\" value=\"b\"-->",
            "<!--#if expr=\"1\" -->",
            "<!--#fsize file=\"x\"-->",
            "<ESI:vars>$(HTTP_COOKIE)</esi:vars>",
            "<!--esi <x/> -->",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn comments_pass() {
        for text in
            ["<!-- -->", "<!--", "<!--#", "<!--#region-->", "<!--#echo-->", "<!--essential-->", "<esi>"]
        {
            assert_eq!(score(text), 0, "{text}");
        }
    }
}
