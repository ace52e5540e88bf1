//! The contract of [`Denoiser3d`] as a check that an own network runs through.

use candle_core::{DType, Device, Tensor};
use dd_graph::{PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_kernels::testing::max_difference;
use dd_nn::{Mode, ParamStore, Params};

use crate::denoiser::{Denoised, Denoiser3d};
use crate::error::{DenoiserError, Result};

/// Bound of differences that rounding in f64 explains.
const TOLERANCE: f64 = 1e-8;

/// Builds the network under test on a store's parameters.
pub type Build<'a> = dyn Fn(&Params) -> Result<Box<dyn Denoiser3d>> + 'a;

/// Why a parameter of this name has a gradient of zero; `None` for one that must have another.
pub type ZeroGradient<'a> = dyn Fn(&str) -> Option<&'static str> + 'a;

/// Which part of the contract a network breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Two results that should agree do not.
    #[error("{what}: off by {difference:e}, more than {TOLERANCE:e}")]
    Differs {
        /// The property.
        what: &'static str,
        /// Largest difference.
        difference: f64,
    },
    /// A parameter without the gradient it should have.
    #[error("parameter {name}: {fault}")]
    Gradient {
        /// Name of the parameter.
        name: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// The network failed.
    #[error(transparent)]
    Denoiser(#[from] DenoiserError),
}

impl From<candle_core::Error> for CheckError {
    fn from(error: candle_core::Error) -> Self {
        Self::Denoiser(error.into())
    }
}

/// Random conformers of carbon, nitrogen, oxygen and hydrogen with 1 to 9 atoms, no two nearer than 0.8 angstrom.
pub fn sample_clouds(seed: u64) -> Vec<PointCloud> {
    (0..6)
        .map(|record| cloud(Key::from_seed(seed), record))
        .collect()
}

fn cloud(key: Key, record: u64) -> PointCloud {
    let key = key.named("sample clouds").with(record);
    let wanted = 1 + key.below(0, 9);
    let mut positions: Vec<[f32; 3]> = Vec::with_capacity(wanted);
    for draw in 1.. {
        if positions.len() == wanted {
            break;
        }
        let place = [0, 1, 2].map(|axis| 1.5 * key.normal(3 * draw + axis) as f32);
        let near = |other: &[f32; 3]| (0..3).map(|i| (other[i] - place[i]).powi(2)).sum::<f32>();
        if positions.iter().all(|other| near(other) > 0.64) {
            positions.push(place);
        }
    }
    let elements = key.named("elements");
    PointCloud {
        atomic_numbers: (0..wanted as u64)
            .map(|i| [1, 6, 7, 8][elements.below(i, 4)])
            .collect(),
        positions,
        atom_index: (0..wanted as u32).collect(),
        record,
    }
}

/// Checks the contract of [`Denoiser3d`] in f64: shapes, rotation, translation, the order of atoms, batch mates, repeated
/// evaluation, and a gradient for every parameter that is finite and not zero, except where `zero` says why it is zero.
///
/// # Errors
/// Names the first property that fails.
pub fn check_denoiser(
    build: &Build<'_>,
    clouds: &[PointCloud],
    zero: &ZeroGradient<'_>,
) -> std::result::Result<(), CheckError> {
    let store = ParamStore::new(5, DType::F64, &Device::Cpu);
    let network = build(&store.root())?;
    let batch = collate(clouds)?;
    let seen = network.forward(&batch, Mode::Eval)?;
    check_shapes(network.as_ref(), &batch, &seen)?;
    let again = network.forward(&batch, Mode::Eval)?;
    agree("evaluation is deterministic", &again, &seen, &seen.noise)?;

    let turn = rotation([0.3, 1.1, -2.0])?;
    let moved = batch
        .positions
        .matmul(&turn)?
        .broadcast_add(&Tensor::new(&[[0.7, -2.0, 1.3]], &Device::Cpu)?)?;
    let turned = network.forward(&batch.with_positions(moved), Mode::Eval)?;
    let noise = seen.noise.matmul(&turn)?;
    agree(
        "noise turns with the molecule and features do not change",
        &turned,
        &seen,
        &noise,
    )?;

    let alone = clouds
        .iter()
        .map(|cloud| network.forward(&collate(std::slice::from_ref(cloud))?, Mode::Eval));
    let alone = joined(&alone.collect::<Result<Vec<_>>>()?)?;
    agree("batch mates do not matter", &alone, &seen, &seen.noise)?;

    let reversed: Vec<PointCloud> = clouds.iter().map(reversed).collect();
    let other = network.forward(&collate(&reversed)?, Mode::Eval)?;
    let order: Vec<u32> = batch
        .atoms
        .ranges()
        .flat_map(|range| range.rev().map(|atom| atom as u32))
        .collect();
    let order = Tensor::new(order, &Device::Cpu)?;
    let in_order = Denoised {
        representation: dd_nn::Representation {
            nodes: other.representation.nodes.index_select(&order, 0)?,
            graphs: other.representation.graphs.clone(),
        },
        vectors: None,
        noise: other.noise.index_select(&order, 0)?,
    };
    agree(
        "the order of atoms does not matter",
        &in_order,
        &seen,
        &seen.noise,
    )?;
    check_gradients(network.as_ref(), &batch, &store, zero)
}

fn collate(clouds: &[PointCloud]) -> Result<PointBatch> {
    Ok(PointBatch::collate(clouds, DType::F64, &Device::Cpu)?)
}

fn check_shapes(network: &dyn Denoiser3d, batch: &PointBatch, seen: &Denoised) -> Result<()> {
    let (atoms, molecules, width) = (batch.num_atoms(), batch.num_molecules(), network.width());
    let parts = [
        ("nodes", &seen.representation.nodes, [atoms, width]),
        ("graphs", &seen.representation.graphs, [molecules, width]),
        ("noise", &seen.noise, [atoms, 3]),
    ];
    for (name, tensor, expected) in parts {
        if tensor.dims() != expected {
            return Err(DenoiserError::Shape {
                name: name.to_string(),
                expected: format!("{expected:?}"),
                got: tensor.dims().to_vec(),
            });
        }
    }
    Ok(())
}

fn agree(
    what: &'static str,
    got: &Denoised,
    expected: &Denoised,
    noise: &Tensor,
) -> std::result::Result<(), CheckError> {
    let pairs = [
        (&got.noise, noise),
        (&got.representation.nodes, &expected.representation.nodes),
        (&got.representation.graphs, &expected.representation.graphs),
    ];
    for (got, expected) in pairs {
        let difference = max_difference(got, expected).map_err(DenoiserError::from)?;
        if difference.is_nan() || difference > TOLERANCE {
            return Err(CheckError::Differs { what, difference });
        }
    }
    Ok(())
}

/// A rotation about three axes, for rows from the right, `[3, 3]`.
fn rotation(angles: [f64; 3]) -> Result<Tensor> {
    let [(sa, ca), (sb, cb), (sc, cc)] = angles.map(f64::sin_cos);
    let rows = [
        [ca * cc - sa * cb * sc, -ca * sc - sa * cb * cc, sa * sb],
        [sa * cc + ca * cb * sc, -sa * sc + ca * cb * cc, -ca * sb],
        [sb * sc, sb * cc, cb],
    ];
    Ok(Tensor::new(&rows, &Device::Cpu)?)
}

fn reversed(cloud: &PointCloud) -> PointCloud {
    let mut other = cloud.clone();
    other.atomic_numbers.reverse();
    other.positions.reverse();
    other
}

fn joined(parts: &[Denoised]) -> Result<Denoised> {
    let join = |part: fn(&Denoised) -> &Tensor| {
        Tensor::cat(&parts.iter().map(part).collect::<Vec<_>>(), 0)
    };
    Ok(Denoised {
        representation: dd_nn::Representation {
            nodes: join(|one| &one.representation.nodes)?,
            graphs: join(|one| &one.representation.graphs)?,
        },
        vectors: None,
        noise: join(|one| &one.noise)?,
    })
}

fn check_gradients(
    network: &dyn Denoiser3d,
    batch: &PointBatch,
    store: &ParamStore,
    zero: &ZeroGradient<'_>,
) -> std::result::Result<(), CheckError> {
    let seen = network.forward(batch, Mode::Train(Key::from_seed(17)))?;
    let target = Tensor::new(&[[0.3, -0.8, 1.1]], &Device::Cpu)?;
    let error = seen.noise.broadcast_sub(&target)?;
    let gradients = error.sqr()?.sum_all()?.backward()?;
    for (name, parameter) in store.vars() {
        let size = match gradients.get(&parameter) {
            Some(gradient) => Some(gradient.abs()?.sum_all()?.to_scalar::<f64>()?),
            None => None,
        };
        let fault = match (size, zero(&name)) {
            (Some(size), _) if !size.is_finite() => "has a gradient that is not finite",
            (Some(size), Some(_)) if size > 0.0 => "has a gradient, and should have none",
            (None, None) => "has no gradient",
            (Some(0.0), None) => "has a gradient of zero",
            _ => continue,
        };
        return Err(CheckError::Gradient { name, fault });
    }
    Ok(())
}
