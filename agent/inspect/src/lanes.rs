//! Sixteen bytes looked at at once.

use wide::u8x16;

/// How many bytes are looked at at once.
pub(crate) const LANES: usize = 16;

/// Sixteen bytes of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes(u8x16);

/// A bit for each byte, the first in the lowest bit.
pub(crate) type Mask = u32;

impl Lanes {
    /// All bytes at once.
    pub(crate) fn of(bytes: &[u8; LANES]) -> Self {
        Self(u8x16::from(*bytes))
    }

    /// Which bytes are `A` to `Z` or `a` to `z`.
    pub(crate) fn letters(self) -> Mask {
        let folded = (self.0 | u8x16::splat(0x20)) - u8x16::splat(b'a');
        folded.min(u8x16::splat(25)).simd_eq(folded).to_bitmask()
    }

    /// Which bytes are `0` to `9`.
    pub(crate) fn digits(self) -> Mask {
        let digits = self.0 - u8x16::splat(b'0');
        digits.min(u8x16::splat(9)).simd_eq(digits).to_bitmask()
    }

    /// Which bytes are less than this one, which is not 0.
    pub(crate) fn below(self, byte: u8) -> Mask {
        self.0.min(u8x16::splat(byte - 1)).simd_eq(self.0).to_bitmask()
    }

    /// Which bytes are this one.
    pub(crate) fn are(self, byte: u8) -> Mask {
        self.0.simd_eq(u8x16::splat(byte)).to_bitmask()
    }

    /// Which bytes are beyond ASCII.
    pub(crate) fn high(self) -> Mask {
        self.0.to_bitmask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_kinds_of_all_bytes() {
        for first in (0..=255_u8).step_by(LANES) {
            let bytes: [u8; LANES] = std::array::from_fn(|nth| first + nth as u8);
            let lanes = Lanes::of(&bytes);
            for (nth, byte) in bytes.iter().enumerate() {
                let is_set = |mask: Mask| mask >> nth & 1 != 0;
                assert_eq!(is_set(lanes.letters()), byte.is_ascii_alphabetic(), "{byte}");
                assert_eq!(is_set(lanes.digits()), byte.is_ascii_digit(), "{byte}");
                assert_eq!(is_set(lanes.below(b' ')), *byte < b' ', "{byte}");
                assert_eq!(is_set(lanes.high()), !byte.is_ascii(), "{byte}");
                assert_eq!(is_set(lanes.are(0x2e)), *byte == 0x2e, "{byte}");
            }
        }
    }
}
