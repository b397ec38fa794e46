//! What the figures are held to.

/// Per class the macro average of its sources' detection rates, in percent, at least.
const DETECTION: [(&str, f64); 10] = [
    ("sqli", 92.0),
    ("xss", 93.0),
    ("traversal", 96.0),
    ("lfi", 88.0),
    ("cmdexe", 82.0),
    ("log4j", 100.0),
    ("ssti", 93.0),
    ("nosqli", 85.0),
    ("ssrf", 80.0),
    ("xxe", 96.0),
];

/// Honest text that is executable syntax or a whole message: the share that may be blocked, in percent.
const HARD: [(&str, f64); 4] =
    [("code-snippet", 3.0), ("sql-code", 1.0), ("markdown-html", 0.5), ("json-message", 0.0)];

/// The share of all other honest text that may be blocked, in percent.
pub(crate) const CORE_BLOCKED: f64 = 0.10;

/// Shares of leaves that get the same verdict in all envelopes, in percent, at least.
pub(crate) const INVARIANCE: f64 = 99.5;

/// Most nanoseconds for a byte, in any message.
pub(crate) const NANOSECONDS_PER_BYTE: f64 = 20.0;

/// A source with fewer rows says nothing by its own average.
pub(crate) const SMALLEST_SOURCE: u32 = 5;

/// The least detection rate of a class, if one is set.
pub(crate) fn detection(class: &str) -> Option<f64> {
    DETECTION.iter().find(|(name, _)| *name == class).map(|(_, least)| *least)
}

/// How much of a category of honest text may be blocked, if it has a target of its own and does not count as core.
pub(crate) fn hard(category: &str) -> Option<f64> {
    HARD.iter().find(|(name, _)| *name == category).map(|(_, most)| *most)
}

/// How much of the detection a disguise must leave, in percent. Shell quoting leaves less to see.
pub(crate) fn survival(evasion: &str) -> f64 {
    match evasion {
        "cmd_quote" | "cmd_backslash" => 80.0,
        _ => 95.0,
    }
}
