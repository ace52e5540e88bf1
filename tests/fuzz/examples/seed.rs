//! Writes the first corpus of each target: the odd cases of the reference data beside the
//! workspace, and a few of our own.
//!
//! `cargo run --manifest-path tests/fuzz/Cargo.toml --example seed [FOLDER_OF_DATA]`

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Larger files teach the fuzzer nothing that it can use.
const MAX_SEED: usize = 8_000;
/// Lines taken of one list of SMILES.
const MAX_LINES: usize = 1_000;

const OWN_SMILES: [&str; 6] = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "F/C=C/F",
    "C[C@H](N)C(=O)O",
    "[13CH3:7][N+](C)(C)C.[Cl-]",
    "C%10CC%(12345)CC%10C%(12345)",
    "N[Pt@SP1](Cl)(F)Br->[Fe+2]~C$C",
];
const OWN_RECORD: &str = "ethanol\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    \
    1.5000    0.0000    0.0000 C   0  0\n    2.0000    1.3000    0.5000 O   0  0\n  1  2  1  0\n  2  3  1  0\nM  END\n\
    > <id>\n7\n\n$$$$\n";
const OWN_FRAMES: &str = "2\nhydrogen\nH 0 0 0\nH 0 0 0.74\n\n1\n\n8 1e-3 -2 3.5 extra\n";
const OWN_TABLE: &str = "id,smiles,\"y, z\"\na,CCO,1\n\"b\",\"C\"\"C\",\n\nc,\"c1cc\nccc1\",3\n";
const OWN_XYZ_TABLE: &str = "id,symbols,xyz_angstrom,bonds,charges\na,CO,0 0 0 1.4 0 0,0-1,\nb,NH,0 0 0 1 0 0,0-1:2,0:+1;1:-1\n";

struct Corpus {
    folder: PathBuf,
    written: usize,
}

impl Corpus {
    fn new(target: &str) -> io::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, written: 0 })
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > MAX_SEED {
            return Ok(());
        }
        self.written += 1;
        fs::write(self.folder.join(format!("seed-{:05}", self.written)), bytes)
    }
}

fn main() -> io::Result<()> {
    let data = std::env::args_os().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let mut smiles = Corpus::new("smiles")?;
    let mut sdf = Corpus::new("sdf")?;
    let mut xyz = Corpus::new("xyz")?;
    let mut rows = Corpus::new("rows")?;
    let mut cache = Corpus::new("cache")?;

    let mut texts: Vec<Vec<u8>> = OWN_SMILES
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    let mut records = vec![OWN_RECORD.as_bytes().to_vec()];
    let mut frames = vec![OWN_FRAMES.as_bytes().to_vec()];
    for table in ["edge_cases.tsv", "opensmiles_spec_examples.tsv"] {
        for line in lines(&data.join("smiles").join(table))?.iter().skip(1) {
            texts.extend(line.split(|byte| *byte == b'\t').next().map(<[u8]>::to_vec));
        }
    }
    for folder in ["rdkit", "openbabel", "smilesreading"] {
        for path in files(&data.join("smiles").join(folder))? {
            if !path.to_string_lossy().contains("result")
                && !path.to_string_lossy().contains("hcounts")
            {
                let found = lines(&path)?;
                let step = found.len().div_ceil(MAX_LINES).max(1);
                let first = |line: &Vec<u8>| {
                    line.split(|byte| b" \t".contains(byte))
                        .next()
                        .map(<[u8]>::to_vec)
                };
                texts.extend(found.iter().step_by(10 * step).filter_map(first));
            }
        }
    }
    for path in files(&data.join("smiles/fuzz"))? {
        texts.push(contents(&path)?);
    }
    for path in files(&data.join("sdf/rdkit"))?
        .into_iter()
        .chain(files(&data.join("sdf/openbabel"))?)
    {
        records.push(contents(&path)?);
    }
    for path in files(&data.join("sdf/big"))? {
        // The first record of each large file.
        let text = contents(&path)?;
        let end = text
            .windows(5)
            .position(|window| window == b"$$$$\n")
            .map_or(text.len(), |at| at + 5);
        records.push(text[..end].to_vec());
    }
    for path in files(&data.join("sdf/xyz"))? {
        frames.push(contents(&path)?);
    }
    texts.sort();
    texts.dedup();

    for text in &texts {
        smiles.add(text)?;
    }
    for record in &records {
        sdf.add(record)?;
    }
    for frame in &frames {
        xyz.add(frame)?;
    }
    // The first byte chooses the format: CSV, TSV, SMILES, SDF, XYZ.
    for (choice, text) in [(0, OWN_TABLE), (64, OWN_XYZ_TABLE)] {
        rows.add(&[&[choice], text.as_bytes()].concat())?;
    }
    for few in texts.chunks(8) {
        rows.add(&[b"\x05smiles\n", few.join(&b'\n').as_slice()].concat())?;
        rows.add(&[b"\x02", few.join(&b'\n').as_slice()].concat())?;
    }
    for record in records.iter().step_by(10) {
        rows.add(&[b"\x03", record.as_slice()].concat())?;
    }
    for frame in frames.iter().step_by(10) {
        rows.add(&[b"\x04", frame.as_slice()].concat())?;
    }
    // The first byte of a cache seed chooses: changes to a good file, with or without checksums that agree.
    for choice in [0, 2] {
        for at in (0..2_000_u16).step_by(16) {
            let [low, high] = at.to_le_bytes();
            cache.add(&[choice, low, high, 2, 0xff, low, high, 2, 1])?;
        }
    }
    for corpus in [&smiles, &sdf, &xyz, &rows, &cache] {
        println!("{}: {} seeds", corpus.folder.display(), corpus.written);
    }
    Ok(())
}

/// The files of a folder in the order of their names; none when it is absent.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A file, decompressed where its name says so.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text)?;
        return Ok(text);
    }
    Ok(bytes)
}

/// The lines of a file; none when it is absent.
fn lines(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(contents(path)?
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect())
}
