//! Padding: one byte repeated at the beginning or end of a value, to push what matters behind what is looked at.

/// Shorter runs are words, numbers, or the indentation of code.
const SHORTEST: usize = 64;

/// Whether a value may be padded, by the first and last of its bytes.
pub(super) fn may_be(value: &[u8]) -> bool {
    let Some((before, last)) = value.len().checked_sub(SHORTEST).and_then(|at| value.split_at_checked(at))
    else {
        return false;
    };
    !before.is_empty() && (is_run(last) || value.get(..SHORTEST).is_some_and(is_run))
}

/// What is left of a value without its padding and the blanks that divide it from the rest; `None` if it has none, or is nothing else.
pub(super) fn strip(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value;
    if rest.get(..SHORTEST).is_some_and(is_run) {
        let first = *rest.first()?;
        let len = rest.iter().position(|byte| *byte != first)?;
        rest = rest.get(len..)?;
        let blanks = rest.iter().position(|byte| *byte != b' ')?;
        rest = rest.get(blanks..)?;
    }
    if rest.len().checked_sub(SHORTEST).and_then(|at| rest.get(at..)).is_some_and(is_run) {
        let last = *rest.last()?;
        let end = rest.iter().rposition(|byte| *byte != last)?;
        rest = rest.get(..=end)?;
        let end = rest.iter().rposition(|byte| *byte != b' ')?;
        rest = rest.get(..=end)?;
    }
    (rest.len() < value.len()).then_some(rest)
}

/// Whether all bytes are the same letter, digit or blank.
fn is_run(bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first() else { return false };
    (first.is_ascii_alphanumeric() || *first == b' ') && rest.iter().all(|byte| byte == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_away_what_is_repeated_at_either_end() {
        let run = |byte: &str| byte.repeat(SHORTEST);
        for padded in [
            run("A") + ";id",
            run("A") + " ;id",
            run("A") + " ;id " + &run("B"),
            ";id".to_owned() + &run("7"),
            run(" ") + ";id" + &run("z"),
        ] {
            assert!(may_be(padded.as_bytes()), "{padded}");
            assert_eq!(strip(padded.as_bytes()), Some(&b";id"[..]), "{padded}");
        }
    }

    #[test]
    fn leaves_what_is_short_or_nothing_else() {
        let short = "A".repeat(SHORTEST - 1) + ";id";
        let line = "-".repeat(200) + "x";
        for value in ["", "A", short.as_str(), line.as_str()] {
            assert!(!may_be(value.as_bytes()), "{value}");
        }
        assert_eq!(strip("A".repeat(500).as_bytes()), None);
    }
}
