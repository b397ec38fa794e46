//! Hears what the detectors find in the values of a message, and decides.

mod harmless;
mod rounds;
mod ruled;

#[cfg(test)]
pub(super) use rounds::PIECE;
pub(super) use rounds::{Levels, Reached};

use std::ops::ControlFlow;

use crate::{
    decode::Layers,
    detect::{Evidence, Found, Gate, Kind, Signal, SignalKind, Strength, Value, is_plain_url},
    direction::Direction,
    payload::{Anomaly, Leaf, Place, Visitor},
    rules::{Decision, Trial},
    settings::{Mode, Settings},
    verdict::{
        Finding, FindingAction, Judgement, Observation, Unit,
        redact::{Piece, excerpt},
    },
};
use harmless::{Entry, Harmless, Known};
use rounds::{MAX_BETWEEN_BYTES, decodable};

/// What was found so far in one message or handshake.
pub(super) struct Court<'a> {
    unit: Unit,
    direction: Direction,
    settings: &'a Settings,
    cases: Vec<Case>,
    findings: Vec<Finding>,
    looked_at: u32,
    levels: &'a mut Levels,
    /// How many bytes may still be decoded.
    decodable: usize,
    /// How many bytes of rounds that are not the last may still be judged.
    between: usize,
    /// The detectors, by index, that found something in the leaf as it stands: what they find in it is not hidden.
    open: u32,
    /// The detectors, by index, that are certain of an attack in the message: nothing that they find can add to it.
    certain: u32,
    /// How often something was found, worth telling or not: if never, what comes again has nothing in it, either.
    found: usize,
    harmless: Harmless,
    /// What the rules are asked with; without, the first attack decides.
    trial: Option<Trial<'a>>,
    /// How many leaves of the message were looked at: the number of this one.
    leaf: u32,
}

impl Visitor for Court<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        let entry = Entry::of(&leaf);
        if let Some(entry) = &entry
            && self.passes_entry(entry)?
        {
            return ControlFlow::Continue(());
        }
        let before = (self.found, self.looked_at);
        let decided = self.hear(&leaf, Reached::default());
        if let Some(entry) = entry.filter(|_| self.found == before.0) {
            self.harmless.remember(entry, self.looked_at != before.1);
        }
        decided
    }

    fn passes(&mut self, value: &[u8], kind: Kind, name: &[u8]) -> ControlFlow<(), bool> {
        match Entry::new(value, kind, name) {
            Some(entry) => self.passes_entry(&entry),
            None => ControlFlow::Continue(false),
        }
    }

    fn wants_values(&self) -> bool {
        self.trial.as_ref().is_some_and(Trial::needs_params)
    }

    fn value(&mut self, value: &[u8], place: Place<'_>) {
        if let Some(trial) = &mut self.trial {
            trial.param_at(&place, value);
        }
    }

    fn anomaly(&mut self, anomaly: Anomaly, value: &[u8], place: Place<'_>) {
        let signal = match anomaly {
            Anomaly::Json => Signal::JsonError,
            Anomaly::Xml => Signal::XmlError,
            Anomaly::Malformed => Signal::MalformedData,
            Anomaly::Compressed => Signal::Compressed,
            Anomaly::Uninspected => Signal::WsUninspected,
        };
        self.unusual(signal, value, place);
    }
}

/// What speaks for one signal, over all values of the message; where rules are asked, in one leaf.
struct Case {
    signal: Signal,
    /// The number of the leaf, and which of the signals that the trial was told.
    leaf: u32,
    told: usize,
    found: Found,
    observations: Vec<Observation>,
    /// The strongest value: its score, and how it is shown.
    best: u32,
    location: String,
    piece: Piece,
    evidence: Evidence,
    layers: Layers,
}

impl<'a> Court<'a> {
    /// Begins with a message or handshake of `len` bytes.
    pub(super) fn new(
        unit: Unit,
        direction: Direction,
        len: usize,
        settings: &'a Settings,
        levels: &'a mut Levels,
        trial: Option<Trial<'a>>,
    ) -> Self {
        Self {
            unit,
            direction,
            settings,
            cases: Vec::new(),
            findings: Vec::new(),
            looked_at: 0,
            levels,
            decodable: decodable(len),
            between: MAX_BETWEEN_BYTES,
            open: 0,
            certain: 0,
            found: 0,
            harmless: Harmless::lend(),
            trial,
            leaf: 0,
        }
    }

    /// Whether nothing was found before in such a value; it is counted then.
    #[inline]
    fn passes_entry(&mut self, entry: &Entry) -> ControlFlow<(), bool> {
        match self.harmless.knows(entry) {
            Known::Not => ControlFlow::Continue(false),
            Known::Counts => self.count().map_continue(|_| true),
            Known::Harmless => ControlFlow::Continue(true),
        }
    }

    fn ask(&mut self, value: &Value<'_>, gate: Gate, place: Place<'_>) -> ControlFlow<()> {
        let mut detectors = gate.detectors().peekable();
        if detectors.peek().is_none() {
            return ControlFlow::Continue(());
        }
        let is_plain_url = is_plain_url(value.bytes, gate.bytes);
        let value = &Value { kinds: gate.bytes, is_plain_url, ..*value };
        let mut found = Found::default();
        for (index, detector) in detectors {
            let bit = 1_u32 << index;
            if self.certain & bit != 0 {
                // It may have found something: the value is not known to be harmless.
                self.found += 1;
                continue;
            }
            found.clear();
            detector.examine(value, &mut found);
            if found.is_empty() {
                continue;
            }
            self.found += 1;
            if value.layers.is_empty() {
                self.open |= bit;
            }
            // What is there only once an encoding is undone that nobody uses honestly says more than in the open.
            if value.layers.is_hiding()
                && self.open & bit == 0
                && detector.signal().kind() == SignalKind::Attack
            {
                found.push("hidden by its encoding", Strength::Medium, 0..value.bytes.len());
            }
            if self.note(detector.signal(), &found, value, place)? {
                self.certain |= bit;
            }
        }
        ControlFlow::Continue(())
    }

    /// Adds what was found to the case; returns whether nothing more can change it.
    fn note(
        &mut self,
        signal: Signal,
        found: &Found,
        value: &Value<'_>,
        place: Place<'_>,
    ) -> ControlFlow<(), bool> {
        let Some(evidence) = found.iter().max_by_key(|evidence| evidence.strength) else {
            return ControlFlow::Continue(false);
        };
        let score = found.score();
        let index = match self.case(signal) {
            Some(index) => index,
            None => {
                // An attack is firm once the whole message was weighed.
                let firm = signal.kind() == SignalKind::Anomaly;
                let Some(told) = self.tell(signal, firm, value.bytes, place) else {
                    return ControlFlow::Continue(false);
                };
                self.cases.push(Case {
                    signal,
                    leaf: self.leaf,
                    told,
                    found: Found::default(),
                    observations: Vec::new(),
                    best: 0,
                    location: String::new(),
                    piece: Piece::of(b"", b""),
                    evidence: evidence.clone(),
                    layers: value.layers,
                });
                self.cases.len() - 1
            }
        };
        let Some(case) = self.cases.get_mut(index) else { return ControlFlow::Continue(false) };
        let mut shown = None;
        let mut location = || shown.get_or_insert_with(|| place.location()).clone();
        for Evidence { what, strength, at } in found.iter() {
            let known = case.found.len();
            case.found.push(what, *strength, at.clone());
            if case.found.len() > known {
                case.observations.push(Observation {
                    what,
                    strength: *strength as u32,
                    location: location(),
                    at: at.clone(),
                    layers: value.layers.iter().collect(),
                });
            }
        }
        if score > case.best {
            case.best = score;
            case.location = location();
            case.piece = Piece::of(value.name, value.bytes);
            case.evidence = evidence.clone();
            case.layers = value.layers;
        }
        // In mode block the first attack decides; in mode log there may be a finding of each signal.
        let decided = self.trial.is_none()
            && signal.kind() == SignalKind::Attack
            && case.found.score() >= self.settings.profile.block_score()
            && self.settings.mode == Mode::Block;
        // Rules may ask about each value.
        let is_certain = self.trial.is_none() && case.found.is_certain();
        if decided { ControlFlow::Break(()) } else { ControlFlow::Continue(is_certain) }
    }

    pub(super) fn close(mut self) -> Judgement {
        let decision = self.decide();
        let rules = self.settings.rules.current();
        for case in std::mem::take(&mut self.cases) {
            let score = case.found.score();
            if score < self.settings.profile.tag_score() {
                continue;
            }
            let blocks =
                case.signal.kind() == SignalKind::Attack && score >= self.settings.profile.block_score();
            self.findings.push(Finding {
                signal: case.signal,
                direction: self.direction,
                action: match (blocks, self.settings.mode) {
                    (true, Mode::Block) => FindingAction::Block,
                    (true, Mode::Log) => FindingAction::Log,
                    (false, _) => FindingAction::Tag,
                },
                score,
                location: case.location,
                excerpt: case.piece.masked(rules.redaction()),
                evidence: case.evidence.what,
                at: case.evidence.at,
                layers: case.layers.iter().collect(),
                observations: case.observations,
                rule: None,
                unit: self.unit,
            });
        }
        if let Some(decision) = &decision {
            self.obey(decision);
        }
        // What blocks first, then the highest score.
        self.findings.sort_by_key(|finding| (finding.action, std::cmp::Reverse(finding.score)));
        let explanation = self.trial.as_ref().and_then(Trial::explanation).map(Box::new);
        let decision = decision.filter(Decision::says_something).map(Box::new);
        Judgement { findings: self.findings, decision, explanation }
    }

    /// A layer was not looked at: it is deeper than anybody is known to read, or one between others of a long message.
    fn layer_left_out(&mut self, place: Place<'_>) {
        self.report(Signal::WsUninspected, b"", place, false);
    }

    /// Something in the message was not looked at, because there is so much.
    fn too_much(&mut self, place: Place<'_>) {
        self.unusual(Signal::WsUninspected, b"", place);
    }

    /// Something unusual about the message that is no matter of degree.
    pub(super) fn unusual(&mut self, signal: Signal, value: &[u8], place: Place<'_>) {
        self.report(signal, value, place, true);
    }

    /// `firm` unless it is to be a tag whatever the policy.
    fn report(&mut self, signal: Signal, value: &[u8], place: Place<'_>, firm: bool) {
        self.found += 1;
        let action = match (firm && signal == Signal::WsUninspected, self.settings.mode) {
            (true, Mode::Block) => FindingAction::Block,
            (true, Mode::Log) => FindingAction::Log,
            (false, _) => FindingAction::Tag,
        };
        let known = self.findings.iter().position(|known| known.signal == signal);
        let is_worse = |index: usize| self.findings.get(index).is_some_and(|known| action < known.action);
        if known.is_some_and(|index| !is_worse(index)) || self.tell(signal, firm, value, place).is_none() {
            return;
        }
        if let Some(known) = known.and_then(|index| self.findings.get_mut(index)) {
            known.action = action;
            return;
        }
        self.findings.push(Finding {
            signal,
            direction: self.direction,
            action,
            score: 0,
            location: place.location(),
            excerpt: excerpt(value, self.settings.rules.current().redaction()),
            evidence: "",
            at: 0..0,
            layers: Vec::new(),
            observations: Vec::new(),
            rule: None,
            unit: self.unit,
        });
    }
}
