//! A kernel out of a Debian package, unpacked beside the build and never installed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{apt, process};

/// What stands for the newest kernel that Debian builds for virtual machines.
pub(super) const DEFAULT: &str = "linux-image-cloud-amd64";

/// An unpacked kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The release, as `uname -r` will say.
    pub(super) release: String,
    /// The bootable image.
    pub(super) image: PathBuf,
    /// The directory of its modules.
    modules: PathBuf,
}

impl Kernel {
    /// Gets the kernel of a package, or of a .deb file, and unpacks it below `directory`.
    pub(super) fn obtain(wanted: &str, directory: &Path) -> Result<Self> {
        let package = match Path::new(wanted).extension() {
            Some(extension) if extension == "deb" => {
                fs::canonicalize(wanted).with_context(|| format!("the kernel package {wanted}"))?
            }
            Some(_) | None => download(&concrete(wanted)?, directory)?,
        };
        let name = package.file_stem().and_then(|name| name.to_str()).context("a package has a name")?;
        let root = directory.join(name);
        if !root.is_dir() {
            // Unpacked beside its place first: what is in place is complete.
            let partial = directory.join(format!("{name}.partial"));
            super::remove(&partial)?;
            process::run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&partial))?;
            fs::rename(&partial, &root)?;
        }
        Self::unpacked(&root).with_context(|| format!("{} is no kernel", package.display()))
    }

    fn unpacked(root: &Path) -> Result<Self> {
        let images = fs::read_dir(root.join("boot")).context("it has no /boot")?;
        let images: Vec<_> = images.flatten().map(|entry| entry.path()).collect();
        let image = images.iter().find_map(|path| {
            let release = path.file_name()?.to_str()?.strip_prefix("vmlinuz-")?;
            Some((path.clone(), release.to_owned()))
        });
        let (image, release) = image.context("it has no /boot/vmlinuz-*")?;
        let places = ["lib/modules", "usr/lib/modules"].map(|place| root.join(place).join(&release));
        let modules = places.into_iter().find(|place| place.is_dir()).context("it has no modules")?;
        Ok(Self { release, image, modules })
    }

    /// The files of a module and of those it depends on, in the order in which to load them; none if it is built in.
    pub(super) fn module(&self, name: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        self.collect(name, &mut HashSet::new(), &mut found)?;
        Ok(found)
    }

    fn collect(&self, name: &str, seen: &mut HashSet<String>, found: &mut Vec<PathBuf>) -> Result<()> {
        if !seen.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(file) = find_module(&self.modules, name)? else {
            if self.is_built_in(name)? {
                return Ok(());
            }
            bail!("the kernel {} has no module {name}", self.release);
        };
        for dependency in dependencies(&module_content(&file)?) {
            self.collect(&dependency, seen, found)?;
        }
        found.push(file);
        Ok(())
    }

    fn is_built_in(&self, name: &str) -> Result<bool> {
        let list = self.modules.join("modules.builtin");
        let list = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
        Ok(list.lines().any(|line| module_name(Path::new(line)).is_some_and(|built_in| built_in == name)))
    }
}

/// The content of a module file, unpacked where the distribution compresses modules.
pub(super) fn module_content(file: &Path) -> Result<Vec<u8>> {
    let program = match file.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        Some(_) | None => return fs::read(file).with_context(|| file.display().to_string()),
    };
    let output = Command::new(program).args(["--decompress", "--stdout"]).arg(file).output();
    let output = output.with_context(|| format!("{program} for {}", file.display()))?;
    if !output.status.success() {
        bail!("{program} cannot unpack {}", file.display());
    }
    Ok(output.stdout)
}

/// The package that a meta package such as [`DEFAULT`] stands for today, or the package itself.
fn concrete(package: &str) -> Result<String> {
    if apt::candidate(package).is_none() {
        apt::update();
    }
    let mut query = Command::new("apt-cache");
    query.args(["depends", "--important", package]).env("LC_ALL", "C");
    let depends = process::output(&mut query).with_context(|| format!("the kernel package {package}"))?;
    let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(names.find(|name| name.starts_with("linux-image-")).unwrap_or(package).to_owned())
}

/// Fetches a package unless it is there already.
fn download(package: &str, directory: &Path) -> Result<PathBuf> {
    let place = directory.join("packages").join(package);
    let fetched = || {
        let files = fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
        files.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "deb"))
    };
    if let Some(file) = fetched() {
        return Ok(file);
    }
    println!("vm: apt-get download {package}");
    fs::create_dir_all(&place)?;
    apt::download(package, &place)?;
    fetched().with_context(|| format!("apt-get download left no {package}*.deb in {}", place.display()))
}

/// Finds a module below a directory, by the name that `lsmod` would show.
fn find_module(directory: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if let Some(found) = find_module(&path, name)? {
                return Ok(Some(found));
            }
        } else if module_name(&path).is_some_and(|found| found == name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// `virtio_rng` of `…/virtio-rng.ko.xz`.
fn module_name(path: &Path) -> Option<String> {
    let (name, _) = path.file_name()?.to_str()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// The modules that a module names in its section .modinfo, as `depends=a,b`.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let list: Vec<u8> = module.iter().skip(at + KEY.len()).copied().take_while(|byte| *byte != 0).collect();
    let list = String::from_utf8_lossy(&list);
    list.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_module_depends_on() {
        let module = b"\x7fELF..license=GPL\0depends=inet_diag,virtio-ring\0name=tcp_diag\0";
        assert_eq!(dependencies(module), ["inet_diag", "virtio_ring"]);
        assert!(dependencies(b"license=GPL\0depends=\0name=veth\0").is_empty());
        assert!(dependencies(b"").is_empty());
    }

    #[test]
    fn knows_modules_by_the_name_that_lsmod_shows() {
        assert_eq!(module_name(Path::new("kernel/drivers/virtio-rng.ko.xz")).as_deref(), Some("virtio_rng"));
        assert_eq!(module_name(Path::new("veth.ko")).as_deref(), Some("veth"));
        assert_eq!(module_name(Path::new("modules.dep")), None);
    }
}
