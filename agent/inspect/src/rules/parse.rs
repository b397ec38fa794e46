//! From the text of rule files to rules.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use toml::de::{DeTable, DeValue};

use super::{
    complaint::{Complaint, Complaints, Source, suggestion},
    condition::{Known, Use},
    list::{Loader, read_lists},
    param_path::ParamPattern,
    read::{Node, Place, Reader, Table, Text, kind},
    redaction::{Redaction, Shape},
    rule::{
        AttackThreshold, Does, Exclude, Heading, Key, LogPolicy, RateLimit, Rule, RuleAction, RuleMode,
        SignalPolicy,
    },
    signals::{self, SIGNALS, SignalNames, is_tag},
};
use crate::detect::{Signal, SignalKind};

/// Longest reason of a Close frame, in bytes (RFC 6455 §5.5: 125 with the code).
const MAX_REASON: usize = 123;

/// The longest time that can be asked for: 31 days.
const MAX_SECONDS: i64 = 31 * 24 * 3600;

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

/// What signals do, for all ports and for some.
#[derive(Debug)]
pub(super) struct Policy {
    general: Vec<SignalPolicy>,
    ports: BTreeMap<u16, Vec<(usize, SignalPolicy)>>,
}

impl Default for Policy {
    fn default() -> Self {
        let of = |signal: &Signal| match (signal, signal.kind()) {
            (_, SignalKind::Attack) | (Signal::WsUninspected, _) => SignalPolicy::Block,
            (_, SignalKind::Anomaly) => SignalPolicy::Tag,
        };
        Self { general: SIGNALS.iter().map(of).collect(), ports: BTreeMap::new() }
    }
}

impl Policy {
    /// Whether it is what it is without any file.
    pub(super) fn is_default(&self) -> bool {
        self.ports.is_empty() && self.general == Self::default().general
    }

    /// What each signal does on a port.
    pub(super) fn on_port(&self, port: u16) -> Vec<SignalPolicy> {
        let mut policy = self.general.clone();
        for (signal, does) in self.ports.get(&port).into_iter().flatten() {
            if let Some(slot) = policy.get_mut(*signal) {
                *slot = *does;
            }
        }
        policy
    }

    /// The ports that have words of their own.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.keys().copied()
    }
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

const HEADING: [&str; 7] = ["id", "when", "enabled", "mode", "expires", "ports", "note"];
const ACTION: [&str; 5] = ["action", "tag", "close_code", "reason", "log"];

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

    fn heading(&mut self, file: usize, table: Table<'_>, what: &str, used: Use) -> Option<Heading> {
        table.require(what, "id");
        let id = table.text("id").and_then(|id| self.id(table, id));
        let enabled = table.boolean("enabled").unwrap_or(true);
        let mode = match table.get("mode") {
            Some(_) => table.choice("mode", &MODES),
            None => Some(RuleMode::Block),
        };
        // Inside: the value, outside: whether it is sound. What comes after a mistake is read all the same.
        let expires = table.get("expires").map_or(Some(None), |node| expiry(table, node).map(Some));
        let ports = table.get("ports").map_or(Some(None), |_| self.ports(table).map(Some));
        // A note is for people.
        let _ = table.text("note");
        let when = table.get("when").map_or(Some(None), |node| {
            let when = table.reader.table(node, "`when`")?;
            self.known.condition(when, used).map(Some)
        });
        let (expires, ports) = (expires?, ports?);
        Some(Heading { id: id?, when: when?, enabled, mode: mode?, expires, ports, file, at: table.head() })
    }

    fn id(&mut self, table: Table<'_>, id: Text<'_>) -> Option<Arc<str>> {
        let plain =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/' | ':');
        if id.text.is_empty() || id.text.len() > 100 || !id.text.chars().all(plain) {
            let message = "an id is made of 1 to 100 of the characters A-Z a-z 0-9 - _ . / :";
            table.reader.complain(id.at, message);
            return None;
        }
        let source = table.reader.source;
        let place = format!("{}:{}", source.name, source.line(id.at.start));
        if let Some(other) = self.ids.insert(id.text.to_owned(), place) {
            table.reader.complain(id.at, format!("the id `{}` is given already, at {other}", id.text));
            return None;
        }
        Some(id.text.into())
    }

    fn ports(&self, table: Table<'_>) -> Option<Vec<u16>> {
        let nodes = table.list("ports")?;
        if nodes.is_empty() {
            table.reader.complain(table.key("ports"), "`ports` is empty; leave it out for all ports");
            return None;
        }
        nodes
            .iter()
            .map(|node| {
                let port = table.reader.integer(node, "a port", &(1..=65535))?;
                u16::try_from(port).ok()
            })
            .collect()
    }

    fn does(&self, table: Table<'_>, what: &str, actions: &[(&str, RuleAction)]) -> Option<Does> {
        table.require(what, "action");
        let action = table.choice("action", actions);
        let log = match table.get("log") {
            Some(_) => table.choice(
                "log",
                &[("all", LogPolicy::All), ("sampled", LogPolicy::Sampled), ("none", LogPolicy::None)],
            ),
            None => Some(LogPolicy::All),
        };
        let action = action?;
        let mut sound = true;
        for (key, of) in
            [("tag", RuleAction::Tag), ("close_code", RuleAction::Block), ("reason", RuleAction::Block)]
        {
            if table.get(key).is_some() && action != of {
                let message = format!("`{key}` has a meaning with `action = \"{}\"` only", of.as_str());
                table.reader.complain(table.key(key), message);
                sound = false;
            }
        }
        let tag = match action {
            RuleAction::Tag => {
                table.require(&format!("{what} with `action = \"tag\"`"), "tag");
                Some(self.tag(table, table.text("tag")?)?)
            }
            RuleAction::Allow | RuleAction::Block | RuleAction::Log => None,
        };
        let close_code = match table.get("close_code") {
            Some(node) => close_code(table, node)?,
            None => DEFAULT_CLOSE_CODE,
        };
        let reason = match table.text("reason") {
            Some(reason) if reason.text.len() > MAX_REASON => {
                let message =
                    format!("`reason` has {} bytes, a Close frame takes {MAX_REASON}", reason.text.len());
                table.reader.complain(reason.at, message);
                return None;
            }
            Some(reason) => reason.text,
            None => "",
        };
        sound.then_some(Does { action, tag, close_code, reason: reason.into(), log: log? })
    }

    fn tag(&self, table: Table<'_>, tag: Text<'_>) -> Option<usize> {
        if !is_tag(tag.text) {
            let message = "a tag is made of 1 to 48 of the characters A-Z 0-9 -, such as `ADMIN-CALL`";
            table.reader.complain(tag.at, message);
            return None;
        }
        let id = self.known.signals.get(tag.text)?;
        if id < SIGNALS.len() {
            table.reader.complain(
                tag.at,
                format!("`{}` is a signal of a detector: give a name of your own", tag.text),
            );
            return None;
        }
        Some(id)
    }

    fn exclude(&mut self, file: usize, table: Table<'_>) {
        let keys = ["id", "when", "enabled", "expires", "ports", "note", "signals", "params"];
        table.allow("an exclusion", &keys);
        table.require("an exclusion", "signals");
        let heading = self.heading(file, table, "an exclusion", Use::Exclude);
        let mut signals = Vec::new();
        let nodes = table.list("signals").unwrap_or_default();
        if nodes.is_empty() && table.get("signals").is_some() {
            table.reader.complain(table.key("signals"), "`signals` is empty");
        }
        for node in nodes {
            let Some(name) = table.reader.text(node, "a signal") else { continue };
            match self.known.signal_id(table, name) {
                Some(id) if id >= SIGNALS.len() => {
                    let message = format!("`{}` is the tag of a rule: change that rule's `when`", name.text);
                    table.reader.complain(name.at, message);
                }
                Some(id) => signals.push(id),
                None => {}
            }
        }
        let params = self.patterns(table, "params");
        if let (Some(heading), Some(params)) = (heading, params) {
            self.excludes.push(Exclude { heading, signals, params });
        }
    }

    fn patterns(&self, table: Table<'_>, key: &str) -> Option<Vec<ParamPattern>> {
        let nodes = match table.get(key) {
            Some(_) => table.list(key)?,
            None => return Some(Vec::new()),
        };
        if nodes.is_empty() {
            table.reader.complain(table.key(key), format!("`{key}` is empty; leave it out for all"));
            return None;
        }
        nodes.iter().map(|node| self.known.pattern(table, table.reader.text(node, "a path")?)).collect()
    }

    fn rate_limit(&mut self, file: usize, table: Table<'_>) {
        let own = ["key", "threshold", "window_s", "duration_s", "applies_to"];
        table.allow("a rate limit", &[&HEADING[..], &ACTION, &own].concat());
        for key in ["key", "threshold", "window_s", "duration_s"] {
            table.require("a rate limit", key);
        }
        let heading = self.heading(file, table, "a rate limit", Use::Rule);
        let does = self.does(table, "a rate limit", &LIMIT_ACTIONS);
        let keys = self.keys(table);
        let threshold = table.integer("threshold", 1..=1_000_000).and_then(|n| u32::try_from(n).ok());
        let window_ms = seconds(table, "window_s");
        let duration_ms = seconds(table, "duration_s");
        let acts_on_all = match table.get("applies_to") {
            Some(_) => table.choice("applies_to", &[("matching", false), ("all", true)]),
            None => Some(false),
        };
        if let (Some(heading), Some(does), Some(keys), Some(threshold)) = (heading, does, keys, threshold)
            && let (Some(window_ms), Some(duration_ms), Some(acts_on_all)) =
                (window_ms, duration_ms, acts_on_all)
        {
            self.limits.push(RateLimit {
                heading,
                does,
                keys,
                threshold,
                window_ms,
                duration_ms,
                acts_on_all,
            });
        }
    }

    fn keys(&self, table: Table<'_>) -> Option<Vec<Key>> {
        let nodes = table.list("key")?;
        if !(1..=2).contains(&nodes.len()) {
            table.reader.complain(table.key("key"), "a rate limit counts by one key or two");
            return None;
        }
        let keys: Option<Vec<_>> = nodes.iter().map(|node| self.key(table, node)).collect();
        let keys = keys?;
        if let [first, second] = keys.as_slice()
            && first == second
        {
            table.reader.complain(table.key("key"), "the two keys are the same");
            return None;
        }
        Some(keys)
    }

    fn key(&self, table: Table<'_>, node: &Node<'_>) -> Option<Key> {
        let text = table.reader.text(node, "a key")?;
        let named = text.text.split_once(':').filter(|(_, name)| !name.is_empty());
        match (text.text, named) {
            ("client.ip", _) => Some(Key::ClientIp),
            ("connection", _) => Some(Key::Connection),
            (_, Some(("header", name))) => Some(Key::Header(name.to_ascii_lowercase())),
            (_, Some(("cookie", name))) => Some(Key::Cookie(name.to_owned())),
            (_, Some(("param", path))) => {
                self.known.pattern(table, Text { text: path, at: text.at }).map(Key::Param)
            }
            _ => {
                let hint = suggestion(text.text, ["client.ip", "connection"]);
                let message = format!(
                    "{:?} is not a key{hint}; allowed are `client.ip`, `connection`, `header:NAME`, `cookie:NAME`, `param:PATH`",
                    text.text
                );
                table.reader.complain(text.at, message);
                None
            }
        }
    }

    fn attack_threshold(&mut self, table: Table<'_>) {
        let windows = [("per_1_min", 1), ("per_10_min", 10), ("per_60_min", 60)];
        let keys = ["per_1_min", "per_10_min", "per_60_min", "flag_s", "block", "mode"];
        table.allow("`[attack_threshold]`", &keys);
        let counts: Vec<(u32, u64)> = windows
            .iter()
            .filter_map(|(key, minutes)| {
                let count = u32::try_from(table.integer(key, 1..=1_000_000)?).ok()?;
                Some((count, minutes * 60_000))
            })
            .collect();
        if windows.iter().all(|(key, _)| table.get(key).is_none()) {
            table.reader.complain(
                table.head(),
                "`[attack_threshold]` needs `per_1_min`, `per_10_min` or `per_60_min`",
            );
        }
        let flag_ms = match table.get("flag_s") {
            Some(_) => seconds(table, "flag_s"),
            None => Some(24 * 3_600_000),
        };
        let blocks_all = match table.get("block") {
            Some(_) => table.choice("block", &[("attacks", false), ("all", true)]),
            None => Some(false),
        };
        let mode = match table.get("mode") {
            Some(_) => table.choice("mode", &MODES),
            None => Some(RuleMode::Block),
        };
        if let (Some(flag_ms), Some(blocks_all), Some(mode)) = (flag_ms, blocks_all, mode) {
            self.threshold = Some(AttackThreshold { windows: counts, flag_ms, blocks_all, mode });
        }
    }

    fn port(&mut self, ports: Table<'_>, name: Text<'_>, node: &Node<'_>) {
        let number = name.text.parse::<u16>().ok().filter(|port| *port > 0 && name.text == port.to_string());
        let Some(number) = number else {
            ports.reader.complain(name.at, format!("`{}` is not a port, 1 to 65535", name.text));
            return;
        };
        let Some(table) = ports.reader.table(node, &format!("`port.{number}`")) else { return };
        table.allow(&format!("`port.{number}`"), &["signals"]);
        table.require(&format!("`port.{number}`"), "signals");
        if let Some(table) = section(table, "signals") {
            self.signal_policy(table, Some(number));
        }
    }

    fn signal_policy(&mut self, table: Table<'_>, port: Option<u16>) {
        let policies =
            [("block", SignalPolicy::Block), ("tag", SignalPolicy::Tag), ("ignore", SignalPolicy::Ignore)];
        for (name, _) in table.entries() {
            let detectors = SIGNALS.iter().map(|signal| signal.as_str());
            let Some(signal) = SIGNALS.iter().find(|signal| signal.as_str() == name.text) else {
                let message = match self.known.signals.get(name.text) {
                    Some(_) => format!("`{}` is the tag of a rule: write what it does as a rule", name.text),
                    None => format!(
                        "no detector has the signal `{}`{}",
                        name.text,
                        suggestion(name.text, detectors)
                    ),
                };
                table.reader.complain(name.at, message);
                continue;
            };
            let Some(policy) = table.choice(name.text, &policies) else { continue };
            let key = format!("{port:?} {}", name.text);
            if !self.once(table, &key, &format!("what `{}` does", name.text), name.at) {
                continue;
            }
            let id = signals::id(*signal);
            match port {
                Some(port) => self.policy.ports.entry(port).or_default().push((id, policy)),
                None => {
                    if let Some(slot) = self.policy.general.get_mut(id) {
                        *slot = policy;
                    }
                }
            }
        }
    }

    fn redaction(&mut self, table: Table<'_>) {
        table.allow("`[redaction]`", &["names", "shown_names", "shapes"]);
        if !self.once(table, "redaction", "`[redaction]`", table.head()) {
            return;
        }
        let texts = |key: &str| -> Vec<Text<'_>> {
            let nodes = table.list(key).unwrap_or_default();
            nodes.iter().filter_map(|node| table.reader.text(node, "an entry")).collect()
        };
        for name in texts("names") {
            if !self.redaction.hide(name.text) {
                table.reader.complain(name.at, "a name needs at least one letter or digit");
            }
        }
        for name in texts("shown_names") {
            if !self.redaction.show(name.text) {
                let message = format!("`{}` is not among the names that are hidden anyway", name.text);
                table.reader.complain(name.at, message);
            }
        }
        if table.get("shapes").is_none() {
            return;
        }
        let mut shapes = Vec::new();
        for text in texts("shapes") {
            let names = Shape::ALL.iter().map(|shape| shape.as_str());
            match Shape::ALL.iter().find(|shape| shape.as_str() == text.text) {
                Some(shape) => shapes.push(*shape),
                None => {
                    let hint = suggestion(text.text, names.clone());
                    let message = format!(
                        "there is no shape `{}`{hint}; there are {}",
                        text.text,
                        super::read::listed(names)
                    );
                    table.reader.complain(text.at, message);
                }
            }
        }
        self.redaction.shapes(&shapes);
    }
}

/// Policy violation (RFC 6455 §7.4.1).
pub(super) const DEFAULT_CLOSE_CODE: u16 = 1008;

const MODES: [(&str, RuleMode); 3] =
    [("block", RuleMode::Block), ("log", RuleMode::Log), ("off", RuleMode::Off)];

const ACTIONS: [(&str, RuleAction); 4] = [
    ("allow", RuleAction::Allow),
    ("block", RuleAction::Block),
    ("tag", RuleAction::Tag),
    ("log", RuleAction::Log),
];

const LIMIT_ACTIONS: [(&str, RuleAction); 3] =
    [("block", RuleAction::Block), ("tag", RuleAction::Tag), ("log", RuleAction::Log)];

/// Milliseconds of a key in seconds.
fn seconds(table: Table<'_>, key: &str) -> Option<u64> {
    let seconds = table.integer(key, 1..=MAX_SECONDS)?;
    u64::try_from(seconds).ok().map(|seconds| seconds * 1000)
}

/// A code that may stand in a Close frame (RFC 6455 §7.4).
fn close_code(table: Table<'_>, node: &Node<'_>) -> Option<u16> {
    let code = table.reader.integer(node, "`close_code`", &(1000..=4999))?;
    let code = u16::try_from(code).ok()?;
    if matches!(code, 1004..=1006 | 1015..=2999) {
        let message = format!(
            "{code} must not stand in a Close frame; allowed are 1000 to 1003, 1007 to 1014, 3000 to 4999"
        );
        table.reader.complain(node.span(), message);
        return None;
    }
    Some(code)
}

/// Seconds since 1970 of a date (its beginning in UTC) or of a time with an offset (RFC 3339).
fn expiry(table: Table<'_>, node: &Node<'_>) -> Option<u64> {
    let expected = "`expires` must be a date, or a time with its offset, without quotation marks: 2027-01-31 or 2027-01-31T18:00:00Z";
    let DeValue::Datetime(written) = node.get_ref() else {
        table.reader.complain(node.span(), format!("{expected}; this is {}", kind(node.get_ref())));
        return None;
    };
    let offset_s = match (written.time, written.offset) {
        (None, _) => Some(0),
        (Some(_), Some(offset)) => offset_s(&offset.to_string()),
        (Some(_), None) => None,
    };
    let (Some(date), Some(offset_s)) = (written.date, offset_s) else {
        table.reader.complain(node.span(), expected);
        return None;
    };
    let time_s = written.time.map_or(0, |time| {
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or_default())
    });
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let seconds = days * 86_400 + time_s - offset_s;
    // Before 1970 is past, like 1970.
    Some(u64::try_from(seconds).unwrap_or_default())
}

/// Seconds of `Z`, `+02:00` or `-03:30`.
fn offset_s(offset: &str) -> Option<i64> {
    if offset.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = offset.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// By Howard Hinnant's `days_from_civil`: years begin in March, so that the odd day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        assert_eq!(days_since_1970(2000, 2, 29), 11_016);
        assert_eq!(days_since_1970(2026, 11, 22), 20_779);
        assert_eq!(days_since_1970(1969, 12, 31), -1);
    }
}
