//! Archives of geometries with tables of SMILES, built from the data at hand: atoms shuffled, hydrogens explicit.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use dd_data::{
    Agreement, Columns, DataError, Dataset, FileDataset, PairReport, PairedArchive, Record,
    embedded,
};
use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};
use dd_kernels::rng::Key;
use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::{BondSpec, Conformer, Molecule, MoleculeBuilder, Sanitize, sdf, smiles};

const TABLE_NAME: &str = "data.csv.gz";

/// One molecule of the archive and of the table.
#[derive(Clone)]
struct Entry {
    smiles: String,
    record: String,
    /// Element pairs and lengths of all bonds, in order.
    bonds: Vec<(u8, u8, i64)>,
}

/// The molecule with its atoms in another order. Chirality is relative to the order of the bonds, which stays.
fn shuffled(molecule: &Molecule, key: Key) -> Molecule {
    let order = key.permutation(molecule.num_atoms());
    let mut place = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        place[old] = new;
    }
    let source = MoleculeBuilder::from(molecule);
    let mut builder = MoleculeBuilder::new();
    for &old in &order {
        builder.add_atom(source.atoms()[old]);
    }
    for bond in source.bonds() {
        builder.add_bond(BondSpec {
            stereo: bond.stereo,
            stereo_atoms: bond
                .stereo_atoms
                .map(|ends| ends.map(|atom| place[atom as usize] as u32)),
            ..BondSpec::new(place[bond.begin], place[bond.end], bond.order)
        });
    }
    let positions = &molecule.conformers()[0].positions;
    builder.add_conformer(Conformer {
        positions: order.iter().map(|&old| positions[old]).collect(),
        is_3d: true,
    });
    builder
        .finish(&Sanitize::KEEP_HYDROGENS)
        .expect("only the order changed")
}

fn entry(smiles: &str, molecule: &Molecule, key: Key) -> Entry {
    Entry {
        smiles: smiles.to_string(),
        record: sdf::write(&shuffled(molecule, key)).expect("molecules fit V2000"),
        bonds: bond_lengths(molecule),
    }
}

fn bond_lengths(molecule: &Molecule) -> Vec<(u8, u8, i64)> {
    let positions = &molecule.conformers()[0].positions;
    let mut lengths: Vec<_> = molecule
        .bonds()
        .map(|bond| {
            let [a, b] = [bond.begin, bond.end].map(|i| molecule.atom(i).atomic_number);
            let squares = (0..3).map(|k| positions[bond.begin][k] - positions[bond.end][k]);
            let length = squares.map(|d| d * d).sum::<f64>().sqrt();
            (a.min(b), a.max(b), (length * 1e3).round() as i64)
        })
        .collect();
    lengths.sort_unstable();
    lengths
}

/// Writes archive and table; the table has one row per given SMILES.
fn written(name: &str, records: &[&str], rows: &[&str]) -> (PathBuf, PathBuf) {
    let folder = std::env::temp_dir().join(format!("dd-data-paired-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    let (archive, table) = (folder.join("train.sdf.tar.gz"), folder.join(TABLE_NAME));
    let gzip = |path: &Path| {
        let file = fs::File::create(path).expect("a temporary file");
        flate2::write::GzEncoder::new(file, flate2::Compression::fast())
    };
    let mut tar = tar::Builder::new(gzip(&archive));
    let text = records.concat();
    for (name, content) in [("README", "not this one"), ("train.sdf", text.as_str())] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, name, content.as_bytes())
            .expect("a temporary file");
    }
    tar.into_inner()
        .and_then(flate2::write::GzEncoder::finish)
        .expect("a temporary file");
    let mut csv = gzip(&table);
    writeln!(csv, "idx,smiles,homolumogap").expect("a temporary file");
    for (index, smiles) in rows.iter().enumerate() {
        writeln!(csv, "{index},{smiles},1.5").expect("a temporary file");
    }
    csv.finish().expect("a temporary file");
    (archive, table)
}

type Items = Vec<Result<Record, DataError>>;

fn read(archive: &Path, table: &Path, workers: usize) -> (Items, PairReport) {
    let pairs = PairedArchive::open(archive, table, "smiles", Some("idx")).expect("readable");
    let mut records = pairs.records(workers);
    let items = records.by_ref().collect();
    (items, records.report().clone())
}

/// Canonical SMILES of what the positions of a record say; `None` where they say something else than the molecule, which
/// the writer refuses.
fn seen_in_space(record: &Record) -> Option<String> {
    let block = molfile::write(&record.molecule).ok()?;
    let seen = molfile::parse_with(&block, &MolfileOptions::RDKIT).expect("just written");
    Some(smiles::write(&seen))
}

/// Every entry comes back: the SMILES' molecule and features, the geometry's bonds and stereochemistry. The geometries of
/// `other_isomers` have another stereochemistry than their SMILES states.
fn check(name: &str, entries: &[Entry], other_isomers: &[u64]) {
    let records: Vec<&str> = entries.iter().map(|e| e.record.as_str()).collect();
    let rows: Vec<&str> = entries.iter().map(|e| e.smiles.as_str()).collect();
    let (archive, table) = written(name, &records, &rows);
    let (items, report) = read(&archive, &table, 2);
    assert_eq!(items.len(), entries.len());
    assert_eq!(report.total(), entries.len() as u64, "{report}");
    let differ = report.rows.get(&Agreement::Constitution);
    assert_eq!(
        differ.map_or(&[][..], Vec::as_slice),
        other_isomers,
        "{report}"
    );
    assert!(
        !report.matched.contains_key(&Agreement::Connectivity),
        "{report}"
    );
    let ogb = OgbFeaturizer::new(OgbConfig::heavy_atoms());
    let from_smiles = OgbFeaturizer::new(OgbConfig::smiles2graph());
    for (row, (item, entry)) in items.iter().zip(entries).enumerate() {
        let record = item.as_ref().expect("every molecule matches itself");
        let expected = smiles::parse(&entry.smiles).expect("a valid SMILES");
        assert_eq!(
            (record.row, record.id.clone()),
            (row as u64, row.to_string())
        );
        assert_eq!(
            bond_lengths(&record.molecule),
            entry.bonds,
            "{}",
            entry.smiles
        );
        let graph = ogb.featurize(&record.molecule).expect("atoms");
        let plain = from_smiles.featurize(&expected).expect("atoms");
        assert_eq!(graph.atom_index, plain.atom_index, "{}", entry.smiles);
        assert_eq!(graph.node_features, plain.node_features, "{}", entry.smiles);
        assert_eq!(graph.edge_features, plain.edge_features, "{}", entry.smiles);
        assert_eq!(graph.edge_sources, plain.edge_sources, "{}", entry.smiles);
        let stated = smiles::write(&expected);
        let seen = seen_in_space(record);
        let contradicts = other_isomers.contains(&(row as u64));
        assert!(seen.is_some() || contradicts, "row {row}: {stated}");
        let states_stereo = stated.contains(['@', '/', '\\']);
        let agrees = seen.as_ref() == Some(&stated) || !states_stereo;
        assert_eq!(agrees, !contradicts, "row {row}: {stated}, {seen:?}");
    }
    let (alone, same) = read(&archive, &table, 0);
    assert_eq!(same, report);
    for (a, b) in alone.iter().zip(&items) {
        let (a, b) = (a.as_ref().expect("matched"), b.as_ref().expect("matched"));
        assert_eq!(
            a.molecule.conformers()[0].positions,
            b.molecule.conformers()[0].positions
        );
    }
}

fn embedded_entries() -> Vec<Entry> {
    let space = embedded::small_organics(&[]).expect("embedded");
    let plane = embedded::small_organics_smiles(&[]).expect("embedded");
    let entries = (0..space.len()).map(|i| {
        let record = space.get(i).expect("embedded");
        let smiles = plane.smiles(i).expect("a table of SMILES");
        entry(smiles, &record.molecule, Key::from_seed(3).with(i as u64))
    });
    entries.collect()
}

#[test]
fn every_embedded_molecule_finds_its_geometry() {
    check("embedded", &embedded_entries(), &[]);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that checks less says so")]
fn every_molecule_of_the_pcqm4mv2_sample_finds_its_geometry() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/3d/pcqm4mv2_2k_3d.csv.gz");
    if !path.exists() {
        eprintln!("skipped: no reference data beside the workspace");
        return;
    }
    let space = FileDataset::xyz_table(&path, &Columns::default()).expect("readable");
    let plane = FileDataset::smiles_table(&path, "smiles", &Columns::default()).expect("readable");
    let entries: Vec<Entry> = (0..space.len())
        .map(|i| {
            let record = space.get(i).expect("a row");
            let smiles = plane.smiles(i).expect("a row");
            entry(smiles, &record.molecule, Key::from_seed(4).with(i as u64))
        })
        .collect();
    assert!(entries.len() > 1700);
    // Double bonds in rings of eight to eleven atoms; RDKit's AssignStereochemistryFrom3D finds the same.
    check("pcqm4mv2", &entries, &[447, 689, 844, 845]);
}

/// Row or record number and kind of every answer; `ok` for a record.
fn kinds(items: &Items) -> Vec<String> {
    let kind = |item: &Result<Record, DataError>| match item {
        Ok(record) => format!("{} ok", record.row),
        Err(DataError::Row { row, fault, .. }) => format!("{row} {}", fault.kind),
        Err(error) => error.kind().to_string(),
    };
    items.iter().map(kind).collect()
}

#[test]
fn what_does_not_match_is_reported_and_the_rest_answered() {
    let entries: Vec<Entry> = embedded_entries()
        .into_iter()
        .step_by(61)
        .take(20)
        .collect();
    let records: Vec<&str> = entries.iter().map(|e| e.record.as_str()).collect();
    let rows: Vec<&str> = entries.iter().map(|e| e.smiles.as_str()).collect();
    let run = |name: &str, records: &[&str], rows: &[&str]| {
        let (archive, table) = written(name, records, rows);
        let (items, report) = read(&archive, &table, 2);
        (kinds(&items), report)
    };
    let ok = |range: std::ops::Range<usize>| range.map(|row| format!("{row} ok"));

    let mut broken = records.clone();
    broken[4] = "broken\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n$$$$\n";
    let (found, _) = run("broken", &broken, &rows);
    assert_eq!(found.len(), 20);
    assert!(
        found[4] != "4 ok" && found[4].starts_with("4 "),
        "{}",
        found[4]
    );
    assert!(found[..4].iter().cloned().eq(ok(0..4)));
    assert!(found[5..].iter().cloned().eq(ok(5..20)));

    let mut other = rows.clone();
    other[7] = "CCCCCCCCCCCCCCBr";
    other[9] = "C1CC";
    let (found, _) = run("other", &records, &other);
    assert_eq!(
        (found[7].as_str(), found[9].as_str()),
        ("7 different-atoms", "9 unclosed-ring")
    );
    assert_eq!(
        found.iter().filter(|kind| kind.ends_with(" ok")).count(),
        18
    );

    let mut fewer_rows = rows.clone();
    fewer_rows.remove(5);
    let (found, _) = run("fewer-rows", &records, &fewer_rows);
    let expected: Vec<String> = ok(0..5)
        .chain(["5 no-row".into()])
        .chain(ok(5..19))
        .collect();
    assert_eq!(found, expected);

    let mut fewer_records = records.clone();
    fewer_records.remove(5);
    let (found, report) = run("fewer-records", &fewer_records, &rows);
    let expected: Vec<String> = ok(0..5)
        .chain(["5 no-record".into()])
        .chain(ok(6..20))
        .collect();
    assert_eq!((found, report.surplus_rows), (expected, 0));

    let (found, report) = run("surplus-rows", &records[..15], &rows);
    assert_eq!((found, report.surplus_rows), (ok(0..15).collect(), 5));
    let (found, _) = run("surplus-records", &records, &rows[..18]);
    let expected: Vec<String> = ok(0..18)
        .chain(["18 no-row".into(), "19 no-row".into()])
        .collect();
    assert_eq!(found, expected);
}

/// Reads one record with one SMILES.
fn one(name: &str, text: &str, record: &str) -> (Result<Record, String>, PairReport) {
    let (archive, table) = written(name, &[record], &[text]);
    let (mut items, report) = read(&archive, &table, 0);
    let item = items.pop().expect("one answer");
    (item.map_err(|error| error.kind().to_string()), report)
}

/// A record of heavy atoms alone.
fn record_of(atoms: &[(&str, [f64; 3])], bonds: &[[usize; 3]], charges: &str) -> String {
    let mut text = format!(
        "\n  test          3D\n\n{:3}{:3}  0  0  0  0  0  0  0  0999 V2000\n",
        atoms.len(),
        bonds.len()
    );
    for (symbol, [x, y, z]) in atoms {
        text +=
            &format!("{x:10.4}{y:10.4}{z:10.4} {symbol:<3} 0  0  0  0  0  0  0  0  0  0  0  0\n");
    }
    for [a, b, order] in bonds {
        text += &format!("{a:3}{b:3}{order:3}  0\n");
    }
    text + charges + "M  END\n$$$$\n"
}

#[test]
fn molecules_that_differ_a_little_keep_what_the_smiles_says() {
    // Bromochlorofluoromethane, heavy atoms alone; looked at from fluorine, Cl, Br, (H): one enantiomer.
    let halogens = [
        ("Br", [1.9, 0.0, 0.3]),
        ("C", [0.0, 0.0, 0.0]),
        ("F", [-0.6, 1.2, 0.3]),
        ("Cl", [-0.8, -1.4, 0.3]),
    ];
    let record = record_of(&halogens, &[[1, 2, 1], [2, 3, 1], [4, 2, 1]], "");
    let mut agreements = Vec::new();
    for text in ["F[C@H](Cl)Br", "F[C@@H](Cl)Br", "FC(Cl)Br"] {
        let (item, report) = one("enantiomers", text, &record);
        let molecule = item.expect("the constitution agrees").molecule;
        assert_eq!(
            smiles::write(&molecule),
            smiles::write(&smiles::parse(text).expect("valid"))
        );
        assert_eq!(molecule.conformers()[0].positions[0], halogens[2].1);
        agreements.extend(report.matched.into_keys());
    }
    agreements[..2].sort();
    assert_eq!(
        agreements,
        [Agreement::Full, Agreement::Constitution, Agreement::Full]
    );

    // A nitro group drawn with charges and without; a geometry drawn with the charge at the other oxygen is the same.
    let nitro = [
        ("O", [1.1, 0.6, 0.0]),
        ("N", [0.0, 0.0, 0.0]),
        ("O", [-1.1, 0.6, 0.1]),
        ("C", [0.0, -1.5, 0.0]),
    ];
    let bonds = [[1, 2, 2], [2, 3, 1], [2, 4, 1]];
    let charged = record_of(&nitro, &bonds, "M  CHG  2   2   1   3  -1\n");
    let (item, report) = one("nitro", "C[N+](=O)[O-]", &charged);
    assert!(
        item.is_ok() && report.matched.contains_key(&Agreement::Full),
        "{report}"
    );

    // A zwitterion in the table, its neutral form in the archive: the hydrogens differ, and only heavy atoms have positions.
    let glycine = [
        ("N", [0.0, 0.0, 0.0]),
        ("C", [1.4, 0.2, 0.0]),
        ("C", [2.1, -1.1, 0.1]),
        ("O", [3.3, -1.2, 0.0]),
        ("O", [1.4, -2.2, 0.0]),
    ];
    let bonds = [[1, 2, 1], [2, 3, 1], [3, 4, 2], [3, 5, 1]];
    let (item, _) = one(
        "zwitterion",
        "[NH3+]CC(=O)[O-]",
        &record_of(&glycine, &bonds, ""),
    );
    assert_eq!(item.unwrap_err(), "hydrogens");

    // Carbon monoxide with and without charges: the same atoms and bonds, drawn in two ways.
    let monoxide = record_of(&[("C", [0.0; 3]), ("O", [1.1, 0.3, 0.2])], &[[1, 2, 2]], "");
    let (item, report) = one("monoxide", "[C-]#[O+]", &monoxide);
    assert!(
        item.is_ok() || item.as_ref().unwrap_err() == "hydrogens",
        "{item:?} {report}"
    );

    let chain = record_of(
        &[
            ("C", [0.0; 3]),
            ("C", [1.5, 0.0, 0.1]),
            ("O", [2.0, 1.3, 0.0]),
        ],
        &[[1, 2, 1], [2, 3, 1]],
        "",
    );
    assert_eq!(
        one("isomer", "COC", &chain).0.unwrap_err(),
        "different-bonds"
    );
    assert!(one("isomer", "OCC", &chain).0.is_ok());
}

#[test]
fn files_that_cannot_be_read_are_errors_of_the_file() {
    let entries = &embedded_entries()[..50];
    let records: Vec<&str> = entries.iter().map(|e| e.record.as_str()).collect();
    let rows: Vec<&str> = entries.iter().map(|e| e.smiles.as_str()).collect();
    let (archive, table) = written("cut", &records, &rows);
    let bytes = fs::read(&archive).expect("just written");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..])
        .read_to_end(&mut unpacked)
        .expect("just packed");
    // By its other name.
    let other = archive.with_file_name("train.sdf.TGZ");
    fs::write(&other, &bytes).expect("a temporary file");
    assert!(read(&other, &table, 2).0.iter().all(Result::is_ok));
    // Within the last record, which still reads as one, and in the middle.
    let plain = archive.with_file_name("train.sdf.tar");
    for (path, whole, length) in [
        (&archive, &bytes, bytes.len() / 2),
        (&plain, &unpacked, unpacked.len() / 2),
        (&plain, &unpacked, 1024 + records.concat().len() + 512 - 4),
    ] {
        fs::write(path, &whole[..length]).expect("a temporary file");
        let (items, _) = read(path, &table, 2);
        let (last, before) = items.split_last().expect("answers");
        assert_eq!(last.as_ref().expect_err("cut").kind(), "file");
        assert!(!before.is_empty() && before.iter().all(Result::is_ok));
    }
    let open = |archive: &Path, column| PairedArchive::open(archive, &table, column, None).err();
    assert_eq!(
        open(&archive, "SMILES").map(|e| e.kind()),
        Some("missing-column")
    );
    assert_eq!(
        open(Path::new("absent.tar.gz"), "smiles").map(|e| e.kind()),
        Some("file")
    );
}
