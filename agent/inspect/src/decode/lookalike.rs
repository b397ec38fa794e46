//! Characters that many readers take for ASCII, or do not see at all.
//!
//! They are those that compatibility normalisation (NFKC, Unicode Standard Annex 15) turns into syntax, letters or
//! digits, those that Windows' best-fit tables do, and those that case folding does (`ı`, `ſ`, `K`).

/// What a character is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Itself.
    Itself,
    /// Nothing.
    Nothing,
    /// An ASCII character. Ordinary text of some languages has many of these: blanks, punctuation.
    Ordinary(u8),
    /// An ASCII character that no language writes so.
    Odd(u8),
}

/// Whether characters whose UTF-8 begins with this byte may be anything but themselves.
pub(super) const fn may_begin(lead: u8) -> bool {
    matches!(lead, 0xc2 | 0xc4 | 0xc5 | 0xca..=0xcd | 0xe1..=0xe3 | 0xee | 0xef | 0xf0 | 0xf3)
}

/// How a character beyond ASCII is read.
pub(super) const fn reading(code: u32) -> Reading {
    use Reading::{Itself, Nothing, Odd, Ordinary};
    match code {
        0xad
        | 0x34f
        | 0x180e
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x2069
        | 0xfeff
        | 0x115f
        | 0x1160
        | 0x3164
        | 0xffa0
        | 0xfe00..=0xfe0f
        | 0xe0000..=0xe007f => Nothing,
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Ordinary(b' '),
        0x2028 | 0x2029 => Ordinary(b'\n'),
        0x130 | 0x131 => Ordinary(b'i'),
        0x17f => Odd(b's'),
        0x212a => Odd(b'K'),
        0x2b9 | 0x2bc | 0x2c8 | 0x2032 => Odd(b'\''),
        0x2ba | 0x2033 => Odd(b'"'),
        0x2cb | 0x2035 | 0x1fef => Odd(b'`'),
        0x37e => Odd(b';'),
        0x2024 | 0xfe52 => Odd(b'.'),
        0x2044 | 0x2215 | 0x29f8 | 0xf025 => Odd(b'/'),
        0x2216 | 0x29f5 | 0x29f9 | 0xefc8 | 0xfe68 => Odd(b'\\'),
        0x2223 => Ordinary(b'|'),
        0x2236 | 0xfe55 => Ordinary(b':'),
        0x2212 | 0xfe63 => Ordinary(b'-'),
        0x2329 | 0x3008 => Ordinary(b'<'),
        0x232a | 0x3009 => Ordinary(b'>'),
        0xfe50 => Ordinary(b','),
        0xfe54 => Ordinary(b';'),
        0xfe56 => Ordinary(b'?'),
        0xfe57 => Ordinary(b'!'),
        0xfe59 => Ordinary(b'('),
        0xfe5a => Ordinary(b')'),
        0xfe5b => Ordinary(b'{'),
        0xfe5c => Ordinary(b'}'),
        0xfe5f => Odd(b'#'),
        0xfe60 => Odd(b'&'),
        0xfe61 => Odd(b'*'),
        0xfe62 => Odd(b'+'),
        0xfe64 => Odd(b'<'),
        0xfe65 => Odd(b'>'),
        0xfe66 => Odd(b'='),
        0xfe69 => Odd(b'$'),
        0xfe6a => Odd(b'%'),
        0xfe6b => Odd(b'@'),
        0x3002 | 0xff61 => Ordinary(b'.'),
        // ① to ⑨, ⓪; Ⓐ to Ⓩ, ⓐ to ⓩ.
        0x2460..=0x2468 => Odd(nth(b'1', code - 0x2460)),
        0x24ea => Odd(b'0'),
        0x24b6..=0x24cf => Odd(nth(b'A', code - 0x24b6)),
        0x24d0..=0x24e9 => Odd(nth(b'a', code - 0x24d0)),
        // Full-width quotes and reverse solidus are odd; other punctuation, letters and digits stand in ordinary
        // Chinese and Japanese.
        0xff02 | 0xff07 | 0xff3c | 0xff40 => Odd(nth(b'!', code - 0xff01)),
        0xff01..=0xff5e => Ordinary(nth(b'!', code - 0xff01)),
        // Mathematical letters and digits, in thirteen and five styles.
        0x1d400..=0x1d6a3 => {
            let index = (code - 0x1d400) % 52;
            Odd(if index < 26 { nth(b'A', index) } else { nth(b'a', index - 26) })
        }
        0x1d7ce..=0x1d7ff => Odd(nth(b'0', (code - 0x1d7ce) % 10)),
        _ => Itself,
    }
}

/// The ASCII character `index` behind `first`; the callers' ranges keep it in ASCII.
const fn nth(first: u8, index: u32) -> u8 {
    first.wrapping_add(index as u8)
}
