//! `dnd finetune`: step 3, from a table to models that predict its columns.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::Device;
use dd_data::Fractions;
use dd_encoder2d::TargetKind;
use dd_eval::readable;
use dd_train::ClassWeights;
use dd_train::property::{Division, PropertyOutcome, PropertyPlan, PropertyRequest};

use crate::cli::{Finetune, SplitMethod, TaskKind, Weights};
use crate::commands::training::{Surroundings, config};
use crate::failure::{Failure, Outcome};
use crate::output::shell_word;
use crate::progress::say;

/// Targets whose scores are printed.
const MOST_TOLD: usize = 12;

/// Says what will be done, does it, and says how good it is.
pub(crate) fn run(arguments: &Finetune, quiet: bool) -> Outcome {
    let request = request(arguments)?;
    let output = match &arguments.output {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(stem(&request.table)),
    };
    let plan = PropertyPlan::new(request).map_err(Failure::misuse)?;
    if !quiet {
        for (subject, text) in plan.choices() {
            say(&format!("{subject:>9}  {text}"));
        }
    }
    let mut surroundings = Surroundings::new(&output, quiet, None, Device::Cpu)?;
    let outcome = plan
        .run(&mut surroundings.session())
        .map_err(Failure::run)?;
    if !quiet {
        say(&scores(&outcome));
        for note in &outcome.notes {
            say(&format!("note: {note}"));
        }
        let folder = output.display();
        say(&format!("report: {folder}/report.html"));
        say(&format!(
            "next: dnd predict --model {} -i new.smi -o predictions.csv",
            shell_word(&output)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn request(arguments: &Finetune) -> Result<PropertyRequest, Failure> {
    let table = arguments.table.as_ref().or(arguments.input.as_ref());
    let table = table
        .cloned()
        .ok_or_else(|| Failure::misuse("no table is named"))?;
    let shares: [f64; 3] = arguments
        .fractions
        .clone()
        .try_into()
        .map_err(|given: Vec<f64>| {
            Failure::misuse(format!(
                "--fractions: expected 3 numbers, got {}",
                given.len()
            ))
        })?;
    let fractions = Fractions::try_from(shares).map_err(Failure::misuse)?;
    let division = match (&arguments.split_column, arguments.split) {
        (Some(name), _) => Division::Column(name.clone()),
        (None, SplitMethod::Scaffold) => Division::Scaffold(fractions),
        (None, SplitMethod::Random) => Division::Random(fractions, arguments.split_seed),
    };
    let from_scratch = ["none", "scratch"]
        .map(Path::new)
        .contains(&arguments.model.as_path());
    Ok(PropertyRequest {
        table,
        smiles_column: arguments.smiles_column.clone(),
        target_columns: arguments.target_columns.clone(),
        task: arguments.task.map(|task| match task {
            TaskKind::Regression => TargetKind::Regression,
            TaskKind::Binary => TargetKind::Binary,
        }),
        model: (!from_scratch).then(|| arguments.model.clone()),
        division,
        class_weights: arguments.class_weights.map(|weights| match weights {
            Weights::None => ClassWeights::None,
            Weights::Balanced => ClassWeights::Balanced,
        }),
        encoder_rate: arguments.encoder_rate,
        config: arguments.config.as_deref().map(config).transpose()?,
        seeds: if arguments.seeds.is_empty() {
            (0..arguments.ensemble.unwrap_or(0)).collect()
        } else {
            arguments.seeds.clone()
        },
        epochs: arguments.epochs,
        patience: arguments.patience,
        intervals: arguments.intervals.map(Into::into),
    })
}

/// The name of a table without what says its format.
fn stem(table: &Path) -> PathBuf {
    let name = table.file_name().unwrap_or_default().to_string_lossy();
    name.split('.')
        .find(|part| !part.is_empty())
        .unwrap_or("table")
        .into()
}

/// The test scores, one line per target and metric.
fn scores(outcome: &PropertyOutcome) -> String {
    let mut lines = Vec::new();
    for of_target in outcome.scores.iter().take(MOST_TOLD) {
        for one in &of_target.metrics {
            let value = |value: Option<f64>| {
                value.map_or("undefined".to_string(), |value| readable(value, 4))
            };
            let members = one
                .members
                .map_or("undefined".into(), |members| members.to_text(4));
            lines.push(format!(
                "test {} of \"{}\", {} molecules: {} (single models {members}; fingerprints {}; constant {})",
                one.metric.name(),
                of_target.target.name,
                of_target.rows,
                value(one.ensemble),
                value(one.baseline),
                value(one.constant),
            ));
        }
    }
    if outcome.scores.len() > MOST_TOLD {
        let more = outcome.scores.len() - MOST_TOLD;
        lines.push(format!(
            "the scores of {more} more targets are in the report"
        ));
    }
    lines.join("\n")
}
