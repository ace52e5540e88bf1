//! Small instances of the three tasks.

use candle_core::{DType, Device};
use dd_denoiser3d::{EquivariantTransformer, EtConfig, GaussianNoise};
use dd_distill::loss_by_name;
use dd_encoder2d::names::{ENCODER_PREFIX, HEAD_PREFIX, SCALER_PREFIX};
use dd_encoder2d::{
    EncoderConfig, GinConfig, Head, HeadConfig, Predictor, RegressionLoss, Target, TargetScaler,
    TokenGtConfig,
};
use dd_nn::ParamStore;
use dd_train::tasks::{Contrast, Denoise, Distill, FineTune};

/// A teacher of width 32.
pub(crate) fn teacher_config() -> EtConfig {
    EtConfig {
        embedding_dimension: 32,
        num_layers: 2,
        num_heads: 4,
        num_rbf: 16,
        ..EtConfig::tiny()
    }
}

/// A TokenGT of this width without dropout.
pub(crate) fn token_gt(width: usize) -> EncoderConfig {
    EncoderConfig::TokenGt(TokenGtConfig {
        width,
        ffn_width: width,
        num_layers: 2,
        attention_dropout: 0.0,
        activation_dropout: 0.0,
        stochastic_depth: 0.0,
        ..TokenGtConfig::student_64()
    })
}

/// A GIN of this width without dropout.
pub(crate) fn gin(width: usize) -> EncoderConfig {
    EncoderConfig::Gin(GinConfig {
        width,
        num_layers: 2,
        dropout: 0.0,
    })
}

/// The two targets of [`crate::molecules::labelled`].
pub(crate) fn targets() -> Vec<Target> {
    vec![Target::regression("hetero", None), Target::binary("ring")]
}

pub(crate) fn store(seed: u64) -> ParamStore {
    ParamStore::new(seed, DType::F32, &Device::Cpu)
}

pub(crate) fn denoise(config: &EtConfig) -> Denoise {
    let store = store(1);
    let network = EquivariantTransformer::new(config, &store.root()).unwrap();
    Denoise::new(Box::new(network), GaussianNoise { sigma: 0.1 }, &store).unwrap()
}

/// A student of a teacher with this store.
pub(crate) fn distill(student: &EncoderConfig, teacher_store: &ParamStore) -> Distill {
    let store = store(2);
    let teacher = EquivariantTransformer::new(&teacher_config(), &teacher_store.root()).unwrap();
    let encoder = student.build(&store.root().pp(ENCODER_PREFIX)).unwrap();
    let terms = ["node_mse", "graph_mse_mean_pool"];
    let terms = terms.map(|name| (1.0, loss_by_name(name).unwrap()));
    Distill::new(
        encoder,
        &store,
        (Box::new(teacher), DType::F32),
        terms.into(),
    )
    .unwrap()
}

/// A student and a 3D network that are trained together.
pub(crate) fn contrast(student: &EncoderConfig) -> Contrast {
    let store = store(4);
    let place = store.root().pp("conformer_encoder");
    // With the head of the published network, which takes no part either.
    let config = EtConfig {
        output_model: Some(dd_denoiser3d::OutputModel::Scalar),
        ..teacher_config()
    };
    let conformers = EquivariantTransformer::new(&config, &place).unwrap();
    let encoder = student.build(&store.root().pp(ENCODER_PREFIX)).unwrap();
    Contrast::new(encoder, Box::new(conformers), &store, (20, 0.1)).unwrap()
}

pub(crate) fn finetune(encoder: &EncoderConfig, head: HeadConfig) -> FineTune {
    let store = store(3);
    let root = store.root();
    let targets = targets();
    let encoder = encoder.build(&root.pp(ENCODER_PREFIX)).unwrap();
    let head = Head::new(&head, encoder.width(), targets.len(), &root.pp(HEAD_PREFIX)).unwrap();
    let scaler = TargetScaler::identity(targets.len(), &root.pp(SCALER_PREFIX)).unwrap();
    let predictor = Predictor::new(encoder, head, scaler, targets).unwrap();
    FineTune::new(predictor, &store, RegressionLoss::L1, None)
}

/// Parameters of a student where those of a task will stand would be shared, and missing in its file.
#[test]
fn a_student_keeps_off_the_places_of_a_task() {
    let store = store(2);
    let student = gin(32).build(&store.root().pp("projection.net")).unwrap();
    let teacher = EquivariantTransformer::new(&teacher_config(), &store.frozen().root());
    let teacher = Box::new(teacher.unwrap());
    let terms = vec![(1.0, loss_by_name("node_mse").unwrap())];
    let error = Distill::new(student, &store, (teacher, DType::F32), terms);
    let error = error.err().expect("refused").to_string();
    assert!(error.contains("projection.net"), "{error}");
}

#[test]
fn a_rate_for_an_encoder_that_is_not_there_is_refused() {
    let store = store(3);
    let root = store.root();
    let encoder = gin(16).build(&root).unwrap();
    let head = Head::new(
        &HeadConfig::Linear,
        16,
        targets().len(),
        &root.pp(HEAD_PREFIX),
    )
    .unwrap();
    let scaler = TargetScaler::identity(targets().len(), &root.pp(SCALER_PREFIX)).unwrap();
    let predictor = Predictor::new(encoder, head, scaler, targets()).unwrap();
    let task = FineTune::new(predictor, &store, RegressionLoss::L1, None);
    let error = task
        .with_encoder_rate(0.1)
        .err()
        .expect("refused")
        .to_string();
    assert!(error.contains("below `encoder`"), "{error}");
}
