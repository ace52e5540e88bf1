//! Noise by name, and the running normalisation of the target.

mod molecules;

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::{GaussianNoise, Noise, NoiseNormalizer};
use dd_graph::PointCloud;
use dd_kernels::rng::Key;
use dd_nn::{Mode, ParamStore};
use molecules::{collate, difference, methylamine, values};

fn recorded(record: u64) -> PointCloud {
    PointCloud {
        record,
        ..methylamine()
    }
}

#[test]
fn the_noise_of_a_molecule_depends_on_its_record_and_the_epoch_alone() {
    let noise = GaussianNoise::pcqm4mv2();
    let epoch = |epoch| Key::from_seed(1).named("noise").with(epoch);
    let draw = |clouds: &[PointCloud], key| {
        let perturbed = noise.perturb(&collate(clouds), key);
        perturbed.expect("a valid sigma").noise
    };
    let alone = draw(&[recorded(5)], epoch(0));
    let together = draw(&[recorded(2), recorded(5), recorded(9)], epoch(0));
    let part = together.narrow(0, 7, 7).expect("the second molecule");
    assert_eq!(difference(&alone, &part), 0.0);
    assert!(difference(&alone, &draw(&[recorded(5)], epoch(1))) > 0.1);
    assert!(difference(&alone, &draw(&[recorded(6)], epoch(0))) > 0.1);
}

#[test]
fn positions_move_by_sigma_times_the_noise() {
    let batch = collate(&(0..300).map(recorded).collect::<Vec<_>>());
    let perturbed = GaussianNoise { sigma: 0.04 }.perturb(&batch, Key::from_seed(0));
    let perturbed = perturbed.expect("a valid sigma");
    let moved = (&perturbed.batch.positions - &batch.positions).expect("same shape");
    let expected = (&perturbed.noise * 0.04).expect("a tensor");
    assert!(difference(&moved, &expected) < 1e-12);
    let noise = values(&perturbed.noise);
    let variance = noise.iter().map(|x| x * x).sum::<f64>() / noise.len() as f64;
    assert!((variance - 1.0).abs() < 0.05, "{variance}");
}

#[test]
fn a_sigma_that_is_no_width_is_an_error() {
    let batch = collate(&[methylamine()]);
    for sigma in [-0.1, f64::NAN, f64::INFINITY] {
        let perturbed = GaussianNoise { sigma }.perturb(&batch, Key::from_seed(0));
        assert!(perturbed.is_err(), "{sigma}");
    }
}

#[test]
fn the_normalizer_takes_a_batch_in_before_it_normalises_it() {
    let store = ParamStore::new(0, DType::F64, &Device::Cpu);
    let normalizer = NoiseNormalizer::new(&store.root().pp("pos_normalizer")).expect("new names");
    let training = Mode::Train(Key::from_seed(0));
    let first = Tensor::new(&[[1.0, 0.0, 2.0], [3.0, 0.0, 4.0]], &Device::Cpu).expect("[2, 3]");
    let second = Tensor::new(&[[5.0, 0.0, 0.0]], &Device::Cpu).expect("[1, 3]");

    let normalized = normalizer.normalize(&first, training).expect("[2, 3]");
    // Mean (2, 0, 3), biased deviation (1, clamped, 1).
    assert_eq!(values(&normalized), [-1.0, 0.0, -1.0, 1.0, 0.0, 1.0]);
    normalizer.normalize(&second, training).expect("[1, 3]");
    let seen = values(&normalizer.mean_and_std().expect("two tensors").0);
    assert_eq!(seen, [3.0, 0.0, 2.0]);
    normalizer.normalize(&second, Mode::Eval).expect("[1, 3]");
    let count = store.buffer("pos_normalizer.acc_count").expect("a buffer");
    assert_eq!(values(&count.tensor()), [3.0]);
    assert!(
        normalizer
            .normalize(
                &Tensor::zeros((2, 2), DType::F64, &Device::Cpu).expect("zeros"),
                training
            )
            .is_err()
    );
}
