//! A short name in lower case, without allocation.

/// Names that are longer than anything that is looked for are cut.
const MAX: usize = 40;

/// The letters of a name in lower case, without the NUL bytes that old browsers skipped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small {
    bytes: [u8; MAX],
    len: usize,
}

impl Small {
    /// Lower-cases the beginning of `name`.
    pub(super) fn lower(name: &[u8]) -> Self {
        let mut bytes = [0; MAX];
        let mut len = 0;
        for (slot, byte) in bytes.iter_mut().zip(name.iter().filter(|byte| **byte != 0)) {
            *slot = byte.to_ascii_lowercase();
            len += 1;
        }
        Self { bytes, len }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
