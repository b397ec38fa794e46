//! Builds the kernel programs for embedding.

#[path = "../xtask/src/toolchain.rs"]
mod toolchain;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    if let Err(message) = build() {
        // cargo stops with this line. An exit status of failure would make it print everything else as well.
        println!("cargo::error={message}");
    }
}

fn build() -> Result<(), String> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set"));
    let agent = variable("CARGO_MANIFEST_DIR")?;
    let out_dir = variable("OUT_DIR")?;
    let root = agent.parent().ok_or("the agent is a folder of the workspace")?;
    for input in ["agent-ebpf", "agent-common", "xtask/src/toolchain.rs", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }

    let toolchain = toolchain::find().map_err(|missing| missing.to_string())?;
    let target_dir = out_dir.join("ebpf");
    let output = toolchain
        .build_command(&root.join("agent-ebpf"), &target_dir)
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !output.status.success() {
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            println!("cargo::warning={line}");
        }
        return Err("the kernel programs do not build, see the warnings above".to_owned());
    }
    let object = toolchain.object(&target_dir);
    copy(&object, &out_dir.join("framewall-ebpf"))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| format!("cannot copy {}: {error}", from.display()))
}
