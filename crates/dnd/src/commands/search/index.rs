//! `dnd search index`: from a library to an index file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use dd_data::{Rows, read_vectors};
use dd_encoder2d::ModelFolder;
use dd_nn::write_atomically;
use dd_search::{GraphConfig, IndexConfig, Label, Metric, Origin};

use super::vectors::{Embedded, embed, label};
use crate::cli::{self, Index};
use crate::commands::rows::{open_rows, summarize};
use crate::failure::{Failure, Outcome};
use crate::output::{has_a_place, not_an_input};
use crate::progress::{Count, say};

/// Rows without an embedding that are named one by one.
const NAMED: usize = 10;
/// Largest difference between an embedding and the one in a file, relative to the largest entry.
const TOLERANCE: f32 = 1e-3;

/// Embeds or reads, builds, writes.
pub(crate) fn run(arguments: &Index, quiet: bool) -> Outcome {
    let start = Instant::now();
    let inputs = [Some(&arguments.input), arguments.vectors.as_ref()];
    has_a_place(&arguments.output)?;
    not_an_input(
        &arguments.output,
        inputs.into_iter().flatten().map(PathBuf::as_path),
    )?;
    let folder = ModelFolder::open(&arguments.model).map_err(Failure::misuse)?;
    let origin = Origin {
        model: arguments.model.display().to_string(),
        fingerprint: dd_serve::fingerprint(&folder).map_err(Failure::misuse)?,
    };
    let embedded = match &arguments.vectors {
        Some(path) => from_file(arguments, path)?,
        None => {
            let count = Count::open("embedding", quiet);
            let rows = open(arguments)?;
            let seen = |rows| count.at(rows);
            embed(rows, &arguments.model, arguments.batch_tokens, seen)?
        }
    };
    let metric = match arguments.metric {
        cli::Metric::Cosine => Metric::Cosine,
        cli::Metric::Euclidean => Metric::Euclidean,
    };
    let (labels, numbers, failed) = usable(embedded, metric, quiet);
    let rows = labels.len() as u64 + failed;
    let graph = !arguments.exact && labels.len() >= arguments.graph_from;
    let config = IndexConfig {
        metric,
        graph: graph.then_some(GraphConfig {
            degree: arguments.degree,
            ef_construction: arguments.ef_construction,
        }),
    };
    let count = Count::new("graph", labels.len(), quiet);
    let built = dd_search::Index::build(&numbers, labels, config, origin, &mut |done| {
        count.at(done);
    });
    drop(count);
    let index = built.map_err(Failure::misuse)?;
    let mut file = Vec::new();
    index.write(&mut file).map_err(Failure::work)?;
    write_atomically(&arguments.output, |out: &mut dyn std::io::Write| {
        out.write_all(&file)
    })
    .map_err(Failure::misuse)?;
    if !quiet {
        say(&format!(
            "{}: {} molecules, {} different vectors of {} numbers, {}, {:.1} MB, {:.1} s",
            arguments.output.display(),
            index.len(),
            index.num_distinct(),
            index.width(),
            if graph {
                "with a graph"
            } else {
                "searched exactly"
            },
            file.len() as f64 / 1e6,
            start.elapsed().as_secs_f64()
        ));
    }
    Ok(summarize(rows, failed, quiet))
}

fn open(arguments: &Index) -> Result<Rows, Failure> {
    open_rows(&arguments.input, arguments.smiles_column.as_deref())
}

/// The vectors of a file beside the rows that they were made from.
fn from_file(arguments: &Index, path: &Path) -> Result<Embedded, Failure> {
    let vectors = read_vectors(path).map_err(Failure::misuse)?;
    let mut embedded = Embedded::default();
    for row in open(arguments)? {
        let row = row.map_err(Failure::misuse)?;
        embedded.labels.push(label(&row));
        embedded.outcomes.push(row.molecule.map(|_| Vec::new()));
    }
    if embedded.labels.len() != vectors.nrows() {
        return Err(Failure::misuse(format!(
            "{} has {} rows, {} has {}",
            arguments.input.display(),
            embedded.labels.len(),
            path.display(),
            vectors.nrows()
        )));
    }
    let mut compared = false;
    for (at, outcome) in embedded.outcomes.iter_mut().enumerate() {
        let Ok(vector) = outcome else { continue };
        *vector = vectors.row(at).to_vec();
        // A row that fails for the model is NaN in the file.
        if !compared && vector.iter().all(|x| x.is_finite()) {
            same_model(arguments, path, at, &embedded.labels[at], vector)?;
            compared = true;
        }
    }
    Ok(embedded)
}

/// The model must say of row `at` what the file says.
fn same_model(
    arguments: &Index,
    path: &Path,
    at: usize,
    label: &Label,
    vector: &[f32],
) -> Result<(), Failure> {
    let rows = open(arguments)?.take(at + 1);
    let again = embed(rows, &arguments.model, arguments.batch_tokens, |_| ())?;
    let peak = vector.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let same = again.outcomes.get(at).is_some_and(|outcome| {
        outcome.as_ref().is_ok_and(|again| {
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * peak;
            again.len() == vector.len() && again.iter().zip(vector).all(close)
        })
    });
    if same {
        return Ok(());
    }
    Err(Failure::misuse(format!(
        "{}: row {} is not what {} says of {:?}: another model or other rows",
        path.display(),
        label.row,
        arguments.model.display(),
        label.input
    )))
}

/// Labels and numbers of the rows that have a vector with a place in the index, and how many have none. A vector of NaN is a
/// failed row of the file.
fn usable(embedded: Embedded, metric: Metric, quiet: bool) -> (Vec<Label>, Vec<f32>, u64) {
    let (mut labels, mut numbers, mut failed) = (Vec::new(), Vec::new(), 0);
    for (label, outcome) in embedded.labels.into_iter().zip(embedded.outcomes) {
        let reason = match outcome {
            Ok(vector) => match metric.refuses(&vector) {
                None => {
                    numbers.extend(vector);
                    labels.push(label);
                    continue;
                }
                Some(reason) => format!("its vector {reason}"),
            },
            Err(fault) => fault.message,
        };
        failed += 1;
        if failed <= NAMED && !quiet {
            say(&format!("row {} is left out: {reason}", label.row));
        }
    }
    (labels, numbers, failed as u64)
}
