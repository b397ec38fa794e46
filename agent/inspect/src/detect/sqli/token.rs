//! Splits a value into tokens, as the union of the dialects would.

use super::word::{self, Word};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `42`, `-` not included, `0x7e`, `1.e0`.
    Number,
    /// A string; `open` if the value ends inside.
    Text {
        open: bool,
    },
    /// `@@version`, `@x`, `:name`.
    Variable,
    /// A word that means nothing here, or a quoted identifier.
    Name,
    Word(Word),
    /// `(`.
    Open,
    /// `)`.
    Close,
    Comma,
    Semicolon,
    Dot,
    /// `=`, `<`, `!=`, `<=>`, ...
    Compare,
    /// `+`, `*`, `|`, ... and `||` as concatenation.
    Operator,
    /// `&&`, `||`.
    Conjunction,
    /// `!`, `~`: before an operand.
    Prefix,
    /// A comment that hides the rest of the value, or of its line if that is the last.
    Comment,
    /// `::text`.
    Cast,
    /// What SQL has no use for.
    Other,
}

/// A piece of the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of the text, whatever its case; equal for equal literals.
    pub(super) hash: u32,
    /// A comment stands before it, with nothing else in between.
    pub(super) after_comment: bool,
}

/// Reads tokens one by one, each byte once.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    value: &'a [u8],
    at: usize,
    /// `+` is a blank, as in a URL-encoded form.
    plus_is_blank: bool,
    /// Where the next line end and the next end of a block comment are, at or after `at`, once known.
    /// 0 is not yet looked for, the largest number is nowhere.
    line_end: usize,
    block_end: usize,
    /// How many comments with code in them (`/*!50000`) are open.
    executed: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(value: &'a [u8], at: usize, plus_is_blank: bool) -> Self {
        Self { value, at, plus_is_blank, line_end: 0, block_end: 0, executed: 0 }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.value.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Skips blanks and comments that end. Returns whether there was a comment.
    fn skip_blanks(&mut self) -> bool {
        let mut comment = false;
        while let Some(&byte) = self.value.get(self.at) {
            match byte {
                b' ' | b'\t'..=b'\r' | 0 | 0xa0 => self.at += 1,
                // The no-break space in UTF-8, and what UTF-8 has instead of a byte that is none.
                0xc2 if self.peek(1) == 0xa0 => self.at += 2,
                b'+' if self.plus_is_blank => self.at += 1,
                b'/' if self.peek(1) == b'*' => {
                    if self.peek(2) == b'!' {
                        self.at += 3;
                        while self.peek(0).is_ascii_digit() {
                            self.at += 1;
                        }
                        self.executed += 1;
                    } else {
                        let Some(end) = self.block_end(self.at + 2) else { break };
                        self.at = end;
                    }
                    comment = true;
                }
                b'*' if self.executed > 0 && self.peek(1) == b'/' => {
                    self.executed -= 1;
                    self.at += 2;
                }
                b'#' => match self.line_end(self.at) {
                    Some(end) => {
                        self.at = end;
                        comment = true;
                    }
                    None => break,
                },
                b'-' if self.peek(1) == b'-' => match self.line_end(self.at) {
                    Some(end) => {
                        self.at = end;
                        comment = true;
                    }
                    None => break,
                },
                _ => break,
            }
        }
        comment
    }

    /// The end of the line; `None` if it is the last one.
    fn line_end(&mut self, from: usize) -> Option<usize> {
        if self.line_end < from || self.line_end == 0 {
            let rest = self.value.get(from..).unwrap_or_default();
            self.line_end = memchr::memchr(b'\n', rest).map_or(usize::MAX, |len| from + len);
        }
        (self.line_end != usize::MAX).then_some(self.line_end)
    }

    /// Behind the next `*/`.
    fn block_end(&mut self, from: usize) -> Option<usize> {
        if self.block_end < from + 2 {
            let rest = self.value.get(from..).unwrap_or_default();
            self.block_end = memchr::memmem::find(rest, b"*/").map_or(usize::MAX, |len| from + len + 2);
        }
        (self.block_end != usize::MAX).then_some(self.block_end)
    }

    /// Reads a string up to its closing quote, which may stand in it doubled or behind a backslash.
    fn text(&mut self, quote: u8) -> Kind {
        self.at += 1;
        while let Some(&byte) = self.value.get(self.at) {
            self.at += 1;
            if byte == b'\\' {
                self.at += 1;
            } else if byte == quote {
                if self.peek(0) != quote {
                    return Kind::Text { open: false };
                }
                self.at += 1;
            }
        }
        self.at = self.value.len();
        Kind::Text { open: true }
    }

    /// Reads an Oracle string with delimiters of its own behind its `q`: `q'[it's]'`.
    fn delimited_text(&mut self) -> Kind {
        const LONGEST: usize = 128;
        let opener = self.peek(1);
        let closer = match opener {
            b'[' => b']',
            b'{' => b'}',
            b'(' => b')',
            b'<' => b'>',
            _ => opener,
        };
        let rest = self.value.get(self.at + 2..).unwrap_or_default();
        let near = rest.get(..LONGEST).unwrap_or(rest);
        if let Some(len) = memchr::memmem::find(near, &[closer, b'\'']) {
            self.at += len + 4;
            Kind::Text { open: false }
        } else {
            self.text(b'\'')
        }
    }

    fn word(&mut self) -> u32 {
        let mut hash = word::EMPTY;
        while let Some(&byte) = self.value.get(self.at) {
            let letter = LETTERS[usize::from(byte)];
            if letter != 0 {
                hash = word::hash_lower(hash, letter);
                self.at += 1;
                continue;
            }
            let in_word = byte >= 0x80 && byte != 0xa0 && !(byte == 0xc2 && self.peek(1) == 0xa0);
            if byte == 0 && self.peek(1).is_ascii_alphanumeric() {
                self.at += 1;
                continue;
            }
            if !in_word {
                break;
            }
            hash = word::hash(hash, byte);
            self.at += 1;
        }
        hash
    }

    fn number(&mut self) -> Kind {
        let mut name = false;
        let hexadecimal = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X' | b'b');
        while let Some(&byte) = self.value.get(self.at) {
            match byte {
                b'0'..=b'9' | 0 => {}
                b'.' if !hexadecimal => {}
                b'e' | b'E' if !hexadecimal && !name => {
                    if matches!(self.peek(1), b'+' | b'-') && self.peek(2).is_ascii_digit() {
                        self.at += 1;
                    }
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
                    // `1.e0union`, `0union`: MySQL reads a number and a keyword.
                    if !hexadecimal && !name && self.at > 0 {
                        let before = self.at;
                        let hash = self.word();
                        let keyword = matches!(
                            Word::of(hash),
                            Some(Word::Union | Word::Conjunction | Word::Select | Word::From | Word::Compare)
                        );
                        if keyword {
                            self.at = before;
                            return Kind::Number;
                        }
                        name = true;
                        continue;
                    }
                }
                _ => break,
            }
            self.at += 1;
        }
        if name { Kind::Name } else { Kind::Number }
    }

    fn symbol(&mut self, byte: u8) -> Kind {
        self.at += 1;
        let next = self.peek(0);
        match byte {
            b'(' => Kind::Open,
            b')' => Kind::Close,
            b',' => Kind::Comma,
            b';' => Kind::Semicolon,
            b'.' => Kind::Dot,
            b'=' | b'<' | b'>' => {
                while matches!(self.peek(0), b'=' | b'<' | b'>' | b'@') {
                    self.at += 1;
                }
                Kind::Compare
            }
            b'!' | b'^' | b'@' | b'~'
                if matches!(
                    (byte, next),
                    (b'!', b'=' | b'<' | b'>') | (b'^', b'=') | (b'@', b'>') | (b'~', b'~')
                ) =>
            {
                self.at += 1;
                Kind::Compare
            }
            b':' if next == b':' => {
                self.at += 1;
                self.word();
                Kind::Cast
            }
            b'-' if next == b'>' => {
                self.at += 1 + usize::from(self.peek(1) == b'>');
                Kind::Operator
            }
            b'!' | b'~' => Kind::Prefix,
            b'&' | b'|' if next == byte => {
                self.at += 1;
                Kind::Conjunction
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&' => Kind::Operator,
            _ => {
                while self.at < self.value.len() && self.peek(0) == byte {
                    self.at += 1;
                }
                Kind::Other
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let after_comment = self.skip_blanks();
        let start = self.at;
        let &byte = self.value.get(start)?;
        let mut hash = 0;
        let kind = match byte {
            b'#' => {
                while self.peek(0) == b'#' {
                    self.at += 1;
                }
                Kind::Comment
            }
            b'-' if self.peek(1) == b'-' => {
                self.at += 2;
                Kind::Comment
            }
            b'/' if self.peek(1) == b'*' => {
                self.at = self.value.len();
                Kind::Comment
            }
            b'\'' | b'"' => {
                let kind = self.text(byte);
                let end =
                    if kind == (Kind::Text { open: true }) { self.at } else { self.at.saturating_sub(1) };
                hash = digest(self.value.get(start + 1..end).unwrap_or_default());
                kind
            }
            b'0'..=b'9' => {
                let kind = self.number();
                hash = digest(self.value.get(start..self.at).unwrap_or_default());
                kind
            }
            b'\\' if self.peek(1) == b'N' => {
                // Null, as MySQL writes it.
                self.at += 2;
                Kind::Number
            }
            b'.' if self.peek(1).is_ascii_digit() => {
                self.at += 1;
                self.number();
                Kind::Number
            }
            b'`' | b'[' => {
                let close = if byte == b'[' { b']' } else { byte };
                self.at += 1;
                let name = self.word();
                if self.peek(0) == close && self.at > start + 1 {
                    self.at += 1;
                    Word::of(name).filter(|word| *word == Word::Catalogue).map_or(Kind::Name, Kind::Word)
                } else {
                    self.at = start + 1;
                    while self.peek(0) == byte {
                        self.at += 1;
                    }
                    Kind::Other
                }
            }
            b'@' if self.peek(1) == b'@' || self.peek(1).is_ascii_alphabetic() => {
                self.at += 1 + usize::from(self.peek(1) == b'@');
                hash = self.word();
                Kind::Variable
            }
            b'@' if matches!(self.peek(1), b'`' | b'\'' | b'"') => {
                self.at += 1;
                let quote = self.peek(0);
                self.text(quote);
                Kind::Variable
            }
            b'{' if self.peek(1) == b'`' || self.peek(1).is_ascii_alphabetic() => {
                // `{x 1}` is 1 (ODBC escape, which MySQL reads).
                self.at += 1;
                Kind::Prefix
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80.. => {
                hash = self.word();
                let introduced = self.at == start + 1
                    && matches!(byte, b'n' | b'N' | b'x' | b'X' | b'b' | b'B' | b'e' | b'E');
                if introduced && self.peek(0) == b'\'' {
                    let kind = self.text(b'\'');
                    hash = digest(self.value.get(start..self.at).unwrap_or_default());
                    kind
                } else if self.at == start + 1 && matches!(byte, b'q' | b'Q') && self.peek(0) == b'\'' {
                    let kind = self.delimited_text();
                    hash = digest(self.value.get(start..self.at).unwrap_or_default());
                    kind
                } else {
                    Word::of(hash).map_or(Kind::Name, Kind::Word)
                }
            }
            _ => self.symbol(byte),
        };
        Some(Token { kind, start, end: self.at, hash, after_comment })
    }
}

/// What words are made of, of ASCII: in lower case, 0 for other bytes.
static LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') {
            letters[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    letters
};

/// Of the text's beginning and length.
fn digest(text: &[u8]) -> u32 {
    const ENOUGH: usize = 64;
    let begin = text.iter().take(ENOUGH).fold(word::EMPTY, |hash, byte| word::hash(hash, *byte));
    begin.wrapping_add(text.len().saturating_sub(ENOUGH).try_into().unwrap_or(u32::MAX))
}
