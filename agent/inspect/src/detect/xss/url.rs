//! URLs that run script, as a browser reads them in an attribute or at the beginning of a value.

use crate::detect::any_case::starts;

/// What a URL does when it is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `javascript:` and `vbscript:`.
    Script,
    /// `data:` of a type that runs script: HTML, SVG, XML, JavaScript.
    ActiveData,
    /// `http:`, `https:`, `ftp:` or `//`.
    Remote,
    /// Something else, or none.
    Other,
}

/// Bytes of the resolved URL that are looked at.
const LOOK: usize = 64;

/// Tells what the URL does. Blanks and control characters before it are skipped, tabs and line ends inside (URL
/// standard, basic URL parser), and character references are resolved.
pub(super) fn scheme(value: &[u8]) -> Scheme {
    let mut buffer = [0; LOOK];
    let mut len = 0;
    let resolved = Resolved { rest: value }
        .skip_while(|byte| {
            *byte <= b' ' || *byte >= 0x7f || matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b';')
        })
        .filter(|byte| *byte > 0x1f);
    for (slot, byte) in buffer.iter_mut().zip(resolved) {
        *slot = byte.to_ascii_lowercase();
        len += 1;
    }
    of_resolved(buffer.get(..len).unwrap_or_default())
}

fn of_resolved(url: &[u8]) -> Scheme {
    let mut url = url;
    // Schemes that old browsers unwrapped.
    for wrapper in [&b"feed:"[..], b"view-source:", b"jar:", b"url(", b"about:", b"mhtml:"] {
        url = url.strip_prefix(wrapper).unwrap_or(url);
    }
    if url.starts_with(b"//") || url.starts_with(b"\\\\") || url.starts_with(b"/\\") {
        return Scheme::Remote;
    }
    let Some(colon) = url.iter().position(|byte| *byte == b':') else { return Scheme::Other };
    let (name, rest) = url.split_at(colon);
    let mut letters = [0; 20];
    let mut len = 0;
    for (slot, byte) in letters.iter_mut().zip(name.iter().filter(|byte| byte.is_ascii_alphanumeric())) {
        *slot = *byte;
        len += 1;
    }
    match letters.get(..len).unwrap_or_default() {
        b"javascript" | b"vbscript" | b"livescript" | b"mocha" | b"jscript" | b"vbs" => Scheme::Script,
        b"http" | b"https" | b"ftp" => Scheme::Remote,
        b"data" => data(rest.get(1..).unwrap_or_default()),
        _ => Scheme::Other,
    }
}

/// `data:` without a type is text, which `<script src>` runs nevertheless.
fn data(rest: &[u8]) -> Scheme {
    let skip = rest.iter().take_while(|byte| matches!(byte, b' ' | b';')).count();
    let rest = rest.get(skip..).unwrap_or_default();
    const ACTIVE: [&[u8]; 11] = [
        b"text/html",
        b"text/xml",
        b"text/javascript",
        b"text/ecmascript",
        b"text/vbscript",
        b"text/xsl",
        b"application/x",
        b"application/javascript",
        b"application/ecmascript",
        b"application/vnd.wap.xhtml",
        b"image/svg",
    ];
    if ACTIVE.iter().any(|kind| rest.starts_with(kind)) { Scheme::ActiveData } else { Scheme::Other }
}

/// The bytes of a value with character references resolved, lazily; what is beyond ASCII becomes `0xff`.
struct Resolved<'a> {
    rest: &'a [u8],
}

impl Iterator for Resolved<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, after) = self.rest.split_first()?;
        if byte == b'&'
            && let Some((byte, used)) = reference(after)
        {
            self.rest = after.get(used..).unwrap_or_default();
            return Some(byte);
        }
        self.rest = after;
        Some(if byte.is_ascii() { byte } else { 0xff })
    }
}

/// The character that a reference stands for, and how long it is without its `&`.
fn reference(text: &[u8]) -> Option<(u8, usize)> {
    const NAMED: [(&[u8], u8); 14] = [
        (b"Tab;", b'\t'),
        (b"NewLine;", b'\n'),
        (b"colon;", b':'),
        (b"lpar;", b'('),
        (b"rpar;", b')'),
        (b"sol;", b'/'),
        (b"amp;", b'&'),
        (b"quot;", b'"'),
        (b"apos;", b'\''),
        (b"nbsp;", b' '),
        (b"semi;", b';'),
        (b"comma;", b','),
        (b"period;", b'.'),
        (b"ZeroWidthSpace;", 0),
    ];
    let Some(number) = text.strip_prefix(b"#") else {
        return NAMED.iter().find(|(name, _)| starts(text, name)).map(|(name, byte)| (*byte, name.len()));
    };
    let (radix, digits) = match number.split_first() {
        Some((b'x' | b'X', digits)) => (16, digits),
        _ => (10, number),
    };
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let len = digits.iter().take_while(|byte| is_digit(byte)).count();
    if len == 0 {
        return None;
    }
    let code = digits.iter().take(len).fold(0_u32, |code, digit| {
        code.saturating_mul(radix).saturating_add(char::from(*digit).to_digit(radix).unwrap_or_default())
    });
    let semicolon = usize::from(digits.get(len) == Some(&b';'));
    let used = 1 + usize::from(radix == 16) + len + semicolon;
    Some((u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(0xff), used))
}

/// Code that does nothing: links that are buttons have it.
pub(super) fn is_idle(code: &[u8]) -> bool {
    let code = code.trim_ascii();
    [&b"void(0)"[..], b"void 0", b";", b"//", b"void(null)", b"return false"].iter().any(|idle| {
        code.strip_prefix(*idle).is_some_and(|rest| {
            rest.iter().take(2).all(|byte| matches!(byte, b';' | b'"' | b'\'' | b'>' | b')'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_what_hides_a_scheme() {
        for url in [
            "javascript:x",
            " \t\njAvAsCrIpT:x",
            "java\tscr\nipt:x",
            "\u{1}javascript:x",
            "java&#x73;cript:x",
            "java&#0000115cript:x",
            "java&Tab;script&colon;x",
            "java&NewLine;script\t:x",
            "feed:javascript:x",
            "vbscript:x",
        ] {
            assert_eq!(scheme(url.as_bytes()), Scheme::Script, "{url}");
        }
        for url in ["data:text/html,x", "DATA:;text/html;base64,x", "data:image/svg+xml,x"] {
            assert_eq!(scheme(url.as_bytes()), Scheme::ActiveData, "{url}");
        }
        for url in ["//a", "https://a", "\\\\a"] {
            assert!(matches!(scheme(url.as_bytes()), Scheme::Remote | Scheme::Other), "{url}");
        }
        for url in ["", "a", "/a:b", "mailto:a", "data:image/png;base64,x", "javascript", "&#;:", "#x"] {
            assert_eq!(scheme(url.as_bytes()), Scheme::Other, "{url}");
        }
    }
}
