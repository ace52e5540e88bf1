//! The features of a case's teacher, and what is made of them.

use candle_core::{D, DType, Tensor};
use dd_denoiser3d::AtomFields;
use dd_kernels::{RowIndex, Segments, gather, segment_mean, segment_sum};

use crate::et;
use crate::{Golden, ParityError, Row};

/// Bound of what is compared with a float32 run of the reference.
const F32_VALUES: f64 = 1e-5;
/// Bound where both sides ran in float64.
const F64_VALUES: f64 = 1e-10;

/// Runs the teacher on the case's molecules, in both precisions.
pub(super) fn teacher_rows(golden: &Golden) -> Result<Vec<Row>, ParityError> {
    let mut rows = Vec::new();
    for dtype in [DType::F64, DType::F32] {
        for (name, tensor) in features(golden, dtype)? {
            let double = format!("f64.{name}");
            let (full, tolerance) = if dtype == DType::F64 && golden.has(&double) {
                (double, F64_VALUES)
            } else {
                (format!("f32.{name}"), F32_VALUES)
            };
            let got = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
            let quantity = format!("{} {name}", dtype.as_str());
            let expected = golden.values(&full)?;
            rows.push(Row::relative(
                &golden.name,
                quantity,
                &got,
                &expected,
                tolerance,
            ));
        }
    }
    Ok(rows)
}

/// The features by the names of the case.
fn features(golden: &Golden, dtype: DType) -> Result<Vec<(&'static str, Tensor)>, ParityError> {
    let network = et::load(golden, "/teacher_config", dtype, &["teacher.state."])?;
    // The heads are not the case's.
    let homeless = |name: &&String| name.ends_with("no place");
    if let Some(homeless) = network.unmatched.iter().find(homeless) {
        return Err(ParityError::failed(homeless));
    }
    let batch = et::molecules(golden, "input.pos", dtype)?;
    let edges = network.et.neighbors(&batch).map_err(ParityError::failed)?;
    let fields = network
        .et
        .atom_fields(&batch, &edges, &mut ())
        .map_err(ParityError::failed)?;
    let numbers = golden.integers("input.z")?;
    Ok(derived(&fields, &batch.atoms, &numbers)?)
}

fn derived(
    fields: &AtomFields,
    atoms: &Segments,
    numbers: &[i64],
) -> candle_core::Result<Vec<(&'static str, Tensor)>> {
    let x = fields.scalars.clone(); // [N, F]
    let vec = fields.vectors.clone(); // [N, 3, F]
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = (centred.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?;

    let is_heavy = |atom: &usize| numbers[*atom] != 1;
    let counts: Vec<usize> = (atoms.ranges())
        .map(|of_molecule| of_molecule.filter(is_heavy).count())
        .collect();
    let heavy = (0..numbers.len()).filter(is_heavy);
    let heavy: Vec<u32> = heavy.map(|atom| atom as u32).collect();
    let heavy = gather(&x, &RowIndex::new(heavy, numbers.len(), x.device())?)?;
    let of_heavy = Segments::from_lengths(&counts, x.device())?;
    Ok(vec![
        ("teacher_graph_mean", segment_mean(&x, atoms)?),
        ("teacher_graph_sum", segment_sum(&x, atoms)?),
        ("teacher_graph_mean_heavy", segment_mean(&heavy, &of_heavy)?),
        ("teacher_vec_norm", vec.sqr()?.sum(1)?.sqrt()?),
        (
            "teacher_x_layernorm",
            centred.broadcast_div(&variance.sqrt()?)?,
        ),
        ("teacher_vec", vec),
        ("teacher_x", x),
    ])
}
