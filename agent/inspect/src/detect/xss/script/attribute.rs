//! What breaks out of an attribute, outside a tag that is known: styles, URLs of script, event handlers.

use std::ops::Range;

use super::Reader;
use crate::detect::{
    Strength,
    xss::{css, url::is_idle},
};

impl Reader<'_, '_> {
    /// A style outside a tag that is known: an attribute was broken out of, or old browsers know the tag.
    pub(super) fn style(&mut self, start: usize, value: usize) {
        let Some(left) = self.styles.checked_sub(1) else { return };
        self.styles = left;
        let rest = self.text.get(value..).unwrap_or_default();
        if css::runs_script(rest.get(..rest.len().min(256)).unwrap_or_default()) {
            self.found.push("style that runs script", Strength::Strong, start..value);
        }
    }

    /// A URL that is not the whole value: in Markdown, in an attribute, after a quote.
    pub(super) fn script_url(&mut self, at: &Range<usize>, before: Option<u8>) {
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
    pub(super) fn handler(&mut self, at: &Range<usize>, value: usize) {
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
}
