//! Follows the tokens of a value and notices where it breaks out of what it should be.

#![expect(clippy::wildcard_enum_match_arm, reason = "of some forty kinds of words each match is about a few")]

mod call;
mod condition;
mod ending;
mod statement;

use std::ops::Range;

use crate::detect::{Found, Strength, any_case::starts};

use super::{
    token::{Kind, Lexer, Token},
    word::Word,
};

/// How what stands before an operator came to an end there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Anchor {
    /// Somewhere in text or code.
    None,
    /// A string, or a number behind `=`: `id=1 or`.
    Literal,
    /// The first word of the value: `x or`.
    FirstWord,
    /// The value begins here: `or 1=1`.
    Start,
    /// The number or string that the value begins with: `1 or`.
    FirstLiteral,
    /// The quote that closes the string which the value is the inside of: `x' or`.
    Quote,
}

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    /// A number, string or constant, with its digest.
    Literal {
        hash: u32,
        text: bool,
    },
    Variable,
    Name {
        hash: u32,
    },
    /// A call of a function that means something in SQL.
    Call(Word),
    Group,
    Subquery,
}

impl Operand {
    const fn is_literal(self) -> bool {
        matches!(self, Self::Literal { .. })
    }

    /// Known without a table.
    const fn is_fixed(self) -> bool {
        matches!(self, Self::Literal { .. } | Self::Variable | Self::Call(_) | Self::Subquery)
    }
}

/// What the next operand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Begin,
    Conjunction,
    Compare,
    Arithmetic,
    Semicolon,
}

/// How far a condition behind `or` and its kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// None is being read.
    Absent,
    /// `or` was read.
    Awaited,
    /// `or 1`.
    Half(Operand),
    /// `or 1 = 1`.
    Whole,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    anchor: Anchor,
    link: Link,
    condition: Condition,
    /// The last operand, if one was just read.
    operand: Option<Operand>,
    /// The last operand before a comparison that no `or` goes before.
    compared: Option<Operand>,
    /// The word that is called, if this is the inside of its parentheses.
    call: Option<Word>,
    /// A group of operands rather than arguments: `or (1=1)`.
    group: bool,
    subquery: bool,
}

impl Level {
    const fn new(anchor: Anchor, operand: Option<Operand>) -> Self {
        Self {
            anchor,
            link: Link::Begin,
            condition: Condition::Absent,
            operand,
            compared: None,
            call: None,
            group: false,
            subquery: false,
        }
    }
}

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

    fn word(&mut self, word: Word, token: Token) {
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
                    && ends_with(self.value.get(..self.last_end).unwrap_or_default(), b"identified") =>
            {
                self.note("makes an account", Strength::Strong, at);
            }
            Word::Insert
                if self.value.len() <= 200
                    && ends_with(self.value.get(..self.last_end).unwrap_or_default(), b"bulk") =>
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
    fn asks(&mut self, at: Range<usize>) {
        const SHORT: usize = 120;
        const SHORT_QUERY: usize = 72;
        let word = self.value.get(at.clone()).unwrap_or_default();
        let head = self.value.get(..at.end).unwrap_or_default();
        // What honest statements ask for: the row just inserted, an object's number.
        let usual = [b"_id(".as_slice(), b"series(", b"xmltype("].iter().any(|usual| ends_with(head, usual));
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
        self.stack == Anchor::Quote
            || start.get(..5).is_some_and(|first| first.eq_ignore_ascii_case(b"copy "))
    }

    fn number(&mut self, at: Range<usize>) {
        let hexadecimal = at.len() > 3 && matches!(self.value.get(at.start + 1), Some(b'x' | b'X'));
        let assigned = self.last[0] == Some(Kind::Compare) && self.last[1] == Some(Kind::Variable);
        if hexadecimal && (assigned || at.len() >= 18) && self.first == Some(Kind::Word(Word::Declare)) {
            self.note("a script hidden in a number", Strength::Medium, at.clone());
        }
        if self.last[0] == Some(Kind::Open) && self.last[1] == Some(Kind::Word(Word::Text)) {
            let head = self.value.get(..self.last_end).unwrap_or_default();
            let spells = ends_with(head, b"char(") || ends_with(head, b"chr(");
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

/// `current_user` and others that are functions without parentheses.
fn is_pseudo_column(word: &[u8]) -> bool {
    ["current_", "system_user", "session_user"].iter().any(|known| starts(word, known.as_bytes()))
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|last| last.eq_ignore_ascii_case(end))
}
