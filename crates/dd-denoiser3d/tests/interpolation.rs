//! Filters that are interpolated on a grid of distances against filters that are computed for every pair.

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::{AtomFields, EquivariantTransformer, EtConfig, Trace};
use dd_graph::{Cutoff, NeighborCap, NeighborList, PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_nn::ParamStore;

/// Thirty atoms in a ball: distances of all lengths.
fn cloud() -> PointCloud {
    let key = Key::from_seed(3);
    let coordinate = |i: u64| (1.6 * key.normal(i)) as f32;
    PointCloud {
        atomic_numbers: (0..30).map(|i| [1, 6, 7, 8][i % 4]).collect(),
        positions: (0..30)
            .map(|i| [3 * i, 3 * i + 1, 3 * i + 2].map(coordinate))
            .collect(),
        atom_index: (0..30).collect(),
        record: 0,
    }
}

fn fields(dtype: DType, watched: bool) -> AtomFields {
    fields_with(dtype, watched, 1.0, 5.0)
}

/// Fields of a network whose basis functions have `beta` multiplied, on the edges up to a distance.
fn fields_with(dtype: DType, watched: bool, beta: f64, upper: f64) -> AtomFields {
    let config = EtConfig {
        num_layers: 3,
        layernorm_on_vec: None,
        ..EtConfig::pcqm4mv2()
    };
    let store = ParamStore::new(7, dtype, &Device::Cpu);
    let network = EquivariantTransformer::new(&config, &store.frozen().root()).expect("a network");
    let batch = PointBatch::collate(&[cloud()], dtype, &Device::Cpu).expect("finite");
    let betas = store.buffer("representation_model.distance_expansion.betas");
    let betas = betas.expect("a buffer of the basis");
    let scaled = (betas.tensor() * beta).expect("numbers");
    betas.set(&scaled).expect("the same shape");
    let cutoff = Cutoff { lower: 0.0, upper };
    let edges = NeighborList::within(&batch, cutoff, NeighborCap::LowestSource(32));
    let edges = edges.expect("finite");
    let fields = if watched {
        network.atom_fields(&batch, &edges, &mut Trace::default())
    } else {
        network.atom_fields(&batch, &edges, &mut ())
    };
    fields.expect("a forward pass")
}

/// Largest difference, relative to the largest entry, of tensors whose numbers are all finite.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let [a, b] = [a, b].map(|x| {
        let wide = x.to_dtype(DType::F64).and_then(|x| x.flatten_all());
        wide.and_then(|x| x.to_vec1::<f64>()).expect("numbers")
    });
    assert!(a.len() == b.len() && a.iter().chain(&b).all(|x| x.is_finite()));
    let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    let largest = b.iter().map(|b| b.abs()).fold(0.0, f64::max);
    apart.fold(0.0, f64::max) / largest
}

#[test]
fn interpolation_costs_less_than_single_precision_does() {
    // A watched network computes every filter.
    let exact = fields(DType::F64, true);
    let computed = fields(DType::F32, true);
    let interpolated = fields(DType::F32, false);
    for (name, exact, computed, interpolated) in [
        (
            "scalars",
            &exact.scalars,
            &computed.scalars,
            &interpolated.scalars,
        ),
        (
            "vectors",
            &exact.vectors,
            &computed.vectors,
            &interpolated.vectors,
        ),
    ] {
        let rounding = difference(computed, exact);
        let error = difference(interpolated, exact);
        assert!(
            difference(interpolated, computed) > 0.0,
            "{name}: nothing was interpolated"
        );
        assert!(
            error < 2.0 * rounding + 2e-7,
            "{name}: {error:e} against {rounding:e}"
        );
    }
}

#[test]
fn edges_beyond_the_cutoff_have_the_filters_of_the_cutoff() {
    let [watched, interpolated] = [true, false].map(|watched| {
        let fields = fields_with(DType::F32, watched, 1.0, 9.0);
        [fields.scalars, fields.vectors]
    });
    for (watched, interpolated) in watched.iter().zip(&interpolated) {
        let off = difference(interpolated, watched);
        assert!(0.0 < off && off < 1e-5, "off by {off:e}");
    }
}

#[test]
fn narrower_functions_than_the_grid_was_made_for_are_computed() {
    let [watched, unwatched] =
        [true, false].map(|watched| fields_with(DType::F32, watched, 50.0, 5.0).scalars);
    assert_eq!(difference(&unwatched, &watched), 0.0);
}
