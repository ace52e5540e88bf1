//! The parameters and buffers of a model, by name, seeded one by one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use candle_core::{DType, Device, Error, Result, Shape, Tensor, Var};
use candle_nn::VarBuilder;
use dd_kernels::MatmulPrecision;
use dd_kernels::rng::Key;

use crate::buffer::Buffer;
use crate::params::Params;

/// Creates, names and owns a model's parameters and buffers.
///
/// `ParamStore` is a cheap handle: clones share everything. [`ParamStore::root`] gives the [`Params`] that a model's
/// constructor walks with `pp`, so that names mirror the original state dicts. Initial values depend on
/// `(seed, name, shape)` only: adding a layer does not reshuffle the others. They are rounded to f32 also in an f64
/// store, so that the two hold the same numbers.
#[derive(Clone)]
pub struct ParamStore {
    inner: Arc<Mutex<Inner>>,
    origin: Origin,
    frozen: bool,
    /// Most numbers that parameters and buffers may hold together.
    most: Option<usize>,
    precision: MatmulPrecision,
    dtype: DType,
    device: Device,
}

#[derive(Default)]
struct Inner {
    params: BTreeMap<String, Var>,
    buffers: BTreeMap<String, Buffer>,
    /// Numbers in all of them.
    held: usize,
}

/// Where first values come from.
#[derive(Clone)]
enum Origin {
    Seed(Key),
    Given(VarBuilder<'static>),
}

impl ParamStore {
    /// An empty store whose parameters are drawn from `seed`.
    pub fn new(seed: u64, dtype: DType, device: &Device) -> Self {
        let key = Key::from_seed(seed).named("init");
        Self::with_origin(Origin::Seed(key), dtype, device)
    }

    /// An empty store that takes every parameter and buffer from `source`, and fails where `source` has none.
    ///
    /// This is the bridge for candle's usual `load(vb, &config)`: `Model::new(&config, &store.root())`.
    pub fn from_var_builder(source: VarBuilder<'static>) -> Self {
        let (dtype, device) = (source.dtype(), source.device().clone());
        Self::with_origin(Origin::Given(source), dtype, &device)
    }

    fn with_origin(origin: Origin, dtype: DType, device: &Device) -> Self {
        Self {
            inner: Arc::default(),
            origin,
            frozen: false,
            most: None,
            precision: MatmulPrecision::Full,
            dtype,
            device: device.clone(),
        }
    }

    /// The same store, handing out parameters outside the graph of gradients: a model built on it costs no memory for
    /// a backward pass that never comes. Right for a frozen teacher and for inference.
    #[must_use]
    pub fn frozen(&self) -> Self {
        Self {
            frozen: true,
            ..self.clone()
        }
    }

    /// The same store, refusing parameters and buffers beyond so many numbers in all, before memory is taken for them: for a
    /// network whose description comes with the file that will fill it, and is as little to be trusted.
    #[must_use]
    pub fn at_most(&self, numbers: usize) -> Self {
        Self {
            most: Some(numbers),
            ..self.clone()
        }
    }

    /// The same store, for a model whose dense layers multiply in another precision, in training too. Parameters and
    /// all other operations stay in the element type of the store, which has to be single precision, on the CPU.
    #[must_use]
    pub fn with_matmul_precision(&self, precision: MatmulPrecision) -> Self {
        Self {
            precision,
            ..self.clone()
        }
    }

    /// Takes note of a tensor that is about to be made.
    fn hold(&self, inner: &mut Inner, name: &str, shape: &Shape) -> Result<()> {
        let size = shape
            .dims()
            .iter()
            .try_fold(1, |n: usize, &d| n.checked_mul(d));
        let held = size.and_then(|size| inner.held.checked_add(size));
        match held.filter(|&held| self.most.is_none_or(|most| held <= most)) {
            Some(held) => {
                inner.held = held;
                Ok(())
            }
            None => Err(Error::Msg(format!(
                "{name} {:?}: the description asks for more numbers than there {}",
                shape.dims(),
                self.most
                    .map_or("can be".to_string(), |most| format!("may be ({most})"))
            ))),
        }
    }

    /// The path at which a model begins to name its parameters.
    pub fn root(&self) -> Params {
        Params {
            store: self.clone(),
            prefix: String::new(),
        }
    }

    /// All trainable parameters, by name in alphabetical order.
    pub fn vars(&self) -> Vec<(String, Var)> {
        let inner = self.lock();
        let pairs = inner.params.iter();
        pairs.map(|(name, v)| (name.clone(), v.clone())).collect()
    }

    /// All buffers, by name in alphabetical order.
    pub fn buffers(&self) -> Vec<(String, Buffer)> {
        let inner = self.lock();
        let pairs = inner.buffers.iter();
        pairs.map(|(name, b)| (name.clone(), b.clone())).collect()
    }

    /// Parameters and buffers together: the state dict. The tensors share memory with the store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let params = self.vars().into_iter();
        let params = params.map(|(name, var)| (name, var.as_detached_tensor()));
        let buffers = self.buffers().into_iter();
        params
            .chain(buffers.map(|(name, buffer)| (name, buffer.tensor())))
            .collect()
    }

    /// One trainable parameter.
    pub fn get(&self, name: &str) -> Option<Var> {
        self.lock().params.get(name).cloned()
    }

    /// One buffer.
    pub fn buffer(&self, name: &str) -> Option<Buffer> {
        self.lock().buffers.get(name).cloned()
    }

    /// Number of trainable scalars.
    pub fn num_parameters(&self) -> usize {
        let inner = self.lock();
        inner.params.values().map(|var| var.elem_count()).sum()
    }

    /// Element type of the parameters.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// How dense layers multiply.
    pub fn matmul_precision(&self) -> MatmulPrecision {
        self.precision
    }

    /// Device of the parameters.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Overwrites a parameter or buffer; the element type is converted.
    pub(crate) fn assign(&self, name: &str, value: &Tensor) -> Result<()> {
        if let Some(var) = self.get(name) {
            return var.set(&value.to_dtype(var.dtype())?.to_device(&self.device)?);
        }
        let buffer = self
            .buffer(name)
            .ok_or_else(|| Error::Msg(format!("there is no parameter or buffer {name}")))?;
        let dtype = buffer.var.dtype();
        buffer.set(&value.to_dtype(dtype)?.to_device(&self.device)?)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("no thread panics while it holds the parameters")
    }

    /// The parameter `name`, created by `first` from its own stream when the store is seeded.
    pub(crate) fn param(
        &self,
        name: &str,
        shape: &Shape,
        first: impl FnOnce(Key) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut inner = self.lock();
        if inner.buffers.contains_key(name) {
            return Err(Error::Msg(format!("{name} is a buffer, not a parameter")));
        }
        let var = if let Some(var) = inner.params.get(name) {
            check_shape("parameter", name, var, shape)?;
            var.clone()
        } else {
            self.hold(&mut inner, name, shape)?;
            let value = match &self.origin {
                Origin::Seed(key) => first(key.named(name))?.to_device(&self.device)?,
                Origin::Given(source) => source.get(shape.clone(), name)?,
            };
            let var = Var::from_tensor(&value.to_dtype(self.dtype)?.force_contiguous()?)?;
            inner.params.insert(name.to_string(), var.clone());
            var
        };
        Ok(if self.frozen {
            var.as_detached_tensor()
        } else {
            var.as_tensor().clone()
        })
    }

    /// The buffer `name`, created from `first`.
    pub(crate) fn buffer_or(&self, name: &str, first: &Tensor) -> Result<Buffer> {
        let mut inner = self.lock();
        if inner.params.contains_key(name) {
            return Err(Error::Msg(format!("{name} is a parameter, not a buffer")));
        }
        if let Some(buffer) = inner.buffers.get(name) {
            check_shape("buffer", name, &buffer.var, first.shape())?;
            return Ok(buffer.clone());
        }
        self.hold(&mut inner, name, first.shape())?;
        let value = match &self.origin {
            Origin::Seed(_) => first.to_device(&self.device)?,
            Origin::Given(source) => source.get_unchecked_dtype(name, first.dtype())?,
        };
        let value = if first.dtype().is_float() {
            value.to_dtype(self.dtype)?
        } else {
            value
        };
        // A copy, so that an update in place cannot reach the caller's tensor.
        let var = Var::from_tensor(&value.copy()?)?;
        check_shape("buffer", name, &var, first.shape())?;
        let buffer = Buffer { var };
        inner.buffers.insert(name.to_string(), buffer.clone());
        Ok(buffer)
    }
}

impl std::fmt::Debug for ParamStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = self.lock();
        f.debug_struct("ParamStore")
            .field("params", &inner.params.len())
            .field("buffers", &inner.buffers.len())
            .field("dtype", &self.dtype)
            .field("device", &self.device)
            .field("frozen", &self.frozen)
            .finish_non_exhaustive()
    }
}

fn check_shape(kind: &str, name: &str, var: &Var, expected: &Shape) -> Result<()> {
    if var.shape() == expected {
        return Ok(());
    }
    Err(Error::Msg(format!(
        "{kind} {name}: expected shape {expected:?}, got {:?}",
        var.shape()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;

    fn store(seed: u64) -> ParamStore {
        ParamStore::new(seed, DType::F32, &Device::Cpu)
    }

    #[test]
    fn initial_values_depend_on_seed_and_name_only() -> Result<()> {
        let init = Init::Normal { std: 1.0 };
        let (a, b) = (store(1), store(1));
        b.root().get(3, "other", init)?;
        let value = |s: &ParamStore| {
            s.root()
                .pp("layer")
                .get(8, "weight", init)?
                .to_vec1::<f32>()
        };
        assert_eq!(value(&a)?, value(&b)?);
        assert_ne!(value(&a)?, value(&store(2))?);
        assert_ne!(
            value(&a)?,
            a.root().get(8, "weight", init)?.to_vec1::<f32>()?
        );
        Ok(())
    }

    #[test]
    fn f64_store_holds_the_values_of_the_f32_store() -> Result<()> {
        let init = Init::Uniform { bound: 0.3 };
        let double = ParamStore::new(5, DType::F64, &Device::Cpu);
        let a = double.root().get(9, "w", init)?.to_vec1::<f64>()?;
        let b = store(5).root().get(9, "w", init)?.to_vec1::<f32>()?;
        assert_eq!(a, b.into_iter().map(f64::from).collect::<Vec<_>>());
        Ok(())
    }

    #[test]
    fn buffers_are_not_trained_and_update_in_place() -> Result<()> {
        let store = store(0);
        let first = Tensor::zeros(2, DType::F32, &Device::Cpu)?;
        let buffer = store.root().pp("norm").buffer("mean", &first)?;
        let seen = buffer.tensor();
        buffer.set(&Tensor::new(&[1_f32, 2.0], &Device::Cpu)?)?;
        assert_eq!(seen.to_vec1::<f32>()?, [1.0, 2.0]);
        assert_eq!(first.to_vec1::<f32>()?, [0.0, 0.0]);
        assert!(store.vars().is_empty());
        assert_eq!(store.buffers()[0].0, "norm.mean");
        assert!(
            buffer
                .set(&Tensor::zeros(3, DType::F32, &Device::Cpu)?)
                .is_err()
        );
        assert!(
            store
                .root()
                .pp("norm")
                .get(2, "mean", Init::Constant(0.0))
                .is_err()
        );
        Ok(())
    }

    #[test]
    fn frozen_parameters_carry_no_gradient() -> Result<()> {
        let store = store(0);
        let tracked = store.root().get(2, "w", Init::Constant(2.0))?;
        let frozen = store.frozen().root().get(2, "w", Init::Constant(2.0))?;
        let gradients = tracked.mul(&frozen)?.sum_all()?.backward()?;
        assert_eq!(
            gradients
                .get(&tracked)
                .map(Tensor::to_vec1::<f32>)
                .transpose()?,
            Some(vec![2.0, 2.0])
        );
        assert!(!frozen.track_op());
        Ok(())
    }

    #[test]
    fn another_shape_is_an_error_with_both_shapes() -> Result<()> {
        let store = store(0);
        store.root().get((2, 3), "w", Init::Constant(0.0))?;
        let error = store
            .root()
            .get((3, 2), "w", Init::Constant(0.0))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter w: expected shape [3, 2], got [2, 3]"
        );
        Ok(())
    }
}
