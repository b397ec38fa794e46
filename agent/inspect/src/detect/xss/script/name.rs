//! What a name means to a browser.

/// What the first of several words joined by dots is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// `window`, or another name for it.
    Window,
    Document,
    Location,
    Other,
}

pub(super) fn root_of(word: &[u8]) -> Root {
    match word {
        b"window" | b"$event" | b"self" | b"top" | b"parent" | b"frames" | b"globalthis" | b"this"
        | b"content" | b"opener" | b"defaultview" => Root::Window,
        b"document" => Root::Document,
        b"location" => Root::Location,
        _ => Root::Other,
    }
}

/// Functions of browsers that run a string, show that script ran, or send something away.
pub(super) fn is_function(word: &[u8]) -> bool {
    matches!(
        word,
        b"alert"
            | b"prompt"
            | b"confirm"
            | b"eval"
            | b"print"
            | b"settimeout"
            | b"setinterval"
            | b"setimmediate"
            | b"execscript"
            | b"msgbox"
            | b"fetch"
            | b"atob"
            | b"importscripts"
            | b"expression"
            | b"write"
            | b"writeln"
            | b"open"
            | b"reportuncaughtexception"
    )
}

pub(super) fn is_writer(word: &[u8]) -> bool {
    matches!(word, b"write" | b"writeln" | b"open")
}
