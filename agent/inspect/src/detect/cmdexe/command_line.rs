//! Finds commands by where they stand in a value.

mod before;
mod judge;
mod shape;
mod start;

use super::{
    SEPARATORS,
    argument::{Argument, blank_as_variable},
    is_command,
    word::{Word, is_name},
};
use crate::{
    byte_set::ByteSet,
    detect::{Found, Strength, Value},
};
use before::{Before, PADDING, Place, count};

/// Looks at each place of the value where a shell would begin a command.
pub(super) fn examine(value: &Value<'_>, found: &mut Found) {
    let has_openers = value.kinds.has_any(OPENERS);
    if !has_openers && begins_with_prose(value.bytes) {
        return;
    }
    // Lists write line ends as `\n`.
    let bytes = value.bytes.strip_suffix(b"\\n").unwrap_or(value.bytes);
    let mut line = Line {
        value: bytes,
        decoded: !value.layers.is_empty(),
        ends_in_pipe: value.bytes.trim_ascii_end().ends_with(b"|"),
        has_openers,
        found,
        before: Before::default(),
    };
    line.scan();
}

/// What a command may follow.
const OPENERS: ByteSet = SEPARATORS.and(ByteSet::BREAK).and(ByteSet::LESS).and(ByteSet::GREATER);

/// Whether the first word is nothing but letters, with a blank behind it, and no command: then nothing at the front of
/// the value can be one.
fn begins_with_prose(value: &[u8]) -> bool {
    const LONGEST: usize = 24;
    let len = value.iter().take(LONGEST).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = value.split_at_checked(len).unwrap_or_default();
    len > 0 && rest.first() == Some(&b' ') && !is_command(word)
}

/// Most commands within text that are looked at: what they add up to is known by then.
const LONGEST_COMMAND_LINE: u32 = 64;

/// How the command is introduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    Newline,
    And,
    /// `;`, `|`, `&&`, `||`.
    Separator,
    Pipe,
    /// `` ` ``.
    Backtick,
    /// `$(`, `<(`, `>(`.
    Substitution,
}

struct Line<'a, 'b> {
    value: &'a [u8],
    decoded: bool,
    ends_in_pipe: bool,
    /// Whether a command may begin somewhere but at the front.
    has_openers: bool,
    found: &'b mut Found,
    before: Before,
}

impl Line<'_, '_> {
    fn scan(&mut self) {
        let mut at = self.start(0);
        if !self.has_openers && !self.is_padded() {
            return;
        }
        loop {
            at = self.pass_text(at);
            let Some(&byte) = self.value.get(at) else { return };
            if byte == b'$' && self.found_ifs(at) {
                return;
            }
            match self.opener(at, byte) {
                Some((opener, next)) => {
                    at = self.behind(opener, next);
                    if self.found.is_certain() {
                        return;
                    }
                }
                None => {
                    let words = self.before.words;
                    self.pass(at, byte);
                    at += 1;
                    if self.before.words < words && self.before.words == 0 {
                        at = self.start(at);
                    }
                }
            }
        }
    }

    /// Whether the value begins with one byte repeated, behind which its first word may stand.
    fn is_padded(&self) -> bool {
        let front = self.value.iter().position(u8::is_ascii_alphanumeric).unwrap_or_default();
        let run = self.value.get(front..front + PADDING);
        run.is_some_and(|run| run.iter().all(|byte| Some(byte) == run.first()))
    }

    /// Where the next byte stands that means something within a word or behind more than one.
    fn pass_text(&mut self, from: usize) -> usize {
        let is_text = self.before.words > 1;
        let in_long_word = self.before.in_word && self.before.run == u32::MAX;
        if !is_text && !in_long_word {
            return from;
        }
        let stops = |byte: &u8| MEANS_SOMETHING[usize::from(*byte)] || !is_text && byte.is_ascii_whitespace();
        let rest = self.value.get(from..).unwrap_or_default();
        let len = rest.iter().position(stops).unwrap_or(rest.len());
        let passed = rest.get(..len).unwrap_or_default();
        if let Some(last) = passed.last() {
            self.before.in_word = !last.is_ascii_whitespace();
            self.before.run = u32::MAX;
            if let Some(last) = passed.trim_ascii_end().last() {
                self.before.last = *last;
            }
        }
        from + len
    }

    /// `${IFS}` between two words: nobody writes blanks like this who does not have to.
    fn found_ifs(&mut self, at: usize) -> bool {
        let Some(len) = blank_as_variable(self.value, at) else { return false };
        let glued = at > 0 && !matches!(self.byte(at - 1), b' ' | b'=' | b'"' | b'\n');
        let goes_on = matches!(self.byte(at + len), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'/' | b'\'' | b'~');
        if glued && goes_on {
            self.found.push("blank written as ${IFS}", Strength::Certain, at..at + len);
        }
        glued && goes_on
    }

    fn byte(&self, at: usize) -> u8 {
        self.value.get(at).copied().unwrap_or_default()
    }

    /// What is introduced at a byte, and where it begins.
    fn opener(&mut self, at: usize, byte: u8) -> Option<(Opener, usize)> {
        let next = self.byte(at + 1);
        match byte {
            b';' => Some((Opener::Separator, at + 1)),
            b'|' if next == b'|' => Some((Opener::Separator, at + 2)),
            b'|' => Some((Opener::Pipe, at + 1)),
            b'&' if next == b'&' => Some((Opener::Separator, at + 2)),
            b'&' => Some((Opener::And, at + 1)),
            b'\n' | b'\r' => Some((Opener::Newline, at + 1)),
            b'$' if next == b'(' && self.byte(at + 2) == b'(' => None,
            b'$' | b'<' | b'>' if next == b'(' => Some((Opener::Substitution, at + 2)),
            b'`' => {
                if next == b'`' && self.byte(at + 2) == b'`' {
                    self.before.fenced = true;
                }
                self.before.backtick_open = !self.before.backtick_open;
                self.before.backtick_open.then_some((Opener::Backtick, at + 1))
            }
            _ => None,
        }
    }

    /// Looks at what follows a separator, and returns where to go on.
    fn behind(&mut self, opener: Opener, mut at: usize) -> usize {
        let place = self.place();
        if place == Place::Text {
            self.before.places += 1;
            if self.before.places > LONGEST_COMMAND_LINE {
                return at;
            }
        }
        let glued = self.before.in_word;
        let separator = at - 1;
        let mut opener = opener;
        let mut variable = None;
        // `;|id`, `'; "id`, `&&(id`: only what stands last introduces the command.
        while let Some(&byte) = self.value.get(at) {
            match byte {
                b' ' | b'\t' | b'+' | b'(' | b'!' | b'@' => self.before.in_word = false,
                b'\'' | b'"' => {
                    if self.byte(at + 1) == byte {
                        break;
                    }
                    self.pass(at, byte);
                }
                b'$' if let Some(len) = blank_as_variable(self.value, at) => {
                    self.found.push("blank written as ${IFS}", Strength::Medium, at..at + len);
                    at += len;
                    continue;
                }
                // `;$x cat file`: a variable that is not set.
                b'$' if variable.is_none() && is_name(self.byte(at + 1)) => {
                    let len = self
                        .value
                        .get(at + 1..)
                        .unwrap_or_default()
                        .iter()
                        .take(24)
                        .take_while(|byte| is_name(**byte))
                        .count();
                    let end = at + 1 + len;
                    if !matches!(self.byte(end), b' ' | b'+') || self.before.assignments > 0 {
                        break;
                    }
                    variable = Some(at..end);
                    at = end;
                }
                _ => match self.opener(at, byte) {
                    Some((next, behind)) => {
                        opener = stronger(opener, next);
                        at = behind;
                        continue;
                    }
                    None => break,
                },
            }
            at += 1;
        }
        self.before.in_word = false;
        if self.byte(at) == b'{'
            && self.value.get(at..at + 5) == Some(b"{cmd}")
            && matches!(place, Place::Front | Place::Value)
        {
            self.found.push("placeholder of an attack list", Strength::Strong, separator..at + 5);
        }
        if opener == Opener::Pipe && self.value.get(at..).is_some_and(|rest| rest.trim_ascii_end() == b"$0") {
            self.found.push("piped into a shell", Strength::Strong, separator..at + 2);
        }
        let word = Word::read(self.value, at);
        let next = word.end.max(at);
        match self.command(&word) {
            Some(command) => {
                let argument = Argument::behind(self.value, &word);
                if let (Some(variable), Place::Front | Place::Value) = (variable, place) {
                    self.found.push("empty variable before a command", Strength::Medium, variable);
                }
                self.judge(place, opener, glued, command, argument, &word, separator);
            }
            None if self.is_assigned(&word)
                && matches!(Argument::behind(self.value, &word), Argument::None | Argument::Telling) =>
            {
                self.found.push("variable called as a command", Strength::Strong, separator..word.end);
            }
            None => {
                let variable = self.value.get(at..word.end).unwrap_or_default();
                if matches!(place, Place::Front) && matches!(variable, b"$SHELL" | b"${SHELL}" | b"$0") {
                    self.found.push("variable called as a command", Strength::Strong, separator..word.end);
                }
                if place != Place::Text {
                    self.glob_command(&word);
                    if self.byte(word.end) == b'(' && self.calls_command(&word) {
                        self.found.push("call that runs a command", Strength::Strong, separator..word.end);
                    }
                }
            }
        }
        // The word counts like any other.
        if next > at {
            let last = next - 1;
            self.before.words += 1;
            self.before.last = self.byte(last);
            self.before.in_word = true;
            let quoted = self.value.get(at..next).unwrap_or_default();
            self.before.single_quotes += count(quoted, b'\'');
            self.before.double_quotes += count(quoted, b'"');
            if let Some(equals) = memchr::memchr(b'=', quoted) {
                self.assign(at + equals);
            }
        }
        next
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.value.get(at..).unwrap_or_default()
    }
}

/// The bytes of separators, substitutions, strings and assignments.
static MEANS_SOMETHING: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest = b";|&\n\r$<>`'\"=".as_slice();
    while let Some((byte, behind)) = rest.split_first() {
        table[*byte as usize] = true;
        rest = behind;
    }
    table
};

/// What introduces a command behind several openers.
const fn stronger(first: Opener, second: Opener) -> Opener {
    match (first, second) {
        (_, Opener::Substitution | Opener::Backtick) => second,
        (Opener::Newline | Opener::And, _) => second,
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_prose_has_no_command_at_its_front() {
        for prose in ["See /etc/hosts", "one cat", "Well (done)"] {
            assert!(begins_with_prose(prose.as_bytes()), "{prose}");
        }
        for other in
            ["cat /etc/hosts", "CAT /etc/hosts", "I'd say", "c\\at x", "/bin/cat x", "ls", "$x y", "<id;", ""]
        {
            assert!(!begins_with_prose(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_begins_with_prose_is_read_if_a_command_may_follow() {
        for attack in [
            "hello; cat /etc/passwd",
            "hello | cat /etc/passwd",
            "hello && cat /etc/passwd",
            "hello\ncat /etc/passwd",
        ] {
            let mut found = Found::default();
            examine(&Value::text(attack.as_bytes()), &mut found);
            assert!(!found.is_empty(), "{attack}");
        }
    }
}
