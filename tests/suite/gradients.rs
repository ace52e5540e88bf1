//! Every parameter of every model receives a gradient: present and finite at the first step, non-zero by the second,
//! apart from those that are zero by mathematics and named here or by the model with the reason.

use candle_core::{DType, Tensor};
use dd_denoiser3d::EtConfig;
use dd_encoder2d::HeadConfig;
use dd_encoder2d::names::is_of_encoder;
use dd_kernels::rng::Key;
use dd_train::{
    AdamW, AdamWConfig, Data, Draw, FinetuneConfig, FitConfig, Gradients, Keep, Length, Silent,
    Task, clip_factor, fit,
};

use crate::{molecules, tasks};

fn largest(gradient: &Tensor) -> f64 {
    let values = gradient
        .to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap();
    let values = values.to_vec1::<f64>().unwrap();
    assert!(values.iter().all(|value| value.is_finite()));
    values.iter().fold(0.0, |most, value| value.abs().max(most))
}

fn check<T: Task>(task: &T, batch: &[T::Item], zero: impl Fn(&str) -> Option<&'static str>) {
    let params = task.store().vars();
    assert!(!params.is_empty());
    let mut optimizer = AdamW::new(AdamWConfig::adam(1e-3), &params).unwrap();
    let mut still_zero = Vec::new();
    for step in 0..2 {
        let losses = task
            .loss(batch, Draw::train(Key::from_seed(0), 0, step))
            .unwrap();
        let gradients = Gradients::of(&losses.total, &params).unwrap();
        let missing = gradients.missing();
        let missing: Vec<&str> = missing
            .filter(|name| task.without_gradient(name).is_none())
            .collect();
        assert!(
            missing.is_empty(),
            "{}: no gradient for {missing:?}",
            task.name()
        );
        still_zero = params
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| {
                gradients
                    .get(name)
                    .is_some_and(|gradient| largest(gradient) == 0.0)
            })
            .filter(|name| zero(name).is_none())
            .collect();
        let factor = clip_factor(gradients.global_norm().unwrap(), None);
        let excused = |name: &str| task.without_gradient(name).is_some();
        optimizer.step(&gradients, 1e-3, factor, &excused).unwrap();
    }
    assert!(
        still_zero.is_empty(),
        "{}: zero gradient for {still_zero:?}",
        task.name()
    );
}

fn none(_: &str) -> Option<&'static str> {
    None
}

#[test]
fn every_parameter_of_the_teacher_learns() {
    let published = EtConfig {
        layernorm_on_vec: EtConfig::pcqm4mv2().layernorm_on_vec,
        output_model: EtConfig::pcqm4mv2().output_model,
        ..tasks::teacher_config()
    };
    let trainable = EtConfig {
        trainable_rbf: true,
        layernorm_on_vec: None,
        ..tasks::teacher_config()
    };
    for config in [tasks::teacher_config(), published, trainable] {
        let task = tasks::denoise(&config);
        check(
            &task,
            &molecules::clouds(),
            dd_denoiser3d::names::zero_gradient_reason,
        );
    }
}

#[test]
fn every_parameter_of_the_student_learns_and_none_of_the_teacher_does() {
    // Width 32 needs no projection, 24 does.
    for student in [
        tasks::token_gt(32),
        tasks::token_gt(24),
        tasks::gin(32),
        tasks::gin(24),
    ] {
        let teacher = tasks::store(7);
        let task = tasks::distill(&student, &teacher);
        let batch = molecules::pairs(student.laplacian_columns());
        check(&task, &batch, none);
        let losses = task
            .loss(&batch, Draw::train(Key::from_seed(0), 0, 0))
            .unwrap();
        let gradients = losses.total.backward().unwrap();
        assert!(
            teacher
                .vars()
                .iter()
                .all(|(_, var)| gradients.get(var).is_none())
        );
    }
}

#[test]
fn every_parameter_of_both_sides_of_a_contrast_learns() {
    for student in [tasks::token_gt(32), tasks::gin(24)] {
        let task = tasks::contrast(&student);
        let excused: Vec<String> = task
            .store()
            .vars()
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| task.without_gradient(name).is_some())
            .collect();
        let head = |name: &String| name.contains("output_model") || name.contains("out_norm_vec");
        assert!(
            !excused.is_empty() && excused.iter().all(head),
            "{excused:?}"
        );
        check(
            &task,
            &molecules::pairs(student.laplacian_columns()),
            |name| {
                let name = name.strip_prefix("conformer_encoder.")?;
                dd_denoiser3d::names::zero_gradient_reason(name)
            },
        );
    }
}

#[test]
fn every_parameter_of_the_fine_tuned_model_learns() {
    let heads = [
        HeadConfig::Linear,
        HeadConfig::Mlp { hidden: 8 },
        HeadConfig::TOKEN_GT,
    ];
    for encoder in [tasks::token_gt(32), tasks::gin(32)] {
        for head in heads {
            let task = tasks::finetune(&encoder, head);
            check(
                &task,
                &molecules::labelled(encoder.laplacian_columns()),
                none,
            );
        }
    }
}

#[test]
fn a_frozen_encoder_stays_and_a_slow_one_moves_less_than_the_head() {
    let config = |steps| FitConfig {
        length: Length::Steps(steps),
        keep: Keep::Last,
        optimizer: AdamWConfig {
            weight_decay: 0.01,
            ..AdamWConfig::adam(1e-3)
        },
        ..FinetuneConfig::binary().fit
    };
    for (encoder, head) in [
        (tasks::gin(32), HeadConfig::Mlp { hidden: 8 }),
        // This head has the encoder's prefix.
        (tasks::token_gt(32), HeadConfig::TOKEN_GT),
    ] {
        // How far the encoder and the head go at most. Steps of Adam have the size of the rate at first.
        let moved = |rate: f64, steps: u64| {
            let task = tasks::finetune(&encoder, head)
                .with_encoder_rate(rate)
                .unwrap();
            let copied = || task.store().tensors().into_iter().map(copy).collect();
            let before: Vec<(String, Tensor)> = copied();
            let examples = molecules::labelled(encoder.laplacian_columns());
            let data = Data {
                train: &examples,
                valid: None,
            };
            fit(&task, &data, &config(steps), None, &mut Silent).unwrap();
            let after: Vec<(String, Tensor)> = copied();
            let mut most = [0.0_f64; 2];
            for ((name, before), (_, after)) in before.iter().zip(&after) {
                let side = usize::from(!is_of_encoder(name));
                // Batch statistics have no rate, but are frozen too.
                let is_trained = task.store().vars().iter().any(|(var, _)| var == name);
                if is_trained || rate == 0.0 {
                    most[side] = largest(&(after - before).unwrap()).max(most[side]);
                }
            }
            most
        };
        assert_eq!(moved(0.0, 3)[0], 0.0);
        assert!(moved(0.0, 3)[1] > 1e-4);
        let [encoder, head] = moved(0.1, 1);
        assert!((head / encoder - 10.0).abs() < 0.5, "{encoder} {head}");
    }
}

fn copy((name, tensor): (String, Tensor)) -> (String, Tensor) {
    (name, tensor.copy().unwrap())
}
