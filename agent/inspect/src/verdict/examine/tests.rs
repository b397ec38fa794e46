//! Values in layers, as a message brings them.

use std::sync::Arc;

use super::*;
use crate::{
    decode,
    detect::{DETECTORS, Signal},
    rules::{LiveRules, RuleSet},
    settings::Mode,
    verdict::{FindingAction, court::PIECE},
};

fn judged(message: &str) -> Vec<Finding> {
    let settings = Settings { mode: Mode::Log, ..Settings::default() };
    Inspector::default().inspect(&settings, Opcode::Text, message.as_bytes())
}

fn in_json(value: &str) -> String {
    let escaped =
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('\0', "\\u0000").replace('\n', "\\n");
    format!("{{\"type\":\"msg\",\"data\":{{\"text\":\"{escaped}\"}}}}")
}

fn blocked(value: &str) -> Vec<Signal> {
    let findings = judged(&in_json(value));
    findings
        .iter()
        .filter(|finding| finding.action == FindingAction::Log)
        .map(|finding| finding.signal)
        .collect()
}

fn tagged(value: &str, signal: Signal) -> bool {
    let findings = judged(&in_json(value));
    findings.iter().any(|finding| finding.signal == signal && finding.action == FindingAction::Tag)
}

#[test]
fn finds_what_is_encoded_in_any_way_and_in_several() {
    for value in [
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "%252e%252e%252f%252e%252e%252fetc%252fpasswd",
        "\\u002e\\u002e\\u002f\\u002e\\u002e\\u002fetc/passwd",
        "&#46;&#46;&sol;&#46;&#46;&sol;etc/passwd",
        "Li4vLi4vLi4vZXRjL3Bhc3N3ZA==",
        "2e2e2f2e2e2f6574632f706173737764",
        "．．／．．／etc／passwd",
        "..\u{200b}/../e\u{200b}tc/passwd",
        "%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
        "{\"a\":{\"b\":\"../../etc/passwd\"}}",
        "\"{\\\"a\\\":\\\"../../etc/passwd\\\"}\"",
        "a=1&file=..%2f..%2fetc%2fpasswd",
        "<a><b>../../etc/passwd</b></a>",
        "{\"a\":\"Li4vLi4vLi4vZXRjL3Bhc3N3ZA==\"}",
    ] {
        assert!(blocked(value).contains(&Signal::Traversal), "{value}");
    }
}

#[test]
fn explains_the_layers() {
    let findings = judged(&in_json("%252e%252e%252f%252e%252e%252fetc"));
    let finding = findings.iter().find(|finding| finding.signal == Signal::Traversal).expect("it is blocked");
    assert_eq!(finding.location, "$.data.text");
    assert!(finding.layers.starts_with(&[decode::Step::Percent]), "{finding:?}");
}

#[test]
fn what_an_encoding_hides_weighs_more() {
    let score = |value: &str| {
        let findings = judged(&in_json(value));
        findings.iter().find(|finding| finding.signal == Signal::Traversal).map_or(0, |finding| finding.score)
    };
    assert!(score("/%65%74%63/issue") > score("/etc/issue"));
    assert_eq!(score("/etc/%20passwd"), score("/etc/passwd"));
}

#[test]
fn tags_what_is_odd_about_encodings() {
    assert!(tagged("%2527", Signal::DoubleEncoding));
    assert!(tagged("a%00b", Signal::NullByte));
    assert!(tagged("a\0b", Signal::NullByte));
    assert!(tagged("%c0%ae", Signal::NotUtf8));
    assert!(judged(&in_json("https://example.org/?to=https%253A%252F%252Fexample.org%252F")).is_empty());
}

#[test]
fn a_layer_too_many_is_tagged_and_does_not_block() {
    let mut value = "x".to_owned();
    for _ in 0..6 {
        value = in_json(&value);
    }
    let findings = judged(&value);
    assert!(findings.iter().all(|finding| finding.action == FindingAction::Tag), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.signal == Signal::WsUninspected), "{findings:?}");
}

#[test]
fn a_layer_too_many_is_tagged_whatever_other_rules_there_are() {
    let other =
        "[[rule]]\nid = \"o\"\nwhen = { field = \"text\", contains = \"other\" }\naction = \"block\"\n";
    let (rules, _) = RuleSet::load(&[("other.toml", other)], &|_, _| Err(String::new()), 0).expect("a rule");
    let settings =
        Settings { mode: Mode::Block, rules: Arc::new(LiveRules::new(rules)), ..Settings::default() };
    let deep = (0..6).fold("x".to_owned(), |value, _| in_json(&value));
    let findings = Inspector::default().inspect(&settings, Opcode::Text, deep.as_bytes());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].signal, findings[0].action), (Signal::WsUninspected, FindingAction::Tag));
}

#[test]
fn more_to_decode_than_anybody_means_blocks() {
    // JSON within JSON, both without an end: what is encoded three times is decoded in every layer.
    let value = |nth: usize| format!(r#"{{\"a\":\"{{\\\"a\\\":\\\"{}{nth}\\\"\""#, "%25252541".repeat(4));
    let list = |first: &str, count: usize| {
        let values: String = (0..count).map(|nth| format!(",\"{}\"", value(nth))).collect();
        format!("[{first}{values}]")
    };
    let uninspected = |message: &str| {
        let findings = judged(message);
        let finding = findings.into_iter().find(|finding| finding.signal == Signal::WsUninspected);
        finding.map(|finding| finding.action)
    };
    assert_eq!(uninspected(&list("0", 2)), None);
    assert_eq!(uninspected(&list("0", 400)), Some(FindingAction::Log));
    // Not less so behind what only tags.
    let deep = (0..6).fold("x".to_owned(), |value, _| in_json(&value));
    assert_eq!(uninspected(&list(&deep, 0)), Some(FindingAction::Tag));
    assert_eq!(uninspected(&list(&deep, 400)), Some(FindingAction::Log));
}

#[test]
fn lists_of_encoded_values_are_not_more_than_is_decoded() {
    // The most that honest lists were seen to need is 3.5 times their length.
    let url = |nth: usize| {
        let next = format!("https%253A%252F%252Fexample.org%252F%253Fa%253D{nth}%2526b%253Dx%252520y");
        format!(
            "https://example.com/a/{nth}?q=it%27s%20{nth}&to=https%3A%2F%2Fexample.com%2F%3Fnext%3D{next}&z=1"
        )
    };
    let body =
        |nth: usize| format!("u={}&m=%7B%22k%22%3A%22a%2520b%2520{nth}%22%7D", url(nth).replace('%', "%25"));
    for count in [1, 10, 100, 1000] {
        let values: Vec<String> =
            (0..count).map(|nth| format!("\"{}\",\"{}\"", url(nth), body(nth))).collect();
        let findings = judged(&format!("[{}]", values.join(",")));
        assert!(findings.iter().all(|finding| finding.action == FindingAction::Tag), "{count}: {findings:?}");
    }
}

#[test]
fn one_finding_of_a_signal_however_often_it_comes() {
    let attacks =
        r#"["../../etc/passwd",{"b":"../../../etc/shadow"},"<script>alert(1)</script>","../../etc/passwd"]"#;
    let found: Vec<_> = judged(attacks).into_iter().map(|found| (found.signal, found.location)).collect();
    assert_eq!(found, [(Signal::Traversal, "$[0]".to_owned()), (Signal::Xss, "$[2]".to_owned())]);
}

#[test]
fn a_structure_is_looked_into_in_whichever_round_it_is_whole() {
    // The first round brings to light what begins like JSON, the second what is in it.
    for value in [
        "%7B%22x%22:%2522%255Cu0031%255Cu0027%255Cu0020or%255Cu00201=1--%2522%7D",
        "%7B%22x%22:%2522%253Cscript%253Ealert(1)%253C/script%253E%2522%7D",
        "%7B%22x%22:%2522;cat%2520/etc/passwd%2522%7D",
        "%7B%22x%22:%2522admin'--%2522%7D",
    ] {
        assert!(!blocked(value).is_empty(), "{value}");
    }
}

#[test]
fn what_nobody_was_asked_about_is_not_harmless_in_the_next_message() {
    let settings = Settings { mode: Mode::Log, ..Settings::default() };
    let mut inspector = Inspector::default();
    // When the second comes SQLI is certain, and is not asked again.
    for message in [r#"["1' and sleep(5)#","2' and sleep(5)#"]"#, r#"["2' and sleep(5)#"]"#] {
        let findings = inspector.inspect(&settings, Opcode::Text, message.as_bytes());
        assert!(findings.iter().any(|finding| finding.signal == Signal::Sqli), "{message}");
    }
}

#[test]
fn finds_an_attack_in_any_piece_of_a_long_value() {
    for before in [10, PIECE - 40, PIECE, 3 * PIECE] {
        let value = format!("{} %24%7bjndi:ldap://host.example/a}}", "lorem ipsum".repeat(before / 11));
        assert_eq!(blocked(&value), [Signal::Log4jJndi], "{before}");
    }
}

/// Records enough that what repeats is not looked at again, with something among them.
fn among_records(odd: &str) -> String {
    let record =
        |nth: usize| format!(r#"{{"id":{nth},"filter":{{"name":"Ada"}},"password":"(x)","to":"a/b"}},"#);
    let records = |numbers: std::ops::Range<usize>| numbers.map(record).collect::<String>();
    format!("[{}{odd},{}{{}}]", records(0..20), records(20..40))
}

#[test]
fn what_repeats_hides_nothing() {
    assert_eq!(judged(&among_records("{}")), []);
    for (odd, signal, location) in [
        (r#"{"id":1,"to":"../../../etc/passwd"}"#, Signal::Traversal, "$[20].to"),
        (r#"{"password":{"$ne":"(x)"}}"#, Signal::NoSqli, "$[20].password[\"$ne\"]"),
        // The same key means nothing under the first name.
        (r#"{"filter":{"$ne":"Ada"},"password":{"$ne":"(x)"}}"#, Signal::NoSqli, "$[20].password[\"$ne\"]"),
        (r#"{"filter":"{\"id\":\"1' or 1=1--\"}"}"#, Signal::Sqli, "$[20].filter -> $.id"),
        (r#"{"' or 1=1--":"Ada","name":"' or 1=1--"}"#, Signal::Sqli, "$[20][\"' or 1=1--\"]"),
    ] {
        let findings = judged(&among_records(odd));
        let blocking = findings.iter().find(|finding| finding.action == FindingAction::Log);
        assert_eq!(
            blocking.map(|finding| (finding.signal, finding.location.as_str())),
            Some((signal, location)),
            "{odd}"
        );
    }
}

#[test]
fn what_is_found_again_is_told_where_it_stands_first() {
    let attack = r#"{"to":"../../../etc/passwd"}"#;
    let once = judged(&among_records(attack));
    let twice = judged(&among_records(&format!("{attack},{attack}")));
    assert_eq!(once, twice);
}

/// Each thread remembers what was harmless.
#[test]
fn what_was_judged_before_is_judged_alike() {
    for detector in DETECTORS {
        let examples = detector.examples();
        for example in examples.found.iter().chain(examples.passed) {
            let message =
                serde_json::json!({ "type": "msg", "data": { "text": example }, "to": [example, "x"] });
            let once = judged(&message.to_string());
            assert_eq!(judged(&message.to_string()), once, "{example}");
        }
    }
}
