//! What is said of parameters: which signals are excluded there, and which values are not shown.

use super::Reading;
use crate::rules::{
    complaint::suggestion,
    condition::Use,
    param_path::ParamPattern,
    read::{Table, Text, listed},
    redaction::Shape,
    rule::Exclude,
    signals::SIGNALS,
};

impl Reading<'_> {
    pub(super) fn exclude(&mut self, file: usize, table: Table<'_>) {
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

    pub(super) fn redaction(&mut self, table: Table<'_>) {
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
                    let message =
                        format!("there is no shape `{}`{hint}; there are {}", text.text, listed(names));
                    table.reader.complain(text.at, message);
                }
            }
        }
        self.redaction.shapes(&shapes);
    }
}
