//! The smaller operations of the equivariant transformer: filtered sums and the update.

use candle_core::{Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, gradient_error};
use dd_kernels::{
    EtFields, FilteredEdges, Result, RowIndex, Segments, et_update, filtered_sum, reference,
};

mod device;

use device::{device, normal_tensor};

fn tensors(shapes: &[&[usize]]) -> Result<Vec<Tensor>> {
    let shapes = shapes.iter().zip(0..);
    shapes
        .map(|(shape, i)| normal_tensor(Key::from_seed(2).with(i), shape))
        .collect()
}

/// The result, and the gradients of the sum of its squares.
fn run(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<Vec<Tensor>> {
    let variables = inputs.iter().map(Var::from_tensor);
    let variables = variables.collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tracked)?;
    let gradients = y.sqr()?.sum_all()?.backward()?;
    let mut all = vec![y.detach()];
    all.extend(
        variables
            .iter()
            .map(|v| gradients.get(v).expect("an input").clone()),
    );
    Ok(all)
}

fn compare(
    inputs: &[Tensor],
    ours: impl Fn(&[Tensor]) -> Result<Tensor>,
    reference: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<()> {
    let error = gradient_error(inputs, &ours)?;
    assert!(error < 1e-7, "gradient off by {error:e}");
    for (ours, reference) in run(inputs, ours)?.iter().zip(&run(inputs, reference)?) {
        assert_close(ours, reference, 1e-12);
    }
    Ok(())
}

#[test]
fn filtered_sum_agrees_with_plain_candle_and_finite_differences() -> Result<()> {
    // Atom 0 sees 1 and 2, atom 1 sees 0 and itself, atom 2 sees 0, atom 3 nobody.
    let sources = RowIndex::new(vec![1, 2, 0, 1, 0], 4, &device())?;
    let pairs = RowIndex::new(vec![0, 1, 0, 2, 1], 3, &device())?;
    let by_target = Segments::from_lengths(&[2, 2, 1, 0], &device())?;
    let edges = FilteredEdges {
        sources: &sources,
        pairs: &pairs,
        by_target: &by_target,
    };
    compare(
        &tensors(&[&[4, 5], &[3, 5]])?,
        |x| filtered_sum(&x[0], &x[1], edges),
        |x| reference::filtered_sum(&x[0], &x[1], edges),
    )?;
    let wrong = tensors(&[&[4, 5], &[2, 5]])?;
    let error = filtered_sum(&wrong[0], &wrong[1], edges).expect_err("two filters");
    let expected = "filtered_sum: filters: expected shape [3, 5], got [2, 5]";
    assert_eq!(error.to_string(), expected);
    Ok(())
}

#[test]
fn update_agrees_with_plain_candle_and_finite_differences() -> Result<()> {
    for (n, f) in [(3, 5), (1, 1), (300, 9)] {
        let inputs = tensors(&[&[n, 3, f], &[3 * f, f], &[n, 3 * f], &[n, 4, f]])?;
        let with = |x: &[Tensor], update: Update| -> Result<Tensor> {
            let arrived = EtFields::new(x[3].clone())?;
            Ok(update(&x[0], &x[1], &x[2], &arrived)?.joined().clone())
        };
        let ours = |x: &[Tensor]| with(x, et_update);
        let theirs = |x: &[Tensor]| with(x, reference::et_update);
        if n < 10 {
            compare(&inputs, ours, theirs)?;
        } else {
            for (ours, theirs) in run(&inputs, ours)?.iter().zip(&run(&inputs, theirs)?) {
                assert_close(ours, theirs, 1e-8);
            }
        }
    }
    let none = tensors(&[&[0, 3, 2], &[6, 2], &[0, 6], &[0, 4, 2]])?;
    let update = et_update(
        &none[0],
        &none[1],
        &none[2],
        &EtFields::new(none[3].clone())?,
    )?;
    assert_eq!(update.joined().dims(), [0, 4, 2]);
    let inputs = tensors(&[&[2, 3, 3], &[6, 3], &[2, 9], &[2, 4, 3]])?;
    let arrived = EtFields::new(inputs[3].clone())?;
    let error = et_update(&inputs[0], &inputs[1], &inputs[2], &arrived).expect_err("six rows");
    let expected = "et_update: projection: expected shape [9, 3], got [6, 3]";
    assert_eq!(error.to_string(), expected);
    Ok(())
}

type Update = fn(&Tensor, &Tensor, &Tensor, &EtFields) -> Result<EtFields>;
