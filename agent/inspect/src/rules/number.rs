//! Numbers as messages write them.

use std::cmp::Ordering;

/// A number: whole ones exactly, as identifiers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
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
        text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Fraction)
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        let float = |number| match number {
            Self::Whole(whole) => whole as f64,
            Self::Fraction(fraction) => fraction,
        };
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (a, b) => float(a).total_cmp(&float(b)),
        }
    }
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
        assert_eq!(whole("1.5e3"), Some(Number::Fraction(1500.0)));
        for text in ["", "inf", "NaN", "0x10", "1 ", "1e999", "-", "1_000", "infinity"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let [a, b] = [9_007_199_254_740_993, 9_007_199_254_740_992].map(Number::Whole);
        assert_eq!(a.compare(b), Ordering::Greater);
        assert_eq!(Number::Fraction(2.0).compare(Number::Whole(2)), Ordering::Equal);
        assert_eq!(Number::Fraction(1.5).compare(Number::Whole(2)), Ordering::Less);
    }
}
