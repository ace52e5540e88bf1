//! Tetrahedral chirality from positions in space.

use crate::molecule::ChiralTag;
use crate::vector::{Vector, sub, triple};

/// Smallest volume that is a sense of rotation, in cubic angstrom (RDKit's tolerance).
const VOLUME: f64 = 0.1;

/// The chirality of a centre with three or four neighbours in bond order; `None` when
/// centre and neighbours lie in a plane.
///
/// The sign of the volume spanned by the first three bonds decides; where that is flat,
/// the fourth neighbour stands in for the third, from the other side.
pub(super) fn chirality(center: Vector, neighbors: &[Vector]) -> Option<ChiralTag> {
    let (&[a, b, c], rest) = neighbors.split_first_chunk::<3>()?;
    let [a, b, c] = [a, b, c].map(|p| sub(p, center));
    let first = triple(a, b, c);
    let fourth = match rest {
        [] => None,
        [d] => Some(-triple(a, b, sub(*d, center))),
        _ => return None,
    };
    std::iter::once(first).chain(fourth).find_map(|volume| {
        if volume > VOLUME {
            Some(ChiralTag::TetrahedralCcw)
        } else if volume < -VOLUME {
            Some(ChiralTag::TetrahedralCw)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNERS: [Vector; 4] = [
        [1.0, 1.0, 1.0],
        [1.0, -1.0, -1.0],
        [-1.0, 1.0, -1.0],
        [-1.0, -1.0, 1.0],
    ];

    #[test]
    fn mirror_images_differ_and_planes_have_none() {
        let center = [0.0; 3];
        let tag = chirality(center, &CORNERS).expect("a tetrahedron is chiral");
        let mut mirrored = CORNERS;
        mirrored.swap(0, 1);
        assert_ne!(chirality(center, &mirrored), Some(tag));
        assert_eq!(chirality(center, &CORNERS[..3]), Some(tag));
        let flat = CORNERS.map(|[x, y, _]| [x, y, 0.0]);
        assert_eq!(chirality(center, &flat), None);
    }
}
