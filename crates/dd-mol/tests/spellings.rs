//! Molecules of every corpus in random orders: one canonical SMILES, read back as the same
//! molecule atom for atom.

mod order;
mod reference;

use std::io::BufRead;

use dd_mol::smiles::{self, WriteOptions};
use dd_mol::{BondOrder, BondStereo, ChiralTag, Molecule, canonical_ranks};
use order::shuffled;

/// File and column of the SMILES.
const CORPORA: [(&str, usize); 6] = [
    ("chembl_deepchem.smi.gz", 0),
    ("pubchem_100k_standardize.tsv.gz", 0),
    ("zinc_np_50k.smi.gz", 0),
    ("zinc250k_subset.smi.gz", 0),
    ("generated_ngram_30k.tsv.gz", 0),
    ("generated_hmm_30k.tsv.gz", 0),
];

fn is_odd(items: &[u32]) -> bool {
    let pairs = items.iter().enumerate();
    let inversions = pairs.map(|(i, a)| items[i + 1..].iter().filter(|b| a > b).count());
    inversions.sum::<usize>() % 2 == 1
}

/// Everything that is known of a molecule, by canonical rank: equal for two molecules
/// exactly when the ranks carry one into the other.
fn by_rank(molecule: &Molecule) -> (Vec<String>, Vec<String>) {
    let ranks = canonical_ranks(molecule);
    let mut neighbors = vec![Vec::new(); ranks.len()];
    for bond in molecule.bonds() {
        neighbors[bond.begin].push(ranks[bond.end]);
        neighbors[bond.end].push(ranks[bond.begin]);
    }
    let mut atoms = vec![String::new(); ranks.len()];
    for (index, atom) in molecule.atoms().enumerate() {
        let odd = is_odd(&neighbors[index]);
        // The number of a non-tetrahedral arrangement is compared by the SMILES itself.
        let tag = match atom.chiral_tag {
            ChiralTag::TetrahedralCw => format!("clockwise {}", !odd),
            ChiralTag::TetrahedralCcw => format!("clockwise {odd}"),
            ChiralTag::NonTetrahedral(class, _) => format!("{class:?}"),
            other => format!("{other:?}"),
        };
        // A metal keeps the hybridisation that a mark gave it after the mark is found to
        // be no stereocentre and removed; RDKit does the same.
        let hybridization = match atom.atomic_number {
            21..=30 | 39..=48 | 57..=80 => String::new(),
            _ => format!("{:?}", atom.hybridization),
        };
        atoms[ranks[index] as usize] = format!(
            "{} {} {} {} {} {} {} {hybridization} {tag} {}",
            atom.atomic_number,
            atom.isotope,
            atom.formal_charge,
            atom.explicit_hydrogens + atom.implicit_hydrogens,
            atom.radical_electrons,
            atom.atom_map,
            atom.is_aromatic,
            atom.in_ring,
        );
    }
    let bonds = molecule.bonds().map(|bond| {
        let (begin, end) = (ranks[bond.begin], ranks[bond.end]);
        let lowest = |atom: usize, other: u32| {
            let others = neighbors[atom].iter().filter(|&&rank| rank != other);
            others.min().copied()
        };
        let opposite = bond.bond.stereo_atoms.map(|[a, b]| {
            let trans = matches!(bond.bond.stereo, BondStereo::E | BondStereo::Trans);
            trans
                ^ (lowest(bond.begin, end) != Some(ranks[a as usize]))
                ^ (lowest(bond.end, begin) != Some(ranks[b as usize]))
        });
        let backwards = bond.bond.order == BondOrder::Dative && begin > end;
        let data = bond.bond;
        format!(
            "{} {} {:?} {backwards} {} {} {} {:?} {opposite:?}",
            begin.min(end),
            begin.max(end),
            data.order,
            data.is_aromatic,
            data.is_conjugated,
            data.in_ring,
            data.stereo,
        )
    });
    let mut bonds: Vec<String> = bonds.collect();
    bonds.sort_unstable();
    (atoms, bonds)
}

/// What goes wrong when a molecule is spelt in `orders` random orders.
fn faults(molecule: &Molecule, orders: u64, seed: u64) -> Vec<String> {
    let canonical = smiles::write(molecule);
    let expected = by_rank(molecule);
    let spellings = (0..orders).map(|order| {
        let ranks = shuffled(molecule.num_atoms(), seed.wrapping_mul(1000) + order);
        smiles::write_in_order(molecule, &ranks, WriteOptions::ISOMERIC)
    });
    let mut faults = Vec::new();
    for spelling in std::iter::once(canonical.clone()).chain(spellings) {
        match smiles::parse(&spelling) {
            Err(error) => faults.push(format!("{spelling}: {error}")),
            Ok(again) if smiles::write(&again) != canonical => {
                faults.push(format!("{spelling}: another canonical SMILES"));
            }
            Ok(again) if by_rank(&again) != expected => {
                faults.push(format!("{spelling}: another molecule"));
            }
            Ok(_) => {}
        }
    }
    faults
}

fn check(every: usize, orders: u64) {
    let mut molecules = 0;
    for (name, column) in CORPORA {
        let Some(path) = reference::path(&format!("data/smiles/{name}")) else {
            continue;
        };
        for (number, line) in reference::open(&path).lines().enumerate().step_by(every) {
            let line = line.expect("a line");
            let text = line.split('\t').nth(column).unwrap_or_default();
            let Ok(molecule) = smiles::parse(text) else {
                continue;
            };
            let faults = faults(&molecule, orders, number as u64);
            assert!(faults.is_empty(), "{name}: {text}\n{}", faults.join("\n"));
            molecules += 1;
        }
        assert!(molecules > 0, "{name} holds molecules");
    }
}

#[test]
fn a_sample_of_every_corpus_has_one_spelling() {
    check(120, 2);
}

#[test]
#[ignore = "minutes: every molecule of every corpus"]
fn every_corpus_has_one_spelling() {
    check(1, 4);
}

#[test]
fn hard_cases_have_one_spelling() {
    let cases = [
        // Equal by every local measure, yet not one orbit.
        "C1CCCCC1.C1CCCCCCCC1",
        "C1CCC2CCCCC2C1.C1CCCC1C1CCCC1",
        "C12C3C4C1C5C2C3C45",
        // Adamantane, fullerene C20, a tube, a Petersen graph.
        "C1C2CC3CC1CC(C2)C3",
        "C12=C3C4=C5C1=C1C6=C7C2=C2C8=C3C3=C4C4=C9C5=C1C1=C6C5=C7C2=C2C8=C3C4=C3C9=C1C5=C23",
        "c1ccc(P(c2ccccc2)c2ccccc2)cc1",
        "CC(C)(C)C(C(C)(C)C)(C(C)(C)C)C(C)(C)C",
        // Arrangements with equal ligands.
        "Cl[Pt@SP1](Cl)(N)N",
        "Cl[Pt@SP2](Cl)(N)N",
        "Cl[Co@OH1](Cl)(N)(N)(N)N",
        "Cl[Co@OH25](Cl)(N)(N)(N)N",
        "[Pt@SP1]1(OCCO1)(N)Cl",
        "Br[Fe@TB1](Br)(Cl)(Cl)Cl",
        "O[C@H]1[C@H](O)[C@@H](O)[C@H](O)[C@H](O)[C@@H]1O",
        "C[C@H]1CC[C@@H](C)CC1.C[C@H]1CC[C@H](C)CC1",
        "[P@H](C)CF",
        "F/C=C/C=C\\C=C/F",
    ];
    for text in cases {
        let molecule = smiles::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let faults = faults(&molecule, 40, 7);
        assert!(faults.is_empty(), "{text}\n{}", faults.join("\n"));
    }
    // Cis and trans are told apart.
    for (a, b) in [
        ("Cl[Pt@SP1](Cl)(N)N", "Cl[Pt@SP2](Cl)(N)N"),
        ("Cl[Co@OH1](Cl)(N)(N)(N)N", "Cl[Co@OH25](Cl)(N)(N)(N)N"),
    ] {
        let write = |text| smiles::write(&smiles::parse(text).expect("valid"));
        assert_ne!(write(a), write(b));
    }
}

#[test]
fn molecules_in_canonical_order_are_what_their_smiles_reads_as() {
    let Some(path) = reference::path("data/smiles/chembl_deepchem.smi.gz") else {
        return;
    };
    let mut molecules = 0;
    for line in reference::open(&path).lines().step_by(200) {
        let Ok(molecule) = smiles::parse(&line.expect("a line")) else {
            continue;
        };
        let (ordered, origin) = smiles::canonicalized(&molecule);
        let read = smiles::parse(&smiles::write(&molecule)).expect("a SMILES");
        let tags = |m: &Molecule| m.atoms().map(|atom| atom.chiral_tag).collect::<Vec<_>>();
        assert_eq!(tags(&ordered), tags(&read));
        let bonds = |m: &Molecule| -> Vec<_> {
            { m.bonds() }
                .map(|b| (b.begin, b.end, b.bond.clone()))
                .collect()
        };
        assert_eq!(bonds(&ordered), bonds(&read));
        for (new, &old) in origin.iter().enumerate() {
            let (a, b) = (ordered.atom(new), molecule.atom(old as usize));
            assert_eq!(a.atomic_number, b.atomic_number);
            assert_eq!(a.hybridization, b.hybridization);
        }
        molecules += 1;
    }
    assert!(molecules > 100);
}
