//! Rule files and what they say about messages: the input is a rule file and messages, each behind the byte 0x1e.

use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use framewall_inspect::{
    Inspector, Mode, Opcode, Settings,
    rules::{ConnectionFacts, LiveRules, RuleSet, Verdict},
};

use crate::compare::Fnv;

/// Between the rules and the messages.
pub(crate) const SEPARATOR: u8 = 0x1e;

pub(super) fn run(input: &[u8]) -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let mut parts = input.split(|byte| *byte == SEPARATOR);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let mut hash = Fnv::new();
    let loader = |file: &str, _: &str| match file {
        "words.txt" => Ok("foo\n# bar\n 10.0.0.0/8\n".to_owned()),
        _ => Err("no such file".to_owned()),
    };
    let set = match RuleSet::load(&[("rules.toml", &text)], &loader, 0) {
        Ok((set, warnings)) => {
            for warning in &warnings {
                assert!(!warning.to_string().is_empty());
            }
            set
        }
        Err(complaints) => {
            assert!(!complaints.is_empty(), "refused for nothing");
            for complaint in &complaints {
                assert!(complaint.to_string().lines().count() >= 4, "{complaint}");
            }
            // What is wrong, without what is quoted of the file.
            let message = complaints.first().map(|first| first.message.as_str()).unwrap_or_default();
            hash.text(message.split(['`', '"']).next().unwrap_or_default());
            return hash.0;
        }
    };
    let live = Arc::new(LiveRules::new(Arc::clone(&set)));
    let settings = Settings { mode: Mode::Log, rules: live, ..Settings::default() };
    let bound = set.bind(&ConnectionFacts {
        client: [10, 1, 2, 3].into(),
        port: 8080,
        scheme: "http",
        handshake: None,
        response_code: 101,
        opened: *START,
        connection: 1,
    });
    let mut inspector = Inspector::default();
    hash.number(set.len() as u64);
    for (index, message) in (1..).zip(parts.take(8)) {
        let judged = inspector.inspect_by_rules(&settings, &bound, (index, Opcode::Text, message), *START);
        let decision = judged.decision;
        for finding in &judged.findings {
            let counts = decision.signals.iter().any(|seen| seen.signal == finding.signal);
            assert!(counts, "{} counts for nothing", finding.signal);
        }
        let blocks = decision.signals.iter().any(|seen| seen.blocks);
        assert!(!blocks || decision.verdict != Verdict::Pass, "a signal that blocks passes");
        assert!(judged.explanation.rules.len() <= set.len());
        hash.number(decision.matched.len() as u64);
        hash.number(decision.signals.len() as u64);
        hash.text(match decision.verdict {
            Verdict::Pass => "pass",
            Verdict::Allow { .. } => "allow",
            Verdict::Block(_) => "block",
        });
    }
    hash.0
}
