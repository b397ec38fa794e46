//! Directives of FreeMarker (`<#assign x=1>`) and of Velocity (`#set($x = 1)`), and calls on variables of Velocity.

use crate::detect::{
    Strength,
    any_case::starts,
    ssti::{
        expression::{Beginning, beginning},
        word::is_word,
    },
};

use super::{Delimiter, Reader};

impl Reader<'_, '_> {
    /// `<#assign`, `[#assign`, `<@macro`.
    pub(super) fn directive(&mut self) {
        let inside = self.ahead(2);
        if !inside.first().is_some_and(u8::is_ascii_alphabetic) {
            return;
        }
        let known = [
            &b"assign "[..],
            b"include ",
            b"import ",
            b"local ",
            b"global ",
            b"setting ",
            b"attempt>",
            b"ftl",
            b"function ",
            b"macro ",
        ];
        if known.iter().any(|name| starts(inside, name)) {
            self.push("directive of a template", Strength::Medium, 8);
            let includes = self.text.get(self.at) == Some(&b'<') && starts(inside, b"include ");
            if (self.at == 0 || includes) && self.is_whole() && self.text.len() <= 200 {
                self.push("nothing but a template", Strength::Medium, 8);
            }
            self.open = Some((Delimiter::Directive, self.at));
            self.last = None;
            self.at += 1;
        } else if [&b"list "[..], b"if "].iter().any(|name| starts(inside, name)) {
            if beginning(inside.get(3..).unwrap_or_default()) == Beginning::Arithmetic
                || [&b"if 1"[..], b"if true", b"list .", b"list 1"].iter().any(|known| starts(inside, known))
            {
                self.push("directive that is known", Strength::Strong, 8);
            }
            self.open = Some((Delimiter::Directive, self.at));
            self.last = None;
            self.at += 1;
        }
    }

    /// `#set($x = 1)`.
    pub(super) fn velocity(&mut self) {
        let inside = self.ahead(1);
        let len = inside.iter().take(12).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = inside.split_at_checked(len).unwrap_or_default();
        let argument = rest.trim_ascii_start();
        if rest.len() - argument.len() > 2 || argument.first() != Some(&b'(') {
            return;
        }
        let variable = argument.iter().skip(1).take(4).any(|byte| *byte == b'$');
        let quoted = argument.iter().skip(1).take(3).any(|byte| matches!(byte, b'"' | b'\''));
        match word.to_ascii_lowercase().as_slice() {
            b"set" if variable => {
                self.push("directive that sets a variable", Strength::Strong, 6);
                self.open = Some((Delimiter::Velocity, self.at));
            }
            b"evaluate" | b"parse" | b"include" | b"define" | b"macro" if variable || quoted => {
                self.push("directive that evaluates", Strength::Strong, 8);
                self.open = Some((Delimiter::Velocity, self.at));
            }
            b"if" if argument.get(1).is_some_and(u8::is_ascii_digit) && self.at == 0 => {
                self.push("condition that is known", Strength::Strong, 4);
            }
            b"foreach" | b"if" if variable => self.open = Some((Delimiter::Velocity, self.at)),
            _ => {}
        }
        self.last = None;
    }

    /// `$class.inspect(`, `$x.getClass()` outside of delimiters.
    pub(super) fn variable(&mut self) {
        let inside = self.ahead(1);
        let len = inside.iter().take(24).take_while(|byte| is_word(**byte)).count();
        let member = inside.get(len..).unwrap_or_default();
        if member.first() == Some(&b'.') {
            let name = member.get(1..).unwrap_or_default();
            let telling = [
                &b"class.forName("[..],
                b"getClass(",
                b"class.inspect(",
                b"class.classLoader",
                b"inspect(\"",
                b"getRuntime(",
            ];
            if telling.iter().any(|word| starts(name, word)) {
                self.push("class of a variable in a template", Strength::Strong, len + 8);
                self.open = Some((Delimiter::Velocity, self.at));
                self.last = None;
            }
        }
    }
}
