//! The picture of the main result: relative gains over the rival, set by set.

use std::fmt::Write as _;

use crate::evaluation::plan::Contender;
use crate::evaluation::statistics::Duel;
use crate::report::{COLOURS, escape, sheet};

const LEFT: f64 = 90.0;
const TOP: f64 = 52.0;
/// Width of a panel, and the space between two.
const PANEL: f64 = 330.0;
const GUTTER: f64 = 60.0;
/// Height of one contender's line in a set.
const LINE: f64 = 10.0;
const GAP: f64 = 12.0;
/// Height of a line of the legend.
const ENTRY: f64 = 16.0;

/// A contender's duels with its rival.
type Pair<'a> = (&'a Contender, &'a [Duel]);

/// One panel for each rival; in it one dot with whiskers (a standard deviation over the seeds) for each contender and set,
/// filled where the difference is significant after correction.
pub(super) fn svg(duels: &[(&Contender, Vec<Duel>)]) -> String {
    let panels = panels(duels);
    let all = || panels.iter().flat_map(|(_, pairs)| pairs);
    let mut sets: Vec<&str> = Vec::new();
    for duel in all().flat_map(|(_, duels)| *duels) {
        if !sets.contains(&duel.set.as_str()) {
            sets.push(&duel.set);
        }
    }
    let reach = |duel: &Duel| duel.gain.abs() + duel.gain_std.unwrap_or(0.0);
    let limit = { all().flat_map(|(_, duels)| *duels) }.map(reach);
    let limit = limit.fold(1.0, f64::max).min(100.0) * 1.05;
    let lines = panels.iter().map(|(_, pairs)| pairs.len()).max();
    let lines = lines.unwrap_or(0) as f64;
    let block = LINE * lines + GAP;
    let bottom = TOP + block * sets.len() as f64;
    let width = LEFT + (PANEL + GUTTER) * panels.len().max(1) as f64;
    let mut svg = sheet(
        width,
        bottom + 34.0 + ENTRY * lines,
        "Relative gain on the test part [%], set by set; filled: p < 0.05 after correction",
    );
    for (row, set) in sets.iter().enumerate() {
        let top = TOP + block * row as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            top + block / 2.0 + 4.0,
            escape(set)
        );
        if row % 2 == 0 {
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{block:.1}\" fill=\"#f5f5f5\"/>",
                width - LEFT - GUTTER
            );
        }
    }
    for (column, (rival, pairs)) in panels.iter().enumerate() {
        let left = LEFT + (PANEL + GUTTER) * column as f64;
        let x = |gain: f64| left + f64::midpoint(gain.clamp(-limit, limit) / limit, 1.0) * PANEL;
        svg += &axis(x, limit, bottom);
        let _ = writeln!(
            svg,
            "<text x=\"{left:.1}\" y=\"{:.1}\">over {}</text>",
            TOP - 8.0,
            escape(rival)
        );
        for (line, (contender, duels)) in pairs.iter().enumerate() {
            let colour = COLOURS[line % COLOURS.len()];
            for duel in *duels {
                let row = sets.iter().position(|set| *set == duel.set);
                let top = TOP + block * row.unwrap_or_default() as f64;
                svg += &mark(
                    duel,
                    x,
                    top + GAP / 2.0 + LINE * (line as f64 + 0.5),
                    colour,
                );
            }
            let y = bottom + 34.0 + ENTRY * line as f64;
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                left + 6.0,
                y - 4.0,
                left + 16.0,
                escape(&contender.name)
            );
        }
    }
    svg + "</svg>\n"
}

/// Contenders by rival, both in the order of the plan. Those without duels have no place, and choices none of their own.
fn panels<'a>(duels: &'a [(&Contender, Vec<Duel>)]) -> Vec<(&'a str, Vec<Pair<'a>>)> {
    let mut panels: Vec<(&str, Vec<Pair<'_>>)> = Vec::new();
    for (contender, duels) in { duels.iter() }.filter(|(contender, _)| contender.method.runs()) {
        let Some(first) = duels.first() else { continue };
        match panels.iter_mut().find(|(rival, _)| *rival == first.against) {
            Some((_, pairs)) => pairs.push((contender, duels)),
            None => panels.push((&first.against, vec![(contender, duels)])),
        }
    }
    panels
}

fn axis(x: impl Fn(f64) -> f64, limit: f64, bottom: f64) -> String {
    let mut svg = String::new();
    for tick in [-1.0, -0.5, 0.0, 0.5, 1.0].map(|part| part * limit) {
        let at = x(tick);
        let colour = if tick == 0.0 { "#444" } else { "#ddd" };
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"{colour}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick:+.0}</text>",
            bottom + 14.0
        );
    }
    svg
}

fn mark(duel: &Duel, x: impl Fn(f64) -> f64, y: f64, colour: &str) -> String {
    let spread = duel.gain_std.unwrap_or(0.0);
    let fill = if duel.holm_p.is_some_and(|p| p < 0.05) {
        colour
    } else {
        "white"
    };
    format!(
        "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\"/>\
         <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.4\" fill=\"{fill}\" stroke=\"{colour}\"/>\n",
        x(duel.gain - spread),
        x(duel.gain + spread),
        x(duel.gain)
    )
}
