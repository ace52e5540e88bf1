//! `dnd doctor`: what this program and this machine are, and whether the models work.

use std::process::ExitCode;
use std::time::Instant;

use dd_encoder2d::{Encoder, models_folder};
use dd_kernels::{Machine, MatmulPrecision};
use dd_models::{Kind, MODELS, Model};

use crate::failure::Outcome;
use crate::output::answer;

/// Prints one line for each thing; exit code 1 when a model does not work.
pub(crate) fn run() -> Outcome {
    let line = |name: &str, text: &str| answer(&format!("{name:<14}{text}\n"));
    let machine = Machine::here();
    line("dnd", env!("CARGO_PKG_VERSION"))?;
    line("features", &listed(&machine.features))?;
    line("processor", machine.architecture)?;
    line("instructions", &listed(&machine.instruction_sets))?;
    line("kernels use", machine.kernels)?;
    let bf16 = if MatmulPrecision::Bf16.is_fast() {
        "avx512bf16: --bf16 is faster"
    } else {
        "no instructions: --bf16 is slower"
    };
    line("bf16", bf16)?;
    line(
        "threads",
        &format!("{} (RAYON_NUM_THREADS)", machine.threads),
    )?;
    let gpu = machine
        .gpu
        .map_or_else(|why| format!("none: {why}"), |()| "yes".to_string());
    line("GPU", &gpu)?;
    line("models in", &installed())?;
    let mut healthy = true;
    for model in MODELS {
        let state = match model.kind {
            Kind::Student => trial(model),
            Kind::Teacher => Ok("for dnd distill --teacher".to_string()),
        };
        healthy &= state.is_ok();
        let state = state.unwrap_or_else(|error| format!("DOES NOT WORK: {error}"));
        let kilobytes = model.weights.len() / 1000;
        line(
            "model",
            &format!("{:<18}{kilobytes:>5} kB  {state}", model.name),
        )?;
    }
    Ok(ExitCode::from(u8::from(!healthy)))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_string();
    }
    names.join(" ")
}

/// Folder of installed models and what it holds.
fn installed() -> String {
    let Some(folder) = models_folder() else {
        return "no folder: set DND_MODELS".to_string();
    };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let held = if names.is_empty() {
        "nothing there".to_string()
    } else {
        names.join(", ")
    };
    format!("{} (DND_MODELS): {held}", folder.display())
}

/// Loads a student and embeds aspirin with it.
fn trial(model: &Model) -> Result<String, String> {
    let start = Instant::now();
    let encoder = Encoder::from_pretrained(model.name).map_err(|error| error.to_string())?;
    let loaded = start.elapsed();
    let rows = encoder.embed_smiles(&["CC(=O)Oc1ccccc1C(=O)O"]);
    for row in rows {
        let embedding = row.map_err(|error| error.to_string())?;
        if embedding.graph.iter().any(|value| !value.is_finite()) {
            return Err("the embedding of aspirin has numbers that are not finite".to_string());
        }
    }
    let embedded = start.elapsed().saturating_sub(loaded);
    Ok(format!(
        "{} wide, loads in {:.0} ms, embeds aspirin in {:.1} ms",
        encoder.width(),
        1e3 * loaded.as_secs_f64(),
        1e3 * embedded.as_secs_f64()
    ))
}
