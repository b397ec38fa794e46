//! What a value is compared with.

use std::{cell::OnceCell, cmp::Ordering, net::IpAddr, sync::Arc};

use memchr::memmem;

use super::{
    like::Like,
    net::{Net, NetSet},
    number::Number,
    pattern::Pattern,
    text_map::TextMap,
};

/// A value as conditions see it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Text(&'a TextValue<'a>),
    Number(Number),
    Ip(IpAddr),
    Flag(bool),
}

/// A text, which may be read as a number or an address, too. Each reading happens once.
#[derive(Debug)]
pub(super) struct TextValue<'a> {
    pub(super) bytes: &'a [u8],
    number: OnceCell<Option<Number>>,
    ip: OnceCell<Option<IpAddr>>,
    lower: OnceCell<Vec<u8>>,
}

impl<'a> TextValue<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, number: OnceCell::new(), ip: OnceCell::new(), lower: OnceCell::new() }
    }

    pub(super) fn number(&self) -> Option<Number> {
        *self.number.get_or_init(|| Number::parse(self.bytes))
    }

    fn ip(&self) -> Option<IpAddr> {
        const LONGEST: usize = 45;
        *self.ip.get_or_init(|| {
            let text = std::str::from_utf8(self.bytes).ok().filter(|text| text.len() <= LONGEST)?;
            text.parse().ok()
        })
    }

    fn lower(&self) -> &[u8] {
        self.lower.get_or_init(|| self.bytes.to_ascii_lowercase())
    }
}

/// An order of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equals,
    Ge,
    Le,
    Gt,
    Lt,
}

impl Compare {
    pub(super) fn holds(self, a: Number, b: Number) -> bool {
        match (self, a.compare(b)) {
            (Self::Equals | Self::Ge | Self::Le, Ordering::Equal)
            | (Self::Ge | Self::Gt, Ordering::Greater)
            | (Self::Le | Self::Lt, Ordering::Less) => true,
            (Self::Equals | Self::Ge | Self::Le | Self::Gt | Self::Lt, _) => false,
        }
    }
}

/// What a condition asks of a value. Where case does not matter (`fold`), the literals are in lower case.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Exists,
    Equals {
        text: Box<[u8]>,
        fold: bool,
    },
    Contains {
        text: Box<[u8]>,
        fold: bool,
    },
    StartsWith {
        text: Box<[u8]>,
        fold: bool,
    },
    EndsWith {
        text: Box<[u8]>,
        fold: bool,
    },
    Like {
        like: Like,
        fold: bool,
    },
    Matches(Pattern),
    Strings {
        list: Arc<TextMap<()>>,
        fold: bool,
    },
    /// One of several.
    OneOf(Arc<[Test]>),
    Number(Compare, Number),
    Numbers(Arc<[Number]>),
    Net(Net),
    Nets(Arc<NetSet>),
    Flag(bool),
}

/// A text that must stand in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: Box<[u8]>,
    /// In any case.
    pub(super) fold: bool,
}

impl Literal {
    fn new(text: &[u8], fold: bool) -> Self {
        Self { text: text.into(), fold }
    }
}

impl Test {
    pub(super) fn holds(&self, value: Value<'_>) -> bool {
        match value {
            Value::Text(text) => self.holds_text(text),
            Value::Number(number) => self.holds_number(number),
            Value::Ip(ip) => self.holds_ip(ip),
            Value::Flag(flag) => self.holds_flag(flag),
        }
    }

    fn holds_text(&self, value: &TextValue<'_>) -> bool {
        let bytes = value.bytes;
        match self {
            Self::Exists => true,
            Self::Equals { text, fold: false } => bytes == &**text,
            Self::Equals { text, fold: true } => bytes.eq_ignore_ascii_case(text),
            Self::Contains { text, fold: false } => memmem::find(bytes, text).is_some(),
            Self::Contains { text, fold: true } => memmem::find(value.lower(), text).is_some(),
            Self::StartsWith { text, fold } => {
                bytes.get(..text.len()).is_some_and(|begin| same(begin, text, *fold))
            }
            Self::EndsWith { text, fold } => {
                let begin = bytes.len().checked_sub(text.len());
                begin.and_then(|begin| bytes.get(begin..)).is_some_and(|end| same(end, text, *fold))
            }
            Self::Like { like, fold } => like.matches(if *fold { value.lower() } else { bytes }),
            Self::Matches(pattern) => pattern.is_match(bytes),
            Self::Strings { list, fold: false } => list.get(bytes).is_some(),
            Self::Strings { list, fold: true } => list.get_folded(bytes, &mut Vec::new()).is_some(),
            Self::OneOf(tests) => tests.iter().any(|test| test.holds_text(value)),
            Self::Number(..) | Self::Numbers(_) => {
                value.number().is_some_and(|number| self.holds_number(number))
            }
            Self::Net(_) | Self::Nets(_) => value.ip().is_some_and(|ip| self.holds_ip(ip)),
            Self::Flag(flag) => bytes == if *flag { b"true".as_slice() } else { b"false" },
        }
    }

    fn holds_number(&self, number: Number) -> bool {
        matches!(self, Self::Exists)
            || matches!(self, Self::Number(compare, other) if compare.holds(number, *other))
            || matches!(self, Self::Numbers(list) if list.binary_search_by(|probe| probe.compare(number)).is_ok())
    }

    fn holds_ip(&self, ip: IpAddr) -> bool {
        matches!(self, Self::Exists)
            || matches!(self, Self::Net(net) if net.contains(ip))
            || matches!(self, Self::Nets(nets) if nets.contains(ip))
    }

    fn holds_flag(&self, flag: bool) -> bool {
        matches!(self, Self::Exists) || matches!(self, Self::Flag(wanted) if *wanted == flag)
    }

    /// Texts of which one stands in every value for which this holds; none if there are no such texts.
    pub(super) fn literals(&self) -> Vec<Literal> {
        match self {
            Self::Equals { text, fold }
            | Self::Contains { text, fold }
            | Self::StartsWith { text, fold }
            | Self::EndsWith { text, fold } => vec![Literal::new(text, *fold)],
            Self::Like { like, fold } => match like.literal() {
                [] => Vec::new(),
                literal => vec![Literal::new(literal, *fold)],
            },
            Self::Matches(pattern) => {
                pattern.literals.iter().map(|literal| Literal::new(literal, true)).collect()
            }
            Self::Exists
            | Self::Strings { .. }
            | Self::OneOf(_)
            | Self::Number(..)
            | Self::Numbers(_)
            | Self::Net(_)
            | Self::Nets(_)
            | Self::Flag(_) => Vec::new(),
        }
    }

    /// Whether it can hold for no value: a list without entries.
    pub(super) fn is_never(&self) -> bool {
        match self {
            Self::Strings { list, .. } => list.is_empty(),
            Self::OneOf(tests) => tests.is_empty(),
            Self::Numbers(list) => list.is_empty(),
            Self::Nets(nets) => **nets == NetSet::default(),
            Self::Exists
            | Self::Equals { .. }
            | Self::Contains { .. }
            | Self::StartsWith { .. }
            | Self::EndsWith { .. }
            | Self::Like { .. }
            | Self::Matches(_)
            | Self::Number(..)
            | Self::Net(_)
            | Self::Flag(_) => false,
        }
    }
}

fn same(a: &[u8], b: &[u8], fold: bool) -> bool {
    if fold { a.eq_ignore_ascii_case(b) } else { a == b }
}
