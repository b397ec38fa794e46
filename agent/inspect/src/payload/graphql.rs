//! Strings within a GraphQL document (GraphQL specification §2): values that the client did not put into variables.

use std::ops::ControlFlow;

use memchr::memmem;

use crate::payload::{
    json,
    leaf::Place,
    walk::{Space, Walk},
};

/// Whether the value of a member with this name is a document.
pub(super) fn is_document(name: &[u8], value: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 5] = [b"{", b"query", b"mutation", b"subscription", b"fragment"];
    name == b"query" && BEGINNINGS.iter().any(|beginning| value.trim_ascii_start().starts_with(beginning))
}

/// Shows the strings of a document under the names of their arguments.
pub(super) fn walk(walk: &mut Walk<'_>, document: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let mut space = walk.space();
    let Space { decoded, .. } = &mut space;
    let mut name: &[u8] = b"";
    let mut rest = document;
    while let Some((&byte, behind)) = rest.split_first() {
        match byte {
            b'#' => {
                let end = memchr::memchr2(b'\n', b'\r', behind).unwrap_or(behind.len());
                rest = behind.get(end..).unwrap_or_default();
            }
            b'"' => {
                let (value, end) = string(rest);
                let at = Place::part_of(place, name);
                let is_block = rest.starts_with(b"\"\"\"");
                if is_block || memchr::memchr(b'\\', value).is_none() {
                    walk.text(value, name, at)?;
                } else {
                    json::unescape(value, decoded);
                    walk.text(decoded, name, at)?;
                }
                rest = rest.get(end..).unwrap_or_default();
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                let (word, behind) = rest.split_at(rest.iter().take_while(of_name).count());
                if behind.trim_ascii_start().first() == Some(&b':') {
                    name = word;
                }
                rest = behind;
            }
            _ => rest = behind,
        }
    }
    walk.give_back(space);
    ControlFlow::Continue(())
}

/// The inside of the string at the beginning, and its length with the quotes.
fn string(text: &[u8]) -> (&[u8], usize) {
    if let Some(inside) = text.strip_prefix(b"\"\"\"") {
        let mut end = 0;
        while let Some(found) = memmem::find(inside.get(end..).unwrap_or_default(), b"\"\"\"") {
            end += found;
            if end == 0 || inside.get(end - 1) != Some(&b'\\') {
                return (inside.get(..end).unwrap_or_default(), end + 6);
            }
            end += 3;
        }
        return (inside, text.len());
    }
    let inside = text.get(1..).unwrap_or_default();
    let mut end = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', inside.get(end..).unwrap_or_default()) {
        end += found;
        if inside.get(end) == Some(&b'"') {
            return (inside.get(..end).unwrap_or_default(), end + 2);
        }
        end += 2;
    }
    (inside, text.len())
}
