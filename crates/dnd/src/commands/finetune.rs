//! `dnd finetune`: step 3, a student and a head on labels.

use std::path::Path;
use std::process::ExitCode;

use candle_core::Device;
use dd_data::{Fractions, Split};
use dd_encoder2d::{EncoderConfig, ModelFolder, Target, TargetKind};
use dd_graph::FeaturizerConfig;
use dd_train::inputs::LabelledTable;
use dd_train::{
    DistillConfig, FinetuneConfig, FinetuneReport, LabelledData, Length, LossTerm, Student,
};

use crate::cli::{Finetune, SplitMethod, TaskKind};
use crate::commands::training::{Surroundings, config_or, report_skipped};
use crate::failure::{Failure, Outcome};
use crate::progress::say;

/// Trains one model per seed in the output folder.
pub(crate) fn run(arguments: &Finetune, quiet: bool) -> Outcome {
    let (encoder, featurizer) = start(arguments.model.as_deref())?;
    let table = LabelledTable::read(
        &arguments.input,
        &arguments.smiles_column,
        &arguments.target_columns,
        &featurizer,
    )
    .map_err(Failure::misuse)?;
    report_skipped(&table.skipped, quiet);
    let task = arguments
        .task
        .unwrap_or_else(|| detect(&table, arguments.target_columns.len()));
    if !quiet {
        say(&format!(
            "task: {task:?}{}",
            if arguments.task.is_none() {
                " (found from the values)"
            } else {
                ""
            }
        ));
    }
    let preset = || match task {
        TaskKind::Regression => FinetuneConfig::regression(),
        TaskKind::Binary => FinetuneConfig::binary(),
    };
    let mut config: FinetuneConfig = config_or(arguments.config.as_deref(), preset)?;
    config.seeds.clone_from(&arguments.seeds);
    if let Some(epochs) = arguments.epochs {
        config.fit.length = Length::Epochs(epochs);
    }
    let [train, valid, test] = table.parts(&divide(arguments.split, &table));
    if !quiet {
        say(&format!(
            "split: {} train, {} valid, {} test",
            train.len(),
            valid.len(),
            test.len()
        ));
    }
    let targets: Vec<Target> = arguments
        .target_columns
        .iter()
        .map(|name| target(name, task))
        .collect();
    let data = LabelledData {
        targets: &targets,
        train: &train,
        valid: &valid,
        test: &test,
    };
    let student = match &arguments.model {
        Some(folder) => Student::Folder(folder),
        None => Student::Scratch {
            encoder,
            featurizer,
        },
    };
    let mut surroundings = Surroundings::new(&arguments.output, quiet, None, Device::Cpu)?;
    let report = dd_train::finetune(&config, &student, &data, &mut surroundings.session())
        .map_err(Failure::work)?;
    say(&scores(&report));
    Ok(ExitCode::SUCCESS)
}

/// The encoder and the featurizer to begin with: a folder's, or those that `dnd distill` trains by default.
fn start(model: Option<&Path>) -> Result<(EncoderConfig, FeaturizerConfig), Failure> {
    let Some(folder) = model else {
        let config = DistillConfig::tiny(0, 1, LossTerm::node());
        return Ok((config.student, config.featurizer.into()));
    };
    let folder = ModelFolder::open(folder).map_err(Failure::misuse)?;
    let config = folder.config();
    Ok((config.encoder.clone(), config.featurizer.clone()))
}

/// Binary when every label of every column is 0 or 1.
fn detect(table: &LabelledTable, columns: usize) -> TaskKind {
    let binary = (0..columns).all(|column| {
        table
            .labels(column)
            .all(|label| label == 0.0 || label == 1.0)
    });
    if binary {
        TaskKind::Binary
    } else {
        TaskKind::Regression
    }
}

fn target(name: &str, task: TaskKind) -> Target {
    let kind = match task {
        TaskKind::Regression => TargetKind::Regression,
        TaskKind::Binary => TargetKind::Binary,
    };
    Target {
        name: name.to_string(),
        kind,
        unit: None,
    }
}

fn divide(method: SplitMethod, table: &LabelledTable) -> Split {
    let fractions = Fractions::MOLECULE_NET;
    match method {
        SplitMethod::Scaffold => {
            Split::by_scaffold(&table.scaffolds, fractions, dd_data::CountedRows::Readable)
        }
        SplitMethod::Random => Split::random(table.num_rows(), fractions, 0),
    }
}

/// The test scores, one line per metric.
fn scores(report: &FinetuneReport) -> String {
    let line = |(name, summary): (&String, &dd_eval::Summary)| {
        format!(
            "test {name}: {} over {} seeds",
            summary.to_text(4),
            report.runs.len()
        )
    };
    report
        .summary
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}
