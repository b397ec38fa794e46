//! Where the kernel keeps the fields of its structures, as its own type information says.
//!
//! Reads the BPF Type Format (Documentation/bpf/btf.rst in the kernel's sources) as far as that takes: aya reads it too, and
//! keeps it to itself.

use std::{fs, io, path::Path};

/// The type information of the running kernel (`CONFIG_DEBUG_INFO_BTF`).
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
/// Structures within structures that are looked into.
const MAX_DEPTH: u32 = 8;

/// Why a field was not found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BtfError {
    #[error("cannot read {VMLINUX} (CONFIG_DEBUG_INFO_BTF): {0}")]
    Unreadable(#[from] io::Error),
    #[error("{VMLINUX} is no type information that this program knows")]
    Unknown,
    #[error("this kernel has no {0}")]
    NoField(String),
}

/// The type information of a kernel.
#[derive(Debug)]
pub(crate) struct Btf {
    data: Vec<u8>,
    strings: usize,
    /// Offset of each type, by its number less one.
    types: Vec<usize>,
}

impl Btf {
    /// That of the running kernel.
    pub(crate) fn of_kernel() -> Result<Self, BtfError> {
        Self::parse(fs::read(Path::new(VMLINUX))?).ok_or(BtfError::Unknown)
    }

    /// The offset in bytes of a field such as `sk_backlog.rmem_alloc` in a structure.
    pub(crate) fn offset(&self, structure: &str, path: &str) -> Result<u32, BtfError> {
        let lack = || BtfError::NoField(format!("{structure}.{path}"));
        let is_it =
            |at: &usize| self.kind(*at) == Some(STRUCT) && self.name(*at) == Some(structure.as_bytes());
        let mut at = *self.types.iter().find(|at| is_it(at)).ok_or_else(lack)?;
        let mut bits = 0;
        for field in path.split('.') {
            let (offset, number) = self.member(at, field.as_bytes(), MAX_DEPTH).ok_or_else(lack)?;
            bits += offset;
            at = self.of_number(number).unwrap_or_default();
        }
        if bits % 8 == 0 { Ok(bits / 8) } else { Err(lack()) }
    }

    fn parse(data: Vec<u8>) -> Option<Self> {
        let mut btf = Self { data, strings: 0, types: Vec::new() };
        if btf.half(0)? != MAGIC {
            return None;
        }
        let header = btf.word(4)? as usize;
        let (types, types_len) = (header + btf.word(8)? as usize, btf.word(12)? as usize);
        btf.strings = header + btf.word(16)? as usize;
        let mut at = types;
        while at < types + types_len {
            btf.types.push(at);
            at += 12 + btf.tail(at)?;
        }
        Some(btf)
    }

    /// Bytes that follow the twelve that all types have.
    fn tail(&self, at: usize) -> Option<usize> {
        let members = self.members(at)?;
        Some(match self.kind(at)? {
            // Pointers, forwards, aliases, qualifiers, functions, floats, type tags.
            2 | 7..=12 | 16 | 18 => 0,
            // Integers, variables, declaration tags.
            1 | 14 | 17 => 4,
            // Arrays.
            3 => 12,
            // Structures, unions, sections, enumerations of 64 bits.
            STRUCT | UNION | 15 | 19 => 12 * members,
            // Enumerations, prototypes.
            6 | 13 => 8 * members,
            _ => return None,
        })
    }

    /// Offset in bits and number of the type of a member, also within members without a name.
    fn member(&self, at: usize, name: &[u8], depth: u32) -> Option<(u32, u32)> {
        if depth == 0 || !matches!(self.kind(at)?, STRUCT | UNION) {
            return None;
        }
        let has_bit_fields = self.word(at + 4)? >> 31 == 1;
        for place in (0..self.members(at)?).map(|nth| at + 12 + 12 * nth) {
            let (number, offset) = (self.word(place + 4)?, self.word(place + 8)?);
            let offset = if has_bit_fields { offset & 0xff_ffff } else { offset };
            let this = self.name(place)?;
            if this == name {
                return Some((offset, number));
            }
            if this.is_empty()
                && let Some((inner, number)) = self.member(self.of_number(number)?, name, depth - 1)
            {
                return Some((offset + inner, number));
            }
        }
        None
    }

    fn of_number(&self, number: u32) -> Option<usize> {
        self.types.get((number as usize).checked_sub(1)?).copied()
    }

    fn kind(&self, at: usize) -> Option<u32> {
        Some(self.word(at + 4)? >> 24 & 31)
    }

    fn members(&self, at: usize) -> Option<usize> {
        Some((self.word(at + 4)? & 0xffff) as usize)
    }

    fn name(&self, at: usize) -> Option<&[u8]> {
        let rest = self.data.get(self.strings + self.word(at)? as usize..)?;
        rest.get(..rest.iter().position(|byte| *byte == 0)?)
    }

    fn half(&self, at: usize) -> Option<u16> {
        Some(u16::from_ne_bytes(*self.data.get(at..)?.first_chunk()?))
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(*self.data.get(at..)?.first_chunk()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { int a; struct { int b; struct inner { int c; int d; } in; }; }`
    fn sample() -> Vec<u8> {
        let strings = b"\0outer\0a\0b\0in\0inner\0c\0d\0int\0";
        let name = |name: &str| {
            let quoted = [b"\0", name.as_bytes(), b"\0"].concat();
            strings.windows(quoted.len()).position(|window| window == quoted).expect("a name") as u32 + 1
        };
        let structure = |name: u32, size: u32, members: &[[u32; 3]]| {
            let mut words = vec![name, STRUCT << 24 | members.len() as u32, size];
            words.extend(members.iter().flatten());
            words
        };
        let types = [
            vec![name("int"), 1 << 24, 4, 32],
            structure(name("inner"), 8, &[[name("c"), 1, 0], [name("d"), 1, 32]]),
            structure(0, 12, &[[name("b"), 1, 0], [name("in"), 2, 32]]),
            structure(name("outer"), 16, &[[name("a"), 1, 0], [0, 3, 32]]),
        ]
        .concat();
        let len = 4 * types.len() as u32;
        let mut data = [&MAGIC.to_ne_bytes()[..], &[1, 0]].concat();
        for word in [24, 0, len, len, strings.len() as u32].iter().chain(&types) {
            data.extend(word.to_ne_bytes());
        }
        [data, strings.to_vec()].concat()
    }

    #[test]
    fn finds_fields_in_structures_with_and_without_a_name() {
        let btf = Btf::parse(sample()).expect("type information");
        for (path, offset) in [("a", 0), ("b", 4), ("in", 8), ("in.c", 8), ("in.d", 12)] {
            assert_eq!(btf.offset("outer", path).expect(path), offset, "{path}");
        }
        assert!(matches!(btf.offset("outer", "in.x"), Err(BtfError::NoField(path)) if path == "outer.in.x"));
        assert!(btf.offset("other", "a").is_err());
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused_and_never_read_beyond() {
        let whole = sample();
        for len in 0..whole.len() {
            if let Some(btf) = Btf::parse(whole[..len].to_vec()) {
                let _ = btf.offset("outer", "in.d");
            }
        }
        let mut unknown = whole;
        // The kind of the first type.
        unknown[24 + 7] = 31;
        assert!(Btf::parse(unknown).is_none());
    }
}
