//! LDAP injection: filters broken out of.

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// LDAP injection (CWE-90): a value that closes the assertion it stands in and adds another (RFC 4515).
///
/// In a filter each assertion is `(attribute=value)`, joined as `(&(..)(..))`; so what breaks out closes with `)` and
/// opens with `(`, an operator or an attribute following. A whole filter (`(&(a=b)(c=d))`) breaks out of nothing.
pub(super) struct Ldapi;

impl Detector for Ldapi {
    fn signal(&self) -> Signal {
        Signal::Ldapi
    }

    fn summary(&self) -> &'static str {
        "a value that breaks out of a filter of LDAP"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "*)(uid=*))(|(uid=*",
                "admin)(&)",
                "admin)(!(&(1=0",
                "*)(objectClass=*",
                "*)(|(&",
                "*))%00",
                "x)(cn=*",
                "*()|&'",
                "*)(&",
                "*(|(mail=*))",
            ],
            passed: &[
                "(&(objectClass=user)(uid=ann))",
                "f(a)(b) and (x=1)(y=2)",
                ":-)(-:",
                "(a)(b)(c)",
                "(x+1)(x-1) = 0",
                "(*) marked fields (required)",
                "f(x)(y=2)",
                "if (a) (b = c);",
                "a * (b) (c)",
                "*(&(x))",
                "(*|(a=b))",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[")(", "*))", "*()|", "*(|(", "*(&(", "*(!(", ") (", ")\0", ")%00"]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.bytes.has_any(ByteSet::PAREN) && gate.has_literal()
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let bytes = value.bytes;
        let mut depth = 0_i64;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    // Balanced until here: it closes what stands before the value.
                    if depth < 0 {
                        break_out(bytes, at, found);
                        return;
                    }
                }
                _ => {}
            }
        }
        if bytes.starts_with(b"*()|") {
            found.push("every special character of a filter", Strength::Strong, 0..4);
        }
        if let [b'*', b'(', b'|' | b'&' | b'!', b'(', name @ ..] = bytes
            && compared(name).is_some()
        {
            found.push("pattern, then a filter", Strength::Strong, 0..bytes.len().min(48));
        }
    }
}

/// Judges what stands around the first `)` that nothing in the value opened.
fn break_out(bytes: &[u8], close: usize, found: &mut Found) {
    let before = bytes.get(..close).unwrap_or_default();
    let star = before.trim_ascii_end().ends_with(b"*");
    // A value to be closed is a name or a pattern, no sentence.
    let short =
        before.len() <= 64 && !before.contains(&b' ') && !before.contains(&b':') && !before.contains(&b'(');
    let rest = bytes.get(close..).unwrap_or_default();
    let closers = rest.iter().take(8).take_while(|byte| **byte == b')').count();
    let rest = rest.get(closers..).unwrap_or_default();
    let at = close..bytes.len().min(close + 48);
    let Some(inside) = rest.strip_prefix(b"(") else {
        let cut = is_cut(rest);
        if short && (cut && (star || closers > 1) || star && rest.is_empty() && closers > 1) {
            found.push("filter closed", Strength::Strong, at);
        }
        return;
    };
    let operators = inside.iter().take_while(|byte| matches!(**byte, b'&' | b'|' | b'!' | b'(')).count();
    let name = inside.get(operators..).unwrap_or_default();
    let compared = compared(name);
    let (compares, len) = (compared.is_some(), compared.unwrap_or_default());
    let has_operator = matches!(inside.first(), Some(b'&' | b'|' | b'!'));
    if !short {
        return;
    }
    if has_operator {
        found.push("assertion closed, then an operator", Strength::Certain, at);
    } else if compares
        && (star || name.get(len + 1) == Some(&b'*') || is_attribute(name.get(..len).unwrap_or_default()))
    {
        found.push("assertion closed, then another", Strength::Certain, at);
    } else if compares {
        let cut = memchr::memrchr(b')', inside).and_then(|end| inside.get(end + 1..)).is_some_and(is_cut);
        let strength = if cut { Strength::Certain } else { Strength::Medium };
        found.push("assertion closed, then another", strength, at);
    }
}

/// The length of an attribute that is compared with something (RFC 4515, section 3).
fn compared(name: &[u8]) -> Option<usize> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'-' | b':' | b'.' | b';');
    let len = name.iter().take(40).take_while(|byte| is_of_name(byte)).count();
    let compares = matches!(name.get(len..), Some([b'=', ..] | [b'~' | b'>' | b'<', b'=', ..]));
    (len > 0 && compares).then_some(len)
}

/// Whether a NUL cuts off what the filter goes on with.
fn is_cut(rest: &[u8]) -> bool {
    rest.starts_with(b"\0") || rest.starts_with(b"%00")
}

/// Attributes that directories have (RFC 4519, Active Directory).
fn is_attribute(name: &[u8]) -> bool {
    const NAMES: [&str; 14] = [
        "cn",
        "uid",
        "objectclass",
        "userpassword",
        "password",
        "mail",
        "sn",
        "ou",
        "dc",
        "samaccountname",
        "memberof",
        "givenname",
        "user",
        "description",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_of;

    fn score(text: &str) -> u32 {
        score_of(&Ldapi, text)
    }

    #[test]
    fn finds_what_breaks_out() {
        for text in [
            "admin)(|(password=*)",
            "*)(mail=*)",
            "ann))(|(uid=ann",
            "*))(|(cn=*",
            "x*)(sn=*",
            "*)\0",
            "x))\0y",
            ")(x=a))\0y",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn lets_parentheses_pass() {
        for text in [
            ":)",
            ":-) (see below)",
            "a) first b) (second)",
            "1) (x=2)",
            "8)(",
            ")(",
            "hello :)(: hello",
            "x=1)(y=2",
        ] {
            assert!(score(text) < 5, "{text}");
        }
    }
}
