//! Whether a string, a statement or a template that the value did not begin ends before a call.

use super::{Reader, argument::is_attack_argument, is_word, kind};
use crate::detect::Strength;

/// Bytes between the end of a string and a call.
const BREAK_OUT_REACH: usize = 28;

impl Reader<'_, '_> {
    /// Whether a string or a statement ends before the call.
    pub(super) fn break_out(&mut self, start: usize, end: usize) {
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
