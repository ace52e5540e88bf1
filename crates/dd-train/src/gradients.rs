//! The gradients of one step, by parameter name in alphabetical order.

use candle_core::{CpuStorage, DType, Result, Storage, Tensor, Var};
use rayon::prelude::*;

/// Trainable parameters with the gradient that each received.
#[derive(Debug)]
pub struct Gradients {
    entries: Vec<Entry>,
}

/// One parameter.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) var: Var,
    pub(crate) gradient: Option<Tensor>,
}

impl Gradients {
    /// Runs the backward pass of a scalar loss. `params` come from
    /// [`ParamStore::vars`](dd_nn::ParamStore::vars), in alphabetical order.
    pub fn of(loss: &Tensor, params: &[(String, Var)]) -> Result<Self> {
        let mut gradients = loss.backward()?;
        let entry = |(name, var): &(String, Var)| Entry {
            name: name.clone(),
            var: var.clone(),
            gradient: gradients.remove(var),
        };
        Ok(Self {
            entries: params.iter().map(entry).collect(),
        })
    }

    /// The gradient of one parameter.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        entry.gradient.as_ref()
    }

    /// Parameters that received none.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let missing = self.entries.iter().filter(|entry| entry.gradient.is_none());
        missing.map(|entry| entry.name.as_str())
    }

    /// `sqrt(sum of all squares)`, accumulated in f64: inside a parameter in memory order, over the parameters by name.
    pub fn global_norm(&self) -> Result<f64> {
        let squares = self
            .entries
            .par_iter()
            .map(|entry| entry.gradient.as_ref().map_or(Ok(0.0), sum_of_squares))
            .collect::<Result<Vec<f64>>>()?;
        Ok(squares.iter().sum::<f64>().sqrt())
    }

    /// The parameter with the largest entry of its gradient, and that entry's magnitude. One that is not a number beats
    /// all others.
    pub fn largest(&self) -> Result<Option<(&str, f64)>> {
        let mut largest: Option<(&str, f64)> = None;
        for entry in &self.entries {
            let Some(gradient) = &entry.gradient else {
                continue;
            };
            let values = gradient.to_dtype(DType::F64)?.flatten_all()?;
            for value in values.to_vec1::<f64>()? {
                let size = if value.is_nan() {
                    f64::INFINITY
                } else {
                    value.abs()
                };
                if largest.is_none_or(|(_, most)| size > most) {
                    largest = Some((&entry.name, size));
                }
            }
        }
        Ok(largest)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// The factor that brings a gradient of this norm down to `max_norm`: `min(1, max_norm / (norm + 1e-6))`, as PyTorch's
/// `clip_grad_norm_`.
pub fn clip_factor(norm: f64, max_norm: Option<f64>) -> f64 {
    max_norm.map_or(1.0, |max_norm| (max_norm / (norm + 1e-6)).min(1.0))
}

fn sum_of_squares(x: &Tensor) -> Result<f64> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    if let (Storage::Cpu(cpu), Some((start, end))) = (&*storage, layout.contiguous_offsets()) {
        match cpu {
            CpuStorage::F32(values) => {
                let squares = values[start..end].iter().map(|&v| f64::from(v).powi(2));
                return Ok(squares.sum());
            }
            CpuStorage::F64(values) => {
                return Ok(values[start..end].iter().map(|v| v.powi(2)).sum());
            }
            _ => {}
        }
    }
    drop(storage);
    x.to_dtype(DType::F32)?
        .sqr()?
        .sum_all()?
        .to_dtype(DType::F64)?
        .to_scalar()
}
