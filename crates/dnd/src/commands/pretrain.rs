//! `dnd pretrain`: step 1, the teacher.

use std::process::ExitCode;

use dd_train::{Conformers, Data, PretrainConfig, inputs};

use crate::cli::{Pretrain, PretrainPreset};
use crate::commands::training::{
    Surroundings, config_or, device, finished, printed, read_all, read_valid,
};
use crate::failure::{Failure, Outcome};

/// Trains or resumes the teacher in the output folder.
pub(crate) fn run(arguments: &Pretrain, quiet: bool) -> Outcome {
    let run = &arguments.run;
    let (seed, steps) = (run.seed.unwrap_or(0), run.steps.unwrap_or(2000));
    let preset = || match arguments.preset {
        PretrainPreset::Tiny => PretrainConfig::tiny(seed, steps),
        PretrainPreset::Small => PretrainConfig::small(seed, steps),
        PretrainPreset::Pcqm4mv2 => PretrainConfig::pcqm4mv2(seed),
    };
    let mut config: PretrainConfig = config_or(run.config.as_deref(), preset)?;
    if let Some(model) = &arguments.model {
        config.begin_with(model).map_err(Failure::misuse)?;
    }
    if let Some(seed) = run.seed {
        config.fit.seed = seed;
    }
    if let Some(steps) = run.steps {
        config.fit.set_steps(steps);
    }
    if printed(run, &config)? {
        return Ok(ExitCode::SUCCESS);
    }
    let recipe = inputs::denoise_recipe(&config.points);
    let examples = read_all(run, &recipe, quiet)?;
    let conformers = Conformers(&examples);
    let valid = read_valid(run, &recipe, quiet)?;
    let mut surroundings =
        Surroundings::new(run.output(), quiet, run.stop_after, device(run.device)?)?;
    let mut session = surroundings.session();
    let outcome = match valid {
        None => dd_train::pretrain(&config, &conformers, &mut session),
        Some(valid) => {
            let data = Data {
                train: &conformers,
                valid: Some(&Conformers(&valid)),
            };
            dd_train::pretrain_on(&config, &data, &mut session)
        }
    };
    let (_, report) = outcome.map_err(Failure::run)?;
    finished(&report, run.output(), quiet);
    Ok(ExitCode::SUCCESS)
}
