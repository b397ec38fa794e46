//! Finds what builds the kernel programs. `agent/build.rs` includes this very file, so it uses nothing but `std`.
//!
//! Two compilers can do it. The usual one is rustup's nightly with `rust-src`, which builds `core` for the bpf target
//! by itself. Debian packages a rustc together with a prebuilt `core` for that target; `aya-build` cannot use it (it
//! asks rustup for a toolchain and always builds `core`), which is why Framewall has this file in its place.
//!
//! Both hand their bitcode to `bpf-linker`, whose LLVM must not be older than the compiler's.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of the kernel programs on every machine that Framewall runs on: all of them are little-endian.
const TARGET: &str = "bpfel-unknown-none";
const PACKAGE: &str = "framewall-ebpf";
/// The oldest compiler that the workspace accepts, as `1.95`.
const MINIMUM_RUSTC: &str = env!("CARGO_PKG_RUST_VERSION");
const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";

/// A compiler with `core` for the bpf target, or with the means to build it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// rustup's nightly with the component `rust-src`.
    Nightly {
        /// The `rustup` to run it with.
        rustup: PathBuf,
        /// What `rustc --version` says.
        version: String,
        /// The major version of its LLVM.
        llvm: u32,
    },
    /// A distribution's rustc with a prebuilt `core`.
    Distribution {
        /// The compiler itself.
        rustc: PathBuf,
        /// What `rustc --version` says.
        version: String,
        /// The major version of its LLVM.
        llvm: u32,
    },
}

/// A compiler and a linker that fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EbpfToolchain {
    compiler: Compiler,
    linker: PathBuf,
}

/// What the machine lacks. Its `Display` is one line that names it and the command that installs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Why no compiler can be used, where there is none.
    pub(crate) compiler: Option<String>,
    /// What is wrong with the linker, if anything is.
    pub(crate) linker: Option<LinkerFault>,
}

/// Why `bpf-linker` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkerFault {
    /// It is neither on `PATH` nor in Cargo's `bin` directory.
    Absent,
    /// It does not run.
    Broken {
        /// The file that was tried.
        path: PathBuf,
        /// What it said, in one line.
        reason: String,
    },
    /// It would not understand the compiler's bitcode.
    Older {
        /// The file that was looked at.
        path: PathBuf,
        /// The major version of its LLVM.
        linker: u32,
        /// The major version of the compiler's LLVM.
        compiler: u32,
    },
}

/// Finds a compiler and a linker that fit together: nightly where it is there, the distribution's otherwise.
///
/// # Errors
///
/// [`Missing`] says what is not there.
pub(crate) fn find() -> Result<EbpfToolchain, Missing> {
    let compilers = compilers();
    let linker = working_linker();
    let (Ok(compilers), Ok(path)) = (&compilers, &linker) else {
        return Err(Missing { compiler: compilers.err(), linker: linker.err() });
    };
    let linker_llvm = llvm_of_linker(path);
    let fits = |compiler: &&Compiler| linker_llvm.is_none_or(|linker| linker >= compiler.llvm());
    match compilers.iter().find(fits) {
        Some(compiler) => Ok(EbpfToolchain { compiler: compiler.clone(), linker: path.clone() }),
        None => Err(Missing {
            compiler: None,
            linker: Some(LinkerFault::Older {
                path: path.clone(),
                linker: linker_llvm.unwrap_or_default(),
                compiler: compilers.iter().map(Compiler::llvm).min().unwrap_or_default(),
            }),
        }),
    }
}

/// The compilers that could build the kernel programs, the preferred one first; never an empty list.
///
/// # Errors
///
/// One line that says why there is none.
pub(crate) fn compilers() -> Result<Vec<Compiler>, String> {
    let mut usable = Vec::new();
    let mut refused = None;
    usable.extend(nightly());
    match distribution() {
        Ok(compiler) => usable.extend(compiler),
        Err(reason) => refused = Some(reason),
    }
    if usable.is_empty() {
        return Err(refused.unwrap_or_else(|| {
            format!("no compiler for {TARGET} (neither nightly with rust-src nor Debian's rustc-web)")
        }));
    }
    Ok(usable)
}

impl Compiler {
    /// The major version of its LLVM.
    pub(crate) fn llvm(&self) -> u32 {
        match self {
            Self::Nightly { llvm, .. } | Self::Distribution { llvm, .. } => *llvm,
        }
    }
}

impl EbpfToolchain {
    /// The command that builds the kernel programs of the workspace at or above `manifest_dir` into `target_dir`.
    ///
    /// What the surrounding Cargo, rustup and Clippy have put into the environment is kept from it, except for
    /// Cargo's job server.
    pub(crate) fn build_command(&self, manifest_dir: &Path, target_dir: &Path) -> Command {
        let mut command = match &self.compiler {
            Compiler::Nightly { rustup, .. } => {
                let mut command = Command::new(rustup);
                command.args(["run", "nightly", "cargo", "build", "-Z", "build-std=core"]);
                command
            }
            Compiler::Distribution { .. } => {
                let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
                command.arg("build");
                command
            }
        };
        command.args(["--release", "--target", TARGET, "--package", PACKAGE, "--target-dir"]).arg(target_dir);
        for (name, _) in std::env::vars_os().filter(|(name, _)| leaks(name)) {
            command.env_remove(name);
        }
        if let Compiler::Distribution { rustc, .. } = &self.compiler {
            // A stable compiler refuses the unstable features that kernel programs need, unless told to be a nightly.
            command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
        }
        let architecture = std::env::var("CARGO_CFG_TARGET_ARCH");
        let architecture = architecture.as_deref().unwrap_or(std::env::consts::ARCH);
        let flags = [
            // Which layout of pt_regs and friends aya-ebpf is to assume: that of the kernel that runs the program.
            &format!("--cfg=bpf_target_arch=\"{architecture}\""),
            "-Cdebuginfo=2",
            "-Clink-arg=--btf",
        ];
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command.env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &self.linker);
        command.current_dir(manifest_dir).stdin(Stdio::null());
        command
    }

    /// Where [`Self::build_command`] leaves the object file.
    pub(crate) fn object(&self, target_dir: &Path) -> PathBuf {
        target_dir.join(TARGET).join("release").join(PACKAGE)
    }
}

impl fmt::Display for EbpfToolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.compiler {
            Compiler::Nightly { version, .. } => write!(f, "nightly {version}")?,
            Compiler::Distribution { rustc, version, .. } => write!(f, "{} ({version})", rustc.display())?,
        }
        write!(f, " with {}", self.linker.display())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel programs cannot be built: ")?;
        if let Some(reason) = &self.compiler {
            f.write_str(reason)?;
        }
        if self.compiler.is_some() && self.linker.is_some() {
            f.write_str(", ")?;
        }
        match &self.linker {
            None => {}
            Some(LinkerFault::Absent) => f.write_str("no bpf-linker on PATH or in Cargo's bin directory")?,
            Some(LinkerFault::Broken { path, reason }) => {
                write!(f, "{} does not run ({reason})", path.display())?;
            }
            Some(LinkerFault::Older { path, linker, compiler }) => write!(
                f,
                "{} has LLVM {linker}, which is older than the compiler's LLVM {compiler}",
                path.display()
            )?,
        }
        f.write_str("; run `cargo xtask setup`")
    }
}

impl std::error::Error for Missing {}

/// Whether a variable would carry the settings of the build around us into the build of the kernel programs.
fn leaks(name: &OsStr) -> bool {
    const NAMES: [&str; 14] = [
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_LINKER",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "CARGO_UNSTABLE_BUILD_STD",
        "CLIPPY_ARGS",
        "CLIPPY_CONF_DIR",
        "LD_LIBRARY_PATH",
    ];
    const PREFIXES: [&str; 4] = ["CARGO_BUILD_", "CARGO_CFG_", "CARGO_PROFILE_", "CARGO_TARGET_"];
    let Some(name) = name.to_str() else { return false };
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn nightly() -> Option<Compiler> {
    let rustup = program("rustup")?;
    let rustc = |argument: &[&str]| {
        let mut command = Command::new(&rustup);
        command.args(["run", "nightly", "rustc"]).args(argument).env_remove("RUSTUP_TOOLCHAIN");
        said(&mut command).ok()
    };
    let sysroot = rustc(&["--print", "sysroot"])?;
    let core = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml");
    if !core.is_file() {
        return None;
    }
    let (version, llvm) = versions(&rustc(&["-Vv"])?)?;
    Some(Compiler::Nightly { rustup, version, llvm })
}

/// The distribution's compiler: `Ok(None)` where it is not there or has no `core` for the target.
fn distribution() -> Result<Option<Compiler>, String> {
    let rustc = PathBuf::from(DISTRIBUTION_RUSTC);
    let ask = |arguments: &[&str]| said(Command::new(&rustc).args(arguments)).ok();
    let has_core = |directory: String| {
        let mut files = std::fs::read_dir(directory.trim()).into_iter().flatten().flatten();
        files.any(|file| {
            file.file_name()
                .to_str()
                .is_some_and(|name| name.starts_with("libcore-") && name.ends_with(".rlib"))
        })
    };
    if !ask(&["--print", "target-libdir", "--target", TARGET]).is_some_and(has_core) {
        return Ok(None);
    }
    let Some((version, llvm)) = ask(&["-Vv"]).as_deref().and_then(versions) else { return Ok(None) };
    if release(&version) < release(MINIMUM_RUSTC) {
        return Err(format!("{DISTRIBUTION_RUSTC} is {version}, but {MINIMUM_RUSTC} is needed"));
    }
    Ok(Some(Compiler::Distribution { rustc, version, llvm }))
}

/// Version and major version of LLVM from what `rustc -Vv` prints.
fn versions(verbose: &str) -> Option<(String, u32)> {
    let version = verbose.lines().next()?.split(" (").next()?.to_owned();
    let llvm = verbose.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    Some((version, llvm.split('.').next()?.parse().ok()?))
}

/// `(1, 95)` of `rustc 1.95.0` or of `1.95`.
fn release(version: &str) -> Option<(u32, u32)> {
    let number = version.rsplit(' ').next()?;
    let mut parts = number.split(['.', '-']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn working_linker() -> Result<PathBuf, LinkerFault> {
    let path = program("bpf-linker").ok_or(LinkerFault::Absent)?;
    match said(Command::new(&path).arg("--version")) {
        Ok(_) => Ok(path),
        Err(reason) => Err(LinkerFault::Broken { path, reason }),
    }
}

/// The LLVM that a linker asks the dynamic loader for; `None` where LLVM is built in, which cannot be told from outside.
fn llvm_of_linker(path: &Path) -> Option<u32> {
    const LIBRARY: &[u8] = b"libLLVM.so.";
    // The names of needed libraries stand near the front of the file.
    let mut front = Vec::new();
    File::open(path).ok()?.take(1 << 20).read_to_end(&mut front).ok()?;
    let at = front.windows(LIBRARY.len()).position(|window| window == LIBRARY)?;
    let digits = front.get(at + LIBRARY.len()..)?.iter().take_while(|byte| byte.is_ascii_digit());
    String::from_utf8(digits.copied().collect()).ok()?.parse().ok()
}

/// A program on `PATH` or in Cargo's `bin` directory, where `cargo install` puts things even when it is not on `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let directories = std::env::split_paths(&path).chain(cargo_home.map(|home| home.join("bin")));
    directories.map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Standard output of a command that must succeed; otherwise the first line of its complaint.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().next().map_or_else(|| output.status.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_of_rustc() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\nhost: x\nLLVM version: 22.1.8\n";
        assert_eq!(versions(text), Some(("rustc 1.96.0".to_owned(), 22)));
        assert_eq!(versions("rustc 1.96.0"), None);
    }

    #[test]
    fn compares_releases_as_numbers() {
        assert!(release("rustc 1.100.0-nightly") > release("1.95"));
        assert!(release("rustc 1.85.0") < release("1.95"));
        assert_eq!(release("nonsense"), None);
    }

    #[test]
    fn says_in_one_line_what_is_missing() {
        let nothing = Missing { compiler: Some("no compiler".into()), linker: Some(LinkerFault::Absent) };
        let text = nothing.to_string();
        assert_eq!(text.lines().count(), 1);
        assert!(
            text.contains("no compiler, no bpf-linker") && text.ends_with("run `cargo xtask setup`"),
            "{text}"
        );
    }

    #[test]
    fn nightly_builds_core_and_the_distribution_has_it() {
        let linker = PathBuf::from("/bin/bpf-linker");
        let words = |compiler: Compiler| {
            let toolchain = EbpfToolchain { compiler, linker: linker.clone() };
            let command = toolchain.build_command(Path::new("/"), Path::new("/out"));
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
            let rustc = command.get_envs().find(|(name, _)| *name == "RUSTC").and_then(|(_, value)| value);
            (words.join(" "), rustc.map(PathBuf::from))
        };
        let common = "--release --target bpfel-unknown-none --package framewall-ebpf --target-dir /out";
        let version = String::new();
        let nightly = Compiler::Nightly { rustup: "/bin/rustup".into(), version: version.clone(), llvm: 22 };
        assert_eq!(words(nightly), (format!("run nightly cargo build -Z build-std=core {common}"), None));
        let rustc = PathBuf::from(DISTRIBUTION_RUSTC);
        let distribution = Compiler::Distribution { rustc: rustc.clone(), version, llvm: 22 };
        assert_eq!(words(distribution), (format!("build {common}"), Some(rustc)));
    }

    #[test]
    fn keeps_the_surrounding_build_out() {
        for name in
            ["RUSTC", "RUSTUP_TOOLCHAIN", "CARGO_TARGET_DIR", "CARGO_PROFILE_RELEASE_LTO", "CLIPPY_ARGS"]
        {
            assert!(leaks(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_MAKEFLAGS", "PATH", "HOME", "CARGO_NET_OFFLINE"] {
            assert!(!leaks(OsStr::new(name)), "{name}");
        }
    }
}
