//! JavaScript that breaks out of a string in a `$where`, a map or a reduce function.

use crate::detect::{Found, Strength, any_case::starts};

/// Looks for conditions and statements behind a closed string, and for calls of the shell.
pub(super) fn examine(value: &[u8], found: &mut Found) {
    break_out(value, found);
    shell_call(value, found);
    empty_pattern(value, found);
}

/// Longest text between the closing quote and what follows.
const NEAR: usize = 96;

fn break_out(value: &[u8], found: &mut Found) {
    let trimmed = value.trim_ascii();
    let start = value.len() - value.trim_ascii_start().len();
    let closes_at = trimmed.iter().take(64).position(|byte| matches!(byte, b'\'' | b'"'));
    // A quote near the beginning with a plain word before it, or a value that begins with `;`, `||` or `&&`.
    let digits = trimmed.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let (at, quote) = match (closes_at, trimmed.first()) {
        (_, Some(b';' | b'|' | b'&' | b'}')) => (0, None),
        _ if digits > 0 && trimmed.get(digits) == Some(&b';') => (digits, None),
        (Some(at), _)
            if trimmed
                .iter()
                .take(at)
                .all(|byte| byte.is_ascii_alphanumeric() || b"_@.-\\".contains(byte)) =>
        {
            (at + 1, trimmed.get(at).copied())
        }
        _ => return,
    };
    let rest = trimmed.get(at..).unwrap_or_default();
    let rest = rest.strip_prefix(b")").unwrap_or(rest).trim_ascii_start();
    let range = start..value.len().min(start + at + NEAR);
    if let Some(joined) = rest.strip_prefix(b"||").or_else(|| rest.strip_prefix(b"&&")) {
        let joined = joined.trim_ascii_start();
        let near = joined.get(..joined.len().min(NEAR)).unwrap_or(joined);
        if joined.starts_with(b"this.") {
            found.push("string closed, then a condition on the document", Strength::Certain, range);
        } else if let Some(at) = memchr::memmem::find(near, b"==")
            && near.iter().take(at).all(|byte| byte.is_ascii_alphanumeric() || b"'\" ".contains(byte))
            && near.iter().take(at).filter(|byte| !b" '\"".contains(byte)).count() < 12
            && is_constant(near.get(..at).unwrap_or_default())
        {
            found.push("string closed, then constants compared", Strength::Strong, range);
        }
    } else if let Some(statement) = rest.strip_prefix(b";") {
        let statement = statement.trim_ascii_start();
        let begins = STATEMENTS.iter().any(|known| starts(statement, known.as_bytes()));
        if begins {
            let strength = if quote.is_some() { Strength::Certain } else { Strength::Strong };
            found.push("string closed, then a statement of JavaScript", strength, range);
        } else if (quote.is_some() || digits > 0) && is_timing_loop(statement) {
            found.push("string closed, then a loop that waits", Strength::Certain, range);
        }
    }
}

/// What injected scripts begin with.
const STATEMENTS: [&str; 12] = [
    "return true",
    "return(true",
    "return false",
    "return 1",
    "return this",
    "return(1",
    "return '",
    "return \"",
    "return(this",
    "sleep(",
    "db.",
    "while(true)",
];

/// A number or a quoted word.
fn is_constant(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.iter().all(u8::is_ascii_digit) || matches!(text.first(), Some(b'\'' | b'"'))
}

/// `it=new Date();do{pt=new Date();}while(pt-it<5000);`
fn is_timing_loop(statement: &[u8]) -> bool {
    let near = statement.get(..statement.len().min(NEAR)).unwrap_or(statement);
    memchr::memmem::find(near, b"new Date(").is_some()
        && (memchr::memmem::find(near, b"while(").is_some()
            || memchr::memmem::find(near, b"while (").is_some())
}

/// `db.users.insert(`: a call of the database's shell.
fn shell_call(value: &[u8], found: &mut Found) {
    for at in memchr::memmem::find_iter(value, b"db.").take(16) {
        if at.checked_sub(1).and_then(|before| value.get(before)).is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let rest = value.get(at + 3..).unwrap_or_default();
        let name =
            rest.iter().take(48).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let Some((b'.', call)) = rest.get(name..).and_then(<[u8]>::split_first) else { continue };
        let len = call.iter().take(24).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let known =
            call.get(..len).is_some_and(|method| METHODS.iter().any(|known| known.as_bytes() == method));
        if known && call.get(len) == Some(&b'(') && name > 0 {
            let reads = matches!(call.get(..len), Some(b"find" | b"findOne" | b"aggregate" | b"count"));
            let strength = if at == 0 && !reads { Strength::Strong } else { Strength::Tag };
            found.push("call of the database's shell", strength, at..at + 3 + name + 1 + len);
            return;
        }
    }
}

const METHODS: [&str; 16] = [
    "insert",
    "insertOne",
    "insertMany",
    "find",
    "findOne",
    "remove",
    "drop",
    "update",
    "updateOne",
    "updateMany",
    "deleteOne",
    "deleteMany",
    "mapReduce",
    "aggregate",
    "save",
    "count",
];

/// `}, { password : /.*/ }`: another condition, which everything meets.
fn empty_pattern(value: &[u8], found: &mut Found) {
    let trimmed = value.trim_ascii();
    let begins = matches!(trimmed.first(), Some(b'}' | b',' | b'\'' | b'"' | b'{'));
    if let Some(at) = memchr::memmem::find(value, b"/.*/")
        && begins
        && value.get(..at).unwrap_or_default().trim_ascii_end().ends_with(b":")
    {
        found.push("pattern that everything matches", Strength::Strong, at..at + 4);
    }
}
