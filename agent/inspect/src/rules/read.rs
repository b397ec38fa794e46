//! Reads TOML tables key by key and remembers everything that is wrong with them.

use std::{cell::RefCell, ops::Range, ops::RangeInclusive};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::complaint::{Complaints, Source, suggestion};

/// A value and where it stands.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// A text with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) at: Place,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl From<Range<usize>> for Place {
    fn from(span: Range<usize>) -> Self {
        Self { start: span.start, end: span.end }
    }
}

/// One file that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) complaints: &'a RefCell<Complaints>,
}

impl<'a> Reader<'a> {
    pub(super) fn complain(&self, at: impl Into<Place>, message: impl Into<String>) {
        let Place { start, end } = at.into();
        let mut complaints = self.complaints.borrow_mut();
        if complaints.is_full() {
            return complaints.count();
        }
        complaints.push(self.source.complaint(start..end, message.into()));
    }

    /// The value as a table; complains if it is none.
    pub(super) fn table(self, node: &'a Node<'a>, what: &str) -> Option<Table<'a>> {
        if let DeValue::Table(map) = node.get_ref() {
            return Some(Table { reader: self, map, at: node.span().into() });
        }
        self.complain(node.span(), format!("{what} is {}, it must be a table", kind(node.get_ref())));
        None
    }

    /// The value as a text; complains if it is none.
    pub(super) fn text(self, node: &'a Node<'a>, what: &str) -> Option<Text<'a>> {
        if let DeValue::String(text) = node.get_ref() {
            return Some(Text { text, at: node.span().into() });
        }
        self.complain(node.span(), format!("{what} is {}, it must be a string", kind(node.get_ref())));
        None
    }

    /// The value as a list; complains if it is none, or empty.
    pub(super) fn list(self, node: &'a Node<'a>, what: &str) -> Option<&'a [Node<'a>]> {
        let DeValue::Array(items) = node.get_ref() else {
            self.complain(node.span(), format!("{what} is {}, it must be a list", kind(node.get_ref())));
            return None;
        };
        Some(items.as_ref())
    }

    /// The value as a whole number that is allowed.
    pub(super) fn integer(
        self,
        node: &'a Node<'a>,
        what: &str,
        allowed: &RangeInclusive<i64>,
    ) -> Option<i64> {
        let DeValue::Integer(digits) = node.get_ref() else {
            self.complain(
                node.span(),
                format!("{what} is {}, it must be a whole number", kind(node.get_ref())),
            );
            return None;
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix());
        if let Some(number) = number.ok().filter(|number| allowed.contains(number)) {
            return Some(number);
        }
        let (low, high) = (allowed.start(), allowed.end());
        self.complain(node.span(), format!("{what} is {}, allowed are {low} to {high}", digits.as_str()));
        None
    }

    /// The value as true or false.
    pub(super) fn boolean(self, node: &'a Node<'a>, what: &str) -> Option<bool> {
        if let DeValue::Boolean(flag) = node.get_ref() {
            return Some(*flag);
        }
        self.complain(node.span(), format!("{what} is {}, it must be true or false", kind(node.get_ref())));
        None
    }
}

/// A table that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    pub(super) reader: Reader<'a>,
    map: &'a DeTable<'a>,
    pub(super) at: Place,
}

impl<'a> Table<'a> {
    pub(super) const fn new(reader: Reader<'a>, map: &'a DeTable<'a>, at: Place) -> Self {
        Self { reader, map, at }
    }

    /// The entries in the order in which they stand.
    pub(super) fn entries(&self) -> Vec<(Text<'a>, &'a Node<'a>)> {
        let mut entries: Vec<_> = self
            .map
            .iter()
            .map(|(key, value)| (Text { text: key.get_ref(), at: key.span().into() }, value))
            .collect();
        entries.sort_by_key(|(key, _)| key.at.start);
        entries
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Node<'a>> {
        self.map.get(key)
    }

    /// The place of a key.
    pub(super) fn key(&self, key: &str) -> Place {
        self.map.get_key_value(key).map_or(self.at, |(key, _)| key.span().into())
    }

    /// Complains about keys that have no meaning here.
    pub(super) fn allow(&self, what: &str, allowed: &[&str]) {
        for (key, _) in self.entries() {
            if !allowed.contains(&key.text) {
                let hint = suggestion(key.text, allowed.iter().copied());
                let allowed = listed(allowed.iter().copied());
                self.reader.complain(
                    key.at,
                    format!("{what} has no key `{}`{hint}; allowed are {allowed}", key.text),
                );
            }
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<Text<'a>> {
        self.get(key).and_then(|node| self.reader.text(node, &format!("`{key}`")))
    }

    pub(super) fn integer(&self, key: &str, allowed: RangeInclusive<i64>) -> Option<i64> {
        self.get(key).and_then(|node| self.reader.integer(node, &format!("`{key}`"), &allowed))
    }

    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(|node| self.reader.boolean(node, &format!("`{key}`")))
    }

    pub(super) fn list(&self, key: &str) -> Option<&'a [Node<'a>]> {
        self.get(key).and_then(|node| self.reader.list(node, &format!("`{key}`")))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let word = self.text(key)?;
        let found = words.iter().find(|(name, _)| *name == word.text).map(|(_, value)| *value);
        if found.is_none() {
            let names = words.iter().map(|(name, _)| *name);
            let hint = suggestion(word.text, names.clone());
            let message = format!("`{key}` is {:?}{hint}; allowed are {}", word.text, listed(names));
            self.reader.complain(word.at, message);
        }
        found
    }

    /// Complains if the key is missing.
    pub(super) fn require(&self, what: &str, key: &str) {
        if self.get(key).is_none() {
            self.reader.complain(self.head(), format!("{what} needs `{key}`"));
        }
    }

    /// The first line of the table, which stands for it.
    pub(super) fn head(&self) -> Place {
        let end = self.reader.source.text.get(self.at.start..).and_then(|rest| rest.find('\n'));
        Place {
            start: self.at.start,
            end: end.map_or(self.at.end, |len| self.at.start + len).min(self.at.end),
        }
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `` `a`, `b` ``
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
