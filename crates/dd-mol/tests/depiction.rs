//! Drawings are readable, and say of stereochemistry what the molecule says.

mod reference;

use std::io::BufRead;

use dd_mol::depict::{self, SvgOptions};
use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::{BondStereo, Molecule, MoleculeBuilder, Sanitize, smiles};

const BUILT_IN: &[&str] = &[
    "CC(=O)Oc1ccccc1C(=O)O",
    "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "C[C@]12CC[C@H]3[C@H]([C@@H]1CC[C@@H]2O)CCC4=CC(=O)CC[C@]34C",
    "C12C3C4C1C5C2C3C45",
    "C1C2CC3CC1CC(C2)C3",
    "CN1[C@H]2CC[C@@H]1[C@H]([C@H](C2)OC(=O)c3ccccc3)C(=O)OC",
    "c1cc2cc3ccc(cc4ccc(cc5ccc(cc1n2)[nH]5)n4)[nH]3",
    "C/C=C/C=C\\C",
    "C/C1=C/CCCCC/C=C\\CCC1",
    "O=C1O[C@H](C)C/C=C/C=C/C(=O)C[C@@H](O)C1",
    "[Na+].[Cl-].CCO",
    "C1CCC2(CC1)OCCO2",
    "F[C@](Cl)(Br)I",
    "C[S@](=O)c1ccccc1",
    "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "C[C@H](N)C(=O)N[C@@H](CO)C(=O)O",
    "c1ccc2c(c1)ccc1c2ccc2ccccc21",
    "C1CC2CCC1C2",
];

/// Lines of a corpus: `count` of them, evenly spread.
fn sample(below: &str, count: usize) -> Vec<String> {
    let Some(path) = reference::path(below) else {
        return Vec::new();
    };
    let lines = reference::open(&path).lines().map_while(Result::ok);
    let all: Vec<String> = lines.collect();
    let step = (all.len() / count).max(1);
    all.into_iter().skip(step / 2).step_by(step).collect()
}

fn molecules() -> Vec<Molecule> {
    let sampled = ["chembl_deepchem", "zinc_np_50k", "zinc250k_subset"]
        .iter()
        .flat_map(|name| sample(&format!("data/smiles/{name}.smi.gz"), 250));
    BUILT_IN
        .iter()
        .map(|text| (*text).to_owned())
        .chain(sampled)
        .filter_map(|line| smiles::parse(line.split_whitespace().next()?).ok())
        .collect()
}

fn cross([ax, ay]: [f64; 2], [bx, by]: [f64; 2], [cx, cy]: [f64; 2]) -> f64 {
    (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
}

/// No two atoms within half a bond length, no two bonds across each other.
fn is_readable(molecule: &Molecule, at: &[[f64; 2]]) -> bool {
    let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) <= 0.5;
    let apart = (0..at.len()).all(|a| (0..a).all(|b| !near(at[a], at[b])));
    let bonds: Vec<[usize; 2]> = molecule
        .bonds()
        .map(|bond| [bond.begin, bond.end])
        .collect();
    let crossing = |p: [usize; 2], q: [usize; 2]| {
        let [a, b, c, d] = [at[p[0]], at[p[1]], at[q[0]], at[q[1]]];
        let touching = p.iter().any(|atom| q.contains(atom));
        !touching
            && cross(a, b, c) * cross(a, b, d) < -1e-9
            && cross(c, d, a) * cross(c, d, b) < -1e-9
    };
    apart && (0..bonds.len()).all(|i| (0..i).all(|j| !crossing(bonds[i], bonds[j])))
}

#[test]
fn drawings_are_readable_and_show_double_bond_geometry() {
    let molecules = molecules();
    let mut unreadable = 0;
    for molecule in &molecules {
        let at = depict::coordinates(molecule).unwrap_or_else(|error| panic!("{error}"));
        assert!(at.iter().flatten().all(|x| x.is_finite()), "{molecule}");
        unreadable += usize::from(!is_readable(molecule, &at));
        for bond in molecule.bonds() {
            let same_side = match bond.bond.stereo {
                BondStereo::Z | BondStereo::Cis => true,
                BondStereo::E | BondStereo::Trans => false,
                _ => continue,
            };
            let Some([x, y]) = bond.bond.stereo_atoms else {
                continue;
            };
            let side = |atom: u32| cross(at[bond.begin], at[bond.end], at[atom as usize]);
            assert!(side(x).abs() > 0.1 && side(y).abs() > 0.1, "{molecule}");
            assert_eq!(side(x) * side(y) > 0.0, same_side, "{molecule}");
        }
    }
    assert!(
        unreadable * 50 <= molecules.len(),
        "{unreadable} of {}",
        molecules.len()
    );
}

#[test]
fn wedges_read_back_as_the_same_chirality() {
    let mut centres = 0;
    for molecule in molecules() {
        let conformer = depict::conformer(&molecule).unwrap_or_else(|error| panic!("{error}"));
        let mut builder = MoleculeBuilder::from(&molecule);
        builder.add_conformer(conformer);
        let drawn = builder
            .finish(&Sanitize::KEEP_HYDROGENS)
            .unwrap_or_else(|e| panic!("{e}"));
        let block = molfile::write(&drawn).unwrap_or_else(|error| panic!("{molecule}: {error}"));
        let read = molfile::parse_with(&block, &MolfileOptions::KEEP_HYDROGENS)
            .unwrap_or_else(|error| panic!("{molecule}: {error}"));
        for (atom, (old, new)) in molecule.atoms().zip(read.atoms()).enumerate() {
            centres += usize::from(old.chiral_tag != dd_mol::ChiralTag::Unspecified);
            let lost = old.chiral_tag != dd_mol::ChiralTag::Unspecified
                && new.chiral_tag != old.chiral_tag;
            assert!(!lost, "{molecule}: atom {atom}\n{block}");
        }
    }
    assert!(centres >= 20, "{centres} centres");
}

#[test]
fn pictures_are_complete_and_escaped() {
    let molecule = smiles::parse("C[C@H](N)C(=O)[O-] <a & b>").expect("valid SMILES");
    let options = SvgOptions {
        indices: true,
        values: Some(vec![-1.0, 0.0, 0.5, 0.0, 1.0, 0.25]),
        caption: "5 < 6".into(),
        ..SvgOptions::default()
    };
    let svg = depict::svg(&molecule, &options).expect("values fit");
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(count("<circle"), molecule.num_atoms());
    // Three plain bonds with one line, the double bond with two; one wedge, full or a stack of lines.
    let lines = count("<line");
    match count("<polygon") {
        0 => assert!(lines > 3 + 2 + 1, "{svg}"),
        wedges => assert_eq!((wedges, lines), (1, 3 + 2), "{svg}"),
    }
    for index in 0..6 {
        assert!(svg.contains(&format!(">{index}</text>")), "{svg}");
    }
    assert!(svg.contains("<title>&lt;a &amp; b&gt;</title>"));
    assert!(svg.contains("5 &lt; 6") && svg.contains("<desc>C3H6NO2-, "));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let ethanol = smiles::parse("CCO").expect("valid SMILES");
    let with = |values: Vec<f64>| SvgOptions {
        values: Some(values),
        ..SvgOptions::default()
    };
    let fault = depict::svg(&ethanol, &with(vec![1.0])).expect_err("one value");
    assert_eq!(fault.to_string(), "1 values for 3 atoms");
    let fault = depict::svg(&ethanol, &with(vec![0.0, f64::NAN, 0.0])).expect_err("not a number");
    assert_eq!(fault.to_string(), "the value of atom 1 is not finite");
    let long = smiles::parse(&"C".repeat(depict::MAX_ATOMS + 1)).expect("valid SMILES");
    assert!(depict::coordinates(&long).is_err());
    let nothing = smiles::parse("").expect("no atoms");
    assert!(depict::svg(&nothing, &SvgOptions::default()).is_ok());
}

#[test]
fn large_molecules_are_drawn() {
    for text in [
        "C".repeat(depict::MAX_ATOMS),
        "C(C)".repeat(1000),
        "c1ccccc1-".repeat(300) + "C",
        "[Na+].".repeat(999) + "[Cl-]",
    ] {
        let molecule = smiles::parse(&text).expect("valid SMILES");
        let at = depict::coordinates(&molecule).expect("within the limit");
        assert!(at.iter().flatten().all(|x| x.is_finite()));
    }
}

fn document(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
    std::fs::read_to_string(format!("{root}{path}"))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_picture_of_the_document_is_what_is_drawn() {
    let line = "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O penicillin G";
    let molecule = smiles::parse(line).expect("valid SMILES");
    let svg = depict::svg(&molecule, &SvgOptions::default()).expect("small");
    assert!(document("CHEMISTRY.md").contains("images/penicillin.svg"));
    assert!(svg == document("images/penicillin.svg"), "{svg}");
}
