//! How often something happened, by key: the memory of rate limits and attack thresholds.
//!
//! One table serves all connections of the process. It is bounded, and cut into shards with a lock each. An entry
//! counts two windows: what happened in the last one is taken as spread evenly over it, which gives a sliding window
//! for two numbers. Eight entries share a set; when a ninth comes, one that is over is replaced, else the one with the
//! lowest count, and never one that is flagged. So a client is forgotten only when seven others have counted higher
//! than him, for the price of so many messages; and one that is flagged only when his time is over. If all eight are
//! flagged, a new key is not counted. What is lost so is told, now and then ([`Loss`]).

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// A key, as a keyed hash: clients cannot choose two with the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyHash(u64);

/// One secret for the whole process, so that counts outlive a change of rules.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl KeyHash {
    pub(super) fn of(value: impl std::hash::Hash) -> Self {
        Self(SECRET.hash_one(value))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self::of((self.0, other.0))
    }
}

/// Entries that share a place.
const WAYS: usize = 8;

/// Locks.
const SHARDS: usize = 64;

/// Keys that are counted by default.
const MAX_KEYS: usize = 100_000;

/// Losses are told at most so often.
const TELL_MS: u64 = 60_000;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Zero: empty.
    key: u64,
    window_ms: u64,
    /// When the current window began.
    began_ms: u64,
    current: u32,
    last: u32,
    flagged_until_ms: u64,
}

/// What a count led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// The threshold was reached, now or before.
    pub(super) flagged: bool,
    /// It was reached now.
    pub(super) newly: bool,
    /// What is to be told.
    pub(super) loss: Option<Loss>,
}

/// What was not counted, or not any longer, for want of room, since it was last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How often a key was not counted because all entries at its place are flagged.
    pub uncounted: u64,
    /// How often a key that was still counted made room for another.
    pub replaced: u64,
}

/// What is counted, and when it is too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold {
    pub(super) count: u32,
    pub(super) window_ms: u64,
    pub(super) flag_ms: u64,
}

/// The counts of a process, shared by its connections; they outlive a change of rules.
#[derive(Debug)]
pub struct Counts {
    /// Sets of [`WAYS`] entries. Empty until first used.
    shards: Box<[Mutex<Vec<[Entry; WAYS]>>]>,
    sets_per_shard: usize,
    max_keys: usize,
    /// Known when it is first told.
    epoch: OnceLock<Instant>,
    /// Not told yet.
    uncounted: AtomicU64,
    replaced: AtomicU64,
    /// When a loss is told again.
    tell_at_ms: AtomicU64,
}

impl Counts {
    /// An empty table for about so many keys; `None`: 100,000. No memory is taken before something is counted.
    pub fn new(max_keys: Option<usize>) -> Self {
        let max_keys = max_keys.unwrap_or(MAX_KEYS);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            sets_per_shard: max_keys.div_ceil(WAYS * SHARDS).max(1),
            max_keys,
            epoch: OnceLock::new(),
            uncounted: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            tell_at_ms: AtomicU64::new(0),
        }
    }

    /// About how many keys there is room for.
    pub const fn max_keys(&self) -> usize {
        self.max_keys
    }

    /// Counts `by` more for a key.
    pub(super) fn count(&self, key: KeyHash, by: u32, threshold: Threshold, now: Instant) -> Counted {
        let now_ms = self.ms(now);
        self.with_set(key, |set| {
            let (entry, loss) = self.entry(set, key, now_ms);
            let Some(entry) = entry else { return Counted { loss, ..Counted::default() } };
            if now_ms < entry.flagged_until_ms {
                return Counted { flagged: true, newly: false, loss };
            }
            entry.advance(threshold.window_ms, now_ms);
            entry.current = entry.current.saturating_add(by);
            if entry.estimate(now_ms) < u64::from(threshold.count) {
                return Counted { loss, ..Counted::default() };
            }
            *entry = Entry {
                current: 0,
                last: 0,
                flagged_until_ms: now_ms.saturating_add(threshold.flag_ms),
                ..*entry
            };
            Counted { flagged: true, newly: true, loss }
        })
    }

    /// Whether a key is flagged.
    pub(super) fn is_flagged(&self, key: KeyHash, now: Instant) -> bool {
        let now_ms = self.ms(now);
        self.with_set(key, |set| {
            set.iter().any(|entry| entry.key == key.stored() && now_ms < entry.flagged_until_ms)
        })
    }

    /// Flags a key that is not counted itself; returns what is to be told.
    pub(super) fn flag(&self, key: KeyHash, flag_ms: u64, now: Instant) -> Option<Loss> {
        let now_ms = self.ms(now);
        self.with_set(key, |set| {
            let (entry, loss) = self.entry(set, key, now_ms);
            if let Some(entry) = entry {
                entry.flagged_until_ms = entry.flagged_until_ms.max(now_ms.saturating_add(flag_ms));
            }
            loss
        })
    }

    fn with_set<T>(&self, key: KeyHash, act: impl FnOnce(&mut [Entry; WAYS]) -> T) -> T {
        let shard = usize::try_from(key.0 % SHARDS as u64).unwrap_or_default();
        let set = usize::try_from((key.0 >> 32) % self.sets_per_shard as u64).unwrap_or_default();
        let Some(shard) = self.shards.get(shard) else { return act(&mut Default::default()) };
        // A panic of another thread leaves whole entries behind.
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.is_empty() {
            sets.resize(self.sets_per_shard, Default::default());
        }
        match sets.get_mut(set) {
            Some(set) => act(set),
            None => act(&mut Default::default()),
        }
    }

    /// The entry of a key, a new one if it had none and there is room; and what is to be told of the room.
    fn entry<'a>(
        &self,
        set: &'a mut [Entry; WAYS],
        key: KeyHash,
        now_ms: u64,
    ) -> (Option<&'a mut Entry>, Option<Loss>) {
        if let Some(at) = set.iter().position(|entry| entry.key == key.stored()) {
            return (set.get_mut(at), None);
        }
        let worths = set.iter_mut().map(|entry| (entry.worth(now_ms), entry));
        let Some((worth, entry)) = worths.min_by_key(|(worth, _)| *worth) else { return (None, None) };
        let loss = match worth {
            Worth::Nothing => None,
            Worth::Count { .. } => self.lose(&self.replaced, now_ms),
            Worth::Flagged => return (None, self.lose(&self.uncounted, now_ms)),
        };
        *entry = Entry { key: key.stored(), began_ms: now_ms, ..Entry::default() };
        (Some(entry), loss)
    }

    /// Counts a loss, and says what is to be told if it is time to.
    fn lose(&self, kind: &AtomicU64, now_ms: u64) -> Option<Loss> {
        kind.fetch_add(1, Ordering::Relaxed);
        let due = |at| (now_ms >= at).then(|| now_ms.saturating_add(TELL_MS));
        self.tell_at_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).ok()?;
        let take = |lost: &AtomicU64| lost.swap(0, Ordering::Relaxed);
        Some(Loss { uncounted: take(&self.uncounted), replaced: take(&self.replaced) })
    }

    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(*self.epoch.get_or_init(|| now)).as_millis())
            .unwrap_or(u64::MAX)
    }
}

impl KeyHash {
    const fn stored(self) -> u64 {
        if self.0 == 0 { 1 } else { self.0 }
    }
}

/// What would be lost with an entry; the least is replaced first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Nothing,
    Count { estimate: u64, began_ms: u64 },
    Flagged,
}

impl Entry {
    /// Moves on to the window that `now_ms` is in.
    fn advance(&mut self, window_ms: u64, now_ms: u64) {
        let windows = now_ms.saturating_sub(self.began_ms) / window_ms.max(1);
        if self.window_ms != window_ms || windows > 1 {
            // Another window (the rule changed), or nothing for a whole one.
            *self = Self { window_ms, began_ms: now_ms, current: 0, last: 0, ..*self };
        } else if windows == 1 {
            self.last = std::mem::take(&mut self.current);
            self.began_ms += window_ms;
        }
    }

    /// The count in the window that ends now.
    fn estimate(&self, now_ms: u64) -> u64 {
        let window_ms = self.window_ms.max(1);
        let passed = now_ms.saturating_sub(self.began_ms).min(window_ms);
        let of_last = u128::from(self.last) * u128::from(window_ms - passed) / u128::from(window_ms);
        u64::from(self.current) + u64::try_from(of_last).unwrap_or(u64::MAX)
    }

    fn worth(&self, now_ms: u64) -> Worth {
        if now_ms < self.flagged_until_ms {
            return Worth::Flagged;
        }
        let mut later = *self;
        later.advance(self.window_ms, now_ms);
        match later.estimate(now_ms) {
            0 => Worth::Nothing,
            estimate => Worth::Count { estimate, began_ms: later.began_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TEN_A_MINUTE: Threshold = Threshold { count: 10, window_ms: 60_000, flag_ms: 300_000 };

    fn key(n: u64) -> KeyHash {
        KeyHash::of(n)
    }

    #[test]
    fn flags_at_the_threshold_and_for_its_time() {
        let start = Instant::now();
        let counts = Counts::new(None);
        let at = |ms| start + Duration::from_millis(ms);
        for n in 0..9 {
            assert_eq!(counts.count(key(1), 1, TEN_A_MINUTE, at(n)), Counted::default());
        }
        assert_eq!(
            counts.count(key(1), 1, TEN_A_MINUTE, at(9)),
            Counted { flagged: true, newly: true, loss: None }
        );
        assert_eq!(
            counts.count(key(1), 1, TEN_A_MINUTE, at(10)),
            Counted { flagged: true, newly: false, loss: None }
        );
        assert!(counts.is_flagged(key(1), at(300_008)) && !counts.is_flagged(key(1), at(300_009)));
        assert!(!counts.is_flagged(key(2), at(10)));
        assert!(!counts.count(key(1), 1, TEN_A_MINUTE, at(300_009)).flagged, "it counts from zero again");
    }

    #[test]
    fn the_window_slides() {
        let start = Instant::now();
        let counts = Counts::new(None);
        let at = |ms| start + Duration::from_millis(ms);
        counts.count(key(1), 9, TEN_A_MINUTE, at(0));
        // Half of the window before is still in the one that ends now: 4 and 5 more are 9.
        assert!(!counts.count(key(1), 5, TEN_A_MINUTE, at(90_000)).flagged);
        assert!(counts.count(key(1), 1, TEN_A_MINUTE, at(90_000)).flagged);
        counts.count(key(2), 9, TEN_A_MINUTE, at(0));
        assert!(!counts.count(key(2), 9, TEN_A_MINUTE, at(120_001)).flagged);
    }

    #[test]
    fn a_steady_rate_below_the_threshold_is_never_flagged() {
        let start = Instant::now();
        let counts = Counts::new(None);
        for n in 0..10_000 {
            let at = start + Duration::from_millis(n * 6_700);
            assert!(!counts.count(key(1), 1, TEN_A_MINUTE, at).flagged, "{n}");
        }
    }

    #[test]
    fn a_flood_of_other_keys_makes_nobody_forgotten_who_counts_higher() {
        let start = Instant::now();
        let counts = Counts::new(Some(1000));
        counts.count(key(0), 9, TEN_A_MINUTE, start);
        for n in 1..200 {
            if counts.count(key(n), 10, TEN_A_MINUTE, start).newly {
                assert!(counts.is_flagged(key(n), start));
            }
        }
        let told: Vec<Loss> =
            (1000..100_000).filter_map(|n| counts.count(key(n), 1, TEN_A_MINUTE, start).loss).collect();
        assert!(counts.count(key(0), 1, TEN_A_MINUTE, start).newly, "nine of ten were remembered");
        assert!((1..200).all(|n| counts.is_flagged(key(n), start)) || told[0].uncounted > 0);
        // Which of the two it is depends on which keys share a place.
        assert_eq!(told.len(), 1, "the first at once, the others in a minute: {told:?}");
    }

    #[test]
    fn where_all_are_flagged_a_new_key_is_not_counted_and_that_is_told_once_a_minute() {
        let start = Instant::now();
        let counts = Counts::new(Some(1));
        assert_eq!(counts.max_keys(), 1);
        let at = |ms| start + Duration::from_millis(ms);
        let lost = |ms| (0..10_000).filter_map(|n| counts.flag(key(n), 120_000, at(ms))).collect::<Vec<_>>();
        assert_eq!(lost(0), [Loss { uncounted: 1, replaced: 0 }], "the first at once");
        assert_eq!(lost(59_999), []);
        let later = lost(60_000);
        let [Loss { uncounted, replaced: 0 }] = later[..] else { panic!("{later:?}") };
        // A table for one key has 512 entries; what the first two rounds could not count, and one of the third.
        assert!((18_900..19_500).contains(&uncounted), "{uncounted}");
        let counted = counts.count(key(77_777), 10, TEN_A_MINUTE, at(180_000));
        assert!(counted.newly && counted.loss.is_none(), "their time is over");
    }

    #[test]
    fn threads_count_together() {
        let start = Instant::now();
        let counts = Counts::new(None);
        let threshold = Threshold { count: 4000, ..TEN_A_MINUTE };
        let newly = || (0..1000).filter(|_| counts.count(key(1), 1, threshold, start).newly).count();
        let reached: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(newly)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(reached, 1);
    }

    #[test]
    fn time_that_goes_back_breaks_nothing() {
        let start = Instant::now();
        let counts = Counts::new(None);
        counts.is_flagged(key(0), start + Duration::from_secs(100));
        assert!(!counts.count(key(1), 9, TEN_A_MINUTE, start).flagged);
        counts.count(key(2), 1, TEN_A_MINUTE, start + Duration::from_secs(200));
        assert!(!counts.count(key(2), 8, TEN_A_MINUTE, start).flagged);
    }
}
