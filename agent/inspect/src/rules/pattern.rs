//! Regexes that cost what they may cost, and what must stand in a value for one to match.

use std::fmt;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Most memory of one compiled regex, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

/// Most memory of a regex's cache of states, in bytes.
const MAX_CACHE: usize = 512 * 1024;

/// A compiled regex (RE2 syntax, linear time).
#[derive(Clone)]
pub(super) struct Pattern {
    regex: regex::bytes::Regex,
    /// About how many bytes it takes.
    pub(super) size: usize,
    /// In lower case: one of these stands in every match, in any case. Empty if nothing has to.
    pub(super) literals: Vec<Vec<u8>>,
}

impl Pattern {
    pub(super) fn parse(text: &str, fold: bool) -> Result<Self, String> {
        let hir = regex_syntax::ParserBuilder::new()
            .case_insensitive(fold)
            .utf8(false)
            .nest_limit(64)
            .build()
            .parse(text)
            .map_err(|error| format!("not a regex: {}", reason(&error)))?;
        let size = size(&hir);
        let too_big = || {
            Err(format!(
                "this regex takes about {} when compiled, allowed are {}: its repetitions multiply, \
                 and a class like `\\w` has hundreds of ranges unless it is `(?-u:\\w)`",
                bytes(size),
                bytes(MAX_SIZE)
            ))
        };
        if size > MAX_SIZE {
            return too_big();
        }
        let built = regex::bytes::RegexBuilder::new(text)
            .case_insensitive(fold)
            .size_limit(MAX_SIZE)
            .dfa_size_limit(MAX_CACHE)
            .nest_limit(64)
            .build();
        match built {
            Ok(regex) => Ok(Self { regex, size, literals: required(&hir).unwrap_or_default() }),
            Err(regex::Error::CompiledTooBig(_)) => too_big(),
            Err(error) => {
                Err(format!("not a regex: {}", error.to_string().lines().last().unwrap_or_default()))
            }
        }
    }

    pub(super) fn is_match(&self, value: &[u8]) -> bool {
        self.regex.is_match(value)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.regex.as_str())
    }
}

/// What is wrong, on one line, and where in the regex.
fn reason(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => {
            format!("{} at its character {}", error.kind(), error.span().start.column)
        }
        regex_syntax::Error::Translate(error) => {
            format!("{} at its character {}", error.kind(), error.span().start.column)
        }
        other => other.to_string().lines().last().unwrap_or_default().to_owned(),
    }
}

fn bytes(size: usize) -> String {
    match size {
        0..1_048_576 => format!("{} KiB", size.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{} MiB", size.div_ceil(1_048_576)),
        _ => "more than 1 GiB".to_owned(),
    }
}

/// About how many bytes the compiled regex takes. The depth of a regex is bounded by its parser.
fn size(hir: &Hir) -> usize {
    const STATE: usize = 40;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => literal.0.len().saturating_mul(STATE),
        HirKind::Class(Class::Bytes(_)) => STATE,
        // A range of characters is up to a few sequences of ranges of bytes, which share their ends.
        HirKind::Class(Class::Unicode(class)) => match class.ranges().len() {
            0 | 1 if class.is_ascii() => STATE,
            ranges => ranges.saturating_mul(STATE),
        },
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            size(&repetition.sub).saturating_add(STATE).saturating_mul(most as usize)
        }
        HirKind::Capture(capture) => size(&capture.sub).saturating_add(2 * STATE),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(STATE, |sum, part| sum.saturating_add(size(part)))
        }
    }
}

/// Most literals that are looked for on behalf of one regex.
const MAX_LITERALS: usize = 64;

/// Texts of which one stands in every match, in lower case: those that are least likely to stand there by chance.
fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(parts) => required_of_sequence(parts),
        HirKind::Alternation(parts) => {
            let all = parts.iter().map(required).collect::<Option<Vec<_>>>()?.concat();
            (all.len() <= MAX_LITERALS).then_some(all)
        }
        HirKind::Class(class) => letter(class).map(|letter| vec![vec![letter]]),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn required_of_sequence(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut consider = |literals: Vec<Vec<u8>>| {
        let rank = |literals: &[Vec<u8>]| {
            // The shortest counts; of as long ones, the fewest.
            (literals.iter().map(Vec::len).min().unwrap_or_default(), usize::MAX - literals.len())
        };
        if best.as_deref().is_none_or(|best| rank(&literals) > rank(best)) {
            best = Some(literals);
        }
    };
    // Letters beside each other are one text: `(?i)union` is five classes.
    let mut run = Vec::new();
    for part in parts {
        match part.kind() {
            HirKind::Literal(literal) => run.extend(literal.0.to_ascii_lowercase()),
            HirKind::Class(class) if letter(class).is_some() => run.extend(letter(class)),
            HirKind::Look(_) | HirKind::Empty => {}
            HirKind::Class(_)
            | HirKind::Repetition(_)
            | HirKind::Capture(_)
            | HirKind::Concat(_)
            | HirKind::Alternation(_) => {
                if !run.is_empty() {
                    consider(vec![std::mem::take(&mut run)]);
                }
                if let Some(literals) = required(part) {
                    consider(literals);
                }
            }
        }
    }
    if !run.is_empty() {
        consider(vec![run]);
    }
    best
}

/// The ASCII letter of which a class is the two cases. (`(?i)k` and `(?i)s` are three characters each.)
fn letter(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).take(3).collect()
        }
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).take(3).collect()
        }
    };
    let [(upper, upper_end), (lower, lower_end)] = *ranges.as_slice() else { return None };
    let (upper, lower) = if upper == upper_end && lower == lower_end { (upper, lower) } else { return None };
    let lower = u8::try_from(lower).ok().filter(u8::is_ascii_lowercase)?;
    (u32::from(lower.to_ascii_uppercase()) == upper).then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str, fold: bool) -> Vec<String> {
        let pattern = Pattern::parse(text, fold).expect(text);
        pattern.literals.into_iter().map(|literal| String::from_utf8(literal).unwrap()).collect()
    }

    #[test]
    fn finds_what_a_match_must_contain() {
        assert_eq!(literals("^user-[0-9]+$", false), ["user-"]);
        assert_eq!(literals("a.*Delete|drop\\s+table", false), ["delete", "table"]);
        assert_eq!(literals("(foo)+bar?", false), ["foo"]);
        assert_eq!(literals("union", true), ["union"]);
        assert_eq!(literals("select", true), ["elect"], "the long s is an s, too");
        assert!(literals("[a-z]+", false).is_empty() && literals("x*|y", false).is_empty());
        assert!(literals(".*", false).is_empty() && literals("(?:ab)?", false).is_empty());
    }

    #[test]
    fn refuses_regexes_that_grow_and_says_their_size() {
        for text in ["(?:a{1000}){1000}", "\\w{2000}", "((a{100}){100}){100}", "(?:[^x]{1000}){1000}"] {
            let error = Pattern::parse(text, false).unwrap_err();
            assert!(error.starts_with("this regex takes about ") && error.contains("iB"), "{error}");
        }
        assert!(Pattern::parse("\\w+@\\w+\\.[a-z]{2,10}", true).is_ok());
    }

    #[test]
    fn says_where_a_regex_is_wrong() {
        assert_eq!(
            Pattern::parse("ab(c", false).unwrap_err(),
            "not a regex: unclosed group at its character 3"
        );
        assert!(Pattern::parse("(?=a)", false).unwrap_err().contains("look-around"));
        assert!(Pattern::parse(&"(".repeat(1000), false).is_err());
        assert!(Pattern::parse(&format!("{}{}", "(".repeat(100), ")".repeat(100)), false).is_err());
    }
}
