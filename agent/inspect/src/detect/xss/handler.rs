//! Names of event handlers.

/// `on` and the name of an event. Which events there are differs from browser to browser; there are over two hundred.
pub(super) fn is_handler(word: &[u8]) -> bool {
    word.len() >= 5
        && word.starts_with(b"on")
        && word.iter().all(u8::is_ascii_alphabetic)
        && !matches!(
            word,
            b"online"
                | b"onion"
                | b"onset"
                | b"onward"
                | b"onwards"
                | b"ontology"
                | b"onboarding"
                | b"onsite"
                | b"ongoing"
                | b"onwhich"
                | b"onhand"
                | b"onscreen"
                | b"onetime"
        )
}
