//! The words within delimiters: objects that lead out of the engine, calls that run code.

use std::ops::Range;

use crate::detect::{
    Strength,
    any_case::starts,
    ssti::{
        vocabulary::{Word, is_telling_member, judge},
        word::{self, is_word},
    },
};

use super::{Delimiter, Reader};

impl Reader<'_, '_> {
    /// Judges a word within delimiters.
    pub(super) fn word(&mut self, at: Range<usize>) {
        let Some((delimiter, start)) = self.open else { return };
        let last = self.last.replace(at.clone());
        if at.start - start > 1000 {
            self.open = None;
            return;
        }
        let mut buffer = [0; 40];
        let lower = word::lower(self.text.get(at.clone()).unwrap_or_default(), &mut buffer);
        let next = self.text.get(at.end).copied().unwrap_or_default();
        let behind = self.text.get(at.end + 1).copied().unwrap_or_default();
        let called = next == b'(' || next == b' ' && behind == b'(';
        let with_text = called && (matches!(behind, b'"' | b'\'' | b'`' | b'(' | b'\\'));
        let before = at.start.checked_sub(1).and_then(|at| self.text.get(at)).copied().unwrap_or_default();
        let code = delimiter == Delimiter::Sigil(b'$');
        if before == b'.'
            && let Some(last) = last
            && last.end + 1 == at.start
        {
            let mut buffer = [0; 40];
            let object = word::lower(self.text.get(last).unwrap_or_default(), &mut buffer);
            if is_telling_member(object, lower) && !(code && is_node(lower)) {
                self.found.push("inner object of a template engine", Strength::Strong, at.clone());
                self.found.push("its members", Strength::Medium, at.clone());
                return;
            }
        }
        let quoted_name = matches!(before, b'"' | b'\'') && next == before;
        match judge(lower) {
            // Template literals of JavaScript may say `${process.mainModule}`; what runs there is code, no template.
            Word::Escape if code && is_node(lower) => {}
            Word::Escape => self.found.push("way out of a template", Strength::Certain, at),
            Word::Call if called || quoted_name && before_filter(self.text, at.start) => {
                let strength = if code && !matches!(before, b'.' | b'|' | b'(') {
                    Strength::Medium
                } else {
                    Strength::Strong
                };
                self.found.push("call of a template that tries things", strength, at.clone());
                if with_text || called && behind == b')' {
                    self.found.push("call with a text", Strength::Medium, at);
                }
            }
            Word::CallWithText
                if with_text
                    && !(code && matches!(lower, b"require" | b"eval" | b"html" | b"printf" | b"js")) =>
            {
                self.found.push("call of a template that runs code", Strength::Strong, at);
            }
            Word::CallWithText if quoted_name && before_filter(self.text, at.start) => {
                self.found.push("filter that runs a function", Strength::Certain, at);
            }
            Word::Object if !code && before != b'.' => {
                // `{{config}}` and nothing else, `{{request|attr(...)}}`, `{{config['x']}}`.
                let lead = self.text.get(start..at.start).unwrap_or_default();
                let first = lead.len() <= 6 && lead.iter().all(|byte| !is_word(*byte));
                let rest = self.text.get(at.end..).unwrap_or_default().trim_ascii_start();
                let ends = matches!(rest.first(), Some(b'}' | b'%' | b'|' | b'['))
                    && !matches!(lower, b"this" | b"g" | b"loop" | b"class");
                if first
                    && ends
                    && delimiter == Delimiter::Braces
                    && (self.text.len() <= 40 || rest.starts_with(b"|") || rest.starts_with(b"["))
                {
                    self.found.push("inner object of a template engine", Strength::Strong, at);
                }
            }
            Word::Object
                if code
                    && matches!(
                        lower,
                        b"applicationscope"
                            | b"sessionscope"
                            | b"requestscope"
                            | b"pagecontext"
                            | b"facescontext"
                            | b"initparam"
                    ) =>
            {
                self.found.push("inner object of a template engine", Strength::Strong, at);
            }
            Word::Other | Word::Call | Word::CallWithText | Word::Object => {
                self.builtin(lower, next, before, at)
            }
        }
    }

    /// `?new()`, `?eval`, `import os`, `os.popen`.
    fn builtin(&mut self, word: &[u8], next: u8, before: u8, at: Range<usize>) {
        match word {
            b"new" | b"api" | b"eval" | b"interpret" if before == b'?' => {
                self.found.push("built-in that makes objects", Strength::Certain, at);
            }
            b"file" | b"dir" | b"io" | b"kernel" | b"os"
                if next == b'.'
                    && matches!(
                        self.open,
                        Some((Delimiter::Erb | Delimiter::Statement | Delimiter::Braces, _))
                    ) =>
            {
                let member = self.text.get(at.end + 1..).unwrap_or_default();
                let known = [
                    &b"open("[..],
                    b"read(",
                    b"entries(",
                    b"popen",
                    b"system(",
                    b"readlines(",
                    b"environ",
                    b"listdir(",
                    b"getcwd(",
                    b"exec(",
                    b"glob(",
                ];
                if known.iter().any(|known| starts(member, known)) {
                    self.found.push("template that opens files or commands", Strength::Certain, at);
                }
            }
            b"import"
                if next == b' '
                    && matches!(self.open, Some((Delimiter::Erb, start)) if at.start - start <= 6) =>
            {
                self.found.push("statement that imports", Strength::Strong, at);
            }
            b"if" if matches!(self.open, Some((Delimiter::Erb, start)) if at.start - start <= 6) => {
                let argument = self.text.get(at.end..).unwrap_or_default().trim_ascii_start();
                if starts(argument, b"true ") || starts(argument, b"1 ") {
                    self.found.push("condition that is known", Strength::Strong, at);
                }
            }
            b"java" | b"javax" | b"freemarker" | b"ognl" | b"org"
                if next == b'.'
                    && [
                        &b"lang."[..],
                        b"util.",
                        b"io.",
                        b"script.",
                        b"template.utility",
                        b"apache.commons.io",
                        b"springframework",
                    ]
                    .iter()
                    .any(|package| starts(self.text.get(at.end + 1..).unwrap_or_default(), package)) =>
            {
                self.found.push("class of Java in a template", Strength::Strong, at);
            }
            b"range" | b"reduce" | b"map" | b"sort" | b"filter" if before == b'|' && next == b'(' => {
                self.found.push("filter with a function", Strength::Tag, at);
            }
            b"constructor"
                if matches!(before, b'"' | b'\'')
                    && next == before
                    && matches!(self.open, Some((Delimiter::Braces, _))) =>
            {
                self.found.push("block that reaches a constructor", Strength::Strong, at);
            }
            b"with" if before == b'#' => {
                let argument = self.text.get(at.end..).unwrap_or_default();
                if starts(argument, b" \"s\"")
                    || starts(argument, b" split ")
                    || starts(argument, b" 'constructor'")
                {
                    self.found.push("block that reaches a constructor", Strength::Certain, at);
                }
            }
            _ => {}
        }
    }
}

/// Words of Node.js.
fn is_node(word: &[u8]) -> bool {
    matches!(word, b"mainmodule" | b"process" | b"child_process" | b"execsync" | b"spawnsync")
}

/// Whether a filter is handed the text that begins here: `|map('system')`, `options': 'system'`.
fn before_filter(text: &[u8], at: usize) -> bool {
    let lead = text.get(at.saturating_sub(16)..at.saturating_sub(1)).unwrap_or_default();
    let lead = lead.trim_ascii_end();
    matches!(lead.last(), Some(b'(' | b':' | b','))
        && (memchr::memchr(b'|', lead).is_some()
            || lead.ends_with(b"options':")
            || lead.ends_with(b"\",")
            || lead.ends_with(b"',")
            || lead.ends_with(b"filter("))
}
