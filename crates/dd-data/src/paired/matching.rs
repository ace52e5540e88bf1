//! Which atom of a geometry is which atom of a SMILES.
//!
//! Both molecules are read without hydrogens and ranked canonically; atoms of equal rank belong together, and that every bond
//! of one is a bond of the other is checked. Where the molecules differ, less and less of them is compared ([`Agreement`]).

use dd_mol::smiles::{WriteOptions, write_in_order};
use dd_mol::{
    AtomSpec, BondDirection, BondOrder, BondSpec, BondStereo, ChiralTag, Molecule, MoleculeBuilder,
    PerceptionError, Sanitize, canonical_ranks_with,
};

/// How far a geometry and a SMILES are the same molecule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agreement {
    /// In everything that the SMILES states. Stereochemistry that it leaves open may be anything in the geometry.
    Full,
    /// In all but isotopes and stereochemistry: the geometry is another stereoisomer than the SMILES states.
    Constitution,
    /// In elements, bonds and numbers of hydrogens, but not in bond orders, charges or aromaticity.
    Connectivity,
}

impl Agreement {
    /// All classes, from the best.
    pub const ALL: [Self; 3] = [Self::Full, Self::Constitution, Self::Connectivity];

    /// What a report calls the class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Constitution => "constitution",
            Self::Connectivity => "connectivity",
        }
    }
}

/// How well two molecules agree, and the atom of the second behind each of the first.
pub(super) type Match = (Agreement, Vec<Option<u32>>);

/// For every atom of `molecule` the atom of `geometry` with the same place in the molecule; `None` when they differ in
/// elements or bonds. Hydrogens that are atoms of either are compared as long as both have them.
pub(super) fn matched(
    molecule: &Molecule,
    geometry: &Molecule,
) -> Result<Option<Match>, PerceptionError> {
    let constitution = equal(molecule, geometry, WriteOptions::CONNECTIVITY);
    let Some(constitution) = constitution else {
        let skeletons = (Skeleton::of(molecule)?, Skeleton::of(geometry)?);
        return Ok(skeletons
            .0
            .matched(&skeletons.1)
            .map(|map| (Agreement::Connectivity, map)));
    };
    let (agreement, map) = if !states_more(molecule) {
        (Agreement::Full, constitution)
    } else if let Some(map) = equal(molecule, geometry, WriteOptions::ISOMERIC) {
        (Agreement::Full, map)
    } else {
        let silenced = silenced(molecule, geometry, &constitution)?;
        match equal(molecule, &silenced, WriteOptions::ISOMERIC) {
            Some(map) => (Agreement::Full, map),
            None => (Agreement::Constitution, constitution),
        }
    };
    Ok(Some((agreement, map.into_iter().map(Some).collect())))
}

/// Whether a molecule states isotopes or stereochemistry.
fn states_more(molecule: &Molecule) -> bool {
    molecule
        .atoms()
        .any(|atom| atom.isotope != 0 || atom.chiral_tag != ChiralTag::Unspecified)
        || molecule
            .bonds()
            .any(|bond| !matches!(bond.bond.stereo, BondStereo::None | BondStereo::Any))
}

/// The map by canonical rank, when the molecules are equal in what `options` name.
fn equal(a: &Molecule, b: &Molecule, options: WriteOptions) -> Option<Vec<u32>> {
    if (a.num_atoms(), a.num_bonds()) != (b.num_atoms(), b.num_bonds()) {
        return None;
    }
    let ranks = [a, b].map(|molecule| canonical_ranks_with(molecule, options));
    let texts = [(a, &ranks[0]), (b, &ranks[1])]
        .map(|(molecule, ranks)| write_in_order(molecule, ranks, options));
    if texts[0] != texts[1] {
        return None;
    }
    let map = by_rank(&ranks[0], &ranks[1]);
    let holds = a.bonds().all(|bond| {
        let (begin, end) = (map[bond.begin] as usize, map[bond.end] as usize);
        b.bonds_of(begin)
            .any(|other| other.other(begin) == end && other.bond.order == bond.bond.order)
    });
    holds.then_some(map)
}

fn by_rank(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut holder = vec![0; b.len()];
    for (atom, &rank) in b.iter().enumerate() {
        holder[rank as usize] = atom as u32;
    }
    a.iter().map(|&rank| holder[rank as usize]).collect()
}

/// The geometry's molecule without the stereochemistry and isotopes that the SMILES leaves open.
fn silenced(
    molecule: &Molecule,
    geometry: &Molecule,
    map: &[u32],
) -> Result<Molecule, PerceptionError> {
    let mut builder = MoleculeBuilder::from(geometry);
    for (atom, &image) in molecule.atoms().zip(map) {
        let spec = &mut builder.atoms_mut()[image as usize];
        if atom.isotope == 0 {
            spec.isotope = 0;
        }
        if atom.chiral_tag == ChiralTag::Unspecified {
            spec.chiral_tag = ChiralTag::Unspecified;
        }
    }
    let open: Vec<[usize; 2]> = molecule
        .bonds()
        .filter(|bond| matches!(bond.bond.stereo, BondStereo::None | BondStereo::Any))
        .map(|bond| [map[bond.begin] as usize, map[bond.end] as usize])
        .collect();
    for bond in builder.bonds_mut() {
        let is =
            |ends: &[usize; 2]| *ends == [bond.begin, bond.end] || *ends == [bond.end, bond.begin];
        bond.direction = BondDirection::None;
        if open.iter().any(is) {
            bond.stereo = BondStereo::None;
            bond.stereo_atoms = None;
        }
    }
    builder.finish(&Sanitize::RDKIT)
}

/// Heavy atoms and bonds, with nothing else known of them.
struct Skeleton {
    /// Dummies of any valence; the isotope tells the element.
    molecule: Molecule,
    /// Atom of the original behind each.
    origins: Vec<u32>,
    /// Atoms of the original.
    num_atoms: usize,
}

impl Skeleton {
    fn of(molecule: &Molecule) -> Result<Self, PerceptionError> {
        let mut builder = MoleculeBuilder::new();
        let mut places = vec![None; molecule.num_atoms()];
        let mut origins = Vec::new();
        for (index, atom) in molecule.atoms().enumerate() {
            if atom.atomic_number == 1 {
                continue;
            }
            places[index] = Some(builder.add_atom(AtomSpec {
                isotope: u16::from(atom.atomic_number),
                no_implicit: true,
                ..AtomSpec::new(0)
            }));
            origins.push(index as u32);
        }
        for bond in molecule.bonds() {
            if let (Some(begin), Some(end)) = (places[bond.begin], places[bond.end]) {
                builder.add_bond(BondSpec::new(begin, end, BondOrder::Single));
            }
        }
        Ok(Self {
            molecule: builder.finish(&Sanitize::KEEP_HYDROGENS)?,
            origins,
            num_atoms: molecule.num_atoms(),
        })
    }

    fn matched(&self, other: &Self) -> Option<Vec<Option<u32>>> {
        let map = equal(&self.molecule, &other.molecule, WriteOptions::ISOMERIC)?;
        let mut full = vec![None; self.num_atoms];
        for (&origin, &image) in self.origins.iter().zip(&map) {
            full[origin as usize] = Some(other.origins[image as usize]);
        }
        Some(full)
    }
}
