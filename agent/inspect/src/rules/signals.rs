//! The names of signals in rules: those of the detectors, and those that rules give.

use std::{collections::HashMap, sync::Arc};

use crate::detect::{Signal, SignalKind};

/// A signal in a rule set: first those of the detectors, then the tags.
pub(super) type SignalId = usize;

macro_rules! signals {
    ($($name:ident),* $(,)?) => {
        /// All signals of detectors.
        pub(super) const SIGNALS: &[Signal] = &[$(Signal::$name),*];

        /// The place of a signal in [`SIGNALS`].
        pub(super) fn id(signal: Signal) -> SignalId {
            // A signal that is missing above does not compile here.
            match signal {
                $(Signal::$name => const { position(Signal::$name) }),*
            }
        }
    };
}

signals! {
    Sqli, Xss, CmdExe, Traversal, Log4jJndi, Ssrf, Xxe, Ssti, NoSqli, CodeInjection, Deserialization, Ldapi, Ssi,
    ResponseSplit, Backdoor, UserAgent, Scanner, OobDomain, NullByte, NotUtf8, DoubleEncoding, JsonError, XmlError,
    MalformedData, PrivateFile, AbnormalPath, GraphqlIntrospection, GraphqlDepth, GraphqlIde, InsecureAuth, NoUa,
    DuplicateHeaders, WsProtocol, WsUninspected, Compressed, HttpAmbiguous,
}

const fn position(signal: Signal) -> SignalId {
    let mut at = 0;
    while at < SIGNALS.len() {
        if SIGNALS[at] as usize == signal as usize {
            return at;
        }
        at += 1;
    }
    SIGNALS.len()
}

/// The signals that a set of rules knows.
#[derive(Debug)]
pub(super) struct SignalNames {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, SignalId>,
}

impl Default for SignalNames {
    fn default() -> Self {
        let mut known = Self { names: Vec::new(), ids: HashMap::new() };
        for signal in SIGNALS {
            known.add(signal.as_str());
        }
        known
    }
}

impl SignalNames {
    /// Adds a tag, if it is not there.
    pub(super) fn add(&mut self, name: &str) -> SignalId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, self.names.len() - 1);
        self.names.len() - 1
    }

    pub(super) fn get(&self, name: &str) -> Option<SignalId> {
        self.ids.get(name).copied()
    }

    pub(super) fn name(&self, id: SignalId) -> Arc<str> {
        self.names.get(id).cloned().unwrap_or_else(|| Arc::from(""))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(|name| &**name)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Of what kind a signal is, as conditions name it.
pub(super) fn kind(id: SignalId) -> &'static str {
    match SIGNALS.get(id).map(|signal| signal.kind()) {
        Some(SignalKind::Attack) => "attack",
        Some(SignalKind::Anomaly) => "anomaly",
        None => "tag",
    }
}

/// Whether a name can be a tag.
pub(super) fn is_tag(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=48).contains(&name.len()) && name.bytes().all(plain) && name.bytes().any(|byte| byte != b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_its_place() {
        for (at, signal) in SIGNALS.iter().enumerate() {
            assert_eq!(id(*signal), at);
            assert!(is_tag(signal.as_str()), "{signal}");
        }
    }
}
