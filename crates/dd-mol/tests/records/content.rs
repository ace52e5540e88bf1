//! What records say beyond atoms and bonds: data fields, property lines, hydrogens, wedges and coordinates.

use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::sdf::SdfReader;
use dd_mol::{BondOrder, BondStereo, ChiralTag, smiles};

use crate::ETHANOL;

#[test]
fn data_fields_keep_their_lines() {
    let fields =
        "> <one>\na\nb\n\n>  <t w o> (3)\n\n> <three>\nx\n\nafter a blank\n\n> DT12\n7\n\n";
    for text in [
        format!("{ETHANOL}{fields}$$$$\n"),
        format!("{ETHANOL}{fields}$$$$\n").replace('\n', "\r\n"),
    ] {
        let results: Vec<_> =
            SdfReader::new(text.as_bytes(), MolfileOptions::KEEP_HYDROGENS).collect();
        let molecule = results[0].as_ref().expect("a good record");
        let expected = [
            ("one", "a\nb"),
            ("t w o", ""),
            ("three", "x\n\nafter a blank"),
            ("DT12", "7"),
        ];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(molecule.properties(), expected);
        assert_eq!((molecule.name(), molecule.num_atoms()), ("ethanol", 3));
    }
}

#[test]
fn property_lines_override_the_atom_block() {
    let atoms = ETHANOL.replace(" O   0  0", " O   0  5");
    let molecule = molfile::parse(&atoms).expect("a charge code");
    assert_eq!(molecule.atom(2).formal_charge, -1);
    let stated = atoms.replace("M  END", "M  CHG  1   1  -1\nM  ISO  1   1  13\nM  END");
    let molecule = molfile::parse(&stated).expect("charges");
    let charges: Vec<i8> = molecule.atoms().map(|atom| atom.formal_charge).collect();
    assert_eq!(charges, [-1, 0, 0]);
    assert_eq!(molecule.atom(0).isotope, 13);
    let lighter = ETHANOL.replace(" C   0  0", " C   1  0");
    assert_eq!(
        molfile::parse(&lighter)
            .expect("an isotope")
            .atom(0)
            .isotope,
        13
    );
    let radical = ETHANOL.replace("M  END", "M  RAD  1   3   2\nM  END");
    let molecule = molfile::parse(&radical).expect("a radical");
    assert_eq!(molecule.atom(2).radical_electrons, 1);
    assert_eq!(molecule.atom(2).implicit_hydrogens, 0);
    let dative = ETHANOL.replace("  2  3  1  0", "  2  3  9  0");
    let orders: Vec<BondOrder> = molfile::parse(&dative)
        .map(|m| m.bonds().map(|bond| bond.bond.order).collect())
        .expect("a dative bond");
    assert_eq!(orders, [BondOrder::Single, BondOrder::Dative]);
}

#[test]
fn merged_hydrogens_take_their_positions_along() {
    let water = "w\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n\
        \x20   0.9500    0.0000    0.3000 H   0  0\n    0.0000    0.1000    0.0000 O   0  0\n\
        \x20  -0.3000    0.9000    0.0000 H   0  0\n  1  2  1  0\n  2  3  1  0\nM  END\n";
    let kept = molfile::parse_with(water, &MolfileOptions::KEEP_HYDROGENS).expect("water");
    assert_eq!((kept.num_atoms(), kept.conformers()[0].is_3d), (3, true));
    let merged = molfile::parse(water).expect("water");
    assert_eq!(merged.conformers()[0].positions, [[0.0, 0.1, 0.0]]);
    assert_eq!(merged.total_hydrogens(0), 2);
}

#[test]
fn wedges_and_space_agree_on_chirality() {
    // The same hand in a drawing and in space, and its mirror image.
    let drawn = |code: u8| {
        format!(
            "\n\n\n  4  3  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n\
             \x20   1.0000    0.0000    0.0000 F   0  0\n   -0.5000    0.8600    0.0000 Cl  0  0\n\
             \x20  -0.5000   -0.8600    0.0000 Br  0  0\n  1  2  1  {code}\n  1  3  1  0\n  1  4  1  0\nM  END\n"
        )
    };
    let up = molfile::parse(&drawn(1)).expect("a wedge");
    let down = molfile::parse(&drawn(6)).expect("a hash");
    let lifted = drawn(0).replace(
        "1.0000    0.0000    0.0000 F",
        "1.0000    0.0000    0.8000 F",
    );
    let space = molfile::parse(&lifted).expect("coordinates in space");
    assert!(space.conformers()[0].is_3d && !up.conformers()[0].is_3d);
    assert_ne!(up.atom(0).chiral_tag, ChiralTag::Unspecified);
    assert_eq!(up.atom(0).chiral_tag, space.atom(0).chiral_tag);
    assert_ne!(up.atom(0).chiral_tag, down.atom(0).chiral_tag);
    let plain = molfile::parse(&drawn(0)).expect("no wedge");
    assert_eq!(plain.atom(0).chiral_tag, ChiralTag::Unspecified);
    let wavy = molfile::parse(&drawn(4)).expect("a wavy bond");
    assert_eq!(wavy.atom(0).chiral_tag, ChiralTag::Unspecified);
    // What is written is read again.
    for molecule in [&up, &down, &space] {
        let text = molfile::write(molecule).expect("a conformer");
        let again = molfile::parse(&text).expect("own output");
        assert_eq!(smiles::write(&again), smiles::write(molecule));
    }
    let flat = smiles::parse("F[C@](Cl)(Br)I").expect("chiral");
    assert_eq!(molfile::write(&flat), Err(molfile::WriteError::NoConformer));
}

#[test]
fn drawings_tell_cis_from_trans() {
    let butene = |y: &str, code: u8| {
        format!(
            "\n\n\n  4  3  0  0  0  0  0  0  0  0999 V2000\n   -1.0000    0.8000    0.0000 C   0  0\n\
             \x20   0.0000    0.0000    0.0000 C   0  0\n    1.3000    0.0000    0.0000 C   0  0\n\
             \x20   2.3000   {y}    0.0000 C   0  0\n  1  2  1  0\n  2  3  2  {code}\n  3  4  1  0\nM  END\n"
        )
    };
    let stereo = |block: String| {
        let molecule = molfile::parse(&block).expect("butene");
        molecule.bonds().nth(1).map(|bond| bond.bond.stereo)
    };
    assert_eq!(stereo(butene(" 0.8000", 0)), Some(BondStereo::Z));
    assert_eq!(stereo(butene("-0.8000", 0)), Some(BondStereo::E));
    assert_eq!(stereo(butene("-0.8000", 3)), Some(BondStereo::Any));
    assert_eq!(stereo(butene(" 0.0000", 0)), Some(BondStereo::Any));
}

#[test]
fn large_molecules_are_written_as_v3000() {
    let mut builder = dd_mol::MoleculeBuilder::new();
    for index in 0..1200 {
        builder.add_atom(dd_mol::AtomSpec::new(6));
        if index > 0 {
            builder.add_bond(dd_mol::BondSpec::new(index - 1, index, BondOrder::Single));
        }
    }
    let chain = builder.finish(&dd_mol::Sanitize::RDKIT).expect("a chain");
    let text = molfile::write(&chain).expect("a flat chain");
    assert!(text.contains("V3000"));
    let again = molfile::parse(&text).expect("own output");
    assert_eq!(smiles::write(&again), "C".repeat(1200));
}

#[test]
fn charged_dummies_keep_their_charge() {
    for text in ["[*-]", "[*+]C", "[3*+]C", "*C"] {
        let molecule = smiles::parse(text).expect("valid");
        let block = molfile::write_as(&molecule, molfile::Version::V3000).expect("writable");
        // RDKit reads the charge of `R` and `R#`, not that of `*`.
        assert!(!block.contains(" * "), "{block}");
        let again = molfile::parse(&block).expect("own output");
        assert_eq!(smiles::write(&again), smiles::write(&molecule));
    }
}

/// Atoms and bonds of a V2000 block, in the plane.
fn block(atoms: &[(&str, [f64; 2])], bonds: &[[usize; 3]]) -> String {
    let mut text = format!(
        "\n\n\n{:3}{:3}  0  0  0  0  0  0  0  0999 V2000\n",
        atoms.len(),
        bonds.len()
    );
    for (symbol, [x, y]) in atoms {
        text += &format!("{x:10.4}{y:10.4}    0.0000 {symbol:3} 0  0\n");
    }
    for [begin, end, order] in bonds {
        text += &format!("{begin:3}{end:3}{order:3}  0\n");
    }
    text + "M  END\n"
}

#[test]
fn a_dummy_in_a_ring_of_aromatic_bonds_is_read_wherever_it_stands() {
    for dummy in 0..6 {
        let angle = |i: usize| std::f64::consts::FRAC_PI_3 * i as f64;
        let place = |i: usize| [1.5 * angle(i).cos(), 1.5 * angle(i).sin()];
        let symbol = |i: usize| if i == dummy { "R" } else { "C" };
        let atoms: Vec<_> = (0..6).map(|i| (symbol(i), place(i))).collect();
        let bonds: Vec<_> = (0..6).map(|i| [i + 1, (i + 1) % 6 + 1, 4]).collect();
        let molecule = molfile::parse(&block(&atoms, &bonds)).expect("readable");
        assert_eq!(smiles::write(&molecule), "[*]1ccccc1");
    }
}

#[test]
fn a_dative_bond_closes_no_ring() {
    // A chelate's ring: closed by a dative bond alone it leaves both double bonds their geometry, by a single bond neither.
    let atoms = [
        ("C", [3.3, 0.0]),
        ("C", [1.8, 0.0]),
        ("C", [1.05, 1.299]),
        ("C", [-0.45, 1.299]),
        ("C", [-1.2, 2.598]),
        ("N", [-1.2, 0.0]),
        ("C", [-2.7, 0.0]),
        ("Cu", [-0.45, -1.299]),
        ("Cl", [-1.2, -2.598]),
        ("O", [1.05, -1.299]),
    ];
    let bonds = |order: usize| {
        [
            [1, 2, 1],
            [2, 3, 2],
            [3, 4, 1],
            [4, 5, 1],
            [4, 6, 2],
            [6, 7, 1],
            [6, 8, order],
            [8, 9, 1],
            [8, 10, 1],
            [10, 2, 1],
        ]
    };
    let stereo = |order: usize| {
        let molecule = molfile::parse(&block(&atoms, &bonds(order))).expect("readable");
        let bonds = molecule.bonds().map(|bond| bond.bond.stereo);
        bonds.filter(|stereo| *stereo != BondStereo::None).count()
    };
    assert_eq!((stereo(9), stereo(1)), (2, 0));
}
