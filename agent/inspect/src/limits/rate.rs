//! How often something may happen.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// Tokens that come back at a steady rate; there are never more than one second brings.
///
/// At one time, tokens taken one by one or all at once leave the same number: how input was split changes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    rate: NonZeroU32,
    tokens: u32,
    /// Until when tokens have come back.
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) const fn new(rate: NonZeroU32, now: Instant) -> Self {
        Self { rate, tokens: rate.get(), filled: now }
    }

    /// Takes `wanted` tokens, or all if there are fewer; returns how many.
    pub(crate) fn take(&mut self, wanted: usize, now: Instant) -> usize {
        self.fill(now);
        let taken = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.tokens);
        self.tokens -= taken;
        taken as usize
    }

    fn fill(&mut self, now: Instant) {
        let rate = u64::from(self.rate.get());
        let elapsed = now.saturating_duration_since(self.filled);
        if elapsed >= Duration::from_secs(1) {
            self.tokens = self.rate.get();
            self.filled = now;
            return;
        }
        // Less than 10^9 ns times less than 2^32 tokens: fits. The part of a token that remains is time not yet used.
        let back = u64::from(elapsed.subsec_nanos()) * rate / NANOS;
        if back > 0 {
            let left = self.rate.get() - self.tokens;
            self.tokens += u32::try_from(back).unwrap_or(left).min(left);
            self.filled += Duration::from_nanos((back * NANOS).div_ceil(rate));
        }
    }
}

const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: u32) -> (TokenBucket, Instant) {
        let now = Instant::now();
        (TokenBucket::new(NonZeroU32::new(rate).expect("a rate"), now), now)
    }

    #[test]
    fn one_second_holds_the_rate_and_no_more() {
        let (mut bucket, now) = bucket(10);
        assert_eq!(bucket.take(4, now), 4);
        assert_eq!(bucket.take(7, now), 6);
        assert_eq!(bucket.take(1, now + Duration::from_millis(99)), 0);
        assert_eq!(bucket.take(9, now + Duration::from_millis(100)), 1);
        assert_eq!(bucket.take(99, now + Duration::from_secs(60)), 10);
    }

    #[test]
    fn asking_often_loses_nothing() {
        for rate in [1, 3, 7, 999, 1_000_003, u32::MAX] {
            let (mut bucket, start) = bucket(rate);
            bucket.take(usize::MAX, start);
            let mut taken = 0;
            for step in 1..=100_000_u64 {
                taken += bucket.take(usize::MAX, start + Duration::from_micros(37 * step)) as u64;
            }
            let due = u64::from(rate) * 37 / 10;
            assert!(taken <= due && due - taken <= 1 + due / 1000, "{taken} of {due} at {rate}");
        }
    }

    #[test]
    fn time_that_goes_back_gives_nothing() {
        let (mut bucket, now) = bucket(5);
        assert_eq!(bucket.take(5, now + Duration::from_secs(2)), 5);
        assert_eq!(bucket.take(5, now), 0);
    }
}
