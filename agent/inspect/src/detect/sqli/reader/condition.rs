//! Conditions: what is joined by `and` and `or`, and what is compared with what.

use crate::detect::Strength;

use super::super::{
    token::{Kind, Token},
    word::Word,
};
use super::{Anchor, Condition, Link, Operand, Reader};

impl Reader<'_, '_> {
    pub(super) fn text(&mut self, open: bool, token: Token) {
        let last = self.last[0];
        let same = self.value.get(token.start) == self.quote.as_ref();
        if self.in_quote
            && open
            && same
            && self.glued
            && !matches!(last, Some(Kind::Text { .. } | Kind::Number | Kind::Name))
        {
            self.closed_again = true;
        }
        if open
            && same
            && matches!(last, Some(Kind::Text { .. }))
            && matches!(self.level().condition, Condition::Half(_))
        {
            self.closed_again |= self.in_quote;
        }
        self.operand(Operand::Literal { hash: token.hash, text: true }, token);
    }

    pub(super) fn operand(&mut self, operand: Operand, token: Token) {
        let first = self.count == 0;
        if let Some((anchor, start, true)) = self.sort.take() {
            self.sorted(anchor, start, operand, &token);
        }
        if self.into {
            self.into = false;
        }
        let previous = self.last[0];
        let level = self.level();
        if level.operand.is_some() {
            // `a.b`, or two operands in a row: prose, or another name for something.
            if previous != Some(Kind::Dot) && previous != Some(Kind::Word(Word::As)) {
                level.condition = Condition::Absent;
                self.prose = true;
                let level = self.level();
                level.anchor = if matches!(operand, Operand::Literal { text: true, .. }) {
                    Anchor::Literal
                } else {
                    Anchor::None
                };
                self.glued = false;
                self.in_quote = false;
            }
            self.level().operand = Some(operand);
            return;
        }
        level.operand = Some(operand);
        if operand == Operand::Variable
            && level.call == Some(Word::Text)
            && self.first == Some(Kind::Word(Word::Text))
            && !self.in_quote
            && self.found.iter().any(|evidence| evidence.what == "server variable")
        {
            self.note("the server asked about itself", Strength::Strong, token.start..token.end);
        }
        let level = self.level();
        match level.link {
            Link::Begin => {
                if first || level.anchor == Anchor::Start {
                    level.anchor = match operand {
                        Operand::Literal { .. } | Operand::Variable => Anchor::FirstLiteral,
                        Operand::Name { .. } | Operand::Call(_) | Operand::Group | Operand::Subquery => {
                            Anchor::FirstWord
                        }
                    };
                } else if level.anchor < Anchor::FirstLiteral {
                    level.anchor = if matches!(operand, Operand::Literal { text: true, .. }) {
                        Anchor::Literal
                    } else {
                        Anchor::None
                    };
                }
            }
            Link::Semicolon => level.anchor = Anchor::None,
            Link::Conjunction => {
                if level.condition == Condition::Awaited {
                    level.condition = Condition::Half(operand);
                }
            }
            Link::Compare => self.compared(operand, token),
            Link::Arithmetic => {
                if let Condition::Half(left) = level.condition
                    && !left.is_fixed()
                {
                    level.condition = Condition::Half(operand);
                }
            }
        }
    }

    pub(super) fn compare(&mut self) {
        if self.leading_wait && self.depth == 0 && self.last[0] == Some(Kind::Close) {
            self.note("function that waits, compared", Strength::Strong, 0..self.last_end);
        }
        let level = self.level();
        if let Condition::Half(_) = level.condition {
        } else {
            level.compared = level.operand;
        }
        if level.operand.is_some() || level.link != Link::Begin {
            level.link = Link::Compare;
        }
        level.operand = None;
        self.glued = true;
    }

    /// The right side of a comparison was read.
    fn compared(&mut self, right: Operand, token: Token) {
        let level = self.level();
        let anchor = level.anchor;
        match level.condition {
            Condition::Half(left) => {
                level.condition = Condition::Whole;
                let (what, strength) = if left.is_literal() && right.is_literal()
                    || left == right && matches!(left, Operand::Name { .. })
                {
                    (
                        "literals compared behind AND or OR",
                        match anchor {
                            Anchor::None => Strength::Tag,
                            Anchor::Literal | Anchor::FirstWord => Strength::Strong,
                            Anchor::Start | Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                        },
                    )
                } else if matches!(right, Operand::Subquery) || matches!(left, Operand::Subquery) {
                    (
                        "subquery compared behind AND or OR",
                        match anchor {
                            Anchor::None => Strength::Weak,
                            Anchor::Literal | Anchor::FirstWord => Strength::Medium,
                            Anchor::Start if left.is_literal() => Strength::Strong,
                            Anchor::Start => Strength::Medium,
                            Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                        },
                    )
                } else if left.is_fixed() && right.is_fixed() {
                    (
                        "fixed values compared behind AND or OR",
                        match anchor {
                            Anchor::None => Strength::Weak,
                            Anchor::Literal | Anchor::FirstWord => Strength::Medium,
                            Anchor::Start => Strength::Strong,
                            Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                        },
                    )
                } else {
                    (
                        "comparison behind AND or OR",
                        match anchor {
                            Anchor::None | Anchor::FirstWord => return,
                            Anchor::Literal => Strength::Weak,
                            Anchor::Start if right.is_fixed() && !right.is_literal() => Strength::Medium,
                            Anchor::Start => Strength::Tag,
                            Anchor::FirstLiteral => Strength::Medium,
                            Anchor::Quote => Strength::Strong,
                        },
                    )
                };
                self.note(what, strength, token.start..token.end);
            }
            Condition::Absent | Condition::Awaited | Condition::Whole => {
                let left = level.compared.take();
                let literal = left.is_some_and(Operand::is_literal);
                let call = level.call;
                let starts = self.compare_len == 1
                    && matches!(self.first, Some(Kind::Word(Word::If | Word::Case) | Kind::Open))
                    && self.count < 8;
                let level = self.level();
                if anchor < Anchor::FirstLiteral
                    || anchor == Anchor::FirstLiteral && literal && right.is_literal()
                {
                    level.anchor =
                        if !literal && right.is_literal() { Anchor::Literal } else { Anchor::None };
                }
                if literal && right.is_literal() {
                    let equal = left == Some(right) && self.compare_len == 1;
                    if equal && self.count == 2 && !self.in_quote && call.is_none() {
                        let rest = self.value.get(token.end..).unwrap_or_default().trim_ascii_start();
                        let whole = rest.is_empty()
                            || [b"--".as_slice(), b"#", b"/*"].iter().any(|end| rest.starts_with(end));
                        let strength = if whole { Strength::Strong } else { Strength::Medium };
                        self.note("nothing but equal literals compared", strength, token.start..token.end);
                    }
                    match call {
                        None if starts && left == Some(right) && self.depth == 1 && !self.in_quote => {
                            self.note(
                                "equal literals compared in parentheses",
                                Strength::Strong,
                                token.start..token.end,
                            );
                        }
                        Some(Word::Text) => {
                            self.note(
                                "literals compared as an argument",
                                Strength::Strong,
                                token.start..token.end,
                            );
                        }
                        Some(Word::When | Word::If) if starts => {
                            self.note(
                                "literals compared in a case",
                                Strength::Strong,
                                token.start..token.end,
                            );
                        }
                        Some(Word::When | Word::If) if self.compare_len == 1 && self.sql => {
                            self.note(
                                "literals compared in a case",
                                Strength::Medium,
                                token.start..token.end,
                            );
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    pub(super) fn conjunction(&mut self, link: Link, token: Token) {
        if self.leading_wait && self.depth == 0 && self.last[0] == Some(Kind::Close) {
            self.note("function that waits, joined", Strength::Strong, 0..self.last_end);
        }
        self.finish_condition(false, &token);
        self.negated = false;
        let has_operand = self.level().operand.is_some();
        let level = self.level();
        let begins = !has_operand && level.link == Link::Begin && level.anchor == Anchor::Start;
        if has_operand || begins {
            level.condition = Condition::Awaited;
        } else {
            level.condition = Condition::Absent;
        }
        level.link = link;
        level.operand = None;
        level.compared = None;
        self.glued = true;
    }

    pub(super) fn operator(&mut self, _token: Token) {
        let level = self.level();
        if level.operand.take().is_some() {
            if level.link != Link::Conjunction && level.link != Link::Compare
                || level.condition == Condition::Whole
            {
                level.link = Link::Arithmetic;
            } else {
                // `or 1+1=2`: the sum is the operand.
                level.link = match level.condition {
                    Condition::Half(_) => Link::Arithmetic,
                    Condition::Absent | Condition::Awaited | Condition::Whole => Link::Arithmetic,
                };
            }
            self.glued = true;
        } else if level.link == Link::Begin && level.anchor != Anchor::Start {
            // A sign.
        }
    }

    /// `or 1 --`, `' or true`: a condition without a comparison.
    pub(super) fn finish_condition(&mut self, commented: bool, token: &Token) {
        let level = *self.level();
        let Condition::Half(left) = level.condition else { return };
        let strength = match (level.anchor, commented) {
            (Anchor::Quote, false) if matches!(left, Operand::Literal { text: true, .. }) => return,
            (Anchor::Quote, _) if left.is_fixed() => {
                if self.wordy {
                    Strength::Medium
                } else {
                    Strength::Strong
                }
            }
            (Anchor::Quote, true) => Strength::Medium,
            (Anchor::FirstLiteral | Anchor::Start, commented)
                if left.is_fixed() && (commented || self.negated) =>
            {
                Strength::Strong
            }
            _ => return,
        };
        self.note("AND or OR with a constant", strength, token.start..token.end);
        self.level().condition = Condition::Whole;
    }
}
