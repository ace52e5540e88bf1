//! What the surroundings of centres and double bonds look like relative to the colours.

use super::partition::Partition;
use super::refine::mix;
use crate::adjacency::is_odd_permutation;
use crate::molecule::ChiralTag;
use crate::nontetrahedral::Placement;
use crate::outline::Outline;

/// A stereocentre: its neighbours in bond order and how they are arranged.
#[derive(Debug)]
struct Center {
    atom: usize,
    neighbors: Vec<usize>,
    sense: Sense,
}

#[derive(Debug)]
enum Sense {
    /// True for clockwise.
    Tetrahedral(bool),
    Placed(Placement),
}

/// A double bond with known geometry and, per end, the other substituents.
#[derive(Debug)]
struct DoubleBond {
    ends: [usize; 2],
    /// Substituents at each end; the first is the one that `trans` refers to.
    substituents: [Vec<usize>; 2],
    trans: bool,
}

/// Everything of a molecule that has a geometry.
#[derive(Debug, Default)]
pub(super) struct Geometries {
    centers: Vec<Center>,
    double_bonds: Vec<DoubleBond>,
}

impl Geometries {
    pub(super) fn of(outline: &Outline) -> Self {
        let centers = (0..outline.atoms.len()).filter_map(|atom| Center::of(outline, atom));
        let double_bonds = (0..outline.bonds.len()).filter_map(|b| DoubleBond::of(outline, b));
        Self {
            centers: centers.collect(),
            double_bonds: double_bonds.collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.centers.is_empty() && self.double_bonds.is_empty()
    }

    /// Atoms whose geometry counts among their colours.
    pub(super) fn atoms(&self) -> impl Iterator<Item = usize> + '_ {
        let centers = self.centers.iter().map(|center| center.atom);
        centers.chain(self.double_bonds.iter().flat_map(|bond| bond.ends))
    }

    /// Adds to the `keys` of atoms what their geometry looks like relative to the colours,
    /// nothing where that is open.
    pub(super) fn add_keys(&self, partition: &Partition, keys: &mut [u64]) {
        for center in &self.centers {
            if let Some(arrangement) = center.arrangement(partition) {
                keys[center.atom] = mix(1, arrangement);
            }
        }
        for bond in &self.double_bonds {
            if let Some(trans) = bond.arrangement(partition) {
                for (end, other) in [(0, 1), (1, 0)] {
                    let color = partition.color(bond.ends[other]);
                    let key = mix(2 + u64::from(trans), u64::from(color));
                    keys[bond.ends[end]] = keys[bond.ends[end]].wrapping_add(key);
                }
            }
        }
    }

    /// The first tied cell next to a centre or double bond whose geometry is open.
    pub(super) fn open_cell(&self, partition: &Partition) -> Option<usize> {
        let tied = |&atom: &usize| partition.is_tied(atom);
        let open_centers = self.centers.iter().filter(|c| c.is_open(partition));
        let open_bonds = self
            .double_bonds
            .iter()
            .filter(|bond| bond.arrangement(partition).is_none());
        open_centers
            .flat_map(|center| &center.neighbors)
            .chain(open_bonds.flat_map(|bond| bond.substituents.iter().flatten()))
            .copied()
            .filter(tied)
            .map(|atom| partition.color(atom) as usize)
            .min()
    }
}

impl Center {
    fn of(outline: &Outline, atom: usize) -> Option<Self> {
        let sense = match outline.atoms[atom].chiral_tag {
            ChiralTag::TetrahedralCw => Sense::Tetrahedral(true),
            ChiralTag::TetrahedralCcw => Sense::Tetrahedral(false),
            ChiralTag::NonTetrahedral(class, number) => {
                Sense::Placed(Placement::of(class, number)?)
            }
            _ => return None,
        };
        let neighbors = outline.adjacency.neighbors(atom).iter();
        Some(Self {
            atom,
            neighbors: neighbors.map(|step| step.atom).collect(),
            sense,
        })
    }

    /// Whether two neighbours are tied.
    fn is_open(&self, partition: &Partition) -> bool {
        let color = |&atom: &usize| partition.color(atom);
        let neighbors = &self.neighbors;
        (1..neighbors.len()).any(|i| {
            let own = color(&neighbors[i]);
            neighbors[..i].iter().any(|other| color(other) == own)
        })
    }

    /// The arrangement relative to the colours; `None` when two neighbours are tied.
    fn arrangement(&self, partition: &Partition) -> Option<u64> {
        if self.is_open(partition) {
            return None;
        }
        let color = |atom: usize| partition.color(atom);
        match &self.sense {
            Sense::Tetrahedral(clockwise) => {
                let odd = is_odd_permutation_by(&self.neighbors, color);
                Some(u64::from(odd ^ clockwise))
            }
            Sense::Placed(placement) => {
                let mut order: Vec<usize> = (0..self.neighbors.len()).collect();
                order.sort_by_key(|&place| color(self.neighbors[place]));
                Some(2 + placement.smallest_number(&order, &[]).map_or(0, u64::from))
            }
        }
    }
}

impl DoubleBond {
    fn of(outline: &Outline, index: usize) -> Option<Self> {
        let bond = &outline.bonds[index];
        let geometry = bond.geometry?;
        let ends = [bond.begin, bond.end];
        let side = |end: usize| {
            let reference = geometry.references[end];
            let others = outline.adjacency.neighbors(ends[end]).iter();
            let others = others.map(|step| step.atom);
            let others = others.filter(|&atom| atom != ends[1 - end] && atom != reference);
            std::iter::once(reference).chain(others).collect()
        };
        Some(Self {
            ends,
            substituents: [side(0), side(1)],
            trans: geometry.trans,
        })
    }

    /// True for trans, relative to the substituents of lower colour; `None` when tied.
    fn arrangement(&self, partition: &Partition) -> Option<bool> {
        let mut trans = self.trans;
        for side in &self.substituents {
            if let [reference, other] = side[..] {
                let (a, b) = (partition.color(reference), partition.color(other));
                if a == b {
                    return None;
                }
                trans ^= a > b;
            }
        }
        Some(trans)
    }
}

fn is_odd_permutation_by(atoms: &[usize], color: impl Fn(usize) -> u32) -> bool {
    if let &[a, b, c, d] = atoms {
        return is_odd_permutation(&[color(a), color(b), color(c), color(d)]);
    }
    let colors: Vec<u32> = atoms.iter().map(|&atom| color(atom)).collect();
    is_odd_permutation(&colors)
}
