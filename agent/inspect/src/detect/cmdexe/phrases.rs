//! Phrases that give a command away wherever they stand.

use std::sync::LazyLock;

use memchr::memmem;

use crate::detect::{Found, Strength, literal_set::LiteralSet};

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

static PHRASES: [Phrase; 34] = [
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
];

static TEXTS: LazyLock<LiteralSet> =
    LazyLock::new(|| LiteralSet::new(PHRASES.iter().map(|phrase| phrase.text)));

/// Notes each phrase that is in the value.
pub(super) fn examine(value: &[u8], found: &mut Found) {
    // What must follow is looked for once each: behind the first of its phrase.
    let mut seen = [false; PHRASES.len()];
    for (nth, at) in TEXTS.find(value) {
        let (Some(phrase), Some(seen)) = (PHRASES.get(nth), seen.get_mut(nth)) else { continue };
        if std::mem::replace(seen, true) {
            continue;
        }
        let rest = value.get(at.end..).unwrap_or_default();
        if phrase.then.is_empty() || memmem::find(rest, phrase.then.as_bytes()).is_some() {
            found.push(phrase.what, phrase.strength, at);
        }
    }
}
