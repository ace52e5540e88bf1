//! Comparison of gradients: whole, touched table rows, samples, norms.

use candle_core::{DType, Tensor};
use serde_json::Value;

use super::{Bounds, Run, flat};
use crate::{Golden, ParityError, Row};

/// Compares gradients: whole tensors, touched table rows, samples, norms and sums.
pub(super) fn gradient_rows(
    golden: &Golden,
    prefix: &str,
    run: &Run,
    bounds: &Bounds,
) -> Result<Vec<Row>, ParityError> {
    let mut whole = Worst::default();
    for name in golden.names_below(&format!("{prefix}.grad.")) {
        let full = format!("{prefix}.grad.{name}");
        if name.strip_suffix(".rows").is_some() {
            continue;
        }
        let row = gradient_row(golden, &full, &name, run, bounds.gradients)?;
        whole.add(&name, row);
    }
    let mut samples = Worst::default();
    for name in golden.names_below(&format!("{prefix}.grad_sample.")) {
        let full = format!("{prefix}.grad_sample.{name}");
        let got = flat(gradient(run, &name)?)?;
        let count = golden.shape(&full)?.iter().product::<usize>();
        let got: Vec<f64> = (0..count).map(|k| got[k * got.len() / count]).collect();
        let row = compare(
            golden,
            &full,
            &name,
            &got,
            &golden.values(&full)?,
            run,
            bounds.gradients,
        )?;
        samples.add(&name, row);
    }
    let mut norms = Worst::default();
    let listed = golden.field("/gradients")?.as_object();
    for (name, entry) in listed.into_iter().flatten() {
        let Some(expected) = entry.get("l2_f64").and_then(Value::as_f64) else {
            continue;
        };
        let got = flat(gradient(run, name)?)?;
        let norm = got.iter().map(|x| x * x).sum::<f64>().sqrt();
        norms.add(
            name,
            compare(
                golden,
                "norm",
                name,
                &[norm],
                &[expected],
                run,
                bounds.gradients,
            )?,
        );
    }
    Ok([
        whole.row(&format!("{prefix} gradients")),
        samples.row(&format!("{prefix} gradient samples")),
        norms.row(&format!("{prefix} gradient norms (float64 truth)")),
    ]
    .into_iter()
    .flatten()
    .collect())
}

fn gradient<'a>(run: &'a Run, name: &str) -> Result<&'a Tensor, ParityError> {
    let missing = || ParityError::failed(format!("{name} has no gradient"));
    run.gradients.get(name).ok_or_else(missing)
}

fn gradient_row(
    golden: &Golden,
    full: &str,
    name: &str,
    run: &Run,
    tolerance: f64,
) -> Result<Row, ParityError> {
    let expected = golden.values(full)?;
    let (table, first) = if let Some(table) = name.strip_suffix(".values") {
        (table, None)
    } else if let Some(table) = name.strip_suffix(".values_first16") {
        (table, Some(16))
    } else {
        let got = flat(gradient(run, name)?)?;
        return compare(golden, full, name, &got, &expected, run, tolerance);
    };
    let stem = full.rsplit_once(".values").map_or(full, |(stem, _)| stem);
    let touched = golden.integers(&format!("{stem}.rows"))?;
    let all = gradient(run, table)?
        .to_dtype(DType::F64)?
        .to_vec2::<f64>()?;
    let got: Vec<f64> = touched
        .iter()
        .flat_map(|&row| {
            let row = &all[row as usize];
            row[..first.unwrap_or(row.len())].to_vec()
        })
        .collect();
    let untouched_is_zero = all
        .iter()
        .enumerate()
        .all(|(row, values)| touched.contains(&(row as i64)) || values.iter().all(|&x| x == 0.0));
    if !untouched_is_zero {
        return Ok(Row::exact(
            &golden.name,
            format!("{full}: other rows are zero"),
            false,
        ));
    }
    compare(golden, full, table, &got, &expected, run, tolerance)
}

/// Relative to the largest entry; the key bias, whose gradient is zero in exact arithmetic, relative to the key weight's.
fn compare(
    golden: &Golden,
    quantity: &str,
    name: &str,
    got: &[f64],
    expected: &[f64],
    run: &Run,
    tolerance: f64,
) -> Result<Row, ParityError> {
    let Some(stem) = name.strip_suffix("k_proj.bias") else {
        return Ok(Row::relative(
            &golden.name,
            quantity,
            got,
            expected,
            tolerance,
        ));
    };
    let weight = flat(gradient(run, &format!("{stem}k_proj.weight"))?)?;
    let scale = weight.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let scaled = |values: &[f64]| values.iter().map(|x| x / scale).collect::<Vec<_>>();
    let (got, expected) = (scaled(got), scaled(expected));
    let mut row = Row::absolute(&golden.name, quantity, &got, &expected, tolerance);
    row.max_rel = row.max_abs;
    Ok(row)
}

/// The worst of many rows.
#[derive(Default)]
pub(crate) struct Worst {
    found: Option<(String, Row)>,
    count: usize,
    failed: usize,
}

impl Worst {
    pub(crate) fn add(&mut self, name: &str, row: Row) {
        self.count += 1;
        self.failed += usize::from(!row.ok);
        let excess = |row: &Row| row.max_rel / row.tolerance.max(f64::MIN_POSITIVE);
        let is_worse = match &self.found {
            None => true,
            Some((_, worst)) => (row.ok, excess(worst)) < (worst.ok, excess(&row)),
        };
        if is_worse {
            self.found = Some((name.to_string(), row));
        }
    }

    pub(crate) fn row(self, quantity: &str) -> Option<Row> {
        let (name, mut row) = self.found?;
        row.quantity = format!("{quantity} ({} tensors)", self.count);
        let failed = if self.failed > 0 {
            format!("{} fail; ", self.failed)
        } else {
            String::new()
        };
        Some(row.with_note(format!("{failed}worst: {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_row_is_the_one_that_fails_or_comes_closest() {
        let mut worst = Worst::default();
        worst.add("a", Row::relative("c", "q", &[1.1], &[1.0], 1.0));
        worst.add("b", Row::relative("c", "q", &[1.5], &[1.0], 1.0));
        worst.add("c", Row::relative("c", "q", &[1.2], &[1.0], 0.1));
        worst.add("d", Row::relative("c", "q", &[1.0], &[1.0], 0.1));
        let row = worst.row("gradients").unwrap();
        assert!(!row.ok);
        assert_eq!(row.note, "1 fail; worst: c");
    }
}
