//! `dnd pretrain`: step 1, the teacher.

use std::process::ExitCode;

use dd_train::{Conformers, Length, PretrainConfig, inputs};

use crate::cli::Pretrain;
use crate::commands::training::{Surroundings, config_or, finished, open_all, report_skipped};
use crate::failure::{Failure, Outcome};

/// Trains or resumes the teacher in the output folder.
pub(crate) fn run(arguments: &Pretrain, quiet: bool) -> Outcome {
    let preset =
        || PretrainConfig::tiny(arguments.seed.unwrap_or(0), arguments.steps.unwrap_or(2000));
    let mut config: PretrainConfig = config_or(arguments.config.as_deref(), preset)?;
    if let Some(seed) = arguments.seed {
        config.fit.seed = seed;
    }
    if let Some(steps) = arguments.steps {
        config.fit.length = Length::Steps(steps);
    }
    let datasets = open_all(&arguments.input)?;
    let recipe = inputs::denoise_recipe(&config.points);
    let (examples, skipped) =
        inputs::examples(&datasets, &recipe, arguments.limit).map_err(Failure::misuse)?;
    report_skipped(&skipped, quiet);
    let conformers = Conformers(&examples);
    let mut surroundings = Surroundings::new(&arguments.output, quiet, arguments.stop_after)?;
    let (_, report) = dd_train::pretrain(&config, &conformers, &mut surroundings.session())
        .map_err(Failure::work)?;
    finished(&report, &arguments.output, quiet);
    Ok(ExitCode::SUCCESS)
}
