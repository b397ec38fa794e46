//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt;

/// Where Debian keeps what only root calls; root's own `PATH` may lack it after `su`.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Runs a command to its end with our output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| described(command))?;
    succeeded(command, status)
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| described(command))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}`: {}\n{}", described(command), output.status, complaint.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| described(command))
}

/// Runs a command and shows its standard output to `each_line` while it comes; ends it after `limit` or on Ctrl-C.
pub(crate) fn stream(
    command: &mut Command,
    limit: Duration,
    mut each_line: impl FnMut(&str),
) -> Result<ExitStatus> {
    // After the end of the program, a grandchild may still hold the pipe open.
    const GRACE: Duration = Duration::from_secs(1);
    let started = Instant::now();
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| described(command))?;
    let mut child = KillOnDrop(child);
    let stdout = child.0.stdout.take().expect("standard output is piped");
    let lines = lines(stdout);
    let mut exited = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => each_line(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        interrupt::check()?;
        if started.elapsed() > limit {
            bail!("`{}` did not end within {} s", described(command), limit.as_secs());
        }
        if exited.is_none() && child.0.try_wait()?.is_some() {
            exited = Some(Instant::now());
        }
        if exited.is_some_and(|at| at.elapsed() > GRACE) {
            break;
        }
    }
    while child.0.try_wait()?.is_none() {
        interrupt::check()?;
        if started.elapsed() > limit {
            bail!("`{}` did not end within {} s", described(command), limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.0.wait().with_context(|| described(command))
}

/// The lines of a pipe, read by a thread of their own. Bytes that are not UTF-8 are replaced.
pub(crate) fn lines(pipe: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A child process that does not outlive its guard.
#[derive(Debug)]
pub(crate) struct KillOnDrop(pub(crate) Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Fails only where the process has already ended and been waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A command for a program that must not outlive us, however we end (`setpriv` is part of util-linux).
pub(crate) fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]).env("PATH", search_path(None));
    command
}

/// A program on `PATH` or in one of the system directories.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path(None))
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// `PATH` with the system directories after it and `first`, if given, before it.
pub(crate) fn search_path(first: Option<&Path>) -> std::ffi::OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let directories = first
        .map(Path::to_owned)
        .into_iter()
        .chain(std::env::split_paths(&inherited))
        .chain(SYSTEM_DIRECTORIES.iter().map(PathBuf::from));
    std::env::join_paths(directories).unwrap_or(inherited)
}

/// Stops with one line unless we are root.
pub(crate) fn require_root(command: &str) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("`cargo xtask {command}` needs root: it makes network namespaces and loads kernel programs");
    }
    Ok(())
}

/// An error that names the command unless `status` is success.
pub(crate) fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}`: {status}", described(command));
    }
    Ok(())
}

/// A command as one would type it, without its variables.
pub(crate) fn described(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_lines_and_reports_the_status() {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 3"]);
        let status =
            stream(&mut command, Duration::from_secs(10), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!((seen.join(" ").as_str(), status.code()), ("one two", Some(3)));
    }

    #[test]
    fn ends_a_program_that_takes_too_long() {
        let mut command = Command::new("sleep");
        let started = Instant::now();
        let error = stream(command.arg("60"), Duration::from_millis(200), |_| {}).unwrap_err();
        assert!(
            started.elapsed() < Duration::from_secs(30) && error.to_string().contains("sleep 60"),
            "{error}"
        );
    }

    #[test]
    fn does_not_wait_for_a_grandchild_that_keeps_the_pipe() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 5 & echo done"]);
        let started = Instant::now();
        assert!(stream(&mut command, Duration::from_secs(30), |_| {}).unwrap().success());
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}
