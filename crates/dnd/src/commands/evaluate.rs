//! `dnd evaluate`: contenders by a plan.

use std::path::Path;
use std::process::ExitCode;

use dd_train::evaluation::{Plan, Progress, Report, Stored, Workplace, evaluate, recorded, stored};

use crate::cli::Evaluate;
use crate::commands::score;
use crate::commands::training::{read_text, report_skipped};
use crate::failure::{Failure, Outcome};
use crate::output::{answer, create_folder};
use crate::progress::{Count, say};

/// Does the runs of a plan that are not done yet, and writes the report; or scores predictions.
pub(crate) fn run(arguments: &Evaluate, quiet: bool) -> Outcome {
    let Some(path) = &arguments.plan else {
        return score::run(arguments);
    };
    let Some(output) = &arguments.output else {
        return Err(Failure::misuse("--plan needs --output"));
    };
    let text = read_text(path)?;
    let mut plan = Plan::from_toml(&text, &path.display().to_string()).map_err(Failure::misuse)?;
    if !arguments.only.is_empty() {
        plan = plan.only(&arguments.only).map_err(Failure::misuse)?;
    }
    if let Some(folder) = &arguments.runs {
        let recorded = recorded(&plan, folder).map_err(Failure::misuse)?;
        create_folder(output)?;
        return report(&plan, &recorded, output, quiet);
    }
    let Some(tables) = &arguments.tables else {
        return Err(Failure::misuse(
            "--plan needs --tables, or --runs for a report of runs that are done",
        ));
    };
    let workplace = Workplace {
        tables: tables.clone(),
        output: output.clone(),
        shard: arguments.shard,
    };
    if !arguments.report_only {
        runs(&plan, &workplace, quiet)?;
    }
    let stored = stored(&plan, &workplace).map_err(Failure::misuse)?;
    report(&plan, &stored, output, quiet)
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

fn report(plan: &Plan, stored: &Stored, output: &Path, quiet: bool) -> Outcome {
    if !quiet && stored.missing + stored.others > 0 {
        say(&format!(
            "{} runs of the plan are not done; {} lines are of other plans, settings, tables or models",
            stored.missing, stored.others
        ));
    }
    let report = Report::new(plan, &stored.entries).map_err(Failure::work)?;
    report.write(output).map_err(Failure::work)?;
    let text = report.to_markdown().map_err(Failure::work)?;
    answer(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}
