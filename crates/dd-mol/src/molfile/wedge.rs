//! Chirality from wedges: a drawing made three-dimensional by a little.
//!
//! Wedged neighbours are lifted off the plane by a fixed offset and the sign of the
//! chiral volume decides; drawings that IUPAC calls ambiguous or contradictory give no
//! chirality. After RDKit's `atomChiralTypeFromBondDirPseudo3D`; IUPAC recommendations
//! for graphical representation, doi:10.1351/pac200678101897.

use crate::molecule::ChiralTag;
use crate::vector::{Vector, cross, direction, dot, norm_squared, sub};

/// How far wedges leave the plane, as a part of the length of the wedge in question.
const OFFSET: f64 = 0.1;
/// Smallest volume that is a sense of rotation.
const VOLUME: f64 = 0.001_74;
/// Below this the square of a cross product is that of a straight line in a T.
const STRAIGHT: f64 = 0.000_31;
/// Below this a length, product or height is zero.
const ZERO: f64 = 1e-3;
/// Below this a height after normalisation is zero.
const FLAT: f64 = 1e-4;

/// A neighbour of a drawn centre.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) position: [f64; 3],
    /// 1 for a solid wedge that begins at the centre, -1 for a hashed one, else 0.
    pub(crate) lift: i8,
}

/// The chirality of a centre from one of its wedges, relative to the given order of the
/// neighbours; `None` when the drawing does not say.
pub(crate) fn chirality(center: [f64; 3], neighbors: &[Drawn], wedge: usize) -> Option<ChiralTag> {
    let count = neighbors.len();
    if !(3..=4).contains(&count) {
        return None;
    }
    let center = [center[0], center[1], 0.0];
    let [x, y, _] = neighbors[wedge].position;
    let length = norm_squared(sub(center, [x, y, 0.0])).sqrt();
    let offset = if length > 0.0 {
        OFFSET * length
    } else {
        OFFSET
    };
    let mut bonds: Vec<Vector> = Vec::with_capacity(count);
    for (index, neighbor) in neighbors.iter().enumerate() {
        let [x, y, _] = neighbor.position;
        let lifted = [x, y, offset * f64::from(neighbor.lift)];
        if index != wedge && norm_squared(sub(center, lifted)) < ZERO {
            return None;
        }
        bonds.push(direction(center, lifted));
    }
    let overlap = |i: usize| (0..i).any(|j| norm_squared(sub(bonds[i], bonds[j])) < ZERO);
    if (0..count).any(overlap) {
        return None;
    }
    let mut order: Vec<usize> = (0..count).collect();
    let mut sign = 1.0;
    if wedge != 0 {
        order.swap(0, wedge);
        sign = -sign;
    }
    let volume = if count == 3 {
        of_three(&mut bonds, &mut order, &mut sign)?
    } else {
        of_four(&mut bonds, &mut order, &mut sign)?
    };
    match sign * volume {
        volume if volume > VOLUME => Some(ChiralTag::TetrahedralCcw),
        volume if volume < -VOLUME => Some(ChiralTag::TetrahedralCw),
        _ => None,
    }
}

fn of_three(bonds: &mut [Vector], order: &mut [usize], sign: &mut f64) -> Option<f64> {
    let reference = bonds[order[0]];
    let [cross_1, cross_2] = [1, 2].map(|i| cross(reference, bonds[order[i]])[2]);
    let [dot_1, dot_2] = [1, 2].map(|i| dot(reference, bonds[order[i]]));
    if second_comes_first((cross_1, dot_1), (cross_2, dot_2)) {
        order.swap(1, 2);
        *sign = -*sign;
    }
    opposite_wedges(bonds, order)?;
    let [b0, b1, b2] = [0, 1, 2].map(|i| bonds[order[i]]);
    // Two bonds wedged in different directions on one side of the third contradict.
    let contradicts = |other: Vector, flat: Vector| {
        other[2] * b0[2] < -FLAT
            && flat[2].abs() < FLAT
            && cross(flat, b0)[2] * cross(flat, other)[2] < -FLAT
    };
    if contradicts(b1, b2) || contradicts(b2, b1) {
        return None;
    }
    let [mut b1, mut b2] = [b1, b2].map(flattened);
    if norm_squared(cross(b1, b2)) < STRAIGHT {
        // A T-shaped drawing: the two opposite bonds point away from the wedge.
        b1[2] = -b0[2];
        b2[2] = -b0[2];
    }
    Some(dot(cross(b1, b2), b0))
}

fn of_four(bonds: &mut [Vector], order: &mut [usize], sign: &mut f64) -> Option<f64> {
    let reference = bonds[order[0]];
    let straight = |a: Vector, b: Vector| norm_squared(cross(a, b)) < 10.0 * ZERO;
    let [b1, b2] = [1, 2].map(|i| bonds[order[i]]);
    if straight(b1, b2) && norm_squared(cross(b1, reference)) > 10.0 * ZERO {
        bonds[order[1]][2] = -reference[2];
    }
    // The other three bonds in the order in which the wedge turns through them.
    let mut around: Vec<(f64, f64, usize)> = order[1..]
        .iter()
        .map(|&bond| {
            let side = if cross(reference, bonds[bond])[2] < -ZERO {
                -1.0
            } else {
                1.0
            };
            (side, side * dot(reference, bonds[bond]), bond)
        })
        .collect();
    around.sort_by(|a, b| {
        let by_angle = b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1));
        by_angle.then(b.2.cmp(&a.2))
    });
    let mut moved = 0;
    for (place, (_, _, bond)) in order[1..].iter_mut().zip(around) {
        moved += usize::from(*place != bond);
        *place = bond;
    }
    if moved == 2 {
        *sign = -*sign;
    }
    opposite_wedges(bonds, order)?;
    let b0 = bonds[order[0]];
    let flat = [1, 2, 3].map(|i| flattened(bonds[order[i]]));
    let first_cross = cross(flat[0], flat[1]);
    if norm_squared(first_cross) < 10.0 * ZERO && bonds[order[3]][2].abs() < FLAT {
        bonds[order[3]][2] = -b0[2];
    }
    let volume = dot(first_cross, b0);
    let other = dot(cross(flat[0], flattened(bonds[order[3]])), b0);
    let [dot_1, dot_2] = [2, 3].map(|i| dot(bonds[order[1]], bonds[order[i]]));
    if volume.abs() < ZERO {
        if other.abs() < ZERO {
            return None;
        }
        *sign = -*sign;
        return Some(other);
    }
    if volume * other > 0.0 && other.abs() > VOLUME && dot_1 < dot_2 {
        *sign = -*sign;
        return Some(other);
    }
    if volume.abs() < VOLUME && other.abs() > VOLUME {
        if volume * other < 0.0 {
            *sign = -*sign;
        }
        return Some(other);
    }
    Some(volume)
}

/// Whether the second of two bonds follows the reference first; each is given by the
/// height of its cross product and by its dot product with the reference.
fn second_comes_first((cross_1, dot_1): (f64, f64), (cross_2, dot_2): (f64, f64)) -> bool {
    let parallel = |dot: f64| dot.abs() - 1.0 > -ZERO;
    if parallel(dot_1) {
        return cross_2 < 0.0;
    }
    if parallel(dot_2) && cross_1 < 0.0 {
        return true;
    }
    if cross_1 * cross_2 < -ZERO {
        return cross_1 < cross_2;
    }
    if dot_1 * dot_2 < -ZERO {
        return dot_1 < dot_2;
    }
    dot_1.abs() > dot_2.abs()
}

/// Collinear bonds with opposite wedges mean nothing, except between neighbours around
/// a centre with four bonds, where the second wedge is ignored.
fn opposite_wedges(bonds: &mut [Vector], order: &[usize]) -> Option<()> {
    let count = order.len();
    for i in 0..count {
        for j in i + 1..count {
            let (a, b) = (bonds[order[i]], bonds[order[j]]);
            if a[2] * b[2] >= -ZERO || norm_squared(cross(a, b)) >= 0.01 {
                continue;
            }
            let opposed = (dot(a, b) + 1.0).abs() < ZERO;
            let adjacent = j - i == 1 || (i == 0 && j == 3);
            if count == 4 && opposed && adjacent {
                bonds[order[j]][2] = 0.0;
            } else {
                return None;
            }
        }
    }
    Some(())
}

fn flattened([x, y, _]: Vector) -> Vector {
    [x, y, 0.0]
}
