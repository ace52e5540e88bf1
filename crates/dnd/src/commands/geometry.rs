//! `dnd geometry`: what 2D encoders know of 3D.

use std::path::Path;
use std::process::ExitCode;

use dd_data::Recipe;
use dd_encoder2d::{Encoder, ModelConfig, ModelFolder};
use dd_graph::{Hydrogens, PointConfig};
use dd_nn::write_atomically;
use dd_train::geometry::{Geometry, SMALLEST_MOLECULE, geometry, heads_svg, markdown};
use dd_train::{Pair, Pairs, Source, inputs, write_json};

use crate::cli::Geometry as Arguments;
use crate::commands::training::report_skipped;
use crate::failure::{Failure, Outcome};
use crate::output::{answer, create_folder};
use crate::progress::say;

/// Looks at every model, writes the findings and prints them.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Outcome {
    let (mut findings, mut twins) = (Vec::new(), Vec::new());
    for model in &arguments.model {
        let folder = ModelFolder::open(model).map_err(Failure::misuse)?;
        let encoder = Encoder::from_pretrained(model).map_err(Failure::misuse)?;
        let molecules = molecules(arguments, folder.config(), quiet)?;
        let network = (
            folder.config().encoder.clone(),
            folder.config().featurizer.clone(),
        );
        if let Some(seed) = arguments.untrained
            && !twins.contains(&network)
        {
            twins.push(network);
            let name = format!("{}, untrained", name(model));
            let twin = Encoder::untrained(folder.config(), seed).map_err(Failure::work)?;
            findings.push(look(&name, &twin, &molecules, quiet)?);
        }
        findings.push(look(&name(model), &encoder, &molecules, quiet)?);
    }
    let folder = &arguments.output;
    create_folder(folder)?;
    write_json(&folder.join("geometry.json"), &findings).map_err(Failure::work)?;
    let text = markdown(&findings);
    for (name, content) in [("geometry.md", &text), ("heads.svg", &heads_svg(&findings))] {
        let write = |out: &mut dyn std::io::Write| out.write_all(content.as_bytes());
        write_atomically(folder.join(name), write).map_err(Failure::work)?;
    }
    answer(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn look(
    name: &str,
    encoder: &Encoder,
    molecules: &[Pair],
    quiet: bool,
) -> Result<Geometry, Failure> {
    if !quiet {
        let is_small = |pair: &&Pair| pair.graph.num_nodes() < SMALLEST_MOLECULE;
        let few = match molecules.iter().filter(is_small).count() {
            0 => String::new(),
            small => format!(
                ", {small} of fewer than {SMALLEST_MOLECULE} atoms, which say nothing of heads"
            ),
        };
        say(&format!("{name}: {} molecules{few}", molecules.len()));
    }
    geometry(name, encoder.network(), molecules).map_err(Failure::work)
}

/// The conformers with the features that the model reads.
fn molecules(
    arguments: &Arguments,
    config: &ModelConfig,
    quiet: bool,
) -> Result<Vec<Pair>, Failure> {
    let recipe = Recipe {
        graph: Some(config.featurizer.clone()),
        points: Some(PointConfig::torchmd_net(Hydrogens::Keep)),
    };
    let dataset = inputs::open_conformers(&arguments.input).map_err(Failure::misuse)?;
    let (examples, skipped) =
        inputs::examples(&[dataset], &recipe, arguments.limit).map_err(Failure::misuse)?;
    report_skipped(&skipped, quiet);
    let pairs = Pairs(&examples);
    let pair = |index| pairs.get(index).map_err(Failure::work);
    (0..pairs.len()).map(pair).collect()
}

fn name(model: &Path) -> String {
    let last = model.file_name().unwrap_or(model.as_os_str());
    last.to_string_lossy().into_owned()
}
