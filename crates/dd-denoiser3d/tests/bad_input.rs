//! Input that no network can answer.

mod molecules;

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::{Denoiser3d, EquivariantTransformer, EtConfig};
use dd_graph::PointCloud;
use dd_nn::{Mode, Precision};
use molecules::{collate, config, methylamine, network};

#[test]
fn an_element_beyond_the_table_is_named() {
    let (network, _) = network(&config());
    let mut cloud = methylamine();
    cloud.atomic_numbers[3] = 118;
    let error = network
        .forward(&collate(&[methylamine(), cloud]), Mode::Eval)
        .expect_err("the table ends at 99");
    let expected = "molecule 1, atom 3: atomic number 118 is outside 0..100";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn products_in_bf16_are_refused_as_fused_layers_have_none() {
    let store = Precision::Bf16.store();
    let error = EquivariantTransformer::new(&config(), &store.root()).expect_err("full only");
    assert!(error.to_string().contains("matmul_precision"), "{error}");
}

#[test]
fn positions_that_are_not_numbers_are_an_error() {
    let (network, _) = network(&config());
    let batch = collate(&[methylamine()]);
    let positions = (&batch.positions * f64::NAN).expect("a tensor");
    let broken = batch.with_positions(positions);
    assert!(network.forward(&broken, Mode::Eval).is_err());
}

#[test]
fn positions_of_another_shape_are_an_error() {
    let (network, _) = network(&config());
    let batch = collate(&[methylamine()]);
    for shape in [[7, 4], [6, 3]] {
        let positions = Tensor::zeros(&shape, DType::F64, &Device::Cpu).expect("zeros");
        let broken = batch.with_positions(positions);
        assert!(network.forward(&broken, Mode::Eval).is_err(), "{shape:?}");
    }
}

#[test]
fn a_batch_may_hold_an_empty_molecule() {
    let (network, _) = network(&config());
    let empty = PointCloud {
        atomic_numbers: Vec::new(),
        positions: Vec::new(),
        atom_index: Vec::new(),
        record: 1,
    };
    let batch = collate(&[empty, methylamine()]);
    let denoised = network.forward(&batch, Mode::Eval).expect("seven atoms");
    assert_eq!(denoised.noise.dims(), [7, 3]);
    assert_eq!(denoised.representation.graphs.dims(), [2, 16]);
}

#[test]
fn a_property_needs_its_head() {
    let (network, _) = network(&EtConfig {
        output_model: None,
        ..config()
    });
    let batch = collate(&[methylamine()]);
    let edges = network.neighbors(&batch).expect("finite positions");
    let fields = network.atom_fields(&batch, &edges, &mut ());
    let property = network.property(&fields.expect("a valid batch"), &batch);
    let message = property.expect_err("no head").to_string();
    assert!(message.contains("output_model: null"), "{message}");
}
