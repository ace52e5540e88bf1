//! Scaffolds group molecules as RDKit's do.

mod reference;

use std::collections::HashMap;
use std::io::BufRead;

use dd_mol::murcko_scaffold_smiles;
use dd_mol::smiles::{self, WriteOptions};

fn scaffold(text: &str, chirality: bool) -> String {
    let molecule = smiles::parse(text).unwrap_or_else(|error| panic!("{error}"));
    murcko_scaffold_smiles(&molecule, chirality).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn known_scaffolds() {
    // Ours, and RDKit's string for the same scaffold.
    let cases = [
        ("CCO", ""),
        ("Cc1ccccc1", "c1ccccc1"),
        ("Cc1cc(Oc2nccc(CCC)c2)ccc1", "c1ccc(Oc2ccccn2)cc1"),
        ("CC1CCC(=O)CC1", "O=C1CCCCC1"),
        ("CC(C)=C1CCCC1", "C=C1CCCC1"),
        ("C[N]=C1CCCC1", "N=C1CCCC1"),
        ("CC=[C]=C1CCCC1", "C=C1CCCC1"),
        ("C[C-]=C1CCCC1", "[C-]=C1CCCC1"),
        ("Cn1ccnc1", "c1c[nH]cn1"),
        ("C[n+]1ccccc1", "c1cc[nH+]cc1"),
        ("CC.OC1CC1CCC1CC1.[Na+]", "C1CC1CCC1CC1"),
        ("C[N+]1(C)CCCCC1", "C1CC[NH2+]CC1"),
        ("CS(=O)(=O)c1ccccc1", "c1ccccc1"),
        ("O=S(=O)(c1ccccc1)c1ccccc1", "O=S(=O)(c1ccccc1)c1ccccc1"),
        ("[13CH3]c1cc[13cH]cc1", "c1ccccc1"),
        ("C[15N]=C1CCC1", "N=C1CCC1"),
        ("C[13C](C)=C1CCC1", "C=C1CCC1"),
    ];
    for (text, expected) in cases {
        let expected = smiles::parse(expected).expect("a SMILES");
        assert_eq!(scaffold(text, false), smiles::write(&expected), "{text}");
    }
    // With isotopes an atom in brackets stays without hydrogens.
    let labelled = smiles::parse("[15N]=C1CCC1").expect("a SMILES");
    assert_eq!(scaffold("C[15N]=C1CCC1", true), smiles::write(&labelled));
}

#[test]
fn dative_bonds_link_rings_and_close_none() {
    // A complex and its scaffold.
    let cases = [
        // Chelate rings only.
        ("Cl[Co]12(Cl)([NH2]CC[NH2]1)[NH2]CC[NH2]2", ""),
        ("Cl[Pt]1(Cl)[NH2]C2CCCCC2[NH2]1", "C1CCCCC1"),
        // Two bridges of chlorine: one is on a shortest route.
        (
            "Cl[Co]1([Cl][Co](Cl)([Cl]1)[n+]1ccccc1)[n+]1ccccc1",
            "c1cc[n+]([Co][Cl]->[Co][n+]2ccccc2)cc1",
        ),
        // The metal is a detour, and it is the only way.
        (
            "Cl[Pd]1(Cl)[NH2]c2ccccc2-c2ccccc2[NH2]1",
            "c1ccc(-c2ccccc2)cc1",
        ),
        (
            "Cl[Pd](Cl)(<-[NH2]c1ccccc1)<-[NH2]c1ccccc1",
            "[Pd](<-[NH2]c1ccccc1)<-[NH2]c1ccccc1",
        ),
    ];
    for (text, expected) in cases {
        let expected = smiles::parse(expected).expect("a SMILES");
        let expected = smiles::write(&expected);
        assert_eq!(scaffold(text, false), expected, "{text}");
        let molecule = smiles::parse(text).expect("a SMILES");
        let mut ranks: Vec<u32> = (0..molecule.num_atoms() as u32).collect();
        for turn in 0..ranks.len() {
            ranks.rotate_left(1);
            ranks.swap(0, turn);
            let spelling = smiles::write_in_order(&molecule, &ranks, WriteOptions::ISOMERIC);
            assert_eq!(scaffold(&spelling, false), expected, "{spelling}");
        }
    }
}

#[test]
fn chirality_stays_where_all_neighbours_stay() {
    let left = "C1CC[C@H]2CCCC[C@@H]2C1";
    let right = "C1CC[C@H]2CCCC[C@H]2C1";
    assert_ne!(scaffold(left, true), scaffold(right, true));
    assert_eq!(scaffold(left, false), scaffold(right, false));
    // The substituent that makes the centre is gone.
    assert_eq!(
        scaffold("C[C@H]1CCCO1", true),
        scaffold("C[C@@H]1CCCO1", true)
    );
}

/// Pairs of our and the reference's scaffold must be one to one.
struct Groups {
    theirs: HashMap<String, String>,
    ours: HashMap<String, String>,
    split: Vec<String>,
}

impl Groups {
    fn new() -> Self {
        Self {
            theirs: HashMap::new(),
            ours: HashMap::new(),
            split: Vec::new(),
        }
    }

    fn add(&mut self, molecule: &str, ours: &str, theirs: &str) {
        let a = self
            .theirs
            .entry(theirs.to_owned())
            .or_insert_with(|| ours.to_owned());
        let b = self
            .ours
            .entry(ours.to_owned())
            .or_insert_with(|| theirs.to_owned());
        if a != ours || b != theirs {
            self.split.push(format!("{molecule}: {ours} {theirs}"));
        }
    }
}

#[test]
fn groups_equal_the_reference() {
    let Some(path) = reference::path("golden/features/features.jsonl.gz") else {
        return;
    };
    let (mut plain, mut chiral) = (Groups::new(), Groups::new());
    let mut molecules = 0;
    for line in reference::open(&path).lines() {
        let row: serde_json::Value =
            serde_json::from_str(&line.expect("a line")).expect("an object");
        let text = row["smiles"].as_str().expect("a SMILES");
        for (key, groups) in [("murcko", &mut plain), ("murcko_chiral", &mut chiral)] {
            if let Some(expected) = row[key].as_str() {
                groups.add(text, &scaffold(text, key == "murcko_chiral"), expected);
            }
        }
        molecules += 1;
    }
    assert!(molecules > 2000);
    assert!(plain.split.is_empty(), "{:#?}", plain.split);
    // RDKit forgets the geometry of a double bond when the neighbour that carries the
    // slash is cut off (one molecule here); the geometry itself is not lost with it.
    assert!(chiral.split.len() <= 1, "{:#?}", chiral.split);
}

#[test]
fn stereo_groups_follow_their_centres_into_the_scaffold() {
    let drawn = smiles::parse("C[C@H](F)N1CCCC[C@@H]1c1ccccc1").expect("valid");
    let mut builder = dd_mol::MoleculeBuilder::from(&drawn);
    let group = |atoms: &[u32]| dd_mol::StereoGroup {
        kind: dd_mol::StereoGroupKind::And,
        number: 1,
        atoms: atoms.to_vec(),
    };
    builder.add_stereo_group(group(&[1, 8]));
    let molecule = builder.finish(&dd_mol::Sanitize::RDKIT).expect("valid");
    assert_eq!(molecule.stereo_groups(), [group(&[1, 8])]);
    // The side chain with atom 1 is cut away; atom 8 is the scaffold's sixth.
    let scaffold = dd_mol::murcko_scaffold(&molecule).expect("a scaffold");
    assert_eq!(scaffold.stereo_groups(), [group(&[5])]);
}
