//! What a single brace introduces: variables and tags of Smarty and its like.

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
    /// `{php}`, `{$smarty.version}`, `{system('id')}`.
    pub(super) fn smarty(&mut self) {
        let inside = self.ahead(1);
        if inside.first() == Some(&b'$') {
            let name = inside.iter().skip(1).take(24).take_while(|byte| is_word(**byte)).count();
            let behind = inside.get(1 + name..).unwrap_or_default();
            if self.at == 0
                && (starts(behind, b"->")
                    || behind.first() == Some(&b'=')
                        && beginning(behind.get(1..).unwrap_or_default()) == Beginning::Arithmetic)
            {
                self.push("variable of Smarty", Strength::Strong, 8);
            }
            if starts(inside, b"$smarty.") || starts(inside, b"$_SERVER") || starts(inside, b"$_GET") {
                self.push("variable of Smarty", Strength::Strong, 8);
                if self.is_whole() {
                    self.push("nothing but a template", Strength::Medium, 2);
                }
            }
            self.open = Some((Delimiter::Smarty, self.at));
            self.last = None;
            return;
        }
        let calls: &[&[u8]] = match inside.first().copied().unwrap_or_default().to_ascii_lowercase() {
            b'/' => &[&b"/php}"[..]],
            b'=' => &[&b"=\""[..], b"='", b"=7*", b"=system", b"=passthru"],
            b'@' => &[&b"@math"[..], b"@if cond="],
            b'a' => &[&b"assign var="[..]],
            b'b' => &[&b"block name="[..]],
            b'd' => &[&b"dump("[..], b"debug}"],
            b'e' => &[&b"exec("[..], b"eval "],
            b'f' => &[&b"fetch file="[..], b"function name='"],
            b'i' => &[
                &b"include file="[..],
                b"include '/",
                b"if 1}",
                b"include_php ",
                b"if phpinfo",
                b"if system",
                b"if passthru",
                b"if exec",
                b"if readfile",
                b"if file_get",
                b"if 1==1",
                b"if 1=1",
                b"if true}",
                b"if is_callable",
                b"if show_source",
            ],
            b'l' => &[&b"literal}"[..]],
            b'm' => &[&b"math equation"[..]],
            b'p' => &[&b"php}"[..], b"passthru(", b"phpinfo(", b"php "],
            b's' => &[&b"system("[..], b"shell_exec(", b"self::", b"Smarty_Internal", b"smarty"],
            b'v' => &[&b"var $"[..], b"var_dump("],
            _ => &[],
        };
        // Openers are dense in hostile text: one byte tells most of them apart.
        let fourth = inside.get(3).map(u8::to_ascii_lowercase);
        let may_be = |call: &&&[u8]| call.get(3).is_none_or(|byte| Some(byte.to_ascii_lowercase()) == fourth);
        if calls.iter().filter(may_be).any(|call| starts(inside, call)) {
            self.push("tag of Smarty", Strength::Strong, 8);
            self.open = Some((Delimiter::Smarty, self.at));
            self.last = None;
        } else if self.text.len() <= 64 && self.is_whole() && self.text.trim_ascii_end().ends_with(b"}") {
            // `{7*7}` and nothing else.
            let ends = memchr::memchr(b'}', inside)
                .is_some_and(|at| inside.get(at + 1..).is_some_and(|rest| rest.trim_ascii().is_empty()));
            let inner = inside.strip_prefix(b"@").or_else(|| inside.strip_prefix(b"#")).unwrap_or(inside);
            let filtered = matches!(inside.first(), Some(b'"' | b'\''))
                && memchr::memchr(b'|', inside)
                    .is_some_and(|at| inside.get(at + 1).is_some_and(u8::is_ascii_alphabetic));
            if ends
                && (filtered || beginning(inner) == Beginning::Arithmetic)
                && !self.text.contains(&b'\\')
                && self.at <= 2
            {
                self.push("template that computes", Strength::Strong, 6);
            }
        }
    }
}
