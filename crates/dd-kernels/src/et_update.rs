//! The update of an atom's features by what has arrived.

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::zeros;
use crate::cpu::dense::{Dense, rows_per_task};
use crate::cpu::slice::has_kernel;
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{EtFields, MatmulPrecision, check, cuda, dense, reference};

/// Increments of the scalar and vector features of the equivariant transformer (Thölke and De Fabritiis, ICLR 2022,
/// equations 9 to 11). With the thirds `p1, p2, p3` of the projected vectors `p = U v`, the thirds `o1, o2, o3` of the
/// projected message, and what has arrived, `w`:
///
/// ```text
/// dx = (sum over x, y, z of p1 p2) o2 + o3            dv = p3 o1 + w
/// ```
///
/// The projected vectors, nine numbers per feature, are never written: backward computes them again.
///
/// # Shapes
/// `vectors` (`v`): `[N, 3, F]`, `projection` (`U`): `[3 F, F]`, `messages` (`o`): `[N, 3 F]`, `arrived`: `[N, 4, F]`, of
/// which only the vectors are read, give `dx` as scalars and `dv` as vectors.
///
/// # Errors
/// When a shape does not fit the others.
///
/// # Complexity
/// `18 N F^2` operations, three times that backward. Deterministic.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use dd_kernels::{EtFields, et_update};
/// let ones = |shape: &[usize]| Tensor::ones(shape, DType::F64, &Device::Cpu);
/// let arrived = EtFields::new(ones(&[1, 4, 1])?)?;
/// let update = et_update(&ones(&[1, 3, 1])?, &ones(&[3, 1])?, &ones(&[1, 3])?, &arrived)?;
/// assert_eq!(update.scalars()?.to_vec2::<f64>()?, [[4.0]]);
/// assert_eq!(update.vectors()?.to_vec3::<f64>()?, [[[2.0], [2.0], [2.0]]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn et_update(
    vectors: &Tensor,
    projection: &Tensor,
    messages: &Tensor,
    arrived: &EtFields,
) -> Result<EtFields> {
    let [n, 3, f] = *vectors.dims() else {
        return Err(KernelError::Shape {
            name: "et_update: vectors",
            expected: "[N, 3, F]".to_string(),
            got: vectors.dims().to_vec(),
        });
    };
    check::shape("et_update: projection", projection, &[3 * f, f])?;
    check::shape("et_update: messages", messages, &[n, 3 * f])?;
    check::shape("et_update: arrived", arrived.joined(), &[n, 4, f])?;
    if n * f == 0 && !vectors.device().is_cpu() {
        // Candle has no sums of empty tensors on a GPU.
        return EtFields::new(arrived.joined().clone());
    }
    if cuda::takes(vectors) && n > 0 && f > 0 {
        let projected = dense(vectors, projection, None)?; // [N, 3, 3 F]
        let update = cuda::et_update::et_update(&projected, messages, arrived.joined())?;
        return EtFields::new(update);
    }
    if !has_kernel(vectors) || f == 0 {
        return reference::et_update(vectors, projection, messages, arrived);
    }
    let update = EtUpdate {
        num_atoms: n,
        width: f,
    };
    EtFields::new(operation::apply(
        update,
        &[vectors, projection, messages, arrived.joined()],
    )?)
}

struct EtUpdate {
    num_atoms: usize,
    width: usize,
}

impl EtUpdate {
    fn projection<'a, T>(&self, weight: &'a [T]) -> Dense<'a, T> {
        Dense {
            weight,
            bias: None,
            input: self.width,
            output: 3 * self.width,
            precision: MatmulPrecision::Full,
        }
    }
}

impl Operation for EtUpdate {
    const NAME: &'static str = "et_update";

    fn shape(&self) -> Shape {
        Shape::from((self.num_atoms, 4, self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let f = self.width;
        let [v, weight, o, arrived] = [0, 1, 2, 3].map(|i| inputs[i]);
        let projection = self.projection(weight).forward_pass();
        let block = rows_per_task(self.num_atoms);
        let mut update = zeros(self.num_atoms * 4 * f);
        update
            .par_chunks_mut(block * 4 * f)
            .zip(v.par_chunks(block * 3 * f))
            .zip(o.par_chunks(block * 3 * f))
            .zip(arrived.par_chunks(block * 4 * f))
            .for_each(|(((update, v), o), arrived)| {
                let mut p = vec![T::ZERO; 3 * v.len()];
                projection.block(v, &mut p);
                update_rows(f, &p, o, arrived, update);
            });
        Outcome {
            output: update,
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let f = self.width;
        let [v, weight, o] = [0, 1, 2].map(|i| seen.inputs[i]);
        let projection = self.projection(weight);
        let (forward, backward) = (projection.forward_pass(), projection.backward_pass());
        let block = rows_per_task(self.num_atoms);
        let [mut dv, mut dp, mut d_o, mut d_arrived] =
            [3, 9, 3, 4].map(|k| zeros(self.num_atoms * k * f));
        let inputs = v.par_chunks(block * 3 * f).zip(o.par_chunks(block * 3 * f));
        dp.par_chunks_mut(block * 9 * f)
            .zip(d_o.par_chunks_mut(block * 3 * f))
            .zip(d_arrived.par_chunks_mut(block * 4 * f))
            .zip(dv.par_chunks_mut(block * 3 * f))
            .zip(inputs.zip(seen.grad.par_chunks(block * 4 * f)))
            .for_each(|((((dp, d_o), d_arrived), dv), ((v, o), grad))| {
                let mut p = vec![T::ZERO; 3 * v.len()];
                forward.block(v, &mut p);
                update_rows_back(f, &p, o, grad, [dp, d_o, d_arrived]);
                backward.block(dp, dv, false);
            });
        let d_weight = projection.weight_gradient(v, &dp);
        vec![Some(dv), Some(d_weight), Some(d_o), Some(d_arrived)]
    }
}

/// The parts of `width` numbers of one atom's row.
#[inline(always)]
fn parts<T, const N: usize>(row: &[T], width: usize) -> [&[T]; N] {
    std::array::from_fn(|i| &row[i * width..][..width])
}

vectorized! {
    pub(crate) fn update_rows<T: Real>(f: usize, p: &[T], o: &[T], arrived: &[T], update: &mut [T]) {
        for (atom, update) in update.chunks_exact_mut(4 * f).enumerate() {
            let p: [&[T]; 9] = parts(&p[atom * 9 * f..], f);
            let o: [&[T]; 3] = parts(&o[atom * 3 * f..], f);
            let [_, w @ ..]: [&[T]; 4] = parts(&arrived[atom * 4 * f..], f);
            let (dx, dv) = update.split_at_mut(f);
            for i in 0..f {
                let dot = p[0][i].mul_add(p[1][i], p[3][i].mul_add(p[4][i], p[6][i] * p[7][i]));
                dx[i] = dot.mul_add(o[1][i], o[2][i]);
            }
            for (axis, dv) in dv.chunks_exact_mut(f).enumerate() {
                for i in 0..f {
                    dv[i] = p[3 * axis + 2][i].mul_add(o[0][i], w[axis][i]);
                }
            }
        }
    }
}

vectorized! {
    /// Fills the gradients of `p`, of `o` and of the vectors that have arrived.
    pub(crate) fn update_rows_back<T: Real>(f: usize, p: &[T], o: &[T], grad: &[T], out: [&mut [T]; 3]) {
        let [dp, d_o, d_arrived] = out;
        for (atom, dp) in dp.chunks_exact_mut(9 * f).enumerate() {
            let p: [&[T]; 9] = parts(&p[atom * 9 * f..], f);
            let o: [&[T]; 3] = parts(&o[atom * 3 * f..], f);
            let [gx, gv @ ..]: [&[T]; 4] = parts(&grad[atom * 4 * f..], f);
            let d_o = &mut d_o[atom * 3 * f..(atom + 1) * 3 * f];
            let (d_first, rest) = d_o.split_at_mut(f);
            let (d_second, d_third) = rest.split_at_mut(f);
            d_third.copy_from_slice(gx);
            for i in 0..f {
                let dot = p[0][i].mul_add(p[1][i], p[3][i].mul_add(p[4][i], p[6][i] * p[7][i]));
                d_second[i] = gx[i] * dot;
                d_first[i] = gv[0][i]
                    .mul_add(p[2][i], gv[1][i].mul_add(p[5][i], gv[2][i] * p[8][i]));
            }
            for (axis, dp) in dp.chunks_exact_mut(3 * f).enumerate() {
                let (d1, rest) = dp.split_at_mut(f);
                let (d2, d3) = rest.split_at_mut(f);
                for i in 0..f {
                    let through = gx[i] * o[1][i];
                    d1[i] = through * p[3 * axis + 1][i];
                    d2[i] = through * p[3 * axis][i];
                    d3[i] = gv[axis][i] * o[0][i];
                }
                d_arrived[(atom * 4 + axis + 1) * f..][..f].copy_from_slice(gv[axis]);
            }
        }
    }
}
