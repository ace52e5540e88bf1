//! What can be said on the command line.

mod data;
mod finetune;
mod numbers;
mod predict;
mod rows;
mod serve;
mod study;
mod training;

use clap::{Parser, Subcommand};

pub(crate) use data::{Data, Prepare};
pub(crate) use finetune::{Finetune, Weights, Widths};
pub(crate) use predict::PredictTargets;
pub(crate) use rows::{Featurize, OnError, Predict, Rows, Split, SplitMethod};
pub(crate) use serve::{Index, Metric, Query, Search, Serve};
pub(crate) use study::{Evaluate, Geometry, Inspect};
pub(crate) use training::{
    ConformerRun, Contrast, Convert, DeviceKind, Distill, DistillPreset, Export, Precision,
    Pretrain, PretrainPreset, Quickstart, TaskKind,
};

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

    /// Messages and progress as JSON lines on standard error, for a program that reads them.
    #[arg(long, global = true, conflicts_with = "quiet")]
    pub(crate) json_messages: bool,
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
    /// Step 3: learn the columns of any table of molecules, with a report (`dnd finetune data.csv`).
    Finetune(Finetune),
    /// Predict the targets of a fine-tuned model for every row of a file.
    Predict(PredictTargets),
    /// Embed every row of a file with a student.
    Embed(Predict),
    /// Answer over HTTP: predictions, embeddings, neighbours, pictures, and a page to try them.
    Serve(Serve),
    /// Find the nearest neighbours of molecules in a library, by a model's embeddings.
    #[command(subcommand)]
    Search(Search),
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
    /// Say what this program and this machine are: version, features, threads, instruction sets, models.
    Doctor,
    /// Print a script that completes commands and flags in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual: a page for dnd and one for each command.
    Manual {
        /// Folder for the pages.
        #[arg(short, long, value_name = "DIR")]
        output: std::path::PathBuf,
    },
    /// List and export the embedded data; join files of conformers to one corpus.
    #[command(subcommand)]
    Data(Data),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
