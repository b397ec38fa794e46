//! What a message contains: the input is one message.

use framewall_inspect::{Finding, Limits, Mode, Settings, inspect_text};

use crate::compare::Fnv;

pub(super) fn run(input: &[u8]) -> u64 {
    let limits = Limits { max_json_depth: 3, max_leaves: 12, ..Limits::default() };
    let log = Settings { mode: Mode::Log, ..Settings::default() };
    let block = Settings { mode: Mode::Block, ..Settings::default() };
    let small = Settings { mode: Mode::Log, limits, ..Settings::default() };
    let all = inspect_text(&log, input);
    let first = inspect_text(&block, input);
    check(&all);
    check(&first);
    check(&inspect_text(&small, input));
    assert_eq!(all.is_empty(), first.is_empty(), "the modes disagree");
    assert!(first.iter().all(|found| all.iter().any(|other| other.signal == found.signal)));
    let mut hash = Fnv::new();
    for finding in &all {
        hash.text(finding.signal.as_str());
        hash.text(
            &finding.location.chars().map(|c| if c.is_alphanumeric() { 'a' } else { c }).collect::<String>(),
        );
    }
    hash.0
}

fn check(findings: &[Finding]) {
    for (place, finding) in findings.iter().enumerate() {
        assert!(
            findings.iter().skip(place + 1).all(|other| other.signal != finding.signal),
            "twice the same"
        );
        assert!(finding.excerpt.chars().count() <= 64, "a long excerpt: {}", finding.excerpt);
        assert!(finding.location.starts_with('$') && finding.location.len() < 400, "{}", finding.location);
        let printable = |text: &str| text.chars().all(|c| !c.is_control());
        assert!(printable(&finding.excerpt) && printable(&finding.location), "{finding:?}");
    }
}
