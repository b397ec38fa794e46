//! What a rule, an exclusion and a rate limit have in common: an id, a condition, a mode, an expiry, ports.

use std::sync::Arc;

use toml::de::DeValue;

use super::Reading;
use crate::rules::{
    condition::Use,
    read::{Node, Table, Text, kind},
    rule::{Heading, RuleMode},
};

pub(super) const HEADING: [&str; 7] = ["id", "when", "enabled", "mode", "expires", "ports", "note"];

pub(super) const MODES: [(&str, RuleMode); 3] =
    [("block", RuleMode::Block), ("log", RuleMode::Log), ("off", RuleMode::Off)];

impl Reading<'_> {
    pub(super) fn heading(
        &mut self,
        file: usize,
        table: Table<'_>,
        what: &str,
        used: Use,
    ) -> Option<Heading> {
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
