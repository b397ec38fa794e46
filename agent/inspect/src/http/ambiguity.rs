//! HTTP that two readers may understand differently.

/// What made an HTTP message ambiguous (RFC 9112 §2.2, §5, §6, §7, §11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpAmbiguity {
    /// The request line or status line is malformed.
    StartLine,
    /// A field name is malformed, for example with white space before the colon.
    FieldName,
    /// A field value holds a byte that it must not.
    FieldValue,
    /// A carriage return without a line feed.
    BareCr,
    /// A line feed without a carriage return.
    BareLf,
    /// A field that goes on in the next line.
    ObsFold,
    /// A Content-Length that is not a number, or several of them.
    ContentLength,
    /// Content-Length together with Transfer-Encoding.
    LengthAndChunked,
    /// A Transfer-Encoding that does not end in `chunked`, names it twice, or stands in HTTP/1.0.
    TransferEncoding,
    /// A malformed chunk size, chunk extension, chunk end or trailer.
    Chunk,
    /// A response that no request asked for, in a place where none can be.
    UnexpectedResponse,
}

impl HttpAmbiguity {
    /// A label for events, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartLine => "start-line",
            Self::FieldName => "field-name",
            Self::FieldValue => "field-value",
            Self::BareCr => "bare-cr",
            Self::BareLf => "bare-lf",
            Self::ObsFold => "obs-fold",
            Self::ContentLength => "content-length",
            Self::LengthAndChunked => "length-and-chunked",
            Self::TransferEncoding => "transfer-encoding",
            Self::Chunk => "chunk",
            Self::UnexpectedResponse => "unexpected-response",
        }
    }
}
