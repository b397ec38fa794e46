//! Judges a command by what introduces it, what stands before that and what it is handed.

use std::ops::Range;

use super::{Line, Opener, before::Place};
use crate::detect::{
    Strength,
    cmdexe::{
        aimed::is_aimed,
        argument::Argument,
        commands::{Grade, is_recon, is_shell},
        word::Word,
    },
};

impl Line<'_, '_> {
    #[expect(clippy::too_many_arguments, reason = "all that is known about one place")]
    pub(super) fn judge(
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
