//! From the text of rule files to rules.

mod action;
mod heading;
mod param;
mod policy;
mod rate_limit;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use toml::de::{DeTable, DeValue};

use super::{
    complaint::{Complaint, Complaints, Source},
    condition::{Known, Use},
    list::{Loader, read_lists},
    read::{Place, Reader, Table},
    redaction::Redaction,
    rule::{AttackThreshold, Exclude, RateLimit, Rule},
    signals::{SignalNames, is_tag},
};
use action::{ACTION, ACTIONS};
use heading::HEADING;
use policy::Policy;

pub(super) use action::DEFAULT_CLOSE_CODE;

/// Everything that the files say.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) signals: SignalNames,
    pub(super) rules: Vec<Rule>,
    pub(super) excludes: Vec<Exclude>,
    pub(super) limits: Vec<RateLimit>,
    pub(super) threshold: Option<AttackThreshold>,
    pub(super) policy: Policy,
    pub(super) redaction: Redaction,
    pub(super) max_keys: Option<usize>,
}

/// Reads all files.
pub(super) fn parse(files: &[(&str, &str)], loader: Loader<'_>) -> Result<Parsed, Vec<Complaint>> {
    let complaints = RefCell::new(Complaints::default());
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
    let mut partial = false;
    let documents: Vec<_> = sources
        .iter()
        .map(|source| {
            let (document, errors) = DeTable::parse_recoverable(source.text);
            partial |= !errors.is_empty();
            for error in &errors {
                let span = error.span().unwrap_or(0..0);
                complaints.borrow_mut().push(source.complaint(span, error.message().replace('\n', ", ")));
            }
            (document, errors.is_empty())
        })
        .collect();
    let tables: Vec<_> = sources
        .iter()
        .zip(&documents)
        .enumerate()
        .filter(|(_, (_, (_, sound)))| *sound)
        .map(|(file, (source, (document, _)))| {
            let reader = Reader { source, complaints: &complaints };
            (file, Table::new(reader, document.get_ref(), document.span().into()))
        })
        .collect();
    let mut signals = SignalNames::default();
    for (_, table) in &tables {
        table.allow("a rule file", &TOP);
        for section in ["rule", "rate_limit"] {
            add_tags(*table, section, &mut signals);
        }
    }
    let mut lists = HashMap::new();
    for (_, table) in &tables {
        if let Some(table) = section(*table, "lists") {
            read_lists(table, loader, &signals, partial, &mut lists);
        }
    }
    let known =
        Known { signals: &signals, lists: RefCell::new(lists), partial, regex_bytes: RefCell::new(0) };
    let mut reading = Reading {
        known,
        ids: HashMap::new(),
        rules: Vec::new(),
        excludes: Vec::new(),
        limits: Vec::new(),
        threshold: None,
        policy: Policy::default(),
        redaction: Redaction::default(),
        max_keys: None,
        set: HashSet::new(),
    };
    for (file, table) in &tables {
        reading.file(*file, *table);
    }
    let Reading { rules, excludes, limits, threshold, policy, redaction, max_keys, .. } = reading;
    let complaints = complaints.into_inner();
    if !complaints.is_empty() {
        return Err(complaints.finish());
    }
    Ok(Parsed { signals, rules, excludes, limits, threshold, policy, redaction, max_keys })
}

const TOP: [&str; 9] = [
    "rule",
    "exclude",
    "rate_limit",
    "attack_threshold",
    "signals",
    "port",
    "lists",
    "redaction",
    "counting",
];

/// A table of the file.
fn section<'a>(table: Table<'a>, key: &str) -> Option<Table<'a>> {
    table.reader.table(table.get(key)?, &format!("`{key}`"))
}

/// The tables of an array.
fn each<'a>(table: Table<'a>, key: &str, mut read: impl FnMut(Table<'a>)) {
    let Some(node) = table.get(key) else { return };
    let DeValue::Array(items) = node.get_ref() else {
        table
            .reader
            .complain(table.key(key), format!("write `[[{key}]]`, with two brackets: there may be several"));
        return;
    };
    for item in items.iter() {
        if table.reader.complaints.borrow().is_full() {
            break;
        }
        if let Some(table) = table.reader.table(item, &format!("`{key}`")) {
            read(table);
        }
    }
}

/// Adds the tags that rules give: a tag may be asked for in a file before. What is wrong is said when the rules are read.
fn add_tags(table: Table<'_>, key: &str, signals: &mut SignalNames) {
    let Some(DeValue::Array(items)) = table.get(key).map(|node| node.get_ref()) else { return };
    for item in items.iter() {
        if let DeValue::Table(rule) = item.get_ref()
            && let Some(DeValue::String(tag)) = rule.get("tag").map(|node| node.get_ref())
            && is_tag(tag)
        {
            signals.add(tag);
        }
    }
}

struct Reading<'a> {
    known: Known<'a>,
    /// Where each id was given.
    ids: HashMap<String, String>,
    rules: Vec<Rule>,
    excludes: Vec<Exclude>,
    limits: Vec<RateLimit>,
    threshold: Option<AttackThreshold>,
    policy: Policy,
    redaction: Redaction,
    max_keys: Option<usize>,
    /// Tables and keys that may be given once, and were.
    set: HashSet<String>,
}

impl Reading<'_> {
    fn file(&mut self, file: usize, table: Table<'_>) {
        each(table, "rule", |table| {
            table.allow("a rule", &[&HEADING[..], &ACTION].concat());
            let heading = self.heading(file, table, "a rule", Use::Rule);
            let does = self.does(table, "a rule", &ACTIONS);
            if let (Some(heading), Some(does)) = (heading, does) {
                self.rules.push(Rule { heading, does });
            }
        });
        each(table, "exclude", |table| self.exclude(file, table));
        each(table, "rate_limit", |table| self.rate_limit(file, table));
        if let Some(table) = section(table, "attack_threshold")
            && self.once(table, "attack_threshold", "`[attack_threshold]`", table.head())
        {
            self.attack_threshold(table);
        }
        if let Some(table) = section(table, "signals") {
            self.signal_policy(table, None);
        }
        if let Some(ports) = section(table, "port") {
            for (name, node) in ports.entries() {
                self.port(ports, name, node);
            }
        }
        if let Some(table) = section(table, "redaction") {
            self.redaction(table);
        }
        if let Some(table) = section(table, "counting")
            && self.once(table, "counting", "`[counting]`", table.head())
        {
            table.allow("`[counting]`", &["max_keys"]);
            let keys = table.integer("max_keys", 1000..=10_000_000);
            self.max_keys = keys.and_then(|keys| usize::try_from(keys).ok());
        }
    }

    /// Complains if this was there already.
    fn once(&mut self, table: Table<'_>, name: &str, what: &str, at: Place) -> bool {
        let first = self.set.insert(name.to_owned());
        if !first {
            table.reader.complain(at, format!("{what} is there already"));
        }
        first
    }
}
