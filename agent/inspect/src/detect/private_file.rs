//! Files that are not meant for others.

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

/// A path to what should not have been published: version control, settings with passwords, keys, backups
/// (CWE-538, CWE-530).
pub(super) struct PrivateFile;

impl Detector for PrivateFile {
    fn signal(&self) -> Signal {
        Signal::PrivateFile
    }

    fn summary(&self) -> &'static str {
        "a path to version control, keys, settings or backups"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "/.git/config",
                ".git/HEAD",
                "/.env",
                "/app/.env.production",
                "/.svn/entries",
                "/.DS_Store",
                "/wp-config.php.bak",
                "/backup.sql",
                "/home/ann/.aws/credentials",
                "https://example.org/.git/config",
                "/index.php~",
            ],
            passed: &[
                ".gitignore",
                "https://github.com/ann/tool.git",
                "put it into .env or .git/config",
                "/.well-known/acme-challenge/x",
                "/assets/app.js",
                "environment",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            ".git/",
            ".svn/",
            ".hg/",
            ".bzr/",
            "/.env",
            ".ds_store",
            ".aws/",
            ".docker/config",
            ".npmrc",
            ".pypirc",
            ".htpasswd",
            "id_rsa",
            "id_ed25519",
            "wp-config",
            ".php~",
            ".php.",
            ".bak",
            ".sql",
            ".old",
            ".swp",
            ".kdbx",
            ".pem",
            "/.vscode/",
            "/.idea/",
            "web.config",
            "docker-compose",
            "phpinfo.php",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        let text = ByteSet::SPACE.and(ByteSet::DOUBLE_QUOTE).and(ByteSet::QUOTE).and(ByteSet::PAREN);
        gate.has_literal() && gate.bytes.has_any(ByteSet::SLASH) && !gate.bytes.has_any(text)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let end =
            value.bytes.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(value.bytes.len());
        let path = value.bytes.get(..end).unwrap_or_default();
        let mut parts = path.split(|byte| matches!(byte, b'/' | b'\\'));
        let name = parts.next_back().unwrap_or_default();
        let folders: [&[u8]; 9] =
            [b".git", b".svn", b".hg", b".bzr", b".aws", b".docker", b".vscode", b".idea", b".ssh"];
        if parts.any(|part| folders.iter().any(|folder| part.eq_ignore_ascii_case(folder)))
            || is_private(name)
        {
            found.push("private file", Strength::Tag, 0..end);
        }
    }
}

fn is_private(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b".ds_store",
        b".npmrc",
        b".pypirc",
        b".htpasswd",
        b"id_rsa",
        b"id_ed25519",
        b"web.config",
        b"docker-compose.yml",
        b"docker-compose.yaml",
        b"phpinfo.php",
        b"wp-config.php",
        b".env",
    ];
    const ENDS: [&[u8]; 10] = [
        b".php~",
        b".php.bak",
        b".php.old",
        b".php.swp",
        b".bak",
        b".sql",
        b".kdbx",
        b".swp",
        b".php.txt",
        b".sql.gz",
    ];
    let lower = |of: &[u8], other: &[u8]| of.eq_ignore_ascii_case(other);
    let ends = |end: &[u8]| {
        name.len().checked_sub(end.len()).and_then(|at| name.get(at..)).is_some_and(|it| lower(it, end))
    };
    NAMES.iter().any(|known| lower(name, known))
        || name.get(..5).is_some_and(|start| lower(start, b".env."))
        || ENDS.iter().any(|end| ends(end))
}
