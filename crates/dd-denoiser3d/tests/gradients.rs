//! Every parameter of every variant receives a gradient; gradients are finite also where geometry degenerates.

mod molecules;

use candle_core::{Device, Tensor, Var};
use dd_denoiser3d::names::zero_gradient_reason;
use dd_denoiser3d::{
    Activation, Denoiser3d, DistanceInfluence, EtConfig, NeighborChoice, RadialBasisKind, Reduce,
    VectorNorm,
};
use dd_graph::{PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_nn::Mode;
use molecules::{collate, config, methylamine, network, values};

fn variants() -> Vec<EtConfig> {
    let plain = config();
    let mut variants = vec![
        plain.clone(),
        EtConfig {
            layernorm_on_vec: Some(VectorNorm::Whitened),
            ..plain.clone()
        },
        EtConfig {
            trainable_rbf: true,
            output_model: None,
            ..plain.clone()
        },
        EtConfig {
            rbf_type: RadialBasisKind::Gauss,
            trainable_rbf: true,
            neighbor_embedding: false,
            cutoff_lower: 0.5,
            reduce_op: Reduce::Mean,
            ..plain.clone()
        },
        EtConfig {
            num_layers: 1,
            max_num_neighbors: 4,
            neighbor_choice: NeighborChoice::Nearest,
            ..plain.clone()
        },
    ];
    let influences = [
        DistanceInfluence::Keys,
        DistanceInfluence::Values,
        DistanceInfluence::None,
    ];
    variants.extend(influences.map(|distance_influence| EtConfig {
        distance_influence,
        ..plain.clone()
    }));
    let activations = [Activation::Ssp, Activation::Tanh, Activation::Sigmoid];
    variants.extend(activations.map(|activation| EtConfig {
        activation,
        attn_activation: activation,
        ..plain.clone()
    }));
    variants
}

fn target(batch: &PointBatch) -> Tensor {
    let key = Key::from_seed(3);
    let count = 3 * batch.num_atoms();
    let values: Vec<f64> = (0..count).map(|i| key.normal(i as u64)).collect();
    Tensor::from_vec(values, (batch.num_atoms(), 3), &Device::Cpu).expect("[N, 3]")
}

#[test]
fn every_parameter_has_a_gradient() {
    let batch = collate(&[methylamine()]);
    for config in variants() {
        let (network, store) = network(&config);
        let mode = Mode::Train(Key::from_seed(0));
        let denoised = network.forward(&batch, mode).expect("a valid batch");
        let error = (denoised.noise - target(&batch)).and_then(|x| x.sqr()?.mean_all());
        let gradients = error.and_then(|x| x.backward()).expect("gradients");
        for (name, parameter) in store.vars() {
            let gradient = gradients.get(&parameter);
            let gradient = values(gradient.unwrap_or_else(|| panic!("{name}: none, {config:?}")));
            assert!(gradient.iter().all(|g| g.is_finite()), "{name}: {config:?}");
            let zero = gradient.iter().all(|&g| g == 0.0);
            let reason = zero_gradient_reason(&name);
            assert_eq!(zero, reason.is_some(), "{name}: {reason:?}, {config:?}");
        }
    }
}

#[test]
fn a_property_loss_reaches_every_parameter_but_the_noise_head() {
    let batch = collate(&[methylamine()]);
    let (network, store) = network(&config());
    let edges = network.neighbors(&batch).expect("finite positions");
    let fields = network.atom_fields(&batch, &edges, &mut ());
    let property = network.property(&fields.expect("a valid batch"), &batch);
    let loss = property.expect("has the head").sum_all().expect("scalar");
    let gradients = loss.backward().expect("gradients");
    for (name, parameter) in store.vars() {
        let present = gradients.get(&parameter).is_some();
        assert_eq!(present, !name.starts_with("output_model_noise."), "{name}");
    }
}

/// Where geometry degenerates: one atom, two at the same place, atoms on a line, atoms in a plane.
#[test]
fn gradients_are_finite_where_geometry_degenerates() {
    let cases: Vec<Vec<[f32; 3]>> = vec![
        vec![[1.0, 2.0, 3.0]],
        vec![[0.0; 3], [0.0; 3], [1.0, 0.0, 0.0]],
        vec![[0.0; 3], [1.1, 0.0, 0.0], [2.2, 0.0, 0.0]],
        vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]],
    ];
    for norm in [None, Some(VectorNorm::Whitened)] {
        let (network, store) = network(&EtConfig {
            layernorm_on_vec: norm,
            ..config()
        });
        for positions in &cases {
            let n = positions.len();
            let batch = collate(&[PointCloud {
                atomic_numbers: vec![6; n],
                positions: positions.clone(),
                atom_index: (0..n as u32).collect(),
                record: 0,
            }]);
            let moving = Var::from_tensor(&batch.positions).expect("a tensor");
            let batch = batch.with_positions(moving.as_tensor().clone());
            let denoised = network.forward(&batch, Mode::Eval).expect("a valid batch");
            assert_eq!(denoised.noise.dims(), [n, 3]);
            let loss = (denoised.noise - target(&batch)).and_then(|x| x.sqr()?.mean_all());
            let gradients = loss.and_then(|x| x.backward()).expect("gradients");
            let at = gradients.get(&moving).expect("reaches the positions");
            assert!(values(at).iter().all(|g| g.is_finite()), "{positions:?}");
            for (name, parameter) in store.vars() {
                let finite = gradients
                    .get(&parameter)
                    .is_none_or(|gradient| values(gradient).iter().all(|g| g.is_finite()));
                assert!(finite, "{name} at {positions:?}");
            }
        }
    }
}
