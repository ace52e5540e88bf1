//! `dnd convert`: weights of the original implementations into a model folder.

use std::process::ExitCode;

use candle_core::{DType, Device};
use dd_encoder2d::{EncoderConfig, ModelConfig, names, save_model};
use dd_nn::{LoadOptions, NameMap, ParamStore, load_safetensors};

use crate::cli::Convert;
use crate::failure::{Failure, Outcome};
use crate::progress::say;

/// Loads the tensors under the original's names, strictly, and writes the folder.
pub(crate) fn run(arguments: &Convert) -> Outcome {
    let path = arguments.config.display();
    let text = std::fs::read_to_string(&arguments.config)
        .map_err(|error| Failure::misuse(format!("{path}: {error}")))?;
    let config = ModelConfig::from_json(&text).map_err(Failure::misuse)?;
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let map = if config.head.is_some() {
        config.build_predictor(&store).map_err(Failure::misuse)?;
        original_names(&config.encoder, true)
    } else {
        config
            .build_encoder(&store.root())
            .map_err(Failure::misuse)?;
        original_names(&config.encoder, false)
    };
    let report = load_safetensors(
        &store,
        &arguments.input,
        &LoadOptions::strict().with_names(map),
    )
    .map_err(Failure::misuse)?;
    save_model(&arguments.output, &config, &store, None).map_err(Failure::work)?;
    say(&format!(
        "{} tensors: {}",
        report.loaded.len(),
        arguments.output.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Names of the published checkpoints of an architecture; ours for an architecture without one.
fn original_names(encoder: &EncoderConfig, with_head: bool) -> NameMap {
    match encoder {
        EncoderConfig::TokenGt(config) => names::fairseq_token_gt(config, with_head),
        EncoderConfig::Gin(_) => names::molecule_sde_gin(),
        _ => NameMap::identity(),
    }
}
