//! Ruby and Perl.

use crate::detect::{
    Strength::{Certain, Strong},
    mark::{Mark, Site, anywhere, is_aimed, is_aimed_word, is_called, mark, stands_alone, starts_word},
};

pub(super) static MARKS: &[Mark] = &[
    mark("@{[", "expression in a Perl string", Strong, is_perl_expression),
    mark("@{[", "call in a Perl string", Strong, is_perl_call),
    mark("@{ [", "expression in a Perl string", Strong, is_perl_expression),
    mark("@{  ", "expression in a Perl string", Strong, is_spread_perl_expression),
    mark("kernel.open(", "Ruby runs a command", Certain, anywhere),
    mark("kernel.exec", "Ruby runs a command", Certain, stands_alone),
    mark("kernel.system", "Ruby runs a command", Certain, stands_alone),
    mark("kernel.spawn", "Ruby runs a command", Certain, stands_alone),
    mark("kernel.eval", "Ruby runs code", Certain, stands_alone),
    mark("kernel.fork", "Ruby runs a command", Strong, stands_alone),
    mark("process.spawn", "Ruby runs a command", Certain, is_called_aimed),
    mark("io.popen(", "Ruby runs a command", Strong, is_aimed),
    mark("io.popen([", "Ruby runs a command", Strong, is_aimed),
    mark("io.read(", "Ruby reads a file", Strong, takes_a_path),
    mark("file.read(", "Ruby reads a file", Strong, takes_a_path),
    mark("file.open(", "Ruby reads a file", Strong, takes_a_path),
    mark("dir.entries(", "Ruby reads a folder", Strong, takes_a_path),
    mark("open3.", "Ruby runs a command", Strong, is_aimed_word),
    mark("open(\"|", "Ruby runs a command", Strong, starts_word),
    mark("open('|", "Ruby runs a command", Strong, starts_word),
    mark("open(\"| ", "Ruby runs a command", Strong, starts_word),
    mark("%x{", "Ruby runs a command", Strong, is_aimed),
    mark("%x(", "Ruby runs a command", Strong, takes_a_command),
    mark("%x[", "Ruby runs a command", Strong, is_aimed),
    mark("%x|", "Ruby runs a command", Strong, is_aimed),
    mark("send(:system", "Ruby runs a command", Certain, anywhere),
    mark("send(:exec", "Ruby runs a command", Certain, anywhere),
    mark("send(:eval", "Ruby runs code", Certain, anywhere),
    mark("send('system", "Ruby runs a command", Certain, anywhere),
    mark("send(\"system", "Ruby runs a command", Certain, anywhere),
    mark(".instance_eval(", "Ruby runs code", Strong, is_aimed),
    mark("qx{", "Perl runs a command", Strong, is_aimed),
    mark("qx(", "Perl runs a command", Strong, is_aimed),
    mark("qx/", "Perl runs a command", Strong, is_aimed),
    mark("qx'", "Perl runs a command", Strong, is_aimed),
    mark("system qw", "Perl runs a command", Strong, is_aimed),
    mark("system('", "Perl runs a command in a string", Strong, is_in_perl_string),
    mark("use io::socket", "Perl opens a connection", Strong, is_aimed),
    mark("use socket;", "Perl opens a connection", Strong, is_aimed),
];

/// `@{[...]}`: an array made and put into a string at once.
fn is_perl_expression(site: &Site<'_>) -> bool {
    memchr::memchr(b']', site.value.get(site.at.end..).unwrap_or_default().get(..200).unwrap_or(site.after()))
        .is_some()
}

/// With blanks between the brackets.
fn is_spread_perl_expression(site: &Site<'_>) -> bool {
    site.after().trim_ascii_start().starts_with(b"[")
}

/// What stands inside is a function that runs something.
fn is_perl_call(site: &Site<'_>) -> bool {
    let inside = site.after().trim_ascii_start();
    let inside = inside.strip_prefix(b"&").unwrap_or(inside);
    let inside = inside.strip_prefix(b"CORE::").unwrap_or(inside);
    [&b"system"[..], b"exec", b"`", b"qx", b"eval", b"open", b"require", b"do "]
        .iter()
        .any(|call| inside.starts_with(call))
}

fn is_in_perl_string(site: &Site<'_>) -> bool {
    memchr::memmem::find(site.before(), b"@{[").is_some()
}

fn is_called_aimed(site: &Site<'_>) -> bool {
    starts_word(site)
        && is_aimed(site)
        && (is_called(site) || matches!(site.after(), [b' ', b'\'' | b'"', ..]))
}

/// The argument is an absolute path or a pipe.
fn takes_a_path(site: &Site<'_>) -> bool {
    is_aimed(site) && matches!(site.after().trim_ascii_start(), [b'\'' | b'"', b'/' | b'|' | b'.', ..])
}

/// `%x(id)`, and no format (`%x(%d)`).
fn takes_a_command(site: &Site<'_>) -> bool {
    is_aimed(site) && site.after().first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/')
}
