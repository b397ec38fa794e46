//! Judges one value: how much speaks for an attack, and of which class?

mod any_case;
mod backdoor;
mod catalogue;
mod cmdexe;
mod code_injection;
mod deserialization;
mod double_encoding;
mod evidence;
mod gate;
mod graphql;
mod insecure_auth;
mod ldapi;
mod literal_set;
mod log4j;
mod mark;
mod nosqli;
mod not_utf8;
mod null_byte;
mod oob_domain;
mod plain_url;
mod private_file;
mod prose;
mod response_split;
mod scanner;
mod shell_phrase;
mod signal;
mod sqli;
mod ssi;
mod ssrf;
mod ssti;
mod traversal;
mod user_agent;
mod value;
mod xss;
mod xxe;

pub use catalogue::{SignalEntry, signals};
pub(crate) use evidence::{Evidence, Found, Strength};
pub(crate) use gate::Gate;
pub(crate) use plain_url::is_plain_url;
pub use signal::{Signal, SignalKind};
pub(crate) use value::{Origin, Value};

pub(crate) use crate::payload::Kind;

/// One class of attack or anomaly: its name, what it is about, when it is asked and how it is found.
pub(crate) trait Detector: Sync {
    /// What a finding is called.
    fn signal(&self) -> Signal;

    /// One sentence for people who meet the signal in a log.
    fn summary(&self) -> &'static str;

    /// Values for which mode `block` ends the connection (for an anomaly: that are tagged), and values that look
    /// similar and pass. They are documentation, and every test run holds the detector to them.
    fn examples(&self) -> Examples;

    /// What the detector is asked for, in lower case ASCII: a value (or what it decodes to) that contains one of
    /// these in any case. All literals of all detectors are looked for in one pass.
    fn literals(&self) -> &'static [&'static str];

    /// Whether the value is worth [`examine`](Self::examine). Runs on every value that is more than words.
    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal()
    }

    /// Reports what speaks for an attack. Takes time linear in the length of the value, whatever it is.
    fn examine(&self, value: &Value<'_>, found: &mut Found);
}

/// What a detector reports and what it does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Examples {
    pub(crate) found: &'static [&'static str],
    pub(crate) passed: &'static [&'static str],
}

/// All detectors. Their number is bounded by the bits of [`Gate`].
pub(crate) static DETECTORS: [&dyn Detector; 27] = [
    &double_encoding::DoubleEncoding,
    &log4j::Log4j,
    &not_utf8::NotUtf8,
    &null_byte::NullByte,
    &private_file::PrivateFile,
    &sqli::Sqli,
    &traversal::Traversal,
    &xss::Xss,
    &nosqli::NoSqli,
    &ssi::Ssi,
    &ssti::Ssti,
    &xxe::Xxe,
    &backdoor::Backdoor,
    &cmdexe::CmdExe,
    &ldapi::Ldapi,
    &oob_domain::OobDomain,
    &response_split::ResponseSplit,
    &scanner::Scanner,
    &ssrf::Ssrf,
    &user_agent::UserAgent,
    &code_injection::CodeInjection,
    &deserialization::Deserialization,
    &graphql::Depth,
    &graphql::Ide,
    &graphql::Introspection,
    &insecure_auth::InsecureAuth,
    &shell_phrase::ShellPhrase,
];

#[cfg(test)]
mod tests;
