//! Addresses of the web with nothing in them but names.

use crate::byte_set::ByteSet;

/// Longer ones may be padded.
const LONGEST: usize = 96;

/// Most slashes: in more a path may be lost.
const MOST_SLASHES: usize = 12;

/// Whether a value of these kinds of bytes is the address of a page or resource, without a query, a user or steps between folders: nearly all
/// that APIs send are, and only their host may say something.
pub(crate) fn is_plain_url(value: &[u8], kinds: ByteSet) -> bool {
    const KINDS: ByteSet = ByteSet::LETTER
        .and(ByteSet::DIGIT)
        .and(ByteSet::MINUS)
        .and(ByteSet::PLAIN)
        .and(ByteSet::COLON)
        .and(ByteSet::SLASH)
        .and(ByteSet::DOT);
    if !kinds.has_all(ByteSet::COLON.and(ByteSet::SLASH)) || kinds.has_any(KINDS.others()) {
        return false;
    }
    let Some(rest) = value.strip_prefix(b"https://").or_else(|| value.strip_prefix(b"http://")) else {
        return false;
    };
    if value.len() > LONGEST {
        return false;
    }
    let mut slashes = 0;
    let mut divided = true;
    for byte in rest {
        match PARTS[usize::from(*byte)] {
            Part::Name => divided = false,
            Part::Other => return false,
            Part::Dot | Part::Slash if divided => return false,
            Part::Dot => divided = true,
            Part::Slash => {
                divided = true;
                slashes += 1;
            }
        }
    }
    slashes <= MOST_SLASHES
}

/// What a byte is in an address.
#[derive(Clone, Copy)]
enum Part {
    Name,
    Dot,
    Slash,
    Other,
}

static PARTS: [Part; 256] = {
    let mut parts = [Part::Other; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        parts[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => Part::Name,
            b'.' => Part::Dot,
            b'/' => Part::Slash,
            _ => Part::Other,
        };
        byte += 1;
    }
    parts
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_address_of_names() {
        for url in ["https://example.org", "http://a.example/x/y_1/z-2.html", "https://example.org/users/"] {
            assert!(is_plain_url(url.as_bytes(), ByteSet::of(url.as_bytes())), "{url}");
        }
        let long = format!("https://example.org/{}", "a".repeat(LONGEST));
        let deep = format!("https://example.org{}", "/a".repeat(MOST_SLASHES + 1));
        for other in [
            "",
            "example.org/x",
            "https:///x",
            "https://example.org/../x",
            "https://example.org/./x",
            "https://example.org//x",
            "https://example.org/.x",
            "https://example.org/?x=1",
            "https://a@example.org/",
            "https://example.org:80/",
            "https://example.org/a b",
            "https://example.org/%2e",
            &long,
            &deep,
        ] {
            assert!(!is_plain_url(other.as_bytes(), ByteSet::of(other.as_bytes())), "{other}");
        }
    }
}
