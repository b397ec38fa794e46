//! What is wrong with a rule file, shown at the place where it stands.

use std::{fmt, ops::Range};

/// Most complaints that one load collects: who sees these has enough to do.
const MAX_COMPLAINTS: usize = 100;

/// Longest line that is shown, in characters.
const MAX_LINE: usize = 120;

/// A mistake, shown with the line and a caret below the culprit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
    /// The piece of the line that is shown: printable, where the culprit begins in it, and how much of it is the culprit.
    shown: String,
    indent: usize,
    width: usize,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.shown)?;
        write!(f, "{margin} | {}{}", " ".repeat(self.indent), "^".repeat(self.width))
    }
}

/// Something in a rule file that is allowed and can hardly be meant: a rule that can never match, or never decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub Complaint);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that complaints point into.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let after_breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { name, text, lines: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The number of the line that a place is in, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    pub(super) fn complaint(&self, span: Range<usize>, message: String) -> Complaint {
        let number = self.line(span.start);
        let start = self.lines.get(number - 1).copied().unwrap_or_default();
        let line = self.text.get(start..).unwrap_or_default().split(['\n', '\r']).next().unwrap_or_default();
        let before = self.text.get(start..span.start).unwrap_or(line);
        let culprit = self.text.get(span.start..span.end.min(start + line.len())).unwrap_or_default();
        let column = before.chars().count();
        let width = culprit.chars().count().max(1);
        // Of a long line the part with the culprit.
        let skipped = if column + width.min(MAX_LINE / 2) > MAX_LINE { column - MAX_LINE / 4 } else { 0 };
        let shown: String = line.chars().skip(skipped).take(MAX_LINE).map(printable).collect();
        let indent = column - skipped;
        let room = shown.chars().count().saturating_sub(indent).max(1);
        Complaint {
            file: self.name.to_owned(),
            line: number,
            column: column + 1,
            message,
            shown,
            indent,
            width: width.min(room),
        }
    }
}

fn printable(letter: char) -> char {
    if letter.is_control() { ' ' } else { letter }
}

/// The complaints of a load.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    list: Vec<Complaint>,
    more: usize,
}

impl Complaints {
    pub(super) fn push(&mut self, complaint: Complaint) {
        if self.is_full() {
            return self.count();
        }
        self.list.push(complaint);
    }

    /// Counts a complaint that is one too many.
    pub(super) const fn count(&mut self) {
        self.more += 1;
    }

    /// Whether reading on would say nothing new.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_COMPLAINTS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// File by file, from top to bottom.
    pub(super) fn finish(mut self) -> Vec<Complaint> {
        let mut files: Vec<String> = Vec::new();
        for complaint in &self.list {
            if !files.contains(&complaint.file) {
                files.push(complaint.file.clone());
            }
        }
        self.list.sort_by_key(|complaint| {
            let file = files.iter().position(|file| *file == complaint.file);
            (file, complaint.line, complaint.column)
        });
        if let (Some(last), more @ 1..) = (self.list.last_mut(), self.more) {
            last.message.push_str(&format!(" (and at least {more} more mistakes)"));
        }
        self.list
    }
}

/// `(did you mean `x`?)` or nothing.
pub(super) fn suggestion<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(wrong, known) {
        Some(name) => format!(" (did you mean `{name}`?)"),
        None => String::new(),
    }
}

/// The known name that `wrong` was probably meant to be.
fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MAX_NAME: usize = 64;
    if wrong.len() > MAX_NAME {
        return None;
    }
    let fold = |name: &str| name.to_lowercase().replace(['-', '_', '.'], "");
    let wrong = fold(wrong);
    let allowed = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|name| name.len() <= MAX_NAME)
        .map(|name| (fold(name), name))
        .filter(|(folded, _)| folded.len().abs_diff(wrong.len()) <= 4 * allowed)
        .map(|(folded, name)| (distance(&wrong, &folded), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters must be inserted, removed or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, other) in row.iter_mut().zip(std::iter::once(None).chain(b.iter().map(Some))) {
            let Some(other) = other else {
                *cell = i + 1;
                continue;
            };
            let above = *cell;
            left = (diagonal + usize::from(*other != letter)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_culprit() {
        let source = Source::new("r.toml", "a = 1\nb\t= \"ä\", x = 7\n");
        let complaint = source.complaint(18..19, "`x` is 7".to_owned());
        assert_eq!(
            complaint.to_string(),
            "r.toml:2:12: `x` is 7\n  |\n2 | b = \"ä\", x = 7\n  |            ^"
        );
    }

    #[test]
    fn any_span_is_shown_somewhere() {
        let long = "y".repeat(1000);
        for text in ["", "\n", "a\r\nb", "ä", &long] {
            let source = Source::new("f", text);
            for start in 0..=text.len() + 2 {
                for end in start..=start + 3 {
                    let shown = source.complaint(start..end, String::new()).to_string();
                    assert!(shown.lines().all(|line| line.chars().count() < MAX_LINE + 16), "{shown}");
                }
            }
        }
    }

    #[test]
    fn suggests_what_is_near() {
        let known = ["equals", "contains", "starts_with", "SQLI"];
        for (wrong, meant) in
            [("equal", "equals"), ("startswith", "starts_with"), ("sqli", "SQLI"), ("contians", "contains")]
        {
            assert_eq!(nearest(wrong, known), Some(meant));
        }
        for wrong in ["", "between", "x"] {
            assert_eq!(nearest(wrong, known), None, "{wrong}");
        }
        assert_eq!((distance("abc", "abc"), distance("", "ab"), distance("kitten", "sitting")), (0, 2, 3));
    }

    #[test]
    fn many_mistakes_are_counted() {
        let mut complaints = Complaints::default();
        for _ in 0..150 {
            complaints.push(Source::new("f", "").complaint(0..0, "x".to_owned()));
        }
        let list = complaints.finish();
        assert_eq!((list.len(), list[99].message.as_str()), (100, "x (and at least 50 more mistakes)"));
    }
}
