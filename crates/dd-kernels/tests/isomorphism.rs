//! The operations of the graph isomorphism network: messages and batch norm.

use candle_core::{Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, gradient_error};
use dd_kernels::{
    BatchNormInputs, GinEdges, Result, RowIndex, batch_moments, batch_norm, gather, gin_message,
    reference,
};

mod device;

use device::{device, normal_tensor};

fn tensors(shapes: &[&[usize]]) -> Result<Vec<Tensor>> {
    let shapes = shapes.iter().zip(0..);
    shapes
        .map(|(shape, i)| normal_tensor(Key::from_seed(6).with(i), shape))
        .collect()
}

/// The result, and the gradients of the sum of its cubes.
fn run(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<Vec<Tensor>> {
    let variables = inputs.iter().map(Var::from_tensor);
    let variables = variables.collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tracked)?;
    let gradients = (y.sqr()? * &y)?.sum_all()?.backward()?;
    let mut all = vec![y.detach()];
    all.extend(
        variables
            .iter()
            .map(|v| gradients.get(v).expect("an input").clone()),
    );
    Ok(all)
}

/// Three atoms with two vectors, four edges with two bonds.
fn shared() -> Result<GinEdges> {
    let index = |rows: &[u32], bound| RowIndex::new(rows.to_vec(), bound, &device());
    Ok(GinEdges {
        atoms: index(&[1, 0, 1], 2)?,
        sources: index(&[0, 1, 1, 0], 2)?,
        bonds: index(&[0, 1, 0, 1], 2)?,
        targets: index(&[0, 1, 1, 2], 3)?,
    })
}

/// Four atoms and five edges, each with a row of its own.
fn apart() -> Result<GinEdges> {
    let index = |rows: &[u32], bound| RowIndex::new(rows.to_vec(), bound, &device());
    Ok(GinEdges {
        atoms: index(&[0, 1, 2, 3], 4)?,
        sources: index(&[1, 2, 0, 1, 0], 4)?,
        bonds: index(&[0, 1, 2, 3, 4], 5)?,
        targets: index(&[0, 0, 1, 1, 2], 4)?,
    })
}

#[test]
fn messages_agree_with_plain_candle_and_finite_differences() -> Result<()> {
    for (edges, vectors, bonds) in [(apart()?, 4, 5), (shared()?, 2, 2)] {
        let inputs = tensors(&[&[vectors, 5], &[bonds, 5], &[1]])?;
        let ours = |x: &[Tensor]| gin_message(&x[0], &x[1], &x[2], &edges);
        let theirs = |x: &[Tensor]| reference::gin_message(&x[0], &x[1], &x[2], &edges);
        let error = gradient_error(&inputs, ours)?;
        assert!(error < 1e-7, "gradient off by {error:e}");
        for (ours, theirs) in run(&inputs, ours)?.iter().zip(&run(&inputs, theirs)?) {
            assert_close(ours, theirs, 1e-12);
        }
    }
    Ok(())
}

#[test]
fn messages_need_rows_that_are_there() -> Result<()> {
    let inputs = tensors(&[&[4, 5], &[5, 5], &[1]])?;
    let mut edges = apart()?;
    let error = gin_message(&inputs[0], &inputs[0], &inputs[2], &edges);
    assert_eq!(
        error.expect_err("four bonds").to_string(),
        "gin_message: bonds: expected shape [5, 5], got [4, 5]"
    );
    edges.targets = RowIndex::new(vec![0; 4], 4, &device())?;
    assert!(gin_message(&inputs[0], &inputs[1], &inputs[2], &edges).is_err());
    Ok(())
}

#[test]
fn batch_norm_agrees_with_plain_candle_and_finite_differences() -> Result<()> {
    for (rows, width) in [(7, 3), (150, 70)] {
        let kept = tensors(&[&[width], &[width]])?;
        let (kept_mean, kept_variance) = (&kept[0], kept[1].sqr()?);
        let inputs = tensors(&[&[rows, width], &[width], &[width]])?;
        for (of_batch, relu) in [(true, false), (true, true), (false, true), (false, false)] {
            type Norm = fn(&Tensor, &BatchNormInputs<'_>) -> Result<Tensor>;
            let with = |x: &[Tensor], norm: Norm| -> Result<Tensor> {
                let (mean, variance) = if of_batch {
                    batch_moments(&x[0], None)?
                } else {
                    (kept_mean.clone(), kept_variance.clone())
                };
                let inputs = BatchNormInputs {
                    weight: &x[1],
                    bias: &x[2],
                    mean: &mean,
                    variance: &variance,
                    epsilon: 1e-5,
                    of_batch,
                    relu,
                    copies: None,
                };
                norm(&x[0], &inputs)
            };
            let ours = |x: &[Tensor]| with(x, batch_norm);
            let theirs = |x: &[Tensor]| with(x, reference::batch_norm);
            if rows < 10 {
                let error = gradient_error(&inputs, ours)?;
                assert!(error < 1e-6, "{of_batch} {relu}: gradient off by {error:e}");
            }
            for (ours, theirs) in run(&inputs, ours)?.iter().zip(&run(&inputs, theirs)?) {
                assert_close(ours, theirs, 1e-9);
            }
        }
    }
    let error = batch_moments(
        &Tensor::zeros((0, 2), candle_core::DType::F32, &device())?,
        None,
    );
    assert!(error.is_err(), "no rows have no moments");
    Ok(())
}

/// Rows of a transpose lie apart in memory; single precision is half as long.
#[test]
fn kept_moments_are_read_as_they_lie_and_of_one_type() -> Result<()> {
    let of = tensors(&[&[6, 5], &[5], &[5], &[5, 2]])?;
    let apart = of[3].t()?;
    let norm = |mean: &Tensor, variance: &Tensor| {
        let inputs = BatchNormInputs {
            weight: &of[1],
            bias: &of[2],
            mean,
            variance,
            epsilon: 1e-5,
            of_batch: false,
            relu: false,
            copies: None,
        };
        batch_norm(&of[0], &inputs)
    };
    let squares = of[3].sqr()?.t()?;
    let row = |of: &Tensor, i: usize| of.narrow(0, i, 1)?.squeeze(0);
    let (mean, variance) = (row(&apart, 0)?, row(&squares, 1)?);
    assert!(!mean.is_contiguous() && !variance.is_contiguous());
    let together = norm(&mean.contiguous()?, &variance.contiguous()?)?;
    assert_close(&norm(&mean, &variance)?, &together, 0.0);
    let single = mean.to_dtype(candle_core::DType::F32)?;
    assert!(norm(&single, &variance).is_err(), "another type");
    let (mean, variance) = batch_moments(&of[0].narrow(1, 0, 0)?, None)?;
    assert_eq!((mean.dims(), variance.dims()), (&[0][..], &[0][..]));
    Ok(())
}

#[test]
fn copies_count_as_rows_of_the_batch() -> Result<()> {
    let copies = [2, 1, 3, 1];
    let of_rows = RowIndex::new(vec![2, 0, 1, 2, 0, 2, 3], 4, &device())?;
    let inputs = tensors(&[&[4, 70], &[70], &[70]])?;
    for relu in [false, true] {
        type Norm = fn(&Tensor, &BatchNormInputs<'_>) -> Result<Tensor>;
        let norm = |x: &Tensor, columns: &[Tensor], copies, norm: Norm| -> Result<Tensor> {
            let (mean, variance) = batch_moments(x, copies)?;
            let inputs = BatchNormInputs {
                weight: &columns[0],
                bias: &columns[1],
                mean: &mean,
                variance: &variance,
                epsilon: 1e-5,
                of_batch: true,
                relu,
                copies,
            };
            norm(x, &inputs)
        };
        let once = |f: Norm| {
            run(&inputs, |x| {
                let y = norm(&x[0], &x[1..], Some(&copies), f)?;
                gather(&y, &of_rows)
            })
        };
        let each = run(&inputs, |x| {
            norm(&gather(&x[0], &of_rows)?, &x[1..], None, batch_norm)
        })?;
        for once in [once(batch_norm)?, once(reference::batch_norm)?] {
            for (once, each) in once.iter().zip(&each) {
                assert_close(once, each, 1e-9);
            }
        }
    }
    assert!(batch_moments(&inputs[0], Some(&copies[1..])).is_err());
    Ok(())
}
