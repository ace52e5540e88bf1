//! Commands that answer every row of a file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dd_nn::Precision;

use super::numbers::{positive, shard};

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
    /// Input file: .smi .csv .tsv .sdf .mol, each also .gz; `-` reads SMILES from standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Output file; `-` writes JSON lines to standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Column that holds the SMILES, for .csv and .tsv [default: the one whose name says so, or whose cells are SMILES].
    #[arg(long, value_name = "NAME")]
    pub(crate) smiles_column: Option<String>,
    /// What to do with a row that cannot be used.
    #[arg(long, value_enum, default_value = "report")]
    pub(crate) on_error: OnError,
}

/// `dnd predict` and `dnd embed`.
#[derive(Debug, Args)]
#[command(after_help = "\
The output's extension says its format: .jsonl .csv .tsv .npy .parquet. It appears when it is whole.
Memory does not grow with the input. A library too large for one machine is an array of jobs:

  dnd embed -i library.smi.gz -m gin-128-node -o vectors.parquet --shard 3/16 --skip-done")]
pub(crate) struct Predict {
    /// Input and output.
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Model: the run folder of `dnd finetune` or one of its `seed-N`, to embed also that of `dnd distill`, or the name of a model.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Largest number of tokens (atoms, directed bonds and two more for each molecule) in one batch.
    #[arg(long, default_value = "8192", value_parser = positive)]
    pub(crate) batch_tokens: usize,
    /// Answer the I-th of N parts of the rows (every N-th row), for an array of jobs; OUT.csv becomes OUT-I-of-N.csv.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    pub(crate) shard: (usize, usize),
    /// Write OUT.manifest.json at the end, and do nothing if it says that this very task is done: the same input, model,
    /// part and options.
    #[arg(long)]
    pub(crate) skip_done: bool,
    /// Compute in double precision: slower, with fewer rounding errors. Answers are written in single precision.
    #[arg(long, conflicts_with = "bf16")]
    pub(crate) double: bool,
    /// Round what dense layers multiply to bf16: faster for wide networks (1.7 times at 768 channels, 1.2 at 256) on
    /// processors with AVX-512 BF16 (`dnd doctor` tells), slower on others. Embeddings move by less than a hundredth of
    /// their spread in the mean.
    #[arg(long)]
    pub(crate) bf16: bool,
}

impl Predict {
    /// What to compute in.
    pub(crate) fn precision(&self) -> Precision {
        match (self.double, self.bf16) {
            (true, _) => Precision::Double,
            (_, true) => Precision::Bf16,
            _ => Precision::Single,
        }
    }
}

/// `dnd featurize`.
#[derive(Debug, Args)]
pub(crate) struct Featurize {
    /// Input file: .smi .csv .tsv .sdf .mol, each also .gz; `-` reads SMILES from standard input.
    #[arg(short, long, value_name = "FILE", required_unless_present = "schema")]
    pub(crate) input: Option<PathBuf>,
    /// Output file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Column that holds the SMILES, for .csv and .tsv [default: the one whose name says so, or whose cells are SMILES].
    #[arg(long, value_name = "NAME")]
    pub(crate) smiles_column: Option<String>,
    /// What to do with a row that cannot be used.
    #[arg(long, value_enum, default_value = "report")]
    pub(crate) on_error: OnError,
    /// Output format; JSON lines is the only one.
    #[arg(long, default_value = "jsonl")]
    pub(crate) format: String,
    /// Also write canonical_smiles, formula, exact_mass, ring_sizes, num_atoms and scaffold (null where what is left of
    /// a molecule is none).
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
    /// Input file: .smi .csv .tsv .sdf .mol, each also .gz; `-` reads SMILES from standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Output file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Column that holds the SMILES, for .csv and .tsv [default: the one whose name says so, or whose cells are SMILES].
    #[arg(long, value_name = "NAME")]
    pub(crate) smiles_column: Option<String>,
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
