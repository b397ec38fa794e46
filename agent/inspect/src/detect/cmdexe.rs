//! Commands of an operating system's shell.

mod aimed;
mod argument;
mod command_line;
mod commands;
mod word;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Value},
};

/// Commands smuggled into a value that a program passes to a shell (CWE-78, OWASP "OS Command Injection").
///
/// People who write about computers type command lines, too. What tells an injection apart is the place: it begins
/// with a separator (`;id`, `| dir`), or one follows a single closed value (`127.0.0.1;id`, `x' && ls`), or the value
/// is nothing but a substitution (`$(id)`). A command line with words around it, or one that begins with a command, is something people share.
pub(super) struct CmdExe;

/// Without one of these no command follows another.
const SEPARATORS: ByteSet =
    ByteSet::SEMICOLON.and(ByteSet::PIPE).and(ByteSet::AMPERSAND).and(ByteSet::BACKTICK).and(ByteSet::DOLLAR);

/// Without one of these the first word of a value has neither a path nor quoting.
const PATHS: ByteSet = ByteSet::SLASH
    .and(ByteSet::BACKSLASH)
    .and(ByteSet::BREAK)
    .and(ByteSet::QUOTE)
    .and(ByteSet::DOUBLE_QUOTE)
    .and(ByteSet::MARK)
    .and(ByteSet::BRACE)
    .and(ByteSet::PAREN);

/// Whether a word is the name of a command, in any case.
pub(super) fn is_command(word: &[u8]) -> bool {
    let word = word::Word::read(word, 0);
    commands::grade(word.name()).is_some()
}

impl Detector for CmdExe {
    fn signal(&self) -> Signal {
        Signal::CmdExe
    }

    fn summary(&self) -> &'static str {
        "a shell command where a value is expected"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                ";id",
                "127.0.0.1; cat /etc/passwd",
                "x' && whoami #",
                "| dir C:\\",
                "& ping -n 10 127.0.0.1 &",
                "$(id)",
                "`uname -a`",
                "a$(whoami)b",
                ";c''at /etc/passwd",
                "cat${IFS}/etc/passwd",
                "{cat,/etc/passwd}",
                "/???/c?t /e?c/p?sswd",
                "';system('id');//",
                "|for /f \"delims=\" %i in ('whoami') do echo %i",
                "\n/usr/bin/id",
                "cat /etc/hosts",
                "net user eve secret /add",
                "1\nid",
                "<id;",
            ],
            passed: &[
                "sudo apt-get update && sudo apt-get install nginx",
                "try `ls -la`, then `cat notes.txt`",
                "run cd /tmp; make; sudo make install",
                "ls | grep foo",
                "rm -rf target && cargo build",
                "| id | name |\n|----|------|",
                "rock & roll; more to come",
                "salt & pepper",
                "one cat; two dogs",
                "I use linux-headers-$(uname -r) here",
                "https://example.org/?type=1&id=5&sort=date",
                "$5 more; 10$ less",
                "&copy; 2024",
                "/bin/bash",
                "name;id;type",
                "&lt;id&gt;",
                "lunch; sleep",
                "PATH=$PATH:/opt/x; ls",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "uname -",
            "netstat -",
            "ping -c",
            "ping -n",
            "net user",
            "net view",
            "net localgroup",
            "wmic ",
            "reg query",
            "route print",
            "powershell -",
            "ls -l",
            "ls -a",
            "sh -c",
            "ps -ef",
            "ps aux",
            "arp -a",
            "ifconfig -a",
            "dir c:",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal() || gate.bytes.has_any(SEPARATORS.and(PATHS))
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if value.is_plain_url {
            return;
        }
        command_line::examine(value, found);
    }
}
