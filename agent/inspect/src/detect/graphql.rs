//! GraphQL documents that ask for more than an application does, and the tools that send them.

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Origin, Signal, Strength, Value},
};

/// A document that asks for the schema (GraphQL specification §4: `__schema` and `__type`).
pub(super) struct Introspection;

impl Detector for Introspection {
    fn signal(&self) -> Signal {
        Signal::GraphqlIntrospection
    }

    fn summary(&self) -> &'static str {
        "a GraphQL document that asks for the schema"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "{ __schema { types { name } } }",
                "query { __type(name: \"User\") { fields { name } } }",
                "query Q($a: Int) { user(id: $a) { id } ...S } fragment S on Query { s: __schema { queryType { name } } }",
            ],
            passed: &[
                "query { user(id: 5) { __typename name } }",
                "# about __schema\nquery { search(text: \"__schema { x }\") { id } }",
                "ask for __schema { types } and you get the schema",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &["__schema", "__type"]
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let Some(tokens) = document(value.bytes) else { return };
        let mut asked = None;
        for (token, at) in tokens {
            match (token, asked.take()) {
                (Token::Name(b"__schema"), _) => asked = Some(("asks for the schema", at)),
                (Token::Name(b"__type"), _) => asked = Some(("asks for a type", at)),
                (Token::Open | Token::Arguments, Some((what, at))) => {
                    found.push(what, Strength::Medium, at..at + "__type".len());
                    return;
                }
                _ => {}
            }
        }
    }
}

/// A document whose selections are nested deeper than any form of an application asks for, which is how servers are
/// kept busy (OWASP GraphQL Cheat Sheet, query limiting).
pub(super) struct Depth;

/// Deepest honest nesting of selections. The introspection query of common tools, which is one of the deepest there
/// are, has 13.
const MAX_DEPTH: usize = 15;

impl Detector for Depth {
    fn signal(&self) -> Signal {
        Signal::GraphqlDepth
    }

    fn summary(&self) -> &'static str {
        "a GraphQL document nested deeper than 15 selections"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &["{a{b{a{b{a{b{a{b{a{b{a{b{a{b{a{b{id}}}}}}}}}}}}}}}}}"],
            passed: &[
                "{a{b{a{b{a{b{a{b{a{b{a{b{a{b{id}}}}}}}}}}}}}}}",
                "query { a(text: \"{{{{{{{{{{{{{{{{{{\") { id } } # {{{{{{{{{{{{{{{{{{",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.len > 3 * MAX_DEPTH && gate.bytes.has_any(ByteSet::BRACE)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let Some(tokens) = document(value.bytes) else { return };
        let mut depth = 0_usize;
        let mut arguments = 0_usize;
        for (token, at) in tokens {
            match token {
                // Braces within arguments are input values.
                Token::Arguments => arguments += 1,
                Token::ArgumentsEnd => arguments = arguments.saturating_sub(1),
                Token::Open if arguments == 0 => depth += 1,
                Token::Close if arguments == 0 => depth = depth.saturating_sub(1),
                Token::Open | Token::Close | Token::Name(_) | Token::Other => {}
            }
            if depth > MAX_DEPTH {
                found.push("selections nested deeply", Strength::Medium, at..at + 1);
                return;
            }
        }
    }
}

/// A connection of a tool to explore GraphQL with (GraphiQL, Playground, Altair, Insomnia, Apollo's explorer), known by
/// the handshake or by the document that they begin with.
pub(super) struct Ide;

impl Detector for Ide {
    fn signal(&self) -> Signal {
        Signal::GraphqlIde
    }

    fn summary(&self) -> &'static str {
        "a development tool for GraphQL, such as GraphiQL or Altair"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &["query IntrospectionQuery { __schema { queryType { name } } }"],
            passed: &["I like the GraphiQL editor (and Altair).", "query Users { users { name } }"],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "introspectionquery",
            "graphiql",
            "playground",
            "altair",
            "insomnia",
            "apollographql",
            "apollo-studio",
            "apollo studio",
            "voyager",
            "bananacakepop",
            "banana cake pop",
            "/nitro",
            "graphql-explorer",
            "flnheeellpciglgpaodhkhmapeokpbcp",
        ]
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        match value.origin {
            Origin::Message => {
                let Some(mut tokens) = document(value.bytes) else { return };
                // The first token is `query`.
                if let Some((Token::Name(b"IntrospectionQuery"), at)) = tokens.nth(1) {
                    found.push(
                        "the query that tools begin with",
                        Strength::Medium,
                        at..at + "IntrospectionQuery".len(),
                    );
                }
            }
            Origin::Header
                if [&b"user-agent"[..], b"referer", b"origin"]
                    .iter()
                    .any(|name| value.name.eq_ignore_ascii_case(name)) =>
            {
                found.push("named in the handshake", Strength::Medium, 0..value.bytes.len());
            }
            Origin::Path => found.push("path of a tool", Strength::Medium, 0..value.bytes.len()),
            Origin::Query | Origin::Cookie | Origin::Header => {}
        }
    }
}

/// What a document is made of, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a [u8]),
    /// `{`
    Open,
    /// `}`
    Close,
    /// `(`
    Arguments,
    /// `)`
    ArgumentsEnd,
    Other,
}

/// The tokens of a value that is a GraphQL document; `None` for anything else.
///
/// A document begins with a kind of operation or `fragment` and has a selection soon after, or begins with a selection:
/// a brace and a name. (JSON has a quote behind its brace.)
fn document(value: &[u8]) -> Option<Tokens<'_>> {
    let tokens = Tokens { text: value, rest: value.strip_prefix(b"\xef\xbb\xbf").unwrap_or(value) };
    let mut head = tokens.clone();
    match head.next()?.0 {
        Token::Name(b"query" | b"mutation" | b"subscription") => {
            let mut next = head.next()?;
            if let Token::Name(_) = next.0 {
                next = head.next()?;
            }
            let is_directive = next.0 == Token::Other && value.get(next.1) == Some(&b'@');
            (is_directive || matches!(next.0, Token::Open | Token::Arguments)).then_some(())?;
        }
        Token::Name(b"fragment") => {
            matches!(head.next()?.0, Token::Name(_)).then_some(())?;
            matches!(head.next()?.0, Token::Name(b"on")).then_some(())?;
        }
        Token::Open => match head.next()? {
            (Token::Name(_), _) => {}
            (Token::Other, at) if value.get(at..at + 3) == Some(b"...") => {}
            _ => return None,
        },
        Token::Name(_) | Token::Close | Token::Arguments | Token::ArgumentsEnd | Token::Other => return None,
    }
    Some(tokens)
}

/// Reads tokens and leaves out blanks, commas, comments and strings (GraphQL specification §2.1).
#[derive(Clone, Debug)]
struct Tokens<'a> {
    text: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (Token<'a>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.text.len() - self.rest.len();
            let (&byte, after) = self.rest.split_first()?;
            let token = match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                    self.rest = after;
                    continue;
                }
                b'#' => {
                    let end = memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len());
                    self.rest = after.get(end..).unwrap_or_default();
                    continue;
                }
                b'"' => {
                    self.rest = after_string(self.rest);
                    continue;
                }
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'(' => Token::Arguments,
                b')' => Token::ArgumentsEnd,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    let len = self
                        .rest
                        .iter()
                        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                        .count();
                    let (name, after) = self.rest.split_at_checked(len)?;
                    self.rest = after;
                    return Some((Token::Name(name), at));
                }
                _ => Token::Other,
            };
            self.rest = after;
            return Some((token, at));
        }
    }
}

/// What follows the string that `text` begins with: a block between three quotes, or one that ends in its line.
fn after_string(text: &[u8]) -> &[u8] {
    if let Some(block) = text.strip_prefix(b"\"\"\"") {
        return memchr::memmem::find(block, b"\"\"\"")
            .and_then(|end| block.get(end + 3..))
            .unwrap_or_default();
    }
    let mut rest = text.get(1..).unwrap_or_default();
    while let Some(at) = memchr::memchr3(b'"', b'\\', b'\n', rest) {
        let skip = if rest.get(at) == Some(&b'\\') { 2 } else { 1 };
        let ends = rest.get(at) != Some(&b'\\');
        rest = rest.get(at + skip..).unwrap_or_default();
        if ends {
            return rest;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(detector: &dyn Detector, value: Value<'_>) -> bool {
        let mut found = Found::default();
        detector.examine(&value, &mut found);
        !found.is_empty()
    }

    #[test]
    fn reads_only_documents() {
        for document_text in [
            "{a}",
            "{ ...F }",
            "\u{feff}query { a }",
            "# comment\nquery Q { a }",
            "query Q($a: Int) { a }",
            "query @cached { a }",
            "mutation M { a }",
            "subscription { a }",
            "fragment F on T { a }",
        ] {
            assert!(document(document_text.as_bytes()).is_some(), "{document_text}");
        }
        for other in [
            "",
            "{",
            "{}",
            "{\"a\":1}",
            "{1}",
            "query",
            "query the database { now }",
            "query: { a }",
            "fragment of a text { a }",
            "hello { a }",
            "[{a}]",
        ] {
            assert!(document(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn finds_introspection_behind_aliases_arguments_and_comments() {
        for asked in [
            "query{__schema{types{name}}}",
            "{a:__schema{types{name}}}",
            "{__schema # x\n{types{name}}}",
            "{__schema,{types{name}}}",
            "{__type(name:\"A\"){name}}",
            "query Q($n:String!){__type (name:$n){name}}",
            "fragment F on Query{__schema{types{name}}} {...F}",
        ] {
            assert!(is_found(&Introspection, Value::text(asked.as_bytes())), "{asked}");
        }
        for not_asked in
            ["{a(x:\"__schema{\"){b}}", "{a #__schema{\n b}", "{__typename}", "{a{__typename b}}"]
        {
            assert!(!is_found(&Introspection, Value::text(not_asked.as_bytes())), "{not_asked}");
        }
    }

    #[test]
    fn arguments_and_strings_have_no_depth() {
        let nested = "{x:".repeat(40) + "1" + &"}".repeat(40);
        assert!(!is_found(&Depth, Value::text(format!("{{a(v:{nested}){{b}}}}").as_bytes())));
        assert!(!is_found(&Depth, Value::text(format!("{{a(v:\"\"\"{nested}\"\"\"){{b}}}}").as_bytes())));
        assert!(is_found(&Depth, Value::text(format!("query {}", "{a".repeat(16)).as_bytes())));
        assert!(!is_found(&Depth, Value::text(format!("query {}", "{a".repeat(15)).as_bytes())));
    }

    #[test]
    fn knows_tools_by_the_handshake() {
        let header = |name, value| Value { origin: Origin::Header, name, ..Value::text(value) };
        assert!(is_found(&Ide, header(b"User-Agent", b"insomnia/2023.5.8")));
        assert!(is_found(&Ide, header(b"origin", b"https://studio.apollographql.com")));
        assert!(is_found(&Ide, Value { origin: Origin::Path, ..Value::text(b"/graphiql") }));
        assert!(!is_found(&Ide, header(b"cookie", b"insomnia")));
        assert!(!is_found(&Ide, Value::text(b"Insomnia, again")));
    }
}
