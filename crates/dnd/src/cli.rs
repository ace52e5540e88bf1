//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Denoise-and-distill: 3D knowledge for models that see SMILES only.
///
/// A 3D network learns to denoise conformers (pretrain), a 2D network learns its representation from the molecular graph
/// (distill), and only the 2D network is kept (finetune, predict, embed). `dnd quickstart` shows all of it in minutes.
#[derive(Debug, Parser)]
#[command(name = "dnd", version, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// No progress, no messages: errors only.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole method on the embedded data and write a report (start here).
    Quickstart(Quickstart),
    /// Step 1: train the 3D teacher to denoise conformers.
    Pretrain(Pretrain),
    /// Step 2: train the 2D student to give the frozen teacher's representation.
    Distill(Distill),
    /// The rival of step 2: train the student and a 3D network to recognise each other's molecules (contrastive).
    Contrast(Contrast),
    /// Step 3: train a student and a head on labels.
    Finetune(Finetune),
    /// Predict the targets of a fine-tuned model for every row of a file.
    Predict(Predict),
    /// Embed every row of a file with a student.
    Embed(Predict),
    /// Compare contenders on many data sets by a plan, or score predictions against labels.
    Evaluate(Evaluate),
    /// Ask what encoders know of 3D: attention against distances, distances from atom vectors.
    Geometry(Geometry),
    /// Write the graph features of every row of a file as JSON lines.
    Featurize(Featurize),
    /// Write the index lists of a random or scaffold split as JSON.
    Split(Split),
    /// Show a molecule (a SMILES or a record of a file) or what a model folder holds.
    Inspect(Inspect),
    /// Read weights of the original implementations into our names.
    Convert(Convert),
    /// Copy a trained model in half precision, without what only training needs.
    Export(Export),
    /// List, describe and export the embedded data; fetch public data sets.
    #[command(subcommand)]
    Data(Data),
}

/// What to do with a row that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// End at the first.
    Stop,
    /// Leave it out of the output, and count it.
    Skip,
    /// Answer it with its error.
    Report,
}

/// Where rows come from and go to.
#[derive(Debug, Args)]
pub(crate) struct Rows {
    /// Input file: .smi .csv .tsv .sdf .mol .xyz, each also .gz; `-` reads SMILES from standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Output file; `-` writes JSON lines to standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Column that holds the SMILES, for .csv and .tsv.
    #[arg(long, value_name = "NAME", default_value = "smiles")]
    pub(crate) smiles_column: String,
    /// What to do with a row that cannot be used.
    #[arg(long, value_enum, default_value = "report")]
    pub(crate) on_error: OnError,
}

/// `dnd quickstart`.
#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Folder for the report, the models and the logs.
    #[arg(short, long, value_name = "DIR", default_value = "runs/quickstart")]
    pub(crate) output: PathBuf,
    /// Seed of every random choice.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// What both runs on conformers take.
#[derive(Debug, Args)]
pub(crate) struct ConformerRun {
    /// Conformers: .sdf or the plain table of docs/DATA.md (.csv, .tsv), each also .gz; or one .sdf in a .tar.gz, with its
    /// --smiles-table. Repeat for several files.
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Table of the SMILES of an archive's records, in their order (PCQM4Mv2: data.csv.gz).
    #[arg(long, value_name = "FILE")]
    pub(crate) smiles_table: Option<PathBuf>,
    /// Column of the --smiles-table that holds the SMILES.
    #[arg(long, value_name = "NAME", default_value = "smiles")]
    pub(crate) smiles_column: String,
    /// Run folder.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Configuration; flags win over it.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Seed of every random choice.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Number of training steps of the whole run.
    #[arg(long)]
    pub(crate) steps: Option<u64>,
    /// Stop after this many steps of the run, as if interrupted; run again to resume.
    #[arg(long, value_name = "STEP")]
    pub(crate) stop_after: Option<u64>,
    /// Use at most this many records.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Conformers to validate on, as --input; without it the configuration's number of records is held out.
    #[arg(long, value_name = "FILE")]
    pub(crate) valid: Option<PathBuf>,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceKind::Cpu)]
    pub(crate) device: DeviceKind,
}

/// Where tensors live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceKind {
    /// The processor.
    Cpu,
    /// The first GPU; needs a program built with the feature `cuda`.
    Cuda,
}

/// `dnd pretrain`.
#[derive(Debug, Args)]
pub(crate) struct Pretrain {
    /// The run.
    #[command(flatten)]
    pub(crate) run: ConformerRun,
}

/// `dnd distill`.
#[derive(Debug, Args)]
pub(crate) struct Distill {
    /// The run.
    #[command(flatten)]
    pub(crate) run: ConformerRun,
    /// Run folder of the teacher.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) teacher: PathBuf,
    /// File that keeps what the teacher says of every conformer: made by the first run, read by later ones on the same data.
    #[arg(long, value_name = "FILE", requires = "valid")]
    pub(crate) teacher_cache: Option<PathBuf>,
    /// Loss: `graph` (D&D-Graph), `node` (D&D-Node) or `both`.
    #[arg(long)]
    pub(crate) loss: Option<String>,
}

/// `dnd finetune`.
#[derive(Debug, Args)]
pub(crate) struct Finetune {
    /// Table with SMILES and labels: .csv or .tsv, also .gz.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Column that holds the SMILES.
    #[arg(long, value_name = "NAME", default_value = "smiles")]
    pub(crate) smiles_column: String,
    /// Columns that hold the labels; an empty cell is a missing label.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    pub(crate) target_columns: Vec<String>,
    /// Kind of the labels; found out from the values when not given.
    #[arg(long, value_enum)]
    pub(crate) task: Option<TaskKind>,
    /// Run folder of the student to start from; from scratch when not given.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Run folder.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How to divide the table into train, valid and test.
    #[arg(long, value_enum, default_value = "scaffold")]
    pub(crate) split: SplitMethod,
    /// Configuration; flags win over it.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Seeds; one model is trained for each.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub(crate) seeds: Vec<u64>,
    /// Largest number of passes over the training part.
    #[arg(long)]
    pub(crate) epochs: Option<u64>,
}

/// Kind of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskKind {
    /// Numbers.
    Regression,
    /// 0 and 1.
    Binary,
}

/// `dnd predict` and `dnd embed`.
#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Input and output.
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Model folder.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Largest number of tokens (nodes and directed edges) in one batch.
    #[arg(long, default_value_t = 8192)]
    pub(crate) batch_tokens: usize,
}

/// `dnd contrast`.
#[derive(Debug, Args)]
pub(crate) struct Contrast {
    /// The run; it needs --config and --valid.
    #[command(flatten)]
    pub(crate) run: ConformerRun,
}

/// `dnd evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "\
With --plan: every contender of the plan on every set, seed and share of the labels. Runs that are in the output folder
already are not done again, so the command can be stopped and repeated. It writes runs.jsonl (one line for each run),
predictions/, report.md (tables and tests), gains.svg and shares-SET.svg. docs/RESULTS.md is such a report.

With --predictions and --labels: the metrics of one file of predictions.")]
pub(crate) struct Evaluate {
    /// Plan of a comparison, such as docs/recipes/moleculenet.toml.
    #[arg(long, value_name = "FILE.toml", requires_all = ["tables", "output"])]
    pub(crate) plan: Option<PathBuf>,
    /// Folder with the tables that the plan names.
    #[arg(long, value_name = "DIR", requires = "plan")]
    pub(crate) tables: Option<PathBuf>,
    /// Folder for runs, predictions and the report.
    #[arg(short, long, value_name = "DIR", requires = "plan")]
    pub(crate) output: Option<PathBuf>,
    /// Do the I-th of N parts of the runs, for several processes on one folder.
    #[arg(long, value_name = "I/N", requires = "plan", value_parser = shard, default_value = "1/1")]
    pub(crate) shard: (usize, usize),
    /// Do no runs: write the report of those that are done.
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
    /// Table with the labels, in the same order.
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

/// Reads `I/N`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/');
    let parts = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let is_part = |&(i, n): &(usize, usize)| (1..=n).contains(&i);
    parts
        .filter(is_part)
        .ok_or_else(|| "expected I/N with I from 1 to N, such as 1/4".to_string())
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
    /// Also look at each model's twin with random parameters of this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) untrained: Option<u64>,
    /// Use at most this many records.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Folder for geometry.json, geometry.md and heads.svg.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// `dnd featurize`.
#[derive(Debug, Args)]
pub(crate) struct Featurize {
    /// Input and output.
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Output format; JSON lines is the only one.
    #[arg(long, default_value = "jsonl")]
    pub(crate) format: String,
    /// Also write canonical_smiles, formula, exact_mass, ring_sizes, num_atoms and scaffold.
    #[arg(long)]
    pub(crate) properties: bool,
    /// Print what every feature column means, and stop.
    #[arg(long)]
    pub(crate) schema: bool,
}

/// How to divide a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitMethod {
    /// By Bemis-Murcko scaffold, largest groups first (DeepChem's procedure).
    Scaffold,
    /// At random, by seed.
    Random,
}

/// `dnd split`.
#[derive(Debug, Args)]
pub(crate) struct Split {
    /// Table with SMILES: .csv or .tsv, also .gz.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Output file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Column that holds the SMILES.
    #[arg(long, value_name = "NAME", default_value = "smiles")]
    pub(crate) smiles_column: String,
    /// How to divide.
    #[arg(long, value_enum, default_value = "scaffold")]
    pub(crate) method: SplitMethod,
    /// Shares of train, valid and test.
    #[arg(long, value_delimiter = ',', default_value = "0.8,0.1,0.1")]
    pub(crate) fractions: Vec<f64>,
    /// Seed of the random split.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// `dnd inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
How SUBJECT is understood:
  an existing folder or .safetensors file  a model: its configuration and its tensors
  the name of a model that ships           its card, its configuration and its tensors
  any other existing file                  a file of molecules (.mol .sdf .smi .csv .tsv .xyz, also .gz): record --record
  anything else                            a SMILES, with a name after a blank if you like

The features are those of OGB, as models read them; every number is shown as the word that it stands for.")]
pub(crate) struct Inspect {
    /// A SMILES, a file of molecules, or a model.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// Which record of a file of molecules, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) record: usize,
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

/// `dnd convert`.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Safetensors file with the original's parameter names.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Architecture config (JSON, as in a model folder's config.json).
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Model folder to write.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// `dnd export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Run folder of a teacher or a student.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Model folder to write.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Precision of the numbers.
    #[arg(long, value_enum, default_value = "f16")]
    pub(crate) dtype: Precision,
}

/// Precision of stored numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Half precision: what a model of a few megabytes is given away in.
    F16,
    /// Single precision.
    F32,
}

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
