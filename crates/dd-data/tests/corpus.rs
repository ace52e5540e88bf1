//! Corpora of conformers: what is kept, what is left out, and that nothing changes on the way to the file.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::sync::Arc;

use dd_data::{
    Columns, Corpus, CorpusConfig, Dataset, FileDataset, MoleculeSet, embedded, scaffold_of,
    write_conformers,
};
use dd_mol::smiles;

fn molecules() -> Arc<dyn Dataset> {
    Arc::new(embedded::small_organics(&[]).unwrap())
}

const CONFIG: CorpusConfig = CorpusConfig {
    hold_out: 0.1,
    seed: 5,
};

#[test]
fn every_molecule_is_there_once_or_accounted_for() {
    let datasets = [molecules(), molecules()];
    let mut excluded = MoleculeSet::default();
    for index in 0..10 {
        excluded.insert(&datasets[0].get(index).unwrap().molecule);
    }
    let corpus = Corpus::select(&datasets, &excluded, CONFIG, 2).unwrap();
    let report = &corpus.report;
    let kept = corpus.train.len() + corpus.valid.len();
    assert_eq!(report.read, [1340, 1340]);
    assert_eq!(report.kept, [kept, 0], "the second file holds nothing new");
    assert_eq!(kept + report.excluded + report.repeated, 2680);
    assert!(report.excluded >= 20);
    assert!((1..=kept).contains(&report.molecules_with_element["C"]));
    assert!(
        corpus
            .train
            .iter()
            .chain(&corpus.valid)
            .all(|&(_, record)| record >= 10)
    );
    for workers in [0, 3] {
        let again = Corpus::select(&datasets, &excluded, CONFIG, workers).unwrap();
        assert_eq!(again, corpus);
    }
    let other = CorpusConfig { seed: 6, ..CONFIG };
    assert_ne!(
        Corpus::select(&datasets, &excluded, other, 2)
            .unwrap()
            .train,
        corpus.train
    );
}

#[test]
fn hydrogens_and_isotopes_are_no_part_of_a_name() {
    let folder = std::env::temp_dir().join(format!("dd-data-names-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("imine.csv");
    // Formaldimine with its hydrogens, one of them at the double bond.
    let row = "CNHHH,0 0 0 1.27 0 0 -0.6 0.9 0 -0.6 -0.9 0 1.6 0.95 0.1,0-1:2;0-2;0-3;1-4,";
    let header = "symbols,xyz_angstrom,bonds,charges";
    std::fs::write(&path, format!("{header}\n{row}\n{row}\n")).unwrap();
    let table = FileDataset::xyz_table(&path, &Columns::default());
    let datasets: [Arc<dyn Dataset>; 1] = [Arc::new(table.unwrap())];
    let none = MoleculeSet::default();
    let corpus = Corpus::select(&datasets, &none, CONFIG, 1).unwrap();
    let kept = corpus.train.len() + corpus.valid.len();
    assert_eq!(
        (kept, corpus.report.repeated),
        (1, 1),
        "{:?}",
        corpus.report
    );
    for spelling in ["C=N", "[H]/N=C/[2H]", "[15NH]=[13CH2]"] {
        let mut excluded = MoleculeSet::default();
        excluded.insert(&smiles::parse(spelling).unwrap());
        let corpus = Corpus::select(&datasets, &excluded, CONFIG, 1).unwrap();
        assert_eq!(corpus.report.excluded, 2, "{spelling}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_drawing_is_no_conformer() {
    let folder = std::env::temp_dir().join(format!("dd-data-flat-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("flat.sdf");
    let drawing = "flat\n  x                2D\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n    \
        0.0000    0.0000    0.0000 C   0  0\n    1.2000    0.0000    0.0000 O   0  0\n  1  2  1  0\nM  END\n$$$$\n";
    std::fs::write(&path, drawing).unwrap();
    let datasets: [Arc<dyn Dataset>; 1] = [Arc::new(FileDataset::sdf(&path, &[]).unwrap())];
    let corpus = Corpus::select(&datasets, &MoleculeSet::default(), CONFIG, 1).unwrap();
    assert!(corpus.train.is_empty() && corpus.valid.is_empty());
    let said = &corpus.report.first_unreadable[0];
    assert!(
        said.contains("row 0") && said.contains("2D drawing"),
        "{said}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_scaffold_is_on_one_side_only() {
    let datasets = [molecules()];
    let corpus = Corpus::select(&datasets, &MoleculeSet::default(), CONFIG, 2).unwrap();
    let scaffolds = |part: &[(usize, usize)]| -> HashSet<String> {
        let of = |&(_, record): &(usize, usize)| {
            scaffold_of(&datasets[0].get(record).unwrap().molecule, false).unwrap()
        };
        part.iter()
            .map(of)
            .filter(|scaffold| !scaffold.is_empty())
            .collect()
    };
    let (train, valid) = (scaffolds(&corpus.train), scaffolds(&corpus.valid));
    assert!(valid.len() > 3 && train.len() > 3);
    assert!(train.is_disjoint(&valid));
}

#[test]
fn the_components_of_a_listed_salt_are_left_out_too() {
    let datasets = [molecules()];
    let first = datasets[0].get(20).unwrap().molecule;
    let salt = format!("{}.[Na+].[Cl-]", smiles::write(&heavy(&first)));
    let mut excluded = MoleculeSet::default();
    excluded.insert(&smiles::parse(&salt).unwrap());
    let corpus = Corpus::select(&datasets, &excluded, CONFIG, 1).unwrap();
    assert!(!corpus.train.contains(&(0, 20)) && !corpus.valid.contains(&(0, 20)));
    assert!(corpus.report.excluded >= 1);
    // Its sodium and chloride are no molecules of the list.
    let listed = excluded.len();
    excluded.insert(&smiles::parse("[Na+].[Cl-]").unwrap());
    assert_eq!((listed, excluded.len()), (2, 3));
}

#[test]
fn written_conformers_read_back_as_they_were() {
    let datasets = [molecules()];
    let records = [(0, 7), (0, 900), (0, 3)];
    let name = format!("dd-data-corpus-{}.csv.gz", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut seen = Vec::new();
    write_conformers(&datasets, &records, &path, |done| seen.push(done)).unwrap();
    assert_eq!(seen, [1, 2, 3]);
    let read = FileDataset::xyz_table(&path, &Columns::default()).unwrap();
    assert_eq!(read.len(), 3);
    for (row, &(_, record)) in records.iter().enumerate() {
        let (new, old) = (read.get(row).unwrap(), datasets[0].get(record).unwrap());
        assert_eq!(
            new.molecule.conformers()[0].positions,
            old.molecule.conformers()[0].positions
        );
        assert_eq!(smiles::write(&new.molecule), smiles::write(&old.molecule));
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_share_outside_zero_to_one_is_refused() {
    let config = CorpusConfig {
        hold_out: 1.5,
        ..CONFIG
    };
    assert!(Corpus::select(&[molecules()], &MoleculeSet::default(), config, 1).is_err());
}

fn heavy(molecule: &dd_mol::Molecule) -> dd_mol::Molecule {
    dd_mol::MoleculeBuilder::from(molecule)
        .finish(&dd_mol::Sanitize::RDKIT)
        .unwrap()
}
