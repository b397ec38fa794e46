//! Close frames (RFC 6455 §5.5.1, §7.4).

use crate::ws::{ControlFrame, ProtocolViolation, mask::apply_mask, receiver::ReceiveError};

/// Checks the body of a peer's Close frame.
///
/// # Errors
///
/// [`ReceiveError`] if the body has one byte, the status code must not be sent, or the reason is not UTF-8.
pub(crate) fn check_close_body(body: &[u8]) -> Result<(), ReceiveError> {
    let Some((code, reason)) = body.split_first_chunk() else {
        return if body.is_empty() { Ok(()) } else { Err(ProtocolViolation::CloseBody.into()) };
    };
    // 1012 to 1014 are registered with IANA; 1004, 1005, 1006 and 1015 must not be sent.
    if !matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(ProtocolViolation::CloseCode.into());
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(ReceiveError::InvalidUtf8);
    }
    Ok(())
}

/// Builds a Close frame, masked if a key is given. The reason is cut to 123 bytes and must be ASCII.
pub(crate) fn close_frame(code: u16, reason: &str, key: Option<[u8; 4]>) -> ControlFrame {
    let reason = reason.as_bytes().get(..123).unwrap_or(reason.as_bytes());
    let mut body = [0; 125];
    let text = code.to_be_bytes().into_iter().chain(reason.iter().copied());
    let mut len: u8 = 0;
    for (slot, byte) in body.iter_mut().zip(text) {
        *slot = byte;
        len += 1;
    }
    let mut frame = ControlFrame::empty();
    frame.push(&[0x88, len | if key.is_some() { 0x80 } else { 0 }]);
    if let Some(key) = key {
        frame.push(&key);
        apply_mask(&mut body, key, 0);
    }
    frame.push(body.get(..usize::from(len)).unwrap_or_default());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_codes_that_may_be_sent() {
        let code = |code: u16| check_close_body(&code.to_be_bytes());
        for good in [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1014, 3000, 4999] {
            assert_eq!(code(good), Ok(()), "{good}");
        }
        for bad in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(code(bad), Err(ProtocolViolation::CloseCode.into()), "{bad}");
        }
        assert_eq!(check_close_body(b""), Ok(()));
        assert_eq!(check_close_body(b"\x03"), Err(ProtocolViolation::CloseBody.into()));
        assert_eq!(check_close_body(b"\x03\xe8bye \xe2\x82\xac"), Ok(()));
        assert_eq!(check_close_body(b"\x03\xe8\xe2\x82"), Err(ReceiveError::InvalidUtf8));
    }

    #[test]
    fn builds_plain_and_masked_frames() {
        assert_eq!(&*close_frame(1008, "no", None), b"\x88\x04\x03\xf0no");
        let masked = close_frame(1008, "no", Some([1, 2, 3, 4]));
        assert_eq!(&*masked, [0x88, 0x84, 1, 2, 3, 4, 0x03 ^ 1, 0xf0 ^ 2, b'n' ^ 3, b'o' ^ 4]);
        assert_eq!(close_frame(1008, &"x".repeat(200), Some([0; 4])).len(), ControlFrame::MAX_LEN);
    }
}
