//! Every layer passes a gradient to each of its parameters and to its input, equal to finite differences.

#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Module, Result, Tensor, Var};
use dd_kernels::Segments;
use dd_kernels::rng::Key;
use dd_nn::{Activation, Init, LayerNorm, Linear, Mlp, Mode, ParamStore, SelfAttention, dropout};

/// Compares the gradient of `sum(sin(f(x)))` in every parameter and in `x` with central differences in f64.
fn check(name: &str, store: &ParamStore, x: &Var, f: impl Fn(&Tensor) -> Result<Tensor>) {
    let loss = || -> Result<Tensor> { f(x.as_tensor())?.sin()?.sum_all() };
    let gradients = loss().unwrap().backward().unwrap();
    let mut vars = store.vars();
    vars.push(("input".into(), x.clone()));
    let step = 1e-5;
    for (parameter, var) in vars {
        let gradient = gradients
            .get(&var)
            .unwrap_or_else(|| panic!("{name}: no gradient for {parameter}"));
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let values = var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for i in (0..values.len()).step_by(values.len().div_ceil(5)) {
            let moved = |h: f64| {
                let mut values = values.clone();
                values[i] += h;
                var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap())
                    .unwrap();
                loss().unwrap().to_scalar::<f64>().unwrap()
            };
            let numeric = (moved(step) - moved(-step)) / (2.0 * step);
            moved(0.0);
            assert!(
                (gradient[i] - numeric).abs() < 1e-7 * (1.0 + numeric.abs()),
                "{name}: {parameter}[{i}]: {} and {numeric}",
                gradient[i]
            );
        }
    }
}

fn input(rows: usize, width: usize) -> Var {
    let init = Init::Normal { std: 1.0 };
    let store = ParamStore::new(9, DType::F64, &Device::Cpu);
    let x = store.root().get((rows, width), "x", init).unwrap();
    Var::from_tensor(&x.detach().copy().unwrap()).unwrap()
}

#[test]
fn every_layer_is_differentiable() {
    let new = || ParamStore::new(2, DType::F64, &Device::Cpu);
    let x = input(5, 4);
    let init = Init::Normal { std: 0.5 };

    let store = new();
    let linear = Linear::new(4, 3, init, &store.root()).unwrap();
    check("linear", &store, &x, |x| linear.forward(x));

    let store = new();
    let norm = LayerNorm::new(4, &store.root()).unwrap();
    check("layer norm", &store, &x, |x| norm.forward(x));

    for activation in [
        Activation::Silu,
        Activation::Gelu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Relu,
    ] {
        let store = new();
        let mlp = Mlp::new([4, 6, 2], activation, init, &store.root()).unwrap();
        check(&format!("{activation:?}"), &store, &x, |x| mlp.forward(x));
    }

    let store = new();
    let segments = Segments::from_lengths(&[2, 0, 3], &Device::Cpu).unwrap();
    let attention = SelfAttention::new(4, 2, 0.0, init, &store.root()).unwrap();
    check("attention", &store, &x, |x| {
        attention.forward(x, &segments, Mode::Eval)
    });

    let mode = Mode::Train(Key::from_seed(1));
    check("dropout", &new(), &x, |x| dropout(x, 0.4, mode));
}
