//! What rules add to the court: they hear of each signal, and decide.

use super::{Case, Court};
use crate::{
    detect::{Signal, SignalKind},
    payload::Place,
    rules::{Decision, Verdict},
    settings::Mode,
    verdict::FindingAction,
};

/// Parameters in which a signal is told apart; what is found in more is taken as found in the last of them.
const MAX_PARAMS: usize = 64;

impl Court<'_> {
    /// The case that what was found in this leaf belongs to.
    pub(super) fn case(&self, signal: Signal) -> Option<usize> {
        let same = |case: &Case| case.signal == signal;
        if self.trial.is_none() {
            return self.cases.iter().position(same);
        }
        let last = self.cases.iter().rposition(same)?;
        let is_here = self.cases.get(last).is_some_and(|case| case.leaf == self.leaf);
        let is_full = || self.cases.iter().filter(|case| same(case)).count() >= MAX_PARAMS;
        (is_here || is_full()).then_some(last)
    }

    /// Tells the rules of a signal; `None` if it is as if it was not there.
    pub(super) fn tell(
        &mut self,
        signal: Signal,
        firm: bool,
        value: &[u8],
        place: Place<'_>,
    ) -> Option<usize> {
        let Some(trial) = &mut self.trial else { return Some(0) };
        let told = trial.signals_told();
        let excluded = place.with_path(|path| trial.signal(signal, firm, path, value));
        (!excluded).then_some(told)
    }

    /// Weighs what is not excluded, and lets the rules decide.
    pub(super) fn decide(&mut self) -> Option<Decision> {
        let trial = self.trial.as_mut()?;
        if trial.is_idle() {
            return None;
        }
        let mut whole: Vec<Case> = Vec::new();
        for case in std::mem::take(&mut self.cases) {
            if trial.is_excluded(case.told) {
                continue;
            }
            match whole.iter_mut().find(|known| known.signal == case.signal) {
                Some(known) => known.join(case),
                None => whole.push(case),
            }
        }
        let profile = self.settings.profile;
        for case in &whole {
            let score = case.found.score();
            let firm = case.signal.kind() == SignalKind::Anomaly || score >= profile.block_score();
            trial.weigh(case.signal, score >= profile.tag_score(), firm);
        }
        self.cases = whole;
        Some(trial.decide(self.settings.rules.counts()))
    }

    /// Says of each finding what was done about it.
    pub(super) fn obey(&mut self, decision: &Decision) {
        let allowed = matches!(decision.verdict, Verdict::Allow { .. });
        self.findings.retain_mut(|finding| {
            let mut seen = decision.signals.iter().filter(|seen| seen.signal == finding.signal).peekable();
            let stays = seen.peek().is_some();
            finding.action = match (!allowed && seen.any(|seen| seen.blocks), self.settings.mode) {
                (true, Mode::Block) => FindingAction::Block,
                (true, Mode::Log) => FindingAction::Log,
                (false, _) => FindingAction::Tag,
            };
            finding.rule = decision.rule();
            stays
        });
    }
}

impl Case {
    /// Adds what was found in another leaf.
    fn join(&mut self, other: Self) {
        for evidence in other.found.iter() {
            self.found.push(evidence.what, evidence.strength, evidence.at.clone());
        }
        for observation in other.observations {
            if self.observations.iter().all(|known| known.what != observation.what) {
                self.observations.push(observation);
            }
        }
        if other.best > self.best {
            self.best = other.best;
            self.location = other.location;
            self.piece = other.piece;
            self.evidence = other.evidence;
            self.layers = other.layers;
        }
    }
}
