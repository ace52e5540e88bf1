//! Every operation against finite differences, against the reference, across thread counts and memory layouts, on the
//! batches that break kernels: empty segments, single rows, one large segment, rows that nothing points to.

use candle_core::{DType, Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, gradient_error, max_difference};
use dd_kernels::{AttentionDropout, KernelError, Result, RowIndex, Segments, reference};
use proptest::prelude::*;

mod cases;
mod device;

use cases::{Case, Operation, case, cases};
use device::{device, normal_tensor, rounding};

fn standard_cases() -> Result<Vec<Case>> {
    cases(&[3, 0, 1, 70, 2, 0], 13, Key::from_seed(5))
}

/// The result and the gradient of every input, of the sum of squares of the result.
fn run(operation: &Operation, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let variables = inputs
        .iter()
        .map(Var::from_tensor)
        .collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = operation(&tracked)?;
    let gradients = y.sqr()?.sum_all()?.backward()?;
    let mut all = vec![y.detach()];
    for variable in &variables {
        all.push(
            gradients
                .get(variable)
                .expect("every input has a gradient")
                .clone(),
        );
    }
    Ok(all)
}

fn in_single_precision(inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    Ok(inputs
        .iter()
        .map(|x| x.to_dtype(DType::F32))
        .collect::<candle_core::Result<_>>()?)
}

fn bits(tensors: &[Tensor]) -> Result<Vec<Vec<u32>>> {
    let bits = |x: &Tensor| -> Result<Vec<u32>> {
        Ok(x.flatten_all()?
            .to_vec1::<f32>()?
            .into_iter()
            .map(f32::to_bits)
            .collect())
    };
    tensors.iter().map(bits).collect()
}

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    for case in standard_cases()? {
        let error = gradient_error(&case.inputs, &case.kernel)?;
        assert!(error < 1e-7, "{}: gradient off by {error:e}", case.name);
    }
    Ok(())
}

#[test]
fn results_and_gradients_agree_with_the_reference() -> Result<()> {
    for case in standard_cases()? {
        let expected = run(&case.reference, &case.inputs)?;
        for (actual, expected) in run(&case.kernel, &case.inputs)?.iter().zip(&expected) {
            assert_close(actual, expected, 1e-12);
        }
        let inputs = in_single_precision(&case.inputs)?;
        for (actual, expected) in run(&case.kernel, &inputs)?.iter().zip(&expected) {
            assert_close(actual, expected, 3e-6);
        }
    }
    Ok(())
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
fn kernels_in_half_precision_lose_one_rounding() -> Result<()> {
    if !device::has_half_kernels() {
        eprintln!("no kernels in half precision on this device: not tested");
        return Ok(());
    }
    for case in standard_cases()? {
        let rounded = |x: &Tensor| x.to_dtype(DType::BF16)?.to_dtype(DType::F64);
        let inputs = case.inputs.iter().map(rounded);
        let inputs = inputs.collect::<candle_core::Result<Vec<_>>>()?;
        let half = inputs.iter().map(|x| x.to_dtype(DType::BF16));
        let half = half.collect::<candle_core::Result<Vec<_>>>()?;
        let expected = run(&case.reference, &inputs)?;
        for (actual, expected) in run(&case.kernel, &half)?.iter().zip(&expected) {
            assert_eq!(actual.dtype(), DType::BF16, "{}", case.name);
            let tolerance = 2.0 * f64::from(case.roundings) / 256.0; // the result is squared before its gradient
            assert_close(actual, expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn wide_rows_and_heads_agree_with_the_reference() -> Result<()> {
    let segments = Segments::from_lengths(&[3, 0, 37, 1], &device())?;
    let index = RowIndex::new((0..41).map(|i| i * 7 % 5).collect(), 6, &device())?;
    for head in [31, 40, 72, 116] {
        let width = 3 * head;
        let s = segments.clone();
        let (i, j) = (index.clone(), index.clone());
        let (a, b) = (segments.clone(), segments.clone());
        let cases = [
            case(
                "wide attention",
                &[&[41, width], &[41, width], &[41, width]],
                move |x| dd_kernels::segment_attention(&x[0], &x[1], &x[2], &a, 3, None),
                move |x| reference::segment_attention(&x[0], &x[1], &x[2], &b, 3, None),
            )?,
            case(
                "wide sums",
                &[&[41, width]],
                move |x| {
                    let y = dd_kernels::gather(&dd_kernels::scatter_sum(&x[0], &i)?, &i)?;
                    dd_kernels::segment_mean(&y, &s)
                },
                {
                    let s = segments.clone();
                    move |x| {
                        let y = reference::gather(&reference::scatter_sum(&x[0], &j)?, &j)?;
                        reference::segment_mean(&y, &s)
                    }
                },
            )?,
        ];
        for case in &cases {
            let expected = run(&case.reference, &case.inputs)?;
            for (actual, expected) in run(&case.kernel, &case.inputs)?.iter().zip(&expected) {
                assert_close(actual, expected, 1e-11);
            }
            let inputs = in_single_precision(&case.inputs)?;
            for (actual, expected) in run(&case.kernel, &inputs)?.iter().zip(&expected) {
                assert_close(actual, expected, 1e-5);
            }
        }
    }
    Ok(())
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() -> Result<()> {
    // Large enough that work is divided: several blocks of rows, many segments.
    for case in cases(
        &[60, 0, 33, 1, 90, 45, 120, 7, 64, 64],
        301,
        Key::from_seed(8),
    )? {
        let inputs = in_single_precision(&case.inputs)?;
        let in_pool = |threads: usize| -> Result<Vec<Vec<u32>>> {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a pool");
            pool.install(|| bits(&run(&case.kernel, &inputs)?))
        };
        let one = in_pool(1)?;
        for threads in [2, 3] {
            assert!(
                in_pool(threads)? == one,
                "{} differs with {threads} threads",
                case.name
            );
        }
    }
    Ok(())
}

#[test]
fn layouts_that_are_not_contiguous_give_the_same() -> Result<()> {
    for case in standard_cases()? {
        let strided = case.inputs.iter().map(|x| match x.rank() {
            1 => Tensor::stack(&[x, x], 1)?.narrow(1, 1, 1)?.squeeze(1),
            _ => x.transpose(0, 1)?.contiguous()?.transpose(0, 1),
        });
        let strided = strided.collect::<candle_core::Result<Vec<_>>>()?;
        let expected = (case.kernel)(&case.inputs)?;
        let difference = max_difference(&(case.kernel)(&strided)?, &expected)?;
        assert!(
            difference <= rounding(DType::F64),
            "{}: {difference:e}",
            case.name
        );
    }
    Ok(())
}

#[test]
fn empty_batches_give_empty_results() -> Result<()> {
    for case in cases(&[], 4, Key::from_seed(1))? {
        let actual = (case.kernel)(&case.inputs)?;
        // On a GPU candle panics on sums of nothing.
        let expected = device().is_cpu().then(|| (case.reference)(&case.inputs));
        if let Some(Ok(expected)) = expected {
            assert_eq!(actual.dims(), expected.dims(), "{}", case.name);
        }
    }
    Ok(())
}

#[test]
fn other_number_types_run_the_reference() -> Result<()> {
    let x = Tensor::new(&[[1_u32, 2], [3, 4]], &device())?;
    let index = RowIndex::new(vec![1, 0, 1], 2, &device())?;
    assert_eq!(
        dd_kernels::gather(&x, &index)?.to_vec2::<u32>()?,
        [[3, 4], [1, 2], [3, 4]]
    );
    let half = normal_tensor(Key::from_seed(1), &[2, 4])?.to_dtype(DType::BF16)?;
    assert_eq!(dd_kernels::gelu(&half)?.dtype(), DType::BF16);
    Ok(())
}

/// candle would round quotients, or panic.
#[test]
fn whole_numbers_are_refused_where_fractions_are_made() -> Result<()> {
    let device = device();
    let x = Tensor::new(&[[1_i64, 2], [3, 4]], &device)?;
    let rows = Segments::from_lengths(&[2], &device)?;
    let answers = [
        dd_kernels::segment_mean(&x, &rows),
        dd_kernels::segment_softmax(&x, &rows),
        dd_kernels::gelu(&x),
        dd_kernels::silu(&x),
        dd_kernels::safe_norm(&x, 1),
    ];
    for answer in answers {
        let error = answer.expect_err("no real numbers").to_string();
        assert!(error.contains("expected real numbers, got I64"), "{error}");
    }
    Ok(())
}

#[test]
fn wrong_shapes_are_named() -> Result<()> {
    let x = normal_tensor(Key::from_seed(1), &[4, 6])?;
    let segments = Segments::from_lengths(&[3], &device())?;
    let index = RowIndex::new(vec![0, 1], 2, &device())?;
    let message = |result: Result<Tensor>| result.expect_err("a wrong shape").to_string();
    assert_eq!(
        message(dd_kernels::segment_sum(&x, &segments)),
        "segment_sum: x: expected shape [3, ...], got [4, 6]"
    );
    assert_eq!(
        message(dd_kernels::gather(&x, &index)),
        "gather: x: expected shape [2, ...], got [4, 6]"
    );
    let four = Segments::from_lengths(&[4], &device())?;
    assert_eq!(
        message(dd_kernels::segment_attention(&x, &x, &x, &four, 4, None)),
        "segment_attention: q: expected shape [4, a multiple of 4 heads], got [4, 6]"
    );
    let all = AttentionDropout {
        rate: 1.0,
        key: Key::from_seed(0),
    };
    assert_eq!(
        message(dd_kernels::segment_attention(
            &x,
            &x,
            &x,
            &four,
            2,
            Some(all)
        )),
        "attention dropout rate: expected a number in [0, 1), got 1"
    );
    assert!(matches!(
        RowIndex::new(vec![0, 5], 5, &device()),
        Err(KernelError::IndexOutOfRange {
            position: 1,
            index: 5,
            bound: 5,
            ..
        })
    ));
    Ok(())
}

#[test]
fn segment_max_gives_ties_to_the_first_and_passes_nan() -> Result<()> {
    let x = Var::new(&[[2.0_f64, f64::NAN], [2.0, 1.0], [1.0, 5.0]], &device())?;
    let y = dd_kernels::segment_max(&x, &Segments::from_lengths(&[3], &device())?)?;
    let values = y.to_vec2::<f64>()?;
    assert!(values[0][0] == 2.0 && values[0][1].is_nan());
    let gradient = y
        .sum_all()?
        .backward()?
        .get(&x)
        .expect("a gradient")
        .to_vec2::<f64>()?;
    assert_eq!(gradient, [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_batch_agrees_with_the_reference(
        lengths in prop::collection::vec(0_usize..12, 1..7),
        num_sources in 1_usize..20,
        seed in any::<u64>(),
    ) {
        prop_assume!(lengths.iter().sum::<usize>() > 0);
        for case in cases(&lengths, num_sources, Key::from_seed(seed))? {
            let expected = run(&case.reference, &case.inputs)?;
            for (actual, expected) in run(&case.kernel, &case.inputs)?.iter().zip(&expected) {
                let difference = max_difference(actual, expected)?;
                prop_assert!(difference < 1e-10, "{}: {difference:e}", case.name);
            }
        }
    }

    #[test]
    fn a_segment_does_not_depend_on_its_batch_mates(
        lengths in prop::collection::vec(0_usize..9, 2..6),
        seed in any::<u64>(),
    ) {
        // On a GPU candle has no conversion of nothing.
        prop_assume!(device().is_cpu() || lengths.iter().sum::<usize>() > 0);
        let segments = Segments::from_lengths(&lengths, &device())?;
        let x = normal_tensor(Key::from_seed(seed), &[segments.num_rows(), 6])?.to_dtype(DType::F32)?;
        let together = dd_kernels::segment_attention(&x, &x, &x, &segments, 2, None)?;
        for range in segments.ranges().filter(|range| !range.is_empty()) {
            let x = x.narrow(0, range.start, range.len())?;
            let one = Segments::from_lengths(&[range.len()], &device())?;
            let alone = dd_kernels::segment_attention(&x, &x, &x, &one, 2, None)?;
            let together = together.narrow(0, range.start, range.len())?;
            prop_assert_eq!(max_difference(&alone, &together)?, 0.0);
        }
    }
}
