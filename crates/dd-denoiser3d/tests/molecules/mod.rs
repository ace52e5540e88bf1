//! Small networks and random molecules for the property tests.
#![allow(
    dead_code,
    reason = "each test program is compiled with its own copy and uses a part of it"
)]

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::{EquivariantTransformer, EtConfig};
use dd_graph::{PointBatch, PointCloud};
use dd_nn::ParamStore;
use proptest::prelude::*;

/// 16 features, 2 layers, plain vectors.
pub(crate) fn config() -> EtConfig {
    EtConfig {
        embedding_dimension: 16,
        num_layers: 2,
        num_heads: 2,
        num_rbf: 8,
        layernorm_on_vec: None,
        ..EtConfig::pcqm4mv2()
    }
}

/// A network in f64 with its parameters.
pub(crate) fn network(config: &EtConfig) -> (EquivariantTransformer, ParamStore) {
    let store = ParamStore::new(7, DType::F64, &Device::Cpu);
    let network = EquivariantTransformer::new(config, &store.root()).expect("a valid config");
    (network, store)
}

/// A molecule of H, C, N, O in a box of 5 Å.
pub(crate) fn molecule(num_atoms: std::ops::Range<usize>) -> impl Strategy<Value = PointCloud> {
    let atom = (
        prop::sample::select(vec![1_u8, 6, 7, 8]),
        prop::array::uniform3(-2.5_f32..2.5),
    );
    (prop::collection::vec(atom, num_atoms), any::<u32>()).prop_map(|(atoms, record)| PointCloud {
        atom_index: (0..atoms.len() as u32).collect(),
        atomic_numbers: atoms.iter().map(|(z, _)| *z).collect(),
        positions: atoms.iter().map(|(_, position)| *position).collect(),
        record: u64::from(record),
    })
}

/// Methylamine, roughly.
pub(crate) fn methylamine() -> PointCloud {
    PointCloud {
        atomic_numbers: vec![6, 7, 1, 1, 1, 1, 1],
        positions: vec![
            [0.05, 0.70, 0.0],
            [0.05, -0.76, 0.0],
            [-0.94, 1.18, 0.0],
            [0.59, 1.06, 0.88],
            [0.59, 1.06, -0.88],
            [-0.45, -1.10, 0.81],
            [-0.45, -1.10, -0.81],
        ],
        atom_index: (0..7).collect(),
        record: 0,
    }
}

pub(crate) fn collate(clouds: &[PointCloud]) -> PointBatch {
    PointBatch::collate(clouds, DType::F64, &Device::Cpu).expect("finite positions")
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_dtype(DType::F64).and_then(|x| x.flatten_all());
    flat.and_then(|x| x.to_vec1()).expect("numbers")
}

/// Largest difference of two tensors of one shape. All their numbers must be finite: the
/// maximum would lose what is not a number.
pub(crate) fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let pairs = values(a).into_iter().zip(values(b));
    let differences: Vec<f64> = pairs.map(|(x, y)| (x - y).abs()).collect();
    assert!(differences.iter().all(|d| d.is_finite()));
    differences.into_iter().fold(0.0, f64::max)
}
