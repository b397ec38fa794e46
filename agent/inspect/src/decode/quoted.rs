//! A value that is a JSON string with its quotes and escapes: what serialising twice leaves.

/// Undoes the quotes and escapes (RFC 8259 §7) of a value that is one string literal into `out`. Escapes that are
/// none stay as they are; `\uXXXX` are left to the next round.
pub(super) fn undo(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(inside) = value.trim_ascii().strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""))
    else {
        return false;
    };
    let mut rest = inside;
    while let Some(found) = memchr::memchr2(b'\\', b'"', rest) {
        let (plain, escape) = rest.split_at(found);
        out.extend_from_slice(plain);
        let used = match escape {
            [b'\\', letter @ (b'"' | b'\\' | b'/'), ..] => {
                out.push(*letter);
                2
            }
            [b'\\', b'n', ..] => {
                out.push(b'\n');
                2
            }
            [b'\\', b'r', ..] => {
                out.push(b'\r');
                2
            }
            [b'\\', b't', ..] => {
                out.push(b'\t');
                2
            }
            [b'\\', ..] => {
                out.push(b'\\');
                1
            }
            // The literal ends before the value does.
            _ => {
                out.clear();
                return false;
            }
        };
        rest = escape.get(used..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    true
}
