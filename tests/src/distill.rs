//! Golden cases of kind `distill`: a frozen teacher's features against a TokenGT student, with and without explicit
//! hydrogens in the student's graph; every loss by name, and the gradients of two of them.
//!
//! The losses take the teacher's features of the reference's float32 run (its float64 features are not stored), so they agree
//! to float32 accuracy in both runs of ours. That our teacher gives these features is compared apart.

mod teacher;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use dd_distill::{Alignment, DistillLoss, GraphLoss, Projection, TeacherAtoms, loss_by_name};
use dd_encoder2d::{Blind, Mode, TokenGt, names};
use dd_nn::{LoadOptions, ParamStore, Representation, load_tensors};
use serde_json::{Value, json};

use crate::tokengt::{Worst, config, graph_batch, identifiers, state_dict};
use crate::{Golden, ParityError, Row};
use teacher::teacher_rows;

/// Ten times float32 rounding through two layers and a mean: the reference's own runs differ by up to 1e-7.
const LOSSES: f64 = 1e-6;
/// Bound of hidden states and projections: float32 features through two layers.
const F32_VALUES: f64 = 3e-6;
/// The same in float64, where no teacher takes part.
const F64_VALUES: f64 = 1e-10;
/// Bound of gradients, relative to the largest entry of each tensor.
const GRADIENTS: f64 = 1e-5;

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or run.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let golden = Golden::open(case)?;
    let mut rows = teacher_rows(&golden)?;
    for (dtype, prefix) in [(DType::F64, "f64"), (DType::F32, "f32")] {
        for variant in ["noh", "withh"] {
            if golden.has(&format!("input.{variant}.node_num")) {
                let student = Student::new(&golden, variant, dtype)?;
                rows.extend(student.value_rows(prefix)?);
                rows.extend(student.loss_rows(prefix)?);
            }
        }
    }
    // The mask follows from the elements; students with other identifiers read no eigenvectors.
    let unused = ["input.heavy_mask", "input.noh.lap_", "input.withh.lap_"];
    rows.push(golden.nothing_unread(&unused));
    Ok(rows)
}

struct Student<'a> {
    golden: &'a Golden,
    variant: &'a str,
    dtype: DType,
    store: ParamStore,
    alignment: Alignment,
    teacher: Representation,
    hidden: Representation,
    projected: Representation,
}

impl<'a> Student<'a> {
    fn new(golden: &'a Golden, variant: &'a str, dtype: DType) -> Result<Self, ParityError> {
        let failed = ParityError::failed;
        let mut weights = state_dict(golden, "student.state.", dtype)?;
        let config = config(&completed(golden, &weights)?)?;
        let store = ParamStore::new(0, dtype, &Device::Cpu);
        let root = store.root();
        let model = TokenGt::new(&config, &root.pp(names::ENCODER_PREFIX)).map_err(failed)?;
        let teacher_x = golden.tensor("f32.teacher_x", dtype)?;
        let heads = state_dict(golden, "head.", dtype)?;
        weights.extend(
            heads
                .into_iter()
                .map(|(name, x)| (format!("head.{name}"), x)),
        );
        let projection = |name: &str| {
            let params = root.pp("head").pp(name);
            Projection::new(config.width, teacher_x.dim(1)?, &params).map_err(ParityError::failed)
        };
        let (of_nodes, of_graphs) = (projection("node")?, projection("graph")?);
        let options = LoadOptions::strict().with_names(names::fairseq_token_gt(&config, false));
        load_tensors(&store, &golden.name, &weights, &options).map_err(ParityError::failed)?;

        let prefix = format!("input.{variant}.");
        let batch = graph_batch(golden, &prefix, config.node_identifiers.laplacian_columns())?;
        let identifiers = identifiers(golden, &batch, &config, dtype)?;
        let hidden = model
            .encode_with_identifiers(&batch, identifiers.as_ref(), Mode::Eval, &mut Blind)
            .map_err(failed)?;
        let project =
            |projection: &Projection| projection.project(&hidden).map_err(ParityError::failed);
        let projected = Representation {
            nodes: project(&of_nodes)?.nodes,
            graphs: project(&of_graphs)?.graphs,
        };
        Ok(Self {
            alignment: alignment(golden, variant)?,
            teacher: Representation {
                graphs: golden.tensor("f32.teacher_graph_mean", dtype)?,
                nodes: teacher_x,
            },
            golden,
            variant,
            dtype,
            store,
            hidden,
            projected,
        })
    }

    fn value_rows(&self, prefix: &str) -> Result<Vec<Row>, ParityError> {
        let tolerance = if self.dtype == DType::F64 {
            F64_VALUES
        } else {
            F32_VALUES
        };
        [
            ("student_node", &self.hidden.nodes),
            ("student_graph", &self.hidden.graphs),
            ("proj_node", &self.projected.nodes),
            ("proj_graph", &self.projected.graphs),
        ]
        .into_iter()
        .map(|(name, got)| {
            let full = format!("{prefix}.{}.{name}", self.variant);
            let expected = self.golden.values(&full)?;
            Ok(Row::relative(
                &self.golden.name,
                full,
                &flat(got)?,
                &expected,
                tolerance,
            ))
        })
        .collect()
    }

    fn loss_rows(&self, prefix: &str) -> Result<Vec<Row>, ParityError> {
        let mut rows = Vec::new();
        let below = format!("{prefix}.loss.{}.", self.variant);
        for name in self.golden.names_below(&below) {
            let loss = loss_by_name(&name).map_err(ParityError::failed)?;
            let value = loss
                .loss(&self.projected, &self.teacher, &self.alignment)
                .map_err(ParityError::failed)?;
            let full = format!("{below}{name}");
            let expected = self.golden.values(&full)?;
            rows.push(Row::relative(
                &self.golden.name,
                full,
                &flat(&value)?,
                &expected,
                LOSSES,
            ));
            rows.extend(self.gradient_row(prefix, &name, &value)?);
        }
        rows.extend(self.heavy_row(prefix)?);
        Ok(rows)
    }

    /// The mean over heavy atoms only, against the reference's pooled features.
    fn heavy_row(&self, prefix: &str) -> Result<Option<Row>, ParityError> {
        let pooled = format!("{prefix}.teacher_graph_mean_heavy");
        if self.variant != "noh" || !self.golden.has(&pooled) {
            return Ok(None);
        }
        let loss = GraphLoss::mean_pool().over(TeacherAtoms::Aligned);
        let got = loss
            .loss(&self.projected, &self.teacher, &self.alignment)
            .map_err(ParityError::failed)?;
        let student = self.golden.values(&format!("{prefix}.noh.proj_graph"))?;
        let target = self.golden.values(&pooled)?;
        let square = |(a, b): (&f64, &f64)| (a - b).powi(2);
        let expected = student.iter().zip(&target).map(square).sum::<f64>() / target.len() as f64;
        let quantity = format!("{prefix} {}", loss.name());
        Ok(Some(Row::relative(
            &self.golden.name,
            quantity,
            &flat(&got)?,
            &[expected],
            LOSSES,
        )))
    }

    /// All gradients of a loss: whole tensors where they are stored, norms where only those are listed.
    fn gradient_row(
        &self,
        prefix: &str,
        loss: &str,
        value: &Tensor,
    ) -> Result<Option<Row>, ParityError> {
        let gradients = value.backward()?;
        let case = &self.golden.name;
        let mut of = BTreeMap::new();
        for (name, var) in self.store.vars() {
            if let Some(gradient) = gradients.get(&var) {
                of.insert(name, flat(gradient)?);
            }
        }
        let mut worst = Worst::default();
        let stored = format!("{prefix}.grad.{}.{loss}.", self.variant);
        for name in self.golden.names_below(&stored) {
            if name.strip_suffix(".rows").is_some() {
                continue;
            }
            let expected = self.golden.values(&format!("{stored}{name}"))?;
            let parameter = name.strip_suffix(".values").unwrap_or(&name);
            let got = found(&of, parameter)?;
            let got = if parameter == name {
                got.clone()
            } else {
                let rows = self.golden.integers(&format!("{stored}{parameter}.rows"))?;
                let width = expected.len() / rows.len().max(1);
                let row = |row: &i64| &got[*row as usize * width..(*row as usize + 1) * width];
                rows.iter().flat_map(row).copied().collect()
            };
            worst.add(&name, scaled(case, &of, parameter, &got, &expected)?);
        }
        let listed = self.golden.field("/gradient_l2_f64")?.as_object();
        let below = format!("{}.{loss}.", self.variant);
        for (key, expected) in listed.into_iter().flatten() {
            let (Some(name), Some(expected)) = (key.strip_prefix(&below), expected.as_f64()) else {
                continue;
            };
            let norm = found(&of, name)?.iter().map(|x| x * x).sum::<f64>().sqrt();
            worst.add(
                &format!("norm of {name}"),
                scaled(case, &of, name, &[norm], &[expected])?,
            );
        }
        Ok(worst.row(&format!("{prefix} gradients of {}.{loss}", self.variant)))
    }
}

fn found<'a>(of: &'a BTreeMap<String, Vec<f64>>, name: &str) -> Result<&'a Vec<f64>, ParityError> {
    of.get(name)
        .ok_or_else(|| ParityError::failed(format!("{name} has no gradient")))
}

/// Relative to the largest entry; the key bias, whose gradient is zero in exact arithmetic, relative to the key weight's.
fn scaled(
    case: &str,
    of: &BTreeMap<String, Vec<f64>>,
    name: &str,
    got: &[f64],
    expected: &[f64],
) -> Result<Row, ParityError> {
    let Some(stem) = name.strip_suffix("k_proj.bias") else {
        return Ok(Row::relative(case, "gradient", got, expected, GRADIENTS));
    };
    let weight = found(of, &format!("{stem}k_proj.weight"))?;
    let scale = weight.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let unit = |values: &[f64]| values.iter().map(|x| x / scale).collect::<Vec<_>>();
    let mut row = Row::absolute(case, "gradient", &unit(got), &unit(expected), GRADIENTS);
    row.max_rel = row.max_abs;
    Ok(row)
}

/// The student's configuration, with the choices that its tensors imply and the description leaves out.
fn completed(golden: &Golden, weights: &BTreeMap<String, Tensor>) -> Result<Value, ParityError> {
    let mut config = golden.field("/student_config")?.clone();
    let has = |part: &str| weights.keys().any(|name| name.contains(part));
    let implied = [
        ("lap_node_id", has("lap_encoder")),
        ("orf_node_id", has("orf_encoder")),
        ("rand_node_id", has("rand_encoder")),
        ("type_id", has("order_encoder")),
        ("encoder_normalize_before", has("emb_layer_norm")),
        ("postnorm", !has("graph_encoder.final_layer_norm")),
    ];
    if let Value::Object(fields) = &mut config {
        for (name, value) in implied {
            fields.entry(name).or_insert(json!(value));
        }
    }
    Ok(config)
}

/// Student node `i` without hydrogens is heavy atom `i`; with hydrogens every atom is a node.
fn alignment(golden: &Golden, variant: &str) -> Result<Alignment, ParityError> {
    let molecule = golden.integers("input.batch")?;
    let numbers = golden.integers("input.z")?;
    let count = molecule.iter().max().map_or(0, |&last| last as usize + 1);
    let (mut student, mut teacher) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for (&molecule, &number) in molecule.iter().zip(&numbers) {
        let molecule = molecule as usize;
        let atom = teacher[molecule].len() as u32;
        teacher[molecule].push(atom);
        if variant == "withh" || number != 1 {
            student[molecule].push(atom);
        }
    }
    Alignment::from_atom_index(&student, &teacher, &Device::Cpu).map_err(ParityError::failed)
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>, ParityError> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
