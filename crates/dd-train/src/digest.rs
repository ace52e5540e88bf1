//! Digests: of examples, of tensors, as text.

use candle_core::{DType, Tensor};
use dd_graph::{MolGraph, PointCloud};
use dd_nn::ParamStore;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::source::{Labelled, Pair};

/// Hexadecimal digits.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An example whose every number can be put into a digest.
pub(crate) trait Content {
    fn add_to(&self, digest: &mut Sha256);
}

impl Content for PointCloud {
    fn add_to(&self, digest: &mut Sha256) {
        add_numbers(digest, [self.record].map(u64::to_le_bytes));
        add_numbers(digest, self.atomic_numbers.iter().map(|z| [*z]));
        let positions = self.positions.iter().flatten();
        add_numbers(digest, positions.map(|x| x.to_le_bytes()));
        add_numbers(digest, self.atom_index.iter().map(|i| i.to_le_bytes()));
    }
}

impl Content for MolGraph {
    fn add_to(&self, digest: &mut Sha256) {
        add_numbers(digest, [self.record].map(u64::to_le_bytes));
        for features in [&self.node_features, &self.edge_features] {
            add_numbers(digest, features.iter().map(|x| x.to_le_bytes()));
        }
        for indices in [&self.edge_sources, &self.edge_targets, &self.atom_index] {
            add_numbers(digest, indices.iter().map(|i| i.to_le_bytes()));
        }
        for reals in [&self.laplacian, &self.node_reals] {
            let reals = reals.iter().flatten();
            add_numbers(digest, reals.map(|x| x.to_le_bytes()));
        }
    }
}

impl Content for Pair {
    fn add_to(&self, digest: &mut Sha256) {
        self.graph.add_to(digest);
        self.cloud.add_to(digest);
    }
}

impl Content for Labelled {
    fn add_to(&self, digest: &mut Sha256) {
        self.graph.add_to(digest);
        add_numbers(digest, self.labels.iter().map(|y| y.to_le_bytes()));
    }
}

/// A list of numbers, and how many they are: lists that follow each other cannot be exchanged for others.
fn add_numbers<const N: usize>(digest: &mut Sha256, numbers: impl IntoIterator<Item = [u8; N]>) {
    let bytes: Vec<u8> = numbers.into_iter().flatten().collect();
    digest.update((bytes.len() as u64).to_le_bytes());
    digest.update(bytes);
}

/// All tensors of a store with their names.
pub(crate) fn add_tensors(digest: &mut Sha256, store: &ParamStore) -> Result<()> {
    for (name, tensor) in store.tensors() {
        digest.update(name);
        digest.update(bytes_of(&tensor)?);
    }
    Ok(())
}

/// The numbers of a tensor, little-endian.
pub(crate) fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.detach().flatten_all()?;
    let bytes = match flat.dtype() {
        DType::F64 => {
            let numbers = flat.to_vec1::<f64>()?;
            numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
        }
        _ => {
            let numbers = flat.to_dtype(DType::F32)?.to_vec1::<f32>()?;
            numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
        }
    };
    Ok(bytes)
}
