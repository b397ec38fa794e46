//! Operators of a document database where a value is expected.

mod script;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Kind, Signal, Strength, Value},
};

/// Injection into document databases (OWASP WSTG-INPV-05.6, CWE-943).
///
/// Three shapes: an operator as the key of a parameter (`password[$ne]=x`), an operator object where a string is
/// expected (`{"$gt": ""}` as text, or below a name like `password`), and JavaScript that breaks out of a `$where`
/// (`' || '1'=='1`). Honest front ends send filters (`{"price": {"$gt": 5}}`) as JSON: as such they are a tag.
pub(super) struct NoSqli;

impl Detector for NoSqli {
    fn signal(&self) -> Signal {
        Signal::NoSqli
    }

    fn summary(&self) -> &'static str {
        "NoSQL injection: operators of a document database where a value is expected"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "user[$ne]=x&password[$ne]=y",
                r#"{"$gt": ""}"#,
                r#"{"username": {"$ne": null}, "password": {"$ne": null}}"#,
                r#"{"$where": "sleep(1000)"}"#,
                "' || '1'=='1",
                "'; return true; var x='",
                "true, $where: '1 == 1'",
                "$where: '1 == 1'",
                "', $or: [ {}, { 'a': 'a",
                "db.users.insert({admin: 1})",
            ],
            passed: &[
                "$gt means greater than",
                "price[$] = 5",
                "it costs $5 or $10",
                "const {$el, $refs} = this;",
                "if (a == 'x' || b == 'y') { return true; }",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "$ne",
            "$eq",
            "$gt",
            "$lt",
            "$in",
            "$nin",
            "$or",
            "$and",
            "$nor",
            "$not",
            "$regex",
            "$exists",
            "$where",
            "$expr",
            "$type",
            "$elemmatch",
            "$function",
            "$accumulator",
            "$size",
            "$all",
            "$mod",
            "$text",
            "$lookup",
            "$jsonschema",
            "$comment",
            "$options",
            "db.",
            "mapreduce",
            "return true",
            "return(true",
            "return false",
            "return 1",
            "return this",
            "this.",
            "'=='",
            "\"==\"",
            "1==1",
            "1 == 1",
            "' == '",
            "\" == \"",
            "sleep(",
            "new date",
            "return '",
            "return \"",
            "$func",
            "/.*/",
            "emit(",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        const SYNTAX: ByteSet = ByteSet::DOLLAR.and(ByteSet::QUOTE).and(ByteSet::DOUBLE_QUOTE);
        const MORE: ByteSet = ByteSet::PIPE
            .and(ByteSet::SEMICOLON)
            .and(ByteSet::BRACE)
            .and(ByteSet::AMPERSAND)
            .and(ByteSet::DOT);
        gate.has_literal() && (gate.bytes.has_any(SYNTAX) || gate.bytes.has_any(MORE))
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if value.kind == Kind::Key {
            key(value, found);
        }
        let operators = memchr::memchr_iter(b'$', value.bytes)
            .filter_map(|at| Some((at, operator_name(value.bytes.get(at + 1..)?)?)));
        for (at, (name, meaning)) in operators.take(MOST) {
            operator(value, at, name.len(), meaning, found);
            if found.is_certain() {
                return;
            }
        }
        script::examine(value.bytes, found);
    }
}

/// Most operators that are looked at in one value.
const MOST: usize = 64;

/// The name of an operator, if `rest` begins with one.
fn operator_name(rest: &[u8]) -> Option<(&[u8], Meaning)> {
    let len = rest.iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let name = rest.get(..len).filter(|name| name.len() > 1)?;
    OPERATORS
        .iter()
        .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
        .map(|(_, meaning)| (name, *meaning))
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Compares a value or joins conditions.
    Condition,
    /// Runs JavaScript.
    Script,
}

const OPERATORS: [(&str, Meaning); 29] = [
    ("ne", Meaning::Condition),
    ("eq", Meaning::Condition),
    ("gt", Meaning::Condition),
    ("gte", Meaning::Condition),
    ("lt", Meaning::Condition),
    ("lte", Meaning::Condition),
    ("in", Meaning::Condition),
    ("nin", Meaning::Condition),
    ("or", Meaning::Condition),
    ("and", Meaning::Condition),
    ("nor", Meaning::Condition),
    ("not", Meaning::Condition),
    ("regex", Meaning::Condition),
    ("exists", Meaning::Condition),
    ("type", Meaning::Condition),
    ("expr", Meaning::Condition),
    ("elemMatch", Meaning::Condition),
    ("size", Meaning::Condition),
    ("all", Meaning::Condition),
    ("mod", Meaning::Condition),
    ("text", Meaning::Condition),
    ("options", Meaning::Condition),
    ("jsonSchema", Meaning::Condition),
    ("comment", Meaning::Condition),
    ("lookup", Meaning::Condition),
    ("where", Meaning::Script),
    ("func", Meaning::Script),
    ("function", Meaning::Script),
    ("accumulator", Meaning::Script),
];

/// `$ne` as the name of a member, or `user[$ne]` as the name of a parameter.
fn key(value: &Value<'_>, found: &mut Found) {
    let Some((b'$', rest)) = value.bytes.split_first() else { return };
    let Some((name, meaning)) = operator_name(rest) else { return };
    if name.len() != rest.len() {
        return;
    }
    let at = 0..value.bytes.len();
    if meaning == Meaning::Script {
        found.push("operator that runs JavaScript", Strength::Strong, at);
    } else if value.nested {
        found.push("operator in JSON inside a string", Strength::Strong, at);
    } else {
        found.push("operator of a document database", Strength::Tag, at.clone());
        match value.parent {
            Some(b"") if !stands_alone(name) => {
                found.push("operator of a value, of none", Strength::Strong, at);
            }
            Some(parent) if is_one_of(parent, &SECRETS) => {
                found.push("operator in place of a secret", Strength::Strong, at);
            }
            // `$in` and its kind are how honest front ends look for users, and nobody signs in with a `userId`.
            Some(parent)
                if is_one_of(parent, &ACCOUNTS)
                    && !is_one_of(name, &["in", "nin", "eq", "exists"])
                    && !parent.to_ascii_lowercase().ends_with(b"id") =>
            {
                found.push("operator in place of an account", Strength::Medium, at);
            }
            _ => {}
        }
    }
}

/// Members that an application compares with what it knows: nobody filters by them.
const SECRETS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "token",
    "otp",
    "pin",
    "api_key",
    "apikey",
    "access_token",
    "auth",
];

/// Members that name who signs in.
const ACCOUNTS: [&str; 5] = ["username", "user_name", "user", "login", "userid"];

fn is_one_of(name: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether the operator belongs to a query rather than to the value of a member.
fn stands_alone(name: &[u8]) -> bool {
    is_one_of(
        name,
        &["or", "and", "nor", "text", "expr", "comment", "jsonSchema", "lookup", "options", "type"],
    )
}

/// Looks at what stands around a `$`.
fn operator(value: &Value<'_>, at: usize, len: usize, meaning: Meaning, found: &mut Found) {
    let bytes = value.bytes;
    let end = at + 1 + len;
    let before = bytes.get(..at).unwrap_or_default();
    let after = bytes.get(end..).unwrap_or_default();
    let range = at.saturating_sub(1)..end + 1;
    match (before.last(), after.first()) {
        // `user[$ne]=x`: query strings and forms, as PHP and qs read them.
        (Some(b'['), Some(b']')) => {
            let parameter = before.len() == 1
                || before
                    .iter()
                    .rev()
                    .nth(1)
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_]-".contains(byte));
            let follows =
                after.get(1).is_none_or(|byte| b"=[ &\"<".contains(byte) || byte.is_ascii_alphanumeric());
            if parameter && follows {
                found.push("operator as a parameter's key", Strength::Certain, range);
            }
        }
        // `{"$gt": ""}`, `{$gt:''}`, `, $where: '1 == 1'`.
        (None | Some(b'"' | b'\'' | b'{' | b',' | b' ' | b'\t' | b'\n' | b'['), Some(next)) => {
            let quoted = before.last() == Some(next);
            let after = if quoted { after.get(1..).unwrap_or_default() } else { after };
            let colon = skip_blanks(after);
            if colon.first() != Some(&b':') {
                return;
            }
            let opener = if quoted { before.len() - 1 } else { before.len() };
            let opened = last_but_blanks(before.get(..opener).unwrap_or_default());
            let begins = meaning == Meaning::Script && !quoted && opened.is_none();
            if !matches!(opened, Some(b'{' | b',')) && !begins {
                return;
            }
            let operand = skip_blanks(colon.get(1..).unwrap_or_default());
            let whole = value.kind != Kind::Whole && begins_as_object(bytes);
            if meaning == Meaning::Script
                && matches!(operand.first(), Some(b'"' | b'\'' | b'{' | b'f' | b'`'))
            {
                found.push("operator that runs JavaScript", Strength::Certain, range);
            } else if whole {
                found.push("operator object as text", Strength::Strong, range);
            } else {
                found.push("operator of a document database", Strength::Tag, range);
            }
        }
        _ => {}
    }
}

/// Whether the value is an object, or what would go on in one: `, $or: [`, `'}, $or: [`, `true, $where:`.
fn begins_as_object(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let len =
        value.iter().take(40).take_while(|byte| !matches!(byte, b'{' | b',' | b'}' | b'=' | b':')).count();
    let head = value.get(..len).unwrap_or_default();
    let mut words =
        head.split(u8::is_ascii_whitespace).filter(|word| word.iter().any(u8::is_ascii_alphanumeric));
    words.next();
    head.len() < 40
        && words.next().is_none()
        && head.iter().all(|byte| byte.is_ascii_alphanumeric() || b"'\"[)]_- ".contains(byte))
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take(32).take_while(|byte| byte.is_ascii_whitespace()).count();
    bytes.get(blanks..).unwrap_or_default()
}

fn last_but_blanks(bytes: &[u8]) -> Option<&u8> {
    bytes.iter().rev().take(32).find(|byte| !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_of;

    fn score(value: &str) -> u32 {
        score_of(&NoSqli, value)
    }

    #[test]
    fn finds_operators_in_parameters() {
        for attack in ["user[$ne]=x", "a=1&pass[$regex]=^a", "[$nin][]=1", "id[$gt]", "filter[price][$lt]=1"]
        {
            assert!(score(attack) >= 8, "{attack}");
        }
        for honest in ["prices[$i] = 5", "a[$]", "$ne", "x[$new]=1", "[$name]"] {
            assert_eq!(score(honest), 0, "{honest}");
        }
    }

    #[test]
    fn finds_operator_objects_as_text() {
        for attack in [
            r#"{"$gt": ""}"#,
            "{$gt:''}",
            r#"{"name": {"$ne": null}}"#,
            r#"{"$or": [{}, {"a": "a"}]}"#,
            "', $or: [ {}, {'a':'a",
        ] {
            assert!(score(attack) >= 5, "{attack}");
        }
        assert!(score("To compare write {\"price\": {\"$gt\": 5}} there") < 5);
    }

    #[test]
    fn a_filter_sent_as_json_is_a_tag() {
        for (nested, least, most) in [(false, 2, 2), (true, 5, 8)] {
            let value = Value { kind: Kind::Key, name: b"$gt", nested, ..Value::text(b"$gt") };
            let mut found = Found::default();
            NoSqli.examine(&value, &mut found);
            assert!((least..=most).contains(&found.score()), "{nested}");
        }
    }

    #[test]
    fn an_operator_says_more_where_a_secret_is_expected() {
        let score = |key: &'static str, parent: &'static str| {
            let parent = Some(parent.as_bytes());
            let value =
                Value { kind: Kind::Key, name: key.as_bytes(), parent, ..Value::text(key.as_bytes()) };
            let mut found = Found::default();
            NoSqli.examine(&value, &mut found);
            found.score()
        };
        assert!(score("$ne", "password") >= 5);
        assert!(score("$regex", "userName") >= 5);
        assert!(score("$gt", "") >= 5);
        assert_eq!([score("$gt", "price"), score("$or", ""), score("$gt", "passes")], [2; 3]);
    }

    #[test]
    fn finds_scripts() {
        for attack in [
            "' || 'a'=='a",
            "' && this.password.match(/.*/)//",
            ";return true;",
            "';sleep(5000);'",
            "';var d=new Date();do{e=new Date();}while(e-d<5000);",
            "\"; return(true); var x='a",
            "{\"$where\": \"this.a == 1\"}",
            ", $where: '1 == 1'",
            "}, { password : /.*/ }",
        ] {
            assert!(score(attack) >= 5, "{attack}");
        }
        for honest in
            ["db.users.find({})", "if (a || b == 'c') return true;", "'use strict'; return x;", "a; return b"]
        {
            assert!(score(honest) < 5, "{honest}");
        }
    }
}
