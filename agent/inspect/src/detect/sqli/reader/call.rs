//! Parentheses: calls of functions, groups and subqueries.

use crate::detect::Strength;

use super::super::{
    token::{Kind, Token},
    word::Word,
};
use super::{Anchor, Condition, DEPTH, Level, Link, Operand, Reader};

impl Reader<'_, '_> {
    pub(super) fn open(&mut self, token: Token) {
        let operand = self.level().operand;
        let called = match self.last[0] {
            Some(Kind::Word(
                word @ (Word::Info
                | Word::Text
                | Word::Leak
                | Word::Shape
                | Word::Wait
                | Word::Sleep
                | Word::If
                | Word::Reach
                | Word::Catalogue
                | Word::Other
                | Word::Object),
            )) => Some(word),
            Some(Kind::Name) => Some(Word::Other),
            Some(Kind::Word(Word::Compare)) if matches!(operand, Some(Operand::Call(_))) => Some(Word::Text),
            _ => None,
        };
        let outer = *self.level();
        if self.last[0] == Some(Kind::Word(Word::Execute)) && self.long_hex {
            self.note("runs what is hidden in a number", Strength::Strong, token.start..token.end);
        }
        if self.last[0] == Some(Kind::Word(Word::Other)) && self.last[1] == Some(Kind::Word(Word::Procedure))
        {
            self.note("PROCEDURE ANALYSE", Strength::Strong, token.start..token.end);
        }
        if let Some(word) = called {
            self.called(word, &token);
        }
        let mut inner = Level::new(Anchor::None, None);
        if called.is_some() {
            inner.call = called;
        } else {
            inner.group = true;
            // What is grouped stands in the place of the group.
            inner.anchor = outer.anchor;
            if outer.operand.is_none() {
                inner.link = outer.link;
                inner.condition = outer.condition;
                inner.compared = outer.compared;
            } else {
                inner.anchor = Anchor::None;
            }
            inner.call = outer.call;
        }
        if self.depth + 1 < DEPTH {
            self.depth += 1;
            *self.level() = inner;
        } else {
            self.beyond += 1;
        }
    }

    /// A function is called.
    pub(super) fn called(&mut self, word: Word, token: &Token) {
        let level = *self.level();
        let at = token.start.saturating_sub(1)..token.end;
        let signed = self.count == 2 && self.last[1] == Some(Kind::Operator) && !self.in_quote;
        let linked =
            signed || !matches!(level.link, Link::Begin | Link::Semicolon) || level.anchor == Anchor::Quote;
        let anchor = match (linked, signed) {
            (true, true) => Anchor::Start,
            (true, false) => level.anchor,
            (false, _) => Anchor::None,
        };
        let first = self.count == 1
            || level.anchor == Anchor::Start
            || self.depth == 0 && level.anchor == Anchor::FirstWord;
        // `user()`, `database()`: of all things that are created only these are asked with nothing.
        let word =
            if word == Word::Object && self.value.get(token.end) == Some(&b')') { Word::Info } else { word };
        match word {
            Word::Wait => {
                let strength = if anchor >= Anchor::Start {
                    Strength::Certain
                } else if self.count == 1 && !self.in_quote {
                    Strength::Strong
                } else {
                    Strength::Medium
                };
                self.asks(at.clone());
                self.note("function that waits", strength, at);
            }
            Word::Sleep => {
                let strength = match anchor {
                    Anchor::None
                        if level.call == Some(Word::If) && self.first == Some(Kind::Word(Word::If)) =>
                    {
                        Strength::Strong
                    }
                    Anchor::None if self.selected() || !self.found.is_empty() => {
                        self.asks(at.clone());
                        Strength::Medium
                    }
                    Anchor::None => {
                        self.leading_wait |= first && self.depth == 0;
                        return;
                    }
                    Anchor::Literal | Anchor::FirstWord => Strength::Weak,
                    Anchor::Start | Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                };
                self.note("function that waits", strength, at);
            }
            Word::Leak | Word::Shape => {
                if word == Word::Leak {
                    self.asks(at.clone());
                }
                let strength = if anchor >= Anchor::Start {
                    Strength::Certain
                } else if word == Word::Leak && !self.in_quote && self.begins() {
                    Strength::Strong
                } else {
                    Strength::Medium
                };
                self.note("function that tells by its error", strength, at);
            }
            Word::Catalogue => self.asks(at),
            Word::Reach => {
                self.asks(at.clone());
                let strength =
                    if anchor >= Anchor::Start || first { Strength::Strong } else { Strength::Tag };
                self.note("calls for files or commands", strength, at);
            }
            Word::Info | Word::Text | Word::If => {
                if word == Word::Info {
                    self.asks(at.clone());
                    if level.call == Some(Word::Text) {
                        let whole = self.first == Some(Kind::Word(Word::Text)) && !self.in_quote;
                        let strength = if whole { Strength::Strong } else { Strength::Medium };
                        self.note("the server asked about itself", strength, at.clone());
                    }
                }
                let strength = match anchor {
                    Anchor::None | Anchor::Literal | Anchor::FirstWord => return,
                    Anchor::Start => Strength::Tag,
                    Anchor::FirstLiteral => Strength::Medium,
                    Anchor::Quote => Strength::Strong,
                };
                self.note("function of SQL in an expression", strength, at);
            }
            _ => {}
        }
    }

    /// Whether the word that is called is the first of the value, but for signs and the like.
    fn begins(&self) -> bool {
        self.count == 1
            || self.count == 2 && matches!(self.last[1], Some(Kind::Operator | Kind::Comma | Kind::Open))
    }

    /// Whether the word that is called stands behind `select`.
    fn selected(&self) -> bool {
        let select = Some(Kind::Word(Word::Select));
        self.last[1] == select || self.last[1] == Some(Kind::Open) && self.last[2] == select
    }

    pub(super) fn close(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let inner = *self.level();
        if self.depth == 0 {
            // It closes a parenthesis that stands before the value.
            let level = self.level();
            if level.operand.is_none() && level.anchor == Anchor::Start {
                level.operand = Some(Operand::Group);
                level.anchor = Anchor::FirstLiteral;
            }
            level.condition = Condition::Absent;
            if level.anchor == Anchor::FirstLiteral {
                self.unmatched = true;
            }
            return;
        }
        self.depth -= 1;
        let token = Token {
            kind: Kind::Close,
            start: self.last_end,
            end: self.last_end,
            hash: 0,
            after_comment: false,
        };
        if inner.call.is_some() && !inner.group {
            return;
        }
        let operand =
            if inner.subquery { Operand::Subquery } else { inner.operand.unwrap_or(Operand::Group) };
        let level = self.level();
        if level.operand.is_none() {
            if inner.condition == Condition::Whole {
                level.condition = Condition::Whole;
                level.operand = Some(Operand::Group);
            } else {
                let count = self.count;
                // Not the first token of the value, but it may be the first operand.
                self.operand(operand, token);
                self.count = count;
            }
        }
    }
}
