//! The peers in Go and Java, made with the compilers and libraries of the distribution.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Peers, Stamp};
use crate::{apt, process};

/// Where Debian has the sources of Go's libraries, the one that is needed, and its package.
const GO_PATH: &str = "/usr/share/gocode";
const GO_LIBRARY: &str = "src/github.com/gorilla/websocket";
const GO_PACKAGE: &str = "golang-github-gorilla-websocket-dev";
/// Where Debian has Java's libraries, the part of Tomcat that is needed, and its package.
const JARS: &str = "/usr/share/java";
const TOMCAT: [&str; 13] = [
    "annotations-api",
    "api",
    "catalina",
    "coyote",
    "jaspic-api",
    "jni",
    "juli",
    "servlet-api",
    "util",
    "util-scan",
    "websocket",
    "websocket-api",
    "websocket-client-api",
];
const TOMCAT_PACKAGE: &str = "libtomcat10-java";

/// Makes `bin/ws-go` from `source`: linked statically, so that it runs anywhere.
pub(super) fn go(source: &Path, peers: &Peers) -> Result<()> {
    if !Path::new(GO_PATH).join(GO_LIBRARY).exists() {
        apt::install(&[GO_PACKAGE])?;
    }
    let version = process::output(Command::new("go").arg("version"))?;
    let stamp = Stamp {
        file: peers.directory.join("go.installed"),
        content: format!("{version}{}", fs::read_to_string(source)?),
    };
    let program = peers.bin().join("ws-go");
    if stamp.is_current() && program.exists() {
        return Ok(());
    }
    println!("  go build (tests/peers/go)");
    let mut command = Command::new("go");
    // As Debian builds its packages: no modules, and so no network.
    command.envs([("GO111MODULE", "off"), ("GOPATH", GO_PATH), ("GOFLAGS", ""), ("CGO_ENABLED", "0")]);
    command.env("GOCACHE", peers.directory.join("go.cache"));
    command.args(["build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&program).arg(source);
    process::output(&mut command)?;
    stamp.write()
}

/// Makes `java` from `source`: classes, and the arguments with which `java` finds them.
pub(super) fn java(source: &Path, peers: &Peers) -> Result<()> {
    let jars = TOMCAT.map(|part| format!("{JARS}/tomcat10-{part}.jar"));
    if !jars.iter().all(|jar| Path::new(jar).exists()) {
        apt::install(&[TOMCAT_PACKAGE])?;
    }
    let directory = peers.directory.join("java");
    let class_path = jars.join(":");
    let version = process::output(Command::new("javac").arg("-version"))?;
    let stamp = Stamp {
        file: directory.join("installed"),
        content: format!("{version}{class_path}\n{}", fs::read_to_string(source)?),
    };
    if stamp.is_current() {
        return Ok(());
    }
    println!("  javac (tests/peers/java)");
    fs::create_dir_all(&directory)?;
    process::output(Command::new("javac").args(["-cp", &class_path, "-d"]).arg(&directory).arg(source))?;
    // The options are the quickest way to a server that lives for seconds.
    let options = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
    let arguments = format!("{options} -cp \"{}:{class_path}\"\n", directory.display());
    fs::write(directory.join("arguments"), arguments)?;
    stamp.write()
}
