//! What counts: `[[rate_limit]]` and `[attack_threshold]`.

use super::{
    Reading,
    action::{ACTION, LIMIT_ACTIONS},
    heading::{HEADING, MODES},
};
use crate::rules::{
    complaint::suggestion,
    condition::Use,
    read::{Node, Table, Text},
    rule::{AttackThreshold, Key, RateLimit, RuleMode},
};

/// The longest time that can be asked for: 31 days.
const MAX_SECONDS: i64 = 31 * 24 * 3600;

impl Reading<'_> {
    pub(super) fn rate_limit(&mut self, file: usize, table: Table<'_>) {
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

    pub(super) fn attack_threshold(&mut self, table: Table<'_>) {
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
}

/// Milliseconds of a key in seconds.
fn seconds(table: Table<'_>, key: &str) -> Option<u64> {
    let seconds = table.integer(key, 1..=MAX_SECONDS)?;
    u64::try_from(seconds).ok().map(|seconds| seconds * 1000)
}
