//! A molecule drawn from its conformer, with a weight on every atom.
//!
//! The drawing is the projection of the heavy atoms on the plane of their two largest principal axes: real geometry,
//! seen from the side that shows most of it. It is no replacement for a 2D layout of a crowded molecule.

use dd_mol::{BondOrder, Element, Molecule};

use super::escape;

/// A drawing of one molecule.
pub struct MoleculePicture<'a> {
    /// The molecule; its first conformer is drawn.
    pub molecule: &'a Molecule,
    /// Weight per atom, 0 (white) to 1 (full colour); hydrogens are not drawn.
    pub weights: &'a [f64],
    /// Text below the drawing.
    pub caption: &'a str,
}

const SIZE: f64 = 180.0;

impl MoleculePicture<'_> {
    /// Draws the molecule as an SVG element; `None` when it has no conformer or no heavy atom.
    pub fn to_svg(&self) -> Option<String> {
        let positions = &self.molecule.conformers().first()?.positions;
        let heavy: Vec<usize> = (0..self.molecule.num_atoms())
            .filter(|&i| self.molecule.atom(i).atomic_number != 1)
            .collect();
        let places = project(&heavy.iter().map(|&i| positions[i]).collect::<Vec<_>>());
        let mut at = vec![None; self.molecule.num_atoms()];
        for (&atom, place) in heavy.iter().zip(fit(&places)?) {
            at[atom] = Some(place);
        }
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIZE} {h}\" class=\"molecule\">\n",
            h = SIZE + 18.0
        );
        for bond in self.molecule.bonds() {
            if let (Some(a), Some(b)) = (at[bond.begin], at[bond.end]) {
                svg += &bond_lines(a, b, bond.bond.order);
            }
        }
        for &atom in &heavy {
            let Some((x, y)) = at[atom] else { continue };
            let weight = self
                .weights
                .get(atom)
                .copied()
                .unwrap_or(0.0)
                .clamp(0.0, 1.0);
            svg += &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"10\" fill=\"#D55E00\" fill-opacity=\"{:.2}\"/>",
                0.85 * weight
            );
            let symbol = Element::of(self.molecule.atom(atom).atomic_number).symbol;
            if symbol != "C" {
                svg += &format!(
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"symbol\">{symbol}</text>\n",
                    y + 4.0
                );
            }
        }
        let caption = escape(self.caption);
        Some(
            svg + &format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{caption}</text></svg>\n",
                SIZE / 2.0,
                SIZE + 12.0
            ),
        )
    }
}

type Place = (f64, f64);

fn bond_lines(a: Place, b: Place, order: BondOrder) -> String {
    let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-9);
    let normal = (-(b.1 - a.1) / length, (b.0 - a.0) / length);
    let (offsets, dashed): (&[f64], bool) = match order {
        BondOrder::Double => (&[-2.0, 2.0], false),
        BondOrder::Triple => (&[-3.0, 0.0, 3.0], false),
        BondOrder::Aromatic => (&[-2.0, 2.0], true),
        _ => (&[0.0], false),
    };
    let line = |(i, offset): (usize, &f64)| {
        let (dx, dy) = (normal.0 * offset, normal.1 * offset);
        let dash = if dashed && i == 1 {
            " stroke-dasharray=\"3 2\""
        } else {
            ""
        };
        format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#444\"{dash}/>",
            a.0 + dx,
            a.1 + dy,
            b.0 + dx,
            b.1 + dy
        )
    };
    offsets.iter().enumerate().map(line).collect()
}

/// Scales and centres the places into the picture.
fn fit(places: &[Place]) -> Option<Vec<Place>> {
    let first = places.first()?;
    let bounds = places
        .iter()
        .fold((first.0, first.0, first.1, first.1), |b, p| {
            (b.0.min(p.0), b.1.max(p.0), b.2.min(p.1), b.3.max(p.1))
        });
    let span = (bounds.1 - bounds.0).max(bounds.3 - bounds.2).max(1.0);
    let scale = (SIZE - 40.0) / span;
    let middle = (bounds.0.midpoint(bounds.1), bounds.2.midpoint(bounds.3));
    let place = |p: &Place| {
        (
            SIZE / 2.0 + scale * (p.0 - middle.0),
            SIZE / 2.0 - scale * (p.1 - middle.1),
        )
    };
    Some(places.iter().map(place).collect())
}

/// Projection on the two largest principal axes.
fn project(points: &[[f64; 3]]) -> Vec<Place> {
    let n = points.len().max(1) as f64;
    let mean: [f64; 3] = std::array::from_fn(|k| points.iter().map(|p| p[k]).sum::<f64>() / n);
    let centred: Vec<[f64; 3]> = points
        .iter()
        .map(|p| std::array::from_fn(|k| p[k] - mean[k]))
        .collect();
    let first = principal_axis(&centred, None);
    let second = principal_axis(&centred, Some(first));
    centred
        .iter()
        .map(|p| (dot(*p, first), dot(*p, second)))
        .collect()
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The largest principal axis orthogonal to `against`, by power iteration from a fixed start.
fn principal_axis(points: &[[f64; 3]], against: Option<[f64; 3]>) -> [f64; 3] {
    let deflate = |v: [f64; 3]| match against {
        Some(axis) => std::array::from_fn(|k| v[k] - dot(v, axis) * axis[k]),
        None => v,
    };
    let unit = |v: [f64; 3]| {
        let norm = dot(v, v).sqrt();
        (norm > 1e-9).then(|| v.map(|x| x / norm))
    };
    let starts = [[0.9, 0.31, 0.17], [0.17, 0.9, 0.31], [0.31, 0.17, 0.9]];
    let mut axis = starts
        .into_iter()
        .find_map(|start| unit(deflate(start)))
        .unwrap_or([0.0, 0.0, 1.0]);
    for _ in 0..60 {
        let step = points.iter().fold([0.0; 3], |sum: [f64; 3], p| {
            let along = dot(*p, axis);
            std::array::from_fn(|k| sum[k] + along * p[k])
        });
        match unit(deflate(step)) {
            Some(next) => axis = next,
            None => break,
        }
    }
    axis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planar_square_keeps_its_shape() {
        let square = [
            [0.0, 0.0, 0.0],
            [2.0, 0.0, 0.0],
            [2.0, 1.0, 0.0],
            [0.0, 1.0, 0.0],
        ];
        let places = project(&square);
        let side =
            |i: usize, j: usize| (places[i].0 - places[j].0).hypot(places[i].1 - places[j].1);
        assert!((side(0, 1) - 2.0).abs() < 1e-6);
        assert!((side(1, 2) - 1.0).abs() < 1e-6);
    }
}
