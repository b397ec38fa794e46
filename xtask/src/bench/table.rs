//! The results for people.

use super::load::Load;
use super::results::{Metric, Results};
use super::rows::Row;

/// What was measured under one load, a line for each row.
pub(super) fn of_load(results: &Results, load: Load) -> String {
    let rows = load.rows();
    let columns: Vec<_> = Metric::ALL
        .into_iter()
        .filter(|metric| rows.iter().any(|row| results.summary(load, *row, *metric).is_some()))
        .collect();
    let mut lines = vec![head(load, &columns)];
    lines.extend(rows.into_iter().map(|row| line(results, load, row, &columns)));
    aligned(&lines)
}

fn head(load: Load, columns: &[Metric]) -> Vec<String> {
    let mut cells = vec![load.name()];
    for metric in columns {
        cells.push(title(*metric, load).to_owned());
        if has_spread(*metric) {
            cells.push("spread".to_owned());
        }
    }
    cells
}

fn line(results: &Results, load: Load, row: Row, columns: &[Metric]) -> Vec<String> {
    let mut cells = vec![row.name().to_owned()];
    for metric in columns {
        let summary = results.summary(load, row, *metric);
        cells.push(summary.map_or("-".to_owned(), |summary| number(*metric, summary.median)));
        if has_spread(*metric) {
            // Half of the way from the least to the most, as part of the median.
            let rounds = results.each(load, row, *metric).len();
            let spread = summary
                .filter(|_| rounds > 1)
                .map(|summary| 50.0 * (summary.most - summary.least) / summary.median);
            cells.push(spread.map_or("-".to_owned(), |percent| format!("±{percent:.0} %")));
        }
    }
    cells
}

/// The figures that tell how much the rounds differ.
fn has_spread(metric: Metric) -> bool {
    matches!(metric, Metric::Rate | Metric::MegabytesPerSecond)
}

fn title(metric: Metric, load: Load) -> &'static str {
    match metric {
        Metric::Rate if load == Load::Opening => "connections/s",
        Metric::Rate => "messages/s",
        Metric::MegabytesPerSecond => "MB/s",
        Metric::P50 => "p50 µs",
        Metric::P99 => "p99 µs",
        Metric::P999 => "p99.9 µs",
        Metric::HopCpu => "CPU µs: hop",
        Metric::AppCpu => "app",
        Metric::ClientCpu => "client",
        Metric::Resident => "KiB of the hop",
        Metric::Kernel => "of the kernel",
        Metric::Others => "others",
    }
}

fn number(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Rate | Metric::MegabytesPerSecond => format!("{value:.0}"),
        Metric::P50 | Metric::P99 | Metric::P999 | Metric::Resident | Metric::Kernel => format!("{value:.1}"),
        Metric::HopCpu | Metric::AppCpu | Metric::ClientCpu => format!("{value:.2}"),
        Metric::Others => format!("{:.0} %", 100.0 * value),
    }
}

/// Columns as wide as their longest cell: the first flush left, the others flush right.
pub(super) fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            text += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::Values;

    #[test]
    fn columns_are_aligned_and_have_a_line_for_each_row() {
        let load = Load::Stream { bytes: 1 << 20, direction: crate::bench::load::Direction::Up };
        let mut results = Results::default();
        for rate in [1000.0, 1100.0, 1060.0] {
            results.add(
                load,
                Row::Nginx,
                Values::from([(Metric::MegabytesPerSecond, rate), (Metric::HopCpu, 1.5)]),
            );
        }
        let table = of_load(&results, load);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "1 MiB up, 8 connections     MB/s  spread  CPU µs: hop");
        assert_eq!(lines[2], "nginx                       1060    ±5 %         1.50");
        assert_eq!(lines.len(), 1 + load.rows().len());
    }
}
