//! The guest's init process. It is this very program: where it finds itself to be process 1, it is in the guest.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::resource::{Resource, setrlimit};

use super::plan::{self, Task};

/// What a Linux system has mounted, as the tests know it. The rest is the initramfs, also /tmp and /run: the host's
/// checkout, and so the tests' own files, may be below either of them.
const MOUNTS: [(&str, &str, &str); 8] = [
    ("proc", "/proc", ""),
    ("sysfs", "/sys", ""),
    ("devtmpfs", "/dev", ""),
    ("devpts", "/dev/pts", "ptmxmode=666"),
    ("tmpfs", "/dev/shm", "mode=1777"),
    ("cgroup2", "/sys/fs/cgroup", ""),
    ("bpf", "/sys/fs/bpf", "mode=700"),
    ("debugfs", "/sys/kernel/debug", ""),
];
/// As much as a server usually has (systemd's limit for services).
const OPEN_FILES: u64 = 524_288;
/// How the kernel begins its lines when something is wrong with itself.
const KERNEL_COMPLAINTS: [&str; 5] = ["WARNING:", "BUG:", "Oops", "INFO: task", "general protection fault"];

/// Whether this process is the guest's init process.
pub(crate) fn is_here() -> bool {
    std::process::id() == 1 && Path::new(plan::PATH).exists()
}

/// Carries out the plan, says on the console how it went, and switches the machine off.
pub(crate) fn main() -> ! {
    let line = match carry_out() {
        Ok(()) => plan::SUCCESS.to_owned(),
        Err(error) => format!("{} {error:#}", plan::FAILURE).replace('\n', " "),
    };
    // On a line of its own, whatever the last program left on the console.
    println!("\n{line}");
    // Nothing more can be done about a failure here: the host has a time limit.
    drop(std::io::stdout().flush());
    let Err(error) = reboot(RebootMode::RB_POWER_OFF);
    // The kernel panics when its init process ends, and that ends the machine as well.
    panic!("power off: {error}");
}

fn carry_out() -> Result<()> {
    for (kind, place, options) in MOUNTS {
        fs::create_dir_all(place).with_context(|| place.to_owned())?;
        mount(Some(kind), place, Some(kind), MsFlags::empty(), Some(options))
            .with_context(|| format!("mount {kind} on {place}"))?;
    }
    fs::set_permissions("/tmp", Permissions::from_mode(0o1777)).context("/tmp")?;
    setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES).context("limit of open files")?;
    let tasks = plan::read(&fs::read_to_string(plan::PATH).context(plan::PATH)?)?;
    let mut variables = Vec::new();
    let mut failures = Vec::new();
    for task in &tasks {
        match task {
            Task::Module(file) => {
                let module = File::open(file).with_context(|| file.clone())?;
                finit_module(&module, c"", ModuleInitFlags::empty())
                    .with_context(|| format!("load {file}"))?;
            }
            Task::Variable { name, value } => variables.push((name, value)),
            Task::Run(words) => {
                let (program, arguments) = words.split_first().context("a program to run")?;
                let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
                // Cargo puts a hash behind the names of test binaries.
                let name = name.rsplit_once('-').map_or(&*name, |(name, _)| name).to_owned();
                println!("--- {name}");
                let mut command = Command::new(program);
                command.args(arguments).env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
                let status = command.status().with_context(|| program.clone())?;
                if !status.success() {
                    println!("--- {name}: {status}");
                    failures.push(name);
                }
            }
        }
    }
    let complaints = kernel_complaints()?;
    for line in &complaints {
        println!("kernel: {line}");
    }
    if !failures.is_empty() {
        bail!("of {}", failures.join(", "));
    }
    if !complaints.is_empty() {
        bail!("of the kernel itself: {} complaints in its log", complaints.len());
    }
    Ok(())
}

/// The lines of the kernel's log in which it found fault with itself.
fn kernel_complaints() -> Result<Vec<String>> {
    // The longest record the kernel gives out (Documentation/ABI/testing/dev-kmsg).
    const LONGEST_RECORD: usize = 8192;
    let mut log = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open("/dev/kmsg")?;
    let mut record = vec![0; LONGEST_RECORD];
    let mut complaints = Vec::new();
    // One read gives one record; the first that would wait is the end.
    while let Ok(length) = log.read(&mut record) {
        let text = String::from_utf8_lossy(record.get(..length).unwrap_or_default());
        let message =
            text.split_once(';').map_or("", |(_, message)| message).lines().next().unwrap_or_default();
        if KERNEL_COMPLAINTS.iter().any(|complaint| message.starts_with(complaint)) {
            complaints.push(message.to_owned());
        }
    }
    Ok(complaints)
}
