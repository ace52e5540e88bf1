//! Broken input: the row or file at fault gets its error, everything else its answer, and nothing panics.

use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dd_data::{
    Columns, DataError, Dataset, ExampleMaker, FileDataset, Format, OnError, Recipe, RowOptions,
    Rows, Split, featurize,
};
use dd_graph::{Hydrogens, PointConfig};

/// A file of the test's own.
fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dd-data-bad-input-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join(name);
    fs::write(&path, content).expect("a temporary file");
    path
}

/// `ok` or the kind of fault, for each row.
fn kinds(content: &[u8], format: Format) -> Vec<&'static str> {
    let reader = Box::new(std::io::Cursor::new(content.to_vec()));
    let rows = Rows::from_reader(reader, Path::new("input"), format, RowOptions::GRAPH);
    rows.expect("a header where one is needed")
        .enumerate()
        .map(|(number, row)| {
            let row = row.expect("memory can be read");
            assert_eq!(row.row, number as u64);
            row.molecule.map_or_else(|fault| fault.kind, |_| "ok")
        })
        .collect()
}

#[test]
fn lines_of_smiles() {
    let found = kinds(b"CCO ethanol\n\nC(C\nC\0C\nC\xff\nc1ccccc1", Format::Smi);
    assert_eq!(found[0], "ok");
    assert_eq!(found[1], "empty");
    assert_eq!(found[2], "unclosed-branch");
    assert_ne!(found[3], "ok");
    assert_eq!(found[4], "syntax");
    assert_eq!(found[5], "ok");
    assert_eq!(found.len(), 6);
}

/// SMILES and names of rows that can be read.
fn named(content: &[u8], format: Format) -> Vec<(String, String)> {
    let reader = Box::new(std::io::Cursor::new(content.to_vec()));
    let rows = Rows::from_reader(reader, Path::new("input"), format, RowOptions::GRAPH);
    let rows = rows.expect("text").map(|row| row.expect("readable"));
    let rows = rows.map(|row| {
        let molecule = row.molecule.unwrap_or_else(|fault| panic!("{fault}"));
        (row.input, molecule.name().to_owned())
    });
    rows.collect()
}

#[test]
fn lists_from_other_programs() {
    let pairs = |pairs: &[[&str; 2]]| -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|[a, b]| ((*a).to_owned(), (*b).to_owned()));
        owned.collect()
    };
    let smi = |content: &[u8]| named(content, Format::Smi);
    // Marks of byte order, carriage returns, blanks at the front, Latin-1 names.
    let expected = pairs(&[["CCO", "ethanol"], ["C", ""]]);
    assert_eq!(smi(b"\xef\xbb\xbfCCO ethanol\nC\n"), expected);
    assert_eq!(smi(b"CCO ethanol\rC\r"), expected);
    assert_eq!(smi(b"  CCO ethanol\n\tC\n"), expected);
    assert_eq!(smi(b"CCO ethanol\r\nC\r\n"), expected);
    assert_eq!(smi(b"CC \xe9thane\n"), pairs(&[["CC", "\u{e9}thane"]]));
    // Extensions: read, or the fault of the row.
    let extended = smi(b"C[C@H](F)Cl |o1:1| name\nC[C@H](F)Cl\t|&1:1,r|\n");
    assert_eq!(
        extended,
        pairs(&[["C[C@H](F)Cl", "name"], ["C[C@H](F)Cl", ""]])
    );
    let lost = b"CCO |$a;;$| name\nC\n";
    assert_eq!(kinds(lost, Format::Smi), ["unsupported-extension", "ok"]);
    let lost = b"smiles\nCCO |$a;;$|\nC[C@H](F)Cl |o1:1|\n";
    assert_eq!(kinds(lost, Format::Csv), ["unsupported-extension", "ok"]);
}

#[test]
fn tables_from_other_programs() {
    let expected = ["ok", "ok"];
    for table in [
        &b"\xef\xbb\xbfsmiles,y\nCC,1\nCCC,2\n"[..],
        b"smiles,y\rCC,1\rCCC,2\r",
        b"smiles,y\rCC,1\rCCC,2",
        b"smiles,unit\nCC,\xb5M\nCCC,\"\xb0\nC\"\n",
        b"smiles,gr\xf6\xdfe\nCC,1\nCCC,2\n",
    ] {
        assert_eq!(kinds(table, Format::Csv), expected);
    }
    // A column of names or labels with a hard blank.
    let path = file("latin.csv", b"smiles,y,name\nCC,1.5\xa0,\xe9thane\n");
    let columns = Columns {
        id: Some("name".into()),
        targets: vec!["y".into()],
    };
    let dataset = FileDataset::smiles_table(&path, "smiles", &columns).expect("readable");
    let record = dataset.get(0).expect("a row");
    assert_eq!(
        (record.targets, record.id),
        (vec![1.5], "\u{e9}thane".to_owned())
    );
}

#[test]
fn structure_files_from_other_programs() {
    let water = "water\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 O   0  0\nM  END\n$$$$\n";
    let twice = water.repeat(2);
    let frames = "1\nx\nH 0 0 0\n1\ny\nH 0 0 0\n";
    for (text, format) in [(twice.as_str(), Format::Sdf), (frames, Format::Xyz)] {
        let old = text.replace('\n', "\r");
        for text in [old, format!("\u{feff}{text}")] {
            assert_eq!(kinds(text.as_bytes(), format), ["ok", "ok"], "{text:?}");
        }
    }
}

#[test]
fn files_that_are_no_text() {
    let utf_16: Vec<u8> = "\u{feff}smiles\nCC\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"smiles\nCC\n").expect("memory");
    let zipped = encoder.finish().expect("memory");
    for (name, content, word) in [
        ("utf16.csv", &utf_16[..], "UTF-16"),
        ("utf16.smi", &utf_16[..], "UTF-16"),
        ("book.csv", b"PK\x03\x04\x14\0\x06\0", "Excel workbook"),
        ("book.tsv", b"\xD0\xCF\x11\xE0\xA1\xB1", "Excel workbook"),
        ("zipped.csv", &zipped[..], "gzip"),
        ("zipped.sdf", &zipped[..], "gzip"),
    ] {
        let path = file(name, content);
        let error = Rows::open(&path, RowOptions::GRAPH).err().expect("no text");
        assert_eq!(error.kind(), "not-text", "{name}");
        assert!(error.to_string().contains(word), "{error}");
        if name.ends_with("sv") {
            let survey = dd_data::Survey::read(&path).expect_err("no text");
            assert_eq!(survey.kind(), "not-text");
        }
    }
    let error = Rows::open(Path::new("table.xlsx"), RowOptions::GRAPH).err();
    assert!(
        error
            .expect("no format")
            .to_string()
            .contains("save the table as .csv")
    );
}

#[test]
fn lines_of_ten_megabytes() {
    let mut text = b"CC\n".to_vec();
    text.extend(std::iter::repeat_n(b'C', 10 << 20));
    text.extend(b"\nCCC\n");
    assert_eq!(kinds(&text, Format::Smi), ["ok", "line-too-long", "ok"]);
    let mut table = b"smiles,y\n\"".to_vec();
    table.extend(std::iter::repeat_n(b'C', 10 << 20));
    table.extend(b",1\nCCC,2\n");
    assert_eq!(kinds(&table, Format::Csv), ["line-too-long", "ok"]);
}

#[test]
fn spans_point_into_the_input() {
    let pointed = |text: &'static [u8], format| {
        let rows = Rows::from_reader(
            Box::new(text),
            Path::new("input"),
            format,
            RowOptions::GRAPH,
        );
        let mut rows = rows.expect("readable");
        let row = rows.next().expect("a row").expect("readable");
        let span = row.molecule.expect_err("a fault").span;
        span.map(|span| row.input[span].to_owned())
    };
    let shown = |text: &str| Some(text.to_owned());
    assert_eq!(pointed(b"CC)C\n", Format::Smi), shown(")"));
    assert_eq!(pointed(b"smiles\n  CC)C\n", Format::Csv), shown(")"));
    // Found by fuzzing: a byte that is no UTF-8 is a character of two bytes.
    assert_eq!(pointed(b"CC\xffC\n", Format::Smi), shown("\u{ff}"));
    assert_eq!(pointed(b"smiles\nCC\xffC\n", Format::Csv), shown("\u{ff}"));
    assert_eq!(pointed(b"CC |w:0.0| name\n", Format::Smi), shown("w:0.0"));
}

#[test]
fn frames_without_atoms_are_empty() {
    let found = kinds(b"0\nnothing\n1\n\nH 0 0 0\n", Format::Xyz);
    assert_eq!(found, ["empty", "ok"]);
}

#[test]
fn a_frame_at_fault_does_not_take_others_along_and_atoms_are_no_molecule() {
    let frames = "1\nhelium\nHe 0 0 0\n2\nbad\nXq 0 0 0\nH 0 0 abc\n2\nhydrogen\nH 0 0 0\nH 0 0 0.74\n1\nneon\nNe 0 0 0\n";
    let found = kinds(frames.as_bytes(), Format::Xyz);
    assert_eq!(found, ["ok", "xyz", "no-bonds", "ok"]);
    let lost = kinds(b"1\nx\nH 0 0 0\nno number\nx\nH 0 0 0\n", Format::Xyz);
    assert_eq!(lost, ["ok", "xyz"]);
}

#[test]
fn a_record_with_two_mol_blocks_is_none() {
    let block = "water\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 O   0  0\nM  END\n";
    let field = "> <block>\nwater\nM  END\n\n";
    let text = format!("{block}{block}$$$$\n{block}{field}$$$$\n");
    assert_eq!(kinds(text.as_bytes(), Format::Sdf), ["delimiter", "ok"]);
}

#[test]
fn names_that_are_there_twice_and_tabs_in_a_header_are_refused() {
    for (table, fault) in [
        (
            "smiles,smiles\nCCO,CCC\n",
            "columns 1 and 2 are both called",
        ),
        ("smiles\ty\nCCO\t1\n", "separated by tabs"),
        ("\nsmiles\nCCO\n", "header line: it is empty"),
    ] {
        let reader: Box<dyn BufRead + Send> = Box::new(table.as_bytes());
        let rows = Rows::from_reader(reader, Path::new("t.csv"), Format::Csv, RowOptions::GRAPH);
        let message = rows.err().expect("no rows").to_string();
        assert!(message.contains(fault), "{message}");
    }
}

#[test]
fn sd_records() {
    let water = "water\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 O   0  0\nM  END\n$$$$\n";
    let cut = "cut\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n    0.0000\n";
    let empty = "empty\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n";
    let found = kinds(
        format!("{water}{empty}{water}{cut}").as_bytes(),
        Format::Sdf,
    );
    assert_eq!(found.len(), 4);
    assert_eq!((found[0], found[1], found[2]), ("ok", "empty", "ok"));
    assert_ne!(found[3], "ok");
}

#[test]
fn a_drawing_given_to_the_teacher() {
    let drawing = "flat\n  test          2D\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    1.5000    0.0000    0.0000 O   0  0\n  1  2  1  0\nM  END\n$$$$\n";
    let space = drawing
        .replace("2D", "3D")
        .replace("1.5000    0.0000    0.0000", "1.0000    1.0000    0.5000");
    let path = file("drawing.sdf", format!("{drawing}{space}"));
    let dataset: Arc<dyn Dataset> = Arc::new(FileDataset::sdf(&path, &[]).expect("readable"));
    let maker = ExampleMaker::new(&Recipe {
        graph: None,
        points: Some(PointConfig::torchmd_net(Hydrogens::Remove)),
    });
    let error = maker.example(&*dataset, 0).expect_err("a drawing");
    assert_eq!(error.kind(), "features");
    assert!(error.to_string().contains("row 0 (flat)"), "{error}");
    let (kept, report) = featurize(Arc::clone(&dataset), maker.clone(), 2, OnError::Report)
        .expect("one row is left out");
    assert_eq!((kept.len(), report.total()), (1, 1));
    assert_eq!(kept[0].row, 1);
    assert!(featurize(dataset, maker, 0, OnError::Stop).is_err());
}

#[test]
fn labels_that_are_text_and_labels_that_are_missing() {
    let path = file(
        "labels.csv",
        "name,smiles,y\na,CC,1.5\nb,CCC,high\nc,CCCC,\nd,C,inf\n",
    );
    let columns = Columns {
        id: Some("name".into()),
        targets: vec!["y".into()],
    };
    let dataset =
        FileDataset::smiles_table(&path, "smiles", &columns).expect("the columns are there");
    assert_eq!(dataset.len(), 4);
    assert_eq!(dataset.get(0).expect("a row").targets, [1.5]);
    assert!(dataset.get(2).expect("a row").targets[0].is_nan());
    let error = dataset.get(1).expect_err("text");
    assert_eq!(error.kind(), "label");
    let text = error.to_string();
    assert!(
        text.ends_with("row 1 (b): column \"y\": expected a number, got \"high\""),
        "{text}"
    );
    assert_eq!(dataset.get(3).expect_err("infinite").kind(), "label");
    assert_eq!(dataset.get(4).expect_err("beyond").kind(), "no-such-record");
}

#[test]
fn a_column_that_is_not_there() {
    let path = file("columns.csv", "drug,y\nCC,1\n");
    let error = FileDataset::smiles_table(&path, "smiles", &Columns::default()).unwrap_err();
    assert!(
        matches!(&error, DataError::MissingColumn { available, .. } if available == &["drug", "y"])
    );
    assert!(
        error
            .to_string()
            .ends_with("no column \"smiles\"; there are drug, y")
    );
    assert!(Rows::open(&path, RowOptions::GRAPH).is_err());
    let missing = file("columns.csv", "").with_file_name("absent.csv");
    assert_eq!(
        Rows::open(&missing, RowOptions::GRAPH)
            .err()
            .map(|e| e.kind()),
        Some("file")
    );
    assert_eq!(
        Rows::open(Path::new("x.pdb"), RowOptions::GRAPH)
            .err()
            .map(|e| e.kind()),
        Some("unknown-format")
    );
}

#[test]
fn compressed_files_that_are_cut() {
    let text = "smiles\n".to_string() + &"CCO\n".repeat(10_000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    let mut bytes = encoder.finish().expect("memory");
    let whole = file("whole.csv.gz", &bytes);
    assert_eq!(
        Rows::open(&whole, RowOptions::GRAPH)
            .expect("readable")
            .count(),
        10_000
    );
    bytes.truncate(bytes.len() / 2);
    let cut = file("cut.csv.gz", &bytes);
    // The header may be out of reach already; either way the answer is an error of the file.
    let last = match Rows::open(&cut, RowOptions::GRAPH) {
        Ok(rows) => rows
            .last()
            .expect("at least one answer")
            .expect_err("the end is missing"),
        Err(error) => error,
    };
    assert_eq!(last.kind(), "file");
}

#[test]
fn tables_of_conformers() {
    let header = "id,symbols,xyz_angstrom,bonds,charges\n";
    let rows = [
        ("good,OHH,0 0 0 0.9 0.2 0 -0.3 0.9 0,0-1;0-2,", "ok"),
        ("element,OQq,0 0 0 1 1 1,0-1,", "unknown-element"),
        ("short,OHH,0 0 0 1 1 1,0-1;0-2,", "coordinates"),
        ("nan,OHH,0 0 0 0.9 NaN 0 1 1 1,0-1;0-2,", "coordinates"),
        ("bond,OH,0 0 0 1 1 1,0-7,", "bonds"),
        ("order,OH,0 0 0 1 1 1,0-1:5,", "bonds"),
        ("charge,OH,0 0 0 1 1 1,0-1,0:x", "charges"),
        ("empty,,,,", "symbols"),
        ("ion,OH,0 0 0 1 0.1 0.2,0-1,0:-1", "ok"),
    ];
    let lines: Vec<&str> = rows.iter().map(|(line, _)| *line).collect();
    let path = file("xyz.csv", header.to_string() + &lines.join("\n"));
    let columns = Columns {
        id: Some("id".into()),
        targets: Vec::new(),
    };
    let dataset = FileDataset::xyz_table(&path, &columns).expect("the columns are there");
    for (index, (line, expected)) in rows.iter().enumerate() {
        let found = dataset
            .get(index)
            .map_or_else(|error| error.kind(), |_| "ok");
        assert_eq!(found, *expected, "{line}");
    }
    let water = dataset.get(0).expect("water").molecule;
    assert_eq!((water.num_atoms(), water.num_bonds()), (3, 2));
    assert_eq!(water.conformers()[0].positions[1], [0.9, 0.2, 0.0]);
    assert!(water.conformers()[0].is_3d);
    assert_eq!(
        dataset
            .get(8)
            .expect("hydroxide")
            .molecule
            .atom(0)
            .formal_charge,
        -1
    );
}

#[test]
fn splits_that_do_not_fit() {
    let check =
        |text: &str| Split::from_json(&file("split.json", text), 3).map_err(|e| e.to_string());
    assert!(check(r#"{"train":[2,0],"valid":[],"test":[1]}"#).is_ok());
    assert!(
        check(r#"{"train":[0],"valid":[0],"test":[]}"#)
            .unwrap_err()
            .ends_with("record 0 is listed twice")
    );
    assert!(
        check(r#"{"train":[9],"valid":[],"test":[]}"#)
            .unwrap_err()
            .contains("record 9 does not exist")
    );
    assert!(check(r#"{"train":[0],"valid":[]}"#).is_err());
    assert!(check("[[[[").is_err());
}
