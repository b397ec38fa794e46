//! Named lists: `[lists.office]`.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use toml::de::DeValue;

use super::{
    complaint::{Complaints, Source, suggestion},
    like::{Like, LikeForm},
    net::{Net, NetSet},
    number::Number,
    pattern::Pattern,
    read::{Place, Reader, Table, kind},
    signals::SignalNames,
    test::Test,
    text_map::TextMap,
};

/// Gives the text of a list's file: its name as it is written, and the name of the rule file in which it is written.
pub type Loader<'a> = &'a dyn Fn(&str, &str) -> Result<String, String>;

/// What the entries of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListType {
    String,
    Wildcard,
    Ip,
    Number,
    Signal,
}

const TYPES: [(&str, ListType); 5] = [
    ("string", ListType::String),
    ("wildcard", ListType::Wildcard),
    ("ip", ListType::Ip),
    ("number", ListType::Number),
    ("signal", ListType::Signal),
];

/// A list of a rule file.
#[derive(Debug)]
pub(super) struct List {
    pub(super) kind: ListType,
    /// With case, and without if a condition asked for it.
    tests: [Option<Test>; 2],
    entries: Vec<String>,
}

impl List {
    /// The test whether a value is in the list.
    pub(super) fn test(&mut self, fold: bool) -> Test {
        let Self { kind, tests, entries } = self;
        let slot = if fold { &mut tests[1] } else { &mut tests[0] };
        slot.get_or_insert_with(|| compiled(*kind, entries, fold)).clone()
    }
}

impl ListType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Wildcard => "wildcard",
            Self::Ip => "ip",
            Self::Number => "number",
            Self::Signal => "signal",
        }
    }
}

/// Reads the `[lists]` of one file into `lists`.
pub(super) fn read_lists(
    table: Table<'_>,
    loader: Loader<'_>,
    signals: &SignalNames,
    partial: bool,
    lists: &mut HashMap<String, List>,
) {
    for (name, node) in table.entries() {
        let what = format!("list `{}`", name.text);
        let Some(table) = table.reader.table(node, &what) else { continue };
        if lists.contains_key(name.text) {
            table.reader.complain(name.at, format!("there is a list `{}` already", name.text));
            continue;
        }
        table.allow(&what, &["type", "values", "file"]);
        table.require(&what, "type");
        let Some(kind) = table.choice("type", &TYPES) else { continue };
        let mut list = List { kind, tests: [None, None], entries: Vec::new() };
        let checker = Checker { kind, signals, partial };
        match (table.get("values"), table.text("file")) {
            (Some(_), Some(_)) => {
                table
                    .reader
                    .complain(table.key("file"), format!("{what} has `values` or a `file`, not both"));
            }
            (Some(_), None) => list.entries = inline(table, &checker),
            (None, Some(file)) => {
                let (reader, from) = (table.reader, table.reader.source.name);
                match loader(file.text, from) {
                    Ok(text) => list.entries = from_file(file.text, &text, &checker, reader.complaints),
                    Err(error) => reader.complain(file.at, format!("cannot read {:?}: {error}", file.text)),
                }
            }
            (None, None) if table.get("file").is_none() => {
                table.reader.complain(table.head(), format!("{what} needs `values` or a `file`"));
            }
            (None, None) => {}
        }
        lists.insert(name.text.to_owned(), list);
    }
}

fn inline(table: Table<'_>, checker: &Checker<'_>) -> Vec<String> {
    let mut entries = Vec::new();
    for node in table.list("values").unwrap_or_default() {
        let entry = match node.get_ref() {
            DeValue::Integer(number) if checker.kind == ListType::Number => {
                table.reader.integer(node, "an entry", &(i64::MIN..=i64::MAX)).map(|_| {
                    i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_default().to_string()
                })
            }
            DeValue::Float(number) if checker.kind == ListType::Number => Some(number.as_str().to_owned()),
            DeValue::String(text) if checker.kind != ListType::Number => Some(text.clone().into_owned()),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                let (wrong, kind) = (kind(node.get_ref()), checker.kind.as_str());
                table.reader.complain(node.span(), format!("{wrong} cannot be in a list of type `{kind}`"));
                None
            }
        };
        let Some(entry) = entry else { continue };
        match checker.check(&entry) {
            Ok(()) => entries.push(entry),
            Err(error) => table.reader.complain(node.span(), error),
        }
    }
    entries
}

/// One entry a line; blanks around it are left out, and lines that are empty or begin with `#`.
fn from_file(name: &str, text: &str, checker: &Checker<'_>, complaints: &RefCell<Complaints>) -> Vec<String> {
    let source = Source::new(name, text);
    let reader = Reader { source: &source, complaints };
    let mut entries = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let entry = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if entry.is_empty() || entry.starts_with('#') {
            continue;
        }
        match checker.check(entry) {
            Ok(()) => entries.push(entry.to_owned()),
            Err(error) => reader.complain(Place { start: at, end: at + entry.len() }, error),
        }
    }
    entries
}

/// Whether a text can be an entry.
struct Checker<'a> {
    kind: ListType,
    signals: &'a SignalNames,
    /// Whether names may be unknown because another file could not be read.
    partial: bool,
}

impl Checker<'_> {
    fn check(&self, entry: &str) -> Result<(), String> {
        match self.kind {
            ListType::String => Ok(()),
            ListType::Wildcard => match Like::parse(entry, false)? {
                LikeForm::Pieces(_) => Ok(()),
                LikeForm::Regex(regex) => Pattern::parse(&regex, false).map(|_| ()),
            },
            ListType::Ip => Net::parse(entry).map(|_| ()),
            ListType::Number => Number::parse(entry.as_bytes())
                .map(|_| ())
                .ok_or_else(|| format!("{entry:?} is not a number")),
            ListType::Signal if self.partial || self.signals.get(entry).is_some() => Ok(()),
            ListType::Signal => {
                Err(format!("there is no signal `{entry}`{}", suggestion(entry, self.signals.iter())))
            }
        }
    }
}

fn compiled(kind: ListType, entries: &[String], fold: bool) -> Test {
    let texts = |fold: bool| -> Arc<TextMap<()>> {
        let lower = |entry: &String| entry.to_ascii_lowercase();
        Arc::new(match fold {
            true => entries.iter().map(lower).collect::<Vec<_>>().iter().map(String::as_bytes).collect(),
            false => entries.iter().map(String::as_bytes).collect(),
        })
    };
    match kind {
        // Letters beyond ASCII are compared as they stand.
        ListType::String => Test::Strings { list: texts(fold), fold },
        ListType::Signal => Test::Strings { list: texts(false), fold: false },
        ListType::Wildcard => Test::OneOf(
            entries
                .iter()
                .filter_map(|entry| match Like::parse(entry, fold).ok()? {
                    LikeForm::Pieces(like) => Some(Test::Like { like, fold }),
                    LikeForm::Regex(regex) => Pattern::parse(&regex, fold).ok().map(Test::Matches),
                })
                .collect(),
        ),
        ListType::Ip => {
            Test::Nets(Arc::new(NetSet::new(entries.iter().filter_map(|entry| Net::parse(entry).ok()))))
        }
        ListType::Number => {
            let mut numbers: Vec<_> =
                entries.iter().filter_map(|entry| Number::parse(entry.as_bytes())).collect();
            numbers.sort_by(|a, b| a.compare(*b));
            Test::Numbers(numbers.into())
        }
    }
}
