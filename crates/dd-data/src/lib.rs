//! Files to records to seeded batches.
//!
//! A [`FileDataset`] (SMILES tables, tables of conformers, SD files) gives [`Record`]s; an [`ExampleMaker`] turns them into
//! [`Example`]s, kept in memory or in a [`Cache`] on disk; a [`Loader`] cuts those into batches whose order is a function of
//! (seed, epoch). [`Split`] says which record is for what. [`Rows`] answers every row of an input, for the programs.
//!
//! Use this crate to read data sets; do not use it to parse one molecule (`dd-mol`) or to make tensors (`dd-graph`).
//!
//! | Feature | Adds |
//! | --- | --- |
//! | `hub` | downloads of MoleculeNet, QM9 and PCQM4Mv2 (module `hub`) |

mod archive;
mod cache;
mod corpus;
pub mod embedded;
mod error;
mod example;
mod featurize;
mod file_dataset;
#[cfg(feature = "hub")]
pub mod hub;
mod loader;
mod molecule_net;
mod on_error;
mod ordered;
pub mod output;
mod paired;
mod part;
mod record;
mod rows;
mod source;
mod split;
mod survey;
mod table;
mod text;
mod vectors;
mod xyz_table;

pub use archive::visit_sdf_archive;
pub use cache::{Cache, CacheWriter, Description};
pub use corpus::{Corpus, CorpusConfig, CorpusReport, MoleculeSet, write_conformers};
pub use error::{DataError, Result, RowFault};
pub use example::{Example, ExampleMaker, ExampleSize, ExampleSource, Recipe};
pub use featurize::{examples, featurize};
pub use file_dataset::{Columns, FileDataset};
pub use loader::{Cost, Epoch, Loader, LoaderConfig};
pub use molecule_net::{MOLECULE_NET, Metric, MoleculeNet, TargetColumns, Task};
pub use on_error::{OnError, SkipReport};
pub use paired::{Agreement, PairReport, PairedArchive, PairedItems, is_archive};
pub use part::Part;
pub use record::{Dataset, Record, Subset};
pub use rows::{InputRow, RowOptions, Rows};
pub use source::{Format, ReadCount, open, open_counted};
pub use split::{CountedRows, Fractions, Split, scaffold_of};
pub use survey::{
    LabelColumn, LabelKind, LabelSurvey, SmilesColumn, Survey, is_missing, joined_names, yes_or_no,
};
pub use table::{TableReader, TableRow};
pub use vectors::{read_npy, read_vectors};
pub use xyz_table::{XyzCells, XyzRow};
