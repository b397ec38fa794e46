//! Follows the tokens of a value and notices where it breaks out of what it should be.

use std::ops::Range;

use crate::detect::{Found, Strength};

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
    Literal { hash: u32, text: bool },
    Variable,
    Name,
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
    sort: Option<(Anchor, usize, bool)>,
    into: bool,
    waitfor: Option<(Anchor, usize)>,
    /// Behind the closing quote came an operator, and no blank prose.
    in_quote: bool,
    glued: bool,
    closed_again: bool,
    commented: bool,
    texts: u32,
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
            sort: None,
            into: false,
            waitfor: None,
            in_quote,
            glued: false,
            closed_again: false,
            commented: false,
            texts: 0,
        }
    }

    /// Reads from `at` to the end.
    pub(super) fn read(mut self, at: usize, plus_is_blank: bool) {
        for token in Lexer::new(self.value, at, plus_is_blank) {
            self.token(token);
            self.last = [Some(token.kind), self.last[0], self.last[1]];
            self.last_end = token.end;
            self.count += 1;
            if self.found.is_certain() {
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
        if token.after_comment {
            self.comment_between(token);
        }
        if let Some((anchor, start, all)) = self.union {
            self.after_union(anchor, start, all, token);
        } else if let Some((anchor, start)) = self.selects.take() {
            self.first_selected(anchor, start, token);
        }
        if let Some((anchor, start)) = self.stacked.take() {
            self.behind_semicolon(anchor, start, token);
        } else if let Some((verb, anchor, start)) = self.verb.take() {
            self.behind_verb(verb, anchor, start, token);
        }
        match token.kind {
            Kind::Number => self.operand(Operand::Literal { hash: token.hash, text: false }, token),
            Kind::Text { open } => self.text(open, token),
            Kind::Variable => {
                if self.value.get(token.start..token.start + 2) == Some(b"@@") {
                    self.note("server variable", Strength::Medium, at);
                }
                self.operand(Operand::Variable, token);
            }
            Kind::Name => self.operand(Operand::Name, token),
            Kind::Word(word) => self.word(word, token),
            Kind::Open => self.open(token),
            Kind::Close => self.close(),
            Kind::Comma => {
                let level = self.level();
                level.condition = Condition::Absent;
                level.compared = None;
                level.operand = None;
                level.link = Link::Begin;
                if level.call.is_some() || level.anchor != Anchor::Quote {
                    level.anchor = Anchor::None;
                }
            }
            Kind::Semicolon => {
                self.finish_condition(false, &token);
                let anchor = self.level().anchor;
                while self.depth > 0 {
                    self.depth -= 1;
                }
                *self.level() = Level::new(Anchor::None, None);
                self.level().link = Link::Semicolon;
                self.stacked = Some((anchor, token.start));
            }
            Kind::Dot => {}
            Kind::Compare => self.compare(),
            Kind::Conjunction => self.conjunction(Link::Conjunction, token),
            Kind::Operator => self.operator(token),
            Kind::Prefix => {
                let level = self.level();
                if level.operand.is_some() && level.anchor != Anchor::Quote {
                    level.anchor = Anchor::None;
                    level.operand = None;
                }
            }
            Kind::Comment => self.comment(token),
            Kind::Other => {
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

    /// `select/**/1`: nobody writes comments for blanks.
    fn comment_between(&mut self, token: Token) {
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

    fn after_union(&mut self, anchor: Anchor, start: usize, all: bool, token: Token) {
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
    fn first_selected(&mut self, anchor: Anchor, start: usize, token: Token) {
        let at = start..token.end;
        let strength = match token.kind {
            Kind::Word(Word::Quantifier) | Kind::Open | Kind::Operator | Kind::Prefix => {
                self.selects = Some((anchor, start));
                return;
            }
            Kind::Number
            | Kind::Text { .. }
            | Kind::Variable
            | Kind::Word(Word::Constant | Word::Text | Word::Info | Word::Leak | Word::Wait | Word::Reach | Word::Sleep) => {
                match anchor {
                    Anchor::None => Strength::Strong,
                    Anchor::Literal
                    | Anchor::FirstWord
                    | Anchor::Start
                    | Anchor::FirstLiteral
                    | Anchor::Quote => Strength::Certain,
                }
            }
            _ => match anchor {
                Anchor::None => Strength::Tag,
                Anchor::Literal | Anchor::FirstWord | Anchor::Start => Strength::Strong,
                Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
            },
        };
        self.note("UNION SELECT", strength, at);
    }

    fn behind_semicolon(&mut self, anchor: Anchor, start: usize, token: Token) {
        let Kind::Word(word) = token.kind else {
            if token.kind == Kind::Comment && anchor == Anchor::Quote {
                self.note("string closed, statement ended, rest commented out", Strength::Strong, start..token.end);
            }
            return;
        };
        let at = start..token.end;
        match word {
            Word::Waitfor | Word::Shutdown if anchor > Anchor::FirstWord => {
                self.note("another statement behind it", Strength::Certain, at);
            }
            _ if word.is_verb() || matches!(word, Word::Call | Word::If) => self.verb = Some((word, anchor, start)),
            _ => {}
        }
    }

    fn behind_verb(&mut self, verb: Word, anchor: Anchor, start: usize, token: Token) {
        let at = start..token.end;
        let plausible = match (verb, token.kind) {
            (Word::Define, Kind::Word(Word::Object | Word::Procedure | Word::Prefix))
            | (Word::Insert, Kind::Word(Word::Into | Word::Other))
            | (Word::Delete, Kind::Word(Word::From | Word::Other))
            | (Word::Declare | Word::Set, Kind::Variable) => true,
            (Word::Select, Kind::Other | Kind::Semicolon | Kind::Close | Kind::Compare) => false,
            (Word::Update, Kind::Name) => anchor > Anchor::None,
            (Word::If, Kind::Open) => anchor == Anchor::Quote,
            (Word::Select, _) => anchor > Anchor::None,
            (
                Word::Execute | Word::Call | Word::Begin | Word::OtherVerb | Word::Set,
                Kind::Name | Kind::Word(_) | Kind::Text { .. } | Kind::Open,
            ) => anchor > Anchor::FirstWord,
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

    fn text(&mut self, open: bool, token: Token) {
        self.texts += 1;
        let last = self.last[0];
        if self.in_quote && open && self.glued && !matches!(last, Some(Kind::Text { .. } | Kind::Number | Kind::Name)) {
            self.closed_again = true;
        }
        self.operand(Operand::Literal { hash: token.hash, text: true }, token);
    }

    fn operand(&mut self, operand: Operand, token: Token) {
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
                level.anchor = if matches!(operand, Operand::Literal { text: true, .. }) { Anchor::Literal } else { Anchor::None };
                self.glued = false;
                self.in_quote = false;
            }
            self.level().operand = Some(operand);
            return;
        }
        level.operand = Some(operand);
        match level.link {
            Link::Begin => {
                if first || level.anchor == Anchor::Start {
                    level.anchor = match operand {
                        Operand::Literal { .. } | Operand::Variable => Anchor::FirstLiteral,
                        Operand::Name | Operand::Call(_) | Operand::Group | Operand::Subquery => Anchor::FirstWord,
                    };
                } else if level.anchor < Anchor::FirstLiteral {
                    level.anchor =
                        if matches!(operand, Operand::Literal { text: true, .. }) { Anchor::Literal } else { Anchor::None };
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

    fn compare(&mut self) {
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
                let (what, strength) = if left.is_literal() && right.is_literal() {
                    ("literals compared behind AND or OR", match anchor {
                        Anchor::None => Strength::Tag,
                        Anchor::Literal => Strength::Strong,
                        Anchor::FirstWord => Strength::Strong,
                        Anchor::Start | Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                    })
                } else if matches!(right, Operand::Subquery) || matches!(left, Operand::Subquery) {
                    ("subquery compared behind AND or OR", match anchor {
                        Anchor::None => Strength::Weak,
                        Anchor::Literal | Anchor::FirstWord => Strength::Medium,
                        Anchor::Start if left.is_literal() => Strength::Strong,
                        Anchor::Start => Strength::Medium,
                        Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                    })
                } else if left.is_fixed() && right.is_fixed() {
                    ("fixed values compared behind AND or OR", match anchor {
                        Anchor::None => Strength::Weak,
                        Anchor::Literal | Anchor::FirstWord => Strength::Medium,
                        Anchor::Start => Strength::Strong,
                        Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                    })
                } else {
                    ("comparison behind AND or OR", match anchor {
                        Anchor::None | Anchor::FirstWord => return,
                        Anchor::Literal | Anchor::Start => Strength::Weak,
                        Anchor::FirstLiteral => Strength::Medium,
                        Anchor::Quote => Strength::Strong,
                    })
                };
                self.note(what, strength, token.start..token.end);
            }
            Condition::Absent | Condition::Awaited | Condition::Whole => {
                let left = level.compared.take();
                let literal = left.is_some_and(Operand::is_literal);
                let call = level.call;
                if anchor != Anchor::Quote {
                    level.anchor = if !literal && right.is_literal() { Anchor::Literal } else { Anchor::None };
                }
                if literal && right.is_literal() && call.is_some() && left == Some(right) {
                    self.note("literal compared with itself", Strength::Medium, token.start..token.end);
                }
            }
        }
    }

    fn conjunction(&mut self, link: Link, token: Token) {
        self.finish_condition(false, &token);
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

    fn operator(&mut self, _token: Token) {
        let level = self.level();
        if level.operand.take().is_some() {
            if level.link != Link::Conjunction && level.link != Link::Compare || level.condition == Condition::Whole {
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

    fn word(&mut self, word: Word, token: Token) {
        let at = token.start..token.end;
        let anchor = self.level().anchor;
        let has_operand = self.level().operand.is_some();
        let fresh = !has_operand && self.level().link == Link::Begin;
        match word {
            Word::Conjunction => self.conjunction(Link::Conjunction, token),
            Word::Having | Word::Where => {
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
                    self.operand(Operand::Name, token);
                }
            }
            Word::Operator => self.operator(token),
            Word::Prefix => {
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
            Word::Sort => self.sort = Some((if has_operand || fresh { anchor } else { Anchor::None }, token.start, false)),
            Word::By => {
                if let Some((anchor, start, false)) = self.sort {
                    self.sort = Some((anchor, start, true));
                    self.forget_condition();
                } else {
                    self.operand(Operand::Name, token);
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
                    self.operand(Operand::Name, token);
                }
            }
            Word::Procedure => {}
            Word::As => {}
            Word::Waitfor => self.waitfor = Some((anchor, token.start)),
            Word::Delay => {
                if let Some((anchor, start)) = self.waitfor.take() {
                    let strength = if anchor >= Anchor::Start { Strength::Certain } else { Strength::Medium };
                    self.note("WAITFOR DELAY", strength, start..token.end);
                }
            }
            Word::Catalogue => {
                self.note("the catalogue of a server", Strength::Medium, at);
                self.operand(Operand::Name, token);
            }
            Word::Reach => {
                self.note("reaches for files or commands", Strength::Medium, at);
                self.operand(Operand::Call(word), token);
            }
            Word::Case | Word::When => {
                let level = self.level();
                level.link = Link::Begin;
                level.operand = None;
                if word == Word::When {
                    level.call = Some(Word::When);
                }
            }
            Word::Info | Word::Text | Word::Leak | Word::Wait | Word::Sleep | Word::If => {
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
            | Word::Other => self.operand(Operand::Name, token),
        }
    }

    fn select(&mut self, token: Token) {
        let at = token.start..token.end;
        let level = *self.level();
        if level.operand.is_none() && self.last[0] == Some(Kind::Open) && level.group {
            let outer = self.depth.checked_sub(1).and_then(|depth| self.levels.get(depth)).copied();
            if let Some(outer) = outer {
                let strength = match (outer.link, outer.anchor) {
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
            let level = self.level();
            level.subquery = true;
            level.anchor = Anchor::None;
        }
        self.forget();
    }

    fn sorted(&mut self, anchor: Anchor, start: usize, operand: Operand, token: &Token) {
        let at = start..token.end;
        match (anchor, operand.is_literal()) {
            (Anchor::Quote, true) => self.note("string closed, then ORDER BY", Strength::Certain, at),
            (Anchor::Quote, false) => self.note("string closed, then ORDER BY", Strength::Strong, at),
            (Anchor::FirstLiteral, true) => self.note("number, then ORDER BY", Strength::Strong, at),
            (Anchor::FirstLiteral, false) => self.note("number, then ORDER BY", Strength::Medium, at),
            (Anchor::Start, true) => self.note("ORDER BY a number", Strength::Tag, at),
            (Anchor::None | Anchor::Literal | Anchor::FirstWord, _) | (Anchor::Start, false) => {}
        }
    }

    fn open(&mut self, token: Token) {
        let called = match self.last[0] {
            Some(Kind::Word(
                word @ (Word::Info
                | Word::Text
                | Word::Leak
                | Word::Wait
                | Word::Sleep
                | Word::If
                | Word::Reach
                | Word::Catalogue
                | Word::Other
                | Word::Object),
            )) => Some(word),
            Some(Kind::Name) => Some(Word::Other),
            _ => None,
        };
        let outer = *self.level();
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
    fn called(&mut self, word: Word, token: &Token) {
        let level = *self.level();
        let at = token.start.saturating_sub(1)..token.end;
        let linked = !matches!(level.link, Link::Begin | Link::Semicolon) || level.anchor == Anchor::Quote;
        let anchor = if linked { level.anchor } else { Anchor::None };
        let first = self.count == 1 || level.anchor == Anchor::Start || self.depth == 0 && level.anchor == Anchor::FirstWord;
        match word {
            Word::Wait => {
                let strength = if anchor >= Anchor::Start { Strength::Certain } else { Strength::Medium };
                self.note("function that waits", strength, at);
            }
            Word::Sleep => {
                let strength = match anchor {
                    Anchor::None if self.selected() => Strength::Medium,
                    Anchor::None => return,
                    Anchor::Literal | Anchor::FirstWord => Strength::Weak,
                    Anchor::Start | Anchor::FirstLiteral | Anchor::Quote => Strength::Certain,
                };
                self.note("function that waits", strength, at);
            }
            Word::Leak => {
                let strength = if anchor >= Anchor::Start { Strength::Certain } else { Strength::Medium };
                self.note("function that tells by its error", strength, at);
            }
            Word::Reach => {
                let strength = if anchor >= Anchor::Start || first { Strength::Strong } else { Strength::Tag };
                self.note("calls for files or commands", strength, at);
            }
            Word::Info | Word::Text | Word::If => {
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

    /// Whether the word that is called stands behind `select`.
    fn selected(&self) -> bool {
        self.last[1] == Some(Kind::Word(Word::Select))
    }

    fn close(&mut self) {
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
            return;
        }
        self.depth -= 1;
        let token = Token { kind: Kind::Close, start: self.last_end, end: self.last_end, hash: 0, after_comment: false };
        if inner.call.is_some() && !inner.group {
            return;
        }
        let operand = if inner.subquery {
            Operand::Subquery
        } else {
            inner.operand.unwrap_or(Operand::Group)
        };
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

    /// A comment hides the rest.
    fn comment(&mut self, token: Token) {
        let at = token.start..token.end;
        let level = *self.level();
        let blank = self.count == 0;
        self.finish_condition(true, &token);
        if self.in_quote && (level.anchor == Anchor::Quote) && !self.commented {
            let rest = self.value.get(token.end..).unwrap_or_default();
            if blank || self.only_closes() {
                if rest.len() <= 24 {
                    self.note("string closed, rest commented out", Strength::Strong, at);
                }
            } else if self.glued || !self.found.is_empty() {
                self.note("rest commented out", Strength::Medium, at);
                if level.link == Link::Compare || level.link == Link::Arithmetic {
                    self.note("string closed, then an operator", Strength::Strong, token.start..token.end);
                }
            }
        } else if !self.found.is_empty() && !self.commented {
            self.note("rest commented out", Strength::Medium, at);
        }
        self.commented = true;
        self.forget();
        self.level().anchor = Anchor::None;
    }

    fn only_closes(&self) -> bool {
        self.last[0] == Some(Kind::Close) && self.last[1].is_none_or(|kind| kind == Kind::Close)
    }

    /// `or 1 --`, `' or true`: a condition without a comparison.
    fn finish_condition(&mut self, commented: bool, token: &Token) {
        let level = *self.level();
        let Condition::Half(left) = level.condition else { return };
        let strength = match (level.anchor, commented) {
            (Anchor::Quote, _) if left.is_fixed() => Strength::Strong,
            (Anchor::Quote, true) => Strength::Medium,
            (Anchor::FirstLiteral | Anchor::Start, true) if left.is_fixed() => Strength::Strong,
            _ => return,
        };
        self.note("AND or OR with a constant", strength, token.start..token.end);
        self.level().condition = Condition::Whole;
    }

    fn end(&mut self) {
        let len = self.value.len();
        let token = Token { kind: Kind::Other, start: len, end: len, hash: 0, after_comment: false };
        if let Some((anchor, start)) = self.selects.take() {
            let strength = if anchor > Anchor::FirstWord { Strength::Strong } else { Strength::Tag };
            self.note("UNION SELECT", strength, start..len);
        }
        if let Some((anchor, start, true)) = self.union.take()
            && anchor == Anchor::Quote
        {
            self.note("string closed, then UNION ALL", Strength::Strong, start..len);
        }
        let level = *self.level();
        if self.closed_again && self.is_short_break_out() {
            self.note("string closed, an operator, string opened again", Strength::Strong, 0..len);
        }
        if !self.commented {
            self.finish_condition(false, &token);
        }
        let _ = level;
    }

    /// `x' + 'y`: nothing but a word before and behind.
    fn is_short_break_out(&self) -> bool {
        let word = |part: &[u8]| part.len() <= 32 && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_@.%-".contains(byte));
        let quote = |byte: &u8| matches!(byte, b'\'' | b'"');
        let head = self.value.iter().position(quote).unwrap_or(0);
        let tail = self.value.iter().rposition(quote).unwrap_or(0);
        word(self.value.get(..head).unwrap_or_default()) && word(self.value.get(tail + 1..).unwrap_or_default())
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
