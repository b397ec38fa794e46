//! Wildcards: `/admin/*`, `*.example.org`, `user-??`.

use memchr::memmem;

/// A pattern that stands for a whole text: `*` is any run of bytes, `?` any one character, `\` takes the next as it is.
///
/// Matching takes time linear in the length of the text: a piece between two stars is taken where it stands first.
/// (Patterns with `?` become regexes.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Like {
    /// What stands between stars, the first and the last possibly empty.
    pieces: Box<[Box<[u8]>]>,
}

/// What a pattern is made into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LikeForm {
    Pieces(Like),
    /// It has a `?`, or letters beyond ASCII that are to be compared in any case.
    Regex(String),
}

impl Like {
    /// Reads a pattern; `fold` if case does not matter.
    pub(super) fn parse(text: &str, fold: bool) -> Result<LikeForm, String> {
        if text.is_empty() {
            return Err("an empty pattern; use `equals = \"\"`".to_owned());
        }
        let mut regex = String::from("(?s)\\A");
        let mut pieces = vec![String::new()];
        let mut plain = !fold || text.is_ascii();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '*' => {
                    regex.push_str("(?s-u:.*)");
                    pieces.push(String::new());
                    continue;
                }
                '?' => {
                    regex.push('.');
                    plain = false;
                    continue;
                }
                _ => {}
            }
            let literal = if letter == '\\' {
                letters
                    .next()
                    .ok_or("the pattern ends with a `\\`, which takes the next character as it is")?
            } else {
                letter
            };
            regex.push_str(&regex_syntax::escape(literal.encode_utf8(&mut [0; 4])));
            if let Some(last) = pieces.last_mut() {
                last.push(literal);
            }
        }
        regex.push_str("\\z");
        if !plain {
            return Ok(LikeForm::Regex(regex));
        }
        let ends = pieces.len() - 1;
        let pieces = pieces
            .into_iter()
            .enumerate()
            .filter(|(at, piece)| *at == 0 || *at == ends || !piece.is_empty())
            .map(|(_, piece)| if fold { piece.to_ascii_lowercase() } else { piece })
            .map(|piece| piece.into_bytes().into_boxed_slice())
            .collect();
        Ok(LikeForm::Pieces(Self { pieces }))
    }

    /// Whether the whole of `value` is like this; if case does not matter, `value` must be in lower case.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let (first, middle, last) = match &*self.pieces {
            [] => return value.is_empty(),
            [only] => return value == &**only,
            [first, middle @ .., last] => (first, middle, last),
        };
        let Some(rest) = value.strip_prefix(&**first) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**last) else { return false };
        for piece in middle {
            let Some(at) = memmem::find(rest, piece) else { return false };
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
        true
    }

    /// The longest piece that must stand in the value; empty if there is none.
    pub(super) fn literal(&self) -> &[u8] {
        self.pieces.iter().max_by_key(|piece| piece.len()).map_or(&[], |piece| piece)
    }

    /// The text, if there is no star.
    pub(super) fn exact(&self) -> Option<&[u8]> {
        if let [only] = &*self.pieces { Some(only) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        match Like::parse(pattern, false).expect(pattern) {
            LikeForm::Pieces(like) => like.matches(value.as_bytes()),
            LikeForm::Regex(regex) => regex::bytes::Regex::new(&regex).unwrap().is_match(value.as_bytes()),
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, value) in [
            ("/admin/*", "/admin/"),
            ("/admin/*", "/admin/a/b\nc"),
            ("*.example.org", "a.b.example.org"),
            ("*x*", "x"),
            ("a*b*c", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("*", ""),
            ("**", "x"),
            ("user-??", "user-ab"),
            ("user-??*", "user-äöü"),
            ("a\\*b\\?\\\\", "a*b?\\"),
            ("exact", "exact"),
        ] {
            assert!(matches(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in [
            ("/admin/*", "/admin"),
            ("*.example.org", "example.org"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("ab*bc", "abc"),
            ("user-??", "user-a"),
            ("exact", "exactly"),
            ("a\\*b", "axb"),
            ("*a*a*", "a"),
        ] {
            assert!(!matches(pattern, value), "{pattern} {value}");
        }
    }

    #[test]
    fn refuses_half_a_pattern() {
        assert!(Like::parse("", false).is_err() && Like::parse("a\\", false).is_err());
    }
}
