//! The fused messages of the equivariant transformer against finite differences and the composition of operations.

use candle_core::{DType, Tensor, Var};
use dd_kernels::testing::{assert_close, gradient_error, max_difference};
use dd_kernels::{
    EtEdges, EtFields, EtMessageInputs, FilterGrid, Result, RowIndex, et_message, reference,
};

mod batch;
mod device;

use batch::Batch;
use device::{device, rounding};

/// Passes messages with the numbers of `x`.
fn pass(
    batch: &Batch,
    x: &[Tensor],
    f: impl Fn(&EtMessageInputs<'_>) -> Result<EtFields>,
) -> Result<EtFields> {
    f(&EtMessageInputs {
        queries: &x[0],
        keys: &x[1],
        values: &x[2],
        vectors: &x[3],
        edges: batch.edges(&x[4..]),
    })
}

/// Messages in one tensor.
fn joined(
    batch: &Batch,
    x: &[Tensor],
    f: impl Fn(&EtMessageInputs<'_>) -> Result<EtFields>,
) -> Result<Tensor> {
    Ok(pass(batch, x, f)?.joined().flatten_from(1)?)
}

/// Messages and gradients of the sum of their squares.
fn run(
    batch: &Batch,
    x: &[Tensor],
    f: impl Fn(&EtMessageInputs<'_>) -> Result<EtFields>,
) -> Result<Vec<Tensor>> {
    let variables = x
        .iter()
        .map(Var::from_tensor)
        .collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = joined(batch, &tracked, f)?;
    let gradients = y.sqr()?.sum_all()?.backward()?;
    let mut all = vec![y.detach()];
    all.extend(variables.iter().map(|v| {
        gradients
            .get(v)
            .expect("every input has a gradient")
            .clone()
    }));
    Ok(all)
}

const FILTERS: [[bool; 2]; 4] = [[true, true], [true, false], [false, true], [false, false]];

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    for (filters, paired) in FILTERS.into_iter().zip([false, true].into_iter().cycle()) {
        // Five channels: less than one vector register.
        let batch = Batch::new(&[3, 0, 1, 2], 2, 5, 4, filters)?;
        let batch = if paired { batch.paired()? } else { batch };
        let mut inputs = batch.tensors.clone();
        if filters == [false, false] {
            inputs.remove(4); // without filters nothing reads the basis
        }
        let error = gradient_error(&inputs, |x| {
            let mut x = x.to_vec();
            if filters == [false, false] {
                x.insert(4, batch.tensors[4].clone());
            }
            joined(&batch, &x, et_message)
        })?;
        assert!(error < 1e-7, "{filters:?}: gradient off by {error:e}");
    }
    Ok(())
}

#[test]
fn agrees_with_the_composition() -> Result<()> {
    for (channels, filters) in [(12, FILTERS[0]), (8, FILTERS[1]), (3, FILTERS[2])] {
        // 24^2 edges: more than one block.
        let batch = Batch::new(&[24, 5, 1], 3, channels, 7, filters)?.paired()?;
        let expected = run(&batch, &batch.tensors, reference::et_message)?;
        for (actual, expected) in run(&batch, &batch.tensors, et_message)?
            .iter()
            .zip(&expected)
        {
            assert_close(actual, expected, 1e-12);
        }
        let single = batch.tensors.iter().map(|x| x.to_dtype(DType::F32));
        let single = single.collect::<candle_core::Result<Vec<_>>>()?;
        for (actual, expected) in run(&batch, &single, et_message)?.iter().zip(&expected) {
            assert_close(actual, expected, 2e-5);
        }
    }
    Ok(())
}

#[test]
fn bits_do_not_depend_on_threads_or_batch_mates() -> Result<()> {
    // 4 * 40^2 edges: several groups.
    let batch = Batch::new(&[40, 40, 40, 40], 2, 16, 9, FILTERS[0])?;
    let single = batch.tensors.iter().map(|x| x.to_dtype(DType::F32));
    let single = single.collect::<candle_core::Result<Vec<_>>>()?;
    let in_pool = |threads: usize| -> Result<Vec<Tensor>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool");
        pool.install(|| run(&batch, &single, et_message))
    };
    let one = in_pool(1)?;
    for threads in [2, 3] {
        for (a, b) in in_pool(threads)?.iter().zip(&one) {
            assert_eq!(max_difference(a, b)?, 0.0, "{threads} threads");
        }
    }
    let alone = Batch::new(&[40], 2, 16, 9, FILTERS[0])?;
    let mut first = single.clone();
    for (x, len) in first.iter_mut().zip([40, 40, 40, 40, 1600, 1600, 1600]) {
        *x = x.narrow(0, 0, len)?;
    }
    let messages = joined(&alone, &first, et_message)?;
    assert!(max_difference(&messages, &one[0].narrow(0, 0, 40)?)? <= rounding(DType::F32));
    Ok(())
}

#[test]
fn edges_without_variables_cost_no_gradient() -> Result<()> {
    let batch = Batch::new(&[3, 2], 2, 8, 4, FILTERS[0])?;
    let weight = Var::from_tensor(&batch.tensors[7])?;
    let mut inputs = batch.tensors.clone();
    inputs[7] = weight.as_tensor().clone();
    let gradients = joined(&batch, &inputs, et_message)?.sum_all()?.backward()?;
    assert!(gradients.get(&weight).is_some());
    assert!(gradients.get(&batch.tensors[4]).is_none());
    Ok(())
}

#[test]
fn pairs_across_molecules_are_refused() -> Result<()> {
    let mut batch = Batch::new(&[50, 50], 1, 4, 3, FILTERS[0])?;
    let pairs = (0..5000).map(|edge| edge % 2500).collect();
    batch.pairs = Some(RowIndex::new(pairs, 2500, &device())?);
    let mut inputs = batch.tensors.clone();
    for geometry in [4, 5] {
        inputs[geometry] = inputs[geometry].narrow(0, 0, 2500)?;
    }
    let error = joined(&batch, &inputs, et_message).expect_err("shared by molecules");
    assert!(
        error.to_string().starts_with("et_message: pairs"),
        "{error}"
    );
    Ok(())
}

#[test]
fn filters_of_a_grid_are_those_of_its_points_and_between_them_smooth() -> Result<()> {
    const GRID: usize = 24;
    let batch = Batch::new(&[9, 1, 4], 2, 5, 4, FILTERS[0])?;
    let pairs = batch.tensors[5].elem_count();
    // A smooth basis of a coordinate c: sines of c / 8, 2 c / 8, ...
    let sines = |coordinates: &[f64]| -> Result<Tensor> {
        let sines = |c: &f64| [1.0, 2.0, 3.0, 4.0].map(|k| (c * k / 8.0).sin());
        let rows: Vec<f64> = coordinates.iter().flat_map(sines).collect();
        Ok(Tensor::from_vec(rows, (coordinates.len(), 4), &device())?)
    };
    let grid = sines(&(0..GRID).map(|g| g as f64).collect::<Vec<_>>())?;
    for (step, tolerance) in [(3.0, 1e-12), (0.37, 2e-4)] {
        let place = |pair: usize| 2.0 + (pair as f64 * step) % 17.0;
        let places: Vec<f64> = (0..pairs).map(place).collect();
        let mut inputs = batch.tensors.clone();
        inputs[4] = sines(&places)?;
        let grid = FilterGrid {
            basis: &grid,
            coordinates: &Tensor::from_vec(places, pairs, &device())?,
        };
        let on_grid = |inputs: &EtMessageInputs<'_>| {
            let grid = Some(grid);
            et_message(&EtMessageInputs {
                edges: EtEdges {
                    grid,
                    ..inputs.edges
                },
                ..*inputs
            })
        };
        let expected = run(&batch, &inputs, et_message)?;
        for (ours, expected) in run(&batch, &inputs, on_grid)?.iter().zip(&expected) {
            let scale = expected.abs()?.max_all()?.to_scalar::<f64>()?;
            assert_close(ours, expected, tolerance * scale);
        }
    }
    Ok(())
}

#[test]
fn wrong_shapes_are_named() -> Result<()> {
    let batch = Batch::new(&[2], 1, 4, 3, FILTERS[0])?;
    let mut inputs = batch.tensors.clone();
    inputs[6] = inputs[6].narrow(1, 0, 2)?;
    let error = joined(&batch, &inputs, et_message)
        .expect_err("two coordinates")
        .to_string();
    assert_eq!(
        error,
        "et_message: directions: expected shape [4, 3], got [4, 2]"
    );
    Ok(())
}
