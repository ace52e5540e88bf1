//! Golden cases of kind `et`: the equivariant transformer with both heads, forward, intermediates and gradients, in float32
//! and in float64.
//!
//! The truth is the original's float64 run where it stored one, else its float32 run. Where both sides ran in float64 the
//! bound is `1e-10` of the largest entry. Otherwise it is ten times the original's own float32 against float64 difference
//! where the case states it, and ten times the typical figure of the reference data where it does not (outputs `1e-6`;
//! gradients the case's worst).

mod compare;
mod network;

use std::path::Path;

use candle_core::{DType, Tensor, Var};
use dd_kernels::rng::Key;
use dd_nn::Mode;

use crate::{Golden, ParityError, Row};
use compare::Comparison;
pub(crate) use network::{edges, load, molecules};

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or run.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let golden = Golden::open(case)?;
    let mut rows = Vec::new();
    for dtype in [DType::F64, DType::F32] {
        rows.extend(check_in(&golden, dtype)?);
    }
    rows.push(golden.nothing_unread(&[]));
    Ok(rows)
}

fn check_in(golden: &Golden, dtype: DType) -> Result<Vec<Row>, ParityError> {
    let network = load(golden, "/config", dtype, &["state.", "buffer."])?;
    let mut compare = Comparison::new(golden, dtype);
    compare.exact("state dict", network.unmatched.is_empty(), || {
        network.unmatched.join(", ")
    });

    let positions = Var::from_tensor(&golden.tensor("input.pos", dtype)?)?;
    let batch =
        molecules(golden, "input.pos_clean", dtype)?.with_positions(positions.as_tensor().clone());
    let edges = edges(golden, &batch, &mut compare)?;
    network.compare_neighbors(&batch, &edges, &mut compare)?;

    let training = Mode::Train(Key::from_seed(0));
    let target = network
        .normalizer
        .normalize(&golden.tensor("input.noise", dtype)?, training)
        .map_err(ParityError::failed)?;
    compare.output("normalized_target", &target)?;
    let (mean, std) = network
        .normalizer
        .mean_and_std()
        .map_err(ParityError::failed)?;
    compare.output("normalizer_after.mean", &mean)?;
    compare.output("normalizer_after.std", &std)?;
    for (name, buffer) in network.store.buffers() {
        if let Some(name) = name.strip_prefix("pos_normalizer.") {
            compare.output(&format!("normalizer_after.{name}"), &buffer.tensor())?;
        }
    }

    // Watched, a layer is composed of its parts; unwatched, it is one operation. Both must be the original.
    let mut trace = dd_denoiser3d::Trace::default();
    let watched = network.et.atom_fields(&batch, &edges, &mut trace);
    let unwatched = network.et.atom_fields(&batch, &edges, &mut ());
    for (name, tensor) in &trace.tensors {
        compare.output(name, tensor)?;
    }
    let parameters = network.store.vars();
    for fields in [watched, unwatched] {
        let fields = fields.map_err(ParityError::failed)?;
        let noise = network
            .et
            .noise(&fields, training)
            .map_err(ParityError::failed)?;
        let property = network
            .et
            .property(&fields, &batch)
            .map_err(ParityError::failed)?;
        let loss = mse(&noise, &target)?;
        let loss_y = mse(&property, &golden.tensor("input.y", dtype)?)?;
        let outputs = [
            ("x_final", &fields.scalars),
            ("vec_final", &fields.vectors),
            ("noise_pred", &noise),
            ("scalar_out", &property),
            ("loss", &loss),
            ("loss_y", &loss_y),
        ];
        for (name, tensor) in outputs {
            compare.output(name, tensor)?;
        }
        let of_loss = loss.backward()?;
        compare.gradients("grad", &parameters, &of_loss)?;
        compare.gradients("grad_y", &parameters, &loss_y.backward()?)?;
        let of_property = property.sum_all()?.backward()?;
        compare.position_gradient("loss", &positions, &of_loss)?;
        compare.position_gradient("scalar_out_sum", &positions, &of_property)?;
    }
    Ok(compare.rows())
}

/// Mean squared error over all entries.
pub(crate) fn mse(got: &Tensor, target: &Tensor) -> candle_core::Result<Tensor> {
    (got - target)?.sqr()?.mean_all()
}
