//! `dnd search`: nearest neighbours by embeddings.

mod hits;
mod index;
mod query;
mod vectors;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::cli::Search;
use crate::failure::{Failure, Outcome};

/// Makes an index, or asks one.
pub(crate) fn run(arguments: &Search, quiet: bool) -> Outcome {
    match arguments {
        Search::Index(arguments) => index::run(arguments, quiet),
        Search::Query(arguments) => query::run(arguments, quiet),
    }
}

/// Reads an index file.
pub(crate) fn read_index(path: &Path) -> Result<dd_search::Index, Failure> {
    let named =
        |error: &dyn std::fmt::Display| Failure::misuse(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| named(&error))?;
    dd_search::Index::read(&mut BufReader::with_capacity(1 << 20, file))
        .map_err(|error| named(&error))
}
