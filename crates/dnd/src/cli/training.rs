//! Commands that make models.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

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

/// What all runs on conformers take.
#[derive(Debug, Args)]
pub(crate) struct ConformerRun {
    /// Conformers: .sdf or the plain table of docs/DATA.md (.csv, .tsv), each also .gz; or one .sdf in a .tar.gz, with its
    /// --smiles-table. Repeat for several files.
    #[arg(
        short,
        long,
        value_name = "FILE",
        required_unless_present = "print_config"
    )]
    pub(crate) input: Vec<PathBuf>,
    /// Table of the SMILES of an archive's records, in their order (PCQM4Mv2: data.csv.gz).
    #[arg(long, value_name = "FILE")]
    pub(crate) smiles_table: Option<PathBuf>,
    /// Column of the --smiles-table that holds the SMILES.
    #[arg(long, value_name = "NAME", default_value = "smiles")]
    pub(crate) smiles_column: String,
    /// Run folder.
    #[arg(
        short,
        long,
        value_name = "DIR",
        required_unless_present = "print_config"
    )]
    output: Option<PathBuf>,
    /// Configuration; flags win over it.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Print the configuration that the other flags make, for --config, and stop.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Seed of every random choice [default: the configuration's, or 0].
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Number of training steps of the whole run [default: the configuration's, or the preset's]; a schedule that ends with the configuration's run ends with this one, and a warm-up that would outlast it keeps its share.
    #[arg(long)]
    pub(crate) steps: Option<u64>,
    /// Stop after this many steps of the run, as if interrupted; run again to resume.
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stop_after: Option<u64>,
    /// Use at most this many records.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Conformers to validate on, as --input; without it pretrain and distill hold out the configuration's number of records,
    /// and contrast does not validate.
    #[arg(long, value_name = "FILE")]
    pub(crate) valid: Option<PathBuf>,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceKind::Cpu)]
    pub(crate) device: DeviceKind,
}

impl ConformerRun {
    /// The run folder; the command line has one unless it asks for the configuration alone.
    pub(crate) fn output(&self) -> &Path {
        self.output.as_deref().unwrap_or(Path::new(""))
    }
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
    /// Teacher to begin with: run folder, or the name of one that ships, et-128. Its network and atoms replace those of
    /// the configuration. Without it parameters are drawn.
    #[arg(short, long, value_name = "NAME|DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Configuration to begin with, where no --config is given.
    #[arg(long, value_enum, default_value = "tiny", conflicts_with = "config")]
    pub(crate) preset: PretrainPreset,
}

/// Teachers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PretrainPreset {
    /// 64 wide, 3 layers, 2,000 steps: minutes on two cores.
    Tiny,
    /// 128 wide, 4 layers, 2,000 steps.
    Small,
    /// 256 wide, 8 layers, 400,000 steps: the published recipe, for a GPU.
    Pcqm4mv2,
}

/// `dnd distill`.
#[derive(Debug, Args)]
pub(crate) struct Distill {
    /// The run.
    #[command(flatten)]
    pub(crate) run: ConformerRun,
    /// Run folder of the teacher, or the name of one that ships: et-128.
    #[arg(
        short,
        long,
        value_name = "NAME|DIR",
        required_unless_present = "print_config"
    )]
    teacher: Option<PathBuf>,
    /// File that keeps what the teacher says of every conformer: made by the first run, read by later ones on the same data.
    #[arg(long, value_name = "FILE", requires = "valid")]
    pub(crate) teacher_cache: Option<PathBuf>,
    /// Student to begin with: run folder or name, as for `dnd finetune`. Its network and features replace those of the
    /// configuration. Without it parameters are drawn.
    #[arg(short, long, value_name = "NAME|DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Loss: `graph` (D&D-Graph), `node` (D&D-Node) or `both`.
    #[arg(long)]
    pub(crate) loss: Option<String>,
    /// Configuration to begin with, where no --config is given.
    #[arg(long, value_enum, default_value = "tiny", conflicts_with = "config")]
    pub(crate) preset: DistillPreset,
}

impl Distill {
    /// The teacher; the command line has one unless it asks for the configuration alone.
    pub(crate) fn teacher(&self) -> &Path {
        self.teacher.as_deref().unwrap_or(Path::new(""))
    }
}

/// Students.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DistillPreset {
    /// TokenGT 64 wide, 3 layers, 2,000 steps: minutes on two cores.
    Tiny,
    /// TokenGT 256 wide, 2,000 steps of 1,024 molecules.
    #[value(name = "student-256")]
    Student256,
}

/// `dnd contrast`.
#[derive(Debug, Args)]
pub(crate) struct Contrast {
    /// The run.
    #[command(flatten)]
    pub(crate) run: ConformerRun,
}

/// Kind of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskKind {
    /// Numbers.
    Regression,
    /// 0 and 1.
    Binary,
}

/// `dnd convert`.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Weights with the original's parameter names: .pt, .pth, .ckpt of PyTorch, or .safetensors.
    ///
    /// Files of PyTorch are read without executing anything in them.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// What the weights are (JSON, as in a model folder's config.json). Without it the network is recognised by its
    /// tensors: pretrain-gnns (GIN, GCN, GraphSAGE, GAT), MolCLR (GCN, GIN), chemprop 2, and GIN with OGB's features. TokenGT
    /// and the equivariant transformer need it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Model folder to write.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// `dnd export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Run folder of a teacher or a student, or the name of one that ships.
    #[arg(short, long, value_name = "NAME|DIR")]
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
