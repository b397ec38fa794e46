//! How often a client may do what it does.

use std::{num::NonZeroU32, time::Instant};

use crate::{
    limits::{Limits, TokenBucket},
    verdict::CloseReason,
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Bytes,
    Messages,
    ControlFrames,
}

impl Counted {
    /// The reason to end a connection that does it too often.
    pub(super) const fn reason(self) -> CloseReason {
        match self {
            Self::Bytes => CloseReason::ByteRate,
            Self::Messages => CloseReason::MessageRate,
            Self::ControlFrames => CloseReason::ControlFrameRate,
        }
    }
}

/// The buckets of one connection, of those rates that are limited.
#[derive(Debug)]
pub(super) struct Rates {
    buckets: [Option<TokenBucket>; 3],
}

impl Rates {
    /// Full buckets, or `None` if nothing is limited.
    pub(super) fn new(limits: &Limits, now: Instant) -> Option<Box<Self>> {
        let bucket = |rate: Option<NonZeroU32>| rate.map(|rate| TokenBucket::new(rate, now));
        let buckets = [
            bucket(limits.max_bytes_per_second),
            bucket(limits.max_messages_per_second),
            bucket(limits.max_control_frames_per_second),
        ];
        buckets.iter().any(Option::is_some).then(|| Box::new(Self { buckets }))
    }

    /// How many of `wanted` may happen now; they are taken to have happened.
    pub(super) fn take(&mut self, counted: Counted, wanted: usize, now: Instant) -> usize {
        self.bucket(counted).as_mut().map_or(wanted, |bucket| bucket.take(wanted, now))
    }

    /// Counts no more of these.
    pub(super) const fn forget(&mut self, counted: Counted) {
        *self.bucket(counted) = None;
    }

    const fn bucket(&mut self, counted: Counted) -> &mut Option<TokenBucket> {
        let [bytes, messages, control_frames] = &mut self.buckets;
        match counted {
            Counted::Bytes => bytes,
            Counted::Messages => messages,
            Counted::ControlFrames => control_frames,
        }
    }
}
