//! Expressions that tell by their first word or mark: classes of Java, functions of Go.

use crate::detect::{Strength, any_case::starts, ssti::word::is_word};

use super::{Delimiter, Reader};

impl Reader<'_, '_> {
    /// Expressions that are one word or begin with a mark.
    pub(super) fn first_word(&mut self) {
        let skip = if matches!(self.open, Some((Delimiter::Braces | Delimiter::Erb, _))) { 2 } else { 1 };
        let inside = self.ahead(skip);
        let blank =
            inside.iter().take(4).take_while(|byte| matches!(byte, b' ' | b'-' | b'=' | b'%')).count();
        let inside = inside.get(blank..).unwrap_or_default();
        if !matches!(
            inside.first(),
            Some(
                b'T' | b't'
                    | b'.'
                    | b'p'
                    | b'P'
                    | b'n'
                    | b'N'
                    | b'@'
                    | b'x'
                    | b'X'
                    | b'h'
                    | b'j'
                    | b'd'
                    | b'c'
                    | b'b'
                    | b'`'
            )
        ) {
            return;
        }
        if starts(inside, b"T(") && inside.get(2..40).unwrap_or(inside).contains(&b'.') {
            self.push("type of Java in a template", Strength::Certain, 6);
            return;
        }
        if skip == 2 && (starts(inside, b".}}") || starts(inside, b". }}")) && self.is_whole() {
            self.push("template that shows everything", Strength::Strong, 5);
        }
        if skip == 2 && inside.first() == Some(&b'.') && inside.get(1).is_some_and(u8::is_ascii_uppercase) {
            let name = inside.iter().skip(1).take(24).take_while(|byte| is_word(**byte)).count();
            if starts(inside.get(1 + name..).unwrap_or_default(), b" \"") {
                self.push("method called in a template", Strength::Strong, 8);
            }
        }
        if starts(inside, b"php}}")
            || starts(inside, b"new File(")
            || starts(inside, b"new java")
            || starts(inside, b"new groovy")
            || starts(inside, b"new org.")
            || skip == 1
                && inside.first() == Some(&b'@')
                && inside.get(1).is_some_and(u8::is_ascii_alphabetic)
            || skip == 1 && starts(inside, b"x|") && self.before() == b'#'
        {
            self.push("object made in a template", Strength::Strong, 6);
        }
        if !matches!(inside.first(), Some(b'p' | b'h' | b'j' | b'd' | b'c' | b't' | b'b' | b'`')) {
            return;
        }
        // `{{html "x"}}`, `{{printf "%s" .}}`
        for name in [
            &b"printf \""[..],
            b"html \"",
            b"js \"",
            b"define \"",
            b"print \"",
            b"println \"",
            b"call .",
            b"template \"",
            b"block \"",
        ] {
            if skip == 2 && starts(inside, name) {
                let strength = if self.is_whole() { Strength::Strong } else { Strength::Tag };
                self.push("function of a Go template", strength, 8);
            }
        }
        if inside.first() == Some(&b'`') {
            self.push("command in a template", Strength::Strong, 4);
        }
    }
}
