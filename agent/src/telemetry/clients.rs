//! How events and the log name a client: by its address, or by a pseudonym.
//!
//! A pseudonym is a keyed hash (HMAC-SHA-256, RFC 2104) of the address without its port, cut to 64 bits: the same client has
//! the same pseudonym on all its connections for as long as the key is the same, and nobody without the key can find
//! the address by hashing all there are. What decides about connections (rules, limits) always sees the address.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Serialize, Serializer};
use sha2::Sha256;

/// Shortest key that is taken, in bytes: 128 bits, if they are random.
const MIN_KEY_BYTES: usize = 16;
/// Longest: what is longer is another file.
const MAX_KEY_BYTES: usize = 4096;

/// Whether clients are named by pseudonyms, and with which key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Anonymise {
    /// By their addresses.
    #[default]
    No,
    /// With a key that is made anew at each start: nobody can tell afterwards who a pseudonym was.
    RandomKey,
    /// With the key in this file: a client keeps its pseudonym when the daemon is started again.
    KeyFile(PathBuf),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("anonymise_clients: cannot read {path}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("anonymise_clients: {path} is not a regular file")]
    NotAFile { path: PathBuf },
    #[error(
        "anonymise_clients: others may read or write {path} (mode {mode:04o}), which must be its owner's alone: chmod 600"
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "anonymise_clients: {path} belongs to user {owner}, not to root or the user that the daemon runs as"
    )]
    Foreign { path: PathBuf, owner: u32 },
    #[error(
        "anonymise_clients: the key in {path} has {len} bytes, allowed are {MIN_KEY_BYTES} to {MAX_KEY_BYTES}"
    )]
    Length { path: PathBuf, len: usize },
    #[error("anonymise_clients: no random key: {0}")]
    NoRandom(getrandom::Error),
}

/// Names clients.
#[derive(Clone)]
pub(crate) struct ClientNames(Option<Hmac<Sha256>>);

impl ClientNames {
    /// Reads or makes the key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if there is none, or not one that others do not know.
    pub(crate) fn new(anonymise: &Anonymise) -> Result<Self, KeyError> {
        let key = match anonymise {
            Anonymise::No => return Ok(Self(None)),
            Anonymise::RandomKey => {
                let mut key = vec![0; 32];
                getrandom::fill(&mut key).map_err(KeyError::NoRandom)?;
                key
            }
            Anonymise::KeyFile(path) => read_key(path)?,
        };
        let hmac = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length (RFC 2104 §2)");
        Ok(Self(Some(hmac)))
    }

    /// What a client is called. An IPv4 address and its IPv6-mapped form are one.
    pub(crate) fn name(&self, client: SocketAddr) -> ClientName {
        let Some(hmac) = &self.0 else { return ClientName::Address(client) };
        let mut hmac = hmac.clone();
        hmac.update(client.ip().to_canonical().to_string().as_bytes());
        let hash = hmac.finalize().into_bytes();
        let first = hash.first_chunk().expect("SHA-256 gives 32 bytes");
        ClientName::Pseudonym(u64::from_be_bytes(*first))
    }
}

impl fmt::Debug for ClientNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "pseudonyms" } else { "addresses" })
    }
}

fn read_key(path: &Path) -> Result<Vec<u8>, KeyError> {
    let path_of = || path.to_owned();
    let unreadable = |error| KeyError::Unreadable { path: path_of(), error };
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(KeyError::NotAFile { path: path_of() });
    }
    if about.mode() & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path_of(), mode: about.mode() & 0o7777 });
    }
    let owner = about.uid();
    if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
        return Err(KeyError::Foreign { path: path_of(), owner });
    }
    let mut key = Vec::new();
    file.take(MAX_KEY_BYTES as u64 + 2).read_to_end(&mut key).map_err(unreadable)?;
    // Editors end the last line.
    if key.ends_with(b"\n") {
        key.pop();
    }
    match key.len() {
        MIN_KEY_BYTES..=MAX_KEY_BYTES => Ok(key),
        len => Err(KeyError::Length { path: path_of(), len }),
    }
}

/// A client, as events and the log show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientName {
    /// Address and port.
    Address(SocketAddr),
    /// `anon-` and 16 hexadecimal digits.
    Pseudonym(u64),
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Pseudonym(hash) => write!(f, "anon-{hash:016x}"),
        }
    }
}

impl Serialize for ClientName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, io::Write as _, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn name(names: &ClientNames, client: &str) -> String {
        names.name(client.parse().expect("an address and a port")).to_string()
    }

    /// A key file of this mode, for as long as the test needs it.
    struct Key(PathBuf);

    impl Key {
        fn new(test: &str, bytes: &[u8], mode: u32) -> Self {
            let path = std::env::temp_dir().join(format!("framewall-key-{test}-{}", std::process::id()));
            let mut file = File::create(&path).expect("a temporary file");
            file.write_all(bytes).expect("write the key");
            file.set_permissions(Permissions::from_mode(mode)).expect("set the mode");
            Self(path)
        }

        fn names(&self) -> Result<ClientNames, KeyError> {
            ClientNames::new(&Anonymise::KeyFile(self.0.clone()))
        }
    }

    impl Drop for Key {
        fn drop(&mut self) {
            drop(std::fs::remove_file(&self.0));
        }
    }

    #[test]
    fn without_a_key_a_client_is_its_address() {
        let names = ClientNames::new(&Anonymise::No).expect("no key is needed");
        assert_eq!(name(&names, "192.0.2.7:4242"), "192.0.2.7:4242");
        assert_eq!(name(&names, "[2001:db8::1]:80"), "[2001:db8::1]:80");
    }

    #[test]
    fn a_pseudonym_is_that_of_the_address_whatever_its_port_and_form() {
        let names = ClientNames::new(&Anonymise::RandomKey).expect("a random key");
        let one = name(&names, "192.0.2.7:4242");
        assert_eq!(one.len(), "anon-0123456789abcdef".len(), "{one}");
        assert!(one.strip_prefix("anon-").is_some_and(|hash| hash.bytes().all(|c| c.is_ascii_hexdigit())));
        assert_eq!(one, name(&names, "192.0.2.7:1"));
        assert_eq!(one, name(&names, "[::ffff:192.0.2.7]:4242"));
        assert_ne!(one, name(&names, "192.0.2.8:4242"));
        assert_ne!(name(&names, "[2001:db8::1]:1"), name(&names, "[2001:db8::2]:1"));
        let other = ClientNames::new(&Anonymise::RandomKey).expect("a random key");
        assert_ne!(one, name(&other, "192.0.2.7:4242"), "each start has its own key");
    }

    #[test]
    fn with_a_key_file_pseudonyms_last() {
        // printf 192.0.2.7 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        const KNOWN: &str = "anon-53db62d6a946d0fa";
        let secret = b"0123456789abcdef0123456789abcdef";
        let key = Key::new("lasts", secret, 0o600);
        assert_eq!(name(&key.names().expect("a key"), "192.0.2.7:1"), KNOWN);
        let with_newline = Key::new("newline", &[secret, &b"\n"[..]].concat(), 0o400);
        assert_eq!(name(&with_newline.names().expect("a key"), "192.0.2.7:2"), KNOWN);
    }

    #[test]
    fn a_key_that_others_may_know_or_guess_is_refused() {
        let refused = |key: &Key| key.names().expect_err("refused").to_string();
        let long = [b'k'; MAX_KEY_BYTES + 1];
        let exposed = refused(&Key::new("exposed", &long[..32], 0o640));
        assert!(exposed.contains("(mode 0640)") && exposed.ends_with("chmod 600"), "{exposed}");
        let short = refused(&Key::new("short", b"0123456789abcde\n", 0o600));
        assert!(short.ends_with("has 15 bytes, allowed are 16 to 4096"), "{short}");
        let long = refused(&Key::new("long", &long, 0o600));
        assert!(long.ends_with("has 4097 bytes, allowed are 16 to 4096"), "{long}");
        let missing = ClientNames::new(&Anonymise::KeyFile("/nowhere/key".into())).expect_err("refused");
        assert!(missing.to_string().starts_with("anonymise_clients: cannot read /nowhere/key: No such file"));
        let folder = ClientNames::new(&Anonymise::KeyFile("/".into())).expect_err("refused");
        assert!(folder.to_string().ends_with("/ is not a regular file"), "{folder}");
    }
}
