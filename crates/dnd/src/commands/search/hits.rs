//! What a search found, as CSV or JSON lines: one row per query and neighbour, one for a query without an answer.

use std::io::{self, Write};
use std::path::Path;

use dd_data::RowFault;
use dd_data::output::{OutputError, OutputFile};
use dd_search::Label;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// The columns of a table.
const COLUMNS: [&str; 11] = [
    "row",
    "query",
    "status",
    "rank",
    "neighbour_row",
    "neighbour",
    "name",
    "distance",
    "error.kind",
    "error.message",
    "error.span",
];

/// One neighbour of a query, or why it has none.
pub(super) enum Hit<'a> {
    Found {
        rank: usize,
        label: &'a Label,
        distance: f32,
    },
    Failed(&'a RowFault),
}

impl<'a> Hit<'a> {
    pub(super) fn found(rank: usize, label: &'a Label, distance: f32) -> Self {
        Self::Found {
            rank,
            label,
            distance,
        }
    }
}

/// A file of hits.
pub(super) enum Hits {
    Table(Box<csv::Writer<OutputFile>>),
    Lines(OutputFile),
}

impl Hits {
    /// Opens the output; `-` is CSV on standard output.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let open = || OutputFile::create(path).map_err(Failure::misuse);
        if path == Path::new("-") {
            return Self::table(open()?);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("csv") => Self::table(open()?),
            Some("jsonl") => Ok(Self::Lines(open()?)),
            _ => Err(Failure::misuse(format!(
                "{}: hits are written as .csv or .jsonl",
                path.display()
            ))),
        }
    }

    fn table(out: OutputFile) -> Result<Self, Failure> {
        let mut table = csv::Writer::from_writer(out);
        table.write_record(COLUMNS).map_err(of_table)?;
        Ok(Self::Table(Box::new(table)))
    }

    /// Writes one row.
    pub(super) fn write(&mut self, query: &Label, hit: &Hit<'_>) -> Result<(), Failure> {
        match self {
            Self::Table(table) => { table.write_record(fields(query, hit)) }.map_err(of_table),
            Self::Lines(out) => writeln!(out, "{}", object(query, hit)).map_err(unwritten),
        }
    }

    /// Completes the file.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let file = match self {
            Self::Table(table) => table
                .into_inner()
                .map_err(|error| unwritten(error.into_error()))?,
            Self::Lines(out) => out,
        };
        file.complete().map_err(Failure::output)
    }
}

fn unwritten(error: io::Error) -> Failure {
    Failure::output(OutputError::io(Path::new("hits"), error))
}

fn of_table(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => unwritten(error),
        other => unwritten(io::Error::other(format!("{other:?}"))),
    }
}

fn fields(query: &Label, hit: &Hit<'_>) -> [String; COLUMNS.len()] {
    let mut fields: [String; COLUMNS.len()] = Default::default();
    fields[0] = query.row.to_string();
    fields[1].clone_from(&query.input);
    match hit {
        Hit::Found {
            rank,
            label,
            distance,
        } => {
            fields[2] = "ok".into();
            fields[3] = rank.to_string();
            fields[4] = label.row.to_string();
            fields[5].clone_from(&label.input);
            fields[6].clone_from(&label.name);
            fields[7] = distance.to_string();
        }
        Hit::Failed(fault) => {
            fields[2] = "error".into();
            fields[8] = fault.kind.into();
            fields[9].clone_from(&fault.message);
            let span = fault.span.as_ref();
            fields[10] = span.map_or_else(String::new, |at| format!("{}-{}", at.start, at.end));
        }
    }
    fields
}

fn object(query: &Label, hit: &Hit<'_>) -> Value {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.into(), value);
    set("row", json!(query.row));
    set("query", json!(query.input));
    match hit {
        Hit::Found {
            rank,
            label,
            distance,
        } => {
            set("status", json!("ok"));
            set("rank", json!(rank));
            set("neighbour_row", json!(label.row));
            set("neighbour", json!(label.input));
            set("name", json!(label.name));
            set("distance", json!(distance));
        }
        Hit::Failed(fault) => {
            set("status", json!("error"));
            set("error", json!(fault));
        }
    }
    Value::Object(object)
}
