//! Recall and speed of a search by graph against the exact one, on an index that has both.
//!
//! ```console
//! $ dnd search index --input library.smi --model gin-128-node -o library.index
//! $ RAYON_NUM_THREADS=1 cargo run --release -p dd-benches --example search_recall -- library.index [queries]
//! ```
//!
//! Queries are vectors of the index, evenly spaced; each finds itself too, which both searches are then asked to pass over.
//! A neighbour counts as found when it is no farther than the last of the exact ones: equally far entries are equally right.

#![allow(clippy::print_stdout, reason = "the table is the result")]

use std::fs::File;
use std::io::BufReader;
use std::time::Instant;

use dd_search::{Index, Neighbour, Search};

type Failure = Box<dyn std::error::Error>;

const COUNT: usize = 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rest @ ..] = arguments.as_slice() else {
        return Err("give an index file".into());
    };
    let queries: usize = rest.first().map_or(Ok(1000), |text| text.parse())?;
    let start = Instant::now();
    let index = Index::read(&mut BufReader::with_capacity(1 << 20, File::open(file)?))?;
    println!(
        "{} entries, {} different vectors of {} numbers, read in {:.2} s",
        index.len(),
        index.num_distinct(),
        index.width(),
        start.elapsed().as_secs_f64()
    );
    let entries: Vec<usize> = (0..queries).map(|i| i * index.len() / queries).collect();
    let (exact, rate) = search(&index, &entries, Search::Exact)?;
    println!("| Search | Recall@{COUNT} | Queries/s |\n|---|---:|---:|");
    println!("| exact | 1 | {rate:.0} |");
    for ef in [16, 32, 64, 128, 256] {
        let (found, rate) = search(&index, &entries, Search::Graph { ef })?;
        let mut hits = 0;
        for (exact, found) in exact.iter().zip(&found) {
            let last = exact[COUNT - 1].distance;
            hits += found.iter().filter(|near| near.distance <= last).count();
        }
        let recall = hits as f64 / (COUNT * queries) as f64;
        println!("| graph, ef {ef} | {recall:.4} | {rate:.0} |");
    }
    Ok(())
}

/// The ten nearest of each entry but itself, and queries per second.
fn search(
    index: &Index,
    entries: &[usize],
    search: Search,
) -> Result<(Vec<Vec<Neighbour>>, f64), Failure> {
    let queries: Vec<f32> = entries
        .iter()
        .flat_map(|&entry| index.vector(entry).iter().copied())
        .collect();
    let start = Instant::now();
    let mut answers = index.nearest_each(&queries, COUNT + 1, search)?;
    let rate = entries.len() as f64 / start.elapsed().as_secs_f64();
    for (found, &entry) in answers.iter_mut().zip(entries) {
        let own = found.iter().position(|near| near.entry == entry);
        found.remove(own.unwrap_or(COUNT));
    }
    Ok((answers, rate))
}
