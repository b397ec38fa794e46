//! Tells what stands behind the name of a command.

use super::word::Word;

/// What follows the name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// Nothing, or what ends a command.
    None,
    /// A flag, path, address, number, variable, or string.
    Telling,
    /// A word.
    Word,
    /// `(`.
    Call,
    /// Something that no command is followed by.
    Other,
}

impl Argument {
    /// Longest part of an argument that is looked at.
    const LONGEST: usize = 48;

    /// Reads what follows a command.
    pub(super) fn behind(value: &[u8], command: &Word) -> Self {
        if command.is_ended_by_ifs || command.is_brace {
            return Self::Telling;
        }
        let rest = value.get(command.end..).unwrap_or_default();
        match rest.first() {
            None | Some(b';' | b'|' | b'&' | b')' | b'`' | b'}') => return Self::None,
            Some(b'(') => return Self::Call,
            Some(b'<' | b'>') => return Self::Telling,
            Some(b' ' | b'\t'..=b'\r' | b'+') => {}
            Some(_) => return Self::Other,
        }
        let blanks = rest.iter().take(16).take_while(|byte| matches!(**byte, b' ' | b'\t' | b'+')).count();
        let rest = rest.get(blanks..).unwrap_or_default();
        let Some((first, behind)) = rest.split_first() else { return Self::None };
        let second = behind.first().copied().unwrap_or_default();
        match first {
            b';' | b'|' | b'&' | b')' | b'`' | b'}' | b'#' | b'\n' | b'\r' => Self::None,
            // A string, or the quote that closed the value.
            b'\'' | b'"' => match behind.iter().find(|byte| **byte != b' ') {
                None | Some(b';' | b'|' | b'&' | b'#') => Self::None,
                Some(_) => Self::Telling,
            },
            b'-' if matches!(second, b'-' | b'{') || second.is_ascii_alphanumeric() => Self::Telling,
            b'/' | b'~' | b'$' | b'%' | b'*' | b'\\' | b'>' | b'<' | b'0'..=b'9' => Self::Telling,
            b'(' if command.name() == b"iex" => Self::Telling,
            b'.' if matches!(second, b'.' | b'/' | b' ') || second.is_ascii_alphabetic() => Self::Telling,
            byte if byte.is_ascii_alphanumeric() => {
                if is_telling(rest) || is_subcommand(command.name(), rest) {
                    Self::Telling
                } else {
                    Self::Word
                }
            }
            _ => Self::Other,
        }
    }
}

/// Whether a word is a file, a host or an address: `a.txt`, `example.org`, `C:\\`, `x=y`.
fn is_telling(rest: &[u8]) -> bool {
    let len = rest.iter().take(Argument::LONGEST).take_while(|byte| !ends_word(**byte)).count();
    let word = rest.get(..len).unwrap_or_default();
    word.windows(2).any(|pair| match pair {
        [mark, next] => {
            matches!(mark, b'.' | b':' | b'/' | b'\\' | b'*' | b'?' | b'=' | b'$' | b'@')
                && (next.is_ascii_alphanumeric() || matches!(next, b'\\' | b'/'))
        }
        _ => false,
    })
}

const fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | b';' | b'|' | b'&')
}

/// Whether a command that is also an English word is followed by what only the command is: `net user`, `reg add`.
fn is_subcommand(command: &[u8], rest: &[u8]) -> bool {
    let wanted: &[&str] = match command {
        b"net" => &["user", "view", "localgroup", "group", "use ", "start", "share", "accounts", "stop "],
        b"reg" => &["add", "query", "delete", "save", "export"],
        b"sc" => &["query", "create", "config", "stop", "start"],
        b"route" => &["print", "add"],
        b"ip" => &["addr", "a ", "route", "link"],
        _ => &[],
    };
    wanted
        .iter()
        .any(|word| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes())))
}

/// The length of a variable at `at` that stands for blanks: `${IFS}`, `$IFS$9`, `$IFS`.
pub(super) fn blank_as_variable(value: &[u8], at: usize) -> Option<usize> {
    let rest = value.get(at..)?;
    let is_ifs = |text: Option<&[u8]>| text.is_some_and(|text| text.eq_ignore_ascii_case(b"ifs"));
    if rest.starts_with(b"${") && is_ifs(rest.get(2..5)) {
        let close = rest.iter().take(24).position(|byte| *byte == b'}')?;
        return Some(close + 1);
    }
    if rest.starts_with(b"$") && is_ifs(rest.get(1..4)) {
        let empty = matches!(rest.get(4..6), Some([b'$', b'1'..=b'9' | b'@' | b'*']));
        let goes_on = rest.get(4).is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        return (!goes_on).then_some(if empty { 6 } else { 4 });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(text: &str) -> Argument {
        Argument::behind(text.as_bytes(), &Word::read(text.as_bytes(), 0))
    }

    #[test]
    fn tells_arguments_from_words() {
        for text in [
            "ls -la",
            "cat /etc/x",
            "ping 10.0.0.1",
            "wget http://x",
            "cat a.txt",
            "dir C:\\",
            "cat<x",
            "net user",
            "cat${IFS}x",
        ] {
            assert_eq!(argument(text), Argument::Telling, "{text}");
        }
        for text in ["cat people", "more or less", "net profit"] {
            assert_eq!(argument(text), Argument::Word, "{text}");
        }
        for text in ["id", "id;", "id ", "id #", "id '", "id | x"] {
            assert_eq!(argument(text), Argument::None, "{text}");
        }
        for text in ["id = 5", "id ? 1 : 2", "top - best"] {
            assert_eq!(argument(text), Argument::Other, "{text}");
        }
    }

    #[test]
    fn knows_variables_that_are_blanks() {
        let len = |text: &str| blank_as_variable(text.as_bytes(), 0);
        assert_eq!(
            [len("${IFS}x"), len("$IFS$9x"), len("$IFS/"), len("${ifs%??}x")],
            [Some(6), Some(6), Some(4), Some(9)]
        );
        assert_eq!([len("$ifsomething"), len("${x}"), len("x"), len("$")], [None; 4]);
    }
}
