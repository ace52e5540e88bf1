//! `dnd pretrain`: step 1, the teacher.

use std::process::ExitCode;

use dd_train::{Conformers, Length, PretrainConfig, inputs};

use crate::cli::Pretrain;
use crate::commands::training::{Surroundings, config_or, device, finished, read_all};
use crate::failure::{Failure, Outcome};

/// Trains or resumes the teacher in the output folder.
pub(crate) fn run(arguments: &Pretrain, quiet: bool) -> Outcome {
    let run = &arguments.run;
    let preset = || PretrainConfig::tiny(run.seed.unwrap_or(0), run.steps.unwrap_or(2000));
    let mut config: PretrainConfig = config_or(run.config.as_deref(), preset)?;
    if let Some(seed) = run.seed {
        config.fit.seed = seed;
    }
    if let Some(steps) = run.steps {
        config.fit.length = Length::Steps(steps);
    }
    let recipe = inputs::denoise_recipe(&config.points);
    let examples = read_all(run, &recipe, quiet)?;
    let conformers = Conformers(&examples);
    let mut surroundings =
        Surroundings::new(&run.output, quiet, run.stop_after, device(run.device)?)?;
    let (_, report) = dd_train::pretrain(&config, &conformers, &mut surroundings.session())
        .map_err(Failure::work)?;
    finished(&report, &run.output, quiet);
    Ok(ExitCode::SUCCESS)
}
