//! Commands around a running model: the server, and the search by embeddings.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::numbers::positive;

/// `dnd serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Model folder, run folder of `dnd finetune`, or the name of a model that ships. Repeat for several; requests that name none go to the first that
    /// can answer them.
    #[arg(short, long, value_name = "NAME|DIR", required = true)]
    pub(crate) model: Vec<PathBuf>,
    /// Share of molecules whose label lies in its interval, for run folders.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub(crate) coverage: f64,
    /// Index made by `dnd search index` with one of the models: neighbours at /v1/neighbours and on the page.
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// Port; 0 takes a free one and says which.
    #[arg(short, long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Address to listen at. The default is reached from this machine only; there are no users and no encryption.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// Nodes and directed edges of a batch.
    #[arg(long, value_name = "N", default_value = "8192", value_parser = positive)]
    pub(crate) batch_tokens: usize,
    /// Longest time that a molecule waits for others while its model is idle.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2)]
    pub(crate) max_wait: u64,
    /// Bytes of a request (413 beyond).
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub(crate) max_body: usize,
    /// Rows of a request (413 beyond).
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) max_rows: usize,
    /// Atoms of a molecule (its row has an error beyond).
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) max_atoms: usize,
    /// Molecules that wait for a model or run in it (503 beyond).
    #[arg(long, value_name = "N", default_value_t = 8192)]
    pub(crate) max_queue: usize,
    /// Time for a request (504 beyond).
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) timeout: u64,
}

/// `dnd search`.
#[derive(Debug, Subcommand)]
pub(crate) enum Search {
    /// Embed the molecules of a library and write the index of their vectors.
    Index(Index),
    /// Find the nearest molecules of an index.
    Query(Query),
}

/// The distance between embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    /// 1 - cosine.
    Cosine,
    /// Euclidean distance.
    Euclidean,
}

/// `dnd search index`.
#[derive(Debug, Args)]
pub(crate) struct Index {
    /// The library: .smi .csv .tsv .sdf .mol, each also .gz.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Column that holds the SMILES, for .csv and .tsv [default: the one whose name says so, or whose cells are SMILES].
    #[arg(long, value_name = "NAME")]
    pub(crate) smiles_column: Option<String>,
    /// Model that embeds: a folder, or the name of a model that ships.
    #[arg(short, long, value_name = "NAME|DIR")]
    pub(crate) model: PathBuf,
    /// Embeddings of the same rows by the same model, written by `dnd embed` to a .npy or .parquet file: nothing is embedded
    /// anew but the first row, to compare.
    #[arg(long, value_name = "FILE")]
    pub(crate) vectors: Option<PathBuf>,
    /// Index file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Distance.
    #[arg(long, value_enum, default_value = "cosine")]
    pub(crate) metric: Metric,
    /// No graph, whatever the size: every query is compared with every molecule.
    #[arg(long)]
    pub(crate) exact: bool,
    /// Libraries with fewer molecules get no graph.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) graph_from: usize,
    /// Neighbours of a node of the graph, M.
    #[arg(long, value_name = "M", default_value_t = 16)]
    pub(crate) degree: usize,
    /// Candidates while the graph is built, efConstruction.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) ef_construction: usize,
    /// Nodes and directed edges of a batch.
    #[arg(long, value_name = "N", default_value_t = 8192)]
    pub(crate) batch_tokens: usize,
}

/// `dnd search query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// Molecules to find neighbours of, as SMILES; or those of a file, by --input.
    #[arg(value_name = "SMILES", required_unless_present = "input")]
    pub(crate) smiles: Vec<String>,
    /// A file of them: .smi .csv .tsv .sdf .mol, each also .gz; `-` reads SMILES from standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with = "smiles")]
    pub(crate) input: Option<PathBuf>,
    /// Column that holds the SMILES, for .csv and .tsv [default: the one whose name says so, or whose cells are SMILES].
    #[arg(long, value_name = "NAME")]
    pub(crate) smiles_column: Option<String>,
    /// Index file.
    #[arg(long, value_name = "FILE")]
    pub(crate) index: PathBuf,
    /// The model that made the index, when it is no longer where it was.
    #[arg(short, long, value_name = "NAME|DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Neighbours of each molecule.
    #[arg(short, value_name = "K", default_value_t = 10)]
    pub(crate) k: usize,
    /// Compare with every molecule, also when there is a graph.
    #[arg(long)]
    pub(crate) exact: bool,
    /// Candidates of the walk through the graph: more find more, and take longer.
    #[arg(long, value_name = "N", default_value = "64", value_parser = positive, conflicts_with = "exact")]
    pub(crate) ef: usize,
    /// Output file, .csv or .jsonl; `-` writes CSV to standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
}
