//! The picture of the growth: a chart for each thing that is varied, both axes logarithmic.

use crate::Result;
use crate::growth::{Point, Varied};
use plotters::prelude::*;
use std::ops::Range;
use std::path::Path;

const SIZE: (u32, u32) = (1_000, 640);
const LETTERS: (&str, i32) = ("sans-serif", 15);

/// What a chart shows of its points.
struct Chart {
    varied: Varied,
    title: &'static str,
    of: fn(&Point) -> Option<f64>,
}

const CHARTS: [Chart; 6] = [
    Chart { varied: Varied::Partitions, title: "CPU s per million, by partitions", of: Point::cpu_per_million },
    Chart { varied: Varied::TasksPerThread, title: "CPU s per million, by tasks a thread", of: Point::cpu_per_million },
    Chart { varied: Varied::Keys, title: "CPU s per million, by keys", of: Point::cpu_per_million },
    Chart { varied: Varied::Rows, title: "CPU s per million, by rows to restore", of: Point::cpu_per_million },
    Chart { varied: Varied::ValueBytes, title: "CPU s per million, by bytes of a value", of: Point::cpu_per_million },
    Chart { varied: Varied::Tasks, title: "memory in MB, by tasks", of: |point| point.number("max_rss_mb") },
];

/// Draws the points that were right.
///
/// # Errors
/// What the file cannot be written for.
pub(crate) fn draw(points: &[Point], drawing: &Path) -> Result<()> {
    let root = SVGBackend::new(drawing, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, chart) in root.split_evenly((2, 3)).iter().zip(&CHARTS) {
        let of_it = points.iter().filter(|point| point.varied == chart.varied);
        let line: Vec<(f64, f64)> = of_it.filter_map(|point| Some((point.at as f64, (chart.of)(point)?))).collect();
        let mut axes = ChartBuilder::on(area)
            .caption(chart.title, LETTERS)
            .margin(12)
            .x_label_area_size(28)
            .y_label_area_size(48)
            .build_cartesian_2d(
                around(line.iter().map(|(x, _)| *x)).log_scale(),
                around(line.iter().map(|(_, y)| *y)).log_scale(),
            )?;
        axes.configure_mesh().light_line_style(TRANSPARENT).x_labels(5).y_labels(5).draw()?;
        axes.draw_series(LineSeries::new(line.iter().copied(), &BLUE))?;
        axes.draw_series(line.iter().map(|point| Circle::new(*point, 3, BLUE.filled())))?;
    }
    root.present()?;
    Ok(())
}

/// A range with room around the numbers: from a third of the least to three times the most.
fn around(numbers: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = numbers.fold((f64::MAX, f64::MIN), |(least, most), one| (one.min(least), one.max(most)));
    if least > most { 0.1..1.0 } else { least / 3.0..most * 3.0 }
}
