//! The picture of the heads: one strip of dots for each encoder.

use crate::geometry::Geometry;
use crate::report::{COLOURS, escape, sheet};

const WIDTH: f64 = 640.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 36.0;
const LINE: f64 = 13.0;
const GAP: f64 = 16.0;
/// The paper's line: heads of a random encoder are below, many of a distilled one above.
const LINE_OF_THE_PAPER: f64 = 0.3;

/// A dot for each head, a line for each layer; encoders without attention are left out.
pub fn heads_svg(findings: &[Geometry]) -> String {
    let encoders: Vec<_> = findings
        .iter()
        .filter_map(|one| Some((one.name.as_str(), one.heads.as_ref()?)))
        .collect();
    let lines: usize = encoders
        .iter()
        .map(|(_, heads)| heads.correlations.len())
        .sum();
    let bottom = TOP + LINE * lines as f64 + GAP * encoders.len() as f64;
    let height = bottom + 40.0;
    let x = |r: f64| LEFT + r.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT);
    let mut svg = sheet(
        WIDTH,
        height,
        "Correlation of attention scores with distances between atoms",
    );
    for tick in 0..=5 {
        let r = 0.2 * f64::from(tick);
        svg += &format!(
            "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{0:.1}\" y=\"{1:.1}\" text-anchor=\"middle\">{r:.1}</text>\n",
            x(r),
            bottom + 16.0
        );
    }
    svg += &format!(
        "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"#444\" stroke-dasharray=\"4 3\"/>\n\
         <text x=\"{1:.1}\" y=\"{2:.1}\" text-anchor=\"middle\">|r|, mean over molecules; dashed: 0.3</text>\n",
        x(LINE_OF_THE_PAPER),
        LEFT.midpoint(WIDTH - RIGHT),
        bottom + 34.0
    );
    let mut y = TOP;
    for ((name, heads), colour) in encoders.iter().zip(COLOURS.iter().cycle()) {
        y += GAP / 2.0;
        let middle = y + LINE * heads.correlations.len() as f64 / 2.0 + 4.0;
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 34.0,
            escape(name)
        );
        for (layer, heads) in heads.correlations.iter().enumerate() {
            y += LINE;
            svg += &format!(
                "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"#666\" font-size=\"10\">{}</text>\n",
                LEFT - 8.0,
                layer + 1
            );
            for &r in heads {
                svg += &format!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.2\" fill=\"{colour}\" fill-opacity=\"0.7\"/>",
                    x(r),
                    y - 4.0
                );
            }
            svg += "\n";
        }
        y += GAP / 2.0;
    }
    svg + "</svg>\n"
}
