//! The tables of MoleculeNet: columns, tasks and metrics.
//!
//! Source: Wu et al., "MoleculeNet: a benchmark for molecular machine learning", Chem. Sci. 9, 513 (2018), table 1, and the
//! loaders of DeepChem (`deepchem/molnet/load_function`), which state the columns.

use std::path::Path;

use crate::error::Result;
use crate::file_dataset::{Columns, FileDataset};
use crate::table::TableReader;

/// Kind of labels of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Real numbers.
    Regression,
    /// 0 or 1, possibly missing.
    Classification,
}

/// Metric that MoleculeNet recommends, averaged over tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Root mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
    /// Area under the receiver operating characteristic.
    RocAuc,
    /// Area under the precision-recall curve.
    PrcAuc,
}

/// Which columns hold the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetColumns {
    /// These.
    Named(&'static [&'static str]),
    /// All but these.
    AllBut(&'static [&'static str]),
}

/// One table of MoleculeNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoleculeNet {
    /// Name in this workspace.
    pub name: &'static str,
    /// Name of the file at DeepChem's store.
    pub file: &'static str,
    /// Column with the SMILES.
    pub smiles_column: &'static str,
    /// Columns with the labels.
    pub targets: TargetColumns,
    /// Kind of labels.
    pub task: Task,
    /// Recommended metric.
    pub metric: Metric,
    /// Unit of the labels of a regression.
    pub unit: &'static str,
}

const fn classification(
    name: &'static str,
    file: &'static str,
    targets: TargetColumns,
) -> MoleculeNet {
    MoleculeNet {
        name,
        file,
        smiles_column: "smiles",
        targets,
        task: Task::Classification,
        metric: Metric::RocAuc,
        unit: "",
    }
}

const fn regression(
    name: &'static str,
    file: &'static str,
    targets: TargetColumns,
    metric: Metric,
    unit: &'static str,
) -> MoleculeNet {
    MoleculeNet {
        name,
        file,
        smiles_column: "smiles",
        targets,
        task: Task::Regression,
        metric,
        unit,
    }
}

use TargetColumns::{AllBut, Named};

/// The tables used by the paper and the rest of the usual set.
pub const MOLECULE_NET: [MoleculeNet; 13] = [
    regression(
        "esol",
        "delaney-processed.csv",
        Named(&["measured log solubility in mols per litre"]),
        Metric::Rmse,
        "log10(mol/l)",
    ),
    regression(
        "freesolv",
        "SAMPL.csv",
        Named(&["expt"]),
        Metric::Rmse,
        "kcal/mol",
    ),
    regression(
        "lipophilicity",
        "Lipophilicity.csv",
        Named(&["exp"]),
        Metric::Rmse,
        "log10(D)",
    ),
    MoleculeNet {
        smiles_column: "mol",
        ..classification("bace", "bace.csv", Named(&["Class"]))
    },
    classification("bbbp", "BBBP.csv", Named(&["p_np"])),
    classification(
        "clintox",
        "clintox.csv.gz",
        Named(&["FDA_APPROVED", "CT_TOX"]),
    ),
    classification("sider", "sider.csv.gz", AllBut(&["smiles"])),
    classification("tox21", "tox21.csv.gz", AllBut(&["smiles", "mol_id"])),
    classification("toxcast", "toxcast_data.csv.gz", AllBut(&["smiles"])),
    classification("hiv", "HIV.csv", Named(&["HIV_active"])),
    MoleculeNet {
        metric: Metric::PrcAuc,
        ..classification("muv", "muv.csv.gz", AllBut(&["smiles", "mol_id"]))
    },
    regression(
        "qm7",
        "qm7.csv",
        AllBut(&["smiles"]),
        Metric::Mae,
        "kcal/mol",
    ),
    regression("qm8", "qm8.csv", AllBut(&["smiles"]), Metric::Mae, "a.u."),
];

impl MoleculeNet {
    /// The table of a name, such as `esol`.
    pub fn named(name: &str) -> Option<&'static Self> {
        MOLECULE_NET.iter().find(|table| table.name == name)
    }

    /// Reads a copy of the table. A table that names its SMILES column `smiles` where DeepChem's says `mol` is read too.
    ///
    /// # Errors
    /// When the file cannot be read or lacks a column.
    pub fn read(&self, path: &Path) -> Result<FileDataset> {
        let table = TableReader::open(path)?;
        let has = |name: &str| table.columns().iter().any(|column| column == name);
        let smiles = if has(self.smiles_column) {
            self.smiles_column
        } else {
            "smiles"
        };
        let targets = match self.targets {
            Named(names) => names.iter().map(ToString::to_string).collect(),
            AllBut(names) => {
                let kept = table.columns().iter();
                kept.filter(|column| !names.contains(&column.as_str()))
                    .cloned()
                    .collect()
            }
        };
        let columns = Columns { id: None, targets };
        FileDataset::read_smiles_table(table, path, smiles, &columns)
    }
}
