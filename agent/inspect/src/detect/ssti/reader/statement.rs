//! Statements in `{% %}`: Jinja2, Django, Twig, Liquid.

use crate::detect::{
    Strength,
    any_case::starts,
    ssti::{
        expression::{Beginning, beginning},
        word::{is_word, lower},
    },
};

use super::Reader;

impl Reader<'_, '_> {
    /// `{% if True %}`, `{% debug %}`, `{% import os %}`.
    pub(super) fn statement(&mut self, skip: usize) {
        let inside = self.ahead(skip);
        let blank =
            inside.iter().take(8).take_while(|byte| matches!(byte, b' ' | b'-' | b'+' | b'\n')).count();
        let inside = inside.get(blank..).unwrap_or_default();
        let len = inside.iter().take(24).take_while(|byte| is_word(**byte)).count();
        let (word, rest) = inside.split_at_checked(len).unwrap_or_default();
        let rest = rest.get(..rest.len().min(64)).unwrap_or_default();
        let argument = rest.trim_ascii_start();
        let mut buffer = [0; 40];
        let sign = match lower(word, &mut buffer) {
            b"debug" if argument.starts_with(b"%}") || argument.starts_with(b"-%}") => {
                "statement that shows everything"
            }
            b"csrf_token"
            | b"load"
            | b"render"
            | b"increment"
            | b"decrement"
            | b"cycle"
            | b"tablerow"
            | b"liquid"
            | b"apply"
            | b"embed"
            | b"comment"
            | b"module"
            | b"include"
            | b"now"
            | b"lorem"
            | b"templatetag"
            | b"url"
            | b"static"
            | b"get_static_prefix"
            | b"get_media_prefix"
            | b"get_current_language"
            | b"whitespace"
            | b"trans"
            | b"blocktrans"
            | b"regroup"
            | b"widthratio"
            | b"firstof"
            | b"ifchanged"
            | b"import"
            | b"from"
            | b"get_debug_flag"
            | b"form_theme"
            | b"stopwatch"
            | b"use"
            | b"deprecated"
            | b"flush"
                if self.is_whole() && self.text.len() <= 160 && self.at == 0 =>
            {
                "statement of a template alone"
            }
            b"if" | b"elsif" | b"unless" | b"while"
                if [&b"true"[..], b"1 ", b"1%", b"1=", b"7*7", b"'a'", b"\"a\"", b"not false"]
                    .iter()
                    .any(|literal| starts(argument, literal))
                    || argument.first().is_some_and(u8::is_ascii_digit) =>
            {
                "condition that is known"
            }
            b"import" | b"from" if argument.first().is_some_and(|byte| is_word(*byte)) => {
                "statement that imports"
            }
            b"include" | b"extends" | b"import" | b"load" | b"ssi" | b"source"
                if argument
                    .windows(2)
                    .any(|pair| pair == b".." || pair == b"'/" || pair == b"\"/" || pair == b":/")
                    || starts(argument, b"log") =>
            {
                "statement that includes a file"
            }
            b"for"
                if memchr::memmem::find(argument, b" in ").is_some_and(|at| {
                    let list = argument.get(at + 4..).unwrap_or_default().trim_ascii_start();
                    matches!(list.first(), Some(b'(' | b'"' | b'\'' | b'['))
                        || self.at == 0
                            && starts(list, b"range(")
                            && list.get(6).is_some_and(u8::is_ascii_digit)
                }) =>
            {
                "loop over a literal"
            }
            b"set" | b"assign" | b"capture" | b"with" | b"do" | b"print" | b"call" | b"macro" | b"raw"
            | b"filter" | b"block" | b"cache" | b"verbatim" | b"autoescape" | b"sandbox" | b"php"
            | b"spaceless"
                if self.is_whole() =>
            {
                let probes = self.text.len() <= 24
                    || self.at == 0 && self.text.len() <= 120 && self.text.trim_ascii_end().ends_with(b"}")
                    || memchr::memchr(b'=', argument).is_some_and(|at| {
                        beginning(argument.get(at + 1..).unwrap_or_default()) == Beginning::Arithmetic
                    });
                let strength = if probes { Strength::Strong } else { Strength::Medium };
                self.push("statement of a template", strength, skip + 8);
                return;
            }
            b"" if matches!(beginning(rest), Beginning::Arithmetic) => "template that computes",
            _ => return,
        };
        self.push(sign, Strength::Strong, skip + 8);
        if self.is_whole() {
            self.push("nothing but a template", Strength::Medium, skip);
        }
    }
}
