//! Conditions as they are written, and what they mean.

mod operand;
mod question;

use std::{cell::RefCell, collections::HashMap, fmt::Write, sync::Arc};

use super::{
    complaint::suggestion,
    field::{Field, FieldType, Multi, Part, Scope},
    list::List,
    param_path::ParamPattern,
    read::{Table, Text, listed},
    signals::{SignalId, SignalNames},
    test::Test,
};
use question::is_test_key;

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 32;

/// When a rule matches.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Is(Arc<Atom>),
}

/// One question.
#[derive(Debug)]
pub(super) struct Atom {
    pub(super) subject: Subject,
    pub(super) test: Test,
    /// The question in words; equal questions have equal words.
    pub(super) text: String,
}

/// What a question is about.
#[derive(Debug)]
pub(super) enum Subject {
    Field(Field),
    /// In lower case.
    Header(String),
    Query(String),
    Cookie(String),
    Param(ParamPattern),
    Signal {
        id: SignalId,
        in_param: Option<ParamPattern>,
    },
    /// One of the values for which all of this holds.
    Some {
        of: Multi,
        matching: ItemCondition,
    },
}

/// A condition on one of several values.
#[derive(Debug)]
pub(super) enum ItemCondition {
    All(Vec<ItemCondition>),
    Any(Vec<ItemCondition>),
    Not(Box<ItemCondition>),
    Is { part: Part, test: Test },
}

impl Subject {
    pub(super) const fn scope(&self) -> Scope {
        match self {
            Self::Field(field) => field.scope(),
            Self::Header(_) | Self::Query(_) | Self::Cookie(_) => Scope::Connection,
            Self::Param(_) | Self::Signal { .. } => Scope::Content,
            Self::Some { of, .. } => of.scope(),
        }
    }
}

/// What conditions may name.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) signals: &'a SignalNames,
    pub(super) lists: RefCell<HashMap<String, List>>,
    /// Whether names may be unknown because another file could not be read.
    pub(super) partial: bool,
    pub(super) regex_bytes: RefCell<usize>,
}

/// Where a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// In a rule or a limit.
    Rule,
    /// In an exclusion, which is decided before signals are known.
    Exclude,
}

const GROUPS: [&str; 3] = ["all", "any", "not"];
const SUBJECTS: [&str; 8] = ["field", "param", "header", "query", "cookie", "signal", "some", "none"];
pub(super) const OPERATORS: [&str; 12] = [
    "equals",
    "contains",
    "starts_with",
    "ends_with",
    "like",
    "matches",
    "in_list",
    "in_net",
    "ge",
    "le",
    "gt",
    "lt",
];

impl Known<'_> {
    /// Reads a condition; `None` after a complaint.
    pub(super) fn condition(&self, table: Table<'_>, used: Use) -> Option<Condition> {
        self.nested(table, used, 0)
    }

    fn nested(&self, table: Table<'_>, used: Use, depth: usize) -> Option<Condition> {
        match self.head(table, &[&GROUPS[..], &SUBJECTS].concat(), "condition", depth)? {
            Head::Group(group) => {
                let parts = group.parts(|part| self.nested(part, used, depth + 1))?;
                Some(match group.name {
                    "all" => Condition::All(parts),
                    "any" => Condition::Any(parts),
                    _ => Condition::Not(Box::new(parts.into_iter().next()?)),
                })
            }
            Head::Subject("some" | "none") => self.some(table, used),
            Head::Subject("signal") => self.signal(table, used),
            Head::Subject(subject) => {
                let name = table.text(subject)?;
                let (subject, kind, words) = self.subject(table, subject, name)?;
                let question = self.question(table, &[subject_key(&subject)], &kind, &words)?;
                let atom = Atom { subject, test: question.test, text: question.text };
                let is = Condition::Is(Arc::new(atom));
                Some(if question.negated { Condition::Not(Box::new(is)) } else { is })
            }
        }
    }

    fn subject(&self, table: Table<'_>, key: &str, name: Text<'_>) -> Option<(Subject, FieldType, String)> {
        let words = |name: &str| format!("{key} {name:?}");
        Some(match key {
            "field" => {
                let Some(field) = Field::named(name.text) else {
                    let names = Field::ALL.iter().map(|field| field.as_str());
                    let hint = suggestion(name.text, names.clone());
                    let message =
                        format!("there is no field `{}`{hint}; there are {}", name.text, listed(names));
                    table.reader.complain(name.at, message);
                    return None;
                };
                (Subject::Field(field), field.kind(), field.as_str().to_owned())
            }
            "param" => {
                let pattern = self.pattern(table, name)?;
                (Subject::Param(pattern), FieldType::Value, words(name.text))
            }
            _ if name.text.is_empty() => {
                table.reader.complain(name.at, format!("the name of a {key} is empty"));
                return None;
            }
            "header" => {
                let lower = name.text.to_ascii_lowercase();
                let words = words(&lower);
                (Subject::Header(lower), FieldType::Value, words)
            }
            "query" => (Subject::Query(name.text.to_owned()), FieldType::Value, words(name.text)),
            _ => (Subject::Cookie(name.text.to_owned()), FieldType::Value, words(name.text)),
        })
    }

    pub(super) fn pattern(&self, table: Table<'_>, path: Text<'_>) -> Option<ParamPattern> {
        let pattern = ParamPattern::parse(path.text);
        pattern.map_err(|error| table.reader.complain(path.at, error)).ok()
    }

    fn signal(&self, table: Table<'_>, used: Use) -> Option<Condition> {
        table.allow("a condition on a signal", &["signal", "in_param"]);
        let name = table.text("signal")?;
        if !self.allows_signals(table, used, "signal") {
            return None;
        }
        let id = self.signal_id(table, name)?;
        let mut text = format!("signal {}", name.text);
        let in_param = match table.text("in_param") {
            Some(path) => {
                let _ = write!(text, " in param {:?}", path.text);
                Some(self.pattern(table, path)?)
            }
            None => None,
        };
        Some(Condition::Is(Arc::new(Atom {
            subject: Subject::Signal { id, in_param },
            test: Test::Exists,
            text,
        })))
    }

    fn allows_signals(&self, table: Table<'_>, used: Use, key: &str) -> bool {
        if used == Use::Exclude {
            let message = "an exclusion is decided before signals are known: name them in `signals`";
            table.reader.complain(table.key(key), message);
        }
        used != Use::Exclude
    }

    /// The signal with that name; complains if there is none.
    pub(super) fn signal_id(&self, table: Table<'_>, name: Text<'_>) -> Option<SignalId> {
        let id = self.signals.get(name.text);
        if id.is_none() && !self.partial {
            let hint = suggestion(name.text, self.signals.iter());
            let message = format!("there is no signal `{}`{hint}, and no rule gives this tag", name.text);
            table.reader.complain(name.at, message);
        }
        id
    }

    /// `{ some = "param", where = { all = [..] } }`
    fn some(&self, table: Table<'_>, used: Use) -> Option<Condition> {
        let key = if table.get("some").is_some() { "some" } else { "none" };
        table.allow("this condition", &[key, "where"]);
        let words: Vec<_> = Multi::ALL.iter().map(|of| (of.as_str(), *of)).collect();
        let of = table.choice(key, &words)?;
        if of == Multi::Signal && !self.allows_signals(table, used, key) {
            return None;
        }
        table.require("this condition", "where");
        let condition = table.reader.table(table.get("where")?, "`where`")?;
        let mut text = format!("some {} where ", of.as_str());
        let matching = self.item(condition, of, 0, &mut text)?;
        let atom = Atom { subject: Subject::Some { of, matching }, test: Test::Exists, text };
        let is = Condition::Is(Arc::new(atom));
        Some(if key == "none" { Condition::Not(Box::new(is)) } else { is })
    }

    fn item(&self, table: Table<'_>, of: Multi, depth: usize, words: &mut String) -> Option<ItemCondition> {
        match self.head(table, &["all", "any", "not", "field"], "condition inside `where`", depth)? {
            Head::Group(group) => {
                let _ = write!(words, "{}(", group.name);
                let parts = group.parts(|part| {
                    let item = self.item(part, of, depth + 1, words);
                    words.push_str("; ");
                    item
                })?;
                words.truncate(words.trim_end_matches("; ").len());
                words.push(')');
                Some(match group.name {
                    "all" => ItemCondition::All(parts),
                    "any" => ItemCondition::Any(parts),
                    _ => ItemCondition::Not(Box::new(parts.into_iter().next()?)),
                })
            }
            Head::Subject(_) => {
                let choices: Vec<_> = of.parts().iter().map(|part| (part.as_str(), *part)).collect();
                let part = table.choice("field", &choices)?;
                let question = self.question(table, &["field"], &part.kind(), part.as_str())?;
                words.push_str(if question.negated { "not " } else { "" });
                words.push_str(&question.text);
                let is = ItemCondition::Is { part, test: question.test };
                Some(if question.negated { ItemCondition::Not(Box::new(is)) } else { is })
            }
        }
    }

    /// The one key that says what a condition is.
    fn head<'a>(
        &self,
        table: Table<'a>,
        heads: &[&'static str],
        what: &str,
        depth: usize,
    ) -> Option<Head<'a>> {
        if depth > MAX_DEPTH {
            table.reader.complain(table.at, format!("conditions are nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        let entries = table.entries();
        let mut found = entries
            .iter()
            .filter_map(|(key, _)| heads.iter().find(|head| **head == key.text).map(|head| (*head, key.at)));
        let Some((head, _)) = found.next() else {
            let unknown = entries.iter().find(|(key, _)| !is_test_key(key.text)).map(|(key, _)| *key);
            let hint = unknown.map_or_else(String::new, |key| suggestion(key.text, heads.iter().copied()));
            let at = unknown.map_or(table.at, |key| key.at);
            let message = format!(
                "this {what} says nothing about what is asked{hint}: it needs one of {}",
                listed(heads.iter().copied())
            );
            table.reader.complain(at, message);
            return None;
        };
        if let Some((second, at)) = found.next() {
            let message = format!(
                "`{head}` and `{second}` in one condition: put two into `all = [{{ .. }}, {{ .. }}]` or `any`"
            );
            table.reader.complain(at, message);
            return None;
        }
        if !GROUPS.contains(&head) {
            return Some(Head::Subject(head));
        }
        table.allow(&format!("a group with `{head}`"), &[head]);
        Some(Head::Group(Group { table, name: head }))
    }
}

fn subject_key(subject: &Subject) -> &'static str {
    match subject {
        Subject::Field(_) => "field",
        Subject::Header(_) => "header",
        Subject::Query(_) => "query",
        Subject::Cookie(_) => "cookie",
        Subject::Param(_) => "param",
        Subject::Signal { .. } => "signal",
        Subject::Some { .. } => "some",
    }
}

enum Head<'a> {
    Group(Group<'a>),
    Subject(&'static str),
}

struct Group<'a> {
    table: Table<'a>,
    name: &'static str,
}

impl Group<'_> {
    /// All parts are read, so that all mistakes are found.
    fn parts<T>(&self, mut read: impl FnMut(Table<'_>) -> Option<T>) -> Option<Vec<T>> {
        let node = self.table.get(self.name)?;
        let reader = self.table.reader;
        if self.name == "not" {
            return read(reader.table(node, "`not`")?).map(|part| vec![part]);
        }
        let what = format!("`{}`", self.name);
        let items = reader.list(node, &what)?;
        if items.is_empty() {
            reader.complain(node.span(), format!("{what} is empty"));
            return None;
        }
        let parts: Vec<_> =
            items.iter().map(|item| reader.table(item, "a condition").and_then(&mut read)).collect();
        parts.into_iter().collect()
    }
}
