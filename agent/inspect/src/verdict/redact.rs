//! Evidence without secrets.

use crate::rules::Redaction;

/// Longest excerpt, in characters.
const MAX_EXCERPT: usize = 64;

/// How much of the value before the first suspicious character is shown, in characters.
const LEAD: usize = 16;

/// Longest word that is shown.
const MAX_WORD: usize = 20;

/// What a value is shown as whose name says that it is a secret.
const HIDDEN: &str = "***";

/// How much of a name is looked at.
const MAX_NAME: usize = 128;

/// A piece of `value` that shows why it was found, fit for a log: at most 64 characters, all printable.
///
/// Digits in runs of three and more become `#`, words longer than 20 characters (tokens, keys) and what stands
/// before an `@` become `***`; before that `redaction` hides what looks like a secret.
pub(super) fn excerpt(value: &[u8], redaction: &Redaction) -> String {
    Piece::of(b"", value).masked(redaction)
}

/// What an excerpt is made from, once it is known that it is wanted.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Of the value.
    name: String,
    bytes: Vec<u8>,
    /// Where in them the first suspicious character stands.
    first: usize,
    /// Whether the value begins before it, and goes on behind it.
    begins_before: bool,
    goes_on: bool,
}

impl Piece {
    /// Enough bytes for the excerpt, and to see the words at its ends as a whole.
    pub(super) fn of(name: &[u8], value: &[u8]) -> Self {
        let suspicious =
            |byte: &u8| matches!(byte, b'\'' | b'"' | b'<' | b';' | b'`' | b'=' | b'(' | b'#' | b'|');
        let first = value.iter().position(suspicious).unwrap_or(0);
        let start = first.saturating_sub(4 * LEAD);
        let end = value.len().min(first.saturating_add(4 * MAX_EXCERPT));
        Self {
            name: String::from_utf8_lossy(name.get(..MAX_NAME).unwrap_or(name)).into_owned(),
            bytes: value.get(start..end).unwrap_or_default().to_vec(),
            first: first - start,
            begins_before: start > 0,
            goes_on: end < value.len(),
        }
    }

    /// The [`excerpt`].
    pub(super) fn masked(&self, redaction: &Redaction) -> String {
        let (before, after) = self.bytes.split_at_checked(self.first).unwrap_or_default();
        if redaction.hides_name(&self.name) {
            return HIDDEN.to_owned();
        }
        let mask = |bytes, most| mask(&redaction.redact("", &String::from_utf8_lossy(bytes)), most);
        let before = mask(before, usize::MAX);
        let hidden = before.chars().count().saturating_sub(LEAD);
        let mut out = String::new();
        if self.begins_before || hidden > 0 {
            out.push('…');
        }
        out.extend(before.chars().skip(hidden));
        let room = MAX_EXCERPT - out.chars().count();
        let masked = mask(after, room);
        if masked.chars().count() > room || self.goes_on {
            out.extend(masked.chars().take(room.saturating_sub(1)));
            out.push('…');
        } else {
            out.push_str(&masked);
        }
        out
    }
}

/// What may be shown of a text: all of it, or the beginning and more than `most` characters.
fn mask(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    let mut shown = 0;
    let mut rest = text;
    while shown <= most {
        let (marks, after) = rest.split_at(rest.bytes().take_while(|byte| is_mark(*byte)).count());
        out.push_str(marks);
        shown += marks.len();
        rest = after;
        let Some(letter) = rest.chars().next() else { break };
        let len = word_len(rest);
        if len == 0 {
            if letter.is_control() || is_invisible(letter) {
                out.extend(letter.escape_default());
            } else {
                out.push(letter);
            }
            shown += 1;
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (word, after) = rest.split_at(len);
        let letters = if word.is_ascii() { len } else { word.chars().count() };
        if letters > MAX_WORD || after.starts_with('@') {
            out.push_str(HIDDEN);
            shown += HIDDEN.len();
        } else {
            mask_digits(word, &mut out);
            shown += letters;
        }
        rest = after;
    }
    out
}

fn mask_digits(word: &str, out: &mut String) {
    if word.bytes().filter(u8::is_ascii_digit).count() > 2 {
        out.extend(word.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }));
    } else {
        out.push_str(word);
    }
}

/// The length of the word that a text begins with.
fn word_len(text: &str) -> usize {
    match text.bytes().position(|byte| !IS_WORD[usize::from(byte)]) {
        Some(end) if text.as_bytes().get(end).is_some_and(u8::is_ascii) => end,
        Some(_) => text.find(|letter| !is_word(letter)).unwrap_or(text.len()),
        None => text.len(),
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')
}

/// [`is_word`] for bytes of ASCII.
static IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        byte += 1;
    }
    table
};

/// Whether a byte is a character that is shown and belongs to no word.
fn is_mark(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !IS_WORD[usize::from(byte)]
}

/// Characters that hide or turn text on a terminal.
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(value: &[u8]) -> String {
        super::excerpt(value, &Redaction::default())
    }

    #[test]
    fn shows_the_evidence_and_hides_the_rest() {
        assert_eq!(excerpt(b"' OR '1'='1"), "' OR '1'='1");
        assert_eq!(excerpt(b"ann@example.org' OR 4111111111111111=1--"), "***@example.org' OR ***=1--");
        assert_eq!(excerpt(b"key=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"), "key***");
        assert_eq!(excerpt(b"a\r\n\x1b[1m'\xff"), "a\\r\\n\\u{1b}[1m'\u{fffd}");
    }

    #[test]
    fn is_short_and_starts_near_the_evidence() {
        let long = format!("{}' OR 1=1 {}", "word ".repeat(100), "tail ".repeat(100));
        let shown = excerpt(long.as_bytes());
        assert!(shown.chars().count() <= 64, "{shown}");
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("' OR 1=1"), "{shown}");
        assert_eq!(excerpt(b""), "");
    }
}
