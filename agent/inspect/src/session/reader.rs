//! One direction of a WebSocket whose messages are read: held until they are judged, then released as they came.

use crate::{
    direction::Direction,
    session::{judge::Judge, outbox::Outbox, rates::Counted},
    settings::Mode,
    stats::StreamCounters,
    verdict::{Breach, CloseReason},
    ws::{Bounds, DeflateParams, Receiver, Step, Tracker},
};

/// What of a direction is read and not released.
#[derive(Debug)]
pub(super) struct Reader {
    direction: Direction,
    receiver: Receiver,
    /// Bytes read and not yet released: the unfinished message and the control frames in it.
    pending: usize,
    /// How much is still to come of the frame that was released in part.
    in_flight: u64,
}

impl Reader {
    /// Reads on after what was counted, between two messages.
    pub(super) const fn new(
        direction: Direction,
        deflate: Option<DeflateParams>,
        counters: StreamCounters,
    ) -> Self {
        let receiver = Receiver::new(direction, deflate, counters);
        Self { direction, receiver, pending: 0, in_flight: 0 }
    }

    pub(super) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Whether a frame of ours may be written after what was released.
    pub(super) const fn is_between_frames(&self, mode: Mode) -> bool {
        match mode {
            Mode::Block => self.in_flight == 0,
            // The bytes of an unfinished frame have gone.
            Mode::Log => self.receiver.at_boundary(),
        }
    }

    /// Only follows the frames from here on.
    pub(super) fn into_tracker(self, mode: Mode) -> Tracker {
        self.receiver.into_tracker(match mode {
            Mode::Block => Some(self.in_flight),
            Mode::Log => None,
        })
    }

    /// Reads what came, judges each message that it completes, and releases what may go on.
    ///
    /// # Errors
    ///
    /// The reason to end the connection.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        judge: &mut Judge<'_>,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        let bounds = Bounds { limits: &judge.settings.limits, lenient: judge.is_lenient() };
        let mut rest = bytes;
        loop {
            let (used, step) = self.receiver.read(rest, bounds)?;
            rest = rest.get(used..).unwrap_or_default();
            self.pending = self.pending.saturating_add(used);
            let passing = self.receiver.is_passing();
            match step {
                Step::More => {
                    if passing {
                        self.release_judged(out);
                    }
                    return Ok(());
                }
                Step::Control { close, within_message, len } => {
                    judge.count(Counted::ControlFrames, out)?;
                    if within_message && !passing {
                        if !close {
                            // Held in its place among the fragments.
                            continue;
                        }
                        // The message will never be finished, so it cannot be judged; only the Close goes on.
                        out.discard(self.direction, self.pending.saturating_sub(len));
                        self.pending = len;
                    }
                }
                Step::Message => {
                    let judged = judge.judge(self.direction, self.receiver.message(), true, out);
                    self.receiver.release_message();
                    judged?;
                    judge.count(Counted::Messages, out)?;
                }
                Step::Oversize(limit) => {
                    judge.judge(self.direction, self.receiver.prefix(), false, out)?;
                    // Later there would be nothing left to hold back.
                    judge.count(Counted::Messages, out)?;
                    *judge.uninspected_messages += 1;
                    self.pass_message(limit.into(), out);
                    continue;
                }
                Step::Passing => {
                    self.release_judged(out);
                    continue;
                }
                Step::Passed => self.receiver.release_message(),
            }
            out.release(self.direction, self.pending);
            self.pending = 0;
            self.in_flight = 0;
        }
    }

    /// Lets the unfinished message pass for this reason.
    pub(super) fn pass_message(&mut self, reason: CloseReason, out: &mut Outbox) {
        self.receiver.pass_message();
        out.pass_uninspected(Breach::new(self.direction, reason));
        self.release_judged(out);
    }

    fn release_judged(&mut self, out: &mut Outbox) {
        let judged = self.pending.saturating_sub(self.receiver.unjudged());
        out.release(self.direction, judged);
        self.pending -= judged;
        self.in_flight = self.receiver.data_left();
    }
}
