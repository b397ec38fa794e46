//! JavaScript without a tag: words that call, and what stands before them.
//!
//! One pass over the words of a value. A call alone is code that people paste. It is an attack where it follows the
//! end of a string, a statement or a template that the value did not begin.

use std::ops::Range;

use crate::detect::{
    Found, Strength,
    any_case::starts,
    xss::{css, small::Small},
};

/// Bytes between a handler's `=` and a call in it.
const HANDLER_REACH: usize = 64;

/// Bytes between the end of a string and a call.
const BREAK_OUT_REACH: usize = 28;

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

/// What the first of several words joined by dots is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// `window`, or another name for it.
    Window,
    Document,
    Location,
    Other,
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

    /// A style outside a tag that is known: an attribute was broken out of, or old browsers know the tag.
    fn style(&mut self, start: usize, value: usize) {
        let Some(left) = self.styles.checked_sub(1) else { return };
        self.styles = left;
        let rest = self.text.get(value..).unwrap_or_default();
        if css::runs_script(rest.get(..rest.len().min(256)).unwrap_or_default()) {
            self.found.push("style that runs script", Strength::Strong, start..value);
        }
    }

    /// A URL that is not the whole value: in Markdown, in an attribute, after a quote.
    fn script_url(&mut self, at: &Range<usize>, before: Option<u8>) {
        let apart = before.is_none_or(|byte| {
            byte <= b' '
                || matches!(
                    byte,
                    b'=' | b'(' | b'"' | b'\'' | b'`' | b':' | b'>' | b',' | b'<' | b';' | b'/' | b']'
                )
        });
        let code = self.text.get(at.end + 1..).unwrap_or_default();
        let first_is_code = code.first().is_some_and(|byte| *byte > b' ');
        let code = code.get(..code.len().min(48)).unwrap_or_default();
        let runs = code.iter().any(|byte| matches!(byte, b'(' | b'`' | b'=' | b'[' | b'/' | b'%'));
        if apart && first_is_code && runs && !is_idle(code) {
            self.found.push("URL that runs script", Strength::Strong, at.start..at.end + 1);
        }
    }

    /// An event handler outside a tag that the value began: an attribute was broken out of.
    fn handler(&mut self, at: &Range<usize>, value: usize) {
        let text = self.text.get(..at.start).unwrap_or_default();
        let apart = text
            .iter()
            .rev()
            .take(4)
            .take_while(|byte| **byte != b'\n' && **byte <= b' ' || **byte == b'/')
            .count();
        let quote = text.len().checked_sub(apart + 1).and_then(|at| text.get(at));
        let first = self.text.get(self.begin).copied();
        let lead = self.text.get(self.begin + 1..at.start).unwrap_or_default();
        // `" autofocus onfocus=`, `onload=`
        let begins = at.start - self.begin <= 48
            && apart > 0
            && matches!(first, Some(b'"' | b'\''))
            && first.is_some_and(|quote| memchr::memchr(quote, lead).is_none())
            && lead.first().is_some_and(|byte| matches!(byte, b' ' | b'/'));
        let alone =
            at.start == self.begin && self.text.get(value..).is_some_and(|rest| rest.trim_ascii().is_empty());
        if alone {
            self.found.push("event handler and nothing else", Strength::Strong, at.start..value);
        } else if begins
            || apart > 0 && matches!(quote, Some(b'"' | b'\'' | b'`')) && self.text.get(value).is_some()
        {
            self.found.push(
                "attribute ended, then an event handler",
                Strength::Strong,
                at.start.saturating_sub(apart + 1)..value,
            );
        }
        let blank =
            self.text.get(value..).unwrap_or_default().iter().take(8).take_while(|b| **b <= b' ').count();
        self.handler = Some((at.clone(), value + blank));
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

    /// Whether a string or a statement ends before the call.
    fn break_out(&mut self, start: usize, end: usize) {
        let text = self.text.get(self.begin..start).unwrap_or_default();
        // Typographic quotes, which word processors make of others.
        let text = text.strip_prefix("‘".as_bytes()).or(text.strip_prefix("’".as_bytes())).unwrap_or(text);
        let text = text.strip_prefix("“".as_bytes()).or(text.strip_prefix("”".as_bytes())).unwrap_or(text);
        if text.ends_with(b"onerror=") {
            self.found.push("error handler that calls", Strength::Strong, start - 8..end);
        }
        if text.ends_with(b"expression(") {
            self.found.push("style that runs script", Strength::Strong, start - 11..end);
        }
        let near = text.get(text.len().saturating_sub(BREAK_OUT_REACH)..).unwrap_or_default();
        let line = near.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let near = near.get(line..).unwrap_or_default();
        if near.ends_with(b"{") && (near.starts_with(b"`$") || !self.open.get(2).is_some_and(|open| *open)) {
            let outer = near.len().checked_sub(2).and_then(|at| near.get(at));
            if near.len() == text.len() && matches!(outer, Some(b'$' | b'{' | b'#')) {
                self.found.push("template that calls", Strength::Strong, start.saturating_sub(2)..end);
            }
        }
        let quote = near.iter().rposition(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        if let Some(at) = quote {
            let byte = near.get(at).copied().unwrap_or_default();
            let behind = near.get(at + 1..).unwrap_or_default();
            let closers =
                behind.iter().take_while(|byte| matches!(byte, b' ' | b')' | b']' | b'}' | b'\t')).count();
            let operator = behind.get(closers).copied();
            let leads = near.len() == text.len()
                && near.get(..at).unwrap_or_default().iter().all(|byte| !is_word(*byte));
            let ends = operator.is_some_and(is_operator) && !behind.starts_with(b" - ")
                || matches!(behind, b"in " | b" in " | b"instanceof " | b" instanceof ")
                    && is_attack_argument(self.text.get(end..).unwrap_or_default())
                || closers > 0 && behind.contains(&b')')
                || leads
                    && (behind == b"("
                        || closers > 0 && closers == behind.len() && !behind.trim_ascii().is_empty());
            let tail = self.text.get(end..).unwrap_or_default().trim_ascii_end();
            if leads && behind.is_empty() && (tail.ends_with(b"\">") || tail.ends_with(b"'>")) {
                self.found.push("string ended, then a call", Strength::Strong, start - 1..end);
            }
            if ends && (leads || self.open.get(kind(byte)).is_some_and(|open| *open)) {
                let from = start - behind.len() - 1;
                self.found.push("string ended, then a call", Strength::Strong, from..end);
                self.tail(end);
            }
        } else if near.len() == text.len() && !near.is_empty() {
            let first = near.first().copied().unwrap_or_default();
            let apart = near.get(1) != Some(&b' ');
            let ends = matches!(first, b';' | b')' | b'}' | b']')
                || near.starts_with(b"*/")
                || is_operator(first) && apart;
            // `0);alert(1)`, `1;alert(1)`
            let word = near.iter().take(8).take_while(|byte| is_word(**byte)).count();
            let after = near.get(word..).unwrap_or_default();
            let number = word > 0 && near.iter().take(word).all(u8::is_ascii_digit);
            let unopened = word > 0
                && (matches!(after.first(), Some(b')' | b']' | b'}'))
                    || number
                        && matches!(
                            after.first(),
                            Some(b';' | b'-' | b'+' | b'*' | b'/' | b'|' | b'^' | b'?' | b'&' | b'%')
                        ))
                && after
                    .iter()
                    .all(|byte| !is_word(*byte) && !matches!(byte, b'(' | b'[' | b'{' | b'.' | b' ' | b':'))
                && is_attack_argument(self.text.get(end..).unwrap_or_default());
            if unopened || ends && near.iter().all(|byte| !is_word(*byte)) {
                self.found.push("statement ended, then a call", Strength::Strong, self.begin..end);
                self.tail(end);
            }
        }
    }

    /// After a break-out: what remains of the surrounding code is commented out or joined.
    fn tail(&mut self, from: usize) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let text = self.text;
        let rest = text.get(from..).unwrap_or_default();
        let last = rest.iter().rposition(|byte| *byte > b' ').unwrap_or_default();
        let rest = rest.get(..=last).unwrap_or_default();
        let comment =
            memchr::memmem::find(rest, b"//").is_some() || memchr::memmem::find(rest, b"/*").is_some();
        let joins =
            matches!(rest.last(), Some(b'"' | b'\'' | b'`' | b'-' | b'+' | b'*' | b';' | b'{' | b'('))
                || rest.ends_with(b"<!--");
        if comment || joins {
            self.found.push("the rest cut off", Strength::Medium, from..text.len());
        }
    }

    /// A value that is nothing but a call.
    fn whole(&mut self, start: usize, end: usize) {
        let lead = self.text.get(self.begin..start).unwrap_or_default();
        let rest = self.text.get(end..).unwrap_or_default();
        let leads = lead.len() <= 24
            && lead.iter().all(|byte| {
                matches!(
                    byte,
                    b'(' | b')' | b'=' | b'>' | b'!' | b'+' | b'~' | b'{' | b'[' | b' ' | b'0' | b',' | b'$'
                )
            })
            || lead.eq_ignore_ascii_case(b"throw ")
            || lead == b"new "
            || matches!(lead, b"void " | b"typeof " | b"delete ") && !rest.trim_ascii().contains(&b' ')
            || lead.len() <= 24 && lead.ends_with(b"function(){")
            || lead.len() <= 24 && lead.starts_with(b"/*") && lead.ends_with(b"*/")
            || lead.starts_with(b"with(") && lead.len() <= 64
            || lead.starts_with(b"[") && lead.ends_with(b"(") && lead.len() <= 24
            || lead.len() <= 24 && lead.ends_with(b"].") && !lead.contains(&b' ')
            || lead.len() <= 6 && lead.ends_with(b"=");
        let last = rest.iter().rposition(|byte| *byte > b' ');
        let assigns = rest.trim_ascii_start().first() == Some(&b'=');
        let closed = last
            .and_then(|at| rest.get(at))
            .is_some_and(|byte| (assigns || !is_word(*byte)) && !matches!(byte, b'.' | b'?' | b'{'));
        if !leads
            || !closed
            || memchr::memchr(b'\n', rest).is_some_and(|at| last.is_some_and(|last| at < last))
        {
            return;
        }
        let shows = [&b".alert"[..], b".prompt", b".confirm", b".eval"]
            .iter()
            .any(|name| self.text.get(start..end).is_some_and(|chain| chain.ends_with(name)));
        let navigates = matches!(self.root, Root::Location | Root::Document) && !shows
            || rest.trim_ascii().starts_with(b"=");
        let name = self.text.get(start..end).unwrap_or_default();
        let name =
            name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.get(dot + 1..)).unwrap_or(name);
        let name = Small::lower(name);
        let quoted = matches!(rest.get(1), Some(b'"' | b'\'' | b'`'))
            || rest.first() == Some(&b'`')
            || [
                &b"(atob"[..],
                b"(alert",
                b"(confirm",
                b"(prompt",
                b"(location",
                b"(name",
                b"(unescape",
                b"(string.from",
                b"(document.",
                b"(decodeuri",
                b"(/",
                b"(url",
                b"(hash",
                b"(this.name",
            ]
            .iter()
            .any(|code| starts(rest, code));
        let runs = if matches!(
            name.as_bytes(),
            b"eval" | b"settimeout" | b"setinterval" | b"setimmediate" | b"execscript" | b"function"
        ) && quoted
        {
            true
        } else if matches!(
            name.as_bytes(),
            b"settimeout" | b"setinterval" | b"setimmediate" | b"open" | b"write" | b"print"
        ) {
            rest.trim_ascii() == b"()" && name.as_bytes() == b"print"
        } else if navigates
            || matches!(
                name.as_bytes(),
                b"fetch" | b"import" | b"sendbeacon" | b"location" | b"href" | b"replace" | b"assign"
            )
        {
            rest.trim_ascii() == b"=name"
                || [
                    &b"javascript:"[..],
                    b"data:",
                    b"cookie",
                    b"\"//",
                    b"'//",
                    b"`//",
                    b"write(",
                    b"location.hash",
                ]
                .iter()
                .any(|word| memchr::memmem::find(rest, word).is_some())
        } else {
            is_attack_argument(rest)
        };
        let strength = if runs { Strength::Strong } else { Strength::Tag };
        self.found.push("value that is a call", strength, start..end);
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

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b';' | b'-'
            | b'+'
            | b'*'
            | b'/'
            | b','
            | b'|'
            | b'&'
            | b'^'
            | b'%'
            | b'<'
            | b'>'
            | b'='
            | b'?'
            | b':'
            | b'~'
            | b'\\'
    )
}

fn assigns(next: u8, behind: u8) -> bool {
    next == b'=' && !matches!(behind, b'=' | b'>')
}

fn root_of(word: &[u8]) -> Root {
    match word {
        b"window" | b"$event" | b"self" | b"top" | b"parent" | b"frames" | b"globalthis" | b"this"
        | b"content" | b"opener" | b"defaultview" => Root::Window,
        b"document" => Root::Document,
        b"location" => Root::Location,
        _ => Root::Other,
    }
}

/// Functions of browsers that run a string, show that script ran, or send something away.
fn is_function(word: &[u8]) -> bool {
    matches!(
        word,
        b"alert"
            | b"prompt"
            | b"confirm"
            | b"eval"
            | b"print"
            | b"settimeout"
            | b"setinterval"
            | b"setimmediate"
            | b"execscript"
            | b"msgbox"
            | b"fetch"
            | b"atob"
            | b"importscripts"
            | b"expression"
            | b"write"
            | b"writeln"
            | b"open"
            | b"reportuncaughtexception"
    )
}

/// Whether the name of a member is put together: `['al' + 'ert']`, `['\x61lert']`, `[/al/.source]`.
fn is_composed(member: &[u8]) -> bool {
    let head = member.get(..member.len().min(32)).unwrap_or_default();
    let end = memchr::memchr(b']', head).unwrap_or(head.len());
    head.iter().take(end).any(|byte| matches!(byte, b'+' | b'\\'))
        && head.iter().take(end).any(|byte| matches!(byte, b'"' | b'\'' | b'/' | b'`'))
}

fn is_writer(word: &[u8]) -> bool {
    matches!(word, b"write" | b"writeln" | b"open")
}

/// `on` and the name of an event. Which events there are differs from browser to browser; there are over two hundred.
pub(super) fn is_handler(word: &[u8]) -> bool {
    word.len() >= 5
        && word.starts_with(b"on")
        && word.iter().all(u8::is_ascii_alphabetic)
        && !matches!(
            word,
            b"online"
                | b"onion"
                | b"onset"
                | b"onward"
                | b"onwards"
                | b"ontology"
                | b"onboarding"
                | b"onsite"
                | b"ongoing"
                | b"onwhich"
                | b"onhand"
                | b"onscreen"
                | b"onetime"
        )
}

/// Code that does nothing: links that are buttons have it.
pub(super) fn is_idle(code: &[u8]) -> bool {
    let code = code.trim_ascii();
    [&b"void(0)"[..], b"void 0", b";", b"//", b"void(null)", b"return false"].iter().any(|idle| {
        code.strip_prefix(*idle).is_some_and(|rest| {
            rest.iter().take(2).all(|byte| matches!(byte, b';' | b'"' | b'\'' | b'>' | b')'))
        })
    })
}

/// What somebody passes who wants to see that script runs: a number, his mark, the cookie; or hidden code.
pub(super) fn is_attack_argument(rest: &[u8]) -> bool {
    let skip = rest
        .iter()
        .take(16)
        .take_while(|byte| {
            **byte <= b' '
                || matches!(
                    byte,
                    b'(' | b'"'
                        | b'\''
                        | b'`'
                        | b'\\'
                        | b'='
                        | b'['
                        | b'.'
                        | b'?'
                        | b'*'
                        | b'/'
                        | b'$'
                        | b'{'
                )
        })
        .count();
    let (skipped, rest) = rest.split_at_checked(skip).unwrap_or_default();
    let len = rest.iter().take(24).take_while(|byte| is_word(**byte)).count();
    let word = Small::lower(rest.get(..len).unwrap_or_default());
    match word.as_bytes() {
        b"" => true,
        b"null"
        | b"document"
        | b"string"
        | b"location"
        | b"window"
        | b"self"
        | b"name"
        | b"top"
        | b"this"
        | b"atob"
        | b"unescape"
        | b"decodeuri"
        | b"decodeuricomponent"
        | b"url"
        | b"hash"
        | b"origin"
        | b"domain"
        | b"hacked"
        | b"pwned"
        | b"poc"
        | b"alert"
        | b"prompt"
        | b"confirm"
        | b"eval"
        | b"javascript"
        | b"http"
        | b"https"
        | b"return"
        | b"cookie"
        | b"substring"
        | b"al" => true,
        word => {
            word.iter().all(u8::is_ascii_digit)
                || word.starts_with(b"xss")
                || word.ends_with(b"xss")
                || skipped.contains(&b'/')
        }
    }
}
