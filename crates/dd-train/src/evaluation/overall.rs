//! Each contender against its rival over all sets, one line for each pair.

use std::fmt::Write as _;

use dd_data::Task;
use dd_eval::Summary;
use dd_eval::paired::wilcoxon;
use serde::Serialize;

use crate::error::Result;
use crate::evaluation::data::known;
use crate::evaluation::plan::{Contender, Plan, SetPlan};
use crate::evaluation::statistics::Duel;

/// What the sets say together.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Overall {
    pub(super) contender: String,
    pub(super) against: String,
    /// Sets that both have runs on.
    pub(super) sets: usize,
    pub(super) better: usize,
    /// Sets with a difference that is significant after correction.
    pub(super) significantly_better: usize,
    pub(super) significantly_worse: usize,
    /// Mean relative gain in per cent over the sets of classification, and over those of regression.
    pub(super) classification: Option<f64>,
    pub(super) regression: Option<f64>,
    /// Wilcoxon's signed-rank test of the relative gains, one for each set: the test over several data sets that Demšar
    /// recommends, J. Mach. Learn. Res. 7 (2006) 1, section 3.1.3.
    pub(super) wilcoxon_p: Option<f64>,
}

impl Overall {
    /// Sums the duels of one contender up; `None` without any.
    pub(super) fn of(
        plan: &Plan,
        contender: &Contender,
        duels: &[Duel],
        level: f64,
    ) -> Result<Option<Self>> {
        let Some(first) = duels.first() else {
            return Ok(None);
        };
        let gains: Vec<f64> = duels.iter().map(|duel| duel.gain).collect();
        let significant = |sign: f64| {
            let kept = { duels.iter() }.filter(|duel| duel.holm_p.is_some_and(|p| p < level));
            kept.filter(|duel| duel.gain * sign > 0.0).count()
        };
        Ok(Some(Self {
            contender: contender.name.clone(),
            against: first.against.clone(),
            sets: duels.len(),
            better: gains.iter().filter(|&&gain| gain > 0.0).count(),
            significantly_better: significant(1.0),
            significantly_worse: significant(-1.0),
            classification: mean_gain(&plan.sets, duels, Task::Classification)?,
            regression: mean_gain(&plan.sets, duels, Task::Regression)?,
            wilcoxon_p: { wilcoxon(&gains, &vec![0.0; gains.len()]) }
                .ok()
                .map(|test| test.p),
        }))
    }
}

fn mean_gain(sets: &[SetPlan], duels: &[Duel], task: Task) -> Result<Option<f64>> {
    let mut gains = Vec::new();
    for set in sets {
        if known(set)?.task == task {
            gains.extend(
                duels
                    .iter()
                    .filter(|duel| duel.set == set.name)
                    .map(|duel| duel.gain),
            );
        }
    }
    Ok(Summary::new(&gains).ok().map(|summary| summary.mean))
}

/// The table of all pairs.
pub(super) fn markdown(pairs: &[Overall]) -> String {
    let mut text = String::from(
        "| contender | against | sets | better on | significantly | classification | regression | p over sets |\n\
         |---|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for pair in pairs {
        let gain = |gain: Option<f64>| gain.map_or("–".into(), |gain| format!("{gain:+.1} %"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} better, {} worse | {} | {} | {} |",
            pair.contender,
            pair.against,
            pair.sets,
            pair.better,
            pair.significantly_better,
            pair.significantly_worse,
            gain(pair.classification),
            gain(pair.regression),
            pair.wilcoxon_p.map_or("–".into(), |p| format!("{p:.3}"))
        );
    }
    text + "\nSignificantly: p < 0.05 after Holm's correction over the sets of the pair, tables below. Classification and \
            regression: mean relative gains. p over sets: Wilcoxon's signed-rank test of one relative gain for each set, not \
            corrected; with fewer than six sets it cannot fall below 0.05.\n\n"
}
