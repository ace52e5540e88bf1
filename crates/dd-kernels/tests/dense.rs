//! The dense layer and dropout.

use candle_core::{DType, Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, gradient_error, max_difference};
use dd_kernels::{
    MatmulPrecision, Result, RowDropout, Segments, dense, dense_in, dropout, reference,
};

mod device;

use device::{device, normal_tensor, rounding};

fn inputs(rows: &[usize], input: usize, output: usize) -> Result<Vec<Tensor>> {
    let mut x = rows.to_vec();
    x.push(input);
    [x, vec![output, input], vec![output]]
        .iter()
        .zip(0..)
        .map(|(shape, i)| normal_tensor(Key::from_seed(1).with(i), shape))
        .collect()
}

#[test]
fn dense_gradients_agree_with_finite_differences() -> Result<()> {
    // Candle gives a bias no gradient from no rows; the CPU does.
    let none: &[&[usize]] = if device().is_cpu() { &[&[0]] } else { &[] };
    for rows in [&[4][..], &[2, 3]].iter().chain(none) {
        let x = inputs(rows, 3, 5)?;
        let error = gradient_error(&x, |x| dense(&x[0], &x[1], Some(&x[2])))?;
        assert!(error < 1e-8, "{rows:?}: off by {error:e}");
        let error = gradient_error(&x[..2], |x| dense(&x[0], &x[1], None))?;
        assert!(error < 1e-8, "{rows:?}, no bias: off by {error:e}");
    }
    Ok(())
}

#[test]
fn a_row_has_the_same_bits_alone() -> Result<()> {
    for (input, output) in [
        (128, 1),
        (128, 2),
        (128, 3),
        (300, 8),
        (128, 12),
        (64, 27),
        (128, 64),
        (128, 65),
        (128, 128),
        (600, 300),
    ] {
        let x: Vec<Tensor> = inputs(&[300], input, output)?
            .iter()
            .map(|x| x.to_dtype(DType::F32))
            .collect::<candle_core::Result<_>>()?;
        let all = dense(&x[0], &x[1], Some(&x[2]))?;
        for rows in [1, 2, 3, 5, 31, 69, 130, 257, 299] {
            let few = dense(&x[0].narrow(0, 0, rows)?, &x[1], Some(&x[2]))?;
            let difference = max_difference(&few, &all.narrow(0, 0, rows)?)?;
            assert!(
                difference <= rounding(DType::F32),
                "{rows} rows, {input} to {output}: {difference:e}"
            );
        }
    }
    Ok(())
}

#[test]
fn dense_agrees_with_plain_candle() -> Result<()> {
    // More rows and columns than a block has.
    let x = inputs(&[700], 33, 290)?;
    let run = |f: fn(&Tensor, &Tensor, Option<&Tensor>) -> Result<Tensor>| -> Result<Vec<Tensor>> {
        let variables = x.iter().map(Var::from_tensor);
        let variables = variables.collect::<candle_core::Result<Vec<_>>>()?;
        let y = f(&variables[0], &variables[1], Some(&variables[2]))?;
        let gradients = y.sqr()?.sum_all()?.backward()?;
        let mut all = vec![y.detach()];
        all.extend(
            variables
                .iter()
                .map(|v| gradients.get(v).expect("an input").clone()),
        );
        Ok(all)
    };
    for (ours, theirs) in run(dense)?.iter().zip(&run(reference::dense)?) {
        assert_close(ours, theirs, 1e-9);
    }
    Ok(())
}

#[test]
fn products_in_bf16_are_near_those_in_full() -> Result<()> {
    if !device().is_cpu() {
        return Ok(());
    }
    let x = inputs(&[300], 96, 70)?;
    let run = |precision| -> Result<Vec<Tensor>> {
        let single = x.iter().map(|x| Var::from_tensor(&x.to_dtype(DType::F32)?));
        let x = single.collect::<candle_core::Result<Vec<_>>>()?;
        let y = dense_in(&x[0], &x[1], Some(&x[2]), precision)?;
        let gradients = y.sqr()?.sum_all()?.backward()?;
        let mut all = vec![y.detach()];
        all.extend(
            x.iter()
                .map(|x| gradients.get(x).expect("an input").clone()),
        );
        Ok(all)
    };
    let (bf16, full) = (run(MatmulPrecision::Bf16)?, run(MatmulPrecision::Full)?);
    for (bf16, full) in bf16.iter().zip(&full) {
        let size = full.abs()?.max_all()?.to_scalar::<f32>()?;
        let off = max_difference(bf16, full)? / f64::from(size);
        assert!((1e-5..6e-3).contains(&off), "{off:e}");
    }
    let few = dense_in(&x[0], &x[1], None, MatmulPrecision::Bf16).expect_err("double precision");
    assert!(few.to_string().contains("bf16"), "{few}");
    Ok(())
}

#[test]
fn dense_names_the_wrong_shape() -> Result<()> {
    let x = inputs(&[2], 3, 5)?;
    let error = dense(&x[0].narrow(1, 0, 2)?, &x[1], None).expect_err("two columns");
    assert_eq!(
        error.to_string(),
        "dense: x: expected shape [..., 3], got [2, 2]"
    );
    let error = dense(&x[0], &x[1], Some(&x[2].narrow(0, 0, 4)?)).expect_err("four biases");
    assert_eq!(
        error.to_string(),
        "dense: bias: expected shape [5], got [4]"
    );
    let none = x[1].narrow(0, 0, 0)?;
    assert!(dense(&x[0], &none, None).is_err(), "no output");
    Ok(())
}

#[test]
fn dropped_entries_have_no_gradient_and_the_mask_follows_the_record() -> Result<()> {
    let of = |lengths: &[usize], ids: &[u64], width: usize| -> Result<Vec<Vec<f64>>> {
        let segments = Segments::from_lengths(lengths, &device())?.with_ids(ids.to_vec())?;
        let x = Var::ones((segments.num_rows(), width), DType::F64, &device())?;
        let rate = RowDropout {
            rate: 0.25,
            key: Key::from_seed(1),
        };
        let y = dropout(&x, &segments, rate)?;
        let gradients = y.sum_all()?.backward()?;
        assert_close(gradients.get(&x).expect("the input's"), &y, 0.0);
        assert_close(&y, &reference::dropout(&x, &segments, rate)?, 0.0);
        Ok(y.to_vec2()?)
    };
    for width in [64, 65] {
        let together = of(&[3, 5, 2], &[7, 8, 9], width)?;
        assert_eq!(together[3..8], of(&[5], &[8], width)?[..]);
        assert_eq!(together[8..], of(&[4, 2], &[11, 9], width)?[4..]);
        let many = of(&[200], &[0], width)?.concat();
        let zeros = many.iter().filter(|&&y| y == 0.0).count() as f64 / many.len() as f64;
        assert!((zeros - 0.25).abs() < 0.02, "{zeros}");
    }
    Ok(())
}
