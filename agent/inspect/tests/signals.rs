//! `docs/signals.md` says what the detectors say about themselves.
//!
//! `FRAMEWALL_WRITE_DOCS=1 cargo test -p framewall-inspect --test signals` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use framewall_inspect::{SignalEntry, SignalKind, signals};

const INTRODUCTION: &str = "\
# Signals

What Framewall finds. `framewall signals` prints the list; `framewall scan --explain` says why a message has one.

An **attack** blocks in mode `block` once enough speaks for it; with less it is a tag: the message passes and an event
tells of it. An **anomaly** is a tag. Examples are values of a message with every encoding undone; those that pass look
similar and are no reason to worry.

This page is made from the detectors: `FRAMEWALL_WRITE_DOCS=1 cargo test -p framewall-inspect --test signals`.
";

#[test]
fn the_documentation_is_what_the_detectors_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/signals.md");
    let page = page(&signals());
    if std::env::var_os("FRAMEWALL_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/signals.md is writable");
    }
    let written = std::fs::read_to_string(&path).expect("docs/signals.md");
    assert!(written == page, "docs/signals.md is out of date: see the head of {}", file!());
}

fn page(entries: &[SignalEntry]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for (title, kind) in [("Attacks", SignalKind::Attack), ("Anomalies", SignalKind::Anomaly)] {
        page.push_str(&format!("\n## {title}\n"));
        for entry in entries.iter().filter(|entry| entry.signal.kind() == kind) {
            section(&mut page, entry);
        }
    }
    page
}

fn section(page: &mut String, entry: &SignalEntry) {
    let summaries: Vec<String> = entry.summaries.iter().map(|summary| sentence(summary)).collect();
    let _ = write!(page, "\n### {}\n\n{}\n", entry.signal, summaries.join(" "));
    for (title, examples) in [("Found", &entry.found), ("Passed", &entry.passed)] {
        if !examples.is_empty() {
            let _ = write!(page, "\n{title}:\n\n");
            for example in examples {
                let _ = writeln!(page, "- {}", code(example));
            }
        }
    }
}

fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// A code span, on one line.
fn code(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        if letter.is_control() || "\u{200b}\u{200d}\u{feff}\u{ad}".contains(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    let longest = shown.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // CommonMark strips one blank on both sides.
    let blank = if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{shown}{blank}{fence}")
}

#[test]
fn code_spans_hold_backticks_and_line_ends() {
    assert_eq!(code("a"), "`a`");
    assert_eq!(code("`id`\n"), "`` `id`\\n ``");
    assert_eq!(code("a``b"), "```a``b```");
}
