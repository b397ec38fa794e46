//! Memory that all connections of a process share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes that the unfinished inspected messages of all connections together may hold: what callers keep for them, and the
/// copies in the sessions. A connection that needs more when none are left is ended with the reason `memory-budget`.
///
/// Without a lock; a connection only touches it when a read ends within a message, and then in steps of
/// [`STEP`](Self::STEP) bytes. What one read inflates to and is released at once is not counted.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    /// The default limit: 512 MiB.
    pub const DEFAULT_LIMIT: usize = 512 * 1024 * 1024;

    /// Reservations are multiples of so many bytes.
    pub const STEP: usize = 4096;

    /// A budget of `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    /// Bytes reserved now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|used| used <= self.limit);
        if !fits {
            self.give(bytes);
        }
        fits
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

/// What one connection has of the budget; given back when it goes.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reservation {
    pub(crate) const fn new(budget: Arc<Budget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Changes the reservation to hold `needed` bytes; `false` if there are not so many, and then keeps what it has.
    pub(crate) fn resize(&mut self, needed: usize) -> bool {
        if needed == 0 && self.bytes == 0 {
            return true;
        }
        let wanted = needed.checked_next_multiple_of(Budget::STEP).unwrap_or(usize::MAX);
        if wanted > self.bytes && !self.budget.take(wanted - self.bytes) {
            return false;
        }
        if wanted < self.bytes {
            self.budget.give(self.bytes - wanted);
        }
        self.bytes = wanted;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_are_taken_in_steps_and_given_back() {
        let budget = Arc::new(Budget::new(3 * Budget::STEP));
        let mut first = Reservation::new(Arc::clone(&budget));
        let mut second = Reservation::new(Arc::clone(&budget));
        assert!(first.resize(1) && second.resize(Budget::STEP + 1));
        assert_eq!(budget.used(), 3 * Budget::STEP);
        assert!(first.resize(Budget::STEP));
        assert!(!first.resize(Budget::STEP + 1));
        assert_eq!(budget.used(), 3 * Budget::STEP);
        assert!(second.resize(0) && first.resize(2 * Budget::STEP));
        drop((first, second));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn threads_never_take_more_than_there_is() {
        let budget = Arc::new(Budget::new(8 * Budget::STEP));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut mine = Reservation::new(Arc::clone(&budget));
                    for i in 0..10_000 {
                        mine.resize(i % 5 * Budget::STEP);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }
}
