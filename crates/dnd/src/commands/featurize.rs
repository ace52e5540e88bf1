//! `dnd featurize`: the graph features of every row, as JSON lines.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use dd_data::output::{OutputError, OutputFile};
use dd_data::{InputRow, RowFault};
use dd_graph::{Featurizer, MolGraph, OgbConfig, OgbFeaturizer};
use dd_mol::{Molecule, murcko_scaffold_smiles, smiles};
use serde_json::{Map, Value, json};

use crate::cli::{Featurize, OnError};
use crate::commands::rows::{open_rows, summarize};
use crate::failure::{Failure, Outcome};
use crate::output::{answer, is_json, not_an_input, write};

/// Writes one JSON object per row.
pub(crate) fn run(arguments: &Featurize, quiet: bool) -> Outcome {
    let featurizer = OgbFeaturizer::new(OgbConfig::smiles2graph());
    let to = &arguments.output;
    if arguments.schema {
        let schema = format!("{}\n", featurizer.schema());
        if to == Path::new("-") {
            answer(&schema)?;
        } else {
            write(to, &schema)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(input) = &arguments.input else {
        return Err(Failure::misuse("no --input is named"));
    };
    if arguments.format != "jsonl" {
        return Err(Failure::misuse(format!(
            "no format '{}'; featurize writes jsonl",
            arguments.format
        )));
    }
    not_an_input(to, [input.as_path()])?;
    is_json(to)?;
    let lines = open_rows(input, arguments.smiles_column.as_deref())?;
    let mut output = OutputFile::create(to).map_err(Failure::misuse)?;
    let (mut rows, mut failed) = (0, 0);
    for row in lines {
        let row = row.map_err(Failure::misuse)?;
        rows += 1;
        let features = features(&row, &featurizer, arguments.properties);
        if let Err(fault) = &features {
            failed += 1;
            match arguments.on_error {
                OnError::Stop => {
                    return Err(Failure::work(format!("row {}: {}", row.row, fault.message)));
                }
                OnError::Skip => continue,
                OnError::Report => {}
            }
        }
        let line = Value::Object(object(&row, features));
        let written = writeln!(output, "{line}");
        written.map_err(|error| Failure::output(OutputError::io(to, error)))?;
    }
    output.complete().map_err(Failure::output)?;
    Ok(summarize(rows, failed, quiet))
}

fn object(row: &InputRow, features: Result<Map<String, Value>, RowFault>) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("row".into(), json!(row.row));
    object.insert("input".into(), json!(row.input));
    match features {
        Ok(features) => {
            object.insert("status".into(), json!("ok"));
            object.extend(features);
        }
        Err(fault) => {
            object.insert("status".into(), json!("error"));
            object.insert("error".into(), json!(fault));
        }
    }
    object
}

fn features(
    row: &InputRow,
    featurizer: &OgbFeaturizer,
    properties: bool,
) -> Result<Map<String, Value>, RowFault> {
    let molecule = row.molecule.as_ref().map_err(Clone::clone)?;
    let fault = |error: &dyn std::fmt::Display| RowFault::new("featurize", error.to_string());
    let graph = featurizer
        .featurize(molecule)
        .map_err(|error| fault(&error))?;
    let mut object = graph_features(&graph);
    if properties {
        object.extend(molecule_properties(molecule));
    }
    Ok(object)
}

fn graph_features(graph: &MolGraph) -> Map<String, Value> {
    let rows = |features: &ndarray::Array2<u16>| -> Vec<Vec<u16>> {
        features.outer_iter().map(|row| row.to_vec()).collect()
    };
    let mut object = Map::new();
    object.insert("node_feat".into(), json!(rows(&graph.node_features)));
    object.insert(
        "edge_index".into(),
        json!([graph.edge_sources, graph.edge_targets]),
    );
    object.insert("edge_feat".into(), json!(rows(&graph.edge_features)));
    object
}

fn molecule_properties(molecule: &Molecule) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("canonical_smiles".into(), json!(smiles::write(molecule)));
    object.insert("formula".into(), json!(molecule.formula()));
    object.insert("exact_mass".into(), json!(molecule.exact_mass()));
    object.insert("ring_sizes".into(), json!(molecule.ring_sizes()));
    object.insert("num_atoms".into(), json!(molecule.num_atoms()));
    // Null where what is left of the molecule is none, as where RDKit raises.
    let scaffold = murcko_scaffold_smiles(molecule, false).ok();
    object.insert("scaffold".into(), json!(scaffold));
    object
}
