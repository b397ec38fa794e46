//! A complete control frame of our own, without a heap allocation.

/// A control frame ready to be written: header, mask if any, and body (RFC 6455 §5.5).
#[derive(Clone, Copy)]
pub struct ControlFrame {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl ControlFrame {
    /// The longest control frame: 2 bytes of header, 4 of mask, 125 of body.
    pub const MAX_LEN: usize = 131;

    pub(crate) const fn empty() -> Self {
        Self { bytes: [0; Self::MAX_LEN], len: 0 }
    }

    /// Appends `bytes`, as far as they fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().skip(usize::from(self.len)).zip(bytes) {
            *slot = *byte;
            self.len += 1;
        }
    }
}

impl std::ops::Deref for ControlFrame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<[u8]> for ControlFrame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for ControlFrame {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for ControlFrame {}

impl std::fmt::Debug for ControlFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ControlFrame").field(&&**self).finish()
    }
}
