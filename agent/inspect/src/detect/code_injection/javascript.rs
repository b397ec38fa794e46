//! JavaScript on the server.

use crate::detect::{
    Strength::{Certain, Medium, Strong},
    mark::{Mark, Site, anywhere, is_aimed, is_aimed_word, is_word, mark, stands_alone, starts_word},
};

pub(super) static MARKS: &[Mark] = &[
    mark("child_process", "Node's processes", Strong, is_quoted_module),
    mark("child_process", "Node runs a command", Medium, runs_a_command),
    mark("process.mainmodule", "Node's main module", Strong, stands_alone),
    mark("process['mainmodule", "Node's main module", Strong, anywhere),
    mark("process[\"mainmodule", "Node's main module", Strong, anywhere),
    mark("process[mainmodule", "Node's main module", Strong, anywhere),
    mark("mainmodule.require", "Node loads a module", Certain, anywhere),
    mark("constructor._load", "Node loads a module", Certain, anywhere),
    mark("module._load(", "Node loads a module", Strong, anywhere),
    mark("require.main.", "Node's main module", Strong, is_aimed_word),
    mark("require.main.", "Node's main module", Strong, is_interpolated),
    mark("process.binding(", "Node's inner bindings", Strong, starts_word),
    mark("process.dlopen(", "Node's inner bindings", Strong, starts_word),
    mark("process.exit(", "Node ends", Strong, is_aimed),
    mark("process.kill(", "Node ends", Strong, is_aimed),
    mark("process.abort(", "Node ends", Strong, is_aimed),
    mark("process.env", "Node's environment", Medium, is_aimed),
    mark("process[", "property of Node's process", Strong, takes_a_name),
    mark("require[", "property of Node's require", Strong, is_aimed_word),
    mark("global.process", "Node's process", Strong, stands_alone),
    mark("globalthis.process", "Node's process", Strong, stands_alone),
    mark("globalthis[", "Node's process", Strong, takes_a_name),
    mark("root.process", "Node's process", Strong, is_aimed_word),
    mark("this.process", "Node's process", Strong, is_aimed_word),
    mark("require(", "Node module used at once", Strong, uses_a_module),
    mark("import(", "Node module used at once", Strong, uses_a_module),
    mark("fs.readfilesync(", "Node reads a file", Strong, is_aimed),
    mark("fs.readdirsync(", "Node reads a file", Strong, is_aimed),
    mark("fs.writefilesync(", "Node writes a file", Strong, is_aimed),
    mark("fs.appendfilesync(", "Node writes a file", Strong, is_aimed),
    mark(".readdirsync(", "Node reads a file", Strong, is_interpolated),
    mark("vm.runinnewcontext(", "Node runs code", Strong, starts_word),
    mark("vm.runinthiscontext(", "Node runs code", Strong, starts_word),
    mark("_$$nd_func$$_", "function of node-serialize", Certain, anywhere),
    mark("constructor.constructor(", "function made of text", Certain, anywhere),
    mark(".constructor(", "function made of text", Certain, takes_code),
    mark("constructor\"](", "function made of text", Certain, takes_code),
    mark("constructor'](", "function made of text", Certain, takes_code),
    mark("[\"constructor\"][\"constructor\"]", "function made of text", Certain, anywhere),
    mark("['constructor']['constructor']", "function made of text", Certain, anywhere),
    mark("new function", "function made of text", Strong, makes_a_function),
    mark("function(\"return process", "function made of text", Certain, anywhere),
    mark("function('return process", "function made of text", Certain, anywhere),
    mark("eval(string.fromcharcode", "hidden code is run", Certain, starts_word),
    mark("eval(atob(", "hidden code is run", Certain, starts_word),
    mark("eval(buffer.from(", "hidden code is run", Certain, starts_word),
    mark("eval(new buffer(", "hidden code is run", Certain, starts_word),
    mark("eval(require", "hidden code is run", Certain, starts_word),
    mark("eval(unescape(", "hidden code is run", Certain, starts_word),
    mark("module.exports=", "Node module", Strong, is_aimed_word),
    mark(":constructor:constructor", "path to a constructor in React's protocol", Certain, anywhere),
    mark(":__proto__:", "path to a prototype in React's protocol", Certain, anywhere),
    mark(":prototype:_compile", "path to a prototype in React's protocol", Certain, anywhere),
    mark(":module:prototype", "path to a prototype in React's protocol", Certain, anywhere),
    mark("console.", "console of the server", Strong, logs_at_the_front),
    mark("console[", "console of the server", Strong, takes_a_name),
    mark("while(", "loop without an end", Strong, never_ends),
    mark("while (", "loop without an end", Strong, never_ends),
    mark("for(;;)", "loop without an end", Strong, loops_at_once),
];

/// The modules that reach out of the interpreter.
const MODULES: [&[u8]; 10] =
    [b"child_process", b"fs", b"os", b"net", b"http", b"vm", b"cluster", b"module", b"dns", b"process"];

/// `'child_process'` or `"node:child_process"`, or the word in an expression of a template.
fn is_quoted_module(site: &Site<'_>) -> bool {
    let before = site.before();
    let before = before.strip_suffix(b"node:").unwrap_or(before);
    matches!(before.last(), Some(b'\'' | b'"' | b'`' | b'\\'))
        && matches!(site.after().first(), Some(b'\'' | b'"' | b'`' | b'\\'))
        || before.last() == Some(&b'(') && site.after().first() == Some(&b')')
}

/// `child_process').exec`.
fn runs_a_command(site: &Site<'_>) -> bool {
    let after = site.after();
    let closed = after.iter().take_while(|byte| matches!(byte, b'\'' | b'"' | b'`' | b')' | b'\\')).count();
    match after.get(closed..) {
        Some([b'.' | b'[', rest @ ..]) => {
            let rest = rest.strip_prefix(b"'").or(rest.strip_prefix(b"\"")).unwrap_or(rest);
            [&b"exec"[..], b"spawn", b"fork"].iter().any(|function| rest.starts_with(function))
        }
        _ => false,
    }
}

/// `#{...`, `{{...`, `<%=...`.
fn is_interpolated(site: &Site<'_>) -> bool {
    [&b"#{"[..], b"{{", b"${", b"<%"].iter().any(|open| memchr::memmem::find(site.before(), open).is_some())
}

/// `process['env']`, `process[req.query.a`.
fn takes_a_name(site: &Site<'_>) -> bool {
    is_aimed(site)
        && starts_word(site)
        && site
            .after()
            .first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'\'' | b'"' | b'`'))
}

/// `require('fs').readFileSync(`, at the front or out of a string.
fn uses_a_module(site: &Site<'_>) -> bool {
    let [b'\'' | b'"' | b'`', name @ ..] = site.after() else { return false };
    let name = name.strip_prefix(b"node:").unwrap_or(name);
    MODULES.iter().any(|module| {
        name.strip_prefix(*module)
            .is_some_and(|rest| matches!(rest, [b'\'' | b'"' | b'`', b')', b'.' | b'[', ..]))
    }) && starts_word(site)
        && (is_aimed(site) || is_interpolated(site))
}

/// `constructor("return process")`, `constructor('alert(1)')`.
fn takes_code(site: &Site<'_>) -> bool {
    matches!(site.after().trim_ascii_start(), [b'\'' | b'"' | b'`', rest @ ..] if !rest.is_empty())
}

/// `new Function(` with text or nothing; `new function(` in lower case makes an object.
fn makes_a_function(site: &Site<'_>) -> bool {
    site.text().ends_with(b"Function")
        && starts_word(site)
        && site.after().trim_ascii_start().starts_with(b"(")
        && is_aimed(site)
}

/// `console.info(1)` and nothing before it.
fn logs_at_the_front(site: &Site<'_>) -> bool {
    let name = site.after().iter().take_while(|byte| is_word(**byte)).count();
    site.at.start == 0
        && [&b"info.call"[..], b"log.call", b"info(", b"error.call"]
            .iter()
            .any(|call| site.after().starts_with(call))
        && name > 0
        && site.value.len() < 40
}

/// A condition that is a constant, and no body that could do something: `while(true);`, `while(!0){}`.
fn never_ends(site: &Site<'_>) -> bool {
    let after = site.after();
    let Some(end) = memchr::memrchr(b')', after) else { return false };
    let (condition, body) = after.split_at_checked(end).unwrap_or_default();
    let body = body.trim_ascii();
    let condition = condition.trim_ascii();
    let rest = condition.trim_ascii_start();
    let constant = rest.iter().skip_while(|byte| matches!(byte, b'!' | b'-' | b'+' | b'(')).copied();
    let constant: [u8; 12] = {
        let mut buffer = [0; 12];
        for (slot, byte) in buffer.iter_mut().zip(constant) {
            *slot = byte.to_ascii_lowercase();
        }
        buffer
    };
    let is_constant = CONSTANTS.iter().any(|name| {
        constant.starts_with(name) && !constant.get(name.len()).is_some_and(|&byte| is_word(byte))
    });
    let is_idle = body.len() < 10
        && body.iter().all(|byte| matches!(byte, b')' | b';' | b'{' | b'}' | b' ' | b'/' | b'\'' | b'"'));
    // Nothing is called in it: `while (true) { poll(); }` is a loop as people write them.
    let is_plain = condition.iter().filter(|byte| **byte == b'(').count()
        <= condition.iter().take(2).filter(|byte| **byte == b'(').count();
    is_constant && is_idle && is_plain && condition.len() < 20 && starts_word(site) && is_aimed(site)
}

const CONSTANTS: [&[u8]; 17] = [
    b"true",
    b"1",
    b"0",
    b"null",
    b"undefined",
    b"nan",
    b"infinity",
    b"this",
    b"string",
    b"false",
    b"''",
    b"\"\"",
    b"``",
    b"{}",
    b"[]",
    b"new date",
    b"!",
];

/// `for(;;);` or `for(;;){}`.
fn loops_at_once(site: &Site<'_>) -> bool {
    is_aimed(site) && matches!(site.after().trim_ascii(), [] | b";" | b"{}" | b"{};")
}
