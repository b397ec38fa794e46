//! What `@` introduces: expressions and blocks of Razor, PHP in Blade.

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
    /// `@(1+2)`, `@System.Diagnostics.Process`, `@{ var x = ... }`.
    pub(super) fn razor(&mut self, next: u8) {
        let inside = self.ahead(1);
        if next == b'(' {
            let made = starts(inside, b"(new ");
            if made || matches!(beginning(inside), Beginning::Arithmetic | Beginning::MemberOfLiteral) {
                self.push("template that computes", Strength::Strong, 6);
                if self.is_whole() {
                    self.push("nothing but a template", Strength::Medium, 2);
                }
            } else {
                self.open = Some((Delimiter::Razor, self.at));
                self.last = None;
            }
        } else if matches!(
            inside.first().map(u8::to_ascii_lowercase),
            Some(b's' | b'd' | b'h' | b'e' | b'm' | b'u' | b'p' | b'a' | b'r')
        ) && [
            &b"System."[..],
            b"DateTime.",
            b"Html.Raw(",
            b"Html.Partial(",
            b"Environment.",
            b"Model.GetType(",
            b"using System",
            b"Process.Start",
            b"AppDomain.",
            b"Request.Path",
            b"Server.MapPath",
        ]
        .iter()
        .any(|word| starts(inside, word))
        {
            self.push("expression of Razor", Strength::Strong, 8);
        } else if self.at == 0
            && starts(inside, b"php")
            && !inside.get(3).is_some_and(|byte| is_word(*byte))
            && (self.text.contains(&b'(') || starts(inside, b"php echo"))
        {
            self.push("PHP in a template", Strength::Strong, 4);
        } else if inside.starts_with(b"{") && self.is_whole() {
            let code = inside.get(1..).unwrap_or_default().trim_ascii_start();
            if starts(code, b"//")
                || starts(code, b"var ")
                || starts(code, b"int ")
                || starts(code, b"string ")
            {
                self.push("block of Razor", Strength::Strong, 4);
            }
        }
    }
}
