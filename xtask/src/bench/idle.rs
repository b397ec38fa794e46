//! What connections take of memory while nothing happens on them.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use super::load::MANY;

/// What connections have exchanged before they are quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Traffic {
    /// A message of 16 KiB.
    Plain,
    /// Nothing; compression was negotiated.
    Offered,
    /// Compressed messages, of 48 KiB together: more than the window of Deflate, which is then full.
    Compressed,
}

/// Connections that are open when the memory is looked at for the first time, as the clients have it: what the first
/// ones cost a program once is not counted.
const FIRST: usize = 100;

impl Traffic {
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Offered, Self::Compressed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "after 16 KiB",
            Self::Offered => "deflate not used yet",
            Self::Compressed => "after 48 KiB compressed",
        }
    }

    /// For the clients' program.
    pub(super) fn options(self) -> Vec<(&'static str, usize)> {
        let messages = match self {
            Self::Plain => 1,
            Self::Offered => 0,
            Self::Compressed => 3,
        };
        vec![("connections", MANY), ("bytes", 16 * 1024), ("messages", messages)]
    }
}

/// Memory that is in use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// KiB of processes.
    resident: u64,
    /// KiB of the kernel for sockets and open files, whoever has them.
    kernel: u64,
}

/// KiB for each connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    pub(super) resident: f64,
    pub(super) kernel: f64,
}

impl Memory {
    /// That of these processes and of the kernel.
    pub(super) fn now(processes: &[u32]) -> Result<Self> {
        let resident = processes.iter().map(|process| {
            let text =
                fs::read_to_string(format!("/proc/{process}/status")).context("status of a process")?;
            resident_kib(&text).with_context(|| format!("{process} has no VmRSS"))
        });
        let resident = resident.sum::<Result<u64>>()?;
        let slabs = fs::read_to_string("/proc/slabinfo").context("/proc/slabinfo")?;
        let sockets = fs::read_to_string("/proc/net/sockstat").context("/proc/net/sockstat")?;
        let buffers = tcp_buffers_kib(&sockets).context("/proc/net/sockstat says nothing of TCP")?;
        Ok(Self { resident, kernel: slabs_kib(&slabs) + buffers })
    }

    /// What each connection has taken since `first` was measured.
    pub(super) fn cost_since(self, first: Self) -> Cost {
        let each = |now: u64, before: u64| (now as f64 - before as f64) / (MANY - FIRST) as f64;
        Cost { resident: each(self.resident, first.resident), kernel: each(self.kernel, first.kernel) }
    }
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Objects that sockets are made of and are looked after by. What else the kernel keeps changes for other reasons.
fn slabs_kib(slabinfo: &str) -> u64 {
    const CACHES: [&str; 6] = ["TCP", "TCPv6", "sock_inode_cache", "filp", "eventpoll_epi", "eventpoll_pwq"];
    let caches: BTreeMap<_, _> = slabinfo.lines().filter_map(|line| line.split_once(' ')).collect();
    let bytes = |name: &&str| {
        // active_objs num_objs objsize (slabinfo(5))
        let mut numbers = caches.get(*name)?.split_whitespace().map(str::parse::<u64>);
        let active = numbers.next()?.ok()?;
        Some(active * numbers.nth(1)?.ok()?)
    };
    CACHES.iter().filter_map(bytes).sum::<u64>() / 1024
}

/// Pages of memory for the data in TCP sockets, all network namespaces together.
fn tcp_buffers_kib(sockstat: &str) -> Option<u64> {
    const PAGE_KIB: u64 = 4;
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP: "))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "mem");
    words.nth(1)?.parse::<u64>().ok().map(|pages| PAGE_KIB * pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_prints() {
        assert_eq!(resident_kib("Name:\tnginx\nVmHWM:\t   99 kB\nVmRSS:\t    5064 kB\n"), Some(5064));
        let slabs = "slabinfo - version: 2.1\nTCP 131 200 2048 13 8 : tunables 0\nfilp 1024 1100 256 21 1 : tunables 0\n\
                     tw_sock_TCP 18144 18144 256 16 1 : tunables 0\n";
        assert_eq!(slabs_kib(slabs), 131 * 2 + 256);
        let sockets = "sockets: used 9\nTCP: inuse 2 orphan 0 tw 0 alloc 3 mem 7\nUDP: inuse 0 mem 0\n";
        assert_eq!(tcp_buffers_kib(sockets), Some(28));
    }

    #[test]
    fn the_first_connections_do_not_count() {
        let first = Memory { resident: 5000, kernel: 1000 };
        let all = Memory { resident: 5000 + 4 * 8900, kernel: 1000 + 8900 };
        assert_eq!(all.cost_since(first), Cost { resident: 4.0, kernel: 1.0 });
    }
}
