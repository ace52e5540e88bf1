//! Which double bonds of a drawn ring have a geometry: those whose smallest ring has more than seven atoms. And rows of
//! double bonds, of which no SMILES tells everything, in RDKit neither.

use std::fmt::Write;

use dd_mol::{BondStereo, Molecule, molfile, smiles};

/// A regular polygon of carbon with a double bond between its first two atoms, and maybe one more bond.
fn polygon(size: usize, chord: Option<[usize; 2]>) -> String {
    let bonds = size + usize::from(chord.is_some());
    let mut block = format!("\n\n\n{size:3}{bonds:3}  0  0  0  0  0  0  0  0999 V2000\n");
    let mut line = |text: String| writeln!(block, "{text}").expect("a string");
    let radius = 0.75 / (std::f64::consts::PI / size as f64).sin();
    for atom in 0..size {
        let angle = std::f64::consts::TAU * atom as f64 / size as f64;
        let (x, y) = (radius * angle.cos(), radius * angle.sin());
        line(format!("{x:10.4}{y:10.4}    0.0000 C   0  0"));
    }
    for atom in 0..size {
        let order = if atom == 0 { 2 } else { 1 };
        line(format!(
            "{:3}{:3}{order:3}  0",
            atom + 1,
            (atom + 1) % size + 1
        ));
    }
    if let Some([from, to]) = chord {
        line(format!("{:3}{:3}  1  0", from + 1, to + 1));
    }
    block + "M  END\n"
}

fn has_geometry(block: &str) -> bool {
    let molecule = molfile::parse(block).expect("a hydrocarbon");
    let stereo = molecule
        .bonds()
        .next()
        .expect("the double bond")
        .bond
        .stereo;
    assert!(
        matches!(stereo, BondStereo::None | BondStereo::Z | BondStereo::Cis),
        "{stereo:?}"
    );
    stereo != BondStereo::None
}

#[test]
fn rings_of_up_to_seven_atoms_are_rigid() {
    for size in 3..=14 {
        assert_eq!(has_geometry(&polygon(size, None)), size > 7, "{size}");
    }
}

#[test]
fn a_chord_makes_the_ring_smaller() {
    let size = 14;
    for from in 2..size {
        for to in from + 2..size {
            // The ring of the double bond goes along the chord.
            let ring = size - (to - from) + 1;
            let found = has_geometry(&polygon(size, Some([from, to])));
            assert_eq!(found, ring > 7, "{from} {to}");
        }
    }
}

fn geometries(molecule: &Molecule) -> usize {
    let stated = |bond: &dd_mol::BondRef<'_>| bond.bond.stereo != BondStereo::None;
    molecule.bonds().filter(stated).count()
}

#[test]
fn a_geometry_that_no_slash_can_state_is_not_written() {
    // The row's inner end has no single bond.
    let molecule = smiles::parse(r"C/1=C/C/C=C\C=C\C=1").expect("RDKit reads it");
    assert_eq!(geometries(&molecule), 3);
    let canonical = smiles::write(&molecule);
    assert_eq!(canonical.matches(['/', '\\']).count(), 3, "{canonical}");
    let again = smiles::parse(&canonical).expect("own output");
    assert_eq!(geometries(&again), 2);
    assert_eq!(smiles::write(&again), canonical);
}

#[test]
fn aromatic_rings_with_odd_bonds_have_no_kekule_form_of_their_own() {
    let molecule = smiles::parse("c=12cccc=c1cccc2").expect("RDKit reads it");
    let aromatic = molecule.atoms().filter(|atom| atom.is_aromatic).count();
    assert_eq!((molecule.num_atoms(), aromatic), (10, 6));
    assert!(smiles::parse(&smiles::write(&molecule)).is_err());
    let unknown = smiles::parse("[nH]1cn~n-1").expect("RDKit reads it");
    assert!(smiles::parse(&smiles::write(&unknown)).is_err());
}

/// A drawing of carbon in zigzag with the given bonds: begin, end, order, stereo code.
fn drawing(atoms: usize, bonds: &[[usize; 4]]) -> Molecule {
    let count = bonds.len();
    let mut block = format!("\n\n\n{atoms:3}{count:3}  0  0  0  0  0  0  0  0999 V2000\n");
    let mut line = |text: String| writeln!(block, "{text}").expect("a string");
    for atom in 0..atoms {
        let (x, y) = (1.3 * atom as f64, 0.75 * (atom % 2) as f64);
        line(format!("{x:10.4}{y:10.4}    0.0000 C   0  0"));
    }
    for [begin, end, order, stereo] in bonds {
        line(format!("{begin:3}{end:3}{order:3}{stereo:3}"));
    }
    molfile::parse(&(block + "M  END\n")).expect("a hydrocarbon")
}

/// The bonds of unknown geometry.
fn unknown(molecule: &Molecule) -> Vec<usize> {
    let any = |bond: &dd_mol::BondRef<'_>| bond.bond.stereo == BondStereo::Any;
    molecule
        .bonds()
        .filter(any)
        .map(|bond| bond.index)
        .collect()
}

#[test]
fn a_crossed_bond_to_a_terminal_atom_has_no_geometry() {
    assert_eq!(unknown(&drawing(2, &[[1, 2, 2, 3]])), []);
    assert_eq!(unknown(&drawing(3, &[[1, 2, 1, 0], [2, 3, 2, 3]])), []);
    assert_eq!(unknown(&drawing(3, &[[1, 2, 2, 3], [2, 3, 1, 0]])), []);
    let inner = [[1, 2, 1, 0], [2, 3, 2, 3], [3, 4, 1, 0]];
    assert_eq!(unknown(&drawing(4, &inner)), [1]);
    let cumulene = [[1, 2, 1, 0], [2, 3, 2, 3], [3, 4, 2, 0], [4, 5, 1, 0]];
    assert_eq!(unknown(&drawing(5, &cumulene)), [1]);
}

#[test]
fn a_wavy_bond_at_the_begin_atom_says_enough_beside_a_cumulene() {
    for (begin, end, expected) in [(2, 3, vec![1]), (3, 2, vec![])] {
        let allene = [[1, 2, 1, 4], [begin, end, 2, 0], [3, 4, 2, 0], [4, 5, 1, 0]];
        assert_eq!(unknown(&drawing(5, &allene)), expected);
    }
    let far = [[1, 2, 1, 0], [2, 3, 2, 0], [4, 3, 2, 0], [4, 5, 1, 4]];
    assert_eq!(unknown(&drawing(5, &far)), [2]);
    let plain = [[1, 2, 1, 0], [2, 3, 2, 0], [3, 4, 1, 4]];
    assert_eq!(unknown(&drawing(4, &plain)), [1]);
    let terminal = [[1, 2, 1, 4], [2, 3, 2, 0]];
    assert_eq!(unknown(&drawing(3, &terminal)), []);
}
