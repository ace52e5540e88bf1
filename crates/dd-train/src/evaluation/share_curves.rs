//! Label efficiency: scores over the share of the training labels.

use std::fmt::Write as _;

use dd_eval::Summary;

use crate::error::Result;
use crate::evaluation::plan::{Contender, SetPlan};
use crate::evaluation::share::percent;
use crate::evaluation::statistics::{Duel, Runs, metric_of};
use crate::report::{LineChart, Series, standalone};

/// Sets of the plan with several shares.
fn sets<'a>(runs: &Runs<'a>) -> impl Iterator<Item = &'a SetPlan> {
    let plan = runs.plan;
    plan.sets.iter().filter(|set| plan.shares(set).len() > 1)
}

/// Shares in rising order.
fn rising(runs: &Runs<'_>, set: &SetPlan) -> Vec<f64> {
    let mut shares = runs.plan.shares(set).to_vec();
    shares.sort_by(f64::total_cmp);
    shares
}

fn summaries(runs: &Runs<'_>, set: &SetPlan, name: &str) -> Result<Vec<(f64, Summary)>> {
    let metric = metric_of(set)?;
    let summary = |share| Some((share, runs.summary(set, name, share, metric)?));
    Ok(rising(runs, set).into_iter().filter_map(summary).collect())
}

/// One table for each set, and the share at which a contender equals its rival on all labels.
pub(super) fn markdown(runs: &Runs<'_>) -> Result<String> {
    let mut text = String::new();
    for set in sets(runs) {
        if text.is_empty() {
            text += "## Label efficiency\n\n";
        }
        let metric = metric_of(set)?;
        let shares = rising(runs, set);
        let _ = write!(text, "### {}, {}\n\n| |", set.name, metric.name());
        for share in &shares {
            let _ = write!(text, " {} % |", percent(*share));
        }
        text += "\n|---|";
        text += &"---:|".repeat(shares.len());
        for contender in &runs.plan.contenders {
            let summaries = summaries(runs, set, &contender.name)?;
            if summaries.len() < 2 {
                continue;
            }
            let _ = write!(text, "\n| {} |", contender.name);
            for share in &shares {
                let found = summaries.iter().find(|(at, _)| at == share);
                let cell = found.map_or("–".into(), |(_, summary)| summary.to_text(3));
                let _ = write!(text, " {cell} |");
            }
        }
        text += "\n\n";
        for contender in &runs.plan.contenders {
            if let Some(sentence) = enough(runs, set, contender)? {
                text += &sentence;
            }
        }
        text += "\n";
    }
    Ok(text)
}

/// p by set and share for each contender with a rival, and what remains below `level` after correction.
pub(super) fn tests(runs: &Runs<'_>, by_share: &[(&Contender, Vec<Duel>)], level: f64) -> String {
    let mut text = String::new();
    for (contender, duels) in by_share {
        if duels.iter().all(|duel| duel.t_p.is_none()) {
            continue;
        }
        let mut shares: Vec<f64> = duels.iter().map(|duel| duel.share).collect();
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let against = contender.against.as_deref().unwrap_or_default();
        let _ = write!(
            text,
            "### {} against {against}, by share\n\nPaired t-test over seeds, p:\n\n| |",
            contender.name
        );
        for share in &shares {
            let _ = write!(text, " {} % |", percent(*share));
        }
        let _ = write!(text, "\n|---|{}", "---:|".repeat(shares.len()));
        for set in sets(runs) {
            let of_set = || duels.iter().filter(|duel| duel.set == set.name);
            if of_set().all(|duel| duel.t_p.is_none()) {
                continue;
            }
            let _ = write!(text, "\n| {} |", set.name);
            for share in &shares {
                let p = of_set().find(|duel| duel.share == *share);
                let p = p.and_then(|duel| duel.t_p);
                let _ = write!(text, " {} |", p.map_or("–".into(), |p| format!("{p:.4}")));
            }
        }
        let tested = duels.iter().filter(|duel| duel.t_p.is_some()).count();
        let below = duels.iter().filter_map(|duel| {
            let p = duel.holm_p.filter(|&p| p < level)?;
            let which = if duel.gain > 0.0 { "better" } else { "worse" };
            let share = percent(duel.share);
            Some(format!("{} at {share} % ({which}, {p:.4})", duel.set))
        });
        let below: Vec<String> = below.collect();
        let below = if below.is_empty() {
            "none".to_string()
        } else {
            below.join(", ")
        };
        let _ = write!(
            text,
            "\n\nBelow {level} after Holm's correction over these {tested} tests: {below}.\n\n"
        );
    }
    text
}

/// From which share on a contender is as good as its rival on all labels.
fn enough(runs: &Runs<'_>, set: &SetPlan, contender: &Contender) -> Result<Option<String>> {
    let Some(against) = &contender.against else {
        return Ok(None);
    };
    let metric = metric_of(set)?;
    let own = summaries(runs, set, &contender.name)?;
    let rival = summaries(runs, set, against)?;
    let Some((_, whole)) = rival.last().filter(|(share, _)| *share == 1.0) else {
        return Ok(None);
    };
    if own.len() < 2 {
        return Ok(None);
    }
    let reached = own
        .iter()
        .find(|(_, summary)| !metric.is_better(whole.mean, summary.mean));
    let verdict = match reached {
        Some((share, _)) => format!("with {} % of the labels", percent(*share)),
        None => "at no share".to_string(),
    };
    let name = &contender.name;
    Ok(Some(format!(
        "- {name} equals {against} on all labels {verdict}.\n"
    )))
}

/// One picture for each set.
pub(super) fn svgs(runs: &Runs<'_>) -> Result<Vec<(String, String)>> {
    let mut pictures = Vec::new();
    for set in sets(runs) {
        let metric = metric_of(set)?;
        let mut series = Vec::new();
        for contender in &runs.plan.contenders {
            let summaries = summaries(runs, set, &contender.name)?;
            if summaries.len() > 1 {
                series.push(Series {
                    name: contender.name.clone(),
                    points: summaries
                        .iter()
                        .map(|(share, s)| (percent(*share), s.mean))
                        .collect(),
                    spread: summaries
                        .iter()
                        .map(|(_, s)| s.std.unwrap_or(0.0))
                        .collect(),
                });
            }
        }
        let chart = LineChart {
            title: set.name.clone(),
            x_label: "share of the training labels [%]".into(),
            y_label: metric.name().into(),
            logarithmic: false,
            series,
        };
        pictures.push((set.name.clone(), standalone(&chart.to_svg())));
    }
    Ok(pictures)
}
