//! The states of zlib that a thread has: a connection needs one only while it reads a message.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
};

use zlib_rs::Inflate;

/// Most states that a thread keeps, of 48 KiB each.
pub(super) const MOST: usize = 32;

/// What a state has read: so many messages of a connection. Nobody else may read on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stand {
    connection: u64,
    messages: u64,
}

impl Stand {
    /// That of a state that stands at the beginning of a stream.
    pub(super) const NOTHING: Self = Self { connection: 0, messages: 0 };

    /// That of a connection that no other has had.
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { connection: LAST.fetch_add(1, Ordering::Relaxed) + 1, messages: 0 }
    }

    /// After another message.
    pub(super) const fn next(self) -> Self {
        Self { messages: self.messages + 1, ..self }
    }
}

thread_local! {
    /// The one that was used last comes last.
    static STATES: RefCell<VecDeque<(Stand, Inflate)>> = const { RefCell::new(VecDeque::new()) };
}

/// The state that has read just this, if this thread has it, or else one that has read nothing.
pub(super) fn lend(stand: Stand) -> (Inflate, Stand) {
    let kept = STATES.with_borrow_mut(|states| {
        let find = |wanted: Stand| states.iter().rposition(|(stand, _)| *stand == wanted);
        if let Some(at) = find(stand).or_else(|| find(Stand::NOTHING)) {
            return states.remove(at);
        }
        // The connection that was quiet for longest does without.
        if states.len() >= MOST { states.pop_front() } else { None }
    });
    match kept {
        Some((found, state)) if found == stand || found == Stand::NOTHING => (state, found),
        Some((_, mut state)) => {
            state.reset(false);
            (state, Stand::NOTHING)
        }
        None => (Inflate::new(false, 15), Stand::NOTHING),
    }
}

/// Keeps a state for the next message of the same connection, or of any.
pub(super) fn give_back(stand: Stand, state: Inflate) {
    STATES.with_borrow_mut(|states| {
        if states.len() >= MOST {
            states.pop_front();
        }
        states.push_back((stand, state));
    });
}

/// How many states this thread keeps.
#[cfg(test)]
pub(super) fn kept() -> usize {
    STATES.with_borrow(VecDeque::len)
}
