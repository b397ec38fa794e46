//! Finds commands by where they stand in a value.

use std::ops::Range;

use super::{
    aimed::is_aimed,
    argument::{Argument, blank_as_variable},
    commands::{Grade, grade},
    word::Word,
};
use crate::detect::{Found, Strength, Value};

/// Looks at each place of the value where a shell would begin a command.
pub(super) fn examine(value: &Value<'_>, found: &mut Found) {
    // Lists write line ends as `\n`.
    let bytes = value.bytes.strip_suffix(b"\\n").unwrap_or(value.bytes);
    let mut line = Line {
        value: bytes,
        decoded: !value.layers.is_empty(),
        ends_in_pipe: value.bytes.trim_ascii_end().ends_with(b"|"),
        found,
        before: Before::default(),
    };
    line.scan();
}

/// Most commands within text that are looked at: what they add up to is known by then.
const LONGEST_COMMAND_LINE: u32 = 64;

/// How often one byte is repeated that is padding.
const PADDING: usize = 32;

/// What stands before the place that is looked at.
#[derive(Debug, Default)]
struct Before {
    /// Words with a letter or digit, divided by blanks.
    words: u32,
    in_word: bool,
    /// How often the word that is passed repeats its first byte; `u32::MAX` if it has another.
    run: u32,
    /// The value begins with a command: people share command lines.
    command: bool,
    /// And that one downloads.
    download: bool,
    single_quotes: u32,
    double_quotes: u32,
    /// The last byte that is no blank.
    last: u8,
    /// The names of the last variables given a value as shells write it, without `$`.
    assigned: [Range<usize>; 4],
    assignments: usize,
    backtick_open: bool,
    fenced: bool,
    /// How many places within text were looked at.
    places: u32,
}

impl Before {
    /// Whether the word that was passed is one byte repeated.
    const fn is_padding(&self) -> bool {
        self.run >= PADDING as u32 && self.run < u32::MAX
    }
}

/// How the place relates to what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The first word of the value.
    Start,
    /// Behind a separator that nothing but quotes and brackets stands before.
    Front,
    /// Behind a single value: `127.0.0.1;`.
    Value,
    /// Behind a string that is closed here: `x';`.
    Closed,
    /// Somewhere in text, or in a command line.
    Text,
}

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
    found: &'b mut Found,
    before: Before,
}

impl Line<'_, '_> {
    fn scan(&mut self) {
        let mut at = self.start(0);
        if !self.is_padded() && !has_openers(self.value.get(at..).unwrap_or_default()) {
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

    /// Takes note of a byte that is part of no separator.
    fn pass(&mut self, at: usize, byte: u8) {
        match byte {
            b' ' | b'\t'..=b'\r' => {
                // Padding is no word.
                self.before.words -= u32::from(self.before.in_word && self.before.is_padding());
                self.before.in_word = false;
                return;
            }
            b'\'' => {
                self.before.single_quotes += 1;
                self.before.run = u32::MAX;
            }
            b'"' => {
                self.before.double_quotes += 1;
                self.before.run = u32::MAX;
            }
            b'=' => {
                self.assign(at);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | 0x80.. => {
                if !self.before.in_word {
                    self.before.words += 1;
                    self.before.in_word = true;
                    self.before.run = 0;
                }
                let goes_on = self.before.run == 0 || self.before.last == byte;
                self.before.run = if goes_on { self.before.run.saturating_add(1) } else { u32::MAX };
            }
            _ => {}
        }
        self.before.last = byte;
    }

    /// Takes note of the variable that the `=` at `at` gives a value.
    fn assign(&mut self, at: usize) {
        let name = self.value.get(..at).unwrap_or_default();
        let len = name.iter().rev().take(24).take_while(|byte| is_name(**byte)).count();
        let dollar = at.checked_sub(len + 1).and_then(|at| self.value.get(at)) == Some(&b'$');
        if len > 0 && !dollar {
            let slot = self.before.assignments % self.before.assigned.len();
            if let Some(slot) = self.before.assigned.get_mut(slot) {
                *slot = at - len..at;
            }
            self.before.assignments += 1;
        }
    }

    /// Whether the word is a variable that was given a value before: `a=id;$a`.
    fn is_assigned(&self, word: &Word) -> bool {
        let text = self.value.get(word.start + 1..word.end).unwrap_or_default();
        let len = text.iter().take_while(|byte| is_name(**byte)).count();
        let name = text.get(..len);
        word.is_variable
            && len > 0
            && self.before.assigned.iter().any(|known| self.value.get(known.clone()) == name)
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

    fn place(&self) -> Place {
        let Before { words, command, single_quotes, double_quotes, last, fenced, .. } = self.before;
        let closed = match last {
            b'\'' => single_quotes % 2 == 1,
            b'"' => double_quotes % 2 == 1,
            _ => false,
        };
        let words = words - u32::from(self.before.in_word && self.before.is_padding());
        match words {
            0 => Place::Front,
            _ if fenced => Place::Text,
            1 if !command => Place::Value,
            _ if closed => Place::Closed,
            _ => Place::Text,
        }
    }

    /// Looks at the first word of the value, and returns where to go on.
    fn start(&mut self, mut at: usize) -> usize {
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

    fn command(&self, word: &Word) -> Option<Grade> {
        // `etc/passwd` is a file first of all.
        if word.long || word.name().len() < 2 || word.is_path && word.name() == b"passwd" {
            return None;
        }
        grade(word.name())
    }

    /// `/???/c?t`, `/bin/[i]d`
    fn glob_command(&mut self, word: &Word) {
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
    fn shape(&mut self, word: &Word, command: Grade, argument: Argument, place: Place) {
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
    fn calls_command(&self, word: &Word) -> bool {
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

    #[expect(clippy::too_many_arguments, reason = "all that is known about one place")]
    fn judge(
        &mut self,
        place: Place,
        opener: Opener,
        glued: bool,
        command: Grade,
        argument: Argument,
        word: &Word,
        separator: usize,
    ) {
        self.shape(word, command, argument, place);
        if place != Place::Text {
            self.glob_command(word);
        }
        let at = separator..word.end;
        let telling = argument == Argument::Telling;
        match argument {
            Argument::Other | Argument::Call => return,
            Argument::None | Argument::Telling | Argument::Word => {}
        }
        match opener {
            Opener::Backtick => self.backtick(place, glued, command, argument, word, at),
            Opener::Substitution => self.substitution(place, glued, command, argument, at),
            Opener::Newline => match place {
                Place::Front | Place::Value if self.decoded && command >= Grade::Short => {
                    self.found.push("line end, then a command", Strength::Strong, at);
                }
                Place::Value if self.is_bare_probe(separator, word) => {
                    self.found.push("line end, then a command", Strength::Strong, at);
                }
                Place::Front if word.name() == b"for" && matches!(self.byte(word.end + 1), b'%' | b'/') => {
                    self.found.push("loop of a Windows shell", Strength::Strong, at);
                }
                Place::Front if word.name() == b"trap" && telling => {
                    self.found.push("line end, then a command", Strength::Strong, at);
                }
                _ if place != Place::Text && is_aimed(word.name(), self.rest(word.end)) => {
                    self.found.push("line end, then a command", Strength::Strong, at);
                }
                Place::Front if command >= Grade::Short && word.is_path => {
                    self.found.push("line end, then a program's path", Strength::Strong, at);
                }
                Place::Front if command >= Grade::Short && argument != Argument::Word => {
                    self.found.push("line end, then a command", Strength::Strong, at);
                }
                Place::Start | Place::Front | Place::Value | Place::Closed | Place::Text => {}
            },
            Opener::And | Opener::Separator | Opener::Pipe => {
                if opener == Opener::Pipe && self.is_table_cell(word) {
                    return;
                }
                if opener == Opener::And && argument == Argument::None && self.byte(word.end) == b';' && glued
                {
                    // `&copy;`
                    return;
                }
                if self.ends_character_reference(separator) {
                    return;
                }
                let is_prose = argument == Argument::None && place == Place::Value && self.is_prose(word);
                let aimed = telling || matches!(command, Grade::Filter | Grade::Short);
                let aimed = aimed && is_aimed(word.name(), self.up_to_separator(word.end));
                let strength = match (place, command, argument) {
                    (Place::Value, Grade::Short, _) if is_prose => Some(Strength::Tag),
                    (Place::Start, ..) => None,
                    (Place::Front, Grade::Name, _) => Some(Strength::Certain),
                    (Place::Front, Grade::Short, Argument::None | Argument::Telling) => {
                        Some(Strength::Certain)
                    }
                    (Place::Front | Place::Value | Place::Closed, ..) if aimed => Some(Strength::Strong),
                    (Place::Front, Grade::Short, Argument::Word)
                        if opener == Opener::And
                            && !(word.name() == b"echo" && separator + 1 == word.start) =>
                    {
                        Some(Strength::Medium)
                    }
                    (Place::Front, Grade::Short, Argument::Word) => Some(Strength::Strong),
                    (Place::Front, Grade::Short, _) => None,
                    (Place::Front, Grade::Word | Grade::Filter, Argument::Telling) => Some(Strength::Strong),
                    (Place::Front, Grade::Word, Argument::None) if opener != Opener::And => {
                        Some(Strength::Strong)
                    }
                    (Place::Front, ..) => None,
                    (Place::Closed | Place::Value, Grade::Name, _) => Some(Strength::Strong),
                    (Place::Closed | Place::Value, Grade::Short, Argument::Word) => Some(Strength::Tag),
                    (Place::Closed | Place::Value, Grade::Short, _) => Some(Strength::Strong),
                    (Place::Closed | Place::Value, _, Argument::Telling) => Some(Strength::Medium),
                    (Place::Closed | Place::Value, ..) => None,
                    (Place::Text, Grade::Name | Grade::Short, Argument::Telling) => Some(Strength::Tag),
                    (Place::Text, ..) => None,
                };
                if opener == Opener::Pipe
                    && argument == Argument::None
                    && place == Place::Text
                    && is_shell(word.name())
                {
                    // `curl ... | sh` is how projects tell people to install them.
                    let shared = self.before.download && !self.begins_with_plain_http();
                    let strength = if shared { Strength::Medium } else { Strength::Strong };
                    self.found.push("piped into a shell", strength, at.clone());
                }
                if glued
                    && place == Place::Text
                    && self.before.words == 1
                    && opener != Opener::Pipe
                    && command >= Grade::Short
                    && self.byte(word.start.saturating_sub(1)) != b' '
                {
                    self.found.push("commands without a blank between", Strength::Strong, at.clone());
                }
                let what = match place {
                    Place::Front => "begins with a separator and a command",
                    Place::Closed => "string closed, then a command",
                    Place::Value => "one value, then a command",
                    Place::Start | Place::Text => "command line",
                };
                if let Some(strength) = strength {
                    self.found.push(what, strength, at.clone());
                }
                if glued && telling && place == Place::Value && command >= Grade::Short {
                    self.found.push("separator without a blank, then a command", Strength::Medium, at);
                }
            }
        }
    }

    fn backtick(
        &mut self,
        place: Place,
        glued: bool,
        command: Grade,
        argument: Argument,
        word: &Word,
        at: Range<usize>,
    ) {
        let close = memchr::memchr(b'`', self.value.get(word.end..).unwrap_or_default());
        let rest = close.and_then(|close| self.value.get(word.end + close + 1..));
        let whole = rest.is_some_and(|rest| rest.len() < 16 && !rest.iter().any(u8::is_ascii_alphanumeric));
        match (place, command) {
            (Place::Front, Grade::Name | Grade::Short)
                if whole && (argument != Argument::Word || is_recon(word.name())) =>
            {
                self.found.push("nothing but a substituted command", Strength::Certain, at);
            }
            (Place::Front, _) if whole && argument == Argument::Telling => {
                self.found.push("nothing but a substituted command", Strength::Strong, at);
            }
            (Place::Value | Place::Closed, Grade::Name | Grade::Short) if glued => {
                self.found.push("command substituted within a word", Strength::Strong, at);
            }
            _ => {}
        }
    }

    fn substitution(
        &mut self,
        place: Place,
        glued: bool,
        command: Grade,
        argument: Argument,
        at: Range<usize>,
    ) {
        let strength = match (place, command) {
            (Place::Front, Grade::Name | Grade::Short) => Strength::Certain,
            (Place::Front, _) => Strength::Strong,
            (Place::Value | Place::Closed, Grade::Name | Grade::Short) if self.before.last == b'=' => {
                Strength::Medium
            }
            (Place::Value | Place::Closed, Grade::Name | Grade::Short) if glued => Strength::Strong,
            (_, Grade::Name | Grade::Short) if argument == Argument::Telling => Strength::Tag,
            _ => return,
        };
        self.found.push("substituted command", strength, at);
    }

    /// `&lt;`
    fn ends_character_reference(&self, semicolon: usize) -> bool {
        let before = self.value.get(..semicolon).unwrap_or_default();
        let mut before = before.iter().rev().take(10).skip_while(|byte| byte.is_ascii_alphanumeric());
        self.byte(semicolon) == b';' && before.next() == Some(&b'&')
    }

    fn up_to_separator(&self, at: usize) -> &[u8] {
        let rest = self.rest(at);
        let end = rest.iter().take(256).position(|byte| matches!(byte, b';' | b'|' | b'&' | b'\'' | b'"'));
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    }

    /// What projects tell people to download comes over https.
    fn begins_with_plain_http(&self) -> bool {
        let start = self.value.get(..self.value.len().min(512)).unwrap_or_default();
        memchr::memmem::find(start, b"http://").is_some()
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.value.get(at..).unwrap_or_default()
    }

    /// A number or address, a line end, and a command that shows whether an injection works: `1\nid`.
    fn is_bare_probe(&self, line_end: usize, word: &Word) -> bool {
        let Some(before) = self.value.get(..line_end).filter(|before| before.len() < 40) else {
            return false;
        };
        let letters = before.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        letters < 2
            && is_recon(word.name())
            && !matches!(word.name(), b"cat" | b"host" | b"sleep")
            && self.rest(word.end).trim_ascii().is_empty()
    }

    /// Whether a name without arguments is more likely a word or a cell of a list: `lunch; sleep`, `name;id;type`.
    fn is_prose(&self, word: &Word) -> bool {
        let behind = self.value.get(word.end..).unwrap_or_default();
        // Nobody's list begins with a number and goes on with a command.
        if is_recon(word.name())
            && self.value.get(..word.start - 1).is_some_and(|first| first.iter().all(u8::is_ascii_digit))
        {
            return false;
        }
        let in_list = behind.first().is_some_and(|byte| matches!(byte, b';' | b'|' | b'&'))
            && behind.get(1).is_some_and(u8::is_ascii_alphanumeric);
        let is_word = matches!(
            word.name(),
            b"sleep" | b"cat" | b"echo" | b"dash" | b"finger" | b"java" | b"ping" | b"snap"
        );
        in_list || is_word && word.start > 0 && self.byte(word.start - 1) == b' '
    }

    /// `| id | name |`
    fn is_table_cell(&self, word: &Word) -> bool {
        let rest = self.value.get(word.end..).unwrap_or_default();
        let mut rest = rest.iter().skip_while(|byte| **byte == b' ');
        rest.next() == Some(&b'|') && rest.any(|byte| *byte == b'|')
    }
}

/// Whether a command may begin somewhere in it but at its front.
fn has_openers(value: &[u8]) -> bool {
    memchr::memchr3(b';', b'|', b'&', value).is_some()
        || memchr::memchr3(b'$', b'`', b'\n', value).is_some()
        || memchr::memchr3(b'<', b'>', b'\r', value).is_some()
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

/// Commands that show whether an injection works: nobody asks for them as a value.
fn is_recon(name: &[u8]) -> bool {
    matches!(
        name,
        b"id"
            | b"whoami"
            | b"uname"
            | b"ifconfig"
            | b"netstat"
            | b"ls"
            | b"cat"
            | b"ps"
            | b"nc"
            | b"ncat"
            | b"wget"
            | b"curl"
            | b"sleep"
            | b"ping"
            | b"getent"
            | b"nslookup"
            | b"dig"
            | b"host"
    )
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

fn is_shell(name: &[u8]) -> bool {
    matches!(name, b"sh" | b"bash" | b"zsh" | b"dash" | b"ksh")
}

fn count(text: &[u8], byte: u8) -> u32 {
    text.iter().map(|other| u32::from(*other == byte)).sum()
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether text is the absolute path of a program: `/bin/cat`, `/usr/bin/id`.
fn is_program_path(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"/usr").unwrap_or(text);
    let text = text.strip_prefix(b"/local").unwrap_or(text);
    text.starts_with(b"/bin/") || text.starts_with(b"/sbin/")
}

/// Whether a folder's name with at least one `?`, `*` or `[` may stand for `name`, or is `name`.
fn glob_of(pattern: &[u8], name: &[u8]) -> bool {
    pattern == name
        || pattern == b"*"
        || pattern.len() == name.len()
            && pattern.iter().zip(name).all(|(pattern, byte)| *pattern == b'?' || pattern == byte)
        || pattern.strip_suffix(b"*").is_some_and(|start| !start.is_empty() && name.starts_with(start))
}
