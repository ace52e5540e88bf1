//! What the student attends to: attention that each atom receives from the other atoms in the last layer, all heads.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, IndexOp};
use dd_data::Dataset;
use dd_encoder2d::{Encoder, Encoder2d, Recorder};
use dd_graph::{GraphBatch, MolGraph, SPECIAL_TOKENS};
use dd_nn::Mode;

use crate::error::Result;
use crate::report::MoleculePicture;

/// Molecules that are drawn.
const DRAWN: usize = 6;

/// Pictures of the first molecules of the test part with at least seven heavy atoms.
pub(super) fn pictures(
    folder: &Path,
    dataset: &Arc<dyn Dataset>,
    rows: &[usize],
) -> Result<Vec<String>> {
    let encoder = Encoder::from_pretrained(folder)?;
    let mut svgs = Vec::new();
    for &row in rows {
        let record = dataset.get(row)?;
        let graph = encoder.featurizer().featurize(&record.molecule)?;
        if graph.num_nodes() < 7 {
            continue;
        }
        let weights = received(encoder.network(), &graph, record.molecule.num_atoms())?;
        let caption = dd_mol::smiles::write(&record.molecule);
        let picture = MoleculePicture {
            molecule: &record.molecule,
            weights: &weights,
            caption: &caption,
        };
        svgs.push(picture.to_svg()?);
        if svgs.len() == DRAWN {
            break;
        }
    }
    Ok(svgs)
}

/// Attention received by each atom of the molecule, the largest scaled to 1; zero for atoms without a node.
fn received(encoder: &dyn Encoder2d, graph: &MolGraph, num_atoms: usize) -> Result<Vec<f64>> {
    let batch = GraphBatch::collate(std::slice::from_ref(graph), &Device::Cpu)?;
    let mut recorder = Recorder::default();
    encoder.encode_observed(&batch, Mode::Eval, &mut recorder)?;
    let mut weights = vec![0.0; num_atoms];
    let Some(last) = recorder.attention.keys().map(|(layer, _)| *layer).max() else {
        return Ok(weights);
    };
    let nodes = SPECIAL_TOKENS..SPECIAL_TOKENS + graph.num_nodes();
    let attention = recorder.attention[&(last, 0)].i((.., nodes.clone(), nodes))?; // [heads, N, N]
    let received: Vec<f64> = attention.mean(0)?.sum(0)?.to_dtype(DType::F64)?.to_vec1()?; // [N]
    let largest = received.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    for (&atom, value) in graph.atom_index.iter().zip(received) {
        weights[atom as usize] = value / largest;
    }
    Ok(weights)
}
