//! Many files of conformers to one corpus: each molecule once, none of the benchmarks' molecules, some scaffolds held out.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use dd_kernels::rng::Key;
use dd_mol::smiles::{self, WriteOptions};
use dd_mol::{
    BondSpec, ChiralTag, Element, Molecule, MoleculeBuilder, Sanitize, murcko_scaffold_smiles,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result, RowFault};
use crate::featurize::map_records;
use crate::on_error::{OnError, SkipReport};
use crate::output::OutputFile;
use crate::record::{Dataset, Record};
use crate::xyz_table::{XyzCells, XyzRow};

/// How a corpus is divided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusConfig {
    /// Share of the scaffolds that are held out. A molecule without rings is a group of its own.
    pub hold_out: f64,
    /// Seed of that draw and of the order of the records.
    pub seed: u64,
}

/// Which records of which data sets make up a corpus, as (data set, record), in an order drawn by the seed: the first `n` of
/// them are a random sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// For training.
    pub train: Vec<(usize, usize)>,
    /// Held out: no scaffold of theirs is in the training part.
    pub valid: Vec<(usize, usize)>,
    /// What was left out, and what the rest is made of.
    pub report: CorpusReport,
}

/// The account of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CorpusReport {
    /// Records of each data set, in their order.
    pub read: Vec<usize>,
    /// Records of each data set that are in the corpus.
    pub kept: Vec<usize>,
    /// Records that are no molecule or have no conformer, by kind of fault.
    pub unreadable: BTreeMap<String, u64>,
    /// The first of them, with their reasons.
    #[serde(skip)]
    pub first_unreadable: Vec<String>,
    /// Records whose molecule is on the list of those to leave out.
    pub excluded: usize,
    /// Records whose molecule an earlier record holds already.
    pub repeated: usize,
    /// Molecules of the corpus that contain each element.
    pub molecules_with_element: BTreeMap<String, usize>,
}

/// Names of molecules by connectivity alone: a canonical SMILES without isotopes, chirality and double-bond geometry.
#[derive(Debug, Clone, Default)]
pub struct MoleculeSet {
    names: HashSet<String>,
}

/// What is needed of a record to place it.
struct Entry {
    connectivity: String,
    group: String,
    elements: Vec<u8>,
}

impl MoleculeSet {
    /// Adds a molecule, and each of its components: a salt's acid is the same molecule as the acid. Components without carbon,
    /// such as sodium, stand for no molecule.
    pub fn insert(&mut self, molecule: &Molecule) {
        let name = connectivity(molecule);
        self.names.extend(components(&name).map(str::to_string));
        self.names.insert(name);
    }

    /// Adds every molecule of a data set; says what could not be read.
    ///
    /// # Errors
    /// When the data set breaks off.
    pub fn extend(&mut self, dataset: &Arc<dyn Dataset>) -> Result<SkipReport> {
        let mut skipped = SkipReport::default();
        for index in 0..dataset.len() {
            match dataset.get(index) {
                Ok(record) => self.insert(&record.molecule),
                Err(error) => skipped.account(error, OnError::Report)?,
            }
        }
        Ok(skipped)
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn contains(&self, name: &str) -> bool {
        self.names.contains(name) || components(name).any(|part| self.names.contains(part))
    }
}

/// The components of a mixture that hold carbon.
fn components(name: &str) -> impl Iterator<Item = &str> {
    let parts = name.split('.').filter(move |part| part.len() < name.len());
    parts.filter(|part| {
        let component = smiles::parse(part);
        component.map_or(true, |component| {
            component.atoms().any(|atom| atom.atomic_number == 6)
        })
    })
}

impl Corpus {
    /// Chooses the records. The first record of a molecule is kept, those of molecules in `excluded` are not.
    ///
    /// # Errors
    /// When `hold_out` is no share, or a data set breaks off; records that are no molecule are counted.
    pub fn select(
        datasets: &[Arc<dyn Dataset>],
        excluded: &MoleculeSet,
        config: CorpusConfig,
        workers: usize,
    ) -> Result<Self> {
        if !(0.0..1.0).contains(&config.hold_out) {
            let rest = 1.0 - config.hold_out;
            return Err(DataError::Fractions([rest, config.hold_out, 0.0]));
        }
        let key = Key::from_seed(config.seed);
        let (mut report, mut unreadable) = (CorpusReport::default(), SkipReport::default());
        let mut seen = HashSet::new();
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        for (number, dataset) in datasets.iter().enumerate() {
            let before = train.len() + valid.len();
            for (index, entry) in map_records(dataset.clone(), workers, entry).enumerate() {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        unreadable.account(error, OnError::Report)?;
                        continue;
                    }
                };
                if excluded.contains(&entry.connectivity) {
                    report.excluded += 1;
                } else if !seen.insert(entry.connectivity) {
                    report.repeated += 1;
                } else {
                    for element in entry.elements {
                        let symbol = Element::of(element).symbol.to_string();
                        *report.molecules_with_element.entry(symbol).or_default() += 1;
                    }
                    let draw = key.named("hold out").named(&entry.group).uniform(0);
                    let part = if draw < config.hold_out {
                        &mut valid
                    } else {
                        &mut train
                    };
                    part.push((number, index));
                }
            }
            report.read.push(dataset.len());
            report.kept.push(train.len() + valid.len() - before);
        }
        report.first_unreadable = unreadable.first().to_vec();
        let by_kind = unreadable.by_kind().iter();
        report.unreadable = by_kind.map(|(kind, &n)| (kind.to_string(), n)).collect();
        let shuffled = |part: Vec<(usize, usize)>, name: &str| {
            let order = key.named(name).permutation(part.len());
            order.into_iter().map(|place| part[place]).collect()
        };
        Ok(Self {
            train: shuffled(train, "train"),
            valid: shuffled(valid, "valid"),
            report,
        })
    }
}

/// Writes records as a `.csv.gz` in the plain layout of conformers, with the molecule's SMILES, its file and its row there.
/// Isotopes have no place in that layout: they are in the SMILES alone. The file appears when it is whole.
///
/// # Errors
/// When a record cannot be read, or has no place in that layout, or the file cannot be written.
pub fn write_conformers(
    datasets: &[Arc<dyn Dataset>],
    records: &[(usize, usize)],
    path: &Path,
    mut progress: impl FnMut(usize),
) -> Result<()> {
    let fail = |error| DataError::file(path, error);
    let file = OutputFile::create(path).map_err(|error| fail(std::io::Error::other(error)))?;
    let mut table = csv::Writer::from_writer(GzEncoder::new(file, Compression::default()));
    let broken = |error: csv::Error| fail(error.into());
    let [symbols, xyz, bonds, charges] = XyzRow::COLUMNS;
    table
        .write_record(["source", "row", "smiles", symbols, xyz, bonds, charges])
        .map_err(broken)?;
    for (done, &(number, index)) in records.iter().enumerate() {
        let dataset = &datasets[number];
        let record = dataset.get(index)?;
        let cells = XyzCells::of(&record.molecule).map_err(|fault| DataError::Row {
            path: dataset.path().to_path_buf(),
            row: record.row,
            id: record.id.clone(),
            fault,
        })?;
        let source = dataset
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let row = record.row.to_string();
        let smiles = smiles::write(&merged(&record.molecule));
        let cells = [
            &cells.symbols,
            &cells.xyz_angstrom,
            &cells.bonds,
            &cells.charges,
        ];
        let fields = [&*source, &row, &smiles].into_iter();
        let fields = fields.chain(cells.into_iter().map(String::as_str));
        table.write_record(fields).map_err(broken)?;
        progress(done + 1);
    }
    let encoder = table
        .into_inner()
        .map_err(|error| fail(error.into_error()))?;
    let file = encoder.finish().map_err(fail)?;
    file.complete()
        .map_err(|error| fail(std::io::Error::other(error)))
}

fn entry(dataset: &dyn Dataset, index: usize) -> Result<Entry> {
    let Record {
        molecule, id, row, ..
    } = dataset.get(index)?;
    let placed = || {
        match molecule.conformers().first() {
            None => return Err(RowFault::new("conformer", "the molecule has no conformer")),
            Some(drawing) if !drawing.is_3d => {
                return Err(RowFault::new(
                    "conformer",
                    "the molecule's coordinates are a 2D drawing",
                ));
            }
            Some(_) => {}
        }
        // What has no place in the table is left out here, and not when it is written.
        XyzCells::of(&molecule)?.check(&molecule)?;
        let connectivity = connectivity(&molecule);
        let scaffold = murcko_scaffold_smiles(&molecule, false)
            .map_err(|error| RowFault::new(error.kind(), format!("scaffold: {error}")))?;
        let mut elements: Vec<u8> = molecule.atoms().map(|atom| atom.atomic_number).collect();
        elements.sort_unstable();
        elements.dedup();
        Ok(Entry {
            group: if scaffold.is_empty() {
                connectivity.clone()
            } else {
                scaffold
            },
            connectivity,
            elements,
        })
    };
    placed().map_err(|fault| DataError::Row {
        path: dataset.path().to_path_buf(),
        row,
        id,
        fault,
    })
}

/// The canonical SMILES of the heavy atoms and their bonds.
fn connectivity(molecule: &Molecule) -> String {
    let mut flat = MoleculeBuilder::from(molecule);
    // A hydrogen that a double bond's geometry refers to, or one with a mass, would stay an atom.
    for atom in flat.atoms_mut() {
        (atom.isotope, atom.chiral_tag) = (0, ChiralTag::Unspecified);
    }
    for bond in flat.bonds_mut() {
        *bond = BondSpec::new(bond.begin, bond.end, bond.order);
    }
    let flat = flat.finish(&Sanitize::RDKIT.unlimited());
    smiles::write_with(
        flat.as_ref().unwrap_or(molecule),
        WriteOptions::CONNECTIVITY,
    )
}

/// The molecule with its hydrogens merged into their neighbours; as it is, where that is not possible (H2).
fn merged(molecule: &Molecule) -> Molecule {
    MoleculeBuilder::from(molecule)
        .finish(&Sanitize::RDKIT.unlimited())
        .unwrap_or_else(|_| molecule.clone())
}
