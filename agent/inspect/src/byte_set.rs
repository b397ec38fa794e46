//! Which kinds of bytes a value is made of, found in one pass.

use crate::lanes::{LANES, Lanes, Mask};

/// A set of kinds of bytes, each with a meaning to some detector or decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByteSet(u32);

impl ByteSet {
    /// `A` to `Z`, `a` to `z`.
    pub(crate) const LETTER: Self = Self(1);
    /// `0` to `9`.
    pub(crate) const DIGIT: Self = Self(1 << 1);
    /// The blank.
    pub(crate) const SPACE: Self = Self(1 << 2);
    /// Horizontal tab, line feed, vertical tab, form feed, carriage return.
    pub(crate) const BREAK: Self = Self(1 << 3);
    /// Zero.
    pub(crate) const NUL: Self = Self(1 << 4);
    /// The other control characters of ASCII.
    pub(crate) const CONTROL: Self = Self(1 << 5);
    /// Bytes of characters beyond ASCII, or of none.
    pub(crate) const HIGH: Self = Self(1 << 6);
    /// `'`.
    pub(crate) const QUOTE: Self = Self(1 << 7);
    /// `"`.
    pub(crate) const DOUBLE_QUOTE: Self = Self(1 << 8);
    /// `` ` ``.
    pub(crate) const BACKTICK: Self = Self(1 << 9);
    /// `<`.
    pub(crate) const LESS: Self = Self(1 << 10);
    /// `>`.
    pub(crate) const GREATER: Self = Self(1 << 11);
    /// `=`.
    pub(crate) const EQUALS: Self = Self(1 << 12);
    /// `;`.
    pub(crate) const SEMICOLON: Self = Self(1 << 13);
    /// `|`.
    pub(crate) const PIPE: Self = Self(1 << 14);
    /// `&`.
    pub(crate) const AMPERSAND: Self = Self(1 << 15);
    /// `$`.
    pub(crate) const DOLLAR: Self = Self(1 << 16);
    /// `(` and `)`.
    pub(crate) const PAREN: Self = Self(1 << 17);
    /// `{` and `}`.
    pub(crate) const BRACE: Self = Self(1 << 18);
    /// `[` and `]`.
    pub(crate) const BRACKET: Self = Self(1 << 19);
    /// `%`.
    pub(crate) const PERCENT: Self = Self(1 << 20);
    /// `\`.
    pub(crate) const BACKSLASH: Self = Self(1 << 21);
    /// `#`.
    pub(crate) const HASH: Self = Self(1 << 22);
    /// `/`.
    pub(crate) const SLASH: Self = Self(1 << 23);
    /// `.`.
    pub(crate) const DOT: Self = Self(1 << 24);
    /// `@`.
    pub(crate) const AT: Self = Self(1 << 25);
    /// `:`.
    pub(crate) const COLON: Self = Self(1 << 26);
    /// `*`.
    pub(crate) const STAR: Self = Self(1 << 27);
    /// `+`.
    pub(crate) const PLUS: Self = Self(1 << 28);
    /// `-`.
    pub(crate) const MINUS: Self = Self(1 << 29);
    /// `!`, `^`, `~`.
    pub(crate) const MARK: Self = Self(1 << 30);
    /// `,`, `?`, `_`.
    pub(crate) const PLAIN: Self = Self(1 << 31);

    /// The kinds of bytes in `value`.
    pub(crate) fn of(value: &[u8]) -> Self {
        let (chunks, rest) = value.as_chunks();
        let set = chunks.iter().fold(Self::default(), |set, chunk| set.and(Self::of_lanes(chunk, Mask::MAX)));
        Self(rest.iter().fold(set.0, |set, &byte| set | TABLE[usize::from(byte)]))
    }

    /// The kinds of those of 16 bytes that `within` says.
    pub(crate) fn of_lanes(bytes: &[u8; LANES], within: Mask) -> Self {
        let lanes = Lanes::of(bytes);
        let letters = lanes.letters() & within;
        let mut set = if letters == 0 { 0 } else { Self::LETTER.0 };
        let spaces = lanes.are(b' ') & within;
        if spaces != 0 {
            set |= Self::SPACE.0;
        }
        // Of text most are nothing else.
        let rest = within & !(letters | spaces) & 0xffff;
        if rest == 0 {
            return Self(set);
        }
        let (digits, high) = (lanes.digits(), lanes.high());
        let bit = |kind: Self, mask: Mask| if mask & within == 0 { 0 } else { kind.0 };
        set |= bit(Self::DIGIT, digits) | bit(Self::HIGH, high);
        let mut others = rest & !(digits | high);
        while others != 0 {
            // Never more, which the compiler cannot know.
            let byte = bytes[others.trailing_zeros() as usize % LANES];
            set |= TABLE[usize::from(byte)];
            others &= others - 1;
        }
        Self(set)
    }

    /// The kind of one byte.
    pub(crate) const fn of_byte(byte: u8) -> Self {
        Self(TABLE[byte as usize])
    }

    /// A number that is the same for the same kinds.
    pub(crate) const fn digest(self) -> usize {
        self.0 as usize
    }

    /// Whether one of these kinds is there.
    pub(crate) const fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Whether all of these kinds are there.
    pub(crate) const fn has_all(self, of: Self) -> bool {
        self.0 & of.0 == of.0
    }

    /// The kinds in either.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of these kinds that are not in the other set.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The kinds that are not in this set.
    pub(crate) const fn others(self) -> Self {
        Self(!self.0)
    }
}

static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = kind(byte as u8).0;
        byte += 1;
    }
    table
};

const fn kind(byte: u8) -> ByteSet {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => ByteSet::LETTER,
        b'0'..=b'9' => ByteSet::DIGIT,
        b' ' => ByteSet::SPACE,
        b'\t'..=b'\r' => ByteSet::BREAK,
        0 => ByteSet::NUL,
        1..=8 | 14..=31 | 127 => ByteSet::CONTROL,
        0x80.. => ByteSet::HIGH,
        b'\'' => ByteSet::QUOTE,
        b'"' => ByteSet::DOUBLE_QUOTE,
        b'`' => ByteSet::BACKTICK,
        b'<' => ByteSet::LESS,
        b'>' => ByteSet::GREATER,
        b'=' => ByteSet::EQUALS,
        b';' => ByteSet::SEMICOLON,
        b'|' => ByteSet::PIPE,
        b'&' => ByteSet::AMPERSAND,
        b'$' => ByteSet::DOLLAR,
        b'(' | b')' => ByteSet::PAREN,
        b'{' | b'}' => ByteSet::BRACE,
        b'[' | b']' => ByteSet::BRACKET,
        b'%' => ByteSet::PERCENT,
        b'\\' => ByteSet::BACKSLASH,
        b'#' => ByteSet::HASH,
        b'/' => ByteSet::SLASH,
        b'.' => ByteSet::DOT,
        b'@' => ByteSet::AT,
        b':' => ByteSet::COLON,
        b'*' => ByteSet::STAR,
        b'+' => ByteSet::PLUS,
        b'-' => ByteSet::MINUS,
        b'!' | b'^' | b'~' => ByteSet::MARK,
        b',' | b'?' | b'_' => ByteSet::PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_words_from_syntax() {
        let words = ByteSet::LETTER.and(ByteSet::DIGIT).and(ByteSet::SPACE).and(ByteSet::PLAIN);
        for plain in ["", "hello", "what, you_there?", "7 and a half"] {
            assert!(!ByteSet::of(plain.as_bytes()).has_any(words.others()), "{plain}");
        }
        for odd in ["1;", "'", "<b", "x=y", "a\u{a0}b", "a\tb", "\0"] {
            assert!(ByteSet::of(odd.as_bytes()).has_any(words.others()), "{odd}");
        }
    }

    #[test]
    fn many_bytes_at_once_are_of_the_kinds_that_each_is_of() {
        let all: Vec<u8> = (0..=255).collect();
        for (start, end) in (0..256).flat_map(|start| [start + 1, 256].map(|end| (start, end))) {
            let value = &all[start..end];
            let each = value.iter().fold(ByteSet::default(), |set, byte| set.and(ByteSet::of_byte(*byte)));
            assert_eq!(ByteSet::of(value), each, "{start}..{end}");
        }
        let chunk = *b"a1 \xff'\"`<>=;|&$(\0";
        for within in (0..16).map(|bits| (1 << bits) - 1) {
            let len = (within + 1_u32).trailing_zeros() as usize;
            assert_eq!(ByteSet::of_lanes(&chunk, within), ByteSet::of(&chunk[..len]));
        }
    }

    #[test]
    fn every_byte_is_of_one_kind() {
        for byte in 0..=255 {
            assert_eq!(ByteSet::of_byte(byte).0.count_ones(), 1, "{byte}");
        }
    }
}
