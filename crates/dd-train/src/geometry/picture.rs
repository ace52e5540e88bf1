//! The picture of the heads: one strip of dots for each encoder.

use crate::geometry::Geometry;
use crate::report::{COLOURS, escape, sheet};

/// Width of the axis, and of a letter of an encoder's name.
const AXIS: f64 = 450.0;
const LETTER: f64 = 6.6;
/// Space for the numbers of the layers, and right of the axis.
const LAYERS: f64 = 34.0;
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
    let letters = encoders.iter().map(|(name, _)| name.chars().count()).max();
    let left = 10.0 + LETTER * letters.unwrap_or(0) as f64 + LAYERS;
    let heads = encoders.iter().flat_map(|(_, heads)| &heads.correlations);
    let limit = if heads.flatten().any(|&r| r > 0.5) {
        1.0
    } else {
        0.5
    };
    let x = |r: f64| left + r.clamp(0.0, limit) / limit * AXIS;
    let mut svg = sheet(
        left + AXIS + RIGHT,
        height,
        "Correlation of attention scores with distances between atoms",
    );
    for tick in 0..=5 {
        let r = 0.2 * limit * f64::from(tick);
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
        left + AXIS / 2.0,
        bottom + 34.0
    );
    let mut y = TOP;
    for ((name, heads), colour) in encoders.iter().zip(COLOURS.iter().cycle()) {
        y += GAP / 2.0;
        let middle = y + LINE * heads.correlations.len() as f64 / 2.0 + 4.0;
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>\n",
            left - LAYERS,
            escape(name)
        );
        for (layer, heads) in heads.correlations.iter().enumerate() {
            y += LINE;
            svg += &format!(
                "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"#666\" font-size=\"10\">{}</text>\n",
                left - 8.0,
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
