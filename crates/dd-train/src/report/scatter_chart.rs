//! Parity plots: predicted against measured.

use super::COLOURS;
use super::axis::{Axis, frame, point_x, point_y};

/// One cloud of points.
#[derive(Debug, Clone)]
pub struct ScatterSeries {
    /// Name in the legend.
    pub name: String,
    /// `(measured, predicted)`.
    pub points: Vec<(f64, f64)>,
}

/// Points with the line of perfect prediction.
#[derive(Debug, Clone)]
pub struct ScatterChart {
    /// Title above the chart.
    pub title: String,
    /// What x is, with unit.
    pub x_label: String,
    /// What y is, with unit.
    pub y_label: String,
    /// The clouds.
    pub series: Vec<ScatterSeries>,
}

impl ScatterChart {
    /// Draws the chart as an SVG element; both axes show the same range.
    pub fn to_svg(&self) -> String {
        let values = || {
            self.series
                .iter()
                .flat_map(|s| s.points.iter().flat_map(|p| [p.0, p.1]))
        };
        let axis = Axis::around(values(), false);
        let names: Vec<&str> = self
            .series
            .iter()
            .map(|series| series.name.as_str())
            .collect();
        let mut svg = frame(
            &self.title,
            &names,
            (&axis, &self.x_label),
            (&axis, &self.y_label),
        );
        let (low, high) = values()
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        let ends = [low, high].map(|v| Some((point_x(&axis, v)?, point_y(&axis, v)?)));
        if let [Some(a), Some(b)] = ends {
            svg += &format!(
                "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" class=\"ideal\"/>\n",
                a.0, a.1, b.0, b.1
            );
        }
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            for &(measured, predicted) in &series.points {
                if let (Some(x), Some(y)) = (point_x(&axis, measured), point_y(&axis, predicted)) {
                    svg += &format!(
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.2\" fill=\"{colour}\" fill-opacity=\"0.55\"/>"
                    );
                }
            }
            svg += "\n";
        }
        svg + "</svg>\n"
    }
}
