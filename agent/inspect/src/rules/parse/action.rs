//! What a rule or a rate limit does.

use super::Reading;
use crate::rules::{
    read::{Node, Table, Text},
    rule::{Does, LogPolicy, RuleAction},
    signals::{SIGNALS, is_tag},
};

/// Policy violation (RFC 6455 §7.4.1).
pub(in crate::rules) const DEFAULT_CLOSE_CODE: u16 = 1008;

/// Longest reason of a Close frame, in bytes (RFC 6455 §5.5: 125 with the code).
const MAX_REASON: usize = 123;

pub(super) const ACTION: [&str; 5] = ["action", "tag", "close_code", "reason", "log"];

pub(super) const ACTIONS: [(&str, RuleAction); 4] = [
    ("allow", RuleAction::Allow),
    ("block", RuleAction::Block),
    ("tag", RuleAction::Tag),
    ("log", RuleAction::Log),
];

pub(super) const LIMIT_ACTIONS: [(&str, RuleAction); 3] =
    [("block", RuleAction::Block), ("tag", RuleAction::Tag), ("log", RuleAction::Log)];

impl Reading<'_> {
    pub(super) fn does(&self, table: Table<'_>, what: &str, actions: &[(&str, RuleAction)]) -> Option<Does> {
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
