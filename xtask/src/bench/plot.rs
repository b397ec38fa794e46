//! The picture of the README: what echoes on 32 connections cost.

use std::path::Path;

use anyhow::{Context, Result, bail};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::load::{Load, size};
use super::results::{Metric, Results};
use super::rows::Row;

const CONNECTIONS: usize = 32;
const SIZES: [usize; 3] = [128, 1024, 16 * 1024];
/// Pixels.
const PICTURE: (u32, u32) = (960, 484);
const LEGEND: u32 = 94;
const FONT: &str = "sans-serif";
/// Of the space for a size, what its bars take.
const FILLED: f64 = 0.86;

/// Writes it as SVG.
pub(super) fn draw(results: &Results, file: &Path) -> Result<()> {
    let measured = |bytes: &usize| bars(results, Metric::Rate, *bytes).iter().any(|(_, value)| *value > 0.0);
    let sizes: Vec<_> = SIZES.into_iter().filter(measured).collect();
    if sizes.is_empty() {
        bail!("a picture needs the load echo");
    }
    let root = SVGBackend::new(file, PICTURE).into_drawing_area();
    fill(&root, results, &sizes).with_context(|| file.display().to_string())
}

fn fill(root: &DrawingArea<SVGBackend<'_>, Shift>, results: &Results, sizes: &[usize]) -> Result<()> {
    root.fill(&WHITE)?;
    let (charts, rows) = root.split_vertically(PICTURE.1 - LEGEND);
    let (left, right) = charts.split_horizontally(PICTURE.0 / 2);
    let title = format!("thousand messages/s, {CONNECTIONS} connections");
    chart(&left, &title, results, Metric::Rate, 1e-3, sizes)?;
    chart(&right, "µs of CPU time of the hop for each message", results, Metric::HopCpu, 1.0, sizes)?;
    legend(&rows)?;
    root.present()?;
    Ok(())
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    results: &Results,
    metric: Metric,
    scale: f64,
    sizes: &[usize],
) -> Result<()> {
    let groups: Vec<_> = sizes.iter().map(|bytes| bars(results, metric, *bytes)).collect();
    let highest = groups.iter().flatten().map(|(_, value)| value * scale).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..sizes.len() as f64, 0.0..highest * 1.05)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    for (group, (bytes, bars)) in sizes.iter().zip(&groups).enumerate() {
        let width = FILLED / bars.len() as f64;
        let start = group as f64 + (1.0 - FILLED) / 2.0;
        chart.draw_series(bars.iter().enumerate().map(|(index, (row, value))| {
            let left = start + width * index as f64;
            Rectangle::new([(left, 0.0), (left + width * 0.9, value * scale)], colour(*row).filled())
        }))?;
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, 0.0));
        let style = (FONT, 14).into_font().color(&BLACK);
        let (left, top) = area.get_base_pixel();
        let label = size(*bytes);
        area.draw_text(&label, &style, (x - left - 3 * label.len() as i32, y - top + 8))?;
    }
    Ok(())
}

/// Lines of four names with their colours.
fn legend(area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
    const COLUMN: i32 = 230;
    const LINE: i32 = 24;
    const BOX: i32 = 12;
    for (index, row) in Row::ALL.into_iter().enumerate() {
        let (column, line) = (index as i32 % 4, index as i32 / 4);
        let (x, y) = (30 + column * COLUMN, 8 + line * LINE);
        area.draw(&Rectangle::new([(x, y), (x + BOX, y + BOX)], colour(row).filled()))?;
        area.draw_text(row.name(), &(FONT, 14).into_font().color(&BLACK), (x + BOX + 6, y))?;
    }
    Ok(())
}

/// The rows that were measured, with their medians.
fn bars(results: &Results, metric: Metric, bytes: usize) -> Vec<(Row, f64)> {
    let load = Load::Echo { bytes, connections: CONNECTIONS };
    let value = |row| results.summary(load, row, metric).map_or(0.0, |summary| summary.median);
    Row::ALL.into_iter().map(|row| (row, value(row))).collect()
}

/// Greys and blues for the others, warm colours for Framewall.
fn colour(row: Row) -> RGBColor {
    match row {
        Row::Direct => RGBColor(189, 189, 189),
        Row::Nginx => RGBColor(107, 145, 181),
        Row::Haproxy => RGBColor(62, 94, 130),
        Row::Off => RGBColor(253, 208, 125),
        Row::Log => RGBColor(248, 176, 92),
        Row::Block => RGBColor(238, 132, 58),
        Row::Rules => RGBColor(205, 82, 36),
        Row::Deflate => RGBColor(140, 45, 22),
        Row::Lane => RGBColor(122, 54, 120),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::Values;

    #[test]
    fn a_picture_has_a_bar_for_each_row_and_names_them() {
        let mut results = Results::default();
        let file = std::env::temp_dir().join(format!("framewall-plot-{}.svg", std::process::id()));
        assert!(draw(&results, &file).is_err());
        for row in Row::ALL {
            let values = Values::from([(Metric::Rate, 80_000.0), (Metric::HopCpu, 10.0)]);
            results.add(Load::Echo { bytes: 128, connections: CONNECTIONS }, row, values);
        }
        draw(&results, &file).unwrap();
        let picture = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        for row in Row::ALL {
            assert!(picture.contains(row.name()));
            let RGBColor(red, green, blue) = colour(row);
            // Once in each chart and once in the legend.
            assert_eq!(picture.matches(&format!("#{red:02X}{green:02X}{blue:02X}")).count(), 3, "{picture}");
        }
    }
}
