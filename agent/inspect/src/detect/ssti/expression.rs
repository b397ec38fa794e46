//! What the inside of a template's delimiters begins with: the probes that scanners send first.

/// Longest blank and longest literal that is read. Openers are dense in hostile text.
const LOOK: usize = 24;

/// Most blanks and signs before an operand or an operator.
const LEAD: usize = 8;

/// What an expression begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// `7*7`, `7 * '7'`, `(1+1)`: nobody has a server add up what he knows.
    Arithmetic,
    /// `'a'.toUpperCase()`, `"".getClass()`, `[].class`.
    MemberOfLiteral,
    /// `['id']|filter('system')`, `'/etc/hosts'|file_excerpt`.
    FilteredLiteral,
    Other,
}

/// Reads the beginning of an expression.
pub(super) fn beginning(text: &[u8]) -> Beginning {
    let text = skip(text, |byte| {
        matches!(
            byte,
            b' ' | b'\t'
                | b'\n'
                | b'('
                | b'='
                | b'-'
                | b'!'
                | b'+'
                | b'{'
                | b'~'
                | b'\\'
                | b'#'
                | b'@'
                | b':'
                | b'>'
        )
    });
    // `()` is a tuple, and its `(` was skipped.
    if text.starts_with(b").") {
        return Beginning::MemberOfLiteral;
    }
    let Some((left, rest)) = operand(text) else { return Beginning::Other };
    let rest = skip(rest, |byte| matches!(byte, b' ' | b'\t' | b')'));
    let Some((&operator, behind)) = rest.split_first() else { return Beginning::Other };
    match operator {
        b'*' | b'+' | b'-' | b'/' | b'%' | b'^' => {
            let behind = behind.strip_prefix(b"*").unwrap_or(behind);
            let behind = skip(behind, |byte| matches!(byte, b' ' | b'\t' | b'(' | b'\\' | b'-'));
            let date = operator == b'-' && is_date(text);
            match operand(behind) {
                Some((right, _)) if (left == Operand::Number || right == Operand::Number) && !date => {
                    Beginning::Arithmetic
                }
                _ => Beginning::Other,
            }
        }
        b'.' if left != Operand::Number
            && behind.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') =>
        {
            Beginning::MemberOfLiteral
        }
        b'[' if left == Operand::Text && !behind.first().is_some_and(u8::is_ascii_digit) => {
            Beginning::MemberOfLiteral
        }
        // Built-ins of Freemarker: `${8?c}`, `${"q"?length}`
        b'?' if left != Operand::List && behind.first().is_some_and(u8::is_ascii_lowercase) => {
            Beginning::MemberOfLiteral
        }
        b'|' if left == Operand::List => Beginning::FilteredLiteral,
        _ => Beginning::Other,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Number,
    Text,
    List,
}

/// Reads a number, a short string, or a list.
fn operand(text: &[u8]) -> Option<(Operand, &[u8])> {
    let (&first, rest) = text.split_first()?;
    match first {
        b'0'..=b'9' => {
            let hex = matches!(text.get(..2), Some(b"0x" | b"0X"));
            let digit = |byte: &u8| {
                byte.is_ascii_digit()
                    || *byte == b'.'
                    || hex && (byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X'))
            };
            let len = text.iter().take(LOOK).take_while(|byte| digit(byte)).count();
            let (number, rest) = text.split_at_checked(len)?;
            // `1st`, `3x`: no number.
            let ends = rest.first().is_none_or(|byte| !byte.is_ascii_alphabetic() && *byte != b'_');
            let member = number.ends_with(b".");
            (ends && !member).then_some((Operand::Number, rest))
        }
        b'"' | b'\'' => {
            let len = memchr::memchr(first, rest.get(..rest.len().min(LOOK * 2))?)?;
            Some((Operand::Text, rest.get(len + 1..)?))
        }
        b'[' | b'(' => {
            let close = if first == b'[' { b']' } else { b')' };
            let len = memchr::memchr(close, rest.get(..rest.len().min(LOOK * 2))?)?;
            let inside = rest.get(..len)?;
            let literal =
                inside.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b',' | b'.'))
                    || matches!(inside.first(), Some(b'"' | b'\''));
            literal.then_some((Operand::List, rest.get(len + 1..)?))
        }
        _ => None,
    }
}

/// `2024-11-22`.
fn is_date(text: &[u8]) -> bool {
    let digits =
        |from: usize, to: usize| text.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    digits(0, 2) && text.iter().take(5).any(|byte| *byte == b'-') && {
        let part = text.get(..8).unwrap_or(text);
        part.iter().filter(|byte| **byte == b'-').count() == 2 || digits(0, 4) && digits(5, 7)
    }
}

fn skip(text: &[u8], blank: impl Fn(u8) -> bool) -> &[u8] {
    let len = text.iter().take(LEAD).take_while(|byte| blank(**byte)).count();
    text.get(len..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_probes_from_names() {
        for text in ["7*7}}", " 7 * 7 }", "7*'7'}}", "'7'*7", "(12+30)", "=3*3", "1337-1", "9/3"] {
            assert_eq!(beginning(text.as_bytes()), Beginning::Arithmetic, "{text}");
        }
        for text in ["'a'.toUpperCase()", "\"\".getClass()", "''.__class__", "[].class", "().x", "''['y']"] {
            assert_eq!(beginning(text.as_bytes()), Beginning::MemberOfLiteral, "{text}");
        }
        for text in
            ["name", "user.name", "1,2,3}", "2024-11-22", "1st-2nd", "", "'x'", "a*b", "i+1", "'a' + b", "$x"]
        {
            assert_eq!(beginning(text.as_bytes()), Beginning::Other, "{text}");
        }
    }
}
