//! JavaScript without a tag: words that call, and what stands before them.
//!
//! One pass over the words of a value. A call alone is code that people paste. It is an attack where it follows the
//! end of a string, a statement or a template that the value did not begin.

mod argument;
mod attribute;
mod break_out;
mod name;
mod whole;

use std::ops::Range;

use crate::detect::{
    Found, Strength,
    xss::{handler::is_handler, small::Small},
};
use name::{Root, is_function, is_writer, root_of};

pub(super) use argument::is_attack_argument;

/// Bytes between a handler's `=` and a call in it.
const HANDLER_REACH: usize = 64;

/// Bytes between `top[` and the `](` that makes it a call.
const COMPUTED_REACH: usize = 160;

/// A run of nothing but `[]()!+` of this length is no expression that a person wrote.
const PUNCTUATION_RUN: u32 = 16;

/// Reads the words of a value, reports what breaks out of a string, an attribute or a template, and returns the
/// first call that attacks end in.
pub(super) fn read(text: &[u8], found: &mut Found) -> Option<Range<usize>> {
    let begin = text.iter().take_while(|byte| **byte <= b' ').count();
    let mut reader = Reader {
        text,
        found,
        begin,
        call: None,
        open: [false; 3],
        chain: 0..0,
        root: Root::Other,
        function: None,
        handler: None,
        computed: None,
        run: 0,
        run_set: 0,
        ended: false,
        styles: 4,
    };
    reader.read();
    reader.call
}

struct Reader<'a, 'f> {
    text: &'a [u8],
    found: &'f mut Found,
    /// Where the value begins, without blanks.
    begin: usize,
    call: Option<Range<usize>>,
    /// Whether an odd number of `"`, `'` and backticks was seen.
    open: [bool; 3],
    /// The words joined by dots that were read last.
    chain: Range<usize>,
    root: Root,
    /// A function that `.call` may follow, by its end.
    function: Option<usize>,
    /// The last event handler with `=`: its name, and where its value begins.
    handler: Option<(Range<usize>, usize)>,
    /// Where the last object began whose member is computed: `top['al' + 'ert']`.
    computed: Option<usize>,
    /// The bytes `[]()!+` that were seen last in a row, and which of them.
    run: u32,
    run_set: u8,
    /// Whether the end of the value was looked at.
    ended: bool,
    /// How many styles outside tags may still be read.
    styles: u8,
}

impl Reader<'_, '_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(&byte) = self.text.get(at) {
            if byte <= b' ' && self.run == 0 {
                at += 1;
                continue;
            }
            if is_word(byte) {
                let rest = self.text.get(at..).unwrap_or_default();
                let len = rest.iter().take_while(|byte| is_word(**byte)).count();
                self.run = 0;
                self.word(at..at + len);
                at += len;
            } else {
                self.punctuation(byte, at);
                at += 1;
            }
            // With the call that the caller adds it blocks in every profile.
            if self.call.is_some() && self.found.score() >= Strength::Strong as u32 {
                return;
            }
        }
    }

    fn punctuation(&mut self, byte: u8, at: usize) {
        let bit = match byte {
            b'[' => 1,
            b']' => 2,
            b'(' => 4,
            b'!' => 8,
            b'+' => 16,
            b')' => 32,
            // A `+` that was read as a blank.
            b' ' if self.run > 0 => return,
            b'"' | b'\'' | b'`' => {
                if let Some(open) = self.open.get_mut(kind(byte)) {
                    *open = !*open;
                }
                0
            }
            _ => 0,
        };
        if bit == 0 {
            self.run = 0;
            self.run_set = 0;
            return;
        }
        if self.run == 0 {
            self.run_set = 0;
        }
        self.run += 1;
        self.run_set |= bit;
        if self.run == PUNCTUATION_RUN && self.run_set & 19 == 19 && self.run_set & 12 != 0 {
            self.found.push("script of nothing but brackets", Strength::Strong, at + 1 - 16..at + 1);
        }
        if byte == b']'
            && self.text.get(at + 1) == Some(&b'(')
            && matches!(self.text.get(at + 2), Some(b'"' | b'\'' | b'`'))
            && self
                .text
                .get(at.saturating_sub(12)..at)
                .is_some_and(|name| name.get(..11) == Some(b"constructor"))
        {
            self.found.push("function made of a string", Strength::Strong, at - 12..at + 2);
        }
        if byte == b']'
            && matches!(self.text.get(at + 1), Some(b'(' | b'`'))
            && let Some(start) = self.computed.take()
            && at - start <= COMPUTED_REACH
        {
            self.called(start, at + 1);
        }
    }

    fn word(&mut self, at: Range<usize>) {
        let before = at.start.checked_sub(1).and_then(|at| self.text.get(at)).copied();
        let joined = before == Some(b'.') && self.chain.end + 1 == at.start
            || before == Some(b'.') && self.text.get(..at.start).is_some_and(|text| text.ends_with(b"?."));
        let start = if joined { self.chain.start } else { at.start };
        let root = if joined { self.root } else { Root::Other };
        self.chain = start..at.end;
        self.root = root;
        let rest = self.text.get(at.end..).unwrap_or_default();
        let blank = rest.iter().take(8).take_while(|byte| **byte <= b' ').count();
        let next = rest.get(blank).copied().unwrap_or(b';');
        if is_word(next) || !(2..=24).contains(&at.len()) {
            return;
        }
        let word = Small::lower(self.text.get(at.clone()).unwrap_or_default());
        let word = word.as_bytes();
        if !joined {
            self.root = root_of(word);
        }
        if word == b"style" && next == b'=' {
            self.style(at.start, at.end + blank + 1);
            return;
        }
        if word == b"data" && next == b':' && blank == 0 {
            let opened = before.is_some_and(|byte| matches!(byte, b'(' | b'=' | b'"' | b'\'' | b'<' | b'`'));
            if opened && rest.get(1..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html")) {
                self.found.push("document in a URL", Strength::Strong, at.clone());
            }
            return;
        }
        if matches!(word, b"javascript" | b"vbscript" | b"livescript") {
            if blank == 0 && next == b':' {
                self.script_url(&at, before);
            }
            return;
        }
        if next == b'='
            && !matches!(rest.get(blank + 1), Some(b'=' | b'>'))
            && is_handler(word)
            && before.is_none_or(|byte| {
                byte <= b' ' || matches!(byte, b'"' | b'\'' | b'`' | b'/' | b';' | b'+' | b'{')
            })
        {
            self.handler(&at, at.end + blank + 1);
            return;
        }
        let alone = before != Some(b'.');
        let of_window = alone || root == Root::Window;
        let argument = rest.get(blank + 1).copied().unwrap_or(b')');
        let calls = matches!(next, b'(' | b'`')
            || next == b'/' && argument == b'*'
            || next == b'?' && argument == b'.';
        let quoted = matches!(argument, b'"' | b'\'' | b'`' | b'/');
        // `x.view.alert(1)`: a window by way of another object.
        let shown = matches!(word, b"alert" | b"prompt" | b"confirm")
            && next == b'('
            && argument.is_ascii_digit()
            && rest.get(blank + 2) == Some(&b')');
        let function =
            (of_window && is_function(word)) || shown || (root == Root::Document && is_writer(word));
        let reached = match word {
            _ if function && calls => true,
            _ if function && next == b'.' => {
                self.function = Some(at.end);
                false
            }
            // `(alert)(1)`, `[1].map(alert)`.
            _ if function && next == b')' && blank == 0 => {
                matches!(argument, b'(' | b'`')
                    || before == Some(b',')
                    || before == Some(b'(')
                        && at
                            .start
                            .checked_sub(2)
                            .and_then(|at| self.text.get(at))
                            .is_some_and(|byte| is_word(*byte))
            }
            _ if function && next == b'}' && blank == 0 => {
                let tagged = self.text.get(..at.start).is_some_and(|text| text.ends_with(b"call`${"));
                if tagged {
                    self.found.push("function handed to a template", Strength::Strong, at.clone());
                }
                tagged
            }
            // `onerror=alert`, `a=alert,a(1)`
            _ if function && before == Some(b'=') => {
                matches!(next, b',' | b';' | b'}') && argument > b' '
                    || self.handler.as_ref().is_some_and(|(_, value)| *value == at.start)
            }
            b"call" | b"apply" | b"bind" => self.function.is_some_and(|end| end + 1 == at.start),
            b"function" => self.text.get(at.start) == Some(&b'F') && next == b'(' && quoted || next == b'`',
            b"import" => next == b'(' && quoted,
            b"fromcharcode" | b"createcontextualfragment" | b"insertadjacenthtml" | b"sendbeacon" => calls,
            b"constructor" if calls && before == Some(b'.') => {
                if quoted || next == b'`' {
                    self.found.push("function made of a string", Strength::Strong, at.clone());
                }
                quoted || next == b'`'
            }
            b"construct" if calls => {
                let made =
                    rest.get(blank + 1..blank + 9).is_some_and(|name| name.eq_ignore_ascii_case(b"function"));
                if made {
                    self.found.push("function made of a string", Strength::Strong, at.clone());
                }
                made
            }
            b"getscript" => calls && quoted,
            b"createelement" => {
                calls
                    && rest.get(blank + 2..blank + 8).is_some_and(|name| name.eq_ignore_ascii_case(b"script"))
            }
            b"constructor" => {
                if matches!(next, b'[' | b'"' | b'\'' | b'.')
                    && before.is_some_and(|b| matches!(b, b'.' | b'"' | b'\''))
                {
                    self.computed = Some(start);
                }
                false
            }
            b"cookie" | b"domain" => root == Root::Document,
            b"location" => {
                (alone || matches!(root, Root::Document | Root::Window)) && assigns(next, argument)
            }
            b"href" | b"replace" | b"assign" => {
                matches!(root, Root::Document | Root::Window | Root::Location)
                    && (assigns(next, argument) || word != b"href" && calls)
            }
            b"innerhtml" | b"outerhtml" => {
                before == Some(b'.') && assigns(next, argument) && root == Root::Document
            }
            b"name" => root == Root::Window && next == b')',
            _ => {
                if next == b'['
                    && self.root == Root::Window
                    && (word != b"this" || is_composed(rest))
                    && (!argument.is_ascii_digit() || matches!(word, b"top" | b"self"))
                    && argument != b']'
                {
                    self.computed = Some(start);
                }
                false
            }
        };
        if reached {
            self.called(start, at.end);
        }
    }

    /// A call, or what comes to the same, by the words from `start` on to `end`.
    fn called(&mut self, start: usize, end: usize) {
        let first = self.call.is_none();
        if first {
            self.call = Some(start..end);
        }
        if let Some((name, value)) = self.handler.clone()
            && start.saturating_sub(value) <= HANDLER_REACH
        {
            self.found.push("event handler that calls", Strength::Strong, name.start..end);
            self.handler = None;
        }
        self.break_out(start, end);
        if first {
            self.whole(start, end);
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

fn kind(quote: u8) -> usize {
    match quote {
        b'"' => 0,
        b'\'' => 1,
        _ => 2,
    }
}

fn assigns(next: u8, behind: u8) -> bool {
    next == b'=' && !matches!(behind, b'=' | b'>')
}

/// Whether the name of a member is put together: `['al' + 'ert']`, `['\x61lert']`, `[/al/.source]`.
fn is_composed(member: &[u8]) -> bool {
    let head = member.get(..member.len().min(32)).unwrap_or_default();
    let end = memchr::memchr(b']', head).unwrap_or(head.len());
    head.iter().take(end).any(|byte| matches!(byte, b'+' | b'\\'))
        && head.iter().take(end).any(|byte| matches!(byte, b'"' | b'\'' | b'/' | b'`'))
}
