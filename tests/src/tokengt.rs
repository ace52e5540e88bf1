//! Golden cases of kind `tokengt`: tokens, states, attention, outputs, loss and every gradient of the original TokenGT.
//!
//! Each case runs twice: in float64 against the reference's float64 run with tight bounds, and in float32 against the
//! reference's float32 run within ten times the difference between the reference's own two runs.

mod gradients;
mod inputs;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Module, Tensor};
use dd_encoder2d::{Head, HeadConfig, Mode, Recorder, TokenGt, names};
use dd_nn::{LoadOptions, ParamStore, load_tensors};
use serde_json::Value;

pub(crate) use gradients::Worst;
use gradients::gradient_rows;
use inputs::weights;
pub(crate) use inputs::{config, graph_batch, identifiers, state_dict};

use crate::{Golden, ParityError, Row};

/// Bound of float64 values: rounding of sums of a few thousand terms through up to 12 layers.
const F64_VALUES: f64 = 1e-10;
/// Bound of float64 gradients, relative to the largest entry of each.
const F64_GRADIENTS: f64 = 1e-9;
/// How much the float32 run may differ, in units of the reference's own float32 error.
const F32_FACTOR: f64 = 10.0;
/// The reference's float32 error where the description states none: two units in the last place.
const F32_DEFAULT: f64 = 2.4e-7;

/// Where the original pads, which ours does not; what its data loader knows and its model does not read; eigenvectors beside
/// other identifiers.
const UNUSED: [&str; 9] = [
    "f32.padded_index",
    "f32.padding_mask",
    "f64.padded_index",
    "f64.padding_mask",
    "input.idx",
    "input.in_degree",
    "input.lap_",
    "input.ogb_edge_feat",
    "input.ogb_node_feat",
];

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or run.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let golden = Golden::open(case)?;
    let mut rows = Vec::new();
    for (dtype, prefix) in [(DType::F64, "f64"), (DType::F32, "f32")] {
        let run = run(&golden, dtype)?;
        let bounds = Bounds::new(&golden, dtype);
        rows.extend(value_rows(&golden, prefix, &run, &bounds)?);
        rows.extend(gradient_rows(&golden, prefix, &run, &bounds)?);
    }
    rows.push(golden.nothing_unread(&UNUSED));
    Ok(rows)
}

/// What one forward and backward pass of ours gives.
struct Run {
    values: BTreeMap<String, Tensor>,
    gradients: BTreeMap<String, Tensor>,
    layout: Layout,
}

/// Token counts, to find a graph's tokens in the padded arrays of the original.
struct Layout {
    tokens: Vec<usize>,
    nodes: Vec<usize>,
}

struct Bounds {
    golden: BTreeMap<String, f64>,
    largest: f64,
    gradients: f64,
}

impl Bounds {
    fn new(golden: &Golden, dtype: DType) -> Self {
        if dtype == DType::F64 {
            return Self {
                golden: BTreeMap::new(),
                largest: F64_VALUES,
                gradients: F64_GRADIENTS,
            };
        }
        let mut of = BTreeMap::new();
        let table = golden.json.get("f32_versus_f64").and_then(Value::as_object);
        for (name, entry) in table.into_iter().flatten() {
            let number = |field: &str| entry.get(field).and_then(Value::as_f64);
            if let (Some(error), Some(size)) = (number("max_abs"), number("max_abs_value")) {
                let relative = (error / size.max(f64::MIN_POSITIVE)).max(F32_DEFAULT);
                of.insert(name.clone(), F32_FACTOR * relative);
            }
        }
        let largest = of
            .values()
            .copied()
            .fold(F32_FACTOR * F32_DEFAULT, f64::max);
        let gradients = golden
            .json
            .get("f32_versus_f64_worst_relative_grad")
            .and_then(Value::as_f64)
            .unwrap_or(5e-7);
        Self {
            golden: of,
            largest,
            gradients: F32_FACTOR * gradients,
        }
    }

    fn of(&self, quantity: &str) -> f64 {
        self.golden.get(quantity).copied().unwrap_or(self.largest)
    }
}

fn run(golden: &Golden, dtype: DType) -> Result<Run, ParityError> {
    let failed = ParityError::failed;
    let config = config(golden.field("/config")?)?;
    let store = ParamStore::new(0, dtype, &Device::Cpu);
    let params = store.root().pp(names::ENCODER_PREFIX);
    let model = TokenGt::new(&config, &params).map_err(failed)?;
    let num_classes = golden.field("/config/num_classes")?.as_u64().unwrap_or(1);
    let head = Head::new(
        &HeadConfig::TokenGt {
            activation: config.activation,
        },
        config.width,
        num_classes as usize,
        &params,
    )
    .map_err(failed)?;
    let weights = weights(golden, dtype)?;
    let options = LoadOptions::strict().with_names(names::fairseq_token_gt(&config, true));
    load_tensors(&store, &golden.name, &weights, &options).map_err(ParityError::failed)?;

    let batch = graph_batch(
        golden,
        "input.",
        config.node_identifiers.laplacian_columns(),
    )?;
    let identifiers = identifiers(golden, &batch, &config, dtype)?;
    let mut seen = Recorder::default();
    let z = model
        .encode_with_identifiers(&batch, identifiers.as_ref(), Mode::Eval, &mut seen)
        .map_err(failed)?;
    let logits = head.forward(&z.graphs)?;
    let y = golden.tensor("input.y", dtype)?;
    let target = golden.tensor("input.node_target", dtype)?;
    let mean_square = |a: &Tensor, b: &Tensor| (a - b)?.sqr()?.mean_all();
    let loss = (mean_square(&logits, &y)? + mean_square(&z.nodes, &target)?)?;
    let gradients = loss.backward()?;
    let gradients = store
        .vars()
        .into_iter()
        .filter_map(|(name, var)| Some((name, gradients.get(&var)?.clone())))
        .collect();

    let layout = Layout {
        tokens: batch
            .nodes
            .lengths()
            .zip(batch.edges.lengths())
            .map(|(nodes, edges)| 2 + nodes + edges)
            .collect(),
        nodes: batch.nodes.lengths().collect(),
    };
    let mut values = seen.tensors;
    for ((layer, graph), map) in seen.attention {
        values.insert(format!("attention.{layer}/{graph}"), map);
    }
    let last = format!("state.{}", config.num_layers);
    values.insert("edge_out".into(), edge_rows(&values[&last], &layout)?);
    values.insert("loss_l1_sum".into(), (&logits - &y)?.abs()?.sum_all()?);
    values.insert("logits".into(), logits);
    values.insert("loss".into(), loss);
    values.insert("graph_rep".into(), z.graphs);
    values.insert("node_out".into(), z.nodes);
    Ok(Run {
        values,
        gradients,
        layout,
    })
}

/// The last states at edge tokens, in input order.
fn edge_rows(states: &Tensor, layout: &Layout) -> Result<Tensor, ParityError> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (&tokens, &nodes) in layout.tokens.iter().zip(&layout.nodes) {
        parts.push(states.narrow(0, start + 2 + nodes, tokens - 2 - nodes)?);
        start += tokens;
    }
    Ok(Tensor::cat(&parts, 0)?)
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>, ParityError> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// One row for each value that both sides have; padded arrays are compared where there are tokens.
fn value_rows(
    golden: &Golden,
    prefix: &str,
    run: &Run,
    bounds: &Bounds,
) -> Result<Vec<Row>, ParityError> {
    let mut rows = Vec::new();
    for name in golden.names_below(&format!("{prefix}.")) {
        let full = format!("{prefix}.{name}");
        let (got, expected) = if name.starts_with("attention.") {
            let expected = packed_attention(golden, &full, &run.layout.tokens)?;
            let mut got = Vec::new();
            for graph in 0..run.layout.tokens.len() {
                got.extend(flat(&run.values[&format!("{name}/{graph}")])?);
            }
            (got, expected)
        } else if let Some(value) = run.values.get(&name) {
            let expected = if name.starts_with("tokens") || name.starts_with("state.") {
                packed_rows(golden, &full, &run.layout.tokens)?
            } else {
                golden.values(&full)?
            };
            (flat(value)?, expected)
        } else {
            continue;
        };
        let tolerance = bounds.of(&name);
        rows.push(Row::relative(
            &golden.name,
            full,
            &got,
            &expected,
            tolerance,
        ));
    }
    Ok(rows)
}

/// `[B, T, H]` without the padding.
fn packed_rows(golden: &Golden, name: &str, tokens: &[usize]) -> Result<Vec<f64>, ParityError> {
    let shape = golden.shape(name)?;
    let values = golden.values(name)?;
    let (padded, width) = (shape[1], shape[2]);
    let part = |(graph, &count): (usize, &usize)| {
        let first = graph * padded * width;
        values[first..first + count * width].to_vec()
    };
    Ok(tokens.iter().enumerate().flat_map(part).collect())
}

/// `[heads, B, T, T]` without the padding, graph after graph.
fn packed_attention(
    golden: &Golden,
    name: &str,
    tokens: &[usize],
) -> Result<Vec<f64>, ParityError> {
    let shape = golden.shape(name)?;
    let values = golden.values(name)?;
    let (heads, graphs, padded) = (shape[0], shape[1], shape[2]);
    let mut packed = Vec::new();
    for (graph, &count) in tokens.iter().enumerate() {
        for head in 0..heads {
            for query in 0..count {
                let first = ((head * graphs + graph) * padded + query) * padded;
                packed.extend(&values[first..first + count]);
            }
        }
    }
    Ok(packed)
}
