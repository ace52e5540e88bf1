//! The reference data beside the workspace, where it is present.
#![allow(clippy::print_stderr, reason = "a test that has less to check says so")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;

/// A path below `../shared`, or `None` with a line on standard error when it is absent.
pub(crate) fn path(below: &str) -> Option<PathBuf> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let path = root.join(below);
    if path.exists() {
        return Some(path);
    }
    eprintln!("{below} is not there; only the built-in cases are checked");
    None
}

/// Opens a file that may be gzipped.
pub(crate) fn open(path: &std::path::Path) -> Box<dyn BufRead> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(BufReader::new(GzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    }
}
