//! The first word of a value.

use super::{Line, before::Place};
use crate::detect::{
    Strength,
    cmdexe::{
        aimed::is_aimed,
        argument::Argument,
        commands::{Grade, is_recon},
        word::Word,
    },
};

impl Line<'_, '_> {
    /// Looks at the first word of the value, and returns where to go on.
    pub(super) fn start(&mut self, mut at: usize) -> usize {
        while let Some(&byte) = self.value.get(at) {
            if !matches!(byte, b' ' | b'\t' | b'\'' | b'"' | b')' | b'.' | b'+' | b',' | b']' | b'\\') {
                break;
            }
            self.pass(at, byte);
            at += 1;
        }
        if at == 0 && is_perl_interpolation(self.value) {
            self.found.push("expression interpolated by Perl", Strength::Strong, 0..self.value.len().min(8));
        }
        if self.value.get(at..).is_some_and(|rest| rest.starts_with(b"() {")) && at == 0 {
            self.found.push("function without a name", Strength::Strong, at..at + 4);
        }
        // `PATH=...; make`: people set variables in capitals.
        let name = self.value.get(at..).unwrap_or_default();
        let len = name.iter().take(32).take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
        if len > 0 && name.get(len) == Some(&b'=') {
            self.before.command = true;
        }
        // What begins with a separator has no first word.
        if matches!(self.byte(at), b';' | b'|' | b'&' | b'\n' | b'\r' | b'`')
            || matches!(self.byte(at), b'<' | b'$' if self.byte(at + 1) == b'(')
        {
            return at;
        }
        if let Some(skip) = written_line_end(self.value).or_else(|| opened_file(self.value)) {
            let word = Word::read(self.value, skip);
            let known = self.command(&word).is_some_and(|command| command >= Grade::Short);
            if known && Argument::behind(self.value, &word) != Argument::Word {
                self.found.push("line end, then a command", Strength::Strong, 0..word.end);
            }
        }
        let word = Word::read(self.value, at);
        let Some(command) = self.command(&word) else {
            self.glob_command(&word);
            if self.byte(word.end) == b'('
                && self.calls_command(&word)
                && !matches!(word.name(), b"phpinfo" | b"print")
            {
                self.found.push("call that runs a command", Strength::Strong, word.range());
            }
            return at;
        };
        let argument = Argument::behind(self.value, &word);
        self.before.command = argument != Argument::Other
            && (argument != Argument::Word || command > Grade::Word)
            && !matches!(word.name(), b"time" | b"test" | b"search" | b"host" | b"file")
            && !matches!(self.byte(word.end), b'`' | b')');
        self.before.download = matches!(word.name(), b"curl" | b"wget" | b"sudo");
        if word.name() == b"for" && matches!(self.byte(word.end + 1), b'%' | b'/') {
            self.found.push("loop of a Windows shell", Strength::Strong, word.range());
        }
        if word.name() == b"cmd" && argument == Argument::Telling && self.byte(word.end + 1) == b'/' {
            self.found.push("shell called with a command", Strength::Strong, word.range());
        }
        self.shape(&word, command, argument, Place::Start);
        self.glob_command(&word);
        let rest = self.value.get(word.end..).unwrap_or_default();
        let lines = memchr::memchr(b'\n', rest.trim_ascii_end());
        if word.start == 0 && lines.is_none() && is_aimed(word.name(), rest) {
            self.found.push("command that explores a machine", Strength::Strong, word.range());
        }
        if word.start == 0 && word.name() == b"cat" && (rest.starts_with(b" $(") || rest.starts_with(b" `")) {
            self.found.push("file whose name is the result of a command", Strength::Strong, word.range());
        }
        // A script that begins at the root.
        if word.name() == b"cd" && lines.is_some() && rest.starts_with(b" /\n") {
            self.found.push("command line that begins at the root", Strength::Strong, word.range());
        }
        if self.ends_in_pipe && command >= Grade::Short && argument != Argument::Other {
            self.found.push("command, then a pipe to nothing", Strength::Strong, word.range());
        }
        if self.value.get(word.end..).is_some_and(|rest| rest.starts_with(b"<<<")) {
            self.found.push("command that reads a string", Strength::Strong, word.range());
        }
        if word.is_path && is_program_path(self.value.get(word.range()).unwrap_or_default()) {
            let then_separator = matches!(self.byte(word.end), b';' | b'|' | b'&' | b'`');
            if argument == Argument::Telling || then_separator || is_recon(word.name()) {
                self.found.push("program called by its path", Strength::Strong, word.range());
            }
        }
        at
    }
}

/// The length of line ends that are written as `\n` at the front: lists are read by programs that undo it.
fn written_line_end(value: &[u8]) -> Option<usize> {
    let skip = [&b"\\r\\n"[..], b"\\n"].iter().find(|end| value.starts_with(end))?.len();
    let rest = value.get(skip..)?;
    Some(skip + rest.iter().take(4).take_while(|byte| **byte == b' ').count())
}

/// `<id;`: what is left of a redirection in front of a probe.
fn opened_file(value: &[u8]) -> Option<usize> {
    let [b'<' | b'\\', name @ ..] = value else { return None };
    let len = name.iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let is_probe = matches!(name.get(..len), Some(b"id" | b"whoami" | b"ls" | b"uname"));
    (is_probe && name.len() < len + 3 && matches!(name.get(len), None | Some(b';' | b'|' | b'&')))
        .then_some(1)
}

/// `@{[ system 'id' ]}`: an expression within a string, for a value that is evaluated as one.
fn is_perl_interpolation(value: &[u8]) -> bool {
    let signs = value.iter().take(8).take_while(|byte| **byte == b'@').count();
    let rest = value.get(signs..).unwrap_or_default();
    signs > 0
        && rest.first() == Some(&b'{')
        && rest.iter().skip(1).take(16).find(|byte| **byte != b' ') == Some(&b'[')
}

/// Whether text is the absolute path of a program: `/bin/cat`, `/usr/bin/id`.
fn is_program_path(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"/usr").unwrap_or(text);
    let text = text.strip_prefix(b"/local").unwrap_or(text);
    text.starts_with(b"/bin/") || text.starts_with(b"/sbin/")
}
