//! Which kinds of bytes a value is made of, found in one pass.

/// A set of byte classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(u8);

impl Classes {
    /// Letters, digits, underscore, and the marks `. : , / @ + -` that stand in names, numbers and addresses.
    pub(crate) const WORD: Self = Self(1);
    /// Bytes of characters beyond ASCII.
    pub(crate) const BEYOND: Self = Self(2);
    /// Blanks, line ends, NUL, and 0xA0, which some databases take for a blank.
    pub(crate) const SPACE: Self = Self(4);
    /// `<`, `>` and `=`.
    pub(crate) const MARKUP: Self = Self(8);
    /// Everything else: quotes, brackets, operators, control characters.
    pub(crate) const OTHER: Self = Self(16);

    pub(crate) fn of(value: &[u8]) -> Self {
        Self(value.iter().fold(0, |classes, &byte| classes | TABLE[usize::from(byte)]))
    }

    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

static TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => Classes::WORD.0,
            b'.' | b':' | b',' | b'/' | b'@' | b'+' | b'-' => Classes::WORD.0,
            b' ' | b'\t'..=b'\r' | 0 | 0xa0 => Classes::SPACE.0,
            b'<' | b'>' | b'=' => Classes::MARKUP.0,
            0x80.. => Classes::BEYOND.0,
            _ => Classes::OTHER.0,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_words_from_syntax() {
        let interesting = Classes::SPACE.and(Classes::MARKUP).and(Classes::OTHER);
        for plain in ["", "hello", "2024-11-22T10:00:00.5Z", "a@b.example", "https://example.org/a", "käse"]
        {
            assert!(!Classes::of(plain.as_bytes()).any(interesting), "{plain}");
        }
        for odd in ["a b", "1;", "'", "<b", "x=y", "a\u{a0}b"] {
            assert!(Classes::of(odd.as_bytes()).any(interesting), "{odd}");
        }
    }
}
