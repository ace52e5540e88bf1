//! Square planar, trigonal bipyramidal and octahedral centres.
//!
//! OpenSMILES numbers the arrangements of such centres (`@SP1`..`@SP3`, `@TB1`..`@TB20`,
//! `@OH1`..`@OH30`). Here an arrangement is a set of unit vectors from the centre, one per
//! neighbour in bond order; which neighbours are opposite and one sense of rotation give
//! the number, as in RDKit's `assignNontetrahedralChiralTypeFrom3D`.

use std::ops::Range;

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

/// The number of a centre for its neighbours in another order than that of the text, as
/// RDKit reads it: neighbour `i` is written in place `written[i]`, and the vacant sites,
/// hydrogens among them, stand behind the first `before` neighbours. `None` when the class
/// or number is unknown, or there are more neighbours than sites.
pub(crate) fn as_read(
    class: NonTetrahedral,
    number: u8,
    written: &[usize],
    before: usize,
) -> Option<u8> {
    let vacant = class.sites().saturating_sub(written.len());
    let place = |&place: &usize| {
        if place < before {
            place
        } else {
            place + vacant
        }
    };
    let order: Vec<usize> = written.iter().map(place).collect();
    Placement::of(class, number)?.number(&order)
}

impl NonTetrahedral {
    /// Places for neighbours.
    fn sites(self) -> usize {
        match self {
            Self::SquarePlanar | Self::Allenal => 4,
            Self::TrigonalBipyramidal => 5,
            Self::Octahedral => 6,
        }
    }
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
        let all = 0..placed.len();
        let is_wanted = &mut |bonds: &[Vector]| arrangement(bonds) == Some(wanted);
        permute(&mut placed, all, is_wanted).then_some(Self(placed))
    }

    /// The number when each neighbour `order[i]` in turn changes places with what stands in
    /// place `i`, which is how RDKit finds the order of the vacant sites.
    fn number(&self, order: &[usize]) -> Option<u8> {
        let Self(placed) = self;
        let mut sites: Vec<usize> = (0..placed.len()).collect();
        if order.len() > sites.len() {
            return None;
        }
        for (place, named) in order.iter().enumerate() {
            let at = sites.iter().position(|site| site == named)?;
            sites.swap(place, at);
        }
        let moved: Vec<Vector> = sites.iter().map(|&site| placed[site]).collect();
        number_of(&moved)
    }

    /// The number when the neighbours `first` are named, then the vacant sites, then the
    /// neighbours `last`. Vacant sites cannot be told apart: of the numbers that differ in
    /// their order alone it is the smallest.
    pub(crate) fn smallest_number(&self, first: &[usize], last: &[usize]) -> Option<u8> {
        let Self(placed) = self;
        let named = first.len() + last.len();
        if named > placed.len() || first.iter().chain(last).any(|&k| k >= placed.len()) {
            return None;
        }
        let vacant = (0..placed.len()).filter(|k| !first.contains(k) && !last.contains(k));
        let order = first.iter().copied().chain(vacant);
        let order = order.chain(last.iter().copied());
        let mut moved: Vec<Vector> = order.map(|k| placed[k]).collect();
        let range = first.len()..moved.len() - last.len();
        let mut numbers = Vec::new();
        permute(&mut moved, range, &mut |bonds| {
            numbers.extend(number_of(bonds));
            false
        });
        numbers.into_iter().min()
    }
}

fn number_of(bonds: &[Vector]) -> Option<u8> {
    match arrangement(bonds) {
        Some(ChiralTag::NonTetrahedral(_, number)) => Some(number),
        _ => None,
    }
}

/// Permutes a range of `sites` until `accept` holds.
fn permute(
    sites: &mut [Vector],
    range: Range<usize>,
    accept: &mut dyn FnMut(&[Vector]) -> bool,
) -> bool {
    if range.is_empty() {
        return accept(sites);
    }
    for other in range.clone() {
        sites.swap(range.start, other);
        if permute(sites, range.start + 1..range.end, accept) {
            return true;
        }
        sites.swap(range.start, other);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: [(NonTetrahedral, usize, u8); 3] = [
        (NonTetrahedral::SquarePlanar, 4, 3),
        (NonTetrahedral::TrigonalBipyramidal, 5, 20),
        (NonTetrahedral::Octahedral, 6, 30),
    ];

    #[test]
    fn every_number_is_an_arrangement() {
        for (class, sites, numbers) in CLASSES {
            let same: Vec<usize> = (0..sites).collect();
            for number in 1..=numbers {
                assert_eq!(as_read(class, number, &same, 0), Some(number), "{class:?}");
            }
            assert_eq!(as_read(class, numbers + 1, &same, 0), None);
            let more: Vec<usize> = (0..=sites).collect();
            assert_eq!(as_read(class, 1, &more, 1), None);
        }
    }

    #[test]
    fn swapping_two_equatorial_neighbours_mirrors() {
        let swapped = [0, 2, 1, 3, 4];
        let tb = NonTetrahedral::TrigonalBipyramidal;
        assert_eq!(as_read(tb, 1, &swapped, 1), Some(2));
        let oh = NonTetrahedral::Octahedral;
        assert_eq!(as_read(oh, 1, &[0, 4, 3, 2, 1, 5], 1), Some(2));
    }

    #[test]
    fn the_smallest_number_is_the_same_arrangement() {
        for (class, sites, numbers) in CLASSES {
            for number in 1..=numbers {
                let placement = Placement::of(class, number).expect("a number of the class");
                for neighbors in 1..sites {
                    let order: Vec<usize> = (0..neighbors).collect();
                    let least = placement.smallest_number(&order, &[]);
                    let least = least.expect("an arrangement");
                    let again = Placement::of(class, least).expect("a number of the class");
                    assert!(least <= number);
                    assert_eq!(again.smallest_number(&order, &[]), Some(least));
                }
            }
        }
    }
}
