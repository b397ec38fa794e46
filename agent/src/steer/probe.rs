//! What the host must have, asked before anything is touched, so that what lacks is named.

use std::{fs, io, path::PathBuf};

use aya::{
    maps::MapType,
    programs::ProgramType,
    sys::{is_map_supported, is_program_supported},
};

/// Something that the host lacks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lack {
    #[error("missing privilege {missing}: run as root, or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON")]
    Privilege { missing: &'static str },
    #[error("this kernel ({release}) has no {feature}, which Linux {since} brought: it is too old or built without {option}", release = release())]
    Feature { feature: &'static str, since: &'static str, option: &'static str },
    #[error("cannot ask the kernel ({release}) for {feature}: {reason}", release = release())]
    Unknown { feature: &'static str, reason: String },
    #[error(
        "no cgroup2 file system is mounted: the getpeername hooks (Linux 5.8) attach to it; mount it with `mount -t cgroup2 none /sys/fs/cgroup`"
    )]
    Cgroup2,
    #[error("cannot read {path}")]
    Unreadable { path: &'static str, source: io::Error },
}

/// Bits of `CapEff` (`linux/capability.h`).
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// The kernel's release, as `uname -r` prints it.
pub(crate) fn release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |s| s.trim().to_owned())
}

/// Checks the capabilities of this process.
pub(crate) fn privileges() -> Result<(), Lack> {
    let path = "/proc/self/status";
    let status = fs::read_to_string(path).map_err(|source| Lack::Unreadable { path, source })?;
    missing_privilege(&status).map_or(Ok(()), |missing| Err(Lack::Privilege { missing }))
}

fn missing_privilege(status: &str) -> Option<&'static str> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    let has = |capability: u32| effective & (1 << capability) != 0;
    // CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON, which were split from it, but not CAP_NET_ADMIN.
    let admin = has(CAP_SYS_ADMIN);
    [
        (has(CAP_BPF) || admin, "CAP_BPF"),
        (has(CAP_NET_ADMIN), "CAP_NET_ADMIN"),
        (has(CAP_PERFMON) || admin, "CAP_PERFMON"),
    ]
    .into_iter()
    .find_map(|(present, name)| (!present).then_some(name))
}

/// Checks the kernel's program and map types.
pub(crate) fn features() -> Result<(), Lack> {
    let programs = [
        (ProgramType::SkLookup, "sk_lookup programs", "5.9", "CONFIG_INET and CONFIG_BPF_SYSCALL"),
        (ProgramType::SockOps, "sock_ops programs", "4.13", "CONFIG_CGROUP_BPF"),
        (ProgramType::CgroupSockAddr, "getpeername hooks", "5.8", "CONFIG_CGROUP_BPF"),
    ];
    for (kind, feature, since, option) in programs {
        answer(is_program_supported(kind), feature, since, option)?;
    }
    let maps = [
        (MapType::SockMap, "sockmaps", "4.14", "CONFIG_BPF_STREAM_PARSER"),
        (MapType::SkStorage, "socket storage", "5.2", "CONFIG_BPF_SYSCALL"),
        (MapType::RingBuf, "ring buffers", "5.8", "CONFIG_BPF_SYSCALL"),
    ];
    for (kind, feature, since, option) in maps {
        answer(is_map_supported(kind), feature, since, option)?;
    }
    Ok(())
}

fn answer<E: std::fmt::Display>(
    supported: Result<bool, E>,
    feature: &'static str,
    since: &'static str,
    option: &'static str,
) -> Result<(), Lack> {
    match supported {
        Ok(true) => Ok(()),
        Ok(false) => Err(Lack::Feature { feature, since, option }),
        Err(error) => Err(Lack::Unknown { feature, reason: error.to_string() }),
    }
}

/// Where the cgroup2 file system is mounted.
pub(crate) fn cgroup2() -> Result<PathBuf, Lack> {
    let path = "/proc/self/mountinfo";
    let mounts = fs::read_to_string(path).map_err(|source| Lack::Unreadable { path, source })?;
    cgroup2_mount(&mounts).ok_or(Lack::Cgroup2)
}

/// Finds the mount in the text of `/proc/self/mountinfo` (proc(5)); one of the whole tree if there is one.
fn cgroup2_mount(mountinfo: &str) -> Option<PathBuf> {
    let mounts = || {
        mountinfo.lines().filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut fields = left.split(' ').skip(3);
            let (root, mount_point) = (fields.next()?, fields.next()?);
            right.starts_with("cgroup2 ").then(|| (root, unescape(mount_point)))
        })
    };
    mounts().find(|(root, _)| *root == "/").or_else(|| mounts().next()).map(|(_, mount_point)| mount_point)
}

/// Undoes the octal escapes of space, tab, newline and backslash.
fn unescape(field: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(field.to_owned(), |text, (from, to)| text.replace(from, to)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_cgroup2_wherever_it_is_mounted() {
        let hybrid = "25 30 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
                      26 25 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw\n";
        assert_eq!(cgroup2_mount(hybrid), Some("/sys/fs/cgroup/unified".into()));
        let unified = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw,nsdelegate\n";
        assert_eq!(cgroup2_mount(unified), Some("/sys/fs/cgroup".into()));
    }

    #[test]
    fn prefers_the_whole_tree_and_reads_escapes() {
        let mounts = "1 0 0:1 /pod /a rw - cgroup2 none rw\n2 0 0:1 / /b\\040c rw - cgroup2 none rw\n";
        assert_eq!(cgroup2_mount(mounts), Some("/b c".into()));
    }

    #[test]
    fn a_host_without_cgroup2_is_told_so() {
        let v1 = "33 25 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        assert_eq!(cgroup2_mount(v1), None);
        assert!(Lack::Cgroup2.to_string().contains("mount -t cgroup2"));
    }

    #[test]
    fn names_the_first_missing_privilege() {
        let status = |mask: u64| format!("Name:\tx\nCapEff:\t{mask:016x}\nSeccomp:\t0\n");
        assert_eq!(missing_privilege(&status(0)), Some("CAP_BPF"));
        assert_eq!(missing_privilege(&status(1 << CAP_SYS_ADMIN)), Some("CAP_NET_ADMIN"));
        assert_eq!(missing_privilege(&status(1 << CAP_BPF | 1 << CAP_NET_ADMIN)), Some("CAP_PERFMON"));
        assert_eq!(missing_privilege(&status(1 << CAP_SYS_ADMIN | 1 << CAP_NET_ADMIN)), None);
        assert_eq!(missing_privilege(&status(1 << CAP_BPF | 1 << CAP_NET_ADMIN | 1 << CAP_PERFMON)), None);
    }

    #[test]
    fn a_lacking_feature_is_named_with_its_version() {
        let lack = answer(Ok::<_, Lack>(false), "sk_lookup programs", "5.9", "CONFIG_INET");
        let text = lack.expect_err("the kernel has it not").to_string();
        assert!(text.contains("sk_lookup programs") && text.contains("Linux 5.9"), "{text}");
    }
}
