//! The update of an atom's features by what has arrived.

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use crate::cpu::block::rows_per_block;
use crate::cpu::slice::has_kernel;
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{EtMessages, check, reference};

/// Increments of the scalar and vector features of the equivariant transformer (Thölke and De Fabritiis, ICLR 2022,
/// equations 9 to 11). With the thirds `p1, p2, p3` of the projected vectors and `o1, o2, o3` of the projected message:
///
/// ```text
/// dx = (sum over x, y, z of p1 p2) o2 + o3            dv = p3 o1 + w
/// ```
///
/// # Shapes
/// `projected: [N, 3, 3 F]`, `messages: [N, 3 F]`, `arrived` (`w`): `[N, 3, F]` give `dx` as `scalars: [N, F]` and `dv` as
/// `vectors: [N, 3, F]`.
///
/// # Errors
/// When a shape does not fit the others.
///
/// # Complexity
/// One pass forward, one backward; nothing is kept. Deterministic.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// let ones = |shape: &[usize]| Tensor::ones(shape, DType::F64, &Device::Cpu);
/// let update = dd_kernels::et_update(&ones(&[1, 3, 3])?, &ones(&[1, 3])?, &ones(&[1, 3, 1])?)?;
/// assert_eq!(update.scalars.to_vec2::<f64>()?, [[4.0]]);
/// assert_eq!(update.vectors.to_vec3::<f64>()?, [[[2.0], [2.0], [2.0]]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn et_update(projected: &Tensor, messages: &Tensor, arrived: &Tensor) -> Result<EtMessages> {
    let [n, 3, f] = *arrived.dims() else {
        return Err(KernelError::Shape {
            name: "et_update: arrived",
            expected: "[N, 3, F]".to_string(),
            got: arrived.dims().to_vec(),
        });
    };
    check::shape("et_update: projected", projected, &[n, 3, 3 * f])?;
    check::shape("et_update: messages", messages, &[n, 3 * f])?;
    if !has_kernel(projected) {
        return reference::et_update(projected, messages, arrived);
    }
    let update = EtUpdate {
        num_atoms: n,
        width: f,
    };
    let update = operation::apply(update, &[projected, messages, arrived])?; // [N, 4 F]
    Ok(EtMessages {
        scalars: update.narrow(1, 0, f)?.contiguous()?,
        vectors: update.narrow(1, f, 3 * f)?.reshape((n, 3, f))?,
    })
}

struct EtUpdate {
    num_atoms: usize,
    width: usize,
}

impl Operation for EtUpdate {
    const NAME: &'static str = "et_update";

    fn shape(&self) -> Shape {
        Shape::from((self.num_atoms, 4 * self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let f = self.width;
        let mut update = vec![T::ZERO; self.num_atoms * 4 * f];
        let block = rows_per_block(9 * f);
        if f > 0 {
            update
                .par_chunks_mut(block * 4 * f)
                .zip(inputs[0].par_chunks(block * 9 * f))
                .zip(inputs[1].par_chunks(block * 3 * f))
                .zip(inputs[2].par_chunks(block * 3 * f))
                .for_each(|(((update, p), o), w)| update_rows(f, p, o, w, update));
        }
        Outcome {
            output: update,
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let f = self.width;
        let (p, o) = (seen.inputs[0], seen.inputs[1]);
        let [mut dp, mut d_o, mut dw] = [9, 3, 3].map(|k| vec![T::ZERO; self.num_atoms * k * f]);
        let block = rows_per_block(9 * f);
        if f > 0 {
            let inputs = p.par_chunks(block * 9 * f).zip(o.par_chunks(block * 3 * f));
            dp.par_chunks_mut(block * 9 * f)
                .zip(d_o.par_chunks_mut(block * 3 * f))
                .zip(dw.par_chunks_mut(block * 3 * f))
                .zip(inputs.zip(seen.grad.par_chunks(block * 4 * f)))
                .for_each(|(((dp, d_o), dw), ((p, o), grad))| {
                    update_rows_back(f, p, o, grad, [dp, d_o, dw]);
                });
        }
        vec![Some(dp), Some(d_o), Some(dw)]
    }
}

/// The parts of `width` numbers of one atom's row.
#[inline(always)]
fn parts<T, const N: usize>(row: &[T], width: usize) -> [&[T]; N] {
    std::array::from_fn(|i| &row[i * width..(i + 1) * width])
}

vectorized! {
    fn update_rows<T: Real>(f: usize, p: &[T], o: &[T], w: &[T], update: &mut [T]) {
        for (atom, update) in update.chunks_exact_mut(4 * f).enumerate() {
            let p: [&[T]; 9] = parts(&p[atom * 9 * f..], f);
            let o: [&[T]; 3] = parts(&o[atom * 3 * f..], f);
            let w: [&[T]; 3] = parts(&w[atom * 3 * f..], f);
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
    /// Fills the gradients of `p`, `o` and `w`.
    fn update_rows_back<T: Real>(f: usize, p: &[T], o: &[T], grad: &[T], out: [&mut [T]; 3]) {
        let [dp, d_o, dw] = out;
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
                dw[(atom * 3 + axis) * f..][..f].copy_from_slice(gv[axis]);
            }
        }
    }
}
