//! The contract of [`Featurizer`] as a check that own 2D features run through.

use candle_core::Device;
use dd_mol::smiles::parse;
use ndarray::Array2;

use crate::schema::FeatureColumn;
use crate::{Featurizer, GraphBatch, MolGraph};

/// Molecules with charges, rings, stereo, isotopes, several components, and elements that are seldom seen.
pub const SAMPLE_SMILES: [&str; 8] = [
    "C",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@H](N)C(=O)[O-].[Na+]",
    "F/C=C/[2H]",
    "c1ccc2c(c1)[nH]c1ccccc12",
    "[O-][N+](=O)c1ccc(S(=O)(=O)N2CCOCC2)cc1",
    "[Fe+2].[Cl-].[Cl-]",
    "C[Si](C)(C)C#CB(O)O",
];

/// Checks the contract of a [`Featurizer`] of graphs on [`SAMPLE_SMILES`]: rows and columns fit the atoms and the schema,
/// every category is one of the schema's, edges are pairs of nodes with their reverses, nodes name atoms of the molecule,
/// the record number is 0, the same molecule gives the same features, and a batch can be made.
///
/// # Errors
/// Names the molecule and the first property that fails.
pub fn check_featurizer(featurizer: &dyn Featurizer<Output = MolGraph>) -> Result<(), String> {
    let mut graphs = Vec::with_capacity(SAMPLE_SMILES.len());
    for smiles in SAMPLE_SMILES {
        let molecule = parse(smiles).map_err(|error| error.to_string())?;
        let graph = featurizer
            .featurize(&molecule)
            .map_err(|error| format!("{smiles}: {error}"))?;
        check_graph(featurizer, &graph, molecule.num_atoms())
            .map_err(|fault| format!("{smiles}: {fault}"))?;
        if featurizer.featurize(&molecule).ok().as_ref() != Some(&graph) {
            return Err(format!(
                "{smiles}: the same molecule has other features the second time"
            ));
        }
        graphs.push(graph);
    }
    GraphBatch::collate(&graphs, &Device::Cpu).map_err(|error| error.to_string())?;
    Ok(())
}

fn check_graph(
    featurizer: &dyn Featurizer<Output = MolGraph>,
    graph: &MolGraph,
    num_atoms: usize,
) -> Result<(), String> {
    let schema = featurizer.schema();
    check_columns("node", &graph.node_features, &schema.node_columns)?;
    check_columns("edge", &graph.edge_features, &schema.edge_columns)?;
    let nodes = graph.num_nodes();
    if graph.atom_index.len() != nodes {
        return Err(format!(
            "{nodes} nodes, but {} atom numbers",
            graph.atom_index.len()
        ));
    }
    if let Some(atom) = graph
        .atom_index
        .iter()
        .find(|&&atom| atom as usize >= num_atoms)
    {
        return Err(format!("a node stands for atom {atom} of {num_atoms}"));
    }
    let edges = graph.num_edges();
    if graph.edge_targets.len() != edges || graph.edge_features.nrows() != edges {
        return Err("sources, targets and features of edges differ in number".to_string());
    }
    let ends: Vec<(u32, u32)> = graph
        .edge_sources
        .iter()
        .copied()
        .zip(graph.edge_targets.iter().copied())
        .collect();
    for &(source, target) in &ends {
        if source as usize >= nodes || target as usize >= nodes {
            return Err(format!(
                "edge {source} to {target} leaves the {nodes} nodes"
            ));
        }
        if !ends.contains(&(target, source)) {
            return Err(format!("edge {source} to {target} has no reverse"));
        }
    }
    if graph.record != 0 {
        return Err(format!("record {} in place of 0", graph.record));
    }
    Ok(())
}

fn check_columns(
    part: &str,
    features: &Array2<u16>,
    columns: &[FeatureColumn],
) -> Result<(), String> {
    if features.nrows() > 0 && features.ncols() != columns.len() {
        return Err(format!(
            "{} {part} columns, the schema has {}",
            features.ncols(),
            columns.len()
        ));
    }
    for ((row, column), &value) in features.indexed_iter() {
        let known = &columns[column];
        if known
            .num_values()
            .is_some_and(|count| usize::from(value) >= count)
        {
            return Err(format!(
                "{part} {row}, {}: {value} is no value of the schema",
                known.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OgbConfig, OgbFeaturizer};

    struct Wrong(OgbFeaturizer);

    impl Featurizer for Wrong {
        type Output = MolGraph;

        fn schema(&self) -> &crate::FeatureSchema {
            self.0.schema()
        }

        fn featurize(&self, molecule: &dd_mol::Molecule) -> crate::Result<MolGraph> {
            let mut graph = self.0.featurize(molecule)?;
            graph.node_features[[0, 0]] = 500;
            Ok(graph)
        }
    }

    #[test]
    fn the_features_of_ogb_keep_the_contract_and_wrong_ones_are_found_out() {
        let ogb = || OgbFeaturizer::new(OgbConfig::smiles2graph());
        check_featurizer(&ogb()).expect("the contract");
        let fault = check_featurizer(&Wrong(ogb())).expect_err("category 500");
        assert!(
            fault.starts_with("C: node 0") && fault.contains("500"),
            "{fault}"
        );
    }
}
