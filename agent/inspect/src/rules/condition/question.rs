//! What is asked of a value: one operator and its operand.

use super::{Known, OPERATORS, operand::Operand};
use crate::rules::{
    complaint::suggestion,
    field::FieldType,
    read::{Table, listed},
    test::Test,
};

pub(super) struct Question {
    pub(super) test: Test,
    pub(super) negated: bool,
    pub(super) text: String,
}

impl Known<'_> {
    /// The operator and its operand.
    pub(super) fn question(
        &self,
        table: Table<'_>,
        own: &[&str],
        kind: &FieldType,
        words: &str,
    ) -> Option<Question> {
        let mut operators = Vec::new();
        for (key, node) in table.entries() {
            let bare = key.text.strip_prefix("not_").unwrap_or(key.text);
            if OPERATORS.contains(&bare) || key.text == "exists" {
                operators.push((key, bare, node));
            } else if key.text != "ignore_case" && !own.contains(&key.text) {
                let known: Vec<_> =
                    OPERATORS.iter().flat_map(|name| [(*name).to_owned(), format!("not_{name}")]).collect();
                let all = known.iter().map(String::as_str).chain(["exists", "ignore_case"]);
                let hint = suggestion(key.text, all);
                let message = format!(
                    "there is no operator `{}`{hint}; for {} there are {}",
                    key.text,
                    kind.as_str(),
                    operators_for(kind)
                );
                table.reader.complain(key.at, message);
                return None;
            }
        }
        let fold = table.boolean("ignore_case");
        let [(key, operator, node)] = *operators.as_slice() else {
            match operators.get(1) {
                Some((second, ..)) => table.reader.complain(
                    second.at,
                    "a second operator in one condition: put two conditions into `all` or `any`",
                ),
                None => table.reader.complain(
                    table.at,
                    format!("what about {words}? It needs an operator: {}", operators_for(kind)),
                ),
            }
            return None;
        };
        if operator == "exists" {
            if fold.is_some() {
                table.reader.complain(table.key("ignore_case"), "`ignore_case` has no meaning with `exists`");
            }
            let negated = !table.reader.boolean(node, "`exists`")?;
            return Some(Question { test: Test::Exists, negated, text: format!("{words} exists") });
        }
        if !fits(operator, kind) {
            let message = format!(
                "`{}` does not fit {words}, which is {}; there are {}",
                key.text,
                kind.as_str(),
                operators_for(kind)
            );
            table.reader.complain(key.at, message);
            return None;
        }
        let operand = Operand { known: self, table, operator, node, kind, fold };
        let (test, operand) = operand.test()?;
        let case = if fold == Some(true) { " (ignoring case)" } else { "" };
        let negated = operator != key.text;
        Some(Question { test, negated, text: format!("{words} {operator} {operand}{case}") })
    }
}

pub(super) fn is_test_key(key: &str) -> bool {
    let bare = key.strip_prefix("not_").unwrap_or(key);
    OPERATORS.contains(&bare) || matches!(key, "exists" | "ignore_case")
}

fn operators_for(kind: &FieldType) -> String {
    let fitting = OPERATORS.into_iter().filter(|name| fits(name, kind));
    let exists = matches!(kind, FieldType::Text | FieldType::Value).then_some("exists");
    format!("{}, each also with `not_`{}", listed(fitting), exists.map_or("", |_| ", and `exists`"))
}

/// What operators fit a value.
fn fits(operator: &str, kind: &FieldType) -> bool {
    match kind {
        FieldType::Value => true,
        FieldType::Text => !matches!(operator, "in_net" | "ge" | "le" | "gt" | "lt"),
        FieldType::Ip => matches!(operator, "equals" | "in_net" | "in_list"),
        FieldType::Number(_) => matches!(operator, "equals" | "in_list" | "ge" | "le" | "gt" | "lt"),
        FieldType::Choice(_) | FieldType::Flag => operator == "equals",
    }
}
