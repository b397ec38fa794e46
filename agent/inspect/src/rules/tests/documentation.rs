//! The examples of `docs/rules.md` do what they say.

use super::*;
use crate::rules::signals::SIGNALS;

const DOCUMENT: &str = include_str!("../../../../../docs/rules.md");

/// The files in the document.
pub(super) fn examples() -> impl Iterator<Item = &'static str> {
    DOCUMENT.split("```toml\n").skip(1).filter_map(|block| block.split("```").next())
}

#[test]
fn every_example_does_what_it_says() {
    let mut checked = 0;
    for block in examples() {
        let mut world = world(block);
        let before = checked;
        for line in block.lines() {
            let Some((words, rest)) =
                line.strip_prefix("# ").map(|line| line.split_once(": ").unwrap_or((line, "")))
            else {
                continue;
            };
            checked += usize::from(run(&mut world, words, rest, line));
        }
        assert!(checked > before, "nothing is checked in\n{block}");
    }
    assert!(checked > 100, "{checked}");
}

/// Does what a comment says; whether it was a check.
fn run(world: &mut World, words: &str, rest: &str, line: &str) -> bool {
    match words.split(' ').collect::<Vec<_>>().as_slice() {
        ["client"] => world.client = rest.parse().expect(line),
        ["port"] => world.port = rest.parse().expect(line),
        ["request"] => world.target = rest.to_owned(),
        ["header"] => world.headers.push_str(&format!("{rest}\r\n")),
        ["after"] => {
            let seconds = rest.strip_suffix(" s").and_then(|seconds| seconds.parse().ok()).expect(line);
            world.after = Duration::from_secs(seconds);
        }
        ["date"] => {
            assert_eq!(rest, "2027-01-31");
            world.unix_s = (20_779 + 9 + 31 + 30) * 86_400;
        }
        ["facts"] => facts(world, rest),
        ["found", how @ ..] => {
            let (signal, path) = rest.split_once(" in ").expect(line);
            let signal = SIGNALS.iter().find(|known| known.as_str() == signal).expect(line);
            world.found.push((*signal, how.is_empty(), path.to_owned()));
        }
        [what, "handshake"] => {
            world.target = rest.to_owned();
            let blocks = matches!(world.opens().verdict, Verdict::Block(_));
            assert_eq!(blocks, *what == "blocks", "{line}");
            return true;
        }
        ["shows", ..] => {
            let (name, rest) =
                line.strip_prefix("# shows ").and_then(|rest| rest.split_once(' ')).expect(line);
            let (value, shown) = rest.split_once(" as ").expect(line);
            assert_eq!(world.set.redaction().redact(name, value), shown, "{line}");
            return true;
        }
        ["blocks" | "passes" | "allows" | "logs" | "would", ..] | ["tags", _] => {
            check(world, words, rest, line);
            return true;
        }
        _ => panic!("what does this mean? {line}"),
    }
    false
}

fn check(world: &mut World, words: &str, message: &str, line: &str) {
    let decision = world.says(message);
    world.found.clear();
    let explained = format!("{line}\n{decision:#?}\n{}", world.explanation);
    match words.split_once(' ').unwrap_or((words, "")) {
        ("blocks", _) => assert!(matches!(decision.verdict, Verdict::Block(_)), "{explained}"),
        ("allows", _) => assert!(matches!(decision.verdict, Verdict::Allow { .. }), "{explained}"),
        ("passes", _) => {
            assert_eq!(decision.verdict, Verdict::Pass, "{explained}");
            assert!(decision.would_block.is_empty(), "{explained}");
        }
        ("tags", tag) => {
            assert_eq!(decision.verdict, Verdict::Pass, "{explained}");
            assert!(decision.tags().any(|given| given == tag), "{explained}");
        }
        ("logs", _) => {
            assert!(decision.matched.iter().any(|matched| matched.action == RuleAction::Log), "{explained}");
        }
        _ => {
            assert_eq!(decision.verdict, Verdict::Pass, "{explained}");
            assert!(!decision.would_block.is_empty(), "{explained}");
        }
    }
}

fn facts(world: &mut World, facts: &str) {
    for fact in facts.split(' ') {
        let (name, value) = fact.split_once('=').expect(fact);
        let number = || value.parse().expect(fact);
        match name {
            "bytes" => world.facts.bytes = number(),
            "wire_bytes" => world.facts.wire_bytes = number(),
            "fragments" => world.facts.fragments = number(),
            "index" => world.facts.index = number(),
            "compressed" => world.facts.compressed = value == "true",
            "opcode" => world.facts.opcode = if value == "binary" { Opcode::Binary } else { Opcode::Text },
            "direction" => {
                world.facts.direction =
                    if value == "to_client" { Direction::ToClient } else { Direction::ToServer };
            }
            _ => panic!("{fact}"),
        }
    }
}

/// What can be written stands in the document.
#[test]
fn everything_is_documented() {
    let names = crate::rules::field::Field::ALL.map(|field| field.as_str());
    let parts = crate::rules::field::Multi::ALL.iter().flat_map(|of| of.parts()).map(|part| part.as_str());
    for name in names.into_iter().chain(parts).chain(crate::rules::condition::OPERATORS) {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "{name} is not described");
        let used = [format!("field = \"{name}\""), format!("{name} = ")];
        assert!(used.iter().any(|used| DOCUMENT.contains(used)), "{name} has no example");
    }
}

/// What the parser takes is what the document describes, each key with an example.
#[test]
fn every_key_is_documented() {
    let mut keys = 0;
    for table in [
        "x = 1",
        "[[rule]]\nx = 1",
        "[[exclude]]\nx = 1",
        "[[rate_limit]]\nx = 1",
        "[attack_threshold]\nx = 1",
        "[counting]\nx = 1",
        "[redaction]\nx = 1",
        "[lists.a]\nx = 1",
        "[port.1]\nx = 1",
        "[[rule]]\nwhen = { signal = \"SQLI\", x = 1 }",
        "[[rule]]\nwhen = { some = \"param\", where = { field = \"name\", equals = \"a\" }, x = 1 }",
    ] {
        let Err(complaints) = RuleSet::load(&[("r.toml", table)], &lists, TODAY) else { panic!("{table}") };
        let allowed = complaints.iter().find_map(|it| it.message.split_once(" has no key `x`"));
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{table}: {complaints:?}"));
        let (_, allowed) = allowed.split_once("allowed are ").expect(table);
        for key in allowed.split('`').skip(1).step_by(2) {
            let described =
                [format!("`{key}`"), format!("[{key}."), format!("[{key}]"), format!("`{key} = ")];
            assert!(described.iter().any(|text| DOCUMENT.contains(text)), "{key} is not described");
            let used = [format!("{key} = "), format!("[{key}."), format!("[{key}]")];
            assert!(examples().any(|example| used.iter().any(|text| example.contains(text))), "no {key}");
            keys += 1;
        }
    }
    assert!(keys > 50, "{keys}");
}
