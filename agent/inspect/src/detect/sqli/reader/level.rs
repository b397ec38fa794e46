//! What is known within one pair of parentheses.

use crate::detect::sqli::word::Word;

/// How what stands before an operator came to an end there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Anchor {
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
pub(super) enum Operand {
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
    pub(super) const fn is_literal(self) -> bool {
        matches!(self, Self::Literal { .. })
    }

    /// Known without a table.
    pub(super) const fn is_fixed(self) -> bool {
        matches!(self, Self::Literal { .. } | Self::Variable | Self::Call(_) | Self::Subquery)
    }
}

/// What the next operand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Begin,
    Conjunction,
    Compare,
    Arithmetic,
    Semicolon,
}

/// How far a condition behind `or` and its kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
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
pub(super) struct Level {
    pub(super) anchor: Anchor,
    pub(super) link: Link,
    pub(super) condition: Condition,
    /// The last operand, if one was just read.
    pub(super) operand: Option<Operand>,
    /// The last operand before a comparison that no `or` goes before.
    pub(super) compared: Option<Operand>,
    /// The word that is called, if this is the inside of its parentheses.
    pub(super) call: Option<Word>,
    /// A group of operands rather than arguments: `or (1=1)`.
    pub(super) group: bool,
    pub(super) subquery: bool,
}

impl Level {
    pub(super) const fn new(anchor: Anchor, operand: Option<Operand>) -> Self {
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
