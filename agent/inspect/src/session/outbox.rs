//! The actions to be polled, and the count of bytes they must still account for.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    action::{Action, Injection, Report},
    direction::Direction,
    rules::{Block, Decider, Verdict},
    settings::Mode,
    verdict::{Breach, CloseReason, FindingAction, Judgement, Offence, Unit},
    ws::{ControlFrame, close_frame},
};

/// Where the stages put what is to be done.
///
/// In mode `log` every byte is released as it comes in, so there is never anything held and [`Outbox::release`] and
/// [`Outbox::discard_all`] do nothing. The stages need not know the mode.
#[derive(Debug)]
pub(super) struct Outbox {
    mode: Mode,
    actions: VecDeque<Action>,
    held: [usize; 2],
    ended: [bool; 2],
    finished: [bool; 2],
    offences: u64,
    findings: u64,
    /// What the Close frame says if a rule ends the connection.
    words: Option<Box<(u16, Arc<str>)>>,
}

impl Outbox {
    pub(super) const fn new(mode: Mode) -> Self {
        Self {
            mode,
            actions: VecDeque::new(),
            held: [0; 2],
            ended: [false; 2],
            finished: [false; 2],
            offences: 0,
            findings: 0,
            words: None,
        }
    }

    pub(super) fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// From here on bytes are held in either mode: the connection is being ended.
    pub(super) const fn hold(&mut self) {
        self.mode = Mode::Block;
    }

    /// Notes bytes that came in.
    pub(super) fn received(&mut self, direction: Direction, len: usize) {
        match self.mode {
            Mode::Block => self.held[direction.index()] += len,
            Mode::Log => self.push_release(direction, len),
        }
    }

    /// How many bytes of this direction wait for a decision.
    pub(super) const fn held(&self, direction: Direction) -> usize {
        self.held[direction.index()]
    }

    /// Lets the next `len` held bytes go on.
    pub(super) fn release(&mut self, direction: Direction, len: usize) {
        let held = &mut self.held[direction.index()];
        let len = len.min(*held);
        *held -= len;
        self.push_release(direction, len);
    }

    pub(super) fn release_all(&mut self, direction: Direction) {
        self.release(direction, usize::MAX);
    }

    /// Drops the next `len` held bytes.
    pub(super) fn discard(&mut self, direction: Direction, len: usize) {
        let held = &mut self.held[direction.index()];
        let len = len.min(*held);
        *held -= len;
        if len == 0 {
            return;
        }
        match self.actions.back_mut() {
            Some(Action::Discard { direction: last, len: total }) if *last == direction => *total += len,
            _ => self.actions.push_back(Action::Discard { direction, len }),
        }
    }

    pub(super) fn discard_all(&mut self, direction: Direction) {
        self.discard(direction, usize::MAX);
    }

    pub(super) fn inject(&mut self, direction: Direction, injection: Injection) {
        self.actions.push_back(Action::Inject { direction, injection });
    }

    pub(super) fn report(&mut self, report: Report) {
        self.actions.push_back(Action::Report(report));
    }

    /// Reports an offence and what was done about it.
    pub(super) fn offence(&mut self, breach: Breach, action: FindingAction) {
        if let Some(offence) = breach.offence(action) {
            self.offences += 1;
            self.report(Report::Offence(offence));
        }
    }

    /// Reports what was found, and what rules say.
    ///
    /// # Errors
    ///
    /// The reason to end the connection, if something blocks.
    pub(super) fn judgement(
        &mut self,
        judgement: Judgement,
        unit: Unit,
        direction: Direction,
    ) -> Result<(), CloseReason> {
        let Judgement { findings, decision, explanation: _ } = judgement;
        let blocks = self.mode == Mode::Block;
        self.findings += findings.len() as u64;
        let mut result = Ok(());
        if let Some(decision) = decision {
            for matched in decision.matches(unit, direction, blocks) {
                self.report(Report::Rule(Box::new(matched)));
            }
            if let Some(lost) = decision.lost {
                self.report(Report::CountsLost(Box::new(lost)));
            }
            if let (true, Verdict::Block(block)) = (blocks, decision.verdict) {
                result = Err(self.block(block));
            }
        }
        for finding in findings {
            if finding.action == FindingAction::Block && result.is_ok() {
                result = Err(CloseReason::Attack(finding.signal));
            }
            self.report(Report::Finding(Box::new(finding)));
        }
        result
    }

    /// Takes note of how rules want a connection to end.
    fn block(&mut self, block: Block) -> CloseReason {
        let Block { by, close_code, reason } = block;
        let ended = match by {
            Decider::Rule(_) => CloseReason::Rule,
            Decider::RateLimit(_) => CloseReason::RateLimit,
            Decider::AttackThreshold => return CloseReason::AttackThreshold,
            Decider::Signal(signal) => return CloseReason::Attack(signal),
        };
        let reason = if reason.is_empty() { ended.close_text().into() } else { reason };
        self.words = Some(Box::new((close_code, reason)));
        ended
    }

    /// The Close frame of a connection that is ended for a reason; masked with a key if it is for the server.
    pub(super) fn close_frame(&self, reason: CloseReason, mask_key: Option<[u8; 4]>) -> ControlFrame {
        match (reason, self.words.as_deref()) {
            (CloseReason::Rule | CloseReason::RateLimit, Some((code, text))) => {
                close_frame(*code, text, mask_key)
            }
            _ => close_frame(reason.close_code(), reason.close_text(), mask_key),
        }
    }

    /// Reports that a message passes without being looked at as a whole, and why.
    pub(super) fn pass_uninspected(&mut self, breach: Breach) {
        if let Some(offence) = breach.offence(FindingAction::Log) {
            self.offences += 1;
            self.report(Report::Offence(Offence { uninspected: true, ..offence }));
        }
    }

    /// What to do about an offence that the inspection can go on after: in mode `log` it is only reported.
    ///
    /// # Errors
    ///
    /// The offence, if the connection has to end for it.
    pub(super) fn object(&mut self, breach: Breach) -> Result<(), Breach> {
        match self.mode {
            Mode::Block => Err(breach),
            Mode::Log => {
                self.offence(breach, FindingAction::Log);
                Ok(())
            }
        }
    }

    /// How many findings were reported.
    pub(super) const fn findings_reported(&self) -> u64 {
        self.findings
    }

    /// How many offences were reported.
    pub(super) const fn offences(&self) -> u64 {
        self.offences
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.actions.push_back(Action::Close(reason));
    }

    /// Resets both sides; nothing can follow.
    pub(super) fn abort(&mut self) {
        self.finished = [true; 2];
        self.actions.push_back(Action::Abort);
    }

    /// Notes that the sender of this direction will send no more.
    pub(super) const fn note_end(&mut self, direction: Direction) {
        self.ended[direction.index()] = true;
    }

    pub(super) const fn has_ended(&self, direction: Direction) -> bool {
        self.ended[direction.index()]
    }

    pub(super) const fn is_finished(&self, direction: Direction) -> bool {
        self.finished[direction.index()]
    }

    /// Half-closes, once.
    pub(super) fn finish(&mut self, direction: Direction) {
        if !std::mem::replace(&mut self.finished[direction.index()], true) {
            self.actions.push_back(Action::Finish { direction });
        }
    }

    /// Passes a half-close on once everything before it has gone.
    pub(super) fn finish_if_drained(&mut self, direction: Direction) {
        if self.has_ended(direction) && self.held(direction) == 0 {
            self.finish(direction);
        }
    }

    fn push_release(&mut self, direction: Direction, len: usize) {
        if len == 0 {
            return;
        }
        match self.actions.back_mut() {
            Some(Action::Release { direction: last, len: total }) if *last == direction => *total += len,
            _ => self.actions.push_back(Action::Release { direction, len }),
        }
    }
}
