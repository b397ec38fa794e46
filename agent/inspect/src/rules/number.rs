//! Numbers as messages write them.

use std::cmp::Ordering;

/// A number: whole ones exactly, as identifiers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
    /// Whether a number may begin with this byte.
    pub(super) const fn may_begin(byte: u8) -> bool {
        byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
    }

    /// Reads a decimal number as JSON writes it (RFC 8259 §6), with a sign and leading zeros, too.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        const LONGEST: usize = 64;
        let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
        if text.is_empty() || text.len() > LONGEST || !text.iter().all(plain) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        // So that no number is written in two ways, and zero has no sign.
        let is_whole = number.fract() == 0.0 && (-BEYOND_WHOLE..BEYOND_WHOLE).contains(&number);
        Some(if is_whole { Self::Whole(number as i64) } else { Self::Fraction(number) })
    }

    /// An order of all numbers that [`parse`](Self::parse) reads.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Fraction(a), Self::Fraction(b)) => a.total_cmp(&b),
            (Self::Whole(a), Self::Fraction(b)) => whole_to_fraction(a, b),
            (Self::Fraction(a), Self::Whole(b)) => whole_to_fraction(b, a).reverse(),
        }
    }
}

/// 2^63: the first whole number that is too large for an `i64`.
const BEYOND_WHOLE: f64 = 9_223_372_036_854_775_808.0;

/// Compares exactly, where a conversion would round.
fn whole_to_fraction(whole: i64, fraction: f64) -> Ordering {
    if fraction >= BEYOND_WHOLE {
        return Ordering::Less;
    }
    if fraction < -BEYOND_WHOLE {
        return Ordering::Greater;
    }
    whole.cmp(&(fraction.trunc() as i64)).then_with(|| 0.0_f64.total_cmp(&fraction.fract()))
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(whole) => whole.fmt(f),
            Self::Fraction(fraction) => fraction.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_nothing_else() {
        let whole = |text: &str| Number::parse(text.as_bytes());
        assert_eq!(whole("12"), Some(Number::Whole(12)));
        assert_eq!(whole("-9223372036854775808"), Some(Number::Whole(i64::MIN)));
        assert_eq!(whole("1.5e3"), Some(Number::Whole(1500)));
        assert_eq!(whole("-0.0"), Some(Number::Whole(0)));
        assert_eq!(whole("1e30"), Some(Number::Fraction(1e30)));
        for text in ["", "inf", "NaN", "0x10", "1 ", "1e999", "-", "1_000", "infinity"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let [a, b] = [9_007_199_254_740_993, 9_007_199_254_740_992].map(Number::Whole);
        assert_eq!(a.compare(b), Ordering::Greater);
        let sorted = [
            "-1e30",
            "-9223372036854775808",
            "-2.5",
            "-2",
            "-1.5",
            "0",
            "0.5",
            "1",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
        ];
        let sorted: Vec<_> = sorted.iter().filter_map(|text| Number::parse(text.as_bytes())).collect();
        assert_eq!(sorted.len(), 11);
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(a.compare(*b), i.cmp(&j), "{a} {b}");
            }
        }
    }
}
