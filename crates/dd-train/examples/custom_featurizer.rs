//! Own features in one file, checked against the contract and learned from:
//! `cargo run --release -p dd-train --example custom_featurizer`.
//!
//! Three columns per atom (element, hydrogens, in a ring) and one per bond (aromatic), in place of OGB's 9 and 3.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use candle_core::{DType, Device, Module, Tensor};
use dd_graph::testing::check_featurizer;
use dd_graph::{FeatureColumn, FeatureSchema, Featurizer, GraphBatch, GraphError, MolGraph};
use dd_kernels::{RowIndex, embedding_sum, scatter_sum, segment_mean};
use dd_mol::Molecule;
use dd_mol::smiles::parse;
use dd_nn::{Init, Linear, ParamStore};
use ndarray::Array2;

const ELEMENTS: [u8; 5] = [6, 7, 8, 9, 17];

/// Element, number of hydrogens, in a ring or not; aromatic bond or not.
struct Plain(FeatureSchema);

impl Plain {
    fn new() -> Self {
        let elements = ["C", "N", "O", "F", "Cl"];
        Self(FeatureSchema {
            name: "plain".to_string(),
            node_columns: vec![
                FeatureColumn::open("element", elements),
                FeatureColumn::open("hydrogens", 0..4),
                FeatureColumn::closed("in a ring", ["no", "yes"]),
            ],
            edge_columns: vec![FeatureColumn::closed("aromatic", ["no", "yes"])],
        })
    }
}

impl Featurizer for Plain {
    type Output = MolGraph;

    fn schema(&self) -> &FeatureSchema {
        &self.0
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph, GraphError> {
        let atoms = molecule.num_atoms();
        let mut nodes = Array2::zeros((atoms, 3));
        for (index, atom) in molecule.atoms().enumerate() {
            let element = ELEMENTS.iter().position(|&z| z == atom.atomic_number);
            // An element that is not in the list takes the last slot, and so do four hydrogens and more.
            nodes[[index, 0]] = element.unwrap_or(ELEMENTS.len()) as u16;
            nodes[[index, 1]] = molecule.total_hydrogens(index).min(4) as u16;
            nodes[[index, 2]] = u16::from(atom.in_ring);
        }
        let (mut sources, mut targets, mut bonds) = (Vec::new(), Vec::new(), Vec::new());
        for bond in molecule.bonds() {
            let ends = (bond.begin as u32, bond.end as u32);
            for (source, target) in [ends, (ends.1, ends.0)] {
                sources.push(source);
                targets.push(target);
                bonds.push(u16::from(bond.bond.is_aromatic));
            }
        }
        Ok(MolGraph {
            node_features: nodes,
            node_reals: None,
            edge_features: Array2::from_shape_vec((bonds.len(), 1), bonds).expect("one column"),
            edge_sources: sources,
            edge_targets: targets,
            atom_index: (0..atoms as u32).collect(),
            laplacian: None,
            record: 0,
        })
    }
}

/// Number of hydrogens of a molecule from the sum of learnt vectors of its atoms and their neighbours.
fn fit(featurizer: &Plain) -> Result<(f32, f32), Box<dyn std::error::Error>> {
    let smiles = [
        "CCO", "c1ccccc1", "CC(C)N", "OCC(O)CO", "FC(F)F", "C1CCCCC1", "CC#N", "O=C=O",
    ];
    let molecules = smiles.map(|text| parse(text).expect("valid SMILES"));
    let hydrogens = molecules.each_ref().map(|one| {
        (0..one.num_atoms())
            .map(|atom| one.total_hydrogens(atom) as f32)
            .sum::<f32>()
            / one.num_atoms() as f32
    });
    let graphs = molecules
        .iter()
        .map(|one| featurizer.featurize(one))
        .collect::<Result<Vec<_>, _>>()?;
    let batch = GraphBatch::collate(&graphs, &Device::Cpu)?;
    let sizes = featurizer.schema().node_sizes();
    let first = [0, sizes[0], sizes[0] + sizes[1]];
    let rows = batch.node_features.indexed_iter();
    let rows = rows
        .map(|((_, column), &value)| first[column] as u32 + u32::from(value))
        .collect();
    let rows = RowIndex::new(rows, sizes.iter().sum(), &Device::Cpu)?;

    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let table = store.root().get(
        (sizes.iter().sum::<usize>(), 16),
        "table",
        Init::XavierUniform,
    )?;
    let head = Linear::new(16, 1, Init::XavierUniform, &store.root().pp("head"))?;
    let truth = Tensor::new(&hydrogens, &Device::Cpu)?.unsqueeze(1)?; // [B, 1]
    let mut losses = Vec::new();
    for _ in 0..200 {
        let atoms = embedding_sum(&table, &rows, sizes.len())?; // [N, 16]
        let around = scatter_sum(
            &dd_kernels::gather(&atoms, &batch.edge_sources)?,
            &batch.edge_targets,
        )?;
        let graphs = segment_mean(&(atoms + (around * 0.1)?)?, &batch.nodes)?; // [B, 16]
        let loss = (head.forward(&graphs)? - &truth)?.sqr()?.mean_all()?;
        losses.push(loss.to_scalar::<f32>()?);
        let gradients = loss.backward()?;
        for (name, parameter) in store.vars() {
            let gradient = gradients.get(&parameter).ok_or(name)?;
            parameter.set(&(parameter.as_tensor() - (gradient * 0.2)?)?)?;
        }
    }
    Ok((losses[0], losses[losses.len() - 1]))
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let featurizer = Plain::new();
    check_featurizer(&featurizer)?;
    println!("{}", featurizer.schema());
    let (first, last) = fit(&featurizer)?;
    println!(
        "squared error of hydrogens per atom {first:.3} at the first step, {last:.4} at the last"
    );
    assert!(last < 0.1 * first, "the features say what is needed");
    Ok(())
}
