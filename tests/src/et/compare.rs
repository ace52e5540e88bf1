//! Comparing tensors of one golden run, one row per group of tensors.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};
use serde_json::Value;

use crate::{Golden, ParityError, Row};

/// Bound where both sides ran in float64: the networks agree to 1e-13, so this leaves room for other molecules only.
const DOUBLE_BOUND: f64 = 1e-10;

/// Results of one run in one precision. Each group keeps its worst row.
pub(crate) struct Comparison<'a> {
    golden: &'a Golden,
    dtype: DType,
    groups: BTreeMap<String, Group>,
}

struct Group {
    worst: Row,
    name: String,
    count: usize,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(golden: &'a Golden, dtype: DType) -> Self {
        Self {
            golden,
            dtype,
            groups: BTreeMap::new(),
        }
    }

    /// One row per group.
    pub(crate) fn rows(self) -> Vec<Row> {
        let groups = self.groups.into_values();
        groups
            .map(|group| {
                let note = if group.worst.note.is_empty() {
                    format!("worst of {}: {}", group.count, group.name)
                } else {
                    group.worst.note.clone()
                };
                group.worst.with_note(note)
            })
            .collect()
    }

    /// A yes-or-no row.
    pub(crate) fn exact(&mut self, group: &str, ok: bool, note: impl FnOnce() -> String) {
        let mut row = Row::exact(&self.golden.name, self.label(group), ok);
        if !ok {
            row = row.with_note(note());
        }
        self.add(group, group, row);
    }

    /// A result under the name of the case, when the case stored it.
    pub(crate) fn output(&mut self, name: &str, tensor: &Tensor) -> Result<(), ParityError> {
        let Some(truth) = self.truth(name) else {
            return Ok(());
        };
        let (got, expected) = (values(tensor)?, self.golden.values(&truth)?);
        let group = output_group(name);
        let label = self.label(group);
        let case = &self.golden.name;
        let stated = self.golden.reference_error(name);
        let row = match (self.dtype, stated) {
            (DType::F32, Some(error)) => {
                // On one number the original may be right by chance to less than f32 can hold.
                let largest = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
                let bound = (10.0 * error).max(1e-6 * largest);
                Row::absolute(case, label, &got, &expected, bound)
            }
            (DType::F32, None) if group == "loss" => {
                Row::relative(case, label, &got, &expected, 1e-5)
            }
            _ => Row::relative(case, label, &got, &expected, self.output_bound(&truth)),
        };
        self.add(group, name, row);
        Ok(())
    }

    /// Gradients of a loss with respect to all parameters: stored in full, or as samples with the norm of the whole.
    pub(crate) fn gradients(
        &mut self,
        kind: &str,
        parameters: &[(String, Var)],
        gradients: &GradStore,
    ) -> Result<(), ParityError> {
        for (name, var) in parameters {
            let gradient = gradients.get(var);
            let full = self.truth(&format!("{kind}.{name}"));
            let sampled = self.truth(&format!("{kind}_sample.{name}"));
            let Some(truth) = full.clone().or(sampled) else {
                self.unstored(kind, name, gradient)?;
                continue;
            };
            let expected = self.golden.values(&truth)?;
            let Some(gradient) = gradient else {
                self.exact(&format!("{kind} present"), false, || {
                    format!("{name} has none")
                });
                continue;
            };
            let gradient = values(gradient)?;
            let label = self.label(kind);
            let got = if full.is_some() {
                gradient.clone()
            } else {
                sample(&gradient)
            };
            let bound = self.gradient_bound(&truth);
            let row = Row::relative(&self.golden.name, label, &got, &expected, bound);
            self.add(kind, name, row);
            self.norm(kind, name, &gradient, bound);
        }
        Ok(())
    }

    /// Gradient with respect to the positions.
    pub(crate) fn position_gradient(
        &mut self,
        of: &str,
        positions: &Var,
        gradients: &GradStore,
    ) -> Result<(), ParityError> {
        let name = format!("grad_pos.{of}");
        let Some(truth) = self.truth(&name) else {
            return Ok(());
        };
        let Some(gradient) = gradients.get(positions) else {
            self.exact(&name, false, || "there is none".to_string());
            return Ok(());
        };
        let (got, expected) = (values(gradient)?, self.golden.values(&truth)?);
        let bound = self.gradient_bound(&truth);
        let row = Row::relative(
            &self.golden.name,
            self.label("grad_pos"),
            &got,
            &expected,
            bound,
        );
        self.add("grad_pos", &name, row);
        Ok(())
    }

    /// A parameter for which the case has no gradient: the original had none, so ours is absent or zero.
    fn unstored(
        &mut self,
        kind: &str,
        name: &str,
        gradient: Option<&Tensor>,
    ) -> Result<(), ParityError> {
        let gradient = match gradient {
            Some(gradient) => values(gradient)?,
            None => Vec::new(),
        };
        let is_zero = gradient.iter().all(|g| *g == 0.0);
        self.exact(&format!("{kind} absent"), is_zero, || {
            format!("{name}: a gradient where the original has none")
        });
        Ok(())
    }

    /// The L2 norm of a gradient, where the description lists it.
    fn norm(&mut self, kind: &str, name: &str, gradient: &[f64], bound: f64) {
        let entry = self
            .golden
            .json
            .get("gradients")
            .and_then(|all| all.get(name));
        let listed = entry.and_then(|entry| entry.get(format!("{kind}_l2_f64")));
        if let Some(expected) = listed.and_then(Value::as_f64) {
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let group = format!("{kind} norms");
            let label = self.label(&group);
            let row = Row::relative(&self.golden.name, label, &[norm], &[expected], bound);
            self.add(&group, name, row);
        }
    }

    /// Name of the best truth that the case stores.
    fn truth(&self, name: &str) -> Option<String> {
        ["f64.", "f32."]
            .into_iter()
            .map(|run| format!("{run}{name}"))
            .find(|full| self.golden.has(full))
    }

    fn output_bound(&self, truth: &str) -> f64 {
        if self.is_single(truth) {
            return 1e-5;
        }
        DOUBLE_BOUND
    }

    fn gradient_bound(&self, truth: &str) -> f64 {
        if self.is_single(truth) {
            let stated = self.golden.json.get("f32_versus_f64_worst_relative_grad");
            return 10.0 * stated.and_then(Value::as_f64).unwrap_or(5e-6);
        }
        DOUBLE_BOUND
    }

    /// Whether either side of a comparison ran in float32.
    fn is_single(&self, truth: &str) -> bool {
        self.dtype == DType::F32 || truth.starts_with("f32.")
    }

    fn label(&self, group: &str) -> String {
        let precision = if self.dtype == DType::F32 {
            "f32"
        } else {
            "f64"
        };
        format!("{precision} {group}")
    }

    fn add(&mut self, group: &str, name: &str, row: Row) {
        let share = |row: &Row| match (row.ok, row.tolerance > 0.0) {
            (false, _) => f64::INFINITY,
            (true, true) => row.max_rel / row.tolerance,
            (true, false) => 0.0,
        };
        let entry = self.groups.entry(group.to_string());
        match entry {
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(Group {
                    worst: row,
                    name: name.to_string(),
                    count: 1,
                });
            }
            std::collections::btree_map::Entry::Occupied(mut occupied) => {
                let group = occupied.get_mut();
                group.count += 1;
                if group.worst.ok && share(&row) > share(&group.worst) {
                    group.worst = row;
                    group.name = name.to_string();
                }
            }
        }
    }
}

/// The row in which an output is reported.
fn output_group(name: &str) -> &str {
    if name.starts_with("edge_") {
        "edges"
    } else if name.starts_with("layer") {
        "layers"
    } else if name.starts_with("normaliz") {
        "normalizer"
    } else if name.ends_with("embedding") {
        "embeddings"
    } else if name.starts_with("loss") {
        "loss"
    } else {
        name
    }
}

/// Elements at flat index floor(k n / 64), all when there are fewer than 64.
fn sample(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    if n < 64 {
        return values.to_vec();
    }
    (0..64).map(|k| values[k * n / 64]).collect()
}

fn values(tensor: &Tensor) -> Result<Vec<f64>, ParityError> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
