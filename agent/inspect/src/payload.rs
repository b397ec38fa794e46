//! What a message contains: its leaves, the values that an application would use.

mod json;
mod leaf;
mod printable;

pub(crate) use leaf::{Leaf, Place};

use std::ops::ControlFlow;

/// Memory that is used again from message to message.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    decoded: Vec<u8>,
    levels: Vec<json::Level>,
}

impl Scratch {
    /// Approximate memory in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.decoded.capacity() + self.levels.capacity() * size_of::<json::Level>()
    }

    /// Gives back what a long message needed.
    pub(crate) fn shrink(&mut self) {
        self.decoded.clear();
        self.decoded.shrink_to(4096);
    }
}

/// Whether detectors could see the content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every part of it, unless the visitor stopped.
    Full,
    /// Binary that is not mostly text: no part of it.
    None,
}

/// Calls `visit` with each leaf of a message until it breaks.
///
/// Text, and binary that is UTF-8, is JSON if it begins like it (after an Engine.IO or Socket.IO prefix), else one
/// leaf. JSON that is malformed or too deep is also visited as one leaf: different readers may see different
/// strings in it; not if it is not the `whole` message, which explains it. Other binary is searched for printable runs if it is mostly text.
pub(crate) fn leaves(
    payload: &[u8],
    is_utf8: bool,
    whole: bool,
    max_depth: usize,
    scratch: &mut Scratch,
    visit: &mut dyn FnMut(Leaf<'_>) -> ControlFlow<()>,
) -> Coverage {
    if !is_utf8 && std::str::from_utf8(payload).is_err() {
        return printable::runs(payload, visit);
    }
    let visit_whole = |visit: &mut dyn FnMut(Leaf<'_>) -> ControlFlow<()>| {
        visit(Leaf { value: payload, place: Place::Whole })
    };
    match json::start(payload) {
        Some(start) => {
            let json = payload.get(start..).unwrap_or_default();
            let Scratch { decoded, levels } = scratch;
            match json::scan(json, max_depth, decoded, levels, visit) {
                ControlFlow::Continue(json::Shape::Odd) if whole => {
                    let _ = visit_whole(visit);
                }
                ControlFlow::Continue(json::Shape::Regular | json::Shape::Odd) | ControlFlow::Break(()) => {}
            }
        }
        None => {
            let _ = visit_whole(visit);
        }
    }
    Coverage::Full
}
