//! What a word of SQL does to what is being read.

use std::ops::Range;

use super::super::{
    token::{Kind, Token},
    word::Word,
};
use super::{Anchor, Condition, Level, Link, Operand, Reader};
use crate::detect::{
    Strength,
    any_case::{ends, starts},
};

impl Reader<'_, '_> {
    pub(super) fn word(&mut self, word: Word, token: Token) {
        let at = token.start..token.end;
        if matches!(
            word,
            Word::Select | Word::Union | Word::From | Word::Where | Word::Sort | Word::Sleep | Word::Wait
        ) {
            self.case(&token);
        }
        let anchor = self.level().anchor;
        let has_operand = self.level().operand.is_some();
        let fresh = !has_operand && self.level().link == Link::Begin;
        match word {
            Word::Conjunction => {
                self.sql = true;
                self.conjunction(Link::Conjunction, token);
            }
            Word::Having | Word::Where => {
                if word == Word::Having && self.first == Some(Kind::Word(Word::Sort)) && self.depth == 0 {
                    // `group by a having`: the value begins within a statement.
                    *self.level() = Level::new(Anchor::Start, None);
                }
                if word == Word::Where && anchor < Anchor::FirstLiteral {
                    self.forget();
                    return;
                }
                self.conjunction(Link::Conjunction, token);
            }
            Word::Compare => {
                if self.last[0] == Some(Kind::Word(Word::Compare)) {
                    return;
                }
                if has_operand {
                    self.compare();
                } else if self.level().link != Link::Compare {
                    self.operand(Operand::Call(Word::Text), token);
                }
            }
            Word::Operator => self.operator(token),
            Word::Prefix => {
                self.sql = true;
                self.negated = self.level().condition == Condition::Awaited;
                if has_operand && anchor < Anchor::FirstLiteral {
                    self.forget();
                }
            }
            Word::Constant => self.operand(Operand::Literal { hash: token.hash, text: false }, token),
            Word::Union => {
                let anchor = if has_operand || fresh { anchor } else { Anchor::None };
                self.union = Some((anchor, token.start, false));
                self.forget();
            }
            Word::Quantifier => {}
            Word::Select => self.select(token),
            Word::From | Word::Limit | Word::Set => self.forget_condition(),
            Word::Sort => {
                self.sort =
                    Some((if has_operand || fresh { anchor } else { Anchor::None }, token.start, false))
            }
            Word::By
                if matches!(self.first, Some(Kind::Word(Word::Define | Word::OtherVerb)))
                    && ends(self.value.get(..self.last_end).unwrap_or_default(), b"identified") =>
            {
                self.note("makes an account", Strength::Strong, at);
            }
            Word::Insert
                if self.value.len() <= 200
                    && ends(self.value.get(..self.last_end).unwrap_or_default(), b"bulk") =>
            {
                self.note("loads a file", Strength::Medium, at);
            }
            Word::By => {
                if let Some((anchor, start, false)) = self.sort {
                    self.sort = Some((anchor, start, true));
                    self.forget_condition();
                } else {
                    self.operand(Operand::Name { hash: token.hash }, token);
                }
            }
            Word::Into => {
                self.into = true;
                self.forget_condition();
            }
            Word::File => {
                if self.into {
                    self.note("INTO OUTFILE", Strength::Strong, at);
                } else {
                    self.operand(Operand::Name { hash: token.hash }, token);
                }
            }
            Word::Procedure | Word::As => {}
            Word::Direction if has_operand => {}
            Word::Mode if self.level().link == Link::Compare => {
                self.level().operand = Some(Operand::Group);
            }
            Word::Program if self.copies() => {
                self.note("runs a command of the server", Strength::Strong, at);
            }
            Word::Waitfor => self.waitfor = Some((anchor, token.start)),
            Word::Delay => {
                if let Some((anchor, start)) = self.waitfor.take() {
                    let strength = if anchor >= Anchor::Start { Strength::Certain } else { Strength::Strong };
                    self.note("WAITFOR DELAY", strength, start..token.end);
                }
            }
            Word::Catalogue => {
                // What people write for a name of their own.
                let placeholder = self.value.get(at.start..at.start + 6).is_some_and(|start| {
                    [b"table_".as_slice(), b"column", b"schema"]
                        .iter()
                        .any(|known| start.eq_ignore_ascii_case(known))
                });
                if !placeholder
                    && matches!(self.last[0], Some(Kind::Word(Word::From) | Kind::Dot | Kind::Comma))
                {
                    self.asks(at.clone());
                }
                self.note("the catalogue of a server", Strength::Medium, at);
                self.operand(Operand::Name { hash: token.hash }, token);
            }
            Word::Reach => {
                let name = self.value.get(token.start..token.start + 3).unwrap_or_default();
                let runs = name.eq_ignore_ascii_case(b"xp_") || at.len() != "sp_executesql".len();
                if self.first == Some(Kind::Word(Word::Execute)) && runs {
                    self.note("runs a command of the server", Strength::Strong, at.clone());
                }
                self.note("reaches for files or commands", Strength::Medium, at);
                self.operand(Operand::Call(word), token);
            }
            Word::Case | Word::When | Word::Then => {
                self.sql |= word == Word::Case;
                if word == Word::Case
                    && anchor >= Anchor::FirstLiteral
                    && self.level().condition == Condition::Awaited
                    && !self.wordy
                {
                    self.note("CASE behind AND or OR", Strength::Strong, at);
                }
                let level = self.level();
                level.link = Link::Begin;
                level.operand = None;
                if word == Word::When {
                    level.call = Some(Word::When);
                }
            }
            Word::Info
                if self.last[0] == Some(Kind::Word(Word::Select))
                    && is_pseudo_column(self.value.get(at.clone()).unwrap_or_default()) =>
            {
                self.asks(at);
                self.operand(Operand::Call(word), token);
            }
            Word::Info | Word::Text | Word::Leak | Word::Shape | Word::Wait | Word::Sleep | Word::If => {
                self.operand(Operand::Call(word), token);
            }
            Word::Object
            | Word::Define
            | Word::Insert
            | Word::Update
            | Word::Delete
            | Word::Execute
            | Word::Declare
            | Word::Shutdown
            | Word::Begin
            | Word::Call
            | Word::OtherVerb
            | Word::Preface
            | Word::Direction
            | Word::Mode
            | Word::System
            | Word::Program
            | Word::Other => self.operand(Operand::Name { hash: token.hash }, token),
        }
    }

    /// Notes that a short statement is about the server: who works with a server's catalogue writes longer ones.
    pub(super) fn asks(&mut self, at: Range<usize>) {
        const SHORT: usize = 120;
        const SHORT_QUERY: usize = 72;
        let word = self.value.get(at.clone()).unwrap_or_default();
        let head = self.value.get(..at.end).unwrap_or_default();
        // What honest statements ask for: the row just inserted, an object's number.
        let usual = [b"_id(".as_slice(), b"series(", b"xmltype("].iter().any(|usual| ends(head, usual));
        let query = word.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'.');
        if !self.in_quote
            && !usual
            && self.value.trim_ascii().len() <= if query { SHORT_QUERY } else { SHORT }
            && matches!(self.first, Some(Kind::Word(word)) if word.is_verb())
        {
            self.note("asks the server about itself", Strength::Strong, at);
        }
    }

    /// Whether the value, or the statement behind the quote, is a `COPY` of PostgreSQL.
    fn copies(&self) -> bool {
        let start = self.value.trim_ascii_start();
        self.stack == Anchor::Quote || starts(start, b"copy ")
    }
}

/// `current_user` and others that are functions without parentheses.
fn is_pseudo_column(word: &[u8]) -> bool {
    ["current_", "system_user", "session_user"].iter().any(|known| starts(word, known.as_bytes()))
}
