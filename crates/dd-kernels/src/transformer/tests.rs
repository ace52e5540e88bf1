//! The blocks against finite differences and against the composition of operations.

use candle_core::{DType, Device, Tensor, Var};

use super::{
    AttentionBlock, DenseWeights, FeedForwardBlock, NormWeights, Readers, attention_block,
    composed, feed_forward_block,
};
use crate::rng::Key;
use crate::testing::{assert_close, gradient_error, max_difference, normal_tensor};
use crate::{AttentionDropout, MatmulPrecision, Result, RowDropout, RowIndex, Segments};

const WIDTH: usize = 6;
const HIDDEN: usize = 5;

type Attend = fn(&Tensor, &AttentionBlock<'_>) -> Result<Tensor>;
type FeedForward = fn(&Tensor, &FeedForwardBlock<'_>) -> Result<Tensor>;

struct Case {
    segments: Segments,
    factors: Option<Vec<f64>>,
    rate: f64,
    readers: Option<(RowIndex, Segments)>,
    precision: MatmulPrecision,
}

impl Case {
    fn new(lengths: &[usize], factors: Option<&[f64]>, rate: f64) -> Result<Self> {
        let ids = (0..lengths.len() as u64).map(|id| 10 + id).collect();
        Ok(Self {
            segments: Segments::from_lengths(lengths, &Device::Cpu)?.with_ids(ids)?,
            factors: factors.map(<[f64]>::to_vec),
            rate,
            readers: None,
            precision: MatmulPrecision::Full,
        })
    }

    /// With every row that is no multiple of three as a reader.
    fn with_readers(mut self) -> Result<Self> {
        let rows = 0..self.segments.num_rows() as u32;
        let rows: Vec<u32> = rows.filter(|row| row % 3 != 0).collect();
        let of = |segment: usize| {
            let range = self.segments.range(segment);
            rows.iter()
                .filter(|&&row| range.contains(&(row as usize)))
                .count()
        };
        let lengths: Vec<usize> = (0..self.segments.len()).map(of).collect();
        let index = RowIndex::new(rows, self.segments.num_rows(), &Device::Cpu)?;
        self.readers = Some((index, Segments::from_lengths(&lengths, &Device::Cpu)?));
        Ok(self)
    }

    fn attend(&self, x: &[Tensor], f: Attend) -> Result<Tensor> {
        let layer = |at: usize| DenseWeights {
            weight: &x[at],
            bias: &x[at + 1],
        };
        let block = AttentionBlock {
            norm: NormWeights {
                weight: &x[1],
                bias: &x[2],
            },
            query: layer(3),
            key: layer(5),
            value: layer(7),
            output: layer(9),
            segments: &self.segments,
            num_heads: 2,
            dropout: (self.rate > 0.0).then(|| AttentionDropout {
                rate: self.rate,
                key: Key::from_seed(3),
            }),
            factors: self.factors.as_deref(),
            readers: self
                .readers
                .as_ref()
                .map(|(rows, segments)| Readers { rows, segments }),
            precision: self.precision,
        };
        f(&x[0], &block)
    }

    fn feed_forward(&self, x: &[Tensor], f: FeedForward) -> Result<Tensor> {
        let layer = |at: usize| DenseWeights {
            weight: &x[at],
            bias: &x[at + 1],
        };
        let block = FeedForwardBlock {
            norm: NormWeights {
                weight: &x[1],
                bias: &x[2],
            },
            first: layer(3),
            last: layer(5),
            segments: &self.segments,
            dropout: (self.rate > 0.0).then(|| RowDropout {
                rate: self.rate,
                key: Key::from_seed(4),
            }),
            factors: self.factors.as_deref(),
            precision: self.precision,
        };
        f(&x[0], &block)
    }

    fn inputs(&self, layers: &[[usize; 2]]) -> Result<Vec<Tensor>> {
        let mut shapes = vec![
            vec![self.segments.num_rows(), WIDTH],
            vec![WIDTH],
            vec![WIDTH],
        ];
        for &[output, input] in layers {
            shapes.extend([vec![output, input], vec![output]]);
        }
        let key = Key::from_seed(9);
        let tensors = shapes.iter().zip(0..);
        tensors
            .map(|(shape, i)| normal_tensor(key.with(i), shape))
            .collect()
    }
}

fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        Case::new(&[3, 0, 1, 4], None, 0.0)?,
        Case::new(&[2, 5], Some(&[0.0, 1.25]), 0.3)?,
        Case::new(&[4, 0, 1, 5], Some(&[1.0, 2.0, 0.5, 1.5]), 0.0)?.with_readers()?,
    ])
}

const ATTENTION: [[usize; 2]; 4] = [[WIDTH, WIDTH]; 4];
const FEED_FORWARD: [[usize; 2]; 2] = [[HIDDEN, WIDTH], [WIDTH, HIDDEN]];

/// The result, and the gradients of the sum of its squares.
fn run(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<Vec<Tensor>> {
    let variables = inputs
        .iter()
        .map(Var::from_tensor)
        .collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tracked)?;
    let gradients = y.sqr()?.sum_all()?.backward()?;
    let mut all = vec![y.detach()];
    all.extend(variables.iter().map(|variable| {
        let gradient = gradients.get(variable);
        gradient.expect("every input has a gradient").clone()
    }));
    Ok(all)
}

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    for case in cases()? {
        let inputs = case.inputs(&ATTENTION)?;
        let error = gradient_error(&inputs, |x| case.attend(x, attention_block))?;
        assert!(error < 1e-7, "attention block: off by {error:e}");
        let inputs = case.inputs(&FEED_FORWARD)?;
        let error = gradient_error(&inputs, |x| case.feed_forward(x, feed_forward_block))?;
        assert!(error < 1e-7, "feed-forward block: off by {error:e}");
    }
    Ok(())
}

#[test]
fn agree_with_the_composition() -> Result<()> {
    let mut cases = cases()?;
    cases.push(Case::new(&[300, 217], Some(&[1.5, 0.5]), 0.1)?); // more than one block of rows
    for case in cases {
        let compare = |ours: &[Tensor], theirs: &[Tensor]| {
            for (ours, theirs) in ours.iter().zip(theirs) {
                let scale = theirs.abs().and_then(|x| x.max_all()?.to_scalar::<f64>());
                let tolerance = 1e-12 * scale.expect("numbers").max(1.0);
                assert_close(ours, theirs, tolerance);
            }
        };
        let inputs = case.inputs(&ATTENTION)?;
        compare(
            &run(&inputs, |x| case.attend(x, attention_block))?,
            &run(&inputs, |x| case.attend(x, composed::attention_block))?,
        );
        let inputs = case.inputs(&FEED_FORWARD)?;
        compare(
            &run(&inputs, |x| case.feed_forward(x, feed_forward_block))?,
            &run(&inputs, |x| {
                case.feed_forward(x, composed::feed_forward_block)
            })?,
        );
    }
    Ok(())
}

#[test]
fn in_bf16_they_agree_with_the_composition_up_to_a_rounding() -> Result<()> {
    for mut case in cases()? {
        case.precision = MatmulPrecision::Bf16;
        let single = |layers: &[[usize; 2]]| -> Result<Vec<Tensor>> {
            let inputs = case.inputs(layers)?;
            let single = inputs.iter().map(|x| x.to_dtype(DType::F32));
            Ok(single.collect::<candle_core::Result<_>>()?)
        };
        let (attention, feed) = (single(&ATTENTION)?, single(&FEED_FORWARD)?);
        let ours = [
            run(&attention, |x| case.attend(x, attention_block))?,
            run(&feed, |x| case.feed_forward(x, feed_forward_block))?,
        ];
        let theirs = [
            run(&attention, |x| case.attend(x, composed::attention_block))?,
            run(&feed, |x| {
                case.feed_forward(x, composed::feed_forward_block)
            })?,
        ];
        for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            let size = theirs.abs()?.max_all()?.to_scalar::<f32>()?;
            assert_close(ours, theirs, 0.02 * f64::from(size));
        }
    }
    Ok(())
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() -> Result<()> {
    for precision in [MatmulPrecision::Full, MatmulPrecision::Bf16] {
        bits_do_not_depend_on_threads_in(precision)?;
    }
    Ok(())
}

fn bits_do_not_depend_on_threads_in(precision: MatmulPrecision) -> Result<()> {
    let mut case = Case::new(&[400, 250, 90], None, 0.1)?;
    case.precision = precision;
    let single = |layers: &[[usize; 2]]| -> Result<Vec<Tensor>> {
        let inputs = case.inputs(layers)?;
        let single = inputs.iter().map(|x| x.to_dtype(DType::F32));
        Ok(single.collect::<candle_core::Result<_>>()?)
    };
    let (attention, feed_forward) = (single(&ATTENTION)?, single(&FEED_FORWARD)?);
    let in_pool = |threads: usize| -> Result<Vec<Tensor>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool").install(|| {
            let mut all = run(&attention, |x| case.attend(x, attention_block))?;
            all.extend(run(&feed_forward, |x| {
                case.feed_forward(x, feed_forward_block)
            })?);
            Ok(all)
        })
    };
    let one = in_pool(1)?;
    for (a, b) in in_pool(3)?.iter().zip(&one) {
        assert_eq!(max_difference(a, b)?, 0.0);
    }
    Ok(())
}

#[test]
fn readers_of_other_segments_are_refused() -> Result<()> {
    let mut case = Case::new(&[2, 2], None, 0.0)?.with_readers()?;
    let inputs = case.inputs(&ATTENTION)?;
    let (rows, _) = case.readers.take().expect("just made");
    case.readers = Some((rows, Segments::from_lengths(&[2, 0], &Device::Cpu)?));
    let error = case
        .attend(&inputs, attention_block)
        .expect_err("row 2 is of segment 1");
    assert!(error.to_string().contains("readers"), "{error}");
    Ok(())
}
