//! Reads tags as lenient browsers do (WHATWG HTML §13.2.5), and flat: a tag is seen wherever `<` and a name stand.
//!
//! What surrounds a value is unknown: a comment, an attribute, a `<textarea>`. So quotes and comments hide no tag, and
//! the attributes of a tag end at the next one. Every byte is read at most twice, whatever is nested in what.

use std::ops::Range;

use memchr::memchr;

/// A tag, open or closing.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    /// From the `<` to the end of its name.
    pub(super) at: Range<usize>,
    /// Its name, without a prefix (`svg:script`).
    pub(super) name: Range<usize>,
    pub(super) closes: bool,
    /// Where the next tag begins, or the text ends.
    pub(super) next: usize,
}

/// Longest name that is read; what is beyond belongs to no tag that is known.
const MAX_NAME: usize = 64;

/// The tags of a text, one after the other.
#[derive(Debug)]
pub(super) struct Tags<'a> {
    text: &'a [u8],
    /// Where the next tag begins, and its name.
    ahead: Option<(usize, Range<usize>, bool)>,
}

impl<'a> Tags<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, ahead: find(text, 0) }
    }
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        let (start, name, closes) = self.ahead.take()?;
        self.ahead = find(self.text, name.end);
        let next = self.ahead.as_ref().map_or(self.text.len(), |(start, ..)| *start);
        Some(Tag { at: start..name.end, name, closes, next })
    }
}

/// The first tag at or after `from`.
fn find(text: &[u8], from: usize) -> Option<(usize, Range<usize>, bool)> {
    let rest = text.get(from..)?;
    if rest.first() == Some(&b'<')
        && let Some((name, closes)) = name(text, from)
    {
        return Some((from, name, closes));
    }
    memchr::memchr_iter(b'<', rest).find_map(|at| {
        let (name, closes) = name(text, from + at)?;
        Some((from + at, name, closes))
    })
}

/// The name of the tag that begins at `start`.
fn name(text: &[u8], start: usize) -> Option<(Range<usize>, bool)> {
    let rest = text.get(start + 1..)?;
    // Control characters and a slash, as filters and old browsers skipped them.
    let junk = match rest.first()? {
        byte if byte.is_ascii_alphabetic() => 0,
        0..=b' ' | b'/' | b'\\' | b'~' | b';' | b'?' => {
            let junk = rest.iter().take(8);
            junk.take_while(|byte| matches!(byte, 0..=b' ' | b'/' | b'\\' | b'~' | b';' | b'?')).count()
        }
        _ => return None,
    };
    let (skipped, rest) = rest.split_at_checked(junk)?;
    if !rest.first()?.is_ascii_alphabetic() {
        return None;
    }
    let len = rest.iter().take(MAX_NAME).take_while(|byte| is_name(**byte)).count();
    let name = rest.get(..len)?;
    if skipped.iter().any(u8::is_ascii_whitespace) && !stands_apart(name) {
        return None;
    }
    let begin = start + 1 + junk;
    let local = name.iter().rposition(|byte| *byte == b':').map_or(0, |colon| colon + 1);
    let local = if local == len { 0 } else { local };
    // `<//script//src=`: some filters and readers drop all slashes.
    let closes = skipped.contains(&b'/') && !(skipped.starts_with(b"//") && rest.get(len) == Some(&b'/'));
    Some((begin + local..begin + len, closes))
}

/// Names that are taken for a tag even with a blank before them; others are `a < b`.
fn stands_apart(name: &[u8]) -> bool {
    [&b"script"[..], b"img", b"iframe", b"svg", b"object", b"embed"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.' | 0)
}

/// An attribute of a tag.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    /// Without its quotes; `None` if there is no `=`.
    pub(super) value: Option<Range<usize>>,
}

/// Reads the attributes of a tag.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    text: &'a [u8],
    /// Where the tag ended, once all attributes were read.
    pub(super) at: usize,
    end: usize,
    /// The quotes that do not occur any more: `"`, `'` and a backtick.
    gone: [bool; 3],
}

impl<'a> Attributes<'a> {
    pub(super) fn of(text: &'a [u8], tag: &Tag) -> Self {
        Self { text, at: tag.at.end, end: tag.next, gone: [false; 3] }
    }

    fn peek(&self) -> Option<u8> {
        if self.at < self.end { self.text.get(self.at).copied() } else { None }
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Range<usize> {
        self.skip(|byte| byte <= b' ');
        // Quotes that were escaped or doubled on the way: `\"x\"`, `""x""`.
        if self.peek() == Some(b'\\') && matches!(self.text.get(self.at + 1), Some(b'"' | b'\'')) {
            self.at += 1;
        }
        if let Some([b'"', b'"', third, ..]) = self.text.get(self.at..self.end)
            && !matches!(third, 0..=b' ' | b'/' | b'>')
            && !self.text.get(self.at + 2..self.end).is_some_and(begins_attribute)
        {
            self.at += 2;
        }
        let quote = self.peek();
        let kind = match quote {
            Some(b'"') => Some(0),
            Some(b'\'') => Some(1),
            Some(b'`') => Some(2),
            _ => None,
        };
        if let (Some(quote), Some(gone)) = (quote, kind.and_then(|kind| self.gone.get_mut(kind))) {
            self.at += 1;
            if !*gone {
                match self.text.get(self.at..self.end).and_then(|rest| memchr(quote, rest)) {
                    Some(len) => {
                        let value = self.at..self.at + len;
                        self.at += len + 1;
                        return value;
                    }
                    None => *gone = true,
                }
            }
        }
        let start = self.at;
        self.skip(|byte| byte > b' ' && byte != b'>');
        start..self.at
    }
}

/// Whether a name and `=` stand here.
fn begins_attribute(text: &[u8]) -> bool {
    let name = text.iter().take(MAX_NAME).take_while(|byte| is_name(**byte)).count();
    text.get(name) == Some(&b'=')
}

impl Iterator for Attributes<'_> {
    type Item = Attribute;

    fn next(&mut self) -> Option<Attribute> {
        self.skip(|byte| byte <= b' ' || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'\\'));
        let start = self.at;
        if matches!(self.peek()?, b'>') {
            return None;
        }
        // A name may begin with `=`.
        self.at += 1;
        self.skip(|byte| byte > b' ' && !matches!(byte, b'/' | b'=' | b'>' | b'"' | b'\'' | b'`'));
        let mut name = start..self.at;
        // Old browsers took `onload!#$/|=` for `onload`; and a name may be parted from its `=`.
        let behind = self.at;
        self.skip(|byte| byte <= b' ');
        if self.peek() != Some(b'=') {
            if behind == self.at && matches!(self.peek(), Some(b'/' | b'`')) {
                let junk = self.text.get(self.at..self.end.min(self.at + 24)).unwrap_or_default();
                let len = junk
                    .iter()
                    .take_while(|byte| byte.is_ascii_punctuation() && !matches!(byte, b'>' | b'='));
                let len = len.count();
                if len > 1 && junk.get(len) == Some(&b'=') {
                    self.at += len;
                } else {
                    return Some(Attribute { name, value: None });
                }
            } else {
                return Some(Attribute { name, value: None });
            }
        }
        self.at += 1;
        name.end = name.end.max(start + 1);
        Some(Attribute { name, value: Some(self.value()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        for tag in Tags::of(text.as_bytes()) {
            let mut attributes = Attributes::of(text.as_bytes(), &tag);
            let mut line = text[tag.name.clone()].to_owned();
            for attribute in &mut attributes {
                line.push('|');
                line.push_str(&text[attribute.name]);
                if let Some(value) = attribute.value {
                    line.push('=');
                    line.push_str(&text[value]);
                }
            }
            out.push(line);
        }
        out
    }

    #[test]
    fn reads_attributes_as_browsers_do() {
        assert_eq!(read("<a href=x b='c d' e = \"f\">g"), ["a|href=x|b=c d|e=f"]);
        assert_eq!(read("<svg/onload=a(1)//"), ["svg|onload=a(1)//"]);
        assert_eq!(read("<img src=x\x0conerror\x0c=\x0ca>"), ["img|src=x|onerror=a"]);
        assert_eq!(read("<img src=`x` onerror=a"), ["img|src=x|onerror=a"]);
        assert_eq!(read("<svg:script a>"), ["script|a"]);
        assert_eq!(read("<x \"a=b' c"), ["x|a=b'|c"]);
        assert_eq!(read("<p title=\"</p><img src=x>\">"), ["p|title=", "p", "img|src=x"]);
    }

    #[test]
    fn comparisons_are_no_tags() {
        assert_eq!(read("a < b, 1 <2, <3 <- <= << <>"), [""; 0]);
        assert_eq!(read("< script>"), ["script"]);
    }
}
