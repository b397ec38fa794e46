//! The files of the guest: copies of the host's, under the same paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cpio::Archive;
use crate::process;

/// Files by their path in the guest.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    /// Programs and libraries whose own libraries are still to be added.
    unresolved: BTreeSet<PathBuf>,
}

#[derive(Debug)]
enum Node {
    Directory,
    Symlink(PathBuf),
    /// A copy of a file of the host.
    Copy {
        source: PathBuf,
        permissions: u32,
    },
    Text {
        text: String,
        permissions: u32,
    },
}

impl Tree {
    /// Adds an empty directory, with those above it.
    pub(super) fn directory(&mut self, path: impl Into<PathBuf>) {
        let path = path.into();
        for above in path.ancestors().filter(|above| *above != Path::new("/")) {
            self.nodes.entry(above.to_owned()).or_insert(Node::Directory);
        }
    }

    /// Adds a file with this text.
    pub(super) fn text(&mut self, path: impl Into<PathBuf>, permissions: u32, text: impl Into<String>) {
        let path = path.into();
        path.parent().iter().for_each(|parent| self.directory(*parent));
        self.nodes.insert(path, Node::Text { text: text.into(), permissions });
    }

    /// Adds a file of the host under another path.
    pub(super) fn copy_as(&mut self, path: impl Into<PathBuf>, source: &Path) -> Result<()> {
        let path = path.into();
        let permissions =
            fs::metadata(source).with_context(|| source.display().to_string())?.permissions().mode();
        path.parent().iter().for_each(|parent| self.directory(*parent));
        self.nodes.insert(path, Node::Copy { source: source.to_owned(), permissions: permissions & 0o777 });
        Ok(())
    }

    /// Adds a file or directory of the host, symbolic links on the way to it included, and returns its real path.
    pub(super) fn host(&mut self, path: &Path) -> Result<PathBuf> {
        self.host_except(path, &|_| false)
    }

    /// As [`Self::host`], without those entries of directories for which `skipped` holds.
    pub(super) fn host_except(&mut self, path: &Path, skipped: &dyn Fn(&Path) -> bool) -> Result<PathBuf> {
        let real = self.resolve(path)?;
        let metadata = fs::metadata(&real).with_context(|| real.display().to_string())?;
        if metadata.is_file() {
            self.copy_as(&real, &real)?;
        } else if metadata.is_dir() {
            self.directory(&real);
            for entry in fs::read_dir(&real).with_context(|| real.display().to_string())? {
                let entry = entry?.path();
                if skipped(&entry) || self.nodes.contains_key(&entry) {
                    continue;
                }
                match fs::metadata(&entry) {
                    Ok(_) => drop(self.host_except(&entry, skipped)?),
                    // A dangling link is of no use to anybody in the guest.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error).with_context(|| entry.display().to_string()),
                }
            }
        }
        Ok(real)
    }

    /// Adds a program or library of the host; its own libraries follow in [`Self::add_libraries`].
    pub(super) fn program(&mut self, path: &Path) -> Result<()> {
        let real = self.host(path)?;
        self.unresolved.insert(real);
        Ok(())
    }

    /// Adds a program without its debugging information, of which Rust programs have a lot.
    pub(super) fn stripped_program(&mut self, path: &Path, scratch: &Path) -> Result<()> {
        let real = self.resolve(path)?;
        let name = real.file_name().context("a program has a name")?;
        let slim = scratch.join(name);
        process::output(Command::new("strip").arg("--strip-debug").arg("-o").arg(&slim).arg(&real))?;
        self.copy_as(&real, &slim)?;
        self.unresolved.insert(real);
        Ok(())
    }

    /// Adds the shared libraries of all programs added so far.
    pub(super) fn add_libraries(&mut self) -> Result<()> {
        let programs = std::mem::take(&mut self.unresolved);
        let mut command = Command::new("ldd");
        // Cargo puts the directories of its toolchain into the variable; the guest will not have them.
        command.args(programs).env_remove("LD_LIBRARY_PATH").env("LC_ALL", "C");
        // ldd fails for a statically linked program, but prints the others' libraries nevertheless.
        let output = command.output().context("ldd")?;
        for line in
            String::from_utf8(output.stdout)?.lines().filter(|line| line.starts_with(char::is_whitespace))
        {
            match library_of(line) {
                Library::File(path) => drop(self.host(Path::new(path))?),
                Library::Missing(name) => {
                    bail!("a program for the guest needs {name}, which this machine does not have")
                }
                Library::None => {}
            }
        }
        Ok(())
    }

    /// Writes the tree as an initramfs; returns its size in bytes.
    pub(super) fn write(&self, path: &Path) -> Result<u64> {
        let file = fs::File::create(path).with_context(|| path.display().to_string())?;
        let mut archive = Archive::new(io::BufWriter::new(file));
        for (path, node) in &self.nodes {
            match node {
                Node::Directory => archive.directory(path, 0o755)?,
                Node::Symlink(target) => archive.symlink(path, target)?,
                Node::Copy { source, permissions } => {
                    let content = fs::read(source).with_context(|| source.display().to_string())?;
                    archive.file(path, *permissions, &content)?;
                }
                Node::Text { text, permissions } => archive.file(path, *permissions, text.as_bytes())?,
            }
        }
        // The kernel opens it for the init process before anything is mounted on /dev.
        archive.device(Path::new("/dev/console"), 0o600, (5, 1))?;
        let mut out = archive.finish()?;
        out.flush()?;
        Ok(fs::metadata(path)?.len())
    }

    /// Follows a path from the root and adds the symbolic links on it; returns where it leads.
    fn resolve(&mut self, path: &Path) -> Result<PathBuf> {
        // As many as Linux itself follows (path_resolution(7)).
        const MOST_LINKS: usize = 40;
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            match first_symlink(&path)? {
                None => return Ok(path),
                Some((link, target, rest)) => {
                    let above = link.parent().unwrap_or(Path::new("/"));
                    self.directory(above);
                    path = normalised(&above.join(&target).join(rest));
                    self.nodes.insert(link, Node::Symlink(target));
                }
            }
        }
        bail!("{}: too many symbolic links", path.display())
    }
}

/// The first component of an absolute path that is a symbolic link: its path, its target, and what follows it.
fn first_symlink(path: &Path) -> Result<Option<(PathBuf, PathBuf, PathBuf)>> {
    let mut so_far = PathBuf::from("/");
    let mut components = path.components().filter(|component| *component != Component::RootDir);
    while let Some(component) = components.next() {
        so_far.push(component);
        let metadata = fs::symlink_metadata(&so_far).with_context(|| so_far.display().to_string())?;
        if metadata.is_symlink() {
            let target = fs::read_link(&so_far)?;
            return Ok(Some((so_far, target, components.collect())));
        }
    }
    Ok(None)
}

/// A path without `.` and `..`; right only where what precedes a `..` is no symbolic link.
fn normalised(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            Component::RootDir | Component::Prefix(_) | Component::Normal(_) => plain.push(component),
        }
    }
    plain
}

#[derive(Debug, PartialEq, Eq)]
enum Library<'a> {
    File(&'a str),
    Missing(&'a str),
    None,
}

/// Reads a line of `ldd`: `name => /path (0x…)`, `/path (0x…)`, `name => not found` or `linux-vdso.so.1 (0x…)`.
fn library_of(line: &str) -> Library<'_> {
    let line = line.trim();
    let (name, place) = line.split_once(" => ").unwrap_or((line, line));
    match place.split(" (").next() {
        Some("not found") => Library::Missing(name),
        Some(path) if path.starts_with('/') => Library::File(path),
        Some(_) | None => Library::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_ldd() {
        let file = "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f8e)";
        assert_eq!(library_of(file), Library::File("/lib/x86_64-linux-gnu/libc.so.6"));
        assert_eq!(
            library_of("\t/lib64/ld-linux-x86-64.so.2 (0x1)"),
            Library::File("/lib64/ld-linux-x86-64.so.2")
        );
        assert_eq!(library_of("\tlibx.so => not found"), Library::Missing("libx.so"));
        assert_eq!(library_of("\tlinux-vdso.so.1 (0x00007fff)"), Library::None);
        assert_eq!(library_of("\tstatically linked"), Library::None);
    }

    #[test]
    fn keeps_the_links_on_the_way_to_a_file() {
        let scratch = std::env::temp_dir().join(format!("framewall-tree-{}", std::process::id()));
        fs::create_dir_all(scratch.join("real/deep")).unwrap();
        fs::write(scratch.join("real/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", scratch.join("link")).unwrap();
        let mut tree = Tree::default();
        let real = tree.host(&scratch.join("link/deep/../deep/file")).unwrap();
        fs::remove_dir_all(&scratch).unwrap();
        assert!(real.ends_with("real/deep/file"), "{}", real.display());
        assert!(
            matches!(tree.nodes.get(&scratch.join("link")), Some(Node::Symlink(to)) if to == Path::new("real"))
        );
        assert!(matches!(tree.nodes.get(&real), Some(Node::Copy { .. })));
        assert!(matches!(tree.nodes.get(real.parent().unwrap()), Some(Node::Directory)));
    }
}
