//! Writes an initramfs: a cpio archive in the format that the kernel calls newc
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::io::{self, Write};
use std::path::Path;

/// File types of `st_mode`.
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive in the making. Paths are absolute in the guest; a directory goes in before what it contains.
#[derive(Debug)]
pub(super) struct Archive<W> {
    out: W,
    entries: u32,
}

/// What an entry is, apart from its name and content.
#[derive(Debug, Clone, Copy)]
struct Kind {
    mode: u32,
    device: (u32, u32),
}

impl<W: Write> Archive<W> {
    /// Starts an archive.
    pub(super) fn new(out: W) -> Self {
        Self { out, entries: 0 }
    }

    /// Adds a directory with these permissions.
    pub(super) fn directory(&mut self, path: &Path, permissions: u32) -> io::Result<()> {
        self.entry(path, Kind { mode: DIRECTORY | permissions, device: (0, 0) }, &[])
    }

    /// Adds a file with these permissions.
    pub(super) fn file(&mut self, path: &Path, permissions: u32, content: &[u8]) -> io::Result<()> {
        self.entry(path, Kind { mode: REGULAR | permissions, device: (0, 0) }, content)
    }

    /// Adds a symbolic link.
    pub(super) fn symlink(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let kind = Kind { mode: SYMLINK | 0o777, device: (0, 0) };
        self.entry(path, kind, target.as_os_str().as_encoded_bytes())
    }

    /// Adds a character device.
    pub(super) fn device(&mut self, path: &Path, permissions: u32, device: (u32, u32)) -> io::Result<()> {
        self.entry(path, Kind { mode: CHARACTER_DEVICE | permissions, device }, &[])
    }

    /// Ends the archive and gives back what it was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry(Path::new("TRAILER!!!"), Kind { mode: 0, device: (0, 0) }, &[])?;
        Ok(self.out)
    }

    fn entry(&mut self, path: &Path, kind: Kind, content: &[u8]) -> io::Result<()> {
        self.entries += 1;
        let name = path.as_os_str().as_encoded_bytes();
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let size = u32::try_from(content.len()).map_err(|_| io::Error::other("file of 4 GiB or more"))?;
        let name_size = u32::try_from(name.len() + 1).map_err(|_| io::Error::other("endless file name"))?;
        let (major, minor) = kind.device;
        // inode, mode, user, group, links, time, size, device of the file (2), device it is (2), name, checksum
        let fields = [self.entries, kind.mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0]
            .map(|n| format!("{n:08x}"));
        let head = format!("070701{}", fields.concat());
        self.out.write_all(head.as_bytes())?;
        self.out.write_all(name)?;
        self.out.write_all(&[0])?;
        self.pad(head.len() + name.len() + 1)?;
        self.out.write_all(content)?;
        self.pad(content.len())
    }

    /// Names and contents end on a multiple of four bytes.
    fn pad(&mut self, written: usize) -> io::Result<()> {
        let [none, one, two, three]: [&[u8]; 4] = [&[], &[0; 3], &[0; 2], &[0; 1]];
        self.out.write_all(match written % 4 {
            0 => none,
            1 => one,
            2 => two,
            _ => three,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_shape_of_newc() {
        let mut archive = Archive::new(Vec::new());
        archive.file(Path::new("/a/bc"), 0o644, b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        let head = "070701\
            00000001000081a4000000000000000000000001000000000000000500000000000000000000000000000000\
            0000000500000000";
        assert_eq!(std::str::from_utf8(&bytes[..110]).unwrap(), head);
        // 110 bytes of header and "a/bc\0" make 115, one byte short of a multiple of four.
        assert_eq!(&bytes[110..124], b"a/bc\0\0hello\0\0\0");
        assert_eq!(bytes.len() % 4, 0);
        assert!(bytes[124..].starts_with(b"070701") && bytes.windows(10).any(|name| name == b"TRAILER!!!"));
    }
}
