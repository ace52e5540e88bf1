//! Any text is read as SMILES: an answer in bounded memory, faults that point into the
//! text, and canonical SMILES that are fixed points.
#![no_main]

use dd_mol::smiles::{self, ParseOptions};
use dd_mol::{Molecule, Sanitize, kekule_orders, murcko_scaffold_smiles};
use libfuzzer_sys::fuzz_target;

/// Bytes that reading may take, whatever the text, and for each of its bytes.
const ROOM: [usize; 2] = [8 << 20, 16 << 10];

fuzz_target!(init: dd_fuzz::prepare(), |text: &str| {
    let room = ROOM[0] + ROOM[1] * text.len();
    dd_fuzz::limit(room);
    for sanitize in [Sanitize::RDKIT, Sanitize::KEEP_HYDROGENS] {
        let options = ParseOptions {
            sanitize,
            ..ParseOptions::RDKIT
        };
        match smiles::parse_with(text, &options) {
            Ok(molecule) => accepted(&molecule, &options),
            Err(error) => {
                assert!(error.span.start <= error.span.end);
                assert!(text.get(error.span.clone()).is_some(), "{:?}", error.span);
                assert!(error.to_string().contains('^'));
            }
        }
    }
});

/// What holds for every molecule that was read.
fn accepted(molecule: &Molecule, options: &ParseOptions) {
    let canonical = smiles::write(molecule);
    let again = smiles::parse_with(&canonical, options);
    if says_all(molecule) {
        let again = match again {
            // What has no Kekulé form as a molecule has none as a text, in RDKit neither:
            // reading gave the electrons of `b1=CC=CC=C1` by the Kekulé form it came in.
            Err(error) if error.kind.name() == "kekulize" && kekule_orders(molecule).is_err() => {
                return;
            }
            again => again.unwrap_or_else(|error| panic!("wrote what cannot be read: {error}")),
        };
        assert_eq!(again.num_atoms(), molecule.num_atoms(), "{canonical}");
        assert_eq!(again.num_bonds(), molecule.num_bonds(), "{canonical}");
        assert_eq!(again.formula(), molecule.formula(), "{canonical}");
        assert_eq!(again.ring_sizes(), molecule.ring_sizes(), "{canonical}");
        assert_eq!(smiles::write(&again), canonical);
    }
    // A pyridine cut off a metal has no Kekulé form, in RDKit neither.
    if let Ok(scaffold) = murcko_scaffold_smiles(molecule, true) {
        let _ = smiles::parse_with(&scaffold, options);
    }
}

/// Whether a SMILES tells everything of the molecule. As RDKit, we read other bonds from
/// our own text where dummies stand in rings, where aromatic systems are partly in rings
/// too large to be aromatic, where aromatic bonds are left outside rings and where a bond
/// `~` stands between aromatic atoms; find no Kekulé form where an aromatic ring begins a
/// row of double bonds, and no geometry within a row; merge hydrogens that were kept for
/// a slash which meant nothing; and choose dative bonds by the order of the atoms.
fn says_all(molecule: &Molecule) -> bool {
    let plain = |atom: &dd_mol::Atom| {
        use dd_mol::ChiralTag::{TetrahedralCcw, TetrahedralCw, Unspecified};
        atom.atomic_number > 1
            && matches!(
                atom.chiral_tag,
                Unspecified | TetrahedralCw | TetrahedralCcw
            )
    };
    let mut doubles = vec![0; molecule.num_atoms()];
    for bond in molecule.bonds() {
        if bond.bond.order == dd_mol::BondOrder::Double {
            doubles[bond.begin] += 1;
            doubles[bond.end] += 1;
        }
    }
    let odd = |bond: dd_mol::BondRef| match bond.bond.order {
        dd_mol::BondOrder::Dative => true,
        dd_mol::BondOrder::Aromatic => !bond.bond.in_ring,
        dd_mol::BondOrder::Unspecified => {
            molecule.atom(bond.begin).is_aromatic || molecule.atom(bond.end).is_aromatic
        }
        dd_mol::BondOrder::Double => {
            let ends = [bond.begin, bond.end];
            let aromatic = |&end: &usize| molecule.atom(end).is_aromatic;
            let stated = bond.bond.stereo != dd_mol::BondStereo::None;
            let in_row = ends.iter().any(|&end| doubles[end] > 1);
            in_row && (stated || ends.iter().any(aromatic))
        }
        _ => false,
    };
    let small =
        molecule.num_atoms() <= 200 && molecule.ring_sizes().last().is_none_or(|size| *size <= 24);
    small && molecule.atoms().all(plain) && !molecule.bonds().any(odd)
}
