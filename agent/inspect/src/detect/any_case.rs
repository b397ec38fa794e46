//! Comparisons of bytes in which upper and lower case are the same (ASCII).

/// Whether `text` begins with `start`, in any case.
#[inline]
pub(super) fn starts(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// Whether `text` ends with `end`, in any case.
#[inline]
pub(super) fn ends(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|text| text.eq_ignore_ascii_case(end))
}
