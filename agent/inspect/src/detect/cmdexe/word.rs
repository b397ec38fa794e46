//! Reads one word as a shell would, through the quoting that takes it apart.

use std::ops::Range;

/// A word of a command line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    name: [u8; Self::LONGEST],
    len: usize,
    /// Longer than any name of a command.
    pub(super) long: bool,
    /// Quotes, backslashes, empty variables or `^` within it: `c''at`, `c\at`, `c$@at`.
    pub(super) tricks: u32,
    /// It has a `/`; the name is what follows the last one.
    pub(super) is_path: bool,
    /// It has `?`, `*` or `[`.
    pub(super) is_glob: bool,
    /// It begins with `{`, and a `,` follows it: `{cat,/etc/passwd}`.
    pub(super) is_brace: bool,
    /// It begins with a variable: `$a`.
    pub(super) is_variable: bool,
    /// `${IFS}` stands at its end.
    pub(super) is_ended_by_ifs: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Word {
    const LONGEST: usize = 32;
    /// As far as a word is read, its folder and quoting included.
    const FARTHEST: usize = 256;

    /// The name in lower case: without its folder, its quoting and `.exe`.
    pub(super) fn name(&self) -> &[u8] {
        let name = self.name.get(..self.len).unwrap_or_default();
        for suffix in [b".exe", b".com", b".bat"] {
            if let Some(stem) = name.strip_suffix(suffix) {
                return stem;
            }
        }
        name
    }

    pub(super) const fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Reads the word that begins at `start`. Reads no byte behind the end of the word but one `}`.
    pub(super) fn read(value: &[u8], start: usize) -> Self {
        let mut word = Self { start, ..Self::default() };
        let mut tricks = 0;
        let mut ansi_c = false;
        let mut is_windows = false;
        let mut quotes = 0;
        let mut at = start;
        while let Some(&byte) = value.get(at) {
            if at - start > Self::FARTHEST {
                word.long = true;
                break;
            }
            let rest = value.get(at + 1..).unwrap_or_default();
            if is_plain(byte) {
                let room = Self::FARTHEST - (at - start);
                let more = rest.iter().take(room).take_while(|byte| is_plain(**byte)).count();
                word.extend(value.get(at..at + 1 + more).unwrap_or_default(), &mut tricks);
                at += 1 + more;
                continue;
            }
            let next = rest.first().copied();
            match byte {
                b' ' | b'\t'..=b'\r' | b';' | b'|' | b'&' | b')' | b'(' | b'}' | b'+' => break,
                b'<' | b'>' if rest.starts_with(b"()") => {
                    word.empty();
                    at += 3;
                    continue;
                }
                b'<' | b'>' => break,
                b'`' if next == Some(b'`') => {
                    word.empty();
                    at += 2;
                    continue;
                }
                b'`' => break,
                b'\'' | b'"' => {
                    tricks += 1;
                    quotes ^= u32::from(byte);
                }
                b'^' => tricks += 1,
                b'\\' => match (next, ansi_c.then(|| ansi_c_byte(rest)).flatten()) {
                    (_, Some((decoded, len))) => {
                        word.push(decoded, &mut tricks);
                        tricks += 1;
                        at += 1 + len;
                        continue;
                    }
                    _ if is_windows || word.is_drive() => {
                        is_windows = true;
                        word.enter_folder(&mut tricks);
                    }
                    (Some(b'\n'), _) => {
                        tricks += 1;
                        at += 2;
                        continue;
                    }
                    // `\u0041` is no shell's.
                    (Some(b'u'), _)
                        if rest.get(1..5).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) => {}
                    (Some(letter), _) if letter.is_ascii_alphanumeric() => tricks += 1,
                    _ => {}
                },
                b'$' => match next {
                    Some(b'\'') => {
                        ansi_c = true;
                        at += 2;
                        continue;
                    }
                    Some(b'(') if rest.get(1) == Some(&b')') => {
                        word.empty();
                        at += 3;
                        continue;
                    }
                    Some(b'(') => break,
                    Some(b'@' | b'*' | b'!' | b'?' | b'-' | b'$' | b'#' | b'_' | b'0'..=b'9') => {
                        word.empty();
                        at += 2;
                        continue;
                    }
                    Some(b'{') => {
                        let close = rest.iter().take(24).position(|&byte| byte == b'}');
                        let Some(close) = close else { break };
                        let inside = rest.get(1..close).unwrap_or_default();
                        if inside.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"ifs")) {
                            word.is_ended_by_ifs = true;
                            break;
                        }
                        word.is_variable |= word.len == 0 && !word.is_path;
                        word.empty();
                        at += close + 2;
                        continue;
                    }
                    Some(letter) if letter.is_ascii_alphabetic() => {
                        if rest.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"ifs")) {
                            word.is_ended_by_ifs = true;
                            break;
                        }
                        word.is_variable |= word.len == 0 && !word.is_path;
                        word.empty();
                        at += 1 + rest.iter().take_while(|byte| is_name(**byte)).count();
                        continue;
                    }
                    _ => word.push(byte, &mut tricks),
                },
                b'{' if word.len == 0 => word.is_brace = true,
                b'{' => break,
                b',' if word.is_brace => break,
                b'/' => word.enter_folder(&mut tricks),
                b'@' if at == start => {}
                _ => {
                    word.is_glob |= matches!(byte, b'?' | b'*' | b'[');
                    word.push(byte, &mut tricks);
                }
            }
            at += 1;
        }
        word.end = at;
        if quotes != 0 {
            // An apostrophe: `I'd`.
            word.tricks = 0;
        }
        word.is_brace &= value.get(at) == Some(&b',');
        word
    }

    /// `C:`
    fn is_drive(&self) -> bool {
        self.len == 2 && self.name.get(1) == Some(&b':')
    }

    fn enter_folder(&mut self, tricks: &mut u32) {
        self.count(tricks);
        self.is_path = true;
        self.long = false;
        self.len = 0;
    }

    /// Takes note of what stands for nothing: honest commands have none of it, not even at their end.
    fn empty(&mut self) {
        self.tricks += u32::from(self.len > 0 || self.is_path);
    }

    /// Counts what stands within the word; quotes around it are no tricks.
    fn count(&mut self, tricks: &mut u32) {
        if self.len > 0 || self.is_path {
            self.tricks += *tricks;
        }
        *tricks = 0;
    }

    fn push(&mut self, byte: u8, tricks: &mut u32) {
        self.count(tricks);
        match self.name.get_mut(self.len) {
            Some(slot) => {
                *slot = byte.to_ascii_lowercase();
                self.len += 1;
            }
            None => self.long = true,
        }
    }

    /// The same as [`push`](Self::push) of each byte.
    fn extend(&mut self, bytes: &[u8], tricks: &mut u32) {
        self.count(tricks);
        let fitting = bytes.len().min(Self::LONGEST - self.len);
        self.long |= fitting < bytes.len();
        for (slot, byte) in self.name.iter_mut().skip(self.len).zip(bytes) {
            *slot = byte.to_ascii_lowercase();
        }
        self.len += fitting;
    }

    /// Whether the name, read as a pattern, is one of a file that holds passwords.
    pub(super) fn names_password_file(&self) -> bool {
        let name = self.name();
        self.is_path && !self.long && name.len() > 1 && {
            let literal = name.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
            literal > 1
                && [&b"passwd"[..], b"shadow", b"passwd-", b"sudoers"].iter().any(|file| glob(name, file))
        }
    }
}

/// Whether a byte stands for itself and nothing else.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':')
}

/// Whether a shell pattern (`?`, `*`, `[...]` as any one byte) stands for a name of at most a few bytes.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', after)) => {
            (0..=name.len()).any(|skip| glob_tail(after, name.get(skip..).unwrap_or_default()))
        }
        Some((b'[', after)) => {
            let close = after.iter().position(|&byte| byte == b']').unwrap_or(after.len());
            !name.is_empty()
                && glob(after.get(close + 1..).unwrap_or_default(), name.get(1..).unwrap_or_default())
        }
        Some((byte, after)) => name
            .split_first()
            .is_some_and(|(first, rest)| (*byte == b'?' || byte == first) && glob(after, rest)),
    }
}

/// Behind a first `*` one more is enough, which bounds the work.
fn glob_tail(pattern: &[u8], name: &[u8]) -> bool {
    let stars = pattern.iter().filter(|byte| **byte == b'*').count();
    stars <= 1 && glob(pattern, name)
}

/// The byte that an escape of `$'...'` stands for, and its length behind the backslash.
fn ansi_c_byte(rest: &[u8]) -> Option<(u8, usize)> {
    let digit = |at: usize, radix| char::from(*rest.get(at)?).to_digit(radix);
    match rest.first()? {
        b'x' => match (digit(1, 16)?, digit(2, 16)) {
            (high, Some(low)) => Some((u8::try_from(high * 16 + low).ok()?, 3)),
            (low, None) => Some((u8::try_from(low).ok()?, 2)),
        },
        b'0'..=b'3' => {
            let (a, b, c) = (digit(0, 8)?, digit(1, 8)?, digit(2, 8)?);
            Some((u8::try_from(a * 64 + b * 8 + c).ok()?, 3))
        }
        _ => None,
    }
}

/// A byte of the name of a variable.
pub(super) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        String::from_utf8_lossy(Word::read(text.as_bytes(), 0).name()).into_owned()
    }

    #[test]
    fn reads_through_quoting() {
        for text in [
            "cat /etc",
            "c''at",
            "c\"\"at x",
            "c\\at",
            "'c'at",
            "c$@at",
            "c$1at",
            "c${x}at",
            "c$()at",
            "c``at",
            "c^at",
            "/bin/c'a't",
            "CAT",
            "cat.exe",
            "$'\\x63at'",
            "$'\\143'at",
            "{cat,x}",
            "cat${IFS}x",
            "cat$IFS$9x",
            "cat<x",
            "cat$u",
            "c<()at",
        ] {
            assert_eq!(name(text), "cat", "{text}");
        }
    }

    #[test]
    fn counts_only_quoting_inside_the_word() {
        for plain in ["cat", "'cat'", "\"cat\"", "cat'", "c'at", "'/bin/cat'"] {
            assert_eq!(Word::read(plain.as_bytes(), 0).tricks, 0, "{plain}");
        }
        for taken_apart in ["c''at", "cat$u", "cat``", "c\\at", "/b'i'n/cat"] {
            assert!(Word::read(taken_apart.as_bytes(), 0).tricks > 0, "{taken_apart}");
        }
    }

    #[test]
    fn knows_password_files_by_pattern() {
        for file in ["/etc/passwd", "/e?c/p?sswd", "/etc/pass*", "/e't'c/pa'ss'wd", "/etc/sh[a]dow"] {
            assert!(Word::read(file.as_bytes(), 0).names_password_file(), "{file}");
        }
        for other in ["passwd", "/etc/*", "/etc/hosts", "/p"] {
            assert!(!Word::read(other.as_bytes(), 0).names_password_file(), "{other}");
        }
    }
}
