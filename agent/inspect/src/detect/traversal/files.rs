//! Files that tell about a server, run on it or open it: families of folders and names rather than a list of paths.

/// Most segments that are looked at, from the end.
const MAX_SEGMENTS: usize = 16;

/// Names that say it whatever folder they are in.
const NAMES: [&[u8]; 75] = [
    b".bash_history",
    b".bash_logout",
    b".bash_profile",
    b".bashrc",
    b".cshrc",
    b".history",
    b".htaccess",
    b".htgroup",
    b".htpasswd",
    b".htusers",
    b".ksh_history",
    b".mysql_history",
    b".my.cnf",
    b".netrc",
    b".pass",
    b".passwd",
    b".password",
    b".pgpass",
    b".profile",
    b".psql_history",
    b".rhosts",
    b".sh_history",
    b".viminfo",
    b".zsh_history",
    b".zshrc",
    b"access.log",
    b"access_log",
    b"apache2.conf",
    b"applicationhost.config",
    b"authorized_keys",
    b"boot.ini",
    b"config.inc.php",
    b"config.sys",
    b"error.log",
    b"error_log",
    b"global.asa",
    b"global.asax",
    b"httpd.conf",
    b"httpd.conf.php",
    b"id_dsa",
    b"id_ecdsa",
    b"id_ed25519",
    b"id_rsa",
    b"known_hosts",
    b"lighttpd.conf",
    b"localsettings.php",
    b"machine.config",
    b"my.cnf",
    b"my.ini",
    b"nginx.conf",
    b"ntuser.dat",
    b"php.ini",
    b"php4ts.dll",
    b"pureftpd.passwd",
    b"pureftpd.pdb",
    b"sam",
    b"sysprep.inf",
    b"sysprep.xml",
    b"system.ini",
    b"tomcat-users.xml",
    b"unattend.txt",
    b"unattend.xml",
    b"unattended.xml",
    b"vsftpd.conf",
    b"web.config",
    b"win.ini",
    b"wp-config.php",
    b"proftpd.conf",
    b"proftpd.passwd",
    b"ftpusers",
    b"xferlog",
    b"mysqld.log",
    b"server.xml",
    b"passwd",
    b"master.passwd",
];

/// Those that are files of `/etc` where the folder is named without its root.
const ETC: [&[u8]; 22] = [
    b"crontab",
    b"exports",
    b"fstab",
    b"group",
    b"gshadow",
    b"hostname",
    b"hosts",
    b"inetd.conf",
    b"issue",
    b"motd",
    b"mtab",
    b"my.cnf",
    b"networks",
    b"passwd",
    b"passwd-",
    b"profile",
    b"protocols",
    b"resolv.conf",
    b"services",
    b"shadow",
    b"shadow-",
    b"sudoers",
];

/// Folders of `/var` that servers keep their state in.
const VAR: [&[u8]; 21] = [
    b"adm", b"apache", b"apache2", b"backups", b"cpanel", b"cron", b"db", b"httpd", b"lib", b"local",
    b"lock", b"log", b"logs", b"lp", b"mail", b"mysql", b"named", b"run", b"saf", b"spool", b"webmin",
];

/// Names of settings, and of users' files that no page has.
const ROOTED_NAMES: [&[u8]; 20] = [
    b"config.asp",
    b"config.inc",
    b"config.php",
    b"configuration.php",
    b"database.php",
    b"db.php",
    b"dbconnect.php",
    b"settings.php",
    b"users.db.php",
    b"connect.php",
    b".forward",
    b".login",
    b".logout",
    b".shosts",
    b".vimrc",
    b".xauthority",
    b".xinitrc",
    b".env",
    b".subversion",
    b".fetchmailrc",
];

/// Folders of servers.
const SERVERS: [&[u8]; 44] = [
    b"apache",
    b"apache group",
    b"apache software foundation",
    b"apache2",
    b"apache2.2",
    b"apache2.4",
    b"apache22",
    b"apache24",
    b"appserv",
    b"bitnami",
    b"cpanel",
    b"exim",
    b"filezilla server",
    b"httpd",
    b"inetpub",
    b"inetsrv",
    b"jakarta",
    b"jboss",
    b"lampp",
    b"lighttpd",
    b"mysql",
    b"mysqld",
    b"nginx",
    b"pgsql",
    b"php",
    b"php4",
    b"php5",
    b"php7",
    b"php8",
    b"postfix",
    b"postgresql",
    b"proftpd",
    b"psa",
    b"pure-ftpd",
    b"pureftpd",
    b"samba",
    b"squid",
    b"tomcat",
    b"vsftpd",
    b"wamp",
    b"webserver",
    b"xampp",
    b"zend",
    b"zeus",
];

/// Folders in them that hold more than what they serve.
const INNER: [&[u8]; 12] = [
    b"conf",
    b"conf.d",
    b"config",
    b"data",
    b"etc",
    b"htdocs",
    b"log",
    b"logs",
    b"mysql",
    b"repair",
    b"sessions",
    b"wwwroot",
];

/// Folders at the root of a Windows drive.
const DRIVE: [&[u8]; 17] = [
    b"appserv",
    b"autoexec.bat",
    b"boot.ini",
    b"documents and settings",
    b"inetpub",
    b"nt",
    b"pagefile.sys",
    b"programdata",
    b"system32",
    b"recovery",
    b"sysprep",
    b"windows",
    b"windows.old",
    b"winnt",
    b"xampp",
    b"wamp",
    b"wamp64",
];

/// Whether a path, in lower case and with `/` only, is one that no client has reason to name. `out` says that it
/// leaves a folder, so that its beginning is the root.
pub(super) fn is_sensitive(path: &[u8], out: bool) -> bool {
    let scheme = path.starts_with(b"file:") || path.starts_with(b"local_file:");
    let path = if scheme { path.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default() } else { path };
    // A URL's path is the business of its host.
    let is_url = |first: &[u8]| first.len() > 2 && first.ends_with(b":");
    let first = memchr::memchr(b'/', path).and_then(|end| path.get(..end));
    if first.is_some_and(is_url) && path.iter().filter(|byte| **byte == b'/').count() < MAX_SEGMENTS {
        return false;
    }
    let mut segments: [&[u8]; MAX_SEGMENTS] = [b""; MAX_SEGMENTS];
    let mut count = 0;
    let kept = path.rsplit(|byte| *byte == b'/').filter(|segment| !is_dots(segment)).take(MAX_SEGMENTS);
    for segment in kept {
        if let Some(slot) = segments.get_mut(MAX_SEGMENTS - 1 - count) {
            *slot = segment.trim_ascii();
            count += 1;
        }
    }
    let segments = segments.get(MAX_SEGMENTS - count..).unwrap_or_default();
    let Some((name, folders)) = segments.split_last() else { return false };
    let rooted = out || path.starts_with(b"/");
    if folders.first().is_some_and(|first| is_url(first)) {
        return false;
    }
    let has = |list: &[&[u8]]| folders.iter().any(|folder| list.contains(folder));
    let drive = matches!(folders.first(), Some([b'a'..=b'z', b':']));
    let relative = if drive { segments.get(1..).unwrap_or_default() } else { segments };
    squeezed(name)
        || (rooted || !folders.is_empty() || name.starts_with(b".ht")) && is_named(name)
        || (rooted || drive) && from_root(relative, name)
        || drive && relative.first().is_some_and(|first| DRIVE.contains(first))
        || folders == [b"etc"] && ETC.contains(name)
        || (rooted || drive)
            && has(&SERVERS)
            && (has(&INNER) || INNER.contains(name) || is_configuration(name))
        || folders
            .last()
            .is_some_and(|folder| matches!(*folder, b".ssh" | b".aws" | b".docker" | b".gnupg" | b".kube"))
        || has(&[b"web-inf", b"meta-inf"]) && name.ends_with(b".xml")
        || drive && has(&[b"system32"])
        || (rooted || out) && ROOTED_NAMES.contains(name)
        || out && is_configuration(name)
        || out
            && (name.ends_with(b".php")
                || name.ends_with(b".asp")
                || name.ends_with(b".aspx")
                || name.ends_with(b".jsp"))
}

/// What stands at the root of a Unix or Windows machine.
fn from_root(segments: &[&[u8]], name: &[u8]) -> bool {
    match segments {
        [b"etc" | b"proc", _, ..] | [b"etc"] | [b"private", b"etc" | b"var", _, ..] => true,
        [b"root", name, ..] => name.starts_with(b".") || name.ends_with(b".cfg"),
        [b"boot", b"grub" | b"grub2", _, ..] | [b"sys", b"class" | b"kernel" | b"devices", ..] => true,
        [b"dev", b"tcp" | b"udp" | b"mem" | b"kmem" | b"fd" | b"shm", ..] => true,
        [b"var", file] if is_log(file) => true,
        [b"usr", b"ports" | b"pkgsrc", ..] | [b"usr", b"lib", b"security" | b"cron", ..] => true,
        [b"var", folder, ..] if VAR.contains(folder) => true,
        [b"var", b"www", b"log" | b"logs" | b"conf", ..] | [b"www", b"log" | b"logs" | b"conf", ..] => true,
        [b"usr", rest @ ..] => {
            rest.iter()
                .any(|folder| matches!(*folder, b"etc" | b"conf" | b"log" | b"logs" | b"adm" | b"spool"))
                || is_configuration(name)
        }
        [b"windows" | b"winnt", second, ..] => {
            matches!(
                *second,
                b"system32"
                    | b"system"
                    | b"repair"
                    | b"panther"
                    | b"debug"
                    | b"explorer.exe"
                    | b"notepad.exe"
                    | b"syswow64"
            ) || is_configuration(second)
        }
        [b"log" | b"logs", _, ..] | [_, b"log" | b"logs", ..] => is_log(name),
        [b"library", b"webserver", ..] | [b"volumes", _, ..] => is_configuration(name),
        _ => false,
    }
}

/// Names that hold settings, protocols or secrets.
fn is_configuration(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 17] = [
        b".ini",
        b".conf",
        b".cnf",
        b".cfg",
        b".config",
        b".inc",
        b".pdb",
        b".passwd",
        b".htaccess",
        b".env",
        b".bak",
        b".sql",
        b".mdb",
        b".db",
        b".pid",
        b".err",
        b".conf.default",
    ];
    ENDS.iter().any(|end| name.ends_with(end)) || is_log(name)
}

fn is_log(name: &[u8]) -> bool {
    let name = name.trim_suffix_digits();
    [b".log".as_slice(), b"_log", b"-log"].iter().any(|end| name.ends_with(end))
        || name == b"log"
        || name == b"logs"
}

/// The names that are enough, also with what rotating logs or editors add.
fn is_named(name: &[u8]) -> bool {
    let stem = name.trim_suffix_digits();
    is_name(name) || stem.len() < name.len() && is_name(stem)
}

fn is_name(name: &[u8]) -> bool {
    // Most have another first letter or length.
    let lengths = name.first().and_then(|first| NAME_LENGTHS.get(usize::from(*first)));
    lengths.is_some_and(|lengths| lengths & 1 << (name.len() % 64) != 0) && NAMES.contains(&name)
}

/// For each first byte the lengths of [`NAMES`], as bits.
static NAME_LENGTHS: [u64; 256] = {
    let mut lengths = [0; 256];
    let mut nth = 0;
    while nth < NAMES.len() {
        lengths[NAMES[nth][0] as usize] |= 1 << (NAMES[nth].len() % 64);
        nth += 1;
    }
    lengths
};

/// What is left of a path whose slashes were taken away.
fn squeezed(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 7] = [
        b"etcpasswd",
        b"etc2fpasswd",
        b"etcshadow",
        b"windowswin.ini",
        b"winntwin.ini",
        b"procselfenviron",
        b"boot.ini",
    ];
    ENDS.iter().any(|end| name.ends_with(end))
}

fn is_dots(segment: &[u8]) -> bool {
    segment.iter().all(|byte| matches!(byte, b'.' | b'?'))
}

trait TrimDigits {
    fn trim_suffix_digits(&self) -> &[u8];
}

impl TrimDigits for [u8] {
    /// Without `.1` at the end.
    fn trim_suffix_digits(&self) -> &[u8] {
        match self {
            [name @ .., b'.', b'0'..=b'9'] => name,
            _ => self,
        }
    }
}
