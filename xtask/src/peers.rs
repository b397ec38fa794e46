//! The programs that the integration tests play with, and the directory in which the tests look for them:
//!
//! | below `target/peers` | what |
//! |---|---|
//! | `bin` | the Rust peers, the Go peer, and `node` and `python3` as they were found here |
//! | `node` | `node_modules` as tests/peers/node/package-lock.json pins them |
//! | `python` | the packages of tests/peers/python/requirements.txt, for `PYTHONPATH` |
//! | `java` | the Java peer, and the `arguments` for `java` |
//! | `scripts` | tests/peers |

mod compiled;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{apt, artifacts, process};

/// Programs that the tests and this file call, and the packages that have them.
const PROGRAMS: [(&str, &str); 9] = [
    ("ip", "iproute2"),
    ("bpftool", "bpftool"),
    ("nginx", "nginx"),
    ("strip", "binutils"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("python3", "python3"),
    ("go", "golang-go"),
    ("javac", "default-jdk-headless"),
];

/// The prepared directory.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pub(crate) directory: PathBuf,
}

impl Peers {
    /// The programs found here, and the Rust peers.
    pub(crate) fn bin(&self) -> PathBuf {
        self.directory.join("bin")
    }

    /// The variables with which the integration tests run, apart from the daemon.
    pub(crate) fn variables(&self) -> [(&'static str, std::ffi::OsString); 2] {
        [
            ("FRAMEWALL_PEERS", self.directory.clone().into_os_string()),
            ("PATH", process::search_path(Some(&self.bin()))),
        ]
    }
}

/// Installs what is missing on this machine, then fills the directory. Says what it does, and does nothing twice.
pub(crate) fn prepare(workspace: &Workspace) -> Result<Peers> {
    let packages: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| process::find_program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    apt::install(&packages)?;
    let peers = Peers { directory: workspace.target.join("peers") };
    let scripts = workspace.root.join("tests/peers");
    fs::create_dir_all(peers.bin())?;
    link(&scripts, &peers.directory.join("scripts"))?;
    let node = process::output(Command::new("node").args(["--print", "process.execPath"]))?;
    link(Path::new(node.trim()), &peers.bin().join("node"))?;
    node_modules(&scripts.join("node"), &peers.directory.join("node"))?;
    let python = python()?;
    link(&python, &peers.bin().join("python3"))?;
    python_packages(&python, &scripts.join("python/requirements.txt"), &peers.directory.join("python"))?;
    compiled::go(&scripts.join("go/server.go"), &peers)?;
    compiled::java(&scripts.join("java/Server.java"), &peers)?;
    for (name, path) in artifacts::peers(workspace)? {
        link(&path, &peers.bin().join(name))?;
    }
    Ok(peers)
}

fn node_modules(from: &Path, to: &Path) -> Result<()> {
    let lock =
        fs::read_to_string(from.join("package-lock.json")).context("tests/peers/node/package-lock.json")?;
    let stamp = Stamp { file: to.join("installed"), content: lock };
    if stamp.is_current() {
        return Ok(());
    }
    println!("  npm ci (tests/peers/node/package-lock.json)");
    fs::create_dir_all(to)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(from.join(name), to.join(name))?;
    }
    let mut command = Command::new("npm");
    command
        .args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"])
        .current_dir(to);
    process::output(&mut command)?;
    stamp.write()
}

/// The interpreter behind the name `python3`, which may be a script of a version manager. It must be able to make
/// virtual environments, which is how pip gets here; Debian packages that by itself.
fn python() -> Result<PathBuf> {
    let ask = |program: &str| {
        let question = "import ensurepip, os, sys, venv; print(os.path.realpath(sys.executable))";
        process::output(Command::new(program).args(["-c", question])).ok()
    };
    if let Some(python) = ask("python3") {
        return Ok(PathBuf::from(python.trim()));
    }
    apt::install(&["python3", "python3-venv"])?;
    let python = ask("/usr/bin/python3")
        .context("/usr/bin/python3 has no venv, although python3-venv is installed")?;
    Ok(PathBuf::from(python.trim()))
}

fn python_packages(python: &Path, requirements: &Path, to: &Path) -> Result<()> {
    let pinned = fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    let version = process::output(Command::new(python).arg("--version"))?;
    let stamp = Stamp {
        file: to.with_extension("installed"),
        content: format!("{} {version}{pinned}", python.display()),
    };
    if stamp.is_current() && to.is_dir() {
        return Ok(());
    }
    println!("  pip install (tests/peers/python/requirements.txt)");
    let environment = to.with_extension("venv");
    for directory in [&environment, to] {
        if directory.exists() {
            fs::remove_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
    }
    process::output(Command::new(python).args(["-m", "venv"]).arg(&environment))?;
    let mut command = Command::new(environment.join("bin/python3"));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(to);
    command.arg("--requirement").arg(requirements);
    process::output(&mut command)?;
    fs::remove_dir_all(&environment)?;
    stamp.write()
}

/// What was installed last, so that it is not installed again.
#[derive(Debug)]
struct Stamp {
    file: PathBuf,
    content: String,
}

impl Stamp {
    fn is_current(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|content| content == self.content)
    }

    fn write(&self) -> Result<()> {
        fs::write(&self.file, &self.content).with_context(|| self.file.display().to_string())
    }
}

/// Makes `link` a symbolic link to `target`, whatever link was there.
fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|current| current == target) {
        return Ok(());
    }
    if link.is_symlink() {
        fs::remove_file(link)?;
    }
    if !target.exists() {
        bail!("{} does not exist", target.display());
    }
    symlink(target, link).with_context(|| link.display().to_string())
}
