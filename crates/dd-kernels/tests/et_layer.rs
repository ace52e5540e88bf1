//! A whole layer of the equivariant transformer against finite differences and the composition of its parts.

use candle_core::{DType, Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, gradient_error, max_difference};
use dd_kernels::{
    DenseWeights, EtFields, EtLayer, EtMessageInputs, NORM_EPSILON, NormWeights, Result, et_layer,
    et_message, reference,
};

mod batch;
mod device;

use batch::Batch;
use device::{normal_tensor, rounding};

/// Inputs of a layer before those of the edges: fields, norm, query, key, value, output, projection.
const BEFORE_EDGES: usize = 12;

/// All inputs of a layer on a batch of molecules.
fn inputs(batch: &Batch) -> Result<Vec<Tensor>> {
    let (n, f) = batch.tensors[0].dims2()?;
    let shapes: [&[usize]; BEFORE_EDGES] = [
        &[n, 4, f],
        &[f],
        &[f],
        &[f, f],
        &[f],
        &[f, f],
        &[f],
        &[3 * f, f],
        &[3 * f],
        &[3 * f, f],
        &[3 * f],
        &[3 * f, f],
    ];
    let key = Key::from_seed(33);
    let own = shapes.iter().zip(0..).map(|(shape, i)| {
        let scale = if shape.len() == 2 {
            (f as f64).powf(-0.5)
        } else {
            1.0
        };
        Ok((normal_tensor(key.with(i), shape)? * scale)?)
    });
    let mut inputs = own.collect::<Result<Vec<_>>>()?;
    inputs.extend_from_slice(&batch.tensors[4..]);
    Ok(inputs)
}

fn layer<'a>(batch: &'a Batch, x: &'a [Tensor]) -> EtLayer<'a> {
    let dense = |at: usize| DenseWeights {
        weight: &x[at],
        bias: &x[at + 1],
    };
    EtLayer {
        norm: NormWeights {
            weight: &x[1],
            bias: &x[2],
        },
        query: dense(3),
        key: dense(5),
        value: dense(7),
        output: dense(9),
        projection: &x[11],
        edges: batch.edges(&x[BEFORE_EDGES..]),
    }
}

fn fused(batch: &Batch, x: &[Tensor]) -> Result<Tensor> {
    let fields = et_layer(&EtFields::new(x[0].clone())?, &layer(batch, x))?;
    Ok(fields.joined().clone())
}

fn composed(batch: &Batch, x: &[Tensor]) -> Result<Tensor> {
    let fields = reference::et_layer(&EtFields::new(x[0].clone())?, &layer(batch, x))?;
    Ok(fields.joined().clone())
}

/// The new fields, and the gradients of the sum of their squares.
fn run(
    batch: &Batch,
    x: &[Tensor],
    f: impl Fn(&Batch, &[Tensor]) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let variables = x.iter().map(Var::from_tensor);
    let variables = variables.collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(batch, &tracked)?;
    let gradients = y.sqr()?.mean_all()?.backward()?;
    let gradient = |v: &Var| gradients.get(v).expect("every input has one").clone();
    Ok(std::iter::once(y.detach())
        .chain(variables.iter().map(gradient))
        .collect())
}

fn single(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let x = x.iter().map(|x| x.to_dtype(DType::F32));
    Ok(x.collect::<candle_core::Result<_>>()?)
}

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    let batch = Batch::new(&[3, 0, 1, 2], 2, 3, 4, [true, true])?.paired()?;
    let error = gradient_error(&inputs(&batch)?, |x| fused(&batch, x))?;
    assert!(error < 1e-7, "gradient off by {error:e}");
    Ok(())
}

#[test]
fn agrees_with_the_composition() -> Result<()> {
    for (sizes, channels, filters) in [
        (&[24, 5, 1][..], 8, [true, true]),
        (&[70, 3], 40, [true, false]), // 120 features, more than one block of atoms
        (&[1], 40, [false, true]),     // one row
    ] {
        let batch = Batch::new(sizes, 3, channels, 7, filters)?.paired()?;
        let inputs = inputs(&batch)?;
        let expected = run(&batch, &inputs, composed)?;
        for (ours, expected) in run(&batch, &inputs, fused)?.iter().zip(&expected) {
            assert_close(ours, expected, 1e-12);
        }
        for (ours, expected) in run(&batch, &single(&inputs)?, fused)?.iter().zip(&expected) {
            assert_close(ours, expected, 2e-4);
        }
    }
    Ok(())
}

#[test]
fn without_variables_the_result_is_the_same() -> Result<()> {
    let batch = Batch::new(&[9, 4], 2, 8, 5, [true, true])?;
    let inputs = single(&inputs(&batch)?)?;
    let tracked = &run(&batch, &inputs, fused)?[0];
    assert_eq!(max_difference(&fused(&batch, &inputs)?, tracked)?, 0.0);
    Ok(())
}

#[test]
fn bits_do_not_depend_on_threads_or_batch_mates() -> Result<()> {
    let batch = Batch::new(&[40, 40, 40, 40], 2, 48, 9, [true, true])?;
    let inputs = single(&inputs(&batch)?)?;
    let in_pool = |threads: usize| -> Result<Vec<Tensor>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool")
            .install(|| run(&batch, &inputs, fused))
    };
    let one = in_pool(1)?;
    for threads in [2, 3] {
        for (a, b) in in_pool(threads)?.iter().zip(&one) {
            assert_eq!(max_difference(a, b)?, 0.0, "{threads} threads");
        }
    }
    let alone = Batch::new(&[40], 2, 48, 9, [true, true])?;
    let mut first = inputs.clone();
    first[0] = first[0].narrow(0, 0, 40)?;
    for geometry in &mut first[BEFORE_EDGES..BEFORE_EDGES + 3] {
        *geometry = geometry.narrow(0, 0, 1600)?;
    }
    let fields = fused(&alone, &first)?;
    assert!(max_difference(&fields, &one[0].narrow(0, 0, 40)?)? <= rounding(DType::F32));
    Ok(())
}

#[test]
fn messages_of_the_layer_are_those_of_the_operation() -> Result<()> {
    // With U = 0 and W_o = 0 the vectors move by what arrives alone.
    let batch = Batch::new(&[6, 2], 2, 4, 3, [true, true])?;
    let mut inputs = inputs(&batch)?;
    inputs[11] = inputs[11].zeros_like()?;
    let fields = EtFields::new(fused(&batch, &inputs)?)?;
    let layer = layer(&batch, &inputs);
    let before = EtFields::new(inputs[0].clone())?;
    let NormWeights { weight, bias } = layer.norm;
    let h = dd_kernels::layer_norm(&before.scalars()?, weight, bias, NORM_EPSILON)?;
    let apply = |layer: DenseWeights<'_>| dd_kernels::dense(&h, layer.weight, Some(layer.bias));
    let arrived = et_message(&EtMessageInputs {
        queries: &apply(layer.query)?,
        keys: &apply(layer.key)?,
        values: &apply(layer.value)?,
        vectors: &before.vectors()?,
        edges: layer.edges,
    })?;
    let moved = (fields.vectors()? - before.vectors()?)?;
    assert_close(&moved, &arrived.vectors()?, 1e-13);
    Ok(())
}

#[test]
fn wrong_shapes_are_named() -> Result<()> {
    let batch = Batch::new(&[2], 1, 4, 3, [true, true])?;
    let mut inputs = inputs(&batch)?;
    inputs[9] = inputs[9].narrow(0, 0, 8)?;
    let error = fused(&batch, &inputs).expect_err("two thirds of the rows");
    let expected = "et_layer: output: expected shape [12, 4], got [8, 4]";
    assert_eq!(error.to_string(), expected);
    Ok(())
}
