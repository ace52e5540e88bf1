//! `dnd evaluate`: contenders by a plan.

use std::process::ExitCode;

use dd_train::evaluation::{Plan, Progress, Report, Workplace, evaluate, stored};

use crate::cli::Evaluate;
use crate::commands::score;
use crate::commands::training::{read_text, report_skipped};
use crate::failure::{Failure, Outcome};
use crate::output::answer;
use crate::progress::{Count, say};

/// Does the runs of a plan that are not done yet, and writes the report; or scores predictions.
pub(crate) fn run(arguments: &Evaluate, quiet: bool) -> Outcome {
    let Some(path) = &arguments.plan else {
        return score::run(arguments);
    };
    let (Some(tables), Some(output)) = (&arguments.tables, &arguments.output) else {
        return Err(Failure::misuse("--plan needs --tables and --output"));
    };
    let text = read_text(path)?;
    let plan = Plan::from_toml(&text, &path.display().to_string()).map_err(Failure::misuse)?;
    let workplace = Workplace {
        tables: tables.clone(),
        output: output.clone(),
        shard: arguments.shard,
    };
    if !arguments.report_only {
        runs(&plan, &workplace, quiet)?;
    }
    report(&plan, &workplace, quiet)
}

fn runs(plan: &Plan, workplace: &Workplace, quiet: bool) -> Result<(), Failure> {
    let mut bar: Option<Count> = None;
    let mut show = |progress: &Progress<'_>| match progress {
        Progress::Table { set, skipped } => {
            if !quiet && skipped.total() > 0 {
                say(&format!("{set}: some rows are in no part"));
            }
            report_skipped(skipped, quiet);
        }
        Progress::Run {
            entry,
            was_done,
            done: (done, total),
        } => {
            bar.get_or_insert_with(|| Count::new("runs", *total, quiet))
                .at(*done);
            if quiet || *was_done {
                return;
            }
            let scores = entry.test.iter();
            let scores = scores.map(|(name, value)| format!("{name} {value:.4}"));
            let scores = scores.chain(entry.undefined.values().cloned());
            say(&format!(
                "{done}/{total} {} · {} · {} % · seed {}: {}",
                entry.set,
                entry.contender,
                entry.percent(),
                entry.seed,
                scores.collect::<Vec<_>>().join(", ")
            ));
        }
    };
    evaluate(plan, workplace, &mut show).map_err(Failure::run)?;
    Ok(())
}

fn report(plan: &Plan, workplace: &Workplace, quiet: bool) -> Outcome {
    let stored = stored(plan, workplace).map_err(Failure::misuse)?;
    if !quiet && stored.missing + stored.others > 0 {
        say(&format!(
            "{} runs of the plan are not done; {} lines are of other plans, settings, tables or models",
            stored.missing, stored.others
        ));
    }
    let report = Report::new(plan, &stored.entries).map_err(Failure::work)?;
    report.write(&workplace.output).map_err(Failure::work)?;
    let text = report.to_markdown().map_err(Failure::work)?;
    answer(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}
