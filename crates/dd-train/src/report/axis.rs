//! One axis of a chart: its range, its ticks, and where a value falls.

/// Width and height of every chart, in SVG units.
pub(super) const SIZE: (f64, f64) = (520.0, 338.0);
/// Space left for labels: left, right, top, bottom.
pub(super) const MARGIN: (f64, f64, f64, f64) = (64.0, 16.0, 48.0, 46.0);
/// Base line of the legend's first row, which is above the chart; height of a row below it, for names that have no place there;
/// and what a letter takes.
const LEGEND: (f64, f64, f64) = (37.0, 16.0, 6.3);

/// A linear or logarithmic axis.
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Axis {
    /// An axis that holds all finite values (positive ones only, when logarithmic).
    pub(super) fn around(values: impl Iterator<Item = f64>, logarithmic: bool) -> Self {
        let usable = values.filter(|v| v.is_finite() && (!logarithmic || *v > 0.0));
        let scaled = usable.map(|v| if logarithmic { v.log10() } else { v });
        let (low, high) = scaled.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        if low > high {
            return Self {
                low: 0.0,
                high: 1.0,
                logarithmic,
            };
        }
        let pad = if high > low { 0.04 * (high - low) } else { 0.5 };
        Self {
            low: low - pad,
            high: high + pad,
            logarithmic,
        }
    }

    /// Position of a value along the axis, 0 to 1; `None` for a value that the axis cannot show.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let scaled = if self.logarithmic {
            value.log10()
        } else {
            value
        };
        scaled
            .is_finite()
            .then(|| (scaled - self.low) / (self.high - self.low))
    }

    /// Round values to mark, with their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let values = self.tick_values();
        values.into_iter().map(|v| (v, label(v))).collect()
    }

    fn tick_values(&self) -> Vec<f64> {
        let span = self.high - self.low;
        if self.logarithmic && span > 1.0 {
            return (self.low.ceil() as i32..=self.high.floor() as i32)
                .map(|e| 10_f64.powi(e))
                .collect();
        }
        let (low, high) = if self.logarithmic {
            (10_f64.powf(self.low), 10_f64.powf(self.high))
        } else {
            (self.low, self.high)
        };
        let rough = (high - low) / 5.0;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * magnitude)
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * magnitude);
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

fn label(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    if value.abs() >= 1e5 || value.abs() < 1e-3 {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The title, legend, grid, ticks and labels of a chart.
pub(super) fn frame(
    title: &str,
    names: &[&str],
    (x, x_label): (&Axis, &str),
    (y, y_label): (&Axis, &str),
) -> String {
    let ((width, height), (left, right, top, bottom)) = (SIZE, MARGIN);
    let (legend, below) = legend(names);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" role=\"img\" aria-label=\"{t}\">\n\
         <text x=\"{left}\" y=\"18\" class=\"title\">{t}</text>\n{legend}",
        height + below,
        t = super::escape(title)
    );
    for (value, text) in x.ticks() {
        let Some(at) = point_x(x, value) else {
            continue;
        };
        svg += &format!(
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{y2}\" class=\"grid\"/>\
             <text x=\"{at:.1}\" y=\"{ty}\" text-anchor=\"middle\">{text}</text>\n",
            y2 = height - bottom,
            ty = height - bottom + 16.0
        );
    }
    for (value, text) in y.ticks() {
        let Some(at) = point_y(y, value) else {
            continue;
        };
        svg += &format!(
            "<line x1=\"{left}\" x2=\"{x2}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{tx}\" y=\"{ty:.1}\" text-anchor=\"end\">{text}</text>\n",
            x2 = width - right,
            tx = left - 6.0,
            ty = at + 4.0
        );
    }
    let (middle_x, middle_y) = (left.midpoint(width - right), top.midpoint(height - bottom));
    svg + &format!(
        "<text x=\"{middle_x}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(14 {middle_y}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
        height - 8.0,
        super::escape(x_label),
        super::escape(y_label)
    )
}

/// Horizontal position of a value in the chart.
pub(super) fn point_x(axis: &Axis, value: f64) -> Option<f64> {
    axis.place(value)
        .map(|at| MARGIN.0 + at * (SIZE.0 - MARGIN.0 - MARGIN.1))
}

/// Vertical position of a value in the chart.
pub(super) fn point_y(axis: &Axis, value: f64) -> Option<f64> {
    axis.place(value)
        .map(|at| SIZE.1 - MARGIN.3 - at * (SIZE.1 - MARGIN.2 - MARGIN.3))
}

/// The legend, in rows as wide as the chart, and the height of the rows below it.
fn legend(names: &[&str]) -> (String, f64) {
    let (first, row, letter) = LEGEND;
    let (mut x, mut below) = (MARGIN.0, 0.0);
    let mut svg = String::new();
    for (i, name) in names.iter().enumerate() {
        let colour = super::COLOURS[i % super::COLOURS.len()];
        let width = 30.0 + letter * name.chars().count() as f64;
        if x > MARGIN.0 && x + width > SIZE.0 {
            (x, below) = (MARGIN.0, below + row);
        }
        let y = if below == 0.0 {
            first
        } else {
            SIZE.1 + below - 4.0
        };
        svg += &format!(
            "<rect x=\"{x:.1}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y}\">{}</text>\n",
            y - 9.0,
            x + 14.0,
            super::escape(name)
        );
        x += width;
    }
    (svg, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::around([0.0, 10.0].into_iter(), false);
        let values: Vec<f64> = axis.ticks().into_iter().map(|(v, _)| v).collect();
        assert_eq!(values, [0.0, 5.0, 10.0]);
        let log = Axis::around([0.001, 1.0].into_iter(), true);
        assert_eq!(log.place(0.0), None);
        assert_eq!(log.ticks().len(), 4);
    }

    #[test]
    fn long_names_go_below_the_chart() {
        let axis = Axis::around([0.0, 1.0].into_iter(), false);
        let chart = |names: &[&str]| frame("t", names, (&axis, "x"), (&axis, "y"));
        assert!(chart(&["short", "names"]).contains("viewBox=\"0 0 520 338\""));
        let long = "TokenGT D&D-Node, slow encoder";
        let svg = chart(&[long; 5]);
        assert!(svg.contains("viewBox=\"0 0 520 370\""), "{svg}");
        let places = svg.split("<rect x=\"").skip(1).map(|rest| {
            let x: f64 = rest.split('"').next().unwrap().parse().unwrap();
            x + 14.0 + LEGEND.2 * long.len() as f64
        });
        assert!(places.clone().all(|end| end < SIZE.0) && places.count() == 5);
    }

    #[test]
    fn an_axis_without_values_still_works() {
        let axis = Axis::around(std::iter::empty(), false);
        assert!(axis.place(0.5).is_some());
    }
}
