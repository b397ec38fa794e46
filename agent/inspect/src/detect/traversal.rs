//! Paths that leave their folder, files that no client should ask for, and wrappers that read them.

mod files;
mod hops;
mod leaves;
mod wrappers;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// Path traversal and file inclusion (CWE-22, CWE-98): `../` in all its spellings, names of files that tell about a
/// server or run on it, PHP's stream wrappers.
///
/// People write paths, too. In a text only the step out of a folder towards such a file counts, or many steps. A value
/// that is a path and nothing else is what an application opens; there the name of the file is enough.
pub(super) struct Traversal;

impl Detector for Traversal {
    fn signal(&self) -> Signal {
        Signal::Traversal
    }

    fn summary(&self) -> &'static str {
        "a path that leaves its folder, or a file or wrapper that gives a server away"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "../../../../etc/passwd",
                "..\\..\\windows\\win.ini",
                "....//....//etc/hosts",
                "..;/..;/manager",
                "..%2f..%2fsecret",
                "%2e%2e/%2e%2e/",
                "..%5cfile",
                "..0x2f..0x2fboot.ini",
                "file=../../../../proc/self/environ&x=1",
                "cat ../../../../../etc/passwd please",
                "../config.php",
                "/etc/passwd",
                "/etc/ssh/sshd_config",
                "/proc/self/environ",
                "/var/log/apache2/access.log",
                "c:\\boot.ini",
                "C:\\Windows\\System32\\drivers\\etc\\hosts",
                "c:/xampp/php/php.ini",
                "\\Program Files\\Apache Group\\Apache2\\conf\\httpd.conf",
                "/home/ann/.ssh/id_rsa",
                "members/.htpasswd",
                "php://filter/convert.base64-encode/resource=index.php",
                "page=expect://id",
                "file:///etc/passwd",
                "/view.php?path=http://host.example/shell.txt?",
                "././././././secret",
                "/..{file}",
                "......web-inf/web.xml",
            ],
            passed: &[
                "import x from \"../../lib/y\"",
                "cd ../src && make",
                "link.Url = \"../pages/home.aspx\";",
                "look into ../../node_modules",
                "../lib/y",
                "./run.sh",
                "wait... what?",
                "and/or",
                "edit /etc/fstab and reboot",
                "look at /etc/init.d/apache2",
                "is it in /var/log/syslog or /var/log/messages?",
                "C:\\Users\\ann\\file.txt",
                "/home/ann/notes.txt",
                "/usr/local/bin/node",
                "https://example.org/a/../b",
                "https://example.org/etc/hosts.html",
                "$body = file_get_contents('php://input');",
                "file:///home/ann/index.html",
                "yes/no/...",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "../",
            "..\\",
            "..%",
            "..;",
            "..0x",
            "..2f",
            "..5c",
            "0x2e",
            "%2e",
            "%2%e",
            "program files",
            "documents and settings",
            "php:",
            "phar:",
            "expect:",
            "zlib:",
            "bzip2:",
            "glob:",
            "data:",
            "zip:",
            "file:",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        let path = ByteSet::SLASH.and(ByteSet::BACKSLASH).and(ByteSet::DOT).and(ByteSet::PERCENT);
        gate.has_literal()
            || gate.decoded && gate.bytes.has_any(ByteSet::HIGH)
            || gate.bytes.has_any(path)
                && (!gate.bytes.has_any(ByteSet::SPACE) || gate.len > SHORTEST_PADDING)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if value.is_plain_url {
            return;
        }
        let start = padding(value.bytes);
        let rest = value.bytes.get(start..).unwrap_or_default();
        let alone = is_alone(rest);
        if !alone && start == 0 && rest.len() > SHORTEST_PADDING && is_plain(rest) {
            return;
        }
        hops::examine(value, start, alone, found);
        if !found.is_certain() {
            wrappers::examine(rest, start, alone, found);
        }
    }
}

/// So long a run of one letter is there to fill buffers, in bytes.
const SHORTEST_PADDING: usize = 1024;

/// Where the value begins behind padding.
fn padding(value: &[u8]) -> usize {
    let Some(&first) = value.first() else { return 0 };
    let run = value.iter().take_while(|byte| **byte == first).count();
    if run < SHORTEST_PADDING || !first.is_ascii_alphanumeric() {
        return 0;
    }
    let rest = value.get(run..).unwrap_or_default();
    run + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Whether a long text has nothing that paths are disguised with.
fn is_plain(text: &[u8]) -> bool {
    [b"..".as_slice(), b"://", b"%2", b"0x2"].iter().all(|part| memchr::memmem::find(text, part).is_none())
}

/// Whether a value is one path or URL and nothing else.
fn is_alone(value: &[u8]) -> bool {
    let prose = ByteSet::SPACE
        .and(ByteSet::BREAK)
        .and(ByteSet::DOUBLE_QUOTE)
        .and(ByteSet::QUOTE)
        .and(ByteSet::BACKTICK)
        .and(ByteSet::PAREN)
        .and(ByteSet::LESS)
        .and(ByteSet::GREATER);
    !value.trim_ascii().iter().any(|byte| ByteSet::of_byte(*byte).has_any(prose))
}

/// Reports what a path asks for.
fn file(path: &[u8], alone: bool, hops: usize, at: std::ops::Range<usize>, found: &mut Found) -> bool {
    // One step in a text is how source code refers to its neighbours.
    let out = hops > 1 || alone && hops > 0;
    if (alone || hops > 0) && files::is_sensitive(path, out) {
        found.push("file that gives a server away", Strength::Strong, at);
        return true;
    }
    false
}
