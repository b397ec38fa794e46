//! The results for machines, and the verdict on the targets.

use serde_json::{Map, Value, json};

use super::environment;
use super::results::{Metric, Results};
use super::table;
use super::targets::Target;

/// Everything, each round included.
pub(super) fn json(results: &Results, targets: &[Target], environment: &[(&'static str, String)]) -> Value {
    let mut cells = Vec::new();
    for load in results.loads() {
        for row in load.rows() {
            let mut metrics = Map::new();
            for metric in Metric::ALL {
                let Some(summary) = results.summary(load, row, metric) else { continue };
                let rounds = results.each(load, row, metric);
                let value = json!({ "median": summary.median, "least": summary.least, "most": summary.most, "rounds": rounds });
                metrics.insert(metric.key().to_owned(), value);
            }
            cells.push(json!({ "load": load.name(), "row": row.name(), "metrics": metrics }));
        }
    }
    let targets: Vec<_> = targets
        .iter()
        .map(|target| {
            json!({ "what": target.what, "bound": target.bound(), "measured": target.measured, "met": target.met() })
        })
        .collect();
    json!({ "environment": environment::json(environment), "cells": cells, "targets": targets })
}

/// The targets that were measured, a line for each.
pub(super) fn of_targets(targets: &[Target]) -> String {
    let mut lines = vec![["Targets", "bound", "measured", ""].map(str::to_owned).to_vec()];
    for target in targets {
        let (Some(measured), Some(met)) = (target.measured, target.met()) else { continue };
        let verdict = if met { "met" } else { "missed" };
        lines.push(vec![target.what.clone(), target.bound(), format!("{measured:.2}"), verdict.to_owned()]);
    }
    table::aligned(&lines)
}
