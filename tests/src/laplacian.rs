//! Golden cases of kind `laplacian`: eigenvalues, and the projectors on eigenspaces, which do not depend on the signs and
//! bases that a solver happens to choose.

use std::path::Path;

use dd_graph::{laplacian_eigen, laplacian_eigenvectors};

use crate::golden::Golden;
use crate::{ParityError, Row};

/// Both sides are in f64; eigenvalues of these matrices are below 2 and agree to rounding of the solvers.
const VALUE_TOLERANCE: f64 = 1e-12;
/// Projectors amplify rounding by the inverse of the gap between eigenvalues, which is above 1e-3 in molecules.
const PROJECTOR_TOLERANCE: f64 = 1e-10;
/// Rounding of the columns to f32.
const COLUMN_TOLERANCE: f64 = 1e-6;

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or run.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let golden = Golden::open(case)?;
    let (mut values, mut expected_values) = (Vec::new(), Vec::new());
    let (mut projectors, mut expected_projectors) = (Vec::new(), Vec::new());
    let (mut columns, mut expected_columns) = (Vec::new(), Vec::new());
    let graphs: Vec<String> = (golden.names().iter())
        .filter_map(|name| Some(name.strip_suffix(".edge_index")?.to_string()))
        .collect();
    for graph in &graphs {
        let name = |quantity: &str| format!("{graph}.{quantity}");
        let ends: Vec<u32> = golden
            .integers(&name("edge_index"))?
            .into_iter()
            .map(|node| node as u32)
            .collect();
        let (sources, targets) = ends.split_at(ends.len() / 2);
        let reference = golden.values(&name("eigval_f64"))?;
        let n = reference.len();
        let eigen = laplacian_eigen(n, sources, targets).map_err(ParityError::failed)?;
        let ranges = golden.integers(&name("eigenspace_ranges"))?;
        for range in ranges.chunks_exact(2) {
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let space = range[0] as usize..range[1] as usize;
                let entry = space.map(|v| eigen.vectors[[v, i]] * eigen.vectors[[v, j]]);
                projectors.push(entry.sum());
            }
        }
        expected_projectors.extend(golden.values(&name("eigenspace_projector_f64"))?);
        // One column more than there are nodes: the last must be zero.
        let table =
            laplacian_eigenvectors(n, sources, targets, n + 1).map_err(ParityError::failed)?;
        columns.extend(table.iter().map(|&x| f64::from(x)));
        for node in 0..n {
            expected_columns.extend((0..n).map(|v| eigen.vectors[[v, node]]));
            expected_columns.push(0.0);
        }
        values.extend(eigen.values);
        expected_values.extend(reference);
    }
    let case = &golden.name;
    Ok(vec![
        Row::exact(case, "graphs found", !graphs.is_empty())
            .with_note(format!("{} graphs", graphs.len())),
        Row::absolute(
            case,
            "eigenvalues f64",
            &values,
            &expected_values,
            VALUE_TOLERANCE,
        ),
        Row::absolute(
            case,
            "eigenspace projectors f64",
            &projectors,
            &expected_projectors,
            PROJECTOR_TOLERANCE,
        ),
        Row::absolute(
            case,
            "columns f32, zero-padded",
            &columns,
            &expected_columns,
            COLUMN_TOLERANCE,
        ),
    ])
}
