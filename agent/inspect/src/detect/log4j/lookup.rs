//! Resolves nested lookups from the inside out, in one pass.
//!
//! The text is copied to an output. `${` in the output opens a lookup; at its `}` the output behind `${` is all of the
//! lookup, resolved, and what it stands for takes its place. So text that lookups leave behind opens lookups, too:
//! `${a:-$}{jndi:…}`. Of what a lookup stands for only the ends are kept, which is all that can be part of a name or
//! of `${`, and which makes the pass linear.

use crate::detect::{Found, Strength};

/// Honest configuration nests lookups twice.
const MAX_DEPTH: usize = 16;

/// The names of lookups that do something are shorter.
const LONGEST_NAME: usize = 12;

/// How much of what a lookup stands for is kept: from its beginning, and from its end.
const KEPT_HEAD: usize = 48;
const KEPT_TAIL: usize = 16;

/// Prefixes that Log4j, Commons Text and their like resolve from the machine they run on.
const SYSTEM: [&[u8]; 13] = [
    b"env:", b"sys:", b"ctx:", b"main:", b"java:", b"k8s:", b"docker:", b"web:", b"spring:", b"bundle:",
    b"sd:", b"map:", b"marker:",
];

/// Prefixes with which Commons Text runs code or asks hosts (CVE-2022-42889).
const ACTIVE: [(&[u8], &[u8]); 5] = [
    (b"script:", b""),
    (b"dns:", b"address|"),
    (b"dns:", b"name|"),
    (b"url:", b"utf-8:"),
    (b"dns:", b"canonical"),
];

/// A lookup that is open.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Where it begins in the output, behind `${`.
    start: usize,
    /// Where it begins in the value, at `{`.
    at: usize,
    /// Whether its own beginning was made by a lookup.
    disguised: bool,
}

/// Reports what the lookups in `value` stand for.
pub(super) fn examine(value: &[u8], found: &mut Found) {
    let Some(first) = memchr::memmem::find(value, b"${") else { return };
    let mut out: Vec<u8> = Vec::with_capacity(value.len() - first);
    let mut stack = [Open::default(); MAX_DEPTH];
    let mut depth = 0;
    for (at, &byte) in value.iter().enumerate().skip(first) {
        match byte {
            b'{' if out.last() == Some(&b'$') => {
                out.push(byte);
                if let Some(slot) = stack.get_mut(depth) {
                    *slot = Open { start: out.len(), at, disguised: false };
                    depth += 1;
                } else {
                    found.push("lookups nested deep", Strength::Strong, first..at + 1);
                }
            }
            b'}' if depth > 0 => {
                depth -= 1;
                let Some(&open) = stack.get(depth) else { return };
                let content = out.get(open.start..).unwrap_or_default();
                judge(content, open, at + 1, found);
                if found.is_certain() {
                    return;
                }
                let (stands_for, hides) = resolve(content);
                out.truncate(open.start.saturating_sub(2));
                if let Some(outer) = depth.checked_sub(1).and_then(|outer| stack.get_mut(outer)) {
                    // In front of the first colon stands the name: `${A:-${B:-c}}` is a shell's.
                    let name = out.get(outer.start..).unwrap_or_default();
                    outer.disguised |= hides && name.len() < LONGEST_NAME && !name.contains(&b':');
                }
                out.extend_from_slice(&stands_for);
            }
            _ => out.push(byte),
        }
    }
    for open in stack.get(..depth).unwrap_or_default() {
        judge(out.get(open.start..).unwrap_or_default(), *open, value.len(), found);
    }
}

/// Reports what a lookup without the `${` and `}` around it asks for.
fn judge(content: &[u8], open: Open, end: usize, found: &mut Found) {
    let content = content.trim_ascii_start();
    let at = open.at.saturating_sub(1)..end;
    if starts_with(content, b"jndi:") {
        found.push("jndi lookup", Strength::Certain, at);
        return;
    }
    if open.disguised {
        found.push("lookup spelled with lookups", Strength::Strong, at.clone());
    }
    if ACTIVE.iter().any(|(prefix, then)| {
        starts_with(content, prefix)
            && content.get(prefix.len()..).is_some_and(|rest| starts_with(rest, then))
    }) {
        found.push("lookup that asks a host or runs a script", Strength::Strong, at);
    } else if cases(content).is_some() || starts_with(content, b"base64:") {
        found.push("lookup that rewrites text", Strength::Strong, at);
    } else if SYSTEM.iter().any(|prefix| starts_with(content, prefix)) {
        found.push("lookup of the system", Strength::Tag, at.clone());
        if default(content).is_some() {
            found.push("lookup with a default", Strength::Medium, at);
        }
    } else if content.starts_with(b"::-") || content.starts_with(b":-") {
        found.push("lookup of nothing", Strength::Strong, at);
    }
}

/// What a lookup stands for, shortened, and whether it looks like one that spells something.
fn resolve(content: &[u8]) -> (Vec<u8>, bool) {
    if let Some((upper, text)) = cases(content) {
        let mut text = ends(text);
        // The dotless i and the Kelvin sign change their case into ASCII.
        if upper {
            replace(&mut text, "ı", b'I');
            replace(&mut text, "ſ", b'S');
            text.make_ascii_uppercase();
        } else {
            replace(&mut text, "İ", b'i');
            replace(&mut text, "\u{212a}", b'k');
            text.make_ascii_lowercase();
        }
        return (text, true);
    }
    if starts_with(content, b"date:") {
        let mut text = ends(content.get(5..).unwrap_or_default());
        text.retain(|byte| *byte != b'\'');
        return (text, true);
    }
    match default(content) {
        Some(text) => (ends(text), true),
        None => (Vec::new(), false),
    }
}

/// The text behind `lower:` (false) or `upper:` (true). A digit behind it is a part of a variable in a shell.
fn cases(content: &[u8]) -> Option<(bool, &[u8])> {
    let upper = starts_with(content, b"upper:");
    let text = content.get(6..).filter(|_| upper || starts_with(content, b"lower:"))?;
    (!matches!(text.first(), Some(b'0'..=b'9' | b'-' | b'=' | b'+' | b'?'))).then_some((upper, text))
}

/// The text behind the first `:-`.
fn default(content: &[u8]) -> Option<&[u8]> {
    memchr::memmem::find(content, b":-").and_then(|at| content.get(at + 2..))
}

fn ends(text: &[u8]) -> Vec<u8> {
    match (text.get(..KEPT_HEAD), text.len().checked_sub(KEPT_TAIL).and_then(|at| text.get(at..))) {
        (Some(head), Some(tail)) if text.len() > KEPT_HEAD + KEPT_TAIL => [head, tail].concat(),
        _ => text.to_vec(),
    }
}

fn replace(text: &mut Vec<u8>, from: &str, to: u8) {
    while let Some(at) = memchr::memmem::find(text, from.as_bytes()) {
        text.splice(at..at + from.len(), [to]);
    }
}

fn starts_with(text: &[u8], lower_case: &[u8]) -> bool {
    text.get(..lower_case.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower_case))
}
