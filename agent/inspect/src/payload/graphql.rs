//! Strings within a GraphQL document (GraphQL specification §2): values that the client did not put into variables.

use std::ops::ControlFlow;

use memchr::memmem;

use crate::{
    byte_set::ByteSet,
    payload::{
        json,
        leaf::{Kind, Place},
        walk::{Space, Walk},
    },
};

/// Whether the value of a member with this name is a document with strings in it.
pub(super) fn is_document(name: &[u8], value: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 5] = [b"{", b"query", b"mutation", b"subscription", b"fragment"];
    if name != b"query" || !BEGINNINGS.iter().any(|beginning| value.trim_ascii_start().starts_with(beginning))
    {
        return false;
    }
    let mut depth = 0_usize;
    let mut last = 0;
    let mut strings = 0;
    for token in tokens(value) {
        match token {
            Token::Byte(b'{') => depth += 1,
            Token::Byte(b'}') if depth == 0 => return false,
            Token::Byte(b'}') => depth -= 1,
            // Values stand behind a colon, or in a list.
            Token::String { .. } if matches!(last, b':' | b'[' | b',' | b'"') => strings += 1,
            Token::String { .. } | Token::Unfinished => return false,
            Token::Name(_) | Token::Byte(_) | Token::Comment(_) => {}
        }
        last = match token {
            Token::Byte(byte) if byte.is_ascii_whitespace() => last,
            Token::Byte(byte) => byte,
            Token::String { .. } => b'"',
            Token::Comment(_) => last,
            Token::Name(_) | Token::Unfinished => 0,
        };
    }
    depth == 0 && last == b'}' && strings > 0
}

/// Shows the strings of a document under the names of their arguments, then the document without them: quotes of
/// strings are no quotes of the text that they are in.
pub(super) fn walk(walk: &mut Walk<'_>, document: &[u8], name: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    let mut space = walk.space();
    let Space { decoded, joined: outline, .. } = &mut space;
    let mut argument: &[u8] = b"";
    let mut word: &[u8] = b"";
    for token in tokens(document) {
        match token {
            Token::Name(name) => {
                word = name;
                outline.extend_from_slice(name);
            }
            Token::Byte(byte) => {
                if byte == b':' {
                    argument = word;
                }
                outline.push(byte);
            }
            Token::String { value, is_block } => {
                outline.extend_from_slice(b"\"\"");
                let at = Place::part_of(place, argument);
                if is_block || memchr::memchr(b'\\', value).is_none() {
                    walk.show(value, ByteSet::of(value), Kind::Text, argument, at)?;
                } else {
                    json::unescape(value, decoded);
                    walk.show(decoded, ByteSet::of(decoded), Kind::Text, argument, at)?;
                }
            }
            Token::Comment(comment) => outline.extend_from_slice(comment),
            Token::Unfinished => {}
        }
    }
    walk.show(outline, ByteSet::of(outline), Kind::Text, name, *place)?;
    walk.give_back(space);
    ControlFlow::Continue(())
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Name(&'a [u8]),
    String {
        value: &'a [u8],
        is_block: bool,
    },
    /// A string that does not end.
    Unfinished,
    Comment(&'a [u8]),
    Byte(u8),
}

fn tokens(document: &[u8]) -> impl Iterator<Item = Token<'_>> {
    let mut rest = document;
    std::iter::from_fn(move || {
        let (&byte, behind) = rest.split_first()?;
        let (token, len) = match byte {
            b'#' => {
                let len = 1 + memchr::memchr2(b'\n', b'\r', behind).unwrap_or(behind.len());
                (Token::Comment(rest.get(..len).unwrap_or_default()), len)
            }
            b'"' => match string(rest) {
                Some((value, len)) => (Token::String { value, is_block: rest.starts_with(b"\"\"\"") }, len),
                None => (Token::Unfinished, rest.len()),
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                let len = rest.iter().take_while(of_name).count();
                (Token::Name(rest.get(..len).unwrap_or_default()), len)
            }
            _ => (Token::Byte(byte), 1),
        };
        rest = rest.get(len..).unwrap_or_default();
        Some(token)
    })
}

/// The inside of the string at the beginning, and its length with the quotes; `None` if it does not end.
fn string(text: &[u8]) -> Option<(&[u8], usize)> {
    if let Some(inside) = text.strip_prefix(b"\"\"\"") {
        let mut end = 0;
        loop {
            end += memmem::find(inside.get(end..)?, b"\"\"\"")?;
            if end == 0 || inside.get(end - 1) != Some(&b'\\') {
                return Some((inside.get(..end)?, end + 6));
            }
            end += 3;
        }
    }
    let inside = text.get(1..)?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', inside.get(end..)?)?;
        if inside.get(end) == Some(&b'"') {
            return Some((inside.get(..end)?, end + 2));
        }
        end += 2;
    }
}
