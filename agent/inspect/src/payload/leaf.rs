//! One value of a message, and where it stands.

use std::ops::ControlFlow;

use crate::{byte_set::ByteSet, payload::json::unescape};

/// What a value is in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The name of a member, parameter or header.
    Key,
    /// The value of a member, parameter or header, or an element.
    Text,
    /// A message (or a string inside one) as a whole, because it has no structure or one that is broken.
    Whole,
}

/// One step into a message, as rules name parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// The member with this name, its escapes undone.
    Key(&'a [u8]),
    /// The element with this index, counted from 0.
    Index(usize),
}

impl<'a> Segment<'a> {
    /// The name; `None` for an index.
    pub(crate) const fn name(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Key(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

/// A value to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    /// The value, with the escapes of its envelope undone.
    pub(crate) value: &'a [u8],
    /// The kinds of bytes in the value.
    pub(crate) bytes: ByteSet,
    pub(crate) kind: Kind,
    /// The name of the innermost member, parameter or header, as it is written; empty if there is none. Of a key:
    /// the key.
    pub(crate) name: &'a [u8],
    /// Whether it stands in a structure that a string of the message contains.
    pub(crate) nested: bool,
    /// Whether the same value of the same kind and name was shown before in the same structure, and means the same
    /// here: a key with a `$` in front does not.
    pub(crate) repeated: bool,
    pub(crate) place: Place<'a>,
}

/// Something unusual about the form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anomaly {
    /// It begins like JSON and is malformed, or nested deeper than is followed.
    Json,
    /// It begins like XML and is malformed.
    Xml,
    /// It breaks the format that its sub-protocol or its beginning announces.
    Malformed,
    /// It holds compressed data.
    Compressed,
    /// A part of it is not looked at.
    Uninspected,
}

/// What the content of a message is shown to.
pub(crate) trait Visitor {
    /// Looks at one value; a break ends the walk.
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()>;

    /// Whether a value of a member, or the name of one, is known to need no look in a message itself; it counts as looked
    /// at then. A break ends the walk.
    fn passes(&mut self, _value: &[u8], _kind: Kind, _name: &[u8]) -> ControlFlow<(), bool> {
        ControlFlow::Continue(false)
    }

    /// Hears that something is unusual about the part of the message that `value` is, at `place`.
    fn anomaly(&mut self, anomaly: Anomaly, value: &[u8], place: Place<'_>);

    /// Whether [`value`](Self::value) is to be called.
    fn wants_values(&self) -> bool {
        false
    }

    /// Hears of each value once, as an application reads it: numbers, too, and neither names nor what is only a way
    /// to look at a value.
    fn value(&mut self, _value: &[u8], _place: Place<'_>) {}
}

/// Where a value stands. The text of it is only made for a finding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    outer: Option<&'a Place<'a>>,
    step: Step<'a>,
}

/// The way from the place outside to the one inside.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    /// The same.
    Whole,
    /// From a string to what was found in it by another round of decoding.
    Nested,
    /// To this byte of binary.
    Offset(usize),
    /// To a part with this name, such as the body of a STOMP frame.
    Part(&'a [u8]),
    /// To a header with this name.
    Header(&'a [u8]),
    /// Not in a message: a part of the handshake, with a name if there are several of the kind.
    Handshake { part: &'static str, name: &'a [u8] },
    /// Through `levels` of the structure of `text`, in whose names there may be escapes of JSON.
    Levels { text: &'a [u8], levels: &'a [Level], escapes: bool },
}

/// One level of nesting around a value. Ranges are those of the name, as written, in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The array element with this index; the name is that of the innermost member around it.
    Array { index: usize, name: (usize, usize) },
    /// A member.
    Object { key: (usize, usize) },
    /// A member with a number for a name.
    Number(u64),
    /// An element of XML.
    Element { name: (usize, usize) },
    /// An attribute of XML.
    Attribute { name: (usize, usize) },
}

/// The way to a value through the structure of the message itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline<'a> {
    text: &'a [u8],
    levels: &'a [Level],
    /// Whether there may be escapes of JSON in names.
    escapes: bool,
    /// The last name, which is that of the value, as it is written.
    pub(crate) name: &'a [u8],
    /// The length of the longest name, in bytes.
    pub(crate) longest_name: usize,
}

impl<'a> Outline<'a> {
    /// Whether the name is an escaped one, so that it is not what is written.
    #[inline]
    pub(crate) fn is_escaped(&self) -> bool {
        self.escapes && self.name.contains(&b'\\')
    }

    /// Whether one of the names is.
    pub(crate) fn has_escapes(&self) -> bool {
        self.escapes && self.inside_out().flatten().any(|name| name.contains(&b'\\'))
    }

    /// The [names](Segment::name) of the steps, from the value outwards.
    pub(crate) fn inside_out(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let (levels, text) = (self.levels, self.text);
        let segments = levels.iter().rev().filter_map(move |level| level.segment(text));
        segments.map(|segment| segment.name())
    }
}

/// Longest path, and longest key in it, in bytes.
const MAX_PATH: usize = 256;
const MAX_KEY: usize = 64;

/// The part of a handshake that names are of in any case.
const HEADER: &str = "header";

impl<'a> Place<'a> {
    /// The whole message.
    pub(crate) const ROOT: Place<'static> = Place { outer: None, step: Step::Whole };

    /// The path, a query parameter, a cookie or a header of the handshake.
    pub(crate) const fn handshake(part: &'static str, name: &'a [u8]) -> Self {
        Self { outer: None, step: Step::Handshake { part, name } }
    }

    /// What a string at `outer` holds once it is decoded.
    pub(crate) const fn nested_in(outer: &'a Place<'a>) -> Self {
        Self { outer: Some(outer), step: Step::Nested }
    }

    pub(super) const fn offset_in(outer: &'a Place<'a>, offset: usize) -> Self {
        Self { outer: Some(outer), step: Step::Offset(offset) }
    }

    pub(super) const fn part_of(outer: &'a Place<'a>, name: &'a [u8]) -> Self {
        Self { outer: Some(outer), step: Step::Part(name) }
    }

    pub(super) const fn header_of(outer: &'a Place<'a>, name: &'a [u8]) -> Self {
        Self { outer: Some(outer), step: Step::Header(name) }
    }

    pub(super) const fn levels_in(outer: &'a Place<'a>, text: &'a [u8], levels: &'a [Level]) -> Self {
        Self { outer: Some(outer), step: Step::Levels { text, levels, escapes: false } }
    }

    /// As [`levels_in`](Self::levels_in), in JSON, whose names may have escapes.
    pub(super) const fn json_in(
        outer: &'a Place<'a>,
        text: &'a [u8],
        levels: &'a [Level],
        escapes: bool,
    ) -> Self {
        Self { outer: Some(outer), step: Step::Levels { text, levels, escapes } }
    }

    /// Calls `act` with the way here as rules name it, names without escapes. What a string holds is no part of the
    /// way: there it ends at the string.
    pub(crate) fn with_path<T>(&self, act: impl FnOnce(&[Segment<'_>]) -> T) -> T {
        const FEW: usize = 16;
        // Most values: a few levels below the message itself, names without escapes.
        let mut short = [Segment::Index(0); 4];
        if let Some(len) = self.write_short_path(&mut short) {
            return act(short.get(..len).unwrap_or_default());
        }
        let mut names = Vec::new();
        self.collect_escaped(&mut names);
        let mut names = names.iter();
        let len = self.steps();
        if len <= FEW {
            let mut path = [Segment::Index(0); FEW];
            let mut free = path.iter_mut();
            self.write_path(&mut names, &mut |segment| {
                if let Some(free) = free.next() {
                    *free = segment;
                }
            });
            let left = free.len();
            return act(path.get(..FEW - left).unwrap_or_default());
        }
        let mut path = Vec::with_capacity(len);
        self.write_path(&mut names, &mut |segment| path.push(segment));
        act(&path)
    }

    /// Writes the path and returns its length; `None` if that takes more.
    fn write_short_path(&self, path: &mut [Segment<'a>]) -> Option<usize> {
        let Step::Levels { text, levels, escapes } = self.step else { return None };
        if self.outer.is_some_and(|outer| !matches!(outer.step, Step::Whole)) {
            return None;
        }
        let mut free = path.iter_mut();
        for level in levels {
            let segment = level.segment(text)?;
            if let Segment::Key(name) = segment
                && escapes
                && name.contains(&b'\\')
            {
                return None;
            }
            *free.next()? = segment;
        }
        Some(levels.len())
    }

    /// What rules look at before they ask for the [path](Self::with_path); `None` if that takes more than a look.
    #[inline]
    pub(crate) fn outline(&self) -> Option<Outline<'a>> {
        let Step::Levels { text, levels, escapes } = self.step else { return None };
        if self.outer.is_some_and(|outer| !matches!(outer.step, Step::Whole)) {
            return None;
        }
        let (mut last, mut longest_name) = ((0, 0), 0);
        for level in levels {
            match *level {
                Level::Object { key: NO_NAME } | Level::Array { .. } | Level::Number(_) => {}
                Level::Object { key: range }
                | Level::Element { name: range }
                | Level::Attribute { name: range } => {
                    last = range;
                    longest_name = longest_name.max(range.1.saturating_sub(range.0));
                }
            }
        }
        let name = text.get(last.0..last.1).unwrap_or_default();
        Some(Outline { text, levels, escapes, name, longest_name })
    }

    /// The string that this is found in, if it is in one.
    fn outside_string(&self) -> Option<&'a Place<'a>> {
        let (mut step, mut outer, mut found) = (self.step, self.outer, None);
        while let Some(place) = outer {
            if matches!(step, Step::Nested) {
                found = Some(place);
            }
            (step, outer) = (place.step, place.outer);
        }
        found
    }

    /// At most how many segments there are.
    fn steps(&self) -> usize {
        let own = match self.step {
            Step::Whole | Step::Nested | Step::Offset(_) => 0,
            Step::Part(_) | Step::Header(_) | Step::Handshake { .. } => 1,
            Step::Levels { levels, .. } => levels.len(),
        };
        own + self.outer.map_or(0, Place::steps)
    }

    /// The names that are not as they are written: with escapes, undone, and of headers of a handshake, in lower case.
    fn collect_escaped(&self, names: &mut Vec<Vec<u8>>) {
        if let Some(string) = self.outside_string() {
            return string.collect_escaped(names);
        }
        if let Some(outer) = self.outer {
            outer.collect_escaped(names);
        }
        match self.step {
            Step::Levels { text, levels, escapes: true } => {
                for name in levels.iter().filter_map(|level| level.escaped_name(text)) {
                    let mut undone = Vec::new();
                    unescape(name, &mut undone);
                    names.push(undone);
                }
            }
            Step::Handshake { part: HEADER, name } => names.push(name.to_ascii_lowercase()),
            Step::Levels { .. }
            | Step::Handshake { .. }
            | Step::Whole
            | Step::Nested
            | Step::Offset(_)
            | Step::Part(_)
            | Step::Header(_) => {}
        }
    }

    fn write_path<'n>(&self, names: &mut std::slice::Iter<'n, Vec<u8>>, write: &mut dyn FnMut(Segment<'n>))
    where
        'a: 'n,
    {
        if let Some(string) = self.outside_string() {
            return string.write_path(names, write);
        }
        if let Some(outer) = self.outer {
            outer.write_path(names, write);
        }
        match self.step {
            Step::Whole | Step::Nested | Step::Offset(_) => {}
            Step::Handshake { part: HEADER, .. } => {
                write(Segment::Key(names.next().map(Vec::as_slice).unwrap_or_default()));
            }
            Step::Handshake { name: b"", .. } => {}
            Step::Part(name) | Step::Header(name) | Step::Handshake { name, .. } => {
                write(Segment::Key(name));
            }
            Step::Levels { text, levels, escapes } => {
                for level in levels {
                    if escapes && level.escaped_name(text).is_some() {
                        write(Segment::Key(names.next().map(Vec::as_slice).unwrap_or_default()));
                    } else {
                        level.segment(text).into_iter().for_each(&mut *write);
                    }
                }
            }
        }
    }

    /// Of a key: the name of the member that holds the object it stands in, empty if that is the message itself.
    pub(crate) fn parent(&self) -> Option<&'a [u8]> {
        let Step::Levels { text, levels, .. } = self.step else { return None };
        let Some(outer) = levels.len().checked_sub(2).and_then(|index| levels.get(index)) else {
            return Some(b"");
        };
        let (Level::Object { key: (start, end) } | Level::Array { name: (start, end), .. }) = *outer else {
            return None;
        };
        text.get(start..end)
    }

    /// The path: `$.user.name`, `$.items[3]`, `$["odd key"]`, `$`, `$@17`, or `$.data.text -> $.user` for what a string
    /// holds. A few hundred bytes at most, printable.
    pub(crate) fn location(&self) -> String {
        let mut path = match self.outer {
            Some(outer) => outer.location(),
            None => String::from("$"),
        };
        match self.step {
            Step::Whole => {}
            Step::Handshake { part, name } => {
                path.clear();
                path.push_str(part);
                if !name.is_empty() {
                    push_key(&mut path, name);
                }
            }
            Step::Nested => path.push_str(" -> $"),
            Step::Offset(offset) => {
                path.push('@');
                path.push_str(&offset.to_string());
            }
            Step::Part(name) => push_key(&mut path, name),
            Step::Header(name) => {
                path.push_str(".headers");
                push_name(&mut path, name);
            }
            Step::Levels { text, levels, .. } => {
                let start = path.len();
                for level in levels {
                    if path.len() - start > MAX_PATH {
                        path.push('…');
                        break;
                    }
                    level.push_to(&mut path, text);
                }
            }
        }
        path
    }
}

impl Level {
    /// The name, if there are escapes in it.
    fn escaped_name<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let Self::Object { key: (start, end) } = *self else { return None };
        text.get(start..end).filter(|name| memchr::memchr(b'\\', name).is_some())
    }

    /// The segment, with its name as written; `None` for a member whose name is still to come.
    fn segment<'n>(&self, text: &'n [u8]) -> Option<Segment<'n>> {
        Some(match *self {
            Self::Object { key: NO_NAME } => return None,
            Self::Array { index, .. } => Segment::Index(index),
            Self::Number(number) => Segment::Index(usize::try_from(number).unwrap_or(usize::MAX)),
            Self::Object { key: (start, end) }
            | Self::Element { name: (start, end) }
            | Self::Attribute { name: (start, end) } => {
                Segment::Key(text.get(start..end).unwrap_or_default())
            }
        })
    }

    fn push_to(&self, path: &mut String, text: &[u8]) {
        let name = |(start, end): (usize, usize)| text.get(start..end).unwrap_or_default();
        match *self {
            Self::Array { index, .. } => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
            // The key is still to come.
            Self::Object { key: NO_NAME } => {}
            Self::Object { key } => push_key(path, name(key)),
            Self::Number(number) => {
                path.push('.');
                path.push_str(&number.to_string());
            }
            Self::Element { name: range } => push_name(path, name(range)),
            Self::Attribute { name: range } => {
                path.push_str(".@");
                path.push_str(&printable(name(range)));
            }
        }
    }
}

/// The range of a name that is not there.
pub(super) const NO_NAME: (usize, usize) = (usize::MAX, usize::MAX);

/// Appends a name in which dashes and colons are usual.
fn push_name(path: &mut String, raw: &[u8]) {
    if raw.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':')) {
        path.push('.');
        path.push_str(&printable(raw));
    } else {
        push_key(path, raw);
    }
}

/// Appends a key as it is written in the text, escapes included.
fn push_key(path: &mut String, raw: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !raw.is_empty()
        && raw.len() <= MAX_KEY
        && raw.iter().all(plain)
        && !raw.first().is_some_and(u8::is_ascii_digit)
    {
        path.push('.');
        path.push_str(&String::from_utf8_lossy(raw));
        return;
    }
    path.push_str("[\"");
    path.push_str(&printable(raw));
    path.push_str("\"]");
}

/// The beginning of a name, without what would disturb a log.
fn printable(raw: &[u8]) -> String {
    let mut out = String::new();
    let key = String::from_utf8_lossy(raw.get(..4 * MAX_KEY).unwrap_or(raw));
    for (taken, letter) in key.chars().enumerate() {
        if taken == MAX_KEY {
            out.push('…');
            break;
        }
        if letter.is_control() {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}
