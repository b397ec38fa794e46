//! Which parameters of a message are meant: `action`, `user.roles.*`, `$.items.*.id`.

use std::fmt;

pub use crate::payload::Segment;

/// A pattern for the path of a parameter.
///
/// Its parts must be the last of the path; one that begins with `$` begins at the root. `*` is any one part, `**` any
/// number. An index may be left out: the elements of a list bear its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParamPattern {
    text: String,
    rooted: bool,
    parts: Box<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(Box<[u8]>, Option<usize>),
    Any,
    Deep,
}

/// Which leaves a pattern has to be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor<'a> {
    /// Those with this name; all of them match.
    Name(&'a [u8]),
    /// Those with this name.
    Last(&'a [u8]),
    /// Those with this name in their path.
    Inner(&'a [u8]),
    /// All.
    None,
}

/// Longest pattern, in parts: they are bits of a `u32`.
const MAX_PARTS: usize = 24;

impl ParamPattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (rooted, rest) = match text.strip_prefix('$') {
            Some(rest) => match rest.strip_prefix('.') {
                Some(rest) => (true, rest),
                None if rest.is_empty() => {
                    return Err("`$` alone is the whole message: use `field = \"text\"`".to_owned());
                }
                None => (false, text),
            },
            None => (false, text),
        };
        let mut parts = Vec::new();
        let mut rest = Some(rest);
        while let Some(text) = rest {
            let (part, after) = part(text)?;
            parts.push(part);
            rest = after;
        }
        if parts.len() > MAX_PARTS {
            return Err(format!("a path has at most {MAX_PARTS} parts, this has {}", parts.len()));
        }
        Ok(Self { text: text.to_owned(), rooted, parts: parts.into() })
    }

    /// The pattern for all parameters with a name.
    pub(super) fn named(name: &[u8]) -> Self {
        // No pattern that is written begins with a dot.
        let text = format!(".{:?}", String::from_utf8_lossy(name));
        Self { text, rooted: false, parts: [Part::Key(name.into(), None)].into() }
    }

    /// By what the leaves that may match are found.
    pub(super) fn anchor(&self) -> Anchor<'_> {
        let name = |part: &Part| matches!(part, Part::Key(_, None));
        match &*self.parts {
            [Part::Key(key, None)] if !self.rooted => return Anchor::Name(key),
            [.., Part::Key(key, None)] => return Anchor::Last(key),
            _ => {}
        }
        match self.parts.iter().rfind(|part| name(part)) {
            Some(Part::Key(key, _)) => Anchor::Inner(key),
            Some(Part::Any | Part::Deep) | None => Anchor::None,
        }
    }

    /// Whether the parameter at this path is meant. Time is linear in the length of the path.
    pub(super) fn matches(&self, path: &[Segment<'_>]) -> bool {
        // Bit n: the first n parts stand for the path so far.
        let mut states = self.skip_deep(1);
        for segment in path {
            let mut next = if self.rooted { 0 } else { 1 };
            if matches!(segment, Segment::Index(_)) {
                next |= states;
            }
            for (at, part) in self.parts.iter().enumerate() {
                if states & (1 << at) == 0 {
                    continue;
                }
                let (goes_on, stays) = match (part, segment) {
                    (Part::Key(key, _), Segment::Key(name)) => (**key == **name, false),
                    (Part::Key(_, index), Segment::Index(other)) => (*index == Some(*other), false),
                    (Part::Any, _) => (true, false),
                    (Part::Deep, _) => (true, true),
                };
                next |= u32::from(goes_on) << (at + 1) | u32::from(stays) << at;
            }
            states = self.skip_deep(next);
        }
        states & (1 << self.parts.len()) != 0
    }

    /// `**` stands for nothing, too.
    fn skip_deep(&self, mut states: u32) -> u32 {
        for (at, part) in self.parts.iter().enumerate() {
            if *part == Part::Deep && states & (1 << at) != 0 {
                states |= 1 << (at + 1);
            }
        }
        states
    }
}

impl fmt::Display for ParamPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The first part of a pattern, and what stands behind its dot.
fn part(text: &str) -> Result<(Part, Option<&str>), String> {
    if let Some(quoted) = text.strip_prefix('"') {
        let Some((name, after)) = quoted.split_once('"') else {
            return Err("a name in quotation marks has no end".to_owned());
        };
        let after = match after.strip_prefix('.') {
            Some(after) => Some(after),
            None if after.is_empty() => None,
            None => return Err("after a name in quotation marks there must be a dot".to_owned()),
        };
        return Ok((Part::Key(name.as_bytes().into(), None), after));
    }
    let (name, after) = match text.split_once('.') {
        Some((name, after)) => (name, Some(after)),
        None => (text, None),
    };
    let part = match name {
        "" => return Err("a part of the path is empty".to_owned()),
        "*" => Part::Any,
        "**" => Part::Deep,
        _ if name.contains('*') => {
            return Err(format!(
                "`*` stands for a whole part of the path; for names like {name:?} use `some = \"param\"`"
            ));
        }
        _ if name.contains(['[', ']']) => {
            return Err(format!("an index is a part of its own, as in `items.3.id`, not {name:?}"));
        }
        _ => {
            let index = name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok()).flatten();
            Part::Key(name.as_bytes().into(), index)
        }
    };
    Ok((part, after))
}

/// How much of a name, and about how much of a path, is looked at, in bytes.
pub(super) const MAX_PATH: usize = 1024;

/// Appends `user.roles.0`, at most about [`MAX_PATH`] of it.
pub(super) fn write_path(path: &[Segment<'_>], out: &mut Vec<u8>) {
    for segment in path {
        if out.len() > MAX_PATH {
            return;
        }
        if !out.is_empty() {
            out.push(b'.');
        }
        match segment {
            Segment::Key(name) => out.extend_from_slice(name.get(..MAX_PATH).unwrap_or(name)),
            Segment::Index(index) => out.extend_from_slice(index.to_string().as_bytes()),
        }
    }
}

/// Most digits of an index.
pub(super) const MAX_DIGITS: usize = 20;

/// Whether a part of what [`write_path`] writes may be of more than one segment, or of an index.
pub(super) fn spans_segments(text: &[u8]) -> bool {
    text.contains(&b'.') || text.iter().all(u8::is_ascii_digit)
}

/// The name of a parameter: that of the innermost member around it.
pub(super) fn name_of<'a>(path: &[Segment<'a>]) -> &'a [u8] {
    path.iter()
        .rev()
        .find_map(|segment| match segment {
            Segment::Key(name) => Some(*name),
            Segment::Index(_) => None,
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `user.#0.x`: with indexes marked.
    fn path(text: &str) -> Vec<Segment<'_>> {
        let segment = |part: &'static str| part;
        let _ = segment;
        text.split('.')
            .filter(|part| !part.is_empty())
            .map(|part| match part.strip_prefix('#') {
                Some(index) => Segment::Index(index.parse().expect("an index")),
                None => Segment::Key(part.as_bytes()),
            })
            .collect()
    }

    fn matches(pattern: &str, text: &str) -> bool {
        ParamPattern::parse(pattern).expect(pattern).matches(&path(text))
    }

    #[test]
    fn a_name_is_found_at_any_depth() {
        for text in ["action", "a.action", "a.#3.action", "action.#0", "action.#0.#1"] {
            assert!(matches("action", text), "{text}");
        }
        for text in ["", "actions", "action.x", "Action", "#0"] {
            assert!(!matches("action", text), "{text}");
        }
    }

    #[test]
    fn a_path_is_its_last_parts_or_begins_at_the_root() {
        assert!(matches("user.name", "user.name") && matches("user.name", "x.user.name"));
        assert!(matches("user.name", "user.#0.name") && !matches("user.name", "user.x.name"));
        assert!(matches("$.user.name", "user.name") && !matches("$.user.name", "x.user.name"));
        assert!(matches("$.user.name", "#1.user.name"), "an index may be left out at the root, too");
    }

    #[test]
    fn wildcards_stand_for_parts() {
        assert!(matches("user.roles.*", "user.roles.#2") && matches("user.roles.*", "user.roles.x"));
        assert!(!matches("user.roles.*", "user.roles") && !matches("user.roles.*", "user.roles.x.y"));
        assert!(
            matches("user.**", "user") && matches("user.**", "a.user.b.#0.c") && !matches("user.**", "x.y")
        );
        assert!(matches("a.**.z", "a.z") && matches("a.**.z", "a.b.c.z") && !matches("a.**.z", "b.z"));
        assert!(matches("items.3.id", "items.#3.id") && matches("items.3.id", "items.3.id"));
        assert!(!matches("items.3.id", "items.#4.id"));
        assert!(matches("*", "x") && matches("*", "#0") && !matches("*", ""));
        assert!(matches("**", "") && matches("**", "a.b"));
        assert!(matches("$.*.x", "a.x") && !matches("$.*.x", "a.b.x"));
    }

    #[test]
    fn names_with_dots_stand_in_quotation_marks() {
        let pattern = ParamPattern::parse("a.\"b.c\".d").unwrap();
        assert!(pattern.matches(&[Segment::Key(b"a"), Segment::Key(b"b.c"), Segment::Key(b"d")]));
        assert!(ParamPattern::parse("\"*\"").unwrap().matches(&[Segment::Key(b"*")]));
    }

    #[test]
    fn refuses_what_is_no_path() {
        for text in
            ["", ".", "a.", ".a", "a..b", "$", "$.", "a*", "items[3]", "\"a", "\"a\"b", &"a.".repeat(40)]
        {
            assert!(ParamPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn anchors_never_lose_a_match() {
        assert_eq!(ParamPattern::parse("a").unwrap().anchor(), Anchor::Name(b"a"));
        assert_eq!(ParamPattern::parse("$.a").unwrap().anchor(), Anchor::Last(b"a"));
        assert_eq!(ParamPattern::parse("a.*").unwrap().anchor(), Anchor::Inner(b"a"));
        assert_eq!(ParamPattern::parse("a.3").unwrap().anchor(), Anchor::Inner(b"a"));
        assert_eq!(ParamPattern::parse("**").unwrap().anchor(), Anchor::None);
        assert_eq!(ParamPattern::parse("3").unwrap().anchor(), Anchor::None);
    }
}
