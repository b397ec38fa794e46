//! What wins: rules, limits, thresholds, policy and modes.

use super::*;

const SIGNAL_RULES: &str = "[[rule]]\nid = \"ok\"\naction = \"allow\"\nwhen = { param = \"ok\", exists = true }\n\
    [[rule]]\nid = \"no\"\naction = \"block\"\nclose_code = 4001\nreason = \"no\"\nwhen = { param = \"no\", exists = true }\n";

fn attack(world: &mut World) {
    world.found = vec![(Signal::Sqli, true, "q".to_owned())];
}

#[test]
fn allow_overrules_what_comes_later_and_the_first_that_decides_wins() {
    let mut world = world(SIGNAL_RULES);
    attack(&mut world);
    assert_eq!(world.says(r#"{"ok":1,"no":1}"#).verdict, Verdict::Allow { rule: "ok".into() });
    let block = Block { by: Decider::Rule("no".into()), close_code: 4001, reason: "no".into() };
    assert_eq!(world.says(r#"{"no":1}"#).verdict, Verdict::Block(block));
    let signal = world.says("{}");
    let Verdict::Block(block) = signal.verdict else { panic!("{signal:?}") };
    assert_eq!((block.by, block.close_code), (Decider::Signal(Signal::Sqli), 1008));
    assert_eq!(signal.signals[0].path, "q");
}

#[test]
fn without_rules_only_the_policy_decides() {
    let mut world = world("");
    world.set = RuleSet::empty();
    assert_eq!(world.says("{}"), Decision::default());
    attack(&mut world);
    assert!(world.blocks("{}"));
    world.found = vec![(Signal::Sqli, false, "q".to_owned()), (Signal::NoUa, true, String::new())];
    assert!(!world.blocks("{}"));
    world.found = vec![(Signal::WsUninspected, true, String::new())];
    assert!(world.blocks("{}"));
}

#[test]
fn mode_log_says_what_would_have_been_done() {
    let mut world = world(
        "[[rule]]\nid = \"a\"\naction = \"allow\"\nmode = \"log\"\n[[rule]]\nid = \"b\"\naction = \"block\"\nmode = \"log\"\n\
         [[rule]]\nid = \"t\"\naction = \"tag\"\ntag = \"T\"\nmode = \"log\"\n[[rule]]\nid = \"o\"\naction = \"block\"\nmode = \"off\"\n\
         [[rule]]\nid = \"d\"\naction = \"block\"\nenabled = false\n[[rule]]\nid = \"after\"\naction = \"log\"\nwhen = { signal = \"T\" }\n",
    );
    let decision = world.says("{}");
    assert_eq!(decision.verdict, Verdict::Pass);
    assert_eq!(decision.would_block.len(), 1);
    assert_eq!(decision.matched.iter().map(|it| &*it.rule).collect::<Vec<_>>(), ["a", "b", "t"]);
    assert_eq!(decision.tags().count(), 0);
}

#[test]
fn tags_reach_later_rules_only() {
    let mut world = world(
        "[[rule]]\nid = \"early\"\naction = \"block\"\nwhen = { signal = \"T\" }\n[[rule]]\nid = \"t\"\naction = \"tag\"\ntag = \"T\"\n\
         [[rule]]\nid = \"late\"\naction = \"log\"\nwhen = { signal = \"T\" }\n[[rule]]\nid = \"not\"\naction = \"log\"\nwhen = { not = { signal = \"T\" } }\n",
    );
    let decision = world.says("{}");
    assert_eq!(decision.verdict, Verdict::Pass);
    assert_eq!(decision.matched.iter().map(|it| &*it.rule).collect::<Vec<_>>(), ["t", "late"]);
}

#[test]
fn sampled_is_the_first_and_then_every_hundredth() {
    let mut world = world(
        "[[rule]]\nid = \"r\"\naction = \"log\"\nlog = \"sampled\"\n[[rule]]\nid = \"n\"\naction = \"log\"\nlog = \"none\"\n",
    );
    let logged: Vec<_> = (0..201).filter(|_| world.says("{}").matched[0].log).collect();
    assert_eq!(logged, [0, 100, 200]);
    assert!(!world.says("{}").matched[1].log);
}

#[test]
fn a_handshake_is_judged_by_what_is_known_then() {
    let mut world = world(
        "[[rule]]\nid = \"admin\"\naction = \"block\"\nwhen = { field = \"path\", equals = \"/admin\" }\n\
         [[rule]]\nid = \"no-token\"\naction = \"block\"\nwhen = { param = \"token\", exists = false }\n\
         [[exclude]]\nid = \"x\"\nsignals = [\"SQLI\"]\nparams = [\"q\"]\n",
    );
    assert_eq!(world.opens().verdict, Verdict::Pass);
    attack(&mut world);
    assert_eq!(world.opens().verdict, Verdict::Pass);
    assert_eq!(world.opens().excluded.len(), 1);
    world.found = vec![(Signal::Sqli, true, "p".to_owned())];
    assert!(matches!(world.opens().verdict, Verdict::Block(_)));
    world.found.clear();
    world.target = "/admin".to_owned();
    assert!(matches!(world.opens().verdict, Verdict::Block(_)));
}

#[test]
fn exclusions_may_depend_on_the_message() {
    let mut world = world(
        "[[exclude]]\nid = \"x\"\nsignals = [\"SQLI\"]\nwhen = { param = \"type\", equals = \"query\" }\n",
    );
    attack(&mut world);
    assert!(world.blocks(r#"{"type":"chat"}"#) && !world.blocks(r#"{"type":"query"}"#));
    let bound = world.bind();
    assert!(bound.may_overrule_signals() && bound.needs_params() && !bound.needs_text());
    assert!(
        !RuleSet::empty()
            .bind(&ConnectionFacts {
                client: world.client,
                port: 1,
                scheme: "http",
                handshake: None,
                response_code: 101,
                opened: world.start,
                connection: 1,
            })
            .may_overrule_signals()
    );
}

#[test]
fn blocked_messages_count_and_allowed_ones_do_not() {
    let limits = "[[rate_limit]]\nid = \"l\"\nkey = [\"client.ip\"]\nthreshold = 3\nwindow_s = 60\nduration_s = 60\naction = \"block\"\n";
    let mut world = world(&(SIGNAL_RULES.to_owned() + limits));
    for _ in 0..10 {
        assert_eq!(world.says(r#"{"ok":1}"#).reached, []);
    }
    for _ in 0..2 {
        assert!(world.blocks(r#"{"no":1}"#));
    }
    let third = world.says("{}");
    assert_eq!(third.reached, [Decider::RateLimit("l".into())]);
    assert!(matches!(third.verdict, Verdict::Block(Block { by: Decider::RateLimit(_), .. })));
    world.connection = 2;
    assert!(world.blocks("{}"), "another connection of the same client");
    world.client = "192.0.2.2".parse().unwrap();
    assert!(!world.blocks("{}"));
    assert!(matches!(world.says(r#"{"ok":1}"#).verdict, Verdict::Allow { .. }));
}

#[test]
fn limits_count_by_their_keys() {
    for (key, change) in [
        ("connection", (|world: &mut World| world.connection = 9) as fn(&mut World)),
        ("header:X-Key", |world| world.headers = "x-key: b\r\n".to_owned()),
        ("cookie:sid", |world| world.headers = "Cookie: sid=b\r\nX-Key: a\r\n".to_owned()),
        ("client.ip", |world| world.client = "2001:db8::1".parse().unwrap()),
    ] {
        let mut world = world(&format!(
            "[[rate_limit]]\nid = \"l\"\nkey = [\"{key}\", \"param:user\"]\nthreshold = 2\nwindow_s = 60\nduration_s = 60\naction = \"block\"\n"
        ));
        world.headers = "Cookie: sid=a\r\nX-Key: a\r\n".to_owned();
        assert!(
            !world.blocks(r#"{"user":"a"}"#) && !world.blocks("{}") && !world.blocks(r#"{"user":"b"}"#),
            "{key}"
        );
        assert!(world.blocks(r#"{"user":"a"}"#), "{key}");
        change(&mut world);
        assert!(!world.blocks(r#"{"user":"a"}"#), "{key}");
        if key != "client.ip" && key != "connection" {
            world.headers.clear();
            assert!(
                (0..9).all(|_| !world.blocks(r#"{"user":"a"}"#)),
                "without a key nothing is counted: {key}"
            );
        }
    }
}

#[test]
fn counts_outlive_a_change_of_rules() {
    let text = "[[rate_limit]]\nid = \"l\"\nkey = [\"client.ip\"]\nthreshold = 3\nwindow_s = 60\nduration_s = 60\naction = \"block\"\n";
    let mut world = world(text);
    assert!(!world.blocks("{}") && !world.blocks("{}"));
    world.set = load(&format!("{SIGNAL_RULES}{text}")).0;
    assert!(world.blocks("{}"));
}

#[test]
fn an_address_that_attacks_is_flagged() {
    for (block, clean) in [("attacks", false), ("all", true)] {
        let mut world = world(&format!(
            "[attack_threshold]\nper_10_min = 3\nflag_s = 100\nblock = \"{block}\"\n[signals]\nSQLI = \"tag\"\n"
        ));
        attack(&mut world);
        assert!(!world.blocks("{}") && !world.blocks("{}"));
        let third = world.says("{}");
        assert_eq!(third.reached, [Decider::AttackThreshold]);
        assert!(matches!(third.verdict, Verdict::Block(Block { by: Decider::AttackThreshold, .. })));
        world.found.clear();
        assert_eq!(world.blocks("{}"), clean);
        world.after = Duration::from_secs(100);
        attack(&mut world);
        assert!(!world.blocks("{}"), "its time is over");
    }
    let mut twice = world("[attack_threshold]\nper_1_min = 2\n[signals]\nSQLI = \"tag\"\n");
    twice.found = vec![(Signal::Sqli, true, "q".to_owned()), (Signal::Sqli, true, "r".to_owned())];
    assert!(!twice.blocks("{}"), "one signal in two parameters is one attack");
    let mut world = world("[attack_threshold]\nper_1_min = 1\nmode = \"log\"\n[signals]\nSQLI = \"tag\"\n");
    attack(&mut world);
    let decision = world.says("{}");
    assert_eq!((decision.verdict, decision.would_block.len()), (Verdict::Pass, 1));
}

#[test]
fn an_explanation_has_each_condition_and_its_outcome() {
    let mut world = world(
        "[[rule]]\nid = \"r\"\naction = \"log\"\nwhen = { all = [{ param = \"a\", ge = 3 }, { not = { field = \"path\", like = \"/x*\" } }] }\n",
    );
    world.says(r#"{"a":2}"#);
    assert_eq!(
        world.explanation,
        "rule r does not match\n  - all\n    - param \"a\" ge 3\n    + not\n      - path like \"/x*\"\n"
    );
}
