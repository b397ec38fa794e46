//! Which format binary is in.

use std::ops::ControlFlow;

use crate::payload::{leaf::Place, printable, text, walk::Walk};

/// Shows the leaves of content whose form nobody has told.
pub(super) fn content(walk: &mut Walk<'_>, content: &[u8], place: &Place<'_>) -> ControlFlow<()> {
    if simdutf8::basic::from_utf8(content).is_ok() {
        return text::message(walk, content, place);
    }
    printable::runs(walk, content, place);
    ControlFlow::Continue(())
}
