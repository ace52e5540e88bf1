//! A drawing under construction: what is placed where, and how crowded a place is.

use std::collections::HashMap;

use super::block::Block;
use super::geometry::{self, Geometry};
use super::limbs::Limbs;
use super::macrocycle::{LARGEST_REGULAR, Outline};
use super::plane::Point;
use super::relax;
use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::molecule::Hybridization;

/// Side of the cells by which atoms are found, in bond lengths.
const CELL: f64 = 2.0;
/// Placed atoms closer than this crowd a new one.
const ROOM: f64 = 1.7;
/// Turn of the middle atom of a five-ring fused outside of a large ring.
const FUSED_DENT: f64 = 1.2;

/// A molecule and the positions of its atoms so far.
pub(super) struct Sketch<'a> {
    pub(super) molecule: &'a Molecule,
    pub(super) adjacency: Adjacency,
    pub(super) points: Vec<Point>,
    pub(super) placed: Vec<bool>,
    pub(super) geometries: Vec<Geometry>,
    /// Geometries of the double bonds at each atom.
    pub(super) geometries_of: HashMap<usize, Vec<usize>>,
    cells: HashMap<(i32, i32), Vec<usize>>,
    /// Scratch for [`Block::new`].
    local: Vec<usize>,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(molecule: &'a Molecule) -> Self {
        let geometries = geometry::stated(molecule);
        let mut geometries_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, geometry) in geometries.iter().enumerate() {
            for atom in geometry.bond {
                geometries_of.entry(atom).or_default().push(index);
            }
        }
        Self {
            molecule,
            adjacency: Adjacency::of(molecule),
            points: vec![Point::default(); molecule.num_atoms()],
            placed: vec![false; molecule.num_atoms()],
            geometries,
            geometries_of,
            cells: HashMap::new(),
            local: vec![usize::MAX; molecule.num_atoms()],
        }
    }

    pub(super) fn place(&mut self, atom: usize, point: Point) {
        self.points[atom] = point;
        self.placed[atom] = true;
        self.cells.entry(cell(point)).or_default().push(atom);
    }

    /// Forgets where atoms are for the next fragment, which is drawn by itself.
    pub(super) fn clear_cells(&mut self) {
        self.cells.clear();
    }

    /// How much the placed atoms other than `besides` crowd a point.
    pub(super) fn crowding(&self, point: Point, besides: usize) -> f64 {
        let (x, y) = cell(point);
        let mut crowding = 0.0;
        for key in (x - 1..=x + 1).flat_map(|x| (y - 1..=y + 1).map(move |y| (x, y))) {
            for &atom in self.cells.get(&key).into_iter().flatten() {
                let distance = (self.points[atom] - point).length();
                if atom != besides && distance < ROOM {
                    crowding += (ROOM - distance).powi(2);
                }
            }
        }
        crowding
    }

    /// Directions from an atom to its placed neighbours.
    pub(super) fn directions(&self, atom: usize) -> Vec<Point> {
        let neighbors = self.adjacency.neighbors(atom).iter();
        neighbors
            .filter(|step| self.placed[step.atom])
            .map(|step| self.points[step.atom] - self.points[atom])
            .collect()
    }

    /// Whether two bonds leave an atom in opposite directions.
    pub(super) fn is_linear(&self, atom: usize) -> bool {
        let steps = self.adjacency.neighbors(atom);
        steps.len() == 2
            && self.molecule.atom(atom).hybridization == Hybridization::Sp
            && !self.molecule.atom(atom).in_ring
    }

    /// Whether the points contradict a geometry of a double bond at `atom`, as far as all
    /// its atoms are `known`.
    pub(super) fn contradicts(&self, atom: usize, known: impl Fn(usize) -> bool) -> bool {
        let of_atom = self.geometries_of.get(&atom).into_iter().flatten();
        of_atom
            .map(|&index| &self.geometries[index])
            .filter(|geometry| {
                geometry
                    .bond
                    .iter()
                    .chain(&geometry.beside)
                    .all(|&a| known(a))
            })
            .any(|geometry| !geometry.holds(&self.points))
    }

    /// A ring block drawn by itself.
    pub(super) fn block(
        &mut self,
        limbs: &Limbs,
        limb: usize,
        rings: &[&[u32]],
    ) -> (Block, Vec<Point>) {
        let limb = &limbs.limbs[limb];
        let mut atoms = vec![limb.pivot];
        atoms.extend(&limb.block);
        let block = Block::new(&self.adjacency, atoms, rings, &mut self.local);
        let geometries = self.ring_geometries(&block);
        let outside = |(index, &atom): (usize, &usize)| {
            self.adjacency.degree(atom) > block.neighbors[index].len()
        };
        let occupied: Vec<bool> = block.atoms.iter().enumerate().map(outside).collect();
        let points = relax::layout(&block, &geometries, &occupied, |ring| {
            self.outline(&block, &geometries, ring)
        });
        (block, points)
    }

    /// Geometries of double bonds in large rings, in local numbers, told by ring atoms.
    fn ring_geometries(&self, block: &Block) -> Vec<Geometry> {
        let mut geometries = Vec::new();
        if self.geometries.is_empty() {
            return geometries;
        }
        let mut local: HashMap<usize, usize> = HashMap::new();
        local.extend(
            block
                .atoms
                .iter()
                .enumerate()
                .map(|(index, &atom)| (atom, index)),
        );
        for stated in &self.geometries {
            let [Some(&a), Some(&b)] = stated.bond.map(|atom| local.get(&atom)) else {
                continue;
            };
            let beside = |end: usize, other: usize| {
                let mut neighbors = block.neighbors[end].iter();
                neighbors.find(|&&atom| atom != other).copied()
            };
            if let (Some(x), Some(y), Some(_)) = (beside(a, b), beside(b, a), block.bond(a, b)) {
                let told = stated.told_by([block.atoms[x], block.atoms[y]]);
                geometries.push(Geometry {
                    bond: [a, b],
                    beside: [x, y],
                    same_side: told.same_side,
                });
            }
        }
        geometries
    }

    /// What is asked of the outline of a large ring of a block.
    fn outline(&self, block: &Block, geometries: &[Geometry], ring: &[usize]) -> Outline {
        let count = ring.len();
        let at = |place: usize| ring[place % count];
        let same_side = (0..count).map(|first| {
            let bond = [at(first), at(first + 1)];
            let beside = [at(first + count - 1), at(first + 2)];
            geometries.iter().find_map(|geometry| {
                if geometry.bond == bond {
                    Some(geometry.told_by(beside).same_side)
                } else if geometry.bond == [bond[1], bond[0]] {
                    Some(geometry.told_by([beside[1], beside[0]]).same_side)
                } else {
                    None
                }
            })
        });
        let inner = |place: usize| {
            let triple = [at(place + count - 1), at(place), at(place + 1)];
            let mut smaller = block
                .rings
                .iter()
                .filter(|other| other.len() <= LARGEST_REGULAR);
            let fused = smaller.any(|other| triple.iter().all(|atom| other.contains(atom)));
            fused.then_some(FUSED_DENT)
        };
        let occupied = |place: usize| {
            let atom = block.atoms[at(place)];
            self.adjacency.degree(atom) > 2
        };
        Outline {
            same_side: same_side.collect(),
            forced: (0..count).map(inner).collect(),
            occupied: (0..count).map(occupied).collect(),
        }
    }
}

fn cell(point: Point) -> (i32, i32) {
    (
        (point.x / CELL).floor() as i32,
        (point.y / CELL).floor() as i32,
    )
}
