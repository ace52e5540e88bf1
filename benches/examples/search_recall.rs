//! Recall and speed of a search by graph against the exact one, on an index that has both.
//!
//! ```console
//! $ dnd search index --input library.smi --model gin-128-node -o library.index
//! $ dnd search index --input others.smi --model gin-128-node -o others.index
//! $ RAYON_NUM_THREADS=1 cargo run --release -p dd-benches --example search_recall -- library.index others.index
//! ```
//!
//! The vectors of the second index are the queries: molecules that the first does not hold. A neighbour counts as found when
//! it is no farther than the last of the exact ones: equally far entries are equally right.

#![allow(clippy::print_stdout, reason = "the table is the result")]

use std::fs::File;
use std::io::BufReader;
use std::time::Instant;

use dd_search::{Index, Neighbour, Search};

type Failure = Box<dyn std::error::Error>;

const COUNT: usize = 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, others] = arguments.as_slice() else {
        return Err("give the index of a library and the index of other molecules".into());
    };
    let start = Instant::now();
    let index = read(library)?;
    println!(
        "{} entries, {} different vectors of {} numbers, read in {:.2} s",
        index.len(),
        index.num_distinct(),
        index.width(),
        start.elapsed().as_secs_f64()
    );
    let others = read(others)?;
    if others.origin().fingerprint != index.origin().fingerprint {
        return Err("the two indexes come from different models".into());
    }
    let vectors = (0..others.len()).flat_map(|entry| others.vector(entry).iter().copied());
    let queries: Vec<f32> = vectors.collect();
    let (exact, rate) = search(&index, &queries, Search::Exact)?;
    println!("| Search | Recall@{COUNT} | Queries/s |\n|---|---:|---:|");
    println!("| exact | 1 | {rate:.0} |");
    for ef in [16, 32, 64, 128, 256] {
        let (found, rate) = search(&index, &queries, Search::Graph { ef })?;
        let mut hits = 0;
        for (exact, found) in exact.iter().zip(&found) {
            let last = exact[COUNT - 1].distance;
            hits += found.iter().filter(|near| near.distance <= last).count();
        }
        let recall = hits as f64 / (COUNT * others.len()) as f64;
        println!("| graph, ef {ef} | {recall:.4} | {rate:.0} |");
    }
    Ok(())
}

fn read(file: &str) -> Result<Index, Failure> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(file)?);
    Ok(Index::read(&mut file)?)
}

/// The ten nearest of each query, and queries per second.
fn search(
    index: &Index,
    queries: &[f32],
    search: Search,
) -> Result<(Vec<Vec<Neighbour>>, f64), Failure> {
    let start = Instant::now();
    let answers = index.nearest_each(queries, COUNT, search)?;
    let rate = answers.len() as f64 / start.elapsed().as_secs_f64();
    Ok((answers, rate))
}
