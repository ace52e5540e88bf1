//! Runs of a journal, gathered and compared.

use std::collections::BTreeMap;

use dd_eval::{Metric, Summary, compare_to_baseline, holm};
use serde::Serialize;

use crate::error::Result;
use crate::evaluation::data::{known, metrics};
use crate::evaluation::journal::Entry;
use crate::evaluation::plan::{Contender, Plan, SetPlan};
use crate::evaluation::share::millionths;

/// A contender against its rival on one set and share of the labels, over the seeds that both have.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Duel {
    pub(super) set: String,
    pub(super) share: f64,
    pub(super) contender: String,
    pub(super) against: String,
    pub(super) pairs: usize,
    /// Means of both.
    pub(super) means: (f64, f64),
    /// Relative gain of the mean in per cent, positive when the contender is better.
    pub(super) gain: f64,
    /// Its sample standard deviation over the seeds.
    pub(super) gain_std: Option<f64>,
    /// Paired t-test.
    pub(super) t_p: Option<f64>,
    /// The same after Holm's correction over all sets, or all sets and shares, of this pair of contenders.
    pub(super) holm_p: Option<f64>,
    pub(super) wilcoxon_p: Option<f64>,
    pub(super) cohen_d: Option<f64>,
}

/// Set, contender, and share of the labels in millionths.
type Place = (String, String, u64);
/// Test scores by metric.
type Scores = BTreeMap<String, f64>;

/// The runs of one plan.
pub(super) struct Runs<'a> {
    pub(super) plan: &'a Plan,
    values: BTreeMap<Place, BTreeMap<u64, Scores>>,
}

impl<'a> Runs<'a> {
    pub(super) fn of(plan: &'a Plan, entries: &[Entry]) -> Self {
        let mut values: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for entry in entries {
            let place = (
                entry.set.clone(),
                entry.contender.clone(),
                millionths(entry.share),
            );
            values
                .entry(place)
                .or_default()
                .insert(entry.seed, entry.test.clone());
        }
        Self { plan, values }
    }

    /// Scores by seed.
    pub(super) fn scores(
        &self,
        set: &SetPlan,
        contender: &str,
        share: f64,
        metric: Metric,
    ) -> BTreeMap<u64, f64> {
        let place = (set.name.clone(), contender.to_string(), millionths(share));
        let runs = self.values.get(&place).into_iter().flatten();
        let wanted = self.plan.seeds(set);
        runs.filter(|(seed, _)| wanted.contains(seed))
            .filter_map(|(&seed, test)| Some((seed, *test.get(metric.name())?)))
            .collect()
    }

    /// Mean and spread.
    pub(super) fn summary(
        &self,
        set: &SetPlan,
        contender: &str,
        share: f64,
        metric: Metric,
    ) -> Option<Summary> {
        let scores: Vec<f64> = self
            .scores(set, contender, share, metric)
            .into_values()
            .collect();
        Summary::new(&scores).ok()
    }

    /// A contender against its rival on all sets, on the whole training part.
    pub(super) fn duels(&self, contender: &Contender) -> Result<Vec<Duel>> {
        let places = self.plan.sets.iter().map(|set| (set, 1.0)).collect();
        self.duels_at(contender, places)
    }

    /// A contender against its rival on all shares of the sets that have several, one family of tests.
    pub(super) fn duels_by_share(&self, contender: &Contender) -> Result<Vec<Duel>> {
        let places = self.plan.sets.iter().flat_map(|set| {
            let shares = self.plan.shares(set);
            let shares = if shares.len() > 1 { shares } else { &[] };
            shares.iter().map(move |&share| (set, share))
        });
        self.duels_at(contender, places.collect())
    }

    fn duels_at(&self, contender: &Contender, places: Vec<(&SetPlan, f64)>) -> Result<Vec<Duel>> {
        let Some(against) = &contender.against else {
            return Ok(Vec::new());
        };
        let mut duels = Vec::new();
        for (set, share) in places {
            let metric = metric_of(set)?;
            let ours = self.scores(set, &contender.name, share, metric);
            let theirs = self.scores(set, against, share, metric);
            // One run of a contender that knows no chance stands beside each of its rival's.
            let (ours, theirs) =
                match [&contender.name, against].map(|name| self.plan.has_one_run(name, share)) {
                    [true, false] => (for_each_of(&theirs, &ours), theirs),
                    [false, true] => (ours.clone(), for_each_of(&ours, &theirs)),
                    _ => (ours, theirs),
                };
            let both: Vec<(f64, f64)> = ours
                .iter()
                .filter_map(|(seed, a)| Some((*a, *theirs.get(seed)?)))
                .collect();
            if let Some(duel) = duel((set, share), (contender, against), metric, &both)? {
                duels.push(duel);
            }
        }
        let tested: Vec<f64> = duels.iter().filter_map(|duel| duel.t_p).collect();
        let mut adjusted = holm(&tested)?.into_iter();
        for duel in duels.iter_mut().filter(|duel| duel.t_p.is_some()) {
            duel.holm_p = adjusted.next();
        }
        Ok(duels)
    }
}

/// The one score for each seed of others.
fn for_each_of(others: &BTreeMap<u64, f64>, one: &BTreeMap<u64, f64>) -> BTreeMap<u64, f64> {
    let score = one.values().next();
    { others.keys() }
        .filter_map(|&seed| Some((seed, *score?)))
        .collect()
}

/// The metric that compares on a set.
pub(super) fn metric_of(set: &SetPlan) -> Result<Metric> {
    Ok(metrics(known(set)?.task == dd_data::Task::Classification)[0])
}

fn duel(
    (set, share): (&SetPlan, f64),
    (contender, against): (&Contender, &str),
    metric: Metric,
    both: &[(f64, f64)],
) -> Result<Option<Duel>> {
    if both.is_empty() {
        return Ok(None);
    }
    let (ours, theirs): (Vec<f64>, Vec<f64>) = both.iter().copied().unzip();
    let (mean, rival) = (Summary::new(&ours)?.mean, Summary::new(&theirs)?.mean);
    let sign = if metric.is_better(1.0, 0.0) {
        1.0
    } else {
        -1.0
    };
    let gain = |ours: f64, theirs: f64| 100.0 * sign * (ours - theirs) / rival;
    let gains: Vec<f64> = both.iter().map(|&(a, b)| gain(a, b)).collect();
    let values = |scores: Vec<f64>| scores.into_iter().map(Some).collect::<Vec<_>>();
    let challenger = [(contender.name.clone(), values(ours))];
    let tests = compare_to_baseline(metric, &values(theirs), &challenger)?;
    let tests = tests.into_iter().next();
    Ok(tests.map(|tests| Duel {
        set: set.name.clone(),
        share,
        contender: contender.name.clone(),
        against: against.to_string(),
        pairs: tests.pairs,
        means: (mean, rival),
        gain: gain(mean, rival),
        gain_std: Summary::new(&gains).ok().and_then(|summary| summary.std),
        t_p: tests.t_p,
        holm_p: None,
        wilcoxon_p: tests.wilcoxon_p,
        cohen_d: tests.cohen_d,
    }))
}
