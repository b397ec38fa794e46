//! The rules that are in force, and what is counted for them.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use arc_swap::{ArcSwap, Guard};

use super::{counts::Counts, set::RuleSet, trial::Moment};

/// What the sessions of all ports are judged by; can be replaced while they run.
#[derive(Debug)]
pub struct LiveRules {
    set: ArcSwap<RuleSet>,
    /// How often the rules were replaced.
    generation: AtomicU64,
    counts: Counts,
    /// When the time of day was first told.
    epoch: OnceLock<Instant>,
    /// What it was then, in seconds since 1970.
    unix_s: AtomicU64,
}

impl Default for LiveRules {
    fn default() -> Self {
        Self::new(RuleSet::empty())
    }
}

impl LiveRules {
    /// Begins with a set of rules, and with nothing counted.
    pub fn new(set: Arc<RuleSet>) -> Self {
        Self {
            counts: Counts::new(set.max_keys()),
            set: ArcSwap::new(set),
            generation: AtomicU64::new(0),
            epoch: OnceLock::new(),
            unix_s: AtomicU64::new(0),
        }
    }

    /// Puts other rules in force, for connections that are open, too: from their next message on.
    pub fn replace(&self, set: Arc<RuleSet>) {
        self.set.store(set);
        // After them: who sees this number finds these rules, or later ones.
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// A number that changes when the rules are replaced: cheaper to look at than the rules.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tells the time of day, for rules that expire. To be told again now and then: clocks are set.
    pub fn tell_time(&self, now: Instant, unix_s: u64) {
        let passed = now.saturating_duration_since(*self.epoch.get_or_init(|| now)).as_secs();
        self.unix_s.store(unix_s.saturating_sub(passed), Ordering::Relaxed);
    }

    /// The rules in force.
    pub fn current(&self) -> Guard<Arc<RuleSet>> {
        self.set.load()
    }

    /// What was counted.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The time of day that belongs to a time.
    pub(crate) fn moment(&self, now: Instant) -> Moment {
        let passed = self.epoch.get().map_or(0, |epoch| now.saturating_duration_since(*epoch).as_secs());
        Moment { now, unix_s: self.unix_s.load(Ordering::Relaxed).saturating_add(passed) }
    }
}
