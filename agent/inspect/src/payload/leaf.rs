//! One value of a message, and where it stands.

use crate::payload::json::Level;

/// A value to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    /// The value, with the escapes of its envelope undone.
    pub(crate) value: &'a [u8],
    pub(crate) place: Place<'a>,
}

/// Where a leaf stands. The text of it is only made for a finding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// It is the whole message.
    Whole,
    /// It begins at this byte of a binary message.
    Offset(usize),
    /// It is the path, a query parameter, a cookie or a header of the handshake.
    Handshake { part: &'static str, name: &'a [u8] },
    /// It is a string or key of the JSON `text`, inside `levels`.
    Json { text: &'a [u8], levels: &'a [Level] },
}

/// Longest path, and longest key in it, in bytes.
const MAX_PATH: usize = 256;
const MAX_KEY: usize = 64;

impl Place<'_> {
    /// The path: `$.user.name`, `$.items[3]`, `$["odd key"]`, `$`, or `$@17`. At most about 256 bytes, printable.
    pub(crate) fn location(&self) -> String {
        let mut path = String::from("$");
        match self {
            Self::Whole => {}
            Self::Handshake { part, name } => {
                path.clear();
                path.push_str(part);
                if !name.is_empty() {
                    push_key(&mut path, name);
                }
            }
            Self::Offset(offset) => {
                path.push('@');
                path.push_str(&offset.to_string());
            }
            Self::Json { text, levels } => {
                for level in *levels {
                    if path.len() > MAX_PATH {
                        path.push('…');
                        break;
                    }
                    match level {
                        Level::Array { index } => {
                            path.push('[');
                            path.push_str(&index.to_string());
                            path.push(']');
                        }
                        Level::Object { key: Some((start, end)) } => {
                            push_key(&mut path, text.get(*start..*end).unwrap_or_default());
                        }
                        Level::Object { key: None } => {}
                    }
                }
            }
        }
        path
    }
}

/// Appends a key as it is written in the JSON text, escapes included.
fn push_key(path: &mut String, raw: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !raw.is_empty()
        && raw.len() <= MAX_KEY
        && raw.iter().all(plain)
        && !raw.first().is_some_and(u8::is_ascii_digit)
    {
        path.push('.');
        path.push_str(&String::from_utf8_lossy(raw));
        return;
    }
    path.push_str("[\"");
    let key = String::from_utf8_lossy(raw);
    for (taken, letter) in key.chars().enumerate() {
        if taken == MAX_KEY {
            path.push('…');
            break;
        }
        if letter.is_control() {
            path.extend(letter.escape_default());
        } else {
            path.push(letter);
        }
    }
    path.push_str("\"]");
}
