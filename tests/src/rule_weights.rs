//! Parameter values that follow from a rule, for golden cases of models too big to store.
//!
//! Element `i` of the parameter `name` is `offset + scale * (2 u - 1)`, where `u` has the upper 24 bits of splitmix64 keyed
//! by the FNV-1a hash of the name and the case's seed. Offset and scale are listed in the case's description, with the
//! first values and sums by which a reader can check itself; [`rule_tensor`] does check.

use candle_core::{DType, Device, Tensor};
use serde_json::Value;

use crate::ParityError;

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The tensor of one parameter, checked against the sums in its manifest.
///
/// # Errors
/// When the manifest lacks a field or the rule does not give the listed values.
pub fn rule_tensor(
    name: &str,
    seed: u64,
    manifest: &Value,
    dtype: DType,
) -> Result<Tensor, ParityError> {
    let number = |field: &str| {
        manifest.get(field).and_then(Value::as_f64).ok_or_else(|| {
            ParityError::RuleWeights(format!("{name}: the manifest has no number '{field}'"))
        })
    };
    let shape: Vec<usize> = manifest
        .get("shape")
        .and_then(Value::as_array)
        .map(|dims| {
            dims.iter()
                .filter_map(Value::as_u64)
                .map(|dim| dim as usize)
                .collect()
        })
        .ok_or_else(|| ParityError::RuleWeights(format!("{name}: the manifest has no shape")))?;
    let (offset, scale) = (number("offset")?, number("scale")?);
    let start = fnv1a(name) ^ seed.wrapping_mul(GOLDEN_GAMMA);
    let count = shape.iter().product::<usize>() as u64;
    let values: Vec<f32> = (1..=count)
        .map(|i| {
            let x = mix(start.wrapping_add(i.wrapping_mul(GOLDEN_GAMMA)));
            let u = (x >> 40) as f64 / f64::from(1 << 24);
            (offset + scale * (2.0 * u - 1.0)) as f32
        })
        .collect();
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    let expected = number("sum_f64")?;
    if (sum - expected).abs() > 1e-9 * count as f64 {
        return Err(ParityError::RuleWeights(format!(
            "{name}: the rule sums to {sum}, the manifest to {expected}"
        )));
    }
    let first = manifest.get("first").and_then(Value::as_array);
    let first = first.ok_or_else(|| {
        ParityError::RuleWeights(format!("{name}: the manifest has no list 'first'"))
    })?;
    let differs = |(value, listed): (&f32, &Value)| listed.as_f64() != Some(f64::from(*value));
    if let Some(place) = values.iter().zip(first).position(differs) {
        return Err(ParityError::RuleWeights(format!(
            "{name}: value {place} of the rule is {}, not that of the manifest",
            values[place]
        )));
    }
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
