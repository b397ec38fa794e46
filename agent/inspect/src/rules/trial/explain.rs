//! Why the rules decided so.

use std::sync::Arc;

use super::Trial;
use crate::rules::{
    condition::Atom,
    decision::{ExplainedRule, Explanation, Outcome},
    index::Bit,
    program::Expr,
    set::StatementKind,
};

impl Trial<'_> {
    /// Each rule and each of its conditions. To be called after [`decide`](Self::decide).
    ///
    /// What a rule says that comes after the one that decided is what it would have said with the tags given until then.
    pub fn explain(&self) -> Explanation {
        let set = &self.bound.set;
        let rules = set.statements.iter().filter_map(|statement| {
            let heading = set.heading(statement.kind)?;
            let (kind, when) = match statement.kind {
                StatementKind::Exclude(_) => ("exclude", &heading.when),
                StatementKind::Rule(_) => ("rule", &heading.when),
                StatementKind::Limit(_) => ("rate_limit", &heading.when),
            };
            let when = match when {
                Some(_) => self.outcome(&statement.expr),
                None => Outcome { text: "always".to_owned(), holds: true, parts: Vec::new() },
            };
            let on_port = self.bound.is_on_port(heading);
            let matched = on_port && when.holds && self.is_asked(statement);
            Some(ExplainedRule { id: Arc::clone(&heading.id), kind, matched, when })
        });
        Explanation { rules: rules.collect() }
    }

    fn outcome(&self, expr: &Expr) -> Outcome {
        let questions = &self.bound.set.questions;
        let (text, parts) = match expr {
            Expr::Always => ("always".to_owned(), Vec::new()),
            Expr::All(parts) => ("all".to_owned(), parts.iter().map(|part| self.outcome(part)).collect()),
            Expr::Any(parts) => ("any".to_owned(), parts.iter().map(|part| self.outcome(part)).collect()),
            Expr::Not(part) => ("not".to_owned(), vec![self.outcome(part)]),
            Expr::Connection(bit) => (text_of(&questions.connection, *bit), Vec::new()),
            Expr::Message(bit) => (text_of(&questions.message, *bit), Vec::new()),
            Expr::Content(bit) => (text_of(&questions.content, *bit), Vec::new()),
        };
        Outcome { text, holds: self.holds(expr), parts }
    }
}

fn text_of(atoms: &[Arc<Atom>], bit: Bit) -> String {
    atoms.get(bit as usize).map(|atom| atom.text.clone()).unwrap_or_default()
}
