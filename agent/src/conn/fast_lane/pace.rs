//! When the daemon sends by a fast lane, waits, or leaves it: told what the kernel counts, and the time.

use std::time::{Duration, Instant};

use framewall_common::LANE_WINDOW;

/// Room that is worth to go on with, in bytes.
const LEAST_ROOM: usize = 64 * 1024;
/// How long to wait before asking again; each further time it is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(128);
/// How long the application's socket may take to join.
const JOIN_PATIENCE: Duration = Duration::from_millis(50);
/// So many times out of room within a second is bulk.
const BULK: usize = 4;
const BULK_WITHIN: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send so many bytes, then ask again.
    Send(usize),
    /// Ask again at [`Pace::ask_at`].
    Wait,
    /// Leave the lane: there is nothing on it that could be overtaken.
    Leave,
}

/// The pace at which one connection sends.
#[derive(Debug)]
pub(super) struct Pace {
    /// When it was asked first.
    since: Option<Instant>,
    ask_at: Option<Instant>,
    wait: Duration,
    /// When the application began to have no room, the last few times, newest first.
    shortages: [Option<Instant>; BULK],
    is_leaving: bool,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { since: None, ask_at: None, wait: FIRST_WAIT, shortages: [None; BULK], is_leaving: false }
    }

    /// When there may be room again, if there is none now.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        self.ask_at
    }

    /// What to do at `now`, if the application's socket has joined and `waiting` bytes are in its queue.
    pub(super) fn step(&mut self, has_joined: bool, waiting: u32, now: Instant) -> Step {
        let room = LANE_WINDOW.saturating_sub(waiting) as usize;
        let is_late = now.saturating_duration_since(*self.since.get_or_insert(now)) >= JOIN_PATIENCE;
        if !has_joined && is_late || self.is_leaving && waiting == 0 {
            return Step::Leave;
        }
        if has_joined && !self.is_leaving && room >= LEAST_ROOM {
            self.go_on();
            return Step::Send(room);
        }
        if has_joined && self.ask_at.is_none() {
            self.note_shortage(now);
        }
        self.wait(now);
        Step::Wait
    }

    /// Asks again after a while.
    pub(super) fn wait(&mut self, now: Instant) {
        self.ask_at = Some(now + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// Nothing has to be waited for any more.
    pub(super) fn go_on(&mut self) {
        self.ask_at = None;
        self.wait = FIRST_WAIT;
    }

    fn note_shortage(&mut self, now: Instant) {
        self.shortages.rotate_right(1);
        self.shortages[0] = Some(now);
        let first = self.shortages[BULK - 1];
        self.is_leaving |= first.is_some_and(|at| now.saturating_duration_since(at) <= BULK_WITHIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u32 = LANE_WINDOW;
    const WHOLE_WINDOW: Step = Step::Send(LANE_WINDOW as usize);

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// Runs out of room at each of these times, in milliseconds after `start`, and has room again at once.
    fn short_of_room(pace: &mut Pace, start: Instant, at_ms: &[u64]) {
        for at in at_ms {
            assert_eq!(pace.step(true, FULL, start + ms(*at)), Step::Wait, "{at}");
            pace.step(true, 0, start + ms(*at));
        }
    }

    #[test]
    fn sends_what_the_window_has_room_for() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        assert_eq!(pace.step(true, 0, now), WHOLE_WINDOW);
        assert_eq!(pace.step(true, 1000, now), Step::Send(LANE_WINDOW as usize - 1000));
        let least = u32::try_from(LEAST_ROOM).expect("it is small");
        assert_eq!(pace.step(true, FULL - least, now), Step::Send(LEAST_ROOM));
        assert_eq!(pace.step(true, FULL - least + 1, now), Step::Wait);
        // The kernel may count more than the window.
        assert_eq!(pace.step(true, u32::MAX, now), Step::Wait);
    }

    #[test]
    fn asks_less_and_less_often_and_begins_anew_after_room() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 128] {
            assert_eq!(pace.step(true, FULL, now), Step::Wait);
            assert_eq!(pace.ask_at(), Some(now + ms(wait)));
        }
        assert_eq!(pace.step(true, 0, now), WHOLE_WINDOW);
        assert_eq!(pace.ask_at(), None);
        pace.step(true, FULL, now);
        assert_eq!(pace.ask_at(), Some(now + ms(1)));
    }

    #[test]
    fn waits_for_the_socket_to_join_and_not_for_ever() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        assert_eq!(pace.step(false, 0, now), Step::Wait);
        assert_eq!(pace.step(false, 0, now + ms(49)), Step::Wait);
        assert_eq!(pace.step(false, 0, now + ms(50)), Step::Leave);

        let mut pace = Pace::new();
        assert_eq!(pace.step(false, 0, now), Step::Wait);
        assert_eq!(pace.step(true, 0, now + ms(500)), WHOLE_WINDOW);
    }

    #[test]
    fn waiting_for_the_socket_to_join_is_no_shortage() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        pace.step(false, 0, now);
        short_of_room(&mut pace, now, &[1, 2, 3]);
        assert_eq!(pace.step(true, 0, now + ms(4)), WHOLE_WINDOW);
    }

    #[test]
    fn four_shortages_within_a_second_are_bulk() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        short_of_room(&mut pace, now, &[0, 300, 600]);
        assert_eq!(pace.step(true, 0, now + ms(900)), WHOLE_WINDOW);
        assert_eq!(pace.step(true, FULL, now + ms(1000)), Step::Wait, "the fourth");
        // Bytes on the lane would be overtaken by those that go by TCP: nothing is sent until all are read.
        assert_eq!(pace.step(true, 1, now + ms(1001)), Step::Wait);
        assert_eq!(pace.step(true, 0, now + ms(1002)), Step::Leave);
    }

    #[test]
    fn shortages_now_and_then_are_none() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        short_of_room(&mut pace, now, &[0, 334, 668, 1002, 1336, 1670, 2004]);
        assert_eq!(pace.step(true, 0, now + ms(2005)), WHOLE_WINDOW);
    }

    #[test]
    fn one_long_shortage_counts_once() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        for at in 0..20 {
            assert_eq!(pace.step(true, FULL, now + ms(at)), Step::Wait);
        }
        assert_eq!(pace.step(true, 0, now + ms(20)), WHOLE_WINDOW);
    }

    #[test]
    fn a_lane_that_cannot_be_left_is_asked_about_again() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        pace.step(false, 0, now);
        let later = now + ms(60);
        assert_eq!(pace.step(false, 0, later), Step::Leave);
        pace.wait(later);
        assert_eq!(pace.ask_at(), Some(later + ms(2)));
        assert_eq!(pace.step(false, 0, later + ms(2)), Step::Leave);
    }
}
