//! `cargo xtask vm`: the integration tests on another kernel.
//!
//! The guest has no disk. All it needs is in its initramfs: copies of this machine's programs under the same paths,
//! the tests, and this very program as the init process ([`guest`]). It runs the test binaries one after another with
//! its console as their output, and ends with one line that says success or failure.

mod cpio;
pub(crate) mod guest;
mod kernel;
mod plan;
mod qemu;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::kernel::Kernel;
use self::plan::Task;
use self::tree::Tree;
use crate::artifacts::{self, TestBinary};
use crate::libtest::Tally;
use crate::peers::{self, Peers};
use crate::workspace::Workspace;
use crate::{apt, process, setup};

pub(crate) const HELP: &str = "\
Runs the integration tests on another kernel, in a virtual machine

Usage: cargo xtask vm [--kernel PACKAGE|FILE.deb]... [--test NAME]... [--limit-s SECONDS] [FILTER]

Options:
  --kernel PACKAGE|FILE.deb  A kernel as Debian packages it, by name or as a file; may be repeated, one machine after
                             another [default: linux-image-cloud-amd64]. It is unpacked below target/vm, not installed.
  --test NAME                Only this test binary; may be repeated
  --limit-s SECONDS          Time limit for each machine, from power on to power off [default: 1200]
  FILTER                     Only tests whose names contain this

Tests that send traffic through the daemon run twice, the second time with the fast lane. The machine is emulated (QEMU's TCG),
which works everywhere and is slow: time limits of the tests are ten times as long. With FRAMEWALL_VM_ACCEL=kvm in the
environment it uses KVM.
";

/// How much longer the tests may take in the guest.
const SLOWDOWN: &str = "10";
/// Where the guest keeps what is not a copy of the host's.
const GUEST_DIRECTORY: &str = "/framewall-vm";
/// Modules that the tests' network needs, and those that tell of sockets' memory.
const MODULES: [&str; 2] = ["veth", "tcp_diag"];
/// Programs of the host that the tests call, besides those in the directory of peers.
const PROGRAMS: [&str; 5] = ["ip", "ss", "bpftool", "nginx", "sh"];
/// Parts of Python's library that no server needs, some of them large.
const PYTHON_LEFT_OUT: [&str; 9] = [
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
];

/// What to run, as the command line says.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Packages or files; the default kernel if there are none.
    pub(crate) kernels: Vec<String>,
    /// Names of test binaries; all if there are none.
    pub(crate) tests: Vec<String>,
    /// libtest's filter.
    pub(crate) filter: Option<String>,
    /// For each machine.
    pub(crate) limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { kernels: Vec::new(), tests: Vec::new(), filter: None, limit: Duration::from_secs(20 * 60) }
    }
}

/// What goes into the guest.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) daemon: PathBuf,
    pub(crate) peers: Peers,
    pub(crate) tests: Vec<TestBinary>,
}

/// The run on one kernel.
#[derive(Debug)]
pub(crate) struct Run {
    /// The kernel's release.
    pub(crate) kernel: String,
    pub(crate) tally: Tally,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

/// Builds everything, then runs it on every kernel that was asked for.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    setup::run(workspace)?;
    let daemon = artifacts::daemon(workspace)?;
    let peers = peers::prepare(workspace)?;
    let load = Load { daemon, peers, tests: artifacts::tests(workspace)? };
    let mut total = Tally::default();
    let mut all_well = true;
    for mut run in run_load(workspace, options, &load)? {
        if run.tally.executed() == 0 {
            run.failure.get_or_insert_with(|| "no test was executed".to_owned());
        }
        total += run.tally;
        match &run.failure {
            None => println!("vm: {}: success", run.kernel),
            Some(reason) => println!("vm: {}: failure: {reason}", run.kernel),
        }
        if run.failure.is_some() {
            all_well = false;
            total.failed = total.failed.max(1);
        }
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(all_well)
}

/// Runs test binaries on every kernel that was asked for.
pub(crate) fn run_load(workspace: &Workspace, options: &Options, load: &Load) -> Result<Vec<Run>> {
    qemu::check()?;
    if qemu::program().is_none() {
        apt::install(&["qemu-system-x86"])?;
    }
    let default = [kernel::DEFAULT.to_owned()];
    let kernels = if options.kernels.is_empty() { &default[..] } else { &options.kernels };
    let directory = workspace.target.join("vm");
    fs::create_dir_all(&directory)?;
    kernels.iter().map(|wanted| run_on(wanted, &directory, options, load)).collect()
}

fn run_on(wanted: &str, directory: &Path, options: &Options, load: &Load) -> Result<Run> {
    let kernel = Kernel::obtain(wanted, directory)?;
    // Emptied before as well: an interrupted run leaves it as it is.
    let scratch = directory.join("scratch");
    remove(&scratch)?;
    fs::create_dir_all(&scratch)?;
    let machine = qemu::Machine {
        kernel: kernel.image.clone(),
        initramfs: scratch.join("initramfs"),
        limit: options.limit,
    };
    let size = pack(&kernel, &scratch, options, load)?.write(&machine.initramfs)?;
    println!("vm: booting {} with an initramfs of {} MiB", kernel.release, size >> 20);
    let outcome = machine.run()?;
    remove(&scratch)?;
    let failed = outcome.tally.failed;
    let failure = outcome.failure.or_else(|| (failed > 0).then(|| format!("{failed} tests failed")));
    Ok(Run { kernel: kernel.release, tally: outcome.tally, failure })
}

/// Gathers the guest's files and its plan. Files that differ from the host's are made in `scratch`.
fn pack(kernel: &Kernel, scratch: &Path, options: &Options, load: &Load) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut tasks = Vec::new();
    let guest_directory = Path::new(GUEST_DIRECTORY);
    for name in MODULES {
        for file in kernel.module(name)? {
            let name = file.file_name().and_then(|name| name.to_str()).context("a module has a name")?;
            let (name, _) = name.split_once(".ko").context("a module ends in .ko")?;
            let place = guest_directory.join("modules").join(name);
            let unpacked = scratch.join(format!("module-{name}"));
            fs::write(&unpacked, kernel::module_content(&file)?)?;
            tree.copy_as(&place, &unpacked)?;
            tasks.push(Task::Module(place.to_string_lossy().into_owned()));
        }
    }
    system(&mut tree)?;
    programs(&mut tree, scratch, load)?;
    let mut variables = vec![
        ("HOME", "/root".into()),
        ("LANG", "C.UTF-8".into()),
        ("RUST_BACKTRACE", "1".into()),
        ("FRAMEWALL_BIN", load.daemon.clone().into_os_string()),
        ("FRAMEWALL_TEST_SLOWDOWN", SLOWDOWN.into()),
    ];
    variables.extend(load.peers.variables());
    for (name, value) in variables {
        let value =
            value.into_string().map_err(|value| anyhow::anyhow!("{name} is no text: {}", value.display()))?;
        tasks.push(Task::Variable { name: name.to_owned(), value });
    }
    tasks.push(Task::Run(["ip", "link", "set", "lo", "up"].map(str::to_owned).to_vec()));
    let chosen: Vec<_> = load.tests.iter().filter(|test| is_chosen(&test.name, &options.tests)).collect();
    if chosen.is_empty() {
        bail!("there is no test binary {}", options.tests.join(" or "));
    }
    for test in &chosen {
        tree.stripped_program(&test.path, scratch)?;
        tasks.push(Task::Run(words(test, options).collect()));
    }
    let (name, value) = artifacts::FAST_LANE;
    tasks.push(Task::Variable { name: name.to_owned(), value: value.to_owned() });
    tasks.extend(chosen.iter().filter(|test| test.has_traffic()).map(|test| {
        let words = words(test, options).chain(test.arguments_for_traffic().map(str::to_owned));
        Task::Run(words.collect())
    }));
    tree.text(plan::PATH, 0o644, plan::write(&tasks)?);
    tree.add_libraries()?;
    Ok(tree)
}

/// How to run a test binary.
fn words(test: &TestBinary, options: &Options) -> impl Iterator<Item = String> {
    std::iter::once(test.path.to_string_lossy().into_owned()).chain(options.filter.clone())
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    Ok(())
}

fn is_chosen(name: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)
}

/// What every system has.
fn system(tree: &mut Tree) -> Result<()> {
    for directory in ["/dev", "/proc", "/root", "/run", "/sys", "/tmp", "/var/log/nginx", "/var/lib/nginx"] {
        tree.directory(directory);
    }
    tree.text(
        "/etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/sh\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    );
    tree.text("/etc/group", 0o644, "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n");
    tree.text("/etc/hosts", 0o644, "127.0.0.1 localhost\n::1 localhost\n");
    tree.text("/etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n");
    let init = std::env::current_exe().context("the path of xtask")?;
    tree.program(&init)?;
    tree.copy_as("/init", &init)
}

/// The daemon, its peers, and what the tests call.
fn programs(tree: &mut Tree, scratch: &Path, load: &Load) -> Result<()> {
    tree.stripped_program(&load.daemon, scratch)?;
    for name in PROGRAMS {
        tree.program(&process::find_program(name).with_context(|| format!("there is no program {name}"))?)?;
    }
    for entry in fs::read_dir(load.peers.bin())? {
        tree.program(&entry?.path())?;
    }
    for part in ["node", "python", "scripts"] {
        tree.host(&load.peers.directory.join(part))?;
    }
    node_library(tree, &load.peers.bin().join("node"))?;
    python_library(tree, &load.peers.bin().join("python3"))
}

/// Distributions take parts of Node's own library out of its binary; it has their paths among the settings of its build.
fn node_library(tree: &mut Tree, node: &Path) -> Result<()> {
    let question = "process.config.target_defaults.defines.filter(d => d.startsWith('NODE_SHARED_BUILTIN_'))\
                    .map(d => d.slice(d.indexOf('=') + 1)).join('\\n')";
    let answer = process::output(Command::new(node).args(["--print", question]))?;
    for file in answer.lines().filter(|line| line.starts_with('/')) {
        tree.host(Path::new(file))?;
    }
    Ok(())
}

fn python_library(tree: &mut Tree, python: &Path) -> Result<()> {
    let question = "import sysconfig; paths = sysconfig.get_paths(); print(paths['stdlib'], paths['platstdlib'], sep='\\n')";
    let answer = process::output(Command::new(python).args(["-c", question]))?;
    let left_out = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        PYTHON_LEFT_OUT.contains(&name) || name.starts_with("config-")
    };
    for directory in answer.lines() {
        let real = tree.host_except(Path::new(directory), &left_out)?;
        for entry in fs::read_dir(real.join("lib-dynload")).into_iter().flatten() {
            tree.program(&entry?.path())?;
        }
    }
    Ok(())
}
