//! Prototype pollution: names that lead from an object to what all objects share.

use crate::detect::{
    Found, Strength,
    Strength::{Certain, Strong, Tag},
    mark::{Mark, Site, anywhere, is_word, mark},
};

pub(super) static MARKS: &[Mark] = &[
    mark("__proto__", "prototype in a parameter's name", Certain, is_parameter),
    mark("__proto__", "prototype of an object is changed", Strong, is_assigned),
    mark("\"__proto__\"", "prototype as a member", Certain, is_member),
    mark("'__proto__'", "prototype as a member", Strong, is_member),
    mark("\"__proto__.", "prototype as a member", Certain, anywhere),
    mark("constructor[prototype]", "prototype in a parameter's name", Certain, anywhere),
    mark("[constructor][prototype]", "prototype in a parameter's name", Certain, anywhere),
    mark("constructor.prototype.", "prototype of an object is changed", Strong, is_assigned),
    mark("constructor.prototype[", "prototype of an object is changed", Strong, is_assigned),
    mark("\"constructor\"", "prototype as a member", Certain, has_prototype),
    mark("\"constructor\"", "constructor as a member", Tag, is_member),
    mark("\"constructor.prototype", "prototype as a member", Certain, anywhere),
    mark("['constructor']['prototype']", "prototype of an object is changed", Strong, is_assigned),
    mark("[\"constructor\"][\"prototype\"]", "prototype of an object is changed", Strong, is_assigned),
];

/// Judges the name of a member, a parameter or a header. JSON's writers emit none of these.
pub(super) fn examine_key(key: &[u8], found: &mut Found) {
    let all = 0..key.len();
    match key {
        name if name.eq_ignore_ascii_case(b"__proto__") => {
            found.push("prototype as a member", Strength::Certain, all);
        }
        // `constructor` alone is an ordinary word (in motor racing, for instance); both in one message are not.
        b"constructor" => found.push("constructor as a member", Strength::Tag, all),
        b"prototype" => found.push("prototype of a constructor as a member", Strength::Medium, all),
        _ => {
            for name in [&b"__proto__"[..], b"constructor.prototype", b"constructor[prototype]"] {
                if let Some(at) = key.windows(name.len()).position(|part| part.eq_ignore_ascii_case(name)) {
                    let end = at + name.len();
                    let apart = |byte: Option<&u8>| !byte.is_some_and(|&byte| is_word(byte));
                    let goes_on = matches!(key.get(end), None | Some(b'.' | b'[' | b']'));
                    if goes_on && apart(at.checked_sub(1).and_then(|at| key.get(at))) {
                        found.push("prototype in a parameter's name", Strength::Certain, at..end);
                    }
                }
            }
        }
    }
}

/// `__proto__[x]=y`, `a[__proto__][b]=c`, `?__proto__.x=y` as in a query or a fragment: no blanks, and a value.
fn is_parameter(site: &Site<'_>) -> bool {
    let before = site.before();
    let starts = match before.last() {
        None => true,
        Some(b'?' | b'&' | b'#' | b'[') => true,
        Some(_) => false,
    };
    let after = site.after();
    let path = after
        .iter()
        .take_while(|byte| is_word(**byte) || matches!(byte, b'[' | b']' | b'.' | b'-' | b':'))
        .count();
    let continues = match after.first() {
        Some(b'[' | b'.') => true,
        Some(b']') => path > 0,
        _ => false,
    };
    starts
        && continues
        && after.get(path) == Some(&b'=')
        && !after.get(path + 1).is_some_and(|byte| matches!(byte, b'=' | b' '))
}

/// `x.__proto__.y = z`, `Object.__proto__["y"] = z`: a property of the prototype is set, and a call does not come first.
fn is_assigned(site: &Site<'_>) -> bool {
    let after = site.after();
    let is_path = |byte: &&u8| is_word(**byte) || matches!(byte, b'[' | b']' | b'.' | b'\'' | b'"');
    let path = after.iter().take_while(is_path).count();
    let rest = after.get(path..).unwrap_or_default().trim_ascii_start();
    let property = path > 1 || site.text().ends_with(b".") || site.text().ends_with(b"[");
    property
        && matches!(rest, [b'=', next, ..] if *next != b'=')
        && matches!(site.before().last(), None | Some(b'.' | b'[' | b'\'' | b'"'))
        || property
            && matches!(rest, [b'=', next, ..] if *next != b'=')
            && is_word(*site.before().last().unwrap_or(&b' '))
            && !site.text().starts_with(b"__")
}

/// A quoted name with a colon after it.
fn is_member(site: &Site<'_>) -> bool {
    site.after().trim_ascii_start().first() == Some(&b':')
}

/// `"constructor": {"prototype"`.
fn has_prototype(site: &Site<'_>) -> bool {
    is_member(site) && memchr::memmem::find(site.after(), b"\"prototype\"").is_some()
}
