//! Permutation, batch independence, determinism, gradients, saving and loading.

use candle_core::{DType, Device, Tensor};
use dd_graph::{GraphBatch, MolGraph};
use dd_kernels::rng::Key;
use dd_nn::{LoadOptions, Mode, ParamStore, Params, Representation, load_tensors};

use super::graphs::permuted;
use crate::encoder::Encoder2d;
use crate::error::EncoderError;

/// Bound of differences that rounding in f64 explains.
const TOLERANCE: f64 = 1e-9;
/// A gradient below this share of the largest one counts as zero.
const ZERO: f64 = 1e-12;

/// Builds the encoder under test on a store's parameters.
pub type Build<'a> = dyn Fn(&Params) -> Result<Box<dyn Encoder2d>, EncoderError> + 'a;

/// What to check, and which parts of the contract do not apply, each with its reason.
pub struct EncoderCheck<'a> {
    build: &'a Build<'a>,
    graphs: &'a [MolGraph],
    zero_gradients: Vec<(&'a str, &'a str)>,
    permutation: Option<&'a str>,
    batch_in_training: Option<&'a str>,
}

impl<'a> EncoderCheck<'a> {
    /// The whole contract on these graphs.
    pub fn new(build: &'a Build<'a>, graphs: &'a [MolGraph]) -> Self {
        Self {
            build,
            graphs,
            zero_gradients: Vec::new(),
            permutation: None,
            batch_in_training: None,
        }
    }

    /// Parameters whose name ends with `suffix` have a gradient of zero, for this reason; a gradient that is not zero is
    /// a failure too.
    #[must_use]
    pub fn zero_gradient(mut self, suffix: &'a str, reason: &'a str) -> Self {
        self.zero_gradients.push((suffix, reason));
        self
    }

    /// The encoder is not equivariant, for this reason.
    #[must_use]
    pub fn not_equivariant(mut self, reason: &'a str) -> Self {
        self.permutation = Some(reason);
        self
    }

    /// In training, batch mates matter, for this reason.
    #[must_use]
    pub fn batch_mates_matter_in_training(mut self, reason: &'a str) -> Self {
        self.batch_in_training = Some(reason);
        self
    }
}

/// Which part of the contract an encoder breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Two results that should agree do not.
    #[error("{what}: {part} differ by {difference:e}, more than {bound:e}")]
    Differs {
        /// The property.
        what: String,
        /// `nodes` or `graphs`.
        part: &'static str,
        /// Largest difference.
        difference: f64,
        /// What rounding allows.
        bound: f64,
    },
    /// A result of the wrong shape.
    #[error("{part}: expected shape {expected:?}, got {got:?}")]
    Shape {
        /// `nodes` or `graphs`.
        part: &'static str,
        /// Expected shape.
        expected: Vec<usize>,
        /// Actual shape.
        got: Vec<usize>,
    },
    /// A parameter without the gradient it should have.
    #[error("parameter {name}: {fault}")]
    Gradient {
        /// Name of the parameter.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// The encoder failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}

impl From<candle_core::Error> for CheckError {
    fn from(error: candle_core::Error) -> Self {
        Self::Encoder(error.into())
    }
}

impl From<dd_graph::GraphError> for CheckError {
    fn from(error: dd_graph::GraphError) -> Self {
        Self::Encoder(error.into())
    }
}

/// Checks the contract of [`Encoder2d`] in f64.
///
/// # Errors
/// Names the first property that fails.
pub fn check_encoder(check: &EncoderCheck<'_>) -> Result<(), CheckError> {
    let store = ParamStore::new(5, DType::F64, &Device::Cpu);
    let encoder = (check.build)(&store.root())?;
    let train = Mode::Train(Key::from_seed(17));
    check_shapes(check, encoder.as_ref())?;
    check_gradients(check, encoder.as_ref(), &store, train)?;
    check_batch(check, encoder.as_ref(), Mode::Eval)?;
    if check.batch_in_training.is_none() {
        check_batch(check, encoder.as_ref(), train)?;
    }
    check_determinism(check, encoder.as_ref())?;
    if check.permutation.is_none() {
        check_permutation(check, encoder.as_ref())?;
    }
    check_loading(check, encoder.as_ref(), &store)
}

fn collate(graphs: &[MolGraph]) -> Result<GraphBatch, CheckError> {
    Ok(GraphBatch::collate(graphs, &Device::Cpu)?)
}

fn check_shapes(check: &EncoderCheck<'_>, encoder: &dyn Encoder2d) -> Result<(), CheckError> {
    let batch = collate(check.graphs)?;
    let z = encoder.encode(&batch, Mode::Eval)?;
    let width = encoder.width();
    for (part, tensor, rows) in [
        ("nodes", &z.nodes, batch.num_nodes()),
        ("graphs", &z.graphs, batch.num_graphs()),
    ] {
        if tensor.dims() != [rows, width] {
            return Err(CheckError::Shape {
                part,
                expected: vec![rows, width],
                got: tensor.dims().to_vec(),
            });
        }
    }
    Ok(())
}

/// Every graph alone gives what it gives among the others.
fn check_batch(
    check: &EncoderCheck<'_>,
    encoder: &dyn Encoder2d,
    mode: Mode,
) -> Result<(), CheckError> {
    let batch = collate(check.graphs)?;
    let together = encoder.encode(&batch, mode)?;
    for (graph, range) in batch.nodes.ranges().enumerate() {
        let alone = encoder.encode(&collate(&check.graphs[graph..=graph])?, mode)?;
        let part = Representation {
            nodes: together.nodes.narrow(0, range.start, range.len())?,
            graphs: together.graphs.narrow(0, graph, 1)?,
        };
        let when = if mode.key().is_some() {
            "training"
        } else {
            "evaluation"
        };
        compare(
            format!("graph {graph} alone, in {when}"),
            &alone,
            &part,
            TOLERANCE,
        )?;
    }
    Ok(())
}

fn check_determinism(check: &EncoderCheck<'_>, encoder: &dyn Encoder2d) -> Result<(), CheckError> {
    let batch = collate(check.graphs)?;
    let first = encoder.encode(&batch, Mode::Eval)?;
    let second = encoder.encode(&batch, Mode::Eval)?;
    compare("evaluation twice".to_string(), &first, &second, 0.0)
}

fn check_permutation(check: &EncoderCheck<'_>, encoder: &dyn Encoder2d) -> Result<(), CheckError> {
    let key = Key::from_seed(23);
    let orders: Vec<Vec<usize>> = check
        .graphs
        .iter()
        .enumerate()
        .map(|(number, graph)| key.with(number as u64).permutation(graph.num_nodes()))
        .collect();
    let moved: Vec<MolGraph> = check
        .graphs
        .iter()
        .zip(&orders)
        .map(|(graph, order)| permuted(graph, order, key.named("edges")))
        .collect();
    let batch = collate(check.graphs)?;
    let before = encoder.encode(&batch, Mode::Eval)?;
    let after = encoder.encode(&collate(&moved)?, Mode::Eval)?;
    let rows: Vec<u32> = batch
        .nodes
        .ranges()
        .zip(&orders)
        .flat_map(|(range, order)| order.iter().map(move |&old| (range.start + old) as u32))
        .collect();
    let rows = Tensor::from_vec(rows, batch.num_nodes(), &Device::Cpu)?;
    let expected = Representation {
        nodes: before.nodes.index_select(&rows, 0)?,
        graphs: before.graphs,
    };
    compare(
        "nodes and edges in another order".to_string(),
        &after,
        &expected,
        TOLERANCE,
    )
}

/// Every parameter gets a finite gradient that is not zero, except those listed.
fn check_gradients(
    check: &EncoderCheck<'_>,
    encoder: &dyn Encoder2d,
    store: &ParamStore,
    mode: Mode,
) -> Result<(), CheckError> {
    let z = encoder.encode(&collate(check.graphs)?, mode)?;
    let loss = (distance(&z.nodes, "nodes")? + distance(&z.graphs, "graphs")?)?;
    let gradients = loss.backward()?;
    let mut sizes = Vec::new();
    for (name, var) in store.vars() {
        let size = match gradients.get(&var) {
            None => None,
            Some(gradient) => Some(largest(gradient)?),
        };
        sizes.push((name, size));
    }
    let scale = sizes
        .iter()
        .filter_map(|(_, size)| *size)
        .fold(0.0, f64::max);
    for (name, size) in sizes {
        let listed = check
            .zero_gradients
            .iter()
            .find(|(suffix, _)| name.ends_with(suffix));
        let fault = match (size, listed) {
            (Some(size), _) if !size.is_finite() => "the gradient is not finite".to_string(),
            (Some(size), Some((_, reason))) if size > ZERO * scale => {
                format!("the gradient is {size:e}, but listed as zero: {reason}")
            }
            (None, None) => "no gradient arrives".to_string(),
            (Some(size), None) if size <= ZERO * scale => format!("the gradient is {size:e}"),
            _ => continue,
        };
        return Err(CheckError::Gradient { name, fault });
    }
    Ok(())
}

/// Another store that takes this one's tensors gives the same bits.
fn check_loading(
    check: &EncoderCheck<'_>,
    encoder: &dyn Encoder2d,
    store: &ParamStore,
) -> Result<(), CheckError> {
    let other = ParamStore::new(6, store.dtype(), store.device());
    let copy = (check.build)(&other.root())?;
    load_tensors(
        &other,
        "the other store",
        &store.tensors(),
        &LoadOptions::strict(),
    )
    .map_err(EncoderError::from)?;
    let batch = collate(check.graphs)?;
    let expected = encoder.encode(&batch, Mode::Eval)?;
    let got = copy.encode(&batch, Mode::Eval)?;
    compare("after saving and loading".to_string(), &got, &expected, 0.0)
}

/// Mean squared distance from fixed random numbers: no direction of the output is left out.
fn distance(x: &Tensor, part: &str) -> candle_core::Result<Tensor> {
    let key = Key::from_seed(29).named(part);
    let target: Vec<f64> = (0..x.elem_count() as u64).map(|i| key.normal(i)).collect();
    let target = Tensor::from_vec(target, x.shape(), x.device())?;
    (x - target)?.sqr()?.mean_all()
}

fn largest(x: &Tensor) -> candle_core::Result<f64> {
    let values = x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    // `f64::max` would lose what is not a number.
    Ok(values.iter().fold(0.0, |largest: f64, value| {
        if value.is_nan() {
            f64::NAN
        } else if largest.is_nan() {
            largest
        } else {
            largest.max(value.abs())
        }
    }))
}

fn compare(
    what: String,
    got: &Representation,
    expected: &Representation,
    bound: f64,
) -> Result<(), CheckError> {
    for (part, got, expected) in [
        ("nodes", &got.nodes, &expected.nodes),
        ("graphs", &got.graphs, &expected.graphs),
    ] {
        let difference = largest(&(got - expected)?)?;
        let bound = bound * largest(expected)?.max(1.0);
        if difference.is_nan() || difference > bound {
            return Err(CheckError::Differs {
                what,
                part,
                difference,
                bound,
            });
        }
    }
    Ok(())
}
