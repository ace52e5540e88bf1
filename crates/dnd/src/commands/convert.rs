//! `dnd convert`: weights of the original implementations into a model folder.

use std::path::Path;
use std::process::ExitCode;

use dd_encoder2d::published::{self, Published};
use dd_encoder2d::{EncoderError, ModelConfig, save_model};
use dd_nn::{Checkpoint, LoadReport};
use dd_train::{MODEL_FILE, Teacher, TeacherConfig, no_other_model, no_run};

use crate::cli::Convert;
use crate::failure::{Failure, Outcome};
use crate::output::not_an_input;
use crate::progress::say;

/// Recognises the weights, or takes the word of a configuration, and writes the folder.
pub(crate) fn run(arguments: &Convert, quiet: bool) -> Outcome {
    let written = arguments.output.join(MODEL_FILE);
    not_an_input(&written, [arguments.input.as_path()])?;
    no_run(&arguments.output).map_err(Failure::misuse)?;
    let file = Checkpoint::open(&arguments.input).map_err(Failure::misuse)?;
    let report = match &arguments.config {
        None => recognized(&file, &arguments.output, quiet)?,
        Some(config) => described(&file, config, &arguments.output)?,
    };
    if !quiet {
        let ignored = report.ignored.iter().map(|(name, reason)| (name, reason));
        for (name, reason) in ignored.chain(file.left_out()) {
            say(&format!("left out: {name}: {reason}"));
        }
        for (name, reason) in &report.kept {
            say(&format!("not in the file: {name}: {reason}"));
        }
        say(&format!(
            "{} tensors: {}",
            report.loaded.len(),
            arguments.output.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn recognized(file: &Checkpoint, output: &Path, quiet: bool) -> Result<LoadReport, Failure> {
    let found = published::recognize(file).map_err(Failure::misuse)?;
    let (store, report) = found.load(file).map_err(Failure::misuse)?;
    if !quiet {
        say(&format!("found: {}", found.title));
        for note in &found.notes {
            say(&format!("note: {note}"));
        }
    }
    let card = card(file, &found, &report);
    keep_other_models(output, &found.config)?;
    save_model(output, &found.config, &store, Some(&card)).map_err(Failure::work)?;
    Ok(report)
}

/// The model card: what the file was taken for, and from where.
fn card(file: &Checkpoint, found: &Published, report: &LoadReport) -> String {
    let name = file.path().file_name().unwrap_or(file.path().as_os_str());
    let notes: String = found
        .notes
        .iter()
        .map(|note| format!("- {note}\n"))
        .collect();
    format!(
        "# {}\n\nConverted by `dnd convert` from `{}`: {} tensors. The licence is that of the original weights.\n\n{notes}",
        found.title,
        name.display(),
        report.loaded.len(),
    )
}

fn described(file: &Checkpoint, config: &Path, output: &Path) -> Result<LoadReport, Failure> {
    let text = std::fs::read_to_string(config)
        .map_err(|error| Failure::misuse(format!("{}: {error}", config.display())))?;
    if TeacherConfig::is_meant_by(&text) {
        let teacher: TeacherConfig = serde_json::from_str(&text)
            .map_err(|error| Failure::misuse(format!("{}: {error}", config.display())))?;
        let text = serde_json::to_string(&teacher).map_err(Failure::misuse)?;
        no_other_model(output, &text).map_err(Failure::misuse)?;
        return Teacher::convert(&teacher, file, output).map_err(Failure::misuse);
    }
    let config = ModelConfig::from_json(&text).map_err(|error| match error {
        EncoderError::ModelConfig { reason, .. } => {
            Failure::misuse(format!("{}: {reason}", config.display()))
        }
        other => Failure::misuse(other),
    })?;
    let described = Published::described(file, config);
    let (store, report) = described.load(file).map_err(Failure::misuse)?;
    keep_other_models(output, &described.config)?;
    save_model(output, &described.config, &store, None).map_err(Failure::work)?;
    Ok(report)
}

fn keep_other_models(output: &Path, config: &ModelConfig) -> Result<(), Failure> {
    let text = config.to_json().map_err(Failure::misuse)?;
    no_other_model(output, &text).map_err(Failure::misuse)
}
