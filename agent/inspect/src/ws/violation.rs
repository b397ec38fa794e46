//! The ways to break the protocol.

/// Which rule of RFC 6455 a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolViolation {
    /// A client frame without a mask (§5.1).
    UnmaskedClientFrame,
    /// A server frame with a mask (§5.1).
    MaskedServerFrame,
    /// A reserved bit without an extension that gives it a meaning (§5.2).
    ReservedBit,
    /// An opcode from 3 to 7 or 11 to 15 (§5.2).
    ReservedOpcode,
    /// A length that is not written in the shortest way, or with the top bit of 64 set (§5.2).
    FrameLength,
    /// A control frame of more than 125 bytes (§5.5).
    LongControlFrame,
    /// A control frame without FIN (§5.5).
    FragmentedControlFrame,
    /// A continuation frame with nothing to continue (§5.4).
    UnexpectedContinuation,
    /// A new data frame inside a fragmented message (§5.4).
    InterleavedMessage,
    /// A Close frame with a body of one byte (§5.5.1).
    CloseBody,
    /// A Close frame with a status code that must not be sent (§7.4).
    CloseCode,
    /// A frame after the sender's Close frame (§5.5.1).
    DataAfterClose,
}

impl ProtocolViolation {
    /// A label for events, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnmaskedClientFrame => "unmasked-client-frame",
            Self::MaskedServerFrame => "masked-server-frame",
            Self::ReservedBit => "reserved-bit",
            Self::ReservedOpcode => "reserved-opcode",
            Self::FrameLength => "frame-length",
            Self::LongControlFrame => "long-control-frame",
            Self::FragmentedControlFrame => "fragmented-control-frame",
            Self::UnexpectedContinuation => "unexpected-continuation",
            Self::InterleavedMessage => "interleaved-message",
            Self::CloseBody => "close-body",
            Self::CloseCode => "close-code",
            Self::DataAfterClose => "data-after-close",
        }
    }
}
