//! `dnd predict`: the targets of fine-tuned models for every row, and how far they can be trusted.

use dd_data::output::RecordSink;
use dd_train::property::{Assessor, Ensemble, Explanations, MOST_DRAWN};

use crate::cli::PredictTargets;
use crate::commands::job::{Job, Start};
use crate::commands::rows::{answer, on_error};
use crate::failure::{Failure, Outcome};
use crate::progress::say;

/// The coverage when none is asked for.
const COVERAGE: f64 = 0.9;

/// Answers every row.
pub(crate) fn run(arguments: &PredictTargets, quiet: bool) -> Outcome {
    let common = &arguments.common;
    let options = [
        format!("plain {}", arguments.plain),
        format!("coverage {:?}", arguments.coverage),
        format!("explain {:?}", arguments.explain),
        format!("intervals {:?}", arguments.intervals),
    ];
    let beside = arguments.explain.as_deref();
    let job = match Job::start("predict", common, (&options, beside), quiet)? {
        Start::Go(job) => job,
        Start::Done(outcome) => return outcome,
    };
    let mut ensemble =
        Ensemble::load_as(&common.model, common.precision()).map_err(Failure::misuse)?;
    ensemble.set_batch_tokens(common.batch_tokens);
    if let Some(widths) = arguments.intervals {
        ensemble
            .set_intervals(widths.into())
            .map_err(Failure::misuse)?;
    }
    let coverage = arguments.coverage.unwrap_or(COVERAGE);
    let refusals = ensemble.refusals(coverage).map_err(Failure::misuse)?;
    if arguments.coverage.is_some() && !refusals.is_empty() {
        return Err(Failure::misuse(refusals.join("\n")));
    }
    let assessor = Assessor::new(&ensemble, coverage).map_err(Failure::misuse)?;
    let plain = arguments.plain || !(assessor.adds_something() || arguments.explain.is_some());
    if plain {
        return answer(job, common, &ensemble);
    }
    if ensemble.uncertainty().is_some() && !quiet {
        for refusal in &refusals {
            say(&format!("no interval: {refusal}"));
        }
    }
    let mut explanations = job
        .beside()
        .map(|folder| Explanations::create(&ensemble, folder))
        .transpose()
        .map_err(Failure::misuse)?;
    let rows = job.rows(&common.rows)?;
    let mut sink = RecordSink::open(job.output(), &assessor.columns()).map_err(Failure::misuse)?;
    let policy = on_error(&common.rows);
    let summary = assessor
        .answer(rows, policy, &mut sink, explanations.as_mut())
        .map_err(Failure::rows)?;
    sink.finish().map_err(Failure::output)?;
    if let Some(explanations) = explanations {
        let undrawn = explanations.finish().map_err(Failure::work)?;
        if undrawn > 0 && !quiet {
            say(&format!(
                "{undrawn} molecules were not drawn (at most {MOST_DRAWN}, none too large); their numbers are there"
            ));
        }
    }
    job.finish(summary)
}
