//! What takes too long.

use std::time::{Duration, Instant};

use crate::{
    limits::Limits,
    settings::{Mode, Settings},
    verdict::CloseReason,
};

/// What a client has begun and not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// A request head, after so many requests.
    Head(u64),
    /// A message or control frame, after so many of them.
    Message(u64),
}

impl Unfinished {
    const fn timeout(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Head(_) => limits.handshake_timeout,
            Self::Message(_) => limits.message_timeout,
        }
    }

    const fn reason(self) -> CloseReason {
        match self {
            Self::Head(_) => CloseReason::HandshakeTimeout,
            Self::Message(_) => CloseReason::MessageTimeout,
        }
    }
}

/// The times of one connection that limits are about.
#[derive(Debug)]
pub(super) struct Clock {
    opened: Instant,
    active: Instant,
    /// With the time since when, until its limit was reported.
    unfinished: Option<(Unfinished, Option<Instant>)>,
}

impl Clock {
    pub(super) const fn new(now: Instant) -> Self {
        Self { opened: now, active: now, unfinished: None }
    }

    /// Notes that something came.
    pub(super) const fn touch(&mut self, now: Instant) {
        self.active = now;
    }

    /// Notes what is unfinished; its time runs from when it first was.
    pub(super) fn note(&mut self, unfinished: Option<Unfinished>, now: Instant) {
        if self.unfinished.map(|(before, _)| before) != unfinished {
            self.unfinished = unfinished.map(|unfinished| (unfinished, Some(now)));
        }
    }

    /// Gives what is unfinished more time.
    pub(super) fn extend(&mut self, time: Duration) {
        if let Some((_, Some(since))) = &mut self.unfinished
            && let Some(later) = since.checked_add(time)
        {
            *since = later;
        }
    }

    /// Gives what is unfinished all the time it needs.
    pub(super) const fn excuse(&mut self) {
        if let Some((_, since)) = &mut self.unfinished {
            *since = None;
        }
    }

    /// When the first of the limits is reached, and which.
    pub(super) fn next(&self, settings: &Settings) -> Option<(Instant, CloseReason)> {
        let limits = &settings.limits;
        let unfinished = self
            .unfinished
            .and_then(|(what, since)| Some((since?.checked_add(what.timeout(limits)?)?, what.reason())));
        let (idle, lifetime) = match settings.mode {
            Mode::Block => (
                limits.idle_timeout.and_then(|timeout| self.active.checked_add(timeout)),
                limits.max_lifetime.and_then(|timeout| self.opened.checked_add(timeout)),
            ),
            // Nothing is wrong with such a connection, so there is nothing to report.
            Mode::Log => (None, None),
        };
        let idle = idle.map(|at| (at, CloseReason::IdleTimeout));
        let lifetime = lifetime.map(|at| (at, CloseReason::LifetimeReached));
        [unfinished, lifetime, idle].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}
