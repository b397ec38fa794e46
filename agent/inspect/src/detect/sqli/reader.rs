//! Follows the tokens of a value and notices where it breaks out of what it should be.

#![expect(clippy::wildcard_enum_match_arm, reason = "of some forty kinds of words each match is about a few")]

mod call;
mod condition;
mod ending;
mod level;
mod statement;
mod word;

use std::ops::Range;

use crate::detect::{Found, Strength, any_case::ends};

use super::{
    token::{Kind, Lexer, Token},
    word::Word,
};
use level::{Anchor, Condition, Level, Link, Operand};

/// Deeper than this, parentheses are not told apart.
const DEPTH: usize = 12;

/// How much behind the first prose behind a quote is still read, in bytes.
const ENOUGH_PROSE: usize = 1024;

/// How many tokens behind a quote are read in which nothing is found.
const ENOUGH_TOKENS: usize = 1024;

/// Reads one value in one way.
pub(super) struct Reader<'v, 'f> {
    value: &'v [u8],
    found: &'f mut Found,
    levels: [Level; DEPTH],
    depth: usize,
    /// Parentheses open beyond [`DEPTH`].
    beyond: usize,
    /// The last three tokens' kinds, the latest first.
    last: [Option<Kind>; 3],
    last_end: usize,
    count: usize,
    /// The anchor before `union`, until it is known what follows.
    union: Option<(Anchor, usize, bool)>,
    /// `union select` was read, and not yet what it selects.
    selects: Option<(Anchor, usize)>,
    /// A statement may begin behind a `;` that follows this.
    stacked: Option<(Anchor, usize)>,
    verb: Option<(Word, Anchor, usize)>,
    /// What stands before the first of several statements.
    stack: Anchor,
    sort: Option<(Anchor, usize, bool)>,
    into: bool,
    waitfor: Option<(Anchor, usize)>,
    /// Behind the closing quote came an operator, and no blank prose.
    in_quote: bool,
    /// The quote around the value.
    quote: Option<u8>,
    glued: bool,
    closed_again: bool,
    commented: bool,
    /// The value begins with `sleep(`.
    leading_wait: bool,
    /// A number that the value begins with is closed by a parenthesis from before the value.
    unmatched: bool,
    /// Before the last operand stood `not`, `!` or `~`.
    negated: bool,
    /// The first token.
    first: Option<Kind>,
    /// A number of many hexadecimal digits.
    long_hex: bool,
    /// How long the last comparison operator is.
    compare_len: usize,
    /// Words in a row: not only an expression.
    prose: bool,
    /// Something that only SQL has in expressions.
    sql: bool,
    /// More than two words before the closing quote.
    wordy: bool,
    /// Characters in a row that are spelled by their numbers.
    spelled: u8,
    /// `select` was read in the parenthesis that the value begins with.
    subselect: bool,
}

impl<'v, 'f> Reader<'v, 'f> {
    /// Reads the value as it stands.
    pub(super) fn plain(value: &'v [u8], found: &'f mut Found) -> Self {
        Self::new(value, found, Level::new(Anchor::Start, None), false)
    }

    /// Reads what stands behind the quote that closes the string around the value.
    pub(super) fn behind_quote(value: &'v [u8], found: &'f mut Found) -> Self {
        let inside = Operand::Literal { hash: 0, text: true };
        Self::new(value, found, Level::new(Anchor::Quote, Some(inside)), true)
    }

    fn new(value: &'v [u8], found: &'f mut Found, level: Level, in_quote: bool) -> Self {
        Self {
            value,
            found,
            levels: [level; DEPTH],
            depth: 0,
            beyond: 0,
            last: [None; 3],
            last_end: 0,
            count: 0,
            union: None,
            selects: None,
            stacked: None,
            verb: None,
            stack: Anchor::None,
            sort: None,
            into: false,
            waitfor: None,
            in_quote,
            quote: None,
            glued: false,
            closed_again: false,
            commented: false,
            leading_wait: false,
            unmatched: false,
            negated: false,
            first: None,
            long_hex: false,
            compare_len: 0,
            prose: false,
            sql: false,
            wordy: false,
            spelled: 0,
            subselect: false,
        }
    }

    /// Reads from `at` to the end.
    pub(super) fn read(mut self, at: usize, plus_is_blank: bool) {
        let head = self.value.get(..at).unwrap_or_default();
        if self.in_quote {
            self.quote = head.last().copied();
        }
        self.wordy = head.iter().filter(|byte| byte.is_ascii_whitespace()).nth(1).is_some();
        let mut prose_end = None;
        for token in Lexer::new(self.value, at, plus_is_blank) {
            self.token(token);
            self.last = [Some(token.kind), self.last[0], self.last[1]];
            self.last_end = token.end;
            self.count += 1;
            if self.found.is_certain() {
                return;
            }
            if self.prose && prose_end.is_none() {
                prose_end = Some(token.end);
            }
            if self.quote.is_some() && self.count > ENOUGH_TOKENS && self.found.is_empty() {
                return;
            }
            // No server executes a statement that goes on as prose: the quote closes no string of SQL.
            if self.quote.is_some()
                && self.found.is_empty()
                && prose_end.is_some_and(|end| token.end > end + ENOUGH_PROSE)
            {
                return;
            }
        }
        self.end();
    }

    fn note(&mut self, what: &'static str, strength: Strength, at: Range<usize>) {
        self.found.push(what, strength, at);
    }

    fn level(&mut self) -> &mut Level {
        let depth = self.depth.min(DEPTH - 1);
        &mut self.levels[depth]
    }

    fn token(&mut self, token: Token) {
        let at = token.start..token.end;
        if self.count == 0 {
            self.first = Some(token.kind);
        }
        if token.after_comment {
            self.comment_between(token);
        }
        if let Some((anchor, start, all)) = self.union {
            self.after_union(anchor, start, all, token);
        } else if let Some((anchor, start)) = self.selects.take() {
            self.first_selected(anchor, start, token);
        }
        if self.subselect {
            self.behind_subselect(token);
        }
        if let Some((anchor, start)) = self.stacked.take() {
            self.behind_semicolon(anchor, start, token);
        } else if let Some((verb, anchor, start)) = self.verb.take() {
            self.behind_verb(verb, anchor, start, token);
        }
        match token.kind {
            Kind::Number if at.len() >= 18 => {
                self.long_hex |= matches!(self.value.get(at.start + 1), Some(b'x' | b'X'));
                self.number(at);
                self.operand(Operand::Literal { hash: token.hash, text: false }, token);
            }
            Kind::Number => {
                self.number(at);
                self.operand(Operand::Literal { hash: token.hash, text: false }, token);
            }
            Kind::Text { open } => self.text(open, token),
            Kind::Variable => {
                if self.value.get(token.start..token.start + 2) == Some(b"@@") {
                    if Word::of(token.hash) == Some(Word::Info) {
                        self.asks(at.clone());
                        if self.count == 0 && !self.in_quote && at.len() == self.value.trim_ascii().len() {
                            self.note("nothing but a server variable", Strength::Strong, at.clone());
                        }
                    }
                    self.note("server variable", Strength::Medium, at);
                }
                self.operand(Operand::Variable, token);
            }
            Kind::Name => self.operand(Operand::Name { hash: token.hash }, token),
            Kind::Word(word) => self.word(word, token),
            Kind::Open => self.open(token),
            Kind::Close => self.close(),
            Kind::Comma => {
                let count = self.count;
                let level = self.level();
                level.condition = Condition::Absent;
                level.compared = None;
                level.operand = None;
                level.link = Link::Begin;
                if level.call.is_some()
                    || level.anchor < Anchor::FirstLiteral
                        && !(count == 1 && level.anchor == Anchor::FirstWord)
                {
                    level.anchor = if count == 0 && level.anchor == Anchor::Start {
                        Anchor::FirstLiteral
                    } else {
                        Anchor::None
                    };
                }
            }
            Kind::Semicolon => {
                self.finish_condition(false, &token);
                let anchor = self.level().anchor.max(self.stack);
                self.stack = Anchor::None;
                self.depth = 0;
                self.beyond = 0;
                let begins = if self.count == 0 { Anchor::Start } else { Anchor::None };
                *self.level() = Level::new(begins, None);
                if self.count > 0 {
                    self.level().link = Link::Semicolon;
                }
                self.stacked = Some((anchor, token.start));
            }
            Kind::Dot => match self.last[0] {
                Some(Kind::Word(word @ (Word::Leak | Word::Wait))) => self.called(word, &token),
                Some(Kind::Word(Word::System))
                    if matches!(
                        self.last[1],
                        Some(Kind::Word(Word::From | Word::Into | Word::Update | Word::Execute))
                    ) =>
                {
                    if matches!(self.last[1], Some(Kind::Word(Word::Into | Word::Update))) {
                        self.note("writes into the server's own tables", Strength::Strong, at.clone());
                    }
                    self.note("the catalogue of a server", Strength::Medium, at.clone());
                    self.asks(at);
                }
                _ => {}
            },
            Kind::Compare => {
                self.compare_len = at.len();
                self.compare();
            }
            Kind::Conjunction => self.conjunction(Link::Conjunction, token),
            Kind::Operator => self.operator(token),
            Kind::Prefix => {
                self.negated = self.level().condition == Condition::Awaited;
                let level = self.level();
                if level.operand.is_some() && level.anchor != Anchor::Quote {
                    level.anchor = Anchor::None;
                    level.operand = None;
                }
            }
            Kind::Comment => self.comment(token),
            Kind::Other
                if self.value.get(token.start) == Some(&b'?')
                    && matches!(self.last[0], Some(Kind::Text { .. })) =>
            {
                self.compare();
            }
            Kind::Cast => {}
            Kind::Other if self.count == 0 && !self.in_quote => {
                self.operand(Operand::Name { hash: 0 }, token);
            }
            Kind::Other => {
                self.prose = true;
                let level = self.level();
                level.anchor = Anchor::None;
                level.condition = Condition::Absent;
                level.operand = None;
                level.link = Link::Begin;
                self.glued = false;
                self.in_quote = false;
            }
        }
    }

    fn number(&mut self, at: Range<usize>) {
        let hexadecimal = at.len() > 3 && matches!(self.value.get(at.start + 1), Some(b'x' | b'X'));
        let assigned = self.last[0] == Some(Kind::Compare) && self.last[1] == Some(Kind::Variable);
        if hexadecimal && (assigned || at.len() >= 18) && self.first == Some(Kind::Word(Word::Declare)) {
            self.note("a script hidden in a number", Strength::Medium, at.clone());
        }
        if self.last[0] == Some(Kind::Open) && self.last[1] == Some(Kind::Word(Word::Text)) {
            let head = self.value.get(..self.last_end).unwrap_or_default();
            let spells = ends(head, b"char(") || ends(head, b"chr(");
            self.spelled = self.spelled.saturating_add(u8::from(spells));
            let begins = matches!(self.first, Some(Kind::Word(Word::Text) | Kind::Open)) && !self.in_quote;
            if spells && self.spelled == 2 && begins && self.depth <= 2 {
                self.note("text spelled in numbers", Strength::Strong, at);
            }
        }
    }

    /// Another part of a statement begins.
    fn forget(&mut self) {
        let level = self.level();
        let call = level.call;
        let (group, subquery) = (level.group, level.subquery);
        *level = Level::new(Anchor::None, None);
        level.call = call.filter(|_| group);
        level.group = group;
        level.subquery = subquery;
        self.glued = false;
    }

    fn forget_condition(&mut self) {
        let level = self.level();
        level.condition = Condition::Absent;
        level.operand = None;
        level.link = Link::Begin;
        if level.anchor < Anchor::FirstLiteral {
            level.anchor = Anchor::None;
        }
    }
}
