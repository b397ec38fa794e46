//! Parts of statements behind what is closed: `UNION SELECT`, another statement, `ORDER BY`.

use crate::detect::Strength;

use super::super::{
    token::{Kind, Token},
    word::Word,
};
use super::{Anchor, Condition, Link, Operand, Reader};

impl Reader<'_, '_> {
    /// `select/**/1`: nobody writes comments for blanks.
    pub(super) fn comment_between(&mut self, token: Token) {
        let Some(Kind::Word(before)) = self.last[0] else { return };
        let (Kind::Word(_) | Kind::Number | Kind::Name) = token.kind else { return };
        let glued = self.value.get(self.last_end) == Some(&b'/')
            && token.start.checked_sub(1).and_then(|at| self.value.get(at)) == Some(&b'/');
        let telling = matches!(
            before,
            Word::Union | Word::Select | Word::Conjunction | Word::Quantifier | Word::From | Word::Sort
        );
        if glued && telling {
            self.note("comment in place of a blank", Strength::Medium, self.last_end..token.start);
        }
    }

    pub(super) fn after_union(&mut self, anchor: Anchor, start: usize, all: bool, token: Token) {
        match token.kind {
            Kind::Word(Word::Quantifier) => self.union = Some((anchor, start, true)),
            Kind::Open => {}
            Kind::Word(Word::Select) => {
                self.union = None;
                self.selects = Some((anchor, start));
            }
            Kind::Comment if anchor > Anchor::Literal => {
                self.note("UNION at the end", Strength::Medium, start..token.end);
                self.union = None;
            }
            _ => {
                if all && anchor == Anchor::Quote {
                    self.note("string closed, then UNION ALL", Strength::Medium, start..token.end);
                }
                self.union = None;
            }
        }
    }

    /// The first thing that is selected after `union`.
    pub(super) fn first_selected(&mut self, anchor: Anchor, start: usize, token: Token) {
        let at = start..token.end;
        let strength = match token.kind {
            Kind::Word(Word::Quantifier) | Kind::Open | Kind::Operator | Kind::Prefix => {
                self.selects = Some((anchor, start));
                return;
            }
            Kind::Number
            | Kind::Text { .. }
            | Kind::Variable
            | Kind::Word(
                Word::Constant
                | Word::Text
                | Word::Info
                | Word::Leak
                | Word::Wait
                | Word::Reach
                | Word::Sleep,
            ) => match anchor {
                Anchor::None => Strength::Strong,
                Anchor::Literal
                | Anchor::FirstWord
                | Anchor::Start
                | Anchor::FirstLiteral
                | Anchor::Quote => Strength::Certain,
            },
            _ => match anchor {
                Anchor::None => Strength::Tag,
                Anchor::Literal | Anchor::FirstWord | Anchor::Start => Strength::Strong,
                Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
            },
        };
        self.note("UNION SELECT", strength, at);
    }

    /// `(select 1`: the value is a subquery, where people may write `(select one)`.
    pub(super) fn behind_subselect(&mut self, token: Token) {
        self.subselect = false;
        let telling = matches!(
            token.kind,
            Kind::Number
                | Kind::Variable
                | Kind::Text { .. }
                | Kind::Operator
                | Kind::Open
                | Kind::Word(Word::Case | Word::Info | Word::Text | Word::Constant | Word::Wait | Word::Leak)
        );
        if telling {
            self.note("nothing but a subquery", Strength::Strong, token.start..token.end);
        }
    }

    pub(super) fn behind_semicolon(&mut self, anchor: Anchor, start: usize, token: Token) {
        let Kind::Word(word) = token.kind else {
            match token.kind {
                Kind::Open if anchor >= Anchor::FirstLiteral => self.stacked = Some((anchor, start)),
                Kind::Comment if anchor == Anchor::Quote || self.count == 1 => {
                    self.note("statement ended, rest commented out", Strength::Strong, start..token.end);
                }
                _ => {}
            }
            return;
        };
        let at = start..token.end;
        if word.is_verb() {
            self.stack = anchor;
        }
        match word {
            Word::Waitfor | Word::Shutdown if anchor > Anchor::FirstWord => {
                self.note("another statement behind it", Strength::Certain, at);
            }
            _ if word.is_verb() || matches!(word, Word::Call | Word::If) => {
                self.verb = Some((word, anchor, start))
            }
            _ => {}
        }
    }

    pub(super) fn behind_verb(&mut self, verb: Word, anchor: Anchor, start: usize, token: Token) {
        let at = start..token.end;
        let plausible = match (verb, token.kind) {
            (Word::Define, Kind::Word(Word::Object | Word::Procedure | Word::Prefix | Word::Conjunction))
            | (Word::Insert, Kind::Word(Word::Into | Word::Other))
            | (Word::Delete, Kind::Word(Word::From | Word::Other))
            | (Word::Declare | Word::Set, Kind::Variable) => true,
            (Word::Select, Kind::Other | Kind::Semicolon | Kind::Close | Kind::Compare) => false,
            (Word::Update, Kind::Name) => anchor > Anchor::None,
            (Word::If, Kind::Open) => anchor == Anchor::Quote,
            (Word::Select, _) => anchor > Anchor::None,
            (
                Word::Execute | Word::Call | Word::Begin,
                Kind::Word(Word::Reach | Word::Wait | Word::Object),
            )
            | (Word::Execute | Word::Call, Kind::Open | Kind::Text { .. }) => anchor > Anchor::FirstWord,
            (Word::Execute, Kind::Name | Kind::Word(_)) => matches!(anchor, Anchor::Start | Anchor::Quote),
            (
                Word::Call | Word::Begin | Word::OtherVerb | Word::Set | Word::Preface,
                Kind::Name | Kind::Word(_) | Kind::Text { .. } | Kind::Open,
            ) => anchor == Anchor::Quote,
            _ => false,
        };
        if plausible {
            let strength = match anchor {
                Anchor::None => Strength::Tag,
                Anchor::Literal | Anchor::FirstWord | Anchor::Start => Strength::Strong,
                Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
            };
            self.note("another statement behind it", strength, at);
        }
    }

    pub(super) fn select(&mut self, token: Token) {
        self.sql = true;
        let at = token.start..token.end;
        let level = *self.level();
        if level.condition == Condition::Awaited && level.anchor == Anchor::Quote && !self.wordy {
            self.note("string closed, then AND or OR with SELECT", Strength::Strong, at.clone());
        }
        if self.count == 2
            && !self.in_quote
            && self.first == Some(Kind::Word(Word::Compare))
            && self.last[0] == Some(Kind::Open)
        {
            self.note("compared with a subquery", Strength::Strong, at.clone());
        }
        if level.operand.is_none() && self.last[0] == Some(Kind::Open) && level.group {
            let outer = self.depth.checked_sub(1).and_then(|depth| self.levels.get(depth)).copied();
            if let Some(outer) = outer {
                let strength = match (outer.link, outer.anchor) {
                    (Link::Begin, Anchor::Quote) => Some(Strength::Strong),
                    (Link::Begin, Anchor::FirstLiteral) if self.count <= 4 => Some(Strength::Strong),
                    (Link::Begin, Anchor::FirstLiteral) => Some(Strength::Medium),
                    (Link::Begin, Anchor::Start | Anchor::FirstWord) if self.count <= 3 => {
                        self.subselect = true;
                        Some(Strength::Tag)
                    }
                    (Link::Begin | Link::Semicolon, Anchor::Start) => Some(Strength::Tag),
                    (Link::Begin | Link::Semicolon, _) | (_, Anchor::None) => None,
                    (_, Anchor::Literal | Anchor::FirstWord) => Some(Strength::Tag),
                    (_, Anchor::Start) => Some(Strength::Medium),
                    (_, Anchor::FirstLiteral) => Some(Strength::Strong),
                    (_, Anchor::Quote) => Some(Strength::Certain),
                };
                if let Some(strength) = strength {
                    self.note("subquery in an expression", strength, at);
                }
            }
            if self.first == Some(Kind::Word(Word::Text)) && level.call == Some(Word::Text) && !self.in_quote
            {
                self.note("subquery as an argument", Strength::Strong, token.start..token.end);
            }
            let level = self.level();
            level.subquery = true;
            level.anchor = Anchor::None;
        }
        self.forget();
    }

    pub(super) fn sorted(&mut self, anchor: Anchor, start: usize, operand: Operand, token: &Token) {
        let at = start..token.end;
        match (anchor, matches!(operand, Operand::Literal { text: false, .. })) {
            (Anchor::Quote, true) => self.note("string closed, then ORDER BY", Strength::Certain, at),
            (Anchor::Quote, false) => self.note("string closed, then ORDER BY", Strength::Medium, at),
            (Anchor::FirstLiteral, true) => self.note("number, then ORDER BY", Strength::Strong, at),
            (Anchor::FirstLiteral, false) => self.note("number, then ORDER BY", Strength::Medium, at),
            (Anchor::Start, true) => {
                let rest = self.value.get(start..).unwrap_or_default();
                let numbers = rest
                    .iter()
                    .skip(token.start.saturating_sub(start))
                    .all(|byte| byte.is_ascii_digit() || b", -+#".contains(byte));
                let whole = rest.len() < 64 && numbers;
                let strength = if whole { Strength::Strong } else { Strength::Tag };
                self.note("ORDER BY a number", strength, at);
            }
            (Anchor::Start, false) if matches!(operand, Operand::Call(_)) => {
                self.note("ORDER BY a function", Strength::Medium, at);
            }
            (Anchor::None | Anchor::Literal | Anchor::FirstWord, _) | (Anchor::Start, false) => {}
        }
    }

    /// `sElEcT`: nobody types that.
    pub(super) fn case(&mut self, token: &Token) {
        let word = self.value.get(token.start..token.end).unwrap_or_default();
        let Some((first, rest)) = word.split_first() else { return };
        let upper = rest.iter().filter(|byte| byte.is_ascii_uppercase()).count();
        let mixed = upper > 0 && upper < rest.len() || upper == rest.len() && first.is_ascii_lowercase();
        if mixed {
            self.note("keyword in mixed case", Strength::Medium, token.start..token.end);
        }
    }
}
