//! Square planar, trigonal bipyramidal and octahedral centres.
//!
//! OpenSMILES numbers the arrangements of such centres (`@SP1`..`@SP3`, `@TB1`..`@TB20`,
//! `@OH1`..`@OH30`). Here an arrangement is a set of unit vectors from the centre, one per
//! neighbour in bond order; which neighbours are opposite and one sense of rotation give
//! the number, as in RDKit's `assignNontetrahedralChiralTypeFrom3D`.

use crate::molecule::{ChiralTag, NonTetrahedral};
use crate::vector::{Vector, dot, triple};

/// Neighbours are opposite when the cosine of their angle is below this.
const OPPOSITE: f64 = -0.9;
/// See-saws with a smaller angle between the short bonds (100 degrees) miss octahedral sites.
const COS_100_DEGREES: f64 = -0.173_648_177_666_930_35;

/// The arrangement of three to six unit vectors; `None` when it is none of the three.
pub(crate) fn arrangement(bonds: &[Vector]) -> Option<ChiralTag> {
    let opposite = opposites(bonds)?;
    let pairs = opposite.iter().flatten().count() / 2;
    let (class, permutation) = match (bonds.len(), pairs) {
        (3, 1) | (4, 2) => (NonTetrahedral::SquarePlanar, square_planar(&opposite)?),
        (4, 1) => seesaw(bonds, &opposite)?,
        (5, 1) => (
            NonTetrahedral::TrigonalBipyramidal,
            bipyramidal(bonds, &opposite)?,
        ),
        (5, 2) | (6, 3) => (NonTetrahedral::Octahedral, octahedral(bonds, &opposite)?),
        _ => return None,
    };
    Some(ChiralTag::NonTetrahedral(class, permutation))
}

/// Per neighbour the one opposite to it; `None` when one has two.
fn opposites(bonds: &[Vector]) -> Option<Vec<Option<usize>>> {
    if !(3..=6).contains(&bonds.len()) {
        return None;
    }
    let mut opposite = vec![None; bonds.len()];
    for i in 0..bonds.len() {
        for j in i + 1..bonds.len() {
            if dot(bonds[i], bonds[j]) < OPPOSITE {
                if opposite[i].is_some() || opposite[j].is_some() {
                    return None;
                }
                opposite[i] = Some(j);
                opposite[j] = Some(i);
            }
        }
    }
    Some(opposite)
}

/// By the neighbour opposite to the first; in a T it may be the missing fourth.
fn square_planar(opposite: &[Option<usize>]) -> Option<u8> {
    match opposite[0] {
        Some(1) => Some(2),
        Some(2) => Some(1),
        Some(3) | None => Some(3),
        Some(_) => None,
    }
}

/// By the axis and the sense in which the first two of the others turn around it.
fn bipyramidal(bonds: &[Vector], opposite: &[Option<usize>]) -> Option<u8> {
    let (i, j) = axis(opposite)?;
    let mut others = (0..bonds.len()).filter(|&k| k != i && k != j);
    let (k, l) = (others.next()?, others.next()?);
    let positive = triple(bonds[i], bonds[k], bonds[l]) >= 0.0;
    let (yes, no) = match (i, j) {
        (0, 1) => (7, 8),
        (0, 2) => (5, 6),
        (0, 3) => (3, 4),
        (0, 4) => (1, 2),
        (1, 2) => (13, 14),
        (1, 3) => (10, 12),
        (1, 4) => (9, 11),
        (2, 3) => (16, 19),
        (2, 4) => (15, 20),
        (3, 4) => (17, 18),
        _ => return None,
    };
    Some(if positive { yes } else { no })
}

/// Four neighbours with one opposite pair: a bipyramid or octahedron with vacant sites.
fn seesaw(bonds: &[Vector], opposite: &[Option<usize>]) -> Option<(NonTetrahedral, u8)> {
    let (i, j) = axis(opposite)?;
    let mut others = (0..4).filter(|&k| k != i && k != j);
    let (k, l) = (others.next()?, others.next()?);
    if dot(bonds[k], bonds[l]) <= COS_100_DEGREES {
        // RDKit looks along the c-d axis from d here, from c in a full bipyramid.
        let along = if (i, j) == (2, 3) { bonds[3] } else { bonds[i] };
        let positive = triple(along, bonds[k], bonds[l]) >= 0.0;
        let straight = bipyramidal(bonds, opposite)?;
        let flipped = positive != (triple(bonds[i], bonds[k], bonds[l]) >= 0.0);
        let permutation = match straight {
            16 if flipped => 19,
            19 if flipped => 16,
            other => other,
        };
        return Some((NonTetrahedral::TrigonalBipyramidal, permutation));
    }
    let (test, yes, no) = match (i, j) {
        (0, 1) => ([0, 2, 3], 25, 29),
        (0, 2) => ([0, 1, 3], 19, 23),
        (0, 3) => ([0, 1, 2], 6, 17),
        (1, 2) => ([0, 1, 3], 10, 8),
        (1, 3) => ([0, 1, 3], 1, 2),
        (2, 3) => ([0, 1, 3], 4, 14),
        _ => return None,
    };
    let [a, b, c] = test.map(|k: usize| bonds[k]);
    let permutation = if triple(a, b, c) >= 0.0 { yes } else { no };
    Some((NonTetrahedral::Octahedral, permutation))
}

/// By the neighbours opposite to the first and to the first of the others, and a sense of
/// rotation. A fifth neighbour without a partner stands opposite to the vacant sixth site.
fn octahedral(bonds: &[Vector], opposite: &[Option<usize>]) -> Option<u8> {
    let a = opposite[0].unwrap_or(5);
    let next = if a == 1 { 2 } else { 1 };
    let b = opposite[next].unwrap_or(5);
    let (test, yes, no) = match (a, b) {
        (1, 3) => ([0, 3, 4], 28, 27),
        (1, 4) => ([0, 2, 3], 25, 30),
        (1, 5) => ([0, 2, 3], 26, 29),
        (2, 3) => ([0, 3, 4], 22, 21),
        (2, 4) => ([0, 1, 3], 19, 24),
        (2, 5) => ([0, 1, 3], 20, 23),
        (3, 2) => ([0, 2, 4], 13, 12),
        (3, 4) => ([0, 1, 2], 6, 18),
        (3, 5) => ([0, 1, 2], 7, 17),
        (4, 2) => ([0, 2, 3], 11, 9),
        (4, 3) => ([0, 1, 2], 3, 16),
        (4, 5) => ([0, 1, 2], 5, 15),
        (5, 2) => ([0, 2, 3], 10, 8),
        (5, 3) => ([0, 1, 2], 1, 2),
        (5, 4) => ([0, 1, 2], 4, 14),
        _ => return None,
    };
    let [p, q, r] = test.map(|k: usize| bonds[k]);
    Some(if triple(p, q, r) >= 0.0 { yes } else { no })
}

fn axis(opposite: &[Option<usize>]) -> Option<(usize, usize)> {
    let mut pairs = opposite.iter().enumerate();
    pairs.find_map(|(i, &j)| j.map(|j| (i, j)))
}

/// The number of the same arrangement when neighbour `order[i]` is named in place `i`;
/// vacant sites come last. `None` when the class or number is unknown.
pub(crate) fn reordered(class: NonTetrahedral, permutation: u8, order: &[usize]) -> Option<u8> {
    Placement::of(class, permutation)?.number(order)
}

/// Where the neighbours of a centre are, as unit vectors, one per site of its class.
#[derive(Debug, Clone)]
pub(crate) struct Placement(Vec<Vector>);

impl Placement {
    /// The places that a number stands for; `None` when the class or number is unknown.
    pub(crate) fn of(class: NonTetrahedral, permutation: u8) -> Option<Self> {
        const AXES: [Vector; 6] = [
            [0.0, 0.0, 1.0],
            [0.0, 0.0, -1.0],
            [1.0, 0.0, 0.0],
            [-1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, -1.0, 0.0],
        ];
        let sine = 0.75_f64.sqrt();
        let bipyramid = [
            AXES[0],
            AXES[1],
            AXES[2],
            [-0.5, sine, 0.0],
            [-0.5, -sine, 0.0],
        ];
        let sites: &[Vector] = match class {
            NonTetrahedral::SquarePlanar => &AXES[..4],
            NonTetrahedral::TrigonalBipyramidal => &bipyramid,
            NonTetrahedral::Octahedral => &AXES,
            NonTetrahedral::Allenal => return None,
        };
        let wanted = ChiralTag::NonTetrahedral(class, permutation);
        let mut placed = sites.to_vec();
        find_placement(&mut placed, 0, &|bonds| arrangement(bonds) == Some(wanted))
            .then_some(Self(placed))
    }

    /// The number when neighbour `order[i]` is named in place `i`; vacant sites come last.
    pub(crate) fn number(&self, order: &[usize]) -> Option<u8> {
        let Self(placed) = self;
        if order.len() > placed.len() || order.iter().any(|&k| k >= placed.len()) {
            return None;
        }
        let vacant = (0..placed.len()).filter(|k| !order.contains(k));
        let order = order.iter().copied().chain(vacant);
        let moved: Vec<Vector> = order.map(|k| placed[k]).collect();
        match arrangement(&moved) {
            Some(ChiralTag::NonTetrahedral(_, number)) => Some(number),
            _ => None,
        }
    }
}

/// Permutes `sites` from `from` on until `accept` holds.
fn find_placement(sites: &mut [Vector], from: usize, accept: &dyn Fn(&[Vector]) -> bool) -> bool {
    if from == sites.len() {
        return accept(sites);
    }
    for other in from..sites.len() {
        sites.swap(from, other);
        if find_placement(sites, from + 1, accept) {
            return true;
        }
        sites.swap(from, other);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_an_arrangement() {
        let classes = [
            (NonTetrahedral::SquarePlanar, 4, 3),
            (NonTetrahedral::TrigonalBipyramidal, 5, 20),
            (NonTetrahedral::Octahedral, 6, 30),
        ];
        for (class, sites, numbers) in classes {
            let same: Vec<usize> = (0..sites).collect();
            for number in 1..=numbers {
                assert_eq!(reordered(class, number, &same), Some(number), "{class:?}");
            }
            assert_eq!(reordered(class, numbers + 1, &same), None);
        }
    }

    #[test]
    fn swapping_two_equatorial_neighbours_mirrors() {
        let swapped = [0, 2, 1, 3, 4];
        let tb = NonTetrahedral::TrigonalBipyramidal;
        assert_eq!(reordered(tb, 1, &swapped), Some(2));
        let oh = NonTetrahedral::Octahedral;
        assert_eq!(reordered(oh, 1, &[0, 4, 3, 2, 1, 5]), Some(2));
    }
}
