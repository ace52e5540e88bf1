//! The picture of the main result: relative gains over the rival, set by set.

use crate::evaluation::plan::Contender;
use crate::evaluation::statistics::Duel;
use crate::report::{COLOURS, escape, sheet};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 34.0;
/// Height of one contender's line in a set.
const LINE: f64 = 11.0;
const GAP: f64 = 12.0;

/// One dot with whiskers (a standard deviation over the seeds) for each contender and set; filled where the difference is
/// significant after correction.
pub(super) fn svg(duels: &[(&Contender, Vec<Duel>)]) -> String {
    let duels: Vec<_> = duels
        .iter()
        .filter(|(_, duels)| !duels.is_empty())
        .collect();
    let mut sets: Vec<&str> = Vec::new();
    for duel in duels.iter().flat_map(|(_, duels)| duels) {
        if !sets.contains(&duel.set.as_str()) {
            sets.push(&duel.set);
        }
    }
    let all = || duels.iter().flat_map(|(_, duels)| duels);
    let reach = |duel: &Duel| duel.gain.abs() + duel.gain_std.unwrap_or(0.0);
    let limit = all().map(reach).fold(1.0, f64::max).min(100.0) * 1.05;
    let x = |gain: f64| {
        LEFT + (gain.clamp(-limit, limit) + limit) / (2.0 * limit) * (WIDTH - LEFT - RIGHT)
    };
    let block = LINE * duels.len() as f64 + GAP;
    let bottom = TOP + block * sets.len() as f64;
    let height = bottom + 40.0 + 16.0 * duels.len() as f64;
    let mut svg = sheet(
        WIDTH,
        height,
        "Relative gain over the rival on the test part [%]",
    );
    for tick in [-1.0, -0.5, 0.0, 0.5, 1.0].map(|part| part * limit) {
        let at = x(tick);
        let colour = if tick == 0.0 { "#444" } else { "#ddd" };
        svg += &format!(
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"{colour}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick:+.0}</text>\n",
            bottom + 16.0
        );
    }
    for (row, set) in sets.iter().enumerate() {
        let top = TOP + block * row as f64;
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 8.0,
            top + block / 2.0,
            escape(set)
        );
        for (line, (_, duels)) in duels.iter().enumerate() {
            let Some(duel) = duels.iter().find(|duel| duel.set == *set) else {
                continue;
            };
            let y = top + GAP / 2.0 + LINE * (line as f64 + 0.5);
            let colour = COLOURS[line % COLOURS.len()];
            let spread = duel.gain_std.unwrap_or(0.0);
            let fill = if duel.holm_p.is_some_and(|p| p < 0.05) {
                colour
            } else {
                "white"
            };
            svg += &format!(
                "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\"/>\
                 <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.6\" fill=\"{fill}\" stroke=\"{colour}\"/>\n",
                x(duel.gain - spread),
                x(duel.gain + spread),
                x(duel.gain)
            );
        }
    }
    for (line, (contender, _)) in duels.iter().enumerate() {
        let y = bottom + 38.0 + 16.0 * line as f64;
        let against = contender.against.as_deref().unwrap_or_default();
        svg += &format!(
            "<circle cx=\"{LEFT}\" cy=\"{:.1}\" r=\"4\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{y:.1}\">{} against {}</text>\n",
            y - 4.0,
            COLOURS[line % COLOURS.len()],
            LEFT + 10.0,
            escape(&contender.name),
            escape(against)
        );
    }
    svg + "</svg>\n"
}
