//! Any bytes are opened as a cache: an error or intact records, never a wrong one, and
//! no more memory than the file accounts for.
//!
//! The first byte chooses: the rest is changes to a good file, or a file; and whether the
//! checksums are put right afterwards, so that what lies behind them is reached.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use dd_data::{
    Cache, CacheWriter, Description, Example, ExampleMaker, ExampleSource, Recipe, Record,
};
use dd_graph::{Hydrogens, OgbConfig};
use dd_mol::smiles;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

/// Bytes of an index entry and of the foot.
const ENTRY: usize = 32;
const FOOT: usize = 56;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("dd-fuzz-cache-{}", std::process::id())));

/// A good cache and what is in it.
static GOOD: LazyLock<(Vec<u8>, Vec<Example>)> = LazyLock::new(good);

fn good() -> (Vec<u8>, Vec<Example>) {
    let graph = OgbConfig {
        hydrogens: Hydrogens::Keep,
        laplacian: Some(4),
        ..OgbConfig::smiles2graph()
    };
    let recipe = Recipe {
        graph: Some(graph.into()),
        points: None,
    };
    let maker = ExampleMaker::new(&recipe);
    let description = Description {
        recipe,
        target_names: vec!["y".to_owned()],
    };
    let mut writer = CacheWriter::create(&FILE, &description).expect("a temporary file");
    let mut examples = Vec::new();
    for (row, text) in ["C", "CCO", "c1ccccc1", "[Na+].[Cl-]"]
        .into_iter()
        .enumerate()
    {
        let record = Record {
            molecule: smiles::parse(text).expect("valid"),
            targets: vec![row as f64],
            id: text.to_owned(),
            row: row as u64,
        };
        let example = maker.make(&record).expect("features");
        writer.push(&example).expect("a temporary file");
        examples.push(example);
    }
    writer.finish().expect("a temporary file");
    (fs::read(&*FILE).expect("just written"), examples)
}

fuzz_target!(init: dd_fuzz::prepare(), |bytes: &[u8]| {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let changed = choice & 1 == 0;
    let resealed = choice & 2 != 0;
    let mut file = if changed {
        edited(&GOOD.0, rest)
    } else {
        rest.to_vec()
    };
    if resealed {
        file = sealed(file);
    }
    fs::write(&*FILE, &file).expect("a temporary file");
    // The index in memory, one record at a time, an error message.
    let room = (256 << 10) + 8 * file.len();
    dd_fuzz::limit(room);
    if let Ok(cache) = Cache::open(&FILE) {
        assert!(cache.len() * ENTRY <= file.len());
        for index in 0..cache.len() {
            let Ok(example) = cache.get(index) else {
                continue;
            };
            assert_eq!(example.size(), cache.size(index));
            assert!(
                !changed || resealed || GOOD.1[index] == example,
                "a wrong record"
            );
        }
        assert!(cache.get(cache.len()).is_err());
    }
    dd_fuzz::unlimited();
});

/// The good file with some bytes changed, or cut.
fn edited(good: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut file = good.to_vec();
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        match edit[2] % 4 {
            0 => file.truncate(at.max(1)),
            1 => file.insert(at % file.len(), edit[3]),
            _ => {
                let at = at % file.len();
                file[at] = edit[3];
            }
        }
    }
    file
}

/// The file with its magic words, its checksums and the offset of its index put right.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    if file.len() < 12 + FOOT {
        return file;
    }
    let foot = file.len() - FOOT;
    file[..8].copy_from_slice(b"DDCACHE1");
    file[foot + 48..].copy_from_slice(b"DDCACHE1");
    let head = 12 + u32::from_le_bytes(file[8..12].try_into().expect("four bytes")) as usize;
    let count = usize::from(file[foot + 8]);
    let Some(index) = foot
        .checked_sub(count * ENTRY)
        .filter(|index| *index >= head)
    else {
        return file;
    };
    file[foot..foot + 8].copy_from_slice(&(index as u64).to_le_bytes());
    file[foot + 8..foot + 16].copy_from_slice(&(count as u64).to_le_bytes());
    for entry in (index..foot).step_by(ENTRY) {
        let offset = u64::from_le_bytes(file[entry..entry + 8].try_into().expect("eight bytes"));
        let length =
            u32::from_le_bytes(file[entry + 8..entry + 12].try_into().expect("four bytes"));
        let offset = offset as usize;
        if let Some(record) = file.get(offset..offset.saturating_add(length as usize)) {
            let check: [u8; 32] = Sha256::digest(record).into();
            file[entry + 24..entry + 32].copy_from_slice(&check[..8]);
        }
    }
    let digest = Sha256::new()
        .chain_update(&file[..head])
        .chain_update(&file[index..foot])
        .finalize();
    file[foot + 16..foot + 48].copy_from_slice(&digest);
    file
}
