//! The choice among fine-tuned contenders on the validation part, set by set: what one gets who tries them all.

use std::fmt::Write as _;

use serde::Serialize;

use crate::error::Result;
use crate::evaluation::journal::Entry;
use crate::evaluation::plan::{Contender, Method, Plan, SetPlan};
use crate::evaluation::statistics::metric_of;

/// Whom a contender of [`Method::Chosen`] stands for on one set and share of the labels.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Choice {
    pub(super) set: String,
    pub(super) share: f64,
    pub(super) contender: String,
    pub(super) chosen: String,
}

/// The choices of a plan, and the runs of those who are chosen under the name of the contender that chose them.
///
/// As learning rates are, they are chosen with the first seed of a set and kept for all its seeds. There is no choice where a
/// contender that takes part has no run with that seed.
pub(super) fn choices(plan: &Plan, entries: &[Entry]) -> Result<(Vec<Choice>, Vec<Entry>)> {
    let (mut choices, mut runs) = (Vec::new(), Vec::new());
    for contender in &plan.contenders {
        let Method::Chosen { among } = &contender.method else {
            continue;
        };
        for set in { plan.sets.iter() }.filter(|set| plan.takes_part(contender, set)) {
            let members = { plan.contenders.iter() }
                .filter(|known| among.contains(&known.name) && plan.takes_part(known, set));
            let members: Vec<&Contender> = members.collect();
            for &share in plan.shares(set) {
                let Some(chosen) = best(plan, set, share, &members, entries)? else {
                    continue;
                };
                let kept = { entries.iter() }.filter(|entry| {
                    entry.set == set.name && entry.contender == chosen && entry.share == share
                });
                runs.extend(kept.map(|entry| Entry {
                    contender: contender.name.clone(),
                    ..entry.clone()
                }));
                choices.push(Choice {
                    set: set.name.clone(),
                    share,
                    contender: contender.name.clone(),
                    chosen: chosen.to_string(),
                });
            }
        }
    }
    Ok((choices, runs))
}

/// The member with the best validation score of the first seed; of equals the one that the plan names first.
fn best<'a>(
    plan: &Plan,
    set: &SetPlan,
    share: f64,
    members: &[&'a Contender],
    entries: &[Entry],
) -> Result<Option<&'a str>> {
    let metric = metric_of(set)?;
    let first = plan.seeds(set)[0];
    let mut best: Option<(&str, f64)> = None;
    for member in members {
        let run = entries.iter().find(|entry| {
            (entry.set.as_str(), entry.contender.as_str()) == (&set.name, &member.name)
                && (entry.share, entry.seed) == (share, first)
        });
        let Some(run) = run else {
            return Ok(None);
        };
        if best.is_none_or(|(_, valid)| metric.is_better(run.valid, valid)) {
            best = Some((&member.name, run.valid));
        }
    }
    Ok(best.map(|(name, _)| name))
}

/// Who was chosen on which sets, with all labels.
pub(super) fn markdown(plan: &Plan, choices: &[Choice]) -> String {
    let mut text = String::new();
    for contender in &plan.contenders {
        let Method::Chosen { among } = &contender.method else {
            continue;
        };
        if text.is_empty() {
            text +=
                "Chosen with the first seed of each set, by its score on the validation part:\n\n";
        }
        let member = |member: &String| {
            let sets = { choices.iter() }.filter(|choice| {
                (&choice.contender, &choice.chosen) == (&contender.name, member)
                    && choice.share == 1.0
            });
            let sets: Vec<&str> = sets.map(|choice| choice.set.as_str()).collect();
            let sets = sets.join(", ");
            let sets = if sets.is_empty() { "no set" } else { &sets };
            format!("{member} on {sets}")
        };
        let members: Vec<String> = among.iter().map(member).collect();
        let _ = writeln!(text, "- {}: {}.", contender.name, members.join("; "));
    }
    if text.is_empty() { text } else { text + "\n" }
}
