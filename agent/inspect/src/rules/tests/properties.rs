//! What holds for any rules and any messages.

use proptest::{prelude::*, sample::select};

use super::*;

/// Pieces of rule files, sound and broken.
const PIECES: [&str; 56] = [
    "[[rule]]\n",
    "[[exclude]]\n",
    "[[rate_limit]]\n",
    "[attack_threshold]\n",
    "[signals]\n",
    "[port.1.signals]\n",
    "[lists.a]\n",
    "[redaction]\n",
    "[counting]\n",
    "id = \"a\"\n",
    "id = \"b\"\n",
    "id = 3\n",
    "action = \"block\"\n",
    "action = \"tag\"\n",
    "tag = \"T\"\n",
    "signals = [\"SQLI\"]\n",
    "SQLI = \"tag\"\n",
    "type = \"wildcard\"\n",
    "values = [\"a*b?\", \"*\"]\n",
    "file = \"words.txt\"\n",
    "when = ",
    "{ all = [",
    "{ any = [",
    "{ not = ",
    "] }",
    " }",
    ", ",
    "\n",
    "{ param = \"a.*\", matches = \"(a|b)+[^c]{2,9}$\" }",
    "{ field = \"path\", like = \"*a?\" }",
    "{ signal = \"T\" }",
    "{ some = \"param\", where = ",
    "{ field = \"name\", equals = \"a\" }",
    "{ field = \"value\", in_list = \"a\" }",
    "{ header = \"x\", exists = true }",
    "{ param = \"x\", equals = 1.5, ignore_case = true }",
    "key = [\"client.ip\"]\n",
    "threshold = 3\n",
    "window_s = 1\n",
    "duration_s = 1\n",
    "expires = 1969-01-01T00:00:00Z\n",
    "ports = [1, 65535]\n",
    "per_1_min = 1\n",
    "names = [\"x\"]\n",
    "\"",
    "'",
    "\u{e4}",
    "\0",
    "\r\n",
    "= ",
    "[",
    "{",
    "#",
    "9999999999999999999999",
    "matches = \"(((((\"",
    "\\",
];

fn file() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(select(&PIECES[..]), 0..24).prop_map(|pieces| pieces.concat()),
        ".{0,200}",
        "[\\[\\]{}=\",a-z0-9\\n .'#-]{0,200}",
        damaged_example(),
    ]
}

/// An example of the documentation in which some pieces were replaced by others.
fn damaged_example() -> impl Strategy<Value = String> {
    let examples: Vec<&str> = super::documentation::examples().collect();
    let damage = (any::<prop::sample::Index>(), 0..12_usize, select(&PIECES[..]));
    (select(examples), proptest::collection::vec(damage, 0..6)).prop_map(|(example, damages)| {
        let mut letters: Vec<char> = example.chars().collect();
        for (at, len, piece) in damages {
            let start = at.index(letters.len() + 1);
            let end = (start + len).min(letters.len());
            letters.splice(start..end, piece.chars());
        }
        letters.into_iter().collect()
    })
}

/// Conditions that are sound, with what they say about a message of one parameter.
fn condition() -> impl Strategy<Value = String> {
    let names = || select(&["a", "b", "a.b", "$.a", "a.*", "**", "c.0"][..]);
    let texts = || select(&["", "x", "xy", "yx", "X", "é", "1", "10.0.0.1", "x*y", "y?"][..]);
    let operators = select(&["equals", "contains", "starts_with", "ends_with", "like", "matches"][..]);
    let leaf = prop_oneof![
        (names(), any::<bool>(), operators, texts(), any::<bool>()).prop_map(|(name, not, operator, text, fold)| {
            let text = match (operator, text) {
                ("equals", text) => text,
                ("matches", "x*y" | "y?" | "") | (_, "") => "z",
                (_, text) => text,
            };
            let not = if not { "not_" } else { "" };
            format!("{{ param = '{name}', {not}{operator} = \"{text}\", ignore_case = {fold} }}")
        }),
        (names(), -2..3_i32).prop_map(|(name, number)| format!("{{ param = '{name}', ge = {number} }}")),
        names().prop_map(|name| format!("{{ param = '{name}', exists = false }}")),
        names().prop_map(|name| format!("{{ param = '{name}', in_net = \"10.0.0.0/8\" }}")),
        texts().prop_filter("not empty", |text| !text.is_empty()).prop_map(|text| format!(
            "{{ some = \"param\", where = {{ all = [{{ field = \"name\", equals = \"b\" }}, {{ field = \"value\", contains = \"{text}\" }}] }} }}"
        )),
        item().prop_map(|item| format!("{{ some = \"param\", where = {item} }}")),
        item().prop_map(|item| format!("{{ none = \"param\", where = {item} }}")),
        Just("{ field = \"text\", contains = \"xy\" }".to_owned()),
        Just("{ field = \"text\", contains = \"YX\", ignore_case = true }".to_owned()),
        Just("{ field = \"bytes\", gt = 12 }".to_owned()),
        Just("{ field = \"path\", equals = \"/\" }".to_owned()),
        Just("{ field = \"path\", equals = \"/other\" }".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3)
                .prop_map(|parts| format!("{{ all = [{}] }}", parts.join(", "))),
            proptest::collection::vec(inner.clone(), 1..3)
                .prop_map(|parts| format!("{{ any = [{}] }}", parts.join(", "))),
            inner.prop_map(|part| format!("{{ not = {part} }}")),
        ]
    })
}

/// Conditions on a parameter by its name, its path and its value.
fn item() -> impl Strategy<Value = String> {
    let operators = select(&["equals", "contains", "starts_with", "ends_with", "like"][..]);
    let parts = select(&["name", "path", "value"][..]);
    let texts = select(&["a", "A", "b", "a.b", "c.0", ".", "x", "XY", "é", "1"][..]);
    let leaf = (parts, any::<bool>(), operators, texts, any::<bool>()).prop_map(
        |(part, not, operator, text, fold)| {
            let not = if not { "not_" } else { "" };
            let text = if operator == "like" { format!("*{text}*") } else { text.to_owned() };
            format!("{{ field = \"{part}\", {not}{operator} = \"{text}\", ignore_case = {fold} }}")
        },
    );
    leaf.prop_recursive(2, 6, 3, |inner| {
        let parts = || proptest::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            parts().prop_map(|parts| format!("{{ all = [{}] }}", parts.join(", "))),
            parts().prop_map(|parts| format!("{{ any = [{}] }}", parts.join(", "))),
        ]
    })
}

fn message() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[xyXé1]{0,3}".prop_map(Json::from),
        // So long that literals are looked for by their beginnings.
        "[xyXYé1 -]{30,90}".prop_map(Json::from),
        (-3..4_i32).prop_map(Json::from),
        Just(Json::from("10.0.0.1")),
        Just(Json::Null),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            proptest::collection::vec((select(&["a", "b", "c"][..]), inner), 0..3).prop_map(|members| {
                Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
    .prop_map(|json| json.to_string())
}

/// An object with values that are worth a search, and names with escapes.
fn long_message() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[xyXYAKIé \"\n-]{0,8}".prop_map(Json::from),
        "[xyXYAKI]{20,60}(AKIA|xyXy|x\"AKI)?[xyXYAKI -]{20,60}".prop_map(Json::from),
        "[ -]{60,90}(xAKIA|yyXX|yXxA|KIAx)?[ -]{0,9}".prop_map(Json::from),
        (-3..9_i32).prop_map(Json::from),
    ];
    let names = || select(&["a", "b", "c", "long", "Longest", "a\"b", "é"][..]);
    let members = move |inner| proptest::collection::vec((names(), inner), 1..4);
    let object = |members: Vec<(&str, Json)>| {
        Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let inner = leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            members(inner).prop_map(object),
        ]
    });
    members(inner.boxed()).prop_map(object).prop_map(|json| json.to_string())
}

fn block_when(id: usize, condition: &str) -> String {
    format!("[[rule]]\nid = \"r{id}\"\naction = \"log\"\nwhen = {condition}\n")
}

proptest! {
    #[test]
    fn any_text_is_rules_or_mistakes(text in file(), message in message()) {
        match RuleSet::load(&[("r.toml", &text)], &lists, TODAY) {
            Err(complaints) => {
                prop_assert!(!complaints.is_empty());
                for complaint in complaints {
                    prop_assert!(complaint.to_string().lines().count() >= 4);
                }
            }
            Ok((set, warnings)) => {
                for warning in warnings {
                    let _ = warning.to_string();
                }
                let mut world = world("");
                world.set = set;
                world.says(&message);
                world.opens();
            }
        }
    }

    /// What the index leaves out would not have held: each rule, together with others and with its opposite, says what
    /// its conditions say one by one.
    #[test]
    fn rules_say_what_their_conditions_say(
        conditions in proptest::collection::vec(condition(), 1..6),
        messages in proptest::collection::vec(message(), 1..4),
    ) {
        let opposite = |(id, condition): (usize, &String)| block_when(id + 100, &format!("{{ not = {condition} }}"));
        let rules: String = conditions.iter().enumerate().map(|(id, condition)| block_when(id, condition)).collect();
        let opposites: String = conditions.iter().enumerate().map(opposite).collect();
        let mut together = world(&(rules + &opposites));
        for message in &messages {
            let matched: Vec<_> = together.says(message).matched.iter().map(|it| it.rule.to_string()).collect();
            for (id, condition) in conditions.iter().enumerate() {
                let holds = matched.contains(&format!("r{id}"));
                prop_assert_ne!(holds, matched.contains(&format!("r{}", id + 100)), "{} {}", condition, message);
                prop_assert_eq!(holds, !world(&block_when(id, condition)).says(message).matched.is_empty());
                prop_assert_eq!(holds, by_hand(condition, message), "{} {}\n{}", condition, message, together.explanation);
            }
        }
    }

    /// What is passed over because nothing in the message can be what a rule waits for: the same is found by asking
    /// about each parameter.
    #[test]
    fn what_stands_in_a_message_is_found_in_its_parameters(messages in proptest::collection::vec(long_message(), 1..4)) {
        const CONDITIONS: [&str; 15] = [
            "{ field = 'text', contains = 'xAKIA' }",
            "{ field = 'text', contains = 'b\":\"xy' }",
            "{ param = 'a', contains = 'xyxy', ignore_case = true }",
            "{ param = 'a', equals = 'xAKI' }",
            "{ param = 'a', contains = 'x\"AKI' }",
            "{ param = 'b', matches = '(?i)yyxx|xxyy.' }",
            "{ param = 'b.a', like = '*yXxA*' }",
            "{ param = 'a.*', contains = 'KIAx' }",
            "{ param = 'a\"b', contains = 'KIA' }",
            "{ param = 'long', ge = 3 }",
            "{ param = 'long', exists = true }",
            "{ some = 'param', where = { field = 'name', contains = 'LONG', ignore_case = true } }",
            "{ some = 'param', where = { field = 'path', contains = 'g.b' } }",
            "{ some = 'param', where = { all = [{ field = 'name', equals = 'b' }, { field = 'path', contains = 'long' }] } }",
            "{ param = 'c', in_list = 'c' }",
        ];
        const LIST: &str = "[lists.c]\ntype = 'string'\nvalues = ['xy', 'AKIAxy']\n";
        let rules: Vec<_> = CONDITIONS.iter().enumerate().map(|(id, condition)| block_when(id, condition)).collect();
        // Together, and each with one about the whole text.
        let mut worlds = vec![world(&(rules.concat() + LIST))];
        worlds.extend(rules.iter().skip(1).map(|rule| world(&format!("{rule}{}{LIST}", rules[0]))));
        for message in &messages {
            let matched = worlds[0].says(message).matched;
            for (id, condition) in CONDITIONS.iter().enumerate().filter(|(_, it)| !it.contains("in_list")) {
                let holds = matched.iter().any(|it| *it.rule == format!("r{id}"));
                prop_assert_eq!(holds, by_hand(condition, message), "{} {}", condition, message);
            }
            for world in &mut worlds {
                let told = world.says(message).matched;
                prop_assert_eq!(world.says_in_place(message).matched, told, "{}", message);
            }
        }
    }

    #[test]
    fn redaction_never_fails_and_does_nothing_twice(name in ".{0,12}", value in ".{0,80}|[0-9 -]{0,60}|[A-Za-z0-9._=-]{0,80}") {
        let redaction = Redaction::default();
        let once = redaction.redact(&name, &value).into_owned();
        prop_assert_eq!(redaction.redact(&name, &once).into_owned(), once.clone());
    }
}

/// The same condition, asked without any index.
fn by_hand(condition: &str, message: &str) -> bool {
    use crate::rules::{
        condition::{Condition, Subject},
        item::Item,
        param_path::name_of,
        parse::parse,
        test::{TextValue, Value},
    };
    fn holds(condition: &Condition, message: &str) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| holds(part, message)),
            Condition::Any(parts) => parts.iter().any(|part| holds(part, message)),
            Condition::Not(part) => !holds(part, message),
            Condition::Is(atom) => {
                let text = |text: &str| atom.test.holds(Value::Text(&TextValue::new(text.as_bytes())));
                let any = |wanted: &dyn Fn(&[Segment<'_>], &[u8]) -> bool| {
                    let mut found = false;
                    if let Ok(json) = serde_json::from_str::<Json>(message) {
                        visit(&json, &mut Vec::new(), &mut |path, value| found |= wanted(path, value));
                    }
                    found
                };
                match &atom.subject {
                    Subject::Field(field) => match field.as_str() {
                        "text" => text(message),
                        "path" => text("/"),
                        _ => message.len() > 12,
                    },
                    Subject::Param(pattern) => any(&|path, value| {
                        pattern.matches(path) && atom.test.holds(Value::Text(&TextValue::new(value)))
                    }),
                    Subject::Some { matching, .. } => any(&|path, value| {
                        let text = TextValue::new(value);
                        matching.holds(&Item::new(name_of(path), path, Value::Text(&text)))
                    }),
                    Subject::Header(_) | Subject::Query(_) | Subject::Cookie(_) | Subject::Signal { .. } => {
                        false
                    }
                }
            }
        }
    }
    let parsed = parse(&[("r.toml", &block_when(0, condition))], &lists).expect("a rule");
    holds(parsed.rules[0].heading.when.as_ref().expect("a condition"), message)
}
