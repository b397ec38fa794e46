//! Python.

use crate::detect::{
    Strength::{Certain, Medium, Strong},
    mark::{Mark, Site, anywhere, is_aimed, mark, starts_word},
};

pub(super) static MARKS: &[Mark] = &[
    mark("__import__", "Python imports a module", Strong, imports_a_module),
    mark("__import__", "Python uses what it imports", Medium, uses_its_import),
    mark("__builtins__", "Python's builtins", Strong, is_accessed),
    mark("__builtin__", "Python's builtins", Strong, is_accessed),
    mark("__subclasses__()", "Python's classes", Strong, anywhere),
    mark("__subclasses__", "Python's classes", Strong, is_accessed),
    mark("__globals__", "Python's globals", Strong, is_accessed),
    mark("__bases__", "Python's base classes", Strong, is_accessed),
    mark("__base__", "Python's base classes", Strong, is_accessed),
    mark("__mro__", "Python's base classes", Strong, is_accessed),
    mark(".mro()", "Python's base classes", Medium, anywhere),
    mark(".__class__", "class of a Python literal", Strong, is_of_a_literal),
    mark("[\"__class__\"]", "class of a Python object", Strong, anywhere),
    mark("['__class__']", "class of a Python object", Strong, anywhere),
    mark("exec(compile(", "Python compiles code", Certain, starts_word),
    mark("eval(compile(", "Python compiles code", Certain, starts_word),
    mark("exec(base64.", "hidden code is run", Certain, starts_word),
    mark("exec(__import__", "hidden code is run", Certain, starts_word),
    mark("eval(__import__", "hidden code is run", Certain, starts_word),
    mark("exec(\"import ", "Python runs a command", Strong, is_aimed_start),
    mark("exec('import ", "Python runs a command", Strong, is_aimed_start),
    mark("os.system(", "Python runs a command", Strong, calls_from_an_expression),
    mark("os.popen(", "Python runs a command", Strong, calls_from_an_expression),
    mark("os.execl(", "Python runs a command", Strong, calls_from_an_expression),
    mark("os.execv", "Python runs a command", Strong, calls_from_an_expression),
    mark("os.spawnl", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.popen(", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.call(", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.run(", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.check_output(", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.check_call(", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.getoutput(", "Python runs a command", Strong, calls_from_an_expression),
    mark("subprocess.getstatusoutput(", "Python runs a command", Strong, calls_from_an_expression),
    mark("commands.getoutput(", "Python runs a command", Strong, calls_from_an_expression),
    mark("commands.getstatusoutput(", "Python runs a command", Strong, calls_from_an_expression),
    mark("pty.spawn(", "Python runs a command", Strong, anywhere),
    mark("platform.popen(", "Python runs a command", Strong, anywhere),
    mark("importlib.import_module(", "Python imports a module", Strong, is_aimed),
    mark("sys.modules[", "Python's modules", Strong, is_aimed),
    mark("open('/etc/", "Python reads a file", Strong, is_aimed),
    mark("open(\"/etc/", "Python reads a file", Strong, is_aimed),
];

/// The modules that reach out of the interpreter.
const MODULES: [&[u8]; 16] = [
    b"os",
    b"subprocess",
    b"sys",
    b"pty",
    b"socket",
    b"builtins",
    b"importlib",
    b"commands",
    b"platform",
    b"posix",
    b"ctypes",
    b"base64",
    b"time",
    b"code",
    b"pickle",
    b"urllib",
];

/// `__import__('os')`, also with the quotes escaped, or with a name put together.
fn imports_a_module(site: &Site<'_>) -> bool {
    let Some(argument) = site.arguments() else { return false };
    let argument = argument.strip_prefix(b"\\").unwrap_or(argument);
    match argument {
        [b'\'' | b'"', name @ ..] => {
            MODULES.iter().any(|module| name.starts_with(module)) || memchr::memchr(b'+', name).is_some()
        }
        _ => {
            argument.starts_with(b"chr(")
                || argument.starts_with(b"bytes")
                || argument.starts_with(b"request")
        }
    }
}

/// `__import__('os').system(`.
fn uses_its_import(site: &Site<'_>) -> bool {
    imports_a_module(site) && memchr::memmem::find(site.after(), b").").is_some()
}

/// Something is done with the attribute: `.x`, `[0]`, `(`, or it is a string that names it.
fn is_accessed(site: &Site<'_>) -> bool {
    let opened = matches!(
        site.before().last(),
        None | Some(b'.' | b'[' | b'\'' | b'"' | b'{' | b'(' | b' ' | b'|' | b'=')
    );
    let used = matches!(site.after().first(), Some(b'[' | b'.' | b'(' | b'\'' | b'"' | b'\\' | b'}'));
    opened && used
}

/// `''.__class__`, `().__class__`, `[].__class__`, `{}.__class__`.
fn is_of_a_literal(site: &Site<'_>) -> bool {
    matches!(
        site.before(),
        [.., b'\'', b'\''] | [.., b'"', b'"'] | [.., b'(', b')'] | [.., b'[', b']'] | [.., b'{', b'}']
    )
}

/// A call inside an expression or at the front of the value, with a string; not `result = subprocess.run([`.
fn calls_from_an_expression(site: &Site<'_>) -> bool {
    let argument = site.after().trim_ascii_start().first();
    let called = matches!(argument, Some(b'\'' | b'"' | b'[' | b'\\' | b'b' | b'f' | b'_'))
        || site.text().last() != Some(&b'(');
    called && starts_word(site) && is_aimed(site)
}

fn is_aimed_start(site: &Site<'_>) -> bool {
    starts_word(site) && is_aimed(site)
}
