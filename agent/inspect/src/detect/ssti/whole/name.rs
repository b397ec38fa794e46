//! Names of expressions: objects and functions that an engine or its frame has, and what people leave a gap for.

use crate::detect::any_case::starts;

/// Names that a template engine or its frame puts there itself, and that no sentence has a gap for.
pub(super) fn is_inner(code: &[u8]) -> bool {
    matches!(
        code,
        b"dump"
            | b"settings"
            | b"request"
            | b"response"
            | b"session"
            | b"env"
            | b"environ"
            | b"ENV"
            | b"app"
            | b"_self"
            | b"_context"
            | b"url_for"
            | b"loop"
            | b"caller"
            | b"varargs"
            | b"kwargs"
            | b"handler"
            | b"locale_module"
            | b"constructor"
            | b"process"
            | b"global"
            | b"globals"
            | b"globalThis"
            | b"window"
            | b"__proto__"
            | b"csrf_token"
            | b"csrf_input"
            | b"xsrf_form_html"
            | b"current_user"
            | b"get_flashed_messages"
            | b"request_handler"
            | b"os"
            | b"self"
            | b"config"
            | b"_charset"
            | b"xsrf_token"
            | b"undefined"
            | b"True"
            | b"False"
            | b"nil"
            | b"log this"
            | b"@key"
            | b"@index"
            | b"@first"
            | b"@root"
            | b"../this"
            | b"_"
    ) || code.ends_with(b".password")
        || is_member_of_inner(code)
}

/// `request.META`, `cycler.next`, `lipsum|list`
fn is_member_of_inner(code: &[u8]) -> bool {
    let len = code.iter().take_while(|byte| is_word(**byte)).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    let member = rest.strip_prefix(b".").unwrap_or_default();
    match name {
        b"constructor" | b"__proto__" | b"request" | b"cycler" | b"joiner" | b"g" | b"current_app" | b"_" => {
            !member.is_empty()
        }
        b"lipsum" | b"url_for" | b"get_flashed_messages" | b"_self" | b"_context" => {
            matches!(rest.first(), Some(b'|' | b'.' | b'['))
        }
        b"app" => {
            [&b"user"[..], b"session", b"environment", b"debug", b"request", b"flashes", b"token", b"config"]
                .iter()
                .any(|known| member.starts_with(known))
        }
        _ => false,
    }
}

/// The same for `${}`, which shells and build files have, too.
pub(super) fn is_inner_of_java(code: &[u8]) -> bool {
    let len = code.iter().take_while(|byte| is_word(**byte)).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    match name {
        b"request" | b"session" | b"response" => {
            rest.is_empty() || starts(rest, b".id") || rest.contains(&b'(')
        }
        b"this"
        | b"self"
        | b"context"
        | b"beans"
        | b"class"
        | b"ctx"
        | b"caller"
        | b"execution"
        | b"springMacroRequestContext"
        | b"UNDEFINED"
        | b"locals"
        | b"globals" => rest.is_empty() || rest.first() == Some(&b'.'),
        _ => false,
    }
}

/// Objects that every page of Java has (Jakarta Expression Language §2.2).
pub(super) fn is_implicit(code: &[u8]) -> bool {
    let len = code.iter().take_while(|byte| is_word(**byte)).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    matches!(rest.first(), None | Some(b'.' | b'['))
        && matches!(
            name,
            b"param"
                | b"paramValues"
                | b"header"
                | b"headerValues"
                | b"cookie"
                | b"initParam"
                | b"pageScope"
                | b"requestScope"
                | b"sessionScope"
                | b"applicationScope"
                | b"pageContext"
                | b"facesContext"
                | b"application"
                | b"exchange"
                | b"flash"
                | b"systemProperties"
                | b"systemEnvironment"
        )
}

/// What people leave a gap for.
pub(super) fn is_field(code: &[u8]) -> bool {
    matches!(
        code,
        b"name"
            | b"title"
            | b"value"
            | b"email"
            | b"id"
            | b"date"
            | b"user"
            | b"url"
            | b"body"
            | b"content"
            | b"text"
            | b"username"
            | b"yield"
            | b"message"
    )
}

/// `print 7`, `env "HOME"`, `html .`, `if true`: functions of Go, Sprig and Handlebars that take their arguments so.
pub(super) fn calls_by_blank(code: &[u8]) -> bool {
    let len = code.iter().take_while(|byte| is_word(**byte)).count();
    let (name, rest) = code.split_at_checked(len).unwrap_or_default();
    let argument = rest.trim_ascii_start();
    let argued = rest.len() > argument.len()
        && argument
            .first()
            .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'"' | b'`' | b'.' | b'$' | b'('));
    argued
        && matches!(
            name,
            b"print"
                | b"printf"
                | b"println"
                | b"html"
                | b"js"
                | b"urlquery"
                | b"len"
                | b"index"
                | b"slice"
                | b"env"
                | b"getenv"
                | b"expandenv"
                | b"readFile"
                | b"readDir"
                | b"include"
                | b"tpl"
                | b"exec"
                | b"lookup"
                | b"call"
                | b"add"
                | b"sub"
                | b"mul"
                | b"div"
                | b"mod"
                | b"multiply"
                | b"toJson"
                | b"toYaml"
                | b"quote"
                | b"b64enc"
                | b"getHostByName"
                | b"define"
                | b"template"
                | b"block"
                | b"range"
                | b"with"
                | b"if"
                | b"log"
                | b"upper"
        )
        || rest.len() > argument.len()
            && matches!(name, b"if" | b"with")
            && matches!(argument, b"true" | b"1" | b"this")
}

/// Letters, digits, `_` and `$`.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}
