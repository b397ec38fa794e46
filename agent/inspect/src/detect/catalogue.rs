//! What can be found, for people.

use crate::detect::{DETECTORS, Detector, Signal};

/// A signal with its explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalEntry {
    /// The signal.
    pub signal: Signal,
    /// What it means: a sentence of each detector that raises it.
    pub summaries: Vec<&'static str>,
    /// Values in which it is found, as they are when all encodings are undone.
    pub found: Vec<&'static str>,
    /// Values that look similar, in which it is not found.
    pub passed: Vec<&'static str>,
}

/// All signals: attacks first, each kind in the order of [`Signal`].
///
/// ```
/// let sqli = framewall_inspect::signals().into_iter().find(|entry| entry.signal.as_str() == "SQLI");
/// assert!(sqli.is_some_and(|entry| !entry.found.is_empty()));
/// ```
pub fn signals() -> Vec<SignalEntry> {
    let detected = DETECTORS.iter().map(|detector| detector.signal());
    let mut all: Vec<Signal> = detected.chain(UNDETECTED.iter().map(|(signal, _)| *signal)).collect();
    all.sort_by_key(|signal| (signal.kind() as u8, *signal));
    all.dedup();
    all.into_iter().map(entry).collect()
}

fn entry(signal: Signal) -> SignalEntry {
    let of_signal = || DETECTORS.iter().filter(move |detector| detector.signal() == signal);
    let by_hand = UNDETECTED.iter().filter(|(other, _)| *other == signal).map(|(_, summary)| *summary);
    let examples = |of: fn(&dyn Detector) -> &'static [&'static str]| {
        of_signal().flat_map(|detector| of(*detector)).copied().collect()
    };
    SignalEntry {
        signal,
        summaries: of_signal().map(|detector| detector.summary()).chain(by_hand).collect(),
        found: examples(|detector| detector.examples().found),
        passed: examples(|detector| detector.examples().passed),
    }
}

/// What no detector finds in a value, but a decoder, the reader of an envelope, the handshake or the protocol does.
const UNDETECTED: [(Signal, &str); 12] = [
    (
        Signal::NotUtf8,
        "bytes that are not UTF-8, or overlong UTF-8, behind an encoding or in text within binary",
    ),
    (Signal::DoubleEncoding, "an encoding within an encoding"),
    (Signal::JsonError, "a message that begins like JSON and is malformed"),
    (Signal::XmlError, "a message that begins like XML and is malformed"),
    (Signal::MalformedData, "a message that breaks the format of its sub-protocol or envelope"),
    (Signal::AbnormalPath, "a handshake's path with empty, repeated or dot segments"),
    (Signal::NoUa, "a handshake without a user agent"),
    (Signal::DuplicateHeaders, "a header that should stand once in a handshake and stands twice"),
    (Signal::WsProtocol, "a breach of RFC 6455 or RFC 7692"),
    (
        Signal::WsUninspected,
        "a message that was not looked at, or not as a whole: too long, too many values, too many layers",
    ),
    (Signal::Compressed, "compressed data that is not looked into"),
    (Signal::HttpAmbiguous, "HTTP that two readers may understand differently"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_explains_itself_once() {
        let all = signals();
        assert!(all.is_sorted_by_key(|entry| (entry.signal.kind() as u8, entry.signal)));
        for entry in all {
            assert!(!entry.summaries.is_empty(), "{}", entry.signal);
            for summary in entry.summaries {
                assert!(!summary.is_empty() && !summary.ends_with('.'), "{}: {summary}", entry.signal);
            }
        }
    }
}
