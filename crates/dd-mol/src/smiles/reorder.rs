//! Molecules in the order of their canonical SMILES.

use petgraph::graph::UnGraph;

use super::plan::{Role, Step};
use super::write::{WriteOptions, Writer};
use crate::Molecule;
use crate::adjacency::is_odd_permutation;
use crate::builder::BondDirection;
use crate::canon::ranks;
use crate::molecule::{BondOrder, ChiralTag, Conformer, StereoGroup};
use crate::nontetrahedral::as_read;
use crate::outline::Outline;
use crate::perceive::normalize_ring;
use crate::rows::Rows;

/// The molecule with its atoms and bonds in the order of its canonical SMILES, and the
/// index in `molecule` of each of its atoms.
///
/// Atoms, bonds, chirality tags and slashes are what reading [`write`](super::write) gives,
/// with the hydrogens of atoms in brackets explicit; but nothing is read: whatever a SMILES
/// cannot say (conformers, crossed bonds, data fields) is kept. All spellings of a molecule give the same atoms and bonds, bit for bit;
/// the indices are the same up to a symmetry of the molecule.
///
/// ```
/// use dd_mol::smiles::{canonicalized, parse};
/// let (molecule, origin) = canonicalized(&parse("OCC")?);
/// assert_eq!(molecule.atom(2).atomic_number, 8);
/// assert_eq!(origin, [2, 1, 0]);
/// # Ok::<(), dd_mol::smiles::SmilesError>(())
/// ```
///
/// # Complexity
/// That of [`write`](super::write).
pub fn canonicalized(molecule: &Molecule) -> (Molecule, Vec<u32>) {
    let outline = Outline::of(molecule, WriteOptions::ISOMERIC);
    let mut writer = Writer::new(&outline, &ranks(&outline));
    writer.run();
    let new_index = writer.plan.position.clone();
    let mut origin = vec![0; new_index.len()];
    for (atom, &position) in new_index.iter().enumerate() {
        origin[position as usize] = atom as u32;
    }
    let bonds = bonds_in_order(&writer, &outline, &origin);

    let mut graph = UnGraph::with_capacity(origin.len(), bonds.len());
    for &atom in &origin {
        let mut data = molecule.atom(atom as usize).clone();
        let hydrogens = outline.atoms[atom as usize].hydrogens;
        data.no_implicit = !writer.is_plain(atom as usize);
        (data.explicit_hydrogens, data.implicit_hydrogens) = if data.no_implicit {
            (hydrogens, 0)
        } else {
            (0, hydrogens)
        };
        graph.add_node(data);
    }
    let mut place = vec![0; bonds.len()];
    let moved = |atom: usize| new_index[atom];
    for (index, &Moved { bond, begin, end }) in bonds.iter().enumerate() {
        place[bond] = index;
        let mut data = molecule.bond(bond).clone();
        data.stereo_atoms = data.stereo_atoms.map(|atoms| {
            let [a, b] = atoms.map(|atom| moved(atom as usize));
            let kept = outline.bonds[bond].begin == begin;
            if kept { [a, b] } else { [b, a] }
        });
        if data.direction != BondDirection::Either {
            data.direction = match writer.mark(bond) {
                None => BondDirection::None,
                Some(up) if up == (writer.plan.writes_from(begin, end) == begin) => {
                    BondDirection::Up
                }
                Some(_) => BondDirection::Down,
            };
        }
        graph.add_edge(moved(begin).into(), moved(end).into(), data);
    }
    for (new, &old) in origin.iter().enumerate() {
        let tag = &mut graph[petgraph::graph::NodeIndex::new(new)].chiral_tag;
        *tag = turned(*tag, &mut writer, &outline, old as usize, &place);
    }
    let conformers = molecule.conformers.iter().map(|conformer| Conformer {
        positions: { origin.iter() }
            .map(|&atom| conformer.positions[atom as usize])
            .collect(),
        is_3d: conformer.is_3d,
    });
    let stereo_groups = molecule.stereo_groups.iter().map(|group| {
        let atoms = group.atoms.iter().map(|&atom| new_index[atom as usize]);
        StereoGroup {
            atoms: atoms.collect(),
            ..group.clone()
        }
    });
    let canonical = Molecule {
        rings: rings(molecule, &new_index),
        conformers: conformers.collect(),
        name: molecule.name.clone(),
        properties: molecule.properties.clone(),
        stereo_groups: stereo_groups.collect(),
        graph,
    };
    (canonical, origin)
}

/// A bond and its ends, by their old numbers.
struct Moved {
    bond: usize,
    begin: usize,
    end: usize,
}

/// The bonds as a reader of the text finds them: those of the chain, then ring closures,
/// which run backwards unless a symbol stands at their opening.
fn bonds_in_order(writer: &Writer<'_>, outline: &Outline, origin: &[u32]) -> Vec<Moved> {
    let chain = origin.iter().filter_map(|&atom| {
        let first = writer.plan.steps(atom as usize).first()?;
        let (bond, from) = (first.bond as usize, first.atom as usize);
        (first.role == Role::Parent).then_some((bond, from, atom as usize))
    });
    let rings = writer.digits.in_reading_order().into_iter().map(|bond| {
        let bond = bond as usize;
        let ends = &outline.bonds[bond];
        let opens = writer.plan.writes_from(ends.begin, ends.end);
        let closes = ends.begin + ends.end - opens;
        match writer.symbol_of(bond, opens, closes) {
            "" | "/" | "\\" => (bond, closes, opens),
            _ => (bond, opens, closes),
        }
    });
    let all = chain.chain(rings).map(|(bond, begin, end)| {
        let given = &outline.bonds[bond];
        // The direction of a dative bond is not a matter of order.
        let (begin, end) = match given.order {
            BondOrder::Dative => (given.begin, given.end),
            _ => (begin, end),
        };
        Moved { bond, begin, end }
    });
    all.collect()
}

/// A chirality tag for the order of the neighbours that the new `place` of each bond gives.
fn turned(
    tag: ChiralTag,
    writer: &mut Writer<'_>,
    outline: &Outline,
    atom: usize,
    place: &[usize],
) -> ChiralTag {
    if tag == ChiralTag::Unspecified {
        return tag;
    }
    let neighbors = outline.adjacency.neighbors(atom);
    let mut order: Vec<usize> = (0..neighbors.len()).collect();
    order.sort_by_key(|&k| place[neighbors[k].bond]);
    match tag {
        ChiralTag::NonTetrahedral(class, number) => {
            let number = writer.written_number(atom, class, number);
            let steps = writer.plan.steps(atom);
            let written = order.iter().filter_map(|&k| {
                let is_it = |step: &Step| step.bond as usize == neighbors[k].bond;
                steps.iter().position(is_it)
            });
            let written: Vec<usize> = written.collect();
            let before = usize::from(writer.plan.parent(atom).is_some());
            let number = as_read(class, number, &written, before).unwrap_or(number);
            ChiralTag::NonTetrahedral(class, number)
        }
        _ if is_odd_permutation(&order) => tag.inverted(),
        _ => tag,
    }
}

/// The rings in the new numbers, by their atoms.
fn rings(molecule: &Molecule, new_index: &[u32]) -> Rows {
    let moved = molecule.rings().map(|ring| {
        let atoms = ring.iter().map(|&atom| new_index[atom as usize]);
        let mut ring: Vec<u32> = atoms.collect();
        normalize_ring(&mut ring);
        ring
    });
    let mut sorted: Vec<Vec<u32>> = moved.collect();
    sorted.sort_unstable();
    let mut rows = Rows::default();
    for ring in sorted {
        for atom in ring {
            rows.push(atom);
        }
        rows.close();
    }
    rows
}
