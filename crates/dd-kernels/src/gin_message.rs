//! Message passing of the graph isomorphism network.

use candle_core::{Shape, Tensor};

use crate::cpu::block::{fill_rows, zeros};
use crate::cpu::reduce::sum2;
use crate::cpu::slice::has_kernel;
use crate::cpu::vectorized;
use crate::error::Result;
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{RowIndex, check, cuda, reference};

/// Who sends to whom in [`gin_message`]: `N` atoms, `E` edges, `M` vectors and `B` bonds. Atoms that look alike may share a
/// vector, and edges a bond.
#[derive(Debug, Clone)]
pub struct GinEdges {
    /// Vector of each atom, `[N]` into `M`.
    pub atoms: RowIndex,
    /// Vector that each edge brings, `[E]` into `M`.
    pub sources: RowIndex,
    /// Bond of each edge, `[E]` into `B`.
    pub bonds: RowIndex,
    /// Atom at which each edge arrives, `[E]` into `N`.
    pub targets: RowIndex,
}

/// `y_v = (1 + eps) h_v + sum over the edges u -> v of max(0, h_u + b_uv)` (Hu et al., "Strategies for pre-training graph
/// neural networks", ICLR 2020, with bonds as in OGB).
///
/// # Shapes
/// `h: [M, W]`, `bonds: [B, W]` and `eps: [1]` give `[N, W]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// # Complexity
/// `3 E W` operations forward, three times that backward; nothing is written per edge, and nothing kept.
/// Sums run in the order of the edges: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{GinEdges, RowIndex, gin_message};
/// let device = Device::Cpu;
/// let index = |rows: &[u32]| RowIndex::new(rows.to_vec(), 2, &device);
/// let edges = GinEdges {
///     atoms: index(&[0, 1])?,
///     sources: index(&[1, 0])?,
///     bonds: index(&[0, 1])?,
///     targets: index(&[0, 1])?,
/// };
/// let (h, bonds) = (Tensor::new(&[[1.0_f64], [2.0]], &device)?, Tensor::new(&[[10.0_f64], [-5.0]], &device)?);
/// let y = gin_message(&h, &bonds, &Tensor::new(&[0.5_f64], &device)?, &edges)?;
/// assert_eq!(y.to_vec2::<f64>()?, [[13.5], [3.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gin_message(h: &Tensor, bonds: &Tensor, eps: &Tensor, edges: &GinEdges) -> Result<Tensor> {
    let width = h.dims().last().copied().unwrap_or_default();
    check::shape("gin_message: h", h, &[edges.sources.num_sources(), width])?;
    check::shape(
        "gin_message: bonds",
        bonds,
        &[edges.bonds.num_sources(), width],
    )?;
    check::shape("gin_message: eps", eps, &[1])?;
    for (name, got, expected) in [
        (
            "gin_message: vectors",
            edges.atoms.num_sources(),
            edges.sources.num_sources(),
        ),
        (
            "gin_message: atoms",
            edges.targets.num_sources(),
            edges.atoms.len(),
        ),
        (
            "gin_message: bonds of edges",
            edges.bonds.len(),
            edges.sources.len(),
        ),
        (
            "gin_message: targets",
            edges.targets.len(),
            edges.sources.len(),
        ),
    ] {
        check::count(name, got, expected)?;
    }
    if cuda::takes(h) {
        return cuda::edges::gin_message(h, bonds, eps, edges);
    }
    if !has_kernel(h) {
        return reference::gin_message(h, bonds, eps, edges);
    }
    let operation = GinMessage {
        edges: edges.clone(),
        width,
    };
    operation::apply(operation, &[h, bonds, eps])
}

struct GinMessage {
    edges: GinEdges,
    width: usize,
}

impl GinMessage {
    fn row<'a, T>(&self, rows: &'a [T], number: u32) -> &'a [T] {
        &rows[number as usize * self.width..(number as usize + 1) * self.width]
    }
}

impl Operation for GinMessage {
    const NAME: &'static str = "gin_message";

    fn shape(&self) -> Shape {
        Shape::from((self.edges.atoms.len(), self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let (h, bonds, own) = (inputs[0], inputs[1], T::ONE + inputs[2][0]);
        let GinEdges {
            atoms,
            sources,
            bonds: kinds,
            targets,
        } = &self.edges;
        let mut y = zeros(atoms.len() * self.width);
        fill_rows(&mut y, self.width, |atom, y| {
            add_scaled(y, own, self.row(h, atoms.rows()[atom]));
            for &edge in targets.positions_of(atom) {
                let edge = edge as usize;
                let (source, kind) = (sources.rows()[edge], kinds.rows()[edge]);
                add_rectified(y, self.row(h, source), self.row(bonds, kind));
            }
        });
        Outcome {
            output: y,
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let (h, bonds, own) = (seen.inputs[0], seen.inputs[1], T::ONE + seen.inputs[2][0]);
        let GinEdges {
            atoms,
            sources,
            bonds: kinds,
            targets,
        } = &self.edges;
        let arrived = |edge: u32| self.row(seen.grad, targets.rows()[edge as usize]);
        let mut dbonds = vec![T::ZERO; bonds.len()];
        fill_rows(&mut dbonds, self.width, |kind, dbond| {
            let bond = self.row(bonds, kind as u32);
            for &edge in kinds.positions_of(kind) {
                let h = self.row(h, sources.rows()[edge as usize]);
                add_where_positive(dbond, h, bond, arrived(edge));
            }
        });
        let mut dh = zeros(h.len());
        fill_rows(&mut dh, self.width, |vector, dh| {
            for &atom in atoms.positions_of(vector) {
                add_scaled(dh, own, self.row(seen.grad, atom));
            }
            let h = self.row(h, vector as u32);
            for &edge in sources.positions_of(vector) {
                let bond = self.row(bonds, kinds.rows()[edge as usize]);
                add_where_positive(dh, h, bond, arrived(edge));
            }
        });
        let pairs = (0..).zip(atoms.rows());
        let deps: f64 = pairs
            .map(|(atom, &vector)| product(self.row(h, vector), self.row(seen.grad, atom)))
            .sum();
        vec![Some(dh), Some(dbonds), Some(vec![T::from_f64(deps)])]
    }
}

vectorized! {
    /// `sum += factor x`.
    fn add_scaled<T: Real>(sum: &mut [T], factor: T, x: &[T]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum = factor.mul_add(x, *sum);
        }
    }
}

vectorized! {
    /// Inner product.
    fn product<T: Real>(a: &[T], b: &[T]) -> f64 {
        sum2(a, b, |sum, a, b| a.mul_add(b, sum)).to_f64()
    }
}

vectorized! {
    /// `sum += max(0, a + b)`.
    fn add_rectified<T: Real>(sum: &mut [T], a: &[T], b: &[T]) {
        for ((sum, &a), &b) in sum.iter_mut().zip(a).zip(b) {
            let x = a + b;
            *sum += if x > T::ZERO { x } else { T::ZERO };
        }
    }
}

vectorized! {
    /// `sum += g` where `a + b > 0`.
    fn add_where_positive<T: Real>(sum: &mut [T], a: &[T], b: &[T], g: &[T]) {
        for (((sum, &a), &b), &g) in sum.iter_mut().zip(a).zip(b).zip(g) {
            *sum += if a + b > T::ZERO { g } else { T::ZERO };
        }
    }
}
