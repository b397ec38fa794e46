//! Values that are nothing but a template: somebody asks the server whether it computes them.

mod name;
mod polyglot;

use std::ops::Range;

use memchr::memmem;

use crate::detect::{Found, Strength, any_case::starts};
use name::{calls_by_blank, is_field, is_implicit, is_inner, is_inner_of_java, is_word};
use polyglot::{groups_of_digits, openers};

/// Longest value that is looked at as a whole.
const SHORT: usize = 200;

/// Delimiters, those that begin with others first.
const DELIMITERS: [(&[u8], &[u8]); 16] = [
    (b"{{{", b"}}}"),
    (b"${{", b"}}"),
    (b"{{", b"}}"),
    (b"$!{", b"}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"*{", b"}"),
    (b"@{", b"}"),
    (b"~{", b"}"),
    (b"%{", b"}"),
    (b"<%", b"%>"),
    (b"[[", b"]]"),
    (b"[(", b")]"),
    (b"[%", b"%]"),
    (b"[=", b"]"),
    (b"{!!", b"!!}"),
];

/// Judges a short value that begins and ends with delimiters.
pub(super) fn judge(text: &[u8], found: &mut Found) {
    if text.len() > SHORT {
        return;
    }
    let whole = 0..text.len();
    if openers(text) >= 3 {
        found.push("openers of several template engines", Strength::Strong, whole.clone());
    }
    let text = text.trim_ascii();
    if groups_of_digits(text) {
        found.push("groups of numbers in braces", Strength::Strong, whole.clone());
    }
    let Some((open, inside)) = DELIMITERS
        .iter()
        .find_map(|(open, close)| Some((*open, text.strip_prefix(*open)?.strip_suffix(*close)?)))
    else {
        return;
    };
    // More than one expression: each is judged where it stands.
    if memmem::find(inside, open).is_some() {
        let first = memmem::find(inside, b"}}").and_then(|end| inside.get(..end)).unwrap_or_default();
        let names =
            first.iter().all(|byte| is_word(*byte) || matches!(byte, b'=' | b' ' | b':' | b',' | b'.'));
        if open == b"{{" && names && memchr::memchr(b'=', first).is_some_and(|at| at > 0) {
            found.push("template that sets a variable", Strength::Strong, whole);
        }
        return;
    }
    expression(open, inside, whole, found);
}

fn expression(open: &[u8], inside: &[u8], whole: Range<usize>, found: &mut Found) {
    let braces = open.ends_with(b"{{");
    let erb = open == b"<%";
    let code = inside.trim_ascii_start();
    let lead = code
        .iter()
        .take_while(|byte| matches!(byte, b'=' | b'-' | b':' | b'@' | b'#' | b'>' | b'&' | b'~' | b' '));
    let (lead, code) = code.split_at_checked(lead.count()).unwrap_or_default();
    let code = code.trim_ascii();
    let comment = inside.trim_ascii_start();
    let comment = comment.strip_prefix(b"- ").unwrap_or(comment);
    if open == b"{{"
        && (comment.first() == Some(&b'!') || comment.starts_with(b"/*") || comment == b"/")
        && whole.len() <= 60
    {
        found.push("comment of a template", Strength::Strong, whole);
        return;
    }
    let Some(&first) = code.first() else { return };
    if open == b"[[" || open == b"[(" {
        // `[[1, 2], [3, 4]]` and `[[wiki link]]` are none. The sign may have been taken for a lead.
        let sign = first == b'{' && matches!(lead.last(), Some(b'#' | b'@' | b'~'));
        if sign || matches!(first, b'$' | b'*') && code.get(1) == Some(&b'{') {
            found.push("value that is an expression", Strength::Strong, whole);
        }
        return;
    }
    let path = code.iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
    let behind = code.get(path..).unwrap_or_default().trim_ascii_start();
    let calls = path > 0 && code.get(path) == Some(&b'(') && memchr::memchr(b')', behind).is_some();
    let plain = path == code.len() && first != b'.';
    let pipe = memchr::memchr(b'|', code);
    let literal = first.is_ascii_digit() || matches!(first, b'"' | b'\'' | b'[' | b'(');
    // Texts that are looked up in a catalogue: `{{ 'HOME.TITLE' | translate }}`.
    let told = pipe.is_some_and(|pipe| {
        let filter = code.get(pipe + 1..).unwrap_or_default().trim_ascii_start();
        let len = filter.iter().take_while(|byte| is_word(**byte)).count();
        matches!(
            filter.get(..len),
            Some(b"translate" | b"t" | b"trans" | b"transloco" | b"i18n" | b"localize")
        )
    });
    let compares = literal
        && [&b"=="[..], b"!=", b" > ", b" < ", b" ~ ", b" if ", b" and ", b" or ", b"**", b" in "]
            .iter()
            .any(|operator| memmem::find(code, operator).is_some());
    let path_end = code.get(path).copied().unwrap_or(b' ');
    // `${x:-0}`, `${x%.*}` of shells; `{{ x | date:'short' }}` of pages; `{{#if x}}`.
    let other = matches!(path_end, b':' | b'-' | b'%' | b'#' | b'/' | b'^' | b'@' | b',' | b'[')
        || pipe.is_some()
        || lead.iter().any(|byte| matches!(byte, b'#' | b'>'));
    let computes = !other
        && path < code.len()
        && behind
            .iter()
            .any(|byte| matches!(byte, b'?' | b'=' | b'<' | b'>' | b'+' | b'*' | b'/' | b' ' | b'!'))
        && (has_literal(code) || memmem::find(code, b"true").is_some())
        && !is_date(code);
    let short = whole.len() <= 60;
    // `'q'~'q'`, `'q'`
    let told_text = short && matches!(first, b'"' | b'\'') && is_text(code) && !lead.contains(&b'#');
    let go_call =
        short && braces && lead.iter().all(|byte| *byte == b' ' || *byte == b'-') && calls_by_blank(code);
    let inspects = path == code.len()
        && [&b".inspect"[..], b".class", b".methods", b".constants", b".env", b".constructor", b".settings"]
            .iter()
            .any(|member| code.ends_with(member))
        && path > 6
        || starts(code, b"process.")
        || starts(code, b"system.") && !open.ends_with(b"${");
    let strong = (braces || matches!(open, b"${" | b"#{" | b"*{" | b"@{")) && computes
        || inspects
        || erb && literal
        || open == b"#{" && first.is_ascii_digit() && path > 2 && path_end == b'{'
        || matches!(code, b"global" | b"globalThis" | b"ENV" | b"process") && open != b"{{"
        || open == b"~{" && code.iter().any(|byte| matches!(byte, b':' | b'/'))
        || open == b"#{" && matches!(code, b"request" | b"session" | b"application" | b"facesContext" | b"process")
        || matches!(code, b"true" | b"false" | b"none" | b"None" | b"null") && (braces || open == b"${")
        || calls && !(open == b"{{" && lead.contains(&b'#'))
        || literal && pipe.is_some() && !told
        || compares
        || first == b'[' && memmem::find(code, b"][").is_some()
        || literal && memmem::find(code, b"?").is_some() && open == b"${"
        // The dot of Go, of Freemarker.
        || first == b'.' && (braces || open == b"${")
        || (braces || erb) && (starts(code, b"console.") || code.ends_with(b".constructor") || starts(code, b"lookup "))
        || erb && !plain && !lead.contains(&b'#')
        || erb && lead.contains(&b'=') && (first.is_ascii_uppercase() || starts(code, b"self") || starts(code, b"params") || starts(code, b"settings."))
        || open == b"[%"
        || told_text
        || open == b"{{" && inside.starts_with(b"=")
        || short && braces && first == b'(' && matches!(code.get(1), Some(b'"' | b'\'' | b'0'..=b'9'))
        || braces && [&b"\"__"[..], b"'__"].iter().any(|name| memmem::find(code, name).is_some())
        || go_call
        || short && first.is_ascii_digit() && is_member_of_number(code) && !other
        || short && first == b'{' && memmem::find(code, b"}.").is_some()
        || memmem::find(code, b".class.").is_some() && path == code.len()
        || open == b"%{" && first == b'#' 
        || lead.contains(&b'#') && !lead.contains(&b'=') && open == b"%{" && is_word(first)
        || open == b"#{" && starts(code, b"%x")
        || starts(code, b"ognl.")
        || open == b"${" && lead.contains(&b'=')
        || open == b"$!{" && matches!(code, b"class" | b"request" | b"session" | b"application")
        || short && braces && !lead.contains(&b'#') && is_inner(code)
        || short && open == b"${" && is_inner_of_java(code)
        || short && erb && lead.contains(&b'=') && plain && memchr::memchr(b'.', code).is_none() && !is_field(code)
        || short && open == b"~{" && lead.starts_with(b"::")
        || matches!(open, b"${" | b"#{") && is_implicit(code)
        || open == b"${" && (first == b'#' || starts(code, b"empty ") || starts(code, b"python:") || memmem::find(code, b"|\"").is_some())
        || braces && matches!(code, b"cycler" | b"joiner" | b"lipsum" | b"this" | b"beans" | b"g" | b"$");
    let go = braces
        && code.iter().take_while(|byte| byte.is_ascii_lowercase()).count() < code.len()
        && [
            &b"len "[..],
            b"index ",
            b"slice ",
            b"printf ",
            b"println ",
            b"and ",
            b"or ",
            b"not ",
            b"eq ",
            b"call ",
        ]
        .iter()
        .any(|name| code.starts_with(name));
    // `{{ $x := .User }}`, `{{ {'a': 1} }}`
    let object = braces
        && (first == b'{' && code.ends_with(b"}") || first == b'$' && memmem::find(code, b":=").is_some());
    if strong || go || object {
        found.push("value that is an expression", Strength::Strong, whole);
    } else if plain && code.iter().any(u8::is_ascii_alphabetic) && !matches!(open, b"@{" | b"%{" | b"[=") {
        found.push("value that is a placeholder", Strength::Weak, whole);
    }
}

/// Whether it is nothing but texts, joined by operators.
fn is_text(code: &[u8]) -> bool {
    let mut rest = code;
    while let Some((quote @ (b'"' | b'\''), inside)) = rest.split_first() {
        let Some(len) = memchr::memchr(*quote, inside) else { return false };
        rest = inside.get(len + 1..).unwrap_or_default().trim_ascii();
        match rest.split_first() {
            None => return true,
            Some((b'~' | b'+' | b'.' | b',', behind)) => rest = behind.trim_ascii_start(),
            Some(_) => return false,
        }
    }
    false
}

/// `1.TYPE`
fn is_member_of_number(code: &[u8]) -> bool {
    let digits = code.iter().take_while(|byte| byte.is_ascii_digit()).count();
    code.get(digits) == Some(&b'.') && code.get(digits + 1).is_some_and(u8::is_ascii_alphabetic)
}

/// Whether a number or a text stands in the expression.
fn has_literal(code: &[u8]) -> bool {
    let mut word = false;
    for byte in code {
        match byte {
            b'"' | b'\'' => return true,
            b'0'..=b'9' if !word => return true,
            _ => word = is_word(*byte),
        }
    }
    false
}

/// `2024-11-22`
fn is_date(code: &[u8]) -> bool {
    code.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'/' | b'.' | b':' | b' '))
        && code.iter().filter(|byte| matches!(byte, b'-' | b'/' | b':')).count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_by;

    fn score(text: &str) -> u32 {
        score_by(judge, text)
    }

    #[test]
    fn a_value_that_only_asks_for_a_result_is_a_probe() {
        for text in [
            "{{ range(9) }}",
            "{{ 'q' | reverse }}",
            "{{ 9 | times: 9 }}",
            "${param.q}",
            "${.version}",
            "<%= Dir.pwd %>",
            "<%= ENV['X'] %>",
            "{{ .Secret }}",
            "{{ len \"q\" }}",
            "{{ 3 > 2 }}",
            "{{ 1 if 1 else 2 }}",
            "[% 9*9 %]",
            "[[${x}]]",
            "{12}{34}",
            "${9?c}",
            "{{ x ?: 9 }}",
            "${true}",
            "#{session}",
            "<%= 9.class %>",
            "{{ page.inspect }}",
            "<%{{#{%\"",
            "{{settings}}",
            "{{dump}}",
            "<%= foobar %>",
            "${ognl.Ognl}",
            "${request}",
            "{{ 'q' ~ 'q' }}",
            "{{ env \"HOME\" }}",
            "{{/* q */}}",
            "{{=9}}",
            "{{ app.user }}",
            "{{q=Object}}{{w=q}}",
            "{{ q['__cla'+'ss__'] }}",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn placeholders_are_none() {
        for text in [
            "{{name}}",
            "{{ user.first_name }}",
            "${HOME}",
            "${x:-0}",
            "{{ 'HOME.TITLE' | translate }}",
            "<%= user.name %>",
            "{{2024-11-22}}",
            "[[wiki link]]",
            "[[1,2],[3,4]]",
            "#{name}",
            "{{#each items}}",
            "{{> partial}}",
            "{{ price | number:2 }}",
            "{{ a ? b : c }}",
            "${x%.*}",
            "${HOME:0:3}",
            "${name}",
            "<%= name %>",
            "{{ app.name }}",
            "{{0}} of {{1}}",
            "{{a}} = {{b}}",
            "{}",
            "{{}}",
            "",
        ] {
            assert!(score(text) < 5, "{text}");
        }
    }
}
