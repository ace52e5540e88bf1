//! `dnd search query`: the molecules of an index that are nearest to others.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use dd_data::{Format, RowFault, RowOptions, Rows};
use dd_encoder2d::{BATCH_TOKENS, ModelFolder};
use dd_search::{Index, Search};

use super::hits::{Hit, Hits};
use super::read_index;
use super::vectors::embed;
use crate::cli::Query;
use crate::commands::rows::{open_rows, summarize};
use crate::failure::{Failure, Outcome};
use crate::output::{has_a_place, not_an_input};
use crate::progress::Count;

/// Embeds the queries and writes their neighbours.
pub(crate) fn run(arguments: &Query, quiet: bool) -> Outcome {
    if arguments.k == 0 {
        return Err(Failure::misuse("-k 0 asks for no neighbour"));
    }
    let inputs = [Some(&arguments.index), arguments.input.as_ref()];
    not_an_input(
        &arguments.output,
        inputs.into_iter().flatten().map(PathBuf::as_path),
    )?;
    has_a_place(&arguments.output)?;
    let index = read_index(&arguments.index)?;
    let model = model(arguments, &index)?;
    let count = Count::open("embedding", quiet);
    let mut embedded = embed(queries(arguments)?, &model, BATCH_TOKENS, |rows| {
        count.at(rows);
    })?;
    drop(count);
    for outcome in &mut embedded.outcomes {
        let refused = outcome.as_ref().ok();
        if let Some(reason) = refused.and_then(|vector| index.metric().refuses(vector)) {
            *outcome = Err(RowFault::new("vector", format!("its vector {reason}")));
        }
    }
    let search = match index.usual_search() {
        Search::Graph { .. } if !arguments.exact => Search::Graph { ef: arguments.ef },
        _ => Search::Exact,
    };
    let vectors: Vec<f32> = embedded
        .outcomes
        .iter()
        .flatten()
        .flatten()
        .copied()
        .collect();
    let found = index
        .nearest_each(&vectors, arguments.k, search)
        .map_err(Failure::work)?;
    let mut found = found.into_iter();
    let mut hits = Hits::create(&arguments.output)?;
    let mut failed = 0;
    for (query, outcome) in embedded.labels.iter().zip(&embedded.outcomes) {
        let missing = || Failure::work("a query was lost");
        match outcome {
            Ok(_) => {
                let neighbours = found.next().ok_or_else(missing)?;
                for (rank, neighbour) in (1..).zip(neighbours) {
                    let label = index.label(neighbour.entry);
                    hits.write(query, &Hit::found(rank, label, neighbour.distance))?;
                }
            }
            Err(fault) => {
                failed += 1;
                hits.write(query, &Hit::Failed(fault))?;
            }
        }
    }
    hits.finish()?;
    Ok(summarize(embedded.labels.len() as u64, failed, quiet))
}

/// The model that made the index: the one given, or the one that the index names.
fn model(arguments: &Query, index: &Index) -> Result<PathBuf, Failure> {
    let origin = index.origin();
    let path = arguments.model.clone();
    let path = path.unwrap_or_else(|| PathBuf::from(&origin.model));
    let folder = ModelFolder::open(&path).map_err(|error| {
        Failure::misuse(format!(
            "{}: made by {:?}: {error}; --model says where it is now",
            arguments.index.display(),
            origin.model
        ))
    })?;
    let fingerprint = dd_serve::fingerprint(&folder).map_err(Failure::misuse)?;
    if fingerprint == origin.fingerprint {
        return Ok(path);
    }
    Err(Failure::misuse(format!(
        "{} was made by {:?} with fingerprint {}, {} has {fingerprint}: its vectors are not comparable",
        arguments.index.display(),
        origin.model,
        origin.fingerprint,
        path.display()
    )))
}

fn queries(arguments: &Query) -> Result<Rows, Failure> {
    if let Some(input) = &arguments.input {
        return open_rows(input, arguments.smiles_column.as_deref());
    }
    if let Some(broken) = arguments.smiles.iter().find(|text| text.contains('\n')) {
        let fault = RowFault::new("syntax", "a SMILES on the command line is one line");
        return Err(Failure::misuse(format!("{broken:?}: {fault}")));
    }
    let lines: String = { arguments.smiles.iter() }
        .map(|smiles| format!("{smiles}\n"))
        .collect();
    let lines = Cursor::new(lines);
    Rows::from_reader(
        Box::new(lines),
        Path::new("the command line"),
        Format::Smi,
        RowOptions::GRAPH,
    )
    .map_err(Failure::misuse)
}
