//! Where the body of an HTTP message ends (RFC 9112 §6, §7).

/// How much of a body is still to come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Ends after that many more bytes; 0 is no body.
    Length(u64),
    /// Ends with the last chunk and its trailers.
    Chunked(Chunked),
    /// Ends with the connection.
    UntilClose,
}

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The framing is malformed.
    Chunk,
    /// A size line or the trailers are longer than the limit.
    TooBig,
}

/// Position in a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunked {
    state: ChunkState,
    size: u64,
    /// Digits of the size so far, or bytes of the line or of the trailers.
    count: usize,
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    Size,
    /// White space between size and extension.
    SizeEnd,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

impl Body {
    pub(crate) const NONE: Self = Self::Length(0);

    /// A chunked body whose size lines and trailers have at most `limit` bytes each.
    pub(crate) const fn chunked(limit: usize) -> Self {
        Self::Chunked(Chunked { state: ChunkState::Size, size: 0, count: 0, limit })
    }

    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.state == ChunkState::Done,
            Self::UntilClose => false,
        }
    }

    /// Reads on in `bytes` and returns how many of them belong to this body.
    ///
    /// # Errors
    ///
    /// What is wrong, with the number of sound bytes before it.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<usize, (usize, BodyError)> {
        match self {
            Self::Length(left) => {
                let take = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= take as u64;
                Ok(take)
            }
            Self::Chunked(chunked) => chunked.advance(bytes),
            Self::UntilClose => Ok(bytes.len()),
        }
    }
}

impl Chunked {
    fn advance(&mut self, bytes: &[u8]) -> Result<usize, (usize, BodyError)> {
        let mut at = 0;
        while self.state != ChunkState::Done {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(&byte) = rest.first() else { break };
            if self.state == ChunkState::Data {
                let take = usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                self.size -= take as u64;
                at += take;
                if self.size == 0 {
                    self.state = ChunkState::DataCr;
                }
            } else {
                self.state = self.next(byte).map_err(|error| (at, error))?;
                at += 1;
            }
        }
        Ok(at)
    }

    fn next(&mut self, byte: u8) -> Result<ChunkState, BodyError> {
        use ChunkState::{
            Data, DataCr, DataLf, Done, EndLf, Extension, Size, SizeEnd, SizeLf, Trailer, TrailerLf,
            TrailerStart,
        };
        match (self.state, byte) {
            (Size, _) if byte.is_ascii_hexdigit() => {
                if self.count == 16 {
                    return Err(BodyError::Chunk);
                }
                self.count += 1;
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                Ok(Size)
            }
            (Size | SizeEnd, _) if self.count == 0 => Err(BodyError::Chunk),
            // Blanks are allowed only before an extension (RFC 9112 §7.1.1, bad white space).
            (Size | SizeEnd, b' ' | b'\t') => self.counted(SizeEnd),
            (Size | SizeEnd, b';') => self.counted(Extension),
            (Size | Extension, b'\r') => Ok(SizeLf),
            (Extension, b'\t' | b' '..=b'~' | 0x80..) => self.counted(Extension),
            (SizeLf, b'\n') => {
                self.count = 0;
                Ok(if self.size == 0 { TrailerStart } else { Data })
            }
            (DataCr, b'\r') => Ok(DataLf),
            (DataLf, b'\n') => Ok(Size),
            (TrailerStart, b'\r') => Ok(EndLf),
            // A fold, or a field without a name.
            (TrailerStart, b' ' | b'\t' | b':') => Err(BodyError::Chunk),
            (TrailerStart | Trailer, b'\t' | b' '..=b'~' | 0x80..) => self.counted(Trailer),
            (Trailer, b'\r') => Ok(TrailerLf),
            (TrailerLf, b'\n') => Ok(TrailerStart),
            (EndLf, b'\n') => Ok(Done),
            (
                Size | SizeEnd | Extension | SizeLf | Data | DataCr | DataLf | TrailerStart | Trailer
                | TrailerLf | EndLf | Done,
                _,
            ) => Err(BodyError::Chunk),
        }
    }

    fn counted(&mut self, state: ChunkState) -> Result<ChunkState, BodyError> {
        self.count += 1;
        if self.count > self.limit { Err(BodyError::TooBig) } else { Ok(state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8], step: usize) -> Result<(usize, bool), (usize, BodyError)> {
        let mut body = Body::chunked(100);
        let mut consumed = 0;
        for piece in bytes.chunks(step) {
            match body.advance(piece) {
                Ok(len) => consumed += len,
                Err((len, error)) => return Err((consumed + len, error)),
            }
            if body.is_done() {
                break;
            }
        }
        Ok((consumed, body.is_done()))
    }

    fn chunked(text: &str) -> Result<(usize, bool), (usize, BodyError)> {
        let whole = run(text.as_bytes(), text.len());
        for step in 1..text.len() {
            assert_eq!(run(text.as_bytes(), step), whole, "in pieces of {step}");
        }
        whole
    }

    #[test]
    fn ends_after_the_last_chunk_and_its_trailers() {
        assert_eq!(chunked("5\r\nhello\r\n0\r\n\r\nGET"), Ok((15, true)));
        assert_eq!(chunked("A;x=\"y\"\r\n0123456789\r\n00\r\nTrailer: a b\r\n\r\n"), Ok((41, true)));
        assert_eq!(chunked("5\r\nhel"), Ok((6, false)));
    }

    #[test]
    fn refuses_what_readers_disagree_about() {
        for (text, sound) in [
            ("\r\n", 0),
            ("0x5\r\nhello\r\n", 1),
            ("+5\r\n", 0),
            ("-1\r\n", 0),
            ("5\nhello\n", 1),
            ("5 \r\nhello", 2),
            ("5\r\nhello0\r\n\r\n", 8),
            ("5\r\nhello\n0\r\n\r\n", 8),
            ("00000000000000005\r\n", 16),
            ("5;a\nb\r\n", 3),
            ("0\r\nA: b\n\r\n", 7),
            ("0\r\n A: b\r\n\r\n", 3),
        ] {
            assert_eq!(chunked(text), Err((sound, BodyError::Chunk)), "{text:?}");
        }
    }

    #[test]
    fn bounds_extensions_and_trailers() {
        let long = "x".repeat(100);
        assert_eq!(chunked(&format!("1;{long}\r\n")).map_err(|e| e.1), Err(BodyError::TooBig));
        assert_eq!(chunked(&format!("0\r\nA: {long}\r\n\r\n")).map_err(|e| e.1), Err(BodyError::TooBig));
    }

    #[test]
    fn a_length_ends_exactly() {
        let mut body = Body::Length(5);
        assert_eq!(body.advance(b"123"), Ok(3));
        assert!(!body.is_done());
        assert_eq!(body.advance(b"456"), Ok(2));
        assert!(body.is_done());
    }
}
