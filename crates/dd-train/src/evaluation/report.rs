//! Tables, tests and pictures of an evaluation.

use std::fmt::Write as _;
use std::path::Path;

use dd_eval::{Direction, Metric, Summary};
use dd_nn::write_atomically;
use serde::Serialize;

use crate::error::Result;
use crate::evaluation::choice::{self, Choice};
use crate::evaluation::data::known;
use crate::evaluation::journal::Entry;
use crate::evaluation::overall::{self, Overall};
use crate::evaluation::plan::{Contender, Plan, SetPlan};
use crate::evaluation::statistics::{Duel, Runs, metric_of};
use crate::evaluation::{gain_chart, share_curves};
use crate::folder::write_json;

/// Level of the tests.
const LEVEL: f64 = 0.05;

/// What the runs of a plan say.
pub struct Report<'a> {
    runs: Runs<'a>,
    duels: Vec<(&'a Contender, Vec<Duel>)>,
    by_share: Vec<(&'a Contender, Vec<Duel>)>,
    overall: Vec<Overall>,
    choices: Vec<Choice>,
}

/// The families of tests that a correction covers.
#[derive(Serialize)]
struct Tests<'a> {
    choices: &'a [Choice],
    over_sets: &'a [Overall],
    by_set: Vec<Duel>,
    by_set_and_share: Vec<Duel>,
}

impl<'a> Report<'a> {
    /// Gathers and tests.
    ///
    /// # Errors
    /// When a score is no number.
    pub fn new(plan: &'a Plan, entries: &[Entry]) -> Result<Self> {
        let (choices, chosen) = choice::choices(plan, entries)?;
        let runs = Runs::of(plan, &[entries, &chosen].concat());
        let rivals = || plan.contenders.iter().filter(|one| one.against.is_some());
        let duels = rivals().map(|contender| Ok((contender, runs.duels(contender)?)));
        let duels = duels.collect::<Result<Vec<(&Contender, Vec<Duel>)>>>()?;
        let overall = { duels.iter() }
            .filter_map(|(contender, duels)| Overall::of(plan, contender, duels, LEVEL).transpose())
            .collect::<Result<_>>()?;
        let by_share = rivals().map(|contender| Ok((contender, runs.duels_by_share(contender)?)));
        let by_share = by_share.collect::<Result<_>>()?;
        Ok(Self {
            runs,
            duels,
            by_share,
            overall,
            choices,
        })
    }

    /// Everything as Markdown.
    ///
    /// # Errors
    /// When the plan names an unknown set.
    pub fn to_markdown(&self) -> Result<String> {
        let plan = self.runs.plan;
        let mut text = format!("# {}\n\n", plan.title);
        text += &self.scores()?;
        text += &self.gains();
        text += &share_curves::markdown(&self.runs)?;
        text += &share_curves::tests(&self.runs, &self.by_share, LEVEL);
        Ok(text)
    }

    /// Writes `report.md`, `tests.json`, `gains.svg`, and one `shares-SET.svg` for each set with several shares.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let put = |name: String, text: String| {
            write_atomically(folder.join(name), |out| out.write_all(text.as_bytes()))
        };
        put("report.md".into(), self.to_markdown()?)?;
        put("gains.svg".into(), gain_chart::svg(&self.duels))?;
        for (set, svg) in share_curves::svgs(&self.runs)? {
            put(format!("shares-{set}.svg"), svg)?;
        }
        let all = |family: &'_ [(&Contender, Vec<Duel>)]| -> Vec<Duel> {
            let duels = family.iter().flat_map(|(_, duels)| duels);
            duels.cloned().collect()
        };
        let tests = Tests {
            choices: &self.choices,
            over_sets: &self.overall,
            by_set: all(&self.duels),
            by_set_and_share: all(&self.by_share),
        };
        write_json(&folder.join("tests.json"), &tests)
    }

    /// Contenders by sets: mean and spread of the test score.
    fn scores(&self) -> Result<String> {
        let plan = self.runs.plan;
        let mut text = String::from("## Scores on the test part\n\n|");
        let mut rule = String::from("\n|---|");
        for set in &plan.sets {
            let metric = metric_of(set)?;
            let _ = write!(text, " | {}", column(set, metric)?);
            rule += "---:|";
        }
        text += " |";
        text += &rule;
        for contender in &plan.contenders {
            let _ = write!(text, "\n| {}", contender.name);
            for set in &plan.sets {
                let metric = metric_of(set)?;
                let own = self.runs.summary(set, &contender.name, 1.0, metric);
                let best = plan
                    .contenders
                    .iter()
                    .filter_map(|other| self.runs.summary(set, &other.name, 1.0, metric))
                    .map(|summary| summary.mean)
                    .reduce(|a, b| if metric.is_better(b, a) { b } else { a });
                let shown = own.map_or("–".into(), |own| {
                    let cell = format!("{}{}", shown(&own, metric), self.mark(contender, set));
                    if Some(own.mean) == best {
                        format!("**{cell}**")
                    } else {
                        cell
                    }
                });
                let _ = write!(text, " | {shown}");
            }
            text += " |";
        }
        text += "\n\nMean ± sample standard deviation over the seeds; bold: the best mean of the set. ▲ better and ▼ worse \
                 than the contender that it is tested against, paired t-test over seeds, p < 0.05 after Holm's correction \
                 over the sets.\n\n";
        text += &choice::markdown(plan, &self.choices);
        Ok(text)
    }

    /// The sign of a significant difference.
    fn mark(&self, contender: &Contender, set: &SetPlan) -> &'static str {
        let duels = self
            .duels
            .iter()
            .find(|(one, _)| one.name == contender.name);
        let duel = duels.and_then(|(_, duels)| duels.iter().find(|duel| duel.set == set.name));
        match duel {
            Some(duel) if duel.holm_p.is_some_and(|p| p < LEVEL) => {
                if duel.gain > 0.0 {
                    " ▲"
                } else {
                    " ▼"
                }
            }
            _ => "",
        }
    }

    /// Every contender against its rival: all sets together, then set by set: gains, tests, effect sizes.
    fn gains(&self) -> String {
        let mut text = String::from("## Against the rival\n\n");
        text += &overall::markdown(&self.overall);
        for (contender, duels) in self.duels.iter().filter(|(_, duels)| !duels.is_empty()) {
            let against = contender.against.as_deref().unwrap_or_default();
            let _ = write!(
                text,
                "### {} against {against}\n\n| set | seeds | {against} | {} | gain | t-test p | Holm p | Wilcoxon p | Cohen d |\n\
                 |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
                contender.name, contender.name
            );
            for duel in duels {
                let p = |value: Option<f64>| value.map_or("–".into(), |p| format!("{p:.2e}"));
                let _ = writeln!(
                    text,
                    "| {} | {} | {:.4} | {:.4} | {:+.1} % | {} | {} | {} | {} |",
                    duel.set,
                    duel.pairs,
                    duel.means.1,
                    duel.means.0,
                    duel.gain,
                    p(duel.t_p),
                    p(duel.holm_p),
                    p(duel.wilcoxon_p),
                    duel.cohen_d.map_or("–".into(), |d| format!("{d:.2}"))
                );
            }
            text += "\n";
        }
        text
    }
}

/// A column's head: the set, the metric, its direction.
fn column(set: &SetPlan, metric: Metric) -> Result<String> {
    let arrow = match metric.direction() {
        Direction::Maximize => "↑",
        Direction::Minimize => "↓",
    };
    let unit = metric.unit_text(known(set)?.unit);
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" [{unit}]")
    };
    Ok(format!("{} {}{unit} {arrow}", set.name, metric.name()))
}

/// Areas under curves in per cent, errors as they are.
fn shown(summary: &Summary, metric: Metric) -> String {
    let (factor, decimals) = if metric == Metric::RocAuc {
        (100.0, 1)
    } else {
        (1.0, 3)
    };
    let mean = format!("{:.decimals$}", factor * summary.mean);
    match summary.std {
        Some(std) => format!("{mean} ± {:.decimals$}", factor * std),
        None => mean,
    }
}
