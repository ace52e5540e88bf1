//! `dnd distill`: step 2, the student.

use std::process::ExitCode;

use dd_train::{Data, DistillConfig, LossTerm, Pairs, Teacher, inputs};

use crate::cli::{Distill, DistillPreset};
use crate::commands::training::{
    Surroundings, config_or, device, finished, printed, read_all, read_valid,
};
use crate::failure::{Failure, Outcome};

/// Trains or resumes the student in the output folder.
pub(crate) fn run(arguments: &Distill, quiet: bool) -> Outcome {
    let run = &arguments.run;
    let seed = run.seed.unwrap_or(0);
    let steps = run.steps.unwrap_or(2000);
    let preset = || match arguments.preset {
        DistillPreset::Tiny => DistillConfig::tiny(seed, steps, LossTerm::node()),
        DistillPreset::Student256 => DistillConfig::student_256(seed, steps, LossTerm::node()),
    };
    let mut config: DistillConfig = config_or(run.config.as_deref(), preset)?;
    if let Some(loss) = &arguments.loss {
        config.losses = losses(loss)?;
    }
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
    let device = device(run.device)?;
    let teacher = Teacher::load(arguments.teacher(), &device).map_err(Failure::misuse)?;
    let recipe = inputs::distill_recipe(&config.featurizer, &teacher.config.points);
    let examples = read_all(run, &recipe, quiet)?;
    let pairs = Pairs(&examples);
    let valid = read_valid(run, &recipe, quiet)?;
    let mut surroundings = Surroundings::new(run.output(), quiet, run.stop_after, device)?;
    let mut session = surroundings.session();
    let outcome = match &valid {
        None => dd_train::distill(&config, teacher, &pairs, &mut session),
        Some(valid) => {
            let data = Data {
                train: &pairs,
                valid: Some(&Pairs(valid)),
            };
            let cache = arguments.teacher_cache.as_deref();
            dd_train::distill_on(&config, teacher, &data, cache, &mut session)
        }
    };
    let (_, report) = outcome.map_err(Failure::run)?;
    finished(&report, run.output(), quiet);
    Ok(ExitCode::SUCCESS)
}

fn losses(name: &str) -> Result<Vec<LossTerm>, Failure> {
    match name {
        "node" => Ok(vec![LossTerm::node()]),
        "graph" => Ok(vec![LossTerm::graph()]),
        "both" => Ok(vec![LossTerm::node(), LossTerm::graph()]),
        _ => Err(Failure::misuse(format!(
            "no loss '{name}'; there are graph, node and both"
        ))),
    }
}
