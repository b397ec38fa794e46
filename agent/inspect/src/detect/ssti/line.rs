//! Short values that are a line of a template whose language needs no closing delimiter, or one of its tags.

use memchr::memmem;

use crate::detect::{
    Found, Strength,
    any_case::starts,
    ssti::{
        expression::{Beginning, beginning},
        word::is_word,
    },
};

/// Longest value that is looked at.
const SHORT: usize = 120;

/// Elements that lines of Pug and Slim begin with most.
const ELEMENTS: [&[u8]; 10] = [b"p", b"h1", b"h2", b"h3", b"h4", b"div", b"span", b"li", b"td", b"title"];

/// Tags with a name of their own: Mako, JSP, ColdFusion, Zope. Nobody who talks sends one alone.
const TAGS: [&[u8]; 58] = [
    b"<%inherit ",
    b"<%include ",
    b"<%namespace ",
    b"<%def ",
    b"<%doc>",
    b"<%page ",
    b"<%block",
    b"<%call ",
    b"<%text>",
    b"<%!",
    b"<%@",
    b"<jsp:include ",
    b"<jsp:usebean ",
    b"<jsp:forward ",
    b"<jsp:scriptlet>",
    b"<jsp:expression>",
    b"<jsp:declaration>",
    b"<jsp:getproperty ",
    b"<jsp:setproperty ",
    b"<c:import ",
    b"<c:out ",
    b"<c:set ",
    b"<cfoutput>",
    b"<cfexecute ",
    b"<cfset ",
    b"<cfscript>",
    b"<cfdump ",
    b"<cffile ",
    b"<cfinclude ",
    b"<cfhttp ",
    b"<tal:",
    b"<pattemplate:",
    b"<th:",
    b"</#if>",
    b"{{with $",
    b"{{range $",
    b"{{if true",
    b"{{ if true",
    b"{{if 1",
    b"{{ if 1",
    b"{{#if true",
    b"{{#if 1",
    b"{{#unless false",
    b"{{#unless true",
    b"{{#each this}}",
    b"{{#with this}}",
    b"{{{{raw",
    b"{{range .",
    b"{{ range .",
    b"{{with .",
    b"{{ with .",
    b"{syntax ",
    b"{contenttype ",
    b"{vartype ",
    b"{sandbox ",
    b"{_}",
    b"{ldelim}",
    b"{rdelim}",
];

/// Tags of Smarty, Latte and Dust that a whole value is.
const SINGLE: [&[u8]; 9] = [
    b"{debug}",
    b"{nocache}",
    b"{strip}",
    b"{$smarty}",
    b"{$template_object}",
    b"{template_object}",
    b"{$this}",
    b"{$template}",
    b"{counter}",
];

/// Directives of Blade that take something in parentheses.
const BLADE: [&[u8]; 22] = [
    b"if",
    b"elseif",
    b"unless",
    b"isset",
    b"empty",
    b"include",
    b"includeif",
    b"inject",
    b"dump",
    b"dd",
    b"each",
    b"foreach",
    b"forelse",
    b"for",
    b"while",
    b"json",
    b"env",
    b"section",
    b"yield",
    b"extends",
    b"php",
    b"switch",
];

/// Judges a short value as a line.
pub(super) fn judge(text: &[u8], found: &mut Found) {
    if text.len() > SHORT {
        return;
    }
    let whole = 0..text.len();
    let text = text.trim_ascii();
    let (Some(&first), None) = (text.first(), memchr::memchr(b'\n', text)) else { return };
    let rest = text.get(1..).unwrap_or_default();
    let line = match first {
        b'=' => is_computed(rest),
        b'!' => rest.strip_prefix(b"=").is_some_and(is_computed),
        b'-' => assigns_sum(rest),
        b'%' => is_python(rest.trim_ascii_start()),
        b'@' => is_blade(rest),
        b'#' => is_velocity(rest),
        b'$' => is_object_of_velocity(rest),
        b'(' => {
            rest.first() == Some(&b'#')
                && rest.contains(&b'=')
                && rest.ends_with(b")")
                && !rest.contains(&b' ')
        }
        b'<' | b'{' => {
            TAGS.iter().any(|tag| starts(text, tag))
                || SINGLE.iter().any(|tag| text.eq_ignore_ascii_case(tag))
                || first == b'{' && is_braced(rest)
        }
        _ => ELEMENTS.iter().any(|name| {
            text.strip_prefix(*name)
                .and_then(|rest| rest.strip_prefix(b"="))
                .is_some_and(|rest| rest.first() == Some(&b' ') && is_computed(rest))
        }),
    };
    if line || is_broken_out(text) {
        found.push("line of a template", Strength::Strong, whole);
    }
}

/// `"%>7*7<%="`, `#end#if(1==1)`, `*/7*7/*`: what ends a block that the value did not begin.
fn is_broken_out(text: &[u8]) -> bool {
    let reopens = text.len() <= 40
        && memmem::find(text, b"%>")
            .is_some_and(|end| memmem::find(text, b"<%").is_some_and(|open| open > end));
    let sum = text
        .strip_prefix(b"*/")
        .and_then(|rest| rest.strip_suffix(b"/*"))
        .is_some_and(|code| beginning(code) == Beginning::Arithmetic);
    reopens || sum || starts(text, b"#end#")
}

/// `= 7*7`, `= typeof(7) + 7`, `=(7).to_s`: a sum of which no part is a name.
fn is_computed(code: &[u8]) -> bool {
    let code = code.trim_ascii();
    starts(code, b"typeof(")
        || starts(code, b"`")
        || code.starts_with(b"(")
            && memmem::find(code, b").").is_some()
            && code.get(1).is_some_and(u8::is_ascii_digit)
        || starts(code, b"system(")
        || starts(code, b"file.")
        || starts(code, b"%x")
        || matches!(beginning(code), Beginning::Arithmetic)
            && code.iter().all(|byte| !byte.is_ascii_alphabetic() && *byte != b'=')
            && !code.starts_with(b"-")
            && !code.starts_with(b">")
}

/// `- var x = 7*7`
fn assigns_sum(code: &[u8]) -> bool {
    let code = code.trim_ascii_start();
    [&b"var "[..], b"let ", b"const "].iter().any(|word| starts(code, word))
        && memchr::memchr(b'=', code)
            .is_some_and(|at| beginning(code.get(at + 1..).unwrap_or_default()) == Beginning::Arithmetic)
}

/// `% import os`, `% if True:` of Mako and Bottle.
fn is_python(code: &[u8]) -> bool {
    let names = |code: &[u8]| {
        !code.is_empty() && code.iter().all(|byte| is_word(*byte) || matches!(byte, b'.' | b','))
    };
    let imports = code.strip_prefix(b"import ").is_some_and(|name| names(name.trim_ascii()))
        || code.starts_with(b"from ") && memmem::find(code, b" import ").is_some();
    let block = [&b"if "[..], b"for ", b"while ", b"def "].iter().any(|word| code.starts_with(word));
    imports || block && code.ends_with(b":") || starts(code, b"include(") || starts(code, b"rebase(")
}

/// `@if(true)`, `@include('x')`
fn is_blade(code: &[u8]) -> bool {
    let len = code.iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    let argument = rest.trim_ascii_start();
    let argued = argument.first() == Some(&b'(') && memchr::memchr(b')', argument).is_some();
    argued && BLADE.contains(&name) || matches!(name, b"ViewBag" | b"ViewData" | b"TempData" | b"HttpContext")
}

/// `#foreach($x in [1..9])`, `#* x *#`, `#[[x]]#`
fn is_velocity(code: &[u8]) -> bool {
    let code = code.strip_prefix(b"{").unwrap_or(code);
    let len = code.iter().take(12).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    let argument = rest.trim_ascii_start();
    let blanks = rest.len() - argument.len();
    blanks <= 1
        && argument.first() == Some(&b'(')
        && (argument.contains(&b'$')
            && matches!(name, b"foreach" | b"if" | b"elseif" | b"define" | b"macro" | b"set")
            || name == b"macro" && text_ends(argument, b"#end")
            || name == b"if"
                && (starts(argument, b"(true") || argument.get(1).is_some_and(u8::is_ascii_digit)))
        || code.starts_with(b"*") && text_ends(code, b"*#")
        || code.starts_with(b"[[") && text_ends(code, b"]]#")
}

/// `$class`, `$request.getParameter("x")`: what tools of Velocity and its servlet are called.
fn is_object_of_velocity(code: &[u8]) -> bool {
    let code = code.strip_prefix(b"!").unwrap_or(code);
    let code = code.strip_prefix(b"{").map_or(code, |code| code.strip_suffix(b"}").unwrap_or(code));
    let len = code.iter().take(24).take_while(|byte| is_word(**byte)).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    let object = matches!(
        name,
        b"class"
            | b"request"
            | b"application"
            | b"session"
            | b"response"
            | b"servletContext"
            | b"velocityContext"
    );
    let member = rest.first() == Some(&b'.');
    object && (member && rest.contains(&b'(') || rest.is_empty() && name == b"class")
        || member
            && [
                &b".waitFor("[..],
                b".available(",
                b".getInputStream(",
                b".exec(",
                b".valueOf($",
                b".forName(",
            ]
            .iter()
            .any(|call| memmem::find(rest, call).is_some())
}

/// `{foreach [1,2] as $x}`, `{$x|@print_r}`, `{$a = 7*7}`, `{_'x'}`, `{!c!}`
fn is_braced(code: &[u8]) -> bool {
    if !code.ends_with(b"}") {
        return false;
    }
    if let Some(variable) = code.strip_prefix(b"$") {
        let len = variable.iter().take(24).take_while(|byte| is_word(**byte)).count();
        let rest = variable.get(len..).unwrap_or_default().trim_ascii_start();
        return match rest.split_first() {
            Some((b'|', filter)) => {
                filter.first() == Some(&b'@') || filter.contains(&b':') || starts(filter, b"print_r")
            }
            Some((b'=', value)) => {
                beginning(value) == Beginning::Arithmetic
                    || matches!(value.trim_ascii_start().first(), Some(b'"' | b'\'' | b'[' | b'0'..=b'9'))
            }
            Some((b'@', _)) => true,
            _ => false,
        };
    }
    [
        &b"foreach ["[..],
        b"foreach $",
        b"foreach from=",
        b"section name=",
        b"for $",
        b"capture name=",
        b"insert name=",
        b"config_load ",
        b"html_options ",
        b"_'",
        b"_\"",
        b"extends '",
        b"extends file=",
        b"import '",
        b"while ",
        b"l}",
        b"r}",
        b"if $",
        b"if 7",
        b"if 1",
        b"assign \"",
        b"assign '",
        b"html_image ",
        b"html_select",
        b"html_table ",
        b"=$",
        b"='",
        b"=\"",
        b"dump $",
        b"do $",
        b"capture $",
        b"%raw",
        b"@exec",
    ]
    .iter()
    .any(|tag| starts(code, tag))
        || code.starts_with(b"!") && text_ends(code, b"!}")
        || is_call(code)
}

/// `phpversion()}`, `strtoupper('q')}`
fn is_call(code: &[u8]) -> bool {
    let len = code.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    len >= 4
        && !name.starts_with(b"trans")
        && rest.first() == Some(&b'(')
        && matches!(rest.get(1), Some(b')' | b'"' | b'\''))
        && rest.ends_with(b")}")
}

fn text_ends(text: &[u8], end: &[u8]) -> bool {
    text.len() > end.len() && text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_by;

    fn score(text: &str) -> u32 {
        score_by(judge, text)
    }

    #[test]
    fn lines_of_templates_are_probes() {
        for text in [
            "= 9*9",
            "!= 9*9",
            "p= 9*9",
            "=(9).to_s",
            "- var q = 9*9",
            "% import os",
            "%import sys",
            "% if True:",
            "@if(true)",
            "@include('q')",
            "@dump($q)",
            "@ViewBag.Title",
            "#foreach($q in [1..3])$q#end",
            "#* q *#",
            "$class",
            "$!{class}",
            "$request.getParameter(\"q\")",
            "$p.waitFor()",
            "<jsp:include page=\"/WEB-INF/web.xml\"/>",
            "<%def name=\"q()\">q</%def>",
            "<cfoutput>#9*9#</cfoutput>",
            "{foreach [1,2] as $q}{$q}{/foreach}",
            "{$q|@print_r}",
            "{$q = 9*9}",
            "{debug}",
            "(#q=1)",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn lines_that_people_write_are_none() {
        for text in [
            "= 42",
            "=> 9*9",
            "== Title ==",
            "- buy 2*3 eggs",
            "- 7*7 is 49",
            "p = 9*9",
            "x= 9*9",
            "% done",
            "% of import duties",
            "%import the data first, please",
            "@if you see this",
            "@include mixin;",
            "@ann (if you can)",
            "#if you can (do it)",
            "#define X(a) (a)",
            "#general",
            "#1 (of 2)",
            "$5",
            "$class->name",
            "$session",
            "{name}",
            "{$name}",
            "{0}",
            "(#1)",
            "<c:forEach>",
            "!important",
            "",
        ] {
            assert!(score(text) < 5, "{text}");
        }
    }
}
