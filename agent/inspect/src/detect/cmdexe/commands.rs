//! The commands of Unix and Windows shells, and how much their names say.

/// How much the name of a command says where a command can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// An English word first of all: `find`, `more`, `time`.
    Word,
    /// What follows a pipe when honest people show a command line: `grep`, `less`.
    Filter,
    /// Short, and seen in identifiers and markup, too: `id`, `cat`, `dir`.
    Short,
    /// Nothing but the name of a command.
    Name,
}

/// The grade of a command, given in lower case, with or without a version: `gcc`, `gcc10.1`.
pub(super) fn grade(name: &[u8]) -> Option<Grade> {
    look_up(name).or_else(|| {
        let version = name.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let stem = name.get(..name.len() - version).unwrap_or_default();
        (version > 0 && stem.len() > 1).then(|| look_up(stem)).flatten()
    })
}

/// Commands that show whether an injection works: nobody asks for them as a value.
pub(super) fn is_recon(name: &[u8]) -> bool {
    matches!(
        name,
        b"id"
            | b"whoami"
            | b"uname"
            | b"ifconfig"
            | b"netstat"
            | b"ls"
            | b"cat"
            | b"ps"
            | b"nc"
            | b"ncat"
            | b"wget"
            | b"curl"
            | b"sleep"
            | b"ping"
            | b"getent"
            | b"nslookup"
            | b"dig"
            | b"host"
    )
}

pub(super) fn is_shell(name: &[u8]) -> bool {
    matches!(name, b"sh" | b"bash" | b"zsh" | b"dash" | b"ksh")
}

fn look_up(name: &[u8]) -> Option<Grade> {
    let mut slot = hash(name);
    loop {
        let (known, grade) = TABLE.get(slot % SLOTS)?.as_ref()?;
        if known.as_bytes() == name {
            return Some(*grade);
        }
        slot += 1;
    }
}

const WORDS: &[&str] = &[
    "at", "batch", "break", "bridge", "case", "column", "copy", "cut", "date", "env", "ex", "exit", "expand",
    "export", "expr", "false", "file", "find", "fold", "host", "install", "ip", "join", "jobs", "kill",
    "last", "look", "mail", "make", "man", "more", "mount", "move", "net", "node", "pr", "print", "read",
    "reg", "rename", "route", "screen", "script", "search", "service", "set", "shutdown", "split", "start",
    "stat", "strings", "test", "time", "top", "touch", "trap", "true", "tree", "type", "users", "view",
    "watch", "who", "write", "reboot", "history", "source", "exec", "eval", "command", "alias", "paste",
    "factor", "dialog", "cancel", "halt", "link", "locate", "comm", "sysinfo", "cmd", "go", "pip", "gem",
    "sc", "task", "julia", "fish", "shell", "busy", "lynx", "less", "call", "for", "hash", "let", "local",
    "select", "return", "wait", "vi", "ed", "info", "cargo", "docker", "git", "npm", "yarn", "svn", "hg",
    "latex", "tex", "dd", "ar",
];

const FILTERS: &[&str] = &[
    "awk",
    "egrep",
    "fgrep",
    "gawk",
    "grep",
    "head",
    "mawk",
    "nawk",
    "pastebinit",
    "pager",
    "sed",
    "sort",
    "tail",
    "tee",
    "tr",
    "uniq",
    "wc",
    "xargs",
    "xclip",
    "findstr",
    "zgrep",
    "rg",
    "jq",
    "most",
];

const SHORT: &[&str] = &[
    "apt",
    "arp",
    "cat",
    "cd",
    "cp",
    "csc",
    "del",
    "df",
    "dig",
    "dir",
    "du",
    "echo",
    "erase",
    "ftp",
    "gdb",
    "gcc",
    "id",
    "ln",
    "ls",
    "md",
    "mv",
    "nc",
    "nl",
    "nm",
    "od",
    "perl",
    "php",
    "ping",
    "ps",
    "pwd",
    "python",
    "rd",
    "rev",
    "rm",
    "ruby",
    "sh",
    "sleep",
    "ssh",
    "su",
    "sudo",
    "tac",
    "tar",
    "vim",
    "xxd",
    "zip",
    "java",
    "lua",
    "rsh",
    "scp",
    "sftp",
    "tftp",
    "telnet",
    "whois",
    "cc",
    "attrib",
    "fc",
    "ver",
    "vol",
    "dash",
    "ksh",
    "csh",
    "ash",
    "pry",
    "irb",
    "gzip",
    "unzip",
    "passwd",
    "bash",
    "powershell",
    "pwsh",
    "iex",
    "iwr",
    "bc",
    "dc",
    "rmt",
    "dos",
    "sg",
    "pic",
    "pg",
    "nano",
    "emacs",
    "lsof",
    "uptime",
    "nohup",
    "printf",
    "curl",
    "wget",
    "finger",
    "htop",
    "yum",
    "dnf",
    "rpm",
    "apk",
    "pkg",
    "snap",
    "brew",
    "calc",
];

const NAMES: &[&str] = &[
    // Who am I, where am I.
    "whoami",
    "uname",
    "hostname",
    "hostid",
    "hostnamectl",
    "logname",
    "groups",
    "getent",
    "getfacl",
    "lastlog",
    "lastlogin",
    "lsb_release",
    "printenv",
    "systeminfo",
    "sestatus",
    "lscpu",
    "lsblk",
    "lspci",
    "lsusb",
    "lsmod",
    "dmesg",
    "dmidecode",
    "hostinfo",
    "sysctl",
    "ulimit",
    "umask",
    "qwinsta",
    "tasklist",
    "taskkill",
    "driverquery",
    "gpresult",
    "pgrep",
    "pkill",
    "killall",
    "pstree",
    "pidof",
    "vmstat",
    "iostat",
    "free",
    // The network.
    "ifconfig",
    "ipconfig",
    "netstat",
    "nslookup",
    "traceroute",
    "tracert",
    "tracepath",
    "netsh",
    "nbtstat",
    "getmac",
    "iptables",
    "nft",
    "tcpdump",
    "tshark",
    "nmap",
    "masscan",
    "mtr",
    "nmcli",
    "ethtool",
    "ipptool",
    "resolvectl",
    "arping",
    "fping",
    "hping3",
    "pathping",
    "portqry",
    "smbclient",
    "rpcclient",
    // Downloads and connections.
    "lwp-download",
    "lwp-request",
    "lwp-dump",
    "lwp-mirror",
    "aria2c",
    "axel",
    "rsync",
    "socat",
    "ncat",
    "netcat",
    "nc.traditional",
    "nc.openbsd",
    "rlogin",
    "openssl",
    "rlwrap",
    "sshpass",
    "ssh-keyscan",
    "ssh-keygen",
    "bitsadmin",
    "certutil",
    "certreq",
    "certoc",
    "invoke-webrequest",
    "invoke-expression",
    "invoke-command",
    "invoke-restmethod",
    "invoke-item",
    "start-process",
    "start-sleep",
    "get-content",
    "get-process",
    "get-childitem",
    "get-wmiobject",
    "get-ciminstance",
    "set-content",
    "new-object",
    "iwmi",
    "irm",
    "elinks",
    "w3m",
    "desktopimgdownldr",
    "finger.exe",
    // Interpreters and compilers.
    "zsh",
    "tcsh",
    "rbash",
    "busybox",
    "pypy",
    "php-cgi",
    "nodejs",
    "luajit",
    "tclsh",
    "wish",
    "expect",
    "osascript",
    "cmd.exe",
    "powershell.exe",
    "wscript",
    "cscript",
    "mshta",
    "rundll32",
    "regsvr32",
    "regasm",
    "regsvcs",
    "msbuild",
    "installutil",
    "msiexec",
    "hh.exe",
    "jjs",
    "jrunscript",
    "rscript",
    "octave",
    "g++",
    "c89",
    "c99",
    "gcc7.4",
    "ghci",
    "erl",
    "guile",
    "csi",
    "pwsh.exe",
    // Files.
    "base32",
    "base64",
    "basenc",
    "uuencode",
    "uudecode",
    "hexdump",
    "hd",
    "zcat",
    "bzcat",
    "xzcat",
    "zless",
    "bzless",
    "zmore",
    "gunzip",
    "bunzip2",
    "bzip2",
    "unxz",
    "unlzma",
    "lzma",
    "zstd",
    "mkfifo",
    "mknod",
    "mkdir",
    "rmdir",
    "chmod",
    "chown",
    "chgrp",
    "chattr",
    "lsattr",
    "setfacl",
    "dosbox",
    "xcopy",
    "robocopy",
    "icacls",
    "cacls",
    "takeown",
    "fsutil",
    "vssadmin",
    "esentutl",
    "extrac32",
    "expand.exe",
    "makecab",
    "diskshadow",
    "mktemp",
    "readlink",
    "realpath",
    "shred",
    "truncate",
    "unlink",
    "fmt",
    "iconv",
    "uconv",
    "diff3",
    "sdiff",
    "csplit",
    "cpio",
    "debugfs",
    "dosfsck",
    "genisoimage",
    "ntfs-3g",
    "mkfs",
    "fdisk",
    "swapoff",
    // Users and services.
    "useradd",
    "userdel",
    "usermod",
    "adduser",
    "deluser",
    "addgroup",
    "groupadd",
    "chpasswd",
    "chsh",
    "chfn",
    "visudo",
    "crontab",
    "systemctl",
    "journalctl",
    "initctl",
    "update-rc.d",
    "schtasks",
    "wmic",
    "regedit",
    "wevtutil",
    "sdclt",
    "dsquery",
    "nltest",
    "cmdkey",
    "klist",
    "net1",
    "bcdedit",
    "bcdboot",
    "bootcfg",
    "pkexec",
    "doas",
    "capsh",
    "chroot",
    "nsenter",
    "unshare",
    "runuser",
    "setarch",
    "setcap",
    "getcap",
    // Run what they are given.
    "stdbuf",
    "strace",
    "ltrace",
    "taskset",
    "timeout",
    "cpulimit",
    "flock",
    "ionice",
    "run-parts",
    "setsid",
    "start-stop-daemon",
    "parallel",
    "facter",
    "logsave",
    "env.exe",
    "forfiles",
    "pcalua",
    "conhost",
    "tmux",
    "byobu",
    "aptitude",
    "apt-get",
    "dpkg",
    "easy_install",
    "pip3",
    "rmt-tar",
    "rmt-dump",
    "perf",
    "valgrind",
    "gimp",
    "nroff",
    "sqlite3",
    "mysql",
    "mysqldump",
    "psql",
    "pg_dump",
    "mongo",
    "mongosh",
    "redis-cli",
    "kubectl",
    "ansible",
    "ansible-console",
    "ansible-playbook",
    "ansible-pull",
    "ansible-vault",
    "chef-client",
    "chef-run",
    "chef-shell",
    "chef-vault",
    "cscli",
    "terraform",
    "helm",
    "aws",
    "gcloud",
    "exiftool",
    "msgfilter",
    "pdb",
    "rpmquery",
    "scanmem",
    "zypper",
    "wine",
    "xdg-open",
    "waitfor",
    "xterm",
    "notepad",
    "mkfs.ext4",
];

const SLOTS: usize = 2048;

static TABLE: [Option<(&str, Grade)>; SLOTS] = {
    let mut table = [None; SLOTS];
    table = with(table, WORDS, Grade::Word);
    table = with(table, FILTERS, Grade::Filter);
    table = with(table, SHORT, Grade::Short);
    with(table, NAMES, Grade::Name)
};

type Table = [Option<(&'static str, Grade)>; SLOTS];

const fn with(mut table: Table, names: &[&'static str], grade: Grade) -> Table {
    let mut nth = 0;
    while nth < names.len() {
        let mut slot = hash(names[nth].as_bytes()) % SLOTS;
        while table[slot].is_some() {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = Some((names[nth], grade));
        nth += 1;
    }
    table
}

/// FNV-1a.
const fn hash(name: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let mut rest = name;
    while let Some((byte, after)) = rest.split_first() {
        hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
        rest = after;
    }
    (hash ^ (hash >> 15)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_commands() {
        assert_eq!(grade(b"whoami"), Some(Grade::Name));
        assert_eq!(grade(b"cat"), Some(Grade::Short));
        assert_eq!(grade(b"more"), Some(Grade::Word));
        assert_eq!(grade(b"python3.12"), Some(Grade::Short));
        assert_eq!(grade(b"hello"), None);
        assert_eq!(grade(b""), None);
    }

    #[test]
    fn looks_at_few_names_whatever_is_asked() {
        let longest =
            (0..SLOTS).map(|slot| TABLE[slot..].iter().take_while(|slot| slot.is_some()).count()).max();
        assert!(longest < Some(24), "{longest:?}");
    }
}
