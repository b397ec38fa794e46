//! What is wrong with a file, and where.

use super::*;

/// The messages with their places: `2:8 text`.
fn complaints(text: &str) -> Vec<String> {
    let Err(complaints) = RuleSet::load(&[("r.toml", text)], &lists, TODAY) else { return Vec::new() };
    complaints.iter().map(|it| format!("{}:{} {}", it.line, it.column, it.message)).collect()
}

/// What is wrong with a condition: column in it, and message.
#[track_caller]
fn wrong(condition: &str, column: usize, says: &str) {
    let text = format!(
        "[[rule]]\nid = \"r\"\naction = \"log\"\nwhen = {condition}\n\
         [lists.nets]\ntype = \"ip\"\nvalues = [\"10.0.0.0/8\"]\n"
    );
    let complaints = complaints(&text);
    let [complaint] = complaints.as_slice() else { panic!("{condition}: {complaints:#?}") };
    let (place, message) = complaint.split_once(' ').unwrap();
    assert_eq!(place, format!("4:{}", 7 + column), "{condition}: {message}");
    assert!(message.contains(says), "{condition}: {message}");
}

#[test]
fn a_complaint_shows_the_line_and_the_culprit() {
    let text = "[[rule]]\nid = \"r\"\naction = \"blok\"\n";
    let Err(complaints) = RuleSet::load(&[("r.toml", text)], &lists, TODAY) else { panic!() };
    assert_eq!(
        complaints[0].to_string(),
        "r.toml:3:10: `action` is \"blok\" (did you mean `block`?); allowed are `allow`, `block`, `tag`, `log`\n  \
         |\n3 | action = \"blok\"\n  |          ^^^^^^"
    );
}

#[test]
fn mistakes_in_conditions() {
    wrong(
        "{ field = \"client_ip\", equals = \"::1\" }",
        11,
        "no field `client_ip` (did you mean `client.ip`?); there are `client.ip`",
    );
    wrong("{ field = \"path\", equal = \"/\" }", 19, "no operator `equal` (did you mean `equals`?)");
    wrong("{ field = \"path\", ge = 3 }", 19, "`ge` does not fit path, which is a text; there are `equals`");
    wrong("{ field = \"path\", equals = 3 }", 28, "`equals` is a whole number, it must be a string");
    wrong("{ field = \"bytes\", contains = \"3\" }", 20, "`contains` does not fit bytes, which is a number");
    wrong("{ field = \"bytes\", ge = -1 }", 25, "`ge` is -1, allowed are 0 to");
    wrong("{ field = \"bytes\", ge = \"1\" }", 25, "a string where a number is expected");
    wrong("{ field = \"port\", equals = 70000 }", 28, "allowed are 1 to 65535");
    wrong(
        "{ field = \"scheme\", equals = \"wss\" }",
        30,
        "\"wss\" is not possible here; allowed are `http`, `https`",
    );
    wrong("{ field = \"opcode\", equals = \"txt\" }", 30, "(did you mean `text`?)");
    wrong("{ field = \"compressed\", equals = \"yes\" }", 34, "true or false is expected");
    wrong("{ field = \"compressed\", exists = true, equals = true }", 40, "a second operator");
    wrong("{ field = \"client.ip\", equals = \"10.0.0.0/8\" }", 33, "for a network use `in_net`");
    wrong("{ field = \"client.ip\", in_net = \"10.0.0.1/8\" }", 33, "the network is \"10.0.0.0/8\"");
    wrong(
        "{ field = \"path\", in_list = \"nets\" }",
        29,
        "`nets` is a list of type `ip`, which a text is never in",
    );
    wrong(
        "{ field = \"client.ip\", in_list = \"net\" }",
        34,
        "no list `net` (did you mean `nets`?); write it as `[lists.net]`",
    );
    wrong(
        "{ field = \"client.ip\", in_list = \"nets\", ignore_case = true }",
        42,
        "`ignore_case` has a meaning with texts only",
    );
    wrong("{ field = \"path\" }", 1, "what about path? It needs an operator");
    wrong("{ param = \"a..b\", exists = true }", 11, "a part of the path is empty");
    wrong("{ param = \"a\", contains = \"\" }", 27, "use `exists`");
    wrong("{ param = \"a\", like = \"a\\\\\" }", 23, "ends with a `\\`");
    wrong("{ param = \"a\", matches = \"a(b\" }", 26, "not a regex: unclosed group at its character 2");
    wrong("{ param = \"a\", matches = \"(a{500}){500}\" }", 26, "this regex takes about");
    wrong("{ param = \"a\", equals = inf }", 25, "not a number");
    wrong("{ header = \"\", exists = true }", 12, "the name of a header is empty");
    wrong("{ signal = \"SQLL\" }", 12, "no signal `SQLL` (did you mean `SQLI`?)");
    wrong("{ signal = \"SQLI\", equals = \"x\" }", 20, "a condition on a signal has no key `equals`");
    wrong("{ all = [] }", 9, "`all` is empty");
    wrong("{ any = { field = \"path\", exists = true } }", 9, "`any` is a table, it must be a list");
    wrong("{ not = [] }", 9, "`not` is a list, it must be a table");
    wrong("{ all = [ 3 ] }", 11, "a condition is a whole number, it must be a table");
    wrong("{ all = [ { param = \"a\", exists = true } ], any = [] }", 45, "`all` and `any` in one condition");
    wrong("{ para = \"a\", equals = \"b\" }", 3, "(did you mean `param`?)");
    wrong(
        "{ some = \"params\", where = { field = \"name\", equals = \"x\" } }",
        10,
        "(did you mean `param`?)",
    );
    wrong("{ some = \"param\" }", 1, "this condition needs `where`");
    wrong(
        "{ some = \"param\", where = { field = \"kind\", equals = \"x\" } }",
        37,
        "allowed are `name`, `path`, `value`",
    );
    wrong(
        "{ some = \"signal\", where = { field = \"kind\", equals = \"bad\" } }",
        55,
        "allowed are `attack`, `anomaly`, `tag`",
    );
    wrong("\"path\"", 1, "`when` is a string, it must be a table");
    wrong(
        &format!("{}{{ param = \"a\", exists = true }}{}", "{ not = ".repeat(40), " }".repeat(40)),
        8 * 33 + 1,
        "deeper than 32",
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "[[rule]]\nid = \"a b\"\naction = \"tag\"\nwhen = { any = [{ field = \"x\", equals = 1 }, { param = \"\", exists = 1 }] }\n\
                [[rule]]\nid = \"c\"\nacton = \"log\"\nports = [0]\nexpires = \"tomorrow\"\n[signals]\nSQLI = \"blok\"\nFOO = \"tag\"\n";
    let complaints = complaints(text);
    let places: Vec<_> = complaints.iter().filter_map(|text| text.split(' ').next()).collect();
    let expected = ["1:1", "2:6", "4:27", "4:56", "5:1", "7:1", "8:10", "9:11", "11:8", "12:1"];
    assert_eq!(places, expected, "{complaints:#?}");
}

#[test]
fn mistakes_in_rules() {
    #[track_caller]
    fn wrong(text: &str, expected: &[&str]) {
        let found = complaints(text);
        assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\n{expected}");
        }
    }
    wrong("x = 1", &["1:1 a rule file has no key `x`; allowed are `rule`"]);
    wrong("rule = 1", &["1:1 write `[[rule]]`, with two brackets"]);
    wrong("[rule]\nid = \"x\"", &["1:2 write `[[rule]]`"]);
    wrong("[[rule]]\naction = \"log\"", &["1:1 a rule needs `id`"]);
    wrong("[[rule]]\nid = \"a\"", &["1:1 a rule needs `action`"]);
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"log\"\n[[exclude]]\nid = \"a\"\nsignals = [\"XSS\"]",
        &["5:6 the id `a` is given already, at r.toml:2"],
    );
    wrong("[[rule]]\nid = \"a\"\naction = \"tag\"", &["1:1 a rule with `action = \"tag\"` needs `tag`"]);
    wrong("[[rule]]\nid = \"a\"\naction = \"tag\"\ntag = \"low\"", &["4:7 a tag is made of"]);
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"tag\"\ntag = \"SQLI\"",
        &["4:7 `SQLI` is a signal of a detector"],
    );
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"log\"\ntag = \"X\"\nreason = \"y\"",
        &["4:1 `tag` has a meaning with `action = \"tag\"`", "5:1 `reason` has"],
    );
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"block\"\nclose_code = 1006",
        &["4:14 1006 must not stand in a Close frame"],
    );
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"block\"\nclose_code = 999",
        &["4:14 `close_code` is 999, allowed are 1000 to 4999"],
    );
    wrong(
        &format!("[[rule]]\nid = \"a\"\naction = \"block\"\nreason = \"{}\"", "x".repeat(124)),
        &["4:10 `reason` has 124 bytes"],
    );
    wrong("[[rule]]\nid = \"a\"\naction = \"log\"\nports = []", &["4:1 `ports` is empty"]);
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"log\"\nexpires = 2027-01-31T10:00:00",
        &["4:11 `expires` must be a date, or a time with its offset"],
    );
    wrong(
        "[[rule]]\nid = \"a\"\naction = \"log\"\nenabled = \"yes\"",
        &["4:11 `enabled` is a string, it must be true or false"],
    );
    wrong("[[exclude]]\nid = \"a\"\nsignals = []", &["3:1 `signals` is empty"]);
    wrong(
        "[[exclude]]\nid = \"a\"\nsignals = [\"XSS\"]\nwhen = { signal = \"SQLI\" }",
        &["4:10 an exclusion is decided before signals"],
    );
    wrong(
        "[[rate_limit]]\nid = \"a\"\naction = \"allow\"\nkey = [\"ip\"]\nthreshold = 0\nwindow_s = 1\nduration_s = 9999999",
        &[
            "3:10 `action` is \"allow\"",
            "4:8 \"ip\" is not a key",
            "5:13 `threshold` is 0",
            "7:14 `duration_s` is 9999999",
        ],
    );
    wrong(
        "[[rate_limit]]\nid = \"a\"\naction = \"log\"\nkey = [\"client.ip\", \"client.ip\"]\nthreshold = 1\nwindow_s = 1\nduration_s = 1",
        &["4:1 the two keys are the same"],
    );
    wrong("[attack_threshold]\nflag_s = 1", &["1:1 `[attack_threshold]` needs `per_1_min`"]);
    wrong("[port.70000.signals]\nXSS = \"tag\"", &["1:7 `70000` is not a port"]);
    wrong(
        "[lists.a]\ntype = \"ip\"\nvalues = [\"10.0.0.0/8\", 3, \"x\"]",
        &["3:25 a whole number cannot be in a list of type `ip`", "3:28 \"x\" is not an address"],
    );
    wrong("[lists.a]\ntype = \"ip\"", &["1:1 list `a` needs `values` or a `file`"]);
    wrong(
        "[lists.a]\ntype = \"ip\"\nvalues = []\nfile = \"x\"",
        &["4:1 list `a` has `values` or a `file`, not both"],
    );
    wrong("[lists.a]\ntype = \"ip\"\nfile = \"none.txt\"", &["3:8 cannot read \"none.txt\": no such file"]);
    wrong("[counting]\nmax_keys = 1", &["2:12 `max_keys` is 1, allowed are 1000 to"]);
    wrong(
        "[redaction]\nshapes = [\"cart\"]\nshown_names = [\"x\"]",
        &["2:11 there is no shape `cart` (did you mean `card`?)", "3:16 `x` is not among"],
    );
    wrong("[signals]\nX = \"tag\"", &["2:1 no detector has the signal `X`"]);
}

#[test]
fn a_mistake_in_the_file_of_a_list_is_shown_there() {
    let text = "[lists.a]\ntype = \"ip\"\nfile = \"broken.txt\"\n";
    let Err(complaints) = RuleSet::load(&[("r.toml", text)], &lists, TODAY) else { panic!() };
    let shown: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    assert!(shown[0].starts_with("broken.txt:2:1: \"10.1.2.3/8\" has bits set"), "{shown:?}");
    assert!(shown[1].ends_with("3 | x\n  | ^"), "{shown:?}");
}

#[test]
fn broken_toml_is_shown_and_hides_no_other_file() {
    let files = [
        ("a.toml", "[[rule]\nid = 1\n"),
        (
            "b.toml",
            "[[rule]]\nid = \"r\"\naction = \"log\"\nwhen = { param = \"a\", in_list = \"of-a\", equal = 1 }\n",
        ),
    ];
    let Err(complaints) = RuleSet::load(&files, &lists, TODAY) else { panic!() };
    assert!(complaints.iter().any(|it| it.file == "a.toml" && it.line == 1), "{complaints:?}");
    let of_b: Vec<_> = complaints.iter().filter(|it| it.file == "b.toml").collect();
    assert!(of_b.len() == 1 && of_b[0].message.contains("no operator `equal`"), "{of_b:?}");
}

#[test]
fn several_files_are_one_set_in_order() {
    let files = [
        (
            "a.toml",
            "[[rule]]\nid = \"a\"\naction = \"allow\"\nwhen = { all = [{ param = \"x\", in_list = \"of-b\" }, { signal = \"LATER\" }] }\n",
        ),
        (
            "b.toml",
            "[lists.of-b]\ntype = \"string\"\nvalues = [\"1\"]\n[[rule]]\nid = \"b\"\naction = \"tag\"\ntag = \"LATER\"\n",
        ),
    ];
    let (set, _) = RuleSet::load(&files, &lists, TODAY).expect("files may use what others give");
    assert_eq!(set.len(), 2);
}

#[track_caller]
fn warns(text: &str, expected: &[&str]) {
    let shown: Vec<_> =
        load(text).1.iter().map(|warning| format!("{}: {}", warning.0.line, warning.0.message)).collect();
    assert_eq!(shown.len(), expected.len(), "{text}\n{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.contains(expected), "{shown}\n{expected}");
    }
}

fn rule(id: &str, action: &str, when: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\naction = \"{action}\"\nwhen = {when}\n")
}

#[test]
fn warns_of_rules_that_never_match() {
    let list = "[lists.none]\ntype = \"string\"\nvalues = []\n";
    for (when, why) in [
        (
            "{ all = [{ field = \"path\", equals = \"/a\" }, { field = \"path\", equals = \"/b\" }] }",
            Some("`path equals \"/a\"` and `path equals \"/b\"`"),
        ),
        (
            "{ all = [{ field = \"bytes\", ge = 10 }, { all = [{ field = \"bytes\", lt = 10 }] }] }",
            Some("`bytes ge 10` and `bytes lt 10`"),
        ),
        (
            "{ all = [{ field = \"bytes\", equals = 5 }, { field = \"bytes\", gt = 10 }] }",
            Some("`bytes equals 5`"),
        ),
        (
            "{ all = [{ param = \"a\", equals = \"x\" }, { param = \"a\", not_equals = \"x\" }] }",
            Some("and its opposite"),
        ),
        ("{ param = \"a\", in_list = \"none\" }", Some("is empty")),
        ("{ all = [{ field = \"bytes\", ge = 10 }, { field = \"bytes\", le = 10 }] }", None),
        ("{ all = [{ param = \"a\", equals = \"x\" }, { param = \"a\", equals = \"y\" }] }", None),
        ("{ any = [{ field = \"path\", equals = \"/a\" }, { field = \"path\", equals = \"/b\" }] }", None),
        ("{ param = \"a\", not_in_list = \"none\" }", None),
    ] {
        let text = rule("r", "block", when) + list;
        let expected: Vec<_> = why.into_iter().collect();
        warns(&text, &expected);
    }
    let tag = "[[rule]]\nid = \"t\"\naction = \"tag\"\ntag = \"T\"\n";
    let asks = rule("r", "block", "{ signal = \"T\" }");
    warns(
        &format!("{asks}{tag}"),
        &["1: `r` can never match: no rule before it gives the tag of `signal T`"],
    );
    warns(&format!("{tag}mode = \"log\"\n{asks}"), &["`r` can never match"]);
    warns(&format!("{tag}{asks}"), &[]);
    warns("[[rule]]\nid = \"r\"\naction = \"log\"\nexpires = 2026-11-22\n", &["1: `r` has expired"]);
    warns(
        "[[rule]]\nid = \"r\"\naction = \"log\"\nexpires = 2026-11-22T01:00:00+02:00\n",
        &["1: `r` has expired"],
    );
    warns("[[rule]]\nid = \"r\"\naction = \"log\"\nexpires = 2026-11-22T00:00:01Z\n", &[]);
    warns("[[rule]]\nid = \"r\"\naction = \"log\"\nenabled = false\n", &["`r` is not enabled"]);
    warns("[[rule]]\nid = \"r\"\naction = \"log\"\nmode = \"off\"\n", &["`r` is off"]);
    warns(&rule("r", "log", "{ param = \"a\", matches = \"^[a-z]+$\" }"), &["runs a regex on every value"]);
}

#[test]
fn warns_of_rules_that_are_shadowed() {
    let a = "{ param = \"a\", equals = 1 }";
    let b = "{ param = \"b\", equals = 1 }";
    let both = format!("{{ all = [{b}, {a}] }}");
    let two = |first: &str, second: &str| format!("{first}{second}");
    warns(
        &two(&rule("x", "block", a), &rule("y", "allow", a)),
        &["5: `y` never decides: `x` decides before it"],
    );
    warns(&two(&rule("x", "block", a), &rule("y", "allow", &both)), &["`y` never decides: `x`"]);
    warns(&two(&rule("x", "block", b), &rule("y", "allow", &both)), &["`y` never decides: `x`"]);
    warns(
        &two("[[rule]]\nid = \"x\"\naction = \"allow\"\n", &rule("y", "block", a)),
        &["`y` never decides: `x`"],
    );
    for fine in [
        two(&rule("x", "log", a), &rule("y", "block", a)),
        two(&rule("x", "block", &both), &rule("y", "block", a)),
        two(&rule("x", "block", a), &rule("y", "block", b)),
        two(&(rule("x", "block", a) + "ports = [1]\n"), &rule("y", "block", a)),
        two(&(rule("x", "block", a) + "mode = \"log\"\n"), &rule("y", "block", a)),
    ] {
        warns(&fine, &[]);
    }
}

/// Files that are meant to take long: none takes a second, unless something is done again and again.
#[test]
fn large_files_are_read_in_time() {
    const COUNT: usize = 4000;
    let many = |each: &dyn Fn(usize) -> String| (0..COUNT).map(each).collect::<String>();
    let same = "{ field = \"direction\", equals = \"to_server\" }";
    let files = [
        many(&|n| {
            rule(
                &format!("r{n}"),
                "block",
                &format!("{{ all = [{same}, {{ param = \"p{n}\", exists = true }}] }}"),
            )
        }),
        many(&|n| rule(&format!("r{n}"), "block", same)),
        many(&|n| rule("same", "blok", &format!("{{ signal = \"X{n}\" }}"))),
        format!("rule = [{}]", many(&|n| format!("{{ id = \"r{n}\", action = \"log\" }}, "))),
        format!(
            "[[rule]]\nid = \"r\"\naction = \"log\"\nwhen = {{ any = [{}] }}",
            many(&|n| format!("{{ signal = \"SIGNAL-{n}\" }},"))
        ),
        format!(
            "[lists.l]\ntype = \"wildcard\"\nvalues = [{}]\n{}",
            many(&|n| format!("\"*x{n}*\",")),
            rule("r", "log", "{ param = \"a\", in_list = \"l\" }")
        ),
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        "a.".repeat(100_000),
        "\"".repeat(100_000),
    ];
    for file in files {
        let start = Instant::now();
        let _ = RuleSet::load(&[("r.toml", &file)], &lists, TODAY);
        let shown: String = file.chars().take(80).collect();
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} {shown}", start.elapsed());
    }
}
