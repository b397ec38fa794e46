//! What the kernel knows about a process: BPF objects, listening sockets, memory.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::env;

/// Ids of BPF programs, maps and links, as `bpftool` shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BpfObjects {
    /// `bpftool prog show`
    pub programs: BTreeSet<u64>,
    /// `bpftool map show`
    pub maps: BTreeSet<u64>,
    /// `bpftool link show`
    pub links: BTreeSet<u64>,
}

impl BpfObjects {
    /// Everything a process holds by a descriptor, the programs behind its links and the maps behind its programs.
    ///
    /// # Panics
    ///
    /// If `bpftool` is missing.
    #[must_use]
    pub fn of_process(pid: u32) -> Self {
        let mut held = Self::default();
        let directory = format!("/proc/{pid}/fdinfo");
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory}: {error}")).flatten()
        {
            // A descriptor may be closed between the listing and the reading.
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let field = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
            };
            // A link's information names its program as well.
            held.links.extend(field("link_id:"));
            held.programs.extend(field("prog_id:"));
            held.maps.extend(field("map_id:"));
        }
        for link in bpftool("link") {
            if id_of(&link).is_some_and(|id| held.links.contains(&id)) {
                held.programs.extend(link["prog_id"].as_u64());
            }
        }
        for program in bpftool("prog") {
            if id_of(&program).is_some_and(|id| held.programs.contains(&id)) {
                let maps = program["map_ids"].as_array().cloned().unwrap_or_default();
                held.maps.extend(maps.iter().filter_map(Value::as_u64));
            }
        }
        held
    }

    /// Those of these objects that still exist.
    ///
    /// # Panics
    ///
    /// If `bpftool` is missing.
    #[must_use]
    pub fn still_there(&self) -> Self {
        let among = |kind: &str, ids: &BTreeSet<u64>| {
            bpftool(kind).iter().filter_map(id_of).filter(|id| ids.contains(id)).collect()
        };
        Self {
            programs: among("prog", &self.programs),
            maps: among("map", &self.maps),
            links: among("link", &self.links),
        }
    }

    /// Waits until none of these objects exists any more: the kernel frees them a moment after their last user.
    ///
    /// # Panics
    ///
    /// If one stays.
    pub fn wait_gone(&self) {
        let mut left = Self::default();
        let started = std::time::Instant::now();
        while started.elapsed() < env::patience() {
            left = self.still_there();
            if left == Self::default() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("still in the kernel: {left:?}");
    }
}

/// The number of entries in the map `name` among `objects`.
///
/// # Panics
///
/// If there is no such map.
#[must_use]
pub fn map_entries(objects: &BpfObjects, name: &str) -> usize {
    let wanted =
        |map: &&Value| map["name"] == name && id_of(map).is_some_and(|id| objects.maps.contains(&id));
    let maps = bpftool("map");
    let map = maps.iter().find(wanted).unwrap_or_else(|| panic!("no map {name} among {maps:?}"));
    let id = id_of(map).expect("a map has an id").to_string();
    bpftool_json(&["map", "dump", "id", &id]).len()
}

/// Addresses on which a process listens for TCP, in its own network namespace.
///
/// # Panics
///
/// If the process does not exist.
#[must_use]
pub fn listening_addresses(pid: u32) -> Vec<SocketAddr> {
    const LISTEN: &str = "0A";
    let directory = format!("/proc/{pid}/fd");
    let sockets: BTreeSet<String> = fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{directory}: {error}"))
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut addresses = Vec::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if columns.get(3) == Some(&LISTEN) && columns.get(9).is_some_and(|inode| sockets.contains(*inode))
            {
                addresses.push(parse_address(columns[1]));
            }
        }
    }
    addresses
}

/// The resident memory of a process in bytes (`VmRSS`).
///
/// # Panics
///
/// If the process does not exist.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// Begins the measurement of [`peak_resident_bytes`] anew.
///
/// # Panics
///
/// If the process does not exist, or the kernel is built without `CONFIG_PROC_PAGE_MONITOR`.
pub fn reset_peak(pid: u32) {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// The most resident memory that a process has had since its start or [`reset_peak`], in bytes (`VmHWM`).
///
/// # Panics
///
/// If the process does not exist.
#[must_use]
pub fn peak_resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, field: &str) -> u64 {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("no {field}"));
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kib * 1024
}

/// The kernel prints IPv4 and the four words of IPv6 as native-endian hexadecimal numbers, the port as a plain one.
fn parse_address(text: &str) -> SocketAddr {
    let (address, port) = text.split_once(':').expect("address:port in /proc/net/tcp");
    let words: Vec<u32> = address
        .as_bytes()
        .chunks(8)
        .map(|word| {
            let digits = std::str::from_utf8(word).expect("ASCII");
            u32::from_str_radix(digits, 16).expect("hexadecimal")
        })
        .collect();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let port = u16::from_str_radix(port, 16).expect("a port");
    let address = match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(v6) => IpAddr::V6(Ipv6Addr::from(v6)),
        Err(_) => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.as_slice()).expect("4 bytes"))),
    };
    SocketAddr::new(address, port)
}

fn id_of(object: &Value) -> Option<u64> {
    object["id"].as_u64()
}

fn bpftool(kind: &str) -> Vec<Value> {
    bpftool_json(&[kind, "show"])
}

fn bpftool_json(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new("bpftool")
        .arg("-j")
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("bpftool (Debian package of that name): {error}"));
    assert!(output.status.success(), "bpftool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    if output.stdout.is_empty() {
        return Vec::new();
    }
    serde_json::from_slice(&output.stdout).expect("bpftool prints a JSON array")
}
