//! One pass over a value: finds where expressions and statements of templates open, and hands what is in them on.

mod directive;
mod first_word;
mod razor;
mod smarty;
mod statement;
mod words;

use std::ops::Range;

use crate::detect::{
    Found, Strength,
    ssti::{
        expression::{Beginning, beginning},
        word::is_word,
    },
};

/// Delimiters that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    /// `{{ }}`
    Braces,
    /// `{% %}`
    Statement,
    /// `${ }`, `#{ }`, `*{ }`, `%{ }`, `@{ }`, `~{ }`
    Sigil(u8),
    /// `<% %>`
    Erb,
    /// `<#assign x>`, `[#assign x]`
    Directive,
    /// `#set( )`, and what follows a `$`
    Velocity,
    /// `{php}`, `{$smarty.x}`
    Smarty,
    /// `@( )`, `@System.x`
    Razor,
}

pub(super) struct Reader<'a, 'f> {
    text: &'a [u8],
    found: &'f mut Found,
    open: Option<(Delimiter, usize)>,
    /// The last word within delimiters.
    last: Option<Range<usize>>,
    at: usize,
}

impl<'a, 'f> Reader<'a, 'f> {
    pub(super) fn new(text: &'a [u8], found: &'f mut Found) -> Self {
        Self { text, found, open: None, last: None, at: 0 }
    }

    pub(super) fn read(mut self) {
        // Pug needs no delimiters: a line that begins with `-` or `=` is code.
        let head = self.text.get(..self.text.len().min(96)).unwrap_or_default();
        if [&b"- "[..], b"= ", b"!= ", b"-var", b"-x"].iter().any(|lead| head.starts_with(lead))
            && ([&b"root.process"[..], b"global.process"]
                .iter()
                .any(|word| memchr::memmem::find(head, word).is_some())
                || memchr::memmem::find(head, b".mainModule").is_some())
        {
            self.push("process of Node.js in a template", Strength::Strong, 8);
            self.open = Some((Delimiter::Directive, 0));
        }
        while let Some(&byte) = self.text.get(self.at) {
            if self.open.is_none() && !opens(byte) {
                self.at += self.ahead(0).iter().take_while(|byte| !opens(**byte)).count();
                continue;
            }
            if byte.is_ascii_alphabetic() || byte == b'_' {
                let len = self.ahead(0).iter().take_while(|byte| is_word(**byte)).count();
                let word = self.at..self.at + len;
                self.at += len;
                if self.open.is_some() && len <= 40 {
                    self.word(word);
                }
            } else {
                self.punctuation(byte);
                self.at += 1;
            }
            if self.found.is_certain() {
                return;
            }
        }
    }

    /// The text from `offset` bytes behind the current place on.
    fn ahead(&self, offset: usize) -> &'a [u8] {
        self.text.get(self.at + offset..).unwrap_or_default()
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied().unwrap_or(b' ')
    }

    fn push(&mut self, what: &'static str, strength: Strength, len: usize) {
        self.found.push(what, strength, self.at..(self.at + len).min(self.text.len()));
    }

    fn punctuation(&mut self, byte: u8) {
        let next = self.text.get(self.at + 1).copied().unwrap_or_default();
        match byte {
            b'{' => self.brace(next),
            b'}' if next == b'}' || !matches!(self.open, Some((Delimiter::Braces, _))) => self.open = None,
            b'<' if next == b'%' => {
                self.start(Delimiter::Erb, 2);
                self.first_word();
            }
            b'%' if next == b'>' => self.open = None,
            b'<' if next == b'#' && self.ahead(2).first().is_some_and(u8::is_ascii_digit) => {
                self.start(Delimiter::Directive, 2);
            }
            b'<' | b'[' if matches!(next, b'#' | b'@') => self.directive(),
            b'[' if next == b'=' => self.start(Delimiter::Directive, 2),
            b'[' if next == b'%' => self.start(Delimiter::Erb, 2),
            // `[[0-9]` begins a class in a regular expression.
            b'[' if next == b'['
                && self.before() != b'['
                && self.closes_twice()
                && beginning(self.ahead(2)) == Beginning::Arithmetic =>
            {
                self.push("template that computes", Strength::Strong, 6);
            }
            b'#' if next.is_ascii_alphabetic() => self.velocity(),
            b'$' if next.is_ascii_alphabetic() && self.open.is_none() => self.variable(),
            b'@' if !is_word(self.before()) => self.razor(next),
            _ => {}
        }
    }

    /// Whether `]]` ends what `[[` began, soon.
    fn closes_twice(&self) -> bool {
        let inside = self.ahead(2).get(..32).unwrap_or(self.ahead(2));
        memchr::memchr(b']', inside).is_some_and(|at| {
            inside.get(at + 1) == Some(&b']') && !inside.iter().take(at).any(u8::is_ascii_alphabetic)
        })
    }

    fn start(&mut self, delimiter: Delimiter, len: usize) {
        self.open = Some((delimiter, self.at));
        self.last = None;
        let sign = match beginning(self.ahead(len)) {
            Beginning::Arithmetic => "template that computes",
            Beginning::MemberOfLiteral => "template that calls a member of a literal",
            Beginning::FilteredLiteral => "template that filters a list",
            Beginning::Other => return,
        };
        // Strings have members in code, too: `${'x'.repeat(3)}`.
        self.push(sign, Strength::Strong, len + 6);
        if self.is_whole() {
            self.push("nothing but a template", Strength::Medium, len);
        }
    }

    /// Whether the delimiters that are open are about all of the value.
    fn is_whole(&self) -> bool {
        let lead = self.text.get(..self.at).unwrap_or_default();
        lead.len() <= 24
            && lead.iter().filter(|byte| is_word(**byte)).count() <= 8
            && self.text.len() <= self.at + 400
    }

    fn brace(&mut self, next: u8) {
        let before = self.before();
        match next {
            b'{' => {
                // `${{`, `{{{`: the innermost counts.
                let run = self.ahead(0).iter().take_while(|byte| **byte == b'{').count();
                self.at += run - 2;
                self.start(Delimiter::Braces, 2);
                if self.ahead(2).starts_with(b"<%[%") {
                    self.push("polyglot of templates", Strength::Certain, 6);
                }
                self.first_word();
                self.at += 1;
            }
            b'%' => {
                self.start(Delimiter::Statement, 2);
                self.statement(2);
                self.at += 1;
            }
            b'#' if !matches!(before, b'$' | b'%' | b'#' | b'*' | b'@' | b'~') => {
                if self.comment(b"#}") {
                    self.push("comment of a template", Strength::Medium, 2);
                    self.whole_comment();
                } else {
                    self.smarty();
                }
            }
            b'*' => {
                if self.comment(b"*}") {
                    self.push("comment of a template", Strength::Medium, 2);
                    self.whole_comment();
                }
            }
            b'!' if self.ahead(2).first() == Some(&b'!') => self.start(Delimiter::Smarty, 3),
            _ if matches!(before, b'$' | b'#' | b'*' | b'%' | b'@' | b'~' | b'!' | b'|') => {
                self.start(Delimiter::Sigil(before), 1);
                self.first_word();
            }
            _ => self.smarty(),
        }
    }

    /// A comment in a short value: `a{*x*}b`. Nothing shows better whether there is a template engine.
    fn comment(&self, end: &[u8]) -> bool {
        let inside = self.ahead(2);
        let inside = inside.get(..inside.len().min(48)).unwrap_or_default();
        self.text.len() <= 96
            && memchr::memmem::find(inside, end).is_some_and(|len| {
                len > 0 && inside.iter().take(len).all(|byte| is_word(*byte) || *byte == b' ')
            })
    }

    fn whole_comment(&mut self) {
        if is_word(self.before()) || self.at == 0 {
            self.push("nothing but a template", Strength::Medium, 2);
        }
    }
}

/// Bytes at which something may open.
fn opens(byte: u8) -> bool {
    matches!(byte, b'{' | b'<' | b'[' | b'#' | b'$' | b'@')
}
