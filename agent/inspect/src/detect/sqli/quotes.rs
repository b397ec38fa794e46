//! Quotes that an export, an escape or an editor changed.

/// Longest value whose quotes are changed back.
const LONGEST: usize = 256;

/// The value with plain quotes for its doubled, typographic or escaped ones; `None` if it has none of these.
pub(super) fn plain_quotes(value: &[u8]) -> Option<Vec<u8>> {
    if value.len() > LONGEST {
        return None;
    }
    undouble(value).or_else(|| unsmarten(value)).or_else(|| unescape(value))
}

/// The value with single quotes for its doubled ones, if they are all doubled: it comes from a field of a CSV file,
/// or was escaped once.
fn undouble(value: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memchr(b'"', value)?;
    if value.get(at + 1) != Some(&b'"') || memchr::memchr(b'"', value.get(at + 2..)?).is_none() {
        return None;
    }
    let mut undoubled = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, behind)) = rest.split_first() {
        undoubled.push(*byte);
        rest = if *byte == b'"' { behind.strip_prefix(b"\"").unwrap_or(behind) } else { behind };
    }
    Some(undoubled)
}

/// The value without the backslashes before its quotes.
fn unescape(value: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr_iter(b'\\', value).find(|at| value.get(at + 1) == Some(&b'\''))?;
    let mut plain = Vec::with_capacity(value.len());
    for (at, byte) in value.iter().enumerate() {
        if *byte != b'\\' || value.get(at + 1) != Some(&b'\'') {
            plain.push(*byte);
        }
    }
    Some(plain)
}

/// The value with plain quotes for typographic ones, which an editor made of them, if it has no other ones.
fn unsmarten(value: &[u8]) -> Option<Vec<u8>> {
    const LONGEST: usize = 96;
    if value.len() > LONGEST || value.is_ascii() || value.iter().any(|byte| matches!(byte, b'\'' | b'"')) {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let plain = text.replace(['‘', '’', '´'], "'").replace(['“', '”'], "\"");
    (plain != text).then(|| plain.into_bytes())
}
