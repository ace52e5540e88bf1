//! `dnd contrast`: the contrastive rival of step 2.

use std::process::ExitCode;

use dd_train::{ContrastConfig, Data, Pairs, inputs};

use crate::cli::Contrast;
use crate::commands::training::{
    Surroundings, config_or, device, finished, printed, read_all, read_valid,
};
use crate::failure::{Failure, Outcome};

/// Trains or resumes the student in the output folder.
pub(crate) fn run(arguments: &Contrast, quiet: bool) -> Outcome {
    let run = &arguments.run;
    let preset = || ContrastConfig::tiny(run.seed.unwrap_or(0), run.steps.unwrap_or(2000));
    let mut config: ContrastConfig = config_or(run.config.as_deref(), preset)?;
    if let Some(seed) = run.seed {
        config.fit.seed = seed;
    }
    if let Some(steps) = run.steps {
        config.fit.set_steps(steps);
    }
    if printed(run, &config)? {
        return Ok(ExitCode::SUCCESS);
    }
    let recipe = inputs::distill_recipe(&config.featurizer, &config.points);
    let examples = read_all(run, &recipe, quiet)?;
    let valid = read_valid(run, &recipe, quiet)?;
    let (pairs, valid) = (Pairs(&examples), valid.as_ref().map(|valid| Pairs(valid)));
    let data = Data {
        train: &pairs,
        valid: valid.as_ref().map(|valid| valid as _),
    };
    let device = device(run.device)?;
    let mut surroundings = Surroundings::new(run.output(), quiet, run.stop_after, device)?;
    let (_, report) =
        dd_train::contrast(&config, &data, &mut surroundings.session()).map_err(Failure::run)?;
    finished(&report, run.output(), quiet);
    Ok(ExitCode::SUCCESS)
}
