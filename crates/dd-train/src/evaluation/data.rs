//! A data set of the plan, read and divided.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dd_data::{CountedRows, Dataset, Fractions, MoleculeNet, SkipReport, Split, Task};
use dd_encoder2d::{Target, TargetKind};
use dd_eval::Metric;
use dd_graph::FeaturizerConfig;
use dd_kernels::rng::Key;

use crate::error::{Result, TrainError};
use crate::evaluation::plan::SetPlan;
use crate::inputs::LabelledTable;
use crate::source::Labelled;

/// A table with its scaffold split.
pub(super) struct SetData {
    pub(super) targets: Vec<Target>,
    pub(super) split: Split,
    dataset: Arc<dyn Dataset>,
    table: LabelledTable,
    features: FeaturizerConfig,
}

/// What a contender learns from and is scored on.
pub(super) struct Parts {
    pub(super) train: Vec<Labelled>,
    pub(super) valid: Vec<Labelled>,
    pub(super) test: Vec<Labelled>,
    /// The table's rows behind the three parts.
    pub(super) rows: [Vec<usize>; 3],
}

impl SetData {
    /// Reads the table of a set and divides it 80:10:10 by scaffold, as DeepChem does.
    ///
    /// # Errors
    /// When the table cannot be read, a part of the split is empty, or the label of a class is neither 0 nor 1.
    pub(super) fn read(plan: &SetPlan, tables: &Path, features: &FeaturizerConfig) -> Result<Self> {
        let set = known(plan)?;
        let dataset: Arc<dyn Dataset> = Arc::new(set.read(&path(plan, tables))?);
        let table = LabelledTable::of(&dataset, features)?;
        let kind = match set.task {
            Task::Regression => TargetKind::Regression,
            Task::Classification => TargetKind::Binary,
        };
        let refused = |reason| TrainError::Table {
            path: dataset.path().to_path_buf(),
            reason,
        };
        if kind == TargetKind::Binary {
            classes(&table, dataset.target_names()).map_err(refused)?;
        }
        let split = Split::by_scaffold(&table.scaffolds, Fractions::MOLECULE_NET, CountedRows::All);
        for (part, rows) in [
            ("training", &split.train),
            ("validation", &split.valid),
            ("test", &split.test),
        ] {
            if rows.is_empty() {
                return Err(refused(format!(
                    "the {part} part of its scaffold split is empty; it has {} molecules",
                    table.scaffolds.iter().flatten().count()
                )));
            }
        }
        let target = |name: &String| Target {
            name: name.clone(),
            kind,
            unit: (kind == TargetKind::Regression).then(|| set.unit.to_string()),
        };
        Ok(Self {
            targets: dataset.target_names().iter().map(target).collect(),
            split,
            dataset,
            table,
            features: features.clone(),
        })
    }

    /// Features the same molecules for another encoder.
    ///
    /// # Errors
    /// When one of them has no such features: contenders must be scored on the same molecules.
    pub(super) fn featurized(&mut self, features: &FeaturizerConfig) -> Result<()> {
        if self.features == *features {
            return Ok(());
        }
        self.table = LabelledTable::of(&self.dataset, features)?;
        self.features = features.clone();
        let Split { train, valid, test } = &self.split;
        let mut rows = train.iter().chain(valid).chain(test);
        match rows.find(|&&row| self.table.select(&[row]).is_empty()) {
            None => Ok(()),
            Some(&index) => Err(TrainError::Record {
                index,
                reason: format!(
                    "{} has it, but it lacks the features of a contender: {}",
                    self.dataset.path().display(),
                    self.table.skipped.first().join("; ")
                ),
            }),
        }
    }

    /// Rows of the table that are in no part.
    pub(super) fn skipped(&self) -> &SkipReport {
        &self.table.skipped
    }

    /// Whether the labels are yes or no.
    pub(super) fn is_binary(&self) -> bool {
        self.targets
            .iter()
            .all(|target| target.kind == TargetKind::Binary)
    }

    /// The molecule of a row.
    pub(super) fn molecule(&self, row: usize) -> Result<dd_mol::Molecule> {
        Ok(self.dataset.get(row)?.molecule)
    }

    /// The parts, the training part cut to a share of it that the seed draws. Of one seed, a small share is inside a larger.
    pub(super) fn parts(&self, share: f64, seed: u64) -> Parts {
        let train = &self.split.train;
        let count = ((share * train.len() as f64).round() as usize).clamp(1, train.len());
        let order = Key::from_seed(seed).named("share").permutation(train.len());
        let mut places = order[..count].to_vec();
        places.sort_unstable();
        let train: Vec<usize> = places.into_iter().map(|place| train[place]).collect();
        let [valid, test] = [&self.split.valid, &self.split.test].map(Clone::clone);
        Parts {
            train: self.table.select(&train),
            valid: self.table.select(&valid),
            test: self.table.select(&test),
            rows: [train, valid, test],
        }
    }
}

/// Checks that every label is 0, 1 or missing.
fn classes(table: &LabelledTable, targets: &[String]) -> std::result::Result<(), String> {
    for row in 0..table.num_rows() {
        let labels = table.labels_of(row).into_iter().flatten();
        for (target, label) in targets.iter().zip(labels) {
            if !label.is_nan() && *label != 0.0 && *label != 1.0 {
                return Err(format!(
                    "row {row}, {target:?}: a class is 0 or 1, got {label}"
                ));
            }
        }
    }
    Ok(())
}

/// The metrics of a set: the first is the one that chooses and compares.
pub(super) fn metrics(is_binary: bool) -> [Metric; 2] {
    if is_binary {
        [Metric::RocAuc, Metric::AveragePrecision]
    } else {
        [Metric::Mae, Metric::Rmse]
    }
}

/// What is known of the set.
pub(super) fn known(plan: &SetPlan) -> Result<&'static MoleculeNet> {
    MoleculeNet::named(&plan.name)
        .ok_or_else(|| TrainError::config("sets.name", format!("no set '{}'", plan.name)))
}

/// Where its table is.
pub(super) fn path(plan: &SetPlan, tables: &Path) -> PathBuf {
    tables.join(&plan.file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use dd_graph::AtomTypeConfig;

    use super::super::PLAIN_FEATURES;
    use super::*;

    fn read(name: &str, text: &str) -> Result<SetData> {
        let folder = std::env::temp_dir().join(format!("dd-train-sets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = format!("{name}-{}.csv", text.len());
        std::fs::write(folder.join(&file), text).unwrap();
        let plan = SetPlan {
            name: name.into(),
            file: file.into(),
            seeds: None,
            epochs: None,
            shares: None,
        };
        SetData::read(&plan, &folder, &PLAIN_FEATURES)
    }

    fn fault(name: &str, text: &str) -> String {
        read(name, text).err().unwrap().to_string()
    }

    #[test]
    fn a_set_that_cannot_be_divided_is_refused() {
        let chains: String = (1..20)
            .map(|n| format!("{}O,{n}\n", "C".repeat(n)))
            .collect();
        let message = fault("freesolv", &format!("smiles,expt\n{chains}"));
        assert!(
            message
                .ends_with("the training part of its scaffold split is empty; it has 19 molecules"),
            "{message}"
        );
    }

    #[test]
    fn a_class_is_zero_or_one() {
        let message = fault("bbbp", "smiles,p_np\nCCO,1\nc1ccccc1,7\n");
        assert!(
            message.ends_with("row 1, \"p_np\": a class is 0 or 1, got 7"),
            "{message}"
        );
    }

    #[test]
    fn contenders_are_scored_on_the_same_molecules() {
        let rings: String = (3..23)
            .map(|n| format!("C1{}C1,{n}\n", "C".repeat(n)))
            .collect();
        let mut set = read("freesolv", &format!("smiles,expt\n*CCO,1\n{rings}")).unwrap();
        let count = |set: &SetData| set.parts(1.0, 0).rows.map(|rows| rows.len());
        assert_eq!(count(&set).iter().sum::<usize>(), 21);
        let lacks = set.featurized(&FeaturizerConfig::AtomType(AtomTypeConfig::heavy_atoms()));
        let message = lacks.unwrap_err().to_string();
        assert!(
            message.starts_with("record 0: ") && message.contains("contender"),
            "{message}"
        );
    }
}
