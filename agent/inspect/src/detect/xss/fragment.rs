//! Short values that are nothing but one piece of markup or of script: somebody tries what a page does with it.
//!
//! In a longer text the same is talk about pages, or a page.

use memchr::memmem;

use crate::detect::{
    Found, Strength,
    xss::{handler::is_handler, small::Small},
};

/// Longest value that is looked at.
const SHORT: usize = 60;

/// Judges a short value of one line.
pub(super) fn judge(text: &[u8], found: &mut Found) {
    if text.len() > SHORT || memchr::memchr(b'\n', text).is_some() {
        return;
    }
    let whole = 0..text.len();
    let text = text.trim_ascii();
    let Some(&first) = text.first() else { return };
    if first == b'<' {
        element(text, found);
    } else if matches!(first, b'"' | b'\'') {
        if is_end_of_attribute(text) {
            found.push("end of an attribute and nothing else", Strength::Strong, whole);
        }
    } else if is_secret(text) {
        found.push("nothing but the cookies", Strength::Strong, whole);
    } else if hands_over(text) {
        found.push("function handed to another", Strength::Strong, whole);
    } else if names_function(text) {
        found.push("URL that names a function", Strength::Strong, whole);
    } else if text.starts_with(b"{{") && memmem::find(text, b"constructor").is_some()
        || memmem::find(text, b"|orderBy:").is_some()
    {
        found.push("expression of a client-side template", Strength::Strong, whole);
    }
}

/// A value that begins with a tag.
fn element(text: &[u8], found: &mut Found) {
    let whole = 0..text.len();
    let rest = text.get(1..).unwrap_or_default();
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let closes = text.get(1) == Some(&b'/');
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (name, rest) = rest.split_at_checked(len).unwrap_or_default();
    let name = Small::lower(name);
    if !rest.first().is_none_or(|byte| matches!(byte, b'>' | b' ' | b'/')) || len == 0 {
        return;
    }
    // `<img src=x onerror`
    let last = text.rsplit(|byte| matches!(byte, b' ' | b'/')).next().unwrap_or_default();
    if last.len() < text.len() && is_handler(Small::lower(last.strip_suffix(b"=").unwrap_or(last)).as_bytes())
    {
        found.push("tag with the beginning of an event handler", Strength::Strong, whole);
        return;
    }
    if text.last() != Some(&b'>') {
        return;
    }
    let alone = match name.as_bytes() {
        b"iframe" | b"frame" | b"frameset" | b"object" | b"embed" | b"applet" | b"portal" | b"xmp"
        | b"plaintext" | b"isindex" | b"marquee" | b"blink" | b"bgsound" | b"layer" | b"noembed"
        | b"keygen" => true,
        b"script" | b"textarea" | b"noscript" | b"title" | b"style" => {
            closes && rest == b">" || name.as_bytes() == b"style" && !closes
        }
        b"svg" | b"math" => !closes && memmem::find(rest, b"viewBox").is_none(),
        b"img" | b"image" | b"video" | b"audio" => is_dummy(rest),
        _ => false,
    };
    let strength = if alone { Strength::Strong } else { Strength::Tag };
    found.push("nothing but a tag", strength, whole);
}

/// ` src=x>`: a picture that there is none of.
fn is_dummy(attributes: &[u8]) -> bool {
    let value = attributes.trim_ascii_start();
    let value = value.strip_prefix(b"/").unwrap_or(value);
    let Some(value) = value.get(..4).filter(|name| name.eq_ignore_ascii_case(b"src=")).and(value.get(4..))
    else {
        return false;
    };
    let end = value.iter().take_while(|byte| !matches!(byte, b'>' | b' ' | b'/')).count();
    let value = value.get(..end).unwrap_or_default();
    value.iter().filter(|byte| !matches!(byte, b'"' | b'\'')).count() <= 1
}

/// `">`, `'"/>`, `"><`
fn is_end_of_attribute(text: &[u8]) -> bool {
    (2..=8).contains(&text.len())
        && text.iter().all(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'/'))
        && text.contains(&b'>')
}

/// `document.cookie`, `document['cookie']`
fn is_secret(text: &[u8]) -> bool {
    let text = text.strip_suffix(b";").unwrap_or(text);
    let text = text.strip_prefix(b"window.").or_else(|| text.strip_prefix(b"self.")).unwrap_or(text);
    text.strip_prefix(b"document").is_some_and(|member| {
        matches!(
            member,
            b".cookie" | b"['cookie']" | b"[\"cookie\"]" | b"[`cookie`]" | b".domain" | b"['domain']"
        )
    })
}

/// `.then(alert)`, `Array.from([1],alert)`, `Reflect.apply(alert,null,[1])`
fn hands_over(text: &[u8]) -> bool {
    [&b"alert"[..], b"prompt", b"confirm", b"eval", b"print"].iter().any(|name| {
        memmem::find(text, name).is_some_and(|at| {
            let before = text.get(..at).unwrap_or_default();
            let behind = text.get(at + name.len()..).unwrap_or_default();
            let lead =
                before.strip_suffix(b"window.").or_else(|| before.strip_suffix(b"self.")).unwrap_or(before);
            let lead = lead.trim_ascii_end();
            // A call by a member, of which the function is an argument.
            let called = memchr::memchr(b'(', lead).and_then(|open| lead.get(..open)).is_some_and(|callee| {
                (callee.contains(&b'.')
                    || matches!(
                        callee,
                        b"requestAnimationFrame" | b"queueMicrotask" | b"addEventListener" | b"setImmediate"
                    ))
                    && callee.last().is_some_and(u8::is_ascii_alphanumeric)
                    && !callee.contains(&b' ')
            });
            called
                && matches!(lead.last(), Some(b'(' | b','))
                && matches!(behind.first(), Some(b')' | b','))
                && matches!(text.last(), Some(b')' | b';'))
        })
    })
}

/// `javascript:alert`
fn names_function(text: &[u8]) -> bool {
    let Some(scheme) = text.get(..11) else { return false };
    scheme.eq_ignore_ascii_case(b"javascript:")
        && matches!(
            Small::lower(text.get(11..).unwrap_or_default()).as_bytes(),
            b"alert" | b"prompt" | b"confirm" | b"eval" | b"print" | b"document.cookie" | b"document.domain"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_by;

    fn score(text: &str) -> u32 {
        score_by(judge, text)
    }

    #[test]
    fn pieces_that_only_try_what_happens_are_found() {
        for text in [
            "document.cookie",
            "document['cookie'];",
            "q.then(alert)",
            "Array.from([9],alert)",
            "Reflect.apply(alert,null,[9])",
            "javascript:alert",
            "<xmp>",
            "<iframe></iframe>",
            "<svg/>",
            "<marquee>q</marquee>",
            "<style>q{}</style>",
            "<img src=q>",
            "<img src=q onerror",
            "<img src=q onerror=",
            "</textarea>",
            "\">",
            "'\"/>",
            "{{toString().constructor.prototype}}",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn a_harmless_tag_is_tagged() {
        for text in ["<h1>q</h1>", "<u>q", "<b>q</b>", "<font color=red>q</font>"] {
            assert!(score(text) < 5, "{text}");
        }
        assert_eq!(score("<h1>q</h1>"), 2);
    }

    #[test]
    fn what_people_write_is_none() {
        for text in [
            "the document.cookie of a page",
            "call alert(x), then prompt",
            "see foo.then(alert the others)",
            "alert(alert)",
            "<img src=\"cat.png\">",
            "<script> goes into <head>",
            "<title>",
            "<3",
            "<-",
            ">:\"(",
            "\"quoted\"",
            "''",
            "javascript: alert",
            "{{name}}",
            "",
        ] {
            assert!(score(text) < 5, "{text}");
        }
    }
}
