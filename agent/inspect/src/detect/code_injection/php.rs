//! PHP.

use crate::{
    byte_set::ByteSet,
    detect::{
        Found, Strength,
        Strength::{Certain, Medium, Strong, Tag},
        mark::{Mark, Site, anywhere, is_aimed, is_called, is_word, mark, skip_comments, starts_word},
    },
};

pub(super) static MARKS: &[Mark] = &[
    mark("<?php", "PHP tag", Strong, anywhere),
    mark("<?=", "PHP tag", Strong, anywhere),
    mark("<?=`", "PHP runs a command", Strong, anywhere),
    mark("<script language=php", "PHP tag", Strong, anywhere),
    mark("<script language='php", "PHP tag", Strong, anywhere),
    mark("<script language=\"php", "PHP tag", Strong, anywhere),
    mark("{php}", "Smarty's PHP tag", Strong, anywhere),
    mark("[php]", "PHP in forum code", Tag, anywhere),
    mark("[/php]", "PHP in forum code", Tag, anywhere),
    mark("$_get", "request variable of PHP", Strong, is_superglobal),
    mark("$_post", "request variable of PHP", Strong, is_superglobal),
    mark("$_request", "request variable of PHP", Strong, is_superglobal),
    mark("$_cookie", "request variable of PHP", Strong, is_superglobal),
    mark("$_files", "request variable of PHP", Strong, is_superglobal),
    mark("$_server", "server variable of PHP", Strong, is_superglobal),
    mark("$_session", "server variable of PHP", Medium, is_superglobal),
    mark("$_env", "server variable of PHP", Medium, is_superglobal),
    mark("$globals", "global variables of PHP", Strong, is_superglobal),
    mark("$http_raw_post_data", "request variable of PHP", Strong, anywhere),
    mark("${@", "expression in a PHP string", Certain, opens_a_call),
    mark("{${", "expression in a PHP string", Certain, opens_a_call),
    mark("eval(base64_decode", "hidden code is run", Certain, starts_word),
    mark("eval(gzinflate", "hidden code is run", Certain, starts_word),
    mark("eval(gzuncompress", "hidden code is run", Certain, starts_word),
    mark("eval(str_rot13", "hidden code is run", Certain, starts_word),
    mark("eval(chr(", "hidden code is run", Certain, starts_word),
    mark("eval(hex2bin", "hidden code is run", Certain, starts_word),
    mark("eval(stripslashes", "hidden code is run", Certain, starts_word),
    mark("print(md5(", "proof that PHP runs", Strong, is_aimed_start),
    mark("printf(md5(", "proof that PHP runs", Strong, is_aimed_start),
    mark("print md5(", "proof that PHP runs", Strong, is_aimed_start),
    mark("echo md5(", "proof that PHP runs", Strong, is_aimed_start),
    mark("die(md5(", "proof that PHP runs", Strong, is_aimed_start),
    mark("exit(md5(", "proof that PHP runs", Strong, is_aimed_start),
    mark("gzinflate(base64_decode", "hidden code", Strong, starts_word),
    mark(").chr(", "text written by character codes", Strong, follows_chr),
    mark("auto_prepend_file", "setting of PHP", Strong, is_set),
    mark("auto_append_file", "setting of PHP", Strong, is_set),
    mark("allow_url_include", "setting of PHP", Strong, is_set),
    mark("disable_functions", "setting of PHP", Strong, is_set),
    mark("suhosin.simulation", "setting of PHP", Strong, is_set),
    mark("cgi.force_redirect", "setting of PHP", Strong, is_set),
    mark("cgi.redirect_status_env", "setting of PHP", Strong, is_set),
    mark("open_basedir", "setting of PHP", Medium, is_set),
    mark("extension_dir", "setting of PHP", Medium, is_set),
    mark("opcache.", "setting of PHP", Medium, is_only_a_setting),
    mark("mbstring.", "setting of PHP", Medium, is_only_a_setting),
    mark("unserialize_max_depth", "setting of PHP", Medium, is_set),
    mark("'.'", "name put together from strings", Strong, spells_a_function),
    mark("\".\"", "name put together from strings", Strong, spells_a_function),
    mark("' . '", "name put together from strings", Strong, spells_a_function),
    mark("' .'", "name put together from strings", Strong, spells_a_function),
    mark("'. '", "name put together from strings", Strong, spells_a_function),
    mark("\" . \"", "name put together from strings", Strong, spells_a_function),
    mark("array_map(", "function called by its name", Certain, names_a_function),
    mark("array_filter(", "function called by its name", Strong, takes_a_function),
    mark("usort(", "function called by its name", Strong, takes_a_function),
    mark("call_user_func(", "function called by its name", Certain, names_a_function),
    mark("call_user_func_array(", "function called by its name", Certain, names_a_function),
    mark("register_shutdown_function(", "function called by its name", Certain, names_a_function),
    mark("=@$", "call with its errors hidden", Strong, calls_a_variable),
    mark("->$", "variable called as a method", Strong, calls_a_variable),
    mark("::$", "variable called as a method", Strong, calls_a_variable),
    mark("invokefunction&function=", "ThinkPHP's function call", Certain, anywhere),
    mark("think\\app/invokefunction", "ThinkPHP's function call", Certain, anywhere),
    mark("smarty_internal_write_file", "Smarty writes a file", Certain, anywhere),
];

/// A function with its strength where it is called.
macro_rules! functions {
    ($($name:literal, $what:literal, $strength:ident, $holds:expr;)*) => {
        pub(super) static FUNCTIONS: &[Mark] = &[$(mark($name, $what, $strength, $holds),)*];

        /// The same names with what may follow, so that a sentence with one of them wakes nobody.
        pub(super) const CALLS: &[&str] = &[$(
            concat!($name, "("), concat!($name, " ("), concat!($name, "  ("), concat!($name, "/"),
            concat!($name, "#"), concat!($name, "\n"), concat!($name, "\t"),
        )*];
    };
}

/// What may follow the names that are hidden most: other blanks and comments, and the ends of a string that is called.
macro_rules! hidden_calls {
    ($($name:literal)*) => {
        pub(super) const HIDDEN_CALLS: &[&str] = &[$(
            concat!($name, "\r"), concat!($name, " /"), concat!($name, " #"), concat!($name, " \t"),
            concat!($name, "\u{b}"), concat!($name, "\"("), concat!($name, "'("), concat!($name, ")("),
            concat!($name, "\")"), concat!($name, "')"), concat!($name, "']"), concat!($name, "\"]"),
            concat!($name, "]["),
        )*];
    };
}

hidden_calls! { "system" "passthru" "shell_exec" "exec" "popen" "eval" "assert" "phpinfo" }

functions! {
    "system", "PHP runs a command", Strong, runs;
    "passthru", "PHP runs a command", Strong, runs;
    "shell_exec", "PHP runs a command", Strong, runs;
    "exec", "PHP runs a command", Strong, runs;
    "popen", "PHP runs a command", Strong, runs;
    "proc_open", "PHP runs a command", Strong, runs;
    "pcntl_exec", "PHP runs a command", Strong, runs;
    "eval", "PHP runs code", Strong, runs;
    "assert", "PHP runs code", Strong, runs;
    "create_function", "PHP runs code", Strong, runs;
    "call_user_func", "PHP calls a function by name", Strong, runs;
    "call_user_func_array", "PHP calls a function by name", Strong, runs;
    "preg_replace", "PHP runs what it replaced", Strong, replaces_by_code;
    "phpinfo", "PHP shows its settings", Strong, shows;
    "phpversion", "PHP shows its settings", Strong, shows;
    "phpcredits", "PHP shows its settings", Strong, shows;
    "get_defined_functions", "PHP shows its settings", Strong, shows;
    "get_defined_vars", "PHP shows its settings", Strong, shows;
    "getallheaders", "PHP shows its settings", Strong, shows;
    "php_uname", "PHP shows its settings", Strong, shows;
    "posix_getpwuid", "PHP shows its settings", Strong, shows;
    "posix_getegid", "PHP shows its settings", Strong, shows;
    "base64_decode", "PHP decodes", Strong, shows;
    "gzinflate", "PHP decodes", Strong, shows;
    "gzuncompress", "PHP decodes", Strong, shows;
    "gzdecode", "PHP decodes", Strong, shows;
    "zlib_decode", "PHP decodes", Strong, shows;
    "bzdecompress", "PHP decodes", Strong, shows;
    "str_rot13", "PHP decodes", Strong, shows;
    "strrev", "PHP decodes", Medium, shows;
    "fsockopen", "PHP opens a connection", Strong, shows;
    "pfsockopen", "PHP opens a connection", Strong, shows;
    "curl_init", "PHP opens a connection", Strong, shows;
    "curl_exec", "PHP opens a connection", Strong, shows;
    "file_get_contents", "PHP reads a file", Strong, shows;
    "file_put_contents", "PHP writes a file", Strong, shows;
    "file_exists", "PHP reads a file", Strong, shows;
    "filegroup", "PHP reads a file", Strong, shows;
    "fopen", "PHP reads a file", Strong, runs;
    "readfile", "PHP reads a file", Strong, runs;
    "highlight_file", "PHP reads a file", Strong, shows;
    "show_source", "PHP reads a file", Strong, shows;
    "scandir", "PHP reads a file", Strong, runs;
    "move_uploaded_file", "PHP writes a file", Strong, shows;
    "unserialize", "PHP reads an object", Strong, runs;
    "print_r", "PHP prints", Strong, shows;
    "var_dump", "PHP prints", Strong, shows;
    "assert_options", "PHP changes a setting", Strong, shows;
    "ini_set", "PHP changes a setting", Strong, runs;
    "putenv", "PHP changes a setting", Strong, runs;
    "is_array", "PHP function", Medium, shows;
    "strip_tags", "PHP function", Medium, shows;
    "intval", "PHP function", Medium, shows;
    "extractvalue", "PHP function", Tag, shows;
}

/// Functions whose names are put together from pieces to hide them.
const HIDDEN: [&[u8]; 8] =
    [b"system", b"exec", b"passthru", b"shell_exec", b"assert", b"eval", b"phpinfo", b"base64_decode"];

/// Functions that others are made to call.
const DANGEROUS: [&[u8]; 12] = [
    b"system",
    b"exec",
    b"passthru",
    b"shell_exec",
    b"popen",
    b"proc_open",
    b"assert",
    b"eval",
    b"phpinfo",
    b"file_put_contents",
    b"create_function",
    b"call_user_func",
];

/// The name is called with something, as a function of its own, or is a string that is called.
fn runs(site: &Site<'_>) -> bool {
    if !starts_word(site) || !is_function(site) {
        return false;
    }
    // Nobody comments on what stands between a name and its parenthesis.
    let is_commented = matches!(site.after().trim_ascii_start(), [b'/', b'*' | b'/', ..] | [b'#', ..]);
    if is_commented && site.arguments().is_some() && is_aimed(site) {
        return true;
    }
    is_called(site) && is_aimed(site) || is_called_as_string(site)
}

fn is_aimed_start(site: &Site<'_>) -> bool {
    starts_word(site) && is_aimed(site)
}

/// The name is called, whatever with.
fn shows(site: &Site<'_>) -> bool {
    is_aimed(site) && starts_word(site) && is_function(site) && site.arguments().is_some()
}

/// No method (`a.exec(`, `$a->exec(`), no variable, but `'.exec(` where a string was closed.
fn is_function(site: &Site<'_>) -> bool {
    match site.before() {
        [.., b'$'] | [.., b'-', b'>'] | [.., b':', b':'] => false,
        [.., before, b'.'] => matches!(before, b'\'' | b'"' | b')' | b' '),
        [b'.'] => false,
        _ => true,
    }
}

/// `"system"('id')`, `('system')('id')`, `(system)(id)`, `['system'][0]('id')`.
fn is_called_as_string(site: &Site<'_>) -> bool {
    let opened = matches!(site.before().last(), Some(b'\'' | b'"' | b'(' | b'[' | b' '));
    let mut rest = site.after();
    let mut closed = 0;
    loop {
        rest = skip_comments(rest);
        rest = match rest {
            [b'\'' | b'"' | b')', rest @ ..] => rest,
            [b']', rest @ ..] => rest,
            [b'[', b'0', b']', rest @ ..] | [b'{', b'0', b'}', rest @ ..] if closed > 0 => rest,
            [b'(', next, ..] => return opened && closed > 0 && *next != b')' && (is_aimed(site)),
            _ => return false,
        };
        closed += 1;
        if closed > 8 {
            return false;
        }
    }
}

/// `preg_replace('/x/e', ...)`: the pattern's flags hold an `e` (removed in PHP 7).
fn replaces_by_code(site: &Site<'_>) -> bool {
    let Some([quote @ (b'\'' | b'"'), delimiter, pattern @ ..]) = site.arguments() else { return false };
    let Some(end) = memchr::memchr(*quote, pattern) else { return false };
    let pattern = pattern.get(..end).unwrap_or_default();
    memchr::memrchr(*delimiter, pattern)
        .and_then(|at| pattern.get(at + 1..))
        .is_some_and(|flags| flags.contains(&b'e'))
}

/// `array_map("system", ...)`.
fn names_a_function(site: &Site<'_>) -> bool {
    let [b'\'' | b'"', name @ ..] = site.after().trim_ascii_start() else { return false };
    DANGEROUS.iter().any(|function| {
        name.get(..function.len()).is_some_and(|name| name.eq_ignore_ascii_case(function))
            && matches!(name.get(function.len()), Some(b'\'' | b'"'))
    })
}

/// `usort(..., 'system')`.
fn takes_a_function(site: &Site<'_>) -> bool {
    let after = site.after();
    let Some(comma) = memchr::memchr(b',', after) else { return false };
    let [b'\'' | b'"', name @ ..] = after.get(comma + 1..).unwrap_or_default().trim_ascii_start() else {
        return false;
    };
    DANGEROUS.iter().any(|function| {
        name.get(..function.len()).is_some_and(|name| name.eq_ignore_ascii_case(function))
            && matches!(name.get(function.len()), Some(b'\'' | b'"'))
    })
}

/// Written in capitals, as PHP demands, and followed by an index or the end of an expression.
fn is_superglobal(site: &Site<'_>) -> bool {
    site.text().iter().all(|byte| !byte.is_ascii_lowercase())
        && !site.after().first().is_some_and(|&byte| is_word(byte))
        && matches!(skip_comments(site.after()).first(), None | Some(b'[' | b'{' | b')' | b';' | b']' | b','))
}

/// `${@print(`, `{${phpinfo(`.
fn opens_a_call(site: &Site<'_>) -> bool {
    let name = site.after().trim_ascii_start();
    let len = name.iter().take_while(|byte| is_word(**byte) || **byte == b'@').count();
    len > 1 && skip_comments(name.get(len..).unwrap_or_default()).first() == Some(&b'(')
}

/// `chr(112).chr(104)`.
fn follows_chr(site: &Site<'_>) -> bool {
    let before = site.before();
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'x').count();
    let opened = before.get(..before.len() - digits).unwrap_or_default();
    (1..=4).contains(&digits)
        && opened.len() > 3
        && opened.get(opened.len() - 4..).is_some_and(|name| name.eq_ignore_ascii_case(b"chr("))
}

/// `allow_url_include=1`, `-d allow_url_include=on`.
fn is_set(site: &Site<'_>) -> bool {
    starts_word(site)
        && matches!(site.after(), [b'=', ..] | [b' ', b'=', ..])
        && (is_aimed(site) || matches!(site.before(), [.., b'-', b'd', b' ' | b'+']))
}

fn is_only_a_setting(site: &Site<'_>) -> bool {
    site.at.start == 0 && site.value.len() < 80 && memchr::memchr(b'=', site.after()).is_some()
}

/// `'sys'.'tem'`: the strings around the dot make the name of a function.
fn spells_a_function(site: &Site<'_>) -> bool {
    let before = site.before();
    let Some(quote) = site.text().first() else { return false };
    let Some(start) = memchr::memrchr(*quote, before) else { return false };
    let first = before.get(start + 1..).unwrap_or_default();
    let Some(end) = memchr::memchr(*quote, site.after()) else { return false };
    let second = site.after().get(..end).unwrap_or_default();
    !second.is_empty()
        && HIDDEN.iter().any(|name| {
            // The pieces may be in the middle of more: `'s'.'ys'.'tem'`.
            first.len() + second.len() <= name.len()
                && first.len() + second.len() > 3
                && (0..=name.len() - first.len() - second.len()).any(|at| {
                    let (a, b) = (at + first.len(), at + first.len() + second.len());
                    name.get(at..a).is_some_and(|part| part.eq_ignore_ascii_case(first))
                        && name.get(a..b).is_some_and(|part| part.eq_ignore_ascii_case(second))
                })
        })
}

/// `$a->$b(`, `$x=@$y(` in a value that begins with it.
fn calls_a_variable(site: &Site<'_>) -> bool {
    let name = site.after().iter().take_while(|byte| is_word(**byte)).count();
    site.at.start < 24
        && site.value.len() < 120
        && site.before().iter().all(|&byte| is_word(byte) || matches!(byte, b'$' | b'@' | b' '))
        && name > 0
        && skip_comments(site.after().get(name..).unwrap_or_default()).first() == Some(&b'(')
}

/// What [`examine_short_tag`] and [`examine_spelled_call`] need, besides the literals of marks.
pub(super) const OTHERS: [&str; 8] = ["<? ", "<?\t", "<?\n", "<?\r", "<?xml :", "<?xml (", ".(", "[0]"];

/// Without these no variable is called.
pub(super) const VARIABLE_CALL: ByteSet = ByteSet::DOLLAR.and(ByteSet::PAREN);

/// Finds a value that begins with the call of a variable: `$a($b)`, `$_[0](1)`, `@$f('id')`, `$$x()`, `${'a'}(1)`.
pub(super) fn examine_variable_call(value: &[u8], found: &mut Found) {
    let start = value
        .iter()
        .take(8)
        .take_while(|byte| matches!(byte, b'@' | b' ' | b';' | b'\'' | b'"' | b'{'))
        .count();
    let Some(call) = value.get(start..).and_then(|rest| rest.strip_prefix(b"$")) else { return };
    // jQuery's `$(` calls no variable, and neither is `$ (`.
    let call = call.get(..120).unwrap_or(call);
    let call = match call.iter().take_while(|byte| **byte == b'$').count() {
        0 => call,
        more => call.get(more..).unwrap_or_default(),
    };
    let name_len = call.iter().take_while(|byte| is_word(**byte)).count();
    let (name, mut rest) = call.split_at_checked(name_len).unwrap_or_default();
    if name.is_empty() && !rest.trim_ascii_start().starts_with(b"{")
        || ANGULAR.contains(&name)
        || name.first().is_some_and(u8::is_ascii_digit)
    {
        return;
    }
    let mut accessed = name.is_empty();
    // Nobody comments on what stands between a name and its parenthesis.
    accessed |= matches!(rest.trim_ascii_start(), [b'/', b'*' | b'/', ..] | [b'#', ..]);
    for _ in 0..8 {
        rest = skip_comments(rest);
        rest = match rest {
            [b'[', ..] => after_bracket(rest, b'[', b']'),
            [b'{', ..] => after_bracket(rest, b'{', b'}'),
            [b'(', argument, ..] => {
                let odd = accessed || name.iter().all(|byte| !byte.is_ascii_lowercase()) || *argument != b')';
                let strength = if odd { Strength::Strong } else { Strength::Medium };
                found.push("variable called as a function", strength, start..value.len().min(start + 64));
                return;
            }
            _ => return,
        };
        accessed = true;
    }
}

/// What follows the bracket that `text` begins with and its counterpart.
fn after_bracket(text: &[u8], open: u8, close: u8) -> &[u8] {
    let mut depth = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return text.get(at + 1..).unwrap_or_default();
            }
        }
    }
    &[]
}

/// Finds a value that begins with a name in pieces which is called: `(sy.(st).em)(id)`, `([ 'system' ])[0]('id')`.
pub(super) fn examine_spelled_call(value: &[u8], found: &mut Found) {
    let head = value.get(..120).unwrap_or(value);
    let head = head.strip_prefix(b"(string)").unwrap_or(head).trim_ascii_start();
    if !matches!(head.first(), Some(b'(' | b'[' | b'"' | b'\'')) {
        return;
    }
    let mut name = [0; 20];
    let mut len = 0;
    let mut rest = head;
    while let Some((&byte, after)) = rest.split_first() {
        let skipped = skip_comments(rest);
        if skipped.len() < rest.len() {
            rest = skipped;
            continue;
        }
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => match name.get_mut(len) {
                Some(slot) => {
                    *slot = byte.to_ascii_lowercase();
                    len += 1;
                }
                None => return,
            },
            b'(' if len > 0 && !after.contains(&b')') => return,
            b'(' if DANGEROUS.contains(&name.get(..len).unwrap_or_default()) => {
                let argument = skip_comments(after).first();
                if argument.is_some_and(|byte| *byte != b')') {
                    found.push(
                        "name in pieces is called",
                        Strength::Strong,
                        0..value.len() - after.len().min(value.len()),
                    );
                }
                return;
            }
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b'\'' | b'.' | b'0' => {}
            _ => return,
        }
        rest = after;
    }
}

/// What AngularJS and others call with a dollar sign.
const ANGULAR: [&[u8]; 10] = [
    b"http",
    b"timeout",
    b"q",
    b"scope",
    b"interval",
    b"filter",
    b"compile",
    b"watch",
    b"resource",
    b"state",
];

/// Finds `<? ` and `<?` at the end of a line, followed by code: PHP's short tag.
pub(super) fn examine_short_tag(value: &[u8], found: &mut Found) {
    for at in memchr::memmem::find_iter(value, b"<?") {
        let after = value.get(at + 2..).unwrap_or_default();
        let after = after.get(..48).unwrap_or(after);
        // `<?xml :`, as a short tag's label.
        let code = match after {
            [b'x', b'm', b'l', b' ', rest @ ..] => match rest.trim_ascii_start() {
                [b':' | b'(', rest @ ..] => rest,
                _ => continue,
            },
            [blank, rest @ ..] if blank.is_ascii_whitespace() => rest,
            _ => continue,
        };
        let code = code.trim_ascii_start();
        let len = code.iter().take_while(|byte| is_word(**byte)).count();
        let name = code.get(..len).unwrap_or_default();
        let next = code.get(len..).unwrap_or_default().trim_ascii_start().first();
        let is_code = name.eq_ignore_ascii_case(b"echo")
            || name.eq_ignore_ascii_case(b"print")
            || len > 0 && next == Some(&b'(')
            || matches!(code.first(), Some(b'$' | b'@' | b'`' | b')'));
        if is_code {
            found.push("PHP tag", Strength::Strong, at..at + 2);
            return;
        }
    }
}
