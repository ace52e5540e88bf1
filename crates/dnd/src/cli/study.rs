//! Commands that look at models and molecules.

use std::path::PathBuf;

use clap::Args;

use super::TaskKind;
use super::numbers::shard;

/// `dnd evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "\
With --plan: every contender of the plan on every set, seed and share of the labels. Runs that are
in the output folder already are not done again, so the command can be stopped and repeated. It
writes runs.jsonl (one line for each run), predictions/, report.md (tables and tests), tests.json,
gains.svg and shares-SET.svg.

With --plan and --runs: the report of runs that somebody stored, without the tables.
docs/results/moleculenet is one, of

  dnd evaluate --plan docs/recipes/results.toml --runs docs/results -o docs/results/moleculenet

With --predictions and --labels: the metrics of one file of predictions.")]
pub(crate) struct Evaluate {
    /// Plan of a comparison, such as docs/recipes/moleculenet.toml.
    #[arg(long, value_name = "FILE.toml", requires = "output")]
    pub(crate) plan: Option<PathBuf>,
    /// Folder with the tables that the plan names.
    #[arg(long, value_name = "DIR", requires = "plan")]
    pub(crate) tables: Option<PathBuf>,
    /// Do no runs: write the report of those in the runs*.jsonl of this folder, whatever tables and models they had.
    #[arg(long, value_name = "DIR", requires = "plan", conflicts_with_all = ["tables", "shard", "report_only"])]
    pub(crate) runs: Option<PathBuf>,
    /// Folder for runs, predictions and the report.
    #[arg(short, long, value_name = "DIR", requires = "plan")]
    pub(crate) output: Option<PathBuf>,
    /// Only this contender of the plan, and those that it is tested against or chosen among. Repeat for several.
    #[arg(long, value_name = "NAME", requires = "plan")]
    pub(crate) only: Vec<String>,
    /// Do the I-th of N parts of the runs, for several processes on one folder.
    #[arg(long, value_name = "I/N", requires = "plan", value_parser = shard, default_value = "1/1")]
    pub(crate) shard: (usize, usize),
    /// Do no runs: write the report of those that are done with the present tables and models.
    #[arg(long, requires = "plan")]
    pub(crate) report_only: bool,
    /// Predictions, as `dnd predict` writes them (.csv).
    #[arg(
        short,
        long,
        value_name = "FILE",
        required_unless_present = "plan",
        conflicts_with = "plan"
    )]
    pub(crate) predictions: Option<PathBuf>,
    /// Table with the labels: the rows that a column `row` of the predictions counts, or else in the same order.
    #[arg(short, long, value_name = "FILE", required_unless_present = "plan")]
    pub(crate) labels: Option<PathBuf>,
    /// Columns to compare; they have the same names in both files.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        required_unless_present = "plan"
    )]
    pub(crate) target_columns: Vec<String>,
    /// Kind of the labels.
    #[arg(long, value_enum, default_value = "regression")]
    pub(crate) task: TaskKind,
}

/// `dnd geometry`.
#[derive(Debug, Args)]
pub(crate) struct Geometry {
    /// Conformers that no model learned from: .sdf or the plain table of docs/DATA.md, also .gz.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Model folder or name. Repeat for several.
    #[arg(short, long, value_name = "DIR", required = true)]
    pub(crate) model: Vec<PathBuf>,
    /// Also look at twins with random parameters of this seed, one for all models of a kind and size.
    #[arg(long, value_name = "SEED")]
    pub(crate) untrained: Option<u64>,
    /// Use at most this many records.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Folder for geometry.json, geometry.md and heads.svg.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// `dnd inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
How SUBJECT is understood:
  a folder or .safetensors .pt .pth .ckpt  a model: its configuration and its tensors
  the name of a model that ships           its card, its configuration and its tensors
  any other existing file                  a file of molecules (.mol .sdf .smi .csv .tsv .xyz, also .gz): record --record
  anything else                            a SMILES, with a name after a blank if you like

The features are those of OGB, as models read them; every number is shown as the word that it
stands for.")]
pub(crate) struct Inspect {
    /// A SMILES, a file of molecules, or a model.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// Which record of a file of molecules, counted from 0 [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) record: Option<usize>,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep hydrogens that are written as atoms; without it they are merged as RDKit does.
    #[arg(long)]
    pub(crate) keep_hydrogens: bool,
    /// Draw the molecule into this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write atom indices into the drawing.
    #[arg(long, requires = "svg")]
    pub(crate) indices: bool,
    /// One number per atom, shown as colours around zero: a file or a list, comma-separated or JSON.
    #[arg(
        long,
        value_name = "FILE|VALUES",
        requires = "svg",
        allow_hyphen_values = true
    )]
    pub(crate) colors: Option<String>,
}
