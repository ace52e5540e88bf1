//! Golden cases of kind `steps`: a few AdamW steps of the equivariant transformer on the denoising loss, with warm-up.
//!
//! Compared are the learning rates, the loss before each step, and every parameter and buffer after the last, in float64
//! and in float32, with the original's float64 run.

use std::path::Path;

use candle_core::{DType, Tensor};
use dd_kernels::rng::Key;
use dd_nn::Mode;
use dd_train::{AdamW, AdamWConfig, Gradients, Schedule, ScheduleConfig};

use crate::et::{self, mse};
use crate::{Golden, ParityError, Row};

/// Both sides in float64; the differences found are near 1e-14.
const FLOAT64: f64 = 1e-11;
/// In float32, ten times what float32 costs the original itself.
const FLOAT32_FACTOR: f64 = 10.0;
/// The least that is allowed to float32, relative to the largest entry: a few units in the last place.
const FLOAT32_FLOOR: f64 = 1e-6;

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or run.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let golden = Golden::open(case)?;
    let mut rows = vec![rates(&golden)?];
    for dtype in [DType::F64, DType::F32] {
        rows.extend(run(&golden, dtype)?);
    }
    rows.push(golden.nothing_unread(&[]));
    Ok(rows)
}

/// The schedule against the rates that the original used.
fn rates(golden: &Golden) -> Result<Row, ParityError> {
    let expected = numbers(golden, "/lr_used")?;
    let config = ScheduleConfig::WarmupCosine {
        warmup: number(golden, "/config/lr_warmup_steps")? as u64,
        period: number(golden, "/config/lr_cosine_length")? as u64,
    };
    let schedule =
        Schedule::new(number(golden, "/config/lr")?, config).map_err(ParityError::failed)?;
    let got: Vec<f64> = (0..)
        .take(expected.len())
        .map(|step| schedule.lr(step))
        .collect();
    Ok(Row::relative(
        &golden.name,
        "learning rates",
        &got,
        &expected,
        1e-13,
    ))
}

fn run(golden: &Golden, dtype: DType) -> Result<Vec<Row>, ParityError> {
    let network = et::load(golden, "/config", dtype, &["state_before."])?;
    let batch = et::molecules(golden, "input.pos_clean", dtype)?;
    let noises = golden.tensor("input.noises", dtype)?;
    let params = network.store.vars();
    let mut optimizer = AdamW::new(optimizer(golden)?, &params).map_err(ParityError::failed)?;
    let training = Mode::Train(Key::from_seed(0));
    let mut losses = Vec::new();
    for (step, lr) in numbers(golden, "/lr_used")?.into_iter().enumerate() {
        let noise = noises.get(step)?;
        let noisy = batch.with_positions((&batch.positions + &noise)?);
        let denoised = dd_denoiser3d::Denoiser3d::forward(&network.et, &noisy, training);
        let predicted = denoised.map_err(ParityError::failed)?.noise;
        let target = network.normalizer.normalize(&noise, training);
        let loss = mse(&predicted, &target.map_err(ParityError::failed)?)?;
        losses.push(loss.to_dtype(DType::F64)?.to_scalar::<f64>()?);
        let gradients = Gradients::of(&loss, &params)?;
        optimizer
            .step(&gradients, lr, 1.0, &|_| false)
            .map_err(ParityError::failed)?;
    }

    let precision = dtype.as_str();
    let expected = numbers(golden, "/losses_f64")?;
    let own_error = difference(&numbers(golden, "/losses_f32")?, &expected);
    let mut rows = vec![
        Row::exact(
            &golden.name,
            format!("{precision} state dict"),
            network.unmatched.is_empty(),
        )
        .with_note(network.unmatched.join(", ")),
        Row::relative(
            &golden.name,
            format!("{precision} losses"),
            &losses,
            &expected,
            tolerance(dtype, own_error),
        ),
    ];
    let mut worst: Option<Row> = None;
    let state = network.store.tensors();
    for (name, tensor) in &state {
        let row = compare(golden, name, tensor, dtype)?;
        let margin = |row: &Row| row.max_rel / row.tolerance;
        if worst
            .as_ref()
            .is_none_or(|worst| !row.ok || margin(&row) > margin(worst))
        {
            worst = Some(row);
        }
    }
    let after = golden.names_below("f64.state_after.").len();
    let complete = after == state.len();
    rows.push(Row::exact(
        &golden.name,
        format!("{precision} tensors after"),
        complete,
    ));
    rows.extend(worst.map(|row| {
        let note = format!("worst of {}: {}", state.len(), row.quantity);
        Row {
            quantity: format!("{precision} parameters and buffers after"),
            ..row.with_note(note)
        }
    }));
    Ok(rows)
}

fn compare(golden: &Golden, name: &str, tensor: &Tensor, dtype: DType) -> Result<Row, ParityError> {
    let expected = golden.values(&format!("f64.state_after.{name}"))?;
    let own_error = difference(
        &golden.values(&format!("f32.state_after.{name}"))?,
        &expected,
    );
    let got = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    let bound = tolerance(dtype, own_error);
    Ok(Row::relative(&golden.name, name, &got, &expected, bound))
}

fn tolerance(dtype: DType, own_error: f64) -> f64 {
    if dtype == DType::F64 {
        FLOAT64
    } else {
        let bound = FLOAT32_FACTOR * own_error;
        if bound < FLOAT32_FLOOR {
            FLOAT32_FLOOR
        } else {
            bound
        }
    }
}

/// Largest difference, relative to the largest expected entry; NaN when a number is none, so that no bound is made of it.
fn difference(got: &[f64], expected: &[f64]) -> f64 {
    if got.iter().chain(expected).any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    let pairs = got.iter().zip(expected);
    let largest = pairs.map(|(g, e)| (g - e).abs()).fold(0.0, f64::max);
    let scale = expected.iter().map(|e| e.abs()).fold(0.0, f64::max);
    largest / scale.max(f64::MIN_POSITIVE)
}

fn optimizer(golden: &Golden) -> Result<AdamWConfig, ParityError> {
    let betas = numbers(golden, "/config/betas")?;
    let [beta1, beta2] = betas[..] else {
        return Err(ParityError::Failed(format!(
            "expected two betas, got {betas:?}"
        )));
    };
    Ok(AdamWConfig {
        lr: number(golden, "/config/lr")?,
        beta1,
        beta2,
        epsilon: number(golden, "/config/eps")?,
        weight_decay: number(golden, "/config/weight_decay")?,
        no_decay: Vec::new(),
    })
}

fn number(golden: &Golden, pointer: &str) -> Result<f64, ParityError> {
    let value = golden.field(pointer)?.as_f64();
    value.ok_or_else(|| ParityError::Failed(format!("{pointer} is not a number")))
}

fn numbers(golden: &Golden, pointer: &str) -> Result<Vec<f64>, ParityError> {
    let list = golden.field(pointer)?.as_array();
    let list = list.and_then(|list| list.iter().map(serde_json::Value::as_f64).collect());
    list.ok_or_else(|| ParityError::Failed(format!("{pointer} is not a list of numbers")))
}
