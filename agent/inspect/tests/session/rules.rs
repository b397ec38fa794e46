//! Rules upon whole connections.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use framewall_inspect::{
    CloseReason, FindingAction, Link, Mode, Settings, Signal, Unit,
    rules::{LiveRules, Loss, RuleAction, RuleSet},
};

use crate::{
    peer::{CONTINUATION, Deflater, FIN, TEXT, client_frame, text, upgrade_request, upgrade_response},
    relay::{Relay, ToClient, ToServer},
};

fn set(text: &str) -> Arc<RuleSet> {
    let nothing = |file: &str, _: &str| Err(format!("{file} is not here"));
    RuleSet::load(&[("rules.toml", text)], &nothing, 0).unwrap_or_else(|errors| panic!("{}", errors[0])).0
}

fn live(text: &str) -> Arc<LiveRules> {
    Arc::new(LiveRules::new(set(text)))
}

const LINK: Link = Link {
    client: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)),
    port: 8080,
    scheme: "http",
    connection: 1,
};

fn with(rules: &Arc<LiveRules>, mode: Mode) -> Relay {
    at(rules, mode, LINK, Instant::now())
}

/// An open WebSocket with these rules; what was written and reported until then is kept.
fn at(rules: &Arc<LiveRules>, mode: Mode, link: Link, now: Instant) -> Relay {
    let settings = Settings { mode, rules: Arc::clone(rules), ..Settings::default() };
    let mut relay = Relay::between(link, settings, now);
    relay.feed(ToServer, upgrade_request("permessage-deflate").as_bytes());
    if relay.outcome.closed.is_none() {
        relay.feed(ToClient, upgrade_response("permessage-deflate").as_bytes());
    }
    relay
}

fn block(rules: &str) -> Relay {
    with(&live(rules), Mode::Block)
}

/// Whether a message passes, and then the connection goes on.
fn passes(relay: &mut Relay, message: &str) -> bool {
    relay.feed(ToServer, &text(message));
    relay.outcome.closed.is_none() && relay.to_server().ends_with(&text(message))
}

const SQLI: &str = r#"{"q":"' OR '1'='1"}"#;
const NO_DELETE: &str = "[[rule]]\nid = \"no-delete\"\nwhen = { param = \"action\", equals = \"delete\" }\n\
                         action = \"block\"\nclose_code = 4003\nreason = \"not yours\"\n";

#[test]
fn a_rule_blocks_with_its_code_and_reason() {
    let mut relay = block(NO_DELETE);
    assert!(passes(&mut relay, r#"{"action":"list"}"#));
    relay.feed(ToServer, &text(r#"{"id":1,"action":"delete"}"#));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
    assert!(relay.to_client().ends_with(b"\x88\x0b\x0f\xa3not yours"));
    let [matched] = relay.matches()[..] else { panic!("one match: {:?}", relay.matches()) };
    assert_eq!(
        (&*matched.rule, matched.kind, matched.action, matched.done),
        ("no-delete", "rule", RuleAction::Block, true)
    );
    assert!(matches!(matched.unit, Unit::Message { index: 2, .. }));
}

#[test]
fn names_and_values_are_compared_without_the_escapes_of_json() {
    for message in [
        r#"{"\u0061ction":"delete"}"#,
        r#"{"action":"\u0064elete"}"#,
        r#"{"a":[{"b":{"act\u0069on":["x","delete"]}}]}"#,
        r#"42["e",{"action":"delete"}]"#,
        r#"["{\"action\":\"delete\"}"]"#,
        "action=delete&x=1",
        "x=1&%61ction=d%65lete",
        "<r><action>delete</action></r>",
        "<r action='delete'/>",
        "SEND\naction:delete\n\n\0",
    ] {
        assert!(!passes(&mut block(NO_DELETE), message), "{message}");
    }
}

#[test]
fn numbers_and_words_of_json_are_parameters() {
    let rules = "[[rule]]\nid = \"a\"\nwhen = { param = \"n\", ge = 10 }\naction = \"block\"\n\
                 [[rule]]\nid = \"b\"\nwhen = { param = \"t\", equals = true }\naction = \"block\"\n\
                 [[rule]]\nid = \"c\"\nwhen = { param = \"nothing\", exists = true }\naction = \"block\"\n";
    for message in [r#"{"n":12}"#, r#"{"x":[1,{"n":1e1}]}"#, r#"{"t":true}"#, r#"{"nothing":null}"#] {
        assert!(!passes(&mut block(rules), message), "{message}");
    }
    assert!(passes(&mut block(rules), r#"{"n":9,"t":false,"m":11}"#));
}

#[test]
fn a_deep_parameter_is_found_by_its_path() {
    let rules = "[[rule]]\nid = \"a\"\nwhen = { param = \"$.a.**.z\", equals = 1 }\naction = \"block\"\n";
    let deep = format!("{}\"z\":1{}", r#"{"a":"#.to_owned() + &r#"{"k":"#.repeat(40) + "{", "}".repeat(42));
    assert!(!passes(&mut block(rules), &deep), "{deep}");
}

#[test]
fn an_allowed_message_passes_whatever_detectors_find() {
    let rules =
        "[[rule]]\nid = \"console\"\nwhen = { field = \"path\", equals = \"/chat\" }\naction = \"allow\"\n";
    let mut relay = block(rules);
    assert!(passes(&mut relay, SQLI));
    let finding = relay.findings()[0];
    assert_eq!((finding.signal, finding.action), (Signal::Sqli, FindingAction::Tag));
    assert_eq!(finding.rule.as_deref(), Some("console"));
}

#[test]
fn tags_are_given_and_asked_for() {
    let rules = "[[rule]]\nid = \"t\"\nwhen = { param = \"pay\", exists = true }\naction = \"tag\"\ntag = \"PAY\"\n\
                 [[rule]]\nid = \"b\"\nwhen = { all = [ { signal = \"PAY\" }, { param = \"to\", equals = \"eve\" } ] }\naction = \"block\"\n\
                 [[rule]]\nid = \"l\"\nwhen = { param = \"l\", exists = true }\naction = \"log\"\n";
    let mut relay = block(rules);
    assert!(passes(&mut relay, r#"{"pay":1,"to":"bob","l":0}"#));
    let matched = relay.matches();
    let said: Vec<_> =
        matched.iter().map(|matched| (&*matched.rule, matched.action, matched.tag.as_deref())).collect();
    assert_eq!(said, [("t", RuleAction::Tag, Some("PAY")), ("l", RuleAction::Log, None)]);
    assert_eq!(&*matched[0].tags[0], "PAY");
    assert!(!passes(&mut relay, r#"{"pay":1,"to":"eve"}"#));
}

#[test]
fn an_excluded_signal_leaves_the_score() {
    let rules = "[[exclude]]\nid = \"x\"\nsignals = [\"SQLI\"]\nparams = [\"query\"]\n";
    let mut relay = block(rules);
    assert!(passes(&mut relay, r#"{"query":"' OR '1'='1","nested":{"query":["' OR '2'='2"]}}"#));
    assert!(relay.findings().is_empty());
    assert!(
        passes(&mut relay, r#"{"query":"{\"a\":\"' OR '1'='1\"}"}"#),
        "what a string holds belongs to it"
    );
    relay.feed(ToServer, &text(r#"{"query":"' OR '1'='1","name":"' OR '1'='1"}"#));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::Sqli)));
    assert_eq!(relay.findings()[0].location, "$.name");
}

#[test]
fn an_exclusion_may_ask_what_else_the_message_holds() {
    let rules = "[[exclude]]\nid = \"x\"\nsignals = [\"SQLI\"]\nparams = [\"q\"]\nwhen = { param = \"type\", equals = \"sql\" }\n";
    let mut relay = block(rules);
    assert!(passes(&mut relay, r#"{"q":"' OR '1'='1","type":"sql"}"#));
    assert!(!passes(&mut relay, r#"{"q":"' OR '1'='1","type":"text"}"#));
}

#[test]
fn what_a_signal_does_is_policy() {
    let rules = "[signals]\nSQLI = \"tag\"\nXSS = \"ignore\"\nJSON-ERROR = \"block\"\n[port.9000.signals]\nSQLI = \"block\"\n";
    let mut relay = block(rules);
    assert!(passes(&mut relay, SQLI));
    assert_eq!(relay.findings()[0].action, FindingAction::Tag);
    assert!(passes(&mut relay, "<script>alert(1)</script>"));
    assert_eq!(relay.findings().len(), 1);
    relay.feed(ToServer, &text(r#"{"a":"b" "c":"d"}"#));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Attack(Signal::JsonError)));
    let other = Link { port: 9000, ..LINK };
    assert!(!passes(&mut at(&live(rules), Mode::Block, other, Instant::now()), SQLI));
}

#[test]
fn rate_limits_count_over_connections_and_time() {
    let rules = live(
        "[[rate_limit]]\nid = \"r\"\nwhen = { param = \"a\", equals = 1 }\nkey = [\"client.ip\"]\nthreshold = 3\nwindow_s = 60\n\
         action = \"block\"\nduration_s = 100\nclose_code = 4029\nreason = \"slow down\"\n",
    );
    let start = Instant::now();
    let mut first = at(&rules, Mode::Block, LINK, start);
    let mut second = at(&rules, Mode::Block, Link { connection: 2, ..LINK }, start);
    assert!(passes(&mut first, r#"{"a":1}"#) && passes(&mut second, r#"{"a":1}"#));
    second.feed(ToServer, &text(r#"{"a":1}"#));
    assert_eq!(second.outcome.closed, Some(CloseReason::RateLimit));
    assert!(second.to_client().ends_with(b"\x88\x0b\x0f\xbdslow down"));
    assert!(second.matches()[0].reached);
    assert!(passes(&mut first, r#"{"a":2}"#), "only what matches");
    let stranger = Link { client: [192, 0, 2, 8].into(), ..LINK };
    assert!(passes(&mut at(&rules, Mode::Block, stranger, start), r#"{"a":1}"#));
    first.wait(Duration::from_secs(100));
    assert!(passes(&mut first, r#"{"a":1}"#));
}

#[test]
fn an_address_that_attacks_is_flagged() {
    let rules =
        live("[attack_threshold]\nper_1_min = 2\nflag_s = 60\nblock = \"all\"\n[signals]\nSQLI = \"tag\"\n");
    let mut relay = with(&rules, Mode::Block);
    assert!(passes(&mut relay, SQLI));
    relay.feed(ToServer, &text(SQLI));
    assert_eq!(relay.outcome.closed, Some(CloseReason::AttackThreshold));
    let matched = relay.matches()[0];
    assert_eq!((&*matched.rule, matched.reached, matched.done), ("attack_threshold", true, true));
}

#[test]
fn new_rules_reach_an_open_connection_from_its_next_message_on() {
    let rules = live("");
    let mut relay = with(&rules, Mode::Block);
    assert!(passes(&mut relay, r#"{"action":"delete"}"#));
    rules.replace(set("[[rule]]\nid = \"p\"\nwhen = { all = [ { field = \"path\", equals = \"/chat\" }, { query = \"room\", equals = 1 }, { param = \"a\", equals = 1 } ] }\naction = \"tag\"\ntag = \"A\"\n"));
    assert!(passes(&mut relay, r#"{"a":1}"#));
    assert_eq!(relay.matches().len(), 1);
    rules.replace(set(NO_DELETE));
    relay.feed(ToServer, &text(r#"{"action":"delete"}"#));
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
}

#[test]
fn what_is_only_logged_says_what_it_would_have_done() {
    let rule = format!("{NO_DELETE}mode = \"log\"\n");
    let mut relay = block(&rule);
    assert!(passes(&mut relay, r#"{"action":"delete"}"#));
    let matched = relay.matches()[0];
    assert_eq!((matched.action, matched.done), (RuleAction::Block, false));
    // The mode of the port is stronger.
    let mut relay = with(&live(NO_DELETE), Mode::Log);
    relay.feed(ToServer, &text(r#"{"action":"delete"}"#));
    assert_eq!((relay.outcome.closed, relay.matches()[0].done), (None, false));
}

#[test]
fn a_handshake_is_refused_before_the_application_has_it() {
    let rules = "[[rule]]\nid = \"h\"\nwhen = { query = \"room\", equals = 1 }\naction = \"block\"\n";
    let relay = block(rules);
    assert_eq!(relay.outcome.closed, Some(CloseReason::Rule));
    assert!(relay.to_client().starts_with(b"HTTP/1.1 403 Forbidden\r\n") && relay.to_server().is_empty());
    assert_eq!(relay.matches()[0].unit, Unit::Handshake);
    // What only the answer tells waits for it.
    let rules =
        "[[rule]]\nid = \"h\"\nwhen = { field = \"response_code\", equals = 101 }\naction = \"block\"\n";
    let mut relay = block(rules);
    assert_eq!(relay.outcome.closed, None);
    assert!(!passes(&mut relay, "hello"));
}

#[test]
fn rules_know_how_a_message_was_sent() {
    let rule = |when: &str| format!("[[rule]]\nid = \"r\"\nwhen = {{ {when} }}\naction = \"block\"\n");
    let closed = |when: &str, bytes: &[u8]| {
        let mut relay = block(&rule(when));
        relay.feed(ToServer, bytes);
        relay.outcome.closed.is_some()
    };
    let whole = text("hello");
    let parts = [client_frame(0, TEXT, b"he"), client_frame(FIN, CONTINUATION, b"llo")].concat();
    let small = Deflater::new().frame(TEXT, &[b'x'; 1000]);
    for (when, bytes, blocks) in [
        ("field = \"fragments\", gt = 1", &whole, false),
        ("field = \"fragments\", gt = 1", &parts, true),
        ("field = \"wire_bytes\", equals = 5", &parts, true),
        ("field = \"compressed\", equals = true", &whole, false),
        ("field = \"compressed\", equals = true", &small, true),
        ("field = \"bytes\", equals = 1000", &small, true),
        ("field = \"wire_bytes\", lt = 100", &small, true),
        ("field = \"opcode\", equals = \"binary\"", &whole, false),
        ("field = \"text\", contains = \"ell\"", &parts, true),
        ("field = \"client.ip\", in_net = \"192.0.2.0/24\"", &whole, true),
        ("field = \"port\", equals = 8080", &whole, true),
        ("field = \"scheme\", equals = \"https\"", &whole, false),
        ("field = \"user_agent\", equals = \"test\"", &whole, true),
    ] {
        assert_eq!(closed(when, bytes), blocks, "{when}");
    }
}

#[test]
fn rules_expire_by_the_time_that_is_told() {
    let rules = live(
        "[[rule]]\nid = \"r\"\nexpires = 2026-11-22\nwhen = { param = \"a\", exists = true }\naction = \"block\"\n",
    );
    let now = Instant::now();
    rules.tell_time(now, 20_779 * 86_400 - 10);
    let mut relay = at(&rules, Mode::Block, LINK, now + Duration::from_secs(10));
    assert!(passes(&mut relay, r#"{"a":1}"#));
    let mut relay = at(&rules, Mode::Block, LINK, now + Duration::from_secs(9));
    assert!(!passes(&mut relay, r#"{"a":1}"#));
}

#[test]
fn values_whose_names_are_secret_are_not_shown() {
    let mut relay = block("[redaction]\nnames = [\"badge\"]\n");
    relay.feed(ToServer, &text(r#"{"badge":"' OR '1'='1"}"#));
    assert_eq!(relay.findings()[0].excerpt, "***");
    let mut relay = block("");
    relay.feed(ToServer, &text(r#"{"password":"' OR '1'='1"}"#));
    assert_eq!(relay.findings()[0].excerpt, "***");
}

#[test]
fn what_cannot_be_counted_is_told_once_a_minute() {
    let rules = "[counting]\nmax_keys = 1000\n[[rate_limit]]\nid = \"users\"\nkey = [\"param:user\"]\nthreshold = 1\n\
                 window_s = 60\naction = \"log\"\nlog = \"none\"\nduration_s = 3600\n";
    let mut relay = block(rules);
    let say =
        |relay: &mut Relay| (0..4000).for_each(|n| assert!(passes(relay, &format!(r#"{{"user":{n}}}"#))));
    say(&mut relay);
    relay.wait(Duration::from_secs(59));
    say(&mut relay);
    let [first] = relay.lost_counts()[..] else { panic!("once: {:?}", relay.lost_counts()) };
    assert_eq!(
        (&*first.rule, first.max_keys, first.loss),
        ("users", 1000, Loss { uncounted: 1, replaced: 0 })
    );
    relay.wait(Duration::from_secs(1));
    say(&mut relay);
    let [_, second] = relay.lost_counts()[..] else { panic!("once more: {:?}", relay.lost_counts()) };
    assert!((5900..6200).contains(&second.loss.uncounted), "{second:?}");

    let rules = live("[attack_threshold]\nper_60_min = 1\n[counting]\nmax_keys = 1000\n");
    let told = (0..2000).find_map(|n| {
        let link = Link { client: std::net::Ipv4Addr::from(n).into(), ..LINK };
        let mut relay = at(&rules, Mode::Block, link, Instant::now());
        passes(&mut relay, SQLI);
        relay.lost_counts().first().map(|lost| lost.rule.to_string())
    });
    assert_eq!(told.as_deref(), Some("attack_threshold"));
}
