//! Every field, operator and action.

use super::*;

/// A rule that blocks if the condition holds.
fn when(condition: &str) -> World {
    world(&format!(
        "[[rule]]\nid = \"r\"\naction = \"block\"\nwhen = {condition}\n\
         [lists.words]\ntype = \"string\"\nvalues = [\"foo\", \"Bar\"]\n\
         [lists.patterns]\ntype = \"wildcard\"\nvalues = [\"foo*\", \"*bar*baz\", \"a?c\", \"exact\"]\n\
         [lists.nets]\ntype = \"ip\"\nvalues = [\"10.2.0.0/16\", \"2001:db8:7::/48\"]\n\
         [lists.numbers]\ntype = \"number\"\nvalues = [3, 7, 2.5]\n\
         [lists.signals]\ntype = \"signal\"\nvalues = [\"XSS\", \"SQLI\"]\n"
    ))
}

/// The condition on a parameter `x`, the values for which it holds, and those for which it does not.
#[track_caller]
fn value(operator: &str, holds: &[&str], fails: &[&str]) {
    let message = |value: &str| format!("{{\"a\":{{\"x\":{value}}},\"y\":1}}");
    let mut yes = when(&format!("{{ param = \"x\", {operator} }}"));
    let mut item = when(&format!(
        "{{ some = \"param\", where = {{ all = [{{ field = \"name\", equals = \"x\" }}, {{ field = \"value\", {operator} }}] }} }}"
    ));
    for value in holds {
        assert!(yes.blocks(&message(value)), "{operator}: {value}");
        assert!(item.blocks(&message(value)), "where {operator}: {value}");
    }
    for value in fails {
        assert!(!yes.blocks(&message(value)), "not {operator}: {value}");
        assert!(!item.blocks(&message(value)), "not where {operator}: {value}");
    }
    if operator.starts_with("exists") {
        return;
    }
    let mut no = when(&format!("{{ param = \"x\", not_{operator} }}"));
    for value in holds {
        assert!(!no.blocks(&message(value)), "not_{operator}: {value}");
    }
    for value in fails {
        assert!(no.blocks(&message(value)), "not_{operator}: {value}");
    }
    assert!(no.blocks("{\"y\":1}"), "not_{operator} without the parameter");
    assert!(!yes.blocks("{\"y\":1}"), "{operator} without the parameter");
}

#[test]
fn operators_on_texts() {
    value("equals = \"Delete\"", &["\"Delete\""], &["\"delete\"", "\"Deleted\"", "\"\"", "7"]);
    value("equals = \"Delete\", ignore_case = true", &["\"DELETE\"", "\"delete\""], &["\"delet\""]);
    value("equals = \"STRAßE\", ignore_case = true", &["\"straße\""], &["\"strasse\""]);
    value("equals = \"\"", &["\"\""], &["\" \""]);
    value("contains = \"sel\"", &["\"a sel b\"", "\"sel\"", "\"selsel\""], &["\"SEL\"", "\"se l\"", "\"\""]);
    value("contains = \"sel\", ignore_case = true", &["\"xSELx\""], &["\"se\""]);
    value("contains = \"ÄÖ\", ignore_case = true", &["\"xäöx\""], &["\"ao\""]);
    value("starts_with = \"ab\"", &["\"ab\"", "\"abc\""], &["\"xab\"", "\"Ab\"", "\"a\""]);
    value("starts_with = \"ab\", ignore_case = true", &["\"ABc\""], &["\"cAB\""]);
    value("ends_with = \"yz\"", &["\"yz\"", "\"xyz\""], &["\"yzx\"", "\"xYZ\""]);
    value("ends_with = \"yz\", ignore_case = true", &["\"xYZ\""], &["\"y\""]);
    value("like = \"a*b*c\"", &["\"abc\"", "\"a-b-c\""], &["\"abcd\"", "\"acb\""]);
    value("like = \"a?c\"", &["\"abc\"", "\"aäc\""], &["\"ac\"", "\"abbc\""]);
    value("like = \"A*C\", ignore_case = true", &["\"abc\""], &["\"bc\""]);
    value("like = \"plain\"", &["\"plain\""], &["\"plain!\""]);
    value("like = \"*\"", &["\"\"", "\"x\""], &[]);
    value("matches = \"^user-[0-9]+$\"", &["\"user-12\""], &["\"user-\"", "\"xuser-1\"", "\"USER-1\""]);
    value("matches = \"(?i)union.+select\"", &["\"UNION all SELECT\""], &["\"union\""]);
    value("matches = \"[0-9]{3}\"", &["\"a123\"", "123"], &["\"12\""]);
    value("matches = 'drop|delete', ignore_case = true", &["\"Drop\"", "\"DELETE x\""], &["\"dro\""]);
}

#[test]
fn operators_on_numbers_and_flags() {
    value("equals = 7", &["7", "\"7\"", "7.0", "\"07\""], &["8", "\"seven\"", "true"]);
    value("equals = 2.5", &["2.5", "\"2.50\""], &["2", "3"]);
    value("equals = true", &["true", "\"true\""], &["false", "1"]);
    value("ge = 10", &["10", "10.5", "\"11\""], &["9", "\"x\"", "\"\""]);
    value("le = 10", &["10", "-3"], &["10.1", "\"x\""]);
    value("gt = 10", &["11"], &["10", "\"x\""]);
    value("lt = -1", &["-2", "\"-1.5\""], &["-1", "\"x\""]);
    value("in_list = \"numbers\"", &["3", "\"7\"", "2.5"], &["4", "\"x\""]);
}

#[test]
fn operators_on_addresses_and_lists() {
    value(
        "in_net = \"10.0.0.0/8\"",
        &["\"10.1.2.3\"", "\"::ffff:10.1.2.3\""],
        &["\"11.0.0.0\"", "\"x\"", "10"],
    );
    value("in_list = \"nets\"", &["\"10.2.9.9\"", "\"2001:db8:7::1\""], &["\"10.3.0.0\"", "\"\""]);
    value("in_list = \"words\"", &["\"foo\"", "\"Bar\""], &["\"bar\"", "\"fo\""]);
    value("in_list = \"words\", ignore_case = true", &["\"FOO\"", "\"bar\""], &["\"fo\""]);
    value(
        "in_list = \"patterns\"",
        &["\"foo1\"", "\"xbarybaz\"", "\"abc\"", "\"exact\""],
        &["\"xfoo\"", "\"exactly\"", "\"ac\""],
    );
    value("in_list = \"patterns\", ignore_case = true", &["\"FOO1\"", "\"ABC\"", "\"Exact\""], &["\"bar\""]);
    value("in_list = \"signals\"", &["\"XSS\""], &["\"xss\""]);
}

#[test]
fn existence() {
    value("exists = true", &["1", "\"\"", "null", "[1]"], &["[]"]);
    let mut without = when("{ param = \"x\", exists = false }");
    assert!(without.blocks("{\"y\":1}") && without.blocks("plain") && !without.blocks("{\"x\":null}"));
    let mut origin = when("{ field = \"origin\", exists = false }");
    assert!(origin.blocks(""));
    origin.headers = "Origin: null\r\n".to_owned();
    assert!(!origin.blocks(""));
}

#[test]
fn parameters_by_path() {
    let mut roles = when("{ param = \"user.roles.*\", equals = \"admin\" }");
    assert!(roles.blocks(r#"{"user":{"roles":["guest","admin"]}}"#));
    assert!(roles.blocks(r#"[{"user":{"roles":{"a":"admin"}}}]"#));
    assert!(!roles.blocks(r#"{"user":{"roles":"admin"},"x":"admin"}"#));
    let mut rooted = when("{ param = \"$.action\", equals = \"delete\" }");
    assert!(rooted.blocks(r#"{"action":"delete"}"#) && !rooted.blocks(r#"{"x":{"action":"delete"}}"#));
    let mut deep = when("{ param = \"a.**\", contains = \"evil\" }");
    assert!(deep.blocks(r#"{"x":{"a":{"b":[{"c":"is evil"}]}}}"#) && !deep.blocks(r#"{"b":"evil"}"#));
    let mut any = when("{ param = \"**\", contains = \"evil\" }");
    assert!(any.blocks(r#""evil""#) && any.blocks(r#"[["evil"]]"#) && !any.blocks("evil"));
    let mut index = when("{ param = \"items.0\", equals = 1 }");
    assert!(index.blocks(r#"{"items":[1,2]}"#) && !index.blocks(r#"{"items":[2,1]}"#));
}

#[test]
fn name_and_value_of_the_same_parameter() {
    let condition =
        "{ all = [{ field = \"name\", starts_with = \"pass\" }, { field = \"value\", contains = \"'\" }] }";
    let mut some = when(&format!("{{ some = \"param\", where = {condition} }}"));
    assert!(some.blocks(r#"{"password":"a'b"}"#));
    assert!(!some.blocks(r#"{"password":"ab","text":"a'b"}"#));
    let mut none = when(&format!("{{ none = \"param\", where = {condition} }}"));
    assert!(!none.blocks(r#"{"password":"a'b"}"#) && none.blocks(r#"{"password":"ab","text":"a'b"}"#));
    let mut path = when(
        "{ some = \"param\", where = { any = [{ field = \"path\", like = \"user.*.id\" }, { not = { field = \"name\", matches = \"^[a-z]*$\" } }] } }",
    );
    assert!(
        path.blocks(r#"{"user":{"a":{"id":1}}}"#) && path.blocks(r#"{"A":1}"#) && !path.blocks(r#"{"a":1}"#)
    );
}

#[test]
fn fields_of_the_connection() {
    #[track_caller]
    fn check(condition: &str, change: impl Fn(&mut World)) {
        let mut world = when(condition);
        change(&mut world);
        assert!(world.blocks("{}"), "{condition}\n{}", world.explanation);
        assert!(!when(condition).blocks("{}"), "{condition} without");
    }
    check("{ field = \"client.ip\", in_list = \"nets\" }", |world| {
        world.client = "10.2.3.4".parse().unwrap()
    });
    check("{ field = \"client.ip\", in_net = \"2001:db8::/32\" }", |world| {
        world.client = "2001:db8::1".parse().unwrap()
    });
    check("{ field = \"client.ip\", equals = \"10.2.3.4\" }", |world| {
        world.client = "::ffff:10.2.3.4".parse().unwrap()
    });
    check("{ field = \"port\", ge = 9000 }", |world| world.port = 9000);
    check("{ field = \"scheme\", equals = \"https\" }", |world| world.scheme = "https".to_owned());
    check("{ field = \"connection.age_s\", gt = 60 }", |world| world.after = Duration::from_secs(61));
    check("{ field = \"host\", equals = \"app.example.org\" }", |world| {
        world.headers = "Host: App.Example.org:8080\r\n".to_owned()
    });
    check("{ field = \"path\", like = \"/admin/*\" }", |world| {
        world.target = "/x/..//%61dmin/users?q".to_owned()
    });
    check("{ field = \"raw_path\", contains = \"%\" }", |world| world.target = "/%61".to_owned());
    check("{ field = \"origin\", ends_with = \".evil.example\" }", |world| {
        world.headers = "Origin: https://a.evil.example\r\n".to_owned()
    });
    check("{ field = \"user_agent\", contains = \"CURL\", ignore_case = true }", |world| {
        world.headers = "User-Agent: curl/8\r\n".to_owned()
    });
    check("{ field = \"subprotocol\", equals = \"mqtt\" }", |world| {
        world.subprotocol = Some("mqtt".to_owned())
    });
    check("{ field = \"offered_subprotocol\", equals = \"mqtt\" }", |world| {
        world.headers = "Sec-WebSocket-Protocol: chat, mqtt\r\n".to_owned()
    });
    check("{ field = \"extension\", starts_with = \"permessage-deflate\" }", |world| {
        world.headers = "Sec-WebSocket-Extensions: x, permessage-deflate; a=1\r\n".to_owned()
    });
    check("{ field = \"response_code\", not_equals = 101 }", |world| world.response_code = 200);
    check("{ header = \"X-Api-Key\", equals = \"k\" }", |world| {
        world.headers = "x-api-key: k\r\n".to_owned()
    });
    check("{ query = \"token\", equals = \"a b\" }", |world| world.target = "/?x=1&token=a+b".to_owned());
    check("{ query = \"n\", ge = 5 }", |world| world.target = "/?n=5".to_owned());
    check("{ cookie = \"sid\", exists = true }", |world| world.headers = "Cookie: a=1; sid=x\r\n".to_owned());
    check(
        "{ some = \"header\", where = { all = [{ field = \"name\", like = \"x-*\" }, { field = \"value\", equals = \"1\" }] } }",
        |world| world.headers = "X-Debug: 1\r\n".to_owned(),
    );
    check("{ some = \"query\", where = { field = \"value\", matches = \"<\" } }", |world| {
        world.target = "/?a=%3Cb".to_owned()
    });
    check("{ some = \"cookie\", where = { field = \"name\", equals = \"debug\" } }", |world| {
        world.headers = "Cookie: debug=\r\n".to_owned()
    });
    let mut method = when("{ field = \"method\", equals = \"GET\" }");
    assert!(method.blocks(""));
}

#[test]
fn fields_of_the_message() {
    #[track_caller]
    fn check(condition: &str, change: impl Fn(&mut MessageFacts)) {
        let mut world = when(condition);
        assert!(!world.blocks("{}"), "{condition} without");
        change(&mut world.facts);
        assert!(world.blocks("{}"), "{condition}");
        let mut not = when(&format!("{{ not = {condition} }}"));
        assert!(not.blocks("{}"), "not {condition}");
    }
    check("{ field = \"direction\", equals = \"to_client\" }", |facts| facts.direction = Direction::ToClient);
    check("{ field = \"opcode\", equals = \"binary\" }", |facts| facts.opcode = Opcode::Binary);
    check("{ field = \"wire_bytes\", gt = 1000 }", |facts| facts.wire_bytes = 1001);
    check("{ field = \"bytes\", ge = 1000 }", |facts| facts.bytes = 1000);
    check("{ field = \"fragments\", gt = 1 }", |facts| facts.fragments = 2);
    check("{ field = \"index\", in_list = \"numbers\" }", |facts| facts.index = 7);
    check("{ field = \"compressed\", equals = true }", |facts| facts.compressed = true);
    let mut text = when("{ field = \"text\", contains = \"evil\" }");
    assert!(text.blocks("so evil") && !text.blocks("good"));
}

#[test]
fn groups() {
    let mut world = when(
        "{ all = [ { field = \"path\", like = \"/admin/*\" }, { field = \"client.ip\", not_in_list = \"nets\" }, \
         { any = [ { param = \"action\", equals = \"delete\" }, { signal = \"SQLI\" } ] } ] }",
    );
    world.target = "/admin/users".to_owned();
    assert!(world.blocks(r#"{"action":"delete"}"#) && !world.blocks(r#"{"action":"read"}"#));
    world.found = vec![(Signal::Sqli, false, "q".to_owned())];
    assert!(world.blocks(r#"{"action":"read"}"#));
    world.client = "10.2.0.1".parse().unwrap();
    assert!(!world.blocks(r#"{"action":"delete"}"#));
}

#[test]
fn signals_and_where_they_were_found() {
    let found = |path: &str| vec![(Signal::Xss, false, path.to_owned())];
    let mut plain = when("{ signal = \"XSS\" }");
    plain.found = found("a.b");
    assert!(plain.blocks("{}"));
    let mut placed = when("{ signal = \"XSS\", in_param = \"b\" }");
    placed.found = found("a.b");
    assert!(placed.blocks("{}"));
    placed.found = found("a.c");
    assert!(!placed.blocks("{}"));
    for (condition, path, holds) in [
        ("{ field = \"kind\", equals = \"attack\" }", "a", true),
        ("{ field = \"kind\", equals = \"anomaly\" }", "a", false),
        ("{ field = \"name\", in_list = \"signals\" }", "a", true),
        (
            "{ all = [{ field = \"param.name\", equals = \"b\" }, { field = \"param.path\", equals = \"a.b\" }, { field = \"param.value\", contains = \"evil\" }] }",
            "a.b",
            true,
        ),
        ("{ field = \"param.name\", equals = \"b\" }", "a.c", false),
    ] {
        let mut world = when(&format!("{{ some = \"signal\", where = {condition} }}"));
        world.found = found(path);
        assert_eq!(world.blocks("{}"), holds, "{condition}");
    }
}
