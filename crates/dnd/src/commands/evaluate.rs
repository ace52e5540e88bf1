//! `dnd evaluate`: contenders by a plan.

use std::path::Path;
use std::process::ExitCode;

use dd_train::evaluation::{Journal, Plan, Progress, Report, Workplace, evaluate};

use crate::cli::Evaluate;
use crate::commands::score;
use crate::failure::{Failure, Outcome};
use crate::progress::{Count, say};

/// Does the runs of a plan that are not done yet, and writes the report; or scores predictions.
pub(crate) fn run(arguments: &Evaluate, quiet: bool) -> Outcome {
    let Some(path) = &arguments.plan else {
        return score::run(arguments);
    };
    let (Some(tables), Some(output)) = (&arguments.tables, &arguments.output) else {
        return Err(Failure::misuse("--plan needs --tables and --output"));
    };
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::misuse(format!("{origin}: {error}")))?;
    let plan = Plan::from_toml(&text, &origin).map_err(Failure::misuse)?;
    let journal = if arguments.report_only {
        Journal::open(output, None).map_err(Failure::misuse)?
    } else {
        let workplace = Workplace {
            tables: tables.clone(),
            output: output.clone(),
            shard: arguments.shard,
        };
        runs(&plan, &workplace, quiet)?
    };
    report(&plan, &journal, output)
}

fn runs(plan: &Plan, workplace: &Workplace, quiet: bool) -> Result<Journal, Failure> {
    let mut bar: Option<Count> = None;
    let mut show = |progress: &Progress<'_>| {
        let (done, total) = progress.done;
        bar.get_or_insert_with(|| Count::new("runs", total, quiet))
            .at(done);
        let entry = progress.entry;
        if !quiet && !progress.was_done {
            let scores = entry
                .test
                .iter()
                .map(|(name, value)| format!("{name} {value:.4}"));
            say(&format!(
                "{done}/{total} {} · {} · {} % · seed {}: {}",
                entry.set,
                entry.contender,
                100.0 * entry.share,
                entry.seed,
                scores.collect::<Vec<_>>().join(", ")
            ));
        }
    };
    evaluate(plan, workplace, &mut show).map_err(Failure::work)
}

#[allow(clippy::print_stdout, reason = "the report is the result")]
fn report(plan: &Plan, journal: &Journal, output: &Path) -> Outcome {
    let report = Report::new(plan, journal).map_err(Failure::work)?;
    report.write(output).map_err(Failure::work)?;
    println!("{}", report.to_markdown().map_err(Failure::work)?);
    Ok(ExitCode::SUCCESS)
}
