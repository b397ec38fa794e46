//! Values that are nothing but a call.

use super::{Reader, argument::is_attack_argument, is_word, name::Root};
use crate::detect::{Strength, any_case::starts, xss::small::Small};

impl Reader<'_, '_> {
    /// A value that is nothing but a call.
    pub(super) fn whole(&mut self, start: usize, end: usize) {
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
