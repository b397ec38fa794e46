//! Words of templates.

/// Letters, digits and `_`.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A word of at most 40 bytes in lower case.
pub(super) fn lower<'b>(word: &[u8], buffer: &'b mut [u8; 40]) -> &'b [u8] {
    for (slot, byte) in buffer.iter_mut().zip(word) {
        *slot = byte.to_ascii_lowercase();
    }
    buffer.get(..word.len()).unwrap_or_default()
}
