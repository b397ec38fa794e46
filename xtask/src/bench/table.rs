//! The results for people.

use super::load::Load;
use super::results::{Metric, Results};
use super::rows::Row;

/// Prints what was measured under one load.
pub(super) fn print(results: &Results, load: Load, rows: &[Row]) {
    println!("\n{}", load.name());
    for row in rows {
        let value = |metric| results.summary(load, *row, metric).map_or(f64::NAN, |summary| summary.median);
        println!(
            "{:<28} {:>9.0} msg/s  p50 {:>7.1} p99 {:>7.1} p99.9 {:>8.1} µs  CPU µs: hop {:>5.2} app {:>5.2} client {:>5.2} others {:>4.0} %",
            row.name(),
            value(Metric::MessagesPerSecond),
            value(Metric::P50),
            value(Metric::P99),
            value(Metric::P999),
            value(Metric::HopCpu),
            value(Metric::AppCpu),
            value(Metric::ClientCpu),
            100.0 * value(Metric::Others)
        );
    }
}
