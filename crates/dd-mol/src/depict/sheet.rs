//! From a molecule to its drawing: fragments are drawn one by one, turned and laid side by side.

use std::f64::consts::{FRAC_PI_3, FRAC_PI_6};

use super::assembly::assemble;
use super::limbs::Limbs;
use super::plane::Point;
use super::resolve::resolve;
use super::sketch::Sketch;
use crate::Molecule;
use crate::molecule::Conformer;

/// Molecules with more atoms are not drawn.
pub const MAX_ATOMS: usize = 10_000;
/// Length of a bond of a [`conformer`], in angstrom, as drawing programs write it.
const BOND_LENGTH: f64 = 1.5;
/// Space between fragments, in bond lengths.
const SPACE: f64 = 1.6;

/// Why a molecule cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DepictError {
    /// More atoms than [`MAX_ATOMS`].
    #[error("{found} atoms are more than the {limit} that are drawn")]
    TooManyAtoms {
        /// Atoms of the molecule.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Values for the atoms of another number than there are atoms.
    #[error("{found} values for {atoms} atoms")]
    ValueCount {
        /// Values that were given.
        found: usize,
        /// Atoms of the molecule.
        atoms: usize,
    },
    /// A value that is not a number, or not finite.
    #[error("the value of atom {atom} is not finite")]
    ValueNotFinite {
        /// 0-based index of the atom.
        atom: usize,
    },
}

/// Coordinates for a drawing: x to the right, y upwards, in bond lengths, in atom order.
///
/// The same molecule with the same atom order gives the same drawing. Double bonds show
/// the geometry that the molecule states.
///
/// # Errors
/// More than [`MAX_ATOMS`] atoms.
///
/// # Complexity
/// Linear in the number of atoms but for ring systems that no regular polygons fit and
/// for the search for moves that undo collisions; both are limited.
pub fn coordinates(molecule: &Molecule) -> Result<Vec<[f64; 2]>, DepictError> {
    let found = molecule.num_atoms();
    if found > MAX_ATOMS {
        return Err(DepictError::TooManyAtoms {
            found,
            limit: MAX_ATOMS,
        });
    }
    let points = draw(molecule);
    Ok(points.into_iter().map(|point| [point.x, point.y]).collect())
}

/// The drawing as a conformer: what a mol block needs to show stereochemistry.
///
/// # Errors
/// As [`coordinates`].
pub fn conformer(molecule: &Molecule) -> Result<Conformer, DepictError> {
    let positions = coordinates(molecule)?
        .into_iter()
        .map(|[x, y]| [BOND_LENGTH * x, BOND_LENGTH * y, 0.0])
        .collect();
    Ok(Conformer {
        positions,
        is_3d: false,
    })
}

fn draw(molecule: &Molecule) -> Vec<Point> {
    let mut sketch = Sketch::new(molecule);
    let (fragment_of, count) = molecule.fragments();
    let mut fragments: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (atom, &fragment) in fragment_of.iter().enumerate() {
        fragments[fragment as usize].push(atom);
    }
    let mut rings_of_fragment: Vec<Vec<&[u32]>> = vec![Vec::new(); count];
    for ring in molecule.rings() {
        rings_of_fragment[fragment_of[ring[0] as usize] as usize].push(ring);
    }
    for (atoms, rings) in fragments.iter().zip(&rings_of_fragment) {
        if atoms.len() == 1 {
            sketch.place(atoms[0], Point::default());
            continue;
        }
        draw_fragment(&mut sketch, atoms, rings);
    }
    arrange(&mut sketch.points, fragments);
    sketch.points
}

fn draw_fragment(sketch: &mut Sketch<'_>, atoms: &[usize], rings: &[&[u32]]) {
    sketch.clear_cells();
    let limbs = Limbs::new(&sketch.adjacency, sketch.points.len(), root(sketch, atoms));
    // The block in which each atom is not the pivot; a ring lies in the block of the
    // majority of its atoms, for one of them at most is its pivot.
    let mut home = vec![usize::MAX; sketch.points.len()];
    for (index, limb) in limbs.limbs.iter().enumerate() {
        limb.block.iter().for_each(|&atom| home[atom] = index);
    }
    let mut rings_of: Vec<Vec<&[u32]>> = vec![Vec::new(); limbs.limbs.len()];
    for ring in rings {
        let [a, b, c] = [0, 1, 2].map(|at| home[ring[at] as usize]);
        let limb = if a == b || a == c { a } else { b };
        rings_of[limb].push(ring);
    }
    assemble(sketch, &limbs, |limb| rings_of[limb].clone());
    resolve(sketch, &limbs);
    turn(sketch, &limbs);
}

/// Where to begin: in the largest ring block, else at the end of a longest chain.
fn root(sketch: &Sketch<'_>, atoms: &[usize]) -> usize {
    let limbs = Limbs::new(&sketch.adjacency, sketch.points.len(), atoms[0]);
    let largest = limbs
        .limbs
        .iter()
        .filter(|limb| !limb.is_chain())
        .max_by_key(|limb| limb.block.len());
    if let Some(limb) = largest {
        return limb.block.iter().copied().min().unwrap_or(limb.pivot);
    }
    // The atom farthest from any atom ends a longest path of a tree.
    let mut distance = vec![0_usize; sketch.points.len()];
    let mut farthest = atoms[0];
    for &atom in &limbs.order[1..] {
        let steps = sketch.adjacency.neighbors(atom).iter();
        let parent = steps
            .map(|step| step.atom)
            .min_by_key(|&other| limbs.place[other]);
        distance[atom] = parent.map_or(0, |parent| distance[parent] + 1);
        if distance[atom] > distance[farthest] {
            farthest = atom;
        }
    }
    farthest
}

/// Turns a fragment so that most bonds stand at multiples of 30 degrees and it is wide
/// rather than high.
fn turn(sketch: &mut Sketch<'_>, limbs: &Limbs) {
    const BINS: usize = 60;
    let mut votes = [0_usize; BINS];
    for &atom in &limbs.order {
        for step in sketch.adjacency.neighbors(atom) {
            let angle = (sketch.points[step.atom] - sketch.points[atom]).angle();
            let share = (angle / FRAC_PI_3).rem_euclid(1.0);
            votes[(share * BINS as f64).round() as usize % BINS] += 1;
        }
    }
    let most = (0..BINS)
        .max_by_key(|&bin| (votes[bin], std::cmp::Reverse(bin)))
        .unwrap_or(0);
    let phase = most as f64 / BINS as f64 * FRAC_PI_3;
    let mut best = (f64::INFINITY, 0.0);
    for step in 0..12 {
        let angle = FRAC_PI_6 * f64::from(step) - phase;
        let turned = limbs
            .order
            .iter()
            .map(|&atom| sketch.points[atom].rotated(angle));
        let [low, high] = bounds(turned);
        // Upright hexagons and zigzags look best.
        let lying = if step % 2 == 0 { 0.12 } else { 0.0 };
        let cost = (high.y - low.y + 1.0) / (high.x - low.x + 1.0) + lying;
        if cost < best.0 - 1e-6 {
            best = (cost, angle);
        }
    }
    for &atom in &limbs.order {
        sketch.points[atom] = sketch.points[atom].rotated(best.1);
    }
}

/// The lower left and the upper right corner.
fn bounds(points: impl Iterator<Item = Point>) -> [Point; 2] {
    let start = [
        Point::new(f64::INFINITY, f64::INFINITY),
        Point::new(f64::NEG_INFINITY, f64::NEG_INFINITY),
    ];
    points.fold(start, |[low, high], point| {
        [
            Point::new(low.x.min(point.x), low.y.min(point.y)),
            Point::new(high.x.max(point.x), high.y.max(point.y)),
        ]
    })
}

/// Lays fragments side by side in rows, each centred on its row.
fn arrange(points: &mut [Point], fragments: Vec<Vec<usize>>) {
    let mut boxes: Vec<(Vec<usize>, [Point; 2])> = fragments
        .into_iter()
        .map(|atoms| {
            let around = bounds(atoms.iter().map(|&atom| points[atom]));
            (atoms, around)
        })
        .collect();
    let area: f64 = boxes
        .iter()
        .map(|(_, [low, high])| (high.x - low.x + SPACE) * (high.y - low.y + SPACE))
        .sum();
    let widest = boxes
        .iter()
        .map(|(_, [low, high])| high.x - low.x)
        .fold(0.0, f64::max);
    let width = widest.max(1.6 * area.sqrt());
    // Small ions follow the fragments that they belong to.
    boxes.sort_by_key(|(atoms, _)| std::cmp::Reverse(atoms.len()));
    let mut top = 0.0;
    let mut row = Vec::new();
    let mut left = 0.0;
    let mut rest = boxes.into_iter().peekable();
    while let Some((atoms, [low, high])) = rest.next() {
        let shift = left - low.x;
        left += high.x - low.x + SPACE;
        row.push((atoms, shift, [low, high]));
        let full = rest
            .peek()
            .is_none_or(|(_, [low, high])| left + high.x - low.x > width);
        if !full {
            continue;
        }
        let height = row
            .iter()
            .map(|(_, _, [low, high])| high.y - low.y)
            .fold(0.0, f64::max);
        for (atoms, shift, [low, high]) in row.drain(..) {
            let lift = top - height / 2.0 - f64::midpoint(low.y, high.y);
            for atom in atoms {
                points[atom] = points[atom] + Point::new(shift, lift);
            }
        }
        top -= height + SPACE;
        left = 0.0;
    }
}
