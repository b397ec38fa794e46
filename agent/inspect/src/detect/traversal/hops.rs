//! Follows paths through a value, whatever dots and slashes are spelled like.

use crate::{
    decode::Step,
    detect::{
        Found, Strength, Value,
        traversal::{file, leaves::may_leave},
    },
};

/// A piece of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Dot,
    /// A dot in a spelling that only attacks have.
    OddDot,
    /// `?`, which stands for a dot in some lists.
    Wild,
    Slash,
    OddSlash,
    /// What some readers drop between dots and slash.
    Noise,
    Other,
    /// No part of a path.
    End,
}

/// Names do not repeat a letter so often.
const PADDED_NAME: usize = 100;

/// Names do not begin with so many dots.
const MANY_DOTS: usize = 6;

/// What is known of the path that is being followed.
struct Run {
    start: usize,
    hops: usize,
    /// `./` segments.
    selfs: usize,
    odd: bool,
    /// Segments that are names.
    names: usize,
    /// Whether the path begins with a slash and then leaves its folder, which is none.
    above_root: bool,
    /// Whether a name begins with many dots.
    dotted_name: bool,
    /// Whether there are slashes of both kinds side by side.
    mixed: bool,
    /// The byte that came last, and how often.
    last: u8,
    repeated: usize,
    /// Whether a name is padding.
    padded: bool,
    dots: usize,
    wilds: usize,
    noise: bool,
    /// Whether the segment has anything but dots.
    name: bool,
    path: Tail,
}

/// The end of a path, in lower case, with `/` only.
struct Tail {
    bytes: [u8; 256],
    len: usize,
}

impl Tail {
    fn push(&mut self, byte: u8) {
        if self.len == self.bytes.len() {
            let half = self.len / 2;
            self.bytes.copy_within(half.., 0);
            self.len -= half;
        }
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte.to_ascii_lowercase();
            self.len += 1;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.len..self.len + bytes.len()) {
            Some(free) => {
                free.copy_from_slice(bytes);
                free.make_ascii_lowercase();
                self.len += bytes.len();
            }
            None => bytes.iter().for_each(|byte| self.push(*byte)),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Reports steps out of a folder, and files that are asked for.
pub(super) fn examine(value: &Value<'_>, start: usize, alone: bool, found: &mut Found) {
    let bytes = value.bytes;
    let spaced = alone || is_spaced(bytes.get(start..).unwrap_or_default());
    // In a text only what leaves a folder counts.
    if !alone && !spaced && !may_leave(bytes.get(start..).unwrap_or_default()) {
        return;
    }
    let overlong = value.layers.contains(Step::Overlong);
    let hidden = value.layers.is_hiding();
    let mut run = Run::new(start);
    let mut at = start;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if run.name {
            let plain = rest.iter().take(PADDED_NAME).take_while(|byte| GOES_ON[usize::from(**byte)]).count();
            if plain > 0 {
                run.take_name(rest.get(..plain).unwrap_or_default());
                at += plain;
                continue;
            }
        }
        let (unit, len) = unit(rest, &run, spaced, overlong);
        if unit == Unit::End {
            run.finish(at, start, alone || spaced, hidden, found);
            if found.is_certain() {
                return;
            }
            run.restart(at + len);
        } else {
            run.take(unit, rest.first().copied().unwrap_or_default());
        }
        at += len;
    }
    run.finish(bytes.len(), start, alone || spaced, hidden, found);
}

/// Whether blanks are part of the path.
fn is_spaced(bytes: &[u8]) -> bool {
    let drive = matches!(bytes, [b'a'..=b'z' | b'A'..=b'Z', b':', b'\\' | b'/', ..] | [b'\\' | b'/', ..]);
    let has =
        |name: &[u8]| bytes.windows(name.len()).take(64).any(|window| window.eq_ignore_ascii_case(name));
    drive && bytes.len() < 256 && (has(b"program files") || has(b"documents and settings"))
}

impl Run {
    const fn new(start: usize) -> Self {
        Self {
            start,
            hops: 0,
            selfs: 0,
            odd: false,
            names: 0,
            above_root: false,
            dotted_name: false,
            mixed: false,
            last: 0,
            repeated: 0,
            padded: false,
            dots: 0,
            wilds: 0,
            noise: false,
            name: false,
            path: Tail { bytes: [0; 256], len: 0 },
        }
    }

    /// Begins another path, without clearing the memory of the last one.
    const fn restart(&mut self, start: usize) {
        self.start = start;
        (self.hops, self.selfs, self.names, self.dots, self.wilds) = (0, 0, 0, 0, 0);
        (self.odd, self.above_root, self.dotted_name, self.noise, self.name) =
            (false, false, false, false, false);
        (self.mixed, self.last, self.repeated, self.padded) = (false, 0, 0, false);
        self.path.len = 0;
    }

    fn take(&mut self, unit: Unit, byte: u8) {
        self.repeated = if byte == self.last { self.repeated + 1 } else { 0 };
        self.mixed |= matches!((self.last, byte), (b'/', b'\\') | (b'\\', b'/'));
        self.last = byte;
        match unit {
            Unit::Dot | Unit::OddDot => {
                self.dots += 1;
                self.odd |= unit == Unit::OddDot;
                self.path.push(b'.');
            }
            Unit::Wild => {
                self.wilds += 1;
                self.path.push(b'?');
            }
            Unit::Noise => self.noise = true,
            Unit::Other => {
                self.padded |= self.repeated >= PADDED_NAME;
                self.dotted_name |=
                    !self.name && self.dots >= MANY_DOTS && self.path.as_bytes().starts_with(b"/");
                self.name = true;
                self.path.push(byte);
            }
            Unit::Slash | Unit::OddSlash => {
                self.end_segment(unit == Unit::OddSlash);
                if self.path.as_bytes().last() != Some(&b'/') {
                    self.path.push(b'/');
                }
            }
            Unit::End => {}
        }
    }

    /// Takes at most [`PADDED_NAME`] bytes of a name that has begun.
    fn take_name(&mut self, bytes: &[u8]) {
        self.path.extend(bytes);
        let Some(&last) = bytes.last() else { return };
        let as_before = bytes.iter().take_while(|byte| **byte == self.last).count();
        self.padded |= self.repeated + as_before >= PADDED_NAME;
        self.repeated = if as_before == bytes.len() {
            self.repeated + as_before
        } else {
            bytes.iter().rev().take_while(|byte| **byte == last).count() - 1
        };
        self.last = last;
    }

    /// Counts the segment that ends here.
    fn end_segment(&mut self, odd_slash: bool) {
        if !self.name {
            if self.dots + self.wilds >= 2 {
                self.hops += 1;
                self.above_root |= self.names == 0 && self.path.as_bytes().starts_with(b"/");
                self.odd |= odd_slash || self.noise || self.wilds > 0 || self.dots > 2;
            } else if self.dots == 1 {
                self.selfs += 1;
                // `/./` is nothing.
                self.path.len = self.path.len.saturating_sub(1);
            }
        }
        self.names += usize::from(self.name);
        (self.dots, self.wilds, self.noise, self.name) = (0, 0, false, false);
    }

    /// Reports what the path was.
    fn finish(&mut self, end: usize, first: usize, alone: bool, hidden: bool, found: &mut Found) {
        // A word, as most are.
        if self.start != first && self.names + self.hops + self.selfs + self.dots + self.wilds == 0 {
            return;
        }
        let open = !self.name && self.dots + self.wilds >= 2;
        // `and so on/...`
        let ellipsis = self.dots > 2 && self.hops == 0;
        if open && !ellipsis && (self.path.len > self.dots || alone && self.odd) {
            self.end_segment(false);
        }
        let at = self.start..end;
        let path = self.path.as_bytes();
        if path.is_empty() {
            return;
        }
        let sensitive = path.contains(&b'/') && file(path, alone, self.hops, at.clone(), found)
            || alone
                && self.start == first
                && !path.contains(&b'/')
                && file(path, alone, 0, at.clone(), found);
        // Lists have placeholders.
        let odd = self.odd || hidden && self.hops > 0 || self.padded || path.ends_with(b"}");
        // A chain of URLs has steps of its own: a browser resolves them.
        match (alone, self.hops) {
            (_, 0) => {}
            (true, 1) if odd || self.above_root => {
                found.push("step out of a folder, disguised", Strength::Strong, at.clone())
            }
            (true, 1) => found.push("step out of a folder", Strength::Tag, at.clone()),
            (true, hops) if !odd && hops < 6 && !sensitive && is_asset(path) => {
                found.push("steps to a file of a project", Strength::Medium, at.clone());
            }
            (true, _) => found.push("steps out of a folder", Strength::Strong, at.clone()),
            (false, 2..) if odd => {
                found.push("steps out of a folder, disguised", Strength::Strong, at.clone())
            }
            (false, 6..) => found.push("many steps out of a folder", Strength::Strong, at.clone()),
            (false, 2..) => found.push("steps out of a folder, in a text", Strength::Tag, at.clone()),
            (false, _) => {}
        }
        if self.hops > 1 && (odd || self.hops > 3) && alone {
            found.push("many or disguised steps", Strength::Medium, at.clone());
        }
        let to_self =
            self.selfs > 0 && self.names == 0 && path.starts_with(b"/") && path.ends_with(b"{file}");
        if alone && (to_self || is_template(path)) {
            found.push("template of an attack list", Strength::Strong, at.clone());
        }
        if alone && self.dotted_name {
            found.push("many dots", Strength::Strong, at.clone());
        }
        if alone && self.padded && path.contains(&b'.') {
            found.push("padding, then dots", Strength::Strong, at.clone());
        }
        if alone && (self.selfs >= 5 || self.selfs >= 2 && self.mixed) {
            found.push("steps that go nowhere", Strength::Strong, at);
        }
    }
}

/// Whether a path is nothing but dots and slashes, whatever of `0x2e` is left of them, and the placeholder of a file or
/// one of those that lists look for: `/..{file}`, `....web-inf/web.xml`.
fn is_template(path: &[u8]) -> bool {
    const ENDS: [&[u8]; 6] =
        [b"{file}", b"web-inf/web.xml", b"web-infweb.xml", b"boot.ini", b"oot.ini", b"etcpasswd"];
    let Some(front) = ENDS.iter().find_map(|end| path.strip_suffix(*end)) else { return false };
    let dots = front.iter().filter(|byte| **byte == b'.').count();
    (dots > 1 || dots == 1 && front.contains(&b'/'))
        && front.iter().all(|byte| matches!(byte, b'.' | b'/' | b'?' | b'x' | b'0' | b'2' | b'e' | b'\\'))
        && !(front == b"./" && path.len() > 2)
}

/// The bytes that are part of a name behind its first byte, whatever follows them.
static GOES_ON: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'1';
    while byte < 0x7f {
        let means_something = matches!(
            byte,
            b'=' | b'?'
                | b'#'
                | b'&'
                | b'|'
                | b';'
                | b','
                | b'"'
                | b'\''
                | b'`'
                | b'('
                | b')'
                | b'<'
                | b'>'
                | b'\\'
        );
        table[byte as usize] = !means_something;
        byte += 1;
    }
    table[b'-' as usize] = true;
    table[b':' as usize] = true;
    table
};

/// Whether a path names a file of the kind that the source code of a project refers to.
fn is_asset(path: &[u8]) -> bool {
    const EXTENSIONS: [&[u8]; 26] = [
        b"js", b"mjs", b"cjs", b"ts", b"tsx", b"jsx", b"json", b"css", b"scss", b"less", b"vue", b"svelte",
        b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"woff2", b"md", b"rs", b"py", b"go", b"h", b"hpp",
        b"c",
    ];
    let extension = path.rsplit(|byte| matches!(byte, b'.' | b'/')).next().unwrap_or_default();
    EXTENSIONS.contains(&extension)
}

/// Reads one unit at the front of `rest`, which is not empty.
fn unit(rest: &[u8], run: &Run, spaced: bool, overlong: bool) -> (Unit, usize) {
    use Unit::{Dot, End, Noise, OddDot, OddSlash, Other, Slash, Wild};
    let dotted = !run.name && run.dots + run.wilds >= 2;
    let fresh = !run.name;
    match rest {
        [b'.', ..] => (Dot, 1),
        [b'/' | b'\\', ..] => (Slash, 1),
        [b'%', ..] => percent(rest, run),
        [b'0', b'x' | b'X', b'2', b'e' | b'E', ..] => (OddDot, 4),
        [b'0', b'x' | b'X', b'2', b'f' | b'F', ..] | [b'0', b'x' | b'X', b'5', b'c' | b'C', ..] => {
            (OddSlash, 4)
        }
        [b'2', b'f' | b'F', ..] | [b'5', b'c' | b'C', ..] if dotted => (OddSlash, 2),
        // `C1 AF` is an `o`, and a slash in lists.
        [b'o', ..] if overlong && dotted => (OddSlash, 1),
        // What is left of second bytes that are none: `%c0%5e`, `%c0%fe`, `%c0%9v`, `%c1%pc`.
        [0xc0 | 0xc1, b'^' | 0xfe, ..] => (OddDot, 2),
        [0xc0 | 0xc1, b'%', _, _, ..] => (OddSlash, 4),
        [b'?', ..] if fresh => (Wild, 1),
        [0 | 1 | b';', ..] if fresh && run.dots > 0 => (Noise, 1),
        [b' ', ..] if spaced => (Other, 1),
        [
            b'=' | b'?' | b'#' | b'&' | b'|' | b';' | b',' | b'"' | b'\'' | b'`' | b'(' | b')' | b'<' | b'>',
            ..,
        ] => (End, 1),
        [0..=b' ', ..] => (End, 1),
        _ => (Other, 1),
    }
}

/// Reads what begins with `%`: in a value that stands as it is, or what a round of decoding left.
fn percent(rest: &[u8], run: &Run) -> (Unit, usize) {
    use Unit::{End, Noise, OddDot, OddSlash, Other};
    let lower = |at: usize| rest.get(at).map(u8::to_ascii_lowercase);
    match (lower(1), lower(2), lower(3)) {
        (Some(b'2'), Some(b'e'), _) => (OddDot, 3),
        (Some(b'2'), Some(b'%'), Some(b'e')) => (OddDot, 4),
        (Some(b'2'), Some(b'f'), _) | (Some(b'5'), Some(b'c'), _) => (OddSlash, 3),
        (Some(b'2'), Some(b'%'), Some(b'f')) | (Some(b'5'), Some(b'%'), Some(b'c')) => (OddSlash, 4),
        (Some(b'b'), Some(b'g'), Some(b'%')) => (OddSlash, 6.min(rest.len())),
        (Some(b'c'), Some(b'1'), Some(b'%')) if (lower(4), lower(5)) == (Some(b'a'), Some(b'f')) => {
            (OddSlash, 6)
        }
        (Some(b'0'), Some(b'0' | b'1'), _) if !run.name && run.dots > 0 => (Noise, 3),
        (Some(b'0'), Some(b'0' | b'a' | b'd'), _) | (Some(b'2'), Some(b'0' | b'2' | b'7'), _) => (End, 3),
        _ if !run.name => (Noise, 1),
        _ => (Other, 1),
    }
}
