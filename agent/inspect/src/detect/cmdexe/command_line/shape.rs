//! What a word gives away by its own form, wherever it stands.

use super::{Line, before::Place};
use crate::detect::{
    Strength,
    cmdexe::{
        argument::Argument,
        commands::{Grade, grade},
        word::Word,
    },
};

impl Line<'_, '_> {
    pub(super) fn command(&self, word: &Word) -> Option<Grade> {
        // `etc/passwd` is a file first of all.
        if word.long || word.name().len() < 2 || word.is_path && word.name() == b"passwd" {
            return None;
        }
        grade(word.name())
    }

    /// `/???/c?t`, `/bin/[i]d`
    pub(super) fn glob_command(&mut self, word: &Word) {
        if !word.is_path || !word.is_glob {
            return;
        }
        let text = self.value.get(word.range()).unwrap_or_default();
        let mut folders = text.split(|byte| *byte == b'/').skip(1);
        let Some(first) = folders.next() else { return };
        let is_bin = glob_of(first, b"bin") || glob_of(first, b"usr") || glob_of(first, b"sbin");
        if is_bin && folders.next().is_some() && Argument::behind(self.value, word) != Argument::Other {
            self.found.push("program named by a pattern", Strength::Strong, word.range());
        }
    }

    /// What a word gives away by its own form.
    pub(super) fn shape(&mut self, word: &Word, command: Grade, argument: Argument, place: Place) {
        if argument == Argument::Other {
            return;
        }
        let range = word.range();
        if word.tricks > 0 && command >= Grade::Short {
            let strength = if place == Place::Text { Strength::Tag } else { Strength::Strong };
            self.found.push("command name taken apart by quoting", strength, range.clone());
        }
        if word.is_ended_by_ifs && command >= Grade::Filter {
            self.found.push("blank written as ${IFS}", Strength::Certain, range.clone());
        }
        if word.is_brace && command >= Grade::Short && self.closes_brace(word.end) {
            self.found.push("command line in braces", Strength::Certain, range.clone());
        }
        if argument == Argument::Call && self.calls_command(word) && place != Place::Text {
            self.found.push("call that runs a command", Strength::Strong, range.clone());
        }
        if argument == Argument::Telling {
            let argument = Word::read(self.value, self.argument_start(word.end));
            if argument.names_password_file() && command >= Grade::Short {
                let strength = match (place, argument.tricks > 0 || argument.is_glob) {
                    (_, true) => Strength::Certain,
                    (Place::Text, false) => Strength::Medium,
                    (_, false) => Strength::Strong,
                };
                self.found.push("reads the password file", strength, word.start..argument.end);
            }
        }
    }

    fn argument_start(&self, at: usize) -> usize {
        let rest = self.value.get(at..).unwrap_or_default();
        let rest = rest.iter().take(16);
        at + rest.take_while(|byte| matches!(**byte, b' ' | b'\t' | b'+' | b'<')).count()
    }

    /// `{cat,/etc/passwd}` has no blank and is closed.
    fn closes_brace(&self, at: usize) -> bool {
        let rest = self.value.get(at..).unwrap_or_default();
        let mut inside = rest.iter().take(128).take_while(|byte| !matches!(**byte, b' ' | b'\n' | b'{'));
        inside.any(|byte| *byte == b'}')
            && rest
                .get(1)
                .is_some_and(|byte| matches!(byte, b'-' | b'/' | b'0'..=b'9' | b'$' | b'.' | b'\'' | b'"'))
    }

    /// `system('id')`, `exec("/bin/ls")`
    pub(super) fn calls_command(&self, word: &Word) -> bool {
        match word.name() {
            b"phpinfo" | b"phpversion" => true,
            b"system" | b"exec" | b"eval" | b"passthru" | b"shell_exec" | b"popen" | b"proc_open"
            | b"pcntl_exec" | b"print" | b"execsync" | b"spawn" => self.names_command(word.end),
            _ => false,
        }
    }

    fn names_command(&self, at: usize) -> bool {
        let rest = self.value.get(at..).unwrap_or_default();
        let skip = rest
            .iter()
            .take(8)
            .take_while(|byte| matches!(**byte, b'(' | b' ' | b'\'' | b'"' | b'\\'))
            .count();
        let word = Word::read(self.value, at + skip);
        skip > 1 && (word.is_path || self.command(&word).is_some_and(|command| command >= Grade::Short))
    }
}

/// Whether a folder's name with at least one `?`, `*` or `[` may stand for `name`, or is `name`.
fn glob_of(pattern: &[u8], name: &[u8]) -> bool {
    pattern == name
        || pattern == b"*"
        || pattern.len() == name.len()
            && pattern.iter().zip(name).all(|(pattern, byte)| *pattern == b'?' || pattern == byte)
        || pattern.strip_suffix(b"*").is_some_and(|start| !start.is_empty() && name.starts_with(start))
}
