//! Commands for data sets.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `dnd data`.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// What is embedded, and which public data sets are known.
    List,
    /// Write the embedded data set as CSV.
    Export {
        /// Output file; `-` is standard output.
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// Join files of conformers to one corpus: each molecule once, none of some tables' molecules, scaffolds held out.
    Prepare(Prepare),
}

/// `dnd data prepare`.
#[derive(Debug, Args)]
pub(crate) struct Prepare {
    /// Conformers: .sdf or the plain table of docs/DATA.md (.csv, .tsv), each also .gz. Repeat for several files; of
    /// equal molecules the first is kept.
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Tables of SMILES (.csv, .tsv) whose molecules are left out, and their components too. Repeat for several.
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude: Vec<PathBuf>,
    /// Column of those tables that holds the SMILES.
    #[arg(long, value_name = "NAME", default_value = "smiles")]
    pub(crate) smiles_column: String,
    /// Share of the scaffolds that goes into valid.csv.gz.
    #[arg(long, default_value_t = 0.02)]
    pub(crate) hold_out: f64,
    /// Seed of that draw and of the order of the records.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for train.csv.gz, valid.csv.gz and corpus.json.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}
