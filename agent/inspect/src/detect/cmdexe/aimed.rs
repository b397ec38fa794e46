//! Command lines that show by what they are asked for that they are aimed at a machine of others.

/// Longest command line that is looked at: those that show whether an injection works are short.
const LONGEST: usize = 256;

/// Whether a command and what follows it on its line read what describes the machine, its users or its network, or run
/// a shell. The line must be nothing but arguments: what people write about commands has words in it.
pub(super) fn is_aimed(name: &[u8], rest: &[u8]) -> bool {
    if !explores(name) {
        return false;
    }
    let end = rest.iter().take(LONGEST).position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
    let Some(line) = rest.get(..end).filter(|line| line.len() < LONGEST) else { return false };
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"<").unwrap_or(line).trim_ascii_start();
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let first = words.clone().next().unwrap_or_default();
    let is = |word: &[u8], of: &[&str]| of.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    let flags = |of: &[&str]| !line.is_empty() && words.clone().all(|word| is(word, of));
    match name {
        b"cat" | b"tac" | b"nl" | b"more" | b"less" | b"head" | b"tail" | b"od" | b"xxd" | b"strings"
        | b"type" | b"ls" | b"dir" | b"cp" | b"rev" | b"sort" | b"cut" | b"base64" | b"get-content" => {
            let ls = name == b"ls" && flags(&["-l", "-la", "-al", "-a", "-lah", "-R", "-lart", "/"]);
            ls || is_plain(line) && words.any(is_of_system)
        }
        b"grep" | b"egrep" | b"find" | b"findstr" | b"awk" | b"sed" => {
            words.next_back().is_some_and(is_file_of_etc) || name == b"find" && first == b"/"
        }
        b"uname" => first.len() < 6 && first.starts_with(b"-") && words.count() == 1,
        b"ifconfig" => flags(&["-a"]),
        b"ipconfig" => flags(&["/all", "/displaydns"]),
        b"netstat" => first.starts_with(b"-") && first.len() < 8 && words.count() == 1,
        b"arp" => flags(&["-a"]),
        b"ps" => flags(&["aux", "-ef", "-aux"]),
        b"net" => {
            is(first, &["user", "users", "view", "localgroup", "group", "accounts", "share"])
                && words.count() < 7
                && !line.ends_with(b"?")
                && (line.len() == first.len()
                    || is(line, &["localgroup administrators"])
                    || memchr::memmem::find(line, b" /").is_some())
        }
        b"route" => flags(&["print"]),
        b"reg" => {
            is(first, &["query", "save", "add", "export"]) && memchr::memmem::find(line, b"HK").is_some()
        }
        b"wmic" => is(first, &["process", "os", "useraccount", "service", "product", "qfe", "share"]),
        b"powershell" | b"pwsh" => {
            is(first, &["-c", "-command", "-e", "-ec", "-enc", "-nop", "-noprofile", "-w", "-ep", "-exec"])
                || is(first, &["-executionpolicy", "-windowstyle", "-noni", "-encodedcommand"])
                || first.contains(&b'\\') && first.contains(&b'*')
        }
        b"cmd" => is(first, &["/c", "/k", "/r"]) && line.len() > first.len(),
        b"sh" | b"bash" | b"zsh" | b"dash" | b"ksh" => is(first, &["-c"]) && line.len() > first.len(),
        b"perl" | b"ruby" | b"python" | b"python3" | b"python2" | b"php" | b"lua" | b"node" => {
            is(first, &["-e", "-c", "-r"])
                && [&b"system("[..], b"exec(", b"popen(", b"`", b"fsockopen(", b"socket"]
                    .iter()
                    .any(|call| memchr::memmem::find(line, call).is_some())
        }
        b"rm" => first.starts_with(b"-") && words.skip(1).all(|word| matches!(word, b"/" | b"/*")),
        b"ping" => {
            let count = matches!(first, b"-c" | b"-n" | b"-i" | b"-w") && words.clone().count() > 2;
            count && words.count() < 6 && is_plain(line)
        }
        b"curl" => {
            memchr::memmem::find(line, b"@/etc/").is_some() || is_plain(line) && line.ends_with(b".php")
        }
        b"nohup" => first == b"sleep",
        b"echo" => {
            let into = memchr::memchr(b'>', line).and_then(|at| line.get(at + 1..));
            into.is_some_and(|file| is_of_system(file.trim_ascii()))
        }
        _ => false,
    }
}

/// Whether a command is one of those that [`is_aimed`] knows.
fn explores(name: &[u8]) -> bool {
    matches!(
        name,
        b"cat"
            | b"tac"
            | b"nl"
            | b"more"
            | b"less"
            | b"head"
            | b"tail"
            | b"od"
            | b"xxd"
            | b"strings"
            | b"type"
            | b"ls"
            | b"dir"
            | b"cp"
            | b"rev"
            | b"sort"
            | b"cut"
            | b"base64"
            | b"get-content"
            | b"grep"
            | b"egrep"
            | b"find"
            | b"findstr"
            | b"awk"
            | b"sed"
            | b"uname"
            | b"ifconfig"
            | b"ipconfig"
            | b"netstat"
            | b"arp"
            | b"ps"
            | b"net"
            | b"route"
            | b"reg"
            | b"wmic"
            | b"powershell"
            | b"pwsh"
            | b"cmd"
            | b"sh"
            | b"bash"
            | b"zsh"
            | b"dash"
            | b"ksh"
            | b"perl"
            | b"ruby"
            | b"python"
            | b"python3"
            | b"python2"
            | b"php"
            | b"lua"
            | b"node"
            | b"rm"
            | b"ping"
            | b"curl"
            | b"nohup"
            | b"echo"
    )
}

/// Whether each word is a flag, a number, a path, a host or a string.
fn is_plain(line: &[u8]) -> bool {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).all(|word| {
        word.iter().any(|byte| !byte.is_ascii_alphabetic())
            && !matches!(word.last(), Some(b'?' | b'!' | b',' | b'.'))
            || word.eq_ignore_ascii_case(b"localhost")
    })
}

/// Whether a path begins where every machine has something to tell.
fn is_of_system(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"file://").unwrap_or(path);
    let path = path.strip_prefix(b"\"").or(path.strip_prefix(b"'")).unwrap_or(path);
    const STARTS: [&str; 12] = [
        "/etc/",
        "/proc/",
        "/root/",
        "/var/",
        "/tmp/",
        "/home/",
        "~/.ssh",
        "~root",
        "c:\\",
        "c:/",
        "%systemroot%",
        "%windir%",
    ];
    path == b"/"
        || path.eq_ignore_ascii_case(b"c:")
        || STARTS.iter().any(|start| {
            path.get(..start.len()).is_some_and(|path| path.eq_ignore_ascii_case(start.as_bytes()))
        })
}

fn is_file_of_etc(path: &[u8]) -> bool {
    path.starts_with(b"/etc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aimed(text: &str) -> bool {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        is_aimed(name.as_bytes(), rest.as_bytes())
    }

    #[test]
    fn knows_command_lines_that_explore_a_machine() {
        for text in [
            "cat /etc/hosts",
            "ls -la /",
            "uname -a",
            "ipconfig /all",
            "netstat -an",
            "net user",
            "net user eve secret /add",
            "type %SYSTEMROOT%\\win.ini",
            "dir c:\\",
            "grep root /etc/passwd",
            "powershell -c whoami",
            "cmd /c dir",
            "sh -c id",
            "ping -c 1 host.example",
            "rm -rf /",
            "perl -e 'system(\"id\")'",
            "echo x > /tmp/x",
        ] {
            assert!(aimed(text), "{text}");
        }
    }

    #[test]
    fn knows_each_command_by_name() {
        for text in ["id", "mail ada", "who is there", "wget -q x", "nohup", "echo"] {
            let name = text.split(' ').next().unwrap_or_default();
            assert_eq!(explores(name.as_bytes()), matches!(name, "nohup" | "echo"), "{text}");
        }
    }

    #[test]
    fn lets_commands_of_every_day_pass() {
        for text in [
            "cat notes.txt",
            "cat /etc/fstab shows your disks",
            "ls",
            "ls src",
            "uname",
            "net user groups are fun",
            "net income /year",
            "powershell is slow",
            "python -c 'print(1)'",
            "rm -rf target",
            "rm -rf /tmp/x",
            "ping me later",
            "find . -name x",
            "echo hello",
            "more or less",
            "type a letter",
        ] {
            assert!(!aimed(text), "{text}");
        }
    }
}
