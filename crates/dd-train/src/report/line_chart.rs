//! Curves: a loss over steps.

use super::COLOURS;
use super::axis::{Axis, frame, point_x, point_y};

/// One curve.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points in order of x.
    pub points: Vec<(f64, f64)>,
    /// Half the height of a whisker at each point; none when empty.
    pub spread: Vec<f64>,
}

/// Curves over a common axis.
#[derive(Debug, Clone)]
pub struct LineChart {
    /// Title above the chart.
    pub title: String,
    /// What x is, with unit.
    pub x_label: String,
    /// What y is, with unit.
    pub y_label: String,
    /// Logarithmic y axis.
    pub logarithmic: bool,
    /// The curves.
    pub series: Vec<Series>,
}

impl LineChart {
    /// Draws the chart as an SVG element.
    pub fn to_svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let x = Axis::around(points().map(|p| p.0), false);
        let ends = self.series.iter().flat_map(|series| {
            let whiskers = series.points.iter().zip(&series.spread);
            whiskers.flat_map(|(point, spread)| [point.1 - spread, point.1 + spread])
        });
        let y = Axis::around(points().map(|p| p.1).chain(ends), self.logarithmic);
        let names: Vec<&str> = self
            .series
            .iter()
            .map(|series| series.name.as_str())
            .collect();
        let mut svg = frame(
            &self.title,
            &names,
            (&x, &self.x_label),
            (&y, &self.y_label),
        );
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let path: Vec<String> = series
                .points
                .iter()
                .filter_map(|&(px, py)| {
                    Some(format!("{:.1},{:.1}", point_x(&x, px)?, point_y(&y, py)?))
                })
                .collect();
            svg += &format!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" points=\"{}\"/>\n",
                path.join(" ")
            );
            for (&(px, py), spread) in series.points.iter().zip(&series.spread) {
                let ends = [py - spread, py + spread].map(|end| point_y(&y, end));
                if let (Some(x), [Some(low), Some(high)]) = (point_x(&x, px), ends) {
                    svg += &format!(
                        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{low:.1}\" y2=\"{high:.1}\" stroke=\"{colour}\"/>\n"
                    );
                }
            }
        }
        svg + "</svg>\n"
    }
}
